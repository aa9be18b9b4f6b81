// The lines of NumPy that compute what a figure shows, written from the model's own description.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});
  const ACTIVATIONS = {
    relu: (h) => `np.maximum(${h}, 0)`,
    tanh: (h) => `np.tanh(${h})`,
    sigmoid: (h) => `1 / (1 + np.exp(-${h}))`,
    softplus: (h) => `np.logaddexp(0, ${h})`,
    silu: (h) => `${h} / (1 + np.exp(-${h}))`,
  };

  /** One line an operation; null where a network has one that is more than a line. */
  function networkLines(operations, from, to) {
    const lines = [];
    let name = from;
    for (const op of operations) {
      if (op.op === "affine") lines.push(`${to} = ${name} @ w["${op.W}"] + w["${op.b}"]`);
      else if (ACTIVATIONS[op.op]) lines.push(`${to} = ${ACTIVATIONS[op.op](name)}`);
      else return null;
      name = to;
    }
    return lines;
  }

  function meanLine(likelihood) {
    if (likelihood.kind === "continuous_bernoulli") return "x = 0.5 + 0.5 / np.tanh(o / 2) - 1 / o";
    return likelihood.link === "identity" ? "x = o" : "x = 1 / (1 + np.exp(-o))";
  }

  /** A Python list of numbers. */
  function pythonList(values) {
    return "[" + Array.from(values, (value) => String(Number(value.toFixed(6)))).join(", ") + "]";
  }

  /** From z to the mean image, in plain NumPy on the exported weights; through vitral where layers are not dense. */
  function decoderCode(description, z) {
    const lines = networkLines(description.decoder, "z", "o");
    const start = ["import numpy as np", `w = np.load("${description.name}.npz")`, `z = np.array([${pythonList(z)}])`];
    if (lines) return [...start, ...lines, meanLine(description.likelihood)].join("\n");
    return ["import numpy as np", "import vitral", `model = vitral.load("${description.name}.safetensors")`,
      `z = np.array([${pythonList(z)}])`, "x = model.decode(z)"].join("\n");
  }

  Object.assign(shell, { networkLines, meanLine, pythonList, decoderCode });
})((globalThis.Vitral = globalThis.Vitral || {}));
