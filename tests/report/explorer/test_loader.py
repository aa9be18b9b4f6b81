"""Arrays in the browser: the page's loader finds what Python finds, to the last bit."""

import json
import subprocess
from pathlib import Path

import numpy as np

from tests.report.explorer.node import executable
from vitral.report.explorer import assemble, packing

LOADER = Path(assemble.__file__).parent / "shell" / "loader.js"
ASKED = """
const entries = JSON.parse(require("fs").readFileSync(0, "utf8"));
const plain = (key, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value);
Promise.all(entries.map(globalThis.Vitral.shell.unpacked))
  .then((found) => process.stdout.write(JSON.stringify(found, plain)));
"""


def test_the_loader_unpacks_every_format_as_python_does():
    """Floats, halves, whole numbers, columns with scales, differences that wrap."""
    rng = np.random.default_rng(0)
    some = rng.standard_normal((7, 5)).astype(np.float32)
    packed = {
        "floats": packing.floats(some),
        "halves": packing.floats(some * 1e-5, "f2"),
        "labels": packing.integers(rng.integers(0, 10, 9), "i4"),
        "levels": packing.integers(rng.integers(0, 256, (3, 8)), "u1", scale=1 / 255),
        "weights": packing.weights(some),
        "coarse": packing.weights(some, 15),
        "codes": packing.spread(some),
        "greys": packing.greys(rng.random((4, 9, 6)), 31, delta=18),
        "wrapped": packing.integers(rng.integers(-(2**15), 2**15, 50), "i2", delta=3),
    }
    entries = {name: one.entry for name, one in packed.items()}
    names = sorted(entries)
    script = LOADER.read_text(encoding="utf-8") + ASKED
    done = subprocess.run(
        [executable(), "-e", script], input=json.dumps([entries[name] for name in names]), capture_output=True,
        text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    for name, one in zip(names, found, strict=True):
        expected = packing.unpack(entries[name])
        assert one["shape"] == list(expected.shape), name
        assert np.array(one["data"], expected.dtype).tolist() == expected.ravel().tolist(), name
