# SPDX-License-Identifier: Apache-2.0
"""What builds this checkout; nothing here is part of the product, and nothing needs more than Python."""
