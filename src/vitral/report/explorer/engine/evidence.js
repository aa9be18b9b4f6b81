/* log p(x) and the true posterior of models with one or two latent dimensions, by adding up over the plane.

   p(x) = ∫ p(x given z) p(z) dz        p(z given x) = p(x given z) p(z) / p(x)

   The plane is cut into cells, and what the decoder says at every centre is kept: then log p(x given z) of any image is
   one matrix-vector product. Posteriors are far narrower than such a cell, so log p(x) needs cells cut finer where the
   mass lies: within 4 sigma of the encoder's mu, and wherever a centre comes near the best one. They start one sigma
   wide and are halved at least once: on a smooth function, centres are exact as soon as they lie no farther apart than
   the narrowest peak is wide. */
(function (V) {
  "use strict";
  const E = V.engine;
  const REACH = 4; // sigmas around mu that are always cut finer
  const NEAR = 30; // nats below the best centre within which a cell is cut finer as well
  const ENOUGH = 2e-3; // nats: when halving the small cells changes log p(x) by less, they are small enough
  const NEGLIGIBLE = 16; // nats below the whole: a cell with so little is not halved any more
  const MOST = 8000; // decodings after which no further halving begins; the last change says how far it came

  /** The decoder at the centres of cells of [-radius, radius]^L.
   * @param {V.engine.Model} model L = 1 or 2 @param {{radius?: number, cells?: number, progress?: function(number)}}
   *   options cells along an axis; progress hears of the share that is done
   * @returns {{z, outputs: Float32Array, natural: Float32Array, atZero, logPrior, step, cells, radius, latent}} plain
   *   data, which a worker can send. G = cells^L centres, row by row upwards: z (G, L); outputs is what the decoder puts
   *   out there (G, D) */
  function plane(model, { radius = 5, cells = 60, progress = null } = {}) {
    const [L, D] = [model.latent, model.features];
    if (L > 2) throw new Error(`the plane has 1 or 2 dimensions, and ${model.name} has ${L}`);
    const step = (2 * radius) / cells;
    const z = lattice(L, Array.from({ length: cells }, (unused, i) => (i + 0.5) * step - radius));
    const G = z.length / L;
    const [outputs, natural, atZero] = [new Float32Array(G * D), new Float32Array(G * D), E.zeros(G)];
    for (let g = 0; g < G; g++) {
      const o = model.decode(E.rowsOf(z, L, g));
      outputs.set(o, g * D);
      natural.set(model.likelihood.natural(o), g * D);
      atZero[g] = model.logProb(E.zeros(D), o)[0];
      if (progress && g % cells === 0) progress(g / G);
    }
    return { z, outputs, natural, atZero, logPrior: E.logPrior(z, L), step, cells, radius, latent: L };
  }

  /** Every pair of an axis, the second number running slowest; for one dimension, the axis. */
  function lattice(L, axis, other = axis) {
    if (L === 1) return Float64Array.from(axis);
    return Float64Array.from(Array.from(other).flatMap((second) => Array.from(axis).flatMap((first) => [first, second])));
  }

  /** log p(x given z) of one row at every centre: Σ_d x_d natural_d + log p(0 given z) + carrier(x) */
  function scores(model, kept, x) {
    const [D, own] = [x.length, model.likelihood.carrier(x)];
    const inked = Int32Array.from(Array.from(x.keys()).filter((d) => x[d] !== 0));
    return E.map(kept.atZero, (atZero, g) => {
      let total = atZero + own;
      for (const d of inked) total += x[d] * kept.natural[g * D + d];
      return total;
    });
  }

  /** The true posterior on the centres of a plane.
   * @returns {{logJoint: Float64Array, weights: Float64Array, logEvidence: number}} weights is the mass of every cell,
   *   1 in all; logEvidence is only as good as the cells are small, see ``logEvidence`` */
  function posterior(model, kept, x) {
    const logJoint = E.add(scores(model, kept, Float64Array.from(x)), kept.logPrior);
    const total = E.logSumExp(logJoint);
    const weights = E.map(logJoint, (each) => Math.exp(each - total));
    return { logJoint, weights, logEvidence: total + kept.latent * Math.log(kept.step) };
  }

  /** log p(x given z) + log p(z) of one row x at any codes z (K, L), a few rows at a time. */
  function logJoint(model, x, z) {
    const [L, found] = [model.latent, E.logPrior(z, model.latent)];
    for (let k = 0; k < found.length; k += 64) {
      const some = E.rowsOf(z, L, k, Math.min(k + 64, found.length));
      found.set(E.add(model.logProb(x, model.decode(some)), found.subarray(k, k + 64)), k);
    }
    return found;
  }

  /** log p(x) in nats: coarse cells, and small ones where the mass lies, halved until that changes nothing.
   * @param {{kept?: object}} options kept: a plane that is there already
   * @returns {{logEvidence: number, change: number, coarse: number, decoded: number, parts: number[]}} change: what the
   *   last halving did, in nats; coarse: from the plane alone; parts: how often a cell was cut along each axis */
  function logEvidence(model, x, { kept = plane(model, { cells: 40 }) } = {}) {
    if (!model.hasDensity) throw new Error(`a plain autoencoder has no p(x), and ${model.name} is one`);
    x = Float64Array.from(x);
    const { mu, logvar } = model.encode(x);
    const sigma = E.map(logvar, (l) => Math.exp(0.5 * l));
    const { logJoint: joint, logEvidence: coarse } = posterior(model, kept, x);
    let open = cellsToCut(kept, joint, mu, sigma);
    const taken = new Set(open.map((cell) => cell.place));
    const volume = kept.latent * Math.log(kept.step);
    let closed = [E.logSumExp(joint.filter((each, g) => !taken.has(g))) + volume]; // logs of masses
    let parts = Array.from(sigma, (s) => Math.ceil(kept.step / s));
    let [found, change, decoded] = [Infinity, Infinity, 0];
    for (; change > ENOUGH && decoded < MOST; parts = parts.map((part) => 2 * part)) {
      const masses = massesOf(model, x, kept, open, parts);
      decoded += open.length * parts.reduce((a, b) => a * b);
      const total = E.logSumExp([...closed, ...masses]);
      [found, change] = [total, Math.abs(total - found)];
      closed = [...closed, ...masses.filter((mass) => mass < total - NEGLIGIBLE)];
      open = open.filter((cell, i) => masses[i] >= total - NEGLIGIBLE);
    }
    return { logEvidence: found, change, coarse, decoded, parts: parts.map((part) => part / 2) };
  }

  /** Logs of the masses of cells, each cut into parts along each axis. */
  function massesOf(model, x, kept, cells, parts) {
    const count = parts.reduce((a, b) => a * b);
    const joint = logJoint(model, x, cut(kept, cells, parts));
    const volume = kept.latent * Math.log(kept.step) - Math.log(count);
    return cells.map((cell, i) => E.logSumExp(joint.subarray(i * count, (i + 1) * count)) + volume);
  }

  /** Cells to cut finer, {corner, place}: a corner in steps from the plane's own; place is null beyond the plane. */
  function cellsToCut(kept, joint, mu, sigma) {
    const { step, cells, radius, latent } = kept;
    const top = joint.reduce((a, b) => Math.max(a, b));
    const found = new Map();
    const note = (corner) => {
      const inside = corner.every((c) => c >= 0 && c < cells);
      const place = inside ? corner.reduceRight((total, c) => total * cells + c, 0) : null;
      found.set(corner.join(), { corner, place });
    };
    joint.forEach((each, g) => {
      if (each > top - NEAR) note(latent === 1 ? [g] : [g % cells, Math.floor(g / cells)]);
    });
    const range = Array.from(mu, (m, l) => {
      const [low, high] = [-1, 1].map((side) => Math.floor((m + side * REACH * sigma[l] + radius) / step));
      return Array.from({ length: high - low + 1 }, (unused, i) => low + i);
    });
    const [first, second = [null]] = range;
    for (const b of second) for (const a of first) note(b === null ? [a] : [a, b]);
    return [...found.values()];
  }

  /** The centres of the parts of cells, (K, L). */
  function cut({ step, radius, latent }, chosen, parts) {
    const centres = (corner, l) =>
      Array.from({ length: parts[l] }, (unused, i) => (corner[l] + (i + 0.5) / parts[l]) * step - radius);
    const found = chosen.map(({ corner }) =>
      latent === 1 ? centres(corner, 0) : Array.from(lattice(2, centres(corner, 0), centres(corner, 1))));
    return Float64Array.from(found.flat());
  }

  /** The true posterior close up: a lattice of points^L over mu ± reach sigma of any Gaussian q.
   * @returns {{z, logJoint, density: Float64Array, axes: number[][], logMass: number}} density relative to the highest;
   *   logMass: log of the integral over the patch, to be held against logEvidence */
  function patch(model, x, q, { reach = REACH, points = 41 } = {}) {
    const sigma = E.map(q.logvar, (l) => Math.exp(0.5 * l));
    const axes = Array.from(q.mu, (m, l) =>
      Array.from({ length: points }, (unused, i) => m + reach * sigma[l] * ((2 * i) / (points - 1) - 1)));
    const z = lattice(model.latent, ...axes);
    const joint = logJoint(model, Float64Array.from(x), z);
    const top = joint.reduce((a, b) => Math.max(a, b));
    const logCell = E.sum(E.map(sigma, (s) => Math.log((2 * reach * s) / (points - 1))));
    const density = E.map(joint, (each) => Math.exp(each - top));
    return { z, logJoint: joint, density, axes, logMass: E.logSumExp(joint) + logCell };
  }

  Object.assign(E, { plane, posterior, logJoint, logEvidence, patch });
})((globalThis.Vitral = globalThis.Vitral || {}));
