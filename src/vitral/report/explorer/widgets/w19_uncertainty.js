// W19, decoder uncertainty: three reasons for a pixel to vary, and whether the likelihood's claim about it holds.
(function (V) {
  "use strict";
  const { calibrating, binsOf, whole, spreadOf, calibrationCode, BINS } = V.widgets.claims;
  const DRAWS = 64; // of z from q(z given x)
  const FULL = 0.5; // the deviation that is painted white: a pixel between 0 and 1 has no more

  function needs(page) {
    if (!page.data.image_shape) return "w03.needs_images";
    return page.computes() ? true : "w14.needs_model";
  }

  function mount(root, page, shell) {
    shell.state.declare({ "w19.bin": 7, "w19.pixel": -1 });
    const lab = laboratory(page, shell, () => show());
    const spreads = spreadsOf(page, shell);
    const parts = shell.frame(root, {
      name: "decoder-uncertainty", predict: page.count ? prediction(lab) : null,
      equations: ["\"Var\"(x) = E_q[\"Var\"(x | z)] + \"Var\"_q(E[x | z])", ...equationsOf(page)],
      code: () => calibrationCode(shell, shell.currentModel()),
      exports: { csv: () => table(lab), png: () => gallery.picture(), svg: () => curve.svg(), json: () => situation(shell, lab, spreads), npz: () => arrays(page, shell, lab) },
    });
    const gallery = pictures(page, shell, (index) => shell.state.set({ "w19.pixel": index }));
    const read = shell.h("p", { class: "readout" });
    const curve = charted(shell, lab, () => meansChart(shell, lab));
    const width = charted(shell, lab, () => widthsChart(shell, lab));
    const waiting = shell.h("p", { class: "readout", role: "status" });
    const figure = (key, chart) => shell.h("div", {}, shell.h("h4", { t: key }), chart.element);
    const tested = shell.h("div", {}, shell.select({ label: "w19.bin", name: "w19.bin", options: () => ranges(shell) }),
      shell.h("div", { class: "beside even" }, figure("w19.means", curve), figure("w19.widths", width)), waiting);
    parts.look.append(gallery.element, read, tested, shell.h("p", { class: "absent", t: "w19.no_images", hidden: page.count > 0 }));
    tested.hidden = page.count === 0;
    const facts = shell.facts(["w19.noise", "w19.codes", "w19.models", "w19.off", "w19.error", "w19.claimed", "w19.scatter", "w19.pixels"]);
    parts.numbers.append(facts.element);

    function show() {
      const { done, found } = lab.known;
      shell.say(waiting, found ? (shell.currentModel().hasDensity ? "w19.measured" : "w19.measured.point") : "w19.waiting", { done, n: page.count });
      root.dataset.measured = found ? shell.state.get().model : "";
      if (found) [curve, width].forEach((one) => one.update());
      tell();
    }

    function look() {
      const now = spreads.now();
      gallery.show(now);
      root.dataset.spread = now.codes ? [shell.state.get().model, shell.state.get().image].join() : "";
      const { "w19.pixel": asked } = shell.state.get();
      const pixel = asked >= 0 && asked < page.data.features ? asked : greatest(total(now));
      gallery.mark(pixel);
      const across = page.data.image_shape[1];
      const at = (list) => (list ? list[pixel] : NaN);
      shell.say(read, now.x ? "w19.read" : "w19.read.alone", {
        row: Math.floor(pixel / across), column: pixel % across, mean: now.mean[pixel], noise: now.noise[pixel], codes: at(now.codes), models: at(now.models), x: at(now.x),
      });
      tell();
    }

    function tell() {
      const now = spreads.now();
      const { found } = lab.known;
      const all = found ? whole(found) : { error: NaN, claimed: NaN, scatter: NaN, pixels: NaN };
      facts.set({
        "w19.noise": shell.number(rms(now.noise), 4), "w19.codes": shell.number(rms(now.codes), 4), "w19.models": shell.number(rms(now.models), 4),
        "w19.off": shell.number(now.x ? rms(V.engine.map(now.mean, (m, d) => now.x[d] - m)) : NaN, 4), "w19.error": shell.number(all.error, 4),
        "w19.claimed": shell.number(all.claimed, 4), "w19.scatter": shell.number(all.scatter, 4), "w19.pixels": shell.number(all.pixels),
      });
      const one = lab.bin(shell.state.get()["w19.bin"]);
      if (one) parts.tell(lab.binary ? "w19.told.binary" : "w19.told", { ...one, found: lab.binary ? 100 * one.found : one.found, predicted: lab.binary ? 100 * one.predicted : one.predicted });
      else parts.tell(page.count ? (found ? "w19.told.empty" : "w19.told.waiting") : "w19.told.alone", { noise: rms(now.noise), ...rangeOf(shell) });
      parts.refresh();
    }

    function update(state, changed) {
      if (changed.has("mount")) shell.onceSeen(root, () => lab.begin());
      else if (changed.has("model")) lab.begin();
      spreads.follow(changed, look);
      if (["mount", "model", "z", "image", "drawn", "seed", "w19.pixel", "lang"].some((name) => changed.has(name))) look();
      if (["mount", "model", "lang", "w19.bin"].some((name) => changed.has(name))) show();
    }
    return { update, destroy: () => lab.stop() };
  }

  const rms = (list) => (list ? Math.sqrt(V.engine.dot(list, list) / list.length) : NaN);
  const greatest = (list) => list.reduce((best, one, i) => (one > list[best] ? i : best), 0);

  /** The variances of all three reasons together. */
  const total = ({ noise, codes, models }) => V.engine.map(noise, (one, d) => one ** 2 + (codes ? codes[d] ** 2 : 0) + (models ? models[d] ** 2 : 0));

  function rangeOf(shell) {
    const bin = shell.state.get()["w19.bin"];
    return { from: bin / BINS, to: (bin + 1) / BINS };
  }

  function ranges(shell) {
    return Array.from({ length: BINS }, (_, bin) => [bin, shell.t("w19.range", { from: bin / BINS, to: (bin + 1) / BINS })]);
  }

  /** What the likelihood of the main model says of a pixel's spread. */
  function equationsOf(page) {
    const { kind } = page.description().likelihood;
    if (kind === "bernoulli") return ["\"Var\"(x_d | z) = p_d (1 - p_d)"];
    return [kind === "continuous_bernoulli" ? "\"Var\"(x_d | z) = \\frac{1}{o_d^2} - \\frac{1}{4 \"sinh\"^2(o_d / 2)}" : "\"Var\"(x_d | z) = s^2"];
  }

  /** The claims of the model of now held against the test images; a worker does it once for each model. */
  function laboratory(page, shell, ready) {
    const kept = new Map();
    const waiting = { done: 0, found: null };
    const self = { known: waiting, begin, bin, found, binary: isBinary(page), stop: () => worker && worker.stop() };
    let worker = null;

    function question(model) {
      const images = page.array("images");
      const codes = page.computes(model, true) ? null : [page.array(model + "/codes"), page.array(model + "/codes_logvar")];
      return {
        plain: page.plain(model), bins: BINS, images: Float32Array.from(images.data, images.data instanceof Float32Array ? (one) => one : (level) => level / 255),
        codes: codes && { mu: Float64Array.from(codes[0].data), logvar: codes[1] && Float64Array.from(codes[1].data) },
      };
    }

    const possible = (model) => page.count > 0 && (page.computes(model, true) || page.array(model + "/codes") !== null);

    function begin() {
      const { model } = shell.state.get();
      self.known = kept.get(model) || waiting;
      if (kept.has(model) || !possible(model)) return;
      worker = worker || shell.worker(calibrating);
      const take = (part) => {
        kept.set(model, { done: part.done, found: part.z ? part : null });
        if (shell.state.get().model !== model) return;
        self.known = kept.get(model);
        ready();
      };
      kept.set(model, waiting);
      worker.ask(question(model), take).then(take);
    }

    /** The sums of the model of now, at once where the worker has not found them yet: for a file. */
    function found() {
      const { model } = shell.state.get();
      return self.known.found || (possible(model) ? calibrating(V, question(model), null) : null);
    }

    function bin(index) {
      return self.known.found ? binsOf(self.known.found).find((one) => one.bin === index) || null : null;
    }
    return self;
  }

  function isBinary(page) {
    for (let i = 0; i < Math.min(20, page.count); i++) if (page.image(i).some((one) => one !== 0 && one !== 1)) return false;
    return page.count > 0;
  }

  /** The spread of every pixel at the cursor and at the image of now: by noise, by z, by model. */
  function spreadsOf(page, shell) {
    let around = { key: "", codes: null };
    let among = { key: "", models: null, count: 0 };
    const key = () => {
      const { model, image, drawn, seed } = shell.state.get();
      return [model, image, drawn, seed].join();
    };
    const ask = shell.latest((key, model, z) => shell.decodeFar(model, z), (outputs, asked, model, z, done) => {
      if (asked !== key()) return;
      around = { key: asked, codes: spreadOf(shell.currentModel().mean(outputs), page.data.features).deviation };
      done();
    });

    /** The draws of z for the image of now are decoded beside the page. */
    function follow(changed, done) {
      if (!["mount", "model", "image", "drawn", "seed"].some((name) => changed.has(name))) return;
      const { mu, logvar } = shell.currentCode();
      const { model, seed } = shell.state.get();
      if (!logvar) return;
      const eps = V.engine.noise(seed, "explorer spread", 0, DRAWS * mu.length);
      ask(key(), model, shell.currentModel().reparameterise(mu, logvar, eps), done);
    }

    /** The image of now, by every model of the page that knows a code of it. */
    function others() {
      const { image, drawn } = shell.state.get();
      const asked = [image, drawn].join();
      if (among.key === asked) return among;
      const knows = ({ name, features }) => features === page.data.features && page.computes(name)
        && (page.computes(name, true) ? shell.currentImage() !== null : image >= 0 && page.array(name + "/codes") !== null && image < page.array(name + "/codes").shape[0]);
      const names = page.models.filter(knows).map(({ name }) => name);
      const means = names.flatMap((name) => Array.from(page.model(name).mean(page.model(name).decode(shell.codeOf(name, image).mu))));
      among = { key: asked, count: names.length, models: names.length > 1 ? spreadOf(Float64Array.from(means), page.data.features).deviation : null };
      return among;
    }

    function now() {
      const model = shell.currentModel();
      const o = model.decode(shell.state.get().z);
      const { models, count } = others();
      return {
        x: shell.currentImage(), mean: model.mean(o), noise: model.likelihood.deviation(o), codes: around.key === key() ? around.codes : null,
        point: !shell.currentCode().logvar, models, count,
      };
    }
    return { follow, now };
  }

  /** Five pictures: the image, the predicted mean, and its spread by noise, by z and by model. */
  function pictures(page, shell, pick) {
    const shape = page.data.image_shape;
    const names = ["x", "mean", "noise", "codes", "models"];
    const made = names.map((name) => {
      const picture = shell.picture({ t: "w19.picture." + name }, "large");
      const mark = V.widgets.pixelMark(shell, picture);
      const caption = shell.h("figcaption", {});
      shell.readable(picture, shape, ({ index }) => pick(index));
      return { name, picture, mark, caption, figure: shell.h("figure", { class: "captioned whole" }, mark.element, caption) };
    });
    const element = shell.h("div", { class: "spreads" }, made.map((one) => one.figure));

    function show(now) {
      for (const { name, picture, mark, caption, figure } of made) {
        const values = now[name];
        figure.hidden = name === "x" && !values;
        mark.element.hidden = !values;
        if (values) shell.paint(picture, name === "x" || name === "mean" ? values : V.engine.map(values, (one) => one / FULL), shape);
        const lacking = !values && (name === "codes" ? (now.point ? ".point" : ".waiting") : name === "models" ? ".one" : "");
        shell.say(caption, "w19.caption." + name + (lacking || ""), { full: FULL, n: name === "models" ? now.count : DRAWS });
      }
    }
    return { element, show, mark: (pixel) => made.forEach((one) => one.mark.show(pixel, shape)), picture: () => together(shell, made, shape) };
  }

  /** All pictures side by side, for a file. */
  function together(shell, made, [height, width]) {
    const shown = made.filter(({ mark, figure }) => !mark.element.hidden && !figure.hidden);
    const canvas = shell.h("canvas", { width: shown.length * (width + 1) - 1, height });
    shown.forEach(({ picture }, i) => canvas.getContext("2d").drawImage(picture, i * (width + 1), 0));
    return canvas;
  }

  /** A chart of bins, of which a tap or an arrow chooses one. */
  function charted(shell, lab, make) {
    const chart = shell.chart(make);
    chart.pick = (i) => lab.known.found && shell.state.set({ "w19.bin": binsOf(lab.known.found)[i].bin });
    return chart;
  }

  const marks = (shell, lab) => {
    const one = lab.bin(shell.state.get()["w19.bin"]);
    return one ? [{ x: one.predicted }] : [];
  };

  /** Of the pixels predicted so, how bright are they? On the diagonal the claim holds. */
  function meansChart(shell, lab) {
    const bins = lab.known.found ? binsOf(lab.known.found) : [];
    const x = bins.map((one) => one.predicted);
    return {
      label: shell.t("w19.means"), digits: 3, height: 260, x: { label: shell.t("w19.axis.predicted"), min: 0, max: 1 }, y: { label: shell.t("w19.axis.found"), min: 0, max: 1 },
      series: [{ name: shell.t("w19.series.found"), x, y: bins.map((one) => one.found), dots: true, dash: "" }, { name: shell.t("w19.series.claim"), x: [0, 1], y: [0, 1], dash: "6 4" }],
      marks: marks(shell, lab),
    };
  }

  /** How far do they lie from their prediction, and how far does the likelihood say? */
  function widthsChart(shell, lab) {
    const bins = lab.known.found ? binsOf(lab.known.found) : [];
    const x = bins.map((one) => one.predicted);
    return {
      label: shell.t("w19.widths"), digits: 3, height: 260, x: { label: shell.t("w19.axis.predicted"), min: 0, max: 1 }, y: { label: shell.t("w19.axis.deviation"), min: 0 },
      series: [{ name: shell.t("w19.series.scatter"), x, y: bins.map((one) => one.scatter), dots: true, dash: "" },
        { name: shell.t("w19.series.claimed"), x, y: bins.map((one) => one.claimed), dots: true, dash: "6 4" }],
      marks: marks(shell, lab),
    };
  }

  /** How bright are the pixels that were predicted at 0.7 to 0.8? */
  function prediction(lab) {
    return {
      question: "w19.predict", answers: ["w19.predict.below", "w19.predict.inside", "w19.predict.above"],
      right: () => {
        const one = lab.bin(7);
        return one ? (one.found < one.from ? 0 : one.found > one.to ? 2 : 1) : -1;
      },
      reveal: () => (lab.bin(7) ? ["w19.predict.reveal", lab.bin(7)] : [lab.known.found ? "w19.predict.none" : "w19.predict.waiting", {}]),
    };
  }

  function table(lab) {
    const keys = ["from", "to", "n", "predicted", "found", "claimed", "scatter"];
    const found = lab.found();
    return { columns: keys, rows: found ? binsOf(found).map((one) => keys.map((key) => one[key])) : [] };
  }

  function situation(shell, lab, spreads) {
    const { model, image, z, seed } = shell.state.get();
    const found = lab.found();
    return { model, image, z, seed, draws: DRAWS, ...spreads.now(), bins: found ? binsOf(found) : [], whole: found ? whole(found) : null };
  }

  /** Weights, test images and the codes that were drawn for them: what the printed lines load. */
  function arrays(page, shell, lab) {
    const model = shell.currentModel();
    const found = lab.found();
    if (!found) return model.parameters;
    const rows = Array.from({ length: found.done }, (_, i) => page.image(i));
    const x = new Float32Array(found.done * model.features);
    rows.forEach((row, i) => x.set(row, i * model.features));
    return { ...model.parameters, x: { data: x, shape: [found.done, model.features] }, z: { data: found.z, shape: [found.done, model.latent] } };
  }

  V.widgets.add({ id: "w19", title: "w19.title", section: "evidence", needs, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
