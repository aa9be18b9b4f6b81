"""docs/run_folder.md is a specification: a tiny study is run, and whatever it writes is on the page."""

import dataclasses
import json
import re

import numpy as np
import pytest

from tests.docs import pages
from vitral.checks.check import Check
from vitral.study import folder as folders
from vitral.study.recipes import load_recipe, to_toml
from vitral.study.run import study

PAGE = pages.text("run_folder.md")
SMALL = [
    "data.limit=200",
    "model.latents=[2, 3]",
    'model.encoder={kind="mlp", hidden=[8]}',
    'model.decoder={kind="mlp", hidden=[8]}',
    "training.epochs=1",
    "training.seeds=2",
    "evaluation.importance_samples=3",
    "evaluation.importance_images=5",
    "evaluation.tsne_rows=0",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a study of 200 digits: two latent sizes, two seeds, one autoencoder, one epoch.

    The two slow parts are left out: t-SNE, and the certificate, whose keys are those of ``Check``.
    """
    recipe = load_recipe("digits", SMALL)
    folder = folders.create(
        tmp_path_factory.mktemp("runs") / "run", to_toml(recipe), "vitral study --resume", force=False
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vitral.study.measure.certify", lambda *_, **__: [])
        for _ in study(recipe, folder, command="vitral study"):
            pass
    return folder.path


def _keys(value, dropped=()):
    """Every key of nested objects, but those inside the objects that ``dropped`` names."""
    if isinstance(value, list):
        return {key for entry in value for key in _keys(entry, dropped)}
    if not isinstance(value, dict):
        return set()
    below = {key for name, entry in value.items() if name not in dropped for key in _keys(entry, dropped)}
    return set(value) | below


def _undocumented(keys):
    return sorted(key for key in keys if f"`{key}`" not in PAGE and f'"{key}"' not in PAGE)


def test_every_key_of_metrics_is_on_the_page(run):
    """Options of parts are described where the parts are; means and spreads over seeds carry a suffix."""
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    parts = ("optimiser", "objective", "likelihood", "encoder", "decoder", "posterior", "prior")
    parts += ("numbers", "models", "pca")
    keys = _keys(metrics, parts)
    for model in metrics["models"].values():
        keys |= _keys(model, parts)
    spread = {key for key in keys if re.search(r"(?<!_at)_(mean|sd)$", key)}
    assert {"sse_sd", "loss_mean"} <= spread
    keys |= {field.name for field in dataclasses.fields(Check)}
    assert _undocumented(keys - spread) == []


def test_every_array_is_on_the_page(run):
    """Names of models are replaced by m, and latent sizes by <k>."""
    with np.load(run / "arrays.npz", allow_pickle=False) as arrays:
        names = {re.sub(r"^(latent|autoencoder)-\d+/", "m/", name) for name in arrays.files}
        assert arrays["latent-2/grid_linear"].shape == (15, 15, 64)
        assert arrays["latent-3/prior_means"].shape == (40, 64)
    names = {re.sub(r"^pca\d+_", "pca<k>_", name) for name in names}
    assert {"m/codes_pca", "pca<k>_reconstructions"} <= names
    assert _undocumented(names | {"m/codes_tsne", "m/codes_tsne_labels"}) == []


def test_every_array_of_the_explorer_is_on_the_page(run):
    with np.load(run / "explorer.npz", allow_pickle=False) as arrays:
        names = {re.sub(r"^(latent|autoencoder)-\d+/", "m/", name) for name in arrays.files}
    assert {"images", "train_labels", "m/history_grid", "m/pulse_dead"} <= names
    assert _undocumented(names) == []


def test_every_key_of_environment_and_progress_is_on_the_page(run):
    """One record an epoch, from epoch 0."""
    assert _undocumented(_keys(json.loads((run / "environment.json").read_text(encoding="utf-8")))) == []
    lines = (run / "progress" / "latent-2.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert [record["epoch"] for record in records] == [0, 1]
    assert _undocumented(_keys(records)) == []


def test_every_file_is_on_the_page(run):
    """What a study leaves in the folder is in the tree at the top of the page."""
    tree = PAGE.split("```")[1]
    for path in run.iterdir():
        assert path.name in tree, path.name
