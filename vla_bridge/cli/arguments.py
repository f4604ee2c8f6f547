# SPDX-License-Identifier: Apache-2.0
"""Options of the graph as options of the command line, with the same names and descriptions."""

import argparse
from collections.abc import Callable

from vla_bridge.launching.options import GraphOptions, options


def add_command(
    commands: 'argparse._SubParsersAction[argparse.ArgumentParser]',
    name: str,
    summary: str,
    text: str,
    run: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    """Add a subcommand whose help is shown as written."""
    command = commands.add_parser(
        name,
        help=summary,
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    return command


def add_graph_options(command: argparse.ArgumentParser, kind: str) -> None:
    """Offer every option of a kind of graph.

    Args:
        command: Where to.
        kind: ``simulation`` or ``robot``.
    """
    for option in options(kind):
        flag = f'--{option.name.replace("_", "-")}'
        if isinstance(option.default, bool):
            command.add_argument(
                flag,
                action=argparse.BooleanOptionalAction,
                default=option.default,
                help=option.description,
            )
        else:
            shown = f' [{option.default}]' if option.default not in ('', None) else ''
            command.add_argument(
                flag,
                type=type(option.default),
                default=option.default,
                metavar=option.name.upper(),
                help=option.description + shown,
            )


def graph_options(chosen: argparse.Namespace, kind: str) -> GraphOptions:
    """What was chosen."""
    return GraphOptions(**{option.name: getattr(chosen, option.name) for option in options(kind)})
