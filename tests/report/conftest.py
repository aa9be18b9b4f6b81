"""One synthetic run for all tests of the report, its figures and page written once."""

from __future__ import annotations

import pytest

from tests.report.synthetic import write_run
from vitral.report import build_report
from vitral.report.run_folder import read_run


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A run folder without figures; tests only read it."""
    return write_run(tmp_path_factory.mktemp("report") / "run")


@pytest.fixture(scope="session")
def run(folder):
    return read_run(folder)


@pytest.fixture(scope="session")
def page(folder):
    """The text of the whole page, with figures."""
    return build_report(folder).read_text(encoding="utf-8")
