"""Compiled steps are NumPy's steps to the last bit, for every optimiser, type and number of shards."""

import os
import subprocess
import sys

import numpy as np
import pytest

from vitral import fast
from vitral.core.randomness import stream
from vitral.errors import UsageError
from vitral.specs import OPTIMISERS

numba = pytest.mark.skipif(not fast.wanted({}), reason="numba is not installed")
every_optimiser = pytest.mark.parametrize("kind", sorted(OPTIMISERS))


def walked(step, kind, shards, dtype, size=1003):
    """theta and the slots after five steps, as bytes."""
    rng, optimiser = stream(0, "fast"), OPTIMISERS[kind]()
    theta = rng.standard_normal(size).astype(dtype)
    slots = optimiser.start(theta)
    for t in range(1, 6):
        gradients = rng.standard_normal((shards, size)).astype(dtype) * 10.0 ** rng.integers(-20, 4)
        gradients[:, :7] = [[0.0, -0.0, 1e-30, -1e-30, 1e10, -1e10, 1.0]]
        step(optimiser, theta, gradients.astype(dtype), slots, t=t, rate=0.01)
    assert np.isfinite(theta).all()
    return [vector.tobytes() for vector in (theta, *slots.values())]


def by_numpy(optimiser, theta, gradients, slots, **numbers):
    total = gradients[0]
    for gradient in gradients[1:]:
        total += gradient
    optimiser.step(theta, total, slots, **numbers)


@numba
@every_optimiser
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shards", [1, 2, 3, 5])
def test_fast_equals_slow_to_the_last_bit(kind, shards, dtype):
    assert walked(fast.step, kind, shards, dtype) == walked(by_numpy, kind, shards, dtype)


@every_optimiser
def test_the_loops_are_right_without_the_compiler(kind, monkeypatch):
    """The law's other half, where numba is not installed: the same loops, run by Python."""
    monkeypatch.setattr(fast, "_compiled", fast.LOOPS.get)
    assert walked(fast.step, kind, 2, "float64", size=50) == walked(by_numpy, kind, 2, "float64", size=50)


@numba
@every_optimiser
def test_preparing_changes_nothing_and_compiles_what_a_step_calls(kind):
    fast.prepare(OPTIMISERS[kind](), "float32")
    compiled = fast._compiled(OPTIMISERS[kind]).signatures
    walked(fast.step, kind, 2, "float32")
    assert fast._compiled(OPTIMISERS[kind]).signatures == compiled


def test_off_leaves_it_out_and_another_word_is_refused():
    assert not fast.wanted({fast.VARIABLE: "off"})
    with pytest.raises(UsageError, match="VITRAL_FAST must be 'auto' or 'off', got 'on'"):
        fast.wanted({fast.VARIABLE: "on"})


def test_a_numba_that_does_not_load_is_said_once_and_left_out(monkeypatch, caplog):
    """tests/cli/test_packages.py breaks it in other ways, in a process of its own."""
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.setattr(fast, "wanted", lambda: True)
    fast._loads.cache_clear()
    try:
        assert not fast.ready(OPTIMISERS["adam"](), "float32")
        assert not fast.ready(OPTIMISERS["adam"](), "float32")
    finally:
        fast._loads.cache_clear()
    (said,) = caplog.messages
    assert said.startswith("numba is installed but does not load (ModuleNotFoundError:")
    assert said.endswith("set VITRAL_FAST=off")


TRAINING = """
from tests.training.test_loop import PLAN, SPEC, small_data
from vitral.training.loop import start, train
import hashlib
model = SPEC.build()
state = start(model, model.init(seed=0), PLAN)
for _ in train(model, small_data(), PLAN, state, seed=0):
    pass
print(hashlib.sha256(state.theta.tobytes()).hexdigest())
"""


@numba
def test_a_training_ends_in_the_same_bits_with_and_without():
    ends = {
        subprocess.run([sys.executable, "-c", TRAINING], env=os.environ | {fast.VARIABLE: said}, capture_output=True,
                       check=True).stdout
        for said in ("auto", "off")
    }  # fmt: skip
    assert len(ends) == 1
