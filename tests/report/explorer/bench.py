"""A page in a real browser: opened from its file, used as people use it, and listened to for errors and requests."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SCREENSHOTS = "VITRAL_SCREENSHOTS"  # a folder; unset, no pictures are taken


def executable() -> str | None:
    """The system's Chromium."""
    return next((found for found in map(shutil.which, BROWSERS) if found), None)


def arguments() -> list[str]:
    """A browser run by root refuses its sandbox; one in a small container has little shared memory."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    return ["--disable-dev-shm-usage", *(["--no-sandbox"] if root else [])]


def ran(code: str, names: dict[str, Any]) -> None:
    """Runs printed lines; the files of arrays that they opened are closed when they are done."""
    exec(code, names)
    for value in names.values():
        if isinstance(value, np.lib.npyio.NpzFile):
            value.close()


@dataclass
class View:
    """One page in one window: `page` is Playwright's, `problems` and `requests` what it did that it should not."""

    page: Any
    path: Path
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.page.on("console", self._told)
        self.page.on("pageerror", lambda error: self.problems.append(f"{error}\n{error.stack}"))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def _told(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"{message.type}: {message.text}")

    def open(self, address: str = "") -> View:
        self.page.goto(self.path.as_uri() + address)
        return self.ready()

    def ready(self) -> View:
        self.page.wait_for_selector("[data-ready]", timeout=60_000)
        return self.settle()

    def settle(self) -> View:
        """Until two frames have been drawn: what was asked for is seen."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return self

    def until(self, expression: str, seconds: float = 30.0) -> View:
        """Until an expression is true in the page; the page's own policy forbids Playwright's way to wait for one."""
        for _ in range(int(seconds * 20)):
            if self.page.evaluate(expression):
                return self
            self.page.wait_for_timeout(50)
        raise AssertionError(f"still not true: {expression}")

    def state(self) -> dict[str, Any]:
        return self.page.evaluate("() => ({...Vitral.shell.state.get()})")

    def set(self, **values: Any) -> View:
        self.page.evaluate("(values) => { Vitral.shell.state.set(values); }", values)
        return self.settle()

    def image(self, selector: str) -> np.ndarray:
        """The numbers that a canvas of the shell shows."""
        return np.asarray(self.page.evaluate("(name) => Array.from(document.querySelector(name).values)", selector))

    def elsewhere(self) -> list[str]:
        """Requests for anything but the file itself."""
        return [one for one in self.requests if not one.startswith((self.path.as_uri(), "data:", "blob:"))]

    def axe(self) -> list[str]:
        """Violations of the accessibility rules, a line each."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        nodes = [(one["id"], node) for one in found for node in one["nodes"]]
        return [f"{rule}: {node['html'][:160]} {node['failureSummary'][:300]}" for rule, node in nodes]

    def overflow(self) -> list[str]:
        """What sticks out to the right of the window, scrolling frames left out."""
        return self.page.evaluate(
            """() => [...document.querySelectorAll("body *")].filter((one) => {
                const inside = one.closest(".scroll, pre, .offstage, .equation, .picture, svg, dialog:not([open])");
                return !inside && one.getBoundingClientRect().right > innerWidth + 1;
            }).map((one) => one.outerHTML.slice(0, 160))"""
        )

    def place(self, selector: str, share: tuple[float, float]) -> tuple[float, float]:
        """A point of an element in pixels of the window, given as shares of its width and height."""
        one = self.page.locator(selector).first
        one.scroll_into_view_if_needed()
        box = self._still(one)
        return box["x"] + share[0] * box["width"], box["y"] + share[1] * box["height"]

    def _still(self, one: Any) -> dict[str, float]:
        """Where an element is once it has stayed there: what workers answer makes room for itself."""
        box = None
        for _ in range(50):
            before, box = box, one.bounding_box()
            if box == before:
                break
            self.page.wait_for_timeout(60)
        return box

    def drag(self, selector: str, start: tuple[float, float], end: tuple[float, float]) -> View:
        mouse = self.page.mouse
        mouse.move(*self.place(selector, start))
        mouse.down()
        mouse.move(*self.place(selector, end), steps=5)
        mouse.up()
        return self.settle()

    def click(self, selector: str, share: tuple[float, float] = (0.5, 0.5)) -> View:
        self.page.mouse.click(*self.place(selector, share))
        return self.settle()

    def touch(self, selector: str, *fingers: list[tuple[float, float]]) -> View:
        """Fingers that each follow a path of shares; the page must have been opened with `touch`."""
        session = self.page.context.new_cdp_session(self.page)
        paths = [[self.place(selector, share) for share in path] for path in fingers]
        for step in range(len(paths[0])):
            points = [{"x": path[step][0], "y": path[step][1], "id": i} for i, path in enumerate(paths)]
            kind = "touchStart" if step == 0 else "touchMove"
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        session.detach()
        return self.settle()

    def press(self, selector: str, *keys: str) -> View:
        self.page.locator(selector).first.focus()
        for key in keys:
            self.page.keyboard.press(key)
        return self.settle()

    def slide(self, selector: str, value: float) -> View:
        """Move a native slider as a hand does: its value changes and it says so."""
        self.page.locator(selector).first.evaluate(
            "(one, value) => { one.value = value; one.dispatchEvent(new Event('input', {bubbles: true})); }", value
        )
        return self.settle()

    def type(self, selector: str, text: str) -> View:
        one = self.page.locator(selector).first
        one.fill(text)
        one.press("Enter")
        one.blur()
        return self.settle()

    def download(self, selector: str) -> bytes:
        return Path(self.saved(self.page.locator(selector).first).path()).read_bytes()

    def saved(self, button: Any) -> Any:
        """The file that a button hands out. Of many in a row Chromium now and then drops one: asked again."""
        from playwright.sync_api import TimeoutError as Dropped

        for patience in (5_000, 15_000, 30_000):
            with contextlib.suppress(Dropped), self.page.expect_download(timeout=patience) as waiting:
                button.evaluate("(one) => one.click()")
                return waiting.value
        raise AssertionError(f"nothing was handed out by {button}")

    def shot(self, name: str, selector: str | None = None) -> None:
        """A picture to be looked at, where a folder was named for them."""
        folder = os.environ.get(SCREENSHOTS)
        if not folder:
            return
        Path(folder).mkdir(parents=True, exist_ok=True)
        path = Path(folder) / f"{name}.png"
        if selector:
            self.page.locator(selector).first.screenshot(path=path)
        else:
            self.page.screenshot(path=path, full_page=True)
