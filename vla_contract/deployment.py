# SPDX-License-Identifier: Apache-2.0
"""The deployment: a robot and a policy that fit each other, read and validated once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field

from vla_contract.compatibility import mismatches
from vla_contract.document import Document, Key, Lines, merge, read_mapping, validate
from vla_contract.errors import ContractError, ContractErrors
from vla_contract.policy import Policy
from vla_contract.robot import Name, Robot


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


@dataclass(frozen=True)
class Deployment:
    """A robot, a policy, and where they were read."""

    robot: Robot
    policy: Policy
    robot_path: Path
    policy_path: Path


DocumentT = TypeVar('DocumentT', bound=Document)


def load_robot(path: Path) -> Robot:
    """Read and validate a robot file alone."""
    return _load(Robot, path, {}, None)


def load_policy(path: Path) -> Policy:
    """Read and validate a policy file alone."""
    return _load(Policy, path, {}, None)


def load_deployment(path: Path) -> Deployment:
    """Read a deployment file with its robot and policy, and refuse any that do not fit."""
    value, lines = read_mapping(path)
    document = validate(DeploymentFile, value, path, lines)
    robot_path = _beside(path, document.robot, 'robot', lines)
    policy_path = _beside(path, document.policy, 'policy', lines)
    robot = _load(Robot, robot_path, document.robot_overrides, path)
    policy = _load(Policy, policy_path, document.policy_overrides, path)
    return match(robot, robot_path, policy, policy_path)


def match(robot: Robot, robot_path: Path, policy: Policy, policy_path: Path) -> Deployment:
    """Put a robot and a policy together, or raise every way in which they disagree."""
    found = mismatches(robot, str(robot_path), policy)
    if found:
        _, lines = read_mapping(policy_path)
        raise ContractErrors(
            [ContractError(str(policy_path), key, text, _line(lines, key)) for key, text in found]
        )
    return Deployment(robot, policy, robot_path, policy_path)


def _load(
    model: type[DocumentT], path: Path, changes: dict[str, Any], changed_in: Path | None
) -> DocumentT:
    """Read one document, with the overrides of a deployment laid over it."""
    value, lines = read_mapping(path)
    if not changes:
        return validate(model, value, path, lines)
    try:
        return validate(model, merge(value, changes), path, lines)
    except ContractErrors as errors:
        note = f' (with the overrides of {changed_in})'
        raise ContractErrors(
            [ContractError(e.source, e.key, e.problem + note, e.line) for e in errors.errors]
        ) from errors


def _beside(path: Path, name: str, key: str, lines: Lines) -> Path:
    """Resolve a file named in another one, relative to it."""
    found = (path.parent / name).resolve()
    if not found.is_file():
        raise ContractError(str(path), key, f'names {name}, which is not a file', lines.get((key,)))
    return found


def _line(lines: Lines, dotted: str) -> int | None:
    """Line of a dotted key, or of its nearest parent that has one."""
    key: Key = tuple(int(part) if part.isdigit() else part for part in dotted.split('.'))
    return next((lines[key[:n]] for n in range(len(key), 0, -1) if key[:n] in lines), None)
