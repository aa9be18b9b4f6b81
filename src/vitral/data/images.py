"""A folder of images as rows: of one size, 8 bits, grey or RGB; what is not so is named, never quietly changed.

Sub-folders are classes. Formats are those of ``FORMATS``; size and mode are looked at before anything is decoded. The
rotation that a camera noted is applied, palettes become RGB, bits become 0 and 255. Pillow is imported here alone.
"""

from __future__ import annotations

import io
import logging
import os
import re
import shutil
import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vitral.data.contract import Contract, Rows, Source
from vitral.data.labels import named
from vitral.data.refusals import too_large
from vitral.environment import free_memory
from vitral.errors import DataError, MissingPackage, ResourceError, UsageError, unknown

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
ON_BAD = ("error", "skip")
MOST_PIXELS = 50_000_000  # of one image: more is taken for an attempt to fill the memory
MOST_BYTES = 4 * MOST_PIXELS + 2**20  # of one file: such an image, not compressed at all
NAMED_FILES = 5  # unusable files that a sentence names
GREY, COLOUR = ("1", "L", "LA"), ("P", "PA", "RGB", "RGBA")
DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError, RuntimeError, Warning,
          struct.error, zlib.error, MemoryError)  # fmt: skip


class Unusable(Exception):
    """Why one file cannot be used; goes into the summary of its folder."""


class Found(NamedTuple):
    """The files of a folder in the order of their names, the class of each, and why others are left out."""

    files: list[Path]
    classes: list[str]
    bad: dict[str, str]


def image_folder(folder: Path, *, size: str = "", grey: bool = False, on_bad: str = "error") -> Source:
    """All images of a folder, or of its sub-folders, whose names are then the classes.

    ``size`` ("32x24", width by height) scales every image to that size, without keeping its proportions; without it,
    images of different sizes are refused. ``grey`` turns colours into brightness (ITU-R 601: 0.299 R + 0.587 G +
    0.114 B). Files that are no usable image are refused together, or with ``on_bad`` "skip" left out and named.
    """
    if on_bad not in ON_BAD:
        raise unknown("data.on_bad", on_bad, ON_BAD)
    wanted, found = _size(size), _found(folder)
    images, kept = _read(folder, found, wanted, grey)
    total = len(found.files) + sum(name not in _names(folder, found.files) for name in found.bad)
    said = _summary(folder, found.bad, total)
    if found.bad and on_bad == "error":
        raise DataError(f"{said}; remove them, or leave them out with --on-bad skip")
    if not len(images):
        raise DataError(f"{folder} holds no images: give a folder of {', '.join(FORMATS)} files")
    labels = named([found.classes[place] for place in kept]) if any(found.classes) else None
    contract = Contract(
        int(np.prod(images.shape[1:])), images.shape[1:], "uint8", 255.0, 0.0, 1.0,
        "pixel intensity, 0 to 1 (level / 255)", label=None if labels is None else labels.column,
    )  # fmt: skip
    rows = Rows(images.reshape(len(images), -1), None if labels is None else labels.numbers, 255.0)
    return Source(folder.name, rows, contract, notes=(said,) if found.bad else ())


def png_folder(folder: Path) -> tuple[np.ndarray, list[str]]:
    """All images of a folder of PNG files, (n, H, W) or (n, H, W, 3), and their names; the order is that of the names.

    A name holds its sub-folder, "3/0007.png". Raises DataError for everything that is no usable PNG, by its name.
    """
    found = _found(folder)
    for file in found.files:
        if file.suffix.lower() != ".png":
            found.bad[file.relative_to(folder).as_posix()] = "not named .png"
    images = np.empty((0, 0, 0), np.uint8)
    if not found.bad:
        images, _ = _read(folder, found, None, False, formats=("PNG",), advice="give images of one size and kind")
    if found.bad:
        raise DataError(f"{_summary(folder, found.bad, len(found.files))}; give a folder of PNG files only")
    if not len(images):
        raise DataError(f"{folder} holds no images: give a folder of PNG files")
    return images, [path.relative_to(folder).as_posix() for path in found.files]


def write_png_folder(path: Path, images: Iterable[tuple[str, np.ndarray]]) -> None:
    """A new folder of 8-bit images, (H, W) or (H, W, 3), by their names "a.png" or "class/a.png": whole or not at all.

    It is filled under another name. Raises ResourceError where it cannot be.
    """
    filling = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        filling.mkdir()
        for name, image in images:
            file = filling / name
            file.parent.mkdir(exist_ok=True)
            with file.open("xb") as stream:
                stream.write(png_bytes(image))
        if path.is_dir():
            path.rmdir()  # it is empty, or this fails
        filling.rename(path)
    except OSError as error:
        raise ResourceError(f"cannot write {path}: {error.strerror or error}; choose another --out") from error
    finally:
        shutil.rmtree(filling, ignore_errors=True)


def png_bytes(image: np.ndarray) -> bytes:
    """8-bit levels (H, W) or (H, W, 3) as a PNG file."""
    content = io.BytesIO()
    _pillow().Image.fromarray(image).save(content, format="PNG", optimize=True)
    return content.getvalue()


def _names(folder: Path, files: list[Path]) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in files}


def _size(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,4})[x×]([1-9][0-9]{0,4})", text)
    if found is None:
        raise UsageError(f"data.image_size must be WIDTHxHEIGHT in pixels, got {text!r}: write 32x32")
    return int(found[1]), int(found[2])


def _found(folder: Path) -> Found:
    """What a folder holds; names that begin with a dot are the system's own."""
    files: list[Path] = []
    classes: list[str] = []
    bad: dict[str, str] = {}
    for path, label in _entries(folder):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            bad[name] = "a link, and links are not followed"
        elif path.is_dir():
            bad[name] = "a folder within a class"
        elif not path.is_file():
            bad[name] = "not a file"
        else:
            files.append(path)
            classes.append(label)
    if "" in classes and any(classes):
        inside = next(file for file, label in zip(files, classes, strict=True) if label)
        outside = files[classes.index("")]
        raise DataError(
            f"{folder} holds {outside.name} beside the class {inside.parent.name}: put every image into the folder of "
            "its class, or none"
        )
    return Found(files, classes, bad)


def _entries(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every entry with its class, "" for none."""
    for path in _visible(folder):
        if path.is_dir() and not path.is_symlink():
            yield from ((inside, path.name) for inside in _visible(path))
        else:
            yield path, ""


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise DataError(f"cannot read the folder {folder}: {error.strerror}; check its permissions") from error


def _read(
    folder: Path,
    found: Found,
    size: tuple[int, int] | None,
    grey: bool,
    *,
    formats: tuple[str, ...] = FORMATS,
    advice: str = "give --image-size WIDTHxHEIGHT, and --grey where some are grey",
) -> tuple[np.ndarray, list[int]]:
    """The usable images (n, H, W) or (n, H, W, 3), and their places in the list; others go to ``found.bad``."""
    images = np.empty((0, 0, 0), np.uint8)
    kept: list[int] = []
    for place, path in enumerate(found.files):
        try:
            image = decoded(path, size, grey, formats)
        except Unusable as error:
            found.bad[path.relative_to(folder).as_posix()] = str(error)
            continue
        if not kept:
            images, first = _room(folder, len(found.files), image), path
        if image.shape != images.shape[1:]:
            raise DataError(
                f"{folder} holds images of different kinds, {first.name} of {_kind(images[0])} and {path.name} of "
                f"{_kind(image)}: {advice}"
            )
        images[len(kept)] = image
        kept.append(place)
    return images[: len(kept)], kept


def _room(folder: Path, count: int, image: np.ndarray) -> np.ndarray:
    needed, free = count * image.nbytes, free_memory()
    if free is not None and needed > free:
        raise too_large(folder, needed)
    return np.empty((count, *image.shape), np.uint8)


def _kind(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[0]} {'grey' if image.ndim == 2 else 'coloured'} pixels"


def _summary(folder: Path, bad: dict[str, str], total: int) -> str:
    listed = ", ".join(f"{name} ({why})" for name, why in sorted(bad.items())[:NAMED_FILES])
    more = f", and {len(bad) - NAMED_FILES} more" if len(bad) > NAMED_FILES else ""
    return f"{folder}: {len(bad)} of {total} files cannot be used: {listed}{more}"


def decoded(
    path: Path, size: tuple[int, int] | None, grey: bool, formats: tuple[str, ...] = FORMATS
) -> np.ndarray:
    """One image (H, W) or (H, W, 3) of 8-bit levels; raises Unusable with the reason.

    The file is in memory before Pillow sees it: asked for the two gigabytes that a damaged header names, a file makes
    room for them first, and bytes in memory give what there is.
    """
    pillow = _pillow()
    try:
        content = _content(path)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            warnings.simplefilter("error", pillow.Image.DecompressionBombWarning)
            with pillow.Image.open(io.BytesIO(content), formats=formats) as image:
                _check(image, content)
                return _levels(pillow, pillow.ImageOps.exif_transpose(image), size, grey)
    except (pillow.Image.DecompressionBombError, pillow.Image.DecompressionBombWarning) as error:
        raise Unusable("too many pixels") from error
    except pillow.UnidentifiedImageError as error:
        raise Unusable(f"not an image of {', '.join(formats)}") from error
    except DAMAGE as error:
        raise Unusable(f"damaged: {' '.join(str(error).split()) or type(error).__name__}") from error


def _content(path: Path) -> bytes:
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            raise Unusable(f"{size:,} bytes, more than {MOST_BYTES:,}")
        return path.read_bytes()
    except OSError as error:
        raise Unusable(f"cannot be read: {error.strerror}") from error


def _check(image: Any, content: bytes) -> None:
    """Refuse by size and mode, before a pixel is decoded."""
    if image.width * image.height > MOST_PIXELS:
        raise Unusable(f"{image.width} x {image.height} pixels, more than {MOST_PIXELS:,}")
    if getattr(image, "is_animated", False):
        raise Unusable(f"{getattr(image, 'n_frames', 'several')} frames, and one is a row")
    if image.mode in DEEP or _bits(image, content) > 8:
        raise Unusable("more than 8 bits a colour: convert it, or save the rows as .npy")
    if image.mode not in GREY + COLOUR:
        raise Unusable(f"colours as {image.mode}: convert it to RGB")


def _bits(image: Any, content: bytes) -> int:
    """Bits a colour of PNG and TIFF; Pillow opens deep colours as if they had 8."""
    if image.format == "PNG":
        return max(content[24:25], default=0)
    if image.format == "TIFF":
        return int(max(image.tag_v2.get(258, (1,))))
    return 8


def _levels(pillow: Any, image: Any, size: tuple[int, int] | None, grey: bool) -> np.ndarray:
    """The pixels, opaque, in one of two modes, in the size that was asked for."""
    own = "L" if image.mode in GREY else "RGB"
    veiled = image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info
    if veiled and image.convert("RGBA").getchannel("A").getextrema()[0] < 255:
        raise Unusable("transparent pixels: put it on a background")
    image = image.convert(own)
    if grey:
        image = image.convert("L")
    if size is not None and image.size != size:
        image = image.resize(size, pillow.Image.Resampling.BICUBIC)
    return np.asarray(image, np.uint8)


def _pillow() -> Any:
    try:
        import PIL
        import PIL.Image
        import PIL.ImageOps
    except (ImportError, OSError) as error:
        raise MissingPackage(f"images need Pillow, which comes with matplotlib ({error}): install it again") from error
    if not (log := logging.getLogger("PIL")).handlers:
        log.addHandler(logging.NullHandler())  # what it says of a damaged file is said by the exception as well
    return PIL
