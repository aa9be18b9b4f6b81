"""The questions of the oral exam: answers follow from the numbers shown, both languages say them, places exist."""

import json
import math
import re
from pathlib import Path

import pytest

from tests.report.synthetic import write_run
from vitral.report.language import languages
from vitral.report.oral import cards
from vitral.report.oral.facts import PLACES
from vitral.report.oral.machine import MACHINE
from vitral.report.oral.measured import MEASURED
from vitral.report.page import SECTIONS, page_text
from vitral.report.run_folder import read_run
from vitral.report.sections.oral import written

ROOT = Path(__file__).resolve().parents[2]
MADE = {**vars(math)}  # the answers below are written in plain arithmetic, names as in the questions

# Written a second time, from the questions and not from the code: what a student with a calculator would type.
BY_HAND = {
    "parameters": {
        "encoder": "(features + 1) * hidden",
        "heads": "(hidden + 1) * latent * 2",
        "decoder": "(latent + 1) * hidden + (hidden + 1) * features",
        "total": "(features + 1) * hidden + (hidden + 1) * latent * 2 + (latent + 1) * hidden"
        " + (hidden + 1) * features + rest",
    },
    "first_weights": {"sd": "(features / 2) ** -0.5"},
    "log_variance": {"sigma": "sqrt(exp(logvar))", "variance": "exp(logvar)"},
    "sample": {"z": "mu + sigma * eps", "slope": "0.5 * sigma * eps"},
    "kl_of_a_dimension": {
        "location": "0.5 * mu * mu",
        "width": "-log(sigma) + 0.5 * sigma * sigma - 0.5",
        "kl": "0.5 * mu * mu - log(sigma) + 0.5 * sigma * sigma - 0.5",
    },
    "kl_gradient": {"dmu": "mu", "dlogvar": "0.5 * variance - 0.5"},
    "one_image": {
        "fit": "0.5 * sse / variance",
        "constant": "0.5 * features * (log(2 * pi) + log(variance))",
        "total": "0.5 * sse / variance + 0.5 * features * (log(2 * pi) + log(variance))",
    },
    "one_pixel": {"cost": "-(x * log(mean) + (1 - x) * log(1 - mean))", "slope": "mean - x"},
    "best_variance": {"variance": "sse / features", "sd": "(sse / features) ** 0.5"},
    "above_one": {"peak": "(2 * pi * variance) ** -0.5", "nats": "-0.5 * log(2 * pi * variance)"},
    "hidden_beta": {"beta": "0.5 / variance"},
    "way_back": {
        "dmu": "mu + dz",
        "pull": "0.5 * sigma * eps * dz",
        "kl_pull": "0.5 * sigma ** 2 - 0.5",
        "dlogvar": "0.5 * (sigma * eps * dz + sigma ** 2 - 1)",
    },
    "gradient_check": {},
    "first_step": {"m": "gradient - b1 * gradient", "v": "(1 - b2) * gradient ** 2", "step": "rate"},
    "steps": {
        "an_epoch": "(images + batch - 1) // batch",
        "total": "epochs * ((images + batch - 1) // batch)",
        "last": "(images - 1) % batch + 1",
    },
    "two_terms": {"loss": "distortion + kl", "elbo": "-kl - distortion"},
    "shortcut": {"predicted": "0.5 * latent - 0.5 * latent * variance"},
    "gap": {"gap": "log_px - elbo"},
    "error_bar": {"sd": "se * images ** 0.5"},
    "bits": {"bits": "kl * log2(e)", "class_bits": "log(classes, 2)"},
    "dearest": {"kl": "width + location"},
    "rate": {"kl": "marginal + mutual"},
    "spread": {"variance": "means + widths", "sd": "(means + widths) ** 0.5"},
    "neighbours": {"chance": "100 / classes"},
    "holes": {"expected": "share / 100 * count"},
    "edge": {"share": "50 / lines"},
    "linear": {"own": "100 - 100 * sse / mean", "pca_share": "100 - 100 * pca / mean"},
    "autoencoder": {"difference": "ae - vae", "error": "(vae_se ** 2 + ae_se ** 2) ** 0.5"},
    "sizes": {"unfair": "hidden_large - hidden_small"},
}


def with_changes(folder, **changes):
    """A synthetic run whose small model is said to be otherwise."""
    write_run(folder)
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["models"]["latent-2"] |= changes
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return read_run(folder)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Every card there is: those of a Gaussian run, and the one that only a Bernoulli has."""
    folder = tmp_path_factory.mktemp("oral")
    gaussian = with_changes(folder / "gaussian", parameters=341)  # a network of 16-8-2-8-16, and a variance
    bernoulli = with_changes(folder / "bernoulli", parameters=340, likelihood={"kind": "bernoulli"})
    other = [card for card in cards(bernoulli) if card.key == "one_pixel"]
    return {card.key: card for card in (*cards(gaussian), *other)}


def typed(key, answer, values):
    return eval(BY_HAND[key][answer], {"__builtins__": {}}, MADE | values)


def test_the_run_has_a_card_for_every_question(asked):
    assert set(asked) == set(BY_HAND)
    assert len(asked) == len((*MACHINE, *MEASURED))


@pytest.mark.parametrize("key", BY_HAND)
def test_an_answer_follows_from_the_numbers_that_are_shown(asked, key):
    """To the last digit that is printed, with half a digit of room for a tie."""
    card = asked[key]
    given = {name: number.value for name, number in (card.given | card.answer).items()}
    for name in BY_HAND[key]:
        number = (card.given | card.answer)[name]
        own = {other: value for other, value in given.items() if other in card.given or other == "rest"}
        room = 0.51 * 10.0**-number.digits if number.digits is not None else 1e-4 * abs(number.value)
        assert typed(key, name, own) == pytest.approx(number.value, abs=room), name


@pytest.mark.parametrize("words", languages(), ids=lambda words: words.code)
def test_every_number_of_a_card_is_said(asked, words):
    """What is given stands in the question, what follows in the answer; nothing else is in braces."""
    for card in asked.values():
        question, answer = (words.strings[f"oral.{card.key}.{part}"] for part in ("question", "answer"))
        fields = {part: set(re.findall(r"{(\w+)}", text)) for part, text in (("q", question), ("a", answer))}
        assert fields["q"] <= set(card.given), card.key
        assert set(card.given) <= fields["q"] | fields["a"], card.key
        assert set(card.answer) <= fields["a"] <= set(card.given) | set(card.answer), card.key
        assert question.format(**written(words, card)).endswith("?"), card.key


def test_no_string_is_left_without_its_card(asked):
    found = {key.split(".")[1] for key in languages()[0].strings if re.fullmatch(r"oral\.\w+\.question", key)}
    assert found == set(asked)


def test_every_card_leads_somewhere(asked):
    """Its section is on the page, its equation is derived where it says, and the code is there."""
    sections = {section.name for section in SECTIONS}
    for card in asked.values():
        page, code = PLACES[card.equation]
        assert card.section in sections, card.key
        assert f"### {card.equation} " in (ROOT / page).read_text(encoding="utf-8"), card.key
        assert (ROOT / code).is_file(), card.key


def test_a_number_that_changes_in_the_run_changes_in_question_and_answer(tmp_path):
    run = with_changes(tmp_path / "run", test={"kl": 77.25, "distortion": 1000.5})
    two = next(card for card in cards(run) if card.key == "two_terms")
    assert [two.given["kl"].value, two.answer["loss"].value] == [77.25, 1077.75]


def test_a_network_of_another_form_is_not_counted_by_the_formula(tmp_path):
    assert "parameters" not in {card.key for card in cards(with_changes(tmp_path / "run", parameters=342))}


def test_questions_stand_open_and_answers_are_folded(run):
    page = page_text(run, "not drawn here")
    section = page[page.index('<section id="oral-exam"') : page.index('<section id="glossary"')]
    assert section.count("<details>") == section.count("<li>") == 2 * (len(BY_HAND) - 2)
    question, rest = section.split("<details>", 1)
    assert "where 16 inputs meet a ReLU" in question
    assert "= 0.3536. A sum of 16 terms" in rest


@pytest.mark.parametrize("options", [{"images": False}, {"vaes": ()}], ids=["table", "no VAE"])
def test_a_run_without_such_a_model_has_no_exam(tmp_path, options):
    run = read_run(write_run(tmp_path / "run", **options))
    assert cards(run) == []
    assert 'id="oral-exam"' not in page_text(run, "not drawn here")


def test_a_run_that_lacks_numbers_asks_only_what_it_knows(tmp_path):
    """Without arrays there is nothing to say about single images."""
    folder = write_run(tmp_path / "run", autoencoder=False, vaes=(2,), labels=False)
    (folder / "arrays.npz").unlink()
    left = {card.key for card in cards(read_run(folder))}
    gone = {"sample", "way_back", "shortcut", "bits", "autoencoder", "sizes", "neighbours", "edge", "spread"}
    assert not left & gone
    assert {"two_terms", "linear", "rate", "above_one"} <= left
