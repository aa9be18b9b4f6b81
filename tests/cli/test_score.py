"""vitral score: the file that it writes, what it promises, and why a row is odd."""

import csv
import json

import numpy as np
import pytest

import vitral
from vitral.applications import anomaly
from vitral.cli.score import KINDS
from vitral.core.randomness import stream


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    return {name: [line[place] for line in lines[1:]] for place, name in enumerate(lines[0])}


def numbers(path, name):
    return np.array(read(path)[name], np.float64)


def table(rows, seed):
    rng = stream(seed, "score")
    age = rng.normal(40.0, 10.0, rows)
    return {"age": age, "height": 170.0 + rng.normal(0.0, 5.0, rows), "income": 50.0 * age + rng.normal(0, 90, rows)}


def write(path, columns):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of a small table, and other rows of it with three that are odd in one column each."""
    from vitral.cli import main

    place = tmp_path_factory.mktemp("score")
    write(place / "people.csv", table(500, 0))
    words = "--hidden 16 --epochs 60 --batch 32 --rate 0.01 -q"
    with pytest.raises(SystemExit) as leaving:
        main(["train", str(place / "people.csv"), *words.split(), "--out", str(place / "run")])
    assert not leaving.value.code
    odd = table(200, 1)
    odd["income"][10] += 3000.0
    odd["height"][20] = 260.0
    odd["age"][30] = 99.0
    write(place / "odd.csv", odd)
    return place


def test_scores_come_as_a_table_or_as_an_array(run, folder):
    assert run("score", "tiny", "digits", "-q").code == 3
    np.save("rows.npy", vitral.load("tiny").sample(20).clip(0, 1).astype(np.float32))
    answer = run("score", "tiny", "rows.npy")
    assert answer.code == 0
    assert answer.out.strip() == "scores.csv"
    assert run("score", "tiny", "rows.npy", "-o", "scores.npy", "-q").out == ""
    scores = np.load("scores.npy")
    assert scores.dtype == np.float64
    np.testing.assert_array_equal(numbers(folder / "scores.csv", "score"), scores)
    tiny = vitral.load("tiny")
    expected = anomaly.scorer(tiny.model, tiny.theta, "relative_error")(tiny.rows(np.load("rows.npy")))
    np.testing.assert_array_equal(expected, scores)


def test_the_oddest_rows_are_the_spoiled_ones_and_the_column_is_named(run, folder, trained):
    words = ("score", str(trained / "run"), str(trained / "odd.csv"), "--explain", "why.csv")
    answer = run(*words, "--contamination", "0.015", "--json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document["outliers"] == 3
    assert {row["row"] for row in document["oddest"][:3]} == {10, 20, 30}
    why = read(folder / "why.csv")
    assert list(why) == ["row", "most", "age_nats", "height_nats", "income_nats"]
    assert why["most"][20] == "height"
    assert {why["most"][10], why["most"][30]} <= {"income", "age"}


def test_a_false_positive_rate_is_kept(run, folder, trained):
    """Calibrated on rows of its own, at most about that share of other normal rows is called an outlier."""
    write(folder / "normal.csv", table(400, 2))
    write(folder / "fresh.csv", table(1000, 3))
    words = ("score", str(trained / "run"), "fresh.csv", "--normal", "normal.csv", "--fpr", "0.05")
    answer = run(*words)
    assert answer.code == 0, answer.err
    assert "of 1000 rows are outliers" in answer.out
    flags = np.array(read(folder / "scores.csv")["outlier"]) == "true"
    assert np.array_equal(flags, numbers(folder / "scores.csv", "p_value") <= 0.05)
    assert 0.01 < flags.mean() < 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_every_score_has_its_name_on_the_command_line(run, folder, trained, kind):
    assert {*KINDS} == {"auto", *anomaly.SCORES}
    answer = run("score", str(trained / "run"), str(trained / "odd.csv"), "--score", kind, "-o", f"{kind}.npy", "-q")
    assert answer.code == 0, answer.err
    assert np.load(f"{kind}.npy").shape == (200,)


def test_equal_seeds_write_equal_bytes(run, folder, trained):
    for name, seed in (("a", "5"), ("b", "5"), ("c", "6")):
        run("score", str(trained / "run"), str(trained / "odd.csv"), "--seed", seed, "-o", f"{name}.csv", "-q")
    first, again, other = ((folder / f"{name}.csv").read_bytes() for name in "abc")
    assert first == again != other


def test_the_oddest_images_are_shown_with_their_heat(run, folder):
    np.save("rows.npy", vitral.load("tiny").sample(12).clip(0, 1).astype(np.float32))
    answer = run("score", "tiny", "rows.npy", "--explain", "odd.png", "-q")
    assert answer.code == 0, answer.err
    assert (folder / "odd.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "words, said",
    [
        ("--fpr 0.05 --contamination 0.1", "choose one"),
        ("--fpr 0", "--fpr must be a share above 0"),
        ("--contamination 0.7", "--contamination must be a share above 0 and at most 0.5"),
        ("--explain scores.csv", "name the same file"),
        ("--explain why.txt", "its ending must be one of"),
        ("--fpr 0.0001", "needs at least 9999 held-out normal rows"),
        ("--explain odd.png", "not on images"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(run, folder, trained, words, said):
    answer = run("score", str(trained / "run"), str(trained / "odd.csv"), *words.split())
    assert answer.code in (2, 3)
    assert said in answer.err
    assert list(folder.iterdir()) == []
