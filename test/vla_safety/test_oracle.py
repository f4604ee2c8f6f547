# SPDX-License-Identifier: Apache-2.0
"""The fuzz campaign's oracle: it lets good motion pass, and catches each thing that must not be."""

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.fuzz import bodies, description, oracle, playback, record, sweep
from benchmarks.fuzz.bodies import Bodies
from benchmarks.fuzz.campaign import judge
from benchmarks.fuzz.oracle import Oracle
from benchmarks.fuzz.playback import evaluate
from benchmarks.fuzz.record import NS, Cycle, Fault, Record, Scene, Sent, Thing
from vla_contract.deployment import load_robot

Array = NDArray[np.float64]
ROBOT = Path(__file__).resolve().parents[2] / 'config' / 'robots' / 'sim_ur5e.yaml'
START_NS = 1_700_000_000 * NS
CYCLE_NS = 10_000_000
BALL = Thing('ball', 'sphere', (0.05,), (0.0, 0.0, 0.0))


def swing(by: float = 0.5, seconds: float = 1.5, joint: int = 0) -> Sent:
    """One joint from rest to rest, with points every 20 ms, the history of a message before."""
    robot = load_robot(ROBOT)
    t = np.arange(-0.1, seconds + 1e-9, 0.02)
    s = np.clip(t / seconds, 0, 1)[:, None]
    way = np.zeros(6)
    way[joint] = by
    return Sent(
        sent_ns=START_NS,
        names=robot.joint_names,
        times_ns=START_NS + np.round(t * NS).astype(np.int64),
        q=np.array(robot.home) + way * s**3 * (10 - 15 * s + 6 * s**2),
        v=way * 30 * s**2 * (1 - s) ** 2 / seconds,
        a=way * 60 * s * (1 - s) * (1 - 2 * s) / seconds**2,
        scene=0,
    )


def episode(sent: Sent, *things: Thing, seconds: float = 2.5) -> Record:
    """A controller that plays one message from the first cycle on."""
    times = START_NS + CYCLE_NS * np.arange(round(seconds * NS / CYCLE_NS), dtype=np.int64)
    commands = evaluate(sent, times + CYCLE_NS)[0]
    return Record(
        start=sent.q[0],
        kept_m=0.003,
        tool_speed=1.0,
        late=False,
        carried=None,
        scenes=[Scene(START_NS, things)],
        sent=[sent],
        cycles=[
            Cycle(int(time_ns), 0, command, 1.0, 0)
            for time_ns, command in zip(times, commands, strict=True)
        ],
        rest_by_ns=START_NS + 2 * NS,
    )


def checks(one: Record) -> set[str]:
    """What the oracle complains of."""
    robot = load_robot(ROBOT)
    pool = one.scenes[0].things
    return {v.check for v in Oracle(robot, Bodies(robot, ROBOT, pool)).judge(one, tails=(0,))}


def ahead(at: float, aside: float = 0.0) -> Thing:
    """A ball where the tool of the swing will be, or so far below it."""
    robot = load_robot(ROBOT)
    turn = np.array([at, 0, 0, 0, 0, 0])
    x, y, z = Bodies(robot, ROBOT).tool(np.array(robot.home) + turn)[0].tolist()
    return replace(BALL, position=(x, y, z - aside))


def test_good_motion_is_not_complained_about() -> None:
    """Else the campaign would say nothing."""
    assert checks(episode(swing())) == set()


@pytest.mark.parametrize(
    ('change', 'check'),
    [
        (lambda m: replace(m, v=m.v + np.eye(len(m.v))[-1][:, None] * 0.01), 'terminal'),
        (lambda m: replace(m, names=m.names[::-1]), 'message'),
        (lambda m: replace(m, times_ns=m.times_ns[::-1].copy()), 'message'),
        (lambda m: replace(m, q=np.where(m.q > 1.8, np.nan, m.q)), 'message'),
        (lambda m: replace(m, sent_ns=START_NS - NS), 'message'),
    ],
)
def test_a_bad_message_is_caught(change: Callable[[Sent], Sent], check: str) -> None:
    """Moving at its end, permuted, out of order, not finite, beginning too late."""
    assert check in checks(episode(change(swing())))


@pytest.mark.parametrize(
    ('by', 'seconds', 'joint', 'check'),
    [(2.6, 1.5, 5, 'velocity'), (0.4, 0.4, 0, 'acceleration'), (0.05, 0.12, 0, 'jerk')],
)
def test_a_rate_beyond_its_limit_is_caught(
    by: float, seconds: float, joint: int, check: str
) -> None:
    """By finite differences of what was commanded."""
    assert check in checks(episode(swing(by, seconds, joint)))


def test_a_step_is_caught() -> None:
    """A message that replaces another somewhere else."""
    first, second = swing(), swing()
    one = episode(first)
    moved = replace(second, q=second.q + 0.01)
    later = evaluate(moved, np.array([cycle.time_ns + CYCLE_NS for cycle in one.cycles]))[0]
    one.sent.append(moved)
    one.cycles[100:] = [
        replace(cycle, message=1, command=command)
        for cycle, command in zip(one.cycles[100:], later[100:], strict=True)
    ]
    assert {'velocity', 'acceleration'} & checks(one)


def test_a_command_that_is_not_the_message_is_caught() -> None:
    """The stand-in and the oracle's own playback must agree."""
    one = episode(swing())
    one.cycles[50] = replace(one.cycles[50], command=one.cycles[50].command + 1e-4)
    assert 'command' in checks(one)


def test_a_contact_is_caught_though_it_lies_between_samples_of_the_arm() -> None:
    """A ball in the middle of the way, and a pole as thin as a finger."""
    found = checks(episode(swing(), ahead(0.25)))
    assert 'collision' in found
    assert 'tail collision' in found
    pole = replace(ahead(0.25), kind='cylinder', size=(0.0025, 0.5))
    assert 'collision' in checks(episode(swing(), pole))


def test_what_comes_nearer_than_is_kept_is_caught() -> None:
    """Two millimetres where three are kept."""
    robot = load_robot(ROBOT)
    near = ahead(0.25, 0.2)
    model = Bodies(robot, ROBOT, [near])
    model.place([near])
    path = episode(swing()).cycles
    gap = min(clearance(model, cycle.command) for cycle in path)
    x, y, z = near.position
    assert 0.003 < gap < 0.3
    beside = replace(near, position=(x, y, z + gap - 0.002))
    assert checks(episode(swing(), beside)) & {'margin', 'collision'} == {'margin'}


def clearance(model: Bodies, q: Array) -> float:
    """To the ball [m]."""
    model.put(q, 1.0)
    return min(model.distance(pair) for pair in model.pairs if 'ball' in pair.names)


def test_a_tool_outside_its_workspace_is_caught() -> None:
    """It began inside."""
    assert 'workspace' in checks(episode(swing(2.0, 2.0), seconds=3.0))


def test_an_arm_that_does_not_come_to_rest_is_caught() -> None:
    """Half a second late."""
    one = episode(swing())
    one.rest_by_ns = START_NS + NS
    assert 'standstill' in checks(one)


def test_an_exception_is_a_fault() -> None:
    """Whatever the filter raises that is no refusal."""
    one = episode(swing())
    one.faults.append(Fault(START_NS, 'IndexError'))
    assert 'fault' in checks(one)


def test_a_gripper_beyond_its_range_is_caught() -> None:
    """Positions are its joint's."""
    one = episode(swing())
    one.gripper.append(0.5)
    assert 'gripper' in checks(one)


@pytest.mark.parametrize('module', [bodies, description, oracle, playback, record, sweep])
def test_the_oracle_shares_no_code_with_the_filter(module: object) -> None:
    """Nor with the simulator."""
    source = Path(str(getattr(module, '__file__', ''))).read_text(encoding='utf-8')
    imported = {
        name
        for node in ast.walk(ast.parse(source))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or '']
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not {name for name in imported if name.startswith(('vla_safety', 'vla_sim'))}


@pytest.mark.parametrize('index', range(3))
def test_a_few_episodes_of_the_campaign_are_clean(index: int) -> None:
    """A hundred chunks of all kinds; the campaign proper sends a hundred thousand."""
    outcome = judge((2024, index))
    assert outcome.violations == ()
    assert outcome.chunks == 40
