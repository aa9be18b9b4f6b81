// What every widget may ask for: the image of now, its code, another image, another draw.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});
  const DRAWN = -1; // state.image of an image that a person made
  let drawing = null;
  let coded = { key: "", value: null };

  /** The image of now, (features,): a fixed one, or what was drawn; null where the page holds none. */
  function currentImage() {
    const { image } = shell.state.get();
    if (image === DRAWN && drawing) return drawing;
    return shell.page.count ? shell.page.image(Math.max(0, image)) : null;
  }

  /** Make an image of one's own the image of now (W2, W23). */
  function useDrawing(values) {
    drawing = Float32Array.from(values);
    coded.key = "";
    const { drawn, model } = shell.state.get();
    shell.state.set({ image: DRAWN, drawn: drawn + 1, z: Array.from(codeOf(model, DRAWN).mu) });
  }

  /** Whether something was drawn that can be the image of now. */
  const hasDrawing = () => drawing !== null;

  /** The class of the image of now, or null. */
  function currentLabel() {
    const { image } = shell.state.get();
    return image === DRAWN ? null : shell.page.label(image);
  }

  /**
   * mu and logvar (L,) of the image of now under the model of now; logvar is null for a plain autoencoder. Where the
   * page holds no encoder, the recorded code of a fixed image.
   */
  function currentCode() {
    const { image, model, drawn } = shell.state.get();
    const key = [image, model, drawn].join();
    if (coded.key !== key) coded = { key, value: codeOf(model, image) };
    return coded.value;
  }

  function codeOf(name, image) {
    const { latent } = shell.page.description(name);
    if (shell.page.computes(name, true) && valuesOf(image)) return shell.page.model(name).encode(valuesOf(image));
    const codes = shell.page.array(name + "/codes");
    const logvar = shell.page.array(name + "/codes_logvar");
    if (!codes || image < 0) return { mu: new Float64Array(latent), logvar: null };
    return { mu: shell.row(codes, image), logvar: logvar && shell.row(logvar, image) };
  }

  function valuesOf(image) {
    if (image === DRAWN) return drawing;
    return shell.page.count ? shell.page.image(image) : null;
  }

  /** The model of now. */
  function currentModel() {
    return shell.page.model(shell.state.get().model);
  }

  /** Show fixed image i, counted around, and put the cursor on the mean of its code. */
  function pickImage(i) {
    const count = shell.page.count;
    if (!count) return;
    const image = ((Math.round(i) % count) + count) % count;
    const { model } = shell.state.get();
    shell.state.set({ image, z: Array.from(codeOf(model, image).mu, (one) => Number(one.toFixed(4))) });
  }

  /** Put the cursor on the mean of the code of the image of now. */
  function goToCode() {
    shell.state.set({ z: Array.from(currentCode().mu, (one) => Number(one.toFixed(4))) });
  }

  /** The next fixed image of a class after the one of now. */
  function pickDigit(label) {
    const { image } = shell.state.get();
    for (let step = 1; step <= shell.page.count; step++) {
      const i = (Math.max(0, image) + step) % shell.page.count;
      if (shell.page.label(i) === label) return pickImage(i);
    }
  }

  /** The noise of now, (L,): a function of the seed and of the image, the same for every widget. */
  function currentNoise(index) {
    const { seed, image } = shell.state.get();
    return V.engine.noise(seed, "explorer eps", 1000 * (image + 1) + (index || 0), currentModel().latent);
  }

  /** Draw z again from q(z given x) of the image of now. */
  function resample() {
    shell.state.set({ seed: shell.state.get().seed + 1 });
    const { mu, logvar } = currentCode();
    const z = currentModel().reparameterise(mu, logvar, currentNoise());
    shell.state.set({ z: Array.from(z, (one) => Number(one.toFixed(4))) });
  }

  const actions = {
    resample,
    previous: () => pickImage(shell.state.get().image - 1),
    next: () => pickImage(shell.state.get().image + 1),
    digit: pickDigit,
  };

  Object.assign(shell, {
    DRAWN, currentImage, useDrawing, hasDrawing, currentLabel, currentCode, codeOf, currentModel,
    currentNoise, goToCode, pickImage, pickDigit, actions,
  });
})((globalThis.Vitral = globalThis.Vitral || {}));
