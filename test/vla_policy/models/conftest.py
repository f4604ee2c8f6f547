# SPDX-License-Identifier: Apache-2.0
"""Tests of models need torch, which is installed on demand, and leave the other cores alone."""

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

collect_ignore_glob = [] if find_spec('torch') else ['test_*.py']


@pytest.fixture(autouse=True, scope='package')
def one_thread() -> Iterator[None]:
    """Networks this small are slower on many."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
