/* Likelihoods p(x given z), read off the decoder output o; all values in nats.

   make(entry, p) gives
     terms(x, o)    one term for each entry; log p is their sum over a row
     slope(x, o)    d log p / do, entry by entry
     mean(o), meanSlope(o), deviation(o)    of p(x given z), d mean / do, and its spread, entry by entry
     sample(o, noise)         a draw, from one standard normal number for each entry
     variance()               of the noise, null where it is no single number
     addSlopes(x, o, weights, g)   the derivative by tensors of the likelihood's own, row n weighted
     natural(o), carrier(x)   log p = Σ_d x_d natural_d + log p(0 given z) + carrier(x): each is an exponential family
   x is as long as o, or one row that is compared with all rows of o. */
(function (V) {
  "use strict";
  const E = V.engine;
  const LIKELIHOODS = {};

  /** How a decoder output becomes the mean: m = value(o), dm/do = slope(m). */
  const LINKS = {
    identity: { value: (o) => o, slope: () => 1 },
    sigmoid: { value: E.sigmoid, slope: (m) => m * (1 - m) },
  };

  /** p(x_d = 1 given z) = sigmoid(o_d)
   *
   *  log p = Σ_d x_d o_d - softplus(o_d)        do = x - sigmoid(o)
   *
   *  On grey levels between 0 and 1 the same expression is a loss, not a density. */
  LIKELIHOODS.bernoulli = function bernoulli() {
    return {
      terms: (x, o) => E.map(o, (each, i) => x[i % x.length] * each - E.softplus(each)),
      slope: (x, o) => E.map(o, (each, i) => x[i % x.length] - E.sigmoid(each)),
      mean: (o) => E.map(o, E.sigmoid),
      meanSlope: (o) => E.map(o, (each) => E.sigmoid(each) * E.sigmoid(-each)),
      deviation: (o) => E.map(o, (each) => Math.sqrt(E.sigmoid(each) * E.sigmoid(-each))),
      sample: (o, noise) => E.map(o, (each, i) => (E.normalCdf(noise[i]) < E.sigmoid(each) ? 1 : 0)),
      variance: () => null,
      addSlopes() {},
      natural: (o) => o,
      carrier: () => 0,
    };
  };

  /** The Bernoulli expression made a density on [0, 1] (Loaiza-Ganem and Cunningham 2019)
   *
   *  log p = Σ_d x_d o_d - max(o_d, 0) + log(a_d / (1 - exp(-a_d))), a = |o|        do = x - m
   *  m = 1/2 + coth(o / 2) / 2 - 1/o, the mean        dm/do = 1/o² - 1/(4 sinh²(o / 2)), the variance */
  LIKELIHOODS.continuous_bernoulli = function continuousBernoulli() {
    const size = (o) => Math.max(Math.abs(o), 1e-30);
    const constant = (o) => Math.log(size(o) / -Math.expm1(-size(o))) - Math.max(o, 0);
    return {
      terms: (x, o) => E.map(o, (each, i) => x[i % x.length] * each + constant(each)),
      slope: (x, o) => E.map(o, (each, i) => x[i % x.length] - 0.5 - tilt(each)),
      mean: (o) => E.map(o, (each) => 0.5 + tilt(each)),
      meanSlope: (o) => E.map(o, spread),
      deviation: (o) => E.map(o, (each) => Math.sqrt(spread(each))),
      sample: (o, noise) => E.map(o, (each, i) => inverse(each, size(each), E.normalCdf(noise[i]))),
      variance: () => null,
      addSlopes() {},
      natural: (o) => o,
      carrier: () => 0,
    };
  };

  /** coth(o / 2) / 2 - 1/o, and its series where the two would cancel. */
  function tilt(o) {
    if (Math.abs(o) >= 0.5) return 0.5 / Math.tanh(0.5 * o) - 1 / o;
    const q = o * o;
    return o * (1 / 12 - q * (1 / 720 - q * (1 / 30240 - q * (1 / 1209600 - q / 47900160))));
  }

  const spread = (o) => (Math.abs(o) < 0.01 ? 1 / 12 : 1 / (o * o) - 0.25 / Math.sinh(0.5 * o) ** 2);

  /** The x below which the mass is u, of F(x) = (1 - exp(-a x)) / (1 - exp(-a)), mirrored where o > 0. */
  function inverse(o, a, u) {
    const x = Math.log1p(u * Math.expm1(-a)) / -a;
    return o > 0 ? 1 - x : x;
  }

  /** N(m, s²) with m = link(o)
   *
   *  log p = -SSE / (2 s²) - (D/2) log(2 π s²)        do = (x - m) / s² · dm/do */
  function gaussian(link, variance, addSlopes) {
    const { value, slope } = LINKS[link];
    const term = (residual, s2) => (residual * residual) / (-2 * s2) - 0.5 * (E.LOG_TWO_PI + Math.log(s2));
    return {
      terms: (x, o) => E.map(o, (each, i) => term(x[i % x.length] - value(each), variance())),
      slope: (x, o) => E.map(o, (each, i) => ((x[i % x.length] - value(each)) / variance()) * slope(value(each))),
      mean: (o) => E.map(o, value),
      meanSlope: (o) => E.map(o, (each) => slope(value(each))),
      deviation: (o) => E.map(o, () => Math.sqrt(variance())),
      sample: (o, noise) => E.map(o, (each, i) => value(each) + Math.sqrt(variance()) * noise[i]),
      variance,
      addSlopes,
      natural: (o) => E.map(o, (each) => value(each) / variance()),
      carrier: (x) => E.dot(x, x) / (-2 * variance()),
    };
  }

  /** s² is stated. */
  LIKELIHOODS.gaussian_fixed = (entry) => gaussian(entry.link, () => entry.variance, () => {});

  /** s² = floor + exp(r) is learned
   *
   *  dr = Σ_n weight_n (SSE_n / (2 s²) - D/2) (s² - floor) / s² */
  LIKELIHOODS.gaussian_learned = function gaussianLearned(entry, p) {
    const s2 = () => entry.floor + Math.exp(p[entry.raw].data[0]);

    function addSlopes(x, o, weights, g) {
      const D = o.length / weights.length;
      const squares = E.sumEach(E.map(o, (each, i) => (x[i % x.length] - LINKS[entry.link].value(each)) ** 2), D);
      const total = E.dot(weights, E.map(squares, (sse) => sse / (2 * s2()) - D / 2));
      g[entry.raw][0] += (total * (s2() - entry.floor)) / s2();
    }

    return gaussian(entry.link, s2, addSlopes);
  };

  /** The likelihood that an entry {kind, ...} of a model names. */
  function likelihood(entry, p) {
    if (!LIKELIHOODS[entry.kind]) throw new Error(`this page knows no likelihood ${entry.kind}`);
    return LIKELIHOODS[entry.kind](entry, p);
  }

  Object.assign(E, { LIKELIHOODS, LINKS, likelihood });
})((globalThis.Vitral = globalThis.Vitral || {}));
