"""Every codec: pop undoes push, push undoes pop, and the length is that of the probabilities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitral.applications.compression.ans import Message, supply
from vitral.applications.compression.bitsback import _flushed, _unflushed
from vitral.applications.compression.codecs import Bernoulli, Codec, Sought, Table, Uniform
from vitral.applications.compression.gaussians import Buckets, Gaussian, Posterior
from vitral.applications.compression.tables import FINE, latent_tables
from vitral.errors import FileError


def uniform(rng: np.random.Generator, size: int) -> Codec:
    return Uniform(size, int(rng.integers(1, 20)))


def bernoulli(rng: np.random.Generator, size: int) -> Codec:
    bits = int(rng.integers(2, 24))
    extreme = rng.random(size) < 0.2
    return Bernoulli(np.where(extreme, 1, rng.integers(1, 1 << bits, size)), bits)


def edges(rng: np.random.Generator, size: int, classes: int, bits: int) -> np.ndarray:
    """Borders of classes of which some have one slot only, and one nearly all."""
    masses = rng.dirichlet(np.full(classes, 0.1), size)
    inner = np.cumsum(np.floor(masses * ((1 << bits) - classes)), axis=1).astype(np.int64)
    made = np.concatenate([np.zeros((size, 1), np.int64), inner + np.arange(1, classes + 1)], axis=1)
    made[:, -1] = 1 << bits
    return made


def table(rng: np.random.Generator, size: int) -> Codec:
    bits = int(rng.integers(8, 25))
    return Table(edges(rng, size, int(rng.integers(2, 200)), bits), bits)


def sought(rng: np.random.Generator, size: int) -> Codec:
    bits = int(rng.integers(8, 25))
    depth = int(rng.integers(1, 8))
    borders = edges(rng, size, 1 << depth, bits)
    return Sought(size, depth, lambda row, k: borders[np.arange(size)[row], k], bits)


TABLES = latent_tables()
BUCKETS = Buckets(TABLES["borders"], TABLES["normal"].astype(np.int64))


def gaussians(rng: np.random.Generator, shape: tuple[int, ...], spread: float) -> Gaussian:
    """Means, and deviations from far below a bucket to far beyond all of them."""
    mean = np.rint(spread * rng.standard_normal(shape) * 2.0**FINE)
    return Gaussian(mean.astype(np.int64), np.rint(np.exp(rng.uniform(-7, 7, shape)) * 2.0**FINE).astype(np.int64))


def posterior(rng: np.random.Generator, size: int) -> Codec:
    """Under a standard normal, or under a Gaussian of its own."""
    prior = gaussians(rng, (size, 1), 3.0) if rng.random() < 0.5 else None
    return Posterior(gaussians(rng, (size, 1), 2.0), prior, BUCKETS)


MADE = {"uniform": uniform, "bernoulli": bernoulli, "table": table, "sought": sought, "posterior": posterior}


def symbols_of(codec: Codec, rng: np.random.Generator) -> np.ndarray:
    """Symbols drawn with the codec's own probabilities: what its slots name."""
    slots = rng.integers(0, 1 << codec.bits, codec.size)
    return codec.locate(slice(0, codec.size), slots)[0]


def message(rng: np.random.Generator, lanes: int, words: int = 4000) -> Message:
    """A message that has something on it."""
    made = Message(np.empty(0, np.int64), rng.integers(0, 2**16, words).astype(np.uint16))
    made.widen(lanes)
    return made


def contents(given: Message) -> tuple[list[int], list[int]]:
    return given.heads.tolist(), given.words.tolist()


@pytest.mark.parametrize("name", MADE)
@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(0, 70), lanes=st.integers(1, 40))
def test_pop_undoes_push(name: str, seed: int, size: int, lanes: int) -> None:
    rng = np.random.default_rng(seed)
    codec, ours = MADE[name](rng, size), message(rng, lanes)
    symbols, before = symbols_of(codec, rng), contents(ours)
    codec.push(ours, symbols)
    assert np.array_equal(symbols, codec.pop(ours))
    assert before == contents(ours)


@pytest.mark.parametrize("name", MADE)
@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(0, 70), lanes=st.integers(1, 40))
def test_push_undoes_pop(name: str, seed: int, size: int, lanes: int) -> None:
    """What bits-back coding rests on: bits that were taken for a draw come back whole."""
    rng = np.random.default_rng(seed)
    codec, ours = MADE[name](rng, size), message(rng, lanes)
    before = contents(ours)
    codec.push(ours, codec.pop(ours))
    assert before == contents(ours)


@pytest.mark.parametrize("name", MADE)
def test_the_length_is_that_of_the_probabilities(name: str) -> None:
    """Within 0.02 bits a symbol, and no head is worth more than its own bits."""
    rng = np.random.default_rng(3)
    codec, ours = MADE[name](rng, 20_000), message(rng, 16)
    before = length(ours)
    symbols = symbols_of(codec, rng)
    codec.push(ours, symbols)
    assert codec.bits_of(symbols) == pytest.approx(length(ours) - before, rel=1e-3, abs=2.0)


def length(given: Message) -> float:
    return 16.0 * len(given.words) + float(np.log2(given.heads).sum())


def test_what_is_popped_follows_the_probabilities() -> None:
    """Words that are evenly spread give symbols with the masses of the table: a chi-square of 9 degrees below 33."""
    borders = np.array([0, 1, 20, 300, 5000, 5001, 9000, 20000, 40000, 60000, 65536])
    made = Message.empty()
    made.widen(64)
    popped = Table(np.broadcast_to(borders, (50_000, 11)), 16).pop(made)
    expected = np.diff(borders) / 65536 * 50_000
    some = expected > 5
    counts = np.bincount(popped, minlength=10)
    assert ((counts - expected)[some] ** 2 / expected[some]).sum() < 33.0


@pytest.mark.parametrize("stretched", [False, True])
def test_every_slot_of_a_posterior_lies_in_its_bucket(stretched: bool) -> None:
    """All 65,536 slots of some Gaussians: what is solved for agrees with the masses, to the last one."""
    rng = np.random.default_rng(int(stretched))
    slots = np.arange(2**16)
    for _ in range(20):
        ones = np.ones((len(slots), 1), np.int64)
        q, prior = (Gaussian(*(each * ones for each in gaussians(rng, (1, 1), 2.0))) for _ in range(2))
        codec = Posterior(q, prior if stretched else None, BUCKETS)
        symbols, (starts, frequencies) = codec.locate(slice(0, len(slots)), slots)
        assert ((starts <= slots) & (slots < starts + frequencies)).all()
        assert np.array_equal(starts, codec.intervals(symbols)[0])


def test_the_masses_of_a_posterior_are_those_of_its_gaussian() -> None:
    """Every border within three units of 2^-16 of the normal CDF."""
    from scipy.special import ndtr, ndtri

    k = np.arange(1, 4096)
    for mu, sigma in ((0.0, 1.0), (1.3, 0.2), (-2.5, 0.01), (0.2, 5.0)):
        q = Gaussian(*(np.full((len(k), 1), round(number * 2**FINE)) for number in (mu, 1.0 / sigma)))
        found = Posterior(q, None, BUCKETS).intervals(k)[0]
        assert ndtr((ndtri(k / 4096) - mu) / sigma) * 2**16 == pytest.approx(found, abs=3.0 + 0.02 / sigma)


def test_the_supply_never_changes() -> None:
    """It is part of every encoder: other words would give other bytes for the same rows."""
    assert supply(0, 6).tolist() == [57888, 28280, 1732, 63627, 6969, 21451]
    assert np.array_equal(supply(0, 10)[3:], supply(3, 10))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(2**32, 2**48 - 1), min_size=1, max_size=20), st.lists(st.integers(0, 2**16 - 1)))
def test_heads_and_words_become_bytes_and_come_back(heads: list[int], words: list[int]) -> None:
    ours = Message(np.array(heads), np.array(words, np.uint16))
    assert contents(ours) == contents(_unflushed(_flushed(ours), len(heads)))


def test_a_decoder_that_runs_out_of_words_says_so() -> None:
    ours = Message(np.array([2**32]), np.empty(0, np.uint16))
    with pytest.raises(FileError, match="too early"):
        Uniform(4, 16).pop(ours)


def test_a_symbol_without_a_mass_cannot_be_pushed() -> None:
    with pytest.raises(FileError, match="no probability"):
        Table(np.array([[0, 5, 5, 16]]), 4).push(message(np.random.default_rng(0), 1), np.array([1]))


def test_lanes_that_do_not_end_as_they_began_are_noticed() -> None:
    ours = message(np.random.default_rng(0), 4)
    Uniform(4, 9).push(ours, np.arange(4))
    with pytest.raises(FileError, match="lanes"):
        ours.narrow(0)


def test_an_independent_coder_needs_as_many_bits() -> None:
    """The package constriction, given the same bits with the same probabilities: the same length, to a thousandth."""
    constriction = pytest.importorskip("constriction")
    rng = np.random.default_rng(5)
    codec, ours = Bernoulli(rng.integers(1, 2**16, 30_000)), message(rng, 8)
    symbols, before = symbols_of(codec, rng), length(ours)
    codec.push(ours, symbols)
    theirs = constriction.stream.stack.AnsCoder()
    ones = 1.0 - codec.zeros / 2.0**16
    theirs.encode_reverse(symbols.astype(np.int32), constriction.stream.model.Bernoulli(perfect=False), ones)
    assert theirs.num_valid_bits() == pytest.approx(length(ours) - before, rel=1e-3, abs=64.0)  # its own head
