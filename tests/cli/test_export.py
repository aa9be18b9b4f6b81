"""vitral export: folders and ONNX files from the command line."""

import json

import pytest


def test_a_folder_is_written_and_used_like_a_model(run, folder):
    """Its paths are printed; every command takes it."""
    answer = run("export", "tiny", "--to", "pretrained", "-o", "model")
    assert answer.code == 0
    names = sorted(path.name for path in (folder / "model").iterdir())
    assert names == ["README.md", "config.json", "model.safetensors"]
    assert len(answer.out.splitlines()) == 3
    assert run("sample", "model", "-n", "2", "-o", "x.npy").code == 0
    again = run("export", "model", "--to", "pretrained", "-o", "model")
    assert (again.code, "already" in again.err) == (2, True)
    assert run("export", "model", "--to", "pretrained", "-o", "model", "--force", "-q").code == 0


def test_a_model_of_a_run_is_exported_with_its_numbers(run, studied):
    """What the study measured on test rows stands in the card."""
    assert run("export", str(studied), "--model", "latent-2", "--to", "pretrained", "-o", "m").code == 0
    answer = run("export", str(studied), "--model", "latent-2", "--to", "pretrained", "-o", "n", "--json")
    card = json.loads(answer.out)["files"][2].replace("\\", "/")
    assert card == "n/README.md"
    with open(card, encoding="utf-8") as file:  # noqa: PTH123 (a relative path, as it was printed)
        text = file.read()
    measured = json.loads((studied / "metrics.json").read_text(encoding="utf-8"))["models"]["latent-2"]["test"]
    assert f"| {measured['elbo']:.3f} ± {measured['elbo_se']:.3f} |" in text
    assert f"| {measured['log_px_hat']:.3f} ± {measured['log_px_hat_se']:.3f} |" in text


@pytest.mark.parametrize("part", ["encoder", "decoder", "score"])
def test_a_part_becomes_an_onnx_file(run, folder, part):
    """The ending says what is written."""
    pytest.importorskip("onnx")
    assert run("export", "tiny", "--part", part, "-o", "part.onnx").out == "part.onnx\n"
    assert (folder / "part.onnx").stat().st_size > 100_000


@pytest.mark.parametrize(
    "words, said",
    [
        ("tiny -o folder", "folder is no .onnx file: say what to write, with --to pretrained for a folder"),
        ("tiny --to onnx -o model.bin", "its ending must be one of .onnx"),
        ("tiny --to pretrained --part score -o folder", "--part means nothing with --to pretrained"),
        ("tiny", "Missing option '-o'"),
        ("tiny -o nowhere/a.onnx", "the folder nowhere does not exist"),
    ],
)
def test_what_makes_no_sense_is_refused(run, folder, words, said):
    """Exit code 2, one line, nothing written."""
    answer = run("export", *words.split())
    assert answer.code == 2
    assert said in answer.err
    assert len(answer.err.splitlines()) == 1
    assert list(folder.iterdir()) == []
