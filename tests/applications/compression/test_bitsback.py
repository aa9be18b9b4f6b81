"""Rows become bytes and come back, whatever they are; damaged bytes are noticed; the length is the ELBO's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.applications.compression.models import KINDS, draws, integer, trained
from vitral.applications.compression.bitsback import decoded, encoded
from vitral.errors import DataError, FileError


@pytest.mark.parametrize("parts, levels", KINDS)
@pytest.mark.parametrize("n", [0, 1, 2, 37])
def test_rows_come_back_as_they_were(parts: str, levels: int, n: int) -> None:
    model = integer(parts, levels)
    rows = draws(trained(parts, levels), n) if n else np.empty((0, 64), np.uint8)
    content = encoded(model, rows)
    assert content == encoded(model, rows)
    assert np.array_equal(rows, decoded(model, content, n))


@pytest.mark.parametrize("levels", [2, 256])
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 12), share=st.floats(0.0, 1.0))
def test_rows_that_the_model_never_saw_come_back_too(levels: int, seed: int, n: int, share: float) -> None:
    """Noise, nearly constant rows and anything between: only the length depends on how likely they are."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, levels, (n, 64))
    rows = np.where(rng.random((n, 64)) < share, noise, levels - 1)
    model = integer("dense", levels)
    assert np.array_equal(rows, decoded(model, encoded(model, rows), n))


def test_every_bit_that_is_flipped_is_noticed() -> None:
    """By the codec itself: a message ends as it began, or is damaged."""
    model, rows = integer(), draws(trained(), 6)
    content = encoded(model, rows)
    for bit in range(8 * len(content)):
        harmed = bytearray(content)
        harmed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FileError):
            decoded(model, bytes(harmed), 6)


@pytest.mark.parametrize("levels", [2, 256])
def test_every_cut_is_noticed(levels: int) -> None:
    model, rows = integer("dense", levels), draws(trained("dense", levels), 3)
    content = encoded(model, rows)
    for length in range(len(content)):
        with pytest.raises(FileError):
            decoded(model, content[:length], 3)
    for n in (0, 1, 2, 4, 10**9):
        with pytest.raises(FileError):
            decoded(model, content, n)


@settings(deadline=None, max_examples=200)
@given(content=st.binary(max_size=400), n=st.integers(0, 40))
def test_any_bytes_are_rows_or_refused(content: bytes, n: int) -> None:
    model = integer()
    try:
        rows = decoded(model, content, n)
    except FileError:
        return
    assert encoded(model, rows) is not None


@pytest.mark.parametrize(
    "rows, what",
    [
        (np.zeros((3, 63), np.uint8), "rows of 64"),
        (np.zeros(64, np.uint8), "rows of 64"),
        (np.zeros((3, 64)), "whole levels"),
        (np.full((3, 64), 2), "0 to 1"),
        (np.full((3, 64), -1), "0 to 1"),
    ],
)
def test_rows_that_do_not_fit_are_refused(rows: np.ndarray, what: str) -> None:
    with pytest.raises(DataError, match=what):
        encoded(integer(), rows)


def test_another_model_does_not_decode() -> None:
    content = encoded(integer(seed=0), draws(trained(seed=0), 20))
    with pytest.raises(FileError):
        decoded(integer(seed=1), content, 20)
