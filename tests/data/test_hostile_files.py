"""Damaged and hostile array files: one exact sentence each, or rows; no other error, and nothing large in memory."""

import gzip
import io
import struct
import tracemalloc
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vitral.data import load_data
from vitral.errors import DataError, VitralError

ROWS = np.arange(60, dtype=np.float32).reshape(12, 5) / 60.0
IMAGES = np.arange(12 * 3 * 2, dtype=np.uint8).reshape(12, 3, 2)


def npy(array=ROWS):
    content = io.BytesIO()
    np.save(content, array, allow_pickle=True)
    return content.getvalue()


def headed(text, data=b"", version=1, length=None):
    """A .npy file with this header."""
    said = text.encode("latin1") + b"\n"
    size = struct.pack("<H" if version == 1 else "<I", len(said) if length is None else length)
    return b"\x93NUMPY" + bytes([version, 0]) + size + said + data


def claiming(shape, descr="'<f4'", data=bytes(8)):
    return headed(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}", data)


def npz(members, method=zipfile.ZIP_DEFLATED):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return content.getvalue()


def idx(array=IMAGES, code=8):
    return bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def encrypted():
    """The general purpose flag of both headers of the member says so."""
    made = bytearray(npz({"x.npy": npy()}))
    made[6] |= 1
    made[made.index(b"PK\x01\x02") + 8] |= 1
    return bytes(made)


def with_a_wrong_crc():
    content = npz({"x.npy": npy()}, zipfile.ZIP_STORED)
    return content.replace(ROWS.tobytes(), ROWS[::-1].tobytes())


AGAIN = "; save it again with numpy.save"
COPY = "; copy the file again"
BOTH = "; copy the file again, or save it again with numpy.save"
MOST = "bytes, and 10,000 is the most" + AGAIN
VALUES = "values, not numbers; save integers or floats"
ZIPPED = COPY + ", or save it again with numpy.savez"
SHAPE = "and sizes are whole numbers from 0" + AGAIN

# name, content, what the sentence says after "cannot read <path>: "
TABLE = [
    ("empty.npy", b"", "it is not a .npy array" + AGAIN),
    ("text.npy", b"hello, world", "it is not a .npy array" + AGAIN),
    ("pickle.npy", b"\x80\x04K\x01.", "it is not a .npy array" + AGAIN),
    ("zip.npy", npz({"x.npy": npy()}), "it is not a .npy array" + AGAIN),
    ("magic.npy", b"\x93NUMPY", "it is not a .npy array" + AGAIN),
    ("version.npy", npy()[:6] + b"\x09" + npy()[7:], "it has version 9.0 of the format, and 1 to 3 are known" + AGAIN),
    ("short.npy", npy()[:40], "it ends within its header" + COPY),
    ("long.npy", headed("", version=2, length=2**31), f"its header claims 2,147,483,648 {MOST}"),
    ("bloat.npy", headed(" " * 20_000), f"its header claims 20,001 {MOST}"),
    ("junk.npy", headed("{'descr': "), "its header cannot be read" + AGAIN),
    ("deep.npy", headed("(" * 5000), "its header cannot be read" + AGAIN),
    ("escape.npy", headed(r"{'\d': 1}"), "its header cannot be read" + AGAIN),
    ("list.npy", headed("[1, 2]"), "its header is not that of an array" + AGAIN),
    ("keys.npy", headed("{'descr': '<f4', 'shape': (1, 2)}"), "its header is not that of an array" + AGAIN),
    ("negative.npy", claiming("(-1,)"), f"its header claims the shape (-1,), {SHAPE}"),
    ("float.npy", claiming("(1.0, 2)"), f"its header claims the shape (1.0, 2), {SHAPE}"),
    ("true.npy", claiming("(True, 2)"), f"its header claims the shape (True, 2), {SHAPE}"),
    ("number.npy", claiming("7"), f"its header claims the shape 7, {SHAPE}"),
    ("object.npy", npy(np.array([{}, []], dtype=object)),
     "it holds Python objects, which are never unpickled; save an array of numbers"),
    ("records.npy", npy(np.zeros(3, [("a", "<f4"), ("b", "<i2")])),
     "it holds records, [('a', '<f4'), ('b', '<i2')]; save one plain array of numbers"),
    ("date.npy", npy(np.zeros(3, "M8[s]")), f"it holds '<M8[s]' {VALUES}"),
    ("void.npy", claiming("(2, 1)", "'|V4'"), f"it holds '|V4' {VALUES}"),
    ("code.npy", claiming("(2, 1)", "'__import__'"), f"it holds '__import__' {VALUES}"),
    ("odd.npy", claiming("(2, 1)", "'<i3'"), f"it holds '<i3' {VALUES}"),
    ("more.npy", claiming("(10, 3)"), f"its header promises 120 bytes of data and 8 follow{BOTH}"),
    ("huge.npy", claiming("(1000000, 1000000)"),
     f"its header promises 4,000,000,000,000 bytes of data and 8 follow{BOTH}"),
    ("overflow.npy", claiming("(4294967296, 4294967296)"),
     f"its header promises 73,786,976,294,838,206,464 bytes of data and 8 follow{BOTH}"),
    ("cut.npy", npy()[:-3], f"its header promises 240 bytes of data and 237 follow{BOTH}"),
    ("trailing.npy", npy() + b"abc", "3 bytes follow its data, so it is not one array" + AGAIN),
    ("two.npy", npy() + npy(), f"{len(npy())} bytes follow its data, so it is not one array" + AGAIN),
    ("nothing.npy", npy(np.zeros((0, 5))), "it has shape (0, 5), which holds nothing; give (rows, features)"),
    ("vast.npy", claiming("(0, 4611686018427387904)", data=b""),
     "it has shape (0, 4611686018427387904), which holds nothing; give (rows, features)"),
    ("junk.npz", b"hello", "it is not a zip file" + ZIPPED),
    ("cut.npz", npz({"x.npy": npy()})[:-30], "it is not a zip file" + ZIPPED),
    ("crc.npz", with_a_wrong_crc(),
     "it is damaged (Bad CRC-32 for file 'x.npy')" + ZIPPED),
    ("short.idx", idx()[:3], "it does not begin as an IDX file of one to four dimensions; check the file"),
    ("text.idx", b"hello, world", "it does not begin as an IDX file of one to four dimensions; check the file"),
    ("sizes.idx", idx()[:9], "it ends within its header; copy the file again"),
    ("cut.idx", idx()[:-5], "its sizes (12, 3, 2) need 72 bytes of data and 67 follow; copy the file again"),
    ("trailing.idx", idx() + b"a", "its sizes (12, 3, 2) need 72 bytes of data and 73 follow; copy the file again"),
    ("huge.idx", idx()[:4] + b"\xff" * 12 + bytes(10),
     "its sizes (4294967295, 4294967295, 4294967295) need 79,228,162,458,924,105,385,300,197,375 bytes of data "
     "and 10 follow; copy the file again"),
    ("nothing.idx", idx(IMAGES[:0]), "it has shape (0, 3, 2), which holds nothing; check the file"),
    ("cut.idx.gz", gzip.compress(idx()[:-5]), "its data end after 67 of 72 bytes; copy the file again"),
    ("trailing.idx.gz", gzip.compress(idx() + b"a"),
     "bytes follow its data, so it is not one array; save it again with numpy.save"),
    ("stream.idx.gz", gzip.compress(idx())[:-12],
     "it is damaged (Compressed file ended before the end-of-stream marker was reached); copy the file again"),
    ("plain.idx.gz", idx(), "it is damaged (Not a gzipped file (b'\\x00\\x00')); copy the file again"),
    ("crc.idx.gz", gzip.compress(idx())[:-8] + bytes(8), "it is damaged (CRC check failed "),
]  # fmt: skip


@pytest.mark.parametrize("name, content, said", TABLE, ids=[row[0] for row in TABLE])
def test_a_damaged_file_gets_its_sentence(tmp_path, name, content, said):
    """Names the file, says what is wrong and what helps."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as refusal:
        load_data(str(path))
    sentence = str(refusal.value)
    assert sentence.startswith(f"cannot read {path}: {said}")
    assert path.read_bytes() == content
    assert "\n" not in sentence


def test_packed_members_that_cannot_be_read_are_named(tmp_path):
    """Encrypted, and packed as numpy.savez never does."""
    path = tmp_path / "rows.npz"
    for content, why in {
        encrypted(): "it is encrypted",
        npz({"x.npy": npy()}, zipfile.ZIP_LZMA): "it is packed in a way that numpy.savez does not use",
    }.items():
        path.write_bytes(content)
        with pytest.raises(DataError) as refusal:
            load_data(str(path))
        assert str(refusal.value) == f"cannot read 'x' in {path}: {why}; save it again with numpy.savez"


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    """97 kB that promise 100 MB; and what gzip can hold."""
    for name, content in {
        "bomb.npz": npz({"x.npy": npy(np.zeros((1000, 25_000), np.float32))}),
        "bomb.idx.gz": gzip.compress(idx(np.zeros((1000, 100, 1000), np.uint8))),
    }.items():
        path = tmp_path / name
        path.write_bytes(content)
        size, promised = f"{len(content):,}", "promise 100,000,"
        tracemalloc.start()
        with pytest.raises(DataError, match=f"its {size} bytes {promised}.*more than 250 times as many; if that is"):
            load_data(str(path))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 2 * len(content) + 200_000


def test_what_compresses_well_is_no_bomb(tmp_path):
    """Binary images of which nearly all pixels are equal."""
    images = np.zeros((800, 64, 64), np.uint8)
    images[np.arange(800), np.arange(800) % 64, np.arange(800) // 64] = 1
    np.savez_compressed(tmp_path / "rows.npz", x=images, y=np.zeros(800, int))
    assert load_data(str(tmp_path / "rows.npz")).train.stored.shape == (640, 4096)


VALID = {
    "rows.npy": npy(), "images.npy": npy(IMAGES), "order.npy": npy(np.asfortranarray(ROWS.astype(">f8"))),
    "rows.npz": npz({"x.npy": npy(), "y.npy": npy(np.arange(12))}), "stored.npz": npz({"x.npy": npy(IMAGES)}, 0),
    "rows.idx": idx(), "rows.idx.gz": gzip.compress(idx()),
}  # fmt: skip
KINDS = ["x.npy", "x.npz", "x.idx", "x.idx.gz"]


def read_or_refused(path, content):
    """Rows or a VitralError, within twice the file (and what Python itself needs)."""
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with suppress(VitralError):
            data = load_data(str(path))
            assert len(data.train) > 0
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * len(content) + 2**20


FUZZ = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("name", VALID)
@given(changes=st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), max_size=4), cut=st.integers(0, 2**12))
@FUZZ
def test_a_valid_file_with_other_bytes_is_read_or_refused(tmp_path, name, changes, cut):
    """Some bytes changed, maybe the end cut off."""
    content = bytearray(VALID[name])
    for place, value in changes:
        content[place % len(content)] = value
    read_or_refused(tmp_path / name, bytes(content[: len(content) - cut % len(content) if cut % 3 == 0 else None]))


@pytest.mark.parametrize("name", KINDS)
@given(content=st.binary(max_size=400))
@FUZZ
def test_any_bytes_are_read_or_refused(tmp_path, name, content):
    """Whatever they are, and with the right beginning."""
    start = {"x.npy": b"\x93NUMPY\x01\x00", "x.npz": b"PK\x03\x04", "x.idx": b"\0\0\x08", "x.idx.gz": b"\x1f\x8b\x08\0"}
    read_or_refused(tmp_path / name, content)
    read_or_refused(tmp_path / name, start[name] + content)


@given(
    shape=st.one_of(st.lists(st.integers(-1, 2**40), max_size=5).map(tuple), st.text(max_size=8)),
    descr=st.one_of(st.sampled_from(["<f4", ">i2", "|b1", "<c8", "<U3", "<f16", "|O", "f4", ""]), st.text(max_size=6)),
    fortran=st.one_of(st.booleans(), st.integers(0, 1)),
    data=st.binary(max_size=200),
)
@FUZZ
def test_any_header_is_read_or_refused(tmp_path, shape, descr, fortran, data):
    """Headers that are well formed, whatever they claim."""
    text = repr({"descr": descr, "fortran_order": fortran, "shape": shape}).encode("utf-8", "replace")
    if len(text) < 9000:
        content = b"\x93NUMPY\x03\x00" + struct.pack("<I", len(text)) + text + data
        read_or_refused(tmp_path / "x.npy", content)


@pytest.mark.slow
@pytest.mark.parametrize("name", VALID)
def test_every_byte_changed_and_every_length(tmp_path, name):
    """Each byte set to two other values, and the file cut at every length."""
    content = VALID[name]
    for place in range(len(content)):
        for value in (content[place] ^ 0xFF, content[place] ^ 0x01):
            read_or_refused(tmp_path / name, content[:place] + bytes([value]) + content[place + 1 :])
        read_or_refused(tmp_path / name, content[:place])
