// The stages of a training step: forward layer by layer, the loss, backward, and the step; each with its line and equation.
(function (V) {
  "use strict";

  const FORWARD = {
    relu: ["np.maximum({x}, 0)", "y = \"max\"(x, 0)"],
    tanh: ["np.tanh({x})", "y = \"tanh\" x"],
    sigmoid: ["1 / (1 + np.exp(-{x}))", "y = \\frac{1}{1 + e^{-x}}"],
    softplus: ["np.logaddexp(0, {x})", "y = \"log\"(1 + e^x)"],
    silu: ["{x} / (1 + np.exp(-{x}))", "y = \\frac{x}{1 + e^{-x}}"],
  };
  const BACKWARD = {
    relu: ["{dy} * ({x} > 0)", "δ_x = δ_y · 1[x > 0]"],
    tanh: ["{dy} * (1 - {y} ** 2)", "δ_x = δ_y (1 - y^2)"],
    sigmoid: ["{dy} * {y} * (1 - {y})", "δ_x = δ_y · y (1 - y)"],
    softplus: ["{dy} / (1 + np.exp(-{x}))", "δ_x = \\frac{δ_y}{1 + e^{-x}}"],
    silu: ["{dy} * (1 + {x} * np.exp(-{x}) / (1 + np.exp(-{x}))) / (1 + np.exp(-{x}))", "δ_x = δ_y (s + y (1 - s)), s = \\frac{1}{1 + e^{-x}}"],
  };
  const filled = (text, names) => text.replace(/\{(\w+)\}/g, (whole, name) => names[name]);

  /** Names of the code for what the engine calls encoder.0, decoder.2, ...: e0, d2, and x, h, z, o at the ends. */
  function shortNames(model) {
    const last = { encoder: "h", decoder: "o" };
    const names = { x: "x", z: "z" };
    for (const part of ["encoder", "decoder"]) {
      model[part].forEach((op, i) => { names[`${part}.${i}`] = i === model[part].length - 1 ? last[part] : part[0] + i; });
    }
    return names;
  }

  function before(part, i) {
    if (i > 0) return `${part}.${i - 1}`;
    return part === "encoder" ? "x" : "z";
  }

  function forwardStage(part, op, i, names) {
    const [x, y] = [names[before(part, i)], names[`${part}.${i}`]];
    const common = { id: `${part}.${i}`, key: "layer", values: { name: y, op: op.op }, shows: [`${part}.${i}`], reached: `${part}.${i}` };
    if (op.op === "affine") return { ...common, line: `${y} = ${x} @ w["${op.W}"] + w["${op.b}"]`, equation: `${y} = ${x} · W + b` };
    const [line, equation] = FORWARD[op.op] || ["...  # the layer " + op.op + ", which is more than a line", "y = f(x)"];
    return { ...common, line: `${y} = ${filled(line, { x })}`, equation };
  }

  function backwardStage(part, op, i, names) {
    const [from, to] = [`${part}.${i}`, before(part, i)];
    const [x, y, dy, dx] = [names[to], names[from], "d_" + names[from], "d_" + names[to]];
    const common = { id: `${part}.${i}.back`, key: "back", values: { name: dx, op: op.op }, slopes: [to], slope: to };
    if (op.op === "affine") {
      return {
        ...common, tensors: [op.W, op.b], equation: `∂W = ${x}^T δ_{${y}}, ∂b = δ_{${y}}, δ_{${x}} = δ_{${y}} W^T`,
        line: `g["${op.W}"] = np.outer(${x}, ${dy}); g["${op.b}"] = ${dy}; ${dx} = ${dy} @ w["${op.W}"].T`,
      };
    }
    const [line, equation] = BACKWARD[op.op] || ["...  # backwards through the layer " + op.op, "δ_x = f'(x)^T δ_y"];
    return { ...common, line: `${dx} = ${filled(line, { x, y, dy })}`, equation };
  }

  const LOSS = {
    bernoulli: {
      terms: "terms = np.logaddexp(0, o) - x * o", slope: "d_o = 1 / (1 + np.exp(-o)) - x",
      equation: "\\frac{∂L}{∂o} = \\hat{x} - x",
    },
    continuous_bernoulli: {
      terms: "terms = np.maximum(o, 0) - x * o - np.log(np.abs(o) / -np.expm1(-np.abs(o)))", slope: "d_o = 0.5 + 0.5 / np.tanh(o / 2) - 1 / o - x",
      equation: "\\frac{∂L}{∂o} = \\hat{x} - x",
    },
    sigmoid: {
      terms: "m = 1 / (1 + np.exp(-o)); terms = (x - m) ** 2 / (2 * s2) + 0.5 * np.log(2 * np.pi * s2)",
      slope: "d_o = (m - x) / s2 * m * (1 - m)", equation: "\\frac{∂L}{∂o} = \\frac{\\hat{x} - x}{s^2} \\hat{x} (1 - \\hat{x})",
    },
    identity: {
      terms: "m = o; terms = (x - m) ** 2 / (2 * s2) + 0.5 * np.log(2 * np.pi * s2)",
      slope: "d_o = (m - x) / s2", equation: "\\frac{∂L}{∂o} = \\frac{\\hat{x} - x}{s^2}",
    },
  };

  /** The gradient of a learned variance s² = floor + exp(raw): (D/2 - SSE / (2 s²)) (s² - floor) / s². */
  function varianceLine({ raw, floor }) {
    if (!raw) return "";
    return `; g["${raw}"] = np.array([(x.size / 2 - np.sum((x - m) ** 2) / (2 * s2)) * (s2 - ${floor}) / s2])`;
  }

  function lossStages({ likelihood }, hasDensity) {
    const own = LOSS[likelihood.link] || LOSS[likelihood.kind];
    const kl = hasDensity ? " + beta * 0.5 * np.sum(mu ** 2 + np.exp(logvar) - 1 - logvar)" : "";
    return [
      { id: "loss", key: "loss", shows: ["mean", "terms"], line: `${own.terms}; loss = terms.sum()${kl}`,
        equation: hasDensity ? "L = -\"log\" p(x|z) + β \"KL\"" : "L = -\"log\" p(x|z)" },
      { id: "o.back", key: "output", values: { name: "d_o" }, slopes: ["o"], slope: "o", equation: own.equation,
        line: own.slope + varianceLine(likelihood), tensors: likelihood.raw ? [likelihood.raw] : [] },
    ];
  }

  const POSTERIOR = [
    { id: "posterior", key: "posterior", shows: ["mu", "logvar", "sigma"], reached: "mu", line: "mu, logvar = np.split(h, 2); sigma = np.exp(logvar / 2)",
      equation: "(μ, \"log\" σ^2) = h" },
    { id: "z", key: "z", shows: ["eps", "z"], reached: "z", line: "z = mu + sigma * eps", equation: "z = μ + σ ε" },
  ];
  const POSTERIOR_BACK = {
    id: "posterior.back", key: "forces", slopes: ["mu", "logvar"], slope: "mu", forces: true,
    line: "d_mu = d_z + beta * mu; d_logvar = 0.5 * d_z * eps * sigma + beta * 0.5 * (sigma ** 2 - 1); d_h = np.concatenate([d_mu, d_logvar])",
    equation: "\\frac{∂L}{∂μ} = \\frac{∂L}{∂z} + β μ, \\frac{∂L}{∂\"log\" σ^2} = \\frac{1}{2} \\frac{∂L}{∂z} ε σ + \\frac{β}{2} (σ^2 - 1)",
  };

  /**
   * The stages of a step, in order. Each: {id, key (of its text), values, line (of NumPy), equation, shows (names of
   * arrays), slopes (names of derivatives), tensors (gradients by name), forces, reached, slope}.
   */
  function stages(model) {
    const names = shortNames(model);
    if (!model.hasDensity) names[`encoder.${model.encoder.length - 1}`] = "z";
    const each = (part, make) => model[part].map((op, i) => make(part, op, i, names));
    const point = model.hasDensity ? [] : [{ id: "z", key: "z_point", shows: ["z"], reached: "z", line: "# z is the code itself", equation: "z = h" }];
    return [
      { id: "x", key: "x", shows: ["x"], reached: "x", line: "# x, eps and w: the exported files", equation: "x" },
      ...each("encoder", forwardStage), ...(model.hasDensity ? POSTERIOR : point), ...each("decoder", forwardStage),
      ...lossStages(model.description, model.hasDensity), ...each("decoder", backwardStage).reverse(),
      ...(model.hasDensity ? [POSTERIOR_BACK] : []), ...each("encoder", backwardStage).reverse(),
      { id: "apply", key: "apply", line: "w = {name: w[name] - rate * g[name] for name in g}", equation: "θ' = θ - η g, L(θ') - L(θ) ≈ g · Δθ = -η ||g||^2" },
    ];
  }

  /** Arrays that have a value and a derivative, in the order of the forward pass: [[array, derivative]]. */
  function pairs(model) {
    const layers = (part) => model[part].map((op, i) => `${part}.${i}`);
    const code = model.hasDensity ? ["mu", "logvar"] : [];
    return ["x", ...layers("encoder"), ...code, "z", ...layers("decoder")];
  }

  V.widgets.stepStages = { stages, pairs, shortNames };
})((globalThis.Vitral = globalThis.Vitral || {}));
