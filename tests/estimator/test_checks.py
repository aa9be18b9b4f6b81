"""scikit-learn's own checks, with an empty list of expected failures, and those that it runs only on itself."""

import os
import subprocess
import sys
from functools import partial

import pytest
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import estimator_checks_generator

from vitral.estimator import VAE, ConditionalVAE, VAEImputer

SMALL = {"hidden": (8,), "max_iter": 2}
ESTIMATORS = {
    "VAE": partial(VAE, **SMALL),
    "holes": partial(VAE, missing="model", **SMALL),
    "one variance": partial(VAE, likelihood="gaussian_learned", **SMALL),
    "elbo": partial(VAE, spec={"score": "elbo", "draws": 8, "prior": "flow"}, **SMALL),
    "ConditionalVAE": partial(ConditionalVAE, **SMALL),
    "VAEImputer": partial(VAEImputer, samples=50, **SMALL),
    "indicator": partial(VAEImputer, samples=50, add_indicator=True, **SMALL),
    "conditional prior": partial(ConditionalVAE, spec={"prior": "conditional", "draws": 16}, **SMALL),
}
# What check_estimator leaves out, because it holds for scikit-learn's own estimators only.
FURTHER = (
    "check_param_validation",
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
    "check_get_feature_names_out_error",
    "check_dataframe_column_names_consistency",
    "check_inplace_ensure_writeable",
)


def every_check(*names):
    """What parametrize_with_checks runs, none expected to fail; as a list, which pytest wants and 1.6 does not give."""
    return pytest.mark.parametrize(
        "estimator, check",
        [
            pytest.param(estimator, check, id=f"{name}-{number}-{getattr(check, 'func', check).__name__}")
            for name in names
            for number, (estimator, check) in enumerate(estimator_checks_generator(ESTIMATORS[name]()))
        ],
    )


@every_check("VAE", "ConditionalVAE", "VAEImputer")
def test_scikit_learns_checks_pass(estimator, check):
    """No expected failure: every check that scikit-learn has for an estimator of this kind."""
    check(estimator)


@pytest.mark.slow
@every_check("holes", "one variance", "elbo", "conditional prior", "indicator")
def test_scikit_learns_checks_pass_for_variants(estimator, check):
    """The same with holes, another likelihood, another score, another prior."""
    check(estimator)


# The checks fit on a frame and transform an array, or the reverse: every estimator of scikit-learn remarks on it.
@pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names")
@pytest.mark.parametrize("check", FURTHER)
@pytest.mark.parametrize("name", ["VAE", "holes", "ConditionalVAE", "VAEImputer", "indicator"])
def test_the_checks_that_scikit_learn_keeps_for_itself_pass(name, check):
    estimator = ESTIMATORS[name]()
    getattr(estimator_checks, check)(type(estimator).__name__, estimator)


def test_a_broken_estimator_would_fail():
    """The checks are awake: codes that are drawn depend on the order of the rows."""

    class Drawing(VAE):
        def transform(self, X):
            codes = super().transform(X)
            return codes + self._generator(0, "noise").standard_normal(codes.shape)

    with pytest.raises(AssertionError):
        estimator_checks.check_methods_sample_order_invariance("Drawing", Drawing(**SMALL))


@pytest.mark.slow
def test_no_check_is_left_out():
    """With SciPy's array dispatch on, which must be chosen before it loads, not one check is skipped."""
    script = (
        "from sklearn.utils.estimator_checks import check_estimator\n"
        "from vitral.estimator import VAE\n"
        "said = check_estimator(VAE(hidden=(8,), max_iter=2), on_skip=None)\n"
        "print(len(said), {one['status'] for one in said})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    count, _, kinds = done.stdout.strip().partition(" ")
    assert int(count) >= 50
    assert kinds == "{'passed'}"
