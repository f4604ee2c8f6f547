# SPDX-License-Identifier: Apache-2.0
"""How often the demonstrator carries out what it is told, over many scenes, without ROS."""

import argparse
import multiprocessing
from collections.abc import Sequence
from functools import cache

import numpy as np

from benchmarks.report import write
from vla_bridge.resources import config_file
from vla_contract.deployment import load_deployment
from vla_sim.demonstrator import Demonstrator
from vla_sim.rollout import Outcome, Rollout
from vla_sim.tasks.instruction import FAMILIES, draw_instruction

EPISODES = 200


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the episodes on all cores, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--episodes', type=int, default=EPISODES, help='how many scenes')
    parser.add_argument('--first-seed', type=int, default=0, help='seed of the first')
    options = parser.parse_args(arguments)
    seeds = range(options.first_seed, options.first_seed + options.episodes)
    with multiprocessing.get_context('spawn').Pool() as workers:
        outcomes = workers.map(episode, seeds, chunksize=5)
    failures = [
        f'seed {seed}: "{outcome.instruction}" {outcome.error}'.strip()
        for seed, outcome in zip(seeds, outcomes, strict=True)
        if not outcome.success
    ]
    write('demonstrator', figures(seeds, outcomes), notes='\n'.join(failures))


def episode(seed: int) -> Outcome:
    """One scene, one instruction."""
    return rollout().run(seed, draw_instruction(seed))


@cache
def rollout() -> Rollout:
    """The one of this process."""
    deployment = load_deployment(config_file('sim_demonstrator'))
    robot, path, policy = deployment.robot, deployment.robot_path, deployment.policy
    return Rollout(robot, path, policy, Demonstrator(robot, path, policy))


def figures(seeds: Sequence[int], outcomes: Sequence[Outcome]) -> dict[str, object]:
    """Success by family, and how the motion was."""
    found: dict[str, object] = {'episodes': len(outcomes), 'success': _success(outcomes)}
    for index, family in enumerate(FAMILIES):
        own = [o for s, o in zip(seeds, outcomes, strict=True) if s % len(FAMILIES) == index]
        found[f'success_{family}'] = _success(own)
    times = [outcome.success_s for outcome in outcomes if outcome.success]
    found['until_success_p50_s'] = float(np.median(times)) if times else None
    found['until_success_max_s'] = max(times, default=None)
    found['seam_max_rad'] = max(outcome.seam_rad for outcome in outcomes)
    found['velocity_share_max'] = max(outcome.velocity_share for outcome in outcomes)
    found['acceleration_share_max'] = max(outcome.acceleration_share for outcome in outcomes)
    return found


def _success(outcomes: Sequence[Outcome]) -> float | None:
    share = [outcome.success for outcome in outcomes]
    return float(np.mean(share)) if share else None


if __name__ == '__main__':
    main()
