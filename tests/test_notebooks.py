"""The notebooks: one code in two languages, outputs that belong to it, and it runs."""

import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("jupytext")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
nbformat = pytest.importorskip("nbformat")

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
sys.path.insert(0, str(FOLDER))
try:
    import make
finally:
    sys.path.remove(str(FOLDER))

LARGEST = 1_500_000  # bytes of a notebook with its outputs


@pytest.fixture(scope="module", params=make.NAMES)
def shipped(request):
    return nbformat.read(FOLDER / f"{request.param}.ipynb", as_version=4)


def texts(kind):
    return [[c.source for c in make.text_notebook(name).cells if c.cell_type == kind] for name in make.NAMES]


def outputs(notebook):
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def said(notebook):
    """All text that the cells put out."""
    return "\n".join(o.get("text") or o.get("data", {}).get("text/markdown", "") for o in outputs(notebook))


def numbers(text, language):
    """The numbers of an output in their order, however the language writes them."""
    swap = str.maketrans({",": ".", ".": ","}) if language == "vae.pt" else {}
    found = re.findall(r"\d[\d.,]*", text)
    return [number.translate(swap).rstrip(".,") for number in found]


def test_both_languages_have_the_same_code_but_for_its_words():
    english, portuguese = texts("code")
    assert len(english) == len(portuguese) > 30
    for one, other in zip(english, portuguese, strict=True):
        assert make.skeleton(one) == make.skeleton(other), one


def test_other_words_are_no_difference_and_another_number_is():
    same = make.skeleton('print(f"a {x} of {y:.2f}", 3)  # why') == make.skeleton('print(f"um {x} de {y:.2f}", 3)')
    assert same
    assert make.skeleton("f(3)") != make.skeleton("f(4)")
    assert make.skeleton('f"{x}"') != make.skeleton('f"{y}"')


def test_both_languages_have_the_same_headings_formulas_and_links():
    for one, other in zip(*texts("markdown"), strict=True):
        for pattern in (r"^#+", r"^- ", r"\$[^$]+\$", r"\$\$.+?\$\$", r"\]\(([^)]+)\)", r"`[^`]+`"):
            ours, theirs = (re.findall(pattern, text, re.MULTILINE | re.DOTALL) for text in (one, other))
            assert ours == theirs, (pattern, one[:60])


def test_links_of_the_text_lead_to_files():
    for cell in [cell for cells in texts("markdown") for cell in cells]:
        for target in re.findall(r"\]\(([^)#:]+)\)", cell):
            assert (FOLDER / target).is_file(), target


def test_no_result_is_typed_into_the_text():
    """A number with decimals comes out of a cell; only names of papers and editions have a point between digits."""
    for cell in [cell for cells in texts("markdown") for cell in cells]:
        bare = re.sub(r"<https?://\S+>|arXiv:\S+|20[.,]000", "", cell)
        assert not re.search(r"\d[.,]\d", bare), cell


@pytest.mark.parametrize("name", make.NAMES)
def test_shipped_outputs_belong_to_the_shipped_text(name):
    assert make.stale(name) is None


def test_outputs_of_other_code_are_noticed(tmp_path, monkeypatch):
    for file in [*FOLDER.glob("vae*.md"), *FOLDER.glob("vae*.ipynb")]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(make, "HERE", tmp_path)
    assert make.stale("vae") is None
    text = (tmp_path / "vae.md").read_text(encoding="utf-8")
    (tmp_path / "vae.md").write_text(text.replace("SEED = 0", "SEED = 1"), encoding="utf-8")
    assert "executed from other code" in make.stale("vae")
    (tmp_path / "vae.md").write_text(text.replace("## Limits", "## Limit"), encoding="utf-8")
    assert "other words" in make.stale("vae")
    (tmp_path / "vae.ipynb").unlink()
    assert "missing" in make.stale("vae")


def test_a_shipped_notebook_was_executed_whole(shipped):
    """In full size, from top to bottom, without an error or a warning."""
    counts = [cell.execution_count for cell in shipped.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert shipped.metadata["vitral"]["size"] == "full"
    assert {o.output_type for o in outputs(shipped)} == {"display_data", "stream"}
    assert {o.name for o in outputs(shipped) if o.output_type == "stream"} == {"stdout"}


def test_a_shipped_notebook_is_small_and_knows_no_machine(shipped):
    written = nbformat.writes(shipped)
    assert len(written.encode()) < LARGEST
    assert not re.search(r"/tmp/|/home/|/work/|/Users/|[A-Z]:\\\\|site-packages", written)
    assert set(shipped.metadata) == {"kernelspec", "language_info", "vitral"}


def test_every_figure_is_described(shipped):
    figures = [output for output in outputs(shipped) if "image/png" in output.get("data", {})]
    assert len(figures) > 12
    assert all(len(figure.metadata["image/png"]["alt"]) > 30 for figure in figures)


def test_both_languages_ship_the_same_numbers():
    english, portuguese = (
        numbers(said(nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)), name) for name in make.NAMES
    )
    assert len(english) > 200
    assert english == portuguese


@pytest.mark.slow
def test_both_notebooks_run_in_a_small_size(tmp_path):
    """The second finds the models that the first has trained, and says the same numbers."""
    english, portuguese = (make.executed(name, tmp_path, small=True) for name in make.NAMES)
    assert len(list((tmp_path / "trained").glob("*.npz"))) == 4
    assert numbers(said(english), "vae") == numbers(said(portuguese), "vae.pt")
    assert english.metadata["vitral"]["size"] == "small"
