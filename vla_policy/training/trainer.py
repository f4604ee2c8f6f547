# SPDX-License-Identifier: Apache-2.0
"""The training loop: draw, learn, average, save, and go on exactly where it was stopped."""

import time
from collections.abc import Callable, Mapping
from collections.abc import Generator as Yields
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils import clip_grad_norm_

from vla_contract.errors import VlaError
from vla_policy.training.checkpoint import load_resume, save_resume
from vla_policy.training.ema import Ema
from vla_policy.training.examples import Examples, seed_of
from vla_policy.training.learner import LOSSES, Learner
from vla_policy.training.optimizer import load_state, make_optimizer, names_of, rate_at, state_of
from vla_policy.training.parallel import Crew, shared_like
from vla_policy.training.recipe import Recipe

_DROPOUT = 7
"""Tells the draws of dropout and noise from those of the data."""


@dataclass(frozen=True)
class Progress:
    """One step, for whoever shows it.

    Attributes:
        step: Steps made.
        losses: By name: ``loss``, and ``hints`` and ``done`` where they are learned.
        rate: Learning rate.
        gradient: Length of the gradient before clipping.
        seconds: That the step took.
    """

    step: int
    losses: dict[str, float]
    rate: float
    gradient: float
    seconds: float


@dataclass
class Trainer:
    """One run.

    Attributes:
        learner: What learns.
        recipe: How.
        examples: From what.
        crew: With whom.
        folder: Where what is needed to go on is kept.
        losses: So far: steps and values by name.
    """

    learner: Learner
    recipe: Recipe
    examples: Examples
    crew: Crew
    folder: Path
    losses: dict[str, list[tuple[int, float]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Put everything where it works."""
        if self.recipe.parts % self.crew.size:
            raise VlaError(
                f'parts: {self.recipe.parts} cannot be shared by {self.crew.size} processes; '
                f'give a multiple of {self.crew.size}'
            )
        self.step = 0
        self.learner.to(self.crew.device).train()
        self._model = self.crew.wrap(self.learner)
        self.average = Ema(self.learner.vla, self.recipe.average)
        if self.recipe.compile and self.crew.device.type == 'cuda':
            self._model = torch.compile(self._model)
        self._optimizer = make_optimizer(self.learner, self.recipe.optimizer)

    def resume(self) -> None:
        """Go on from what was saved in the folder.

        Raises:
            VlaError: Nothing was, or it belongs to another recipe.
        """
        groups, state = load_resume(self.folder)
        was, now = state['recipe'], self.recipe.model_dump(mode='json')
        change = _first_change(was | {'save_every': now['save_every']}, now)
        if change:
            raise VlaError(
                f'{self.folder}: was begun with {change}; give the same recipe, or begin anew in '
                'another folder'
            )
        _fill(self.learner.state_dict(), groups['weights'])
        _fill(self.average.weights, groups['average'])
        load_state(self._optimizer, names_of(self.learner), groups['optimizer'])
        self.step = int(state['step'])
        self.losses = {name: [tuple(p) for p in all_] for name, all_ in state['losses'].items()}

    def run(
        self,
        report: Callable[[Progress], None],
        save: Callable[[dict[str, Tensor]], None],
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Make the steps that are left, or those until somebody asks for the end.

        Args:
            report: Called after each.
            save: Called in the leading process with the averaged weights when the recipe says, and
                at the end.
            stop: Asked after each step: is this to be the last one for now?
        """
        stopped = False
        while self.step < self.recipe.steps and not stopped:
            report(self._take_step())
            stopped = self.crew.agree(here=stop()) or self.step == self.recipe.steps
            if stopped or self.step % self.recipe.save_every == 0:
                average = self.save()
                if self.crew.leads:
                    save(average)
                self.crew.wait()

    def save(self) -> dict[str, Tensor]:
        """Keep what it takes to go on, and return the averaged weights of the model."""
        groups = {
            'weights': self.crew.whole(self.learner.state_dict()),
            'average': self.crew.whole(self.average.weights),
            'optimizer': self.crew.whole(state_of(self._optimizer, names_of(self.learner))),
        }
        if self.crew.leads:
            state = {
                'step': self.step,
                'recipe': self.recipe.model_dump(mode='json'),
                'losses': self.losses,
            }
            save_resume(self.folder, groups, state)
        return groups['average']

    def _take_step(self) -> Progress:
        began = time.perf_counter()
        rate = rate_at(self.step, self.recipe.steps, self.recipe.optimizer)
        for group in self._optimizer.param_groups:
            group['lr'] = rate
        sums = self._gradients()
        length = clip_grad_norm_(self.learner.parameters(), self.recipe.optimizer.clip)
        if not bool(torch.isfinite(length)):
            raise VlaError(
                f'step {self.step}: the gradient is {float(length)}; lower optimizer.rate or look '
                'for extreme values with `vla data stats`'
            )
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.average.update(self.learner.vla, self.step)
        means = (self.crew.mean(sums) * self.crew.size / self.recipe.parts).tolist()
        learned = dict(zip(LOSSES, self._weights(), strict=True))
        losses = {name: mean for name, mean in zip(LOSSES, means, strict=True) if learned[name]}
        for name, value in losses.items():
            self.losses.setdefault(name, []).append((self.step, value))
        return Progress(self.step, losses, rate, float(length), time.perf_counter() - began)

    def _gradients(self) -> Tensor:
        """Add up the gradients of this process's parts of the batch; the sums of the losses."""
        parts = range(self.crew.rank, self.recipe.parts, self.crew.size)
        sums = torch.zeros(len(LOSSES), device=self.crew.device)
        weights = torch.tensor(self._weights(), device=self.crew.device)
        for part in parts:
            batch = self.examples.draw(self.step, part).to(self.crew.device)
            seed = seed_of(self.recipe.seed, self.step, part, _DROPOUT)
            torch.manual_seed(seed)
            generator = Generator(self.crew.device).manual_seed(seed)
            with self._precision():
                losses = self._model(batch, generator)
            whole: Tensor = (weights * losses).sum() / len(parts)
            whole.backward()
            sums += losses.detach()
        return sums

    def _weights(self) -> tuple[float, ...]:
        """Of LOSSES."""
        recipe = self.recipe
        return 1.0, recipe.hints, recipe.done, float(recipe.questions > 0)

    @contextmanager
    def _precision(self) -> Yields[None]:
        """Matrices as the recipe says; on a processor, attention by matrices is the fastest."""
        kind = self.crew.device.type
        low = self.recipe.precision == 'bf16' or (
            self.recipe.precision == 'auto' and kind == 'cuda'
        )
        plain = sdpa_kernel(SDPBackend.MATH) if kind == 'cpu' else nullcontext()
        with plain, torch.autocast(kind, torch.bfloat16, enabled=low):
            yield


def _first_change(was: Any, now: Any, key: str = '') -> str:  # noqa: ANN401 - any part of a recipe
    """The first value that is another one, like ``optimizer.rate: 0.1, now 0.2``; or empty."""
    if not (isinstance(was, dict) and isinstance(now, dict)):
        return '' if was == now else f'{key}: {was}, now {now}'
    pairs = ((name, was.get(name), now.get(name)) for name in {**now, **was})
    found = (_first_change(a, b, f'{key}.{name}'.lstrip('.')) for name, a, b in pairs)
    return next(filter(None, found), '')


@torch.no_grad()
def _fill(tensors: Mapping[str, Tensor], saved: Mapping[str, Tensor]) -> None:
    """Give tensors the values that were saved."""
    wrong = sorted(tensors.keys() ^ saved.keys())
    if wrong:
        raise VlaError(f'what was saved is of another model: {wrong[0]} is in one of them only')
    for name, value in tensors.items():
        value.copy_(shared_like(saved[name], value))
