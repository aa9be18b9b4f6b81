"""The fuzzer finds what is planted, and every reader stands a short run of it; `benchmarks/fuzz.py` runs for longer."""

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from vitral.core.randomness import stream
from vitral.errors import FileError

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def fuzz():
    """benchmarks/fuzz.py as a module; it imports its neighbour."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import fuzz

        yield fuzz
    finally:
        sys.path.remove(str(BENCHMARKS))


def refuses(path):
    raise FileError("no")


def raises(path):
    raise KeyError("defect")


def hangs(path):
    time.sleep(1.05)


def hoards(path):
    np.zeros(3_000_000, np.uint8)


PLANTED = [(len, "TypeError"), (raises, "KeyError: 'defect'"), (hangs, "took 1."), (hoards, "allocated 3,0")]


@pytest.mark.parametrize("read, what", [*PLANTED, (refuses, None)])
def test_what_a_reader_may_not_do_is_found(fuzz, tmp_path, read, what):
    fuzz.tracemalloc.start()
    reader = fuzz.Reader("planted", "file", read, lambda: [b"valid"])
    _, _, _, wrong = fuzz.judged(reader, tmp_path / "file", b"content")
    fuzz.tracemalloc.stop()
    assert (wrong is None) if what is None else wrong.startswith(what)


def test_an_input_is_a_function_of_its_case(fuzz):
    seeds = [bytes(range(200)), b"other" * 50]
    once, again = ([fuzz.damaged(seeds, stream(n, "case")) for n in range(50)] for _ in range(2))
    assert once == again
    assert len(set(once)) > 45


@pytest.mark.parametrize("damage", ["flip", "cut_short", "remove", "repeat", "splice", "extreme_number", "other_text"])
def test_every_damage_changes_a_file_and_survives_an_empty_one(fuzz, damage):
    seeds = [bytes(range(1, 200)), b"12345" * 50]
    changed = 0
    for n in range(40):
        content = bytearray(seeds[0])
        getattr(fuzz, damage)(content, seeds, stream(n, "damage"))
        changed += bytes(content) != seeds[0]
        getattr(fuzz, damage)(bytearray(), seeds, stream(n, "damage"))
    assert changed > 30


def test_the_files_that_are_damaged_are_valid_before(fuzz, tmp_path):
    for reader in fuzz.READERS.values():
        (tmp_path / reader.name).mkdir()
        assert reader.seeds()
        fuzz.warm_up(reader, tmp_path / reader.name / reader.file)
