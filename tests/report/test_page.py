"""The page is one file in two languages that needs no network, no matplotlib, and no luck with its input."""

from __future__ import annotations

import base64
import importlib
import json
import re
import shutil
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.synthetic import write_run
from vitral.report import build_report
from vitral.report import page as page_module
from vitral.report.context import compact, differences
from vitral.report.markup import embedded_json, tag
from vitral.report.page import SECTIONS, page_text
from vitral.report.run_folder import read_run

VOID = {"meta", "img", "br", "hr", "input", "link"}


class Reader(HTMLParser):
    """Collects elements, checks that they nest, and keeps the words outside scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.words = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes), tuple(self.open)))
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.words.append(data)

    def all(self, name):
        return [attributes for element, attributes, _ in self.elements if element == name]


@pytest.fixture(scope="session")
def read(page):
    reader = Reader(page)
    assert reader.open == []
    return reader


def words_only(folder, problem="not drawn here"):
    return page_text(read_run(folder), problem)


def test_the_policy_forbids_everything_but_the_page_itself(read):
    (policy,) = [meta["content"] for meta in read.all("meta") if meta.get("http-equiv")]
    assert policy == (
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
        "img-src data: blob:; worker-src blob:"
    )


def test_nothing_on_the_page_is_fetched(page, read):
    for _, attributes, _ in read.elements:
        for name in ("src", "href", "xlink:href", "action", "srcset", "poster", "data"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:image/svg+xml,")), (name, value[:60])
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def figures(read):
    """Every figure as its text; those of the second language are made from the first one's, as the script does."""
    images = read.all("img")
    first = {image["data-figure"]: unquote(image["src"].partition(",")[2]) for image in images if "src" in image}
    made = [translated(first[image["data-like"]], image["data-changes"]) for image in images if "src" not in image]
    assert len(first) == len(made) > 10
    return [*first.values(), *made]


def translated(text, packed):
    steps, made = iter(json.loads(zlib.decompress(base64.b64decode(packed)))), []
    for step in steps:
        made.append(step if isinstance(step, str) else text[step : step + next(steps)])
    return "".join(made)


def test_a_figure_of_the_second_language_is_made_from_the_first_ones(folder, read):
    """To the letter what lies in the run folder; pictures that both have are in the page once."""
    for image in read.all("img"):
        if "data-like" in image:
            like = next(one for one in read.all("img") if one.get("data-figure") == image["data-like"])
            svg = (folder / "figures" / "pt" / f"{image['data-like']}.svg").read_text(encoding="utf-8")
            assert compact(svg) == translated(unquote(like["src"].partition(",")[2]), image["data-changes"])
    once = next(one for one in read.all("img") if one.get("data-like") == "reconstructions")
    assert len(once["data-changes"]) < 2000


@given(st.text("<>ab /'"), st.text("<>ab /'"))
def test_differences_make_one_text_from_another(given_, wanted):
    packed = base64.b64encode(zlib.compress(json.dumps(differences(given_, wanted)).encode()))
    assert wanted == translated(given_, packed)


def test_figures_inside_the_page_refer_to_nothing_outside(read):
    for svg in figures(read):
        targets = re.findall(r"href=[\"']([^\"']*)", svg)
        assert all(target.startswith(("#", "data:image/png;base64,")) for target in targets)


def test_every_section_stands_once_and_holds_both_languages(read):
    shown = [section.name for section in SECTIONS if section.name not in ("variants", "explore")]
    assert [section["id"] for section in read.all("section")] == shown
    blocks = [attributes["lang"] for attributes in read.all("div") if attributes.get("class") == "language"]
    assert blocks == ["en", "pt-BR"] * (len(blocks) // 2)
    assert len(blocks) == 2 * (len(shown) + 3)


def test_without_a_script_the_page_is_english(page, read):
    assert read.all("html") == [{"lang": "en"}]
    assert 'html[lang="en"] .language[lang="pt-BR"]' in page
    assert [button["data-language"] for button in read.all("button")] == ["en", "pt-BR"]


def test_every_figure_has_an_alternative_text_with_size_in_both_languages(read):
    images = read.all("img")
    assert len(images) == 2 * 21
    for image in images:
        assert len(image["alt"]) > 40
        assert int(image["width"]) > 300
        assert int(image["height"]) > 100
    assert len({image["alt"] for image in images}) == len(images)


def test_headings_come_in_order(read):
    levels = [int(name[1]) for name, _, _ in read.elements if re.fullmatch(r"h[1-6]", name)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_table_has_a_caption_and_scoped_headers(read):
    assert len(read.all("caption")) == len(read.all("table"))
    assert all(header.get("scope") in ("row", "col") for header in read.all("th"))


def test_numbers_of_the_page_follow_the_metrics(folder, tmp_path):
    """A number changed in metrics.json is changed on the page, in both languages."""
    copy = shutil.copytree(folder, tmp_path / "copy")
    metrics = json.loads((copy / "metrics.json").read_text())
    metrics["baselines"]["mean_image"]["sse"] = 98765.4321
    (copy / "metrics.json").write_text(json.dumps(metrics))
    written = words_only(copy)
    assert "98,765.43" in written
    assert "98.765,43" in written
    assert "98,765.43" not in words_only(folder)


def test_the_honesty_strip_says_what_the_run_is(page):
    strip = page[page.index('id="rests-on"') : page.index('id="findings"')]
    for fact in ("official", "300", "0.0625", "β = 1", "1.12", "1,236", "1 min 23 s", "0123abc", "6 of 6"):
        assert fact in strip, fact


def test_the_template_holds_no_number_by_hand():
    source = Path(page_module.__file__).with_name("page") / "template.html"
    body = source.read_text(encoding="utf-8").split("<body>")[1]
    assert not re.search(r"\d", body)


def test_a_name_with_markup_stays_text(tmp_path):
    hostile = '</script><script>alert("x")</script><!-- &amp;'
    folder = write_run(tmp_path / "run", name=hostile)
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["data"]["name"] = metrics["data"]["unit"] = hostile
    metrics["models"]["latent-2"]["checks"]["items"][0]["name"] = hostile
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "recipe.toml").write_text(f"# {hostile}")
    environment = json.loads((folder / "environment.json").read_text())
    (folder / "environment.json").write_text(json.dumps(environment | {"command": hostile, "cpu": hostile}))
    written = words_only(folder)
    reader = Reader(written)
    assert len(reader.all("script")) == 3
    assert "alert" not in "".join(re.findall(r"<script>(.*?)</script>", written, re.DOTALL))
    assert any(hostile in text for text in reader.words)
    embedded = re.search(r'id="metrics">(.*?)</script>', written, re.DOTALL)[1]
    assert json.loads(embedded) == metrics


def test_embedded_json_cannot_end_its_script():
    written = embedded_json({"a": "</script><!--\u2028&"})
    assert not re.search("[<>&\u2028]", written)
    assert json.loads(written) == {"a": "</script><!--\u2028&"}


def test_attributes_are_escaped():
    assert tag("p", 'a"<b>', title='"><x') == '<p title="&quot;&gt;&lt;x">a&quot;&lt;b&gt;</p>'


@pytest.mark.parametrize("error", [ImportError("no such module"), OSError("DLL load failed")])
def test_without_matplotlib_the_page_names_the_cause_in_the_place_of_each_figure(
    tmp_path, monkeypatch, error
):
    folder = write_run(tmp_path / "run")
    real = importlib.import_module

    def broken(name, *rest):
        if name.startswith("matplotlib"):
            raise error
        return real(name, *rest)

    monkeypatch.setattr(page_module, "import_module", broken)
    written = build_report(folder).read_text(encoding="utf-8")
    assert not (folder / "figures").exists()
    assert "<img" not in written
    assert written.count("Matplotlib could not be loaded") == 21
    assert written.count("o Matplotlib não pôde ser carregado") == 21
    assert str(error) in written


def test_a_missing_array_is_named_where_its_figure_would_be(tmp_path):
    copy = write_run(tmp_path / "run")
    with np.load(copy / "arrays.npz") as archive:
        kept = {name: archive[name] for name in archive.files if name != "latent-2/prior_means"}
    np.savez(copy / "arrays.npz", **kept)
    assert "the run folder holds no latent-2/prior_means" in words_only(copy)


@pytest.mark.parametrize(
    "options",
    [
        {"images": False},
        {"labels": False},
        {"autoencoder": False},
        {"vaes": (3,), "autoencoder": False, "seeds": 1},
        {"vaes": ()},
        {"shows_data": False},
        {"notebook": True},
    ],
    ids="-".join,
)
def test_a_run_without_some_part_still_gets_its_page(tmp_path, options):
    Reader(words_only(write_run(tmp_path / "run", **options)))


def test_rows_that_are_not_images_are_said_not_to_be(tmp_path):
    folder = write_run(tmp_path / "run", images=False)
    written = words_only(folder)
    assert "The rows of this data set are not images" in written
    assert "Samples of the training rows" not in written


def test_a_run_that_keeps_its_data_to_itself_says_so(tmp_path):
    assert "keep training rows out of its files" in words_only(write_run(tmp_path / "run", shows_data=False))


def test_the_notebook_recipe_is_set_beside_the_published_numbers(tmp_path):
    written = words_only(write_run(tmp_path / "run", notebook=True))
    assert "46.7090" in written
    assert "46,7125" in written
    assert "+0.0035" in written
    assert "46.7090" not in words_only(write_run(tmp_path / "other"))


def test_only_metrics_are_needed(tmp_path):
    folder = write_run(tmp_path / "run")
    for name in ("environment.json", "recipe.toml", "arrays.npz"):
        (folder / name).unlink()
    shutil.rmtree(folder / "progress")
    Reader(words_only(folder))


def test_bare_metrics_give_a_page(tmp_path):
    (tmp_path / "metrics.json").write_text('{"schema": 1, "models": {"a": {"kind": "vae", "latent": 2}}}')
    Reader(words_only(tmp_path))


def test_a_failed_check_is_named_at_the_top(tmp_path):
    folder = write_run(tmp_path / "run")
    metrics = json.loads((folder / "metrics.json").read_text())
    checks = metrics["models"]["latent-3"]["checks"]
    checks["passed"], checks["items"][1]["passed"] = 1, False
    (folder / "metrics.json").write_text(json.dumps(metrics))
    written = words_only(folder)
    assert "failed: E09 (VAE\N{NO-BREAK SPACE}3D)" in written
    assert "FAILED" in written
    assert "does not apply" in written


def test_the_same_run_folder_gives_the_same_page(folder, page):
    assert page_text(read_run(folder)) == page


def test_the_page_claims_nothing_that_no_run_could_show(page):
    for phrase in ("guarantees continuity", "garante continuidade", "coming soon", "em breve"):
        assert phrase not in page


def test_importing_the_report_does_not_import_matplotlib():
    code = "import sys, vitral.report, vitral.report.page; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
