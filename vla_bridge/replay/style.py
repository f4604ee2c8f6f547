# SPDX-License-Identifier: Apache-2.0
"""Colours of the picture of a refused chunk, the same in every part of it."""

ASKED = '#333333'
SENT = '#3b6fb6'
INTENDED = '#9db8dc'
REFUSED = '#d62728'
LIMIT = '#c98a1b'
WORKSPACE = '#4f9d69'
THING = '#b9a48c'
ARM = '#8c8c8c'
INK = '#333333'
FAINT = '#777777'
