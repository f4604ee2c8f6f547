# SPDX-License-Identifier: Apache-2.0
"""Colours that the plot and the video share, so that a state looks the same in both."""

STATES = {
    'UNCONFIGURED': '#969ca4',
    'DISARMED': '#969ca4',
    'ARMED': '#58a6ff',
    'ACTIVE': '#56c470',
    'SCALED': '#f2cc50',
    'HOLD': '#f2a65a',
    'PROTECTIVE_STOP': '#eb5757',
    'ESTOP': '#eb5757',
    'FAULT': '#eb5757',
}
"""By name of the safety node's state."""
UNKNOWN = '#969ca4'
"""Of a state with another name, or of none."""
