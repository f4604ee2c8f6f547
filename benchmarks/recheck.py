# SPDX-License-Identifier: Apache-2.0
"""How long it takes to check the motion under way once more, when a thing has moved.

The arm of the benchmark ``vet`` follows chunks among its 20 boxes. After each tick one of them is
somewhere else: the news is taken (``scene``), the motion in execution is checked against it, its
braking tail included (``recheck``), and the whole look around is taken that a tick takes then
(``look``), which measures the distances to the nearest things as well.
"""

import gc
from dataclasses import replace

import numpy as np

from benchmarks.fuzz.record import Thing
from benchmarks.fuzz.rig import Rig
from benchmarks.vet import Times, a_chunk, armed_rig
from vla_safety.motion import NS, Motion

CHUNKS, TICKS, WARM_UP = 60, 12, 5
MOVED_M = 0.005
TARGET_P99_MS = 1.0


def rechecks() -> dict[str, object]:
    """Medians and 99th percentiles [ms], by wall clock and of the processor."""
    rng = np.random.default_rng(2)
    rig = armed_rig(rng)
    things = list(rig.record.scenes[-1].things)
    scene, recheck, look = Times(), Times(), Times()
    gc.collect()
    gc.disable()
    for index in range(WARM_UP + CHUNKS):
        if index == WARM_UP:
            scene, recheck, look = Times(), Times(), Times()
        chunk = a_chunk(rig, index, rng)
        rig.filter.on_chunk(chunk, rig.instant)
        for _ in range(TICKS):
            rig.run(2)
            number = int(rng.integers(len(things)))
            things[number] = _moved(things[number], rng)
            scene.measure(lambda: rig.see(things))
            executing, ahead_ns = _executing(rig)
            rest = executing.since(ahead_ns)
            found = recheck.measure(lambda rest=rest: rig.avoidance.find(rest))  # type: ignore[misc]
            look.measure(
                lambda whole=executing, ahead=ahead_ns: rig.avoidance.look(whole, ahead)  # type: ignore[misc]
            )
            if found is not None:
                raise RuntimeError('the benchmark means to measure a free way')
        while rig.filter.mode.moving:
            rig.run(2)
        rig.run(60)
    gc.enable()
    return {
        **recheck.figures('recheck_'),
        **look.figures('recheck_look_'),
        **scene.figures('recheck_scene_'),
        'rechecks': len(recheck.wall),
        'recheck_target_p99_ms': TARGET_P99_MS,
    }


def _moved(thing: Thing, rng: np.random.Generator) -> Thing:
    x, y, z = (np.array(thing.position) + rng.uniform(-MOVED_M, MOVED_M, 3)).tolist()
    return replace(thing, position=(x, y, z))


def _executing(rig: Rig) -> tuple[Motion, int]:
    """The motion in execution, and from when on it could still be changed."""
    if rig.filter.plan is None:
        raise RuntimeError('nothing is armed')
    ahead_ns = rig.now_ns + round(rig.robot.timing.lead_s * NS)
    return rig.filter.plan.executing, ahead_ns
