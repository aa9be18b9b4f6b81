// W1's row of boxes: every array between an image and its reconstruction, as large as it is, with what leads to the next.
(function (V) {
  "use strict";
  const { shapeFor, paintSigned } = V.widgets.stepParts;
  const { stages, shortNames } = V.widgets.stepStages;
  const WRITTEN = 4; // arrays up to this length stand in their box as numbers
  const CHANNELS = 16; // of a convolution's output, shown side by side

  /**
   * Everything on the way from the image of now, through the z of the shared state, to the mean image. Without an image or
   * an encoder the way begins at z.
   */
  function passOf(shell) {
    const E = V.engine;
    const model = shell.currentModel();
    const x = model.encoder && shell.currentImage() ? Float64Array.from(shell.currentImage()) : null;
    const z = Float64Array.from(shell.state.get().z);
    const arrays = { z };
    if (x) {
      const { outputs, y } = E.chain(model.encoder, model.parameters, x);
      const { mu, logvar } = model.parametersOf(y);
      const sigma = logvar && E.map(logvar, (one) => Math.exp(0.5 * one));
      Object.assign(arrays, { x, mu, logvar, sigma, eps: sigma && E.map(sigma, (one, l) => (z[l] - mu[l]) / one) });
      outputs.forEach((one, i) => { arrays[`encoder.${i}`] = one; });
    }
    const decoder = E.chain(model.decoder, model.parameters, z);
    decoder.outputs.forEach((one, i) => { arrays[`decoder.${i}`] = one; });
    return { model, arrays: { ...arrays, o: decoder.y, mean: model.mean(decoder.y) }, begins: x ? "x" : "z" };
  }

  /** The shape of what an operation puts out, n numbers, where `before` went in. */
  function shapeAfter(op, before, n) {
    if (op.large) return op.op === "convolution" ? op.small : op.large;
    if (before.reduce((a, b) => a * b, 1) === n) return before;
    if (before.length === 3 && n % (before[0] * before[1]) === 0) return [before[0], before[1], n / (before[0] * before[1])];
    return [n];
  }

  /** The boxes of a pass, in order: [{id, name, by (what made it), shape, stage, op, raw (a tensor)}]. */
  function boxesOf(page, { model, arrays, begins }) {
    const whole = begins === "x";
    const known = { encoder: whole ? model.encoder : [], decoder: model.decoder, hasDensity: model.hasDensity, description: model.description };
    const names = shortNames(known);
    const stageOf = (id) => stages(known).find((one) => one.id === id) || null;
    const image = page.data.image_shape || [model.features];
    const layers = (part, first) => {
      let shape = first;
      return known[part].map((op, i) => {
        const id = `${part}.${i}`;
        shape = shapeAfter(op, shape, arrays[id].length);
        return { id, name: names[id], by: op.op, shape, stage: stageOf(id), op };
      });
    };
    const latent = [model.latent];
    const front = !whole ? [] : [{ id: "x", name: "x", by: null, shape: image, stage: stageOf("x") }, ...layers("encoder", image),
      ...(model.hasDensity ? [{ id: "posterior", name: "μ, σ", by: "split", shape: latent, stage: stageOf("posterior") },
        { id: "eps", name: "ε", by: "noise", shape: latent, stage: null }] : [])];
    const mean = { line: V.shell.meanLine(model.description.likelihood).replace("x = ", "mean = "), equation: "\\hat{x} = E[x | z]" };
    return [...front, { id: "z", name: "z", by: !whole ? null : model.hasDensity ? "draw" : "code", shape: latent, stage: stageOf("z") },
      ...layers("decoder", latent), { id: "mean", name: "x̂", by: "mean", shape: image, stage: mean, raw: model.description.likelihood.raw }];
  }

  /** The arrays of a box: [[name, values]]. */
  const valuesOf = ({ arrays }, box) => (box.id === "posterior" ? [["μ", arrays.mu], ["σ", arrays.sigma]] : [[box.name, arrays[box.id]]]);

  /** Channels side by side: {values, shape} in the plane, zeros between them. */
  function channelSheet(values, [height, width, channels]) {
    const shown = Math.min(CHANNELS, channels);
    const across = Math.ceil(Math.sqrt(shown));
    const shape = [(height + 1) * Math.ceil(shown / across) - 1, (width + 1) * across - 1];
    const out = new Float64Array(shape[0] * shape[1]);
    for (let i = 0; i < height * width; i++) {
      for (let c = 0; c < shown; c++) {
        const row = Math.floor(c / across) * (height + 1) + Math.floor(i / width);
        out[row * shape[1] + (c % across) * (width + 1) + (i % width)] = values[i * channels + c];
      }
    }
    return { values: out, shape };
  }

  /** Paint an array of a box; gives the shape of what was painted. */
  function paintArray(page, shell, canvas, box, values, upright) {
    const grey = box.id === "x" || box.id === "mean";
    const flat = box.shape.length === 3 && box.shape[2] === 1 ? box.shape.slice(0, 2) : box.shape;
    if (flat.length === 3) {
      const sheet = channelSheet(values, flat);
      shell.paint(canvas, sheet.values, sheet.shape, { signed: !grey });
      return sheet.shape;
    }
    const image = values.length === page.data.features;
    if (grey) shell.paint(canvas, values, shapeFor(page, values.length));
    else if (upright && !image) shell.paint(canvas, values, [values.length, 1], { signed: true });
    else paintSigned(page, shell, canvas, values, null);
    return [canvas.height, canvas.width];
  }

  /** One box: a button with its array, its name and its size. */
  function boxElement(page, shell, box, open) {
    const canvas = shell.h("canvas", { class: "image", "aria-hidden": "true" });
    const written = shell.h("span", { class: "numbers-in-box", "aria-hidden": "true" });
    const size = box.shape.join("×");
    const button = shell.h("button", {
      type: "button", class: "quiet machine-box", "data-box": box.id, on: { click: () => open(box.id) },
      "aria-label": { t: "w01.box", values: () => ({ name: box.name, size, by: box.by ? shell.t("w01.by." + kindOf(shell, box)) : "–" }) },
    }, canvas, written, shell.h("strong", {}, box.name), shell.h("span", { class: "size" }, size));

    function show(pass, chosen) {
      button.setAttribute("aria-expanded", String(chosen === box.id));
      const lists = valuesOf(pass, box);
      const short = lists.every(([, values]) => values.length <= WRITTEN);
      canvas.hidden = short;
      if (short) {
        written.replaceChildren(...lists.flatMap(([, values], i) => [...(i ? [shell.h("hr")] : []), ...Array.from(values, (one) => shell.h("span", {}, shell.number(one, 2)))]));
        return;
      }
      const together = Float64Array.from(lists.flatMap(([, values]) => Array.from(values)));
      const [height, width] = paintArray(page, shell, canvas, box, lists.length > 1 ? together : lists[0][1], true);
      canvas.classList.toggle("column", width === 1 && height > 1);
      if (width === 1) canvas.style.height = `${1.2 + 0.8 * Math.log2(height)}rem`;
    }

    return { element: button, show };
  }

  const KINDS = ["affine", "relu", "tanh", "sigmoid", "softplus", "silu", "convolution", "transposed_convolution", "split", "noise", "draw", "code", "mean"];
  const kindOf = (shell, box) => (KINDS.includes(box.by) ? box.by : "other");

  /** The row: `show(pass, boxes, chosen)`; arrows go from box to box. */
  function row(page, shell, open) {
    const element = shell.h("div", { class: "machine-row", role: "group", "aria-label": { t: "w01.row" } });
    let made = [];
    let key = "";

    function make(boxes) {
      made = boxes.map((box) => boxElement(page, shell, box, open));
      element.replaceChildren(...boxes.flatMap((box, i) => [
        ...(i ? [shell.h("span", { class: "machine-arrow", "aria-hidden": "true" }, shell.h("small", { t: "w01.by." + kindOf(shell, box) }), box.id === "eps" ? "+" : "→")] : []), made[i].element]));
    }

    function show(pass, boxes, chosen) {
      const now = [pass.model.name, ...boxes.map((box) => box.id)].join();
      if (now !== key) make(boxes);
      key = now;
      for (const one of made) one.show(pass, chosen);
    }

    element.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const at = made.findIndex((one) => one.element === document.activeElement);
      if (!step || at < 0) return;
      event.preventDefault();
      const next = made[Math.min(made.length - 1, Math.max(0, at + step))].element;
      next.focus();
      open(next.dataset.box);
    });
    return { element, show };
  }

  V.widgets.machine = { passOf, boxesOf, valuesOf, paintArray, row };
})((globalThis.Vitral = globalThis.Vitral || {}));
