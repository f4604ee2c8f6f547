# SPDX-License-Identifier: Apache-2.0
"""The policy node with a policy that keeps the processor busy: random weights, real torch work.

It answers a slow sway of the arm, so that the safety node has chunks to vet and splice meanwhile.
"""

import os
import sys

import numpy as np
import torch
from numpy.typing import NDArray

from vla_bridge.lifecycle_node import run
from vla_bridge.nodes.policy_node import PolicyNode
from vla_contract.deployment import Deployment
from vla_contract.observation import Observation
from vla_policy.policy import Rows

WIDTH, DEPTH, TOKENS = 768, 12, 256
PERIOD_S, REACH = 4.0, 0.2


class Saturating:
    """A transformer of ViT-B size before every answer."""

    def __init__(self, deployment: Deployment) -> None:
        """Leave one core to the rest of the graph, as a real policy process should."""
        torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))
        layer = torch.nn.TransformerEncoderLayer(WIDTH, 12, 4 * WIDTH, batch_first=True)
        self._model = torch.nn.TransformerEncoder(layer, DEPTH, enable_nested_tensor=False).eval()
        self._policy = deployment.policy
        self._home: NDArray[np.float64] | None = None
        self._start_ns = 0

    def reset(self, instruction: str) -> None:
        """Sway around wherever the arm is."""
        del instruction
        self._home = None

    def infer(self, observation: Observation, prefix: NDArray[np.float64]) -> Rows:
        """Work hard, then answer."""
        del prefix
        with torch.inference_mode():
            self._model(torch.randn(1, TOKENS, WIDTH))
        if self._home is None:
            self._home, self._start_ns = observation.state.copy(), observation.stamp_ns
        elapsed_s = (observation.stamp_ns - self._start_ns) / 1e9
        t = elapsed_s + np.arange(self._policy.rows) * self._policy.step_s
        wave = REACH * (1 - np.cos(2 * np.pi * t / PERIOD_S)) / 2
        values = np.tile(self._home, (self._policy.rows, 1))
        values[:, :-1] += wave[:, None]
        return Rows(values)


if __name__ == '__main__':
    sys.exit(run(lambda: PolicyNode(load=Saturating)))
