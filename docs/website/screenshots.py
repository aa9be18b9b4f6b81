"""Pictures of the real explorer for README and docs: ``python -m docs.website.screenshots report.html``.

The page is that of a run of ``vitral study``; each picture is one figure of it in a state that its address names, in
both languages, as the system's Chromium draws it.
"""

from __future__ import annotations

import argparse
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

FOLDER = Path(__file__).resolve().parents[1] / "figures" / "explorer"
LANGUAGES = {"": "en", "-pt": "pt-BR"}
COLOURS = 128  # of a picture: flat areas and small digits, so that a page of documentation stays light


@dataclass(frozen=True)
class Shot:
    """One figure by its address, without a language, in a window so wide; with a height, that window as it is."""

    name: str
    address: str
    width: int = 1180
    height: int | None = None
    theme: str = "light"


SHOTS = (
    Shot("latent-plane", "#w03&image=0&pins=1.2,0.4;-1.1,0.8"),
    Shot("elbo-meter", "#w05&depth=numbers&image=7"),
    Shot("gap", "#w07&image=7"),
    Shot("training-step", "#w08&image=7&w08.stage=14", theme="dark"),
    Shot("phone", "#w03&image=7", width=390, height=844),
)


def main() -> None:
    from playwright.sync_api import sync_playwright

    from tests.report.explorer.bench import arguments, executable

    page = _asked().resolve()
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable(), args=arguments())
        for shot in SHOTS:
            for ending, language in LANGUAGES.items():
                _written(_taken(browser, page, shot, language), FOLDER / f"{shot.name}{ending}.png")
        browser.close()


def _asked() -> Path:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path, help="report.html of a run, or a page of vitral explore")
    return parser.parse_args().page


def _taken(browser: Any, page: Path, shot: Shot, language: str) -> bytes:
    """PNG of the figure that the address names, or of the window where the shot has a height."""
    window = {"viewport": {"width": shot.width, "height": shot.height or 1000}, "locale": language}
    context = browser.new_context(**window, color_scheme=shot.theme, device_scale_factor=1.5)
    view = context.new_page()
    view.goto(f"{page.as_uri()}{shot.address}&lang={language}")
    view.wait_for_selector("[data-ready]", timeout=120_000)
    figure = view.locator(shot.address.partition("&")[0])
    figure.scroll_into_view_if_needed()
    view.wait_for_timeout(4000)  # workers answer, densities are drawn
    picture: bytes = figure.screenshot() if shot.height is None else view.screenshot()
    context.close()
    return picture


def _written(picture: bytes, path: Path) -> None:
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLOURS).save(path, optimize=True)
    print(path.name, f"{path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
