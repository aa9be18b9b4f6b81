"""Rules over the epochs: two thresholds, the epochs of every spell, and words for all of them."""

import re
from string import Formatter

import numpy as np
import pytest

from vitral.evaluation.findings import SEVERITIES, WORDS
from vitral.evaluation.reasons import WHY, why
from vitral.evaluation.watch import KINDS, RULES, Recorded, watch


def progress(validation, train=None, at_mean=None):
    """Records of every epoch, the first before training."""
    return [
        {
            "epoch": epoch,
            "train": {"loss": loss if train is None else train[epoch]},
            "validation": {"loss": loss} | ({} if at_mean is None else {"loss_at_mean": at_mean[epoch]}),
        }
        for epoch, loss in enumerate(validation)
    ]


def pulses(**kinds):
    found = {name: np.asarray(rows, np.float32) for name, rows in kinds.items()}
    return {"epochs": np.arange(len(next(iter(found.values()))), dtype=np.float32), **found}


CASES = {
    "idle_dimension": Recorded({}, pulses=pulses(kl=[[0, 0], [3, 0.005], [3, 0.015], [3, 0.004], [3, 0.03], [3, 1]])),
    "dead_units": Recorded({}, pulses=pulses(dead=[[0, 0], [0, 0.2], [0.01, 0.07], [0, 0.3], [0, 0.04], [0, 0]])),
    "large_steps": Recorded(
        {}, tensors=["W", "b"],
        pulses=pulses(weight=[[1, 0], *[[1, 1]] * 5],
                      update=[[0, 9], [0.2, 0], [0.07, 0], [0.3, 0], [0.04, 9], [0, 0]]),
    ),
    "validation_rises": Recorded({}, progress([90, 5, 5.6, 5.4, 5.9, 5.2, 5.1])),
    "gap_opens": Recorded({}, progress([20] * 6, [20, 14, 17, 13, 18, 20])),
    "shortcut": Recorded({}, progress([9] * 6, at_mean=[9, 7.5, 8.3, 7.0, 8.6, 9])),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_number_between_both_thresholds_neither_begins_nor_ends_a_spell(kind):
    """Every case passes `on`, comes back between both, passes it again, and ends beyond `off`: one spell."""
    watched = {one.rule.kind: one for one in watch(CASES[kind])}
    shift = 1 if kind == "validation_rises" else 0  # which needs a best epoch first
    assert [(spell.begin, spell.end) for spell in watched[kind].spells] == [(1 + shift, 4 + shift)]
    finding = watched[kind].spells[0].finding
    assert finding.numbers["epoch"] == 3 + shift
    assert finding.numbers["value"] == (min if kind == "idle_dimension" else max)(watched[kind].values)
    assert finding.severity in SEVERITIES
    assert not any(one.spells for name, one in watched.items() if name != kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", sorted(WORDS))
def test_every_spell_has_the_numbers_that_its_words_name(kind, language):
    finding = next(one for one in watch(CASES[kind]) if one.rule.kind == kind).spells[0].finding
    for part, text in enumerate((finding.says(language), finding.advice(language))):
        assert text.endswith(".")
        assert "{" not in text
        fields = {field for _, field, *_ in Formatter().parse(WORDS[language][kind][part]) if field}
        assert fields == {field for _, field, *_ in Formatter().parse(WORDS["en"][kind][part]) if field}


def test_a_spell_that_lasts_has_no_end():
    found = {one.rule.kind: one for one in watch(Recorded({}, progress([9, 5, 7, 8, 9])))}
    assert [(spell.begin, spell.end) for spell in found["validation_rises"].spells] == [(2, None)]


def test_thresholds_leave_room_between_them():
    """Without it there would be no hysteresis; on the outer side lies what is worse."""
    for rule in RULES:
        assert rule.on > rule.off if rule.above else rule.on < rule.off


def test_what_was_not_recorded_is_not_watched():
    assert watch(Recorded({"objective": {}})) == []
    assert watch(Recorded({}, progress([3]))) == []
    scheduled = {"objective": {"beta": {"kind": "linear", "end": 1.0}}}
    assert watch(Recorded(scheduled, progress([9, 5, 7, 8]))) == []
    no_unit = Recorded({}, pulses=pulses(dead=np.zeros((3, 0)), weight=np.zeros((3, 2)), update=np.ones((3, 2))))
    assert [one for one in watch(no_unit) if one.spells] == []


@pytest.mark.parametrize("language", sorted(WHY))
def test_every_reason_names_thresholds_that_exist_and_the_same_in_both_languages(language):
    for kind, template in WHY[language].items():
        text = why(kind, language)
        assert text.endswith(".")
        assert not re.search(r"[{}]", text)
        fields = sorted(field for _, field, *_ in Formatter().parse(template) if field)
        assert fields == sorted(field for _, field, *_ in Formatter().parse(WHY["en"][kind]) if field)
