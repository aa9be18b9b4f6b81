"""What benchmarks measured stands in the pages as they wrote it, and belongs to the recipes as they are now."""

import json
from pathlib import Path

import numpy as np
import pytest

from vitral.study.recipes import Recipe, load_recipe

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"
RECIPES = ("collapse", "networks")


def kept(name):
    return json.loads((BENCHMARKS / "results" / f"{name}.json").read_text(encoding="utf-8"))


def tables(benchmark):
    """Each table: its page, its marks, what writes it, and the numbers that it is written from."""
    yield "conditional.md", "conditional", benchmark("conditional").table, kept("conditional")
    yield "compression.md", "compression", benchmark("compression").table, kept("compression")
    yield "compression.md", "rates", benchmark("compression_rates").table, kept("compression_rates")
    yield "explorer.md", "explorer", benchmark("explorer").table, kept("explorer")
    yield "imputation.md", "imputation", benchmark("imputation").table, kept("imputation")
    yield "benchmarks.md", "likelihood", benchmark("likelihood").page_table, kept("likelihood")
    yield "representation.md", "representation", benchmark("representation").table, kept("representation")
    yield "augmentation.md", "digits", benchmark("augmentation").digits_table, kept("augmentation")
    yield "augmentation.md", "tables", benchmark("augmentation").tables_table, kept("augmentation")
    yield "benchmarks.md", "disentanglement", benchmark("disentanglement").table, kept("disentanglement")
    zoo = benchmark("bug_zoo")
    yield "bug_zoo.md", "bugs", zoo.table, kept("bug_zoo")
    yield "bug_zoo.md", "symptoms", zoo.symptoms_table, json.loads(zoo.SYMPTOMS.read_text(encoding="utf-8"))
    for name, table in benchmark("speed_page").TABLES.items():
        yield "speed.md", name, table, kept("speed")
    for name, (table, load) in benchmark("anomaly").TABLES.items():
        yield "anomaly.md", name, table, load()
    for recipe in RECIPES:
        yield "compare.md", recipe, benchmark("compare").table, kept(f"compare-{recipe}")


def test_every_table_is_written_from_the_kept_numbers(benchmark):
    pages = benchmark("pages")
    for page, name, table, numbers in tables(benchmark):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        assert pages.with_table(text, name, table(numbers)) == text, name


def test_every_table_of_a_page_has_a_benchmark_that_writes_it(benchmark):
    named = {(page, name) for page, name, *_ in tables(benchmark)}
    marked = {
        (page.name, line.removeprefix("<!-- ").removesuffix(" results -->"))
        for page in (ROOT / "docs").glob("*.md")
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("<!-- ") and line.endswith(" results -->") and "end of" not in line
    }
    assert named == marked


def test_a_changed_number_would_be_noticed(benchmark):
    pages, numbers = benchmark("pages"), kept("likelihood")
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    numbers["rows"]["one-layer-vae"]["nll"] += 0.01
    assert pages.with_table(text, "likelihood", benchmark("likelihood").page_table(numbers)) != text


def test_a_page_without_marks_is_refused(benchmark):
    with pytest.raises(ValueError, match="no marks for 'likelihood'"):
        benchmark("pages").with_table("text", "likelihood", "| table |")


def test_the_readmes_speeds_are_the_kept_ones(benchmark):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert benchmark("pages").with_table(text, "speed", benchmark("speed_page").readme(kept("speed"))) == text


def test_a_speed_is_found_by_its_values_and_scaled_to_an_epoch(benchmark):
    """The first result that has them all; times of the rounds give median, least and most."""
    page = benchmark("speed_page")
    answers = [{"seconds": seconds} for seconds in (3.0, 1.0, 2.0)]
    case = page.MAIN | {"rows": 4_800}
    asked = {"measurement": "epoch", "who": "jax", "do": "epoch", "answers": answers}
    numbers = {"results": [asked | {"case": case | {"batch": 32}}, asked | {"case": case}]}
    assert page.spread(page.found(numbers, "jax", "epoch", batch=128)) == "20.0 (10.0 to 30.0)"
    assert page.found(numbers, "vitral", "epoch", batch=128) == []
    assert page.spread([]) == page.short([]) == "–"
    for result in numbers["results"]:
        result["measurement"], result["case"]["rows"] = "scaling", 9_600
    assert page.scaling(numbers, "jax", "batch") == [(32, 4_800.0), (128, 4_800.0)]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_kept_comparison_is_of_the_recipe_as_it_is(recipe, tmp_path):
    """A recipe that changes makes its table old."""
    written = tmp_path / "recipe.toml"
    written.write_text(kept(f"compare-{recipe}")["settings"], encoding="utf-8")
    assert load_recipe(str(written)).to_dict() == load_recipe(recipe).to_dict()


@pytest.mark.parametrize("row", sorted(kept("likelihood")["rows"]))
def test_a_kept_likelihood_is_of_the_recipe_as_it_is_and_trained_to_its_end(row):
    entry = kept("likelihood")["rows"][row]
    recipe = load_recipe(str(BENCHMARKS / "recipes" / f"{row}.toml"))
    assert Recipe.from_dict(entry["settings"]).to_dict() == recipe.to_dict()
    assert (entry["epochs"], entry["images"], entry["importance_samples"]) == (entry["epochs_asked"], 10_000, 5000)


def test_what_the_pages_say_of_the_numbers_holds(benchmark):
    """The sentences around the tables."""
    for subject in ("bits", "levels"):
        rates = {one["who"]: one["bits_per_pixel"] for one in kept("compression")[subject].values()}
        ours, one = rates.pop("vitral compress"), kept("compression")[subject]["vitral compress, a model file"]
        assert ours < (0.8 if subject == "bits" else 1.0) * min(rates.values())
        assert one["model"]["embedding_adds"] > one["bytes"]
    titles = benchmark("disentanglement").TITLES
    rows = kept("likelihood")["rows"]
    assert rows["gated-standard"]["nll"] - rows["gated-flow"]["nll"] > 1.5
    networks = kept("compare-networks")["metrics"]["models"]
    elbo = {model["variant"]: model["test"]["elbo"] for model in networks.values()}
    assert elbo["conv_gate"] > elbo["resnet"] > elbo["conv"] > elbo["mlp"]
    assert elbo["conv_gate"] - elbo["conv"] > elbo["conv"] - elbo["mlp"]
    page, speeds = benchmark("speed_page"), kept("speed")
    for result in speeds["results"]:
        case = result["case"]
        if (result["measurement"], result["who"], case["network"]) == ("epoch", "vitral", "dense"):
            ours = page.middle(result["answers"])
            for other in ("pytorch", "pytorch-fused"):
                assert ours < page.middle(page.found(speeds, other, "epoch", **case)), (other, case)
    for other in ("pytorch", "pytorch-fused", "pytorch-kept", "jax"):
        ours, theirs = (page.found(speeds, who, "epoch", network="conv", batch=128) for who in ("vitral", other))
        assert page.middle(ours) < page.middle(theirs), other
    collapse = {model["variant"]: model["test"] for model in kept("compare-collapse")["metrics"]["models"].values()}
    assert collapse.pop("plain")["active_units"] == 0
    assert all(test["active_units"] >= 10 for test in collapse.values())
    found = kept("disentanglement")
    assert all(found["scale"]["perfect"][name] > 0.9 for name in titles)
    assert all(found["scale"]["random"][name] < 0.3 for name in titles)
    means = {name: [found["models"][model]["scores"][name]["mean"] for model in found["models"]] for name in titles}
    assert list(found["models"]) == ["vae", "beta_4", "beta_tc_6"]
    assert all(of[0] < of[1] < of[2] for name, of in means.items() if name != "sap")
    assert means["sap"][0] < means["sap"][2] < means["sap"][1]


def test_what_the_page_of_representation_says_holds(benchmark):
    """Small codes before components, large ones not; the mixture before N(0, I); spreading before the rest."""
    page, rows = benchmark("representation"), kept("representation")["rows"]
    one_layer, best = page.PUBLISHED.values()
    text = (ROOT / "docs" / "representation.md").read_text(encoding="utf-8")
    errors = 100 - 100 * np.mean(rows["latent-20"]["accuracy"]["label spreading"]["10"])
    assert f"they leave {errors:.1f} % errors" in text
    assert all(row["test_images"] == 10_000 and row["draws"] == 5 for row in rows.values())
    ahead = []
    for place, each in enumerate(("5", "10", "50")):
        mean = {}
        for name, row in rows.items():
            mean[name] = {judge: 100 * np.mean(of[each]) for judge, of in row["accuracy"].items()}
        assert all(mean[f"latent-{size}"]["1-NN"] > mean[f"pca-{size}"]["1-NN"] + 3 for size in (5, 10))
        assert abs(mean["latent-20"]["1-NN"] - mean["pca-20"]["1-NN"]) < 1.5
        assert mean["latent-50"]["1-NN"] < mean["pca-50"]["1-NN"] - 2
        assert (mean["latent-50"]["1-NN"] < mean["raw"]["1-NN"]) == (each != "50")
        for judge in ("1-NN", "1-NN, cosine", "linear probe"):
            names = ("latent-10-mixture", "latent-10-flow")
            mixture, flow = (mean[name][judge] - mean["latent-10"][judge] for name in names)
            assert (0.9 if each == "50" else 2.4) < mixture < 4.0
            assert 0.0 < flow < mixture + 0.5
        assert mean["latent-10-mixture"]["label spreading"] < mean["latent-10"]["label spreading"]
        ahead.append(f"{mean['latent-10-mixture']['1-NN, cosine'] - one_layer[place]:.1f}")
        spread = {name: of["label spreading"] == max(of.values()) for name, of in mean.items()}
        assert all(good for name, good in spread.items() if name != "pca-5")
        assert max(mean, key=lambda name: mean[name]["label spreading"]) == "latent-20"
        assert mean["latent-20"]["label spreading"] > best[place]
    assert f"by {ahead[0]}, {ahead[1]} and {ahead[2]} points" in text


def test_what_the_page_of_augmentation_says_holds(benchmark):
    """No gain is claimed that was not measured, and the losses that are told were."""
    page, numbers = benchmark("augmentation"), kept("augmentation")
    digits = page._grouped(numbers["digits"], page.OF_DIGITS)
    gains = {}
    for (each, method, judge), values in digits.items():
        gains[each, method, judge] = 100 * (np.mean(values) - np.mean(digits[each, "none", judge]))
    for each in ("5", "10", "50"):
        assert all(gains[each, "VAE, from the prior", judge] < -3.0 for judge in page.judges(0, network=True))
        assert all(abs(gains[each, "VAE, around rows", judge]) < 3.0 for judge in ("logistic regression", "network"))
    for each in ("5", "10"):
        assert 3.0 < gains[each, "VAE, around rows", "kNN"] < gains[each, "shifts of one pixel", "kNN"]
    tables = page._grouped(numbers["tables"], page.OF_TABLES)
    for half in ("built in", "first half", "second half"):
        names = [name for name in page._names(numbers["tables"]["names"], half) if (name, "none", "kNN") in tables]

        def mean(method, judge, names=names):
            return np.mean([page._means(tables, name, method, judge) for name in names], axis=0)

        assert mean("VAEOverSampler", "random forest")[0] < mean("none", "random forest")[0]
        for judge in ("logistic regression", "kNN"):
            ours, nothing, smote = (mean(method, judge)[1] for method in ("VAEOverSampler", "none", "SMOTE"))
            assert nothing < ours < smote + 0.005
