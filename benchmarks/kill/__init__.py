# SPDX-License-Identifier: Apache-2.0
"""The kill campaign: nodes are killed, suspended and restarted while the arm is in motion."""
