// W14, generate properly: seeded draws from a prior, means against samples, and two grids with the prior's own measure.
(function (V) {
  "use strict";
  const COUNT = 100;
  const SIDE = 15;
  const REACH = 3; // of the evenly spaced grid
  const OWN = { "w14.prior": "standard", "w14.pixels": "mean", "w14.temperature": 1, "w14.sized": false };
  const grids = { linear: linearGrid(), quantile: quantileGrid() };

  function needs(page) {
    if (!page.data.image_shape) return "w03.needs_images";
    return page.computes() ? true : "w14.needs_model";
  }

  /** Evenly spaced centres; the tiles between half-way lines have the prior mass (Φ(b) - Φ(a)) of both axes. */
  function linearGrid() {
    const step = (2 * REACH) / (SIDE - 1);
    const axis = Array.from({ length: SIDE }, (_, i) => i * step - REACH);
    return gridOf(axis, axis.map((one) => V.engine.normalCdf(one + step / 2) - V.engine.normalCdf(one - step / 2)));
  }

  /** Centres at the quantiles (i + 1/2) / n of the prior: every tile has the mass 1 / n². */
  function quantileGrid() {
    const axis = Array.from({ length: SIDE }, (_, i) => V.engine.normalQuantile((i + 0.5) / SIDE));
    return gridOf(axis, axis.map(() => 1 / SIDE));
  }

  /** Codes row by row from the upper left, and the prior mass of each tile. */
  function gridOf(axis, masses) {
    const places = Array.from({ length: SIDE * SIDE }, (_, i) => [i % SIDE, SIDE - 1 - Math.floor(i / SIDE)]);
    const z = places.map(([a, b]) => [axis[a], axis[b]]);
    const beyond = (radius) => z.filter((one) => Math.hypot(...one) > radius).length / z.length;
    return { z, mass: places.map(([a, b]) => masses[a] * masses[b]), beyond };
  }

  function mount(root, page, shell) {
    shell.state.declare(OWN);
    const draws = drawer(page, shell);
    const parts = shell.frame(root, {
      name: "generate",
      predict: page.description().latent === 2 ? prediction() : null,
      equations: ["z ~ p(z)", "x ~ p(x | z)", "z_i = Φ^{-1}(\\frac{i + 1/2}{n})"],
      code: () => sampleCode(page, shell),
      exports: { csv: () => drawsTable(shell, draws), png: () => samples.canvas, json: () => situation(shell, draws),
        npz: () => draws.arrays() },
    });
    const samples = shell.sheet({ label: "w14.sheet", across: 10, down: 10, pick: (i) => go(shell, draws.z[i]) });
    const chosen = shell.picture({ t: "w14.chosen", values: () => ({ z: shell.vector(shell.state.get().z) }) }, "large");
    const note = shell.h("p", { class: "readout" });
    const tiles = gridsOf(page, shell);
    parts.look.append(controls(page, shell), shell.h("div", { class: "beside" },
      shell.h("figure", { class: "captioned whole" }, samples.element, note),
      shell.h("figure", { class: "captioned" }, chosen, shell.h("figcaption", { t: "w14.chosen.caption" }))), tiles.element);
    const facts = shell.facts(["w14.log_standard", "w14.log_mixture", "w14.radius", "w14.outside", "w14.other"]);
    parts.numbers.append(facts.element);

    const show = shell.latest((z) => shell.decodeFar(shell.state.get().model, z.flat()), (outputs, z) => {
      if (outputs.length !== z.length * page.data.features) return;
      draws.take(outputs);
      samples.paint(draws.images, page.data.image_shape);
      samples.choose(-1);
      samples.canvas.dataset.drawn = draws.key;
      say();
    });

    function say() {
      const { seed, ...state } = shell.state.get();
      shell.say(note, "w14.note." + state["w14.pixels"], { seed });
      facts.set(numbersOf(page, shell, draws));
      parts.tell("w14.told." + state["w14.prior"], draws.told());
      parts.refresh();
    }

    function update(state, changed) {
      const redraw = ["mount", "model", "seed", ...Object.keys(OWN)].some((name) => changed.has(name) && name !== "w14.sized");
      if (redraw) show(draws.again());
      else if (changed.has("lang") && draws.images) say();
      const model = shell.currentModel();
      shell.paint(chosen, model.mean(model.decode(state.z)), page.data.image_shape);
      shell.say(chosen, "w14.chosen", () => ({ z: shell.vector(state.z) }), "aria-label");
      tiles.update(changed);
    }
    return { update };
  }

  function go(shell, z) {
    shell.state.set({ z: Array.from(z, (one) => Number(one.toFixed(4))) });
  }

  function controls(page, shell) {
    const choice = (name, values) => shell.choice({ label: name, name, options: values.map((one) => [one, name + "." + one]) });
    const again = shell.button("w14.again", () => shell.state.set({ seed: shell.state.get().seed + 1 }));
    const seed = shell.slider({ label: "w14.seed", min: 0, max: 200, step: 1, digits: 0, name: "seed" });
    const heat = shell.slider({ label: "w14.temperature", min: 0, max: 2, step: 0.05, digits: 2, name: "w14.temperature" });
    return shell.h("div", {}, shell.h("div", { class: "row" }, choice("w14.prior", ["standard", "mixture"]),
      choice("w14.pixels", ["mean", "sample"]), again), heat, seed);
  }

  /** The hundred draws of now: their codes, and once they are decoded their images. */
  function drawer(page, shell) {
    const mixtures = new Map();
    const self = { z: [], images: null, outputs: null, key: "", again, take, told, arrays, mixture };

    function mixture() {
      const { model } = shell.state.get();
      if (!mixtures.has(model)) mixtures.set(model, fitted(page, shell, model));
      return mixtures.get(model);
    }

    function again() {
      const state = shell.state.get();
      const { latent } = shell.currentModel();
      const fit = state["w14.prior"] === "mixture" && mixture();
      const u = V.engine.uniform(state.seed, "explorer part", 0, COUNT);
      const temperature = state["w14.temperature"];
      self.z = Array.from({ length: COUNT }, (_, i) => {
        const eps = V.engine.noise(state.seed, "explorer prior", i, latent);
        return fit ? V.widgets.mixtureDraw(fit.parts, u[i], eps, temperature) : Array.from(eps, (one) => temperature * one);
      });
      self.key = [state.model, state.seed, temperature, state["w14.prior"], state["w14.pixels"]].join();
      return self.z;
    }

    function take(outputs) {
      const model = shell.currentModel();
      const { seed, ...state } = shell.state.get();
      const rows = (all) => self.z.map((_, i) => all.subarray(i * model.features, (i + 1) * model.features));
      const noise = (i) => V.engine.noise(seed, "explorer pixels", i, model.features);
      self.images = state["w14.pixels"] === "mean" ? rows(model.mean(outputs)) : rows(outputs).map((o, i) => model.sample(o, noise(i)));
    }

    function told() {
      const labels = self.z.map((z) => shell.vote(page.array(shell.state.get().model + "/codes"), page.array("images_labels"), z, 15));
      const counts = new Map();
      for (const found of labels) if (found) counts.set(found.label, (counts.get(found.label) || 0) + 1);
      const [label, count] = [...counts].sort((a, b) => b[1] - a[1])[0] || [null, 0];
      const ink = self.images.map((image) => image.reduce((a, b) => a + b, 0));
      return { kinds: counts.size, label: label === null ? "–" : shell.className(page, label), count, ink: V.engine.sum(ink) / COUNT };
    }

    function arrays() {
      const { latent, features } = shell.currentModel();
      return {
        z: { data: Float64Array.from(self.z.flat()), shape: [COUNT, latent] },
        images: { data: Float64Array.from(self.images.flatMap((one) => Array.from(one))), shape: [COUNT, features] },
      };
    }
    return self;
  }

  /** A mixture fitted to one draw of the code of every other image; what both priors give to the rest, a code each. */
  function fitted(page, shell, model) {
    const codes = page.array(model + "/codes");
    if (!codes) return null;
    const logvar = page.array(model + "/codes_logvar");
    const L = codes.shape[1];
    const rows = Array.from({ length: codes.shape[0] }, (_, i) => {
      const eps = V.engine.noise(0, "explorer aggregate", i, L);
      const spread = logvar && shell.row(logvar, i);
      return Array.from(shell.row(codes, i), (one, j) => one + (spread ? Math.exp(0.5 * spread[j]) * eps[j] : 0));
    });
    const parts = V.widgets.fittedMixture(rows.filter((_, i) => i % 2 === 0));
    const kept = rows.filter((_, i) => i % 2 === 1);
    const mean = (f) => V.engine.sum(kept.map(f)) / kept.length;
    return { parts, count: kept.length, standard: mean((z) => V.engine.logPrior(z, L)[0]), own: mean((z) => V.widgets.logMixture(parts, z)) };
  }

  function numbersOf(page, shell, draws) {
    const fit = draws.mixture();
    const radii = draws.z.map((z) => Math.hypot(...z));
    const out = draws.images.flatMap((image) => Array.from(image, (one) => one < 0 || one > 1)).filter(Boolean).length;
    const others = page.models.filter(({ prior }) => prior && prior.kind !== "standard_normal");
    return {
      "w14.log_standard": fit ? shell.number(fit.standard, 3) : "–",
      "w14.log_mixture": fit ? shell.number(fit.own, 3) : "–",
      "w14.radius": shell.number(V.engine.sum(radii) / COUNT, 3),
      "w14.outside": shell.number((100 * out) / (COUNT * page.data.features), 1) + "%",
      "w14.other": others.length ? others.map((one) => one.name + ": " + one.prior.kind).join(", ") : shell.t("w14.other.none"),
    };
  }

  /** The even grid and the grid of equal masses, side by side, for models with a plane. */
  function gridsOf(page, shell) {
    const absent = shell.h("p", { class: "absent", t: "w14.no_plane" });
    const read = shell.h("p", { class: "readout" });
    const made = Object.entries(grids).map(([name, grid]) => ({ name, grid, sheet: shell.sheet({
      label: "w14.grid." + name, across: SIDE, down: SIDE, pick: (i) => {
        go(shell, grid.z[i]);
        shell.say(read, "w14.tile", () => ({ z: shell.vector(grid.z[i]), mass: 100 * grid.mass[i], equal: 100 / SIDE ** 2 }));
      } }) }));
    const figures = made.map(({ name, grid, sheet }) => shell.h("figure", { class: "captioned whole" }, sheet.element,
      shell.h("figcaption", { t: ["w14.grid." + name + ".caption", { two: 100 * grid.beyond(2), three: 100 * grid.beyond(3),
        least: 100 * Math.min(...grid.mass), most: 100 * Math.max(...grid.mass) }] })));
    const inside = shell.h("div", {}, shell.h("p", { t: ["w14.grids", { two: 100 * Math.exp(-2), three: 100 * Math.exp(-4.5) }] }),
      shell.toggle({ label: "w14.sized", name: "w14.sized" }), shell.h("div", { class: "beside even" }, figures), read);
    const element = shell.h("div", {}, shell.h("h4", { t: "w14.grids.title" }), inside, absent);

    function paint() {
      const sized = shell.state.get()["w14.sized"];
      for (const { grid, sheet, images } of made) {
        const most = Math.max(...grid.mass);
        if (images) sheet.paint(images, page.data.image_shape, sized && ((i) => Math.sqrt(grid.mass[i] / most)));
      }
    }

    async function decode() {
      const { model } = shell.state.get();
      for (const one of made) {
        const o = await shell.decodeFar(model, one.grid.z.flat());
        if (shell.state.get().model !== model) return;
        const mean = shell.currentModel().mean(o);
        one.images = one.grid.z.map((_, i) => mean.subarray(i * page.data.features, (i + 1) * page.data.features));
        one.sheet.canvas.dataset.drawn = model;
        paint();
      }
    }

    function update(changed) {
      const flat = shell.currentModel().latent === 2;
      inside.hidden = !flat;
      absent.hidden = flat;
      if (flat && (changed.has("mount") || changed.has("model"))) decode();
      if (changed.has("w14.sized")) paint();
    }
    return { element, update };
  }

  /** What share of the even grid lies beyond two sigma? */
  function prediction() {
    const share = 100 * grids.linear.beyond(2);
    return {
      question: "w14.predict", answers: ["w14.predict.prior", "w14.predict.third", "w14.predict.most"], right: () => 2,
      reveal: () => ["w14.predict.reveal", { share, three: 100 * grids.linear.beyond(3), two: 100 * Math.exp(-2), mass: 100 * Math.exp(-4.5) }],
    };
  }

  function sampleCode(page, shell) {
    const model = shell.currentModel();
    const { description } = model;
    const lines = shell.networkLines(description.decoder, "z", "o");
    const { latent, likelihood } = description;
    const columns = Array.from({ length: latent }, (_, i) => i + 1).join(", ");
    const start = ["import numpy as np", `z = np.loadtxt("generate.csv", delimiter=",", skiprows=1, usecols=(${columns},), ndmin=2)`];
    if (!lines) return [...start, "import vitral", `model = vitral.load("${description.name}.safetensors")`, "x = model.decode(z)"].join("\n");
    const { "w14.pixels": pixels, seed } = shell.state.get();
    const variance = model.likelihood.variance();
    const end = pixels === "mean" ? [] : [`rng = np.random.default_rng(${seed})`, variance === null
      ? "x = (rng.random(x.shape) < x).astype(float)" : `x = x + np.sqrt(${Number(variance.toPrecision(8))}) * rng.standard_normal(x.shape)`];
    return [...start, `w = np.load("${description.name}.npz")`, ...lines, shell.meanLine(likelihood), ...end].join("\n");
  }

  function drawsTable(shell, draws) {
    const { latent } = shell.currentModel();
    const names = Array.from({ length: latent }, (_, i) => "z" + (i + 1));
    return {
      columns: ["draw", ...names, "log_prior", "radius"],
      rows: draws.z.map((z, i) => [i, ...z, V.engine.logPrior(z, latent)[0], Math.hypot(...z)]),
    };
  }

  function situation(shell, draws) {
    const { model, seed, ...state } = shell.state.get();
    return { model, seed, prior: state["w14.prior"], pixels: state["w14.pixels"], temperature: state["w14.temperature"], z: draws.z };
  }

  V.widgets.add({ id: "w14", title: "w14.title", section: "generation", needs, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
