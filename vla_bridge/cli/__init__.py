# SPDX-License-Identifier: Apache-2.0
"""The command `vla`, one module a subcommand."""
