# SPDX-License-Identifier: Apache-2.0
"""Takes the motion filter's checks out, one at a time, and sees that a test fails each time."""
