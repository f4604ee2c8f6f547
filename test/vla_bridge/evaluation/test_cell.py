# SPDX-License-Identifier: Apache-2.0
"""A policy in closed loop, the filter in between: what succeeds, and what is kept from harm."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from test.vla_bridge.evaluation import policies
from vla_bridge.evaluation import run
from vla_bridge.evaluation.cell import Cell, check
from vla_bridge.evaluation.outcome import Outcome
from vla_bridge.evaluation.suites import episode
from vla_bridge.resources import config_file
from vla_contract.deployment import Deployment, load_deployment, load_policy, load_robot, match
from vla_contract.errors import VlaError
from vla_policy.loading import load_policy_model
from vla_policy.policy import Policy

LATENCY_S = 0.05


def run_with(deployment: Deployment, policy: Policy, limit_s: float, number: int = 0) -> Outcome:
    """An episode of the demonstrated tasks, cut short."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, 'LIMIT_S', limit_s)
        return Cell(deployment, policy, LATENCY_S).run(episode('seen', 0, number))


@pytest.mark.parametrize('suite', ['seen', 'change'])
def test_the_demonstrator_succeeds_through_the_filter(deployment: Deployment, suite: str) -> None:
    """It is done in time, harms nothing, and an instruction that comes later is the one."""
    asked = episode(suite, 0, 1)
    outcome = Cell(deployment, load_policy_model(deployment), LATENCY_S).run(asked)
    assert outcome.success, outcome.reason
    last = asked.change.instruction if asked.change else asked.instruction
    assert outcome.instruction == last
    assert outcome.time_s is not None
    assert 2.0 < outcome.time_s < 12.0
    assert not outcome.collisions
    assert outcome.chunks > 10
    assert 1.0 < outcome.jerk < 50.0


def test_who_is_filmed_goes_the_same_way(deployment: Deployment) -> None:
    """Ten pictures a second, from before the instruction until after the end."""
    cell = Cell(deployment, policies.Diving(), LATENCY_S)
    asked = episode('seen', 0, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, 'LIMIT_S', 1.0)
        outcome = cell.run(asked)
        frames, filmed = cell.film(asked)
    assert replace(filmed, inference_ms=()) == replace(outcome, inference_ms=())
    assert len(frames) == pytest.approx(10 * (0.5 + outcome.duration_s + run.SETTLE_S), abs=2)
    assert frames[0].shape == (240, 320, 3)


def test_who_stays_and_says_done_has_not_done_it(deployment: Deployment) -> None:
    """The simulator judges, not the policy; what it says is noted."""
    outcome = run_with(deployment, policies.Still(), 1.0)
    assert outcome.reason == 'not done in time: nothing was moved'
    assert outcome.claims > 0
    assert outcome.claimed_s is not None
    assert outcome.time_s is None
    assert not outcome.interventions


@pytest.mark.parametrize(
    ('kind', 'words'),
    [(policies.Jumping, 'rejected SEAM_JUMP'), (policies.Diving, 'cut COLLISION')],
)
def test_nonsense_is_kept_from_harm(
    deployment: Deployment, kind: type[policies.Still], words: str
) -> None:
    """Jumps, and ways through the table: the filter steps in, and nothing is hit."""
    outcome = run_with(deployment, kind(), 4.0)
    assert not outcome.success
    assert outcome.interventions[words] > 2
    assert not [told for told in outcome.interventions if told.startswith('held')]
    assert outcome.intervened == sum(outcome.interventions.values())
    assert not outcome.collisions


def test_what_is_no_number_never_becomes_a_chunk(deployment: Deployment) -> None:
    """It is counted, and the policy is asked again."""
    outcome = run_with(deployment, policies.NoNumbers(), 2.0)
    assert outcome.reason == 'not done in time: no chunk was followed'
    assert outcome.errors > 1
    assert outcome.chunks == 0
    silent = run_with(deployment, policies.Speechless(), 2.0)
    assert silent.errors > 1


def test_a_policy_may_refuse(deployment: Deployment) -> None:
    """In its own words; nobody waits for it then."""
    outcome = run_with(deployment, policies.Refusing(), 20.0)
    assert outcome.reason.startswith('refused by the policy: what is "')
    assert outcome.duration_s < 1.0


def test_pictures_come_as_a_policy_wants_them(deployment: Deployment) -> None:
    """At its size, from both cameras, and with the time that they show."""
    path = config_file('demonstrations', 'policies')
    seeing = match(deployment.robot, deployment.robot_path, load_policy(path), path)
    looking = policies.Looking()
    run_with(seeing, looking, 1.5)
    seen = looking.seen
    assert len(seen) > 2
    for each in seen:
        assert {image.shape for image in each.images.values()} == {(128, 128, 3)}
        assert each.image_stamps_ns == dict.fromkeys(each.images, each.stamp_ns)
        assert each.stamp_ns % 50_000_000 == 0
    apart = np.diff([each.stamp_ns for each in seen])
    assert (apart > 200_000_000).all()  # asked again when a part of the rows is gone


def test_what_cannot_be_evaluated_is_refused() -> None:
    """A real arm, and one of two arms."""
    path = config_file('ur5e', 'robots')
    hold = config_file('hold', 'policies')
    with pytest.raises(VlaError, match='is a real robot'):
        check(match(load_robot(path), path, load_policy(hold), hold))
    with pytest.raises(VlaError, match='other arms beside it'):
        check(load_deployment(config_file('dual_left')))


def test_no_ros_is_needed() -> None:
    """Neither to evaluate nor to say what came of it."""
    code = (
        'import sys, vla_bridge.cli.main, vla_bridge.cli.evaluation_view;'
        'print([name for name in ("rclpy", "vla_control", "torch") if name in sys.modules])'
    )
    said = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == '[]'
