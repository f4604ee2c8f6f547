# SPDX-License-Identifier: Apache-2.0
"""From the answers of a policy to one motion: when to ask, and how answers join. No torch."""
