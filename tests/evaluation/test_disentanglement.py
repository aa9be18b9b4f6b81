"""Disentanglement scores: perfect codes at the top, random codes at the bottom, rotated codes between."""

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.metrics import mutual_info_score

from vitral.data.sprites import ORDERED, grid
from vitral.errors import DataError, UsageError
from vitral.evaluation.disentanglement import (
    beta_vae_score,
    dci,
    factor_vae_score,
    mig,
    mig_of_factors,
    mutual_information,
    sap,
    scores,
)

NAMES = (
    "beta_vae",
    "factor_vae",
    "mig",
    "dci_disentanglement",
    "dci_completeness",
    "dci_informativeness",
    "sap",
)


@pytest.fixture(scope="module")
def factors():
    """Of 2,000 random sprites."""
    return grid().factors[np.random.default_rng(7).permutation(7680)[:2000]]


@pytest.fixture(scope="module")
def codes(factors):
    """Three sets of ten latents: five that are the factors and five of noise; the five rotated; noise alone."""
    rng = np.random.default_rng(0)
    scaled = (factors - factors.mean(axis=0)) / factors.std(axis=0)
    noise = rng.standard_normal((len(factors), 10))
    turn = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    return {
        "perfect": np.concatenate([scaled, noise[:, :5]], axis=1),
        "rotated": np.concatenate([scaled @ turn, noise[:, :5]], axis=1),
        "random": noise,
    }


@pytest.fixture(scope="module")
def measured(codes, factors):
    return {kind: scores(code, factors, seed=0, ordered=ORDERED) for kind, code in codes.items()}


def test_perfect_codes_score_at_the_top(measured):
    """Above 0.99; MIG and SAP above 0.9: a latent of noise comes second, by the bias of its counts and by luck."""
    assert set(measured["perfect"]) == set(NAMES)
    for name, value in measured["perfect"].items():
        assert value > (0.9 if name in ("mig", "sap") else 0.99), name


def test_random_codes_score_at_the_bottom(measured):
    """Votes and predictions at chance, 1/5 and the mean of 1/3, 1/4, 1/10, 1/8, 1/8; every gap below 0.02."""
    random = measured["random"]
    chance = {"beta_vae": 0.2, "factor_vae": 0.2, "dci_informativeness": 0.187}
    for name in NAMES:
        assert abs(random[name] - chance.get(name, 0.0)) < 0.03, name


def test_a_rotation_of_perfect_codes_is_seen(measured):
    """The same information in mixed latents: MIG and SAP lose half or more, DCI too; both votes fall."""
    perfect, rotated = measured["perfect"], measured["rotated"]
    for name in ("mig", "sap", "dci_disentanglement", "dci_completeness"):
        assert rotated[name] < 0.6 * perfect[name], name
    for name in ("beta_vae", "factor_vae"):
        assert rotated[name] < perfect[name] - 0.01, name


def test_the_order_and_the_units_of_the_latents_do_not_matter(codes, factors):
    """Latents in another order, each in its own unit and with its own sign: scores agree to 0.03."""
    rng = np.random.default_rng(1)
    order, unit = rng.permutation(10), rng.uniform(0.5, 20.0, 10) * rng.choice([-1.0, 1.0], 10)
    first, second = (
        scores(code, factors, seed=0, ordered=ORDERED)
        for code in (codes["rotated"], (codes["rotated"] * unit)[:, order])
    )
    for name in NAMES:
        assert second[name] == pytest.approx(first[name], abs=0.03), name
    assert second["sap"] == pytest.approx(first["sap"], abs=1e-9)


def test_equal_seeds_give_equal_scores(codes, factors):
    """And another seed another draw of the votes."""
    few = {"votes": 300, "test_votes": 300}
    one, again, other = (beta_vae_score(codes["rotated"], factors, seed=seed, **few) for seed in (3, 3, 4))
    assert one == again
    assert one != other
    assert (
        dci(codes["random"], factors, seed=5, rows=300)[:3]
        == dci(codes["random"], factors, seed=5, rows=300)[:3]
    )


def test_mutual_information_is_that_of_the_counts(codes, factors):
    """Equal to scikit-learn's on the same twenty bins."""
    z = codes["rotated"]
    ours = mutual_information(z, factors)
    assert ours.shape == (10, 5)
    for latent, factor in ((0, 0), (3, 2), (9, 4)):
        edges = np.histogram(z[:, latent], 20)[1][:-1]
        expected = mutual_info_score(np.digitize(z[:, latent], edges), factors[:, factor])
        assert ours[latent, factor] == pytest.approx(expected, rel=1e-9)


def test_the_gap_of_a_duplicated_latent_is_zero():
    """Two equal latents know the same, so neither stands for the factor; half as many values leave half a gap."""
    factor = np.repeat(np.arange(4), 50)[:, None]
    factors = np.concatenate([factor, np.tile(np.arange(2), 100)[:, None]], axis=1)
    halves = factor // 2
    assert mig_of_factors(np.concatenate([factor, factor, halves], axis=1), factors)[0] == pytest.approx(0.0)
    alone = mig_of_factors(np.concatenate([factor, halves], axis=1), factors)
    assert alone[0] == pytest.approx(0.5)
    assert alone[1] == pytest.approx(0.0)


def test_one_latent_has_no_second_best():
    """MIG of a single perfect latent is 1 for its factor; SAP too."""
    factors = np.stack([np.repeat(np.arange(5), 40), np.tile(np.arange(40), 5)], axis=1)
    code = factors[:, :1].astype(float)
    np.testing.assert_allclose(mig_of_factors(code, factors), [1.0, 0.0], atol=1e-12)
    assert sap(code, factors, seed=0, ordered=(True, True)) == pytest.approx(0.5)


def test_dci_is_the_weighted_entropy_of_the_importance(codes, factors):
    """By scipy: 1 - H of every row to base F and of every column to base L, weighted by their sums."""
    result = dci(codes["rotated"], factors, seed=0, rows=1000)
    R = result.importance
    assert R.shape == (10, 5)
    of_latent = 1.0 - entropy(R.T, base=5)
    of_factor = 1.0 - entropy(R, base=10)
    assert result.disentanglement == pytest.approx(of_latent @ R.sum(axis=1) / R.sum())
    assert result.completeness == pytest.approx(of_factor @ R.sum(axis=0) / R.sum())


def test_boosted_trees_agree_with_the_forest_on_perfect_codes(factors):
    """Both predictors give 1 for codes that are the factors."""
    few = factors[:1500, [0, 1]]
    noise = np.random.default_rng(1).standard_normal((1500, 1))
    for trees in ("forest", "boosting"):
        result = dci(np.concatenate([few, noise], axis=1), few, seed=0, rows=800, trees=trees)
        assert min(result[:3]) > 0.99, trees


def test_a_latent_of_tiny_spread_casts_no_vote(factors):
    """A dead latent that happens to be constant within a factor would win every vote; below 0.05 it has none."""
    noise = np.random.default_rng(0).standard_normal((len(factors), 3))
    tiny = 0.01 * factors[:, :1]
    few = {"votes": 2000, "test_votes": 1000}
    silent = factor_vae_score(np.concatenate([noise, tiny], axis=1), factors, seed=0, **few)
    heard = factor_vae_score(np.concatenate([noise, tiny], axis=1), factors, seed=0, dead=0.0, **few)
    assert silent < 0.27
    assert heard > 0.33
    assert factor_vae_score(tiny, factors, seed=0, **few) == 0.0


def test_sap_of_an_unordered_factor_is_an_accuracy():
    """A latent that separates two values exactly, and one that says nothing: 1 less one half."""
    rng = np.random.default_rng(0)
    factor = rng.integers(0, 2, (3000, 1))
    code = np.concatenate([2.0 * factor - 1.0, rng.standard_normal((3000, 1))], axis=1)
    assert sap(code, factor, seed=0) == pytest.approx(0.5, abs=0.03)
    assert sap(code, factor, seed=0, ordered=(True,)) == pytest.approx(1.0, abs=0.01)


def test_votes_share_what_they_say_they_share(factors):
    """A latent equal to one factor never differs within its pairs: without noise the classifier is perfect."""
    exact = factors.astype(float)
    assert beta_vae_score(exact, factors, seed=0, batch=8, votes=500, test_votes=500) == 1.0
    assert factor_vae_score(exact, factors, seed=0, batch=8, votes=500, test_votes=500) == 1.0


@pytest.mark.parametrize(
    "codes, factors, sentence",
    [
        (np.zeros((5, 2)), np.zeros((4, 1), int), "one row an image"),
        (np.zeros(5), np.zeros((5, 1), int), "one row an image"),
        (np.full((4, 2), np.nan), np.arange(4)[:, None], "finite"),
        (np.zeros((4, 2)), np.zeros((4, 1), int), "two values or more"),
    ],
)
def test_what_cannot_be_scored_is_refused(codes, factors, sentence):
    """Lengths that differ, missing axes, NaN, and a factor that never varies."""
    with pytest.raises(DataError, match=sentence):
        mig(codes, factors)


def test_options_that_do_not_exist_are_refused(codes, factors):
    """Unknown trees, and an order for too few factors."""
    with pytest.raises(UsageError, match="forest"):
        dci(codes["perfect"], factors, seed=0, trees="forrest")
    with pytest.raises(UsageError, match="one truth value a factor"):
        sap(codes["perfect"], factors, seed=0, ordered=(True,))
