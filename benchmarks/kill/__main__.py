# SPDX-License-Identifier: Apache-2.0
"""Kill, suspend and restart random nodes of a running graph while the arm moves."""

import argparse
import shutil
import sys
import time
from datetime import datetime
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks import report
from benchmarks.kill.campaign import Campaign
from benchmarks.kill.stage import Stage
from benchmarks.kill.strikes import REST_WITHIN_S
from benchmarks.kill.watcher import Watcher
from vla_bridge.launching.client import GraphClient
from vla_bridge.launching.domain import own_domain
from vla_contract.errors import VlaError

NOTES = (
    'Nodes of a running graph struck in mid-motion, over real DDS, seen from a process of its own. '
    'contacts: of the arm with itself or the scene, looked for after every physics step; '
    'standstill: from the signal to the last motion, by the stamps of the joint states; '
    f'a stop later than {REST_WITHIN_S:g} s is a violation.'
)


def main() -> int:
    """Run the campaign; the exit code is 1 if anything was seen that must never be."""
    parser = argparse.ArgumentParser(prog='make kill', description=__doc__)
    parser.add_argument('count', nargs='?', type=int, default=20, help='events; default 20')
    parser.add_argument('--seed', type=int, default=0, help='of what is struck, and when')
    arguments = parser.parse_args()
    folder = report.CHECKOUT / 'out' / 'kill' / datetime.now().strftime('%Y-%m-%d-%H-%M-%S')
    console = Console()
    try:
        campaign, began_s, late = _run(arguments.count, arguments.seed, folder, console)
    except VlaError as error:
        console.print(f'[red]{error}[/red]\nlogs of the nodes: {folder}')
        return 1
    figures = campaign.tally.figures()
    figures['contacts'] = int(str(figures['contacts'])) + len(late)
    duration_s = time.monotonic() - began_s
    figures |= {'seed': arguments.seed, 'duration_s': round(duration_s, 1)}
    report.write('kill', figures, NOTES)
    return 1 if figures['violations'] or figures['contacts'] else 0


def _run(
    count: int, seed: int, folder: Path, console: Console
) -> tuple[Campaign, float, list[str]]:
    """Run as many events as asked, or as there were until Ctrl-C."""
    with own_domain():
        stage = Stage(folder)
        client = GraphClient()
        watcher = Watcher(client, stage.deployment.robot)
        try:
            with client:
                campaign = Campaign(stage, client, watcher, seed)
                console.print('starting the graph …')
                campaign.begin()
                began_s = time.monotonic()
                _strike(campaign, count, console)
                return campaign, began_s, campaign.close()
        finally:
            stage.close()
            shutil.rmtree(folder / 'episodes', ignore_errors=True)


def _strike(campaign: Campaign, count: int, console: Console) -> None:
    progress = Progress(
        TextColumn('events'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    )
    bar = progress.add_task('events', total=count)
    with Live(console=console, refresh_per_second=1) as live:
        try:
            for violations in campaign.strikes(count):
                for violation in violations:
                    console.print(f'[red]{violation.kind}: {violation.text}[/red]')
                progress.advance(bar)
                live.update(Group(progress, campaign.tally.table()))
        except KeyboardInterrupt:
            console.print('interrupted; what was seen until here counts')


if __name__ == '__main__':
    sys.exit(main())
