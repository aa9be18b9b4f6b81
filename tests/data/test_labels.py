"""Classes by name and by number: what is the same class keeps its meaning from one list to another."""

import numpy as np
import pytest

from vitral.data.columns import Column
from vitral.data.labels import renumbered
from vitral.errors import DataError


def classes(*names):
    return Column("label", "category", "string", names)


@pytest.mark.parametrize(
    "numbers, own, wanted, expected",
    [
        ([0, 1, 2], classes("0", "2", "7"), None, [0, 2, 7]),  # sub-folders called as the digits that they hold
        ([0, 2, 1], classes("cat", "dog", "owl"), None, [0, 2, 1]),
        ([0, 1], classes("dog", "owl"), classes("cat", "dog", "owl"), [1, 2]),
        ([7, 2], None, classes("0", "2", "7"), [2, 1]),
        ([0, 1], None, classes("cat", "dog"), [0, 1]),
        ([4, 9], None, None, [4, 9]),
        ([1, 1], classes("cat", "dog"), classes("dog"), [0, 0]),  # a class that no row has need not be known
    ],
)
def test_a_class_keeps_its_meaning(numbers, own, wanted, expected):
    assert renumbered(np.array(numbers), own, wanted, "rows").tolist() == expected


def test_a_class_that_the_model_does_not_know_is_named():
    with pytest.raises(DataError, match="rows has the class 'owl', and the model knows cat, dog"):
        renumbered(np.array([0]), classes("owl"), classes("cat", "dog"), "rows")
