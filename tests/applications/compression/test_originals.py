"""Files that are compressed and come back: .npy and IDX byte by byte, PNGs pixel by pixel under their names."""

import gzip
import io
import json
import struct

import numpy as np
import pytest
from PIL import Image

from vitral.applications.compression import originals
from vitral.applications.compression.originals import (
    Original,
    check,
    file_bytes,
    names_of,
    npy_header,
    original_of,
)
from vitral.core.randomness import stream
from vitral.errors import DataError, FileError, ResourceError, UsageError

SHAPES = [(0,), (7,), (3, 4), (4, 3, 2), (0, 5), (123456, 0)]


def levels(shape, dtype="uint8"):
    return stream(0, "levels").integers(0, 120, shape).astype(dtype)


def saved(array, **options):
    content = io.BytesIO()
    np.lib.format.write_array(content, array, **options)
    return content.getvalue()


def again(path, **options):
    """The bytes of what a file holds, as it would be written back; the array travels as a decoder makes it."""
    original = original_of(path)
    return file_bytes(original._replace(array=np.ascontiguousarray(original.array)), **options)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["|u1", ">i4"])
def test_our_npy_header_is_that_of_numpy(shape, dtype):
    for array in (np.zeros(shape, dtype), np.asfortranarray(np.zeros(shape, dtype))):
        fortran = array.flags.f_contiguous and not array.flags.c_contiguous
        assert saved(array).startswith(npy_header(array.dtype.str, shape, fortran=fortran))


@pytest.mark.parametrize("dtype", ["|b1", "|u1", ">i2", "<i4", "<u8"])
@pytest.mark.parametrize("options", [{}, {"version": (2, 0)}, {"version": (3, 0)}])
def test_a_npy_file_comes_back_byte_by_byte(tmp_path, dtype, options):
    for array in (levels((6, 4, 3), dtype), np.asfortranarray(levels((6, 4, 3), dtype)), levels((0, 4), dtype)):
        file = tmp_path / "rows.npy"
        file.write_bytes(saved(array, **options))
        assert again(file) == file.read_bytes()
        assert bool(original_of(file).beside) == bool(options), "the usual header takes no room"


@pytest.mark.parametrize("dtype", [">u1", ">i1", ">i2", ">i4"])
@pytest.mark.parametrize("shape", [(5,), (5, 3), (2, 3, 4), (2, 3, 4, 1), (0, 28, 28)])
def test_an_idx_file_comes_back_byte_by_byte(tmp_path, dtype, shape):
    kind = {">u1": 8, ">i1": 9, ">i2": 11, ">i4": 12}[dtype]
    content = struct.pack(f">4B{len(shape)}I", 0, 0, kind, len(shape), *shape) + levels(shape, dtype).tobytes()
    plain, packed = tmp_path / "t10k-images-idx3-ubyte", tmp_path / "x.idx.gz"
    plain.write_bytes(content)
    packed.write_bytes(gzip.compress(content))
    assert again(plain) == again(packed) == content
    assert gzip.decompress(again(packed, packed=True)) == content
    check(original_of(plain), "f")


def folder_of(path, images):
    for name, image in images.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path / name, compress_level=1)
    return path


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3)])
def test_images_come_back_with_their_pixels_and_names(tmp_path, shape):
    images = {f"{number % 2}/imagem é {number}.png": levels(shape) + number for number in range(4)}
    before = folder_of(tmp_path / "before", images)
    originals.write(tmp_path / "after", original_of(before), "f")
    found = {file.relative_to(tmp_path / "after").as_posix() for file in (tmp_path / "after").rglob("*.png")}
    assert found == set(images)
    for name, image in images.items():
        assert np.array_equal(np.asarray(Image.open(tmp_path / "after" / name)), image)
    assert not list(tmp_path.glob(".after*"))


def test_a_folder_of_other_things_is_refused_with_their_names(tmp_path):
    folder = folder_of(tmp_path / "folder", {"a.png": levels((4, 4)), "b.png": levels((4, 4))})
    (folder / "c.jpg").write_bytes((folder / "a.png").read_bytes())
    with pytest.raises(DataError, match=r"1 of 3 files cannot be used: c.jpg \(not named .png\); give a folder of PNG"):
        original_of(folder)
    (folder / "c.jpg").unlink()
    Image.fromarray(levels((4, 4))).save(folder / "d.png", format="BMP")
    with pytest.raises(DataError, match=r"d.png \(not an image of PNG\)"):
        original_of(folder)
    (folder / "d.png").unlink()
    folder_of(folder, {"e.png": levels((5, 4))})
    with pytest.raises(DataError, match="images of different kinds"):
        original_of(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no images: give a folder of PNG files"):
        original_of(tmp_path / "empty")


@pytest.mark.parametrize(
    "name, array, error",
    [
        ("floats.npy", np.zeros((3, 4)), "float64 values, and levels are coded"),
        ("texts.npy", np.array(["a"]), "<U1 values: give an array of integers"),
        ("one.npy", np.int64(3), "is a single number"),
        ("rows.npz", None, "give a .npy array, an IDX file or a folder of PNG files"),
        ("absent.npy", None, "no such file: .*absent.npy"),
        ("absent.txt", None, "no such file: .*absent.txt"),
    ],
)
def test_what_is_no_array_of_integers_is_refused(tmp_path, name, array, error):
    if array is not None:
        np.save(tmp_path / name, array)
    elif not name.startswith("absent"):
        (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(DataError, match=error):
        original_of(tmp_path / name)


SAFE = ["a.png", "A.PNG", "0/a.png", "a b é.png", "..a.png", "a..png"]
UNSAFE = [
    "../a.png", "/a.png", "a/../b.png", "a/b/c.png", "..", "C:a.png", "a\\b.png", "a.png\n", "a\0.png", "./a.png", "",
    "a.jpg", "a.png/", "//a.png", "a" * 300 + ".png", "a?.png", "../../.ssh/x.png",
]  # fmt: skip


@pytest.mark.parametrize("name", [*SAFE, *UNSAFE])
def test_only_names_within_the_folder_are_written(tmp_path, name):
    original = Original("png", levels((1, 4, 4)), False, json.dumps([name]).encode())
    if name in SAFE:
        originals.write(tmp_path / "out", original, "f")
        assert [file.relative_to(tmp_path / "out").as_posix() for file in tmp_path.rglob("*.[pP]*")] == [name]
    else:
        with pytest.raises(FileError, match=r"f is not to be trusted: an image is called .*; nothing was written"):
            originals.write(tmp_path / "out", original, "f")
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("names", [b"{", b"[" * 5000, b"3", b"[]", b'["a.png","a.png"]', b'["a.png",3]', b"\xff"])
def test_names_that_are_none_are_refused(names):
    with pytest.raises(FileError, match=r"^f is "):
        names_of(Original("png", levels((2, 4, 4)), False, names), "f")


@pytest.mark.parametrize(
    "original",
    [
        Original("png", levels((2, 4, 4, 4)), False, b'["a.png","b.png"]'),
        Original("png", levels((2, 4, 4), ">i4"), False, b'["a.png","b.png"]'),
        Original("png", levels((2, 4)), False, b'["a.png","b.png"]'),
        Original("idx", levels((2, 4), "uint16")),
        Original("idx", levels((2, 4)), True),
        Original("idx", levels((2, 4)), False, b"more"),
        Original("idx", levels((2, 1, 1, 1, 1))),
        Original("npy", levels((2, 4)), False, b"no header"),
        Original("npy", levels((2, 4)), False, npy_header("|u1", (2, 5), fortran=False)),
        Original("npy", levels((2, 4)), False, npy_header("|i1", (2, 4), fortran=False)),
        Original("npy", levels((2, 4)), False, npy_header("|u1", (2, 4), fortran=True)),
    ],
)
def test_an_array_that_makes_no_such_file_is_refused(original):
    with pytest.raises(FileError, match="f is damaged"):
        check(original, "f")


def test_where_a_file_may_be_written(tmp_path):
    (tmp_path / "there.npy").write_bytes(b"old")
    (tmp_path / "folder").mkdir()
    asked = originals.target
    assert asked(tmp_path / "x.npy", "npy", force=False) == tmp_path / "x.npy"
    assert asked(tmp_path / "there.npy", "npy", force=True) == tmp_path / "there.npy"
    for name, kind in (("x.png", "npy"), ("x.npy", "idx"), ("nowhere/x.npy", "npy"), ("there.npy", "npy"),
                       ("folder", "png"), ("there.npy", "png")):  # fmt: skip
        with pytest.raises(UsageError, match=r"--out|--force"):
            asked(tmp_path / name, kind, force=False)
    with pytest.raises(UsageError, match="exists: choose another"):
        asked(tmp_path / "folder", "png", force=True)


def test_a_folder_that_cannot_be_filled_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(image):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vitral.data.images.png_bytes", full)
    original = Original("png", levels((1, 4, 4)), False, b'["a.png"]')
    with pytest.raises(ResourceError, match="No space left"):
        originals.write(tmp_path / "out", original, "f")
    assert not list(tmp_path.iterdir())
