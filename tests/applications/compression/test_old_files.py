"""Compressed files of every version, kept as they were written: each is read for ever.

    python -m tests.applications.compression.test_old_files        writes those of today's version anew
"""

from pathlib import Path

import numpy as np
import pytest

from tests.applications.compression.coders import BITS, LEVELS, WIDTH, coder, drawn
from tests.applications.compression.models import draws, integer, trained
from vitral.applications.compression import archive
from vitral.applications.compression.archive import compressed, decompressed
from vitral.applications.compression.container import parsed
from vitral.applications.compression.originals import Original, names_of, of_array
from vitral.core.randomness import stream

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
ROWS, SIDE = 24, 8  # rows of a chunk of these files, and pixels along an edge

# SHA-256 of the rows that have to come out, and how the chunks are coded.
KEPT = {
    "compressed-format-1-bits.vitral": (
        "6a49b81d9152a60ad6e177fc3175a06cdc0416868dc2fcd267d66301b3e7c904", ["model", "model", "zlib", "zlib"],
    ),
    "compressed-format-1-images.vitral": (
        "b8b4742cc00c1fab714e8a156a9c13bcd35a49bf43c6493539ad0534f3ae4f7d", ["model", "model", "zlib"],
    ),
    "compressed-format-1-levels.vitral": (
        "97efdea8b030d8a34782083b7ddc087daef531e796be6876718ff7abc826095c", ["model", "model", "zlib"],
    ),
}  # fmt: skip


def written():
    """The files: bits of a two-layer model and others, column by column and two bytes each; black and white images;
    8-bit levels, whose model, with its tables of megabytes, is not in the file but named by its digest."""
    archive.rows_in_chunk = lambda features: ROWS
    bits = draws(trained("two layers", 2), 2 * ROWS)
    noise = stream(0, "noise").integers(0, 256, (ROWS, SIDE * SIDE), dtype=np.uint8)
    rows = np.concatenate([bits, np.full_like(noise, 7), noise]).reshape(-1, SIDE, SIDE)
    black = 255 * drawn(BITS, 2 * ROWS + 1, SIDE * SIDE).reshape(-1, SIDE, SIDE)
    names = ",".join(f'"{row % 3}/{row}.png"' for row in range(len(black)))
    originals = (of_array(np.asfortranarray(rows.astype(">i2"))), Original("png", black, False, f"[{names}]".encode()))
    models = integer("two layers", 2), coder(BITS, SIDE * SIDE)
    embedded = [compressed(one, model, embed=True) for one, model in zip(originals, models, strict=True)]
    levels = np.concatenate([drawn(LEVELS, 2 * ROWS), np.full((ROWS, WIDTH), 300)]).astype("<u2")
    return [*embedded, compressed(of_array(levels), coder(LEVELS), embed=False)]


@pytest.mark.parametrize("name", KEPT)
def test_a_file_of_every_version_is_read_for_ever(name):
    content, (sha256, methods) = (FIXTURES / name).read_bytes(), KEPT[name]
    header, _ = parsed(name, content)
    assert (header.sha256, [chunk.method for chunk in header.chunks]) == (sha256, methods)
    given = coder(LEVELS) if "levels" in name else None  # of the same digest wherever it is made
    back = decompressed(name, content, given)  # which compares the SHA-256 of what comes out
    if given is not None:
        assert (back.array.dtype.str, back.array.shape) == ("<u2", (3 * ROWS, WIDTH))
    elif back.kind == "png":
        assert names_of(back, name)[:4] == ["0/0.png", "1/1.png", "2/2.png", "0/3.png"]
        assert (header.step, back.array.shape) == (255, (2 * ROWS + 1, SIDE, SIDE))
    else:
        assert (back.array.dtype.str, back.fortran, back.array.shape) == (">i2", True, (4 * ROWS, SIDE, SIDE))


if __name__ == "__main__":
    for name, content in zip(KEPT, written(), strict=True):
        (FIXTURES / name).write_bytes(content)
