// One training step of one image at frozen noise, and pictures of its arrays: W8 walks through it, W10 checks it.
(function (V) {
  "use strict";
  const STRIP = 16; // arrays up to this length are written, not painted
  const UNITS = 16; // hidden units whose weights are shown as images

  /** Whether a page can compute a training step of its main model. */
  function canStep(page) {
    if (!page.count) return "loss.needs_images";
    return page.computes(page.main, true) ? true : "step.needs_encoder";
  }

  /** The model of now, or the main one where only the decoder of the model of now is here; with image, noise and beta. */
  function subject(page, shell) {
    const state = shell.state.get();
    const name = page.computes(state.model, true) ? state.model : page.main;
    const model = page.model(name);
    const { objective } = model.description;
    const eps = V.engine.noise(state.seed, "explorer eps", 1000 * (state.image + 1), model.latent);
    return {
      name, model, x: Float64Array.from(shell.currentImage()), eps, beta: objective && objective.beta !== undefined ? objective.beta : 1,
      key: [name, state.image, state.drawn, state.seed].join(),
    };
  }

  /** `step()` gives the whole step of now, {loss, arrays, slopes, gradients, of: subject}, computed once a situation. */
  function keptStep(page, shell) {
    let kept = { key: "", value: null };
    return () => {
      const of = subject(page, shell);
      if (kept.key !== of.key) kept = { key: of.key, value: { ...of.model.step(of.x, of.eps, of.beta), of } };
      return kept.value;
    };
  }

  /** The height and width to paint n numbers in: the images' own, the matrix's, or as square as they go. */
  function shapeFor(page, n) {
    const { image_shape: shape, features } = page.data;
    if (shape && n === features && shape.length === 2) return shape;
    let height = Math.floor(Math.sqrt(n));
    while (n % height) height -= 1;
    return n / height > 8 * height ? [1, n] : [height, n / height];
  }

  /** Which hidden units have the largest gradients of their weights: the first of them, largest first. */
  function loudest(gradient, units, unitOf) {
    const sizes = new Float64Array(units);
    gradient.forEach((one, i) => { sizes[unitOf(i)] += one * one; });
    return Array.from(sizes.keys()).sort((a, b) => sizes[b] - sizes[a]).slice(0, UNITS);
  }

  /**
   * A matrix of weights as images: one for each of some hidden units where a side of it is as long as an image, the
   * matrix itself otherwise. {shape, places}: places[i] is the entry of the matrix at pixel i, -1 between images.
   */
  function weightPicture(page, [nIn, nOut], gradient) {
    const { image_shape: shape, features } = page.data;
    const side = !shape || shape.length !== 2 ? null : nIn === features ? "in" : nOut === features ? "out" : null;
    if (!side) return matrixPicture(nIn, nOut);
    const units = side === "in" ? nOut : nIn;
    const chosen = loudest(gradient, units, (i) => (side === "in" ? i % nOut : Math.floor(i / nOut)));
    const across = Math.ceil(Math.sqrt(chosen.length));
    const [h, w] = [shape[0] + 1, shape[1] + 1];
    const whole = [h * Math.ceil(chosen.length / across) - 1, w * across - 1];
    const places = new Int32Array(whole[0] * whole[1]).fill(-1);
    chosen.forEach((unit, k) => {
      for (let d = 0; d < features; d++) {
        const row = Math.floor(k / across) * h + Math.floor(d / shape[1]);
        places[row * whole[1] + (k % across) * w + (d % shape[1])] = side === "in" ? d * nOut + unit : unit * nOut + d;
      }
    });
    return { shape: whole, places, units: chosen, side };
  }

  function matrixPicture(nIn, nOut) {
    const tall = nIn > nOut;
    const shape = tall ? [nOut, nIn] : [nIn, nOut];
    const places = Int32Array.from({ length: nIn * nOut }, (_, i) => (tall ? (i % nIn) * nOut + Math.floor(i / nIn) : i));
    return { shape, places, units: null, side: null };
  }

  /** Paint numbers in red and blue: an array, or a matrix through the places of its picture. */
  function paintSigned(page, shell, canvas, values, picture) {
    const shape = picture ? picture.shape : shapeFor(page, values.length);
    const shown = picture ? Float64Array.from(picture.places, (place) => (place < 0 ? 0 : values[place])) : values;
    shell.paint(canvas, shown, shape, { signed: true });
    canvas.classList.toggle("strip", shape[1] > 6 * shape[0]);
    return shape;
  }

  /** The tensors of a model by their short names, largest matrices as they come: [{name, short, shape}]. */
  function tensorsOf({ model, name }) {
    return Object.entries(model.parameters).map(([key, { shape }]) => ({ name: key, short: key.replace(name + "/", ""), shape }));
  }

  V.widgets.stepParts = { canStep, subject, keptStep, shapeFor, weightPicture, paintSigned, tensorsOf, STRIP };
})((globalThis.Vitral = globalThis.Vitral || {}));
