# SPDX-License-Identifier: Apache-2.0
"""Messages of several streams → one time-consistent observation. Imports no rclpy."""
