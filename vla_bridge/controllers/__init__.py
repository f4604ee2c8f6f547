# SPDX-License-Identifier: Apache-2.0
"""What each kind of controller wants to be told, and how it is stopped."""
