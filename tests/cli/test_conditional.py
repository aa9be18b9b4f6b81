"""--label and --context, --binarise and the other options of the family, as a user types them."""

import json

import numpy as np
import pytest

import vitral
from vitral import specs
from vitral.cli import train as train_command

SMALL = ["--hidden", "16", "--epochs", "2", "--latent", "2", "-q"]


@pytest.fixture(scope="session")
def classes_run(tmp_path_factory, quiet_run):
    """A conditional model of digits, trained by the command line."""
    path = tmp_path_factory.mktemp("classes")
    quiet_run(path, "train", "digits", "--conditional", *SMALL, "--out", "run")
    return path / "run"


@pytest.fixture(scope="session")
def bits_run(tmp_path_factory, quiet_run):
    """A model of digits turned into bits."""
    path = tmp_path_factory.mktemp("bits")
    quiet_run(path, "train", "digits", "--binarise", "dynamic", "--likelihood", "bernoulli", *SMALL, "--out", "run")
    return path / "run"


@pytest.fixture
def classes(classes_run):
    return vitral.load(classes_run).model("latent-2")


@pytest.fixture
def bits(bits_run):
    return vitral.load(bits_run).model("latent-2")


@pytest.fixture
def test_rows():
    return vitral.load_data("digits", split="random").test


def written(run, *words, name="out.npy"):
    answer = run(*words, "-o", name, "--force")
    assert answer.code == 0, answer.err
    return np.load(name)


def test_sample_makes_as_many_of_every_class_class_after_class(run, classes_run, classes):
    """Ten of each without -n; what -n does not divide goes to the first classes."""
    made = written(run, "sample", str(classes_run))
    labels = np.repeat(np.arange(10), 10)
    np.testing.assert_array_equal(made, classes.prior_means(100, seed=0, label=labels))
    few = written(run, "sample", str(classes_run), "-n", "13")
    np.testing.assert_array_equal(few, classes.prior_means(13, label=[0, 0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9]))


def test_sample_of_one_class_is_that_class(run, classes_run, classes):
    made = written(run, "sample", str(classes_run), "--label", "3", "-n", "5", "--draws", "--seed", "4")
    np.testing.assert_array_equal(made, classes.sample(5, seed=4, label=3))


def test_the_grid_of_a_conditional_model_is_a_row_for_each_class_or_the_plane_of_one(run, classes_run, classes):
    rows = written(run, "grid", str(classes_run), "--size", "4", "--seed", "7")
    assert rows.shape == (10, 4, 64)
    plane = written(run, "grid", str(classes_run), "--size", "5", "--label", "8", "--spacing", "linear")
    np.testing.assert_allclose(plane[0, 0], classes.decode([[-3.0, 3.0]], label=8)[0], atol=1e-6)


def test_an_interpolation_goes_from_class_to_class_or_stays_in_the_one_that_is_asked_for(
    run, classes_run, classes, test_rows
):
    x, labels = test_rows.stored[[3, 8]], test_rows.labels[[3, 8]]
    words = ["interpolate", str(classes_run), "--from", "3", "--to", "8", "--frames", "5"]
    np.testing.assert_allclose(written(run, *words)[[0, -1]], classes.reconstruct(x, label=labels), atol=1e-6)
    z = classes.encode(x, label=labels)
    np.testing.assert_allclose(written(run, *words, "--label", "2")[[0, -1]], classes.decode(z, label=2), atol=1e-6)


def test_reconstruct_and_encode_read_the_labels_of_the_data_unless_one_is_given(
    run, classes_run, classes, test_rows
):
    x, labels = test_rows.stored[:4], test_rows.labels[:4]
    shown = written(run, "reconstruct", str(classes_run), "--rows", "4")
    np.testing.assert_allclose(shown, classes.reconstruct(x, label=labels), atol=1e-6)
    np.testing.assert_allclose(written(run, "encode", str(classes_run))[:4], classes.encode(x, label=labels), atol=1e-6)
    np.save("own.npy", x)
    own = written(run, "encode", str(classes_run), "own.npy", "--label", "5")
    np.testing.assert_allclose(own, classes.encode(x, label=5), atol=1e-6)
    np.savez("labelled.npz", x=x, y=labels)
    own = written(run, "encode", str(classes_run), "labelled.npz")
    np.testing.assert_allclose(own, classes.encode(x, label=labels), atol=1e-6)


def test_check_and_evaluate_work_on_conditional_models(run, classes_run):
    document = json.loads(run("check", str(classes_run), "--json", "-q").out)
    assert document["passed"] == document["total"] == 26
    numbers = json.loads(run("evaluate", str(classes_run), "--samples", "5", "--images", "20", "--json", "-q").out)
    assert numbers["test"]["log_px_hat"] >= numbers["test"]["elbo_same_images"] - 1.0


REFUSED = [
    ("sample tiny --label 3", 2, "this model is not conditional leave label and context out"),
    ("grid tiny --label 3", 2, "not conditional"),
    ("sample RUN --label 11", 2, "11 is not a class of this model choose of 0, 1, 2"),
    ("sample RUN --label three", 2, "--label needs the number of a class 'three'"),
    ("sample RUN --label 3 --context 1,2", 2, "not both"),
    ("sample RUN --context 1,2", 3, "10 numbers"),
    ("sample RUN --context a,b", 2, "--context 'a,b'"),
    ("interpolate RUN --label 10", 2, "10 is not a class"),
    ("encode RUN plain.npy", 3, "plain.npy the rows have no labels 0, 1, 2"),
    ("reconstruct RUN --data plain.npy", 3, "the rows have no labels"),
    ("evaluate RUN --data plain.npy", 3, "no labels"),
    ("check RUN --data odd.npz", 3, "42 is not a class"),
    ("train plain.npy --conditional", 3, "needs labels plain has none save them as y"),
    ("train digits --binarise dynamc", 2, "unknown binarisation did you mean 'dynamic'"),
    ("train digits --network cnv", 2, "did you mean 'conv'"),
    ("train digits --prior mixtur", 2, "did you mean 'mixture'"),
    ("train digits --posterior diagnal", 2, "did you mean 'diagonal'"),
    ("train digits --objective iwea", 2, "did you mean 'iwae'"),
    ("train digits --objective iwae --beta 2", 2, "beta"),
    ("train digits --network conv --hidden 1e2", 2, "--hidden"),
    ("train digits --prior conditional", 2, "context"),
    ("train wide.npy --binarise static", 3, "needs values in [0, 1]"),
    ("train digits --likelihood beta_binomial", 3, "256 levels 17"),
]


@pytest.mark.parametrize("words, code, sentence", REFUSED, ids=[words for words, _, _ in REFUSED])
def test_what_does_not_fit_is_one_sentence(run, classes_run, test_rows, words, code, sentence):
    np.save("plain.npy", test_rows.take(slice(0, 60)))
    np.save("wide.npy", 9.0 * test_rows.take(slice(0, 60)))
    np.savez("odd.npz", x=test_rows.stored[:9], y=np.full(9, 42))
    answer = run(*words.replace("RUN", str(classes_run)).split())
    assert answer.code == code, answer.err
    assert answer.err.count("vitral: ") == 1
    for part in sentence.split(" "):
        assert part in answer.err


@pytest.mark.parametrize("words", [("sample",), ("grid",), ("grid", "--label", "1"), ("sample", "-n", "13"),
                                   ("interpolate", "--label", "4", "--language", "pt")])  # fmt: skip
def test_pictures_of_classes_are_pictures(run, folder, classes_run, words):
    assert run(words[0], str(classes_run), *words[1:], "-o", "one.png").code == 0
    assert (folder / "one.png").read_bytes().startswith(b"\x89PNG")


def test_a_model_of_bits_is_given_bits_by_every_command_alike(run, bits_run, bits):
    """Grey levels, grey intensities and the model's own test rows; one line says what is done to the first two."""
    grey = vitral.load_data("digits", split="random").test
    np.save("levels.npy", grey.stored[:8])
    answer = run("encode", str(bits_run), "levels.npy", "-o", "codes.npy")
    assert "levels.npy: each value becomes 1 with the probability that it is" in answer.err
    assert answer.err.count("\n") == 1
    np.testing.assert_allclose(np.load("codes.npy"), bits.encode(grey.stored[:8]), atol=1e-6)
    np.testing.assert_array_equal(
        written(run, "reconstruct", str(bits_run), "--data", "levels.npy"), bits.reconstruct(grey.stored[:8])
    )
    own = run("encode", str(bits_run), "-o", "own.npy")
    assert own.err == ""
    drawn = bits.contract.rows(grey.stored[:8])
    np.save("bits.npy", drawn.stored)
    assert run("encode", str(bits_run), "bits.npy", "-o", "same.npy").err == ""
    np.testing.assert_array_equal(np.load("same.npy"), np.load("codes.npy"))
    document = json.loads(run("check", str(bits_run), "--json", "-q").out)
    assert document["passed"] == document["total"] == 26


def test_evaluate_draws_the_test_bits_that_the_study_drew(run, bits_run):
    """Own data or the same set by name: bit for bit the same rows, so the same numbers."""
    words = ["evaluate", str(bits_run), "--samples", "2", "--images", "10", "--json"]
    own = run(*words)
    named = run(*words, "--data", "digits", "--split", "random")
    assert json.loads(own.out)["test"] == json.loads(named.out)["test"]
    assert json.loads(own.out)["data"]["unit"] == "bits, drawn from the intensities (dynamic, seed 0)"
    assert "since the model was trained on bits" in named.err
    assert json.loads(own.out)["test"]["elbo"] is not None


def test_the_help_of_train_names_every_member_that_needs_nothing_else():
    """What an option's help lists exists, and nothing that exists is missing."""
    listed = {option.name: option.help for option in train_command.command.params if hasattr(option, "help")}
    families = {"network": specs.NETWORKS, "likelihood": specs.LIKELIHOODS, "prior": specs.PRIORS,
                "posterior": specs.POSTERIORS, "objective": specs.OBJECTIVES}  # fmt: skip
    for option, members in families.items():
        names = set(listed[option].split(": ")[-1].rstrip(".").replace(" or ", ", ").split(", "))
        assert names == set(members), option


@pytest.mark.parametrize(
    "words",
    [
        "--network gated --hidden 12,12 --prior mixture",
        "--network conv --likelihood bernoulli --binarise static",
        "--posterior flow --prior flow --hidden 12",
        "--objective iwae --hidden 12",
        "--objective free_bits --hidden 12",
        "--conditional --prior conditional --hidden 12",
        "--posterior two_layer --prior two_layer --hidden 12",
        "--posterior point --objective reconstruction --hidden 12",
    ],
)
def test_the_family_trains_from_the_command_line(run, words):
    """One epoch on few rows, and a model file that loads and passes its certificate."""
    few = ["--set", "data.limit=200", "--epochs", "1", "--out", "run", "-q"]
    answer = run("train", "digits", *words.split(), *few)
    assert answer.code == 0, answer.err
    document = json.loads(run("check", "run", "--rows", "8", "--json", "-q").out)
    assert document["passed"] == document["total"] > 8


def test_a_traversal_moves_one_dimension_a_row_the_most_used_first(run, trained):
    """The frame in the middle has that dimension at its mean over the codes, the others as the image has them."""
    from vitral.study.measure import closed_kl_per_dimension

    model, data = vitral.load(trained).model("latent-2"), vitral.load_data("digits", split="random")
    frames = written(run, "traverse", str(trained), "--row", "5")
    assert frames.shape == (2, 11, 64)
    kl = closed_kl_per_dimension(model.model, model.theta, data.test)
    codes = model.encode(data.test.stored)
    for row, dimension in enumerate(np.argsort(kl)[::-1]):
        z = codes[5].copy()
        z[dimension] = codes[:, dimension].mean()
        np.testing.assert_allclose(frames[row, 5], model.decode(z[None])[0], atol=1e-5)
    answer = run("traverse", str(trained), "--row", "1000")
    assert answer.code == 2
    assert "row 1000 does not exist" in answer.err


@pytest.mark.parametrize("words", [(), ("--label", "7")])
def test_a_traversal_of_a_conditional_model_is_of_the_class_of_the_image_or_of_the_label(
    run, classes_run, classes, test_rows, words
):
    frames = written(run, "traverse", str(classes_run), "--row", "2", *words)
    mean = classes.encode(test_rows.stored, label=test_rows.labels).mean(axis=0)
    z = classes.encode(test_rows.stored[2:3], label=test_rows.labels[2:3])
    possible = [np.where(np.arange(2) == moved, mean, z[0]) for moved in range(2)]
    assert test_rows.labels[2] != 7
    shown = classes.decode(possible, label=7 if words else int(test_rows.labels[2]))
    assert min(np.abs(frames[0, 5] - image).max() for image in shown) < 1e-5
