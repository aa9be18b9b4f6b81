/* What the decoder says at a code z, and how that changes with z: pulls, two estimators of one gradient, the Jacobian. */
(function (V) {
  "use strict";
  const E = V.engine;

  /** log p(x given z) of one row x at many codes z (K, L), and its derivative by z
   *
   *  dz = decoder'(d log p / do)
   * @returns {{logProb: Float64Array, slope: Float64Array}} (K,) and (K, L) */
  function pull(model, x, z) {
    const pass = E.chain(model.decoder, model.parameters, Float64Array.from(z));
    return { logProb: model.logProb(x, pass.y), slope: pass.backward(model.likelihood.slope(x, pass.y), null) };
  }

  /** d E_q[-log p(x given z)] by mu and logvar, one estimate a draw eps (K, L), through z = mu + sigma eps
   *
   *  dmu = dz        dlogvar = dz eps sigma / 2
   * @param {{mu: Float64Array, logvar: Float64Array}} q of one row
   * @returns {{mu: Float64Array, logvar: Float64Array}} (K, L) each */
  function pathGradients(model, x, q, eps) {
    const { slope } = pull(model, x, model.reparameterise(q.mu, q.logvar, eps));
    const sigma = E.map(q.logvar, (l) => Math.exp(0.5 * l));
    const mu = E.map(slope, (each) => -each);
    return { mu, logvar: E.map(mu, (each, i) => 0.5 * each * eps[i] * sigma[i % sigma.length]) };
  }

  /** The same gradient by the score function, which needs no derivative of the decoder: f = -log p(x given z)
   *
   *  dmu = (f - c) d log q / dmu = (f - c) eps / sigma        dlogvar = (f - c) (eps² - 1) / 2
   *
   *  c is 0, or, with ``baseline``, the mean of f over the other draws: the estimate's mean stays, its spread falls. */
  function scoreGradients(model, x, q, eps, baseline = false) {
    const L = q.mu.length;
    const f = E.map(pull(model, x, model.reparameterise(q.mu, q.logvar, eps)).logProb, (each) => -each);
    const total = E.sum(f);
    const others = E.map(f, (each) => (baseline ? (total - each) / (f.length - 1) : 0));
    const weight = (i) => f[Math.floor(i / L)] - others[Math.floor(i / L)];
    return {
      mu: E.map(eps, (e, i) => (weight(i) * e) / Math.exp(0.5 * q.logvar[i % L])),
      logvar: E.map(eps, (e, i) => 0.5 * weight(i) * (e * e - 1)),
    };
  }

  /** J_l = d mean image / d z_l at rows z (N, L): the decoder's tangents, one pass for each dimension.
   * @returns {Float64Array[]} L arrays (N, D) */
  function jacobian(model, z) {
    const L = model.latent;
    const pass = E.chain(model.decoder, model.parameters, Float64Array.from(z));
    const slope = model.likelihood.meanSlope(pass.y);
    return Array.from({ length: L }, (unused, l) => {
      const moved = pass.tangent(E.map(z, (each, i) => (i % L === l ? 1 : 0)));
      return E.map(moved, (each, i) => each * slope[i]);
    });
  }

  /** sqrt det(JᵀJ) at rows z (N, L): how much area of images a small area of codes becomes; |J| in one dimension. */
  function sensitivity(model, z) {
    const [J, D] = [jacobian(model, z), model.features];
    return E.map(E.zeros(z.length / model.latent), (unused, n) => {
      const rows = J.map((column) => E.rowsOf(column, D, n));
      return Math.sqrt(Math.max(0, determinant(rows.map((a) => Array.from(rows, (b) => E.dot(a, b))))));
    });
  }

  /** The determinant of a symmetric matrix without negative eigenvalues, by elimination from the largest pivot. */
  function determinant(A) {
    let product = 1;
    for (let left = A.length; left > 0; left--) {
      const largest = A.reduce((best, row, i) => (A[i][i] > A[best][best] ? i : best), 0);
      const pivot = A[largest][largest];
      if (pivot <= 0) return 0;
      product *= pivot;
      const rest = A.map((row, i) => i).filter((i) => i !== largest);
      const [old, top] = [A, A[largest]];
      A = rest.map((i) => rest.map((j) => old[i][j] - (old[i][largest] * top[j]) / pivot));
    }
    return product;
  }

  Object.assign(E, { pull, pathGradients, scoreGradients, jacobian, sensitivity });
})((globalThis.Vitral = globalThis.Vitral || {}));
