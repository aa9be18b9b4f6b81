"""A law of every figure: the NumPy lines that it prints run, on nothing but the files that the page hands out."""

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FIGURES = """() => [...document.querySelectorAll(".widget")]
    .filter((one) => one.querySelector(".at-code pre code")).map((one) => one.id)"""
PRESSED = {"w10": "#w10 button.action"}  # where the files are there after a button was pressed
# After the lines: arrays were made, and they are numbers.
LAST = """
_arrays = [value for name, value in globals().items() if name[0] != "_" and isinstance(value, np.ndarray)]
assert _arrays and all(np.isfinite(value).all() for value in _arrays if value.dtype.kind == "f")
"""


def test_the_lines_of_every_figure_run_on_the_files_of_the_page(opened, tmp_path):
    view = opened("#depth=code&z=0.4,-1.1&w14.pixels=sample", height=700)
    figures = view.page.evaluate(FIGURES)
    assert len(figures) > 10
    wrong = []
    for name in figures:
        view.page.locator(f"#{name}").scroll_into_view_if_needed()
        view.settle()
        if name in PRESSED:
            view.page.locator(PRESSED[name]).first.click()
            view.settle()
        folder = tmp_path / name
        folder.mkdir()
        for button in view.page.locator(f"#{name} button.weights:visible, #{name} [data-export]:visible").all():
            file = view.saved(button)
            file.save_as(folder / file.suggested_filename)
        code = view.page.locator(f"#{name} .at-code pre code").first.text_content()
        command = [sys.executable, "-W", "error", "-c", code + LAST]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode != 0:
            wrong.append(f"{name}: {done.stderr[-600:]}\n{code}")
    assert not wrong, "\n\n".join(wrong)
