# SPDX-License-Identifier: Apache-2.0
"""The parts of sim_node: the simulated arm behind the topics and actions of real controllers."""
