"""Memory: asked about before a training begins, and one sentence where it runs out in spite of that."""

import subprocess
import sys
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from tests.cli.conftest import call, environment
from vitral import environment as machine
from vitral.errors import ResourceError
from vitral.study.folder import RunFolder
from vitral.study.jobs import jobs, open_data
from vitral.study.recipes import load_recipe
from vitral.training import memory
from vitral.training.loop import Batches, Streams
from vitral.training.parallel import gradient_of

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux' limits")


def prepared(*changes):
    recipe = load_recipe("train", ["data.name=digits", "training.shards=1", *changes])
    data = open_data(recipe)
    (job,) = jobs(recipe, data)
    return job.spec.build(), data, job.plan


@pytest.mark.parametrize(
    "changes",
    [(), ("training.objective={ kind = 'iwae', samples = 5 }",),
     ("model.encoder={ kind = 'conv' }", "model.decoder={ kind = 'conv' }"),
     ("data.binarise=dynamic", "model.likelihood.kind=bernoulli")],
    ids=["mlp", "five samples", "convolution", "bits"],
)  # fmt: skip
def test_the_estimate_is_what_a_large_batch_takes(changes):
    """To a quarter, against the peak of a step of 600 rows."""
    model, data, plan = prepared(*changes, "training.batch=600")
    _, each = memory.needed(model, data, plan)
    theta = model.init(0, plan.dtype)
    gradient = np.zeros_like(theta)
    work = Batches(model, data, plan, Streams(0), 0).work(0)
    tracemalloc.start()
    gradient_of(model, model.views(theta), work, slice(None), gradient, model.views(gradient))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.75 * peak < 600 * each < 1.25 * peak


def test_a_batch_that_does_not_fit_is_refused_with_one_that_does(monkeypatch):
    model, data, plan = prepared("training.batch=1000")
    fixed, each = memory.needed(model, data, plan)
    monkeypatch.setattr(memory, "free_memory", lambda: fixed + 500 * each)
    with pytest.raises(ResourceError, match=r"training x in batches of 1000 rows .* set training.batch to 500"):
        memory.check_memory("x", model, data, plan)
    memory.check_memory("x", model, data, replace(plan, batch=500))
    monkeypatch.setattr(memory, "free_memory", lambda: fixed // 2)
    with pytest.raises(ResourceError, match="make the networks smaller"):
        memory.check_memory("x", model, data, plan)
    monkeypatch.setattr(memory, "free_memory", lambda: None)
    memory.check_memory("x", model, data, plan)


def test_the_command_line_refuses_it_before_anything_is_trained(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(memory, "free_memory", lambda: 5_000_000)
    answer = call(capsys, ["train", "digits", "--batch", "1400", "--out", "run", "--quiet"])
    assert answer.code == 5
    assert answer.err.splitlines()[-1].startswith("vitral: error: training latent-2 in batches of")
    assert not any((tmp_path / "run" / "checkpoints").iterdir())


@linux
def test_what_is_free_follows_the_limits_of_the_system(tmp_path):
    import resource

    assert 0 < machine.free_memory() < 2**50
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.current").write_text("2000\n")
    assert machine._of_container(tmp_path) == 3000
    (tmp_path / "memory.max").write_text("max\n")
    assert machine._of_container(tmp_path) is None
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33));"
        "from vitral.environment import free_memory; print(free_memory())"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True)
    assert 0 < int(done.stdout) < 2**33
    assert resource.getrlimit(resource.RLIMIT_AS)[0] != 2**33


# On one core: a second thread asks the BLAS for a second buffer, and where there is none it ends the process.
LIMITED = """
import os, resource, sys
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
import numpy as np
import vitral.cli, vitral.training.loop, vitral.study.run
from pathlib import Path
from sklearn.datasets import load_digits
from vitral.training import memory
load_digits()
for kind in ("float32", "float64"):  # large enough that the BLAS makes room for itself before the limit is set
    np.ones((500, 500), kind) @ np.ones((500, 500), kind)
if sys.argv.pop(1) == "unasked":
    memory.free_memory = lambda: None
save = vitral.study.keeping.Keeper.save
def limited(keeper, state):
    done = save(keeper, state)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**23, used + 2**23))
    return done
if {late}:
    vitral.study.keeping.Keeper.save = limited
else:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, used + 2**28))
vitral.cli.main(sys.argv[1:])
"""
HUGE = ("train", "digits", "--hidden", "20000", "--batch", "1400", "--set", "training.shards=1", "--out", "run")


@linux
@pytest.mark.parametrize("asked", ["asked", "unasked"])
def test_no_memory_is_exit_code_5_and_one_sentence(tmp_path, asked):
    """Asked before, the batch is named; unasked, the step itself fails."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED.format(late=False), asked, *HUGE], cwd=tmp_path,
        env=environment(VITRAL_FAST="off"), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 5, done.stderr
    assert "Traceback" not in done.stderr
    error = done.stderr.splitlines()[-1]
    assert ("needs about" if asked == "asked" else "out of memory; use a smaller batch") in error


@linux
@pytest.mark.slow
def test_memory_that_runs_out_in_the_middle_leaves_what_was_saved(tmp_path):
    """Only 8 MB are left after the first checkpoint; it is whole, and without the limit the run goes on from it."""
    words = ("train", "digits", "--hidden", "1000", "--batch", "1400", "--epochs", "1", "--set", "training.shards=1",
             "--set", "training.monitor_rows=10", "--out", "run", "--quiet")  # fmt: skip
    limited = [sys.executable, "-c", LIMITED.format(late=True), "unasked", *words]
    settings = environment(VITRAL_FAST="off", MALLOC_TRIM_THRESHOLD_="0")
    done = subprocess.run(limited, cwd=tmp_path, env=settings, capture_output=True, text=True)
    assert done.returncode == 5, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("vitral: error: out of memory")
    saved, problems = RunFolder(tmp_path / "run").checkpoints("latent-2").load()
    assert (saved.state.step, problems) == (0, [])
    again = [sys.executable, "-m", "vitral", "train", "--resume", "run", "--quiet"]
    done = subprocess.run(again, cwd=tmp_path, env=settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
