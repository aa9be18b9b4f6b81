"""The page's object: of a real small run, within its budget, computed from the weights that it holds."""

import json
from dataclasses import replace

import numpy as np
import pytest

from vitral.core.parameters import named
from vitral.evaluation.latent import decoded
from vitral.report.catalogue import MANY, plan
from vitral.report.explorer import build, packing
from vitral.report.explorer import content as contents
from vitral.report.explorer.content import content
from vitral.report.explorer.golden import golden
from vitral.report.explorer.subjects import Subject, embedded, fitting, main_of, subjects_of
from vitral.report.run_folder import read_run
from vitral.specs import Spec, schedule
from vitral.study import folder as folders
from vitral.study.recipes import load_recipe, to_toml
from vitral.study.run import study

CHANGES = [
    "model.latents=[3,2]", "training.epochs=2", "training.seeds=2", "evaluation.importance_samples=5",
    "evaluation.importance_images=10", "evaluation.tsne_rows=0", "evaluation.information_images=0",
    'model.encoder={kind="mlp", hidden=[80]}', 'model.decoder={kind="mlp", hidden=[80]}',
]  # fmt: skip
TOP = {"schema", "strip", "data", "models", "main", "metrics", "arrays", "zoo", "golden"}


def made(path, changes=(), **options):
    recipe = load_recipe("digits", [*CHANGES, *changes])
    folder = folders.create(path, to_toml(recipe), "again", force=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vitral.study.measure.certify", lambda *_, **__: [])
        for _ in study(recipe, folder, command="test", **options):
            pass
    return read_run(folder.path)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return made(tmp_path_factory.mktemp("content") / "run")


@pytest.fixture(scope="module")
def page(run):
    """As a browser has it: through JSON."""
    return json.loads(json.dumps(content(run, subjects_of(run)), allow_nan=False))


def array(page, name):
    return packing.unpack(page["arrays"][name])


def test_the_object_has_its_promised_keys(page):
    assert set(page) == TOP
    assert page["schema"] == 1
    assert page["main"] == "latent-2"
    assert [one["name"] for one in page["models"]] == ["latent-2", "latent-3", "autoencoder-2"]
    assert [one["kind"] for one in page["models"]] == ["vae", "vae", "autoencoder"]
    assert {"baselines", "protocol"} <= set(page["metrics"])
    for one in page["models"]:
        assert one["progress"][-1]["epoch"] == one["epochs"] == 2
        assert one["metrics"]["test"]["sse"] > 0
        assert one["tile_shape"] == [8, 8]


def test_only_the_main_model_has_an_encoder_and_all_have_their_tensors(page):
    for one in page["models"]:
        assert (one["encoder"] is not None) == (one["name"] == page["main"])
        named = [value for op in (one["encoder"] or []) + one["decoder"] for key, value in op.items() if key in "Wb"]
        assert len(named) >= 4
        assert set(named) <= set(page["arrays"])


def test_the_fixed_images_are_the_images_of_the_data(run, page):
    np.testing.assert_array_equal(run.explorer["images"], array(page, "images"))
    np.testing.assert_array_equal(run.explorer["train_images"], array(page, "train_images"))
    np.testing.assert_array_equal(run.explorer["images_labels"], array(page, "images_labels"))
    assert page["arrays"]["images"]["dtype"] == "u1"


def test_codes_are_those_of_the_run(run, page):
    for name, steps in (("latent-2/codes", 65535), ("latent-3/codes_logvar", 255), ("autoencoder-2/codes", 65535)):
        exact = run.arrays[name]
        np.testing.assert_allclose(exact, array(page, name), atol=0.51 * np.ptp(exact) / steps + 1e-6)


def test_what_was_recorded_is_there(run, page):
    grid = array(page, "latent-2/history_grid")
    assert grid.shape == (5, 225, 64)
    np.testing.assert_allclose(run.explorer["latent-2/history_grid"] / 255, grid, atol=0.51 / contents.TILE_GREYS)
    strip = array(page, "latent-2/history_reconstructions")
    np.testing.assert_allclose(
        run.explorer["latent-2/history_reconstructions"] / 255, strip, atol=0.51 / contents.GREYS
    )
    expected = np.array([0, 3 / 45, 11 / 45, 1, 2], np.float32)
    np.testing.assert_array_equal(expected, array(page, "latent-2/pulse_epochs"))
    assert "latent-3/pulse_kl" in page["arrays"]
    assert not {"latent-3/history_codes", "latent-3/pulse_dead", "autoencoder-2/pulse_kl"} & set(page["arrays"])


def test_large_tiles_are_means_of_four_pixels():
    planes = np.random.default_rng(0).random((2, 4, 28 * 28)).astype(np.float32)
    small = packing.unpack(contents.tiles(planes, (28, 28)).entry)
    image = planes[1, 3].reshape(28, 28)
    assert small.shape == (2, 4, 196)
    np.testing.assert_allclose(image[2:4, 6:8].mean(), small[1, 3].reshape(14, 14)[1, 3], atol=0.51 / 31)
    assert contents.tile_shape((27, 28)) == (27, 28)
    assert contents.tile_shape((32, 32, 3)) == (16, 16, 3)


def test_golden_numbers_are_those_of_the_weights_in_the_page(run, page):
    """Theta is put together from the page's own arrays, and the golden vectors are computed again."""
    main = next(one for one in subjects_of(run) if one.name == page["main"])
    theta = np.concatenate([array(page, f"latent-2/{name}").ravel() for name in named(main.model.shapes)])
    again = golden(main.model, theta, array(page, "images")[0], beta=1.0, prefix="latent-2/")
    assert page["golden"] == {"latent-2": json.loads(json.dumps(again))}


def test_the_stated_error_is_the_error_of_decoded_images(run, page):
    one = next(one for one in subjects_of(run) if one.name == "latent-2")
    stated = page["models"][0]["quantised"]
    assert (stated["bits"], stated["encoder"]) == (8, True)
    main = embedded(one, 127, whole=True)
    z = run.arrays["latent-2/codes"].astype(np.float32)
    error = np.abs(decoded(one.model, one.theta, z).astype(np.float64) - decoded(one.model, main.theta, z))
    assert 0 < stated["max_error"] == pytest.approx(error.max())
    assert stated["mean_error"] == pytest.approx(error.mean())


def test_exact_weights_are_the_models(run):
    page = content(run, subjects_of(run), exact=True)
    one = subjects_of(run)[0]
    assert page["models"][0]["quantised"] is None
    weights = packing.unpack(page["arrays"]["latent-2/encoder.0.W"])
    np.testing.assert_array_equal(one.theta[: weights.size].reshape(64, 80), weights)
    assert {entry["dtype"] for name, entry in page["arrays"].items() if "coder." in name} == {"f4"}


def test_without_data_no_image_is_in_the_page(run, tmp_path):
    """Neither as the run was asked, nor where the page alone is asked."""
    private = made(tmp_path / "run", ["model.latents=[2]", "training.seeds=1"], show_data=False)
    for page in (content(private, subjects_of(private)), content(run, subjects_of(run), show_data=False)):
        assert not {name for name in page["arrays"] if "images" in name.replace("images_labels", "")}
        own = {name for name in page["arrays"] if not name.startswith("zoo/")}  # of Vitral's own digits, in every page
        assert not {name for name in own if "reconstructions" in name or name == "train_labels"}
        assert "images_labels" in page["arrays"]
        assert page["data"]["shows_data"] is False
        assert {"no_images", "withheld"} <= set(page["strip"]["missing"])
        assert page["golden"]["latent-2"]["x"] is None


def test_a_run_without_recordings_says_so(run):
    """Folders of older runs: ten images, codes, no epochs."""
    page = content(replace(run, explorer={}), subjects_of(run))
    assert {"no_history", "few_images"} <= set(page["strip"]["missing"])
    np.testing.assert_allclose(run.arrays["originals"], array(page, "images"), atol=1e-7)


def test_images_beyond_black_and_white_are_left_out(run):
    """Those of older runs; newer ones record none."""
    arrays = dict(run.arrays) | {"originals": run.arrays["originals"] - 3.0}
    page = content(replace(run, explorer={}, arrays=arrays), subjects_of(run))
    assert "images" not in page["arrays"]
    assert "no_images" in page["strip"]["missing"]


def test_the_strip_says_what_is_known(page):
    strip = page["strip"]
    assert (strip["recipe"], strip["model"], strip["epochs"], strip["seeds"]) == ("digits", "latent-2", 2, 2)
    assert strip["beta"] == 1.0
    assert strip["data"]["train"] == 1439
    assert strip["likelihood"]["kind"] == "gaussian_learned"
    assert "one_seed" not in strip["missing"]


def subject(name, latent, hidden=60):
    model = Spec(features=784, latent=latent, encoder={"hidden": [hidden]}, decoder={"hidden": [hidden]}).build()
    return Subject(name, model, model.init(0))


def test_weights_become_coarser_until_they_fit_and_the_last_are_left_out():
    """The main model keeps its 8 bits whatever happens."""
    subjects = [subject(f"latent-{latent}", latent) for latent in (2, 5, 10)]
    main, sizes = main_of(subjects), {}
    for levels in (127, 31, 15):
        sizes[levels] = sum(embedded(one, levels, whole=one is main).size for one in subjects[1:])
    whole = embedded(main, 127, whole=True).size

    def bits(allowance):
        found = fitting(subjects, main, allowance, exact=False).values()
        return [one.description["quantised"] and one.description["quantised"]["bits"] for one in found]

    assert bits(10**9) == [8, 8, 8]
    assert bits(whole + sizes[31]) == [8, 6, 6]
    assert bits(whole + sizes[15] - 1) == [8, 5, None]
    assert bits(0) == [8, None, None]
    left_out = fitting(subjects, main, 0, exact=False)["latent-10"]
    assert left_out.description["reason"]["part"] == "budget"
    assert left_out.arrays == {}


def test_the_numbers_beside_the_arrays_are_counted_too(run, page):
    text = len(json.dumps(page, separators=(",", ":")))
    beside = text - sum(len(json.dumps(one, separators=(",", ":"))) for one in page["arrays"].values())
    assert beside < contents.size_of_numbers(run, subjects_of(run)) < 3 * beside


def test_the_rest_of_a_report_of_many_models_makes_weights_coarser_and_that_of_few_does_not(run, monkeypatch):
    rest = contents.CLASSROOM - build.code_size() - 100_000
    whole = len(build.section(run))
    assert len(build.section(run, rest)) == whole
    monkeypatch.setattr(build, "FEW", 1)
    monkeypatch.setattr(contents, "FEW", 1)
    assert len(build.section(run, 0)) == whole
    assert len(build.section(run, rest)) < whole


def test_of_many_variants_those_that_get_every_figure_are_drawn_or_two(run):
    def maps(count, **tables):
        names = [f"latent-2-{i}" for i in range(count)]
        models = {name: {"kind": "vae", "latent": 2, "variant": name[-1]} for name in names}
        metrics = {**run.metrics, "models": models, "variants": {name: {} for name in names}, **tables}
        return [one.model for one in plan(replace(run, metrics=metrics)) if one.name == "latent_map"]

    assert len(maps(MANY)) == MANY
    assert maps(MANY + 1) == ["latent-2-0"]
    assert maps(MANY + 1, comparison=[{"best": "latent-2-7", "models": {}}]) == ["latent-2-0", "latent-2-7"]


def test_a_model_without_codes_is_probed_at_points_of_the_prior():
    assert embedded(subject("latent-2", 2), 127, whole=True).description["quantised"]["images"] == 512


def test_the_schedule_of_the_page_is_that_of_the_training():
    progress = [{"epoch": 0, "step": 0}, {"epoch": 6, "step": 1200}]
    for beta in (
        {"kind": "linear", "start": 0.0, "end": 1.0, "steps": 200},
        {"kind": "cyclical", "start": 0.0, "end": 1.0, "steps": 800, "cycles": 4, "share": 0.5},
    ):
        found = contents.schedule_of({"objective": {"kind": "elbo", "beta": beta}}, progress)
        exact = [schedule(beta).at(round(epoch * 200)) for epoch in found["epochs"]]
        np.testing.assert_allclose(found["values"], exact, atol=1e-6)
        assert found["epochs"][0] == 0
        assert found["epochs"][-1] == 6
        assert np.ptp(found["values"]) == pytest.approx(1, abs=0.02)
    assert contents.schedule_of({"objective": {"kind": "elbo", "beta": 1.0}}, progress) is None
    assert contents.schedule_of({"objective": {"kind": "elbo", "beta": {"kind": "linear"}}}, []) is None
    assert contents.schedule_of({}, progress) is None
