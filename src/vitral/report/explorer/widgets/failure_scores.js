// The measure of the failure gallery (W23): what every image costs a model, found in a worker, a few images at a time.
(function (V) {
  "use strict";
  const DRAWS = 16; // z for each image
  const TOGETHER = 50; // images between two answers

  /**
   * Runs in a worker, and uses nothing from outside itself. Of every row x, with the same noise for all of them:
   *   bound   log (1/K) Σ_k p(x | z_k) p(z_k) / q(z_k | x), a lower bound of log p(x) that rises to it with K
   *   recon   the mean of -log p(x | z_k)        kl   KL(q(z | x), p(z))
   * A plain autoencoder has a point for a code: recon is -log p(x | mu), bound the same with its sign, and kl is NaN.
   * @param {{plain, name, rows: Float64Array, codes, draws: number, together: number}} question plain: the model, where
   *   the worker does not have it yet; codes: recorded {mu, logvar} of the rows, where the page has no encoder
   */
  function scoring(V, { plain, name, rows, codes, draws, together }, reply) {
    const E = V.engine;
    V.scored = V.scored || {};
    if (plain) V.scored[name] = new E.Model(plain.description, (key) => plain.arrays[key] || null);
    const model = V.scored[name];
    const [D, L] = [model.features, model.latent];
    const eps = E.noise(0, "explorer gallery", 0, draws * L);
    const N = rows.length / D;
    const found = { recon: E.zeros(N), kl: E.zeros(N), bound: E.zeros(N), mu: E.zeros(N * L) };
    const own = (list, i) => list && Float64Array.from(list.subarray(i * L, (i + 1) * L));

    for (let i = 0; i < N; i++) {
      const x = rows.slice(i * D, (i + 1) * D);
      const { mu, logvar } = codes ? { mu: own(codes.mu, i), logvar: own(codes.logvar, i) } : model.encode(x);
      found.mu.set(mu, i * L);
      const z = logvar ? model.reparameterise(mu, logvar, eps) : mu;
      const log_x = model.logProb(x, model.decode(z));
      found.recon[i] = -E.sum(log_x) / log_x.length;
      found.kl[i] = logvar ? E.sum(model.kl(mu, logvar).each) : NaN;
      found.bound[i] = logvar ? bound(log_x, z, mu, logvar) : log_x[0];
      if (i % together === together - 1) reply({ done: i + 1, ...found });
    }
    return { done: N, ...found };

    function bound(log_x, z, mu, logvar) {
      const [log_p, log_q] = [E.logPrior(z, L), E.logNormal(z, mu, logvar, L)];
      return E.logSumExp(E.map(log_x, (one, k) => one + log_p[k] - log_q[k])) - Math.log(draws);
    }
  }

  /** Asks the worker of a page: `score(name, rows, codes, progress)` is a promise of {recon, kl, bound, mu}. */
  function scorer(page, shell) {
    let worker = null;
    const sent = new Set();
    function score(name, rows, codes, progress) {
      worker = worker || shell.worker(scoring);
      const plain = sent.has(name) ? null : page.plain(name);
      sent.add(name);
      return worker.ask({ plain, name, rows, codes, draws: DRAWS, together: TOGETHER }, progress);
    }
    score.stop = () => worker && worker.stop();
    return score;
  }

  /** The share of a list below a value, in percent; equal ones count half. */
  function percentBelow(list, value) {
    let below = 0;
    for (const one of list) below += one < value ? 1 : one === value ? 0.5 : 0;
    return list.length ? (100 * below) / list.length : NaN;
  }

  /** The NumPy lines of the bound, of the rows x that the figure exports. */
  function boundCode(shell, name) {
    const model = shell.page.model(name);
    const { encoder, decoder } = model.description;
    const [to, from] = [shell.networkLines(encoder || [{}], "x", "h"), shell.networkLines(decoder, "z", "o")];
    const start = ["import numpy as np", 'w = np.load("failure-gallery.npz")', 'x, eps = w["x"], w["eps"]'];
    if (!to || !from || !model.hasDensity) {
      const call = model.hasDensity ? `bound = model.score(x, samples=${DRAWS})` : "reconstruction = model.reconstruct(x)";
      return [...start, "import vitral", `model = vitral.load("${name}.safetensors")`, call].join("\n");
    }
    return [...start, ...to, "mu, logvar = np.split(h[:, None], 2, axis=-1)", "z = mu + np.exp(0.5 * logvar) * eps", ...from, "x = x[:, None]",
      V.widgets.likelihoodLine(model), "log_w = log_x + 0.5 * (eps ** 2 + logvar - z ** 2).sum(-1)",
      "bound = np.logaddexp.reduce(log_w, axis=1) - np.log(len(eps))"].join("\n");
  }

  V.widgets.failures = { scorer, percentBelow, boundCode, DRAWS };
})((globalThis.Vitral = globalThis.Vitral || {}));
