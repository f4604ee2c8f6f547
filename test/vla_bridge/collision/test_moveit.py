# SPDX-License-Identifier: Apache-2.0
"""What is particular to MoveIt: its silence is broken, and its absence is an error."""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from test.vla_bridge.collision.backends import load_or_skip
from test.vla_bridge.collision.messages import own_messages
from test.vla_safety.collision.scenes import (
    NAMES,
    a_box,
    an_arm,
    boxes,
    home,
    random_postures,
    tool_point,
)
from vla_bridge.collision.installed import find_bindings
from vla_bridge.collision.moveit import MoveItChecker, load_moveit_checker
from vla_bridge.collision.planning_scene import MoveItScene
from vla_bridge.collision.read_back import refuse_missing
from vla_bridge.collision.to_moveit import attached_collision_object, collision_object
from vla_contract.errors import VlaError
from vla_safety.collision.assembly import assemble
from vla_safety.collision.embedded import EmbeddedChecker
from vla_safety.collision.objects import AttachedObject, SphereShape

POSTURES = 200


@pytest.fixture
def checker() -> MoveItChecker:
    """Of the simulated arm; skips where MoveIt is not installed."""
    found = load_or_skip('moveit and coal', an_arm())
    assert isinstance(found, MoveItChecker)
    return found


def a_planning_scene(objects: list[Any], attached: list[Any]) -> SimpleNamespace:
    """As much of moveit_msgs/PlanningScene as is read."""
    return SimpleNamespace(
        world=SimpleNamespace(collision_objects=objects),
        robot_state=SimpleNamespace(attached_collision_objects=attached),
    )


@pytest.mark.parametrize('module', ['moveit_msgs', 'moveit'])
def test_moveit_that_is_missing_is_an_error_that_says_what_to_install(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never the embedded checker in its place: the robot file asked for MoveIt."""
    monkeypatch.setitem(sys.modules, module, None)
    for name in [name for name in sys.modules if name.startswith(f'{module}.')]:
        monkeypatch.delitem(sys.modules, name)
    arm = an_arm()
    with pytest.raises(VlaError, match=r'ros-.*-moveit-py .*collision\.backend'):
        load_moveit_checker(arm.robot, arm.urdf, arm.srdf)


def test_scene_that_holds_what_it_was_given_is_believed() -> None:
    """The same objects, in any order."""
    messages = own_messages()
    objects = [collision_object(a_box(name, (1.0, 0.0, 0.0)), 'world', messages) for name in 'ab']
    ball = attached_collision_object(AttachedObject('c', SphereShape(0.1), 'tool0'), messages)
    refuse_missing(a_planning_scene(objects[::-1], [ball]), objects, [ball])


@pytest.mark.parametrize('kept', [0, 1, 3])
def test_scene_that_lacks_an_object_or_has_another_is_not_believed(kept: int) -> None:
    """MoveIt logs what it drops, and goes on; it might also still hold what was removed."""
    messages = own_messages()
    made = [collision_object(a_box(name, (1.0, 0.0, 0.0)), 'world', messages) for name in 'abc']
    with pytest.raises(VlaError, match='no verdict of it can be trusted'):
        refuse_missing(a_planning_scene(made[:kept], []), made[:2], [])


def test_object_on_another_link_than_asked_for_is_not_believed() -> None:
    """It would move with the wrong part of the arm."""
    messages = own_messages()
    asked, found = (
        attached_collision_object(AttachedObject('c', SphereShape(0.1), link), messages)
        for link in ('tool0', 'forearm_link')
    )
    with pytest.raises(VlaError, match='to forearm_link, not to tool0'):
        refuse_missing(a_planning_scene([], [found]), [], [asked])


def test_object_in_an_unknown_frame_is_dropped_and_noticed(checker: MoveItChecker) -> None:
    """The real planning scene says nothing when it drops an object."""
    bindings = find_bindings()
    scene = bindings.PlanningScene(checker.moveit.model, bindings.World())
    message = collision_object(a_box('crate', (1.0, 0.0, 0.0)), 'map', bindings.messages)
    scene.apply_collision_object(message)
    with pytest.raises(VlaError, match=r'given 1 primitives.* for crate and holds nothing'):
        refuse_missing(scene.planning_scene_message, [message], [])


class Forgetful:
    """A planning scene that takes no crates."""

    def __init__(self, scene: Any) -> None:  # noqa: ANN401 - MoveIt's
        """Everything else is done by a real one."""
        self._scene = scene

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - MoveIt's
        """Anything but what is defined here."""
        return getattr(self._scene, name)

    def apply_collision_object(self, message: Any) -> None:  # noqa: ANN401 - MoveIt's
        """Drop it without a word."""
        if message.id != 'crate':
            self._scene.apply_collision_object(message)


@pytest.mark.usefixtures('checker')
def test_scene_is_read_back_each_time_it_is_replaced() -> None:
    """An object that was dropped is an error of the call that brought it."""
    bindings, arms = find_bindings(), [an_arm()]
    forgetful = replace(bindings, PlanningScene=lambda *a: Forgetful(bindings.PlanningScene(*a)))
    scene = MoveItScene(forgetful, arms, assemble(arms))
    scene.build([a_box('box', (1.0, 0.0, 0.0))], [], frozenset())
    with pytest.raises(VlaError, match='holds nothing in the scene'):
        scene.build([a_box('crate', (1.0, 0.0, 0.0))], [], frozenset())


@pytest.mark.parametrize(
    ('damage', 'said'),
    [
        (('<box ', '<cube '), 'MoveIt lacks the shape'),
        (('<cylinder ', '<tube '), 'MoveIt lacks the shape'),
        (('xyz="0 0 0.1625"', 'xyz="0 0 0.1626"'), 'm apart in one posture'),
        (('<mimic ', '<mimic multiplier="0.9" '), 'm apart in one posture'),
    ],
)
@pytest.mark.usefixtures('checker')
def test_robot_that_moveit_reads_otherwise_is_refused_at_load(
    damage: tuple[str, str], said: str
) -> None:
    """As if it could not read a shape, or knew a joint to be elsewhere or to turn otherwise."""
    bindings, arms = find_bindings(), [an_arm()]
    assembly = assemble(arms)

    def read_damaged(urdf: str, srdf: str) -> Any:  # noqa: ANN401 - MoveIt's
        text = Path(urdf).read_text()
        assert damage[0] in text
        Path(urdf).write_text(text.replace(*damage))
        return bindings.RobotModel(urdf, srdf)

    with pytest.raises(VlaError, match=said):
        MoveItScene(replace(bindings, RobotModel=read_damaged), arms, assembly)


def test_base_frame_need_not_be_the_root() -> None:
    """A base that is turned by half a turn in the arm's foot: the scene turns with it."""
    arm = an_arm()
    turned = arm.robot.model_copy(update={'base_frame': 'base_link_inertia'})
    checker = load_or_skip('moveit and coal', replace(arm, robot=turned))
    assert isinstance(checker, MoveItChecker)
    checker.set_scene(boxes(10))
    verdicts = [
        (checker.moveit.is_free(posture), checker.coal.is_free(posture))
        for posture in random_postures(arm, checker.coal, POSTURES)
    ]
    assert all(theirs == ours for theirs, ours in verdicts)
    assert len(set(verdicts)) == 2


@pytest.mark.parametrize('name', NAMES)
def test_files_as_they_are_mean_the_same_to_moveit(name: str) -> None:
    """MoveIt's own reading of URDF and SRDF, as move_group has it, and ours: the same verdicts."""
    arm = an_arm(name)
    checker = load_or_skip('moveit and coal', arm)
    assert isinstance(checker, MoveItChecker)
    bindings = find_bindings()
    model = bindings.RobotModel(str(arm.urdf), str(arm.srdf))
    scene = bindings.PlanningScene(model, bindings.World())
    state = scene.current_state
    for posture in random_postures(arm, checker.coal, POSTURES):
        state.joint_positions = checker.moveit.positions(posture)
        state.update()
        free = not scene.is_state_colliding(state, '')
        assert checker.moveit.is_free(posture) == free, checker.contacts(posture)


def test_robot_without_srdf_is_judged_alike() -> None:
    """Neighbours may touch; MoveIt would hold them to be in collision for ever."""
    arm = replace(an_arm(), srdf=None)
    checker = load_or_skip('moveit and coal', arm)
    assert isinstance(checker, MoveItChecker)
    verdicts = [
        (checker.moveit.is_free(posture), checker.coal.is_free(posture))
        for posture in random_postures(arm, checker.coal, POSTURES)
    ]
    assert all(theirs == ours for theirs, ours in verdicts)
    assert len(set(verdicts)) == 2


def test_pairs_that_touch_are_named(checker: MoveItChecker) -> None:
    """By MoveIt, whose bindings do not name them, the same as by coal."""
    arm = an_arm()
    checker.set_scene([a_box('crate', tool_point(arm, np.array(arm.robot.home)), 0.1)])
    found = 0
    for posture in [home(checker.coal, arm), *random_postures(arm, checker.coal, 20)]:
        ours = {contact.pair for contact in checker.coal.contacts(posture)}
        assert set(checker.moveit.touching(posture)) == ours
        found += len(ours)
    assert found > 5


def test_checkers_that_disagree_do_not_let_the_arm_move(checker: MoveItChecker) -> None:
    """Whichever of the two has the crate: not free, and the contact says who is in it."""
    arm = an_arm()
    posture = home(checker.coal, arm)
    crate = [a_box('crate', tool_point(arm, np.array(arm.robot.home)), 0.1)]
    checker.set_scene(crate)
    seen_by_both = {contact.pair for contact in checker.contacts(posture)}
    checker.coal.set_scene([])
    assert not checker.is_free(posture)
    assert {contact.pair for contact in checker.contacts(posture)} == seen_by_both
    assert all(contact.distance_m == 0.0 for contact in checker.contacts(posture))
    checker.set_scene([])
    checker.coal.set_scene(crate)
    assert not checker.is_free(posture)
    assert {contact.pair for contact in checker.contacts(posture)} == seen_by_both


def test_verdict_is_of_moveit_and_distances_are_of_coal(checker: MoveItChecker) -> None:
    """Layout, radii, distances and clearances are those of the embedded checker."""
    arm = an_arm()
    coal = EmbeddedChecker(arm)
    scene = [a_box('crate', (0.6, 0.0, 0.2), 0.2)]
    checker.set_scene(scene)
    coal.set_scene(scene)
    posture = home(coal, arm)
    assert checker.layout == coal.layout
    assert checker.radii == pytest.approx(coal.radii)
    assert checker.clearance(posture) == coal.clearance(posture)
    nearest = coal.clearance(posture)
    assert nearest is not None
    assert checker.distance(posture, nearest.contact.pair) == pytest.approx(nearest.distance_m)
