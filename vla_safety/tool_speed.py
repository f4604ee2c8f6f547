# SPDX-License-Identifier: Apache-2.0
"""How fast the tool may be now: always, in reduced mode, and with a person near."""

import math
from dataclasses import dataclass

from vla_contract.separation import Separation
from vla_safety.motion import NS
from vla_safety.reasons import Finding, Reason


@dataclass(frozen=True)
class People:
    """What is known about people.

    Attributes:
        reduced: Reduced speed is switched on.
        distance_m: To the nearest person, as last measured; NaN where nobody measures [m].
        heard_ns: When it was measured, by the steady clock; None: never.
    """

    reduced: bool
    distance_m: float
    heard_ns: int | None


class ToolSpeedRule:
    """The least of all speeds allowed.

    Attributes:
        reduced: Reduced speed is switched on.
    """

    def __init__(self, most: float, separation: Separation) -> None:
        """Nobody has been measured yet.

        Args:
            most: Speed never to be exceeded [m/s].
            separation: What to keep from people.
        """
        self.reduced = False
        self._most = most
        self._rule = separation
        self._distance_m = math.nan
        self._heard_ns: int | None = None

    @property
    def distance_m(self) -> float:
        """To the nearest person, as last measured; NaN where nobody measures [m]."""
        return self._distance_m

    @property
    def people(self) -> People:
        """All that is remembered."""
        return People(self.reduced, self._distance_m, self._heard_ns)

    def recall(self, people: People) -> None:
        """Remember this instead."""
        self.reduced = people.reduced
        self._distance_m, self._heard_ns = people.distance_m, people.heard_ns

    def measured(self, distance_m: float, steady_ns: int) -> None:
        """The distance to the nearest person. What is no distance counts as no measurement."""
        if distance_m >= 0:
            self._distance_m, self._heard_ns = distance_m, steady_ns

    def finding(self, steady_ns: int) -> Finding | None:
        """Why nothing may move because of people, or None."""
        rule = self._rule
        if not rule.topic:
            return None
        if self._heard_ns is None:
            text = f'no distance to people has come on {rule.topic}'
            return Finding(Reason.PERSON_UNKNOWN, text)
        age_s = (steady_ns - self._heard_ns) / NS
        if age_s > rule.max_age_s:
            text = f'{rule.topic} is {age_s:.2f} s old, at most {rule.max_age_s:g} s'
            return Finding(Reason.PERSON_UNKNOWN, text)
        if self._beside_people() <= 0:
            text = f'a person is {self._distance_m:.2f} m away; {self.needed_m(0):.2f} m are needed'
            return Finding(Reason.PERSON_NEAR, text)
        return None

    def allowed(self) -> float:
        """Speed of the tool now [m/s]; only meaningful where finding() is None."""
        speeds = [self._most]
        if self.reduced:
            speeds.append(self._rule.reduced_speed)
        if self._rule.topic:
            speeds.append(self._beside_people())
        return max(0.0, min(speeds))

    def needed_m(self, speed: float) -> float:
        """Separation that a speed of the tool needs [m]."""
        rule = self._rule
        braking_s = speed / rule.deceleration
        walked = rule.person_speed * (rule.reaction_s + braking_s)
        return walked + speed * rule.reaction_s + speed * braking_s / 2 + rule.uncertainty

    def _beside_people(self) -> float:
        """The speed whose separation is just the distance measured [m/s]; below 0: none is."""
        rule = self._rule
        spare = self._distance_m - self.needed_m(0.0)
        if not spare > 0:
            return -1.0
        # needed_m(v) - needed_m(0) = v * linear + v² / (2 a)
        linear = rule.person_speed / rule.deceleration + rule.reaction_s
        return rule.deceleration * (math.sqrt(linear**2 + 2 * spare / rule.deceleration) - linear)
