"""The speed benchmark measures: small cases, the same code. How long anything takes is asserted nowhere."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SPEED = Path(__file__).resolve().parents[1] / "benchmarks" / "speed.py"


@pytest.fixture
def speed(benchmark, monkeypatch):
    """benchmarks/speed.py with one small case for each kind of question."""
    module = benchmark("speed")
    few = [module.case(hidden=8, latent=2, rows=256, network=network) for network in ("dense", "conv")]
    small = {
        "epoch": [{"do": "epoch", "case": one} for one in few],
        "limit": [{"do": "epoch", "case": few[0]}],
        "inference": [{"do": do, "case": one, "rows": 3} for one in few for do in ("encode", "decode")],
        "importance": [{"do": "importance", "case": few[0], "rows": 2, "samples": 50}],
    }
    monkeypatch.setattr(module, "MEASUREMENTS", small)
    monkeypatch.setattr(module, "BASE", {**module.BASE, "hidden": 8, "latent": 2})
    monkeypatch.setattr(module, "ROWS", 256)
    return module


@pytest.mark.slow
def test_every_question_is_answered_by_vitral(speed, monkeypatch, tmp_path, capsys):
    """Epochs go on with one training: the loss falls from the first to the last. Machine and versions are kept."""
    out = tmp_path / "speed.json"
    monkeypatch.setattr(sys, "argv", ["bench", "--rounds", "3", "--out", str(out)])
    speed.main()
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["machine"]["numpy"]
    took_part = {result["who"] for result in found["results"]}
    assert {"vitral", "products"} <= took_part <= {"vitral", "vitral-fast", "products", "notebook"}
    for result in found["results"]:
        assert len(result["answers"]) == 3
        assert all(answer["seconds"] > 0.0 for answer in result["answers"]), result
    losses = [answer["loss"] for answer in found["results"][0]["answers"]]
    assert losses == sorted(losses, reverse=True)
    cold = [result for result in found["results"] if result["do"] == "cold"]
    assert all(answer["peak_mb"] > 10.0 for result in cold for answer in result["answers"])
    assert "epoch" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words, sentence",
    [(["--only", "epoch,tea"], "no measurement is called tea"), (["--rounds", "0"], "at least 1")],
)
def test_what_cannot_be_measured_is_refused(words, sentence):
    answer = subprocess.run([sys.executable, str(SPEED), *words], capture_output=True, text=True)
    assert answer.returncode == 2
    assert sentence in answer.stderr
