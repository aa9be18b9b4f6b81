// Bugs planted in this page, for W21: the same wrong lines on the code of the image of now, held against two laws.
(function (V) {
  "use strict";
  const DRAWS = 2000;
  const BOUND = 5; // standard errors

  /** z from mu, sigma and eps, one number of each; `uniform` noise where a bug draws another kind. */
  const SAMPLERS = {
    Z01: (mu, sigma, eps) => mu + sigma * sigma * eps,
    Z02: (mu, sigma, eps, uniform) => mu + sigma * uniform,
    Z03: (mu, sigma, eps) => mu + 0.5 * sigma * eps,
    Z07: (mu) => mu,
  };
  /** The KL from its terms, one a dimension. */
  const DIVERGENCES = {
    Z04: (each) => V.engine.sum(each) / each.length,
    Z05: (each) => -V.engine.sum(each),
    Z06: (each) => 2 * V.engine.sum(each),
  };
  const LIVE = { ...Object.fromEntries(Object.keys(SAMPLERS).map((id) => [id, "moments"])), ...Object.fromEntries(Object.keys(DIVERGENCES).map((id) => [id, "kl"])) };

  /** Draws of z of the image of now and the KL that is claimed, both with the bug: {mu, sigma, z, kl}; null without a posterior. */
  function sampled(shell, id) {
    const { mu, logvar } = shell.currentCode();
    if (!logvar) return null;
    const E = V.engine;
    const L = mu.length;
    const sigma = E.map(logvar, (one) => Math.exp(0.5 * one));
    const [eps, uniform] = [E.noise(0, "explorer zoo", 0, DRAWS * L), E.uniform(0, "explorer zoo", 1, DRAWS * L)];
    const draw = SAMPLERS[id] || ((m, s, e) => m + s * e);
    const z = E.map(eps, (one, i) => draw(mu[i % L], sigma[i % L], one, uniform[i]));
    return { mu, sigma, z, kl: (DIVERGENCES[id] || E.sum)(E.kl(mu, logvar).each) };
  }

  /**
   * E03: mean and variance of z in standard errors of draws of N(mu, sigma²); the worst dimension counts.
   *   |mean - mu| / (sigma / sqrt n)        |var / sigma² - 1| / sqrt(2 / (n - 1))
   */
  function moments({ mu, sigma, z }) {
    const [L, n] = [mu.length, z.length / mu.length];
    let worst = 0;
    for (let l = 0; l < L; l++) {
      const own = Float64Array.from({ length: n }, (_, k) => z[k * L + l]);
      const mean = V.engine.sum(own) / n;
      const variance = V.engine.sum(own.map((one) => (one - mean) ** 2)) / (n - 1);
      worst = Math.max(worst, (Math.abs(mean - mu[l]) * Math.sqrt(n)) / sigma[l], Math.abs(variance / sigma[l] ** 2 - 1) / Math.sqrt(2 / (n - 1)));
    }
    return worst;
  }

  /** E08: the claimed KL against the mean of log q(z) - log p(z) over draws, in standard errors of that mean. */
  function kl({ mu, sigma, z, kl: claimed }) {
    const L = mu.length;
    const logs = V.engine.sum(V.engine.map(sigma, Math.log));
    const ratios = Float64Array.from({ length: z.length / L }, (_, k) => {
      let total = -logs;
      for (let l = 0; l < L; l++) total += 0.5 * (z[k * L + l] ** 2 - ((z[k * L + l] - mu[l]) / sigma[l]) ** 2);
      return total;
    });
    const { mean, error } = V.engine.meanAndError(ratios);
    return Math.abs(mean - claimed) / error;
  }

  /** What the law for a bug measures in this page: {law, value, bound, sound}; null where there is none or no posterior. */
  function judged(page, shell, id) {
    const law = { moments, kl }[LIVE[id]];
    if (!law || !page.computes(shell.state.get().model) || (!page.count && shell.state.get().image >= 0)) return null;
    const found = sampled(shell, id);
    return found && { law: LIVE[id], value: law(found), sound: law(sampled(shell, "")), bound: BOUND };
  }

  /** The arrays that the printed lines load. */
  function draws(shell, id) {
    const found = sampled(shell, id) || { mu: new Float64Array(1), sigma: new Float64Array([1]), z: new Float64Array(2), kl: 0 };
    const L = found.mu.length;
    return { mu: { data: Float64Array.from(found.mu), shape: [L] }, sigma: { data: found.sigma, shape: [L] }, z: { data: found.z, shape: [found.z.length / L, L] },
      kl: { data: Float64Array.of(found.kl), shape: [1] } };
  }

  function lawCode() {
    return ["import numpy as np", 'w = np.load("bug-zoo.npz")', 'mu, sigma, z, kl = w["mu"], w["sigma"], w["z"], w["kl"][0]', "n = len(z)",
      "of_mean = np.abs(z.mean(0) - mu) / (sigma / np.sqrt(n))", "of_variance = np.abs(z.var(0, ddof=1) / sigma**2 - 1) / np.sqrt(2 / (n - 1))",
      "moments = max(of_mean.max(), of_variance.max())", "log_ratio = 0.5 * (z**2 - ((z - mu) / sigma) ** 2).sum(1) - np.log(sigma).sum()",
      "kl_by_draws = abs(log_ratio.mean() - kl) / max(log_ratio.std(ddof=1) / np.sqrt(n), 1e-12)"].join("\n");
  }

  V.widgets.plantedBugs = { LIVE, judged, draws, lawCode };
})((globalThis.Vitral = globalThis.Vitral || {}));
