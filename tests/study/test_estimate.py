"""The estimate before a long run."""

import pytest

from vitral.study.estimate import seconds_left
from vitral.study.jobs import jobs, open_data
from vitral.study.recipes import load_recipe


@pytest.mark.parametrize(
    "changes",
    [[], ["training.batch=5000", "training.epochs=1"], ["training.batch=700", "model.autoencoders=[2]"]],
)
def test_an_estimate_is_a_positive_number_also_for_a_single_batch_an_epoch(changes):
    """Few or many steps an epoch: the timed steps may be fewer than asked for."""
    recipe = load_recipe("digits", changes)
    data = open_data(recipe)
    assert seconds_left(jobs(recipe, data), data) > 0


def test_the_estimate_leaves_the_real_training_untouched():
    """It trains copies: the same seed afterwards starts from the same parameters."""
    recipe = load_recipe("digits", ["model.latents=[2]", "training.seeds=1", "model.autoencoders=[]"])
    data = open_data(recipe)
    (job,) = jobs(recipe, data)
    before = job.spec.build().init(job.seed)
    seconds_left([job], data)
    assert job.spec.build().init(job.seed).tobytes() == before.tobytes()
