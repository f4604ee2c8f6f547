# SPDX-License-Identifier: Apache-2.0
"""What this suite measures about itself; run with ``make bench``. None of it is a test."""
