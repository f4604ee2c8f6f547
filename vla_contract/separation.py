# SPDX-License-Identifier: Apache-2.0
"""Speed near people: figures of ISO 10218 and TS 15066 as configuration, not as certification."""

from typing import Annotated

from pydantic import Field

from vla_contract.document import Document
from vla_contract.fields import OptionalTopic, Positive

NotNegative = Annotated[float, Field(ge=0)]


class Separation(Document):
    """How fast the arm may be with a person this near. This is no rated safety function.

    The separation kept is that of TS 15066: what the person walks until the arm stands, what the
    arm moves until it brakes and while it brakes, and what nobody knows exactly.

    Attributes:
        topic: std_msgs/Float64 with the distance to the nearest person [m]; empty: nobody measures.
        max_age_s: Age of that distance beyond which nothing moves [s].
        person_speed: How fast people come nearer [m/s].
        reaction_s: From measuring a person to the first effect on the arm [s].
        deceleration: With which the tool is braked [m/s²].
        uncertainty: How wrong both positions may be, and how far a hand reaches beyond what is
            measured [m].
        reduced_speed: Of the tool while ``~/reduced_speed`` is on [m/s].
    """

    topic: OptionalTopic = ''
    max_age_s: Positive = 0.5
    person_speed: NotNegative = 1.6
    reaction_s: Positive = 0.2
    deceleration: Positive = 1.5
    uncertainty: NotNegative = 0.2
    reduced_speed: Positive = 0.25
