// The models of W17 in rows (how they were trained) and columns (latent sizes): one cursor decodes them all.
(function (V) {
  "use strict";

  const ORDER = { autoencoder: 0, beta: 1, other: 2 };

  /** The rows of a family: [{key, training, models: Map of latent size to model}], autoencoders first, then by beta. */
  function rowsOf(models) {
    const rows = [];
    for (const one of models) {
      const training = V.widgets.comparison.training(one);
      let row = rows.find((each) => each.key === JSON.stringify(training) && !each.models.has(one.latent));
      if (!row) rows.push((row = { key: JSON.stringify(training), training, models: new Map() }));
      row.models.set(one.latent, one);
    }
    const place = ({ training }) => [ORDER[training.kind], training.beta || 0];
    return rows.sort((a, b) => place(a)[0] - place(b)[0] || place(a)[1] - place(b)[1]);
  }

  /** The name of a row: [key of a text, its values]. */
  function nameOf({ training }) {
    return ["w17.row." + training.kind, { beta: training.beta === undefined ? "" : training.beta, label: training.label || "" }];
  }

  /** The dimensions of a model, those that the cursor moves first: of the largest KL, as they stand. */
  function movedFirst(one) {
    const kl = ((one.metrics || {}).test || {}).kl_per_dimension;
    const all = Array.from({ length: one.latent }, (_, j) => j);
    if (!kl || one.latent < 3) return all;
    const best = [...all].sort((a, b) => kl[b] - kl[a]).slice(0, 2).sort((a, b) => a - b);
    return [...best, ...all.filter((j) => !best.includes(j))];
  }

  /**
   * The code at which a model is shown, a list of numbers, or null. mode "image": the code of the image of now;
   * "cursor": the first two numbers of the shared z in the two dimensions that hold most nats, zero in the others;
   * "draw": the first of many standard normal numbers, the same for all models.
   */
  function codeFor(page, shell, one, mode) {
    const state = shell.state.get();
    if (mode === "draw") return Array.from(V.engine.noise(state.seed, "explorer side by side", 0, one.latent));
    if (mode === "cursor") {
      const z = new Array(one.latent).fill(0);
      movedFirst(one).slice(0, 2).forEach((j, i) => { z[j] = state.z[i] || 0; });
      return z;
    }
    const codes = page.array(one.name + "/codes");
    if (page.computes(one.name, true) && page.count) return Array.from(page.model(one.name).encode(shell.currentImage()).mu);
    return codes && state.image >= 0 && state.image < codes.shape[0] ? Array.from(shell.row(codes, state.image)) : null;
  }

  /** What a model makes of it: {z, image, error} with the squared error to the image of now; null where it cannot. */
  function shownBy(page, shell, one, mode) {
    const z = page.computes(one.name) ? codeFor(page, shell, one, mode) : null;
    if (!z) return null;
    const model = page.model(one.name);
    const image = model.mean(model.decode(Float64Array.from(z)));
    const x = shell.currentImage();
    const error = mode === "image" && x ? x.reduce((sum, value, i) => sum + (value - image[i]) ** 2, 0) : NaN;
    return { z, image, error };
  }

  /** The table of models, with something in its corner. `pick(name)` hears of a choice. Gives {element, update(mode, name of the
   * chosen model)}. */
  function gallery(page, shell, models, corner, pick) {
    const rows = rowsOf(models);
    const sizes = [...new Set(models.map((one) => one.latent))].sort((a, b) => a - b);
    const cells = new Map();
    const cellOf = (row, one) => {
      const canvas = shell.h("canvas", { class: "image", "aria-hidden": "true", width: 28, height: 28 });
      const error = shell.h("span", { class: "cell-error" });
      const chosen = { "aria-pressed": "false", on: { click: () => pick(one.name) } };
      const button = shell.h("button", { type: "button", class: "model-cell", ...chosen }, canvas, error);
      cells.set(one.name, { button, canvas, error, row, one });
      return button;
    };
    const element = shell.h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": { t: "w17.gallery" } },
      shell.h("table", { class: "side-by-side" },
        shell.h("thead", {}, shell.h("tr", {}, shell.h("td", {}, corner),
          sizes.map((K) => shell.h("th", { scope: "col", t: ["w17.size", { K }] })))),
        shell.h("tbody", {}, rows.map((row) => shell.h("tr", {}, shell.h("th", { scope: "row", t: nameOf(row) }), sizes.map((K) =>
          shell.h("td", {}, row.models.has(K) ? cellOf(row, row.models.get(K)) : null)))))));

    function update(mode, chosen) {
      for (const [name, { button, canvas, error, row, one }] of cells) {
        const found = shownBy(page, shell, one, mode);
        canvas.hidden = !found;
        if (found) shell.paint(canvas, found.image, page.data.image_shape);
        else canvas.values = null;
        error.textContent = found && Number.isFinite(found.error) ? shell.number(found.error, 1) : found ? "" : "\u2013";
        button.setAttribute("aria-pressed", String(name === chosen));
        const said = () => ({ row: shell.t(...nameOf(row)), K: one.latent, error: found ? found.error : NaN });
        shell.say(button, found && Number.isFinite(found.error) ? "w17.cell.error" : "w17.cell", said, "aria-label");
      }
    }
    return { element, update, rows, sizes };
  }

  Object.assign(V.widgets, { gallery, galleryRows: rowsOf, galleryName: nameOf, galleryCode: codeFor, galleryShown: shownBy });
})((globalThis.Vitral = globalThis.Vitral || {}));
