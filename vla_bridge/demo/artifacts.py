# SPDX-License-Identifier: Apache-2.0
"""What a run leaves beside its bags: a video and a plot of each."""

import threading
from pathlib import Path

from vla_bridge.demo.outcome import Attempt, Outcome
from vla_bridge.demo.plot import draw_plot
from vla_bridge.demo.session import Plan
from vla_bridge.demo.trace import read_trace
from vla_bridge.demo.video import write_video
from vla_bridge.recording.episode import Episode
from vla_contract.deployment import Deployment
from vla_safety.kinematics import Kinematics
from vla_safety.limits import Limits


def limits_in_force(deployment: Deployment) -> Limits:
    """The tighter of URDF and robot file, as the safety node enforces them."""
    robot = deployment.robot
    kinematics = Kinematics(robot, deployment.urdf_path)
    return Limits.of(robot, kinematics.lower, kinematics.upper, kinematics.velocity)


def note_on(outcome: Outcome) -> str:
    """What a viewer has to know about arm and policy before being impressed."""
    arm = 'simulated arm · ' if outcome.simulated else ''
    cheats = ' (scripted, reads ground truth)' if outcome.ground_truth else ''
    return f'{arm}policy: {outcome.policy}{cheats}'


def draw(plan: Plan, outcome: Outcome, *, video: bool) -> list[Path]:
    """Draw every attempt that was recorded.

    Returns:
        The files, in the order in which a reader wants them.
    """
    limits = limits_in_force(plan.graph.deployment)
    files: list[Path] = []
    for index, attempt in enumerate(outcome.attempts):
        if attempt.messages:
            files += _draw_attempt(plan, outcome, index, attempt, limits, video=video)
    return files


def _draw_attempt(
    plan: Plan, outcome: Outcome, index: int, attempt: Attempt, limits: Limits, *, video: bool
) -> list[Path]:
    """The video in a thread of its own: its work is done outside the interpreter."""
    robot, suffix = plan.graph.deployment.robot, plan.suffix(index)
    film, plot = (plan.folder / f'{name}{suffix}.{kind}' for name, kind in _FILES)
    note = note_on(outcome)
    with Episode(plan.folder / attempt.bag) as episode:
        trace = read_trace(episode, robot)
        frames = []

        def shoot() -> None:
            frames.append(write_video(episode, robot, trace, (attempt.instruction, note), film))

        thread = threading.Thread(target=shoot, name='video')
        if video:
            thread.start()
        word = 'succeeded' if attempt.success else attempt.outcome.replace('_', ' ').lower()
        title = f'“{attempt.instruction}”: {word} after {attempt.duration_s:.1f} s'
        draw_plot(trace, limits, robot.collision, f'{title}\n{note} · seed {attempt.seed}', plot)
        if video:
            thread.join()
    return [film, plot] if frames and frames[0] else [plot]


_FILES = (('video', 'mp4'), ('plot', 'png'))
