"""Ctrl-C, a termination signal or a STOP file while a run is under way: save, say how to go on, the right exit code."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from vitral.cli.console import say
from vitral.errors import ResourceError, TrainingDiverged
from vitral.study import folder as folders
from vitral.study.run import Interrupted

NAMES = ("SIGINT", "SIGTERM", "SIGBREAK")  # the last one, Ctrl-Break, exists on Windows only
LOOKS = 0.5  # seconds from one look for the file to the next


class Stop:
    """Set by the first signal, or by a ``file``, and read between two steps, where the state can be saved.

    ``patient`` says that somebody does read it; if not, or at the second signal, the work ends at once. A file is for
    those who cannot send a signal: Windows knows none to end a process gently, and a queue may own the process.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.signal: int | None = None
        self.patient = False
        self.file, self.found = file, False
        self._looked_at = -LOOKS

    def __call__(self) -> bool:
        return self.signal is not None or self._look()

    @property
    def exit_code(self) -> int:
        if self.signal is None:
            return 0 if self.found else 130
        return 143 if self.signal == signal.SIGTERM else 130

    def _look(self) -> bool:
        """Whether the file is there; it is taken away, so that it does not stop the next start as well."""
        if self.file is not None and not self.found and time.monotonic() - self._looked_at >= LOOKS:
            self._looked_at = time.monotonic()
            if self.file.exists():
                self.found = True
                with suppress(OSError):
                    self.file.unlink()
        return self.found

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
def stoppable(resume: str, folder: Path | None = None) -> Iterator[Stop]:
    """A Stop that listens while the block runs; when the block is stopped, ``resume`` is the line to go on."""
    stop = Stop(None if folder is None else folder / folders.STOP)
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    previous = {number: signal.signal(number, stop.asked) for number in numbers}
    try:
        yield stop
    except (Interrupted, KeyboardInterrupt) as ended:
        why = str(ended) or "stopped at once; what was saved before is kept"
        say(f"{why}. To go on:\n\n    {resume}")
        sys.exit(stop.exit_code)
    except TrainingDiverged:
        say(f"The last checkpoint is good. To go on from there with half the rate:\n\n    {resume} --slower\n")
        raise
    except (ResourceError, MemoryError, OSError):
        say(f"What was saved before is kept. To go on when the reason below is mended:\n\n    {resume}\n")
        raise
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
