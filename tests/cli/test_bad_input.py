"""Bad input: one sentence that says what is wrong and what helps, the right exit code, and nothing lost."""

import sys

import numpy as np
import pytest

from tests.cli.bad_input import CASES, ROWS, answer, cases, kept, make

KEPT = kept()


@pytest.fixture
def bad(folder):
    """A folder full of good and bad files."""
    make(folder)
    return folder


def contents(folder):
    """Every file of a folder with its bytes."""
    return {path: path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


@pytest.mark.parametrize("words", cases())
def test_bad_input_gets_the_one_sentence_that_the_page_says(bad, words):
    """`python -m tests.cli.bad_input` writes the page anew."""
    before = contents(bad)
    code, out, said = answer(words)
    assert (code, out) == (KEPT[words][0], "")
    if sys.platform == "linux":  # the words of a system error are the system's own
        assert said == KEPT[words][1]
    assert contents(bad) == before


def test_the_page_has_every_case_and_each_is_one_sentence_of_an_error():
    assert list(KEPT) == cases()
    assert len(KEPT) > 100
    for code, said in KEPT.values():
        assert code in (1, 2, 3, 4, 5)
        assert said.startswith("vitral: usage: " if code == 2 else "vitral: error: ")
        assert "\n" not in said
        assert "Traceback" not in said
    assert all(lines.strip() for lines in CASES.values())


def test_a_model_file_with_one_flipped_bit_is_refused(bad, folder, trained):
    content = bytearray((trained / "models" / "latent-2.safetensors").read_bytes())
    content[-5] ^= 1
    (folder / "flipped.safetensors").write_bytes(content)
    code, _, said = answer("sample flipped.safetensors -o s.npy")
    assert code == 4
    assert "SHA-256" in said
    assert not (folder / "s.npy").exists()


def test_a_model_of_rows_draws_no_picture_but_writes_arrays(run, folder):
    np.save("rows.npy", ROWS)
    assert run("train", "rows.npy", "--epochs", "1", "--hidden", "4", "--out", "rows").code == 0
    answer = run("sample", "rows", "-o", "s.png")
    assert answer.code == 2
    assert "-o name.npy" in answer.err
    assert run("sample", "rows", "-o", "s.npy").code == 0
    assert np.load("s.npy").shape == (40, 5)


def test_a_training_that_diverges_says_step_and_term(run):
    answer = run("train", "digits", "--rate", "1e9", "--epochs", "1", "--out", "far", "--quiet")
    assert answer.code == 1
    assert "diverged at step" in answer.err
    assert "training.rate" in answer.err
