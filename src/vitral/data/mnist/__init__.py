"""MNIST, inside the package: the four original IDX files, xz-compressed, decoded once into a cache.

Images and labels: Yann LeCun, Corinna Cortes and Christopher J. C. Burges. See LICENSE-MNIST.md.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np

from vitral.data.contract import Contract, Rows, Source
from vitral.errors import FileError, ResourceError
from vitral.persistence import write_atomically

ROWS, FEATURES = 70_000, 784
# SHA-256 of each compressed file, and of the pooled bytes that the cache holds.
COMPRESSED = {
    "train-images.idx3-ubyte.xz": "8f41e9b4abc124dc3d209e86f7ea714a81f80edea40b565a4781dec7bd67c6e2",
    "t10k-images.idx3-ubyte.xz": "d815adbb3188b5bafed15d649960a5dbcb0f9138b9a4205b88b175001cb394c9",
    "train-labels.idx1-ubyte.xz": "dcd3d8184fe1a8be6231f172fb3390116f91c127282fd736ab55752c179963d8",
    "t10k-labels.idx1-ubyte.xz": "f2edae9ce0307abae4671a37b70e6e3858696b48b16c3cfdfef97388dc9925d5",
}
POOLED = {
    "mnist-images-70000x784.u8": (
        "images.idx3",
        16,
        "5b92582eb909c82a9bfefcd44acbe9233be3eb5b419a44cf211022ad2bf4bf96",
    ),
    "mnist-labels-70000.u8": (
        "labels.idx1",
        8,
        "671ff9d70b4811116d55c3dd479efa7a981e2e62753ef7a6d5c15fea81e63d27",
    ),
}


def mnist() -> Source:
    """All 70,000 images as a read-only memory map, training images first; x = level / 255."""
    images = _cached("mnist-images-70000x784.u8").reshape(ROWS, FEATURES)
    labels = np.asarray(_cached("mnist-labels-70000.u8"), dtype=np.int64)
    contract = Contract(FEATURES, (28, 28), "uint8", 255.0, 0.0, 1.0, "pixel intensity, 0 to 1 (level / 255)")
    return Source("mnist", Rows(images, labels, 255.0), contract, official=(50_000, 10_000, 10_000))


def cache_folder() -> Path:
    """Where decoded data are kept: $VITRAL_CACHE, or the platform's folder for caches."""
    if chosen := os.environ.get("VITRAL_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "vitral"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "vitral"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "vitral"


def _cached(name: str) -> np.ndarray:
    """The memory map of one pooled file, decoded first where it is missing or damaged."""
    path = cache_folder() / name
    if not _intact(path, POOLED[name][2]):
        _decode(path, name)
    return np.memmap(path, dtype=np.uint8, mode="r")


def _decode(path: Path, name: str) -> None:
    """Write the cache file. Two processes may both do so: each renames a whole file into place."""
    part, header, digest = POOLED[name]
    content = b"".join(_unpacked(source)[header:] for source in COMPRESSED if part in source)
    if hashlib.sha256(content).hexdigest() != digest:
        raise FileError("the packaged MNIST does not decode to its known SHA-256: install Vitral again")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except (OSError, ResourceError) as error:
        if _intact(path, digest):  # another process was faster, and Windows holds its file
            return
        raise ResourceError(
            f"cannot keep decoded MNIST in {path.parent}: {error}; set VITRAL_CACHE to a folder that can be written"
        ) from error


def _unpacked(source: str) -> bytes:
    """One IDX file of the package, its SHA-256 checked before it is decoded."""
    file = files("vitral.data.mnist") / source
    content = file.read_bytes() if file.is_file() else b""
    if hashlib.sha256(content).hexdigest() != COMPRESSED[source]:
        raise FileError(f"the packaged data file {source} is missing or damaged: install Vitral again")
    return lzma.decompress(content)


def _intact(path: Path, digest: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest
