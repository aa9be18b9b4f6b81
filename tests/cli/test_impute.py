"""vitral impute: tables go back with every cell that was there, arrays in their type, images as pictures."""

import json

import numpy as np
import pytest

import vitral
from vitral.data.images import png_folder, write_png_folder

ROWS = 120
LEARN = ("--epochs", "8", "--latent", "2", "--hidden", "16", "--samples", "60")


def people(separator=";", mark=","):
    """A table as people write it: an identifier, a decimal mark, quotes, trailing zeros, a column to leave alone."""
    rng = np.random.default_rng(0)
    lines = [separator.join(["id", "sex", "height", "visits", "note"])]
    for number in range(ROWS):
        sex = "mf"[number % 2]
        height = f"{165 + 13 * (sex == 'm') + rng.normal(0, 3):.2f}".replace(".", mark)
        cells = [f"p{number:04}", sex, height, str(rng.integers(0, 5)), f'"a{separator}b"']
        cells[1] = "" if number % 9 == 2 else sex
        cells[2] = "NA" if number % 7 == 1 else height
        lines.append(separator.join(cells))
    return "\n".join(lines) + "\n"


def cells(text, separator):
    return [line.split(separator) for line in text.splitlines()]


@pytest.mark.parametrize("separator, mark", [(";", ","), (",", "."), ("\t", ".")])
def test_a_table_goes_back_with_every_cell_that_was_there(run, folder, separator, mark):
    """Cells that were filled are as they were written, the columns that no model saw among them."""
    (folder / "people.csv").write_text(people(separator, mark), encoding="utf-8")
    answer = run("impute", "people.csv", "--columns=sex,height,visits:count", "-o", "whole.csv", "-q", *LEARN)
    assert (answer.code, answer.err) == (0, "")
    before = cells(people(separator, mark), separator)
    after = cells((folder / "whole.csv").read_text("utf-8"), separator)
    holes = 0
    for old, new in zip(before, after, strict=True):
        for one, other in zip(old, new, strict=True):
            if one in ("", "NA"):
                holes += 1
                assert other in ("m", "f") or 100.0 < float(other.replace(",", ".")) < 250.0
                assert ("," in other) <= (mark == ",")
            else:
                assert one == other
    assert holes == sum(old[1] == "" for old in before) + sum(old[2] == "NA" for old in before) > 20


def test_draws_go_into_files_of_their_own_and_json_says_what_was_done(run, folder):
    (folder / "people.csv").write_text(people(), encoding="utf-8")
    words = ("impute", "people.csv", "--columns=sex,height", "--draws", "2", "-o", "whole.csv", "--seed", "3", *LEARN)
    said = json.loads(run(*words, "--keep", "model.safetensors", "--json", "-q").out)
    assert said["files"] == ["whole.csv", "whole-1.csv", "whole-2.csv"]
    assert (said["holes"], said["rows"]) == (31, ROWS)
    assert 1.0 <= said["effective_draws"]["least"] <= said["effective_draws"]["median"] <= 60.0
    texts = [(folder / name).read_text("utf-8") for name in said["files"]]
    assert len(set(texts)) == 3
    again = run("impute", "model.safetensors", "people.csv", "--draws", "2", "--samples", "60", "--seed", "3",
                "-o", "again.csv")  # fmt: skip
    assert again.code == 0
    assert "31 holes in 29 of 120 rows filled in" in again.err
    assert [(folder / f"again{end}.csv").read_text("utf-8") for end in ("", "-1", "-2")] == texts
    table = vitral.load("model.safetensors").contract
    assert [column.name for column in table.columns] == ["sex", "height"]
    assert table.missing


def test_parquet_keeps_columns_of_types_that_no_model_knows(run, folder):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rng = np.random.default_rng(0)
    heights = [None if n % 5 == 0 else float(rng.normal(170, 9)) for n in range(60)]
    days = pyarrow.array(range(60), pyarrow.date32())
    given = pyarrow.table({"day": days, "height": heights, "sex": pyarrow.array(["m", "f"] * 30).dictionary_encode()})
    parquet.write_table(given, "people.parquet")
    assert run("impute", "people.parquet", "--columns=height,sex", "-q", *LEARN).code == 0
    made = parquet.read_table("people-imputed.parquet")
    assert made.schema.equals(given.schema)
    assert made["day"].equals(given["day"])
    assert made["height"].null_count == 0
    kept = [(old, new) for old, new in zip(heights, made["height"].to_pylist(), strict=True) if old is not None]
    assert all(old == new for old, new in kept)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_array_keeps_its_type_and_its_numbers(run, folder, dtype):
    x = np.random.default_rng(0).normal(50.0, 9.0, (40, 3)).astype(dtype)
    x[::3, 1] = np.nan
    np.save("rows.npy", x)
    assert run("impute", "rows.npy", "-o", "whole.npy", "-q", *LEARN).code == 0
    made, known = np.load("whole.npy"), ~np.isnan(x)
    assert (made.dtype, made.shape) == (x.dtype, x.shape)
    assert made[known].tobytes() == x[known].tobytes()
    assert np.abs(made - 50.0).max() < 50.0


def test_images_of_bytes_stay_bytes_and_a_mask_says_what_is_missing(run, folder):
    images = (255 * np.random.default_rng(0).random((50, 4, 6))).astype(np.uint8)
    mask = np.random.default_rng(1).random(images.shape) < 0.2
    np.save("images.npy", images)
    np.save("mask.npy", mask)
    answer = run("impute", "images.npy", "--mask", "mask.npy", "--draws", "1", "-o", "whole.npy", "-q", *LEARN)
    assert answer.code == 0
    made = np.load("whole.npy")
    assert (made.dtype, made.shape) == (np.uint8, images.shape)
    assert (made[~mask] == images[~mask]).all()
    assert (made[mask] != images[mask]).any()
    assert (np.load("whole-1.npy")[mask] != made[mask]).any()


def test_a_model_that_never_saw_a_hole_fills_in_half_of_its_images(run, folder):
    """The small model of the package: nearer to the truth than its mean image, and drawn as a picture."""
    images = vitral.load_data("mnist").test.stored[:12].reshape(-1, 28, 28)
    np.save("images.npy", images)
    assert run("impute", "tiny", "images.npy", "--hide", "bottom", "--samples", "300", "-o", "whole.npy").code == 0
    made = np.load("whole.npy").astype(float)
    assert (made[:, :14] == images[:, :14]).all()
    mean = vitral.load_data("mnist").train.stored[:2000].mean(axis=0).reshape(28, 28)
    ours, means = (((guess - images)[:, 14:] ** 2).mean() for guess in (made, mean))
    assert ours < 0.8 * means
    picture = run("impute", "tiny", "images.npy", "--hide", "left", "--draws", "1", "-o", "p.png", "--language", "pt")
    assert picture.code == 0
    assert (folder / "p.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("region", ["top", "bottom", "left", "right", "centre"])
def test_every_region_is_where_its_name_says(region):
    from vitral.cli.imputing import Wishes, _hidden

    hidden = _hidden(np.zeros((1, 6, 8)), Wishes(region, None, 0, 100, 0, "en"))
    rows, columns = np.nonzero(hidden)
    middle = {"top": (1.0, 3.5), "bottom": (4.0, 3.5), "left": (2.5, 1.5), "right": (2.5, 5.5), "centre": (2.5, 3.5)}
    assert (rows.mean(), columns.mean()) == middle[region]


def test_a_conditional_model_is_given_labels_or_one_label(run, folder):
    assert run("train", "digits", "--conditional", "--epochs", "1", "--hidden", "8", "--out", "r", "-q").code == 0
    assert run("impute", "r", "digits", "--hide", "top", "--rows", "4", "--samples", "50", "-o", "own.npy").code == 0
    words = ("impute", "r", "digits", "--hide", "top", "--rows", "4", "--samples", "50", "--label", "3")
    assert run(*words, "-o", "threes.npy").code == 0
    assert (np.load("own.npy") != np.load("threes.npy")).any()


def test_a_file_that_exists_is_not_overwritten_also_where_it_is_a_draw(run, folder):
    (folder / "people.csv").write_text(people(), encoding="utf-8")
    (folder / "whole-2.csv").write_text("mine", encoding="utf-8")
    answer = run("impute", "people.csv", "--draws", "2", "-o", "whole.csv")
    assert answer.code == 2
    assert "whole-2.csv exists" in answer.err
    assert not (folder / "whole.csv").exists()


def scanned(folder):
    """A folder of images with a sub-folder a class, in the order of their names; a mask of a fifth of the pixels."""
    images = (255 * np.random.default_rng(0).random((30, 4, 6))).astype(np.uint8)
    write_png_folder(folder / "scans", [(f"{'ab'[row // 15]}/{row:02}.png", image) for row, image in enumerate(images)])
    mask = np.random.default_rng(1).random(images.shape) < 0.2
    np.save(folder / "mask.npy", mask)
    return images, mask


def test_a_folder_of_images_comes_back_as_a_folder_with_the_same_names(run, folder):
    images, mask = scanned(folder)
    answer = run("impute", "scans", "--mask", "mask.npy", "--draws", "1", *LEARN)
    assert answer.code == 0
    assert answer.out.split() == ["scans-imputed", "scans-imputed-1"]
    made, names = png_folder(folder / "scans-imputed")
    drawn, _ = png_folder(folder / "scans-imputed-1")
    assert names == png_folder(folder / "scans")[1]
    for filled in (made, drawn):
        assert (filled[~mask] == images[~mask]).all()
        assert (filled[mask] != images[mask]).any()
    assert (made != drawn).any()
    again = run("impute", "scans", "--mask", "mask.npy", *LEARN)
    assert (again.code, "scans-imputed exists" in again.err) == (2, True)


def test_a_folder_of_images_is_an_array_or_a_picture_where_that_is_asked_for(run, folder):
    images, mask = scanned(folder)
    assert run("impute", "scans", "--mask", "mask.npy", "-o", "whole.npy", *LEARN).code == 0
    assert (np.load("whole.npy")[~mask] == images[~mask]).all()
    assert run("impute", "scans", "--mask", "mask.npy", "-o", "few.png", *LEARN).code == 0
    assert (folder / "few.png").read_bytes()[:4] == b"\x89PNG"
