# SPDX-License-Identifier: Apache-2.0
"""One process or many (torchrun): who is who, and how gradients and weights come together."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from vla_contract.errors import VlaError

Kind = Literal['ddp', 'fsdp']
_PATIENCE = timedelta(hours=2)
"""That processes wait for another: the leading one may have many pictures to decode."""


@dataclass(frozen=True)
class Crew:
    """The processes that train together.

    Attributes:
        rank: Of this one, from 0.
        size: How many there are.
        kind: ``ddp``: each holds the whole model; ``fsdp``: each holds a part of it.
        device: Of this one.
    """

    rank: int
    size: int
    kind: Kind
    device: torch.device

    @property
    def leads(self) -> bool:
        """This process writes and speaks for all."""
        return self.rank == 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model with gradients that are the mean over the crew."""
        if self.size == 1:
            return model
        if self.kind == 'ddp':
            return DistributedDataParallel(model)
        for layer in _layers(model):
            fully_shard(layer)
        fully_shard(model)
        return model

    def whole(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Named tensors of which each process may hold a part; every process has to ask."""
        return {
            name: each.full_tensor() if isinstance(each, DTensor) else each
            for name, each in tensors.items()
        }

    def mean(self, value: Tensor) -> Tensor:
        """Of a number, over the crew."""
        total = value.detach().clone()
        if self.size > 1:
            dist.all_reduce(total)
        return total / self.size

    def agree(self, *, here: bool) -> bool:
        """Whether it is so in one process at least; every process has to ask."""
        if self.size == 1:
            return here
        return bool(self.mean(torch.tensor(float(here), device=self.device)) > 0.0)

    def wait(self) -> None:
        """Until everybody is here."""
        if self.size > 1:
            dist.barrier()

    def leave(self) -> None:
        """The work is done."""
        if self.size > 1:
            dist.destroy_process_group()


def join(kind: Kind = 'ddp', environment: Mapping[str, str] = os.environ) -> Crew:
    """Find the others that torchrun started, if it did.

    Raises:
        VlaError: torchrun's variables make no sense.
    """
    size, rank = int(environment.get('WORLD_SIZE', '1')), int(environment.get('RANK', '0'))
    if not 0 <= rank < size:
        raise VlaError(f'RANK is {rank}, while WORLD_SIZE is {size}; start this with torchrun')
    device = torch.device('cpu')
    if torch.cuda.is_available():
        device = torch.device('cuda', int(environment.get('LOCAL_RANK', '0')))
        torch.cuda.set_device(device)
    if size > 1:
        dist.init_process_group('nccl' if device.type == 'cuda' else 'gloo', timeout=_PATIENCE)
    return Crew(rank, size, kind, device)


def shared_like(whole: Tensor, other: Tensor) -> Tensor:
    """A whole tensor, held as another one is."""
    if isinstance(other, DTensor):
        return distribute_tensor(whole.to(other.device), other.device_mesh, other.placements)
    return whole


def _layers(model: nn.Module) -> list[nn.Module]:
    """Layers of a large model of transformers, each of which is worth being gathered by itself.

    Ours are small, and heads call parts of their layers by themselves, which sharding forbids.
    """
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    return [
        layer
        for each in lists
        for layer in each
        if type(layer).__module__.startswith('transformers')
    ]
