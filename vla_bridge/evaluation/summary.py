# SPDX-License-Identifier: Apache-2.0
"""What the outcomes of a suite come to: the numbers that are compared, and those behind them."""

import json
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vla_bridge.evaluation.interval import wilson
from vla_bridge.evaluation.outcome import Outcome

DIGITS = 4


def summary(outcomes: Sequence[Outcome], about: dict[str, Any]) -> dict[str, Any]:
    """As it is written down.

    Args:
        outcomes: Of one suite, at least one.
        about: What was evaluated, where and when.
    """
    successes = sum(outcome.success for outcome in outcomes)
    low, high = wilson(successes, len(outcomes))
    taken_ms = [taken for outcome in outcomes for taken in outcome.inference_ms]
    document = {
        'episodes': len(outcomes),
        'success': successes / len(outcomes),
        'low': low,
        'high': high,
        'jerk': statistics.median(outcome.jerk for outcome in outcomes),
        'interventions': statistics.mean(outcome.intervened for outcome in outcomes),
        'latency': statistics.median(taken_ms) if taken_ms else None,
        'details': {**about, **_details(outcomes, taken_ms)},
    }
    return {name: _short(value) for name, value in document.items()}


def write_summary(document: dict[str, Any], path: Path) -> None:
    """Write it, under its name only when it is whole."""
    part = path.with_name(f'.{path.name}.part')
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    part.write_text(text + '\n', encoding='utf-8')
    part.replace(path)


def failures(outcomes: Sequence[Outcome]) -> Counter[str]:
    """Failures by reason; what differs from one to the next is left out of it."""
    reasons = (outcome.reason for outcome in outcomes if outcome.reason)
    return Counter(_kind(reason) for reason in reasons)


def _details(outcomes: Sequence[Outcome], taken_ms: list[float]) -> dict[str, Any]:
    times = [outcome.time_s for outcome in outcomes if outcome.time_s is not None]
    steps = [outcome.boundary for outcome in outcomes if outcome.boundary is not None]
    interventions: Counter[str] = Counter()
    for outcome in outcomes:
        interventions.update(outcome.interventions)
    hits = Counter(f'{link} with {other}' for each in outcomes for link, other in each.collisions)
    return {
        'time_s': _spread(times),
        'jerk': _spread([outcome.jerk for outcome in outcomes]),
        'boundary_rad': _spread(steps),
        'latency_ms': _spread(taken_ms),
        'by_family': _by_family(outcomes),
        'failures': dict(failures(outcomes).most_common()),
        'interventions': dict(interventions.most_common()),
        'episodes_intervened': sum(outcome.intervened > 0 for outcome in outcomes),
        'episodes_collided': sum(bool(outcome.collisions) for outcome in outcomes),
        'collisions': dict(hits.most_common()),
        'chunks': sum(outcome.chunks for outcome in outcomes),
        'ran_out': sum(outcome.ran_out for outcome in outcomes),
        'errors': sum(outcome.errors for outcome in outcomes),
        'episodes_claimed': sum(outcome.claimed_s is not None for outcome in outcomes),
        'episodes_claimed_too_early': sum(outcome.claims > 0 for outcome in outcomes),
        'scene_seeds': [outcome.scene_seed for outcome in outcomes],
        'failed': [outcome.number for outcome in outcomes if not outcome.success],
    }


def _by_family(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    told = {}
    for family in dict.fromkeys(outcome.family for outcome in outcomes):
        own = [outcome.success for outcome in outcomes if outcome.family == family]
        low, high = wilson(sum(own), len(own))
        told[family] = {
            'episodes': len(own),
            'success': sum(own) / len(own),
            'low': low,
            'high': high,
        }
    return told


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    """Median, 95th percentile and greatest; None where there is nothing."""
    if not values:
        return None
    return {
        'median': statistics.median(values),
        'p95': float(np.quantile(values, 0.95)),
        'max': max(values),
    }


def _kind(reason: str) -> str:
    """A reason without its numbers: up to the code of a stop, or the whole of what we say."""
    if reason.startswith(('stopped by', 'refused by')):
        return ': '.join(reason.split(': ')[:2])
    return reason


def _short(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """No more digits than mean something."""
    if isinstance(value, float):
        return float(f'{value:.{DIGITS}g}')
    if isinstance(value, dict):
        return {name: _short(item) for name, item in value.items()}
    return value
