"""Recipes: complete, overridable, and refused with the nearest known word."""

import tomllib

import pytest

from vitral.errors import FileError, UsageError
from vitral.study.recipes import Recipe, built_in, load_recipe, to_toml, with_seeds


@pytest.mark.parametrize("name", built_in())
def test_a_recipe_written_out_is_the_same_recipe(name):
    """TOML with every default, read again."""
    recipe = load_recipe(name)
    again = Recipe.from_dict(tomllib.loads(to_toml(recipe)))
    assert again.to_dict() == recipe.to_dict()
    assert to_toml(again) == to_toml(recipe)


def test_every_default_is_written_out():
    """Nothing that a later version might change stays implicit."""
    written = tomllib.loads(to_toml(load_recipe("mnist")))
    assert written["training"]["optimiser"] == {"kind": "adam", "b1": 0.9, "b2": 0.999, "eps": 1e-08}
    assert written["model"]["likelihood"] == {"kind": "gaussian_learned", "link": "sigmoid", "floor": 1e-06}


@pytest.mark.parametrize(
    "change, sentence",
    [
        ("training.epohs=3", "did you mean 'epochs'"),
        ("trainig.epochs=3", "did you mean 'training'"),
        ("training.epochs=0", "positive whole number"),
        ("training.epochs=[1,2]", "2 entries for 3 latent sizes"),
        ("training.rate=-1", "positive number"),
        ("training.dtype=float16", "did you mean 'float64'|did you mean 'float32'"),
        ("training.optimiser.kind=adamm", "did you mean 'adam'"),
        ("training.optimiser.b3=1", "unknown key of optimiser 'adam'"),
        ("training.objective.kl=closd", "did you mean 'closed'"),
        ("model.likelihood.kind=bernouli", "did you mean 'bernoulli'"),
        ("model.likelihood.link=sigmod", "did you mean 'sigmoid'"),
        ("model.encoder.activation=rellu", "did you mean 'relu'"),
        ("model.encoder.hidden=[0]", "positive whole number"),
        ("model.latents=[]", "empty"),
        ("model.latents=[-2]", "positive whole number"),
        ("model.latents=7", "a list of whole numbers"),
        ("data.split=randon", "did you mean 'random'"),
        ("data.limit=-1", "at least 0"),
        ("training.replay=true", "replays the notebook"),
        ("training", "section.key=value"),
        ("name.x=1", "not a table"),
    ],
)
def test_a_wrong_change_is_one_sentence(change, sentence):
    """Unknown keys, wrong kinds and sizes that cannot be: what, got, need, do."""
    with pytest.raises(UsageError, match=sentence):
        load_recipe("mnist", [change])


def test_a_change_reaches_into_a_schedule_that_stands_where_a_number_is_usual(tmp_path):
    """The rate of the file is a table, that of a recipe without one a number."""
    file = tmp_path / "falling.toml"
    file.write_text('name = "falling"\n[training]\nrate = { kind = "linear", start = 1e-3, end = 0.0, steps = 9 }\n')
    changed = load_recipe(str(file), ["training.rate.start=0.5"]).training.rate
    assert changed == {"kind": "linear", "start": 0.5, "end": 0.0, "steps": 9}
    with pytest.raises(UsageError, match="rate is not a table"):
        load_recipe("mnist", ["training.rate.start=0.5"])


def test_changes_reach_nested_values():
    """A new kind starts from its own defaults; a schedule is a table."""
    changes = [
        "training.optimiser.kind=sgd",
        "training.objective.beta={kind='linear', steps=10}",
        "data.limit=50",
    ]
    recipe = load_recipe("mnist", changes)
    assert recipe.training.optimiser == {"kind": "sgd"}
    assert recipe.plan(0).objective.at(5).beta == 0.5
    assert recipe.data.limit == 50


def test_unknown_and_broken_recipes_are_refused(tmp_path):
    """By name with the nearest, by path with the reason."""
    with pytest.raises(UsageError, match="did you mean 'quick'"):
        load_recipe("quik")
    with pytest.raises(FileError, match="cannot read the recipe"):
        load_recipe(str(tmp_path / "none.toml"))
    broken = tmp_path / "broken.toml"
    broken.write_text("name = ")
    with pytest.raises(FileError, match="not valid TOML"):
        load_recipe(str(broken))
    broken.write_bytes("name = 'Estação'".encode("latin-1"))
    with pytest.raises(FileError, match="is not UTF-8"):
        load_recipe(str(broken))


def test_several_seeds_switch_the_replay_off():
    """The notebook's own numbers exist once; other seeds come from the streams."""
    recipe = with_seeds(load_recipe("notebook"), 5)
    assert (recipe.training.seeds, recipe.training.replay) == (5, False)


def test_odd_names_survive_toml():
    """Quotes, backslashes and newlines in a path."""
    recipe = load_recipe("quick", ["name='a\"b'"])
    assert tomllib.loads(to_toml(recipe))["name"] == 'a"b'
