/* The variational autoencoder, whole: forward, one loss, and its way back by hand.

   x -> encoder -> q(z given x) = N(mu, sigma²) -> z = mu + sigma eps -> decoder -> p(x given z)        prior N(0, I)

   loss = mean over images of [-log p(x given z) + beta KL(q(z given x), p(z))]        (nats per image) */
(function (V) {
  "use strict";
  const E = V.engine;

  /** A trained model: its operations, and every number in double precision under the name that it has in the page. */
  class Model {
    /** ``encoder`` may be null: such a model decodes, and to encode or step is an error.
     * @param {object} description an entry of the page's ``models``
     * @param {function(string): {data: ArrayLike<number>, shape: number[]}} lookup the page's arrays by name */
    constructor(description, lookup) {
      const { name, latent, features, encoder, decoder, likelihood, posterior } = description;
      Object.assign(this, { description, name, latent, features, encoder, decoder });
      this.hasDensity = posterior.kind !== "point"; // a plain autoencoder has a point for a code, and no KL
      const own = likelihood.raw ? [likelihood.raw] : [];
      this.parameters = {};
      for (const tensor of [...E.tensorNames(encoder || []), ...E.tensorNames(decoder), ...own]) {
        const found = lookup(tensor);
        if (!found) throw new Error(`model ${name}: the page holds no array ${tensor}`);
        this.parameters[tensor] = { data: Float64Array.from(found.data), shape: found.shape };
      }
      this.likelihood = E.likelihood(likelihood, this.parameters);
    }

    /** A gradient of zeros for every tensor. */
    blankGradients() {
      const blank = Object.entries(this.parameters).map(([name, { data }]) => [name, E.zeros(data.length)]);
      return Object.fromEntries(blank);
    }

    /** The same model with numbers of its own, which may be changed. */
    copy() {
      return new Model(this.description, (name) => this.parameters[name]);
    }

    /** mu and logvar of q(z given x), (N, L) each, of rows x (N, D); logvar is null for a plain autoencoder. */
    encode(x) {
      if (!this.encoder) throw new Error(`the page holds no encoder of model ${this.name}`);
      return this.parametersOf(E.chain(this.encoder, this.parameters, Float64Array.from(x)).y);
    }

    /** h = (mu, logvar), row by row. */
    parametersOf(h) {
      if (!this.hasDensity) return { mu: h, logvar: null };
      const L = this.latent;
      return { mu: E.columns(h, 2 * L, 0, L), logvar: E.columns(h, 2 * L, L, 2 * L) };
    }

    /** The decoder's output o (N, D) for rows z (N, L). */
    decode(z) {
      return E.chain(this.decoder, this.parameters, Float64Array.from(z)).y;
    }

    /** The mean image of p(x given z), from the decoder's output. */
    mean(o) {
      return this.likelihood.mean(o);
    }

    /** log p(x given z) pixel by pixel, as long as o; x is as long as o, or one row for all of o. */
    logProbTerms(x, o) {
      return this.likelihood.terms(x, o);
    }

    /** log p(x given z) of every row of o, in nats. */
    logProb(x, o) {
      return E.sumEach(this.likelihood.terms(x, o), this.features);
    }

    /** A draw from p(x given z), from as many standard normal numbers as o has. */
    sample(o, noise) {
      return this.likelihood.sample(o, noise);
    }

    /** KL of every dimension, split in location and width: see ``kl``. */
    kl(mu, logvar) {
      return E.kl(mu, logvar);
    }

    /** mu + sigma eps for rows eps (N, L), and one row of mu and logvar or as many. */
    reparameterise(mu, logvar, eps) {
      if (!logvar) return E.map(eps, (each, i) => mu[i % mu.length]);
      return E.map(eps, (each, i) => mu[i % mu.length] + Math.exp(0.5 * logvar[i % mu.length]) * each);
    }

    /** -log p(x given z), KL and their sum for one image and many draws eps (K, L).
     * @returns {{recon: Float64Array, kl: number, loss: Float64Array, z: Float64Array}} one recon and loss a draw */
    draws(x, eps, beta = 1) {
      const { mu, logvar } = this.encode(x);
      const z = this.reparameterise(mu, logvar, eps);
      const recon = E.map(this.logProb(x, this.decode(z)), (each) => -each);
      const kl = logvar ? E.sum(E.kl(mu, logvar).each) : 0;
      return { recon, kl, loss: E.map(recon, (each) => each + beta * kl), z };
    }

    /** The loss of rows x (N, D) at frozen noise eps (N, L), without its way back. */
    loss(x, eps, beta = 1) {
      return E.forward(this, x, eps, beta).loss;
    }

    /** One step under the microscope: the loss, every array on the way, and every gradient. See step.js. */
    step(x, eps, beta = 1, options = {}) {
      return E.step(this, x, eps, beta, options);
    }
  }

  Object.assign(E, { Model });
})((globalThis.Vitral = globalThis.Vitral || {}));
