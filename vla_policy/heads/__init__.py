# SPDX-License-Identifier: Apache-2.0
"""What turns a context into rows of actions. All but config.py needs torch."""
