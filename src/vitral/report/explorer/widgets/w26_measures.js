// What this model says to the question of each lesson: {right, values}, computed when somebody has answered.
(function (V) {
  "use strict";
  const SOME = 200; // images that a mean is taken over
  const DRAWS = 400;

  /** Which of the answers holds: the place of `value` among ascending bounds. */
  const among = (value, bounds) => bounds.filter((bound) => value >= bound).length;

  function some(page) {
    const count = Math.min(SOME, page.count);
    const x = new Float64Array(count * page.data.features);
    for (let i = 0; i < count; i++) x.set(page.image(i), i * page.data.features);
    return { x, count, D: page.data.features };
  }

  const squares = (a, b) => V.engine.sum(V.engine.map(a, (one, i) => (one - b[i % b.length]) ** 2));

  function meanOf({ x, count, D }) {
    const mean = new Float64Array(D);
    x.forEach((one, i) => { mean[i % D] += one / count; });
    return mean;
  }

  /** Of the squared distance from the mean image, the share that reconstructions at mu leave over. */
  function bottleneck(page, shell) {
    const model = shell.currentModel();
    const images = some(page);
    const left = squares(images.x, model.mean(model.decode(model.encode(images.x).mu)));
    const share = left / squares(images.x, meanOf(images));
    return { right: among(share, [0.25, 0.75]), values: { share: 100 * share, latent: model.latent, features: images.D, count: images.count } };
  }

  /** How much images of one q(z given x) differ, as a share of what they all get wrong. */
  function sampling(page, shell) {
    const model = shell.currentModel();
    const { mu, logvar } = shell.currentCode();
    const drawn = model.mean(model.decode(model.reparameterise(mu, logvar, draws(shell, 100))));
    const D = page.data.features;
    const centre = meanOf({ x: drawn, count: 100, D });
    const share = squares(drawn, centre) / 100 / squares(shell.currentImage(), centre);
    return { right: among(share, [0.2, 1]), values: { share: 100 * share } };
  }

  function draws(shell, count) {
    return Float64Array.from(Array.from({ length: count }, (_, k) => Array.from(shell.currentNoise(k))).flat());
  }

  /** The part of the squared error that the worst tenth of the pixels carries. */
  function likelihood(page, shell) {
    const model = shell.currentModel();
    const x = shell.currentImage();
    const mean = model.mean(model.decode(shell.currentCode().mu));
    const errors = Array.from(x, (one, d) => (one - mean[d]) ** 2).sort((a, b) => b - a);
    const worst = errors.slice(0, Math.round(errors.length / 10));
    const share = V.engine.sum(worst) / V.engine.sum(errors);
    return { right: among(share, [0.2, 0.6]), values: { share: 100 * share, pixels: worst.length } };
  }

  /** The KL of some images in its two parts, a mean in nats. */
  function divergence(page, shell) {
    const { x, count } = some(page);
    const { mu, logvar } = shell.currentModel().encode(x);
    const { location, width } = V.engine.kl(mu, logvar);
    const [place, exactness] = [location, width].map((part) => V.engine.sum(part) / count);
    return { right: place > exactness ? 0 : 1, values: { place, exactness, count } };
  }

  /** IWAE of many draws lies between ELBO and log p(x): what it adds is part of the gap. */
  function bound(page, shell) {
    const E = V.engine;
    const logW = E.logWeights(shell.currentModel(), shell.currentImage(), shell.currentCode(), draws(shell, DRAWS));
    const elbo = E.sum(logW) / DRAWS;
    const gap = E.logSumExp(logW) - Math.log(DRAWS) - elbo;
    return { right: among(gap, [0.5, 5]), values: { gap, elbo, draws: DRAWS } };
  }

  function reparameterisation(page, shell) {
    const ratio = V.widgets.varianceRatio(shell, 200, false);
    return { right: among(ratio, [2, 20]), values: { ratio: shell.small(ratio, 3) } };
  }

  /** A step against the gradient that should lower the loss of this image by a hundredth of a nat. */
  function backpropagation(page, shell) {
    const E = V.engine;
    const [x, eps] = [shell.currentImage(), shell.currentNoise(0)];
    const model = shell.currentModel().copy();
    const { loss, gradients } = model.step(x, eps, 1);
    const steepness = E.sum(Object.values(gradients).map((one) => E.dot(one, one)));
    E.sgd()(model.parameters, gradients, 0.01 / steepness);
    const fell = loss - model.loss(x, eps, 1);
    return { right: 2 - among(fell, [0, 0.008]), values: { predicted: 0.01, fell } };
  }

  const kept = (page) => (page.description().progress || []).map((one) => (one.validation || {}).loss).filter(Number.isFinite);

  /** Of all that the validation loss fell, the share within the first quarter of the epochs. */
  function training(page) {
    const losses = kept(page);
    const early = Math.max(1, Math.floor((losses.length - 1) / 4));
    const share = (losses[0] - losses[early]) / (losses[0] - losses[losses.length - 1]);
    return { right: among(share, [0.4, 0.8]), values: { share: 100 * share, early, epochs: losses.length - 1 } };
  }

  /** Prior draws farther from every code than 99 % of the codes are from each other. */
  function latentSpace(page, shell) {
    const codes = page.array(shell.state.get().model + "/codes");
    const quantile = Array.from({ length: Math.min(SOME, codes.shape[0]) }, (_, i) => shell.nearestCodes(codes, shell.row(codes, i), 2)[1].distance)
      .sort((a, b) => a - b);
    const far = quantile[Math.floor(0.99 * (quantile.length - 1))];
    const L = codes.shape[1];
    const drawn = Array.from({ length: DRAWS }, (_, i) => V.engine.noise(0, "explorer lesson", i, L));
    const share = drawn.filter((z) => shell.nearestCodes(codes, z, 1)[0].distance > far).length / DRAWS;
    return { right: among(share, [0.02, 0.1]), values: { share: 100 * share, draws: DRAWS } };
  }

  /** Dimensions whose mean code moves with the image: a variance of mu above 0.01 (Burda et al. 2016). */
  function collapse(page, shell) {
    const { x, count } = some(page);
    const L = shell.currentModel().latent;
    const { mu } = shell.currentModel().encode(x);
    const active = Array.from({ length: L }, (_, l) => {
      const own = mu.filter((one, i) => i % L === l);
      const mean = V.engine.sum(own) / count;
      return V.engine.sum(V.engine.map(own, (one) => (one - mean) ** 2)) / count > 0.01;
    }).filter(Boolean).length;
    return { right: active === 0 ? 0 : active < L ? 1 : 2, values: { active, latent: L } };
  }

  /** Lessons in order: where they lead, in which state, and what measures the answer. */
  V.widgets.lessons = [
    { at: "w01", state: { depth: "look" }, measure: bottleneck },
    { at: "w04", state: { depth: "look", "w04.tab": "path" }, measure: sampling },
    { at: "w06", state: { depth: "numbers" }, measure: likelihood },
    { at: "w05", state: { depth: "numbers" }, measure: divergence },
    { at: "w07", state: { depth: "look" }, measure: bound },
    { at: "w04", state: { depth: "numbers", "w04.tab": "score" }, measure: reparameterisation },
    { at: "w08", state: { depth: "code" }, measure: backpropagation },
    { at: "w11", state: { depth: "look" }, measure: training, needs: (page) => kept(page).length > 4 },
    { at: "w13", state: { depth: "look" }, measure: latentSpace, needs: (page) => Boolean(page.array(page.main + "/codes")) },
    { at: "w16", state: { depth: "numbers" }, measure: collapse },
  ].map((lesson, i) => ({ ...lesson, key: "w26." + (i + 1) }));
})((globalThis.Vitral = globalThis.Vitral || {}));
