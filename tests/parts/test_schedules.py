"""Schedules against tables, and the shapes that their definitions promise."""

from __future__ import annotations

import math

import pytest

from vitral import specs
from vitral.errors import UsageError
from vitral.parts.schedules import (
    Constant,
    Cosine,
    Cyclical,
    Exponential,
    Linear,
    Sigmoid,
    Stages,
    value_at,
)

TABLES = [
    (Constant(0.3), {0: 0.3, 10: 0.3, 10**6: 0.3}),
    (Linear(0.0, 1.0, 4), {0: 0.0, 1: 0.25, 2: 0.5, 4: 1.0, 5: 1.0, 10**6: 1.0}),
    (Linear(2.0, 1.0, 2), {0: 2.0, 1: 1.5, 2: 1.0, 9: 1.0}),
    (2, {0: 2.0, 7: 2.0}),
    (
        Cyclical(0.0, 1.0, 16, 2, 0.5),
        {0: 0.0, 1: 0.25, 3: 0.75, 4: 1.0, 7: 1.0, 8: 0.0, 10: 0.5, 12: 1.0, 15: 1.0, 16: 1.0, 99: 1.0},
    ),
    (Cyclical(1.0, 3.0, 4, 1, 1.0), {0: 1.0, 1: 1.5, 2: 2.0, 3: 2.5, 4: 3.0}),
    (Cyclical(0.0, 1.0, 10, 3, 0.5), {0: 0.0, 1: 0.6, 2: 1.0, 3: 1.0, 4: 0.4, 7: 0.2, 9: 1.0, 10: 1.0}),
    (Cosine(2.0, 1.0, 4), {0: 2.0, 2: 1.5, 4: 1.0, 5: 1.0}),
    (Cosine(1.0, 0.0, 3), {0: 1.0, 1: 0.75, 2: 0.25, 3: 0.0}),
    (Exponential(8.0, 0.5, 2), {0: 8.0, 1: 8.0 * math.sqrt(0.5), 2: 4.0, 4: 2.0, 6: 1.0}),
    (Exponential(8.0, 0.5, 2, stairs=True), {0: 8.0, 1: 8.0, 2: 4.0, 3: 4.0, 4: 2.0, 5: 2.0, 6: 1.0}),
    (
        Stages(1.0, 0.1, 2, 3, 3),
        {0: 1.0, 1: 1.0, 2: 0.1, 7: 0.1, 8: 0.01, 25: 0.01, 26: 0.01, 10**6: 0.01},
    ),
]


@pytest.mark.parametrize("schedule, table", TABLES, ids=[str(schedule) for schedule, _ in TABLES])
def test_schedules_follow_their_table(schedule, table):
    """Rounding in the last place apart."""
    assert {step: value_at(schedule, step) for step in table} == pytest.approx(table, rel=1e-14, abs=1e-15)


def test_a_sigmoid_starts_at_its_start_is_halfway_in_the_middle_and_ends_at_its_end():
    """Between them it is the logistic function of sharpness (u - 1/2), shifted and stretched."""
    warm_up = Sigmoid(1.0, 3.0, 10, 6.0)
    assert [warm_up.at(step) for step in (0, 5, 10, 11)] == pytest.approx([1.0, 2.0, 3.0, 3.0], abs=1e-15)
    logistic = [1.0 / (1.0 + math.exp(-6.0 * (step / 10 - 0.5))) for step in range(11)]
    stretched = [1.0 + 2.0 * (s - logistic[0]) / (logistic[10] - logistic[0]) for s in logistic]
    assert [warm_up.at(step) for step in range(11)] == pytest.approx(stretched, rel=1e-13)


def test_the_stages_of_the_iwae_paper_last_3280_epochs():
    """Rate 1e-3 10^(-i/7) over 3^i epochs, i = 0 .. 7 (Burda et al. 2016): from 1e-3 to 1e-4."""
    stages, epoch = Stages(steps=5), 5
    ends = [epoch * sum(3**i for i in range(stage + 1)) for stage in range(8)]
    assert ends[-1] == 3280 * epoch
    for stage, end in enumerate(ends):
        assert stages.at(end - 1) == pytest.approx(1e-3 * 10 ** (-stage / 7), rel=1e-13)
    assert stages.at(0) == 1e-3
    assert stages.at(ends[-1]) == stages.at(ends[-1] - 1) == pytest.approx(1e-4, rel=1e-13)


def test_a_cycle_ends_exactly_when_the_steps_do_not_divide():
    """Three cycles in ten steps: the weight falls back to its start region at steps 4 and 7 and never after."""
    weights = [Cyclical(0.0, 1.0, 10, 3, 0.5).at(step) for step in range(30)]
    falls = [step for step in range(1, 30) if weights[step] < weights[step - 1]]
    assert falls == [4, 7]
    assert weights[10:] == [1.0] * 20


@pytest.mark.parametrize("kind", sorted(specs.SCHEDULES))
def test_every_schedule_is_made_from_plain_data_and_gives_floats(kind):
    """As a recipe writes it, with its defaults."""
    schedule = specs.schedule({"kind": kind})
    assert all(type(schedule.at(step)) is float for step in (0, 1, 17, 10**7))


@pytest.mark.parametrize(
    "entry, sentence",
    [
        ({"kind": "linear", "steps": 0}, "schedule steps must be a whole number of at least 1, got 0"),
        ({"kind": "linear", "steps": 2.5}, "schedule steps must be a whole number of at least 1, got 2.5"),
        ({"kind": "linear", "steps": True}, "schedule steps must be a whole number of at least 1, got True"),
        ({"kind": "linear", "end": -1.0}, "schedule end must be a finite number of at least 0, got -1.0"),
        ({"kind": "cyclical", "share": 1.5}, "share must be at most 1, got 1.5"),
        ({"kind": "exponential", "factor": 2.0}, "factor must be at most 1, got 2.0"),
        ({"kind": "sigmoid", "sharpness": 0.0}, "sharpness must be a positive number, got 0.0"),
        ({"kind": "stages", "growth": 0}, "schedule growth must be a whole number of at least 1, got 0"),
        ({"kind": "cosin"}, "unknown schedule 'cosin': did you mean 'cosine'?"),
        ({"kind": "cosine", "step": 4}, "unknown key of schedule 'cosine': 'step': did you mean 'steps'?"),
    ],
)
def test_schedules_that_cannot_be_are_refused(entry, sentence):
    """Each in one sentence that names the option and what was got."""
    with pytest.raises(UsageError) as caught:
        specs.schedule(entry)
    assert sentence in str(caught.value)
