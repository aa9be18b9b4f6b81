"""A browser for the tests of the page: one for all of them, the system's own; and a small page, written once."""

from __future__ import annotations

import os
import re
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
    """Opens the whole page in a window of its own; what it did wrong while the test ran fails the test at its end.

    `opened(address="#w03", width=360, language="pt-BR", theme="dark", touch=True, path=another)`
    """
    yield from _opener(browser, lambda address, path: path or small_page)


@pytest.fixture
def figure(browser, small_page, tmp_path):
    """The same for one figure, that of the address, and many times sooner: `figure("#w03&z=0,1", width=360)`."""

    def page(address, path):
        return with_one_figure(path or small_page, address.lstrip("#").partition("&")[0], tmp_path)

    yield from _opener(browser, page)


def with_one_figure(path, name, folder):
    """A copy of a page in which one figure is mounted; the others are in it, but never begin."""
    whole = path.read_text(encoding="utf-8")
    alone, others = re.subn(rf'V\.widgets\.add\(\{{ id: "(?!{name}")', 'void ({ id: "', whole)
    assert others > 0
    assert f'V.widgets.add({{ id: "{name}"' in alone
    copy = folder / f"{path.stem}-{name}.html"
    copy.write_text(alone, encoding="utf-8")
    return copy


def _opener(browser, page_of):
    views = []

    def open_view(address="", *, width=1280, height=900, language="en", theme="light", touch=False, path=None):
        window = {"viewport": {"width": width, "height": height}, "locale": language, "has_touch": touch}
        context = browser.new_context(**window, color_scheme=theme)
        view = bench.View(context.new_page(), page_of(address, path))
        views.append(view)
        view.listen()
        return view.open(address)

    yield open_view
    for view in views:
        view.page.context.close()
    assert [problem for view in views for problem in view.problems] == []
    assert [request for view in views for request in view.elsewhere()] == []
