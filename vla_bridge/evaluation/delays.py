# SPDX-License-Identifier: Apache-2.0
"""How late things arrive in the process graph, for a loop in which nothing takes time by itself."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Delays:
    """On the way from one process to another.

    Rounded medians of the graph at work, with cameras and a recorder on two cores, as ``make bench
    NAME=delays`` measures them; pictures have to be decoded and made small as well.

    Attributes:
        joint_states_s: From a joint state's stamp until the filter and the policy have it [s].
        images_s: From the moment that pictures show until the policy has them [s].
        chunk_s: From an answer until the filter has the chunk [s].
        command_s: From a tick of the filter until the controller has its motion [s].
    """

    joint_states_s: float = 0.003
    images_s: float = 0.03
    chunk_s: float = 0.003
    command_s: float = 0.003


USUAL = Delays()
