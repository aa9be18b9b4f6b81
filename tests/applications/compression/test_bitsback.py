"""Rows become bytes and come back, whatever they are; damaged bytes are noticed; the length is the ELBO's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.applications.compression.models import KINDS, draws, integer, trained
from vitral.applications.compression.ans import Message
from vitral.applications.compression.bitsback import _sizes, decoded, encoded
from vitral.applications.compression.codecs import Codec
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


@pytest.mark.parametrize("parts, levels", KINDS)
def test_the_length_is_what_the_probabilities_ask_for(parts: str, levels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What codes give less what they take; never less, and more only by the first row, four bits a lane, the header."""
    asked = []
    push, pop = Codec.push, Codec.pop

    def popped(codec: Codec, message: Message) -> np.ndarray:
        symbols = pop(codec, message)
        asked.append(-codec.bits_of(symbols))
        return symbols

    def pushed(codec: Codec, message: Message, symbols: np.ndarray) -> None:
        asked.append(codec.bits_of(symbols))
        push(codec, message, symbols)

    monkeypatch.setattr(Codec, "pop", popped)
    monkeypatch.setattr(Codec, "push", pushed)
    model = integer(parts, levels)
    content = encoded(model, draws(trained(parts, levels), 300))
    sizes, _ = _sizes(content, 300)
    first_row, lanes = 12 * model.latent + 32 * 8, 8 * max(sizes)
    assert 0.0 <= 8 * len(content) - sum(asked) <= 2 * first_row + 4 * lanes + 8 * 2 * len(sizes) + 0.001 * sum(asked)


@pytest.mark.parametrize("parts, levels", KINDS)
def test_the_probabilities_are_those_of_the_model(parts: str, levels: int) -> None:
    """-log2 p(x given z) at the same z in integers and in floating point: within half a percent for all rows."""
    ours, model = trained(parts, levels), integer(parts, levels)
    p, rng = ours.model.views(ours.theta), np.random.default_rng(0)
    z = 0.5 * rng.standard_normal((200, 8))
    o = ours.model.decoder_output(p, z)
    x = ours.model.likelihood.sample(p.likelihood, o, rng)
    nats, _ = ours.model.likelihood.log_prob(p.likelihood, x, o)
    codec = model.likelihood(np.rint(z * 2.0**12))
    bits = codec.bits_of(np.rint(x * (levels - 1)).astype(np.int64).ravel())
    assert -nats.sum() / np.log(2.0) == pytest.approx(bits, rel=0.005)


def test_every_bit_that_is_flipped_is_noticed() -> None:
    """By the codec itself: a message ends as it began, or is damaged."""
    model, rows = integer(), draws(trained(), 3)
    content = encoded(model, rows)
    for bit in range(8 * len(content)):
        harmed = bytearray(content)
        harmed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FileError):
            decoded(model, bytes(harmed), 3)


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
