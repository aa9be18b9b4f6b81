"""The examples run, in a small size, and print what they promise."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def run(name, *arguments, cwd):
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / name, *arguments], cwd=cwd, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_short_and_tested_here():
    """One story a file, under 150 lines; a new one needs a test."""
    names = {file.name for file in EXAMPLES.glob("*.py")}
    stories = {"few_labels.py", "first_vae.py", "gradient_by_hand.py", "read_a_run.py"}
    assert names == stories | {"table_with_holes.py", "with_scikit_learn.py"}
    assert all(len((EXAMPLES / name).read_text("utf-8").splitlines()) < 150 for name in names)


def test_the_first_vae_trains_and_draws(tmp_path):
    """Two epochs: numbers for every step of the story, and a picture."""
    printed = run("first_vae.py", "--epochs", "2", cwd=tmp_path)
    assert "9355 parameters" in printed
    assert "test ELBO" in printed
    assert (tmp_path / "first_vae.png").stat().st_size > 1000


def test_the_table_with_holes_finds_what_its_rows_were_made_of(tmp_path):
    """Heights that were missing follow the sex, a giant is unusual, and new rows have every column."""
    printed = run("table_with_holes.py", "--epochs", "10", cwd=tmp_path)
    found = {sex: float(value) for sex, value in re.findall(r"filled in for (.): ([\d.]+)", printed)}
    assert found["m"] - found["f"] > 5.0
    usual, giant, without = (float(value) for value in re.findall(r": (-[\d.]+) nats$", printed, flags=re.M)[-3:])
    assert giant < usual - 10.0
    assert without > usual
    assert len(printed.splitlines()[-1].split()) == 5


def test_the_gradient_by_hand_agrees_with_finite_differences(tmp_path):
    """Nine tensors, each below 1e-6; the example itself stops otherwise."""
    printed = run("gradient_by_hand.py", cwd=tmp_path)
    errors = [float(line.split()[-1]) for line in printed.splitlines()[1:]]
    assert len(errors) == 9
    assert max(errors) < 1e-6


def test_the_estimator_goes_through_its_story(tmp_path):
    """Two epochs of every step; the file at the end gives the same scores."""
    printed = run("with_scikit_learn.py", "--epochs", "2", cwd=tmp_path)
    assert "5 numbers: log p(x)" in printed
    assert "the same scores: True" in printed


def test_few_labels_goes_through_both_models(tmp_path):
    """Five epochs with 100 labels: every line has an error below that of guessing."""
    printed = run("few_labels.py", "--epochs", "5", "--hidden", "32", cwd=tmp_path)
    errors = [float(value) for value in re.findall(r"([\d.]+) % error", printed)]
    assert len(errors) == 4
    assert max(errors) < 80.0


def test_the_way_back_of_m2_is_the_derivative_of_its_loss():
    """Labelled and unlabelled rows in one batch, against central differences in float64."""
    sys.path.insert(0, str(EXAMPLES))
    try:
        from few_labels import CLASSES, cut, m2_of
    finally:
        sys.path.remove(str(EXAMPLES))
    rng = np.random.default_rng(0)
    made, theta = m2_of(features=6, hidden=5, latent=2)
    theta = theta.astype(np.float64) + 0.1 * rng.standard_normal(len(theta))
    x = (rng.random((4, 6)) > 0.5).astype(np.float64)
    eps = rng.standard_normal((1, 4 * CLASSES, 2))
    known, gradient = np.array([3, -1, -1, 7]), np.zeros_like(theta)

    def loss(at):
        return made.loss(cut(at, made.shapes), x, eps, known, 2.0)

    loss(theta)[1](cut(gradient, made.shapes))
    for place in rng.permutation(len(theta))[:60]:
        step = np.zeros_like(theta)
        step[place] = 1e-5
        numeric = (loss(theta + step)[0] - loss(theta - step)[0]) / 2e-5
        assert gradient[place] == pytest.approx(numeric, rel=1e-5, abs=1e-7)


@pytest.mark.slow
def test_a_run_is_read_back(tmp_path):
    """The two commands of its docstring, on a short run."""
    study = [
        "-m",
        "vitral",
        "study",
        "--recipe",
        "digits",
        "--set",
        "training.epochs=1",
        "--seeds",
        "1",
        "-q",
    ]
    subprocess.run([sys.executable, *study, "--out", "run"], cwd=tmp_path, check=True)
    assert "three new rows from the prior, shape (3, 64)" in run("read_a_run.py", "run", cwd=tmp_path)
