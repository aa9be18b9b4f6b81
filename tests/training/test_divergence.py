"""A training that diverges stops at that step, says where, and leaves good weights to go on from."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from tests.cli.conftest import call
from tests.training.test_loop import PLAN, SPEC, fresh, small_data
from vitral.errors import TrainingDiverged
from vitral.parts.objectives import ELBO
from vitral.parts.optimisers import SGD
from vitral.study import folder as folders
from vitral.study.jobs import open_data
from vitral.study.recipes import load_recipe, to_toml
from vitral.study.run import Manner, train_all
from vitral.training.loop import Step, start, train


@dataclass(frozen=True)
class Poisoned(ELBO):
    """The ELBO, of whose derivative by log p(x) one number is ``value`` from a step on."""

    first: int = 0
    value: float = 0.0
    now: int = 0

    def at(self, step):
        return replace(super().at(step), now=step)

    def __call__(self, terms, total):
        loss, seeds = super().__call__(terms, total)
        if self.now >= self.first and self.value:
            poisoned = np.array(np.broadcast_to(seeds.log_px, terms.log_px.shape))
            poisoned[0, 0] = self.value
            seeds = seeds._replace(log_px=poisoned)
        return loss, seeds


def diverged(plan, data=None):
    """The error of such a training, and its state."""
    model = SPEC.build()
    state = start(model, model.init(5, plan.dtype), plan)
    with pytest.raises(TrainingDiverged) as caught:
        for _ in train(model, data or small_data(), plan, state, seed=5):
            pass
    return caught.value, state


@pytest.mark.parametrize("value", [np.inf, np.nan])
@pytest.mark.parametrize("shards", [1, 2])
def test_a_gradient_that_is_not_finite_stops_at_its_step_before_it_is_used(value, shards):
    """Step 6 is the first with it; the parameters are those after step 5. The likelihood's own is met first."""
    plan = replace(PLAN, objective=Poisoned(first=5, value=value), shards=shards)
    error, state = diverged(plan)
    assert (error.step, error.term, state.step) == (6, "gradient", 5)
    assert "first gradient that is not finite is that of likelihood.raw" in str(error)
    assert np.isfinite(state.theta).all()
    sound = replace(PLAN, objective=Poisoned(), shards=shards)
    model, other = fresh(sound)
    for event, _ in train(model, small_data(), sound, other, seed=5):
        if isinstance(event, Step) and event.step == 5:
            break
    assert state.theta.tobytes() == other.theta.tobytes()


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_a_number_of_the_data_that_is_not_finite_is_named_by_row_and_column(value):
    """The row of the training set, not of the batch."""
    data, plan = small_data(), replace(PLAN, monitor_rows=5, objective=ELBO())
    data.train.stored[17, 3] = value
    error, _ = diverged(plan, data)
    assert 1 <= error.step <= 4
    assert f"training row 17, column 3, is {value:g}" in str(error)


def test_an_explosion_names_the_tensor_with_the_largest_gradient():
    plan = replace(PLAN, epochs=40, rate=1e12, optimiser=SGD(), objective=ELBO())
    error, _ = diverged(plan)
    assert "gradient" in error.where
    assert any(part in error.where for part in ("encoder.", "decoder.", "likelihood."))


CHANGES = [
    "data.name=digits", "data.limit=60", "model.encoder.hidden=[4]", "model.decoder.hidden=[4]", "training.epochs=3",
    "training.batch=20", "training.shards=1", "training.rate=1e30",
]  # fmt: skip


def test_the_checkpoints_of_a_diverged_run_are_good_and_it_goes_on_from_them(tmp_path):
    """Kept after every step; the last ones hold finite numbers."""
    recipe = load_recipe("train", CHANGES)
    folder = folders.create(tmp_path / "run", to_toml(recipe), "again", force=True)
    with pytest.raises(TrainingDiverged) as caught:
        list(train_all(recipe, open_data(recipe), folder, Manner(every=0.0)))
    saved, problems = folder.checkpoints("latent-2").load()
    assert not problems
    assert saved.state.step < caught.value.step
    assert np.isfinite(saved.state.theta).all()


def test_the_command_line_offers_half_the_rate(tmp_path, monkeypatch, capsys):
    """The line to paste, then the error, without a traceback; and the run is there to go on."""
    monkeypatch.chdir(tmp_path)
    changes = [word for change in CHANGES[1:] for word in ("--set", change)]
    answer = call(capsys, ["train", "digits", *changes, "--out", "run", "--quiet"])
    assert answer.code == 1
    *_, line, _, error = answer.err.splitlines()
    assert line.endswith("train --resume run --slower")
    assert error.startswith("vitral: error: training diverged at step")
    assert "Traceback" not in answer.err
    assert (tmp_path / "run" / folders.MARK).exists()


def test_halving_the_rate_without_a_run_to_go_on_with_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for option in ("--slower", "--strict"):
        answer = call(capsys, ["train", "digits", option])
        assert answer.code == 2
        assert f"{option} means nothing without --resume" in answer.err
