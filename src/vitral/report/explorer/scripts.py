"""The engine's scripts in their order. Each is a classic script, for one element of a page or one Blob of a worker."""

from __future__ import annotations

from importlib.resources import files

ENGINE = (
    "arrays",
    "noise",
    "layers",
    "convolution",
    "blocks",
    "likelihoods",
    "divergence",
    "model",
    "step",
    "optimisers",
    "latent",
    "evidence",
    "bounds",
    "parity",
)


def engine_source() -> str:
    """All of the engine as one script."""
    folder = files("vitral.report.explorer") / "engine"
    return "\n".join((folder / f"{name}.js").read_text(encoding="utf-8") for name in ENGINE)
