// W4's second tab: one gradient by two ways, through z = mu + sigma eps and by the score function, and how each scatters.
(function (V) {
  "use strict";
  const { drawnNoise } = V.widgets.loss;
  const ESTIMATES = 500;
  const WAYS = ["path", "score"];

  /** Runs in a worker: estimates of d E_q[-log p(x given z)] by mu and logvar, one a draw, by both ways. */
  function estimates({ engine: E }, { plain, x, q, eps, baseline }) {
    const description = { ...plain.description, encoder: null };
    const model = new E.Model(description, (name) => plain.arrays[name] || null);
    return { path: E.pathGradients(model, x, q, eps), score: E.scoreGradients(model, x, q, eps, baseline) };
  }

  /** The variance of every L-th number from place l on, its mean and the mean's error. */
  function spreadOf(rows, L, l) {
    const values = rows.filter((_, i) => i % L === l);
    const { mean, error } = V.engine.meanAndError(values);
    return { values, mean, error, variance: error * error * values.length };
  }

  /** Σ of variances by mu, score function over path, from so many draws of the image of now. */
  function varianceRatio(shell, count, baseline) {
    const E = V.engine;
    const { mu, logvar } = shell.currentCode();
    const given = [shell.currentModel(), shell.currentImage(), { mu, logvar }, drawnNoise(shell, 0, count)];
    const found = { path: E.pathGradients(...given), score: E.scoreGradients(...given, baseline) };
    const total = (way) => Array.from(mu, (_, l) => spreadOf(found[way].mu, mu.length, l).variance).reduce((a, b) => a + b, 0);
    return total("score") / total("path");
  }

  /** The tab: which derivative, with or without a baseline, two histograms on one scale, and the ratio. */
  function scoreDesk(page, shell) {
    shell.state.declare({ "w04.component": "mu1", "w04.baseline": false });
    let work = null;
    let asked = "";
    let found = null; // {path: {mu, logvar}, score: {mu, logvar}}

    const charts = WAYS.map((way) => shell.chart(() => histogramOf(shell, found, way)));
    const waiting = shell.h("p", { class: "readout", role: "status" });
    const options = () => ["mu", "logvar"].flatMap((stem) => Array.from({ length: shell.currentModel().latent }, (_, l) =>
      [stem + (l + 1), shell.t("w04.component." + stem, { n: l + 1 })]));
    const component = shell.select({ label: "w04.component", name: "w04.component", options });
    const facts = shell.facts(["w04.path.mean", "w04.path.variance", "w04.score.mean", "w04.score.variance", "w04.ratio"]);
    const ratio = shell.h("p", { class: "big-number" });
    const element = shell.h("div", {}, shell.h("p", { t: "w04.score.lead" }),
      shell.h("div", { class: "row" }, component, shell.toggle({ label: "w04.baseline", name: "w04.baseline" }),
        shell.button("w04.fresh", () => shell.state.set({ seed: shell.state.get().seed + 1 }))),
      waiting, WAYS.map((way, i) => shell.h("div", {}, shell.h("p", { class: "aside-label", t: "w04.way." + way }), charts[i].element)), ratio);

    function ask(state) {
      const key = [state.model, state.image, state.drawn, state.seed, state["w04.baseline"]].join();
      if (key === asked) return;
      [asked, found] = [key, null];
      if (work) work.stop();
      work = shell.worker(estimates);
      const { mu, logvar } = shell.currentCode();
      const message = {
        plain: page.plain(state.model), x: Float64Array.from(shell.currentImage()), baseline: state["w04.baseline"],
        q: { mu: Float64Array.from(mu), logvar: Float64Array.from(logvar) }, eps: drawnNoise(shell, 0, ESTIMATES),
      };
      shell.say(waiting, "w04.waiting", { n: ESTIMATES });
      work.ask(message).then((answer) => {
        if (key !== asked) return;
        work.stop();
        work = null;
        found = answer;
        shell.say(waiting, "w04.estimates", { n: ESTIMATES });
        show();
      });
    }

    function show() {
      charts.forEach((one) => one.update());
      const both = chosen(shell, found);
      if (!both) return facts.set(Object.fromEntries(WAYS.flatMap((way) => ["mean", "variance"].map((what) => ["w04." + way + "." + what, "–"]))));
      const values = { ratio: shell.small(both.score.variance / both.path.variance, 2) };
      shell.say(ratio, "w04.ratio.told", values);
      for (const way of WAYS) {
        const { mean, error, variance } = both[way];
        facts.set({ ["w04." + way + ".mean"]: shell.number(mean) + " ± " + shell.number(error), ["w04." + way + ".variance"]: shell.small(variance, 3) });
      }
      facts.set({ "w04.ratio": values.ratio });
    }

    function update(state, parts) {
      component.refresh();
      ask(state);
      show();
      parts.tell("w04.told_score", { n: ESTIMATES, component: componentName(shell) });
    }

    const situation = () => ({ baseline: shell.state.get()["w04.baseline"], draws: ESTIMATES, ...found });
    return { element, facts: facts.element, update, situation, table: () => tableOf(found), svg: () => charts[1].svg() };
  }

  /** Every estimate of both ways, a draw a row; no rows before they have come. */
  function tableOf(found) {
    if (!found) return { columns: ["draw"], rows: [] };
    const parts = WAYS.flatMap((way) => ["mu", "logvar"].map((stem) => [way + "_" + stem, found[way][stem]]));
    const L = found.path.mu.length / ESTIMATES;
    const each = (make) => parts.flatMap(([name, rows]) => Array.from({ length: L }, (_, l) => make(name, rows, l)));
    return {
      columns: ["draw", ...each((name, rows, l) => name + (l + 1))],
      rows: Array.from({ length: ESTIMATES }, (_, k) => [k, ...each((name, rows, l) => rows[k * L + l])]),
    };
  }

  /** Which derivative is looked at: {stem, l}. */
  function componentOf(shell) {
    const [, stem, number] = shell.state.get()["w04.component"].match(/^(mu|logvar)(\d+)$/) || [null, "mu", "1"];
    return { stem, l: Math.min(Number(number), shell.currentModel().latent) - 1 };
  }

  function componentName(shell) {
    const { stem, l } = componentOf(shell);
    return shell.t("w04.component." + stem, { n: l + 1 });
  }

  function chosen(shell, found) {
    if (!found) return null;
    const { stem, l } = componentOf(shell);
    return Object.fromEntries(WAYS.map((way) => [way, spreadOf(found[way][stem], shell.currentModel().latent, l)]));
  }

  /** A histogram of one way, on the scale that holds nearly all estimates of both. */
  function histogramOf(shell, found, way) {
    const both = chosen(shell, found);
    const axes = { label: shell.t("w04.way." + way), x: { label: componentName(shell) }, y: { label: shell.t("w04.count"), min: 0 }, height: 190 };
    if (!both) return { ...axes, series: [{ name: "", x: [0, 1], y: [0, 0] }] };
    const sorted = WAYS.flatMap((one) => Array.from(both[one].values)).sort((a, b) => a - b);
    const range = [0.004, 0.996].map((share) => sorted[Math.floor(share * (sorted.length - 1))]);
    const bars = shell.histogram(both[way].values, { bins: 60, range });
    axes.x = { ...axes.x, min: range[0], max: range[1] };
    return { ...axes, series: [{ name: shell.t("w04.way." + way), ...bars, colour: shell.seriesColour(way === "path" ? 0 : 1) }], marks: [{ x: both[way].mean }] };
  }

  Object.assign(V.widgets, { scoreDesk, varianceRatio });
})((globalThis.Vitral = globalThis.Vitral || {}));
