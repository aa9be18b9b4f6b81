// W16, traverse: every latent dimension moved by itself through the prior, sorted by what it carries in nats.
(function (V) {
  "use strict";
  const QUANTILES = [0.01, 0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95, 0.99]; // of the prior, left to right
  const FEW = 12; // strips that are shown until more are asked for
  const SILENT = 0.01; // nats: a dimension that carries less says nothing
  const FLAT = 0.05; // of the way from black to white: a strip whose pixels change less is flat

  function needs(page) {
    if (!page.data.image_shape) return "w03.needs_images";
    return page.models.some((one) => carrying(page, one)) ? true : "w16.needs_model";
  }

  /** Whether the page can move a model's dimensions and knows what they cost. */
  function carrying(page, { name, kind }) {
    return kind === "vae" && page.computes(name) && Boolean(page.array(name + "/codes_logvar"));
  }

  function mount(root, page, shell) {
    shell.state.declare({ "w16.all": false, "w16.model": "", "w16.z": [] });
    const cursor = cursorOf(page, shell);
    let dimensions = []; // {l, kl, error, location, width}, the dearest first
    const parts = shell.frame(root, {
      name: "traverse", predict: prediction(), equations: ["KL = ∑_l \\frac{1}{2} (μ_l^2 + σ_l^2 - 1 - log σ_l^2)", "J_l = \\frac{∂ \\hat{x}}{∂ z_l}"],
      code: () => traverseCode(page, shell, cursor, dimensions), exports: { csv: () => table(), png: () => shown[0].canvas, svg: () => chart.svg(), json: () => situation() },
    });
    const lacks = shell.h("p", { class: "absent", t: "w16.no_prior" });
    const list = shell.h("ol", { class: "traverse" });
    const more = shell.toggle({ label: "w16.all", name: "w16.all" });
    const chart = shell.chart(() => bars());
    parts.look.append(modelChoice(page, shell), lacks, list, more);
    parts.numbers.append(chart.element);
    let shown = []; // {l, canvas, element, refresh, images}
    let key = "";
    let slopes = null; // |d mean image / d z_l| at the z of now, where numbers are shown

    const decodeSoon = shell.latest((strips, { name, z }) => shell.decodeFar(name, Float64Array.from(strips.flatMap((one) => along(z, one.l)))), draw);

    /** The strip of dimension l: z of now, with z_l at each quantile. */
    function along(z, l) {
      return QUANTILES.flatMap((share) => z.map((one, i) => (i === l ? V.engine.normalQuantile(share) : one)));
    }

    function draw(outputs, strips, { name, z }) {
      const { features } = page.data;
      const mean = page.model(name).mean(outputs);
      strips.forEach((one, row) => {
        const first = row * QUANTILES.length;
        one.images = QUANTILES.map((unused, i) => V.engine.rowsOf(mean, features, first + i));
        shell.tiled(one.canvas, one.images, page.data.image_shape, QUANTILES.length);
        one.refresh(slopes);
      });
      root.dataset.drawn = z.join();
    }

    function build() {
      const { "w16.all": all } = shell.state.get();
      dimensions = carried(page, cursor.get().name);
      more.hidden = dimensions.length <= FEW;
      shown = dimensions.slice(0, all ? dimensions.length : FEW).map((one) => strip(page, shell, cursor, one, dimensions));
      list.replaceChildren(...shown.map((one) => one.element));
    }

    function update(state, changed) {
      if (cursor.left(state, changed)) return;
      const { name, z } = cursor.get();
      const able = carrying(page, page.description(name));
      lacks.hidden = able;
      [list, chart.element].forEach((one) => { one.hidden = !able; });
      if (!able) return;
      const now = [name, state["w16.all"]].join();
      if (now !== key) {
        key = now;
        build();
        chart.update();
      }
      if (changed.has("lang") || changed.has("theme")) chart.update();
      slopes = state.depth === "look" ? null : norms(page, cursor);
      decodeSoon(shown, { name, z });
      shown.forEach((one) => one.refresh(slopes));
      const [first] = dimensions;
      const silent = dimensions.filter((one) => one.kl < SILENT).length;
      parts.tell("w16.told", { name: "z" + (first.l + 1), kl: first.kl, sum: total(dimensions), silent, latent: dimensions.length });
      parts.refresh();
    }

    /** Which of the outermost strips changes the image more: the one that carries most, or the one that carries least? */
    function prediction() {
      const ends = () => {
        const [most, least] = [dimensions[0], dimensions[dimensions.length - 1]];
        const { name, z } = cursor.get();
        const model = page.model(name);
        return [most, least].map(({ l }) => {
          const mean = model.mean(model.decode(Float64Array.from(along(z, l))));
          return span(QUANTILES.map((unused, i) => V.engine.rowsOf(mean, page.data.features, i)));
        });
      };
      return {
        question: "w16.predict", answers: ["w16.predict.most", "w16.predict.least"],
        right: () => (ends()[0] >= ends()[1] ? 0 : 1),
        reveal: () => {
          const [most, least] = ends();
          return ["w16.predict.reveal", { first: "z" + (dimensions[0].l + 1), last: "z" + (dimensions[dimensions.length - 1].l + 1), most, least }];
        },
      };
    }

    function bars() {
      const label = (l) => "z" + (l + 1);
      const row = (part) => dimensions.map((one) => one[part]);
      return {
        label: shell.t("w16.chart"), x: { label: shell.t("w16.dimension") }, y: { label: "KL, nats" }, categories: dimensions.map((one) => label(one.l)), stacked: true,
        series: [{ name: shell.t("w16.location"), y: row("location") }, { name: shell.t("w16.width"), y: row("width") }],
      };
    }

    function table() {
      const now = norms(page, cursor);
      return {
        columns: ["dimension", "kl", "kl_se", "location", "width", "jacobian_norm", "span"],
        rows: dimensions.map((one) => {
          const strip = shown.find(({ l }) => l === one.l);
          return ["z" + (one.l + 1), one.kl, one.error, one.location, one.width, now[one.l], strip && strip.images ? span(strip.images) : null];
        }),
      };
    }

    function situation() {
      const { name, z } = cursor.get();
      return { model: name, z, quantiles: QUANTILES, dimensions };
    }

    return { update };
  }

  const total = (dimensions) => V.engine.sum(dimensions.map((one) => one.kl));

  /** The largest difference that a pixel sees along a strip. */
  function span(images) {
    let largest = 0;
    for (let d = 0; d < images[0].length; d++) {
      const values = images.map((one) => one[d]);
      largest = Math.max(largest, Math.max(...values) - Math.min(...values));
    }
    return largest;
  }

  /**
   * The model that is shown and the code around which it is: those of now, or a model chosen here and a code of its own,
   * which begins at the code of the image of now. `left(state, changed)`: that code belongs to something gone, and is let go.
   */
  function cursorOf(page, shell) {
    const home = (name) => Array.from(shell.codeOf(name, shell.state.get().image).mu, (one) => Number(one.toFixed(4)));

    function get() {
      const { model, z, "w16.model": asked, "w16.z": own } = shell.state.get();
      const one = asked && asked !== model && page.description(asked);
      if (!one || !carrying(page, one)) return { name: model, z, key: "z" };
      return { name: asked, z: own.length === one.latent ? own : home(asked), key: "w16.z" };
    }

    function set(l, value) {
      const { z, key } = get();
      shell.state.set({ [key]: z.map((one, i) => (i === l ? Number(value.toFixed(4)) : one)) });
    }

    function left(state, changed) {
      const gone = ["image", "drawn", "w16.model"].some((name) => changed.has(name)) && !changed.has("w16.z") && state["w16.z"].length > 0;
      if (gone) shell.state.set({ "w16.z": [] });
      return gone;
    }
    return { get, set, left };
  }

  /** Which model this figure shows, where the page has several that it can. */
  function modelChoice(page, shell) {
    const names = page.models.filter((one) => carrying(page, one)).map((one) => one.name);
    if (names.length < 2) return null;
    return shell.h("div", { class: "row" }, shell.select({ label: "w16.model", name: "w16.model",
      options: () => [["", shell.t("w16.model.now")], ...names.map((name) => [name, name])] }));
  }

  /** |d mean image / d z_l| at the z that is shown, for every l. */
  function norms(page, cursor) {
    const { name, z } = cursor.get();
    return V.engine.jacobian(page.model(name), Float64Array.from(z)).map((column) => Math.sqrt(V.engine.dot(column, column)));
  }

  /** The mean KL of every dimension over the fixed images, in its two parts, and its standard error; the dearest first. */
  function carried(page, name) {
    const [mu, logvar] = ["/codes", "/codes_logvar"].map((part) => page.array(name + part));
    const [count, L] = mu.shape;
    const { each, location, width } = V.engine.kl(Float64Array.from(mu.data), Float64Array.from(logvar.data));
    const column = (part, l) => part.filter((one, i) => i % L === l);
    return Array.from({ length: L }, (unused, l) => {
      const { mean, error } = V.engine.meanAndError(column(each, l));
      const [place, exactness] = [location, width].map((part) => V.engine.sum(column(part, l)) / count);
      return { l, kl: mean, error, location: place, width: exactness };
    }).sort((a, b) => b.kl - a.kl);
  }

  /** One row: what the dimension carries and since when, its film, and a slider in quantiles of the prior. */
  function strip(page, shell, cursor, { l, kl, error }, dimensions) {
    const canvas = shell.h("canvas", { class: "traverse-film", role: "img", "aria-label": { t: "w16.film", values: { name: "z" + (l + 1) } } });
    const mark = shell.h("span", { class: "traverse-mark", "aria-hidden": "true" });
    const flat = shell.h("p", { class: "at-numbers traverse-note" });
    const set = (value) => cursor.set(l, value);
    const slider = shell.slider({
      label: ["w16.slider", { name: "z" + (l + 1) }], min: -4, max: 4, digits: 2, get: () => cursor.get().z[l], set,
      position: (value) => (V.engine.normalCdf(value) - 0.01) / 0.98, value: (position) => V.engine.normalQuantile(0.01 + 0.98 * position),
    });
    dragged(canvas, (share) => set(V.engine.normalQuantile(QUANTILES[Math.min(QUANTILES.length - 1, Math.max(0, Math.floor(share * QUANTILES.length)))])));
    const film = shell.h("div", { class: "traverse-frame" }, canvas, mark);
    const share = shell.h("div", { class: "traverse-bar", "aria-hidden": "true" }, shell.h("span", {}));
    share.firstChild.style.width = dimensions[0].kl > 0 ? 100 * Math.max(0, kl) / dimensions[0].kl + "%" : 0;
    const silent = shell.h("p", { class: "traverse-silent", hidden: true });
    const head = shell.h("div", { class: "traverse-head" }, shell.h("strong", {}, "z" + (l + 1)),
      shell.h("span", { t: ["w16.kl", { kl, error: error === null ? NaN : error }] }), share, history(page, shell, cursor.get().name, l));
    const element = shell.h("li", { class: kl < SILENT ? "silent" : "" }, head,
      silent, film, slider, flat);
    const self = { l, canvas, element, images: null, refresh };

    function refresh(slopes) {
      slider.refresh();
      mark.style.left = 100 * Math.min(1, Math.max(0, place(cursor.get().z[l]))) + "%";
      silent.hidden = !(kl < SILENT && self.images);
      if (!silent.hidden) sayHowFlat(shell, silent, kl, span(self.images));
      if (self.images && slopes) shell.say(flat, "w16.span", { span: span(self.images), norm: slopes[l] });
    }
    return self;
  }

  /** A dimension that the encoder leaves empty: flat, as the numbers of its strip show, or not. */
  function sayHowFlat(shell, place, kl, moved) {
    shell.say(place, moved < FLAT ? "w16.silent" : "w16.silent.moves", { kl, span: moved });
  }

  /** Where a value lies along the film, whose frames are quantiles at equal distances. */
  function place(value) {
    const z = QUANTILES.map(V.engine.normalQuantile);
    const n = QUANTILES.length;
    const after = z.findIndex((one) => one >= value);
    if (after <= 0) return (after < 0 ? n - 0.5 : 0.5) / n;
    return (after - 1 + (value - z[after - 1]) / (z[after] - z[after - 1]) + 0.5) / n;
  }

  function dragged(canvas, act) {
    const seen = (event) => act((event.clientX - canvas.getBoundingClientRect().left) / canvas.getBoundingClientRect().width);
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      seen(event);
    });
    canvas.addEventListener("pointermove", (event) => canvas.hasPointerCapture(event.pointerId) && seen(event));
  }

  /** The KL of one dimension over the training, as a line without axes; nothing where it was not recorded. */
  function history(page, shell, model, l) {
    const [epochs, kl] = ["/pulse_epochs", "/pulse_kl"].map((part) => page.array(model + part));
    if (!epochs || !kl) return null;
    const L = kl.shape[1];
    const [end, high] = [epochs.data[epochs.data.length - 1], Math.max(...kl.data, 1e-9)];
    const points = Array.from(epochs.data, (epoch, i) => `${(76 * epoch / end + 2).toFixed(1)},${(20 - 18 * kl.data[i * L + l] / high).toFixed(1)}`);
    const svg = shell.s("svg", { viewBox: "0 0 80 22", class: "sparkline", role: "img" }, shell.s("polyline", { points: points.join(" ") }));
    shell.say(svg, "w16.history", { end, last: kl.data[kl.data.length - L + l] }, "aria-label");
    return svg;
  }

  /** The strip of the dimension that carries most. */
  function traverseCode(page, shell, cursor, dimensions) {
    const { name, z } = cursor.get();
    const description = page.description(name);
    const l = dimensions.length === z.length ? dimensions[0].l : 0;
    const lines = description.decoder && shell.networkLines(description.decoder, "z", "o");
    const end = lines ? [`w = np.load("${description.name}.npz")`, ...lines, shell.meanLine(description.likelihood)]
      : ["import vitral", `model = vitral.load("${description.name}.safetensors")`, "x = model.decode(z)"];
    return ["from statistics import NormalDist", "import numpy as np", `l, z = ${l}, np.tile(${shell.pythonList(z)}, (${QUANTILES.length}, 1))`,
      `z[:, l] = [NormalDist().inv_cdf(share) for share in ${shell.pythonList(QUANTILES)}]`, ...end, "span = np.ptp(x, axis=0).max()"].join("\n");
  }

  V.widgets.add({ id: "w16", title: "w16.title", section: "generation", needs, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
