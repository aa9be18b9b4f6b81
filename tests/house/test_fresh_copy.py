"""A first start of run.py in a fresh copy, for real.

The folder of wheels is made of what is installed here: no network is needed.
"""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = 4_000_000


def wheel_of(distribution, folder):
    """An installed distribution as a wheel again; of heavy ones the metadata alone: the start loads none."""
    left_out = {"..", "__pycache__", "RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
    files = [file for file in distribution.files or () if not left_out & set(file.parts)]
    if sum(file.locate().stat().st_size for file in files) > HEAVY:
        files = [file for file in files if file.parts[0].endswith(".dist-info")]
    name = re.sub(r"[-.]", "_", distribution.metadata["Name"])
    info = next(file.parts[0] for file in files if file.parts[0].endswith(".dist-info"))
    record = [*(file.as_posix() for file in files), f"{info}/RECORD"]
    with zipfile.ZipFile(folder / f"{name}-{distribution.version}-py3-none-any.whl", "w") as wheel:
        for file in files:
            wheel.write(file.locate(), file.as_posix())
        wheel.writestr(record[-1], "".join(f"{line},,\n" for line in record))


@pytest.fixture
def fresh(tmp_path):
    """A copy of the repository, pinned to what is installed here, and the folder of wheels for it."""
    left_out = shutil.ignore_patterns(".git", ".venv*", ".*_cache", "__pycache__", "runs", "dist", "*.xz")
    copy = shutil.copytree(ROOT, tmp_path / "um vitral ção 窓", ignore=left_out)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    pins = []
    for distribution in importlib.metadata.distributions():
        if distribution.metadata["Name"] not in {"vitral", "pip", "setuptools"}:
            wheel_of(distribution, wheels)
            pins.append(f"{distribution.metadata['Name']}=={distribution.version}\n")
    (copy / "constraints.txt").write_text("".join(pins), encoding="utf-8")
    return copy, wheels


@pytest.mark.slow
def test_a_fresh_copy_starts_and_later_starts_come_at_once(fresh, tmp_path):
    copy, wheels = fresh
    words = [sys.executable, str(copy / "run.py"), "--offline", str(wheels), "--version"]
    quiet = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PYTHONPATH": ""}
    first = subprocess.run(words, capture_output=True, text=True, encoding="utf-8", cwd=tmp_path, env=quiet)
    assert first.returncode == 0, first.stderr
    assert "pip install" in first.stderr
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        later = subprocess.run(
            [*words[:2], "--version"],
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=tmp_path,
            env=quiet,
        )
        seconds.append(time.perf_counter() - started)
        assert later.returncode == 0, later.stderr
        assert later.stdout == first.stdout != ""
        assert len(later.stderr.splitlines()) == 1
    assert min(seconds) < 1.0
