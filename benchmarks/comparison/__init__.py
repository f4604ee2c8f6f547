# SPDX-License-Identifier: Apache-2.0
"""All heads, and all execution strategies, on one trunk, the same data and the same steps."""
