"""Every error that Vitral raises on purpose, and the exit code of each on the command line.

    VitralError                    1   something failed; the sentence says what to do
    ├── UsageError                 2   an unknown name, key or option
    ├── DataError                  3   input data refused
    ├── FileError                  4   a file is damaged, untrusted or too new
    ├── ResourceError              5   disk, memory or an unwritable folder
    ├── TrainingDiverged           1   a term of the loss is no longer finite
    └── MissingPackage             1   an optional package is missing or does not load

0 means done; 130 and 143 follow Ctrl-C and a termination signal, after the state was saved.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class VitralError(Exception):
    """The root of the tree: one clear sentence, no traceback needed."""

    exit_code = 1


class UsageError(VitralError, ValueError):
    """A name, key, option or combination that does not exist."""

    exit_code = 2


class DataError(VitralError, ValueError):
    """Input data that cannot be used as they are."""

    exit_code = 3


class FileError(VitralError):
    """A file that is damaged, not to be trusted, or written by a newer Vitral."""

    exit_code = 4


class ResourceError(VitralError):
    """The machine says no: disk full, folder not writable, memory exhausted."""

    exit_code = 5


class TrainingDiverged(VitralError):
    """A term of the loss, or the gradient, stopped being finite.

    ``step`` counts optimiser steps from 1; ``term`` is the first of kl, log_qz, log_pz, log_px and gradient
    that is not finite, or "train loss" or "validation loss" when a step was fine and its result was not.
    ``where`` names the number of the data, or the tensor, that stands behind it, where one is known.
    """

    def __init__(
        self, step: int, term: str, advice: str = "lower training.rate, or check the data", *, where: str = ""
    ) -> None:
        behind = f" ({where})" if where else ""
        super().__init__(f"training diverged at step {step}: {term} is not finite{behind}; {advice}")
        self.step = step
        self.term = term
        self.where = where


class MissingPackage(VitralError):
    """An optional package is not installed, or its libraries do not load."""


def unknown(kind: str, got: object, known: Iterable[str]) -> UsageError:
    """The error for a name that is not in a list, with its nearest neighbour in that list."""
    names = sorted(known)
    close = difflib.get_close_matches(str(got), names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return UsageError(f"unknown {kind} {str(got)!r}: {hint}Known: {', '.join(names)}")
