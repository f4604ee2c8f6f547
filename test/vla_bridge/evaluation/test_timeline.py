# SPDX-License-Identifier: Apache-2.0
"""What is due happens in order, whatever the order it was asked for in."""

from vla_bridge.evaluation.timeline import Timeline


def test_things_happen_in_order_and_time_is_theirs() -> None:
    """Those of one time as they were asked for; what is past happens now."""
    timeline, told = Timeline(), list[tuple[str, int]]()

    def note(name: str) -> None:
        told.append((name, timeline.now_ns))

    timeline.at(20, lambda: note('late'))
    timeline.at(10, lambda: note('early'))
    timeline.at(10, lambda: timeline.at(5, lambda: note('past')))
    timeline.every(8, 8, lambda: note('again'))
    timeline.run(19)
    assert told == [('again', 8), ('early', 10), ('past', 10), ('again', 16)]
    assert timeline.now_ns == 19
    timeline.run(30, lambda: len(told) == 5)
    assert told[-1] == ('late', 20)
    assert timeline.now_ns == 20
