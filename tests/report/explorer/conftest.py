"""A browser for the tests of the page: one for all of them, the system's own; and a small page, written once."""

from __future__ import annotations

import os
from importlib import import_module

import pytest

from tests.report.explorer import bench, fixture
from vitral.report.explorer.assemble import alone


def absent(sentence):
    """Without a browser its tests are left out, except where they are required."""
    if os.environ.get("CI"):
        pytest.fail(f"{sentence}, and CI is set: the browser's tests are required")
    pytest.skip(f"{sentence}: tests of the page in a real browser are left out")


@pytest.fixture(scope="session")
def browser():
    try:
        import_module("axe_playwright_python.sync_playwright")
        started = import_module("playwright.sync_api").sync_playwright
    except ImportError as error:
        absent(f"{error.name} is not installed (the extra `browser`)")
    path = bench.executable()
    if path is None:
        absent("no Chromium is on the PATH")
    with started() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=bench.arguments())
        yield found
        found.close()


@pytest.fixture(scope="session")
def small_page(tmp_path_factory):
    """The path of the page of the tiny model."""
    path = tmp_path_factory.mktemp("explorer") / "page.html"
    path.write_text(alone(fixture.content()), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser, small_page):
    """Opens the page in a window of its own; what it did wrong while the test ran fails the test at its end.

    `opened(address="#w03", width=360, language="pt-BR", theme="dark", touch=True, path=another)`
    """
    views = []

    def open_view(address="", *, width=1280, height=900, language="en", theme="light", touch=False, path=small_page):
        window = {"viewport": {"width": width, "height": height}, "locale": language, "has_touch": touch}
        context = browser.new_context(**window, color_scheme=theme)
        view = bench.View(context.new_page(), path)
        views.append(view)
        view.listen()
        return view.open(address)

    yield open_view
    for view in views:
        view.page.context.close()
    assert [problem for view in views for problem in view.problems] == []
    assert [request for view in views for request in view.elsewhere()] == []
