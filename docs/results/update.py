"""Write the result table and the output blocks of README.md from what a command measured.

    vitral study --out runs/mnist
    python docs/results/update.py runs/mnist        keeps its numbers as docs/results/mnist.json
    python docs/results/update.py                   only rewrites README.md from that file

No number in README.md is typed by hand: the tests run this again and compare.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "docs" / "results" / "mnist.json"
README = ROOT / "README.md"
BLOCK = re.compile(r"(?<=<!-- results -->\n).*?(?=<!-- end of results -->)", re.DOTALL)
EXAMPLE = re.compile(r"```python\n(?P<code>.*?)```\n\n```text\n(?P<output>.*?)```", re.DOTALL)


def keep(run: Path) -> None:
    """The numbers of a finished run, and the machine that they were made on."""
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    environment = json.loads((run / "environment.json").read_text(encoding="utf-8"))
    for model in metrics["models"].values():
        del model["checks"]["items"]
    KEPT.write_text(
        json.dumps({"environment": environment, "metrics": metrics}, indent=1) + "\n", encoding="utf-8"
    )


def table(kept: dict[str, Any]) -> str:
    """The Markdown table: test images, z sampled, mean ± standard error over images."""
    metrics, environment = kept["metrics"], kept["environment"]
    lines = [
        "| model | squared error | PCA of that size | ELBO, nats | log p(x), nats | KL, nats | kNN | checks |",
        "|---|---|---|---|---|---|---|---|",
        *(_row(name, model, metrics) for name, model in metrics["models"].items()),
    ]
    first = next(iter(metrics["models"].values()))
    protocol = metrics["protocol"]
    note = (
        f"MNIST, official split, {metrics['data']['test']:,} test images, z sampled; mean ± standard error over "
        f"images; one training run each (seed {metrics['seed']}), {first['epochs']} epochs. Densities are per unit "
        f"of pixel intensity (0 to 1); log p(x) from {protocol['importance_samples']} importance samples on the "
        f"first {protocol['importance_images']:,} images. The mean image leaves "
        f"{metrics['baselines']['mean_image']['sse']:.2f}. Training and evaluation took "
        f"{environment['wall_seconds'] / 60:.1f} minutes on {environment['cores']} cores of {environment['cpu']} "
        f"(NumPy {environment['numpy']}, {environment['blas']['name']} kernel {environment['blas']['kernel']})."
    )
    return "\n".join([*lines, "", note, ""])


def _row(name: str, model: dict[str, Any], metrics: dict[str, Any]) -> str:
    test, pca = model["test"], metrics["baselines"]["pca"][str(model["latent"])]["sse"]

    def cell(key: str, digits: int) -> str:
        if test[key] is None:
            return "–"
        return f"{test[key]:.{digits}f} ± {test[f'{key}_se']:.{digits}f}".replace("-", "−")

    checks = f"{model['checks']['passed']}/{model['checks']['total']}"
    cells = [name, cell("sse", 2), f"{pca:.2f}", cell("elbo", 1), cell("log_px_hat", 1), cell("kl", 2)]
    return "| " + " | ".join([*cells, f"{test['knn_accuracy']:.3f}", checks]) + " |"


def with_results(readme: str, kept: dict[str, Any]) -> str:
    """README with its table rewritten."""
    return BLOCK.sub(lambda _: table(kept), readme)


def with_outputs(readme: str) -> str:
    """README with what each Python example really prints."""

    def run(match: re.Match[str]) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(match["code"], "README.md", "exec"), {})
        return f"```python\n{match['code']}```\n\n```text\n{printed.getvalue()}```"

    return EXAMPLE.sub(run, readme)


def main() -> None:
    if len(sys.argv) > 1:
        keep(Path(sys.argv[1]))
    readme = README.read_text(encoding="utf-8")
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    README.write_text(with_outputs(with_results(readme, kept)), encoding="utf-8")


if __name__ == "__main__":
    main()
