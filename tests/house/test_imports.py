"""The direction of imports holds, and the test that says so bites."""

import shutil
from pathlib import Path

import pytest

from tests.house import imports

SOURCE = Path(__file__).parents[2] / "src"


def plant(folder, files):
    """A source tree with these modules; packages get an empty __init__."""
    for name, text in files.items():
        path = folder / "vitral" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        for above in path.relative_to(folder).parents[:-1]:
            (folder / above / "__init__.py").touch()
    return folder


def test_the_house_imports_downwards_only():
    assert imports.violations(SOURCE) == []


def test_the_reader_sees_the_imports_of_the_house():
    """An empty list of violations means little if nothing was read."""
    found = {(one.module, one.name) for one in imports.imports(SOURCE)}
    assert ("vitral.parts.layers", "vitral.core.arrays") in found
    assert ("vitral.parts.layers", "numpy") in found
    assert set(imports.modules(SOURCE)) >= {"vitral", "vitral.model", "vitral.core.parameters"}


FORBIDDEN = {
    "a part imports the model": (
        {"parts/layers.py": "from vitral.model import Model", "model.py": ""},
        "level 1 imports only from lower",
    ),
    "an import inside a function counts": (
        {"model.py": "def f():\n    import vitral.cli.main", "cli/main.py": ""},
        "vitral.cli is a leaf",
    ),
    "a relative import counts": (
        {"core/arrays.py": "from ..parts import layers", "parts/layers.py": ""},
        "imports vitral.parts.layers",
    ),
    "an import by name counts": (
        {"specs.py": "import importlib\nimportlib.import_module('vitral.study')", "study/run.py": ""},
        "level 3 imports only from lower",
    ),
    "an import for types counts": (
        {
            "core/arrays.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import vitral.model",
            "model.py": "",
        },
        "imports vitral.model",
    ),
    "two folders of one level are strangers": (
        {"checks/gradient.py": "import vitral.evaluation.latent", "evaluation/latent.py": ""},
        "is level 4",
    ),
    "training never imports the study": (
        {"training/loop.py": "from vitral.study import run", "study/run.py": ""},
        "level 5 imports only from lower",
    ),
    "nobody imports the command line": (
        {"report/page.py": "from vitral.cli import main", "cli/main.py": ""},
        "vitral.cli is a leaf",
    ),
    "nobody imports the estimator, not even below it": (
        {"cli/fit.py": "from vitral.estimator import vae", "estimator/vae.py": "", "__main__.py": ""},
        "vitral.estimator is a leaf",
    ),
    "errors import nothing of the house": (
        {"errors.py": "import vitral.core.arrays", "core/arrays.py": ""},
        "level -1 imports only",
    ),
    "public names are for users": (
        {"study/run.py": "from vitral import load"},
        "names come from the module that defines them",
    ),
    "the package itself is no shortcut": (
        {"study/run.py": "import vitral"},
        "names come from the module that defines them",
    ),
    "siblings in a circle": (
        {"study/a.py": "import vitral.study.b", "study/b.py": "def f():\n    from vitral.study import a"},
        "vitral.study.a <-> vitral.study.b: import each other",
    ),
    "a circle of three": (
        {"data/a.py": "from . import b", "data/b.py": "from . import c", "data/c.py": "from . import a"},
        "vitral.data.a <-> vitral.data.b <-> vitral.data.c",
    ),
    "a new module without a level": ({"helpers.py": ""}, "vitral.helpers: has no level in the table"),
    "the chain of parts runs one way": (
        {"parts/layers.py": "from vitral.parts import priors", "parts/priors.py": ""},
        "layers may use no other part",
    ),
    "a likelihood imports no objective": (
        {"parts/likelihoods.py": "from vitral.parts import objectives", "parts/objectives.py": ""},
        "likelihoods may use no other part",
    ),
    "a family in a folder obeys the chain": (
        {
            "parts/flows/planar.py": "from vitral.parts.posteriors import gaussian",
            "parts/posteriors/gaussian.py": "",
        },
        "flows may use blocks, layers",
    ),
    "a family that the chain does not know": (
        {"parts/tricks.py": "import vitral.parts.layers", "parts/layers.py": ""},
        "tricks is not in the table of parts",
    ),
    "core reads the environment": ({"core/arrays.py": "import os"}, "imports os; levels 0 to 2"),
    "core logs": ({"core/arrays.py": "def f():\n    import logging"}, "imports logging"),
    "a part asks for the time": (
        {"parts/layers.py": "from time import perf_counter"},
        "imports time.perf_counter",
    ),
    "the model draws from the global generator": ({"model.py": "import random"}, "imports random"),
    "a part imports SciPy": (
        {"parts/layers.py": "from scipy.special import gammaln"},
        "imports scipy.special.gammaln",
    ),
    "arrays imports CuPy while it loads": (
        {"core/arrays.py": "import cupy"},
        "an optional package is imported inside a function",
    ),
    "matplotlib outside the report": (
        {"study/run.py": "import matplotlib.pyplot"},
        "only vitral.report does",
    ),
    "scikit-learn's base outside the estimator": (
        {"evaluation/latent.py": "from sklearn.base import BaseEstimator"},
        "only vitral.estimator does",
    ),
    "click outside the command line": ({"training/loop.py": "import click"}, "only vitral.cli does"),
    "tqdm outside the command line": (
        {"training/loop.py": "def f():\n    import tqdm"},
        "only vitral.cli does",
    ),
    "an optional package with two homes": (
        {"data/a.py": "def f():\n    import pyarrow", "report/b.py": "def f():\n    import pyarrow.csv"},
        "pyarrow: imported in vitral.data.a, vitral.report.b",
    ),
    "a POSIX-only module at load": ({"training/checkpoints.py": "import fcntl"}, "Windows does not have it"),
    "a POSIX-only module at load, tried": (
        {"cli/main.py": "try:\n    import termios\nexcept ImportError:\n    termios = None"},
        "Windows does not have it",
    ),
    "the package loads NumPy": ({"__init__.py": "import numpy"}, "loads the standard library only"),
    "the package loads its model": (
        {"__init__.py": "from vitral.model import Model", "model.py": ""},
        "loads the standard library only",
    ),
}


@pytest.mark.parametrize("case", FORBIDDEN)
def test_a_planted_import_is_caught(case, tmp_path):
    files, sentence = FORBIDDEN[case]
    found = imports.violations(plant(tmp_path, files))
    assert any(sentence in one for one in found), found


ALLOWED = {
    "downwards": {
        "model.py": "from vitral.parts import layers",
        "parts/layers.py": "import vitral.core.arrays",
        "core/arrays.py": "import numpy\nimport math",
    },
    "siblings": {
        "study/run.py": "from vitral.study import recipes\nfrom . import recipes",
        "study/recipes.py": "",
    },
    "errors from everywhere": {"core/arrays.py": "from vitral.errors import DataError", "errors.py": ""},
    "the version": {"study/run.py": "from vitral import __version__"},
    "public names on the command line": {"cli/sample.py": "from vitral import load"},
    "the chain": {"parts/priors.py": "from vitral.parts import posteriors", "parts/posteriors.py": ""},
    "CuPy and SciPy inside a function of arrays": {
        "core/arrays.py": "def f():\n    import cupy\n    from scipy.special import gammaln"
    },
    "a POSIX-only module inside a function": {"cli/main.py": "def f():\n    import termios"},
    "one home": {
        "report/figures.py": "import matplotlib",
        "cli/main.py": "import click",
        "data/a.py": "def f():\n    import pyarrow",
    },
    "names for types in the package": {
        "__init__.py": "import typing\nif typing.TYPE_CHECKING:\n    from vitral.model import Model",
        "model.py": "",
    },
}


@pytest.mark.parametrize("case", ALLOWED)
def test_an_allowed_import_is_left_alone(case, tmp_path):
    assert imports.violations(plant(tmp_path, ALLOWED[case])) == []


@pytest.mark.parametrize(
    "module, line",
    [
        ("core/parameters.py", "from vitral.model import Model"),
        ("parts/layers.py", "import logging"),
        ("model.py", "from vitral.report import page"),
        ("specs.py", "import matplotlib"),
    ],
)
def test_an_import_planted_into_the_real_house_is_caught(module, line, tmp_path):
    copy = shutil.copytree(SOURCE, tmp_path / "src", ignore=shutil.ignore_patterns("*.xz", "__pycache__"))
    before = imports.violations(copy)
    target = copy / "vitral" / module
    target.write_text(target.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    added = set(imports.violations(copy)) - set(before)
    assert added
    assert all(f"vitral.{module[:-3].replace('/', '.')}" in one for one in added)
