"""What a training was made on: the same in every process that computes the same."""

import json
import subprocess
import sys

import pytest

from tests.cli.conftest import environment
from vitral.environment import fingerprint

PRINT = "import json; from vitral.environment import fingerprint; print(json.dumps(fingerprint('float32')))"


@pytest.mark.parametrize("before", ["", "import scipy.linalg\n", "import sklearn.base\n", "import numba\n"])
def test_a_fingerprint_depends_on_nothing_that_happened_to_be_imported(before):
    """SciPy loads a BLAS of its own; it is NumPy's that counts."""
    if "numba" in before:
        pytest.importorskip("numba")
    done = subprocess.run([sys.executable, "-c", before + PRINT], env=environment(), capture_output=True, text=True)
    assert json.loads(done.stdout) == fingerprint("float32"), done.stderr


def test_a_fingerprint_names_what_decides_the_last_bits():
    found = fingerprint("float64")
    assert set(found) == {
        "vitral", "dtype", "platform", "libc", "numpy", "scipy", "blas", "kernel", "instructions",
    }  # fmt: skip
    assert found["dtype"] == "float64"
    assert all(found["instructions"].values())
