// W2, draw your digit: a sheet to draw on, the place that MNIST would give the drawing, and what the model makes of both.
(function (V) {
  "use strict";
  const { paper: paperOf, sheets, centred, asDrawn, usualSide, lineText } = V.widgets.paper;
  const DRAWS = 32; // of z, for the mean of the reconstruction
  const LOOKED_AT = 200; // images of the page that tell how large their ink is
  const SHIFTED = 50; // images that the prediction moves
  const WAYS = ["drawn", "centred"];
  /* A two, small and up on the left, in parts of the sheet: nobody begins with an empty page. */
  const TWO = [[0.2, 0.27], [0.24, 0.2], [0.32, 0.17], [0.4, 0.2], [0.43, 0.28], [0.39, 0.37], [0.3, 0.46], [0.2, 0.55], [0.31, 0.54], [0.44, 0.55]];

  function needs(page) {
    const { image_shape: shape } = page.data;
    if (!shape) return "w03.needs_images";
    if (shape.length > 2 && shape[2] !== 1) return "w02.needs_grey";
    return page.computes(page.main, true) ? true : "w02.needs_encoder";
  }

  function mount(root, page, shell) {
    const shape = page.data.image_shape.slice(0, 2);
    const paper = paperOf(shape);
    const images = Array.from({ length: Math.min(LOOKED_AT, page.count) }, (_, i) => page.image(i));
    const rule = { side: usualSide(images, shape), bits: inBits(page, images), paper };
    const least = Math.min(...shape) / 28;
    shell.state.declare({
      "w02.made": lineText("p", 2 * least, TWO.map(([x, y]) => [x * paper.columns, y * paper.rows])), "w02.centred": true,
      "w02.tool": "p", "w02.pen": Number((2 * least).toFixed(1)),
    });
    const cellsOf = sheets(paper, (i) => (Number.isInteger(i) && i >= 0 && i < page.count ? page.image(i) : null));
    const desk = keptReadings(page, shell, rule, cellsOf);
    const plane = page.description().latent > 1 ? planeOf(page, shell, desk) : null;
    const parts = shell.frame(root, {
      name: "drawing", predict: prediction(page, shell, shape, desk),
      equations: ["(μ, \"log\" σ^2) = \"encoder\"(x)", "-\"ELBO\"(x) = E_{q(z|x)}[-\"log\" p(x|z)] + \"KL\"(q(z|x), p(z))"],
      code: () => V.widgets.drawingCode(shell, rule, desk()),
      exports: {
        csv: () => pixels(desk(), shape), png: () => pad.surface.querySelector("canvas"), ...(plane ? { svg: () => plane.svg } : {}),
        json: () => situation(shell, rule, desk()), npz: () => desk().model.parameters,
      },
    });
    const pad = V.widgets.pad(page, shell, {
      paper, get: () => shell.state.get()["w02.made"], set: (made) => use({ "w02.made": made }), tool: () => shell.state.get()["w02.tool"],
      diameter: () => shell.state.get()["w02.pen"], ...imagesNear(page, shell),
    });
    const board = comparison(shell, rule, shape);
    const spread = shell.chart(() => ratesChart(page, shell, desk()));
    const everywhere = shell.button("w02.everywhere", () => use({}), { class: "action everywhere" });
    parts.look.append(layOut(shell, { pad, board, plane, spread, rule, least, use, everywhere }));
    const facts = shell.facts(["w02.mu", "w02.sigma", "w02.box", "w02.mass", "w02.ink"]);
    parts.numbers.append(facts.element);

    /** What was done here is the image of now, everywhere on the page. */
    function use(patch) {
      shell.state.set(patch);
      shell.useDrawing(desk().now.x);
    }

    function update(state, changed) {
      if (shell.drawingAsked) reopened(shell, use);
      const found = desk();
      everywhere.hidden = state.image < 0;
      const own = ["w02.made", "w02.centred"].some((name) => changed.has(name));
      if (own && state.image < 0 && !sameImage(shell.currentImage(), found.now.x)) shell.useDrawing(found.now.x);
      if (own || ["mount", "model", "seed", "lang"].some((name) => changed.has(name))) show(found);
      else if (plane) plane.drawMoving();
    }

    function show(found) {
      pad.show(found.cells);
      board.show(found);
      if (plane) plane.drawLater();
      spread.element.parentElement.hidden = !ratesOf(page, found);
      if (!spread.element.parentElement.hidden) spread.update();
      facts.set(numbersOf(shell, found.now, shape));
      tell(parts, page, shell, found);
      parts.refresh();
    }

    return { update };
  }

  /** An address that shows a drawing: it is the image of now again, at the z that the address says. */
  function reopened(shell, use) {
    const z = shell.drawingAsked.z;
    shell.drawingAsked = null;
    use({});
    if (z && z.length === shell.state.get().z.length) shell.state.set({ z });
  }

  const sameImage = (a, b) => a && a.length === b.length && a.every((value, i) => value === b[i]);

  /** Whether the model was given black and white only. */
  function inBits(page, images) {
    if (images.length) return images.every((one) => one.every((value) => value === 0 || value === 1));
    return Boolean(page.data.binarisation) && page.data.binarisation !== "none";
  }

  /** Fixed images to begin with: the one of now, its neighbours, and the next of a class. */
  function imagesNear(page, shell) {
    const begun = () => {
      const found = /(?:^|~)i(\d+)/.exec(shell.state.get()["w02.made"]);
      return found ? Number(found[1]) : Math.max(0, shell.state.get().image);
    };
    const around = (i) => (page.count ? (i + page.count) % page.count : -1);
    const ofClass = (label) => {
      const order = Array.from({ length: page.count }, (_, step) => around(begun() + 1 + step));
      const at = order.find((i) => page.label(i) === label);
      return at === undefined ? -1 : at;
    };
    return { image: () => around(begun()), other: (by) => around(begun() + by), ofClass };
  }

  /** The model of now, or the main one where only the decoder of the model of now is here. */
  const modelHere = (page, shell) => page.model(page.computes(shell.state.get().model, true) ? shell.state.get().model : page.main);

  /** `desk()` reads the drawing of now both ways: {cells, drawn, centred, now, model}, computed once a drawing. */
  function keptReadings(page, shell, rule, cellsOf) {
    let kept = { key: "", value: null };
    return () => {
      const state = shell.state.get();
      const model = modelHere(page, shell);
      const key = [state["w02.made"], state["w02.centred"], state.seed, model.name].join();
      if (kept.key === key) return kept.value;
      const cells = cellsOf(state["w02.made"]);
      const values = { drawn: asDrawn(rule.paper, cells), centred: centred(rule.paper, cells, rule.side) };
      const eps = noiseOf(state.seed, model.latent);
      const found = Object.fromEntries(WAYS.map((way) => [way, { way, ...reading(model, rule.bits ? inTwo(values[way]) : values[way], eps) }]));
      kept = { key, value: { ...found, cells, eps, model, now: found[state["w02.centred"] ? "centred" : "drawn"] } };
      return kept.value;
    };
  }

  const inTwo = (x) => x.map((one) => (one >= 0.5 ? 1 : 0));

  /** Noise of the draws, (DRAWS, L): that of `shell.currentNoise` where a drawing is the image of now. */
  function noiseOf(seed, latent) {
    return Float64Array.from(Array.from({ length: DRAWS }, (_, k) => Array.from(V.engine.noise(seed, "explorer eps", k, latent))).flat());
  }

  /** What a model makes of an image: its code, the image decoded from the mean of it, and both terms of -ELBO. */
  function reading(model, x, eps) {
    const E = V.engine;
    const { mu, logvar } = model.encode(x);
    const at = (z) => E.map(model.logProb(x, model.decode(z)), (one) => -one);
    const draws = logvar ? at(model.reparameterise(mu, logvar, eps)) : at(mu);
    const recon = E.sum(draws) / draws.length;
    const square = E.sum(E.map(draws, (one) => (one - recon) ** 2));
    const kl = logvar ? E.sum(model.kl(mu, logvar).each) : NaN;
    return {
      x, mu, logvar, sigma: logvar && E.map(logvar, (one) => Math.exp(0.5 * one)), mean: model.mean(model.decode(mu)), recon,
      error: logvar ? Math.sqrt(square / (draws.length - 1) / draws.length) : NaN, kl, loss: logvar ? recon + kl : NaN,
    };
  }

  function layOut(shell, { pad, board, plane, spread, rule, least, use, everywhere }) {
    const { height, width } = rule.paper;
    const mnist = rule.side === 20 && height === 28 && width === 28;
    const centring = shell.toggle({
      label: mnist ? "w02.centre" : ["w02.centre_other", { side: rule.side, of: Math.max(height, width) }],
      get: () => shell.state.get()["w02.centred"], set: (value) => use({ "w02.centred": value }),
    });
    shell.state.subscribe((state, changed) => changed.has("w02.centred") && centring.refresh());
    const most = Number((6 * least).toFixed(1));
    const left = shell.h("div", {}, pad.surface,
      shell.choice({ label: "w02.tool", name: "w02.tool", options: [["p", "w02.tool.pen"], ["e", "w02.tool.eraser"]] }),
      shell.slider({ label: "w02.pen", min: Math.min(0.5, most / 4), max: most, step: 0.1, digits: 1, name: "w02.pen" }), pad.tools);
    const right = shell.h("div", {}, centring, board.element, rule.bits ? shell.h("p", { class: "absent", t: "w02.bits" }) : null, everywhere);
    const below = [plane ? shell.h("div", {}, legend(shell), plane.element) : null,
      shell.h("figure", { class: "captioned whole rates" }, shell.h("figcaption", { t: "w02.rates" }), spread.element)];
    return shell.h("div", {}, shell.h("div", { class: "beside even drawing" }, left, right), shell.h("div", { class: "beside even" }, below));
  }

  function legend(shell) {
    const sample = (name) => shell.h("span", { class: "swatch " + name, "aria-hidden": "true" });
    return shell.h("ul", { class: "legend" }, [["gap-encoder", "w02.legend.now"], ["gap-best", "w02.legend.other"]].map(([name, key]) =>
      shell.h("li", {}, sample(name), " ", shell.h("span", { t: key }))));
  }

  /** The table of before and after: what the model is given, what it makes of it, and what that costs. */
  function comparison(shell, rule, shape) {
    const picture = (key, way) => shell.picture({ t: key, values: () => ({ way: shell.t("w02.way." + way) }) }, "middle");
    const given = WAYS.map((way) => picture("w02.given.image", way));
    const decoded = WAYS.map((way) => picture("w02.decoded.image", way));
    const heads = WAYS.map((way) => shell.h("th", { scope: "col", t: "w02.way." + way }));
    const rows = ["recon", "kl", "loss"].map((key) => ({ key, cells: WAYS.map(() => shell.h("td", {})) }));
    const line = (key, cells) => shell.h("tr", {}, shell.h("th", { scope: "row", t: key }), cells);
    const held = (pictures) => pictures.map((one) => shell.h("td", {}, one));
    const element = shell.h("table", { class: "drawn-both" }, shell.h("caption", { t: ["w02.costs", { n: DRAWS }] }), shell.h("thead", {}, shell.h("tr", {}, shell.h("td"), heads)),
      shell.h("tbody", {}, line("w02.given", held(given)), line("w02.decoded", held(decoded)),
        rows.map(({ key, cells }) => line("w02." + key, cells))));

    function show(found) {
      WAYS.forEach((way, i) => {
        const one = found[way];
        const write = { recon: shell.number(one.recon, 1) + (one.logvar ? " ± " + shell.number(one.error, 1) : ""), kl: shell.number(one.kl, 2), loss: shell.number(one.loss, 1) };
        shell.paint(given[i], one.x, shape);
        shell.paint(decoded[i], one.mean, shape);
        for (const { key, cells } of rows) cells[i].textContent = write[key];
        for (const row of element.rows) row.cells[i + 1].classList.toggle("chosen", one === found.now);
      });
    }

    return { element, show };
  }

  const ellipseOf = (one) => one.sigma && { mu: one.mu, sigma: one.sigma };

  /** Codes of the page's images, the prior, and both ellipses, true to scale. */
  function planeOf(page, shell, desk) {
    const codes = () => page.array(desk().model.name + "/codes");
    const points = shell.layers.layer((surface) => {
      if (codes()) shell.layers.points({ codes: codes(), labels: page.array("images_labels"), page }).paint(surface);
    });
    return shell.plane({
      label: "w02.plane", span: shell.reach(page.array(page.main + "/codes")),
      layers: [points, shell.layers.contours(), shell.layers.ellipse({ get: () => ellipseOf(desk()[desk().now.way === "drawn" ? "centred" : "drawn"]), class: "other" }),
        shell.layers.ellipse({ get: () => ellipseOf(desk().now) })],
    });
  }

  /** The KL of every fixed image, from the recorded codes; null where the page has none. */
  function ratesOf(page, { model, now }) {
    const [codes, logvar] = ["codes", "codes_logvar"].map((name) => page.array(model.name + "/" + name));
    if (!codes || !logvar || !now.logvar) return null;
    return V.engine.sumEach(model.kl(codes.data, logvar.data).each, model.latent);
  }

  function ratesChart(page, shell, found) {
    const rates = ratesOf(page, found);
    if (!rates) return { label: "", x: {}, y: {}, series: [] };
    const point = (way, i) => ({ name: shell.t("w02.way." + way), x: [found[way].kl], y: [0], kind: "points", radius: 7, colour: shell.seriesColour(i + 1), dash: "" });
    return {
      label: shell.t("w02.rates"), digits: 2, x: { label: shell.t("w02.rates.x"), min: 0 }, y: { label: shell.t("w02.rates.y") },
      series: [{ name: shell.t("w02.rates.images", { n: rates.length }), ...shell.histogram(rates, { bins: 30 }) }, ...WAYS.map(point)],
    };
  }

  /** Of a hundred fixed images, how many have a smaller KL. */
  function rank(rates, kl) {
    return (100 * rates.filter((one) => one < kl).length) / rates.length;
  }

  function numbersOf(shell, now, [height, width]) {
    const box = V.widgets.paper.boxOf(now.x, height, width);
    const total = now.x.reduce((a, b) => a + b, 0);
    const mass = [(i) => Math.floor(i / width), (i) => i % width].map((place) => now.x.reduce((sum, value, i) => sum + value * place(i), 0) / total);
    return {
      "w02.mu": shell.vector(now.mu, 3), "w02.sigma": now.sigma ? shell.vector(now.sigma, 3) : "–",
      "w02.box": box ? `${shell.number(box.height)} × ${shell.number(box.width)}` : "–", "w02.mass": total ? shell.vector(mass, 2) : "–",
      "w02.ink": shell.number(total, 1),
    };
  }

  function tell(parts, page, shell, { drawn, centred: other, model, now }) {
    const found = shell.vote(page.array(model.name + "/codes"), page.array("images_labels"), now.mu, 15);
    const rates = ratesOf(page, { model, now });
    const said = () => ({
      way: shell.t("w02.way." + now.way), label: found ? shell.className(page, found.label) : "–", code: shell.vector(now.mu), recon: now.recon,
      kl: now.kl, loss: now.loss, drawn: drawn.loss, centred: other.loss, rank: rates ? rank(rates, now.kl) : NaN,
    });
    parts.tell(!now.logvar ? "w02.told_point" : rates ? "w02.told" : "w02.told_alone", said);
  }

  /** Four pixels of 28 to the right: does the KL of images that the model knows fall, stay or rise? */
  function prediction(page, shell, [height, width], desk) {
    if (page.description().posterior.kind === "point") return null;
    const by = Math.max(1, Math.round(width / 7));
    const moved = (x) => x.map((_, i) => (i % width < by ? 0 : x[i - by]));
    const mean = (images) => {
      const model = page.model();
      const all = images.map((x) => reading(model, x, noiseOf(1, model.latent)));
      return { kl: V.engine.sum(all.map((one) => one.kl)) / all.length, recon: V.engine.sum(all.map((one) => one.recon)) / all.length };
    };
    const both = () => {
      const images = page.count ? Array.from({ length: Math.min(SHIFTED, page.count) }, (_, i) => page.image(i)) : [desk().centred.x];
      return { n: images.length, by, before: mean(images), after: mean(images.map(moved)) };
    };
    let known = null;
    const kept = () => (known = known || both());
    return {
      question: "w02.predict", answers: ["w02.predict.falls", "w02.predict.stays", "w02.predict.rises"],
      right: () => {
        const { before, after } = kept();
        const ratio = after.kl / before.kl;
        return ratio < 0.98 ? 0 : ratio <= 1.02 ? 1 : 2;
      },
      reveal: () => {
        const { n, before, after } = kept();
        return ["w02.predict.reveal", { n, by, kl: before.kl, kl_moved: after.kl, recon: before.recon, recon_moved: after.recon }];
      },
    };
  }

  function pixels({ drawn, centred: other, now }, [, width]) {
    return {
      columns: ["row", "column", "drawn", "centred", "decoded"],
      rows: Array.from(now.x, (_, i) => [Math.floor(i / width), i % width, drawn.x[i], other.x[i], now.mean[i]]),
    };
  }

  function situation(shell, rule, { cells, eps, model, drawn, centred: other, now }) {
    const state = shell.state.get();
    return {
      model: model.name, seed: state.seed, made: state["w02.made"], way: now.way, cells_a_pixel: rule.paper.k, side: rule.side,
      sheet: { shape: [rule.paper.rows, rule.paper.columns], values: cells }, eps, drawn, centred: other,
    };
  }

  V.widgets.add({ id: "w02", title: "w02.title", section: "machine", needs, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
