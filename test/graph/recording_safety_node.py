# SPDX-License-Identifier: Apache-2.0
"""The safety node, whose filter writes down everything that it is told, in order, to the last bit.

The file's name comes in the environment.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from vla_bridge.filtering import make_filter
from vla_bridge.lifecycle_node import run
from vla_bridge.nodes import safety_node
from vla_contract.deployment import Deployment
from vla_safety.avoidance import Avoidance
from vla_safety.filter import MotionFilter
from vla_safety.plain import to_plain

FILE = 'RECORDED_INPUTS'


def tapped_filter(
    deployment: Deployment, avoidance: Avoidance | None, file: TextIO
) -> MotionFilter:
    """The filter as ever, its ears tapped; what it tells itself is not written down."""
    found = make_filter(deployment, avoidance)
    within = False

    def tap(owner: Any, name: str, told: Callable[..., list[Any]]) -> None:  # noqa: ANN401
        method = getattr(owner, name)

        def tapped(*given: Any) -> Any:  # noqa: ANN401
            nonlocal within
            if within:
                return method(*given)
            file.write(json.dumps([name, told(*given)]) + '\n')
            within = True
            try:
                return method(*given)
            finally:
                within = False

        setattr(owner, name, tapped)

    def plain(*given: Any) -> list[Any]:  # noqa: ANN401
        return [to_plain(each) for each in given]

    tap(found.measured, 'update', lambda q, v, ns, now: [dict(q), dict(v), ns, to_plain(now)])
    tap(found.oversight.watch, 'heard', plain)
    tap(found.oversight.told, 'hear', lambda said, now: [dict(said()), to_plain(now)])
    for name in ('set_task', 'arm', 'on_chunk', 'tick', 'unsent'):
        tap(found, name, plain)
    for name in ('hold', 'protect', 'disarm', 'clock_jumped', 'emergency_stop', 'lost', 'refuse'):
        tap(found, name, lambda *given: [repr(given)])
    return found


def main() -> int:
    """Run the node."""
    with Path(os.environ[FILE]).open('w', encoding='utf-8') as file:

        def make(deployment: Deployment, avoidance: Avoidance | None) -> MotionFilter:
            return tapped_filter(deployment, avoidance, file)

        vars(safety_node)['make_filter'] = make
        return run(safety_node.SafetyNode)


if __name__ == '__main__':
    sys.exit(main())
