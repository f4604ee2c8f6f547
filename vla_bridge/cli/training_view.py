# SPDX-License-Identifier: Apache-2.0
"""A training run in the terminal, or as lines in a file, and in TensorBoard.

Only the process that leads shows anything.
"""

from collections import deque
from collections.abc import Callable, Iterable
from datetime import timedelta
from statistics import median
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text
from typing_extensions import override

from vla_bridge.terminal import Terminal

if TYPE_CHECKING:
    from vla_policy.training.parallel import Crew
    from vla_policy.training.session import Plan
    from vla_policy.training.trainer import Progress as Step

EVENTS = 'events'
_RECENT = 50
"""Steps whose median is shown."""
_LINE_EVERY = 500
"""Steps between lines that stay."""
_READ_EVERY = 50
"""Frames between two looks at how far decoding is."""


class TrainingView:
    """Bars for what is read and for steps; lines that stay; curves."""

    def __init__(self, plan: 'Plan', crew: 'Crew', check: Callable[[], None]) -> None:
        """Open nothing yet.

        Args:
            plan: What is shown.
            crew: Only its leader shows.
            check: Raises if the end was asked for while data is read.
        """
        self._plan, self._crew, self._check = plan, crew, check
        self._terminal = Terminal()
        self._bars = _Bars(
            TextColumn('{task.description}'),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._terminal,
            disable=not (crew.leads and self._terminal.is_terminal),
        )
        self._reading: dict[str, TaskID] = {}
        self._steps: TaskID | None = None
        self._events: Any = None
        self._recent: deque[Step] = deque(maxlen=_RECENT)

    def __enter__(self) -> Self:
        """Say what is begun, and show bars."""
        plan, crew = self._plan, self._crew
        if crew.leads:
            recipe = plan.recipe
            work = f' in {crew.size} processes' if crew.size > 1 else ''
            self._say(
                f'{plan.recipe_path.stem}: head {recipe.head.kind}, {recipe.steps} steps of '
                f'{recipe.batch} examples, on {crew.device.type}{work}'
            )
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the terminal as it was."""
        self._bars.stop()
        if self._events is not None:
            self._events.close()

    def read(self, name: str, done: int, total: int) -> None:
        """Pictures are being decoded."""
        self._check()
        if name in self._reading and done % _READ_EVERY and done < total:
            return
        if name not in self._reading:
            self._reading[name] = self._bars.add_task(f'decoding {name}', total=total)
        self._bars.update(self._reading[name], completed=done, total=total)
        if done == total:
            self._say(f'decoded {name}: {total} frames')

    def show(self, step: 'Step') -> None:
        """A step was made."""
        if not self._crew.leads:
            return
        total = self._plan.recipe.steps
        if self._steps is None:
            self._steps = self._begin(step, total)
        self._recent.append(step)
        self._bars.said = self._said(step)
        self._bars.update(self._steps, completed=step.step)
        self._record(step)
        if step.step % _LINE_EVERY == 0 or step.step == total:
            pace = median(each.seconds for each in self._recent)
            left = timedelta(seconds=round(pace * (total - step.step)))
            self._say(f'step {step.step} of {total} · {self._said(step)} · {left} left')

    def stopped(self, step: int, command: str) -> None:
        """Say how to go on."""
        self._bars.stop()
        self._say(f'stopped and saved after step {step} of {self._plan.recipe.steps}; to go on:')
        self._say(f'  {command}')

    def done(self) -> None:
        """Say where everything is."""
        from vla_policy.training.session import MODEL, PLOT

        self._bars.stop()
        folder = self._plan.folder
        if self._steps is None:
            self._say('every step was made already')
        self._say(f'Model   {folder / MODEL}')
        self._say(f'Losses  {folder / PLOT}')
        self._say(f'Curves  tensorboard --logdir {folder / EVENTS}')

    def _begin(self, step: 'Step', total: int) -> TaskID:
        """Open what shows the steps, from the first one that is shown."""
        from torch.utils.tensorboard import SummaryWriter

        # What was written of later steps by a run that was killed is not shown.
        self._events = SummaryWriter(self._plan.folder / EVENTS, purge_step=step.step)
        return self._bars.add_task('training', total=total, completed=step.step)

    def _said(self, step: 'Step') -> str:
        losses = ' · '.join(
            f'{name} {median(each.losses[name] for each in self._recent):.4f}'
            for name in step.losses
        )
        pace = median(each.seconds for each in self._recent)
        return f'{losses} · rate {step.rate:.1e} · {pace * 1000:.0f} ms a step'

    def _record(self, step: 'Step') -> None:
        for name, value in step.losses.items():
            self._events.add_scalar(f'loss/{name}', value, step.step)
        for name, value in (
            ('rate', step.rate),
            ('gradient', step.gradient),
            ('seconds', step.seconds),
        ):
            self._events.add_scalar(f'step/{name}', value, step.step)

    def _say(self, text: str) -> None:
        if self._crew.leads:
            self._terminal.print(text, soft_wrap=True, markup=False)


class _Bars(Progress):
    """Bars, and below them a line of what is worth knowing now.

    Attributes:
        said: That line.
    """

    said = ''

    @override
    def get_renderables(self) -> Iterable[RenderableType]:
        """The table of bars, and the line if there is one."""
        yield from super().get_renderables()
        if self.said:
            yield Text(self.said, no_wrap=True, overflow='ellipsis')
