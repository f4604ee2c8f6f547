# SPDX-License-Identifier: Apache-2.0
"""What the campaign has seen so far, as figures and as a table."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from rich.table import Table

from benchmarks.kill.strikes import STOPPERS, Strike
from benchmarks.kill.verdict import GAP_S, Scene, Violation, standstill_s

SHOWN = 100
"""Violations that are kept with their details; all are counted."""

PHASES = ('until_motion', 'watching', 'restarting')


@dataclass(frozen=True)
class Struck:
    """How the arm moved when a node was struck.

    Attributes:
        speed: Of its fastest joint [rad/s].
        clearance_m: Least distance of what was planned from anything; NaN where unknown.
    """

    speed: float
    clearance_m: float


@dataclass
class Group:
    """Events that have something in common."""

    events: int = 0
    stops_s: list[float] = field(default_factory=list)
    violations: int = 0

    def figures(self) -> dict[str, object]:
        """As they are written down."""
        return {
            'events': self.events,
            'worst_standstill_s': _rounded(max(self.stops_s, default=0.0)),
            'violations': self.violations,
        }


class Tally:
    """Counts events."""

    def __init__(self) -> None:
        """None yet."""
        self.all = Group()
        self.by_node: dict[str, Group] = {}
        self.by_blow: dict[str, Group] = {}
        self.at_once: Counter[int] = Counter()
        self.kinds: Counter[str] = Counter()
        self.details: list[dict[str, object]] = []
        self.starved = 0
        self.gaps: list[dict[str, object]] = []
        self.stuck: list[str] = []
        self.spent_s: list[tuple[float, ...]] = []
        self.struck: list[Struck] = []

    def add(self, scene: Scene, violations: Iterable[Violation], struck: Struck) -> None:
        """Count one event."""
        found = list(violations)
        rest_s = standstill_s(scene.track, scene.struck_s)
        demanded = any(strike.stops_the_arm for strike in scene.strikes)
        for group in (self.all, *self._groups(scene.strikes)):
            group.events += 1
            group.violations += len(found)
            if demanded and rest_s is not None:
                group.stops_s.append(rest_s)
        self.at_once[len(scene.strikes)] += 1
        self.starved += scene.track.starved
        self._note_gaps(scene)
        self.struck.append(struck)
        for violation in found:
            self.kinds[violation.kind] += 1
            self._keep(scene, violation)

    def table(self) -> Table:
        """By node."""
        table = Table('struck', 'events', 'worst standstill [s]', 'violations')
        groups = {**self.by_node, **self.by_blow, 'all': self.all}
        for name, group in groups.items():
            worst = f'{max(group.stops_s):.3f}' if group.stops_s else ''
            table.add_row(name, str(group.events), worst, str(group.violations or ''))
        return table

    def figures(self) -> dict[str, object]:
        """As they are written down."""
        stops = self.all.stops_s
        return {
            'kills': self.all.events,
            'contacts': self.kinds['contact'],
            'worst_standstill_s': _rounded(max(stops, default=0.0)),
            'standstill_p50_s': _rounded(_median(stops)),
            'stops_demanded': len(stops) + self._without_rest(),
            'violations': sum(self.kinds.values()),
            'violations_by_kind': dict(self.kinds),
            'two_at_once': self.at_once[2],
            'speed_when_struck_p50': _rounded(_median([s.speed for s in self.struck])),
            'speed_when_struck_most': _rounded(max((s.speed for s in self.struck), default=0.0)),
            'clearance_when_struck_p50_m': _rounded(_median([s.clearance_m for s in self.struck])),
            'events_with_gaps_in_joint_states': self.starved,
            'spent_s': dict(zip(PHASES, self._mean_spent(), strict=False)),
            'put_home': len(self.stuck),
            'put_home_from': self.stuck[:SHOWN],
            'gaps': self.gaps,
            'by_node': {name: group.figures() for name, group in sorted(self.by_node.items())},
            'by_blow': {name: group.figures() for name, group in sorted(self.by_blow.items())},
            'details': self.details,
        }

    def _mean_spent(self) -> list[float]:
        return [_rounded(float(np.mean(phase))) for phase in zip(*self.spent_s, strict=True)]

    def _without_rest(self) -> int:
        return sum('never came to rest' in str(detail['text']) for detail in self.details)

    def _groups(self, strikes: tuple[Strike, ...]) -> list[Group]:
        groups = [self.by_node.setdefault(strike.node, Group()) for strike in strikes]
        blows = {str(strike.blow) for strike in strikes if strike.node in STOPPERS}
        return groups + [self.by_blow.setdefault(blow, Group()) for blow in sorted(blows)]

    def _note_gaps(self, scene: Scene) -> None:
        times = scene.track.times_s
        for at in np.flatnonzero(np.diff(times) > GAP_S):
            if len(self.gaps) < SHOWN:
                self.gaps.append(
                    {
                        'struck': ' and '.join(map(str, scene.strikes)),
                        'after_s': _rounded(float(times[at] - scene.struck_s)),
                        'lasted_s': _rounded(float(times[at + 1] - times[at])),
                    }
                )

    def _keep(self, scene: Scene, violation: Violation) -> None:
        if len(self.details) < SHOWN:
            self.details.append(
                {
                    'event': self.all.events,
                    'struck': ' and '.join(map(str, scene.strikes)),
                    'struck_s': round(scene.struck_s, 3),
                    'kind': violation.kind,
                    'text': violation.text,
                    'gaps_in_joint_states': scene.track.starved,
                }
            )


def _median(values: list[float]) -> float:
    """Of those that are known; 0 where none is."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.median(known)) if known else 0.0


def _rounded(value: float) -> float:
    return round(value, 4)
