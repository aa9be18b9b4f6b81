"""What the numbers were made on: versions, processor, BLAS. For run folders and bug reports."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "scipy", "scikit-learn", "matplotlib", "click", "tqdm", "safetensors", "numba")


def show_versions() -> dict[str, Any]:
    """Versions, machine and BLAS as plain data; a missing package is None.

    >>> show_versions()["python"].startswith("3.")
    True
    """
    from vitral import __version__

    versions = {package: _version(package) for package in PACKAGES}
    machine = {
        "platform": platform.system(),
        "machine": platform.machine(),
        "cpu": _processor(),
        "cores": cores(),
    }
    return {
        "vitral": __version__,
        "python": platform.python_version(),
        **machine,
        **versions,
        "blas": blas(),
    }


def fingerprint(dtype: str) -> dict[str, Any]:
    """What decides the last bits of a training, as plain data: equal fingerprints, equal bits.

    The number of threads is not in it: a training uses one thread of the BLAS, and its own change no bit. Nor is
    numba, whose compiled steps are NumPy's to the last bit (fast.py).
    """
    return {"vitral": _own_version(), "dtype": dtype, **_libraries()}


@cache
def _libraries() -> dict[str, Any]:
    library = blas() or {}
    return {
        "platform": f"{platform.system()} {platform.machine()}",
        "libc": " ".join(platform.libc_ver()),
        "numpy": _version("numpy"),
        "scipy": _version("scipy"),
        "blas": f"{library.get('name')} {library.get('version')}",
        "kernel": library.get("kernel"),
        "instructions": dict.fromkeys(_instructions(), True),
    }


def _own_version() -> str:
    from vitral import __version__

    return __version__


def _instructions() -> list[str]:
    """The instruction sets that NumPy has found and uses for its own loops."""
    import numpy as np

    core: Any = getattr(np, "_core", None) or np.core  # NumPy 1.26 has the older name
    features: dict[str, bool] = getattr(core._multiarray_umath, "__cpu_features__", {})
    return sorted(name for name, found in features.items() if found)


def commit() -> str | None:
    """The commit of the working tree that this module belongs to, or None outside of one."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=root, capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return answer.stdout.strip() or None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory() -> int | None:
    """Bytes that this process may still take: of the machine, its container and its own limit; None where unknown."""
    known = [free for free in (_of_machine(), _of_container(), _of_process()) if free is not None]
    return max(min(known), 0) if known else None


def _of_machine() -> int | None:
    """What the system says is available, swap included."""
    if sys.platform == "win32":
        import ctypes

        status = (ctypes.c_ulonglong * 8)(64)  # MEMORYSTATUSEX: its length and load first, in eight bytes
        done = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
        return int(status[2]) + int(status[4]) if done else None
    found = dict(line.split(":", 1) for line in _read(Path("/proc/meminfo")).splitlines() if ":" in line)
    sizes = [int(found[name].split()[0]) for name in ("MemAvailable", "SwapFree") if name in found]
    return 1024 * sum(sizes) if sizes else None


def _of_container(folder: Path = Path("/sys/fs/cgroup")) -> int | None:
    """What the limit of a container leaves (version 2 of Linux' control groups)."""
    limit, used = (_read(folder / name).strip() for name in ("memory.max", "memory.current"))
    return int(limit) - int(used) if limit.isdigit() and used.isdigit() else None


def _of_process() -> int | None:
    """What the limit of this process leaves of its addresses."""
    if sys.platform != "linux":
        return None
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    pages = _read(Path("/proc/self/statm")).split()[:1]
    if limit == resource.RLIM_INFINITY or not pages:
        return None
    return limit - int(pages[0]) * resource.getpagesize()


def _read(path: Path) -> str:
    """A file of the system; empty where there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def one_blas_thread() -> Any:
    """A context in which NumPy's BLAS works on one thread; why: training/parallel.py."""
    return _loaded_libraries().limit(limits=1, user_api="blas")


@cache
def _loaded_libraries() -> Any:
    """What threadpoolctl can set; to look for the libraries again would take a millisecond every time."""
    import numpy  # noqa: F401  (threadpoolctl sees only what is loaded)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _processor() -> str:
    """The processor's name as the system gives it."""
    if sys.platform.startswith("linux"):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def blas() -> dict[str, Any] | None:
    """Name, version, kernel and threads of the BLAS that NumPy has loaded.

    SciPy's wheel brings another one; which of the two is found first depends on what was imported first.
    """
    import numpy  # noqa: F401  (threadpoolctl sees only what is loaded)
    from threadpoolctl import threadpool_info

    found = [library for library in threadpool_info() if library["user_api"] == "blas"]
    for library in sorted(found, key=lambda one: not {"numpy", "numpy.libs"} & set(Path(one["filepath"]).parts)):
        return {
            "name": library["internal_api"],
            "version": library["version"],
            "kernel": library.get("architecture"),
            "threads": library["num_threads"],
        }
    return None
