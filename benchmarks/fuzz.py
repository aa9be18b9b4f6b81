"""Damaged and hostile files for every reader: nothing may crash, hang or allocate more than the file explains.

    python benchmarks/fuzz.py                     every reader for a minute each, as many processes as cores
    python benchmarks/fuzz.py --minutes 10        ten minutes in all, shared among the readers
    python benchmarks/fuzz.py --only npy,model    some of the readers
    python benchmarks/fuzz.py --case model:7:123  one input again, as a finding names it

Each input is a valid file that was damaged in one to four ways, or plain noise: a function of the reader, a worker's
number and the input's number. A reader may give rows, or refuse with a VitralError; what it may not do is a finding:
any other exception, more than a second, or more memory than twice the file (of a compressed file: than twice what
the reader promises to unpack) and a megabyte. Results go to results/fuzz.json; with findings the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from fuzz_readers import READERS, Reader

from vitral.core.randomness import stream
from vitral.environment import cores, show_versions
from vitral.errors import VitralError
from vitral.persistence import write_json

RESULTS = Path(__file__).resolve().parent / "results" / "fuzz.json"
SECONDS = 1.0  # that one input may take
ALLOWANCE = 1_000_000  # bytes of Python's own beside what the file explains
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
NUMBERS = (b"-1", b"0", b"1e999", b"nan", b"99999999999999999999")
TEXTS = (*NUMBERS, b"{" * 200, b"[" * 200, b'"', b"\\u0000", b"\x00", b"\xff")


class Finding(NamedTuple):
    """What a reader should not have done, and the input that made it do so."""

    case: str
    what: str


class Tally(NamedTuple):
    """What one worker saw of one reader."""

    inputs: int
    read: int
    slowest: float
    most: float
    findings: list[Finding]


def damaged(seeds: list[bytes], rng: np.random.Generator) -> bytes:
    """A valid file with one to four kinds of damage, or, one time in fifty, noise."""
    if rng.random() < 0.02:
        return rng.bytes(int(rng.integers(0, 400)))
    content = bytearray(seeds[int(rng.integers(len(seeds)))])
    for _ in range(int(rng.integers(1, 5))):
        DAMAGE[int(rng.integers(len(DAMAGE)))](content, seeds, rng)
    return bytes(content)


def place(content: bytearray, rng: np.random.Generator) -> int:
    """Somewhere in the file; the first kilobyte, where headers are, as often as all the rest."""
    reach = min(len(content), 1000) if rng.random() < 0.5 else len(content)
    return int(rng.integers(reach + 1))


def flip(content: bytearray, seeds: list[bytes], rng: np.random.Generator) -> None:
    if content:
        content[place(content, rng) % len(content)] ^= 1 << int(rng.integers(8))


def cut_short(content: bytearray, seeds: list[bytes], rng: np.random.Generator) -> None:
    del content[place(content, rng) :]


def remove(content: bytearray, seeds: list[bytes], rng: np.random.Generator) -> None:
    first = place(content, rng)
    del content[first : first + int(rng.integers(1, 64))]


def repeat(content: bytearray, seeds: list[bytes], rng: np.random.Generator) -> None:
    first = place(content, rng)
    piece = content[first : first + int(rng.integers(1, 64))]
    content[first:first] = piece * int(rng.integers(1, 20))


def splice(content: bytearray, seeds: list[bytes], rng: np.random.Generator) -> None:
    other = seeds[int(rng.integers(len(seeds)))]
    content[place(content, rng) :] = other[place(bytearray(other), rng) :]


def extreme_number(content: bytearray, seeds: list[bytes], rng: np.random.Generator) -> None:
    """A binary number of 1 to 8 bytes, either end first."""
    size, first = int(rng.choice([1, 2, 4, 8])), place(content, rng)
    number = EXTREMES[int(rng.integers(len(EXTREMES)))] % 256**size
    content[first : first + size] = number.to_bytes(size, "little" if rng.random() < 0.5 else "big")


def other_text(content: bytearray, seeds: list[bytes], rng: np.random.Generator) -> None:
    """Something else in the place of a number in the text, if there is one, or anywhere."""
    text = TEXTS[int(rng.integers(len(TEXTS)))]
    digits = [at for at, byte in enumerate(content[:4000]) if 48 <= byte <= 57]
    first = digits[int(rng.integers(len(digits)))] if digits else place(content, rng)
    content[first : first + int(rng.integers(0, 4))] = text


DAMAGE = (flip, cut_short, remove, repeat, splice, extreme_number, other_text)


def inputs(reader: Reader, worker: int) -> Iterator[bytes]:
    """The inputs of one worker, without end."""
    seeds, number = reader.seeds(), 0
    while True:
        yield damaged(seeds, stream(number, f"fuzz {reader.name} {worker}"))
        number += 1


def judged(reader: Reader, path: Path, content: bytes) -> tuple[bool, float, float, str | None]:
    """Whether a file was read, seconds, bytes allocated for each byte explained, and what was wrong if anything was."""
    path.write_bytes(content)
    tracemalloc.reset_peak()
    before, began = tracemalloc.get_traced_memory()[0], time.perf_counter()
    try:
        reader.read(path)
        read, wrong = True, None
    except VitralError:
        read, wrong = False, None
    except Exception as error:  # whatever else a reader raises is what is looked for
        read, wrong = False, f"{type(error).__name__}: {error}"
    seconds, peak = time.perf_counter() - began, tracemalloc.get_traced_memory()[1] - before
    explained = max(reader.explains(content), 1)
    if wrong is None and seconds > SECONDS:
        wrong = f"took {seconds:.1f} seconds"
    if wrong is None and peak > 2 * explained + ALLOWANCE:
        wrong = f"allocated {peak:,} bytes for {explained:,}"
    return read, seconds, max(peak - ALLOWANCE, 0) / explained, wrong


def warm_up(reader: Reader, path: Path) -> None:
    """Read the valid files, so that modules loaded at the first reading count for no input."""
    for content in reader.seeds():
        path.write_bytes(content)
        reader.read(path)


def work(name: str, worker: int, seconds: float) -> Tally:
    """One reader for a while.

    What is found is judged again and has to be found again: now and then a table of the interpreter grows by two
    megabytes, or the machine pauses, and the input that was being read has nothing to do with it.
    """
    reader, until = READERS[name], time.monotonic() + seconds
    done, read, slowest, most, findings = 0, 0, 0.0, 0.0, []
    with tempfile.TemporaryDirectory() as folder:
        warm_up(reader, Path(folder) / reader.file)
        tracemalloc.start()
        for number, content in enumerate(inputs(reader, worker)):
            was_read, took, ratio, wrong = judged(reader, Path(folder) / reader.file, content)
            done, read = done + 1, read + was_read
            slowest, most = max(slowest, took), max(most, ratio)
            if wrong is not None:
                _, _, _, wrong = judged(reader, Path(folder) / reader.file, content)
            if wrong is not None:
                findings.append(Finding(f"{name}:{worker}:{number}", wrong))
            if time.monotonic() > until:
                break
    tracemalloc.stop()
    return Tally(done, read, slowest, most, findings)


def one_case(case: str) -> None:
    """An input again, with the traceback of whatever it makes."""
    name, worker, number = case.split(":")
    reader = READERS[name]
    content = damaged(reader.seeds(), stream(int(number), f"fuzz {name} {worker}"))
    path = Path(tempfile.mkdtemp()) / reader.file
    path.write_bytes(content)
    print(f"{len(content)} bytes at {path}: {content[:300]!r}", flush=True)
    print(reader.read(path))


def fuzz(names: list[str], minutes: float, processes: int) -> dict[str, Any]:
    """Every reader in turn, on all processes."""
    seconds, found = 60.0 * minutes / len(names), {}
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for name in names:
            tallies = list(pool.map(work, [name] * processes, range(processes), [seconds] * processes))
            findings = [finding for tally in tallies for finding in tally.findings]
            found[name] = {
                "inputs": sum(tally.inputs for tally in tallies),
                "read": sum(tally.read for tally in tallies),
                "slowest_seconds": round(max(tally.slowest for tally in tallies), 3),
                "most_allocated_ratio": round(max(tally.most for tally in tallies), 2),
                "findings": [finding._asdict() for finding in findings],
            }
            told = found[name]
            print(
                f"{name:12} {told['inputs']:8} inputs, {told['read']} read, slowest {told['slowest_seconds']} s, "
                f"most memory {told['most_allocated_ratio']} times, {len(findings)} findings",
                flush=True,
            )
            for kind in sorted({finding.what for finding in findings})[:10]:
                example = next(finding for finding in findings if finding.what == kind)
                print(f"    {example.case}: {kind[:300]}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, help="in all [default: one for each reader]")
    parser.add_argument("--only", help="readers, with commas between: " + ", ".join(READERS))
    parser.add_argument("--case", help="one input again, as a finding names it")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the results go [default: results/fuzz.json]")
    asked = parser.parse_args()
    if asked.case:
        one_case(asked.case)
        return 0
    names = asked.only.split(",") if asked.only else list(READERS)
    if strange := set(names) - set(READERS):
        parser.error(f"unknown readers {', '.join(sorted(strange))}: there are {', '.join(READERS)}")
    minutes = asked.minutes or float(len(names))
    found = fuzz(names, minutes, cores())
    facts = {"date": datetime.now(UTC).date().isoformat(), "minutes": minutes, "processes": cores()}
    write_json(asked.out, {**facts, "machine": show_versions(), "readers": found})
    return 1 if any(one["findings"] for one in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
