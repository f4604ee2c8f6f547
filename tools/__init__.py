# SPDX-License-Identifier: Apache-2.0
"""What builds this checkout; no part of the product, and in need of nothing but Python."""
