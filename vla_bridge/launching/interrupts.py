# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C and its kin as a flag, so that nothing is torn at a point it cannot be torn at."""

import signal
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class InterruptError(Exception):
    """Somebody asked for the end; ``code`` is what the process should exit with."""

    def __init__(self, number: int) -> None:
        """Keep the signal."""
        self.code = 128 + number
        super().__init__(signal.Signals(number).name)


class Interrupts:
    """While entered, counts requests to stop instead of raising KeyboardInterrupt anywhere."""

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self.count = 0
        self._first: int | None = None
        self._before: dict[int, signal._HANDLER] = {}

    def __enter__(self) -> 'Interrupts':
        """Take the signals over. Only the main thread may."""
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raise InterruptError if the end was asked for."""
        if self._first is not None:
            raise InterruptError(self._first)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self._first is None:
            self._first = number
