# SPDX-License-Identifier: Apache-2.0
"""What is to be evaluated, and what its results depend on."""

import hashlib
import json
import subprocess
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from vla_bridge.evaluation.delays import USUAL
from vla_bridge.evaluation.latency import Latency
from vla_bridge.filtering import TICK_HZ
from vla_contract.deployment import Deployment, load_deployment, load_policy, match
from vla_contract.errors import VlaError

VERSION = 1
"""Of what a seed means: another one makes other episodes."""
_DIGITS = 16
_CODE = (
    'vla_contract',
    'vla_policy',
    'vla_safety',
    'vla_sim',
    'vla_bridge/collision',
    'vla_bridge/evaluation',
    'vla_bridge/simulation',
    'vla_bridge/filtering.py',
)
_NOT_RUN = (
    'vla_policy/datasets',
    'vla_policy/training',
    'vla_sim/demonstrations',
    'vla_bridge/evaluation/campaign',
    'vla_bridge/evaluation/summary',
    'vla_bridge/evaluation/grid',
    'vla_bridge/evaluation/machine',
    'vla_bridge/evaluation/results',
)
"""Begin of what is there too, and no episode runs through."""


@dataclass(frozen=True)
class Order:
    """One policy, to be evaluated.

    Attributes:
        deployment: File of a deployment.
        policy: File of a policy in its place; None for the deployment's own.
        seed: Same seed, same episodes.
        latency: Simulated time that the policy takes.
        folder: Where results go.
        filmed: Episodes of each suite that are filmed, the first ones.
    """

    deployment: Path
    policy: Path | None
    seed: int
    latency: Latency
    folder: Path
    filmed: int = 0

    def at(self, latency: Latency) -> 'Order':
        """The same with another latency."""
        return replace(self, latency=latency)

    def load(self) -> Deployment:
        """The deployment with its policy."""
        return load(self.deployment, self.policy)

    def recipe(self) -> dict[str, object]:
        """What results depend on, beside suite and number."""
        return {**recipe(self.load(), self.seed), 'latency': asdict(self.latency)}


def load(deployment: Path, policy: Path | None) -> Deployment:
    """A deployment, with another policy where one is given.

    Raises:
        ContractErrors: They do not fit.
    """
    found = load_deployment(deployment)
    if policy is None:
        return found
    return match(found.robot, found.robot_path, load_policy(policy), policy)


def recipe(deployment: Deployment, seed: int) -> dict[str, object]:
    """What results depend on, beside suite, number and latency."""
    policy = deployment.policy
    checkpoint = deployment.policy_path.parent / policy.checkpoint if policy.checkpoint else None
    return {
        'version': VERSION,
        'seed': seed,
        'robot': _digest(deployment.robot.model_dump_json().encode()),
        'urdf': _digest_of(deployment.urdf_path),
        'srdf': _digest_of(deployment.srdf_path) if deployment.srdf_path else '',
        'policy': policy.name,
        'policy_file': _digest(policy.model_dump_json().encode()),
        'checkpoint': _digest_of(checkpoint) if checkpoint else '',
        'delays': asdict(USUAL),
        'tick_hz': TICK_HZ,
        'sources': sources(),
    }


@cache
def key(order: Order) -> str:
    """The same for orders of the same recipe, and for no other."""
    return _digest(json.dumps(order.recipe(), sort_keys=True).encode())


@cache
def sources() -> str:
    """Digest of the code that episodes run through, committed or not.

    A commit would say too little where files were changed since, and too much where others were.
    """
    here = Path(__file__).resolve().parents[2]
    found = hashlib.sha256()
    for name in _CODE:
        path = here / name
        for file in sorted(path.rglob('*.py')) if path.is_dir() else [path]:
            within = file.relative_to(here).as_posix()
            if not within.startswith(_NOT_RUN):
                found.update(within.encode())
                found.update(file.read_bytes())
    return found.hexdigest()[:_DIGITS]


def commit() -> str:
    """Of the code, ``-dirty`` where it was changed since; empty where it is not under git."""
    here = Path(__file__).resolve().parent
    try:
        said = subprocess.run(
            ['git', 'describe', '--always', '--dirty', '--abbrev=12', '--exclude=*'],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ''
    return said.stdout.strip()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_DIGITS]


def _digest_of(path: Path) -> str:
    """Of a checkpoint: a file, or a folder of files with their names."""
    files = sorted(each for each in path.rglob('*') if each.is_file()) if path.is_dir() else [path]
    found = hashlib.sha256()
    try:
        for file in files:
            found.update(file.relative_to(path.parent).as_posix().encode())
            found.update(file.read_bytes())
    except OSError as error:
        raise VlaError(f'{error.filename}: {error.strerror}') from error
    return found.hexdigest()[:_DIGITS]
