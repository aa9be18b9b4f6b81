"""Files that survive: atomic writing, and tensors in safetensors with a checked header.

A model file holds named tensors and, as metadata, the spec, the data contract and the metrics. Nothing
is ever unpickled. Specification: docs/model_file.md.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vitral.core import parameters
from vitral.errors import FileError, ResourceError
from vitral.specs import Spec

FORMAT_VERSION = 1
METADATA_KEY = "vitral"
HEADER_LIMIT = 1_000_000  # bytes of JSON; a real header has a few thousand
_RETRY_WINERRORS = (5, 32, 33)  # access denied, sharing violation, lock violation: antivirus or indexer


def write_atomically(path: Path, content: bytes) -> None:
    """Write a whole file or nothing: temporary file, fsync, rename, fsync of the folder.

    Raises ResourceError when the folder cannot be written or the disk is full; an older file at
    ``path`` is untouched then.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ResourceError(
            f"cannot write {path}: {error.strerror or error}; free space or choose another folder"
        ) from error


def _replace(temporary: Path, path: Path, patience: float = 2.5) -> None:
    """A rename, tried again for a while where Windows says that somebody holds the target."""
    until = time.monotonic() + patience
    while True:
        try:
            temporary.replace(path)
            return
        except OSError as error:
            if getattr(error, "winerror", None) not in _RETRY_WINERRORS or time.monotonic() > until:
                raise
            time.sleep(0.05)


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_json(path: Path, content: Any) -> None:
    """JSON with two spaces, keys in their order, no NaN, and a last newline."""
    write_atomically(
        path, (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
    )


def save_tensors(path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, Any]) -> None:
    """Named arrays and JSON-able metadata as one safetensors file, read back and compared."""
    from safetensors.numpy import load, save

    # safetensors stores the memory of an array as it lies: anything but C order would be scrambled.
    solid = {name: np.asarray(array, order="C") for name, array in tensors.items()}
    facts = {**metadata, "format_version": FORMAT_VERSION, "sha256": _digest(solid)}
    # One key only: safetensors writes several in an order that changes from run to run.
    content = save(solid, {METADATA_KEY: json.dumps(facts)})
    for name, array in load(content).items():
        assert array.tobytes() == solid[name].tobytes(), f"safetensors changed {name}"
    write_atomically(path, content)


def load_tensors(path: Path, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The tensors and the metadata of a file of this kind ("model" or "checkpoint"), checked."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    content = _read(path)
    facts = _metadata(path, content)
    if facts.get("kind") != kind:
        raise FileError(
            f"{path} is not a Vitral {kind} file, but {facts.get('kind', 'something else')!r}: give another path"
        )
    if facts.get("format_version", 0) > FORMAT_VERSION:
        raise FileError(
            f"{path} has format version {facts['format_version']} and was written by Vitral {facts.get('vitral')}; "
            f"this Vitral reads versions up to {FORMAT_VERSION}: install a newer one"
        )
    try:
        tensors = load(content)
    except (SafetensorError, KeyError, ValueError, MemoryError, AttributeError) as error:
        raise FileError(f"{path} is damaged: {error}; restore it from a copy") from error
    if _digest(tensors) != facts.get("sha256"):
        raise FileError(f"{path} is damaged: its SHA-256 does not match its tensors; restore it from a copy")
    return tensors, facts


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()  # never memory-mapped: a mapped file cannot be replaced on Windows
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or error}; check the path") from error


def _metadata(path: Path, content: bytes) -> dict[str, Any]:
    """The metadata of the header, before anything of the declared sizes is believed."""
    length = struct.unpack("<Q", content[:8])[0] if len(content) >= 8 else 0
    if not 2 <= length <= min(HEADER_LIMIT, len(content) - 8):
        raise FileError(f"{path} is not a safetensors file, or it is cut short; restore it from a copy")
    try:
        header = json.loads(content[8 : 8 + length])
        return dict(json.loads(header["__metadata__"][METADATA_KEY]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FileError(
            f"{path} is not a Vitral file: its header cannot be read; give another path"
        ) from error


def _digest(tensors: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over names, dtypes, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def save_model(
    path: Path,
    spec: Spec,
    theta: np.ndarray,
    contract: Mapping[str, Any],
    facts: Mapping[str, Any],
    version: str,
) -> None:
    """A model file: every tensor under its own name, and what is needed to use it."""
    places = parameters.named(spec.build().shapes)
    tensors = {name: theta[where].reshape(shape) for name, (where, shape) in places.items()}
    metadata = {"kind": "model", "vitral": version, "spec": spec.to_dict(), "contract": dict(contract)}
    save_tensors(path, tensors, {**metadata, "facts": dict(facts)})


def load_model(path: Path) -> tuple[Spec, np.ndarray, dict[str, Any], dict[str, Any]]:
    """Spec, theta, data contract and facts of a model file; every tensor checked against the spec."""
    tensors, metadata = load_tensors(path, "model")
    try:
        spec = Spec.from_dict(metadata["spec"])
        contract, facts = metadata["contract"], metadata["facts"]
    except KeyError as error:
        raise FileError(
            f"{path} is not a complete model file: {error} is missing; restore it from a copy"
        ) from error
    return spec, _assemble(path, spec, tensors), contract, facts


def _assemble(path: Path, spec: Spec, tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    places = parameters.named(spec.build().shapes)
    if set(places) != set(tensors):
        odd = sorted(set(places) ^ set(tensors))
        raise FileError(
            f"{path} does not fit its own spec: unexpected or missing tensors {', '.join(odd[:5])}"
        )
    dtype = next(iter(tensors.values())).dtype
    if dtype not in (np.dtype("float32"), np.dtype("float64")):
        raise FileError(f"{path} holds {dtype} tensors: this version reads float32 and float64")
    theta = np.empty(sum(tensor.size for tensor in tensors.values()), dtype)
    for name, (where, shape) in places.items():
        if tensors[name].shape != shape or tensors[name].dtype != dtype:
            raise FileError(f"{path}: tensor {name} has shape {tensors[name].shape}, its spec says {shape}")
        theta[where] = tensors[name].ravel()
    if not np.isfinite(theta).all():
        raise FileError(f"{path} holds NaN or infinite weights: train the model again")
    return theta
