"""The compressed file: what comes back, what it costs, and what damage it sees. Format: docs/compressed_file.md."""

import io
import json
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.applications.compression.coders import BITS, LEVELS, WIDTH, coder, drawn, trained
from vitral.applications.compression import archive, chunks, container
from vitral.applications.compression.archive import (
    compress,
    compressed,
    decompress,
    decompressed,
    embedded_size,
)
from vitral.applications.compression.container import assembled, crc_of, parsed, start_of
from vitral.applications.compression.originals import of_array
from vitral.applications.compression.salvage import salvaged
from vitral.core.randomness import stream
from vitral.errors import DataError, FileError, ResourceError, UsageError

DTYPES = ["|b1", "|u1", "|i1", "<u2", ">u2", "<i2", ">i4", "<i4", "<u4", ">i8", "<i8", "<u8"]


def methods(content):
    header, _ = parsed("f", content)
    return [chunk.method for chunk in header.chunks]


def overhead(content):
    """Bytes of a file that are no chunk."""
    header, _ = parsed("f", content)
    return len(content) - sum(chunk.length for chunk in header.chunks)


def bits(rows):
    return drawn(BITS, rows)


@pytest.fixture
def small_chunks(monkeypatch):
    """Ten rows a chunk, so that small files have several."""
    monkeypatch.setattr(archive, "rows_in_chunk", lambda features: 10)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(0, WIDTH), (1, WIDTH), (7, 5, 12), (7, 5, 12, 1)])
@pytest.mark.parametrize("kind", [BITS, LEVELS])
def test_an_array_comes_back_with_its_values_shape_dtype_and_order(dtype, shape, kind):
    array = stream(1, "values").integers(0, 2, shape).astype(dtype)
    for given_array in (array, np.asfortranarray(array)):
        back = decompress(compress(given_array, coder(kind)), coder(kind))
        assert (back.dtype.str, back.shape) == (array.dtype.str, shape)
        assert np.array_equal(back, array)
        assert back.flags.f_contiguous == given_array.flags.f_contiguous


@given(st.sampled_from(DTYPES).flatmap(lambda dtype: arrays(dtype, st.tuples(st.integers(0, 9), st.just(WIDTH)))))
def test_any_integers_come_back_in_no_more_bytes_than_they_have_and_a_header(array):
    """Also those that the model has never seen: values outside of its levels are stored, or left to zlib."""
    content = compress(array, coder(LEVELS))
    assert np.array_equal(decompress(content, coder(LEVELS)), array)
    assert len(content) <= array.nbytes + overhead(content)


@pytest.mark.parametrize("value", [0, 1, 254, 255])
def test_constant_rows_and_noise_take_no_more_than_zlib_or_than_they_have(value):
    constant = np.full((200, WIDTH), value, np.uint8)
    noise = stream(2, "noise").integers(0, 256, (200, WIDTH), dtype=np.uint8)
    for rows in (constant, noise):
        content = compress(rows, coder(LEVELS))
        assert len(content) - overhead(content) <= min(len(zlib.compress(rows.tobytes(), 6)), rows.nbytes)
        assert np.array_equal(decompress(content, coder(LEVELS)), rows)


def test_values_that_the_model_does_not_know_are_not_given_to_it():
    rows = bits(6).astype(np.int64)
    for wrong in (-1, 2, 10**12):
        rows[3, 5] = wrong
        content = compress(rows, coder(BITS))
        assert "model" not in methods(content)
        assert parsed("f", content)[0].model is None
        assert np.array_equal(decompress(content), rows), "no model is needed"


def test_black_and_white_pixels_are_bits_to_a_model_of_bits():
    plain, pixels = (compress(k * bits(60), coder(BITS)) for k in (1, 255))
    assert methods(pixels) == methods(plain)
    assert len(pixels) - overhead(pixels) == len(plain) - overhead(plain)
    assert parsed("f", pixels)[0].step == 255
    assert np.array_equal(decompress(pixels, coder(BITS)), 255 * bits(60))
    mixed = 255 * bits(60)
    mixed[-1, -1] = 1
    assert np.array_equal(decompress(compress(mixed, coder(BITS)), coder(BITS)), mixed)


def test_a_trained_model_is_as_good_as_its_integer_form():
    content = compress(bits(40), trained(BITS))
    assert content == compress(bits(40), coder(BITS))
    assert np.array_equal(decompress(content, trained(BITS)), bits(40))


@pytest.mark.parametrize("embed", [False, True])
def test_equal_input_model_and_options_are_equal_bytes(embed):
    assert compress(bits(40), coder(BITS), embed=embed) == compress(bits(40), coder(BITS), embed=embed)


def test_an_embedded_model_is_all_that_a_file_needs_and_costs_what_is_said():
    alone = compress(bits(400), coder(BITS), embed=True)
    assert np.array_equal(decompress(alone), bits(400))
    without = compress(bits(400), coder(BITS))
    assert 0 <= len(alone) - len(without) - embedded_size(coder(BITS)) < 100  # its entry in the header, twice


def test_a_model_is_embedded_only_where_it_is_used():
    rows = bits(6).astype(np.int16) + 1000
    assert compress(rows, coder(BITS), embed=True) == compress(rows, coder(BITS))


def test_a_file_without_its_model_names_the_one_that_it_needs():
    content = compress(bits(40), coder(BITS))
    assert methods(content) == ["model"]
    with pytest.raises(UsageError, match=f"SHA-256 {coder(BITS).digest[:16]}..., which is not in it: name"):
        decompress(content)
    with pytest.raises(UsageError, match=f"the model given has {coder(LEVELS).digest[:16]}"):
        decompress(content, coder(LEVELS))
    other = compress(bits(40), coder(BITS), embed=True)
    assert np.array_equal(decompress(other, coder(LEVELS)), bits(40)), "the one in the file is taken"


@pytest.mark.parametrize(
    "array, error",
    [
        (np.zeros((3, WIDTH + 1), np.uint8), "has 61 numbers a row, the model codes rows of 60"),
        (np.zeros((3, WIDTH), np.float32), "holds float32 values, and levels are coded, which are integers"),
        (np.zeros((3, WIDTH), complex), "holds complex128 values: give an array of integers"),
        (np.uint8(3), "is a single number"),
        (np.zeros(WIDTH, np.uint8), "has 1 numbers a row"),
    ],
)
def test_what_is_no_row_of_the_model_is_refused_by_its_name(array, error):
    with pytest.raises(DataError, match=error):
        compress(array, coder(BITS))


def test_chunks_are_of_16384_rows_at_most_and_of_fewer_where_rows_are_wide():
    assert [chunks.rows_in_chunk(features) for features in (1, 784, 4096, 2**20, 2**40)] == [16384, 16384, 4096, 16, 1]


def test_a_coder_with_an_error_is_found_before_anything_is_kept(monkeypatch):
    wrong = chunks.encoded

    def off_by_one(model, rows):
        return wrong(model, np.roll(rows, 1, axis=0))

    monkeypatch.setattr(chunks, "encoded", off_by_one)
    with pytest.raises(FileError, match=r"would not come back|does not match its SHA-256|do not match its SHA-256"):
        compress(bits(40), coder(BITS))


@pytest.fixture(scope="module")
def small():
    """A small file with several chunks of every kind and a model in it."""
    noise = stream(3, "noise").integers(0, 256, (4, WIDTH), dtype=np.uint8)
    rows = np.concatenate([bits(30), np.full((10, WIDTH), 99, np.uint8), noise])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive, "rows_in_chunk", lambda features: 10)
        content = compress(rows, coder(BITS))
    assert methods(content) == ["model", "model", "model", "zlib", "stored"]
    return rows, content


def test_every_flipped_bit_is_detected(small):
    rows, content = small
    for place in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(FileError):
            decompressed("f", bytes(flipped), coder(BITS))
    assert np.array_equal(decompress(content, coder(BITS)), rows)


def test_every_truncation_and_every_addition_is_detected(small):
    _, content = small
    for length in range(len(content)):
        with pytest.raises(FileError):
            decompressed("f", content[:length], coder(BITS))
    for more in (b"\0", content[-1:], content):
        with pytest.raises(FileError):
            decompressed("f", content + more, coder(BITS))


def rebuilt(content, **changes):
    """A file under right checksums whose header says something else; ``blocks`` replaces its blocks."""
    header, _ = parsed("f", content)
    _, begin = start_of("f", content)
    blocks, place = [], begin
    for piece in header.pieces:
        blocks.append(content[place : place + piece.length])
        place += piece.length
    blocks = changes.pop("blocks", lambda kept: kept)(blocks)
    return assembled(replace(header, **changes), blocks)


def test_chunks_in_another_order_are_detected_even_under_right_checksums(small):
    _, content = small
    header, _ = parsed("f", content)
    swapped = [header.chunks[1], header.chunks[0], *header.chunks[2:]]

    def exchange(blocks):
        return [blocks[1], blocks[0], *blocks[2:]]

    with pytest.raises(FileError, match="rows 0 to 9 does not match its CRC32"):
        decompressed("f", rebuilt(content, blocks=exchange), coder(BITS))
    with pytest.raises(FileError, match="its rows do not match its SHA-256"):
        decompressed("f", rebuilt(content, chunks=tuple(swapped), blocks=exchange), coder(BITS))


HOSTILE = [
    {"shape": (2**40, WIDTH)},
    {"shape": (44, 2**40)},
    {"shape": (44, 2**61, 2**61)},
    {"shape": (-44, -WIDTH)},
    {"shape": (44.0, WIDTH)},
    {"shape": (True, WIDTH)},
    {"shape": ()},
    {"shape": (44,) + (1,) * 40},
    {"shape": "44"},
    {"dtype": "|O"},
    {"dtype": "<f8"},
    {"dtype": "<i3"},
    {"dtype": 7},
    {"kind": "pickle"},
    {"kind": ["npy"]},
    {"step": 2},
    {"step": True},
    {"fortran": 1},
    {"sha256": "0" * 63},
    {"sha256": None},
    {"model": None},
    {"model": "x"},
    {"model": 5},
    {"beside": container.Block(1, 0, 2**40)},
    {"beside": "x"},
    {"chunks": ()},
    {"chunks": 3},
    {"chunks": ((44, "model", 2**62, 0),)},
    {"chunks": ((44, "stored", 3, 0),)},
    {"chunks": ((44, "zlib", 0, 0),)},
    {"chunks": ((44, "lzma", 100, 0),)},
    {"chunks": ((44, "model"),)},
    {"chunks": ((0, "model", 5, 0),) * 3},
    {"chunks": ((16385, "model", 5, 0),)},
]


@pytest.mark.parametrize("changes", HOSTILE, ids=str)
def test_a_hostile_header_under_right_checksums_is_refused(small, changes):
    _, content = small
    header, _ = parsed("f", content)
    entries = json.loads(header.to_bytes()) | changes
    text = json.dumps(entries).encode()
    start = container.START.pack(container.MAGIC, 1, 0, len(text)) + text
    start += struct.pack("<I", crc_of(start))
    with pytest.raises(FileError, match="f is damaged: its header holds what no file has"):
        start_of("f", start + content)


def test_a_header_with_a_key_twice_or_another_key_is_refused(small):
    _, content = small
    text = parsed("f", content)[0].to_bytes()
    for other in (text[:-1] + b',"step":1}', text[:-1] + b',"more":1}', text[:-9], b"[]", b"\xff", b"{" * 5000):
        start = container.START.pack(container.MAGIC, 1, 0, len(other)) + other
        with pytest.raises(FileError):
            start_of("f", start + struct.pack("<I", crc_of(start)))


def test_another_file_and_a_newer_one_are_named_as_such(small):
    _, content = small
    with pytest.raises(FileError, match="not a file of vitral compress"):
        decompress(b"\x93NUMPY" + content)
    with pytest.raises(FileError, match="not a file of vitral compress"):
        decompress(b"")
    newer = content[:8] + b"\x02" + content[9:]
    with pytest.raises(FileError, match="version 2 of the format, and this Vitral reads versions up to 1"):
        decompress(newer)


def test_an_array_that_does_not_fit_is_refused_before_it_is_made(monkeypatch):
    content = compress(bits(40), coder(BITS))
    monkeypatch.setattr(archive, "free_memory", lambda: 2399)
    with pytest.raises(ResourceError, match="array of 2,400 bytes, and at most 2,399 can be made here"):
        decompress(content, coder(BITS))
    with pytest.raises(ResourceError):
        salvaged("f", content, coder(BITS))
    monkeypatch.setattr(archive, "free_memory", lambda: None)
    monkeypatch.setattr(archive, "MOST_BYTES", 2399)
    with pytest.raises(ResourceError, match="at most 2,399"):
        decompress(content, coder(BITS))
    monkeypatch.setattr(archive, "MOST_BYTES", 2400)
    assert np.array_equal(decompress(content, coder(BITS)), bits(40))


def test_zlib_never_unpacks_more_than_a_chunk_should_hold():
    raw = zlib.compress(bytes(10**6))
    for size in (0, 10, 10**6 - 1, 10**6 + 1):
        with pytest.raises(FileError, match=f"should hold {size:,} bytes"):
            chunks.inflated("f", raw, size)
    assert chunks.inflated("f", raw, 10**6) == bytes(10**6)
    with pytest.raises(FileError):
        chunks.inflated("f", raw + b"x", 10**6)
    with pytest.raises(FileError):
        chunks.inflated("f", raw[:-1], 10**6)
    with pytest.raises(FileError):
        chunks.inflated("f", b"hello", 5)


# ---------------------------------------------------------------------------------------------------- salvage


def places(content):
    """Where each chunk begins."""
    header, begin = start_of("f", content)
    found, place = [], begin
    for piece in header.pieces:
        found.append(place)
        place += piece.length
    return found[len(found) - len(header.chunks) :]


def without(rows, lost):
    return np.delete(rows, [row for one in lost for row in range(one.first, one.end)], axis=0)


def test_a_whole_file_loses_nothing_by_salvage(small):
    rows, content = small
    saved = salvaged("f", content, coder(BITS))
    assert np.array_equal(saved.original.array, rows)
    assert (saved.lost, saved.notes) == ([], [])


def test_one_flipped_bit_costs_one_chunk_at_most(small):
    rows, content = small
    begins = places(content)
    for place in range(0, len(content), 31):
        flipped = bytearray(content)
        flipped[place] ^= 4
        saved = salvaged("f", bytes(flipped), coder(BITS))
        expected = [10 * number for number, begin in enumerate(begins) if begin <= place]
        inside = begins[0] <= place < begins[-1] + parsed("f", content)[0].chunks[-1].length
        assert [lost.first for lost in saved.lost] == (expected[-1:] if inside else [])
        assert np.array_equal(saved.original.array, without(rows, saved.lost))


def test_bytes_cut_out_or_put_in_cost_the_chunk_in_which_they_were(small):
    rows, content = small
    for number, begin in enumerate(places(content)):
        before = content[: begin + 2]
        for changed in (before + content[begin + 5 :], before + b"xy" + content[begin + 2 :]):
            saved = salvaged("f", changed, coder(BITS))
            assert [tuple(lost[:2]) for lost in saved.lost] == [(10 * number, min(10 * number + 10, len(rows)))]
            assert np.array_equal(saved.original.array, without(rows, saved.lost))


def test_a_cut_file_keeps_the_chunks_before_the_cut(small):
    rows, content = small
    begins = places(content)
    for number in range(1, len(begins)):
        saved = salvaged("f", content[: begins[number] + 1], coder(BITS))
        assert np.array_equal(saved.original.array, rows[: 10 * number])
        assert [lost.first for lost in saved.lost] == [10 * n for n in range(number, len(begins))]


def test_where_nothing_is_whole_salvage_says_so(small):
    _, content = small
    begin, end = places(content)[0], len(content) // 3
    with pytest.raises(FileError, match="none of its 5 chunks is whole"):
        salvaged("f", content[:begin], coder(BITS))
    with pytest.raises(FileError):
        salvaged("f", content[end : end + 40], coder(BITS))
    with pytest.raises(FileError):
        salvaged("f", b"", coder(BITS))


def test_a_damaged_embedded_model_is_replaced_by_the_one_given():
    content = bytearray(compress(bits(40), coder(BITS), embed=True))
    _, begin = start_of("f", bytes(content))
    content[begin + 10] ^= 1
    with pytest.raises(UsageError, match="name that model too"):
        salvaged("f", bytes(content), None)
    assert np.array_equal(salvaged("f", bytes(content), coder(BITS)).original.array, bits(40))


def test_rows_that_somebody_exchanged_are_told_by_salvage(small):
    _, content = small
    header, _ = parsed("f", content)
    other = rebuilt(content, sha256="0" * 64)
    assert "somebody changed the file" in salvaged("f", other, coder(BITS)).notes[0]
    assert header.sha256 != "0" * 64


def test_a_file_is_the_same_whoever_looks_at_its_progress(small_chunks):
    told = []
    rows = bits(35)
    content = compressed(of_array(rows), coder(BITS), embed=False, announce=lambda *news: told.append(news))
    assert told == [("compressing", done, 35) for done in (10, 20, 30, 35)]
    assert content == compressed(of_array(rows), coder(BITS), embed=False)
    buffer = io.BytesIO(content)
    assert np.array_equal(decompress(buffer.read(), coder(BITS)), rows)
