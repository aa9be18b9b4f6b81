/* Bounds below log p(x): the ELBO, the importance-weighted bound, and the best Gaussian for one image.

   log p(x) - ELBO = [log p(x) - ELBO(best q)] + [ELBO(best q) - ELBO(encoder's q)]
                       family gap                   amortisation gap                        (Cremer et al. 2018) */
(function (V) {
  "use strict";
  const E = V.engine;

  /** log p(x given z) + log p(z) - log q(z given x) at z = mu + sigma eps, one a draw eps (K, L); their mean is an
   *  estimate of the ELBO of q = {mu, logvar}. */
  function logWeights(model, x, q, eps) {
    const z = model.reparameterise(q.mu, q.logvar, eps);
    const log_q = E.logNormal(z, q.mu, q.logvar, model.latent);
    return E.map(E.logJoint(model, Float64Array.from(x), z), (each, k) => each - log_q[k]);
  }

  /** IWAE_K = E[log (1/K) Σ_k w_k] for each K of ``sizes``, from one row of log weights cut into groups of K.
   * @returns {{K: number, mean: number, error: number|null, groups: number}[]} error: the standard error of the mean
   *   over groups, null for a single one */
  function importanceCurve(logW, sizes) {
    return sizes.filter((K) => K <= logW.length).map((K) => {
      const groups = Math.floor(logW.length / K);
      const bounds = E.map(E.zeros(groups), (unused, g) => E.logSumExp(E.rowsOf(logW, K, g)) - Math.log(K));
      return { K, ...meanAndError(bounds), groups };
    });
  }

  /** The mean, and its standard error: null for a single number. */
  function meanAndError(values) {
    const mean = E.sum(values) / values.length;
    const squares = E.sum(E.map(values, (each) => (each - mean) ** 2));
    return { mean, error: values.length > 1 ? Math.sqrt(squares / (values.length - 1) / values.length) : null };
  }

  /** The best diagonal Gaussian for one image, step by step from the encoder's.
   *
   *  mu = mu0 + sigma0 a, logvar = logvar0 + b: steps of Adam on (a, b), so that a rate counts in standard deviations.
   *  The gradient goes through z alone (sticking the landing, Roeder et al. 2017): where q is the true posterior, it is
   *  zero for every draw.
   *
   *  r = d [log p(x given z) + log p(z) - log q(z)] / dz = pull - z + eps / sigma
   *  da = -sigma0 Σ_k r / K        db = -Σ_k r eps sigma / (2 K)
   * @returns {{q, start, steps: number, step: function(number)}} call step(rate); q is where it stands */
  function fitter(model, x, { seed = 0, draws = 4, start = model.encode(x) } = {}) {
    const L = model.latent;
    const sigma0 = E.map(start.logvar, (l) => Math.exp(0.5 * l));
    const moved = { a: { data: E.zeros(L) }, b: { data: E.zeros(L) } };
    const change = E.adam(0.9, 0.999, 0.1); // a soft eps: noise around zero is not scaled up to full steps
    const made = { start, q: { mu: start.mu.slice(), logvar: start.logvar.slice() }, steps: 0, step };

    function step(rate = 0.1) {
      const eps = E.noise(seed, "amortisation steps", made.steps, draws * L);
      change(moved, descent(model, x, made.q, eps, sigma0), rate);
      made.steps += 1;
      made.q = {
        mu: E.map(start.mu, (m, l) => m + sigma0[l] * moved.a.data[l]),
        logvar: E.map(start.logvar, (l, i) => l + moved.b.data[i]),
      };
    }

    return made;
  }

  function descent(model, x, q, eps, sigma0) {
    const [L, K] = [q.mu.length, eps.length / q.mu.length];
    const sigma = E.map(q.logvar, (l) => Math.exp(0.5 * l));
    const z = model.reparameterise(q.mu, q.logvar, eps);
    const { slope } = E.pull(model, x, z);
    const r = E.map(slope, (each, i) => each - z[i] + eps[i] / sigma[i % L]);
    const mean = (rows) => E.addRows(E.zeros(L), E.map(rows, (each) => each / K));
    return {
      a: E.map(mean(r), (each, l) => -sigma0[l] * each),
      b: mean(E.map(r, (each, i) => -0.5 * each * eps[i] * sigma[i % L])),
    };
  }

  /** The fitter's best q after so many steps, the rate falling to zero. */
  function fitted(model, x, { steps = 300, rate = 0.1, ...options } = {}) {
    const made = fitter(model, x, options);
    for (let t = 0; t < steps; t++) made.step(rate * (1 - t / steps));
    return made.q;
  }

  Object.assign(E, { logWeights, importanceCurve, meanAndError, fitter, fitted });
})((globalThis.Vitral = globalThis.Vitral || {}));
