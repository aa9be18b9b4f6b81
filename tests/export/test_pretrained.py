"""save_pretrained: three files that carry a model to others, and back."""

import json
import re

import numpy as np
import pytest

import vitral
from vitral import Spec
from vitral.api import TrainedModel
from vitral.data.contract import Contract
from vitral.errors import FileError, ResourceError, UsageError

NAMES = ["README.md", "config.json", "model.safetensors"]
SPEC = Spec(features=6, latent=2, encoder={"hidden": [5]}, decoder={"hidden": [4]})


def trained(**facts):
    """A small model with the facts and the metrics that a study leaves."""
    contract = Contract(6, None, "float64", 1.0, -9.0, 9.0, "the unit of column | `values`")
    test = {"elbo": -12.345678, "elbo_se": 0.25, "images": 1234, "log_px_hat": -11.5, "log_px_hat_se": 0.2, "sse": None}
    metrics = {"validation": {"elbo": -12.5, "kl": float("nan")}, "test": test}
    known = {"recipe": "quick", "seed": 3, "epochs": 7, "data": {"name": "rows.npy", "split": "random", "limit": 0}}
    model = SPEC.build()
    return TrainedModel(SPEC, model, model.init(3), contract, {**known, **facts}, metrics)


def test_a_folder_gives_the_model_back(tmp_path):
    """Exactly three files; parameters bit for bit, contract, facts and metrics."""
    model = trained()
    written = model.save_pretrained(tmp_path / "new" / "folder")
    assert sorted(path.name for path in written) == sorted(path.name for path in written[0].parent.iterdir()) == NAMES
    again = vitral.load(tmp_path / "new" / "folder")
    np.testing.assert_array_equal(again.theta, model.theta)
    assert (again.contract, again.facts) == (model.contract, model.facts)
    assert again.metrics["test"] == model.metrics["test"]


def test_its_model_file_is_an_ordinary_one(tmp_path):
    """The weights can be used without the folder, and ``save`` writes the same bytes."""
    model = trained()
    model.save_pretrained(tmp_path)
    model.save(tmp_path / "alone.safetensors")
    assert (tmp_path / "alone.safetensors").read_bytes() == (tmp_path / "model.safetensors").read_bytes()
    assert vitral.load(tmp_path / "alone.safetensors").spec.to_dict() == SPEC.to_dict()


def test_the_configuration_is_json_for_everybody(tmp_path):
    """No NaN; the spec, the contract, the facts and the metrics."""
    trained().save_pretrained(tmp_path)
    text = (tmp_path / "config.json").read_text(encoding="utf-8")
    config = json.loads(text, parse_constant=pytest.fail)
    assert (config["library_name"], config["spec"]) == ("vitral", SPEC.to_dict())
    assert config["metrics"]["validation"] == {"elbo": -12.5, "kl": None}
    assert config["facts"]["data"]["name"] == "rows.npy"


def test_the_card_is_filled_from_the_run(tmp_path):
    """Numbers with their standard errors, the data, the protocol; the licence is left to the user."""
    trained().save_pretrained(tmp_path)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    head, body = re.fullmatch(r"---\n(.*?)\n---\n(.*)", card, re.S).groups()
    assert "library_name: vitral" in head
    assert "pipeline_tag: feature-extraction" in head
    assert "\n- vitral\n" in head
    assert "datasets" not in head
    assert [line for line in head.splitlines() if "license" in line] == [head.splitlines()[0]]
    assert head.startswith("# license: ")
    assert "| ELBO, a lower bound on log p(x) | -12.346 ± 0.250 |" in body
    assert "| log p(x), importance-sampled | -11.500 ± 0.200 |" in body
    assert "| rows measured | 1,234 |" in body
    assert "`rows.npy`" in body
    assert "`quick`" in body
    assert "nan" not in card.lower()
    assert [line[3:] for line in body.splitlines() if line.startswith("## ")] == [
        "How to use it", "Model", "Data", "Training", "Numbers", "Intended use and limits", "Licence",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["a`b\n---\nlicense: mit", "<script>", "x" * 1000, "ção \U0001f600"])
def test_words_of_others_cannot_leave_their_place(tmp_path, name):
    """A name of a data file is quoted, on one line, in the body alone."""
    model = trained(data={"name": name, "split": "random"})
    model.save_pretrained(tmp_path)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert card.count("\n---\n") == 1
    assert "\nlicense: mit" not in card
    assert "<script>" not in re.sub(r"`[^`\n]*`", "", card)
    assert vitral.load(tmp_path).facts["data"]["name"] == name


def test_the_card_of_the_packaged_model_names_its_data(tmp_path):
    """Images of a data set that has a name in repositories, with numbers of test rows."""
    vitral.load("tiny").save_pretrained(tmp_path)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "datasets:\n- ylecun/mnist" in card
    assert "pipeline_tag: unconditional-image-generation" in card
    assert re.search(r"\| log p\(x\), importance-sampled \| \d+\.\d{3} ± \d\.\d{3} \|", card)


def test_what_is_not_known_is_said_to_be_unknown(tmp_path):
    """A model without facts and numbers has a card all the same."""
    model = SPEC.build()
    contract = Contract(6, None, "float64", 1.0, -9.0, 9.0, "unit")
    TrainedModel(SPEC, model, model.init(0), contract, {}).save_pretrained(tmp_path)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "data that are not named" in card
    assert "- not known" in card
    assert "Not measured on test rows" in card


def test_nothing_that_exists_is_overwritten_unless_asked(tmp_path):
    """A card that somebody has written a licence into stays."""
    model = trained()
    model.save_pretrained(tmp_path)
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=r"model\.safetensors and config\.json and README\.md already"):
        model.save_pretrained(tmp_path)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "mine"
    model.save_pretrained(tmp_path, overwrite=True)
    assert (tmp_path / "README.md").read_text(encoding="utf-8").startswith("---")
    with pytest.raises(ResourceError, match="cannot make the folder"):
        model.save_pretrained(tmp_path / "README.md")


@pytest.mark.parametrize(
    "damage, said",
    [
        (lambda config: "{", "its text cannot be read as JSON"),
        (lambda config: "[]", "its text is no JSON object"),
        (lambda config: json.dumps(config)[:-1] + ', "spec": {}}', "has the key 'spec' twice"),
        (lambda config: json.dumps({**config, "spec": {**config["spec"], "latent": 3}}), "says another spec than"),
        (lambda config: json.dumps({**config, "contract": {}}), "says another contract than"),
        (lambda config: "[" * 100_000, "far more entries"),
        (lambda config: "\udcff", "cannot read"),
    ],
)
def test_a_configuration_that_is_not_the_model_s_is_refused(tmp_path, damage, said):
    """Damaged, hostile, or of another model: a FileError that names config.json."""
    trained().save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_bytes(damage(config).encode("utf-8", "surrogateescape"))
    with pytest.raises(FileError, match=said) as refused:
        vitral.load(tmp_path)
    assert "config.json" in str(refused.value)


def test_a_folder_of_something_else_is_no_model(tmp_path):
    """The sentence says what a folder needs."""
    with pytest.raises(UsageError, match=r"no recipe\.toml.*model\.safetensors and config\.json"):
        vitral.load(tmp_path)
