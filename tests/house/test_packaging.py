"""The files around the code agree with each other, and the wheel holds what it should."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def requirements(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return dict(
        line.split(" ;")[0].strip().split("==") for line in lines if line and not line.startswith("#")
    )


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def floors(requirements):
    return {canonical(name): floor for name, floor in (one.partition(";")[0].split(">=") for one in requirements)}


def test_the_extra_and_the_group_for_developers_are_one_list():
    """pip 23 knows no groups, so the list stands twice."""
    assert PROJECT["dependency-groups"]["dev"] == PROJECT["project"]["optional-dependencies"]["dev"]


def test_the_oldest_constraints_are_the_floors():
    project = PROJECT["project"]
    declared = floors(project["dependencies"] + project["optional-dependencies"]["fast"])
    pinned = {canonical(name): version for name, version in requirements("constraints-oldest.txt").items()}
    assert set(pinned) == set(declared)
    for name, floor in declared.items():
        assert pinned[name] in (floor, f"{floor}.0"), name


def test_every_dependency_has_a_tested_version():
    pinned = {canonical(name) for name in requirements("constraints.txt")}
    extras = PROJECT["project"]["optional-dependencies"].values()
    wanted = floors(sum(extras, PROJECT["project"]["dependencies"]))
    assert set(wanted) <= pinned


def test_the_change_log_and_the_citation_know_the_version():
    source = (ROOT / "src" / "vitral" / "__init__.py").read_text(encoding="utf-8")
    version = re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE).group(1)
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def packaged():
    """What the wheel must hold beside the modules: MNIST, recipes, words, the page, the sample model."""
    package = ROOT / "src" / "vitral"
    patterns = (
        "data/mnist/*.xz",
        "data/mnist/*.md",
        "study/recipes/*.toml",
        "report/strings/*.json",
        "report/strings/*/*.json",
        "report/page/*.*",
        "report/explorer/engine/*.js",
        "report/explorer/shell/*.*",
        "report/explorer/widgets/*.*",
        "report/explorer/strings/*/*.json",
        "models/*.safetensors",
        "py.typed",
    )
    found = {pattern: list(package.glob(pattern)) for pattern in patterns}
    assert all(found.values()), [pattern for pattern, paths in found.items() if not paths]
    return {f"vitral/{path.relative_to(package).as_posix()}" for paths in found.values() for path in paths}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
        text=True,
    )
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_is_pure_python_and_holds_the_data(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert wheel.name.endswith("-py3-none-any.whl")
    assert packaged() <= names
    modules = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("*.py")}
    assert modules == {name for name in names if name.endswith(".py")}


@pytest.mark.slow
def test_the_wheel_holds_nothing_but_the_package(wheel):
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"vitral"}


@pytest.mark.slow
def test_the_library_and_its_explorer_are_small_beside_mnist_and_the_sample_model(wheel):
    """The page is a third of the wheel: figures in two languages, and the kept trainings of the bug zoo."""
    sizes = {info.filename: info.compress_size for info in zipfile.ZipFile(wheel).infolist()}
    code = {name: size for name, size in sizes.items() if not name.endswith((".xz", ".safetensors"))}
    page = {name for name in code if "/report/explorer/" in name or name.endswith(("bugs.json", "symptoms.json"))}
    of_page = sum(code[name] for name in page)
    assert of_page < 400_000
    assert sum(code.values()) - of_page < 800_000
