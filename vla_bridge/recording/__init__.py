# SPDX-License-Identifier: Apache-2.0
"""Episodes on disk: rosbag2 folders (MCAP) with message definitions and the contract inside."""
