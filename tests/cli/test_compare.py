"""vitral compare: variants of a recipe, and models that exist already."""

import json

import pytest

import vitral

RECIPE = """
name = "two"
[data]
name = "digits"
split = "random"
binarise = "dynamic"
[model]
latents = [3]
encoder = { hidden = [16] }
decoder = { hidden = [16] }
likelihood = { kind = "bernoulli" }
[training]
epochs = 1
batch = 64
[evaluation]
importance_samples = 5
importance_images = 40
tsne_rows = 0
information_images = 40
[variants.standard]
[variants."beta_0.5"]
training.objective.beta = 0.5
"""


@pytest.fixture(scope="session")
def compared(tmp_path_factory, quiet_run):
    """The run folder of two variants, one epoch."""
    path = tmp_path_factory.mktemp("compared")
    (path / "two.toml").write_text(RECIPE)
    quiet_run(path, "compare", "--recipe", "two.toml", "--out", "run", "--quiet")
    return path / "run"


@pytest.fixture(scope="session")
def pair(tmp_path_factory, quiet_run):
    """Two models of one data set, of two latent sizes."""
    path = tmp_path_factory.mktemp("pair")
    for latent in ("2", "5"):
        words = ("--latent", latent, "--hidden", "16", "--epochs", "1", "--out", f"run{latent}", "--quiet")
        quiet_run(path, "train", "digits", *words)
    return path / "run2", path / "run5"


FEW = ("--samples", "5", "--images", "40")


def test_a_comparison_is_a_run_folder_with_a_report(compared):
    run = vitral.load(compared)
    assert run.names == ["latent-3-beta_0.5", "latent-3-standard"]
    page = (compared / "report.html").read_text(encoding="utf-8")
    assert "Comparison of variants" in page
    assert "Comparação das variantes" in page


def test_the_table_has_the_numbers_of_the_metrics(run, folder, monkeypatch, compared):
    """Every promised column, and the differences in standard errors."""
    monkeypatch.setattr("vitral.report.page.plotting_problem", lambda: "switched off")
    (folder / "two.toml").write_text(RECIPE)
    answer = run("compare", "--recipe", "two.toml", "--out", "again")
    metrics = vitral.load(compared).metrics
    test = metrics["models"]["latent-3-beta_0.5"]["test"]
    for column in ("log p(x)", "ELBO", "rate", "distortion", "active", "KL q(z)", "parameters", "seconds"):
        assert column in answer.out.splitlines()[0], column
    (line,) = [line for line in answer.out.splitlines() if line.startswith("latent-3-beta_0.5") and "(" not in line]
    assert f"{test['elbo']:.2f} ± {test['elbo_se']:.2f}" in line
    assert f"{test['kl']:.2f}" in line
    row = metrics["comparison"][0]["models"]["latent-3-beta_0.5"]
    gap, error = row["elbo_to_first"], row["elbo_to_first_se"]
    assert f"{gap:+.2f} ± {error:.2f} ({abs(gap) / error:.1f} se)" in answer.out
    assert "5 importance samples an image, the first 40 test images" in answer.out


def test_changes_seeds_and_json_are_taken(run, folder, monkeypatch):
    monkeypatch.setattr("vitral.report.page.plotting_problem", lambda: "switched off")
    (folder / "two.toml").write_text(RECIPE)
    words = ("--set", "training.batch=128", "--seeds", "2", "--json", "--quiet", "--out", "run")
    document = json.loads(run("compare", "--recipe", "two.toml", *words).out)
    assert set(document) == {"schema", "run", "report", "models", "comparison", "seconds"}
    assert len(document["models"]["latent-3-standard"]["seeds"]) == 2
    assert (folder / "run" / "recipe.toml").read_text().count("batch = 128") == 1


def test_existing_models_are_measured_alike(run, pair):
    """The same number of samples and images for both, and their own numbers as evaluate gives them."""
    document = json.loads(run("compare", *map(str, pair), *FEW, "--json", "--quiet").out)
    (table,) = document["comparison"]
    assert table["first"] == "run2/latent-2"
    assert "digits, random split, 179 test rows" in table["scale"]
    alone = json.loads(run("evaluate", str(pair[1]), *FEW, "--json", "--quiet").out)
    assert document["models"]["run5/latent-5"]["test"] == alone["test"]
    gap = alone["test"]["log_px_hat"] - document["models"]["run2/latent-2"]["test"]["log_px_hat"]
    assert table["models"]["run5/latent-5"]["log_px_hat_to_first"] == pytest.approx(gap, abs=1e-5)
    assert document["seconds"]["run2/latent-2"] > 0


def test_models_that_do_not_compare_get_tables_of_their_own(run, pair, compared):
    """Densities of grey levels beside masses of bits: two blocks, no difference across them."""
    answer = run("compare", *map(str, pair), str(compared), *FEW)
    assert answer.code == 0
    assert "# probability densities; digits" in answer.out
    assert "# probability masses; digits" in answer.out
    assert "dynamic binarisation, seed 0" in answer.out
    assert answer.out.rstrip().endswith("each block stands alone.")
    blocks = answer.out.split("\n\n# ")
    assert len(blocks) == 2
    assert not any("run2/latent-2" in block and "run/latent-3" in block for block in blocks)


def test_existing_models_can_be_drawn(run, folder, pair):
    answer = run("compare", *map(str, pair), *FEW, "-o", "both.svg", "--language", "pt")
    assert answer.out.rstrip().endswith("both.svg")
    drawn = (folder / "both.svg").read_text(encoding="utf-8")
    assert "Diferenças em relação ao primeiro modelo" in drawn
    refused = run("compare", *map(str, pair), *FEW, "-o", "both.svg")
    assert refused.code == 2
    assert "--force" in refused.err


def test_models_of_different_scales_leave_nothing_to_draw(run, trained, compared):
    answer = run("compare", str(trained), f"{compared}/models/latent-3-standard.safetensors", *FEW, "-o", "no.png")
    assert answer.code == 2
    assert "nothing to draw" in answer.err


@pytest.mark.parametrize(
    "words, sentence",
    [
        ((), "needs a recipe with variants, or models that exist"),
        (("tiny",), "needs two models, got 1"),
        (("tiny", "--recipe", "beta"), "needs a recipe with variants, or models that exist"),
        (("--recipe", "digits"), "has no variants to compare"),
        (("--recipe", "betta"), "did you mean 'beta'"),
        (("--recipe", "beta", "--samples", "9"), "--samples means nothing beside a recipe"),
        (("tiny", "tiny", "--seeds", "3"), "--seeds means nothing beside MODELs"),
        (("tiny", "tiny", "-o", "folder"), "ending must be one of .png, .svg"),
        (("--recipe", "beta", "--set", "variants.beta_2.training.epochs=3"), "equal budgets and seeds"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(run, words, sentence):
    answer = run("compare", *words)
    assert answer.code == 2
    assert sentence in answer.err
    assert answer.err.count("\n") == 1


def test_a_stopped_comparison_is_resumed_by_compare_alone(run, folder, compared):
    """The mark says which command began the run."""
    from shutil import copytree

    copy = copytree(compared, folder / "copy")
    (copy / "INCOMPLETE.txt").write_text("To go on:\n\n    vitral compare --resume copy\n")
    wrong = run("study", "--resume", "copy")
    assert wrong.code == 2
    assert "begun by vitral compare: resume it with vitral compare --resume" in wrong.err


def test_a_comparison_is_resumed_with_the_same_bytes(run, folder, monkeypatch, compared):
    """One model is there, the other is trained again; film strips went with the checkpoints of the finished run."""
    from shutil import copytree

    monkeypatch.setattr("vitral.report.page.plotting_problem", lambda: "switched off")
    copy = copytree(compared, folder / "copy")
    (copy / "INCOMPLETE.txt").write_text("To go on:\n\n    vitral compare --resume copy\n")
    (copy / "models" / "latent-3-beta_0.5.safetensors").unlink()
    (copy / "metrics.json").unlink()
    answer = run("compare", "--resume", "copy")
    assert answer.code == 0, answer.err
    for name in ("metrics.json", "models/latent-3-beta_0.5.safetensors"):
        assert (copy / name).read_bytes() == (compared / name).read_bytes(), name
