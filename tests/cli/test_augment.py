"""vitral augment: what is asked for is made, in every form, with classes and check; wrong words get a sentence."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vitral
from vitral.cli.augment import ENDINGS

SMALL = ["--hidden", "16", "--epochs", "2", "--latent", "2", "-q"]
TABLE = "age,city,income,kind\n" + "".join(
    f"{20 + n % 40},{'Recife' if n % 3 else 'Natal'},{1000 + 7 * n},{'old' if n % 2 else 'new'}\n" for n in range(90)
)


@pytest.fixture(scope="module")
def classes_run(tmp_path_factory, quiet_run):
    path = tmp_path_factory.mktemp("classes")
    quiet_run(path, "train", "digits", "--conditional", *SMALL, "--out", "run")
    return str(path / "run")


@pytest.fixture(scope="module")
def plain_run(tmp_path_factory, quiet_run):
    path = tmp_path_factory.mktemp("plain")
    quiet_run(path, "train", "digits", *SMALL, "--out", "run")
    return str(path / "run")


@pytest.fixture(scope="module")
def table_run(tmp_path_factory, quiet_run):
    path = tmp_path_factory.mktemp("table")
    (path / "people.csv").write_text(TABLE, encoding="utf-8")
    words = ("train", str(path / "people.csv"), "--label-column", "kind", "--conditional")
    quiet_run(path, *words, *SMALL, "--out", "run")
    return str(path / "run")


def told(run, *words):
    answer = run("augment", *words, "--json")
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def arrays_of(path):
    """What an .npz file holds; closed again, as numpy.load alone leaves it open."""
    with np.load(path) as file:
        return dict(file)


def test_as_many_of_every_class_as_asked_with_their_labels(run, classes_run):
    said = told(run, classes_run, "--per-class", "3", "-o", "m.npz")
    made = arrays_of("m.npz")
    assert said["rows"] == 30
    assert said["classes"] == {str(label): 3 for label in range(10)}
    np.testing.assert_array_equal(made["y"], np.repeat(np.arange(10), 3))
    assert made["x"].shape == (30, 8, 8)
    data = vitral.load_data("digits")
    assert made["x"].max() <= data.train.stored.max()
    assert made["x"].max() > 0.3 * data.train.stored.max()


def test_what_was_made_trains_something_else(run, classes_run):
    """The file is one that vitral train takes, with its labels."""
    assert told(run, classes_run, "--per-class", "8", "-o", "m.npz")["rows"] == 80
    answer = run("train", "m.npz", "--conditional", *SMALL, "--out", "again")
    assert answer.code == 0, answer.err
    assert vitral.load("again").model("latent-2").classes == tuple(range(10))


def test_every_run_is_compared_with_training_and_held_out_rows(run, classes_run):
    check = told(run, classes_run, "-n", "40", "-o", "m.npz")["check"]
    assert check["made"] == 40
    assert check["copies"] == 0.0
    assert check["nearest"] > 0.0
    assert 0.0 <= check["precision"] <= 1.0
    assert check["as_asked_held_out"] > 0.9
    answer = run("augment", classes_run, "-n", "40", "-o", "n.npz")
    assert "copies: 0.0%" in answer.err
    assert "held-out rows" in answer.err
    assert answer.out == "n.npz\n"
    assert told(run, classes_run, "-n", "4", "-o", "o.npz", "--no-check")["check"] is None
    assert run("augment", classes_run, "-n", "4", "-o", "p.npz", "-q").err == ""


@pytest.mark.parametrize("start", ["prior", "rows"])
def test_the_same_seed_gives_the_same_bytes(run, folder, classes_run, start):
    for name, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        told(run, classes_run, "-n", "20", "--start", start, "--seed", seed, "-o", f"{name}.npz", "--no-check")
    first, again, other = (arrays_of(folder / f"{name}.npz")["x"] for name in "abc")
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_folder_for_every_class_that_can_be_trained_on(run, folder, classes_run):
    told(run, classes_run, "--per-class", "6", "-o", "images")
    found = Counter(path.parent.name for path in (folder / "images").rglob("*.png"))
    assert found == {str(label): 6 for label in range(10)}
    with Image.open(next((folder / "images" / "3").iterdir())) as image:
        assert (image.size, image.mode) == ((8, 8), "L")
    assert run("train", "images", "--conditional", *SMALL, "--out", "again").code == 0


def test_one_class_alone_and_pictures(run, folder, classes_run):
    assert told(run, classes_run, "--label", "3", "-n", "5", "-o", "t.npy")["classes"] == {"3": 5}
    assert np.load("t.npy").shape == (5, 8, 8)
    for ending in (".png", ".svg"):
        told(run, classes_run, "--per-class", "2", "-o", f"look{ending}", "--no-check")
        assert (folder / f"look{ending}").stat().st_size > 1000


def test_around_labelled_rows_a_model_without_classes_makes_rows_of_classes(run, plain_run):
    said = told(run, plain_run, "--start", "rows", "--per-class", "3", "-o", "m.npz")
    assert said["classes"] == {str(label): 3 for label in range(10)}
    assert told(run, plain_run, "-n", "7", "-o", "n.npz")["classes"] is None
    assert set(arrays_of("n.npz")) == {"x"}


def test_a_table_comes_with_its_columns_its_types_and_its_label(run, folder, table_run):
    pd = pytest.importorskip("pandas")
    said = told(run, table_run, "--per-class", "20", "-o", "rows.csv")
    assert said["classes"] == {"new": 20, "old": 20}
    made = pd.read_csv(folder / "rows.csv")
    assert list(made.columns) == ["age", "city", "income", "kind"]
    assert set(made["city"]) <= {"Recife", "Natal"}
    assert Counter(made["kind"]) == {"new": 20, "old": 20}
    assert (made["age"] == made["age"].round()).all()
    assert told(run, table_run, "--label", "old", "-n", "9", "--start", "rows", "-o", "old.csv")["rows"] == 9


def test_names_of_classes_that_are_no_names_of_folders_are_refused(trained, tmp_path):
    """A class called ../x must not leave its folder."""
    from dataclasses import replace

    from vitral.cli.made import check_form
    from vitral.data.columns import Column
    from vitral.errors import UsageError

    model = vitral.load(trained).model("latent-2")
    for name in ("../x", "a/b", "c:", ".", "..", "", "x.", "two\nlines", "a\\b"):
        label = Column("y", "category", "string", ("fine", name))
        named = replace(model, contract=replace(model.contract, label=label))
        check_form(Path("made"), named, np.array([0, 0]), 2)
        with pytest.raises(UsageError, match=r"cannot be the name of a folder: use -o made\.npz"):
            check_form(Path("made"), named, np.array([0, 1]), 2)


def test_a_folder_that_cannot_be_finished_leaves_nothing(run, folder, classes_run, monkeypatch):
    def full(*_, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    answer = run("augment", classes_run, "--per-class", "2", "-o", "images", "--no-check")
    assert answer.code == 5
    assert "No space left on device; choose another --out" in answer.err
    assert list(folder.iterdir()) == []


def test_where_the_data_are_gone_it_says_how_to_go_on(run, table_run):
    """The table moved away: nothing to compare with, but rows can still be made."""
    people = Path(table_run).with_name("people.csv")
    hidden = people.rename(people.with_name("moved.csv"))
    try:
        answer = run("augment", table_run, "-n", "4", "-o", "rows.csv")
        assert answer.code != 0
        assert "leave the comparison out with --no-check" in answer.err
        assert told(run, table_run, "-n", "4", "-o", "rows.csv", "--no-check")["rows"] == 4
    finally:
        hidden.rename(people)


WRONG = {
    "--label 3 --per-class 2": ("plain", 2, "this model is not conditional and has no classes"),
    "--label 12": ("classes", 2, "12 is no class of this model or its data: choose of 0, 1, 2"),
    "--label three": ("classes", 2, "--label needs the number of a class"),
    "--context 1,2": ("classes", 3, "a context of this model is 10 numbers"),
    "-n 3 --per-class 2": ("classes", 2, "give -n or --per-class, not both"),
    "-n 10 -o rows.npy": ("classes", 2, "no place for the labels of 10 classes"),
    "-n 401 -o many.png": ("classes", 2, "a picture shows at most 400 images"),
    "-n 4 -o rows.csv": ("classes", 2, "trained on plain rows, which have no columns"),
    "-n 4 -o full": ("classes", 2, "exists and is no empty folder"),
    "-n 4 -o nowhere/made": ("classes", 2, "the folder nowhere does not exist"),
    "-n 4 -o x.jpg": ("classes", 2, f"its ending must be one of {', '.join(ENDINGS)}"),
    "-n 4 --data unlabelled.npy --start rows": ("classes", 3, "labels"),
    "-n 4 --data small.npy": ("plain", 3, "the model needs 64"),
    "--label 3 --start rows --data unlabelled.npy": ("plain", 2, "no labels to start from"),
    "-n 4 -o people": ("table", 2, "write an array with -o name.npy"),
    "--label young -n 4": ("table", 2, "unknown class 'young'"),
}


@pytest.mark.parametrize("words", WRONG)
def test_wrong_words_get_one_sentence_and_leave_nothing(run, folder, request, words):
    model, code, said = WRONG[words]
    np.save("unlabelled.npy", np.random.default_rng(0).random((30, 64)).astype(np.float32))
    np.save("small.npy", np.zeros((30, 5), np.float32))
    (folder / "full").mkdir()
    (folder / "full" / "thesis.txt").write_text("years of work", encoding="utf-8")
    before = sorted(folder.rglob("*"))
    answer = run("augment", request.getfixturevalue(f"{model}_run"), *words.split())
    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err
    assert sorted(folder.rglob("*")) == before
