# SPDX-License-Identifier: Apache-2.0
"""MoveIt as a collision checker and as an auditor. Imports it only when asked to."""
