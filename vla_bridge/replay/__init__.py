# SPDX-License-Identifier: Apache-2.0
"""Refused chunks once more, for people: as a table and as a picture."""
