/* KL(N(mu, diag(sigma²)), N(0, I)) and log densities of Gaussians, dimension by dimension, in nats. */
(function (V) {
  "use strict";
  const E = V.engine;

  /** kl = mu²/2 + (sigma² - logvar - 1)/2:   a part for where the posterior lies, a part for how wide it is
   *
   *  dmu = mu        dlogvar = (sigma² - 1) / 2
   * @returns {{each, location, width}} each = location + width, as long as mu */
  function kl(mu, logvar) {
    const location = E.map(mu, (m) => 0.5 * m * m);
    const width = E.map(logvar, (l) => 0.5 * (Math.expm1(l) - l));
    return { each: E.add(location.slice(), width), location, width };
  }

  /** The derivative of ``kl``, each dimension on its own. */
  function klSlopes(mu, logvar) {
    return { mu: mu.slice(), logvar: E.map(logvar, (l) => 0.5 * Math.expm1(l)) };
  }

  /** log N(z; mu, diag(sigma²)) of rows z (N, L), for one row mu, logvar or as many as z
   *
   *  dz = -(z - mu) / sigma² */
  function logNormal(z, mu, logvar, L) {
    const square = (i) => (z[i] - mu[i % mu.length]) ** 2 * Math.exp(-logvar[i % mu.length]);
    return E.sumEach(E.map(z, (each, i) => -0.5 * (square(i) + logvar[i % mu.length] + E.LOG_TWO_PI)), L);
  }

  /** log N(z; 0, I) of rows z (N, L). */
  const logPrior = (z, L) => E.sumEach(E.map(z, (each) => -0.5 * (each * each + E.LOG_TWO_PI)), L);

  Object.assign(E, { kl, klSlopes, logNormal, logPrior });
})((globalThis.Vitral = globalThis.Vitral || {}));
