"""What `vitral` gives to the world, and what it costs to ask for it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import vitral

ROOT = Path(__file__).parents[2]

PUBLIC = [
    "Batch",
    "ConditionalVAE",
    "Model",
    "Run",
    "Spec",
    "TrainedModel",
    "VAE",
    "VAEImputer",
    "VitralError",
    "__version__",
    "compress",
    "decompress",
    "load",
    "load_data",
    "show_versions",
    "stream",
]

OPTIONAL = {"PyODVAE": "pyod", "VAEOverSampler": "imblearn"}  # names that need a package of an extra


def surprises(names):
    """What is wrong with a list of public names."""
    said = []
    if list(names) != sorted(names):
        said.append("not sorted")
    if len(names) > 30:
        said.append(f"{len(names)} names, at most 30")
    if set(names) != set(PUBLIC):
        said.append(f"added or gone: {', '.join(sorted(set(names) ^ set(PUBLIC)))}")
    return said


def loaded(code):
    """The top-level modules that a fresh interpreter loads while it runs ``code``."""
    script = f"import sys\nbefore = set(sys.modules)\n{code}\nprint(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}


def outsiders(names):
    return {name for name in names if name not in sys.stdlib_module_names and name != "vitral"}


def test_the_public_names_are_these():
    assert surprises(vitral.__all__) == []


@pytest.mark.parametrize(
    "names, said",
    [
        ([*PUBLIC, "surprise"], "added or gone: surprise"),
        (PUBLIC[:-1], "added or gone: stream"),
        (PUBLIC[::-1], "not sorted"),
        ([f"name{number:02}" for number in range(31)], "31 names, at most 30"),
    ],
)
def test_a_changed_surface_is_noticed(names, said):
    assert said in surprises(names)


def test_names_that_need_an_extra_stand_apart():
    """A star import works without the packages of the extras; the reference pages know these names all the same."""
    assert set(dir(vitral)) == {*PUBLIC, *OPTIONAL}
    assert not set(vitral.__all__) & set(OPTIONAL)
    assert len(dir(vitral)) <= 30


@pytest.mark.parametrize("name", [*PUBLIC, *OPTIONAL])
def test_a_public_name_loads(name):
    if name in OPTIONAL:
        pytest.importorskip(OPTIONAL[name])
    assert getattr(vitral, name) is not None
    assert name in dir(vitral)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'VEA'"):
        _ = vitral.VEA


def test_importing_vitral_imports_the_standard_library_only():
    assert outsiders(loaded("import vitral")) == set()


def test_the_witness_of_imports_sees_numpy():
    """The test above could not fail if `loaded` saw nothing."""
    assert "numpy" in loaded("import numpy")
    assert "numpy" in loaded("import vitral.model")


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_the_first_words_of_the_command_line_do_not_load_numpy(flag):
    code = (
        f"import runpy\nsys.argv = ['vitral', '{flag}']\n"
        "try:\n    runpy.run_module('vitral', run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code, end.code"
    )
    assert outsiders(loaded(code)) <= {"click", "colorama"}


def test_the_version_has_one_source():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in project["project"]["dynamic"]
    source = ROOT / project["tool"]["hatch"]["version"]["path"]
    assert re.findall(r'^__version__ = "(.+)"$', source.read_text(encoding="utf-8"), re.MULTILINE) == [
        vitral.__version__
    ]
