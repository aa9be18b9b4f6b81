// Numbers of W19: what a likelihood claims of pixels that it has not seen, and what the test images say to it.
(function (V) {
  "use strict";
  const BINS = 10;

  /**
   * Runs in a worker too, and uses nothing from outside itself. Every test image is encoded, one z is drawn from its
   * q(z given x), and every pixel of p(x given z) falls into a bin by its predicted mean m. Sums of each bin:
   *   count      pixels            predicted  Σ m       found  Σ x
   *   claimed    Σ of the variance that the likelihood states        squares  Σ (x - m)²
   * @param {{plain, name, images: Float32Array, codes, bins: number}} question codes: recorded {mu, logvar}, where the
   *   page has no encoder
   */
  function calibrating(V, { plain, images, codes, bins }, reply) {
    const E = V.engine;
    const model = new E.Model(plain.description, (key) => plain.arrays[key] || null);
    const [D, L] = [model.features, model.latent];
    const N = codes ? Math.min(images.length / D, codes.mu.length / L) : images.length / D;
    const sums = Object.fromEntries(["count", "predicted", "found", "claimed", "squares"].map((name) => [name, E.zeros(bins)]));
    const z = E.zeros(N * L);
    const own = (list, i) => list && Float64Array.from(list.subarray(i * L, (i + 1) * L));

    for (let i = 0; i < N; i++) {
      const x = images.subarray(i * D, (i + 1) * D);
      const { mu, logvar } = codes ? { mu: own(codes.mu, i), logvar: own(codes.logvar, i) } : model.encode(x);
      const drawn = model.reparameterise(mu, logvar, E.noise(0, "explorer calibration", i, L));
      z.set(drawn, i * L);
      const o = model.decode(drawn);
      const [mean, deviation] = [model.mean(o), model.likelihood.deviation(o)];
      for (let d = 0; d < D; d++) {
        const bin = Math.max(0, Math.min(bins - 1, Math.floor(bins * mean[d])));
        sums.count[bin] += 1;
        sums.predicted[bin] += mean[d];
        sums.found[bin] += x[d];
        sums.claimed[bin] += deviation[d] ** 2;
        sums.squares[bin] += (x[d] - mean[d]) ** 2;
      }
      if (reply && i % 100 === 99) reply({ done: i + 1 });
    }
    return { done: N, z, ...sums };
  }

  /** The bins that hold pixels: means, and root mean squares of what was claimed and of what was found. */
  function binsOf({ count, predicted, found, claimed, squares }) {
    return Array.from(count, (n, bin) => ({
      bin, n, from: bin / BINS, to: (bin + 1) / BINS, predicted: predicted[bin] / n, found: found[bin] / n,
      claimed: Math.sqrt(claimed[bin] / n), scatter: Math.sqrt(squares[bin] / n),
    })).filter((one) => one.n > 0);
  }

  /** The expected calibration error Σ n |found - predicted| / Σ n, and both spreads over all pixels. */
  function whole(found) {
    const bins = binsOf(found);
    const total = bins.reduce((sum, one) => sum + one.n, 0);
    const mean = (f) => bins.reduce((sum, one) => sum + one.n * f(one), 0) / total;
    return {
      error: mean((one) => Math.abs(one.found - one.predicted)), claimed: Math.sqrt(mean((one) => one.claimed ** 2)),
      scatter: Math.sqrt(mean((one) => one.scatter ** 2)), pixels: total,
    };
  }

  /** Mean and standard deviation, pixel by pixel, of images that follow each other in one array. */
  function spreadOf(images, D) {
    const n = images.length / D;
    const [mean, square] = [V.engine.zeros(D), V.engine.zeros(D)];
    images.forEach((one, i) => { mean[i % D] += one / n; });
    images.forEach((one, i) => { square[i % D] += (one - mean[i % D]) ** 2 / n; });
    return { mean, deviation: V.engine.map(square, Math.sqrt) };
  }

  /** The NumPy lines of both curves, from the test images and the codes that the figure exports. */
  function calibrationCode(shell, model) {
    const { likelihood, decoder, name } = model.description;
    const lines = shell.networkLines(decoder, "z", "o");
    const variance = model.likelihood.variance();
    const spread = variance !== null ? `s = np.full_like(m, np.sqrt(${Number(variance.toPrecision(10))}))`
      : likelihood.kind === "bernoulli" ? "s = np.sqrt(m * (1 - m))" : "s = np.sqrt(1 / o ** 2 - 0.25 / np.sinh(o / 2) ** 2)";
    const mean = lines ? [...lines, shell.meanLine(likelihood).replace("x = ", "m = ")]
      : ["import vitral", `m = vitral.load("${name}.safetensors").decode(z)`];
    return ["import numpy as np", 'w = np.load("decoder-uncertainty.npz")', 'x, z = w["x"], w["z"]', ...mean, spread,
      `bins = np.clip(np.floor(${BINS} * m), 0, ${BINS - 1}).astype(int).ravel()`,
      `n = np.maximum(np.bincount(bins, minlength=${BINS}), 1)`,
      `predicted, found = [np.bincount(bins, each.ravel(), ${BINS}) / n for each in (m, x)]`,
      `claimed, scatter = [np.sqrt(np.bincount(bins, each.ravel() ** 2, ${BINS}) / n) for each in (s, x - m)]`].join("\n");
  }

  V.widgets.claims = { calibrating, binsOf, whole, spreadOf, calibrationCode, BINS };
})((globalThis.Vitral = globalThis.Vitral || {}));
