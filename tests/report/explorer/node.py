"""The explorer's scripts in Node: what a test asks of them, as JSON in and JSON out."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest

from vitral.core.parameters import named
from vitral.report.explorer.assemble import engine_source
from vitral.report.explorer.describe import described

START = """
const V = globalThis.Vitral, E = V.engine;
const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
const lookup = (name) => given.arrays[name] || null;
const plain = (key, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value);
"""


def executable():
    """Node: the machine's own, or the one that Playwright brings along."""
    found = shutil.which("node")
    if found is None:
        playwright = pytest.importorskip("playwright", reason="neither Node nor Playwright, which has one, is here")
        found = str(Path(playwright.__file__).parent / "driver" / "node")
    return found


def in_node(body, *, source=None, **given):
    """What the JavaScript ``body`` returns, with the engine as ``E`` and the keyword arguments in ``given``."""
    script = f"{source or engine_source()}\n{START}\nconst answer = (() => {{ {body} }})();\n"
    script += "process.stdout.write(JSON.stringify(answer, plain));"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "script.js"
        path.write_text(script, encoding="utf-8")
        command = [executable(), str(path)]
        done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def in_page(model, theta, prefix=""):
    """The description and the arrays that a page would hold of a model."""
    arrays = {
        prefix + name: {"data": np.asarray(theta[where], float).tolist(), "shape": list(shape)}
        for name, (where, shape) in named(model.shapes).items()
    }
    return {"description": {"name": "model", **described(model, prefix)}, "arrays": arrays}
