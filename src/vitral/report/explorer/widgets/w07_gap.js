// W7, the gap: the true posterior under the encoder's ellipse, log p(x) in a number, and whom the gap below it belongs to.
(function (V) {
  "use strict";
  const CELLS = 60;
  const DRAWS = 2000;
  const SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
  const STEPS = 300;

  function needs(page) {
    if (!page.count) return "w03.needs_images";
    return page.computes(page.main, true) && page.description().latent === 2 && hasEllipse(page.description()) ? true : "w07.needs_plane";
  }

  const hasEllipse = (description) => description.posterior.kind !== "point";

  function mount(root, page, shell) {
    shell.state.declare({ "w07.close": true });
    const lab = laboratory(page, shell, () => shown());
    const parts = shell.frame(root, {
      name: "gap", predict: prediction(lab),
      equations: ["\"log\" p(x) = \"log\" ∫ p(x | z) p(z) dz", "\"log\" p(x) = \"ELBO\" + \"KL\"(q(z | x), p(z | x))",
        "\"IWAE\"_K = E[\"log\" \\frac{1}{K} ∑_{k=1}^{K} \\frac{p(x | z_k) p(z_k)}{q(z_k | x)}]"],
      code: () => (shell.currentCode().logvar ? gapCode(shell) : shell.decoderCode(shell.currentModel().description, shell.state.get().z)),
      exports: { csv: () => curve.table(), png: () => plane.pictures(), svg: () => curve.svg(), json: () => report(shell, lab) },
    });
    const plane = planeOf(page, shell, lab);
    const bars = shell.chart(() => barChart(shell, lab.found));
    const curve = shell.chart(() => curveChart(shell, lab.found));
    const fit = shell.button("w07.fit", () => lab.fit());
    const waiting = shell.h("p", { class: "readout", role: "status" });
    const facts = shell.facts(["w07.evidence", "w07.elbo", "w07.gap", "w07.amortisation", "w07.family", "w07.change", "w07.coarse"]);
    const titled = (key, chart) => shell.h("div", {}, shell.h("h4", { t: key }), chart.element);
    const side = shell.h("div", {}, waiting, shell.toggle({ label: "w07.close", name: "w07.close" }), shell.h("div", { class: "row" }, fit),
      legend(shell), titled("w07.bars", bars));
    const absent = shell.h("p", { class: "absent", t: "w07.needs_plane" });
    const body = shell.h("div", {}, shell.h("div", { class: "beside" }, plane.element, side), titled("w07.curve", curve));
    parts.look.append(absent, body);
    parts.numbers.append(facts.element);

    function shown() {
      shell.say(waiting, ...lab.doing());
      fit.disabled = !lab.found || lab.busy;
      plane.look();
      plane.drawLater();
      const { found } = lab;
      bars.element.hidden = curve.element.hidden = !found;
      root.dataset.measured = found ? (found.best ? "best" : "exact") : "";
      if (!found) return;
      bars.update();
      curve.update();
      const gap = found.logEvidence - found.elbo;
      const split = found.best ? { amortisation: found.best.elbo - found.elbo, family: found.logEvidence - found.best.elbo } : null;
      facts.set({
        "w07.evidence": shell.number(found.logEvidence, 3), "w07.elbo": plusMinus(shell, found.elbo, found.error), "w07.gap": plusMinus(shell, gap, found.error),
        "w07.amortisation": split ? shell.number(split.amortisation, 3) : "–", "w07.family": split ? plusMinus(shell, split.family, found.best.error) : "–",
        "w07.change": shell.small(Math.abs(found.change)), "w07.coarse": shell.number(found.coarse, 2) + " → " + shell.number(found.decoded),
      });
      const values = { evidence: found.logEvidence, elbo: found.elbo, gap, ...split };
      if (split) parts.tell("w07.told.best", values);
      else parts.tell("w07.told", values);
      parts.refresh();
    }

    function update(state, changed) {
      const { description } = shell.currentModel() || {};
      const fits = Boolean(description && description.latent === 2 && description.encoder && hasEllipse(description));
      absent.hidden = fits;
      body.hidden = !fits;
      if (!fits) return;
      if (["mount", "model", "image", "drawn"].some((name) => changed.has(name))) lab.measure();
      if (changed.has("w07.close") || changed.has("lang")) shown();
      else plane.drawMoving();
    }
    return { update, destroy: () => lab.stop() };
  }

  const plusMinus = (shell, value, error) => shell.number(value, 3) + " ± " + shell.number(error, 3);

  /** What the worker has measured of the image of now: {cells, found, moving, busy}. */
  function laboratory(page, shell, ready) {
    const self = { cells: null, found: null, moving: null, busy: false, radius: 5, measure, fit, stop, doing };
    let worker = null;
    let built = "";
    let turn = 0;
    let share = 0;

    const question = () => ({ x: Float64Array.from(shell.currentImage()), q: plainCode(shell), draws: DRAWS, seed: shell.state.get().seed, sizes: SIZES, steps: STEPS });

    async function begin() {
      const { model } = shell.state.get();
      if (built === model) return;
      built = model;
      share = 0;
      const codes = page.array(model + "/codes");
      self.radius = Math.max(5, Math.ceil(shell.reach(codes) + 0.5));
      worker = worker || shell.worker(V.widgets.measuring);
      await worker.ask({ kind: "plane", plain: page.plain(model), radius: self.radius, cells: CELLS }, (part) => {
        share = part;
        ready();
      });
      share = 1;
    }

    async function measure() {
      const mine = ++turn;
      Object.assign(self, { cells: null, found: null, moving: null, busy: true });
      ready();
      await begin();
      if (mine !== turn) return;
      const asked = question();
      self.cells = await worker.ask({ kind: "posterior", ...asked });
      if (mine !== turn) return;
      ready();
      const found = await worker.ask({ kind: "exact", ...asked });
      if (mine !== turn) return;
      Object.assign(self, { found, busy: false });
      ready();
    }

    async function fit() {
      const mine = turn;
      self.busy = true;
      ready();
      const best = await worker.ask({ kind: "fit", ...question() }, (part) => {
        if (mine !== turn) return;
        self.moving = part.q;
        ready();
      });
      if (mine !== turn) return;
      Object.assign(self, { found: { ...self.found, best }, moving: best.q, busy: false });
      ready();
    }

    function doing() {
      if (share < 1) return ["w07.decoding", { share: Math.round(100 * share) }];
      return self.busy ? [self.found ? "w07.fitting" : "w07.adding"] : ["w07.done", { n: self.found.decoded + CELLS * CELLS }];
    }

    function stop() {
      if (worker) worker.stop();
      worker = null;
      built = "";
    }
    return self;
  }

  function plainCode(shell) {
    const { mu, logvar } = shell.currentCode();
    return { mu: Float64Array.from(mu), logvar: Float64Array.from(logvar) };
  }

  const ellipseOf = ({ mu, logvar }) => ({ mu, sigma: Array.from(logvar, (one) => Math.exp(0.5 * one)) });

  function planeOf(page, shell, lab) {
    const ink = () => (shell.dark() ? [242, 146, 90] : [176, 58, 0]);
    const shade = (most) => (value) => [...ink(), Math.round(240 * Math.sqrt(value / most))];
    const coarse = () => {
      const { cells, radius } = lab;
      if (!cells) return null;
      return { values: cells, columns: CELLS, rows: CELLS, low: [-radius, -radius], high: [radius, radius], colour: shade(cells.reduce((a, b) => Math.max(a, b), 0)) };
    };
    const near = () => {
      if (!lab.found) return null;
      const { density, axes } = lab.found;
      const half = axes.map((one) => (one[1] - one[0]) / 2);
      return { values: density, columns: axes[0].length, rows: axes[1].length, low: axes.map((one, i) => one[0] - half[i]),
        high: axes.map((one, i) => one.at(-1) + half[i]), colour: shade(1) };
    };
    const close = () => shell.state.get()["w07.close"] && lab.found !== null;
    const plane = shell.plane({
      label: "w07.plane", span: shell.reach(page.array(page.main + "/codes")),
      layers: [shell.layers.heat({ get: coarse, shown: () => !close() }), shell.layers.heat({ get: near, shown: close, smooth: true }),
        shell.layers.contours(), shell.layers.ellipse({ get: () => ellipseOf(plainCode(shell)) }),
        shell.layers.ellipse({ get: () => lab.moving && ellipseOf(lab.moving), class: "other" })],
    });
    let seen = "";
    plane.look = () => {
      const { image, model, drawn } = shell.state.get();
      const key = [image, model, drawn, close()].join();
      if (key === seen) return;
      seen = key;
      plane.view.reset();
      if (!close()) return;
      const { mu, sigma } = ellipseOf(plainCode(shell));
      plane.view.centre = Array.from(mu);
      plane.view.span = 5 * Math.max(...sigma);
    };
    return plane;
  }

  function legend(shell) {
    const sample = (name) => shell.h("span", { class: "swatch " + name, "aria-hidden": "true" });
    return shell.h("ul", { class: "legend" }, ["true", "encoder", "best"].map((name) =>
      shell.h("li", {}, sample("gap-" + name), " ", shell.h("span", { t: "w07.legend." + name }))));
  }

  function barChart(shell, found) {
    const gap = found.logEvidence - found.elbo;
    const family = found.best ? found.logEvidence - found.best.elbo : null;
    const series = family === null ? [{ name: shell.t("w07.gap.short"), y: [gap], colour: shell.style("--soft") }]
      : [{ name: shell.t("w07.family.short"), y: [family, family] }, { name: shell.t("w07.amortisation.short"), y: [gap - family, 0] }];
    const categories = ["w07.of_encoder", "w07.of_best"].slice(0, family === null ? 1 : 2).map((key) => shell.t(key));
    return { label: shell.t("w07.bars"), categories, stacked: true, digits: 3, height: 200, x: {}, y: { label: "nats" }, series };
  }

  function curveChart(shell, found) {
    const { curve, logEvidence, best } = found;
    const x = curve.map(({ K }) => K);
    const flat = (name, value) => ({ name, x, y: x.map(() => value) });
    const error = curve.map((one) => one.error || 0);
    return {
      label: shell.t("w07.curve"), digits: 3, x: { label: "K", log: true }, y: { label: "nats" },
      series: [{ name: "IWAE", x, y: curve.map(({ mean }) => mean), low: curve.map(({ mean }, i) => mean - error[i]), high: curve.map(({ mean }, i) => mean + error[i]), dots: true },
        flat("log p(x)", logEvidence), ...(best ? [flat(shell.t("w07.of_best"), best.elbo)] : [])],
    };
  }

  /** How far below log p(x) is the bound of this image? */
  function prediction(lab) {
    const gap = () => (lab.found ? lab.found.logEvidence - lab.found.elbo : NaN);
    return {
      question: "w07.predict", answers: ["w07.predict.small", "w07.predict.middle", "w07.predict.large"],
      right: () => (gap() < 0.1 ? 0 : gap() < 1 ? 1 : lab.found ? 2 : -1),
      reveal: () => (lab.found ? ["w07.predict.reveal", { evidence: lab.found.logEvidence, elbo: lab.found.elbo, gap: gap() }] : ["w07.adding", {}]),
    };
  }

  function report(shell, lab) {
    const { model, image, seed } = shell.state.get();
    return { model, image, seed, q: plainCode(shell), ...lab.found };
  }

  /** log p(x | z) from the decoder's output o, in one line. */
  function likelihoodLine(model) {
    const { kind } = model.description.likelihood;
    if (kind === "bernoulli") return "log_x = (x * o - np.logaddexp(0, o)).sum(-1)";
    if (kind === "continuous_bernoulli") return "log_x = (x * o - np.maximum(o, 0) + np.log(np.abs(o) / -np.expm1(-np.abs(o)))).sum(-1)";
    const s2 = String(Number(model.likelihood.variance().toPrecision(10)));
    return `m = ${V.shell.meanLine(model.description.likelihood).replace("x = ", "")}\nlog_x = -0.5 * ((x - m) ** 2 / ${s2} + np.log(2 * np.pi * ${s2})).sum(-1)`;
  }

  function gapCode(shell) {
    const model = shell.currentModel();
    const { mu, logvar } = shell.currentCode();
    const lines = shell.networkLines(model.description.decoder, "z", "o");
    const start = ["import numpy as np", `mu, logvar = np.array(${shell.pythonList(mu)}), np.array(${shell.pythonList(logvar)})`,
      "sigma = np.exp(0.5 * logvar)", "axes = [np.linspace(m - 6 * s, m + 6 * s, 121) for m, s in zip(mu, sigma)]",
      "z = np.stack(np.meshgrid(*axes), -1).reshape(-1, 2)"];
    if (!lines) return [...start, "# o = decoder(z): a network of more than dense layers"].join("\n");
    return [...start, `w = np.load("${model.name}.npz")`, 'x = w["image"]', ...lines, likelihoodLine(model),
      "log_joint = log_x - 0.5 * (z ** 2 + np.log(2 * np.pi)).sum(-1)",
      "log_p = np.logaddexp.reduce(log_joint) + np.log(12 * sigma / 120).sum()"].join("\n");
  }

  V.widgets.likelihoodLine = likelihoodLine;
  V.widgets.add({ id: "w07", title: "w07.title", section: "loss", needs, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
