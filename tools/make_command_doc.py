# SPDX-License-Identifier: Apache-2.0
"""Write docs/command_line.md from the parser of the command `vla`.

A test fails while the page and the code differ:

    python -m tools.make_command_doc
"""

import argparse
from pathlib import Path

from vla_bridge.cli.main import parser

PAGE = Path(__file__).parent.parent / 'docs' / 'command_line.md'
_INTRODUCTION = """\
# The command line

Written by `python -m tools.make_command_doc` from the parser; `vla COMMAND --help` says the same.

Every command ends with exit code 0 if it did what it was asked, 1 if it tried and failed (an
instruction, a node that did not stop cleanly, an output that cannot be written), 2 if it refused
(a file is wrong, a graph is not there, a node died), 130 after Ctrl-C, 143 after SIGTERM.
`vla sim` and `vla run` run until then, so that is how they end. Errors are printed without
traceback, on standard error. Without a terminal, live pictures become plain lines, and tables
are not folded unless COLUMNS says how wide they may be.
"""


def main() -> None:
    """Rewrite the page."""
    PAGE.write_text(page(), encoding='utf-8')


def page() -> str:
    """The page as the parser has it."""
    return '\n'.join([_INTRODUCTION, *(_section(name, each) for name, each in commands().items())])


def commands() -> dict[str, argparse.ArgumentParser]:
    """Subcommands by name, in the order of the help; those of `safety` as `safety replay`."""
    return _below(parser())


def _below(command: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    found: dict[str, argparse.ArgumentParser] = {}
    for action in command._actions:
        if not isinstance(action, argparse._SubParsersAction):
            continue
        for name, each in action.choices.items():
            if each.get_default('run') is not None:  # `safety` only leads to its commands
                found[name] = each
            found.update({f'{name} {last}': deepest for last, deepest in _below(each).items()})
    return found


def _section(name: str, command: argparse.ArgumentParser) -> str:
    actions = [each for each in command._actions if each.dest not in ('help', argparse.SUPPRESS)]
    rows = [_row(action) for action in actions]
    table = ['| Option | Meaning |', '|---|---|', *rows] if rows else []
    text = (command.description or '').strip()
    return '\n'.join([f'## vla {name}', '', '```text', text, '```', '', *table, ''])


def _row(action: argparse.Action) -> str:
    value = action.metavar if isinstance(action.metavar, str) else ''
    names = ', '.join(f'`{flag}{" " + value if value else ""}`' for flag in action.option_strings)
    return f'| {names or f"`{action.dest}`"} | {(action.help or "").replace("|", "/")} |'


if __name__ == '__main__':
    main()
