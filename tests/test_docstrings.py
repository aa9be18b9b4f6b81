"""The examples in docstrings run and print what they say."""

import doctest
from importlib import import_module

import pytest

MODULES = (
    "vitral.api",
    "vitral.core.randomness",
    "vitral.data",
    "vitral.data.sprites",
    "vitral.environment",
    "vitral.estimator.conditional",
    "vitral.estimator.imputer",
    "vitral.estimator.oversampling",
    "vitral.estimator.vae",
    "vitral.evaluation.diagnosis",
    "vitral.evaluation.findings",
    "vitral.model",
    "vitral.specs",
    "vitral.study.recipes",
)
OPTIONAL = {"vitral.estimator.oversampling": "imblearn"}  # modules that need a package of an extra


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_public_module_run(name):
    """At least one example, and none that prints something else."""
    if name in OPTIONAL:
        pytest.importorskip(OPTIONAL[name])
    result = doctest.testmod(import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
