# SPDX-License-Identifier: Apache-2.0
"""ROS: nodes, message codecs, controller adapters, launching and the command line."""
