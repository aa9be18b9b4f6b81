"""Interrupted after every step and resumed from a file, a training ends with the bytes of one that was left alone.

What is asked for is asked as a user does, by the values of a recipe: every optimiser, schedule and objective is here by
being listed in specs.py.
"""

import hashlib
import json

import numpy as np
import pytest

from tests.cli.test_help import TABLE
from vitral import specs
from vitral.data import mapped
from vitral.study.jobs import jobs, open_data
from vitral.study.recipes import load_recipe
from vitral.training import parallel
from vitral.training.checkpoints import Saved, load_checkpoint, save_checkpoint
from vitral.training.loop import Step, start, train

BASE = (
    "data.name=digits", "data.limit=70", "model.latents=[2]", "model.encoder.hidden=[5]", "model.decoder.hidden=[5]",
    "training.epochs=2", "training.batch=20", "training.monitor_rows=20", "training.rate=0.01",
    "training.shards=1",
)  # fmt: skip
BITS = ("data.binarise=dynamic", "model.likelihood.kind=bernoulli")
STEADY = ("training.clip=0.5", "training.average=0.9", "training.keep=best")


def table(kind, **options):
    return "{ " + ", ".join(f"{key} = {json.dumps(value)}" for key, value in {"kind": kind, **options}.items()) + " }"


def rate_of(kind):
    options = {"value": 0.01} if kind == "constant" else {"steps": 4}
    if kind in ("linear", "cyclical", "sigmoid", "cosine"):
        options |= {"start": 0.01, "end": 0.001}
    if kind == "cyclical":
        options["cycles"] = 2
    return table(kind, **options)


OBJECTIVES = {kind: table(kind) for kind in specs.OBJECTIVES} | {
    "elbo": '{ kind = "elbo", beta = { kind = "linear", steps = 5 } }',
    "capacity": '{ kind = "capacity", capacity = { kind = "linear", end = 2.0, steps = 5 } }',
    "free_bits": '{ kind = "free_bits", floor = { kind = "cyclical", steps = 4 } }',
}
CASES = {
    **{f"optimiser {kind}": (f"training.optimiser={table(kind)}",) for kind in specs.OPTIMISERS},
    **{f"optimiser {kind}, two shards": (f"training.optimiser={table(kind)}", "training.shards=2", *STEADY)
       for kind in specs.OPTIMISERS},
    **{f"rate {kind}": (f"training.rate={rate_of(kind)}",) for kind in specs.SCHEDULES},
    **{f"objective {kind}": (f"training.objective={objective}",
                             *(["model.posterior.kind=point"] if kind == "reconstruction" else []))
       for kind, objective in OBJECTIVES.items()},
    "average": ("training.average=0.9",),
    "clip": ("training.clip=0.5",),
    "keep best": ("training.keep=best", "training.rate=2.0", "training.epochs=3"),
    "patience": ("training.patience=1", "training.rate=0.5", "training.epochs=5"),
    "average, best and patience": (*STEADY, "training.patience=1", "training.rate=0.3", "training.epochs=4"),
    "float64": ("training.dtype=float64", *STEADY),
    "three shards": ("training.shards=3", *STEADY),
    "static bits": ("data.binarise=static", "model.likelihood.kind=bernoulli"),
    "dynamic bits": BITS,
    "dynamic bits, three shards": (*BITS, "training.shards=3", *STEADY),
    "labels": ("model.context=labels", "model.prior.kind=conditional"),
    "two layers": ("model.latents=[3]", "model.posterior.kind=two_layer", "model.prior.kind=two_layer"),
    "pseudo-inputs": ("model.prior.kind=vamp", "model.prior.components=4"),
    "flow": ("model.prior.kind=flow", "model.posterior.kind=flow"),
    "convolution": ("model.encoder={ kind = 'conv' }", "model.decoder={ kind = 'conv' }"),
    "rows of a file": ("data.name='{folder}/rows.npy'", "model.likelihood.link=identity"),
    "images of a file, in bytes": ("data.name='{folder}/images.npz'",),
    "rows that stay in their file": ("data.name='{folder}/rows.npy'", "model.likelihood.link=identity"),
    "a table with holes": ("data.name='{folder}/table.csv'", "data.missing=model", "model.likelihood.link=identity"),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    np.save(path / "rows.npy", rng.standard_normal((70, 6)))
    (path / "table.csv").write_text(TABLE, encoding="utf-8")
    np.savez(path / "images.npz", x=rng.integers(0, 256, (70, 4, 4), dtype=np.uint8))
    return path


def digest(state):
    """One hash of everything that a training leaves behind."""
    found = hashlib.sha256(json.dumps(state.facts()).encode())
    for name, array in sorted((state.arrays() | {"best": state.best}).items()):
        found.update(name.encode() + array.tobytes())
    return found.hexdigest()


def asked(changes, folder):
    recipe = load_recipe("train", [*BASE, *(change.replace("{folder}", str(folder)) for change in changes)])
    data = open_data(recipe)
    (job,) = jobs(recipe, data)
    return job, job.spec.build(), data


@pytest.fixture
def small_blocks(request, monkeypatch):
    """Where rows are to stay in their file, every file counts as large, and blocks are small."""
    if request.node.callspec.params["case"] == "rows that stay in their file":
        monkeypatch.setattr(mapped, "LARGE", 1)
        monkeypatch.setattr(mapped, "BLOCK_BYTES", 200)
        monkeypatch.setattr(mapped, "WINDOW", 4)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("case", CASES)
def test_interrupted_after_every_step_a_training_ends_with_the_same_bytes(case, folder, tmp_path):
    """The states of an uninterrupted training are written one by one. Each, read again, goes on to the very next one,
    and so to the end; the one in the middle does go to the end."""
    job, model, data = asked(CASES[case], folder)
    whole = start(model, model.init(job.seed, job.plan.dtype, data.train.take(slice(None), job.plan.dtype)), job.plan)
    files, digests = [], []
    for _ in train(model, data, job.plan, whole, seed=job.seed):
        files.append(tmp_path / f"{len(files)}.safetensors")
        save_checkpoint(files[-1], Saved(whole, {}))
        digests.append(digest(whole))
    assert whole.step >= 6
    assert len(set(digests)) == len(files) == whole.step + len(whole.history)
    for place, file in enumerate(files):
        resumed = load_checkpoint(file).state
        events = train(model, data, job.plan, resumed, seed=job.seed)
        next(events, None)
        assert digest(resumed) == digests[min(place + 1, len(files) - 1)], file.name
        if place == len(files) // 2:
            assert list(events)
            assert digest(resumed) == digests[-1]
        events.close()


def test_the_cases_do_what_they_say(folder):
    """Patience ends a training early, the best is not the last: otherwise nothing would have been shown about them."""
    ends = {}
    for case in ("patience", "keep best"):
        job, model, data = asked(CASES[case], folder)
        state = start(model, model.init(job.seed, job.plan.dtype), job.plan)
        for _ in train(model, data, job.plan, state, seed=job.seed):
            pass
        ends[case] = job.plan, state
    plan, state = ends["patience"]
    assert len(state.history) - 1 < plan.epochs
    _, state = ends["keep best"]
    assert state.best_epoch < len(state.history) - 1


@pytest.mark.parametrize("case", ["optimiser adam, two shards", "dynamic bits, three shards"])
def test_a_training_may_go_on_with_another_number_of_threads(case, folder, tmp_path, monkeypatch):
    """Begun by one member of a team, ended by two."""
    job, model, data = asked(CASES[case], folder)
    ends = []
    for cores in (1, 2):
        monkeypatch.setattr(parallel, "cores", lambda: 1)
        state = start(model, model.init(job.seed, job.plan.dtype), job.plan)
        for event, _ in train(model, data, job.plan, state, seed=job.seed):
            if isinstance(event, Step) and event.step == 2:
                break
        save_checkpoint(tmp_path / "c.safetensors", Saved(state, {}))
        resumed = load_checkpoint(tmp_path / "c.safetensors").state
        monkeypatch.setattr(parallel, "cores", lambda cores=cores: cores)
        for _ in train(model, data, job.plan, resumed, seed=job.seed):
            pass
        ends.append(digest(resumed))
    assert ends[0] == ends[1]
