"""What an estimator's parameters may be, and what the engine is told: structure as a spec, training as a plan."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval, StrOptions

from vitral import specs
from vitral.data.batches import steps_per_epoch
from vitral.errors import UsageError, unknown
from vitral.networks import positive
from vitral.specs import LIKELIHOODS, OBJECTIVES, OPTIMISERS, Spec, member
from vitral.training import pace
from vitral.training.loop import Plan

STRUCTURE = ("encoder", "decoder", "posterior", "prior")
TRAINING = ("optimiser", "objective", "shards", "keep", "patience", "clip", "average", "start_from")
OWN = {"image_shape": None, "draws": 100, "score": "importance", "validation": 0.0, "steps": None}
SCORES = ("elbo", "importance")
ELSEWHERE = {
    "latent": "n_components",
    "likelihood": "likelihood",
    "epochs": "max_iter",
    "batch": "batch_size",
    "rate": "learning_rate",
    "seed": "random_state",
}

WATCHED = 64  # rows that are measured after every epoch where nothing depends on it but the check that all is finite
LARGE_STEP = 2**25  # parameters times rows of a batch from which two cores are quicker than one

_POSITIVE = Interval(Integral, 1, None, closed="left")
CONSTRAINTS: dict[str, list[Any]] = {
    "n_components": [_POSITIVE],
    "hidden": ["array-like"],
    "likelihood": [StrOptions({"auto", *LIKELIHOODS}), dict],
    "beta": [Interval(Real, 0, None, closed="left"), dict],
    "max_iter": [_POSITIVE],
    "batch_size": [StrOptions({"auto"}), _POSITIVE],
    "learning_rate": [Interval(Real, 0, None, closed="neither"), dict],
    "missing": [StrOptions({"refuse", "model"})],
    "warm_start": ["boolean"],
    "verbose": ["verbose"],
    "random_state": ["random_state"],
    "spec": [dict, None],
}
CONTAMINATION = [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")]


def structure(asked: Mapping[str, Any] | None) -> dict[str, Any]:
    """What ``spec`` says, its own keys with their defaults; refuses a key that nobody knows."""
    said = dict(asked or {})
    for key in said:
        if key in ELSEWHERE:
            raise UsageError(f"spec has no {key!r}: it is the parameter {ELSEWHERE[key]}")
        if key not in (*STRUCTURE, *TRAINING, *OWN):
            raise unknown("key of spec:", key, (*STRUCTURE, *TRAINING, *OWN))
    said = {**OWN, **said}
    if said["score"] not in SCORES:
        raise unknown("score", said["score"], SCORES)
    positive("draws", said["draws"])
    if said["steps"] is not None:
        positive("steps", said["steps"])
    share = said["validation"]
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0.0 <= share < 1.0:
        raise UsageError(f"validation must be a share of the rows, from 0 to below 1, got {share!r}: correct it")
    if share == 0.0 and (said.get("patience", 0) or said.get("keep") == "best"):
        raise UsageError("patience and keep 'best' need validation rows: set spec['validation'], to 0.1 say")
    return said


def spec_of(estimator: Any, likelihood: Any, features: int, inputs: int, context: int) -> Spec:
    """The model that an estimator asks for, for rows of so many features."""
    said = structure(estimator.spec)
    hidden = [int(width) for width in estimator.hidden]
    networks = {part: _network(said.get(part), hidden) for part in ("encoder", "decoder")}
    others = {part: said[part] for part in ("posterior", "prior") if part in said}
    shape = said["image_shape"]
    return Spec(
        features=features,
        latent=int(estimator.n_components),
        likelihood=likelihood,
        image_shape=None if shape is None else tuple(shape),
        context=context,
        inputs=inputs,
        **networks,
        **others,
    )


def _network(entry: Any, hidden: list[int]) -> Any:
    """The widths of ``hidden`` for networks of plain rows that do not say their own."""
    options = {"kind": entry} if isinstance(entry, str) else dict(entry or {})
    dense = options.get("kind", "mlp") in ("mlp", "gated")
    return {"hidden": hidden, **options} if dense else options


def plan_of(estimator: Any, rows: int, dtype: str, parameters: int) -> Plan:
    """How an estimator asks for its training, with so many rows."""
    said = structure(estimator.spec)
    batch = pace.batch_size(rows) if estimator.batch_size == "auto" else int(estimator.batch_size)
    given = {key: said[key] for key in TRAINING if key in said and key not in ("optimiser", "objective")}
    given.setdefault("shards", 2 if parameters * min(batch, rows) >= LARGE_STEP else 1)
    _check(given)
    rate = estimator.learning_rate
    return Plan(
        epochs=epochs(estimator.max_iter, rows, batch, steps=said["steps"]),
        batch=batch,
        rate=specs.schedule(rate) if isinstance(rate, Mapping) else float(rate),
        optimiser=member("optimiser", OPTIMISERS, said.get("optimiser", "adam")),
        objective=specs.with_rows(_objective(said.get("objective", "elbo"), estimator.beta), rows),
        dtype=dtype,
        monitor_rows=WATCHED if said["validation"] == 0.0 else 10_000,
        **given,
    )


def epochs(asked: Any, rows: int, batch: int, *, steps: int | None = None) -> int:
    """How often every row is seen; "auto": as often as suits few rows or many.

    Where ``steps`` are asked for, it is as often as comes nearest to them, and at least once.
    """
    if steps is not None:
        return max(round(steps / steps_per_epoch(rows, batch)), 1)
    return pace.epochs(rows, batch) if asked == "auto" else int(asked)


def _objective(entry: Any, beta: Any) -> Any:
    """The objective with the estimator's ``beta``, where it has such a weight and says none; 1.0 keeps its own."""
    options = {"kind": entry} if isinstance(entry, str) else dict(entry)
    kind = options.get("kind")
    if kind == "elbo" or (beta != 1.0 and "beta" in specs.defaults(OBJECTIVES, kind)):
        options.setdefault("beta", beta)
    elif beta != 1.0:
        raise UsageError(f"objective {kind!r} has no beta, got beta={beta!r}: leave it at 1.0")
    return specs.objective(options)


def _check(given: Mapping[str, Any]) -> None:
    """Refuse numbers of a plan that make no sense."""
    positive("shards", given["shards"])
    if given.get("keep", "last") not in ("best", "last"):
        raise unknown("keep", given["keep"], ("best", "last"))
    for name, kinds in (("patience", int), ("clip", int | float), ("average", int | float)):
        value = given.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, kinds) or value < 0:
            raise UsageError(f"{name} must be a number of at least 0, got {value!r}: 0 switches it off")
    if given.get("average", 0.0) >= 1.0:
        raise UsageError(f"average must be below 1, got {given['average']!r}: 0.999, say")
