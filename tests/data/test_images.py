"""Folders of images: what is used as it is, what is changed as asked for, and the sentence about everything else."""

import io
import logging
import os
import re
import tracemalloc
import warnings
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from vitral.data import images, load_data
from vitral.data.images import Unusable, decoded, image_folder
from vitral.errors import DataError, UsageError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 8), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)


def picture(array=GREY, mode=None):
    image = Image.fromarray(array)
    return image.convert(mode) if mode else image


def encoded(image, format="PNG", **options):
    content = io.BytesIO()
    image.save(content, format, **options)
    return content.getvalue()


def veiled(alpha):
    return Image.fromarray(np.dstack([COLOUR, np.full((6, 8), alpha, np.uint8)]))


def turned():
    image, exif = picture(COLOUR), Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    return encoded(image, exif=exif)


def deep_rgb():
    """A PNG of 16 bits a colour, which Pillow opens as RGB of 8."""
    import struct
    import zlib

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0)
    rows = b"".join(b"\0" + bytes(12) for _ in range(2))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def palette():
    return encoded(picture(COLOUR).quantize(16))


GOOD = {
    "grey.png": (encoded(picture()), GREY),
    "colour.png": (encoded(picture(COLOUR)), COLOUR),
    "colour.bmp": (encoded(picture(COLOUR), "BMP"), COLOUR),
    "colour.tiff": (encoded(picture(COLOUR), "TIFF"), COLOUR),
    "lossless.webp": (encoded(picture(COLOUR), "WEBP", lossless=True), COLOUR),
    "bits.png": (encoded(picture(GREY, "1")), np.asarray(picture(GREY, "1")) * np.uint8(255)),
    "palette.png": (palette(), np.asarray(picture(COLOUR).quantize(16).convert("RGB"))),
    "opaque.png": (encoded(veiled(255)), COLOUR),
    "turned.png": (turned(), np.rot90(COLOUR, -1)),
    "wrong_ending.jpg": (encoded(picture()), GREY),
}
FRAMES = [picture(COLOUR), picture(255 - COLOUR)]
BAD = {
    "truncated.png": (encoded(picture(COLOUR))[:-60], "damaged: "),
    "text.txt": (b"hello", "not an image of PNG, JPEG, BMP, GIF, TIFF, WEBP"),
    "empty.png": (b"", "not an image of PNG"),
    "page.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not an image of PNG"),
    "print.jpg": (encoded(picture(COLOUR, "CMYK"), "JPEG"), "colours as CMYK: convert it to RGB"),
    "deep.png": (encoded(Image.fromarray(GREY.astype(np.uint16))), "more than 8 bits a colour: convert it, or save"),
    "deep_rgb.png": (deep_rgb(), "more than 8 bits a colour"),
    "float.tiff": (encoded(Image.fromarray(GREY.astype(np.float32)), "TIFF"), "more than 8 bits a colour"),
    "veiled.png": (encoded(veiled(7)), "transparent pixels: put it on a background"),
    "moving.gif": (encoded(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]), "2 frames, and one is a row"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_usable_image_keeps_its_pixels(tmp_path, name):
    """Formats, bits, palettes, opaque alpha, a turned camera; the ending does not count."""
    content, wanted = GOOD[name]
    (tmp_path / name).write_bytes(content)
    np.testing.assert_array_equal(wanted, decoded(tmp_path / name, None, False))


@pytest.mark.parametrize("name", BAD)
def test_an_unusable_file_says_why(tmp_path, name):
    """One reason each, before or while it is decoded."""
    content, why = BAD[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Unusable, match=re.escape(why)):
        decoded(tmp_path / name, None, False)


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    """By our own limit, and by Pillow's."""
    path = tmp_path / "bomb.png"
    path.write_bytes(encoded(Image.new("1", (9000, 9000))))
    with pytest.raises(Unusable, match="9000 x 9000 pixels, more than 50,000,000"):
        decoded(path, None, False)
    path.write_bytes(encoded(Image.new("1", (12_000, 12_000))))
    with pytest.raises(Unusable, match="too many pixels"):
        decoded(path, None, False)


@pytest.mark.parametrize("kind", [b"IDAT", b"iCCP"])
def test_a_piece_that_promises_two_gigabytes_is_not_made_room_for(tmp_path, kind):
    content = encoded(picture(), icc_profile=b"p" * 200)
    at = content.index(kind)
    (tmp_path / "a.png").write_bytes(content[: at - 4] + (2**31 - 1).to_bytes(4, "big") + content[at:])
    tracemalloc.start()
    with suppress(Unusable):
        decoded(tmp_path / "a.png", None, False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_file_larger_than_any_image_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MOST_BYTES", 50)
    (tmp_path / "a.png").write_bytes(encoded(picture()))
    with pytest.raises(Unusable, match=r"^\d+ bytes, more than 50$"):
        decoded(tmp_path / "a.png", None, False)


def test_a_file_that_cannot_be_read_says_so(tmp_path):
    with pytest.raises(Unusable, match=r"^cannot be read: No such file or directory$"):
        decoded(tmp_path / "a.png", None, False)


def test_a_damaged_file_says_nothing_of_its_own(tmp_path, monkeypatch, capfd):
    """Where nobody set up logging, Pillow's word on too many samples a pixel is not printed beside the sentence."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    content = bytearray(encoded(picture(COLOUR), "TIFF"))
    entry = content.index(b"\x15\x01\x03\x00")  # 277, samples a pixel, one number of two bytes
    content[entry + 8 : entry + 10] = (2051).to_bytes(2, "little")
    (tmp_path / "a.tif").write_bytes(bytes(content))
    with pytest.raises(Unusable, match="not an image"):
        decoded(tmp_path / "a.tif", None, False)
    assert capfd.readouterr().err == ""


@pytest.fixture
def photos(tmp_path):
    """Two classes of twelve images each, and what a system leaves beside them."""
    for label in ("dog", "cat"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(12):
            array = RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)
            (tmp_path / "photos" / label / f"{number:02}.png").write_bytes(encoded(picture(array)))
    (tmp_path / "photos" / ".DS_Store").write_bytes(b"x")
    return tmp_path / "photos"


def test_sub_folders_are_classes_and_the_order_is_that_of_the_names(photos):
    """cat/00.png, cat/01.png, ..., dog/11.png."""
    source = image_folder(photos)
    assert source.contract.image_shape == (6, 8, 3)
    assert source.contract.label.categories == ("cat", "dog")
    assert source.rows.labels.tolist() == [0] * 12 + [1] * 12
    np.testing.assert_array_equal(np.asarray(Image.open(photos / "dog" / "03.png")).reshape(-1), source.rows.stored[15])
    assert load_data(str(photos)).fingerprint() == load_data(str(photos)).fingerprint()


def test_size_and_brightness_are_changed_when_asked_for(photos):
    """Width by height; a grey image has no third axis."""
    assert image_folder(photos, size="4x5").contract.image_shape == (5, 4, 3)
    source = image_folder(photos, grey=True)
    assert source.contract.image_shape == (6, 8)
    wanted = np.asarray(Image.open(photos / "cat" / "00.png").convert("L"))
    np.testing.assert_array_equal(wanted.reshape(-1), source.rows.stored[0])


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_unusable_files_are_refused_together_or_left_out_and_named(photos, tmp_path):
    """A text, a link, a folder within a class; the sentence has all of them and the remedy."""
    (photos / "cat" / "notes.txt").write_text("hello")
    (photos / "cat" / "more").mkdir()
    (photos / "dog" / "same.png").symlink_to(photos / "cat" / "00.png")
    said = (
        f"{photos}: 3 of 27 files cannot be used: cat/more (a folder within a class), "
        f"cat/notes.txt (not an image of PNG, JPEG, BMP, GIF, TIFF, WEBP), "
        "dog/same.png (a link, and links are not followed)"
    )
    with pytest.raises(DataError) as refusal:
        image_folder(photos)
    assert str(refusal.value) == f"{said}; remove them, or leave them out with --on-bad skip"
    data = load_data(str(photos), on_bad="skip")
    assert data.notes == (said,)
    assert sum(len(part) for part in data.parts().values()) == 24


def test_many_unusable_files_are_counted(photos):
    for number in range(9):
        (photos / "cat" / f"bad{number}").write_bytes(b"x")
    with pytest.raises(DataError, match=r"9 of 33 files .* and 4 more; remove them"):
        image_folder(photos)


def test_images_of_different_sizes_or_colours_are_refused(photos):
    """Nothing is resized or recoloured that nobody asked for."""
    (photos / "dog" / "99.png").write_bytes(encoded(picture(COLOUR[:, :5])))
    with pytest.raises(DataError, match=r"00.png of 8x6 coloured pixels and 99.png of 5x6 coloured pixels: give --"):
        image_folder(photos, on_bad="skip")
    assert image_folder(photos, size="5x6").contract.image_shape == (6, 5, 3)
    (photos / "dog" / "99.png").write_bytes(encoded(picture()))
    with pytest.raises(DataError, match=r"99.png of 8x6 grey pixels"):
        image_folder(photos)
    assert len(image_folder(photos, grey=True).rows) == 25


@pytest.mark.parametrize(
    "options, said",
    [
        ({"image_size": "32"}, "data.image_size must be WIDTHxHEIGHT in pixels, got '32': write 32x32"),
        ({"image_size": "0x4"}, "must be WIDTHxHEIGHT"),
        ({"on_bad": "skp"}, "unknown data.on_bad 'skp': did you mean 'skip'"),
        ({"labels": "y.txt"}, "labels of a folder are the names of its sub-folders: leave y.txt out"),
    ],
)
def test_wrong_wishes_are_refused(photos, options, said):
    with pytest.raises(UsageError, match=re.escape(said)):
        load_data(str(photos), **options)


def test_folders_that_are_no_set_of_images_are_refused(photos, tmp_path):
    """Nothing inside, images beside classes, and wishes for images where there are rows."""
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="holds no images"):
        load_data(str(tmp_path / "none"))
    (photos / "stray.png").write_bytes(encoded(picture()))
    with pytest.raises(DataError, match=r"holds stray.png beside the class cat: put every image into the folder"):
        load_data(str(photos))
    np.save(tmp_path / "rows.npy", GREY)
    with pytest.raises(UsageError, match="image_size and grey are those of a folder of images"):
        load_data(str(tmp_path / "rows.npy"), grey=True)


def test_pillow_is_told_which_formats_and_its_limit_stays(monkeypatch, tmp_path):
    """No other format is opened, and nobody lifts the limit of pixels."""
    asked = []
    opened = Image.open
    monkeypatch.setattr(Image, "open", lambda path, **options: asked.append(options) or opened(path, **options))
    (tmp_path / "a.png").write_bytes(GOOD["grey.png"][0])
    decoded(tmp_path / "a.png", None, False)
    assert asked == [{"formats": images.FORMATS}]
    assert Image.MAX_IMAGE_PIXELS is not None


@pytest.mark.parametrize("name", [*GOOD, *BAD])
@given(changes=st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=5), cut=st.integers(0, 2**12))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_image_with_other_bytes_is_decoded_or_unusable(tmp_path, name, changes, cut):
    """No other error, whatever the bytes."""
    content = bytearray((GOOD | BAD)[name][0] or b"x")
    for place, value in changes:
        content[place % len(content)] = value
    (tmp_path / name).write_bytes(bytes(content[: len(content) - cut % len(content) if cut % 3 == 0 else None]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        with suppress(Unusable):
            assert decoded(tmp_path / name, None, False).dtype == np.uint8
