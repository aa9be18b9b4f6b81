"""What several commands read: the rows that they are to work on, and the context that they are to be given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vitral.api import TrainedModel
from vitral.cli.console import say
from vitral.data import Data, Rows, binarised, given, load_data
from vitral.data.conditioning import rows_given
from vitral.data.contract import Bits, Contract, Source, only_bits
from vitral.data.files import array_file, is_own
from vitral.data.images import image_folder
from vitral.data.labels import renumbered
from vitral.data.opening import is_table, known, opened, texts
from vitral.data.support import check_values
from vitral.data.tables import rows_of
from vitral.errors import DataError, UsageError, unknown
from vitral.specs import OPTIMISERS, member, objective


def model_data(
    trained: TrainedModel, name: str | None, split: str = "auto", *, quiet: bool = False
) -> Data:
    """A data set in three parts for a model, as it was trained on it: the model's own, or another that fits."""
    data = _fitting(trained, name, split, quiet=quiet)
    return data if trained.contract.context is None else given(data, trained.contract.context)


def _fitting(trained: TrainedModel, name: str | None, split: str = "auto", *, quiet: bool) -> Data:
    """A data set whose rows have the size and the range of the model's; bits where it was trained on bits."""
    contract = trained.contract
    data = _own_data(trained) if name is None else _other_data(trained, name, split)
    if data.contract.features != contract.features:
        raise DataError(
            f"{data.name} has {data.contract.features} features a row, the model needs {contract.features}: "
            "give data of that size"
        )
    if contract.bits is not None and not data.contract.binary:
        if name is not None:
            _say_bits(contract.bits, data.name, quiet=quiet)
        data = binarised(data, contract.bits.rule, seed=contract.bits.seed)
    if contract.binary and not data.contract.binary:
        raise DataError(
            f"{data.name} holds values other than 0 and 1, and the model was trained on bits that its data held: "
            "turn the rows into bits first, by the same rule"
        )
    for part, rows in data.parts().items():
        if data.contract.low < contract.low or data.contract.high > contract.high:
            rows.check(contract.low, contract.high, f"{data.name} ({part})")
        check_values(rows, trained.model.likelihood, f"{data.name} ({part})")
    return data


def _other_data(trained: TrainedModel, name: str, split: str) -> Data:
    data = load_data(name, split=split, contract=_of_table(trained, name), **_treatment(trained, name))
    if is_table(name):
        return data  # its labels were looked up by name
    known = {
        part: replace(rows, labels=_as_known(trained, data, rows, name)) for part, rows in data.parts().items()
    }
    return replace(data, **known)


def _as_known(trained: TrainedModel, given: Source | Data, rows: Rows, name: str) -> np.ndarray | None:
    """The labels of rows in the model's numbers, by their names where both have some."""
    if rows.labels is None:
        return None
    return renumbered(rows.labels, given.contract.label, trained.contract.label, name)


def _own_data(trained: TrainedModel) -> Data:
    own = trained.facts.get("data")
    if own is None:
        raise UsageError("this model does not say which data it was trained on: name them with --data")
    seed, limit = trained.facts["data_seed"], own["limit"] or None
    contract = _of_table(trained, own["name"])
    labels = "" if contract is not None else str(own.get("labels", ""))  # a contract names the column of a table
    options = {"labels": labels, "contract": contract, **_treatment(trained, own["name"])}
    return load_data(own["name"], split=own["split"], seed=seed, limit=limit, **options)


def _treatment(trained: TrainedModel, name: str) -> dict[str, Any]:
    """How the images of a folder were treated in training, for any folder that the model is given."""
    own = trained.facts.get("data") or {}
    keys = ("image_size", "grey", "on_bad") if Path(name).is_dir() else ()
    return {key: own[key] for key in keys if key in own}


def _of_table(trained: TrainedModel, name: str) -> Contract | None:
    """The contract that says how a table is read; None where the data are no table."""
    return known(trained.contract, name) if is_table(name) else None


def _say_bits(bits: Bits, name: str, *, quiet: bool) -> None:
    say(
        f"{name}: each value becomes 1 with the probability that it is, else 0 (seed {bits.seed}), "
        "since the model was trained on bits",
        quiet=quiet,
    )


def rows_to_use(
    trained: TrainedModel, name: str | None, *, label: str | None = None, quiet: bool = False
) -> Rows:
    """The test rows of a named set, or all rows of a file, with what a conditional model is given beside them.

    That is their own labels or side information, or one ``label`` for all.
    """
    rows, called = _rows_alone(trained, name, quiet=quiet)
    if label is not None:
        return replace(rows, context=trained.context((len(rows),), label=class_number(trained, label)))
    condition = trained.contract.context
    return rows if condition is None else rows_given(rows, condition, called)


def _rows_alone(trained: TrainedModel, name: str | None, *, quiet: bool) -> tuple[Rows, str]:
    """Rows without a context, and what to call them."""
    if name is not None and is_table(name):
        return _rows_of_table(trained, name), name
    if name is None or not is_own(name):
        data = _fitting(trained, name, quiet=quiet)
        return data.test, f"{data.name} (test)"
    source = _opened(trained, name, quiet=quiet)
    if trained.contract.bits is not None and not only_bits(source.rows.stored):
        _say_bits(trained.contract.bits, name, quiet=quiet)
    rows = trained.contract.rows(source.rows.stored, name)
    check_values(rows, trained.model.likelihood, name)
    return replace(rows, labels=_as_known(trained, source, source.rows, name), side=source.rows.side), name


def _opened(trained: TrainedModel, name: str, *, quiet: bool) -> Source:
    """All rows of an array file or of a folder, whose images must lie as those of the model do."""
    if Path(name).is_dir():
        options = _treatment(trained, name)
        source = image_folder(Path(name), size=options.pop("image_size", ""), **options)
    else:
        source = array_file(Path(name))
    for note in source.notes:
        say(note, quiet=quiet)
    given, own = source.contract.image_shape, trained.contract.image_shape
    if given is not None and own is not None and given != own:
        raise DataError(
            f"{name} holds images of {' x '.join(map(str, given))}, the model needs {' x '.join(map(str, own))}: "
            "give images of that size"
        )
    return source


def _rows_of_table(trained: TrainedModel, name: str) -> Rows:
    """All rows of a table, its columns found by name; those that the model does not know are left aside."""
    contract = known(trained.contract, name)
    rows = rows_of(opened(name, texts(contract)), contract)
    check_values(rows, trained.model.likelihood, name)
    return rows


def labelled(trained: TrainedModel, label: str | None, numbers: str | None) -> np.ndarray | None:
    """The context (C,) that --label or --context names; None where neither was given."""
    if label is None and numbers is None:
        return None
    number = None if label is None else class_number(trained, label)
    return trained.context((), label=number, context=None if numbers is None else _numbers(numbers))


def class_number(trained: TrainedModel, label: str) -> int:
    """The number of a class that is named, where the model's classes have names, or given as it is."""
    column = trained.contract.label
    names = [] if column is None else [str(category) for category in column.categories]
    if label in names:
        return names.index(label)
    try:
        return int(label)
    except ValueError as error:
        if names:
            raise unknown("class", label, names) from error
        raise UsageError(f"--label needs the number of a class, got {label!r}: write a whole number") from error


def _numbers(text: str) -> list[float]:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError as error:
        raise UsageError(f"--context needs numbers such as 0.5,1, got {text!r}: correct it") from error


def every_class(trained: TrainedModel) -> dict[int, np.ndarray]:
    """The context (C,) of every class of a conditional model; refuses one without classes."""
    condition = trained.contract.context
    if condition is None or condition.kind != "labels":
        raise UsageError(
            f"this model was conditioned on side information: give {condition.width} numbers with --context"
            if condition is not None
            else "this model is not conditional: it has no classes"
        )
    return {label: condition.numbers((), label=label) for label in condition.classes}


def final_objective(trained: TrainedModel) -> Any:
    """What the model was trained with, as it stood at the end of any schedule."""
    return objective(trained.facts.get("objective", "elbo")).at(10**9)


def final_optimiser(trained: TrainedModel) -> Any:
    """The optimiser that the model was trained with, Adam where its file does not say."""
    return member("optimiser", OPTIMISERS, trained.facts.get("optimiser", "adam"))


def place(rows: Rows, index: int) -> int:
    """The index of a row that exists."""
    if not 0 <= index < len(rows):
        raise UsageError(f"row {index} does not exist: there are {len(rows)} rows, 0 to {len(rows) - 1}")
    return index
