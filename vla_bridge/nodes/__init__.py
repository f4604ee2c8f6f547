# SPDX-License-Identifier: Apache-2.0
"""One module a node, each runnable alone with `ros2 run` or `python -m`."""

from vla_bridge.starting import end_at_once

end_at_once(0, '_node')
