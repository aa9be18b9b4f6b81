"""README.md says what the commands say: its table and its outputs are written by docs/results/update.py."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def update():
    """docs/results/update.py as a module."""
    spec = importlib.util.spec_from_file_location("update", ROOT / "docs" / "results" / "update.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_result_table_is_written_from_the_kept_numbers(update):
    """Rewriting it changes nothing: no number was typed by hand."""
    kept = json.loads(update.KEPT.read_text(encoding="utf-8"))
    assert update.with_results(README, kept) == README
    assert update.table(kept) in README


def test_the_examples_print_what_the_page_says(update):
    """Every Python block is run; its output block is what it printed."""
    assert len(update.EXAMPLE.findall(README)) == README.count("```python")
    assert update.with_outputs(README) == README


def test_a_changed_number_would_be_noticed(update):
    """The comparison above can fail."""
    kept = json.loads(update.KEPT.read_text(encoding="utf-8"))
    kept["metrics"]["models"]["latent-2"]["test"]["sse"] += 0.01
    assert update.with_results(README, kept) != README
