"""Ctrl-C and termination signals while a run is under way: save, say how to go on, leave with the right code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from vitral.cli.console import say
from vitral.study.run import Interrupted

NAMES = ("SIGINT", "SIGTERM", "SIGBREAK")  # the last one, Ctrl-Break, exists on Windows only


class Stop:
    """Set by the first signal and read between two steps, where the state can be saved.

    ``patient`` says that somebody does read it; if not, or at the second signal, the work ends at once.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self.patient = False

    def __call__(self) -> bool:
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        return 143 if self.signal == signal.SIGTERM else 130

    def asked(self, number: int, frame: Any) -> None:
        """The signal handler."""
        again = self.signal is not None
        self.signal = self.signal or number
        if again or not self.patient:
            raise KeyboardInterrupt
        with suppress(
            OSError
        ):  # not through sys.stderr: the signal may have come in the middle of a write there
            os.write(2, b"\nfinishing this step and saving; once more to quit at once\n")


@contextmanager
def stoppable(resume: str) -> Iterator[Stop]:
    """A Stop that listens while the block runs; when the block is stopped, ``resume`` is the line to go on."""
    stop = Stop()
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    previous = {number: signal.signal(number, stop.asked) for number in numbers}
    try:
        yield stop
    except (Interrupted, KeyboardInterrupt) as ended:
        why = str(ended) or "stopped at once; what was saved before is kept"
        say(f"{why}. To go on:\n\n    {resume}")
        sys.exit(stop.exit_code)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
