/* The browser against NumPy: the same weights, the same row, the same noise, and the largest differences between the two.

   Golden vectors (golden.py) were computed by Vitral's own model from exactly the weights that the page holds. */
(function (V) {
  "use strict";
  const E = V.engine;

  /** Measured differences; each is null where there is nothing to compare.
   * @param {V.engine.Model} model @param {object} golden the model's entry of the page's ``golden``
   * @param {{evidence?: boolean}} options evidence: false leaves the integral out, which takes longest
   * @returns {{forward: number, gradient: number, noise: number, evidence: number|null}} forward: absolute, of what
   *   is of order one, and relative to the value above; gradient: relative; noise and evidence: absolute, nats */
  function parity(model, golden, { evidence = true } = {}) {
    const x = golden.x || E.uniform(golden.seed, "golden x", 0, model.features);
    const step = model.step(x, E.noise(golden.seed, "golden eps", 0, model.latent), golden.beta);
    return {
      forward: largest(Object.entries(golden.forward).map(([name, kept]) => forwardError(step, name, kept))),
      gradient: largest(Object.entries(golden.gradients).map(([name, kept]) => gradientError(step.gradients[name], kept))),
      noise: noiseError(golden),
      evidence: evidence && golden.evidence ? evidenceError(model, x, golden.evidence) : null,
    };
  }

  /** NaN is the largest of all differences. */
  const largest = (errors) => errors.reduce((worst, each) => (each > worst || Number.isNaN(each) ? each : worst), 0);

  const length = (array) => Math.sqrt(E.dot(array, array));

  function forwardError(step, name, kept) {
    const error = (a, b) => Math.abs(a - b) / Math.max(1, Math.abs(b));
    if (typeof kept === "number") return error(step[name], kept);
    const array = name === "kl" ? step.klEach.each : step.arrays[name];
    return largest([error(length(array), kept.norm), ...kept.entries.map(([at, value]) => error(array[at], value))]);
  }

  /** |a - b| over the larger of the two, or over a millionth of the norm where both are next to nothing. */
  function gradientError(array, { norm, entries }) {
    const error = (a, b) => (a === b ? 0 : Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b), 1e-6 * norm));
    return largest([error(length(array), norm), ...entries.map(([at, value]) => error(array[at], value))]);
  }

  function noiseError(golden) {
    const drawn = E.noise(golden.seed, "golden noise", 1, golden.noise.length);
    return largest(golden.noise.map((value, i) => Math.abs(value - drawn[i])));
  }

  function evidenceError(model, x, { log_px: exact }) {
    return Math.abs(E.logEvidence(model, x).logEvidence - exact);
  }

  Object.assign(E, { parity });
})((globalThis.Vitral = globalThis.Vitral || {}));
