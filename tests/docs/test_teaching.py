"""The pages for a course: both languages ask the same, the key is made from a run, and the commands run."""

import importlib.util
import json
import re
import shlex
import subprocess
import sys

import pytest

from tests.cli.conftest import WITHOUT_FIGURES, environment
from tests.docs import pages
from tests.report.synthetic import CHECKS, check, write_run

TEACH = pages.DOCS / "teach"
PAGES = sorted(path.stem for path in TEACH.glob("*.md") if not path.stem.endswith(".pt"))
SMALL = ("data.limit=200", "training.epochs=1", "evaluation.importance_images=10", "evaluation.tsne_rows=40")
FORM = (r"^#+ ", r"^\|", r"^- \*\*(\d[a-z])\*\*", r"\$[^$\n]+\$", r"^```\n(.*?)^```", r"derivations/\w+\.md", r"_{6,}")
KEYS = ("answers.md", "answers.pt.md")


def both(name):
    return [(TEACH / f"{name}{suffix}.md").read_text(encoding="utf-8") for suffix in ("", ".pt")]


def answers():
    spec = importlib.util.spec_from_file_location("answers", TEACH / "answers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands():
    """Every command line of the worksheets, in order."""
    blocks = re.findall(r"^```\n(.*?)^```", both("worksheets")[0], flags=re.M | re.S)
    return [line for block in blocks for line in block.splitlines()]


def asked(page):
    return re.findall(r"^- \*\*(\d[a-z])\*\*", page, flags=re.M)


def test_every_page_exists_in_both_languages():
    assert PAGES == ["README", "answers", "lectures", "rubric", "worksheets"]
    assert len(list(TEACH.glob("*.pt.md"))) == len(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_both_languages_have_the_same_form(name):
    """Headings, rows, list items, questions, formulas, code and links to derivations are as many and the same."""
    english, portuguese = both(name)
    for pattern in FORM:
        ours, theirs = (re.findall(pattern, page, flags=re.M | re.S) for page in (english, portuguese))
        assert ours == theirs, pattern


@pytest.mark.parametrize("name", [name for name in PAGES if name != "answers"])
def test_no_page_but_the_key_has_a_measured_number(name):
    """Decimals come out of a command; questions are numbered, and that is all."""
    for page in both(name):
        bare = re.sub(r"https?://\S+|`[^`]*`", "", page)
        assert not re.search(r"\d[.,]\d", bare)


def test_every_question_has_its_answer():
    for sheet, key in zip(both("worksheets"), both("answers"), strict=True):
        assert asked(sheet) == asked(key)
        assert len(asked(key)) == len(set(asked(key))) > 20


def test_the_key_is_written_from_the_kept_numbers(tmp_path):
    """Rewriting it changes nothing: no number was typed by hand."""
    module = answers()
    module.write(json.loads(module.KEPT.read_text(encoding="utf-8")), tmp_path)
    assert [(tmp_path / name).read_text(encoding="utf-8") for name in KEYS] == both("answers")


def test_the_key_of_a_class_says_the_numbers_of_its_own_runs(tmp_path):
    """A number changed in a run is changed in the key, in both languages."""
    runs = [write_run(tmp_path / name, vaes=(2, 10)) for name in ("first", "heavy")]
    for run, kl in zip(runs, (7.125, 2.5), strict=True):
        metrics = json.loads((run / "metrics.json").read_text())
        items = [*CHECKS, check("E09", "gradient, random directions", 4e-8, 1e-6, "relative error", True)]
        for model in metrics["models"].values():
            model["checks"]["items"] = items
            if model["kind"] == "vae":
                model["information"] |= {"kl": 4.75}
        metrics["models"]["latent-2"]["test"] |= {"kl": kl}
        (run / "metrics.json").write_text(json.dumps(metrics))
    answers().main(runs, tmp_path / "key", keep=False)
    english, portuguese = ((tmp_path / "key" / name).read_text("utf-8") for name in KEYS)
    assert "- **3a** 7.12 and 2.50 nats" in english
    assert "- **3a** 7,12 e 2,50 nats" in portuguese
    assert "log 2 = 10.28 bits" in english


def test_the_commands_are_those_that_the_pages_promise():
    assert [shlex.split(line)[:2] for line in commands()] == [
        ["vitral", "study"], ["vitral", "grid"], ["vitral", "sample"], ["vitral", "interpolate"], ["vitral", "study"],
        ["python", "examples/gradient_by_hand.py"], ["vitral", "check"],
    ]  # fmt: skip


@pytest.mark.slow
def test_the_commands_run_in_order_and_the_key_is_made_of_their_runs(tmp_path):
    """In a small size: every file that a sheet names is there afterwards."""
    for line in commands():
        name, *words = shlex.split(line)
        more = [word for change in SMALL for word in ("--set", change)] if words[0] == "study" else []
        start = ["-c", WITHOUT_FIGURES] if words[0] == "study" else ["-m", "vitral"]
        if name == "python":
            start, words = [], [str(pages.ROOT / words[0])]
        subprocess.run([sys.executable, *start, *words, *more], cwd=tmp_path, env=environment(), check=True)
    for file in ("grid.png", "samples.png", "path.png", "runs/first/report.html", "runs/heavy/metrics.json"):
        assert (tmp_path / file).is_file(), file
    answers().main([tmp_path / "runs" / "first", tmp_path / "runs" / "heavy"], tmp_path / "key", keep=False)
    assert "**2a**" in (tmp_path / "key" / "answers.pt.md").read_text(encoding="utf-8")
