"""Bad input: one sentence that says what is wrong and what helps, the right exit code, and nothing lost."""

import numpy as np
import pytest

ROWS = np.random.default_rng(0).random((60, 5))


def spoiled(row, column, value):
    rows = ROWS.copy()
    rows[row, column] = value
    return rows


FILES = {
    "good.npy": ROWS, "nan.npy": spoiled(7, 3, np.nan), "infinite.npy": spoiled(9, 1, -np.inf), "large.npy": 9 * ROWS,
    "text.npy": np.array([["a", "b"]]), "flat.npy": ROWS[0], "none.npy": ROWS[:0], "single.npy": ROWS[:1],
    "complex.npy": ROWS + 1j,
}  # fmt: skip
RECIPES = {
    "broken.toml": "name =\n",
    "key.toml": "[training]\nepoch = 3\n",
    "kind.toml": '[training]\nepochs = "ten"\n',
    "table.toml": "data = 5\n",
    "widths.toml": '[model]\nencoder = { hidden = "wide" }\n',
    "beta.toml": '[training.objective]\nkind = "elbo"\nbeta = "high"\n',
    "decay.toml": '[training]\noptimiser = { kind = "adam", b1 = 2 }\n',
}


@pytest.fixture
def bad(folder, run):
    """A folder full of bad files."""
    for name, array in FILES.items():
        np.save(folder / name, array)
    np.savez(folder / "labels.npz", x=ROWS, y=np.arange(3))
    np.savez(folder / "two.npz", a=ROWS, b=ROWS)
    whole = (folder / "good.npy").read_bytes()
    (folder / "cut.npy").write_bytes(whole[:500])
    (folder / "junk.npz").write_bytes(b"hello")
    for name, text in RECIPES.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "short.safetensors").write_bytes(b"abc")
    (folder / "notes").mkdir()
    (folder / "notes" / "thesis.txt").write_text("years of work", encoding="utf-8")
    return run


# words of the command, exit code, words that the sentence must hold
TABLE = [
    # names
    ("stdy", 2, "unknown command 'stdy' did you mean 'study'"),
    ("study --recipe quik", 2, "unknown recipe 'quik' did you mean 'quick'"),
    ("study --jsno", 2, "--jsno --json"),
    ("train mnit", 2, "unknown data 'mnit' did you mean 'mnist'"),
    ("sample tinny", 2, "unknown model 'tinny' did you mean 'tiny'"),
    ("train digits --likelihood bernouli", 2, "did you mean 'bernoulli'"),
    ("train digits --set training.epoch=3", 2, "'epoch' did you mean 'epochs'"),
    ("train digits --set data.split=offical", 2, "did you mean 'official'"),
    ("train digits --set model.encoder.activation=rleu", 2, "did you mean 'relu'"),
    ("train digits --set training.optimiser.kind=adm", 2, "did you mean 'adam'"),
    ("train digits --set x", 2, "section.key=value training.epochs=5"),
    ("sample a b", 2, "unexpected extra argument"),
    ("sample tiny --model latent-3", 2, "leave --model latent-3 out"),
    ("evaluate --split random", 2, "--data"),
    # numbers
    ("train digits --latent 0", 2, "model.latents positive got 0"),
    ("train digits --hidden 1e3", 2, "--hidden '1e3'"),
    ("train digits --hidden 0", 2, "hidden got 0"),
    ("train digits --epochs 0", 2, "training.epochs got 0"),
    ("train digits --epochs many", 2, "'--epochs' 'many'"),
    ("train digits --batch -1", 2, "training.batch got -1"),
    ("train digits --rate nan", 2, "training.rate got nan"),
    ("train digits --rate inf", 2, "training.rate got inf"),
    ("train digits --beta nan", 2, "beta got nan"),
    ("train digits --beta -1", 2, "beta got -1"),
    ("train digits --seed -1", 2, "'--seed'"),
    ("study --seeds 0", 2, "'--seeds'"),
    ("grid --size 1", 2, "'--size'"),
    ("sample -n 500 -o many.png", 2, "at most 400 -o name.npy"),
    ("interpolate --from 10000 -o i.npy", 2, "row 10000 does not exist 0 to 9999"),
    # recipes
    ("study --recipe missing.toml", 4, "missing.toml check the path"),
    ("study --recipe broken.toml", 4, "not valid TOML line 1"),
    ("study --recipe key.toml", 2, "did you mean 'epochs'"),
    ("study --recipe kind.toml", 2, "training.epochs got 'ten'"),
    ("study --recipe table.toml", 2, "recipe.data must be a table got 5"),
    ("study --recipe widths.toml", 2, "hidden got 'wide'"),
    ("study --recipe beta.toml", 2, "beta got 'high'"),
    ("study --recipe decay.toml", 2, "b1 below 1 got 2"),
    # data
    ("train nan.npy", 3, "row 7, column 3 is nan remove or fill"),
    ("train infinite.npy", 3, "row 9, column 1 is -inf"),
    ("train large.npy", 3, "values must lie in [0, 1] scale the data"),
    ("train text.npy", 3, "not numbers"),
    ("train complex.npy", 3, "not numbers"),
    ("train flat.npy", 3, "shape (5,) (rows, features)"),
    ("train none.npy", 3, "shape (0, 5)"),
    ("train single.npy", 3, "too few rows"),
    ("train cut.npy", 3, "cannot read cut.npy"),
    ("train junk.npz", 3, "junk.npz not a zip file"),
    ("train labels.npz", 3, "labels have shape (3,)"),
    ("train two.npz", 3, "holds a, b"),
    ("train missing.npy", 3, "no such file missing.npy"),
    ("encode tiny good.npy", 3, "5 features the model needs 784"),
    ("evaluate --data digits", 3, "64 features 784"),
    ("reconstruct --data nan.npy -o r.npy", 3, "row 7, column 3 is nan"),
    # model files
    ("sample missing.safetensors -o s.npy", 4, "missing.safetensors check the path"),
    ("sample short.safetensors -o s.npy", 4, "cut short restore"),
    ("sample good.npy -o s.npy", 4, "not a safetensors file"),
    ("sample notes -o s.npy", 2, "not a run folder"),
    # places
    ("sample -o x.jpg", 2, ".png, .svg, .npy"),
    ("sample -o nowhere/x.png", 2, "folder nowhere does not exist"),
    ("sample -o good.npy", 2, "good.npy exists --force"),
    ("sample -o notes", 2, "its ending must be"),
    ("study --recipe digits --out notes --force", 2, "not a run folder nothing there is touched"),
    ("study --recipe digits --out key.toml", 2, "is a file"),
    ("study --recipe digits --out key.toml/x", 5, "cannot write the run folder"),
    ("study --resume nowhere", 2, "not a run folder"),
    ("train --resume notes", 2, "not a run folder"),
]  # fmt: skip


@pytest.mark.parametrize("words, code, said", TABLE, ids=[row[0] for row in TABLE])
def test_bad_input_gets_one_sentence(bad, folder, words, code, said):
    before = sorted(folder.rglob("*"))
    answer = bad(*words.split())
    lines = [line for line in answer.err.splitlines() if not line.endswith(" ...")]
    assert answer.code == code, answer.err
    assert answer.out == ""
    assert len(lines) == 1
    assert lines[0].startswith("vitral: ")
    assert "Traceback" not in answer.err
    position = 0
    for word in said.split():
        assert word in lines[0][position:], f"{word!r} is not in {lines[0]!r} from {position} on"
        position = lines[0].index(word, position)
    assert sorted(folder.rglob("*")) == before


def test_a_model_file_with_one_flipped_bit_is_refused(bad, folder, trained):
    content = bytearray((trained / "models" / "latent-2.safetensors").read_bytes())
    content[-5] ^= 1
    (folder / "flipped.safetensors").write_bytes(content)
    answer = bad("sample", "flipped.safetensors", "-o", "s.npy")
    assert answer.code == 4
    assert "SHA-256" in answer.err
    assert not (folder / "s.npy").exists()


def test_a_model_of_rows_draws_no_picture_but_writes_arrays(run, folder):
    np.save("rows.npy", ROWS)
    assert run("train", "rows.npy", "--epochs", "1", "--hidden", "4", "--out", "rows").code == 0
    answer = run("sample", "rows", "-o", "s.png")
    assert answer.code == 2
    assert "-o name.npy" in answer.err
    assert run("sample", "rows", "-o", "s.npy").code == 0
    assert np.load("s.npy").shape == (40, 5)


def test_a_training_that_diverges_says_step_and_term(run):
    answer = run("train", "digits", "--rate", "1e9", "--epochs", "1", "--out", "far", "--quiet")
    assert answer.code == 1
    assert "diverged at step" in answer.err
    assert "training.rate" in answer.err
