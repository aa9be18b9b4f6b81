"""A table with numbers, categories and holes, from the command line and from Python, there and back."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

import vitral
from vitral.cli import main
from vitral.core.randomness import stream
from vitral.data.csv_file import csv_bytes
from vitral.data.opening import opened
from vitral.data.tables import likelihood_for

ROWS = 300


def columns():
    """Height follows sex and age, visits follow age; some cells are empty."""
    rng = stream(0, "people")
    sex = rng.integers(0, 2, ROWS)
    age = rng.integers(18, 90, ROWS)
    made = {
        "id": np.arange(ROWS) + 1000,
        "age": age,
        "height": np.round(165.0 + 13.0 * sex + rng.normal(0.0, 5.0, ROWS), 1),
        "sex": np.array(["f", "m"], dtype=object)[sex],
        "city": np.array(["Rio", "São Paulo", "a, b"], dtype=object)[rng.integers(0, 3, ROWS)],
        "member": (rng.random(ROWS) < 0.4),
        "visits": rng.poisson(age / 20.0),
    }
    made["height"][::7] = np.nan
    made["city"][::11] = None
    return made


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The table, and a model that was trained on it."""
    place = tmp_path_factory.mktemp("tables")
    (place / "people.csv").write_bytes(csv_bytes(columns()))
    table = "--label-column sex --columns=-id,visits:count --missing model"
    words = f"{table} --hidden 32 --epochs 25 --batch 32 --rate 0.01"
    with pytest.raises(SystemExit) as leaving:
        main(["train", str(place / "people.csv"), *words.split(), "--out", str(place / "run"), "-q"])
    assert not leaving.value.code
    return place


def read(path):
    """The columns of a written table by name, as texts."""
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    return {name: [line[number] for line in lines[1:]] for number, name in enumerate(lines[0])}


def model(place):
    return vitral.load(place / "run").model("latent-2")


NAMES = ["age", "height", "city", "member", "visits"]


def test_the_model_file_knows_the_columns_and_their_scaling(place):
    contract = model(place).contract
    assert [(one.name, one.kind, one.dtype) for one in contract.columns] == [
        ("age", "number", "int64"),
        ("height", "number", "float64"),
        ("city", "category", "string"),
        ("member", "boolean", "bool"),
        ("visits", "count", "int64"),
    ]
    assert contract.columns[2].categories == ("Rio", "São Paulo", "a, b")
    assert contract.missing
    assert contract.label.categories == ("f", "m")
    assert contract.location[1] == pytest.approx(171.0, abs=2.0)
    assert type(model(place).model.likelihood).__name__ == "Mixed"


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_is_encoded_reconstructed_and_sampled_with_names_and_types(run, place, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    table, trained = str(place / "people.csv"), str(place / "run")
    for words in (["encode", trained, table], ["reconstruct", trained, table], ["sample", trained, "-n", "50"]):
        answer = run(*words, "-o", f"{words[0]}.{ending}")
        assert (answer.code, answer.out) == (0, f"{words[0]}.{ending}\n"), answer.err
    assert {one.name: one.dtype for one in opened(f"encode.{ending}").columns}.keys() == {"z1", "z2"}
    for name in ("reconstruct", "sample"):
        made = opened(f"{name}.{ending}")
        assert [(one.name, one.dtype) for one in made.columns] == [
            ("age", "int64"), ("height", "float64"), ("city", "string"), ("member", "bool"), ("visits", "int64"),
        ]  # fmt: skip
        assert set(made.columns[2].labels) <= {"Rio", "São Paulo", "a, b"}
        assert not any(np.isnan(one.numbers).any() for one in made.columns)
    assert len(opened(f"reconstruct.{ending}")) == ROWS
    assert len(opened(f"sample.{ending}")) == 50


def test_evaluation_scores_the_table_and_files_with_the_same_columns(run, place, folder):
    """Its own rows, and the same file by name; the numbers exist and agree."""
    words = ["evaluate", str(place / "run"), "--samples", "20", "--json", "-q"]
    own = json.loads(run(*words).out)["test"]
    named = json.loads(run(*words, "--data", str(place / "people.csv")).out)["test"]
    assert own == named
    assert np.isfinite(own["log_px_hat"])
    assert own["knn_accuracy"] is not None
    assert own["sse"] is None
    shift = -np.log(model(place).contract.spread).sum()
    assert own["log_px_hat_of_data"] - own["log_px_hat"] == pytest.approx(shift, abs=abs(shift) / 4)


def test_python_gives_what_the_commands_give(run, place, folder):
    table = {name: values for name, values in columns().items() if name in NAMES}
    trained = model(place)
    run("encode", str(place / "run"), str(place / "people.csv"), "-o", "codes.npy")
    codes = trained.encode(table)
    np.testing.assert_array_equal(np.load("codes.npy"), np.stack([codes["z1"], codes["z2"]], axis=1))
    run("reconstruct", str(place / "run"), str(place / "people.csv"), "-o", "made.csv")
    (folder / "own.csv").write_bytes(csv_bytes(trained.reconstruct(table)))
    assert (folder / "own.csv").read_bytes() == (folder / "made.csv").read_bytes()
    run("sample", str(place / "run"), "-n", "7", "--seed", "3", "-o", "drawn.csv")
    assert (folder / "drawn.csv").read_bytes() == csv_bytes(trained.sample(7, seed=3))


def test_frames_go_in_and_frames_of_their_kind_come_out(place):
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    trained, given = model(place), {name: values for name, values in columns().items() if name in NAMES}
    frame = pandas.DataFrame(given).iloc[50:60]
    codes, made = trained.encode(frame), trained.impute(frame).values
    assert list(codes.columns) == ["z1", "z2"]
    assert codes.index.equals(frame.index)
    assert made.dtypes.equals(frame.dtypes)
    assert made.age.equals(frame.age)
    other = polars.DataFrame({name: values.tolist() for name, values in given.items()}).with_columns(
        polars.col("height").fill_nan(None)
    )[50:60]
    again = trained.impute(other).values
    assert again.schema == other.schema
    assert again["city"].to_list() == made["city"].tolist()
    np.testing.assert_allclose(trained.score(other), trained.score(frame))
    assert isinstance(trained.sample(3, frame="pandas"), pandas.DataFrame)
    assert trained.sample(3, frame="polars").columns == NAMES


def test_the_model_has_learned_what_the_columns_say_of_each_other(place):
    """A likely row scores higher than an unlikely one, in the units of the data."""
    likely = {"age": [30], "height": [170.0], "city": ["Rio"], "member": [False], "visits": [1]}
    giant = likely | {"height": [250.0]}
    trained = model(place)
    assert trained.score(likely)[0] > trained.score(giant)[0] + 10.0
    assert np.isfinite(trained.score(likely | {"height": [np.nan]})[0])


def test_the_score_of_scaled_columns_is_a_density_of_the_data():
    """Metres or centimetres: log p differs by log(100), once for every row; nothing else changes."""
    scores = []
    for unit in (1.0, 100.0):
        table = {"a": stream(0, "a").standard_normal(60) * unit, "b": stream(0, "b").standard_normal(60)}
        data = vitral.load_data(table)
        likelihood = likelihood_for(data.contract.columns)
        built = vitral.Spec(2, 1, {"hidden": [4]}, {"hidden": [4]}, likelihood=likelihood).build()
        made = vitral.TrainedModel(None, built, built.init(0, "float64"), data.contract, {})
        scores.append(made.score(table))
    np.testing.assert_allclose(scores[0] - scores[1], np.log(100.0), atol=1e-6)


@pytest.mark.parametrize("command", ["grid", "traverse", "interpolate", "sample", "reconstruct"])
def test_arrays_of_a_table_are_in_the_units_of_its_columns(run, place, folder, command):
    """Heights in centimetres, whichever command decoded them; what makes no table writes none."""
    assert run(command, str(place / "run"), "-o", "made.npy").code == 0
    heights = np.load(folder / "made.npy")[..., 1]
    assert 150.0 < heights.mean() < 190.0
    code = run(command, str(place / "run"), "-o", "made.csv").code
    assert code == (0 if command in ("sample", "reconstruct") else 2)


def test_a_table_of_numbers_alone_trains_on_all_of_them_at_once(run, folder):
    """Squared errors and linear codes have a meaning there, in standard deviations."""
    rng = stream(0, "x")
    one = rng.standard_normal(200)
    table = {"a": 1000.0 + one, "b": 0.01 * one, "c": one + rng.standard_normal(200)}
    (folder / "n.csv").write_bytes(csv_bytes(table))
    assert run(*"train n.csv --hidden 8 --epochs 20 --batch 20 --rate 0.01 --out r".split()).code == 0
    made = json.loads(run("evaluate", "r", "--json", "-q").out)
    assert made["test"]["sse"] < made["baselines"]["mean_image"]["sse"]
    assert run(*"train n.csv --prior vamp --set model.prior.link=identity --epochs 1 --out v".split()).code == 0


def test_a_table_model_has_a_certificate(run, place):
    answer = run("check", str(place / "run"), "-q", "--json")
    assert answer.code == 0
    assert json.loads(answer.out)["passed"] >= 15


def test_new_rows_of_a_conditional_model_say_which_class_they_are_of(run, place, folder):
    words = "--columns=age,height,sex --label-column sex --conditional --missing model --hidden 16 --epochs 12 --out c"
    assert run("train", str(place / "people.csv"), *words.split(), "--batch", "32", "--rate", "0.01").code == 0
    assert run("sample", "c", "-n", "400", "-o", "new.csv").code == 0
    new = opened("new.csv")
    heights, sex = new.columns[1].numbers, np.array(new.columns[2].labels)[new.columns[2].numbers.astype(int)]
    assert [one.name for one in new.columns] == ["age", "height", "sex"]
    assert heights[sex == "m"].mean() > heights[sex == "f"].mean() + 6.0
    assert run("reconstruct", "c", str(place / "people.csv"), "-o", "back.csv").code == 0


TABLE = [
    ("encode RUN violet.csv -o c.npy", 3, "line 3, column 'city' is 'violet'; which is none of the classes Rio"),
    ("encode RUN short.csv -o c.npy", 3, "short.csv has no column 'visits'"),
    ("encode RUN ragged.csv -o c.npy", 3, "ragged.csv, line 3: 2 values, and the table has 5 columns"),
    ("encode RUN rows.npy -o c.npy", 3, "rows.npy has 3 features a row, the model needs 5"),
    ("encode tiny good.csv -o c.npy", 3, "good.csv is a table, and the model was trained on plain rows"),
    ("encode RUN none.csv -o c.npy", 3, "no such file: none.csv"),
    ("train violet.csv --columns town --out r", 3, "violet.csv has no column 'town'"),
    ("train PEOPLE --out r", 3, "line 2, column 'height' is missing; nothing may be"),
    ("train PEOPLE --columns=-id --missing modle --out r", 2, "unknown data.missing 'modle': did you mean 'model'?"),
    ("train PEOPLE --columns=-id,city:colour --missing model --out r", 3, "no column 'city:colour'"),
    ("train PEOPLE --missing model --binarise static --out r", 3, "binarisation is for grey levels"),
    ("train PEOPLE --missing model --prior vamp --out r", 2, "prior 'vamp' learns rows that the encoder sees"),
    ("train PEOPLE --missing model --network conv --out r", 2, "convolutional"),
    ("train digits --label-column y --out r", 2, "digits has labels of its own: leave y out"),
    ("train digits --columns y --out r", 2, "are those of a table"),
    ("sample tiny -o rows.csv", 2, "plain rows, which have no columns for rows.csv"),
    ("reconstruct RUN PEOPLE --data PEOPLE -o r.csv", 2, "named twice"),
    ("sample RUN -o rows.png", 2, "plain rows, not on images"),
]  # fmt: skip


@pytest.mark.parametrize("words, code, said", TABLE, ids=[row[0] for row in TABLE])
def test_what_is_wrong_gets_one_sentence(run, place, folder, words, code, said):
    head = ",".join(NAMES)
    good = f"{head}\n30,170.5,Rio,true,2\n"
    files = {"violet": good + "31,160,violet,false,0\n", "ragged": good + "31,2\n", "good": good,
             "short": "age,height,city,member\n1,2,Rio,true\n"}  # fmt: skip
    for name, content in files.items():
        (folder / f"{name}.csv").write_text(content, encoding="utf-8")
    np.save(folder / "rows.npy", np.zeros((4, 3)))
    places = {"RUN": str(place / "run"), "PEOPLE": str(place / "people.csv")}
    answer = run(*(places.get(word, word) for word in words.split()))
    lines = [line for line in answer.err.splitlines() if not line.endswith(" ...")]
    assert (answer.code, len(lines)) == (code, 1), answer.err
    assert said in lines[0]
    assert not (folder / "r").exists()
