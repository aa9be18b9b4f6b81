"""Bits-back coding (Townsend, Bird and Barber 2019) of rows by an integer model.

To code a row is to pop its code z from the message with q(z given x), then to push x with p(x given z), then z with
p(z): log q - log p(x given z) - log p(z) bits are added, in the mean the negative ELBO. The bits that the first rows
pop come from a supply; rows are coded in batches that grow with what the message holds, so that later rows never
need it and many are coded at once. Derivation: docs/derivations/bits_back.md.
"""

from __future__ import annotations

from itertools import accumulate

import numpy as np

from vitral.applications.compression.ans import LOW, WORD, Message
from vitral.applications.compression.codecs import Uniform
from vitral.applications.compression.integer import IntegerModel
from vitral.errors import DataError, FileError

LEAST = 32  # the share of all rows so far that a batch has at least
LANES = 8  # heads for each row of a batch
MOST_LANES = {2: 512, 256: 2048}  # by levels: what a head costs at the end is less beside rows of bytes
MOST_ROWS = 1024  # of a batch
WIDE = 2**20  # and at most so many numbers of a row's features in one


def encoded(model: IntegerModel, rows: np.ndarray) -> bytes:
    """Rows (n, D) of whole levels as bytes; the same rows give the same bytes.

    Raises DataError for rows of another size and for what is not a level of the model.
    """
    checked = _checked(model, rows)
    message, need, at = Message.empty(), 0.0, 0
    sizes: list[int] = []
    while at < len(checked):
        size = _next_size(model, message, sizes, need, len(checked) - at)
        need = push_rows(model, message, checked[at : at + size].astype(np.int64))
        sizes.append(size)
        at += size
    return _header(sizes) + _flushed(message) if sizes else b""


def decoded(model: IntegerModel, content: bytes, n: int) -> np.ndarray:
    """The n rows (n, D) that were encoded; raises FileError for bytes that ``encoded`` does not give."""
    if n == 0 and not content:
        return np.empty((0, model.features), np.uint8)
    sizes, rest = _sizes(content, n)
    if max(sizes) > most_rows(model):
        raise FileError("the coded data are damaged: a batch is larger than any; restore them from a copy")
    lanes = [_lanes(model, largest) for largest in accumulate(sizes, max)]
    message = _unflushed(rest, lanes[-1])
    rows = np.empty((n, model.features), np.uint8)
    at = n
    for index in reversed(range(len(sizes))):
        rows[at - sizes[index] : at] = pop_rows(model, message, sizes[index])
        at -= sizes[index]
        message.narrow(lanes[index - 1] if index else 0)
    message.check_spent()
    return rows


def push_rows(model: IntegerModel, message: Message, rows: np.ndarray) -> float:
    """Code rows (n, D) together; how many words of the message a row needed, most of which it gave back."""
    start = len(message.words) - message.drawn
    message.widen(_lanes(model, len(rows)))
    h = model.encoded(rows)
    above, chosen, every_z = None, [], []
    for latents in model.latents:
        prior = model.prior(above)
        bucket = model.posterior(h, above, prior).pop(message).reshape(len(rows), latents)
        above = model.z(bucket, prior)
        chosen.append(bucket)
        every_z.append(above)
    need = (start - (len(message.words) - message.drawn)) / len(rows)
    model.likelihood(_joined(every_z)).push(message, rows.ravel())
    for bucket in reversed(chosen):
        Uniform(bucket.size, model.depth).push(message, bucket.ravel())
    return need


def pop_rows(model: IntegerModel, message: Message, n: int) -> np.ndarray:
    """The inverse of ``push_rows``, but for the lanes: n rows (n, D)."""
    above: np.ndarray | None = None
    layers, every_z = [], []
    for latents in model.latents:
        prior = model.prior(above)
        bucket = Uniform(n * latents, model.depth).pop(message).reshape(n, latents)
        layers.append((above, prior, bucket))
        above = model.z(bucket, prior)
        every_z.append(above)
    rows = model.likelihood(_joined(every_z)).pop(message)
    rows = rows.reshape(n, model.features)
    h = model.encoded(rows)
    for above, prior, bucket in reversed(layers):
        model.posterior(h, above, prior).push(message, bucket.ravel())
    return rows


def _joined(every_z: list[np.ndarray]) -> np.ndarray:
    """z of all layers, the lower one first, as models have them."""
    return np.concatenate(every_z[::-1], axis=1)


def _next_size(model: IntegerModel, message: Message, sizes: list[int], need: float, left: int) -> int:
    """As many rows as the words at hand are enough for, at most twice as many as before.

    At least a 32nd of those before, and one: rows that cost next to nothing would else be coded one by one.
    """
    if not sizes:
        return 1
    most = min(2 * sizes[-1], most_rows(model), left)
    widening = 2.0 * LANES if message.lanes < MOST_LANES[model.levels] else 0.0
    enough = int(0.9 * len(message.words) / (need + widening + 1.0))
    return max(1, min(most, max(enough, sum(sizes) // LEAST)))


def most_rows(model: IntegerModel) -> int:
    """How many rows are coded together at most: what they need in memory stays within a few hundred megabytes."""
    return max(1, min(MOST_ROWS, WIDE // model.features))


def _lanes(model: IntegerModel, largest: int) -> int:
    """How many lanes there are once the largest batch had so many rows; they never become fewer."""
    return min(MOST_LANES[model.levels], LANES * largest)


def _checked(model: IntegerModel, rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows)
    if rows.ndim != 2 or rows.shape[1] != model.features:
        raise DataError(f"rows have shape {rows.shape}, and the model codes rows of {model.features}: reshape them")
    if rows.dtype.kind not in "biu":
        raise DataError(f"rows hold {rows.dtype} numbers, and a codec needs whole levels: convert them to integers")
    if rows.size and (int(rows.min()) < 0 or int(rows.max()) >= model.levels):
        raise DataError(
            f"rows hold values from {rows.min()} to {rows.max()}, and the model codes 0 to {model.levels - 1}: "
            "use a model of that range"
        )
    return rows.astype(np.uint8)


def _header(sizes: list[int]) -> bytes:
    """How many batches there are, and their sizes: seven bits a byte, the lowest first."""
    return b"".join(_number(n) for n in (len(sizes), *sizes))


def _number(n: int) -> bytes:
    out = bytearray()
    while n >= 128:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes([*out, n])


def _sizes(content: bytes, n: int) -> tuple[list[int], bytes]:
    """The sizes of the batches, which are n rows together, and what follows them."""
    count, at = _read_number(content, 0)
    if not 1 <= count <= n:
        raise FileError("the coded data are damaged: no such number of batches; restore them from a copy")
    sizes = []
    for _ in range(count):
        size, at = _read_number(content, at)
        sizes.append(size)
    if min(sizes) < 1 or sum(sizes) != n:
        raise FileError(f"the coded data are damaged: their batches are not {n} rows; restore them from a copy")
    return sizes, content[at:]


def _read_number(content: bytes, at: int) -> tuple[int, int]:
    n = 0
    for place in range(5):
        if at >= len(content):
            break
        byte = content[at]
        at += 1
        n |= (byte & 127) << (7 * place)
        if byte < 128:
            return n, at
    raise FileError("the coded data are damaged: their sizes cannot be read; restore them from a copy")


def _flushed(message: Message) -> bytes:
    """Heads and words: of every head how many bits it has beyond LOW, four bits, and all of them but the first."""
    heads = message.heads
    beyond = (heads[:, None] >> np.arange(LOW + 1, LOW + WORD) > 0).sum(axis=1)
    lengths, numbers = _in_bits(beyond, 4), _in_bits(heads, LOW + WORD)[_kept(beyond)]
    return np.packbits(np.concatenate([lengths.ravel(), numbers])).tobytes() + message.words.astype("<u2").tobytes()


def _unflushed(content: bytes, lanes: int) -> Message:
    """The inverse of ``_flushed``, of a message that is read to its end."""
    most = lanes * (4 + LOW + WORD) // 8 + 1
    bits = np.unpackbits(np.frombuffer(content[:most], np.uint8)).astype(np.int64)
    beyond = _of_bits(_cut(bits, 0, 4 * lanes).reshape(lanes, 4))
    kept = _kept(beyond)
    end = 4 * lanes + int(kept.sum())
    whole = np.zeros(kept.shape, np.int64)
    whole[kept] = _cut(bits, 4 * lanes, end)
    stop = -(-end // 8)
    if (len(content) - stop) % 2 or bits[end : 8 * stop].any():
        raise FileError("the coded data are damaged: they end within a word; restore them from a copy")
    heads = _of_bits(whole) + (np.int64(1) << (LOW + beyond))
    return Message(heads, np.frombuffer(content[stop:], "<u2"))


def _kept(beyond: np.ndarray) -> np.ndarray:
    """Which of LOW + WORD bits, the highest first, follow the first one of numbers that have so many beyond LOW."""
    return np.arange(LOW + WORD)[::-1] < LOW + beyond[:, None]


def _in_bits(numbers: np.ndarray, count: int) -> np.ndarray:
    return (numbers[:, None] >> np.arange(count)[::-1] & 1).astype(np.uint8)


def _of_bits(bits: np.ndarray) -> np.ndarray:
    return np.asarray((bits << np.arange(bits.shape[1])[::-1]).sum(axis=1))


def _cut(bits: np.ndarray, start: int, stop: int) -> np.ndarray:
    if stop > len(bits):
        raise FileError("the coded data end too early: they are cut or damaged; restore them from a copy")
    return bits[start:stop]
