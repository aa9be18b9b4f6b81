// W23, the failure gallery: the worst images of the test set, and deliberate strangers that a likelihood may like better.
(function (V) {
  "use strict";
  const { scorer, percentBelow, boundCode, DRAWS } = V.widgets.failures;
  const ORDERS = ["bound", "recon", "kl", "misplaced"];
  const [ACROSS, DOWN, K] = [8, 3, 15];

  function needs(page) {
    if (!page.data.image_shape) return "w03.needs_images";
    return page.computes(page.main, true) ? true : "w23.needs_encoder";
  }

  function mount(root, page, shell) {
    shell.state.declare({ "w23.order": "bound", "w23.stranger": "", "w23.source": -1 });
    const lab = laboratory(page, shell, () => show());
    const parts = shell.frame(root, {
      name: "failure-gallery", predict: page.count ? prediction(lab) : null,
      equations: ["\"log\" p(x) ≥ \"log\" \\frac{1}{K} ∑_{k=1}^{K} \\frac{p(x | z_k) p(z_k)}{q(z_k | x)}, z_k ~ q(z | x)"],
      code: () => boundCode(shell, shell.state.get().model),
      exports: { csv: () => table(page, lab), png: () => sheet.canvas, svg: () => spread.svg(), json: () => situation(shell, lab),
        npz: () => arrays(page, shell, lab) },
    });
    const waiting = shell.h("p", { class: "readout", role: "status" });
    const sheet = shell.sheet({ label: "w23.sheet", across: ACROSS, down: DOWN, pick: (i) => lab.worst()[i] !== undefined && shell.pickImage(lab.worst()[i]) });
    const order = shell.choice({ label: "w23.order", name: "w23.order", options: ORDERS.map((one) => [one, "w23.order." + one]) });
    const worst = shell.h("div", {}, shell.h("h4", { t: ["w23.worst", { n: ACROSS * DOWN }] }), order, sheet.element, waiting);
    const list = shell.h("ul", { class: "strangers" });
    const alone = shell.h("p", { class: "absent", t: "w23.no_images" });
    const absent = shell.h("p", { class: "absent", t: "w23.no_encoder" });
    const spread = shell.chart(() => spreadChart(shell, lab));
    const now = figureOf(page, shell);
    parts.look.append(shell.h("div", { class: "beside" }, worst, now.element), alone, absent,
      shell.h("h4", { t: "w23.strangers" }), shell.h("p", { class: "readout", t: "w23.strangers.how" }), list,
      shell.h("div", {}, shell.h("h4", { t: "w23.spread" }), spread.element));
    const facts = shell.facts(["w23.bound", "w23.below", "w23.recon", "w23.recon.above", "w23.kl", "w23.kl.above", "w23.class"]);
    const numbers = shell.h("div", {});
    parts.numbers.append(facts.element, numbers);
    worst.hidden = page.count === 0;
    alone.hidden = page.count > 0;

    function show() {
      const { test, strange } = lab;
      shell.say(waiting, test.done < page.count ? "w23.waiting" : "w23.done", { done: test.done, n: page.count, k: DRAWS });
      const list24 = lab.worst();
      sheet.paint(list24.map((i) => page.image(i)), page.data.image_shape);
      sheet.choose(list24.indexOf(shell.state.get().image));
      list.replaceChildren(...rows(page, shell, lab));
      numbers.replaceChildren(...(strange.length ? [shell.dataTable(strangersTable(shell, lab))] : []));
      root.dataset.scored = test.done;
      root.dataset.strangers = strange.filter((one) => one.scores).map((one) => one.name).join(" ");
      spread.element.parentElement.hidden = test.done === 0;
      if (test.done) spread.update();
      tell();
    }

    function tell() {
      const found = lab.now();
      now.show(found);
      if (!found) return void parts.tell("w23.told.none");
      const ranks = lab.ranks(found);
      const values = { name: nameOf(page, shell), ...found, ...ranks, n: lab.test.done };
      parts.tell(page.count === 0 ? "w23.told.alone" : Number.isNaN(found.kl) ? "w23.told.point" : "w23.told", values);
      const vote = shell.vote(page.array(shell.state.get().model + "/codes"), page.array("images_labels"), found.mu, K);
      const percent = (value) => (Number.isNaN(value) ? shell.number(NaN) : shell.number(value, 1) + "%");
      facts.set({
        "w23.bound": shell.number(found.bound, 2), "w23.below": percent(ranks.below), "w23.recon": shell.number(found.recon, 2),
        "w23.recon.above": percent(ranks.recon_above), "w23.kl": shell.number(found.kl, 2), "w23.kl.above": percent(ranks.kl_above),
        "w23.class": vote ? shell.className(page, vote.label) + " · " + shell.number(100 * vote.share, 0) + "%" : shell.number(NaN),
      });
      parts.refresh();
    }

    function update(state, changed) {
      if (changed.has("image") && state.image >= 0) return void shell.state.set({ "w23.stranger": "", "w23.source": state.image });
      const another = changed.has("drawn") && state["w23.stranger"] && state.drawn !== lab.used; // somebody drew elsewhere
      if (another && !changed.has("mount")) return void shell.state.set({ "w23.stranger": "" });
      const whole = ["mount", "model", "w23.source"].some((name) => changed.has(name));
      absent.hidden = page.computes(state.model, true);
      if (whole) lab.begin();
      if (changed.has("mount")) reopen(shell, lab, state["w23.stranger"]);
      if (whole || ["lang", "w23.order", "theme"].some((name) => changed.has(name))) show();
      else if (["image", "drawn", "w23.stranger"].some((name) => changed.has(name))) {
        sheet.choose(lab.worst().indexOf(state.image));
        for (const one of list.querySelectorAll("button")) one.setAttribute("aria-pressed", String(one.dataset.stranger === state["w23.stranger"]));
        lab.look();
        tell();
      }
    }
    return { update, destroy: () => lab.stop() };
  }

  /** Make a stranger the image of now, everywhere. */
  function useStranger(shell, lab, name) {
    const one = lab.strange.find((each) => each.name === name);
    if (!one) return;
    shell.state.set({ "w23.stranger": name, "w23.source": lab.source });
    shell.useDrawing(one.values);
    lab.used = shell.state.get().drawn;
  }

  /** An address that shows a stranger: it is the image of now again, at the z that the address says. */
  function reopen(shell, lab, name) {
    const asked = shell.drawingAsked;
    if (!lab.strange.some((each) => each.name === name)) return;
    shell.drawingAsked = null;
    useStranger(shell, lab, name);
    if (asked && asked.z) shell.state.set({ z: asked.z });
  }

  /** What is known of the model of now: {test, strange: [{name, values, scores}], source}. */
  function laboratory(page, shell, ready) {
    const kept = new Map(); // by model: the scores of the test images
    const wrong = new Map(); // by model: how sure the neighbours are of a wrong class
    const nothing = { done: 0, recon: [], kl: [], bound: [], mu: [] };
    const [slow, quick] = [scorer(page, shell), scorer(page, shell)];
    const self = { test: nothing, strange: [], source: 0, used: 0, other: null, begin, look, now, ranks, worst, stop };
    const mean = page.count ? meanImage(page) : null;
    const binary = page.count ? isBinary(page) : Boolean(page.data.binarisation && page.data.binarisation !== "none");
    let made = "";

    function begin() {
      const { model, image, "w23.source": asked } = shell.state.get();
      self.source = Math.max(0, asked >= 0 && asked < page.count ? asked : image);
      if (!kept.has(model)) measure(model);
      self.test = kept.get(model);
      const key = [model, self.source].join();
      if (key !== made) makeStrangers(model, key);
      self.other = null;
    }

    function makeStrangers(model, key) {
      made = key;
      const x = (i) => page.image(i % page.count);
      const source = page.count ? { x: x(self.source), other: x(self.source + 1), mean } : null;
      self.strange = V.widgets.strangers(page.data.image_shape, source, binary);
      if (!page.computes(model, true)) return void (self.strange = []);
      const rows = Float64Array.from(self.strange.flatMap((one) => Array.from(one.values)));
      quick(model, rows, null).then((found) => {
        if (made !== key) return;
        self.strange.forEach((one, i) => { one.scores = scoreAt(found, i, page.description(model).latent); });
        ready();
      });
    }

    function measure(model) {
      kept.set(model, nothing);
      if (!page.count) return;
      const codes = recorded(page, model);
      const N = codes ? Math.min(page.count, codes.mu.length / page.description(model).latent) : page.count;
      const rows = Float64Array.from(Array.from({ length: N }, (_, i) => Array.from(page.image(i))).flat());
      const take = (found) => {
        kept.set(model, { ...found });
        if (shell.state.get().model !== model) return;
        self.test = kept.get(model);
        ready();
      };
      slow(model, rows, codes, take).then(take);
    }

    /** The scores of the image of now: a stranger's, a test image's, or those that the worker is asked for. */
    function now() {
      const { image, model, "w23.stranger": name } = shell.state.get();
      const { latent } = page.description(model);
      const stranger = image < 0 && self.strange.find((one) => one.name === name);
      if (stranger) return stranger.scores || null;
      if (image >= 0) return image < self.test.done ? scoreAt(self.test, image, latent) : null;
      return self.other;
    }

    function look() {
      const { image, model, drawn, "w23.stranger": name } = shell.state.get();
      if (image >= 0 || name || !page.computes(model, true)) return;
      quick(model, Float64Array.from(shell.currentImage()), null).then((found) => {
        if (shell.state.get().drawn !== drawn) return;
        self.other = scoreAt(found, 0, page.description(model).latent);
        ready();
      });
    }

    function ranks({ bound, recon, kl }) {
      const upTo = (list) => Array.from(list).slice(0, self.test.done);
      const { test } = self;
      return { below: percentBelow(upTo(test.bound), bound), recon_above: 100 - percentBelow(upTo(test.recon), recon),
        kl_above: Number.isNaN(kl) ? NaN : 100 - percentBelow(upTo(test.kl), kl) };
    }

    /** The images at the wrong end of the order of now, the worst first. */
    function worst() {
      const by = shell.state.get()["w23.order"];
      const { model } = shell.state.get();
      if (by === "misplaced" && !wrong.has(model)) wrong.set(model, misplaced(page, shell));
      const scores = by === "misplaced" ? wrong.get(model) : Array.from(self.test[by]).slice(0, self.test.done).map((one) => (by === "bound" ? -one : one));
      const order = Array.from(scores.keys()).filter((i) => scores[i] > -Infinity && !Number.isNaN(scores[i])).sort((a, b) => scores[b] - scores[a]);
      return order.slice(0, ACROSS * DOWN);
    }

    function stop() {
      slow.stop();
      quick.stop();
    }
    return self;
  }

  function scoreAt({ recon, kl, bound, mu }, i, L) {
    return { recon: recon[i], kl: kl[i], bound: bound[i], mu: Array.from(mu.slice(i * L, (i + 1) * L)) };
  }

  /** Recorded codes of a model whose encoder the page lacks; null where it has it. */
  function recorded(page, model) {
    if (page.computes(model, true)) return null;
    const [mu, logvar] = [page.array(model + "/codes"), page.array(model + "/codes_logvar")];
    return { mu: Float64Array.from(mu ? mu.data : []), logvar: logvar && Float64Array.from(logvar.data) };
  }

  function meanImage(page) {
    const total = new Float64Array(page.data.features);
    for (let i = 0; i < page.count; i++) page.image(i).forEach((one, d) => { total[d] += one / page.count; });
    return total;
  }

  function isBinary(page) {
    for (let i = 0; i < Math.min(20, page.count); i++) if (page.image(i).some((one) => one !== 0 && one !== 1)) return false;
    return true;
  }

  /** How sure the 15 nearest other codes are of a class that an image does not have; -Infinity where they are right. */
  function misplaced(page, shell) {
    const [codes, labels] = [page.array(shell.state.get().model + "/codes"), page.array("images_labels")];
    if (!codes || !labels) return [];
    return Array.from({ length: Math.min(page.count, codes.shape[0], labels.shape[0]) }, (_, i) => {
      const counts = new Map();
      for (const { index } of shell.nearestCodes(codes, shell.row(codes, i), K + 1)) {
        if (index !== i && index < labels.shape[0]) counts.set(labels.data[index], (counts.get(labels.data[index]) || 0) + 1);
      }
      const [label, count] = [...counts].sort((a, b) => b[1] - a[1])[0];
      return label === labels.data[i] ? -Infinity : count / K;
    });
  }

  function nameOf(page, shell) {
    const { image, "w23.stranger": name } = shell.state.get();
    if (image < 0) return name ? shell.t("w23.is." + name) : shell.t("w23.drawing");
    const label = page.label(image);
    return label === null ? shell.t("w23.image", { i: image }) : shell.t("w23.image.class", { i: image, label: shell.className(page, label) });
  }

  /** The image of now and what the model makes of it. */
  function figureOf(page, shell) {
    const [x, mean] = ["w23.x", "w23.mean"].map((key) => shell.picture({ t: key }, "large"));
    const name = shell.h("figcaption", {});
    const of = (picture, caption) => shell.h("figure", { class: "captioned" }, picture, caption);
    const element = shell.h("div", { class: "pair-of-images" }, of(x, name), of(mean, shell.h("figcaption", { t: "w23.mean" })));
    const show = (found) => {
      const model = shell.currentModel();
      const image = shell.currentImage();
      element.hidden = !image || !model;
      if (element.hidden) return;
      shell.paint(x, image, page.data.image_shape);
      const mu = found ? found.mu : shell.currentCode().mu;
      shell.paint(mean, model.mean(model.decode(Float64Array.from(mu))), page.data.image_shape);
      shell.say(name, "w23.now", () => ({ name: nameOf(page, shell) }));
    };
    return { element, show };
  }

  /** One row a stranger, the most likely first: its image, its name, and a bar as long as the share that it beats. */
  function rows(page, shell, lab) {
    const chosen = shell.state.get()["w23.stranger"];
    const scored = lab.strange.map((one) => ({ ...one, below: one.scores ? lab.ranks(one.scores).below : NaN }));
    scored.sort((a, b) => (b.scores ? b.scores.bound : 0) - (a.scores ? a.scores.bound : 0));
    return scored.map(({ name, values, scores, below }) => {
      const canvas = shell.h("canvas", { class: "image small", "aria-hidden": "true" });
      shell.paint(canvas, values, page.data.image_shape);
      const bar = shell.h("span", { class: "rank", "aria-hidden": "true" }, shell.h("span", {}));
      bar.firstChild.style.setProperty("width", (Number.isNaN(below) ? 0 : below) + "%");
      const told = shell.h("span", { class: "rank-told" }, scores ? (Number.isNaN(below) ? shell.number(scores.bound, 0) : shell.number(below, 1) + "%") : "…");
      return shell.h("li", {}, shell.h("button", {
        type: "button", class: "stranger", "data-stranger": name, "aria-pressed": String(name === chosen), on: { click: () => useStranger(shell, lab, name) },
      }, canvas, shell.h("span", { t: "w23.is." + name }), bar, told));
    });
  }

  /** The bounds of the test images as a histogram; the image of now is a line, at the edge where it lies beyond. */
  function spreadChart(shell, lab) {
    const bounds = Array.from(lab.test.bound).slice(0, lab.test.done);
    const sorted = Float64Array.from(bounds).sort();
    const [low, high] = [sorted[Math.floor(0.005 * sorted.length)], sorted[sorted.length - 1]];
    const [min, max] = [low - 0.15 * (high - low), high + 0.25 * (high - low || 1)];
    const found = lab.now();
    const inside = (value) => Math.min(max, Math.max(min, value));
    const strange = lab.strange.filter((one) => one.scores && one.scores.bound >= min && one.scores.bound <= max);
    return {
      label: shell.t("w23.spread"), digits: 4, height: 200, x: { label: shell.t("w23.bound"), min, max }, y: { label: shell.t("w23.density"), min: 0 },
      series: [{ ...shell.histogram(bounds, { bins: 36, density: true, range: [min, max] }), name: shell.t("w23.test") },
        { name: shell.t("w23.strangers.short"), kind: "points", dash: "1 4", x: strange.map((one) => one.scores.bound), y: strange.map(() => 0), radius: 4.5 }],
      marks: found ? [{ x: inside(found.bound) }] : [],
    };
  }

  function strangersTable(shell, lab) {
    const rows = lab.strange.filter((one) => one.scores).map(({ name, scores }) => {
      const { below, recon_above, kl_above } = lab.ranks(scores);
      return [shell.t("w23.is." + name), ...[scores.bound, below, scores.recon, recon_above, scores.kl, kl_above].map((one) => shell.number(one, 1))];
    });
    return { columns: ["w23.stranger", "w23.bound", "w23.column.below", "w23.recon", "w23.column.recon_above", "w23.kl", "w23.column.kl_above"].map((key) => shell.t(key)), rows };
  }

  /** Is a blank image more or less likely than the test image in the middle? */
  function prediction(lab) {
    const found = () => {
      const blank = lab.strange.find((one) => one.name === "blank");
      const sorted = Float64Array.from(Array.from(lab.test.bound).slice(0, lab.test.done)).sort();
      const there = blank && blank.scores && lab.test.done > 0;
      return there ? { blank: blank.scores.bound, median: sorted[Math.floor(sorted.length / 2)], ...lab.ranks(blank.scores), n: lab.test.done } : null;
    };
    return {
      question: "w23.predict", answers: ["w23.predict.blank", "w23.predict.digit"],
      right: () => (found() ? (found().blank > found().median ? 0 : 1) : -1),
      reveal: () => (found() ? [found().blank > found().median ? "w23.predict.reveal.blank" : "w23.predict.reveal.digit", found()] : ["w23.measuring", {}]),
    };
  }

  /** All test images that were measured, and all strangers. */
  function table(page, lab) {
    const { test } = lab;
    const tested = Array.from({ length: test.done }, (_, i) => ["test", i, page.label(i), test.bound[i], test.recon[i], test.kl[i]]);
    const strange = lab.strange.filter((one) => one.scores).map(({ name, scores }) => ["stranger", name, null, scores.bound, scores.recon, scores.kl]);
    return { columns: ["kind", "image", "class", "bound", "reconstruction", "kl"], rows: [...tested, ...strange] };
  }

  function situation(shell, lab) {
    const { model, image, "w23.stranger": stranger, "w23.order": order } = shell.state.get();
    const strangers = lab.strange.filter((one) => one.scores).map(({ name, scores }) => ({ name, ...scores, ...lab.ranks(scores) }));
    return { model, image, stranger, source: lab.source, draws: DRAWS, order, worst: lab.worst(), images: lab.test.done, strangers };
  }

  /** The strangers, the noise and the weights: what the printed lines load. */
  function arrays(page, shell, lab) {
    const model = shell.currentModel();
    const x = Float64Array.from(lab.strange.flatMap((one) => Array.from(one.values)));
    const eps = V.engine.noise(0, "explorer gallery", 0, DRAWS * model.latent);
    return { ...model.parameters, x: { data: x, shape: [lab.strange.length, model.features] }, eps: { data: eps, shape: [DRAWS, model.latent] } };
  }

  V.widgets.add({ id: "w23", title: "w23.title", section: "evidence", needs, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
