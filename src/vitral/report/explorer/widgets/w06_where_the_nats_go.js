// W6, where the nats go: the reconstruction term pixel by pixel, and the KL as two springs, one for mu and one for sigma.
(function (V) {
  "use strict";
  const { canTell, lossParts, lossCode } = V.widgets.loss;
  const CURVE = 121;

  function needs(page) {
    return page.data.image_shape ? canTell(page) : "w06.needs_shape";
  }

  function mount(root, page, shell) {
    shell.state.declare({ "w06.pixel": -1, "w06.part": "whole" });
    const [height, width] = page.data.image_shape;
    const parts = shell.frame(root, {
      name: "where-the-nats-go", predict: prediction(shell),
      equations: ["-\"log\" p(x|z) = ∑_{d} -\"log\" p(x_d|z)", "\"KL\"_j = \\frac{μ_j^2}{2} + \\frac{σ_j^2 - 1 - \"log\" σ_j^2}{2}"],
      code: () => lossCode(shell, "x = np.genfromtxt(\"where-the-nats-go.csv\", delimiter=\",\", names=True)[\"x\"]"),
      exports: { csv: () => pixelTable(page, shell), png: () => map, svg: () => springs.location.svg(), json: () => situation(shell) },
    });
    const map = shell.picture({ t: "w06.map" }, "large");
    const pixel = () => chosenPixel(shell);
    const [x, mean] = ["w06.x", "w06.mean"].map((key) => shell.picture({ t: key }, "middle"));
    const formula = shell.h("div", { class: "equation formula", tabindex: "0" });
    shell.readable(map, [height, width], ({ index }) => shell.state.set({ "w06.pixel": index }));
    const field = (label, most, get, set) => shell.slider({ label, min: 0, max: most - 1, step: 1, digits: 0, get, set });
    const fields = [
      field("w06.row", height, () => Math.floor(pixel() / width), (row) => choosePixel(shell, Math.round(row) * width + (pixel() % width))),
      field("w06.column", width, () => pixel() % width, (at) => choosePixel(shell, pixel() - (pixel() % width) + Math.round(at))),
    ];
    const mark = V.widgets.pixelMark(shell, map);
    const figure = (picture, key) => shell.h("figure", { class: "captioned" }, picture, shell.h("figcaption", { t: key }));
    const scale = shell.h("p", { class: "readout" });
    const part = shell.choice({ label: "w06.part", name: "w06.part", options: ["whole", "error"].map((one) => [one, "w06.part." + one]) });
    const springs = springsOf(shell);
    parts.look.append(part,
      shell.h("div", { class: "beside" },
        shell.h("div", {}, figure(mark.element, "w06.map.caption"), scale),
        shell.h("div", {}, shell.h("div", { class: "row" }, figure(x, "w06.x"), figure(mean, "w06.mean")), fields,
          shell.h("div", { class: "row" }, shell.button("w06.worst", () => choosePixel(shell, worst(shell))),
            shell.button("w06.draw", () => shell.actions.resample()),
            shell.button("w06.at_mean", () => shell.state.set({ z: Array.from(shell.currentCode().mu) }))))),
      formula, springs.element);
    const facts = shell.facts(["w06.sum", "w06.dark", "w06.ink", "w06.constant", "w06.location", "w06.width"]);
    parts.numbers.append(facts.element);

    function update(state) {
      const now = lossParts(shell);
      part.hidden = now.model.likelihood.variance() === null;
      const terms = shownTerms(shell, now);
      const most = terms.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      shell.paint(map, terms, [height, width], { signed: true, limit: most || 1 });
      shell.say(scale, "w06.scale", () => ({ most: shell.number(most, 2) }));
      [[x, now.x], [mean, now.mean]].forEach(([canvas, values]) => shell.paint(canvas, values, [height, width]));
      mark.show(pixel(), [height, width]);
      fields.forEach((one) => one.refresh());
      formula.replaceChildren(shell.equation(termFormula(now, pixel()), true));
      springs.update(now);
      tellNumbers(parts, facts, shell, now, pixel(), width);
    }
    return { update };
  }

  /** The pixel that is read: the one pointed at, or the dearest one of the image of now. */
  function chosenPixel(shell) {
    const asked = shell.state.get()["w06.pixel"];
    return asked >= 0 && asked < shell.page.data.features ? asked : worst(shell);
  }

  function choosePixel(shell, index) {
    shell.state.set({ "w06.pixel": index });
  }

  function worst(shell) {
    const { terms } = lossParts(shell);
    return terms.reduce((best, one, d) => (one > terms[best] ? d : best), 0);
  }

  /** log sqrt(2 pi s²): what a Gaussian pixel costs, or pays back, however well it is drawn; 0 for other likelihoods. */
  function constantOf(model) {
    const variance = model.likelihood.variance();
    return variance === null ? 0 : 0.5 * Math.log(2 * Math.PI * variance);
  }

  function shownTerms(shell, { model, terms }) {
    const off = shell.state.get()["w06.part"] === "error" ? constantOf(model) : 0;
    return V.engine.map(terms, (one) => one - off);
  }

  const plain = (value, digits) => (Object.is(value, -0) ? 0 : value).toFixed(digits === undefined ? 3 : digits);

  /** The term of one pixel with its numbers. */
  function termFormula({ model, x, o, mean, terms }, d) {
    const variance = model.likelihood.variance();
    const end = ` = ${plain(terms[d])} "\u00a0nats"`;
    if (variance !== null) {
      const [inner, s2] = [`(${plain(x[d])} - ${plain(mean[d])})^2`, plain(variance, 4)];
      return `-"log" p(x_d | z) = \\frac{(x_d - \\hat{x}_d)^2}{2 s^2} + \\frac{1}{2} "log" (2 π s^2)`
        + ` = \\frac{${inner}}{2 · ${s2}} + \\frac{1}{2} "log" (2 π · ${s2})` + end;
    }
    const own = model.description.likelihood.kind === "bernoulli" ? "" : " - \"log\" C(o_d)";
    return `-"log" p(x_d | z) = "softplus"(o_d) - x_d o_d${own} = "softplus"(${plain(o[d])}) - ${plain(x[d])} · (${plain(o[d])})${own}` + end;
  }

  /** The two curves of the KL, mu²/2 and (sigma² - 1 - log sigma²)/2, with a dot for every dimension; and their shares. */
  function springsOf(shell) {
    let now = null;
    const curve = (label, low, high, f, dots) => () => {
      const x = Array.from({ length: CURVE }, (_, i) => low() + ((high() - low()) * i) / (CURVE - 1));
      const at = now && now.logvar ? dots() : { x: [], y: [] };
      const series = [{ name: shell.t(label + ".curve"), x, y: x.map(f), dash: "" }];
      if (at.x.length) series.push({ name: shell.t("w06.dimensions"), ...at, kind: "points", radius: 5.5, dash: "1 4" });
      return { label: shell.t(label), x: { label: shell.t(label + ".x") }, y: { label: shell.t("w06.nats"), min: 0 }, series, digits: 3 };
    };
    const widest = () => Math.max(3, ...Array.from(now ? now.mu : [], (m) => 1.1 * Math.abs(m)));
    const least = () => Math.min(-4, ...Array.from(now && now.logvar ? now.logvar : [], (l) => 0.5 * l * 1.1)) ;
    const location = shell.chart(curve("w06.spring.location", () => -widest(), widest, (m) => 0.5 * m * m,
      () => ({ x: Array.from(now.mu), y: Array.from(now.kl.location) })));
    const width = shell.chart(curve("w06.spring.width", least, () => 1, (s) => 0.5 * (Math.expm1(2 * s) - 2 * s),
      () => ({ x: Array.from(now.logvar, (l) => 0.5 * l), y: Array.from(now.kl.width) })));
    const shares = shell.chart(() => ({
      label: shell.t("w06.shares"), x: { label: shell.t("w06.dimension") }, y: { label: shell.t("w06.nats") }, stacked: true, digits: 3,
      categories: Array.from(now ? now.kl.each : [], (_, j) => "z" + (j + 1)),
      series: ["location", "width"].map((kind) => ({ name: shell.t("w06." + kind), y: Array.from(now ? now.kl[kind] : []) })),
    }));
    const charts = [location, width, shares];
    const absent = shell.h("p", { class: "absent", t: "w06.no_kl" });
    const heading = (key) => shell.h("p", { class: "aside-label", t: key });
    const cells = [["w06.spring.location", location], ["w06.spring.width", width]].map(([key, chart]) => shell.h("div", {}, heading(key), chart.element));
    const element = shell.h("div", {}, shell.h("div", { class: "beside even" }, cells), heading("w06.shares"), shares.element);
    const update = (found) => {
      now = found;
      element.hidden = !found.logvar;
      absent.hidden = Boolean(found.logvar);
      if (found.logvar) charts.forEach((one) => one.update());
    };
    return { element: shell.h("div", {}, element, absent), update, location };
  }

  function tellNumbers(parts, facts, shell, now, d, width) {
    const total = (values) => values.reduce((a, b) => a + b, 0);
    const inked = now.terms.filter((one, i) => now.x[i] > 0.5);
    const values = {
      row: Math.floor(d / width), column: d % width, x: now.x[d], mean: now.mean[d], term: now.terms[d], recon: now.recon,
      location: total(now.kl.location), width: total(now.kl.width),
    };
    parts.tell(now.logvar ? "w06.told" : "w06.told_point", values);
    facts.set({
      "w06.sum": shell.number(now.recon, 3), "w06.ink": shell.number(total(inked), 3), "w06.dark": shell.number(now.recon - total(inked), 3),
      "w06.constant": shell.number(constantOf(now.model) * now.x.length, 3),
      "w06.location": shell.number(values.location, 3), "w06.width": shell.number(values.width, 3),
    });
    parts.refresh();
  }

  /** Which of the two springs holds more of this image's KL? */
  function prediction(shell) {
    const found = () => {
      const { kl } = lossParts(shell);
      return Object.fromEntries(["location", "width"].map((kind) => [kind, kl[kind].reduce((a, b) => a + b, 0)]));
    };
    return {
      question: "w06.predict", answers: ["w06.predict.location", "w06.predict.width"],
      right: () => (found().location >= found().width ? 0 : 1),
      reveal: () => ["w06.predict.reveal", found()],
    };
  }

  function pixelTable(page, shell) {
    const { x, mean, terms } = lossParts(shell);
    const width = page.data.image_shape[1];
    return {
      columns: ["row", "column", "x", "mean", "nats"],
      rows: Array.from(x, (one, d) => [Math.floor(d / width), d % width, one, mean[d], terms[d]]),
    };
  }

  function situation(shell) {
    const { x, z, mu, logvar, terms, recon, kl } = lossParts(shell);
    const { model, image } = shell.state.get();
    return { model, image, unit: "nats", x, z, mu, logvar, terms, reconstruction: recon, location: kl.location, width: kl.width };
  }

  V.widgets.add({ id: "w06", title: "w06.title", section: "loss", needs, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
