# SPDX-License-Identifier: Apache-2.0
"""The root of every error this suite raises on purpose."""

from collections.abc import Iterable


class VlaError(Exception):
    """Something a person can act on: the text says what, where, and what to do."""


class InstructionError(VlaError):
    """An instruction that cannot be carried out, however long it is tried; another one may be."""


class ContractError(VlaError):
    """A robot, policy or deployment file is wrong, or two of them disagree.

    Args:
        source: File the value stands in, as given by the user.
        key: Dotted path of the value, for example ``joints.2.velocity``.
        problem: What is wrong, with the value and the bound or the other side's value.
        line: Line of the key in the file, from 1, where known.
    """

    def __init__(self, source: str, key: str, problem: str, line: int | None = None) -> None:
        """Keep the parts, so that callers can show them apart."""
        self.source = source
        self.key = key
        self.problem = problem
        self.line = line
        place = f'{source}:{line}' if line is not None else source
        super().__init__(f'{place}: {key}: {problem}' if key else f'{place}: {problem}')

    @property
    def errors(self) -> tuple['ContractError', ...]:
        """This error alone, so that one and many are read alike."""
        return (self,)


class ContractErrors(VlaError):  # noqa: N818  (several of them)
    """All the errors of one document at once, so that they are mended in one go."""

    def __init__(self, errors: Iterable[ContractError]) -> None:
        """Join the errors, one a line."""
        self.errors = tuple(errors)
        super().__init__('\n'.join(str(error) for error in self.errors))
