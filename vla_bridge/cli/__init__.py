# SPDX-License-Identifier: Apache-2.0
"""The command `vla`, one module a subcommand."""

import signal

from vla_bridge.starting import end_at_once

end_at_once(128 + signal.SIGINT, 'vla')
