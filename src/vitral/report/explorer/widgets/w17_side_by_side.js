// W17, models side by side: latent sizes, weights of the KL, plain autoencoders; one cursor drives them all.
(function (V) {
  "use strict";
  const MODES = ["image", "cursor", "draw"];
  const MEASURES = ["sse", "elbo", "log_px_hat", "kl", "active_units", "knn_accuracy"];

  function needs(page) {
    if (!page.data.image_shape) return "w03.needs_images";
    const family = V.widgets.comparison.families(page)[0];
    return family && family.length > 1 ? true : "w17.needs_models";
  }

  function mount(root, page, shell) {
    shell.state.declare({ "w17.family": 0, "w17.mode": "image", "w17.chosen": page.main, "w17.measure": "sse" });
    const families = V.widgets.comparison.families(page).filter((one) => one.length > 1);
    const family = () => families[Math.min(families.length - 1, Math.max(0, Math.round(shell.state.get()["w17.family"])))];
    const chosen = () => family().find((one) => one.name === shell.state.get()["w17.chosen"]) || family()[0];
    const rows = () => V.widgets.galleryRows(family());
    const pick = (name) => shell.state.set({ "w17.chosen": name });
    const question = V.widgets.sideQuestion(page, families);
    const parts = shell.frame(root, {
      name: "side-by-side", predict: question,
      equations: ["\"rate\" + \"distortion\" = -ELBO", "ℒ_β = \"distortion\" + β \"rate\""],
      code: () => lines(page, shell, chosen()),
      exports: { csv: () => table(rows(), (key) => key), svg: () => plot.svg(), png: () => plot.svg(), json: () => situation() },
    });
    const plot = V.widgets.rateDistortion(page, shell, () => ({ rows: rows(), chosen: chosen().name }), pick);
    const chart = shell.chart(() => bySize(page, shell, rows()));
    const original = shell.picture({ t: "w17.original" }, "middle");
    const picture = shell.picture({ t: "w17.picture", values: () => ({ name: chosen().name }) }, "large");
    const caption = shell.h("figcaption", {});
    const controls = controlsOf(page, shell, families);
    const budget = shell.h("p", { class: "budget" });
    const place = shell.h("div", {});
    const everywhere = shell.button("w17.everywhere", () => shell.state.set({ model: chosen().name }));
    const facts = shell.facts(
      ["w17.rate", "w17.distortion", "w17.elbo", "w17.log_px_hat", "w17.active_units", "w17.sse", "w17.seeds"]);
    const given = shell.h("figure", { class: "captioned" }, original, shell.h("figcaption", { t: "w17.original" }));
    parts.look.append(controls.element, budget, place,
      shell.h("div", { class: "beside" }, shell.h("div", {}, shell.h("h4", { t: "w17.plot.title" }), plot.element),
        shell.h("div", {}, shell.h("figure", { class: "captioned" }, picture, caption), everywhere, facts.element)),
      shell.h("h4", { t: "w17.sizes.title" }), shell.select({
        label: "w17.measure", name: "w17.measure", options: () => MEASURES.map((one) => [one, shell.t("w17.axis." + one)]),
      }), chart.element);
    const list = shell.h("div", {});
    parts.numbers.append(list);
    let shelf = null;

    /** The table of the family of now, made again when another one is chosen. */
    function build() {
      shelf = V.widgets.gallery(page, shell, family(), given, pick);
      place.replaceChildren(shelf.element);
      shell.say(budget, ...V.widgets.sideBudget(page, shell, family()));
    }

    function rowName(one) {
      return shell.t(...V.widgets.galleryName(rows().find((each) => [...each.models.values()].includes(one))));
    }

    function show(state) {
      const one = chosen();
      shelf.update(state["w17.mode"], one.name);
      const found = V.widgets.galleryShown(page, shell, one, state["w17.mode"]);
      picture.hidden = !found;
      if (found) shell.paint(picture, found.image, page.data.image_shape);
      shell.say(caption, found ? "w17.caption" : "w17.caption.absent", () => ({ row: rowName(one), K: one.latent }));
      const x = shell.currentImage();
      given.hidden = state["w17.mode"] !== "image" || !x;
      if (x) shell.paint(original, x, page.data.image_shape);
    }

    function tell() {
      const one = chosen();
      const of = (key) => V.widgets.comparison.measured(one, key);
      const values = () => ({
        row: rowName(one), K: one.latent, rate: of("kl").value, distortion: of("distortion").value, elbo: of("elbo").value,
        active: of("active_units").value, sse: of("sse").value,
      });
      parts.tell(one.kind === "vae" ? "w17.told" : "w17.told.plain", values);
      const text = (key, digits) => spread(shell, of(key), digits);
      facts.set({
        "w17.rate": text("kl", 2), "w17.distortion": text("distortion", 2), "w17.elbo": text("elbo", 2),
        "w17.log_px_hat": text("log_px_hat", 2), "w17.sse": text("sse", 2), "w17.seeds": String(of("sse").seeds),
        "w17.active_units": shell.t("w17.active.of", { active: of("active_units").value, latent: one.latent }),
      });
      everywhere.disabled = !page.computes(one.name);
      list.replaceChildren(shell.dataTable(table(rows(), (key) => shell.t("w17.column." + key), shell)));
      parts.refresh();
    }

    function situation() {
      const { image, z, seed, ...state } = shell.state.get();
      const mode = state["w17.mode"];
      const shown = family().map((one) => [one.name, V.widgets.galleryShown(page, shell, one, mode)]);
      return { mode, image, z, seed, models: Object.fromEntries(shown) };
    }

    function update(state, changed) {
      const has = (...names) => names.some((name) => changed.has(name));
      if (has("mount", "w17.family")) build();
      if (has("mount", "lang", "w17.family", "w17.mode", "w17.chosen", "image", "drawn", "z", "seed")) show(state);
      if (has("mount", "lang", "w17.family", "w17.chosen")) {
        plot.update();
        tell();
      }
      if (has("mount", "lang", "w17.family", "w17.measure")) chart.update();
      controls.update(state);
    }
    return { update };
  }

  /** A number with its spread: 24.31 ± 0.12. */
  function spread(shell, { value, spread: around }, digits) {
    return shell.number(value, digits) + (Number.isFinite(around) ? " ± " + shell.number(around, digits) : "");
  }

  function controlsOf(page, shell, families) {
    const named = (family) => ["w17.network", { layers: V.widgets.comparison.layers(family[0]), n: family.length }];
    const options = families.map((family, i) => [i, named(family)]);
    const network = families.length > 1 ? [shell.choice({ label: "w17.family", name: "w17.family", options })] : [];
    const mode = shell.choice({ label: "w17.mode", name: "w17.mode", options: MODES.map((one) => [one, "w17.mode." + one]) });
    const coordinate = (i) => shell.slider({ label: ["shell.coordinate", { n: i + 1 }], min: -4, max: 4, step: 0.01, digits: 2,
      get: () => shell.state.get().z[i] || 0, set: (value) => shell.state.set({ z: moved(shell.state.get().z, i, value) }) });
    const two = [0, 1].map(coordinate);
    const cursor = shell.h("div", { class: "few-sliders" }, two);
    const again = shell.button("w17.again", () => shell.state.set({ seed: shell.state.get().seed + 1 }));
    const note = shell.h("p", { class: "aside" });
    const element = shell.h("div", {}, shell.h("div", { class: "row" }, ...network, mode, again), cursor, note);
    function update(state) {
      cursor.hidden = state["w17.mode"] !== "cursor";
      two.forEach((one) => one.refresh());
      two[1].hidden = state.z.length < 2;
      again.hidden = state["w17.mode"] !== "draw";
      const drawn = state["w17.mode"] === "image" && state.image < 0;
      shell.say(note, drawn ? "w17.note.drawing" : "w17.note." + state["w17.mode"]);
    }
    return { element, update };
  }

  const moved = (z, i, value) => z.map((one, j) => (i === j ? value : one));

  /** One measure by latent size, a line a row; of the squared error also PCA and the mean image. */
  function bySize(page, shell, rows) {
    const key = shell.state.get()["w17.measure"];
    const label = shell.t("w17.axis." + key);
    const { measured } = V.widgets.comparison;
    const series = rows.map((row, i) => {
      const found = [...row.models].sort((a, b) => a[0] - b[0]).map(([K, one]) => [K, measured(one, key)])
        .filter(([, one]) => Number.isFinite(one.value));
      const ends = (sign) => found.map(([, one]) => one.value + sign * (one.spread || 0));
      return { name: shell.t(...V.widgets.galleryName(row)), colour: shell.seriesColour(i), dots: true, x: found.map(([K]) => K),
        y: found.map(([, one]) => one.value), low: ends(-1), high: ends(1) };
    }).filter((one) => one.x.length);
    const sizes = [...new Set(rows.flatMap((row) => [...row.models.keys()]))].sort((a, b) => a - b);
    const all = [...series, ...baselines(page, shell, key, sizes)];
    const x = { label: shell.t("w17.axis.latent"), log: true, ticks: sizes, min: sizes[0] / 1.15, max: sizes.at(-1) * 1.15 };
    return { label, x, y: { label }, series: all.length ? all : [{ name: "", x: [], y: [] }], digits: 2 };
  }

  function baselines(page, shell, key, sizes) {
    const known = page.metrics.baselines || {};
    const line = (name, x, y, colour) => ({ name: shell.t(name), x, y, colour: shell.style(colour), dash: "3 4" });
    if (key === "active_units") return [line("w17.baseline.all", sizes, sizes, "--soft")];
    if (key !== "sse") return [];
    const pca = Object.entries(known.pca || {}).map(([k, one]) => [Number(k), one.sse]).sort((a, b) => a[0] - b[0]);
    const curve = line("w17.baseline.pca", pca.map(([k]) => k), pca.map(([, sse]) => sse), "--ink");
    const found = pca.length ? [{ ...curve, dots: true }] : [];
    const mean = (known.mean_image || {}).sse;
    return Number.isFinite(mean) ? [...found, line("w17.baseline.mean", sizes, sizes.map(() => mean), "--soft")] : found;
  }

  const COLUMNS = ["kl", "distortion", "elbo", "log_px_hat", "active_units", "sse", "knn_accuracy"];

  /** All models and all measures; `name` writes the heads of the columns, `shell` the names of the rows. */
  function table(rows, name, shell) {
    const { measured } = V.widgets.comparison;
    const both = COLUMNS.flatMap((key) => [key, key + "_spread"]);
    const columns = ["model", "latent", "beta", "seeds", ...both, "parameters", "epochs"];
    const heads = columns.map((key) => (key.endsWith("_spread") ? (shell ? "±" : key) : name(key)));
    const found = rows.flatMap((row) => [...row.models.values()].map((one) => [
      one.name, one.latent, row.training.kind === "beta" ? row.training.beta : NaN, measured(one, "sse").seeds,
      ...COLUMNS.flatMap((key) => [measured(one, key).value, measured(one, key).spread]), one.metrics.parameters, one.epochs,
    ]));
    return { columns: heads, rows: found };
  }

  /** The rate-distortion plot from the table, and the chosen model's image from its code. */
  function lines(page, shell, one) {
    const found = V.widgets.galleryShown(page, shell, one, shell.state.get()["w17.mode"]);
    const all = ["import numpy as np",
      't = np.genfromtxt("side-by-side.csv", delimiter=",", names=True, dtype=None, encoding="utf-8")',
      't = t[np.isfinite(t["kl"])]', 'rate, distortion, active = t["kl"], t["distortion"], t["active_units"]',
      "elbo = -(rate + distortion)"];
    return [...all, ...(found ? shell.decoderCode(page.description(one.name), found.z).split("\n").slice(1) : [])].join("\n");
  }

  V.widgets.add({ id: "w17", title: "w17.title", section: "evidence", needs, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
