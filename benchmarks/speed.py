"""How fast Vitral trains, evaluates and starts, beside other ways to do the same on the same cores.

    python run.py bench                    Vitral alone, and the time of its matrix products alone: about ten minutes
    python run.py bench --peers            PyTorch and JAX too, installed into a throw-away environment: an hour or two
    python run.py bench --only epoch,cold  some of the measurements
    python run.py bench --page             only writes docs/speed.md, its figure and the README's table

Every contestant is a process of its own that answers questions (contestants/protocol.py). One round asks all of them,
one after the other, so that a machine that grows slower is slower for all; a first round warms up and is not counted.
Results go to results/speed.json with the machine, the versions and the date.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import speed_page

from vitral import allocator
from vitral.data import load_data
from vitral.environment import cores, show_versions
from vitral.persistence import write_json

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "speed.json"
CONTESTANTS = HERE / "contestants"
PEERS = ("torch==2.13.0", "jax==0.10.2")
BASE = {"network": "dense", "hidden": 400, "latent": 20, "optimiser": "adam", "rate": 1e-3, "batch": 128}
ROWS = 48_000
CONV_ROWS = 4_800  # a compiled convolution of JAX takes minutes for 48,000

Case = dict[str, Any]


def case(**changes: Any) -> Case:
    return {**BASE, "rows": ROWS, **changes}


GRID = [
    case(optimiser=optimiser, latent=latent, batch=batch)
    for optimiser, latent in (("adam", 20), ("sgd", 2), ("adam", 2), ("sgd", 20))
    for batch in (128, 512, 32)
]
CONVOLUTIONS = [case(network="conv", batch=batch, rows=CONV_ROWS) for batch in (128, 512, 32)]
FEW_ROWS = 9_600
SCALING = [
    *(case(hidden=hidden, rows=FEW_ROWS) for hidden in (100, 200, 400, 800, 1600)),
    *(case(batch=batch, rows=FEW_ROWS) for batch in (32, 64, 256, 512, 1024)),
    *(case(rows=rows) for rows in (3_000, 24_000, ROWS)),
]
# name -> questions: what is asked, and about which case
MEASUREMENTS: dict[str, list[dict[str, Any]]] = {
    "epoch": [{"do": "epoch", "case": one} for one in (*GRID, *CONVOLUTIONS)],
    "limit": [
        {"do": "epoch", "case": case(batch=batch, optimiser=optimiser, latent=latent)}
        for batch in (128, 512)
        for optimiser, latent in (("adam", 20), ("sgd", 2))
    ],
    "scaling": [{"do": "epoch", "case": one} for one in SCALING],
    "inference": [
        {"do": do, "case": case(network=network, rows=rows), "rows": count}
        for network, rows in (("dense", ROWS), ("conv", CONV_ROWS))
        for do in ("encode", "decode")
        for count in (1, 10_000)
    ],
    "importance": [{"do": "importance", "case": case(), "rows": 20, "samples": 5_000}],
}


class Contestant(NamedTuple):
    """How a contestant is started, with what in its environment."""

    command: list[str]
    environment: dict[str, str]


class Process:
    """A contestant that is running."""

    def __init__(self, contestant: Contestant) -> None:
        self.started = time.perf_counter()
        environment = os.environ | contestant.environment
        self._process = subprocess.Popen(
            contestant.command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"a contestant ended while it was asked {question}: its message is above")
        return json.loads(line)

    def close(self) -> None:
        self._process.communicate()


def contestants(images: Path, peers: Path | None) -> dict[str, Contestant]:
    """Who takes part: Vitral with and without its compiled steps, the course notebook, and the peers that are there."""

    def program(name: str, *words: str, python: object = sys.executable, **environment: str) -> Contestant:
        return Contestant([str(python), str(CONTESTANTS / name), str(images), str(cores()), *words], environment)

    found = {"vitral": program("vitral_vae.py", VITRAL_FAST="off")}
    if find_spec("numba") is not None:
        found["vitral-fast"] = program("vitral_vae.py")
    found["products"] = program("vitral_vae.py", "products", VITRAL_FAST="off")
    found["notebook"] = program("notebook_vae.py")
    if peers is not None:
        kept = {name: str(value) for name, _, value in allocator.SETTINGS}
        found["pytorch"] = program("pytorch_vae.py", "eager", python=peers)
        found["pytorch-fused"] = program("pytorch_vae.py", "fused", python=peers)
        found["pytorch-compile"] = program("pytorch_vae.py", "compile", python=peers)
        found["pytorch-kept"] = program("pytorch_vae.py", "eager", python=peers, **kept)
        found["jax"] = program("jax_vae.py", python=peers)
    return found


def is_asked(who: str, name: str, question: dict[str, Any]) -> bool:
    """Whether a question of a measurement is for this contestant: some of them differ from another in few cases only.

    How near the limit is, is Vitral's own question. The notebook is asked what it was written for, and PyTorch with
    freed memory kept where there is much of it.
    """
    if who == "products" or name == "limit":
        return name == "limit" and who in ("products", "vitral", "vitral-fast")
    do, one = question["do"], question["case"]
    main = one["network"] == "dense" and one["batch"] == 128 and one["rows"] == ROWS
    return {
        "vitral-fast": do in ("epoch", "cold"),
        "notebook": do == "epoch" and main and one["optimiser"] == "sgd",
        "pytorch-fused": do in ("epoch", "cold"),
        "pytorch-compile": do in ("epoch", "cold") and main,
        "pytorch-kept": do == "epoch" and (main or one["network"] == "conv"),
    }.get(who, True)


@contextmanager
def peers_installed(wanted: bool, folder: Path) -> Iterator[Path | None]:
    """The Python of an environment with the frameworks, or None."""
    if not wanted:
        yield None
        return
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEERS], check=True)
    yield python


def versions_of(python: Path) -> dict[str, str]:
    """The versions of the frameworks that a Python has."""
    program = "from importlib.metadata import version; print(version('torch'), version('jax'))"
    said = subprocess.run([str(python), "-c", program], check=True, capture_output=True, text=True)
    return dict(zip(("PyTorch", "JAX"), said.stdout.split(), strict=True))


def shown(name: str, question: dict[str, Any], answers: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The results of one question, one for each contestant, with a line on the screen."""
    for who, given in answers.items():
        seconds = np.median([answer.get("seconds", np.nan) for answer in given])
        print(f"{name:10} {who:16} {seconds:9.4f} s  {question}", flush=True)
    return [{"measurement": name, "who": who, **question, "answers": given} for who, given in answers.items()]


def measure(name: str, everybody: dict[str, Contestant], rounds: int) -> list[dict[str, Any]]:
    """All answers to the questions of one measurement, contestants taking turns."""
    results = []
    with ExitStack() as stack:
        questions = MEASUREMENTS[name]
        taking_part = [who for who in everybody if any(is_asked(who, name, question) for question in questions)]
        running = {who: Process(everybody[who]) for who in taking_part}
        for process in running.values():
            stack.callback(process.close)
        for question in questions:
            asked = [who for who in running if is_asked(who, name, question)]
            answers: dict[str, list[dict[str, Any]]] = {who: [] for who in asked}
            for turn in range(rounds + 1):
                for who in asked:
                    answer = running[who].ask(question)
                    if turn:
                        answers[who].append(answer)
            results += shown(name, question, answers)
    return results


def cold(everybody: dict[str, Contestant], rounds: int) -> list[dict[str, Any]]:
    """A new process, from its start to the end of the first epoch, and the memory that it took."""
    results = []
    for one in (case(), case(optimiser="sgd", latent=2)):
        question = {"do": "cold", "case": one}
        asked = [who for who in everybody if is_asked(who, "cold", question)]
        answers: dict[str, list[dict[str, Any]]] = {who: [] for who in asked}
        for _ in range(rounds):
            for who in asked:
                process = Process(everybody[who])
                answer = process.ask({"do": "epoch", "case": one})
                answer["seconds"] = time.perf_counter() - process.started
                answers[who].append(answer | process.ask({"do": "memory"}))
                process.close()
        results += shown("cold", question, answers)
    return results


def main() -> None:
    form = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(prog="run.py bench", description=__doc__, formatter_class=form)
    parser.add_argument("--peers", action="store_true", help="PyTorch and JAX as well")
    parser.add_argument("--python", type=Path, help="a Python that has the frameworks already, instead of --peers")
    parser.add_argument("--only", default=",".join(MEASUREMENTS) + ",cold", help="measurements, with commas between")
    parser.add_argument("--page", action="store_true", help="write the tables from what is kept, measure nothing")
    parser.add_argument("--rounds", type=int, default=5, help="how often each question is asked [default: 5]")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where they go [default: results/speed.json]")
    asked = parser.parse_args()
    if asked.page:
        speed_page.write_all()
        return
    known = (*MEASUREMENTS, "cold")
    if wrong := set(asked.only.split(",")) - set(known):
        parser.error(f"no measurement is called {', '.join(sorted(wrong))}: choose from {', '.join(known)}")
    if asked.rounds < 1:
        parser.error(f"--rounds must be at least 1, got {asked.rounds}")
    with tempfile.TemporaryDirectory() as folder, peers_installed(asked.peers, Path(folder) / "peers") as installed:
        images = Path(folder) / "images.npy"
        np.save(images, load_data("mnist", split="notebook").train.stored)
        peers = asked.python or installed
        everybody = contestants(images, peers)
        results = []
        for name in asked.only.split(","):
            results += cold(everybody, asked.rounds) if name == "cold" else measure(name, everybody, asked.rounds)
        versions = {} if peers is None else versions_of(peers)
    facts = {"date": datetime.now(UTC).date().isoformat(), "machine": show_versions(), "peers": versions}
    write_json(asked.out, {**facts, "rounds": asked.rounds, "results": results})


if __name__ == "__main__":
    main()
