"""`vitral compress` and `vitral decompress`: files in, files back, and nothing lost on the way."""

import gzip
import json
import os
import struct

import numpy as np
import pytest
from PIL import Image

from tests.applications.compression.coders import BITS, LEVELS, drawn, trained
from vitral.applications.compression import chunks

SIDE = 6
GREY = drawn(LEVELS, 100, SIDE * SIDE).reshape(-1, SIDE, SIDE)
BLACK = 255 * drawn(BITS, 100, SIDE * SIDE).reshape(-1, SIDE, SIDE)


@pytest.fixture
def models(folder):
    """Two models of images of 36 pixels, of bits and of levels."""
    for name, kind in (("bits", BITS), ("levels", LEVELS)):
        trained(kind, SIDE * SIDE).save(folder / f"{name}.safetensors")
    return folder


def done(answer):
    assert answer.code == 0, answer.err
    return answer


@pytest.mark.parametrize("dtype", ["uint8", ">i4"])
@pytest.mark.parametrize("model", ["bits", "levels"])
def test_a_npy_file_comes_back_byte_by_byte(run, models, model, dtype):
    np.save("grey.npy", GREY.astype(dtype))
    before = (models / "grey.npy").read_bytes()
    assert done(run("compress", f"{model}.safetensors", "grey.npy")).out == "grey.npy.vitral\n"
    (models / "grey.npy").unlink()
    assert done(run("decompress", "grey.npy.vitral", f"{model}.safetensors")).out == "grey.npy\n"
    assert (models / "grey.npy").read_bytes() == before


@pytest.mark.parametrize("name", ["t10k-images-idx3-ubyte", "x.idx.gz"])
def test_an_idx_file_comes_back(run, models, name):
    content = struct.pack(">4B3I", 0, 0, 8, 3, *GREY.shape) + GREY.tobytes()
    (models / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    done(run("compress", "levels.safetensors", name, "-o", "x.vitral", "--embed"))
    done(run("decompress", "x.vitral", "-o", "again.idx"))
    assert (models / "again.idx").read_bytes() == content
    done(run("decompress", "x.vitral", "-o", "again.idx.gz"))
    assert gzip.decompress((models / "again.idx.gz").read_bytes()) == content


def test_a_folder_of_images_comes_back_pixel_by_pixel(run, models):
    for number, image in enumerate(BLACK):
        file = models / "images" / str(number % 3) / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(file)
    done(run("compress", "bits.safetensors", "images"))
    done(run("decompress", "images.vitral", "bits.safetensors", "-o", "again"))
    for file in (models / "images").rglob("*.png"):
        again = models / "again" / file.relative_to(models / "images")
        assert np.array_equal(np.asarray(Image.open(again)), np.asarray(Image.open(file)))
    assert len(list((models / "again").rglob("*.*"))) == len(BLACK)


def test_what_was_done_is_said_on_stderr_or_in_one_document(run, models):
    np.save("rows.npy", BLACK // 255)
    said = done(run("compress", "bits.safetensors", "rows.npy")).err
    assert "compressing ...\nreading back ...\n" in said
    assert "3,600 bytes of numbers in " in said
    assert "to read it again you need this model (bits.safetensors, SHA-256 " in said
    assert run("compress", "bits.safetensors", "rows.npy", "--force", "--quiet").err == ""
    answer = json.loads(done(run("compress", "bits.safetensors", "rows.npy", "--force", "--json")).out)
    assert answer["bytes"] == (models / "rows.npy.vitral").stat().st_size
    assert answer["bits_per_value"] == pytest.approx(8 * answer["bytes"] / BLACK.size)
    assert (answer["verified"], answer["embedded"], answer["shape"]) == (True, 0, [100, 6, 6])
    whole = json.loads(done(run("compress", "bits.safetensors", "rows.npy", "--force", "--json", "--embed")).out)
    assert whole["embedded"] == answer["embedding_adds"]
    assert whole["bytes"] > answer["bytes"] + answer["embedding_adds"]
    back = json.loads(done(run("decompress", "rows.npy.vitral", "-o", "again.npy", "--json")).out)
    assert back.pop("processor_seconds") > 0.0
    assert back == {"schema": 1, "file": "again.npy", "kind": "npy", "shape": [100, 6, 6], "dtype": "|u1", "lost": []}


def test_rows_that_the_model_does_not_know_are_left_to_zlib_and_this_is_said(run, models):
    np.save("grey.npy", GREY)
    said = done(run("compress", "bits.safetensors", "grey.npy")).err
    assert "1 of 1 chunks are left to zlib or stored" in said
    assert "other than the 2 levels that the model codes" in said
    assert done(run("decompress", "grey.npy.vitral", "-o", "x.npy")).code == 0, "no model is needed"
    assert np.array_equal(np.load("x.npy"), GREY)


def test_named_rows_are_those_that_the_model_was_trained_on(run, folder):
    words = "train digits --binarise static --likelihood bernoulli --epochs 1 --hidden 8 --latent 2 --out bits --quiet"
    done(run(*words.split()))
    done(run("compress", "bits", "digits", "--model", "latent-2"))
    done(run("decompress", "digits.vitral", "bits", "--model", "latent-2"))
    rows = np.load("digits.npy")
    assert (rows.shape, rows.dtype, set(np.unique(rows))) == ((179, 8, 8), np.uint8, {0, 1})


def test_an_encoder_with_an_error_replaces_nothing(run, models, monkeypatch):
    np.save("rows.npy", BLACK // 255)
    (models / "rows.npy.vitral").write_bytes(b"the old one")
    right = chunks.encoded
    monkeypatch.setattr(chunks, "encoded", lambda model, rows: right(model, np.flipud(rows)))
    answer = run("compress", "bits.safetensors", "rows.npy", "--force")
    assert (answer.code, answer.out) == (4, "")
    assert (models / "rows.npy.vitral").read_bytes() == b"the old one"
    assert sorted(file.name for file in models.iterdir()) == ["bits.safetensors", "levels.safetensors", "rows.npy",
                                                              "rows.npy.vitral"]  # fmt: skip
    assert run("compress", "bits.safetensors", "rows.npy", "--force", "--no-verify").code == 0, "nobody looked"


def test_what_lies_on_the_disk_is_what_is_compared(run, models, monkeypatch):
    """A disk that stores one byte wrong is noticed, and the old file stays."""
    np.save("rows.npy", BLACK // 255)
    (models / "rows.npy.vitral").write_bytes(b"the old one")
    right = os.fsync

    def wrong(descriptor):
        right(descriptor)
        for file in models.glob(".*.tmp"):
            content = file.read_bytes()
            file.write_bytes(content[:300] + bytes([content[300] ^ 1]) + content[301:])

    monkeypatch.setattr(os, "fsync", wrong)
    answer = run("compress", "bits.safetensors", "rows.npy", "--force")
    assert (answer.code, (models / "rows.npy.vitral").read_bytes()) == (4, b"the old one")
    assert not list(models.glob(".*"))


def test_pictures_of_one_bit_are_bits_and_come_back_as_black_and_white(run, models):
    (models / "images").mkdir()
    for number, image in enumerate(BLACK):
        Image.fromarray(image).convert("1").save(models / "images" / f"{number:03}.png")
    answer = json.loads(done(run("compress", "bits.safetensors", "images", "--json")).out)
    assert answer["chunks"] == {"stored": 0, "zlib": 0, "model": 1}
    done(run("decompress", "images.vitral", "bits.safetensors", "-o", "again"))
    again = [np.asarray(Image.open(file)) for file in sorted((models / "again").iterdir())]
    assert np.array_equal(again, BLACK)


def test_a_damaged_file_is_refused_and_what_is_whole_is_salvaged(run, models, monkeypatch):
    from vitral.applications.compression import archive

    monkeypatch.setattr(archive, "rows_in_chunk", lambda features: 20)
    np.save("grey.npy", GREY)
    done(run("compress", "levels.safetensors", "grey.npy", "-o", "x.vitral"))
    content = bytearray((models / "x.vitral").read_bytes())
    content[len(content) // 2] ^= 1
    (models / "x.vitral").write_bytes(content)
    answer = run("decompress", "x.vitral", "levels.safetensors", "-o", "y.npy")
    assert answer.code == 4
    assert "does not match its CRC32; restore it from a copy, or recover what is whole with --salvage" in answer.err
    assert not (models / "y.npy").exists()
    answer = done(run("decompress", "x.vitral", "levels.safetensors", "-o", "y.npy", "--salvage", "--json"))
    lost = json.loads(answer.out)["lost"]
    assert len(lost) == 1
    first, end, why = lost[0]
    assert f"vitral: warning: rows {first} to {end - 1} are lost: {why}\n" in answer.err
    assert np.array_equal(np.load("y.npy"), np.delete(GREY, slice(first, end), axis=0))


def test_an_interrupted_compression_leaves_the_old_file(run, models, monkeypatch):
    np.save("rows.npy", BLACK // 255)
    (models / "rows.npy.vitral").write_bytes(b"the old one")

    def interrupted(model, rows):
        raise KeyboardInterrupt

    monkeypatch.setattr(chunks, "encoded", interrupted)
    assert run("compress", "bits.safetensors", "rows.npy", "--force").code == 130
    assert (models / "rows.npy.vitral").read_bytes() == b"the old one"
