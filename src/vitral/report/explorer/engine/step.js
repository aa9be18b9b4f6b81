/* One training step: forward with every array kept, backward by hand with every derivative kept.

   Names of arrays: x, encoder.0, encoder.1, ..., mu, logvar, sigma, eps, z, decoder.0, ..., o, mean, terms.
   The derivative of the loss by an array has the array's name, in ``slopes`` (by x: as the encoder sees it);
   what two ways add up to is kept apart too:
   mu = mu_reconstruction + mu_kl, logvar = logvar_reconstruction + logvar_kl. */
(function (V) {
  "use strict";
  const E = V.engine;

  /** Everything up to the loss.
   *
   *  loss = (1/N) Σ_n [-log p(x_n given z_n) + beta Σ_l KL_nl], z = mu + exp(logvar / 2) eps
   * @param {V.engine.Model} model @param {ArrayLike<number>} x (N, D) @param {ArrayLike<number>} eps (N, L) */
  function forward(model, x, eps, beta, options = {}) {
    if (!model.encoder) throw new Error(`the page holds no encoder of model ${model.name}`);
    x = Float64Array.from(x);
    const N = x.length / model.features;
    const encoder = E.chain(model.encoder, model.parameters, x);
    const { mu, logvar } = model.parametersOf(encoder.y);
    eps = logvar ? Float64Array.from(eps) : E.zeros(mu.length);
    const z = model.reparameterise(mu, logvar, eps);
    const decoder = E.chain(model.decoder, model.parameters, z);
    const o = decoder.y;
    const terms = model.logProbTerms(x, o);
    const kl = logvar ? E.kl(mu, logvar) : null;
    const recon = -E.sum(terms) / N;
    const counted = kl ? floored(kl.each, model.latent, options.freeBits || 0) : { total: 0 };
    return {
      N, beta, encoder, decoder, counted, kl,
      loss: recon + beta * counted.total, recon, rate: kl ? E.sum(kl.each) / N : 0,
      arrays: {
        x, ...named("encoder", encoder.outputs), mu, logvar, sigma: logvar && E.map(logvar, (l) => Math.exp(0.5 * l)),
        eps, z, ...named("decoder", decoder.outputs), o, mean: model.mean(o), terms,
      },
    };
  }

  /** Σ_l max(free bits, mean over images of KL_l), and which dimensions lie above the floor (all where there is none)
   *
   *  dKL_nl = 1/N where the mean lies above the floor, else 0 */
  function floored(each, L, freeBits) {
    const means = E.zeros(L);
    E.addRows(means, E.map(each, (value) => (value * L) / each.length));
    const free = E.map(means, (mean) => (freeBits > 0 && mean < freeBits ? 0 : 1));
    return { total: E.sum(E.map(means, (mean, l) => (free[l] ? mean : freeBits))), free };
  }

  const named = (part, outputs) => Object.fromEntries(outputs.map((each, index) => [`${part}.${index}`, each]));

  /** Forward and backward. Options: freeBits, a floor for the mean KL of every dimension; wantX: false leaves out the
   *  derivative by x, which no training needs.
   *
   *  do = -(x - mean ...)/N by the likelihood's own slope        dz = decoder'(do)
   *  dmu = dz + beta mu / N        dlogvar = dz eps sigma / 2 + beta (sigma² - 1) / (2 N)        dh = encoder'(dmu, dlogvar)
   *
   * @returns {{loss: number, recon: number, kl: number, klEach: object, arrays: object, slopes: object,
   *   gradients: object}} recon and kl are means over images; klEach has each, location and width, (N, L) each;
   *   gradients are by tensor name */
  function step(model, x, eps, beta = 1, options = {}) {
    const run = forward(model, x, eps, beta, options);
    const gradients = model.blankGradients();
    const slopes = backward(model, run, gradients, options.wantX !== false);
    const { loss, recon, arrays } = run;
    return { loss, recon, kl: run.rate, klEach: run.kl, arrays, slopes, gradients };
  }

  function backward(model, run, gradients, wantX) {
    const { arrays, N } = run;
    const slopes = {};
    const watch = (part) => (index, d) => (slopes[`${part}.${index}`] = d);
    const weights = E.map(E.zeros(N), () => -1 / N); // d loss / d log p(x_n given z_n)
    model.likelihood.addSlopes(arrays.x, arrays.o, weights, gradients);
    slopes.o = E.map(model.likelihood.slope(arrays.x, arrays.o), (each) => -each / N);
    slopes.z = run.decoder.backward(slopes.o, gradients, true, watch("decoder"));
    Object.assign(slopes, posteriorSlopes(model, run, slopes.z));
    const h = model.hasDensity ? E.beside(slopes.mu, model.latent, slopes.logvar, model.latent) : slopes.mu;
    slopes.x = run.encoder.backward(h, gradients, wantX, watch("encoder"));
    return slopes;
  }

  /** From dz to dmu and dlogvar: what reconstruction asks for, what the KL asks for, and their sums. */
  function posteriorSlopes(model, { arrays, kl, counted, beta, N }, dz) {
    const { mu, logvar, sigma, eps } = arrays;
    if (!kl) return { mu_reconstruction: dz, mu_kl: E.zeros(dz.length), mu: dz, logvar: null };
    const ofKl = E.klSlopes(mu, logvar);
    const pulled = (slope) => E.map(slope, (each, i) => (beta * each * counted.free[i % model.latent]) / N);
    const slopes = {
      mu_reconstruction: dz,
      mu_kl: pulled(ofKl.mu),
      logvar_reconstruction: E.map(dz, (each, i) => 0.5 * each * eps[i] * sigma[i]),
      logvar_kl: pulled(ofKl.logvar),
    };
    slopes.mu = E.add(slopes.mu_reconstruction.slice(), slopes.mu_kl);
    slopes.logvar = E.add(slopes.logvar_reconstruction.slice(), slopes.logvar_kl);
    return slopes;
  }

  Object.assign(E, { forward, step });
})((globalThis.Vitral = globalThis.Vitral || {}));
