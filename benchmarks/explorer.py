"""What a page of the explorer promises, measured in the system's Chromium: size, parity, accessibility, frames.

    python benchmarks/explorer.py study=PAGE classroom=PAGE     measures pages of `vitral explore`, writes the result
    python benchmarks/explorer.py                               only writes the table of docs/explorer.md

A frame: the cursor goes round the latent plane, a step an animation frame, with the limit of frames a second switched
off, so that the time between two frames is what one costs: decoding, drawing, and every other figure near the window.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from pages import DOCS, markdown, write

from vitral.environment import show_versions
from vitral.persistence import write_json

RESULT = Path(__file__).resolve().parent / "results" / "explorer.json"
FRAMES, WARM = 600, 100
UNLIMITED = ["--disable-frame-rate-limit", "--disable-gpu-vsync"]
WINDOWS = {"desktop": (1280, 900), "phone": (360, 740)}

SHAPES = """Vitral.shell.page.description().decoder.map((one) => one.W).filter(Boolean)
  .map((name) => Vitral.shell.page.array(name).shape)"""
TURN = """(count) => new Promise((done) => {
  const times = [];
  const frame = (now) => {
    times.push(now);
    if (times.length > count) return void done(times);
    const angle = times.length / 20;
    Vitral.shell.state.set({ z: [1.5 * Math.cos(angle), 1.5 * Math.sin(angle)] });
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})"""


def measured(browser: Any, page: Path) -> dict[str, Any]:
    """Everything about one page, in a desktop's window and in a phone's."""
    return {"bytes": page.stat().st_size, **{name: _window(browser, page, *size) for name, size in WINDOWS.items()}}


def _window(browser: Any, page: Path, width: int, height: int) -> dict[str, Any]:
    context = browser.new_context(viewport={"width": width, "height": height})
    view, problems, requests = context.new_page(), [], []
    view.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    view.on("pageerror", lambda error: problems.append(str(error)))
    view.on("request", lambda request: requests.append(request.url))
    began = time.perf_counter()
    view.goto(page.as_uri() + "#w03")
    view.wait_for_selector("[data-ready]", timeout=120_000)
    ready = time.perf_counter() - began
    view.wait_for_selector("#parity-badge[data-evidence]", timeout=120_000)
    view.wait_for_timeout(5_000)  # workers that begin with the page have ended
    found = {
        "seconds_until_ready": round(ready, 2),
        "frames": _frames(view),
        "axe": _axe(view),
        "errors": len(problems),
        "requests": sum(not url.startswith(("file:", "data:", "blob:")) for url in requests),
        "parity": view.evaluate("({...document.getElementById('parity-badge').dataset})"),
        "decoder": view.evaluate(SHAPES),
    }
    context.close()
    return found


def _frames(view: Any) -> dict[str, float]:
    """Milliseconds between frames while the decoder follows the cursor."""
    view.locator("#w03").scroll_into_view_if_needed()
    view.evaluate(TURN, WARM)
    times = view.evaluate(TURN, FRAMES)
    steps = [after - before for before, after in pairwise(times)]
    return {"count": len(steps), "median_ms": round(median(steps), 2), "p95_ms": round(quantiles(steps, n=20)[-1], 2)}


def _axe(view: Any) -> int:
    from axe_playwright_python.sync_playwright import Axe

    return len(Axe().run(view).response["violations"])


def table(results: dict[str, Any]) -> str:
    """One column a page and window."""
    columns = [(name, window) for name in results["pages"] for window in WINDOWS]
    of = [results["pages"][name][window] for name, window in columns]
    lines = {
        "size of the page, MB": [f"{results['pages'][name]['bytes'] / 1e6:.2f}" for name, _ in columns],
        "from NumPy, at most: forward": [f"{float(one['parity']['forward']):.0e}" for one in of],
        "gradients": [f"{float(one['parity']['gradient']):.0e}" for one in of],
        "log p(x), nats": [f"{float(one['parity']['evidence']):.0e}" for one in of],
        "seconds until all figures stand": [f"{one['seconds_until_ready']:.1f}" for one in of],
        "median frame of the live decoder, ms": [f"{one['frames']['median_ms']:.1f}" for one in of],
        "95 % of the frames within, ms": [f"{one['frames']['p95_ms']:.1f}" for one in of],
        "violations of axe": [str(one["axe"]) for one in of],
        "errors in the console": [str(one["errors"]) for one in of],
        "requests": [str(one["requests"]) for one in of],
    }
    head = ("", *(f"{name}, {window} {' x '.join(map(str, WINDOWS[window]))}" for name, window in columns))
    return markdown(head, [[name, *cells] for name, cells in lines.items()], _note(results))


def _note(results: dict[str, Any]) -> str:
    def decoder(shapes: list[list[int]]) -> str:
        return "-".join(str(one) for one in [shapes[0][0], *(shape[1] for shape in shapes)])

    decoders = ", ".join(f"{name} {decoder(one['desktop']['decoder'])}" for name, one in results["pages"].items())
    return (
        f"Decoders: {decoders}. {FRAMES} frames without a limit of frames a second. Chromium {results['chromium']} on "
        f"2 cores of {results['machine']['cpu']}, no graphics card; {results['date']}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", metavar="NAME=PAGE")
    asked = dict(one.split("=", 1) for one in parser.parse_args().pages)
    results = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {"pages": {}}
    if asked:
        from playwright.sync_api import sync_playwright

        sys.path.append(str(DOCS.parent))
        from tests.report.explorer.bench import arguments, executable

        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=executable(), args=[*arguments(), *UNLIMITED])
            results |= {"chromium": browser.version, "machine": show_versions()}
            results["date"] = datetime.now(UTC).date().isoformat()
            for name, page in asked.items():
                results["pages"][name] = measured(browser, Path(page).resolve())
                print(name, json.dumps(results["pages"][name]))
            browser.close()
        write_json(RESULT, results)
    write(DOCS / "explorer.md", "explorer", table(results))


if __name__ == "__main__":
    main()
