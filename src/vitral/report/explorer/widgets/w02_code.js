// W2's printed code: the sheet to an image, by the rule of MNIST, and what the model makes of it, in plain NumPy.
(function (V) {
  "use strict";

  const CENTRED = [
    "rows, columns = (np.flatnonzero((sheet > 0.5 / 255).any(axis)) for axis in (1, 0))",
    "ink = sheet[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]",
    "step = max(ink.shape) / side",
    "def shares(n):  # how much of each of n cells every pixel averages",
    "    cells, pixel = np.arange(n), np.arange(int(np.ceil(n / step - 1e-9)))[:, None]",
    "    ends = np.minimum(np.minimum((pixel + 1) * step, n), cells + 1)",
    "    return np.maximum(0, ends - np.maximum(pixel * step, cells)) / step",
    "small = shares(ink.shape[0]) @ ink @ shares(ink.shape[1]).T",
    "mass = [small.sum(1 - a) @ np.arange(small.shape[a]) / small.sum() for a in (0, 1)]",
    "top, left = (int(np.clip(np.floor(n // 2 - m + 0.5), 0, n - s)) for n, m, s in zip((H, W), mass, small.shape))",
    "image = np.zeros((H, W))",
    "image[top:top + small.shape[0], left:left + small.shape[1]] = small",
  ];

  function imageLines({ paper, side, bits }, way, blank) {
    const { k, height, width } = paper;
    const head = ["import json", "from pathlib import Path", "import numpy as np", "given = json.loads(Path(\"drawing.json\").read_text())",
      "sheet = np.array(given[\"sheet\"][\"values\"]).reshape(given[\"sheet\"][\"shape\"])", `H, W, k, side = ${height}, ${width}, ${k}, ${side}`];
    const drawn = "image = sheet.reshape(H, k, W, k).mean((1, 3))";
    return [...head, ...(way === "centred" && !blank ? CENTRED : [drawn]), `x = ${bits ? "(image >= 0.5).astype(float)" : "image"}.ravel()`];
  }

  /** The code of both networks, where they are chains of dense layers. */
  function modelLines(shell, model, now, draws) {
    const { description } = model;
    const [encoder, decoder] = [shell.networkLines(description.encoder, "x", "h"), shell.networkLines(description.decoder, "z", "o")];
    if (!encoder || !decoder) {
      return ["import vitral", `model = vitral.load("${description.name}.safetensors")`, now.logvar ? "mu, logvar = model.encode(x[None])" : "mu = model.encode(x[None])",
        "mean = model.decode(mu)"];
    }
    const terms = [...decoder, shell.meanLine(description.likelihood).replace(/^x = /, "mean = "), ...V.widgets.loss.termsLines(model)];
    const load = ["w = np.load(\"drawing.npz\")", ...encoder];
    if (!now.logvar) return [...load, "z = h", ...terms, "print(terms.sum())"];
    return [...load, "mu, logvar = np.split(h, 2)", `eps = np.array(given["eps"]).reshape(${draws}, ${model.latent})`,
      "z = mu + np.exp(0.5 * logvar) * eps", ...terms, "recon = terms.sum(-1).mean()",
      "kl = 0.5 * np.sum(mu ** 2 + np.exp(logvar) - 1 - logvar)", "print(recon, kl, recon + kl)"];
  }

  V.widgets.drawingCode = (shell, rule, { model, now, cells, eps }) => {
    const blank = !cells.some((one) => one > V.widgets.paper.FAINT);
    return [...imageLines(rule, now.way, blank), ...modelLines(shell, model, now, eps.length / model.latent)].join("\n");
  };
})((globalThis.Vitral = globalThis.Vitral || {}));
