"""Promise C28: the same bytes from other threads, kernels, vector units, batch sizes, and from files of long ago."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.applications.compression.machine import stored
from tests.applications.compression.models import draws, integer, trained
from vitral.applications.compression.bitsback import decoded, encoded
from vitral.persistence import save_tensors

HERE = Path(__file__).resolve()
GOLDEN = HERE.parents[2] / "golden" / "codec.safetensors"
KINDS = [("dense", 2), ("conv", 2), ("two layers", 2), ("two layers", 256)]
CPU = "AVX2 FMA3 AVX512F AVX512_SKX"
MACHINES = {
    "one thread": {"OPENBLAS_NUM_THREADS": "1"},
    "two threads": {"OPENBLAS_NUM_THREADS": "2"},
    "Haswell": {"OPENBLAS_CORETYPE": "Haswell"},
    "SkylakeX": {"OPENBLAS_CORETYPE": "SkylakeX"},
    "Prescott": {"OPENBLAS_CORETYPE": "Prescott"},
    "no vector units": {"NPY_DISABLE_CPU_FEATURES": CPU},
}


def write(path: Path, parts: str, levels: int, n: int = 12) -> None:
    """A model, rows of it and their bytes in one file."""
    model, rows = integer(parts, levels), draws(trained(parts, levels), n)
    content = np.frombuffer(encoded(model, rows), np.uint8)
    tensors = {**model.tensors(), "rows": rows, "content": content}
    save_tensors(path, tensors, {"kind": "codec", "vitral": "0", "facts": model.facts()})


def usable(variables: dict[str, str]) -> bool:
    """Whether this processor has what a kernel needs: SkylakeX is for AVX-512."""
    cpuinfo = Path("/proc/cpuinfo")
    wanted = {"SkylakeX": "avx512f", "Haswell": "avx2"}.get(variables.get("OPENBLAS_CORETYPE", ""), "")
    return not wanted or (cpuinfo.exists() and wanted in cpuinfo.read_text(encoding="utf-8"))


def told(files: list[Path], variables: dict[str, str], python: str = sys.executable) -> list[str]:
    root = HERE.parents[3]
    environment = {**os.environ, **variables, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
    line = [python, "-m", "tests.applications.compression.machine", *map(str, files)]
    done = subprocess.run(line, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_other_machines_give_the_same_bytes(tmp_path: Path) -> None:
    """Encoded here, encoded and decoded there; one line of digests a model, the same everywhere."""
    files = [tmp_path / f"{parts} {levels}.safetensors" for parts, levels in KINDS]
    for path, (parts, levels) in zip(files, KINDS, strict=True):
        write(path, parts, levels)
    machines = {name: told(files, variables) for name, variables in MACHINES.items() if usable(variables)}
    assert len(machines) >= 4
    first = machines["one thread"]
    assert [line.endswith("True True True") for line in first] == [True] * len(KINDS), first
    assert {name: lines for name, lines in machines.items() if lines != first} == {}


def test_a_file_of_long_ago_still_decodes() -> None:
    """Written once and kept: no later version may code these rows otherwise."""
    model, rows, content = stored(GOLDEN)
    assert np.array_equal(rows, decoded(model, content, len(rows)))
    assert content == encoded(model, rows)


if __name__ == "__main__":
    write(GOLDEN, "dense", 2)
