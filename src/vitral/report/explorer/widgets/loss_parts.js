// What the loss of the image of now is made of at the z of now: W4, W5 and W6 show it from different sides.
(function (V) {
  "use strict";
  const MOST_DRAWS = 1000; // of one image and seed: the noise of the next image begins there

  /** Whether a page can say what an image costs: it needs images and the decoder of its main model. */
  function canTell(page) {
    if (!page.count) return "loss.needs_images";
    return page.computes() ? true : "loss.needs_decoder";
  }

  /**
   * -log p(x given z) and KL(q(z given x), p(z)) of the image of now, at the z of the shared state, in nats.
   * @returns {{model, x, z, mu, logvar, sigma, eps, o, mean, terms, recon, kl, rate, total}} terms: -log p pixel by
   *   pixel; kl: {each, location, width}, without entries for a plain autoencoder; eps = (z - mu) / sigma
   */
  function lossParts(shell) {
    const E = V.engine;
    const model = shell.currentModel();
    const x = shell.currentImage();
    const { mu, logvar } = shell.currentCode();
    const z = Float64Array.from(shell.state.get().z);
    const sigma = E.map(logvar || [], (one) => Math.exp(0.5 * one));
    const o = model.decode(z);
    const terms = E.map(model.logProbTerms(x, o), (one) => -one);
    const kl = logvar ? E.kl(mu, logvar) : { each: [], location: [], width: [] };
    const [recon, rate] = [E.sum(terms), E.sum(kl.each)];
    return {
      model, x, z, mu, logvar, sigma, eps: E.map(sigma, (one, l) => (z[l] - mu[l]) / one), o, mean: model.mean(o), terms,
      recon, kl, rate, total: recon + rate,
    };
  }

  /** -log p(x given z) at z = mu. */
  function atMean(shell) {
    const model = shell.currentModel();
    return -model.logProb(shell.currentImage(), model.decode(shell.currentCode().mu))[0];
  }

  /** Noise of draws from..to of the image of now, (to - from, L): draw k is `shell.currentNoise(k)` everywhere. */
  function drawnNoise(shell, from, to) {
    const rows = Array.from({ length: to - from }, (_, k) => Array.from(shell.currentNoise(from + k)));
    return Float64Array.from(rows.flat());
  }

  /**
   * Draw so many more z, counted in the value `name` of the state; the shared z becomes the last of them. False once
   * all draws are made, or where nothing is drawn.
   */
  function drawMore(shell, name, more) {
    const { mu, logvar } = shell.currentCode();
    if (!logvar) return false;
    const count = Math.min(MOST_DRAWS, shell.state.get()[name] + more);
    const z = shell.currentModel().reparameterise(mu, logvar, drawnNoise(shell, count - 1, count));
    shell.state.set({ [name]: count, z: Array.from(z, (one) => Number(one.toFixed(4))) });
    return count < MOST_DRAWS;
  }

  /**
   * -log p(x given z) of draw after draw, kept as long as image, model and seed stay: `grow(count, most)` computes at
   * most so many more and says whether some are still missing; `recon` has them.
   */
  function keptDraws(shell) {
    const self = { recon: [], grow };
    let key = "";

    function grow(count, most) {
      const { model: name, image, seed, drawn } = shell.state.get();
      const now = [name, image, seed, drawn].join();
      if (now !== key) [key, self.recon] = [now, []];
      const from = self.recon.length;
      const to = Math.min(count, MOST_DRAWS, from + (most || MOST_DRAWS));
      if (to > from) self.recon.push(...reconOf(shell, drawnNoise(shell, from, to)));
      return self.recon.length < Math.min(count, MOST_DRAWS);
    }

    return self;
  }

  function reconOf(shell, eps) {
    const model = shell.currentModel();
    const { mu, logvar } = shell.currentCode();
    return V.engine.map(model.logProb(shell.currentImage(), model.decode(model.reparameterise(mu, logvar, eps))), (one) => -one);
  }

  /** The NumPy line of -log p(x given z), pixel by pixel, after `shell.decoderCode`: o and the mean x̂ are there. */
  function termsLines(model) {
    const variance = model.likelihood.variance();
    if (variance !== null) {
      return [`s2 = ${Number(variance.toPrecision(8))}`, "terms = (x - mean) ** 2 / (2 * s2) + 0.5 * np.log(2 * np.pi * s2)"];
    }
    const bernoulli = "terms = np.logaddexp(0, o) - x * o";
    if (model.description.likelihood.kind === "bernoulli") return [bernoulli];
    return ["a = np.abs(o)", "terms = np.maximum(o, 0) - x * o - np.log(a / -np.expm1(-a))"];
  }

  /** The NumPy lines of the loss of one image: `read` is the line that reads x from an exported file. */
  function lossCode(shell, read) {
    const { model, z, mu, logvar } = lossParts(shell);
    const lines = shell.decoderCode(model.description, z).split("\n").map((line) => line.replace(/^x = /, "mean = "));
    const kl = logvar
      ? [`mu, logvar = np.array(${shell.pythonList(mu)}), np.array(${shell.pythonList(logvar)})`,
        "kl = 0.5 * (mu ** 2 + np.exp(logvar) - 1 - logvar)", "print(terms.sum(), kl, terms.sum() + kl.sum())"]
      : ["print(terms.sum())"];
    return [...lines, read, ...termsLines(model), ...kl].join("\n");
  }

  /** A canvas with a frame around one of its pixels: {element, show(index, [height, width])}. */
  function pixelMark(shell, canvas) {
    const frame = shell.s("rect", { width: 1, height: 1, class: "pixel-frame" });
    const ground = shell.s("rect", { width: 1, height: 1, class: "pixel-frame halo" });
    const svg = shell.s("svg", { preserveAspectRatio: "none", "aria-hidden": "true" }, ground, frame);
    const show = (index, [height, width]) => {
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      for (const one of [ground, frame]) {
        one.setAttribute("x", index % width);
        one.setAttribute("y", Math.floor(index / width));
      }
    };
    return { element: shell.h("div", { class: "pixel-marked" }, canvas, svg), show };
  }

  V.widgets.pixelMark = pixelMark;
  V.widgets.loss = { canTell, lossParts, atMean, drawnNoise, drawMore, keptDraws, lossCode, termsLines, MOST_DRAWS };
})((globalThis.Vitral = globalThis.Vitral || {}));
