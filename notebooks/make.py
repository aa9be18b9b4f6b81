"""The notebooks: text in, executed notebook out.

    python notebooks/make.py             execute both and write vae.ipynb and vae.pt.ipynb: some minutes
    python notebooks/make.py --small     the same cells in a small size, into the folder given with --out
    python notebooks/make.py --check     say whether the shipped outputs belong to the shipped text

The text is Markdown (vae.md, vae.pt.md), converted by jupytext and executed by nbclient. The notebook keeps a digest of
its code, so that outputs of another version are noticed. Needs: pip install "vitral[notebooks]".
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import os
import re
import sys
from pathlib import Path

import jupytext
import nbformat

HERE = Path(__file__).resolve().parent
NAMES = ("vae", "vae.pt")
CELL_SECONDS = 3600


def text_notebook(name):
    """The notebook of a text, without outputs."""
    return jupytext.read(HERE / f"{name}.md")


def code_cells(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def digest(notebook):
    """A name for the code of a notebook: its outputs belong to this and no other."""
    return hashlib.sha256("\n\n".join(code_cells(notebook)).encode()).hexdigest()[:16]


def skeleton(source):
    """A code cell without its words: equal for two languages that compute the same."""

    class Wordless(ast.NodeTransformer):
        def visit_Constant(self, node):
            return ast.Constant("") if isinstance(node.value, str) else node

        def visit_JoinedStr(self, node):
            parts = [self.visit(value) for value in node.values if isinstance(value, ast.FormattedValue)]
            return ast.JoinedStr(parts)

    return ast.dump(Wordless().visit(ast.parse(source)))


def executed(name, folder, *, small=False):
    """The notebook with its outputs; one thread, so that equal machines give equal numbers.

    Models are kept in ``folder``, so that the second language does not train them again.
    """
    from nbclient import NotebookClient

    size, notebook = "small" if small else "full", text_notebook(name)
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "VITRAL_NOTEBOOK": size}
    how = {"timeout": CELL_SECONDS, "kernel_name": "python3", "record_timing": False, "coalesce_streams": True}
    NotebookClient(notebook, resources={"metadata": {"path": str(folder)}}, **how).execute(env=environment)
    return tidied(notebook, size)


def tidied(notebook, size):
    """Without what differs from machine to machine: only the code's digest, the kernel's kind and the outputs."""
    kept = {"kernelspec": notebook.metadata["kernelspec"], "language_info": {"name": "python"}}
    notebook.metadata = nbformat.from_dict(kept | {"vitral": {"code": digest(notebook), "size": size}})
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:02}"
        cell.metadata.pop("execution", None)
    return notebook


def stale(name):
    """Why the shipped notebook does not belong to the shipped text, or None."""
    shipped = HERE / f"{name}.ipynb"
    if not shipped.is_file():
        return f"{shipped.name} is missing: run python notebooks/make.py"
    notebook = nbformat.read(shipped, as_version=4)
    of_text = text_notebook(name)
    if not notebook.metadata.get("vitral", {}).get("code") == digest(notebook) == digest(of_text):
        return f"{shipped.name} was executed from other code than {name}.md: run python notebooks/make.py"
    if [cell.source for cell in notebook.cells] != [cell.source for cell in of_text.cells]:
        return f"{shipped.name} has other words than {name}.md: run python notebooks/make.py --words"
    return None


def with_new_words(name):
    """The shipped outputs under the text as it is now, where only words outside the code have changed."""
    notebook, of_text = nbformat.read(HERE / f"{name}.ipynb", as_version=4), text_notebook(name)
    if digest(notebook) != digest(of_text):
        raise SystemExit(f"{name}.md has other code than {name}.ipynb: run python notebooks/make.py")
    outputs = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in of_text.cells:
        if cell.cell_type == "code":
            done = outputs.pop(0)
            cell.outputs, cell.execution_count = done.outputs, done.execution_count
    return tidied(of_text, notebook.metadata["vitral"]["size"])


def write(notebook, path):
    path.write_text(re.sub(r"[ \t]+\n", "\n", nbformat.writes(notebook)) + "\n", encoding="utf-8", newline="\n")


def main(out, small, check, words, names):
    if check:
        found = [reason for reason in map(stale, names) if reason]
        print("\n".join(found) or "outputs and texts belong together")
        return int(bool(found))
    for name in names:
        notebook = with_new_words(name) if words else executed(name, out, small=small)
        write(notebook, out / f"{name}.ipynb")
        print(f"{out / name}.ipynb")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--words", action="store_true", help="keep the outputs, take over changed words")
    parser.add_argument("names", nargs="*", default=NAMES)
    sys.exit(main(**vars(parser.parse_args())))
