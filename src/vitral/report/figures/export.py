"""Figures as files: SVG and PNG without dates, the pictures inside the SVG in as few bytes as they need."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from vitral.errors import ResourceError
from vitral.report.figures.style import styled

RASTER_DPI = 110
PNG_DPI = 150
SVG_FONTS = (
    "DejaVu Sans, Verdana, Segoe UI, Liberation Sans, sans-serif"  # laid out with the widest, the first
)
GREYS, COLOURS = 16, 96
PIXELS_PER_POINT = 1.4  # how finely a mosaic is stored, per point of its width in the figure
_PICTURE = re.compile(r"<image\b[^>]*?/>", re.DOTALL)
_DATA = re.compile(r'xlink:href="data:image/png;base64,\s*([^"]+)"')
_CRISP = re.compile(r'\s*style="image-rendering:[^"]*"')


def save(figure: Figure, stem: Path) -> list[Path]:
    """Write `<stem>.svg` and `<stem>.png`; the layout is solved once for both."""
    if figure.get_layout_engine() is not None:
        with styled():
            figure.draw_without_rendering()
        figure.set_layout_engine("none")
    paths = [stem.with_name(f"{stem.name}.svg"), stem.with_name(f"{stem.name}.png")]
    contents = [svg_text(figure).encode("utf-8"), png_bytes(figure)]
    for path, content in zip(paths, contents, strict=True):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise ResourceError(f"cannot write {path}: {error.strerror or error}") from error
    return paths


def svg_text(figure: Figure) -> str:
    stream = io.StringIO()
    with styled():
        figure.savefig(stream, format="svg", dpi=RASTER_DPI, metadata={"Date": None, "Creator": None})
    return _PICTURE.sub(_compact, stream.getvalue()).replace("'DejaVu Sans'", SVG_FONTS)


def png_bytes(figure: Figure) -> bytes:
    stream = io.BytesIO()
    with styled():
        figure.savefig(
            stream, format="png", dpi=PNG_DPI, metadata={"Software": None}, pil_kwargs={"compress_level": 4}
        )
    return stream.getvalue()


def _compact(match: re.Match[str]) -> str:
    """One embedded picture again: grey or few-coloured, and a pixel mosaic enlarged by a whole factor.

    Enlarged pixels stay square pixels when a browser scales them smoothly; "pixelated" scaling by a broken
    factor would make some wider than others.
    """
    element = match.group(0)
    found = _DATA.search(element)
    if found is None:
        return element
    picture = Image.open(io.BytesIO(base64.b64decode(found.group(1))))
    if _CRISP.search(element):
        picture = _enlarged(picture, element)
    encoded = base64.b64encode(_small_png(picture)).decode("ascii")
    element = element[: found.start(1)] + encoded + element[found.end(1) :]
    return _CRISP.sub("", element)


def _enlarged(picture: Image.Image, element: str) -> Image.Image:
    scale = re.search(r'transform="[^"]*?matrix\(([-\d.e]+)', element) or re.search(
        r"scale\(([-\d.e]+)", element
    )
    points = float(scale.group(1)) * picture.width if scale else picture.width
    factor = max(1, round(points * PIXELS_PER_POINT / picture.width))
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)


def _small_png(picture: Image.Image) -> bytes:
    flat = Image.new("RGB", picture.size, "white")
    flat.paste(picture, mask=picture.getchannel("A") if "A" in picture.getbands() else None)
    pixels = np.asarray(flat)
    if np.ptp(pixels, axis=2).max() == 0:
        small = _greys(pixels[..., 0])
    else:
        small = flat.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    stream = io.BytesIO()
    small.save(stream, format="PNG", optimize=True)
    return stream.getvalue()


def _greys(values: np.ndarray) -> Image.Image:
    """Eight-bit greys in `GREYS` even steps from black to white, four bits a pixel in the file."""
    indices = np.round(values / 255 * (GREYS - 1)).astype(np.uint8)
    small = Image.fromarray(indices).convert("P")
    small.putpalette([round(255 * level / (GREYS - 1)) for level in range(GREYS) for _ in range(3)])
    return small
