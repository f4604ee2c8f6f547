# SPDX-License-Identifier: Apache-2.0
"""Each episode is a pure function of its suite, seed and number, and keeps to its side."""

from collections import Counter

import pytest

from vla_bridge.evaluation.suites import CHANGE_S, CROWD, SUITES, check_suites, episode
from vla_contract.errors import VlaError
from vla_sim.setting import USUAL
from vla_sim.tasks.instruction import FAMILIES, parse
from vla_sim.tasks.split import held_out, shown_phrasings, unseen_phrasings

NUMBERS = range(60)


@pytest.mark.parametrize('suite', SUITES)
def test_the_same_again(suite: str) -> None:
    """Whatever was drawn before; another number or seed is another episode."""
    first = [episode(suite, 3, number) for number in NUMBERS]
    again = [episode(suite, 3, number) for number in reversed(NUMBERS)]
    assert first == again[::-1]
    assert len({each.scene_seed for each in first}) == len(first)
    assert episode(suite, 4, 0) != first[0]


@pytest.mark.parametrize('suite', SUITES)
def test_only_unseen_asks_for_what_is_held_out(suite: str) -> None:
    """Before a change and after it; and only paraphrases speak in words that are held out."""
    for number in NUMBERS:
        each = episode(suite, 0, number)
        asked = [each.instruction, *([each.change.instruction] if each.change else [])]
        for words in asked:
            task = parse(words)
            assert held_out(task) is (suite == 'unseen')
            known = unseen_phrasings if suite == 'paraphrases' else shown_phrasings
            assert words in known(task)
        assert parse(each.layout) == parse(each.instruction)


@pytest.mark.parametrize('suite', SUITES)
def test_families_take_turns(suite: str) -> None:
    """Evenly, so that no family hides behind another; nothing can be pushed after a change."""
    counted = Counter(episode(suite, 0, number).family for number in NUMBERS)
    families = FAMILIES[:2] if suite == 'change' else FAMILIES
    assert counted == dict.fromkeys(families, len(NUMBERS) // len(families))


def test_suites_can_be_compared_pair_by_pair() -> None:
    """The same task in the same scene, wherever demonstrations show the task."""
    for number in NUMBERS:
        seen = episode('seen', 0, number)
        for suite in ('paraphrases', 'distractors', 'shifts'):
            other = episode(suite, 0, number)
            assert (other.layout, other.scene_seed) == (seen.layout, seen.scene_seed)
        assert episode('distractors', 0, number).setting.crowd == CROWD
        assert episode('shifts', 0, number).setting.look != USUAL.look
        assert seen.setting == USUAL


def test_a_change_asks_for_another_object_in_time() -> None:
    """While the arm is on its way to the first."""
    for number in NUMBERS:
        each = episode('change', 0, number)
        assert each.change is not None
        assert parse(each.change.instruction).subject != parse(each.instruction).subject
        assert CHANGE_S[0] <= each.change.after_s <= CHANGE_S[1]


def test_what_is_no_suite_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(VlaError, match='no suite is called new; there are seen, unseen'):
        check_suites(('seen', 'new'))
    with pytest.raises(VlaError, match='no suite'):
        episode('new', 0, 0)
