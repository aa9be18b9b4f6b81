"""vitral explore: a page of a run, of one of its models, and of a model file."""

import json
import re

import numpy as np

import vitral
from vitral.report.explorer import packing


def page_of(path):
    """The object inside a page."""
    text = path.read_text(encoding="utf-8")
    return text, json.loads(re.search(r'json" id="explorer">(.*?)</script>', text, re.DOTALL)[1])


def test_a_run_is_shown_with_all_its_models_and_recordings(run, folder, studied):
    assert run("explore", str(studied), "-o", "page.html").out == "page.html\n"
    text, page = page_of(folder / "page.html")
    assert [one["name"] for one in page["models"]] == ["latent-2"]
    assert {"images", "train_images", "latent-2/history_grid", "latent-2/codes"} <= set(page["arrays"])
    assert page["strip"]["checks"]["passed"] == page["strip"]["checks"]["total"] > 10
    assert "worker-src blob:" in text


def test_the_report_of_a_run_holds_the_same_object(run, folder, studied):
    """But for what the page of its own is told on the command line."""
    assert run("explore", str(studied), "-o", "page.html", "-q").code == 0
    assert page_of(folder / "page.html")[1] == page_of(studied / "report.html")[1]


def test_the_model_in_the_package_is_shown_with_images_of_its_data(run, folder):
    """No recordings; codes are computed by encoding."""
    answer = run("explore", "-o", "page.html", "--json")
    document = json.loads(answer.out)
    _, page = page_of(folder / "page.html")
    assert (document["file"], document["models"]) == ("page.html", ["tiny"])
    assert document["characters"] < 3_000_000
    assert page["strip"]["data"]["name"] == "mnist"
    assert {"no_history", "no_checks", "one_seed", "one_model"} == set(page["strip"]["missing"])
    tiny, images = vitral.load("tiny"), packing.unpack(page["arrays"]["images"])
    codes = packing.unpack(page["arrays"]["tiny/codes"])
    np.testing.assert_allclose(tiny.encode(images[:50]), codes[:50], atol=2e-4)


def test_without_data_there_is_no_image_and_exact_weights_are_the_models(run, folder, studied):
    assert run("explore", str(studied), "--no-data", "--exact", "-o", "page.html").code == 0
    _, page = page_of(folder / "page.html")
    assert "images_labels" in page["arrays"]
    own = [name for name in page["arrays"] if not name.startswith("zoo/")]  # of the package's own small trainings
    assert not [name for name in own if name.endswith(("images", "reconstructions", "train_labels"))]
    assert page["models"][0]["quantised"] is None


def test_a_model_is_shown_on_other_data(run, folder, studied):
    """Images and codes are those of the data that were named; recordings that belong to others are left out."""
    rows = np.random.default_rng(0).integers(0, 17, (40, 64)).astype(np.float32) / 16
    np.save(folder / "rows.npy", rows)
    assert run("explore", str(studied), "--data", "rows.npy", "-o", "page.html").code == 0
    _, page = page_of(folder / "page.html")
    images = packing.unpack(page["arrays"]["images"])
    assert all((rows == image).all(axis=1).any() for image in images)
    assert len(packing.unpack(page["arrays"]["latent-2/codes"])) == len(images)
    assert not {"latent-2/history_codes", "latent-2/history_reconstructions"} & set(page["arrays"])
    assert "latent-2/history_grid" in page["arrays"]


def test_what_cannot_be_shown_is_answered_with_a_sentence(run, folder, studied):
    """Nothing is written."""
    np.save(folder / "rows.npy", np.random.default_rng(0).random((60, 5)))
    assert run(*"train rows.npy --hidden 4 --epochs 1 --out plain -q".split()).code == 0
    cases = {
        ("plain",): "was trained on plain rows, and the explorer shows images",
        ("tiny", "--model", "latent-2"): "leave it out",
        (str(studied), "--model", "latent-3"): "latent-3",
        ("tiny", "-o", "missing/page.html"): "the folder missing does not exist",
        ("tiny", "-o", "page.pdf"): "its ending must be one of .html",
        ("rows.npy",): "rows.npy",
    }
    for words, said in cases.items():
        answer = run("explore", *words)
        assert answer.code in (2, 4), words
        assert said in answer.err, (words, answer.err)
        assert answer.err.count("\n") == 1
    assert not list(folder.glob("*.html"))
