# SPDX-License-Identifier: Apache-2.0
"""The motion filter: chunk in, verified trajectory out. Knows no ROS, model or simulator."""
