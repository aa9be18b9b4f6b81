// W13, prior and aggregate posterior: where all codes together are, where the prior says they should be, and the price.
(function (V) {
  "use strict";
  const CELLS = 60;
  const MAPS = ["difference", "codes", "prior"];
  const SHOWN = 4; // dimensions in pairs

  function needs(page) {
    const codes = page.array(page.main + "/codes");
    return codes && page.array(page.main + "/codes_logvar") ? true : "w13.needs_codes";
  }

  function mount(root, page, shell) {
    shell.state.declare({ "w13.map": "difference" });
    const numbers = measured(page, shell, () => arrived());
    const parts = shell.frame(root, {
      name: "prior-and-codes",
      predict: prediction(page, shell, numbers),
      equations: ["q(z) = \\frac{1}{N} ∑_{n=1}^{N} q(z | x_n)",
        "\\frac{1}{N} ∑_{n=1}^{N} \"KL\"(q(z | x_n), p(z)) = I(x; z) + \"KL\"(q(z), p(z))"],
      code: shareCode,
      exports: { csv: () => table(page, numbers.get()), png: () => (flat() ? plane.pictures() : radii.svg()), svg: () => radii.svg(),
        json: () => ({ model: shell.state.get().model, ...numbers.get() }) },
    });
    const flat = () => shell.currentModel() !== null && shell.currentModel().latent === 2;
    const plane = planeOf(page, shell, numbers);
    const image = shell.picture({ t: "w13.image" }, "large");
    const here = shell.h("p", {});
    const extreme = (key, sign) => shell.button(key, () => plane.toExtreme(sign));
    const side = shell.h("div", {}, shell.h("figure", { class: "captioned" }, image, shell.h("figcaption", {}, here)),
      shell.h("div", { class: "row" }, extreme("w13.hole", -1), extreme("w13.overflow", 1)),
      shell.choice({ label: "w13.map", name: "w13.map", options: MAPS.map((one) => [one, "w13.map." + one]) }),
      legend(shell));
    const onPlane = shell.h("div", { class: "beside" }, plane.element, side);
    const pairs = shell.h("div", { class: "panels" });
    const split = shell.chart(() => splitChart(page, shell, numbers.get()));
    const radii = shell.chart(() => radiusChart(shell, numbers.get()));
    const quantiles = shell.chart(() => quantileChart(shell, numbers.get()));
    const titled = (key, chart) => shell.h("div", {}, shell.h("h4", { t: key }), chart.element);
    const absent = shell.h("p", { class: "absent", t: "w13.point" });
    const whole = shell.h("div", {}, onPlane, pairs, titled("w13.split", split),
      shell.h("div", { class: "beside even" }, titled("w13.radii", radii), titled("w13.quantiles", quantiles)));
    const waiting = shell.h("p", { class: "readout", t: "w13.waiting" });
    parts.look.append(absent, waiting, whole);
    const facts = shell.facts(["w13.kl", "w13.information", "w13.marginal", "w13.misplaced", "w13.holes", "w13.strays", "w13.run"]);
    parts.numbers.append(facts.element);

    function arrived() {
      const found = numbers.get();
      if (!found) return;
      root.dataset.measured = found.model;
      whole.hidden = false;
      waiting.hidden = true;
      onPlane.hidden = !flat();
      pairs.replaceChildren(...(flat() ? [] : panels(page, shell, found)));
      for (const one of [split, radii, quantiles]) one.update();
      plane.drawLater();
      tell(shell.state.get());
    }

    function tell(state) {
      const found = numbers.get();
      if (!found) return;
      facts.set(factsOf(page, shell, found));
      if (capped(found)) return void parts.tell("w13.told.capped", { ...found, most: Math.log(found.N) });
      if (!flat()) return void parts.tell("w13.told.numbers", found);
      const { q, p } = plane.cell(state.z);
      shell.say(here, "w13.here." + verdict(q, p), { q: 100 * q, p: 100 * p });
      parts.tell("w13.told." + verdict(q, p), { z: shell.vector(state.z), q: 100 * q, p: 100 * p, marginal: found.marginal });
    }

    function update(state, changed) {
      const there = page.array(state.model + "/codes_logvar") !== null;
      absent.hidden = there;
      waiting.hidden = !there || numbers.get() !== null;
      whole.hidden = numbers.get() === null;
      if (!there) return;
      if (changed.has("mount") || changed.has("model")) numbers.measure();
      if (flat() && page.data.image_shape) {
        const model = shell.currentModel();
        shell.paint(image, model.mean(model.decode(state.z)), page.data.image_shape);
      }
      if (changed.has("w13.map") || changed.has("lang")) plane.drawLater();
      else plane.drawMoving();
      tell(state);
      parts.refresh();
    }
    return { update };
  }

  /** What the worker says of the model of now, once it has come. */
  function measured(page, shell, ready) {
    const kept = new Map();
    const self = { get: () => kept.get(shell.state.get().model) || null, measure };

    function measure() {
      const { model } = shell.state.get();
      if (kept.has(model)) return ready();
      kept.set(model, null);
      const [codes, logvar] = [page.array(model + "/codes"), page.array(model + "/codes_logvar")];
      const L = codes.shape[1];
      const span = Math.max(3.5, shell.extent([codes.data]).reduce((a, b) => Math.max(a, Math.abs(b)), 0) + 0.3);
      const worker = shell.worker(V.widgets.aggregate);
      const question = { mu: Float64Array.from(codes.data), logvar: Float64Array.from(logvar.data), L, span, cells: CELLS };
      worker.ask(question).then((answer) => {
        worker.stop();
        kept.set(model, { model, L, span, ...answer });
        ready();
      });
    }
    return self;
  }

  /** N images show at most log N nats of information: close to that, the parts of the KL say nothing but this. */
  const capped = ({ information, N }) => information > 0.97 * Math.log(N);

  /** More than twice as much, or less than half, counts; where both have next to nothing, nothing is said. */
  function verdict(q, p) {
    if (Math.max(q, p) < 2e-5) return "empty";
    return q > 2 * p ? "overflow" : p > 2 * q ? "hole" : "alike";
  }

  function legend(shell) {
    const sample = (name) => shell.h("span", { class: "swatch " + name, "aria-hidden": "true" });
    return shell.h("ul", { class: "legend" }, ["overflow", "hole"].map((name) =>
      shell.h("li", {}, sample(name), " ", shell.h("span", { t: "w13.legend." + name }))));
  }

  const MORE = [194, 78, 0]; // codes where the prior expects few
  const LESS = [0, 114, 178]; // the prior where there are few codes

  function planeOf(page, shell, numbers) {
    const get = () => {
      const found = numbers.get();
      return found && found.plane ? heatOf(shell, found) : null;
    };
    const plane = shell.plane({
      label: "w13.plane", span: shell.reach(page.array(page.main + "/codes")), actions: { play: () => plane.toExtreme(-1) },
      layers: [shell.layers.heat({ get }), shell.layers.contours()],
    });
    plane.cell = (z) => {
      const found = numbers.get();
      if (!found || !found.plane) return { q: 0, p: 0 };
      const [column, row] = z.map((one) => Math.floor(((one + found.span) / (2 * found.span)) * CELLS));
      const inside = Math.min(column, row) >= 0 && Math.max(column, row) < CELLS;
      return inside ? { q: found.plane.q[row * CELLS + column], p: found.plane.p[row * CELLS + column] } : { q: 0, p: 0 };
    };
    plane.toExtreme = (sign) => {
      const found = numbers.get();
      if (!found || !found.plane) return;
      const at = worst(found, sign);
      const middle = (i) => Number((((i + 0.5) / CELLS) * 2 * found.span - found.span).toFixed(4));
      shell.state.set({ z: [middle(at % CELLS), middle(Math.floor(at / CELLS))] });
    };
    return plane;
  }

  /** The cell where sign (q - p) is greatest, a little smoothed, so that it is a place and not a speck. */
  function worst({ plane: { q, p } }, sign) {
    let best = [-Infinity, 0];
    for (let i = 0; i < q.length; i++) {
      let total = 0;
      for (const up of [-1, 0, 1]) {
        for (const right of [-1, 0, 1]) {
          const at = i + up * CELLS + right;
          if (at >= 0 && at < q.length) total += sign * (q[at] - p[at]);
        }
      }
      if (total > best[0]) best = [total, i];
    }
    return best[1];
  }

  function heatOf(shell, { plane: { q, p }, span }) {
    const which = shell.state.get()["w13.map"];
    const values = which === "codes" ? q : which === "prior" ? p : q.map((one, i) => one - p[i]);
    const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    const strength = (value) => Math.round(235 * Math.sqrt(Math.abs(value) / most));
    const tint = (value) => (which === "prior" || (which === "difference" && value < 0) ? LESS : MORE);
    const lighter = (colour) => (shell.dark() ? colour.map((one) => Math.round(one + 0.4 * (255 - one))) : colour);
    return { columns: CELLS, rows: CELLS, low: [-span, -span], high: [span, span], values,
      colour: (value) => [...lighter(tint(value)), strength(value)] };
  }

  /** Draws of the four dimensions with most KL, two at a time, over the prior's circles. */
  function panels(page, shell, found) {
    const order = found.each.map((_, i) => i).sort((a, b) => found.each[b] - found.each[a]).slice(0, SHOWN).sort((a, b) => a - b);
    const two = order.flatMap((a, i) => order.slice(i + 1).map((b) => [a, b]));
    return two.map((axes) => {
      const canvas = shell.h("canvas", { width: 360, height: 360, "aria-hidden": "true" });
      const group = shell.s("g");
      const svg = shell.s("svg", { viewBox: "0 0 180 180", "aria-hidden": "true" }, group);
      const values = { a: axes[0] + 1, b: axes[1] + 1 };
      const place = shell.h("div", { class: "plane-surface still", role: "img", "aria-label": { t: "w13.pair", values } }, canvas, svg);
      const paint = () => {
        const view = new shell.PlaneView(4);
        view.size = 180;
        const context = canvas.getContext("2d");
        context.setTransform(2, 0, 0, 2, 0, 0);
        context.clearRect(0, 0, 180, 180);
        group.replaceChildren();
        const surface = { context, group, X: (a) => view.toScreen([a, 0])[0], Y: (b) => view.toScreen([0, b])[1], unit: view.unit, view, size: 180 };
        const codes = { data: found.z, shape: [found.N, found.L] };
        shell.layers.points({ codes, labels: page.array("images_labels"), page, axes, glyphs: () => false }).paint(surface);
        shell.layers.contours().paint(surface);
      };
      paint();
      shell.redraws(place, paint);
      return shell.h("figure", { class: "captioned" }, place, shell.h("figcaption", { t: ["w13.pair", values] }));
    });
  }

  function splitChart(page, shell, found) {
    const run = runOf(page, found.model);
    const columns = [[shell.t("w13.split.page", { n: found.N }), found.information, found.marginal],
      ...(run ? [[shell.t("w13.split.run", { n: run.images }), run.mutual_information, run.marginal_kl]] : [])];
    return {
      label: shell.t("w13.split"), categories: columns.map((one) => one[0]), stacked: true, digits: 2, height: 220,
      x: {}, y: { label: "nats", min: 0 },
      series: [{ name: shell.t("w13.information.short"), y: columns.map((one) => one[1]) },
        { name: shell.t("w13.marginal.short"), y: columns.map((one) => one[2]) }],
    };
  }

  const runOf = (page, name) => ((page.description(name) || {}).metrics || {}).information || null;

  function radiusChart(shell, found) {
    const lengths = Array.from({ length: found.N }, (_, n) => Math.hypot(...found.z.subarray(n * found.L, (n + 1) * found.L)));
    const most = Math.max(Math.sqrt(found.L) + 3, ...lengths);
    const x = Array.from({ length: 121 }, (_, i) => (i * most) / 120);
    return {
      label: shell.t("w13.radii"), digits: 3, x: { label: shell.t("w13.distance"), min: 0 }, y: { label: shell.t("w13.density"), min: 0 },
      series: [{ ...shell.histogram(lengths, { bins: 32, density: true, range: [0, most] }), name: shell.t("w13.codes") },
        { name: shell.t("w13.chi", { n: found.L }), x, y: x.map((r) => V.widgets.chiDensity(r, found.L)) }],
    };
  }

  function quantileChart(shell, found) {
    const x = Array.from({ length: 49 }, (_, i) => V.engine.normalQuantile((i + 1) / 50));
    const order = found.each.map((_, i) => i).sort((a, b) => found.each[b] - found.each[a]).slice(0, 5).sort((a, b) => a - b);
    const line = (l) => {
      const sorted = Float64Array.from({ length: found.N }, (_, n) => found.z[n * found.L + l]).sort();
      return { name: "z" + (l + 1), x, y: x.map((_, i) => sorted[Math.floor(((i + 1) / 50) * found.N)]) };
    };
    return {
      label: shell.t("w13.quantiles"), digits: 2, x: { label: shell.t("w13.of_prior") }, y: { label: shell.t("w13.of_codes") },
      series: [{ name: "N(0, 1)", x, y: x, colour: shell.style("--soft") }, ...order.map(line)],
    };
  }

  function factsOf(page, shell, found) {
    const run = runOf(page, found.model);
    const between = (a, b) => shell.number(a, 2) + " … " + shell.number(b, 2);
    const share = (value) => shell.number(100 * value, 1) + "%";
    const wrong = found.plane && found.plane.q.reduce((sum, one, i) => sum + Math.abs(one - found.plane.p[i]), 0) / 2;
    return {
      "w13.kl": shell.number(found.kl, 3), "w13.information": between(found.information, found.informationHigh),
      "w13.marginal": between(Math.max(0, found.marginalLow), found.marginal),
      "w13.misplaced": found.plane ? share(wrong) : "–", "w13.holes": share(found.holes), "w13.strays": share(found.strays),
      "w13.run": run ? shell.number(run.mutual_information, 2) + " + " + shell.number(run.marginal_kl, 2) + " (N = " + shell.number(run.images) + ")" : "–",
    };
  }

  /** Does a KL term on every image make all codes together the prior? */
  function prediction(page, shell, numbers) {
    const near = (found) => (capped(found) ? Math.max(found.holes, found.strays) < 0.02 : found.marginal < 0.1);
    const told = (found) => [capped(found) ? "w13.predict.capped" : "w13.predict.reveal", { ...found, holes: 100 * found.holes, strays: 100 * found.strays }];
    return {
      question: "w13.predict", answers: ["w13.predict.yes", "w13.predict.no"],
      right: () => (numbers.get() ? (near(numbers.get()) ? 0 : 1) : -1),
      reveal: () => (numbers.get() ? told(numbers.get()) : ["w13.waiting", {}]),
    };
  }

  /** One draw of every code, with the code itself: what the lines of NumPy below need. */
  function table(page, found) {
    if (!found) return { columns: [], rows: [] };
    const numbered = (name) => Array.from({ length: found.L }, (_, l) => name + (l + 1));
    const lists = [found.z, page.array(found.model + "/codes").data, page.array(found.model + "/codes_logvar").data];
    const row = (n) => lists.flatMap((list) => Array.from(list.subarray(n * found.L, (n + 1) * found.L)));
    return { columns: ["image", ...["z", "mu", "logvar"].flatMap(numbered)], rows: Array.from({ length: found.N }, (_, n) => [n, ...row(n)]) };
  }

  function shareCode() {
    return ["import numpy as np", 'z, mu, logvar = np.split(np.loadtxt("prior-and-codes.csv", delimiter=",", skiprows=1)[:, 1:], 3, axis=1)',
      "pairs = -0.5 * (np.log(2 * np.pi) + logvar + (z[:, None] - mu) ** 2 / np.exp(logvar)).sum(-1)",
      "own, q = np.diag(pairs), np.logaddexp.reduce(pairs, axis=1) - np.log(len(z))",
      "p = -0.5 * (np.log(2 * np.pi) + z ** 2).sum(-1)", "information, marginal = (own - q).mean(), (q - p).mean()"].join("\n");
  }

  V.widgets.add({ id: "w13", title: "w13.title", section: "latent-space", needs, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
