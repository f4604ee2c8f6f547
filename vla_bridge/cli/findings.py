# SPDX-License-Identifier: Apache-2.0
"""What `vla doctor` says of one thing that it looked at."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad a finding is."""

    GOOD = '[green]✔[/]'
    NOTE = '[dim]·[/]'
    WARNING = '[yellow]![/]'
    BAD = '[red]✘[/]'


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    what: str
    verdict: Verdict
    found: str
    advice: str = ''
