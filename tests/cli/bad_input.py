"""What people get wrong, and a folder of files to get it wrong with. The answers stand in docs/bad_input.md.

    python -m tests.cli.bad_input        writes that page anew; read what has changed before you keep it
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import struct
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from tests.applications.compression.coders import BITS, LEVELS, coder, drawn, trained
from vitral.applications.compression.archive import compress
from vitral.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "bad_input.md"
HEAD = """# What is answered when something is wrong

Every line was run, and the tests run it again: the command, its exit code, and the one sentence on the standard error
stream. Nothing else is printed, no file is changed, made or lost. The exit codes: 1 failed, 2 usage, 3 input data
refused, 4 a file is damaged, 5 disk or memory. `--debug` shows the traceback as well.

Written by `python -m tests.cli.bad_input`; `tests/cli/bad_input.py` makes the files.
"""

ROWS = np.random.default_rng(0).random((60, 5))
GREY = (255 * np.random.default_rng(1).random((20, 6, 6))).astype(np.uint8)
TABLE = "age,city,income\n" + "".join(f"{20 + n},{'Recife' if n % 3 else 'Natal'},{1000 + 7 * n}\n" for n in range(30))

def spoiled(row: int, column: int, value: float) -> np.ndarray:
    rows = ROWS.copy()
    rows[row, column] = value
    return rows

ARRAYS = {
    "good.npy": ROWS, "nan.npy": spoiled(7, 3, np.nan), "infinite.npy": spoiled(9, 1, -np.inf), "large.npy": 9 * ROWS,
    "text.npy": np.array([["a", "b"]]), "flat.npy": ROWS[0], "none.npy": ROWS[:0], "single.npy": ROWS[:1],
    "complex.npy": ROWS + 1j, "records.npy": np.zeros(3, [("a", "f4"), ("b", "i4")]), "grey.npy": GREY,
    "five.npy": np.zeros((2, 3, 4, 5, 6)),
}  # fmt: skip
TEXTS = {
    "broken.toml": "name =\n",
    "key.toml": "[training]\nepoch = 3\n",
    "kind.toml": '[training]\nepochs = "ten"\n',
    "table.toml": "data = 5\n",
    "widths.toml": '[model]\nencoder = { hidden = "wide" }\n',
    "beta.toml": '[training.objective]\nkind = "elbo"\nbeta = "high"\n',
    "decay.toml": '[training]\noptimiser = { kind = "adam", b1 = 2 }\n',
    "table.csv": TABLE,
    "ragged.csv": TABLE + "44,Natal\n",
    "hole.csv": TABLE.replace("25,Recife", ",Recife"),
    "gone.csv": "".join(line.rpartition(",")[0] + ",\n" if n else line + "\n" for n, line in enumerate(TABLE.split())),
    "mixed.csv": TABLE.replace("25,Recife", "old,Recife"),
    "strange.csv": TABLE.replace("Natal", "Paris"),

    "twice.csv": TABLE.replace("income", "age"),
    "quote.csv": TABLE + '44,"Natal,3000\n',
    "header.csv": "age,city,income\n",
    "empty.csv": "",
    "null.csv": TABLE + "44,Na\0tal,3000\n",
    "comma.csv": TABLE.replace(",", ";").replace(";10", ";1.0") .replace(";11", ";1,1"),
    "kept.html": "<p>mine</p>",
    "notes/thesis.txt": "years of work",
    "digits.txt": "0\n1\ntwo\n",
}  # fmt: skip

def make(folder: Path) -> None:
    """All the files, good and bad."""
    for name in ("notes", "sizes", "broken", "mixed"):
        (folder / name).mkdir()
    for name, array in ARRAYS.items():
        np.save(folder / name, array)
    for name, text in TEXTS.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    np.savez(folder / "labels.npz", x=ROWS, y=np.arange(3))
    np.savez(folder / "halves.npz", x=ROWS, y=np.full(60, 0.5))
    np.savez(folder / "two.npz", a=ROWS, b=ROWS)
    np.savez(folder / "labelled.npz", x=ROWS, y=np.arange(60) % 3)
    (folder / "cut.npy").write_bytes((folder / "good.npy").read_bytes()[:500])
    (folder / "long.npy").write_bytes((folder / "good.npy").read_bytes() + b"more")
    huge = (folder / "good.npy").read_bytes().replace(b"(60, 5)", b"(9000000000, 5)")
    (folder / "huge.npy").write_bytes(huge)
    (folder / "junk.npz").write_bytes(b"hello")
    (folder / "latin.csv").write_bytes(TABLE.replace("Natal", "São Luís").encode("latin-1"))
    (folder / "short.safetensors").write_bytes(b"abc")
    idx = struct.pack(">4B3I", 0, 0, 8, 3, 20, 6, 6) + GREY.tobytes()
    (folder / "grey.idx3-ubyte").write_bytes(idx)
    (folder / "cut.idx3-ubyte").write_bytes(idx[:400])
    (folder / "cut.idx3-ubyte.gz").write_bytes(gzip.compress(idx, mtime=0)[:200])
    (folder / "labels.idx1-ubyte").write_bytes(struct.pack(">4BI", 0, 0, 8, 1, 7) + bytes(7))
    _compressed(folder)
    _images(folder)

def _compressed(folder: Path) -> None:
    """Models of bits and of levels, and files that the second compressed."""
    for name, kind in (("bits", BITS), ("levels", LEVELS)):
        trained(kind, 36).save(folder / f"{name}.safetensors")
    whole = compress(drawn(LEVELS, 100, 36).reshape(-1, 6, 6), coder(LEVELS, 36))
    middle = len(whole) // 2
    (folder / "rows.vitral").write_bytes(whole)
    (folder / "short.vitral").write_bytes(whole[:middle])
    (folder / "start.vitral").write_bytes(whole[:30])
    (folder / "flipped.vitral").write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    (folder / "newer.vitral").write_bytes(whole[:8] + b"\x09" + whole[9:])

def _images(folder: Path) -> None:
    for number, image in enumerate(GREY):
        Image.fromarray(image).save(folder / "broken" / f"{number:02}.png")
        Image.fromarray(image if number else image[:5]).save(folder / "sizes" / f"{number:02}.png")
        Image.fromarray(image).save(folder / "mixed" / f"{number:02}.png")
    whole = (folder / "broken" / "03.png").read_bytes()
    (folder / "broken" / "03.png").write_bytes(whole[:60])
    (folder / "mixed" / "readme.txt").write_text("not a picture", encoding="utf-8")

CASES = {
    "Names": """
        stdy
        study --recipe quik
        study --jsno
        train mnit
        sample tinny
        train digits --likelihood bernouli
        train digits --prior flwo
        train digits --set training.epoch=3
        train digits --set data.split=offical
        train digits --set model.encoder.activation=rleu
        train digits --set training.optimiser.kind=adm
        train digits --set x
        sample a b
        sample tiny --model latent-3
        evaluate --split random
        export tiny -o tiny.onnx --part whole
        export tiny -o tiny.bin
        --kernel fast info
    """,
    "Numbers": """
        train digits --latent 0
        train digits --hidden 1e3
        train digits --hidden 0
        train digits --epochs 0
        train digits --epochs many
        train digits --batch -1
        train digits --rate nan
        train digits --rate inf
        train digits --beta nan
        train digits --beta -1
        train digits --seed -1
        train digits --set training.clip=-1
        train digits --set training.average=1.5
        train digits --set training.shards=0
        study --seeds 0
        grid --size 1
        sample -n 500 -o many.png
        sample -n 0 -o s.npy
        interpolate --from 10000 -o i.npy
        traverse --row -1 -o t.npy
        explore tiny -o page.pdf
        explore tiny -o missing/page.html
        explore good.npy -o page.html
        explore tiny --model latent-3 -o page.html
        evaluate --samples 0
        sample --label 3 -o s.npy
        sample --context 1,2 -o s.npy
    """,
    "What does not go together": """
        train digits --objective iwae --beta 2
        train digits --posterior point
        train digits --objective beta_tc --posterior full
        train digits --binarise twice
        train large.npy --binarise static --likelihood bernoulli
        train good.npy --network conv
        train good.npy --conditional
        train digits --label-column age
        train digits --likelihood categorical
        train grey.npy --likelihood beta_binomial --set model.likelihood.levels=17
        train digits --strict
        train --resume notes --epochs 3
        compare tiny
        compare
    """,
    "New rows": """
        augment --label 3 -o a.npz
        augment --per-class 5 -o a.npz
        augment --context 1,2 -o a.npz
        augment --start rows --label 12 -o a.npz
        augment --start rows --label three -o a.npz
        augment -n 5 --per-class 2 -o a.npz
        augment -n 0 -o a.npz
        augment -n 500 --no-check -o many.png
        augment -n 5 --no-check -o rows.csv
        augment -n 5 -o notes
        augment -n 5 -o x.jpg
        augment -n 5 -o good.npy
        augment --start codes -o a.npz
        augment --start rows --per-class 2 --no-check -o rows.npy
        augment --data good.npy -o a.npz
        augment short.safetensors -o a.npz
    """,
    "Anomalies": """
        score tiny good.npy
        score tiny nan.npy
        score tiny none.npy
        score tiny missing.npy
        score tiny mnist --score elbow
        score tiny mnist --fpr 0.05 --contamination 0.1
        score tiny mnist --fpr 0
        score tiny mnist --fpr 2
        score tiny mnist --contamination 0.9
        score tiny mnist --normal good.npy
        score tiny mnist --draws 0
        score tiny mnist -o scores.txt
        score tiny mnist --explain scores.csv
        score tiny mnist --explain why.txt
        score tiny mnist --data digits --score states
    """,
    "Recipes": """
        study --recipe missing.toml
        study --recipe broken.toml
        study --recipe key.toml
        study --recipe kind.toml
        study --recipe table.toml
        study --recipe widths.toml
        study --recipe beta.toml
        study --recipe decay.toml
    """,
    "Arrays": """
        train nan.npy
        train infinite.npy
        train large.npy --likelihood gaussian_learned
        train text.npy
        train complex.npy
        train records.npy
        train flat.npy
        train five.npy
        train none.npy
        train single.npy
        train cut.npy
        train long.npy
        train huge.npy
        train junk.npz
        train labels.npz
        train halves.npz
        train two.npz
        train missing.npy
        train cut.idx3-ubyte
        train cut.idx3-ubyte.gz
        train grey.idx3-ubyte --labels labels.idx1-ubyte
        train grey.idx3-ubyte --labels digits.txt
        encode tiny good.npy
        encode tiny table.csv
        evaluate --data digits
        reconstruct --data nan.npy -o r.npy
    """,
    "Tables": """
        train ragged.csv
        train hole.csv
        train hole.csv --missing maybe
        train mixed.csv
        train twice.csv
        train quote.csv
        train header.csv
        train empty.csv
        train null.csv
        train latin.csv
        train comma.csv
        train table.csv --label-column job
        train table.csv --columns age,job
        train table.csv --columns city:number
        train table.csv --likelihood bernoulli
        train missing.csv
    """,
    "Missing values": """
        impute table.csv
        impute digits
        impute tiny digits
        impute missing.csv
        impute missing.npy
        impute notes
        impute good.npy
        impute gone.csv
        impute hole.csv --epochs 0
        impute hole.csv --hidden wide
        impute hole.csv --draws -1
        impute hole.csv --samples 1
        impute hole.csv --hide top
        impute hole.csv --rows 3
        impute hole.csv -o hole.csv
        impute hole.csv -o whole.parquet
        impute hole.csv -o nowhere/whole.csv
        impute hole.csv --model latent-2
        impute hole.csv --label 3
        impute hole.csv --keep model.bin
        impute nan.npy --columns age
        impute nan.npy --hide top
        impute nan.npy -o nan.csv
        impute nan.npy -o nan.png
        impute grey.npy --hide bottom
        impute grey.npy --hide bottom --mask good.npy
        impute grey.npy --mask good.npy
        impute infinite.npy --mask good.npy
        impute tiny nan.npy
        impute tiny hole.csv
        impute tiny mnist
        impute tiny mnist --hide bottom --epochs 3
        impute tiny mnist --hide midle
    """,
    "Folders of images": """
        train notes
        train sizes
        train broken
        train mixed
        train sizes --image-size 8
        train sizes --image-size 0x8
        train broken --on-bad forget
    """,
    "Model files": """
        sample missing.safetensors -o s.npy
        sample short.safetensors -o s.npy
        sample good.npy -o s.npy
        sample notes -o s.npy
        check table.csv
        check tiny --rows 3
        check tiny --language fr
        check tiny -o c.txt
        check tiny -o grey.npy --force
        check tiny -o missing/c.html
        check tiny -o kept.html
        zoo Z99
        zoo Z04 -o z.png
        zoo Z04 -o kept.html
        zoo --language fr
        export missing.safetensors -o m
    """,
    "Compression": """
        compress
        compress bits.safetensors
        compress tiny grey.npy
        compress bits.safetensors missing.npy
        compress bits.safetensors good.npy
        compress bits.safetensors labelled.npz
        compress bits.safetensors table.csv
        compress bits.safetensors text.npy
        compress bits.safetensors labels.idx1-ubyte
        compress bits.safetensors cut.idx3-ubyte
        compress bits.safetensors sizes
        compress bits.safetensors mixed
        compress bits.safetensors broken
        compress bits.safetensors notes
        compress bits.safetensors digits
        compress bits.safetensors grey.npy -o good.npy
        compress bits.safetensors grey.npy -o rows.vitral
        compress bits.safetensors grey.npy -o nowhere/grey.vitral
        compress grey.npy bits.safetensors
        decompress missing.vitral
        decompress good.npy -o x.npy
        decompress notes
        decompress rows.vitral
        decompress rows.vitral bits.safetensors
        decompress rows.vitral levels.safetensors -o good.npy
        decompress rows.vitral levels.safetensors -o x.png
        decompress rows.vitral levels.safetensors -o notes
        decompress rows.vitral --model latent-2
        decompress rows.vitral tiny
        decompress short.vitral levels.safetensors
        decompress flipped.vitral levels.safetensors
        decompress short.vitral levels.safetensors --salvage
        decompress start.vitral levels.safetensors --salvage
        decompress newer.vitral levels.safetensors
    """,
    "Places": """
        sample -o x.jpg
        sample -o nowhere/x.png
        sample -o good.npy
        sample -o notes
        sample -o s.csv
        encode tiny -o codes.png
        export tiny --to pretrained -o notes --model latent-2
        export tiny --to pretrained -o good.npy
        study --recipe digits --out notes --force
        study --recipe digits --out key.toml
        study --recipe digits --out key.toml/x
        study --resume nowhere
        train --resume notes
    """,
}

def cases() -> list[str]:
    """The words of every command."""
    return [line.strip() for lines in CASES.values() for line in lines.strip().splitlines()]

def answer(words: str) -> tuple[int, str, str]:
    """The exit code of a command, what it printed, and what it said; the name of this folder left out."""
    out, err = io.StringIO(), io.StringIO()
    hook = sys.excepthook
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(words.split())
            code = 0
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        finally:
            sys.excepthook = hook  # main replaces it
    said = [line for line in err.getvalue().splitlines() if not line.endswith(" ...")]  # what it is doing
    return code, out.getvalue(), "\n".join(said).replace(f"{Path.cwd()}{os.sep}", "")

def kept() -> dict[str, tuple[int, str]]:
    """What the page says: code and sentence of every command."""
    rows = [line.strip("|").split(" | ", 2) for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    return {
        words.strip().strip("`").removeprefix("vitral "): (int(code), said.strip().replace("\\|", "|"))
        for words, code, said in rows
    }

def page() -> str:
    """Every command, run in a folder of such files."""
    pieces = [HEAD]
    for title, lines in CASES.items():
        pieces += [f"\n## {title}\n", "| command | code | answer |", "|---|---|---|"]
        for line in lines.strip().splitlines():
            code, _, said = answer(line.strip())
            pieces.append(f"| `vitral {line.strip()}` | {code} | {said.strip().replace('|', chr(92) + '|')} |")
    return "\n".join(pieces) + "\n"

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        os.chdir(made)
        make(Path(made))
        PAGE.write_text(page(), encoding="utf-8", newline="\n")
        os.chdir(PAGE.parent)
