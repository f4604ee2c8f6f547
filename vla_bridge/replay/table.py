# SPDX-License-Identifier: Apache-2.0
"""An explanation in words: the chunk, every step with its values and bounds, and the outcome."""

from collections.abc import Iterator
from datetime import UTC, datetime

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from vla_safety.explanation import Explanation
from vla_safety.motion import NS
from vla_safety.reasons import Finding
from vla_safety.rejected import RejectedChunk
from vla_safety.situation import Stage
from vla_safety.steps import Step, Verdict

_COLOURS = {
    Verdict.PASSED: 'green',
    Verdict.CHANGED: 'yellow',
    Verdict.REFUSED: 'bold red',
    Verdict.NOT_REACHED: 'dim',
}
_STAGES = {
    Stage.CHUNK: 'refused when it came',
    Stage.EXTENSION: 'cut off in execution: the next part of it did not pass',
    Stage.UNDERWAY: 'cut off in execution: something came into the way',
    Stage.GRIPPER: 'cut off in execution: something is in the way of the gripper',
}


def told(rejected: RejectedChunk, explanation: Explanation) -> Iterator[RenderableType]:
    """Everything there is to say, in reading order."""
    yield _headline(rejected)
    for warning in rejected.setup.changed_files():
        yield Text(f'  {warning}', style='yellow')
    yield _steps(explanation)
    for step in explanation.steps:
        if step.text:
            where = f'{step.number} {step.title}: '
            yield Text.assemble((where, _COLOURS[step.verdict]), step.text)
    yield _outcome(rejected.rejection.finding, explanation.finding)


def repeated(rejected: RejectedChunk, explanation: Explanation) -> bool:
    """The reason today is the reason then."""
    return explanation.finding.reason == rejected.rejection.finding.reason


def _headline(rejected: RejectedChunk) -> Text:
    chunk, rejection = rejected.rejection.chunk, rejected.rejection
    when = datetime.fromtimestamp(rejection.met.now.ros_ns / NS, UTC)
    rows = len(chunk.values) if chunk.values.ndim else 0
    return Text.assemble(
        (f'chunk {chunk.sequence}', 'bold'),
        f' of session {chunk.session or "none"}: {_STAGES[rejection.stage]}\n',
        (f'  {rows} rows of {chunk.space}, step {chunk.step_s:g} s, ', 'dim'),
        (f'task {chunk.task_id or "none"}\n  {rejected.setup.deployment}: ', 'dim'),
        (f'{rejected.setup.robot.name}, ROS time {when:%Y-%m-%d %H:%M:%S.%f}', 'dim'),
    )


def _steps(explanation: Explanation) -> Table:
    made = Table(box=box.SIMPLE_HEAD, header_style='dim')
    for column in ('', 'step', 'looked at', 'value', 'allowed', 'verdict'):
        made.add_column(column, overflow='fold')
    for step in explanation.steps:
        _add(made, step)
    return made


def _add(made: Table, step: Step) -> None:
    """A row for each value; step and verdict stand in the first."""
    colour = _COLOURS[step.verdict]
    looks = [(look.what, look.value, look.bound) for look in step.looks] or [('', '', '')]
    heads = [(str(step.number), step.title, str(step.verdict))] + [('', '', '')] * len(looks)
    for (number, title, verdict), cells in zip(heads, looks, strict=False):
        made.add_row(number, title, *map(Text, cells), Text(verdict, style=colour))
    made.add_section()


def _outcome(recorded: Finding, found: Finding) -> Text:
    text = Text.assemble(
        ('\nOutcome   ', 'dim'), (f'{found.reason}: ', 'bold'), found.text or 'it would be followed'
    )
    if found == recorded:
        return text.append('\nRecorded  ', 'dim').append('the same')
    if found.reason == recorded.reason:
        return text.append('\nRecorded  ', 'dim').append(f'the same reason; {recorded.text}')
    text.append('\nRecorded  ', 'dim')
    return text.append(f'another: {recorded.reason}: {recorded.text}', 'bold red')
