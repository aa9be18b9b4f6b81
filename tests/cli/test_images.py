"""A folder of images through the command line: trained on, encoded, scored, reconstructed, sampled."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from vitral.api import load_one


@pytest.fixture(scope="module")
def photos(tmp_path_factory, quiet_run):
    """Thirty pictures of two classes, a text beside them, and a model of them, made small and grey."""
    place, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for label, level in (("night", 40), ("day", 200)):
        (place / "photos" / label).mkdir(parents=True)
        for number in range(15):
            array = rng.integers(level - 30, level + 30, (20, 24, 3), dtype=np.uint8)
            Image.fromarray(array).save(place / "photos" / label / f"{number}.jpg")
    (place / "photos" / "day" / "notes.txt").write_text("clouds", encoding="utf-8")
    words = "--image-size 12x10 --grey --on-bad skip --conditional --epochs 2 --hidden 16 --out run --quiet"
    quiet_run(place, "train", "photos", *words.split())
    return place


def test_the_model_keeps_shape_classes_and_how_images_are_treated(photos, run):
    answer = run("train", str(photos / "photos"), "--out", "r")
    assert answer.code == 3
    assert "1 of 31 files cannot be used: day/notes.txt (not an image of PNG" in answer.err
    assert "leave them out with --on-bad skip" in answer.err
    contract = load_one(str(photos / "run"), None).contract
    assert contract.image_shape == (10, 12)
    assert contract.label.categories == ("day", "night")


def test_a_folder_is_encoded_scored_reconstructed_and_sampled(photos, run, folder):
    """Every command reads it as training did, and says what it left out."""
    model, images = str(photos / "run"), str(photos / "photos")
    answer = run("encode", model, images, "-o", "codes.npy")
    assert answer.code == 0, answer.err
    assert "1 of 31 files cannot be used" in answer.err
    assert np.load(folder / "codes.npy").shape == (30, 2)
    answer = run("evaluate", model, "--json", "--data", images)
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)
    assert run("reconstruct", model, images, "-o", "rows.npy", "--rows", "30").code == 0
    assert np.load(folder / "rows.npy").shape == (30, 120)
    for words in (["reconstruct", model, images, "-o", "r.png"], ["sample", model, "-o", "s.png"]):
        answer = run(*words)
        assert answer.code == 0, answer.err
        with Image.open(folder / words[-1]) as picture:
            assert picture.width > 100


def test_images_of_another_shape_are_refused(photos, run, folder):
    """An array of as many numbers a row, lying otherwise."""
    np.save(folder / "tall.npy", np.zeros((5, 12, 10), np.uint8))
    answer = run("encode", str(photos / "run"), "tall.npy", "--label", "0", "-o", "codes.npy")
    assert answer.code == 3
    assert "tall.npy holds images of 12 x 10, the model needs 10 x 12" in answer.err


def test_pictures_name_the_classes(photos, run, folder):
    model = str(photos / "run")
    for words in (["sample", model], ["grid", model], ["reconstruct", model]):
        assert run(*words, "-o", f"{words[0]}.svg").code == 0
        drawn = (folder / f"{words[0]}.svg").read_text(encoding="utf-8")
        assert "night" in drawn
        assert "class 0" not in drawn


def test_classes_go_by_their_names(photos, run, folder):
    """A folder of one class only, a class that the model does not know, and --label."""
    model = str(photos / "run")
    (folder / "few").mkdir()
    shutil.copytree(photos / "photos" / "night", folder / "few" / "night")
    assert run("encode", model, "few", "-o", "few.npy").code == 0
    assert run("encode", model, "few", "--label", "night", "-o", "named.npy").code == 0
    assert run("encode", model, "few", "--label", "day", "-o", "wrong.npy").code == 0
    few, named, wrong = (np.load(folder / name) for name in ("few.npy", "named.npy", "wrong.npy"))
    np.testing.assert_array_equal(named, few)
    assert (wrong != few).any()
    answer = run("sample", model, "--label", "nigth", "-o", "s.npy")
    assert (answer.code, "unknown class 'nigth': did you mean 'night'" in answer.err) == (2, True), answer.err
    (folder / "few" / "night").rename(folder / "few" / "dusk")
    answer = run("encode", model, "few", "-o", "dusk.npy")
    assert answer.code == 3
    assert "few has the class 'dusk', and the model knows day, night: leave it out" in answer.err
