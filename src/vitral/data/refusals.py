"""The sentence about a file that cannot be read, and what every reader checks first."""

from __future__ import annotations

from pathlib import Path

from vitral.errors import DataError, ResourceError

EXPANSION, SMALL = 250, 16 * 2**20  # a compressed file may hold 250 times its size, or 16 MiB where that is more


def refused(name: object, why: object, remedy: str = "save it again with numpy.save") -> DataError:
    """The error for a file: its name, what is wrong, what helps."""
    return DataError(f"cannot read {name}: {why}; {remedy}")


def check_is_file(path: Path) -> None:
    """Refuse what does not exist, and what is no plain file: a pipe would be waited for."""
    if not path.exists():
        raise DataError(f"no such file: {path}; check the path")
    if not path.is_file():
        raise refused(path, "it is not a file", "check the path")


def check_expansion(path: Path, promised: int) -> None:
    """Refuse a compressed file that promises more than such files hold, before anything is unpacked."""
    size = path.stat().st_size
    if promised > max(EXPANSION * size, SMALL):
        raise refused(
            path,
            f"its {size:,} bytes promise {promised:,} unpacked, more than {EXPANSION} times as many",
            "if that is meant, unpack it and save the rows as .npy",
        )


def too_large(name: object, size: int) -> ResourceError:
    """The error for rows that do not fit into the memory."""
    return ResourceError(
        f"{name} holds {size:,} bytes, more than there is memory: save the rows as .npy, which is read in blocks"
    )
