// W15, interpolate: four ways from one image to another, each frame with what the model says of it.
(function (V) {
  "use strict";
  const FRAMES = 11;
  const WAYS = ["straight", "slerp", "following", "free"];

  function needs(page) {
    if (!page.data.image_shape || !page.count) return "w03.needs_images";
    return page.computes() ? true : "w14.needs_model";
  }

  function mount(root, page, shell) {
    const { latent } = page.description();
    shell.state.declare({ "w15.way": "straight", "w15.from": 0, "w15.to": firstOther(page), "w15.frame": 5, "w15.drawing": false });
    shell.state.declare({ "w15.a": new Array(latent).fill(0), "w15.b": new Array(latent).fill(0), "w15.free": [] });
    const ends = endsOf(page, shell);
    const parts = shell.frame(root, {
      name: "interpolation",
      predict: { question: "w15.predict", answers: ["w15.predict.pixels", "w15.predict.codes"], right: () => (blendIsWorse() ? 1 : 0),
        reveal: () => ["w15.predict.reveal", doubles()] },
      equations: ["z(t) = (1 - t) z_A + t z_B", "z(t) = \\frac{\"sin\" (1 - t) ω}{\"sin\" ω} z_A + \\frac{\"sin\" t ω}{\"sin\" ω} z_B"],
      code: () => pathCode(shell), exports: { csv: () => table(), png: () => strips.get("way").canvas, svg: () => chart.svg() },
    });
    const plane = planeOf(page, shell, ends, () => path());
    const strips = stripsOf(shell, (i) => shell.state.set({ "w15.frame": i, z: rounded(path()[i]) }));
    const image = shell.picture({ t: "w15.frame.image", values: seen }, "large");
    const facts = shell.facts(["w15.log_prior", "w15.class", "w15.to_a", "w15.to_b", "w15.norm", "w15.shell"]);
    const chart = shell.chart(() => chartOf(page, shell, paths()));
    const player = shell.player({ start: () => shell.animate((s) => {
      const i = Math.floor(s * 4) % (2 * FRAMES - 2);
      pick(i < FRAMES ? i : 2 * FRAMES - 2 - i);
    }) });
    const side = shell.h("div", {}, shell.h("figure", { class: "captioned" }, image, shell.h("figcaption", { t: "w15.frame.caption" })), facts.element);
    parts.look.append(controls(page, shell, ends, player),
      shell.h("figure", { class: "captioned whole" }, shell.h("figcaption", { t: "w15.pixels" }), strips.get("pixels").element),
      shell.h("figure", { class: "captioned whole" }, shell.h("figcaption", { t: "w15.codes" }), strips.get("way").element),
      shell.slider({ label: "w15.frame", min: 0, max: FRAMES - 1, step: 1, digits: 0, get: () => shell.state.get()["w15.frame"], set: (i) => pick(Math.round(i)) }),
      shell.h("div", { class: "beside" }, plane.element, side), chart.element);
    const rows = shell.h("div", {});
    parts.numbers.append(rows);
    let images = null;

    function pick(i) {
      shell.state.set({ "w15.frame": i, z: rounded(path()[i]) });
    }

    function paths() {
      const state = shell.state.get();
      const [a, b] = [state["w15.a"], state["w15.b"]];
      const codes = page.array(state.model + "/codes");
      const free = state["w15.free"].length > 1 && a.length === 2 ? V.widgets.paths.resampled(state["w15.free"], FRAMES) : null;
      return {
        straight: V.widgets.paths.straight(a, b, FRAMES), slerp: V.widgets.paths.slerp(a, b, FRAMES),
        following: kept([state.model, a, b].join(), () => V.widgets.paths.following(codes, a, b, FRAMES)), ...(free ? { free } : {}),
      };
    }

    const path = () => {
      const all = paths();
      return all[shell.state.get()["w15.way"]] || all.straight;
    };

    /** How many pixels of the middle frame are half lit, for both ways. */
    function doubles() {
      return { pixels: halfLit(images.pixels), codes: halfLit(images.way) };
    }

    const blendIsWorse = () => doubles().pixels > doubles().codes;

    function seen() {
      const { z } = shell.state.get();
      return { z: shell.vector(z, 2) };
    }

    function draw() {
      const state = shell.state.get();
      const model = shell.currentModel();
      const list = path();
      const outputs = model.decode(Float64Array.from(list.flat()));
      const mean = model.mean(outputs);
      const frames = list.map((_, i) => mean.subarray(i * model.features, (i + 1) * model.features));
      const [a, b] = ends.images();
      images = { pixels: list.map((_, i) => V.widgets.paths.mixed(a, b, i / (FRAMES - 1))), way: frames, outputs };
      strips.get("pixels").paint(images.pixels, page.data.image_shape);
      strips.get("way").paint(frames, page.data.image_shape);
      for (const strip of strips.values()) strip.choose(state["w15.frame"]);
      root.dataset.drawn = [state["w15.way"], state["w15.a"], state["w15.b"]].join("|");
      rows.replaceChildren(shell.dataTable(table(true)));
      chart.update();
      say();
    }

    function say() {
      const state = shell.state.get();
      const one = told(page, shell, path()[state["w15.frame"]], ends.images());
      shell.paint(image, images.way[state["w15.frame"]], page.data.image_shape);
      shell.say(image, "w15.frame.image", () => ({ z: shell.vector(path()[state["w15.frame"]]) }), "aria-label");
      facts.set({ "w15.log_prior": shell.number(one.logPrior, 2), "w15.class": one.label, "w15.to_a": shell.number(one.toA, 1),
        "w15.to_b": shell.number(one.toB, 1), "w15.norm": shell.number(one.norm, 2), "w15.shell": typical(shell, state["w15.a"].length) });
      const way = shell.t("w15.way." + (paths()[state["w15.way"]] ? state["w15.way"] : "straight"));
      parts.tell("w15.told", { ...one, way, n: state["w15.frame"] + 1, of: FRAMES, z: shell.vector(path()[state["w15.frame"]]) });
      parts.refresh();
    }

    function table(local) {
      const names = Array.from({ length: path()[0].length }, (_, i) => "z" + (i + 1));
      const heads = ["log_prior", "class", "loss_a", "loss_b", "norm"];
      const columns = local ? [shell.t("w15.frame"), ...heads.map((one) => shell.t("w15.table." + one))] : ["frame", ...names, ...heads];
      const rowsOf = path().map((z, i) => {
        const one = told(page, shell, z, ends.images());
        return [i, ...(local ? [] : z), one.logPrior, one.label, one.toA, one.toB, one.norm];
      });
      return { columns, rows: rowsOf };
    }

    function update(state, changed) {
      if (changed.has("mount") || changed.has("model")) ends.take(changed.has("mount"));
      plane.element.hidden = shell.state.get()["w15.a"].length !== 2;
      plane.drawMoving();
      if (["mount", "model", "lang", "w15.way", "w15.a", "w15.b", "w15.free", "drawn", "w15.from", "w15.to"].some((name) => changed.has(name))) draw();
      else if (changed.has("w15.frame")) {
        for (const strip of strips.values()) strip.choose(state["w15.frame"]);
        say();
      }
      if (changed.has("mount") || changed.has("model")) plane.drawLater();
    }
    return { update };
  }

  const memory = { key: "", value: null };
  function kept(key, make) {
    if (memory.key !== key) Object.assign(memory, { key, value: make() });
    return memory.value;
  }

  const rounded = (z) => Array.from(z, (one) => Number(one.toFixed(4)));

  /** The first image of another class than the first. */
  function firstOther(page) {
    const found = Array.from({ length: page.count }, (_, i) => i).find((i) => page.label(i) !== page.label(0));
    return found === undefined ? Math.min(1, page.count - 1) : found;
  }

  /** Share of half-lit pixels (0.25 to 0.75) of the middle frame, in percent: a double exposure has many. */
  function halfLit(list) {
    const middle = list[Math.floor(list.length / 2)];
    return (100 * middle.filter((one) => one > 0.25 && one < 0.75).length) / middle.length;
  }

  /** Both ends: codes that can be moved, and the images that they came from; a moved end has a decoded image. */
  function endsOf(page, shell) {
    const drawings = { from: null, to: null };
    const code = (i) => rounded(shell.codeOf(shell.state.get().model, i).mu);
    const names = { from: "w15.a", to: "w15.b" };

    function take(keep) {
      const state = shell.state.get();
      const patch = {};
      for (const [end, name] of Object.entries(names)) {
        const blank = state[name].every((one) => one === 0) || state[name].length !== shell.currentModel().latent;
        const index = Math.min(page.count - 1, Math.max(0, state["w15." + end]));
        if (blank || !keep) Object.assign(patch, { ["w15." + end]: index, [name]: code(index) });
      }
      shell.state.set(patch);
    }

    /** The image of now becomes an end. */
    function use(end) {
      const { image } = shell.state.get();
      drawings[end] = image < 0 ? shell.currentImage() : null;
      shell.state.set({ ["w15." + end]: image, [names[end]]: rounded(shell.currentCode().mu) });
    }

    function imageOf(end) {
      const state = shell.state.get();
      const index = state["w15." + end];
      if (index >= 0 && index < page.count) return page.image(index);
      if (index === -1 && drawings[end]) return drawings[end];
      const model = shell.currentModel();
      return model.mean(model.decode(state[names[end]]));
    }

    const move = (end) => (point) => shell.state.set({ ["w15." + end]: -2, [names[end]]: rounded(point) });
    return { take, use, move, images: () => [imageOf("from"), imageOf("to")] };
  }

  function controls(page, shell, ends, player) {
    const way = shell.choice({ label: "w15.way", name: "w15.way", options: WAYS.map((one) => [one, "w15.way." + one]) });
    return shell.h("div", {}, way, shell.h("div", { class: "row" }, player, shell.button("w15.use_a", () => ends.use("from")),
      shell.button("w15.use_b", () => ends.use("to")), shell.toggle({ label: "w15.drawing", name: "w15.drawing" }),
      shell.button("w15.clear", () => shell.state.set({ "w15.free": [] }))));
  }

  function stripsOf(shell, pick) {
    const strip = (label) => shell.sheet({ label, across: FRAMES, down: 1, pick });
    return new Map([["pixels", strip("w15.strip.pixels")], ["way", strip("w15.strip.codes")]]);
  }

  /** The plane with both ends as handles; with `draw` on, the cursor leaves a path behind it. */
  function planeOf(page, shell, ends, path) {
    const codes = () => page.array(shell.state.get().model + "/codes");
    const dots = shell.layers.layer((surface) => {
      if (codes()) shell.layers.points({ codes: codes(), labels: page.array("images_labels"), page, glyphs: () => false }).paint(surface);
    });
    const flat = () => shell.state.get()["w15.a"].length === 2;
    return shell.plane({
      label: "w15.plane", span: shell.reach(page.array(page.main + "/codes")),
      layers: [dots, shell.layers.contours(), shell.layers.path({ get: path, shown: flat })],
      get: () => [0, 1].map((i) => shell.state.get().z[i] || 0),
      set: (point) => {
        const state = shell.state.get();
        const z = state.z.length === 2 ? rounded(point) : [...rounded(point), ...state.z.slice(2)];
        const free = state["w15.drawing"] && flat() ? { "w15.free": [...state["w15.free"], rounded(point)].slice(-200), "w15.way": "free" } : {};
        shell.state.set({ z, ...free });
      },
      handles: () => (flat() ? [{ at: shell.state.get()["w15.a"], label: "A", move: ends.move("from") },
        { at: shell.state.get()["w15.b"], label: "B", move: ends.move("to") }] : []),
    });
  }

  /** What the model says of a code: log p(z), the class around it, and both images' reconstruction terms. */
  function told(page, shell, z, [a, b]) {
    const model = shell.currentModel();
    const o = model.decode(Float64Array.from(z));
    const found = shell.vote(page.array(shell.state.get().model + "/codes"), page.array("images_labels"), z, 15);
    return {
      logPrior: V.engine.logPrior(Float64Array.from(z), z.length)[0], label: found ? shell.className(page, found.label) : "–",
      toA: -model.logProb(a, o)[0], toB: -model.logProb(b, o)[0], norm: Math.hypot(...z),
    };
  }

  /** The distances from the origin between which the prior has 90 % of its mass. */
  function shellOf(L) {
    const steps = Array.from({ length: 4000 }, (_, i) => ((i + 0.5) / 4000) * (Math.sqrt(L) + 6));
    const mass = (Math.sqrt(L) + 6) / 4000;
    let total = 0;
    const ends = [null, null];
    for (const r of steps) {
      total += V.widgets.chiDensity(r, L) * mass;
      if (ends[0] === null && total >= 0.05) ends[0] = r;
      if (ends[1] === null && total >= 0.95) ends[1] = r;
    }
    return ends;
  }

  const typical = (shell, L) => shellOf(L).map((one) => shell.number(one, 2)).join(" … ");

  /** log p(z) along every way; beyond two dimensions the distance from the origin, against where the prior has its mass. */
  function chartOf(page, shell, paths) {
    const L = paths.straight[0].length;
    const x = Array.from({ length: FRAMES }, (_, i) => i);
    const value = L > 2 ? (z) => Math.hypot(...z) : (z) => -0.5 * Math.hypot(...z) ** 2 - 0.5 * L * V.engine.LOG_TWO_PI;
    const series = Object.entries(paths).map(([name, list]) => ({ name: shell.t("w15.way." + name), x, y: list.map(value) }));
    const key = L > 2 ? "w15.chart.norm" : "w15.chart.prior";
    return {
      label: shell.t(key), digits: 2, x: { label: shell.t("w15.frame") }, y: { label: shell.t(key) }, series,
      marks: [{ x: shell.state.get()["w15.frame"] }, ...(L > 2 ? shellOf(L).map((y) => ({ y })) : [])],
    };
  }

  function pathCode(shell) {
    const state = shell.state.get();
    const { description } = shell.currentModel();
    const lines = shell.networkLines(description.decoder, "z", "o");
    const start = ["import numpy as np", `a, b = np.array(${shell.pythonList(state["w15.a"])}), np.array(${shell.pythonList(state["w15.b"])})`,
      `t = np.linspace(0, 1, ${FRAMES})[:, None]`];
    const way = state["w15.way"] === "straight" ? ["z = (1 - t) * a + t * b"] : state["w15.way"] === "slerp"
      ? ["m, n = np.linalg.norm(a), np.linalg.norm(b)", "w = np.arccos(a @ b / (m * n))",
        "z = (np.sin((1 - t) * w) * a / m + np.sin(t * w) * b / n) / np.sin(w) * ((1 - t) * m + t * n)"]
      : ['z = np.genfromtxt("interpolation.csv", delimiter=",", names=True)', `z = np.stack([z[f"z{i + 1}"] for i in range(${state["w15.a"].length})], 1)`];
    const load = lines ? [`w = np.load("${description.name}.npz")`] : ["import vitral", `model = vitral.load("${description.name}.safetensors")`];
    return [...start, ...way, ...load, ...(lines ? [...lines, shell.meanLine(description.likelihood)] : ["x = model.decode(z)"])].join("\n");
  }

  V.widgets.add({ id: "w15", title: "w15.title", section: "generation", needs, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
