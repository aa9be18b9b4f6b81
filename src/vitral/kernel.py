"""The kernel of the BLAS: which one the processor deserves, chosen before NumPy is loaded and never after.

NumPy's wheels carry OpenBLAS with kernels for several generations of processors; it picks one as it loads. Processors
with AVX-512 whose name it does not know (AMD's Zen 4 and Zen 5 among them) get the kernel for AVX2, and half of each
core stays unused. The environment variable OPENBLAS_CORETYPE chooses by hand. A kernel with instructions that the
processor lacks would end the process, so one is named only where the system lists them all.

The command line chooses; ``import vitral`` in a program changes nothing: its first training logs what is lost, and so
says ``vitral info``.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import MutableMapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from vitral.environment import blas
from vitral.errors import ResourceError

VARIABLE = "OPENBLAS_CORETYPE"
WIDE = "SkylakeX"  # OpenBLAS' name of its kernel for AVX-512
NEEDED = frozenset({"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"})  # what that kernel is compiled for
AVX512_ON_WINDOWS = 41  # PF_AVX512F_INSTRUCTIONS_AVAILABLE; every processor with it that runs Windows has the others
CHECKED = 96  # rows and columns of the product that is checked


def choose(environment: MutableMapping[str, str] | None = None) -> str | None:
    """Name the better kernel in the environment, and return its name; None where nothing is to be changed.

    Nothing is, where NumPy is loaded already or the variable is set, where NumPy's BLAS is not the OpenBLAS of its
    wheel, or where the processor lacks an instruction.
    """
    environment = os.environ if environment is None else environment
    if "numpy" in sys.modules or VARIABLE in environment or not bundled():
        return None
    kernel = best(instructions())
    if kernel is not None:
        environment[VARIABLE] = kernel
    return kernel


def best(available: frozenset[str]) -> str | None:
    """The kernel to ask for by name; None where OpenBLAS finds the best by itself."""
    return WIDE if available >= NEEDED else None


def instructions(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """The instruction sets of the processor that the system lists; empty where it lists none."""
    if sys.platform == "win32":
        import ctypes

        return NEEDED if ctypes.windll.kernel32.IsProcessorFeaturePresent(AVX512_ON_WINDOWS) else frozenset()
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    flags = (line.partition(":")[2].split() for line in lines if line.startswith("flags"))
    return frozenset(next(flags, ()))


def bundled() -> bool:
    """Whether NumPy would load the OpenBLAS that its wheel carries."""
    spec = find_spec("numpy")
    places = [] if spec is None else [Path(place) for place in spec.submodule_search_locations or ()]
    return any(any(place.with_name("numpy.libs").glob("*openblas*")) for place in places)


def lost(loaded: str | None) -> str | None:
    """One sentence on what the loaded kernel leaves unused, with the line that mends it; None where nothing is."""
    kernel = best(instructions())
    if kernel is None or not bundled() or loaded in (None, kernel):
        return None
    line = f"set {VARIABLE}={kernel}" if os.name == "nt" else f"export {VARIABLE}={kernel}"
    return (
        f"NumPy's BLAS runs its {loaded} kernel on a processor with AVX-512, at about half of its speed: "
        f"start with  {line}  before Python"
    )


@cache
def hint() -> None:
    """Log what the loaded kernel leaves unused, once in a process, unless the user has named one: for programs."""
    if VARIABLE not in os.environ and (sentence := lost((blas() or {}).get("kernel"))) is not None:
        logging.getLogger("vitral").warning(sentence)


def product(a: Any, b: Any) -> Any:
    """A product as the BLAS computes it."""
    return a @ b


def verify(kernel: str) -> None:
    """Compare a product of whole numbers with the same one without the BLAS; raises ResourceError where it is wrong.

    Every sum stays below 2^24, where float32 is exact, so the right product is equal to the last bit.
    """
    import numpy as np

    a = np.arange(CHECKED * CHECKED).reshape(CHECKED, CHECKED) % 17 - 8
    b = a[::-1].T.copy()
    right = a @ b  # whole numbers do not go through the BLAS
    for dtype in ("float32", "float64"):
        if not np.array_equal(product(a.astype(dtype), b.astype(dtype)), right):
            raise ResourceError(
                f"the {kernel} kernel of NumPy's BLAS multiplies wrongly in {dtype} on this processor: "
                "use vitral --kernel off, and report it"
            )
