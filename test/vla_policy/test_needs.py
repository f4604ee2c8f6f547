# SPDX-License-Identifier: Apache-2.0
"""Packages that are installed on demand."""

import pytest

from vla_contract.errors import VlaError
from vla_policy.needs import refuse_missing


def test_what_is_missing_is_named_with_what_brings_it() -> None:
    """Those that are there are not."""
    refuse_missing('a model', ['json'])
    with pytest.raises(VlaError, match='a model needs never_heard_of, not installed'):
        refuse_missing('a model', ['json', 'never_heard_of'])
