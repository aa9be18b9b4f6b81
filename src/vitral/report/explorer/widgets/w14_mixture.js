// A mixture of Gaussians fitted to codes: the simplest prior that knows where the codes of a trained model lie.
(function (V) {
  "use strict";

  /** The lower factor of a covariance (L, L), flat; a little on the diagonal keeps a component from falling flat. */
  function factor(covariance, L) {
    const C = new Float64Array(L * L);
    for (let i = 0; i < L; i++) {
      for (let j = 0; j <= i; j++) {
        let rest = covariance[i * L + j] + (i === j ? 1e-6 : 0);
        for (let k = 0; k < j; k++) rest -= C[i * L + k] * C[j * L + k];
        C[i * L + j] = i === j ? Math.sqrt(Math.max(rest, 1e-12)) : rest / C[j * L + j];
      }
    }
    return C;
  }

  /** log weight + log N(z; mean, C Cᵀ), by solving C u = z - mean. */
  function logPart({ weight, mean, C }, z) {
    const L = mean.length;
    const u = new Float64Array(L);
    let total = Math.log(weight) - 0.5 * L * V.engine.LOG_TWO_PI;
    for (let i = 0; i < L; i++) {
      let rest = z[i] - mean[i];
      for (let k = 0; k < i; k++) rest -= C[i * L + k] * u[k];
      u[i] = rest / C[i * L + i];
      total -= 0.5 * u[i] * u[i] + Math.log(C[i * L + i]);
    }
    return total;
  }

  function weighted(rows, shares, L) {
    const weight = V.engine.sum(shares);
    const mean = new Float64Array(L);
    rows.forEach((z, n) => z.forEach((one, i) => { mean[i] += (shares[n] * one) / weight; }));
    const covariance = new Float64Array(L * L);
    rows.forEach((z, n) => {
      for (let i = 0; i < L; i++) {
        for (let j = 0; j <= i; j++) covariance[i * L + j] += (shares[n] * (z[i] - mean[i]) * (z[j] - mean[j])) / weight;
      }
    });
    return { weight: weight / rows.length, mean, C: factor(covariance, L) };
  }

  /**
   * Expectation-maximisation: p(z) = Σ_k w_k N(z; m_k, C_k C_kᵀ).
   *   r_nk = w_k N(z_n; m_k, C_k) / p(z_n)        w_k, m_k, C_k: weight, mean and covariance of the rows under r_k
   * It begins with rows far apart (each next one drawn by its squared distance). Rows are arrays of L numbers.
   */
  function fittedMixture(rows, { parts = 10, rounds = 40, seed = 0 } = {}) {
    const L = rows[0].length;
    const centres = spreadCentres(rows, parts, seed);
    let shares = centres.map((centre) => rows.map((z) => (nearest(centres, z) === centre ? 1 : 0)));
    let mixture = [];
    for (let round = 0; round < rounds; round++) {
      mixture = shares.filter((one) => V.engine.sum(one) > L + 1).map((one) => weighted(rows, one, L));
      const logs = rows.map((z) => mixture.map((part) => logPart(part, z)));
      const totals = logs.map((list) => V.engine.logSumExp(list));
      shares = mixture.map((part, k) => logs.map((list, n) => Math.exp(list[k] - totals[n])));
    }
    return mixture;
  }

  const apart = (a, b) => a.reduce((sum, one, i) => sum + (one - b[i]) ** 2, 0);

  function nearest(centres, z) {
    return centres.reduce((best, one) => (apart(one, z) < apart(best, z) ? one : best));
  }

  function spreadCentres(rows, parts, seed) {
    const centres = [rows[0]];
    const u = V.engine.uniform(seed, "mixture start", 0, parts);
    const distance = rows.map(() => Infinity);
    while (centres.length < parts) {
      rows.forEach((z, n) => { distance[n] = Math.min(distance[n], apart(z, centres.at(-1))); });
      let left = u[centres.length] * V.engine.sum(distance);
      centres.push(rows[Math.max(0, distance.findIndex((one) => (left -= one) <= 0))]);
    }
    return centres;
  }

  /** log p(z) of one point. */
  function logMixture(mixture, z) {
    return V.engine.logSumExp(mixture.map((part) => logPart(part, z)));
  }

  /** mean_k + temperature C_k eps, the component k by one number u between 0 and 1. */
  function mixtureDraw(mixture, u, eps, temperature) {
    let left = u * mixture.reduce((sum, part) => sum + part.weight, 0);
    const part = mixture.find(({ weight }) => (left -= weight) <= 0) || mixture.at(-1);
    const L = eps.length;
    return Array.from(eps, (unused, i) => {
      let value = part.mean[i];
      for (let k = 0; k <= i; k++) value += temperature * part.C[i * L + k] * eps[k];
      return value;
    });
  }

  Object.assign(V.widgets, { fittedMixture, logMixture, mixtureDraw });
})((globalThis.Vitral = globalThis.Vitral || {}));
