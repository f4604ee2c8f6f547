# SPDX-License-Identifier: Apache-2.0
"""What the simulated arm can be asked to do: one family of tasks a file."""
