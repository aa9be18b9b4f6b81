"""The collapse doctor: every finding has numbers that call for it, and a healthy model gets none."""

import copy
import re
from string import Formatter

import pytest

from vitral.errors import UsageError
from vitral.evaluation import watch
from vitral.evaluation.diagnosis import diagnose
from vitral.evaluation.findings import SEVERITIES, WORDS, Finding
from vitral.evaluation.reasons import WHY

HEALTHY = {
    "kind": "vae",
    "latent": 4,
    "likelihood": {"kind": "gaussian_learned", "floor": 1e-6},
    "objective": {"kind": "elbo", "beta": 1.0},
    "variance": 0.02,
    "implied_beta": 1.01,
    "train": {"loss": -101.0, "loss_se": 1.0},
    "validation": {"loss": -100.0, "loss_se": 1.0},
    "test": {
        "kl": 12.0,
        "active_units": 4,
        "kl_per_dimension": [3.1, 2.9, 3.0, 3.0],
        "loss_se": 0.5,
        "loss_sd": 2.0,
        "sse_at_mean": 25.0,
        "sse_se": 0.4,
    },
    "information": {
        "images": 10_000,
        "log_images": 9.21,
        "mutual_information": 7.5,
        "marginal_kl": 0.6,
        "marginal_kl_lower": 0.3,
        "marginal_kl_se": 0.1,
        "holes": 0.03,
        "holes_se": 0.004,
        "strays": 0.01,
        "strays_se": 0.001,
        "aggregate_mean": [0.1, -0.1, 0.0, 0.3],
        "aggregate_variance": [1.1, 0.9, 1.0, 1.3],
        "prior_mean": [0.0, 0.0, 0.0, 0.0],
        "prior_variance": [1.0, 1.0, 1.0, 1.0],
    },
    "amortisation": {"amortisation_gap": 0.9, "amortisation_gap_se": 0.1},
    "samples": {
        "nearest_is_train": 0.84,
        "nearest_is_train_expected": 0.83,
        "nearest_is_train_p": 0.2,
        "labels": [0, 1],
        "label_shares": [0.45, 0.55],
        "label_shares_of_data": [0.5, 0.5],
    },
}


def records(validation, train=None):
    """A learning curve; epoch 0 is before training."""
    train = validation if train is None else train
    return [
        {
            "epoch": epoch,
            "train": {"loss": known, "elbo": -known},
            "validation": {"loss": unseen, "elbo": -unseen},
        }
        for epoch, (unseen, known) in enumerate(zip(validation, train, strict=True))
    ]


LEVEL = records([50.0, 10.0, 4.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.0, 0.05, 0.0, 0.02, 0.0])


def changed(**blocks):
    """The healthy entry with some numbers of some blocks replaced."""
    entry = copy.deepcopy(HEALTHY)
    for name, value in blocks.items():
        entry[name] = {**entry[name], **value} if isinstance(value, dict) else value
    return entry


FALLING = records([50.0 - 2.0 * epoch for epoch in range(13)])
RISING = records([20.0, 5.0, 1.0, 0.0, 0.5, 1.0, 1.5, 2.0], [20.0, 5.0, 1.0, 0.0, -1.0, -2.0, -3.0, -4.0])
CASES = {
    "collapsed": (changed(test={"kl": 0.02, "active_units": 0}), LEVEL),
    "dead_dimensions": (changed(test={"active_units": 3, "kl_per_dimension": [3.0, 0.001, 3.0, 3.0]}), LEVEL),
    "heavy_kl": (changed(implied_beta=17.6), LEVEL),
    "prior_missed": (changed(information={"holes": 0.4}), LEVEL),
    "information_saturated": (changed(information={"mutual_information": 9.1}), LEVEL),
    "stopped_early": (HEALTHY, FALLING),
    "overfitting": (HEALTHY, RISING),
    "generalisation_gap": (changed(train={"loss": -130.0}), LEVEL),
    "variance_at_floor": (changed(variance=1.5e-6), LEVEL),
    "free_bits_active": (
        changed(objective={"floor": 0.5}, test={"kl_per_dimension": [0.5, 0.51, 3.0, 3.0]}),
        LEVEL,
    ),
    "amortisation_gap": (changed(amortisation={"amortisation_gap": 4.0}), LEVEL),
    "memorised": (changed(samples={"nearest_is_train": 0.97, "nearest_is_train_p": 1e-9}), LEVEL),
    "classes_missing": (changed(samples={"label_shares": [0.02, 0.98]}), LEVEL),
    "aggregate_off": (changed(information={"aggregate_variance": [1.0, 1.0, 3.1, 1.0]}), LEVEL),
    "seeds_disagree": (changed(test={"loss_sd": 9.0}), LEVEL),
    "worse_than_pca": (changed(test={"sse_at_mean": 31.0}), LEVEL),
}
PCA = {"sse": 27.0}


def test_a_healthy_model_gets_no_finding():
    """Every block there, every number as it should be."""
    assert diagnose(HEALTHY, LEVEL, pca=PCA) == []


def test_missing_numbers_are_no_findings():
    """An autoencoder has no KL, a model fresh from training no blocks: nothing is looked for there."""
    assert diagnose({"kind": "autoencoder", "latent": 2, "test": {"kl": None, "active_units": 2}}) == []
    assert diagnose({"kind": "vae", "latent": 2}) == []


@pytest.mark.parametrize("kind", sorted(CASES))
def test_each_finding_is_found_alone(kind):
    """The one number that is wrong, and no other finding beside it."""
    found = diagnose(*CASES[kind], pca=PCA)
    assert [finding.kind for finding in found] == [kind]
    assert found[0].severity in SEVERITIES


def test_there_is_a_case_for_every_kind_that_has_words():
    """And words in both languages for every kind."""
    assert {*CASES, *watch.KINDS} == set(WORDS["en"]) == set(WORDS["pt"]) == set(WHY["en"]) == set(WHY["pt"])


@pytest.mark.parametrize("language", sorted(WORDS))
@pytest.mark.parametrize("kind", sorted(CASES))
def test_every_finding_has_the_numbers_that_its_words_name(kind, language):
    """Both sentences are filled, without a brace left, and the two languages name the same numbers."""
    finding = diagnose(*CASES[kind], pca=PCA)[0]
    for part, text in enumerate((finding.says(language), finding.advice(language))):
        assert text.endswith(".")
        assert "{" not in text
        named = {field for _, field, *_ in Formatter().parse(WORDS[language][kind][part]) if field}
        assert named <= set(finding.numbers)
        assert named == {field for _, field, *_ in Formatter().parse(WORDS["en"][kind][part]) if field}


def test_numbers_are_written_as_the_language_writes_them():
    """Decimal comma in Portuguese, a true minus sign, a list with its last comma replaced."""
    finding = Finding(
        "prior_missed",
        "warning",
        {"holes": 0.254, "strays": 0.1, "marginal_kl_lower": -0.5, "marginal_kl": 1.0},
    )
    assert "25% of its draws" in finding.says()
    assert "between −0.50 and 1.00 nats" in finding.says()
    assert "entre −0,50 e 1,00 nats" in finding.says("pt")
    dead = Finding("dead_dimensions", "note", {"dead": 3, "latent": 9, "dimensions": [2, 4, 5]})
    assert "(numbers 2, 4 and 5)" in dead.says()
    assert "(números 2, 4 e 5)" in dead.says("pt")


def test_a_language_that_does_not_exist_is_refused():
    with pytest.raises(UsageError, match="Known: en, pt"):
        Finding("heavy_kl", "note", {"beta": 3.0}).says("fr")


def test_the_worst_comes_first():
    """Serious before warning before note."""
    entry = changed(variance=1e-6, implied_beta=3.0, samples={"label_shares": [0.02, 0.98]})
    found = diagnose(entry, FALLING)
    order = [SEVERITIES.index(finding.severity) for finding in found]
    assert order == sorted(order)
    assert (found[0].kind, found[-1].kind) == ("variance_at_floor", "heavy_kl")


def test_more_dead_than_living_dimensions_are_a_warning():
    """One of four is a note, three of four a warning; the weakest are named, counted from 1."""
    few, many = (
        diagnose(changed(test={"active_units": active, "kl_per_dimension": [3.0, 0.0, 0.02, 0.01]}))[0]
        for active in (3, 1)
    )
    assert (few.severity, few.numbers["dimensions"]) == ("note", [2])
    assert (many.severity, many.numbers["dimensions"]) == ("warning", [2, 3, 4])
    unknown = diagnose(changed(test={"active_units": 3, "kl_per_dimension": None}))[0]
    assert "–" in unknown.says()


def test_a_collapsed_code_is_not_also_called_dead():
    """One finding, with the rate; a rate near zero is enough, and so is no active dimension."""
    for numbers in ({"kl": 0.05, "active_units": 1}, {"kl": 3.0, "active_units": 0}):
        assert [one.kind for one in diagnose(changed(test=numbers))] == ["collapsed"]


def test_a_hole_within_its_error_is_no_finding():
    """14% of 100 draws is 3.5% standard error: not certain; of 10,000 it is. So are strays, or a large marginal KL."""
    assert diagnose(changed(information={"holes": 0.14, "holes_se": 0.035})) == []
    for numbers in ({"holes": 0.14, "holes_se": 0.0035}, {"strays": 0.2}, {"marginal_kl_lower": 2.0}):
        assert [one.kind for one in diagnose(changed(information=numbers))] == ["prior_missed"]


@pytest.mark.parametrize(
    "blocks",
    [
        {"train": {"loss": -108.0, "loss_se": 2.0}, "validation": {"loss_se": 2.0}},
        {"amortisation": {"amortisation_gap": 1.5, "amortisation_gap_se": 0.2}},
        {"samples": {"nearest_is_train": 0.97, "nearest_is_train_p": 0.01}},
        {"samples": {"nearest_is_train": 0.84, "nearest_is_train_p": 1e-9}},
    ],
    ids=["gap of 8 ± 2.8", "gap of 1.5 ± 0.2", "share by luck", "certain and tiny"],
)
def test_what_is_uncertain_or_tiny_is_no_finding(blocks):
    """A large number within its error, and a certain one that does not matter."""
    assert diagnose(changed(**blocks), LEVEL) == []


def test_an_epoch_after_the_best_is_a_note_where_the_best_weights_were_kept():
    """The same curve, a warning where the last weights were kept."""
    last, best = (diagnose(HEALTHY, RISING, keep=keep)[0] for keep in ("last", "best"))
    assert (last.severity, best.severity) == ("warning", "note")
    assert last.numbers == {"best_epoch": 3, "rise": 2.0, "gain": 4.0}


def test_a_curve_that_wobbles_at_the_end_has_not_stopped_early():
    """Lower than a quarter ago, but no longer falling; and a curve of two epochs says nothing."""
    wobble = [50.0, 20.0, 10.0, 5.0, 4.0, 3.0, 2.0, 2.0, 1.0, 0.0, 0.4]
    assert diagnose(HEALTHY, records(wobble)) == []
    assert diagnose(HEALTHY, records([50.0, 20.0, 10.0])) == []
    assert diagnose(HEALTHY, FALLING)[0].numbers == {"pace": 2.0, "fall": 6.0, "epochs": 3}


def test_with_a_schedule_the_curve_is_read_as_elbo():
    """The loss of a warm-up rises because its weight does; the ELBO of the same epochs falls or not by itself."""
    rising = [
        {**one, "validation": {"loss": 10.0 * epoch, "elbo": -5.0}, "train": {"loss": -epoch, "elbo": -5.0}}
        for epoch, one in enumerate(LEVEL)
    ]
    warm = changed(objective={"beta": {"kind": "linear", "start": 0.0, "end": 1.0, "steps": 10}})
    assert diagnose(warm, rising) == []
    assert diagnose(HEALTHY, rising) != []
    for one in rising:
        one["validation"]["elbo"] = None
    assert diagnose(warm, rising) == []


def test_the_weight_of_the_kl_is_the_implied_one_where_there_is_one():
    """beta = 4 with a fitted variance is 4; without a variance it is what was asked for."""
    bernoulli = changed(implied_beta=None, objective={"beta": 4.0})
    assert diagnose(bernoulli)[0].numbers == {"beta": 4.0}
    assert diagnose(changed(objective={"beta": 4.0})) == []


def test_a_floor_that_is_scheduled_is_read_at_its_end():
    """Free bits from a schedule: the floor that the training ended with."""
    entry = changed(
        objective={"floor": {"kind": "linear", "start": 1.0, "end": 0.25, "steps": 9}},
        test={"kl_per_dimension": [0.25, 2.0, 3.0, 0.9]},
    )
    assert diagnose(entry)[0].numbers == {"held": 1, "latent": 4, "floor": 0.25}


def test_the_words_promise_no_paths_and_no_trailing_spaces():
    """Templates are sentences: single spaces, a full stop at the end."""
    for language in WORDS.values():
        for pair in language.values():
            for text in pair:
                assert not re.search(r"  |\s$", text)
                assert text.endswith(".")
