"""Variants of a recipe: merged, checked before training, and trained with equal budgets."""

import hashlib
import json
import tomllib

import numpy as np
import pytest

import vitral
from vitral.errors import UsageError
from vitral.specs import LIKELIHOODS
from vitral.study import folder as folders
from vitral.study.comparison import SCALE_OF, Scored, difference, tables
from vitral.study.jobs import jobs, open_data
from vitral.study.recipes import Recipe, built_in, load_recipe, to_toml
from vitral.study.run import Interrupted, Manner, study
from vitral.study.variants import merged, reduced
from vitral.training.loop import Epoch

SMALL = {
    "name": "small",
    "data": {"name": "digits", "split": "random", "binarise": "dynamic"},
    "model": {
        "latents": [3], "encoder": {"hidden": [16]}, "decoder": {"hidden": [16]}, "likelihood": {"kind": "bernoulli"},
    },
    "training": {"epochs": 1, "batch": 64},
    "evaluation": {
        "importance_samples": 5, "importance_images": 40, "tsne_rows": 0, "information_images": 40,
    },
}  # fmt: skip
THREE = {
    "standard": {},
    "beta_0.5": {"training": {"objective": {"beta": 0.5}}},
    "after": {"training": {"second_stage": {"prior": {"kind": "mixture", "components": 4}, "epochs": 20}}},
}


def with_variants(variants, **changes):
    return Recipe.from_dict({**SMALL, "variants": variants, **changes})


def run(recipe, path):
    folder = folders.create(path, to_toml(recipe), "vitral compare --resume here", force=True)
    for _ in study(recipe, folder, command="test"):
        pass
    return folder.path


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Two seeds of three variants."""
    training = {**SMALL["training"], "seeds": 2}
    return run(with_variants(THREE, training=training), tmp_path_factory.mktemp("variants") / "run")


@pytest.fixture(scope="module")
def metrics(finished):
    return vitral.load(finished).metrics


def test_tables_of_one_kind_are_merged_and_of_another_replaced():
    """The options of one kind mean nothing to another."""
    old = {"rate": 1.0, "objective": {"kind": "elbo", "beta": 1.0, "samples": 2}}
    assert merged(old, {"objective": {"beta": 4.0}})["objective"] == {"kind": "elbo", "beta": 4.0, "samples": 2}
    assert merged(old, {"objective": {"kind": "iwae"}})["objective"] == {"kind": "iwae"}
    assert merged({"prior": "flow"}, {"prior": {"kind": "flow", "layers": 2}})["prior"] == {"kind": "flow", "layers": 2}
    assert old["objective"]["beta"] == 1.0


def test_what_a_variant_changes_is_what_differs_from_the_recipe():
    """Values that are written out and equal are no change; another kind keeps its options."""
    own = {"objective": {"kind": "elbo", "beta": 1.0, "kl": "auto"}, "rate": 0.1}
    complete = {"objective": {"kind": "elbo", "beta": 4.0, "kl": "auto"}, "rate": 0.1}
    assert reduced(complete, own) == {"objective": {"beta": 4.0}}
    iwae = {"objective": {"kind": "iwae", "samples": 5}}
    assert reduced(iwae, own) == iwae


def test_a_variant_is_the_recipe_with_its_own_values():
    """Everything else stays, and the recipe itself is not trained."""
    recipe = with_variants(THREE)
    (_, first), (name, second), _ = recipe.each()
    assert name == "beta_0.5"
    assert (first.plan(0).objective.beta, second.plan(0).objective.beta) == (1.0, 0.5)
    assert second.model == first.model
    made = jobs(recipe, open_data(recipe))
    assert [job.name for job in made] == ["latent-3-standard", "latent-3-beta_0.5", "latent-3-after"]
    assert {(job.seed, job.plan.epochs, job.plan.batch) for job in made} == {(0, 1, 64)}


def test_a_recipe_without_variants_does_not_speak_of_them():
    """Its text, its model names and its metrics are what they were."""
    recipe = Recipe.from_dict(SMALL)
    assert "variants" not in to_toml(recipe)
    assert [job.name for job in jobs(recipe, open_data(recipe))] == ["latent-3"]


@pytest.mark.parametrize(
    "variants, sentence",
    [
        ({"a": {"model": {"priro": "flow"}}}, "variant 'a'.*did you mean 'prior'"),
        ({"a": {"modle": {}}}, "did you mean 'model'"),
        ({"a": {"model": {"prior": {"kind": "vmap"}}}}, "variant 'a'.*did you mean 'vamp'"),
        ({"a": {"training": {"objective": {"kind": "beta_tc", "samples": 0}}}}, "variant 'a'"),
        ({"a": {"training": {"epochs": 3}}}, "equal budgets and seeds"),
        ({"a": {"training": {"seed": 3}}}, "equal budgets and seeds"),
        ({"a": {"model": {"autoencoders": [2]}}}, "equal budgets and seeds"),
        ({"a": {"data": {"binarise": "static"}}}, "another binarisation do not compare"),
        ({"a": {"evaluation": {"draws": 2}}}, "same rows, drawn and scored alike"),
        ({"seed3": {}}, "must not look like seed3"),
        ({"a/b": {}}, "letters, digits"),
        ({"a": "flow"}, "must be a table"),
        ({"a": {"model": 3}}, "must be a table"),
        ({"a": {"training": {"second_stage": {"prior": "vamp"}}}}, "cannot be fitted afterwards"),
        ({"a": {"training": {"second_stage": {"prior": "flow", "epocs": 1}}}}, "did you mean 'epochs'"),
        ({"a": {"training": {"second_stage": {"epochs": 1}}}}, "needs a prior"),
    ],
)
def test_a_variant_that_cannot_be_is_refused_before_anything_trains(variants, sentence):
    """Unknown keys name the nearest; what would not compare says why."""
    with pytest.raises(UsageError, match=sentence):
        with_variants({"standard": {}, **variants})


def test_a_combination_that_makes_no_sense_is_refused_with_its_variant():
    """beta-TC needs the standard normal: the second variant says so before the first one trains."""
    changes = {"model": {"prior": {"kind": "mixture"}}, "training": {"objective": {"kind": "beta_tc"}}}
    with pytest.raises(UsageError, match="variant 'both': objective 'beta_tc' does not fit this model"):
        with_variants({"standard": {}, "both": changes})


def test_a_replay_has_no_variants():
    """The notebook's numbers exist once."""
    entries = load_recipe("notebook").to_dict() | {"variants": {"a": {}}}
    with pytest.raises(UsageError, match="leave variants out"):
        Recipe.from_dict(entries)


@pytest.mark.parametrize("name", ["priors", "beta", "objectives", "collapse", "networks", "classroom"])
def test_the_recipes_of_a_comparison_have_equal_budgets(name):
    """Every variant takes the same number of steps on the same bits; the first one changes nothing."""
    assert name in built_in()
    recipe = load_recipe(name)
    assert len(recipe.variants) >= 4
    assert recipe.data.binarise == "dynamic"
    assert next(iter(recipe.variants.values())) == {}
    budgets = {(own.training.epochs, own.training.batch, own.training.seed) for _, own in recipe.each()}
    assert len(budgets) == 1


def test_a_recipe_with_variants_is_written_out_complete():
    """Defaults of a variant's parts too, and odd names in quotes."""
    recipe = with_variants(THREE)
    written = tomllib.loads(to_toml(recipe))["variants"]
    assert written["beta_0.5"]["training"]["objective"] == {"kind": "elbo", "beta": 0.5, "kl": "auto", "samples": 1}
    second = written["after"]["training"]["second_stage"]
    assert (second["batch"], second["rate"]) == (200, 0.002)
    assert second["prior"]["floor"] > 0
    assert to_toml(Recipe.from_dict(tomllib.loads(to_toml(recipe)))) == to_toml(recipe)


def test_metrics_say_what_each_variant_changes(metrics):
    """Only what differs, in the order of the recipe."""
    assert list(metrics["variants"]) == ["standard", "beta_0.5", "after"]
    assert metrics["variants"]["standard"] == {}
    assert metrics["variants"]["beta_0.5"] == {"training": {"objective": {"beta": 0.5}}}
    assert metrics["models"]["latent-3-beta_0.5"]["variant"] == "beta_0.5"
    assert metrics["data"]["binarisation"] == "dynamic"


def test_every_variant_has_every_seed(metrics):
    for model in metrics["models"].values():
        assert [entry["seed"] for entry in model["seeds"]] == [0, 1]


def test_differences_are_those_of_the_means(metrics):
    """A mean of differences is the difference of means, over images and over seeds."""
    (table,) = metrics["comparison"]
    assert (table["scale"], table["first"]) == ("mass", "latent-3-standard")
    models = metrics["models"]
    row = table["models"]["latent-3-beta_0.5"]
    for key in ("elbo", "log_px_hat"):
        means = [models[f"latent-3-{name}"]["test"][f"{key}_mean"] for name in ("standard", "beta_0.5")]
        assert row[f"{key}_to_first"] == pytest.approx(means[1] - means[0], abs=1e-5)
        assert row[f"{key}_to_first_se"] > 0
    assert table["models"]["latent-3-standard"]["elbo_to_first"] is None


def test_rate_and_distortion_add_up_to_the_elbo(metrics):
    for model in metrics["models"].values():
        test = model["test"]
        assert test["kl"] + test["distortion"] == pytest.approx(-test["elbo"], abs=1e-4)


def test_a_second_stage_changes_the_prior_and_nothing_else(finished, metrics):
    """The same reconstruction as the model that it was fitted to, and no KL by dimension."""
    plain, after = metrics["models"]["latent-3-standard"], metrics["models"]["latent-3-after"]
    assert after["prior"]["kind"] == "mixture"
    assert after["test"]["distortion"] == plain["test"]["distortion"]
    assert after["test"]["kl_per_dimension"] is None
    assert plain["test"]["kl_per_dimension"] is not None
    trained = vitral.load(finished).model("latent-3-after")
    assert trained.spec.prior["kind"] == "mixture"
    assert np.isfinite([trained.facts["second_stage"][key] for key in ("before", "after")]).all()


def test_a_second_stage_takes_the_training_of_its_base_and_gives_the_bytes_of_its_own(tmp_path):
    """Beside its base it trains no epoch; alone it trains them all; the models are equal to the bit."""
    digests, epochs = [], []
    for names in (("standard", "after"), ("after",)):
        recipe = with_variants({name: THREE[name] for name in names})
        folder = folders.create(tmp_path / "-".join(names), to_toml(recipe), "vitral compare --resume here", force=True)
        events = list(study(recipe, folder, command="test"))
        epochs.append(sum(isinstance(event, Epoch) for event in events))
        digests.append(hashlib.sha256(folder.model("latent-3-after").read_bytes()).hexdigest())
        assert [record["epoch"] for record in folder.records("latent-3-after")] == [0, 1]
    assert digests[0] == digests[1]
    assert epochs[0] == epochs[1] > 0


def test_the_same_variants_give_the_same_bytes_also_from_the_written_recipe(finished, tmp_path):
    """recipe.toml holds the whole of it, variants and second stage included."""
    again = run(load_recipe(str(finished / "recipe.toml")), tmp_path / "again")
    for name in ("metrics.json", "arrays.npz", "models/latent-3-after.safetensors"):
        digests = [hashlib.sha256((path / name).read_bytes()).hexdigest() for path in (finished, again)]
        assert digests[0] == digests[1], name


@pytest.mark.parametrize("after", [10, 30])
def test_a_stopped_comparison_goes_on_to_the_same_bytes(tmp_path, after):
    """In the first variant, and in the one with a second stage (without its base, so that it trains itself)."""
    recipe = with_variants({name: THREE[name] for name in ("beta_0.5", "after")})
    whole = run(recipe, tmp_path / "whole")
    folder = folders.create(tmp_path / "run", to_toml(recipe), "again", force=False)
    count = iter(range(10**9))
    with pytest.raises(Interrupted):
        for _ in study(recipe, folder, command="test", manner=Manner(stop=lambda: next(count) >= after)):
            pass
    for _ in study(load_recipe(str(folder.path / "recipe.toml")), folders.reopen(folder.path), command="test"):
        pass
    for name in ("metrics.json", "arrays.npz", "models/latent-3-after.safetensors"):
        assert (folder.path / name).read_bytes() == (whole / name).read_bytes(), name


def test_traversals_put_the_dimension_with_most_kl_on_top(finished, metrics):
    """And the middle of a row is the mean of the codes in that dimension."""
    with np.load(finished / "arrays.npz", allow_pickle=False) as arrays:
        order = arrays["latent-3-standard/traversal_dimensions"]
        frames = arrays["latent-3-standard/traversals"]
    kl = np.array(metrics["models"]["latent-3-standard"]["test"]["kl_per_dimension"])
    assert list(order) == list(np.argsort(-kl, kind="stable"))
    assert frames.shape == (3, 11, 64)
    model = vitral.load(finished).model("latent-3-standard")
    test = open_data(with_variants(THREE)).test
    mu = model.encode(test.stored)
    z = mu[0].copy()
    z[order[0]] = mu[:, order[0]].mean()
    np.testing.assert_allclose(frames[0, 5], model.decode(z[None])[0], atol=1e-4)


def test_findings_and_information_are_in_the_metrics(metrics):
    """KL of the same images: what z says of x, and how far all codes are from the prior."""
    seen = metrics["models"]["latent-3-standard"]["information"]
    assert seen["images"] == 40
    assert seen["kl"] == pytest.approx(seen["mutual_information"] + seen["marginal_kl"])
    assert isinstance(metrics["models"]["latent-3-standard"]["findings"], list)


def test_every_likelihood_is_on_a_scale():
    """A new one that nobody put on a scale could be ranked against anything."""
    assert set(SCALE_OF) == set(LIKELIHOODS.values())
    assert set(SCALE_OF.values()) == {"mass", "density", "mixed"}


def test_models_of_two_scales_are_never_in_one_table():
    images = [{"elbo": np.arange(4.0)}]
    scored = [Scored("a", "mass", images), Scored("b", "density", images), Scored("c", "mass", images)]
    assert [(table["scale"], list(table["models"])) for table in tables(scored)] == [
        ("mass", ["a", "c"]),
        ("density", ["b"]),
    ]


def test_a_paired_error_forgets_what_is_hard_for_both():
    """Images differ by hundreds of nats, the two models by one on each: the error is that of the ones."""
    rng = np.random.default_rng(0)
    hard, noise = 100.0 * rng.standard_normal(400), rng.standard_normal(400)
    one, other = Scored("a", "mass", [{"elbo": hard + noise}]), Scored("b", "mass", [{"elbo": hard}])
    value, error = difference(one, other, "elbo")
    assert value == pytest.approx(noise.mean())
    assert error == pytest.approx(noise.std(ddof=1) / 20.0)


def test_the_spread_of_seeds_enters_the_error():
    """Two seeds whose differences are 0 and 2 on every image: error 1 between them, none over images."""
    zeros, ones = np.zeros(9), np.ones(9)
    one = Scored("a", "mass", [{"elbo": zeros}, {"elbo": 2 * ones}])
    other = Scored("b", "mass", [{"elbo": zeros}, {"elbo": zeros}])
    value, error = difference(one, other, "elbo")
    assert (value, error) == (1.0, pytest.approx(1.0))


def test_models_without_log_p_are_compared_by_their_elbo():
    scored = [Scored(name, "mass", [{"elbo": np.full(3, value)}]) for name, value in (("a", 1.0), ("b", 2.0))]
    (table,) = tables(scored)
    assert (table["by"], table["best"]) == ("elbo", "b")
    assert table["models"]["b"]["log_px_hat_to_first"] is None


def test_a_deterministic_encoder_is_scored_without_a_density(tmp_path):
    """A point posterior and MMD: squared error and codes, no ELBO, a table of its own."""
    point = {"model": {"posterior": "point"}, "training": {"objective": "reconstruction"}}
    path = run(with_variants({"standard": {}, "control": point}), tmp_path / "run")
    found = json.loads((path / "metrics.json").read_text())
    assert [table["scale"] for table in found["comparison"]] == ["mass", "none"]
    test = found["models"]["latent-3-control"]["test"]
    assert (test["elbo"], test["kl"], test["log_px_hat"]) == (None, None, None)
    assert test["sse"] > 0
