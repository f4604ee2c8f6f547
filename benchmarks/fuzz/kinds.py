# SPDX-License-Identifier: Apache-2.0
"""All kinds of chunks, by name, with how often each is drawn."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from benchmarks.fuzz import faults, motions
from benchmarks.fuzz.view import View
from vla_contract.action import ActionChunk

Maker = Callable[[View], ActionChunk]

KINDS: Mapping[str, tuple[float, Maker]] = MappingProxyType(
    {
        'smooth': (3, motions.smooth),
        'towards': (14, motions.towards),
        'wave': (3, motions.wave),
        'delta': (3, motions.delta),
        'velocity': (3, motions.velocity),
        'noisy': (3, motions.noisy),
        'jump': (3, motions.jump),
        'spike': (3, motions.spike),
        'backwards': (1, motions.backwards),
        'zigzag': (2, motions.zigzag),
        'fast': (3, motions.fast),
        'still': (1, motions.still),
        'one_row': (2, motions.one_row),
        'many_rows': (1, motions.many_rows),
        'into_limit': (3, motions.into_limit),
        'into_self': (7, motions.into_self),
        'line': (3, motions.line),
        'down': (4, motions.down),
        'into_thing': (4, motions.into_thing),
        'stretched': (2, motions.stretched),
        'turned': (2, motions.turned),
        'tool_delta': (3, motions.tool_delta),
        'flipping': (1, motions.flipping),
        'chatter': (2, motions.chatter),
        'no_number': (2, faults.no_number),
        'huge': (2, faults.huge),
        'tiny': (1, faults.tiny),
        'degrees': (1, faults.degrees),
        'misread': (3, faults.misread),
        'permuted': (2, faults.permuted),
        'misshapen': (2, faults.misshapen),
        'misnamed': (2, faults.misnamed),
        'misgripped': (2, faults.misgripped),
        'misturned': (2, faults.misturned),
        'bad_grid': (2, faults.bad_grid),
        'stale': (2, faults.stale),
        'future': (2, faults.future),
        'foreign': (2, faults.foreign),
    }
)
