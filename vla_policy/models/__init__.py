# SPDX-License-Identifier: Apache-2.0
"""What turns pictures, state and an instruction into a context for heads. Needs torch."""
