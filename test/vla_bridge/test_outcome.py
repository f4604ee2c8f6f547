# SPDX-License-Identifier: Apache-2.0
"""The summary of a run: what a reader must not mistake for a fault, or for a size on disk."""

from pathlib import Path

import pytest

from vla_bridge.demo.outcome import folder_megabytes, sort_out


@pytest.mark.parametrize(
    ('said', 'problems', 'unpublished'),
    [
        ('', '', ()),
        (
            '/emergency_stop has no publisher; /safety_node/plan has no publisher',
            '',
            ('/emergency_stop', '/safety_node/plan'),
        ),
        (
            'bag cannot be ended: no space; /plan has no publisher; /x has type a/b, not installed',
            'bag cannot be ended: no space; /x has type a/b, not installed',
            ('/plan',),
        ),
    ],
)
def test_a_topic_that_nobody_publishes_is_no_fault_of_the_recorder(
    said: str, problems: str, unpublished: tuple[str, ...]
) -> None:
    """A deployment need not use every topic; what the recorder could not keep stays a problem."""
    assert sort_out(said) == (problems, unpublished)


def test_the_size_of_a_bag_is_what_it_takes_on_disk(tmp_path: Path) -> None:
    """Not what its messages were before compression."""
    (tmp_path / 'one.mcap').write_bytes(bytes(1_500_000))
    (tmp_path / 'metadata.yaml').write_bytes(bytes(20_000))
    assert folder_megabytes(tmp_path) == 1.52
    assert folder_megabytes(tmp_path / 'absent') == 0.0
