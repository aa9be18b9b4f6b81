// Numbers of W13: all codes together, q(z) = (1/N) Σ_n q(z given x_n), against the prior. For a worker and for tests.
(function (V) {
  "use strict";

  /**
   * Runs in a worker, and uses nothing from outside itself.
   *   I = (1/N) Σ_i log q(z_i | x_i) - log q(z_i)        KL(q(z), p(z)) = (1/N) Σ_i log q(z_i) - log p(z_i)
   * on one draw z_i of each code; with image i left out of q(z_i) the first errs to the other side. Holes: prior draws
   * where q(z) is thinner than at 99 % of the codes; strays: codes where p(z) is thinner than at 99 % of its draws.
   * Cells: the masses of q and p over squares of a plane, exact, by differences of Φ.
   */
  function aggregate(V, { mu, logvar, L, span, cells }) {
    const E = V.engine;
    const N = mu.length / L;
    const eps = Array.from({ length: N }, (_, n) => E.noise(0, "explorer aggregate", n, L));
    const sigma = E.map(logvar, (one) => Math.exp(0.5 * one));
    const z = E.map(mu, (one, i) => one + sigma[i] * eps[Math.floor(i / L)][i % L]);
    const constants = Float64Array.from({ length: N }, (_, n) => {
      let total = -0.5 * L * E.LOG_TWO_PI;
      for (let l = 0; l < L; l++) total -= 0.5 * logvar[n * L + l];
      return total;
    });

    function logPairs(rows, i) {
      return E.map(constants, (constant, n) => {
        let total = constant;
        for (let l = 0; l < L; l++) total -= 0.5 * ((rows[i * L + l] - mu[n * L + l]) / sigma[n * L + l]) ** 2;
        return total;
      });
    }

    const quantile = (list, share) => Float64Array.from(list).sort()[Math.floor(share * (list.length - 1))];
    const mean = (f) => E.sum(Array.from({ length: N }, (_, i) => f(i))) / N;

    function together() {
      const [own, all, others] = [[], [], []];
      for (let i = 0; i < N; i++) {
        const pairs = logPairs(z, i);
        own.push(pairs[i]);
        all.push(E.logSumExp(pairs) - Math.log(N));
        pairs[i] = -Infinity;
        others.push(E.logSumExp(pairs) - Math.log(N - 1));
      }
      const prior = E.logPrior(z, L);
      return { own, all, others, prior };
    }

    function covered(at) {
      const draws = Array.from({ length: 1000 }, (_, i) => E.noise(0, "explorer prior draws", i, L));
      const thin = quantile(at.others, 0.01);
      const holes = draws.filter((one) => E.logSumExp(logPairs(one, 0)) - Math.log(N) < thin).length / draws.length;
      const rare = quantile(draws.map((one) => E.logPrior(one, L)[0]), 0.01);
      return { holes, strays: Array.from(at.prior).filter((one) => one < rare).length / N };
    }

    function masses(centre, deviation) {
      const edges = Array.from({ length: cells + 1 }, (_, i) => E.normalCdf(((2 * i) / cells - 1) * (span / deviation) - centre / deviation));
      return Array.from({ length: cells }, (_, i) => edges[i + 1] - edges[i]);
    }

    function overPlane() {
      const q = new Float64Array(cells * cells);
      for (let n = 0; n < N; n++) {
        const [a, b] = [0, 1].map((l) => masses(mu[2 * n + l], sigma[2 * n + l]));
        b.forEach((high, row) => {
          if (high > 1e-12) a.forEach((wide, column) => { q[row * cells + column] += (wide * high) / N; });
        });
      }
      const one = masses(0, 1);
      return { q, p: E.map(q, (_, i) => one[i % cells] * one[Math.floor(i / cells)]) };
    }

    const at = together();
    const kls = E.map(z, (_, i) => 0.5 * (mu[i] ** 2 + sigma[i] ** 2 - logvar[i] - 1));
    return {
      N, z, plane: L === 2 ? overPlane() : null, ...covered(at),
      kl: E.sum(kls) / N, drawn: mean((i) => at.own[i] - at.prior[i]),
      each: Array.from({ length: L }, (_, l) => mean((n) => kls[n * L + l])),
      information: mean((i) => at.own[i] - at.all[i]), informationHigh: mean((i) => at.own[i] - at.others[i]),
      marginal: mean((i) => at.all[i] - at.prior[i]), marginalLow: mean((i) => at.others[i] - at.prior[i]),
    };
  }

  /** The density of the distance from the origin under N(0, I) in L dimensions: r^(L-1) exp(-r²/2) / (2^(L/2-1) Γ(L/2)). */
  function chiDensity(r, L) {
    let logGamma = L % 2 ? 0.5 * Math.log(Math.PI) : 0;
    for (let k = L % 2 ? 0.5 : 1; k < L / 2; k++) logGamma += Math.log(k);
    return r > 0 ? Math.exp((L - 1) * Math.log(r) - (r * r) / 2 - (L / 2 - 1) * Math.LN2 - logGamma) : L === 1 ? Math.sqrt(2 / Math.PI) : 0;
  }

  Object.assign(V.widgets, { aggregate, chiDensity });
})((globalThis.Vitral = globalThis.Vitral || {}));
