# SPDX-License-Identifier: Apache-2.0
"""One run from start to verdict: asks a graph to carry out instructions, shows and keeps it."""
