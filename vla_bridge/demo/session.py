# SPDX-License-Identifier: Apache-2.0
"""A run in the simulator from start to verdict: graph, scene, recording, instruction, end."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rclpy.action.client import ClientGoalHandle
from rich.console import Console
from vla_control.action import Execute

from vla_bridge import topics
from vla_bridge.demo.monitor import Monitor, Usage
from vla_bridge.demo.outcome import Attempt, Outcome, folder_megabytes, sort_out
from vla_bridge.demo.screen import Screen
from vla_bridge.demo.view import View
from vla_bridge.launching.client import GraphClient
from vla_bridge.launching.complaints import Complaints
from vla_bridge.launching.domain import own_domain, users_domain
from vla_bridge.launching.graph import Graph
from vla_bridge.launching.interrupts import Interrupts
from vla_bridge.launching.process import program
from vla_bridge.launching.runner import Runner
from vla_contract.errors import VlaError

GRACE_S = 15.0
"""How much longer than its own timeout an action may take to answer."""
RECORDS_WITHIN_S = 10.0
VERDICT_S = 0.5
"""Recorded beyond the end, so that the last frames show it."""

HELD = 'HELD'
OUTCOMES = {
    getattr(Execute.Result, name): name
    for name in (
        'SUCCEEDED',
        'TIMEOUT',
        'CANCELED',
        'PREEMPTED',
        'SAFETY_STOP',
        'REJECTED',
        'POLICY_LOST',
    )
}


@dataclass(frozen=True)
class Plan:
    """What to run.

    Attributes:
        graph: The nodes, recorder included.
        title: What it is, for the screen.
        instructions: One after the other, each in a scene of its own.
        seed: Of the first scene; the next ones count on.
        timeout_s: For each instruction.
        folder: Everything the run leaves goes here.
        held_s: So long after an obstacle first held the arm back, the attempt is over and has
            shown what it should. None: the instruction has to be carried out.
    """

    graph: Graph
    title: str
    instructions: tuple[str, ...]
    seed: int
    timeout_s: float
    folder: Path
    held_s: float | None = None

    def suffix(self, index: int) -> str:
        """Tells the files of several instructions apart."""
        return '' if len(self.instructions) == 1 else f'-{index + 1}'


class Session:
    """One run. Everything it started has stopped when ``run`` returns or raises."""

    def __init__(self, plan: Plan, console: Console, interrupts: Interrupts) -> None:
        """Prepare to run; nothing is started yet."""
        names = tuple(node.name for node in plan.graph.nodes if program(node) is not None)
        self.plan, self._interrupts = plan, interrupts
        self._screen = Screen(plan.title, plan.graph.deployment.robot, names)
        self._view = View(console, names, self._screen.snapshot)
        self._runner: Runner | None = None
        self._began = time.monotonic()

    def run(self) -> Outcome:
        """Carry out the plan."""
        policy, robot = self.plan.graph.deployment.policy, self.plan.graph.deployment.robot
        outcome = Outcome(
            date=datetime.now().astimezone().isoformat(timespec='seconds'),
            robot=robot.name,
            policy=policy.name,
            simulated=robot.simulated,
            ground_truth=policy.ground_truth,
        )
        nodes = self.plan.graph.nodes
        with ExitStack() as stack:
            chosen_by_user = users_domain() is not None
            domain = stack.enter_context(own_domain())
            self._screen.title = f'{self.plan.title} · domain {domain}'
            stack.enter_context(self._view)
            client = stack.enter_context(GraphClient(pulse=self._pulse))
            if chosen_by_user:
                self._screen.step = f'looking whether ROS domain {domain} is free'
                client.refuse_neighbours(nodes)
            runner = Runner(nodes, self.plan.folder / 'log', self._say, hurry=self._hurry)
            self._runner = stack.enter_context(runner)
            self._drive(client, outcome, runner)
            client.disarm()
            self._screen.step = 'stopping the nodes in order'
        outcome.exits = {ending.name: ending.code for ending in runner.endings}
        outcome.clean = runner.clean
        return outcome

    def _drive(self, client: GraphClient, outcome: Outcome, runner: Runner) -> None:
        """Everything between the start and the stop of the nodes."""
        screen, nodes = self._screen, self.plan.graph.nodes
        usage = Usage({process.spec.name: process.popen.pid for process in runner.processes})
        screen.step, screen.usage = 'waiting for the nodes', usage
        client.wait_active(nodes, screen.states.update)
        outcome.ready_s = round(time.monotonic() - self._began, 3)
        screen.monitor = monitor = Monitor(client.node, screen.robot)
        screen.complaints = complaints = Complaints(client.node)
        before, moved_s = usage.cpu_s(), 0.0
        for index in range(len(self.plan.instructions)):
            start = time.monotonic()
            attempt = self._attempt(client, monitor, complaints, index)
            moved_s += time.monotonic() - start
            outcome.attempts.append(attempt)
            if outcome.motion_s is None and monitor.first_motion is not None:
                outcome.motion_s = round(monitor.first_motion - self._began, 3)
        after = usage.cpu_s()
        outcome.cpu = {name: round((after[name] - before[name]) / moved_s, 4) for name in before}

    def _attempt(
        self, client: GraphClient, monitor: Monitor, complaints: Complaints, index: int
    ) -> Attempt:
        """Lay the scene out, record, instruct, and wait for the verdict."""
        screen, seed, suffix = self._screen, self.plan.seed + index, self.plan.suffix(index)
        instruction = self.plan.instructions[index]
        screen.step, screen.instruction, screen.sent = 'laying out the scene', instruction, 0.0
        if index:
            client.disarm()
        client.reset(seed, instruction)
        screen.step = 'arming'
        client.arm()
        recording = self._record(client, f'bag{suffix}', instruction)
        monitor.first_motion, monitor.held_back = None, ''
        screen.step, screen.sent = 'moving', time.monotonic()
        sent = screen.sent
        goal = client.instruct(instruction, self.plan.timeout_s, lambda _: None)
        held = self._wait_for_hold(client, goal, monitor)
        if held:
            client.cancel(goal)
        result = client.result(goal, self.plan.timeout_s + GRACE_S)
        said = [result.message, complaints.newest() if not result.success else '']
        screen.step, screen.sent = 'ending the recording', 0.0
        client.sleep(VERDICT_S)
        client.cancel(recording)
        recorded = client.result(recording, GRACE_S)
        problems, unpublished = sort_out(recorded.message)
        moved = monitor.first_motion
        return Attempt(
            instruction=instruction,
            seed=seed,
            success=bool(held) or (bool(result.success) and self.plan.held_s is None),
            outcome=HELD if held else OUTCOMES.get(result.outcome, str(result.outcome)),
            message=held or '; '.join(filter(None, said)),
            duration_s=round(result.duration, 3),
            chunks=int(result.chunks),
            first_motion_s=None if moved is None else round(moved - sent, 3),
            bag=f'bag{suffix}',
            messages=int(recorded.messages),
            message_megabytes=round(recorded.bytes / 1e6, 2),
            bag_megabytes=folder_megabytes(self.plan.folder / f'bag{suffix}'),
            unpublished=unpublished,
            recorder=problems,
        )

    def _wait_for_hold(self, client: GraphClient, goal: ClientGoalHandle, monitor: Monitor) -> str:
        """What the arm is held before, where the plan is to see that; empty where it never was."""
        if self.plan.held_s is None:
            return ''
        over = goal.get_result_async()
        while not over.done():
            if monitor.held_back_s >= self.plan.held_s:
                least = f'least clearance to the scene {monitor.least_clearance_m * 1e3:.0f} mm'
                return f'{monitor.held_back}; {least}'
            client.sleep(0.1)
        return ''

    def _record(self, client: GraphClient, name: str, instruction: str) -> ClientGoalHandle:
        """Start the recorder, and wait until all that flows reaches it."""
        screen, robot = self._screen, self._screen.robot
        streams = [robot.joint_states, topics.SAFETY_STATUS, *(c.topic for c in robot.cameras)]
        wanted = {client.node.resolve_topic_name(name) for name in streams}
        flowing: set[str] = set()

        def note(feedback: Any) -> None:  # noqa: ANN401 - of a generated class
            screen.recorded_mb = feedback.bytes / 1e6
            rates = zip(feedback.topics, feedback.rates, strict=True)
            flowing.update(topic for topic, rate in rates if rate > 0)

        screen.step = 'starting the recorder'
        goal = client.record(name, instruction, note)
        if not client.appears(lambda: wanted <= flowing, RECORDS_WITHIN_S):
            silent = ', '.join(sorted(wanted - flowing))
            raise VlaError(f'{RECORDS_WITHIN_S:g} s after the start nothing comes from {silent}')
        return goal

    def _say(self, name: str, line: str) -> bool:
        """Show what a node says; what it says while it is interrupted is in its log."""
        return not self._interrupts.count and self._view.lines(name, line)

    def _pulse(self) -> None:
        self._interrupts.check()
        if self._runner is not None:
            self._runner.check()
        self._view.refresh()

    def _hurry(self) -> bool:
        """Keep the screen alive while nodes stop; a second Ctrl-C ends the waiting."""
        self._view.refresh()
        return self._interrupts.count > 1
