"""The memory of freed arrays: kept for the next step, instead of handed back to the system after every one.

A step of training frees what it made, and the next one makes it again. The C library of Linux (glibc) hands large
blocks back at once; the system then gives the same memory page by page, with zeros written into each. For a
convolutional network that is half of a step (docs/log.md). ``mallopt`` asks glibc to keep what is freed.

The command line and the helpers of a training ask; ``import vitral`` in a program changes nothing. Other C libraries
are left as they are, and so is glibc where the user has set one of its variables.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Mapping

KEPT = 2**29  # bytes that may wait, freed, for the next array
LARGEST = 2**25  # bytes of an array up to which it is taken from them; no glibc accepts more

# name of the variable, mallopt's number for it (malloc.h), value
SETTINGS = (("MALLOC_TRIM_THRESHOLD_", -1, KEPT), ("MALLOC_MMAP_THRESHOLD_", -3, LARGEST))


def keep_freed_memory(environment: Mapping[str, str] | None = None) -> bool:
    """Ask the C library to keep freed memory for this process; False where it is not asked, or refuses."""
    if not is_glibc() or any(name in (os.environ if environment is None else environment) for name, _, _ in SETTINGS):
        return False
    accepted = [_mallopt()(number, value) for _, number, value in SETTINGS]
    return 0 not in accepted


def is_glibc() -> bool:
    """Whether this process runs on the C library that the settings belong to."""
    return "CS_GNU_LIBC_VERSION" in getattr(os, "confstr_names", {})


def line() -> str:
    """What to start a program with, so that it keeps its freed memory as the command line does."""
    return "export " + " ".join(f"{name}={value}" for name, _, value in SETTINGS)


def _mallopt() -> Callable[[int, int], int]:
    return ctypes.CDLL(None).mallopt
