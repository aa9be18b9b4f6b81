// What W17 and W18 ask of a page with many models: what is measured, over how many seeds, and which models go together.
(function (V) {
  "use strict";

  const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;

  /**
   * A measure of the test images: {value, spread, seeds}. Of several seeds their mean and the spread between them
   * (divisor n - 1); of one seed its value and the standard error over images.
   */
  function measured(one, key) {
    const known = ((one.metrics || {}).seeds || []).map(({ test }) => (test || {})[key]).filter(Number.isFinite);
    if (known.length > 1) {
      const value = mean(known);
      const squares = known.reduce((sum, each) => sum + (each - value) ** 2, 0);
      return { value, spread: Math.sqrt(squares / (known.length - 1)), seeds: known.length };
    }
    const test = (one.metrics || {}).test || {};
    const finite = (value) => (Number.isFinite(value) ? value : NaN);
    return { value: finite(test[key]), spread: finite(test[key + "_se"]), seeds: 1 };
  }

  function network({ metrics, likelihood }) {
    return JSON.stringify([metrics.encoder, metrics.decoder, likelihood.kind]);
  }

  /** How a model was trained: {kind: "autoencoder"}, {kind: "beta", beta}, or {kind: "other", label}. */
  function training(one) {
    if (one.kind !== "vae") return { kind: "autoencoder" };
    const { objective, posterior, prior } = one;
    const plain = objective && objective.kind === "elbo" && typeof objective.beta === "number" && (objective.samples || 1) === 1;
    const usual = (!posterior || posterior.kind === "diagonal") && (!prior || prior.kind === "standard_normal");
    if (plain && usual) return { kind: "beta", beta: objective.beta };
    return { kind: "other", label: one.label || (objective || {}).kind || one.name };
  }

  /** Measured models in groups of one network, the group of most models first; each group as in the report. */
  function families(page) {
    const groups = new Map();
    for (const one of page.models) {
      if (!one.metrics || !one.metrics.test) continue;
      const key = network(one);
      groups.set(key, [...(groups.get(key) || []), one]);
    }
    return [...groups.values()].sort((a, b) => b.length - a.length);
  }

  /** The layers of a network in words: 128, or 200-200-200; its kind where it has none. */
  function layers(one) {
    const { hidden, encoder } = one.metrics;
    return hidden && hidden.length ? hidden.join("-") : (encoder || {}).kind || "\u2013";
  }

  V.widgets.comparison = { measured, training, families, layers };
})((globalThis.Vitral = globalThis.Vitral || {}));
