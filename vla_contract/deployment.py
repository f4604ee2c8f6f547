# SPDX-License-Identifier: Apache-2.0
"""The deployment: a robot and a policy that fit each other, read and validated once."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from vla_contract.compatibility import Mismatch, mismatches
from vla_contract.description import disagreements, find_description, read_description, read_xml
from vla_contract.document import Contradiction, Document, validate
from vla_contract.errors import ContractError, ContractErrors
from vla_contract.fields import Name
from vla_contract.other_arm import Neighbour, OtherArm, other_path
from vla_contract.overrides import lay_over
from vla_contract.policy import Policy
from vla_contract.robot import Robot
from vla_contract.yaml_file import Place, YamlFile, read_yaml, shown


class DeploymentFile(Document):
    """What a deployment file holds.

    Attributes:
        robot: Robot file, beside this one.
        policy: Policy file, beside this one.
        robot_overrides: Keys of the robot file with other values.
        policy_overrides: Keys of the policy file with other values.
    """

    robot: Name
    policy: Name
    robot_overrides: dict[str, Any] = Field(default_factory=dict)
    policy_overrides: dict[str, Any] = Field(default_factory=dict)


_KINDS: dict[str, type[Document]] = {'deployment': DeploymentFile, 'robot': Robot, 'policy': Policy}
_REMEDIES = {
    'deployment': 'give a deployment, which names a robot and a policy, or give both themselves, '
    'as in `vla check --robot FILE --policy FILE`',
    'robot': 'give one like config/robots/ur5e.yaml',
    'policy': 'give one like config/policies/hold.yaml',
}


@dataclass(frozen=True)
class Deployment:
    """A robot, a policy, and the files they were read from."""

    robot: Robot
    policy: Policy
    robot_file: YamlFile
    policy_file: YamlFile

    @property
    def robot_path(self) -> Path:
        """The robot file."""
        return self.robot_file.path

    @property
    def policy_path(self) -> Path:
        """The policy file."""
        return self.policy_file.path

    @property
    def urdf_path(self) -> Path:
        """The robot's URDF, or a ContractError where it is not on this machine."""
        return _description(self.robot.urdf, self.robot_path, Place(shown(self.robot_path), 'urdf'))

    @property
    def srdf_path(self) -> Path | None:
        """The robot's SRDF, None where it has none."""
        if not self.robot.srdf:
            return None
        return _description(self.robot.srdf, self.robot_path, Place(shown(self.robot_path), 'srdf'))

    @property
    def neighbours(self) -> tuple[Neighbour, ...]:
        """The other arms, each with its robot file."""
        return neighbours(self.robot, self.robot_path)

    @property
    def episode_path(self) -> Path | None:
        """The episode of a replaying policy, None for any other."""
        return self.policy_path.parent / self.policy.episode if self.policy.episode else None

    def refuse_policy(self, found: Iterable[Contradiction]) -> None:
        """Raise what contradicts the policy file, each at its key; return if nothing does."""
        errors = [self.policy_file.place(key).error(text) for key, text in found]
        if errors:
            raise ContractErrors(errors)


def load_robot(path: Path) -> Robot:
    """Read and validate a robot file alone, against its URDF where that is on this machine."""
    return _robot(read_yaml(path))


def neighbours(robot: Robot, robot_path: Path) -> tuple[Neighbour, ...]:
    """The other arms that a robot names, each with its robot file read."""
    paths = [other_path(robot_path, other.robot) for other in robot.others]
    robots = [validate(Robot, read_yaml(path)) for path in paths]
    return tuple(map(Neighbour, robot.others, robots, paths))


def load_policy(path: Path) -> Policy:
    """Read and validate a policy file alone."""
    return _policy(read_yaml(path))


def load_deployment(path: Path) -> Deployment:
    """Read a deployment file with its robot and policy, and refuse any that do not fit."""
    file = read_yaml(path)
    _refuse_another_kind(file, 'deployment')
    document = validate(DeploymentFile, file)
    found: list[ContractError] = []
    robot: Robot | None = None
    policy: Policy | None = None
    try:
        robot_file = _beside(file, document.robot, 'robot')
        robot = _robot(robot_file)
    except (ContractError, ContractErrors) as error:
        found.extend(error.errors)
    try:
        policy_file = _beside(file, document.policy, 'policy')
        policy = _policy(policy_file)
    except (ContractError, ContractErrors) as error:
        found.extend(error.errors)
    if robot is None or policy is None:
        raise ContractErrors(found)
    return _match(robot, robot_file, policy, policy_file)


def match(robot: Robot, robot_path: Path, policy: Policy, policy_path: Path) -> Deployment:
    """Put a robot and a policy together, or raise every way in which they disagree."""
    return _match(robot, _places(robot_path), policy, _places(policy_path))


def _match(robot: Robot, robot_file: YamlFile, policy: Policy, policy_file: YamlFile) -> Deployment:
    found = mismatches(robot, policy)
    if found:
        raise ContractErrors(_told(found, robot_file, policy_file))
    return Deployment(robot, policy, robot_file, policy_file)


def _told(
    found: Iterable[Mismatch], robot_file: YamlFile, policy_file: YamlFile
) -> Iterable[ContractError]:
    for key, robot_key, problem, remedy in found:
        other = robot_file.place(robot_key)
        yield policy_file.place(key).error(f'{problem} ({other}); {remedy}')


def _refuse_another_kind(file: YamlFile, wanted: str) -> None:
    """Say which kind of file was named by mistake, instead of every key that it lacks."""
    known = {kind: len(model.model_fields.keys() & file.value) for kind, model in _KINDS.items()}
    found = max(known, key=lambda kind: (known[kind], kind == wanted))
    if found != wanted:
        problem = f'is a {found} file, not a {wanted} file; {_REMEDIES[wanted]}'
        raise Place(shown(file.path)).error(problem)


def _robot(file: YamlFile) -> Robot:
    _refuse_another_kind(file, 'robot')
    robot = validate(Robot, file)
    urdf = find_description(robot.urdf, file.path)
    found: list[ContractError] = []
    if urdf is not None:
        try:
            description = read_description(urdf, file.place(('urdf',)))
            told = disagreements(robot, description)
            found.extend(file.place(key).error(problem) for key, problem in told)
        except ContractError as error:
            found.append(error)
    srdf = find_description(robot.srdf, file.path) if robot.srdf else None
    if srdf is not None:
        try:
            read_xml(srdf, file.place(('srdf',)))
        except ContractError as error:
            found.append(error)
    for index, other in enumerate(robot.others):
        found.extend(_other(other, file, index))
    if found:
        raise ContractErrors(found)
    return robot


def _other(other: OtherArm, file: YamlFile, index: int) -> Iterable[ContractError]:
    """What is wrong with the robot file of another arm, which is read when we are."""
    path = other_path(file.path, other.robot)
    if not _is_file(path):
        problem = f'names {other.robot}, which is not a file beside {shown(file.path)}'
        return (file.place(('others', index, 'robot')).error(problem),)
    try:
        read = read_yaml(path)
        _refuse_another_kind(read, 'robot')
        validate(Robot, read)
    except (ContractError, ContractErrors) as error:
        return error.errors
    return ()


def _policy(file: YamlFile) -> Policy:
    _refuse_another_kind(file, 'policy')
    policy = validate(Policy, file)
    if policy.episode and not _is_file(file.path.parent / policy.episode):
        problem = f'names {policy.episode}, which is not a file beside {shown(file.path)}'
        raise file.place(('episode',)).error(problem)
    return policy


def _beside(deployment: YamlFile, name: str, key: str) -> YamlFile:
    """The file that a deployment names, with the deployment's overrides laid over it."""
    path = deployment.path.parent / name
    if not _is_file(path):
        problem = f'names {name}, which is not a file beside {shown(deployment.path)}'
        raise deployment.place((key,)).error(problem)
    file = read_yaml(path.resolve())
    return lay_over(file, deployment, f'{key}_overrides')


def _places(path: Path) -> YamlFile:
    """Where the keys of a file stand; nowhere, for objects that were not read from one."""
    try:
        return read_yaml(path)
    except ContractError:
        return YamlFile(path, {}, {}, {})


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for this file system
        return False


def _description(uri: str, beside: Path, named_at: Place) -> Path:
    found = find_description(uri, beside)
    if found is None or not _is_file(found):
        raise named_at.error(
            f'names {uri}, which is not on this machine; source the workspace that installs it, '
            'or name a file'
        )
    return found
