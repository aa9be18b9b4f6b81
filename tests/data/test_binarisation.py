"""Binarisation: the probability of a bit, which bits stay and which are drawn anew, and what a model does with grey."""

import dataclasses
from functools import partial

import numpy as np
import pytest

import vitral
from vitral.core.randomness import stream
from vitral.data import Contract, binarised, load_data
from vitral.data.contract import Rows, drawn_bits
from vitral.errors import DataError, UsageError
from vitral.study import measure
from vitral.study.jobs import jobs, open_data
from vitral.study.recipes import load_recipe
from vitral.training.loop import start, train

SMALL = ["data.limit=200", "data.binarise=dynamic", "model.latents=[2]", "model.autoencoders=[]",
         "model.likelihood.kind=bernoulli", "training.epochs=2", "training.batch=50",
         "model.encoder.hidden=[8]", "model.decoder.hidden=[8]"]  # fmt: skip


def levels(scale):
    """20,000 rows that hold every level once, scale + 1 columns."""
    dtype = np.uint8 if scale > 1.0 else np.float32
    ladder = np.arange(scale + 1) if scale > 1.0 else np.linspace(0.0, 1.0, 101)
    return Rows(np.tile(ladder.astype(dtype), (20_000, 1)), None, max(scale, 1.0))


@pytest.mark.parametrize("scale", [255.0, 16.0, 1.0])
def test_a_bit_is_one_with_exactly_the_probability_that_is_its_level(scale):
    """Every level from black to white, of 8-bit images, of 0 to 16 and of floats; black never, white always."""
    rows = levels(scale)
    bits = drawn_bits(rows, stream(0, "test")).take(slice(None), "float64")
    assert set(np.unique(bits)) == {0.0, 1.0}
    asked = rows.take(slice(0, 1), "float64")[0]
    error = np.sqrt(asked * (1.0 - asked) / len(bits))
    gaps = np.abs(bits.mean(axis=0) - asked)
    assert (gaps <= 5.0 * error).all()
    assert gaps[[0, -1]].max() == 0.0
    pooled = (bits - asked).sum(axis=1)
    assert abs(pooled.mean()) < 5.0 * np.sqrt((asked * (1.0 - asked)).sum() / len(bits))


def test_bits_of_neighbouring_pixels_and_rows_are_independent():
    """The correlation of two columns of grey, and of a column with itself one row on, is that of chance."""
    grey = Rows(np.full((20_000, 2), 100, np.uint8), None, 255.0)
    bits = drawn_bits(grey, stream(1, "test")).take(slice(None), "float64") - 100.0 / 255.0
    for product in (bits[:, 0] * bits[:, 1], bits[1:, 0] * bits[:-1, 0]):
        assert abs(product.mean()) < 5.0 * product.std() / np.sqrt(len(product))


def test_static_bits_are_the_same_for_the_same_seed_and_others_for_another():
    grey = load_data("mnist", limit=100)
    one, again, other = (binarised(grey, "static", seed=seed) for seed in (3, 3, 4))
    for name in ("train", "validation", "test"):
        np.testing.assert_array_equal(one.parts()[name].stored, again.parts()[name].stored)
        assert (one.parts()[name].stored != other.parts()[name].stored).mean() > 0.02
    assert one.grey is None


def test_the_bits_of_the_three_parts_do_not_repeat_each_other(tmp_path):
    """Equal grey rows in validation and test become different bits."""
    np.save(tmp_path / "even.npy", np.tile(np.arange(100, 200, dtype=np.uint8), (40, 1)))
    data = binarised(load_data(str(tmp_path / "even.npy")), "static", seed=0)
    assert (data.validation.stored != data.test.stored).mean() > 0.3
    assert (data.train.stored[:4] != data.test.stored).mean() > 0.3


def test_dynamic_bits_are_new_in_every_minibatch_and_stay_elsewhere():
    """Training rows are drawn from the grey ones by the generator of the step; validation and test were drawn once."""
    grey = load_data("mnist", limit=100)
    data, index = binarised(grey, "dynamic", seed=3), np.arange(20)
    draws = [partial(stream, 0, "bits", step) for step in (1, 1, 2)]
    first, again, other = (data.minibatch(index, "float32", draw).inputs for draw in draws)
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.02
    static = binarised(grey, "static", seed=3)
    for name in ("validation", "test"):
        np.testing.assert_array_equal(data.parts()[name].stored, static.parts()[name].stored)
    assert set(np.unique(first)) == {0.0, 1.0}


def test_binary_rows_pass_unchanged(tmp_path):
    """Bits as bool, as 8-bit numbers and as floats are the same bits, whatever is asked for."""
    bits = np.random.default_rng(0).random((40, 6)) < 0.5
    for dtype in (bool, np.uint8, np.float32):
        np.save(tmp_path / "bits.npy", bits.astype(dtype))
        for how in ("none", "static", "dynamic"):
            data = binarised(load_data(str(tmp_path / "bits.npy")), how, seed=0)
            assert data.contract.binary
            assert data.contract.bits is None
            assert data.grey is None
            pooled = np.concatenate([rows.take(slice(None), "float64") for rows in data.parts().values()])
            np.testing.assert_array_equal(np.sort(pooled, axis=0), np.sort(bits.astype(float), axis=0))


def test_values_outside_the_unit_interval_cannot_be_probabilities(tmp_path):
    np.save(tmp_path / "wide.npy", 3.0 * np.random.default_rng(0).random((40, 6)))
    with pytest.raises(DataError, match=r"needs values in \[0, 1\]"):
        binarised(load_data(str(tmp_path / "wide.npy")), "static", seed=0)
    with pytest.raises(UsageError, match="did you mean 'dynamic'"):
        binarised(load_data("digits"), "dynamik", seed=0)


def test_the_contract_says_how_the_bits_were_made():
    """Rule, seed and scale; the unit in words; and all of it survives a file."""
    data = open_data(load_recipe("mnist", [*SMALL, "training.seed=7"]))
    assert (data.contract.bits.rule, data.contract.bits.seed, data.contract.bits.scale) == ("dynamic", 7, 255.0)
    assert data.contract.unit == "bits, drawn from the intensities (dynamic, seed 7)"
    assert Contract.from_dict(data.contract.to_dict()) == data.contract


@pytest.fixture(scope="module")
def contract():
    return open_data(load_recipe("mnist", SMALL)).contract


def test_grey_rows_become_bits_by_the_rule_of_the_model(contract):
    """Levels or intensities; the same rows give the same bits, and the first rows do not depend on how many follow."""
    grey = load_data("mnist", limit=100).test
    drawn = contract.rows(grey.stored)
    assert set(np.unique(drawn.take(slice(None)))) == {0.0, 1.0}
    np.testing.assert_array_equal(drawn.stored, contract.rows(grey.stored).stored)
    np.testing.assert_array_equal(drawn.stored[:7], contract.rows(grey.stored[:7]).stored)
    shades = contract.rows(np.full((200, 784), 0.25))
    assert abs(shades.take(slice(None), "float64").mean() - 0.25) < 5.0 * np.sqrt(0.25 * 0.75 / shades.stored.size)


def test_rows_that_are_bits_are_used_as_they_are(contract):
    bits = (np.random.default_rng(0).random((5, 784)) < 0.5).astype(np.uint8)
    np.testing.assert_array_equal(contract.rows(bits).stored, bits)
    np.testing.assert_array_equal(contract.rows(bits.astype(float)).stored, bits)


def test_grey_rows_are_refused_where_no_rule_is_known(contract):
    """A file of bits does not say how they were made."""
    unknown = dataclasses.replace(contract, bits=None)
    with pytest.raises(DataError, match="other than 0 and 1, and the model was trained on bits"):
        unknown.rows(np.full((3, 784), 0.5))
    with pytest.raises(DataError, match=r"must lie in \[0, 1\]"):
        contract.rows(np.full((3, 784), 1.5))


def test_bernoulli_is_a_likelihood_on_bits_and_a_loss_on_grey():
    bits = open_data(load_recipe("mnist", SMALL))
    grey = open_data(load_recipe("mnist", [*SMALL, "data.binarise=none"]))
    model = vitral.Spec(784, 2, likelihood="bernoulli").build()
    assert not measure.loss_only(model, bits)
    assert measure.loss_only(model, grey)


def test_a_training_with_dynamic_bits_resumes_bit_for_bit():
    """The bits of a step belong to its number: stopping in the middle of an epoch changes nothing."""
    recipe = load_recipe("mnist", SMALL)
    data = open_data(recipe)
    (job,) = jobs(recipe, data)
    model = job.spec.build()

    def state_after(stops):
        state = start(model, model.init(0), job.plan)
        for limit in (*stops, 10**9):
            for _ in train(model, data, job.plan, state, seed=0):
                if state.step >= limit:
                    break
        return state

    whole, cut = state_after(()), state_after((3, 6))
    assert whole.step == cut.step == 8
    np.testing.assert_array_equal(whole.theta, cut.theta)
    assert whole.history == cut.history
