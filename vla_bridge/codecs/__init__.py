# SPDX-License-Identifier: Apache-2.0
"""Messages to numpy. Takes messages of rclpy and of rosbags alike, and imports neither."""
