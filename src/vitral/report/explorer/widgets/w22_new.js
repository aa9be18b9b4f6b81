// W22, memorised or new? The nearest images that the model was trained on, and the nearest that it never saw.
(function (V) {
  "use strict";
  const { neighbourhood, nearestRows, copied, drawnCodes, DRAWS } = V.widgets.neighbours;
  const [SPACES, SPLITS, K] = [["pixels", "codes"], ["train", "test"], 5];

  function needs(page) {
    if (!page.data.image_shape) return "w03.needs_images";
    if (!page.count || !page.array("train_images")) return "w22.needs_training";
    return page.computes() ? true : "w14.needs_model";
  }

  function mount(root, page, shell) {
    shell.state.declare({ "w22.what": "generated", "w22.draw": -1, "w22.beside": "pixels.train", "w22.place": 0 });
    const lab = laboratory(page, shell, () => show());
    const parts = shell.frame(root, {
      name: "memorised-or-new", predict: prediction(lab),
      equations: ["d(x, x') = \\sqrt{∑_d (x_d - x'_d)^2}"], code: () => lines(shell),
      exports: { csv: () => table(page, lab), png: () => trio.pictures(), svg: () => chart.svg(), json: () => situation(shell, lab), npz: () => arrays(shell, lab) },
    });
    const what = shell.choice({ label: "w22.what", name: "w22.what", options: ["generated", "image"].map((one) => [one, "w22.what." + one]) });
    const trio = compared(page, shell, lab);
    const lists = sheets(page, shell, lab);
    const chart = shell.chart(() => distances(shell, lab));
    const waiting = shell.h("p", { class: "readout", role: "status" });
    const noPrior = shell.h("p", { class: "absent", t: "w22.no_prior" });
    parts.look.append(what, shell.h("div", { class: "row" }, shell.button("w22.next", () => lab.go(shell.state.get()["w22.draw"] + 1)),
      shell.button("w22.suspect", () => lab.go(lab.suspect()))), noPrior, trio.element, lists.element,
      shell.h("div", {}, shell.h("h4", { t: "w22.distances" }), chart.element, waiting));
    const facts = shell.facts(["w22.to_train", "w22.to_test", "w22.nearer", "w22.share", "w22.expected", "w22.held"]);
    const rows = shell.h("div", {});
    parts.numbers.append(facts.element, rows);

    function show() {
      const found = lab.now();
      trio.show(found);
      lists.show(found);
      chart.update();
      const { unseen, made } = lab.known;
      shell.say(waiting, unseen.length ? "w22.blur" : "w22.waiting");
      root.dataset.measured = unseen.length && made.length ? shell.state.get().model : "";
      rows.replaceChildren(shell.dataTable(table(page, lab, (key) => shell.t("w22.column." + key), (key) => shell.t("w22.is." + key))));
      tell(found);
    }

    function tell({ distance, nearer }) {
      const share = lab.share();
      const percent = (value) => (Number.isNaN(value) ? shell.number(NaN) : shell.number(100 * value, 1) + "%");
      facts.set({
        "w22.to_train": shell.number(distance.train, 3), "w22.to_test": shell.number(distance.test, 3), "w22.nearer": percent(nearer),
        "w22.share": share ? percent(share.share) : shell.number(NaN),
        "w22.expected": share ? percent(share.expected) + " ± " + percent(share.beside) : shell.number(NaN),
        "w22.held": shell.t("w22.held.value", { n: lab.train.shape[0], all: page.strip.data && page.strip.data.train ? page.strip.data.train : NaN }),
      });
      const kind = Number.isNaN(nearer) ? ".waiting" : nearer === 0 ? ".nearest" : "";
      parts.tell("w22.told" + kind, () => ({ name: nameOf(page, shell), ...distance, share: 100 * nearer, n: lab.known.unseen.length }));
      parts.refresh();
    }

    function update(state, changed) {
      noPrior.hidden = shell.currentModel().hasDensity;
      if (changed.has("mount")) shell.onceSeen(root, () => lab.begin());
      else if (changed.has("model")) lab.begin();
      show();
    }
    return { update, destroy: () => lab.stop() };
  }

  const unit = (array) => (array.data instanceof Float32Array ? array.data : Float32Array.from(array.data, (level) => level / 255));

  /** The images of both splits, the image in question with its neighbours, and what a worker finds of all of them. */
  function laboratory(page, shell, ready) {
    const [train, test] = ["train_images", "images"].map((name) => page.array(name)).map((one) => ({ data: unit(one), shape: one.shape }));
    const nothing = { made: [], codes: { train: null, test: null }, known: [], unseen: [] };
    const self = { train, test, known: nothing, begin, now, codes, share, suspect, go, stop: () => worker && worker.stop() };
    const kept = new Map();
    let worker = null;

    function begin() {
      const { model } = shell.state.get();
      self.known = kept.get(model) || nothing;
      if (kept.has(model)) return;
      worker = worker || shell.worker(neighbourhood);
      const images = kept.size ? {} : { train: train.data, test: test.data };
      kept.set(model, { ...nothing });
      const take = (found) => {
        Object.assign(kept.get(model), found);
        if (shell.state.get().model !== model) return;
        self.known = kept.get(model);
        ready();
      };
      worker.ask({ plain: page.plain(model), name: model, z: drawnCodes(page.description(model).latent), ...images }, take).then(take);
    }

    /** The image in question: its values, its code, and its place among the test images where it is one of them. */
    function asked() {
      const { "w22.what": what, z, image } = shell.state.get();
      const model = shell.currentModel();
      if (what === "generated") return { values: model.mean(model.decode(z)), code: z, itself: -1 };
      return { values: shell.currentImage(), code: shell.currentCode().mu, itself: image };
    }

    /** mu of the images of a split; where the page has no encoder of the model, the recorded ones of the test images. */
    function codes(split) {
      const { model } = shell.state.get();
      const data = self.known.codes[split];
      if (data) return { data, shape: [self[split].shape[0], page.description(model).latent] };
      return split === "test" ? page.array(model + "/codes") : null;
    }

    function now() {
      const { values, code, itself } = asked();
      const near = {};
      for (const split of SPLITS) {
        const own = split === "test" ? itself : -1;
        const held = codes(split);
        near["pixels." + split] = nearestRows(values, self[split], K, own);
        near["codes." + split] = held ? nearestRows(code, held, K, own) : null;
      }
      const distance = Object.fromEntries(SPLITS.map((split) => [split, near["pixels." + split][0].distance]));
      const { unseen } = self.known;
      const below = unseen.filter((one, i) => i !== itself && one < distance.train).length;
      return { values, code, near, distance, nearer: unseen.length ? below / unseen.length : NaN };
    }

    function share() {
      return self.known.made.length ? copied(self.known.made, train.shape[0], test.shape[0]) : null;
    }

    /** The draw that lies nearest to a training image, measured by how near a test image comes. */
    function suspect() {
      const ratios = self.known.made.map((one) => one.train.distance / one.test.distance);
      return ratios.indexOf(Math.min(...ratios));
    }

    function go(index) {
      const draw = ((index % DRAWS) + DRAWS) % DRAWS;
      const z = V.engine.noise(0, "explorer copies", draw, shell.currentModel().latent);
      shell.state.set({ "w22.what": "generated", "w22.draw": draw, z: Array.from(z, (one) => Number(one.toFixed(4))) });
    }
    return self;
  }

  function nameOf(page, shell) {
    const { "w22.what": what, image, z } = shell.state.get();
    if (what === "generated") return shell.t("w22.now.generated", { z: shell.vector(z) });
    return image < 0 ? shell.t("w22.now.drawn") : shell.t("w22.now.image", { i: image });
  }

  /** The image in question, the neighbour that was chosen, and the difference pixel by pixel. */
  function compared(page, shell, lab) {
    const keys = ["w22.asked", "w22.neighbour", "w22.difference"];
    const pictures = keys.map((key) => shell.picture({ t: key }, "large"));
    const captions = keys.map(() => shell.h("figcaption", {}));
    const element = shell.h("div", { class: "trio" }, pictures.map((one, i) => shell.h("figure", { class: "captioned" }, one, captions[i])));

    function show({ values, near }) {
      const { "w22.beside": beside, "w22.place": place } = shell.state.get();
      const name = near[beside] ? beside : "pixels.train";
      const one = near[name][Math.min(near[name].length - 1, Math.max(0, Math.round(place)))];
      const split = name.split(".")[1];
      const other = shell.row(lab[split], one.index);
      const gap = Float64Array.from(values, (value, d) => value - other[d]);
      shell.paint(pictures[0], values, page.data.image_shape);
      shell.paint(pictures[1], other, page.data.image_shape);
      shell.paint(pictures[2], gap, page.data.image_shape, { signed: true, limit: 1 });
      shell.say(captions[0], "w22.asked.caption", () => ({ name: nameOf(page, shell) }));
      shell.say(captions[1], "w22.neighbour.caption", () => ({ split: shell.t("w22.is." + split), i: one.index, label: classOf(page, shell, split, one.index) }));
      shell.say(captions[2], "w22.difference.caption", { distance: Math.hypot(...gap) });
    }
    return { element, show, pictures: () => sideBySide(shell, pictures, page.data.image_shape) };
  }

  /** The three pictures as one, for a file. */
  function sideBySide(shell, pictures, [height, width]) {
    const canvas = shell.h("canvas", { width: 3 * width + 2, height });
    pictures.forEach((one, i) => canvas.getContext("2d").drawImage(one, i * (width + 1), 0));
    return canvas;
  }

  function classOf(page, shell, split, i) {
    const labels = page.array(split === "train" ? "train_labels" : "images_labels");
    return labels && i < labels.shape[0] ? shell.className(page, labels.data[i]) : "–";
  }

  /** Four rows of neighbours: of both splits, in pixels and in codes. */
  function sheets(page, shell, lab) {
    const rows = SPACES.flatMap((space) => SPLITS.map((split) => {
      const name = space + "." + split;
      const sheet = shell.sheet({ label: "w22.sheet." + name, across: K, down: 1, pick: (i) => shell.state.set({ "w22.beside": name, "w22.place": i }) });
      const told = shell.h("p", { class: "readout" });
      const absent = shell.h("p", { class: "absent", t: "w22.no_codes" });
      const figure = shell.h("figure", { class: "captioned whole" }, shell.h("figcaption", { t: "w22.sheet." + name }), sheet.element, told, absent);
      return { name, split, sheet, told, absent, figure };
    }));
    const element = shell.h("div", { class: "beside even" }, rows.map((one) => one.figure));

    function show({ near }) {
      const { "w22.beside": beside, "w22.place": place } = shell.state.get();
      for (const { name, split, sheet, told, absent } of rows) {
        const list = near[name];
        absent.hidden = list !== null;
        sheet.element.hidden = told.hidden = list === null;
        if (!list) continue;
        sheet.paint(list.map(({ index }) => shell.row(lab[split], index)), page.data.image_shape);
        sheet.choose(name === beside ? place : -1);
        shell.say(told, "w22.near", () => ({
          distances: list.map(({ distance }) => shell.number(distance, 2)).join(" · "),
          labels: list.map(({ index }) => classOf(page, shell, split, index)).join(" "),
        }));
      }
    }
    return { element, show };
  }

  /** How far the nearest training image lies: of training, of test and of generated images; the image of now is a line. */
  function distances(shell, lab) {
    const { known, unseen, made } = lab.known;
    const lists = { known, unseen, made: made.map((one) => one.train.distance) };
    const all = Object.values(lists).flat();
    const at = lab.now().distance.train;
    const range = all.length ? [0, 1.02 * Math.max(at, ...all)] : [0, 1];
    const series = Object.entries(lists).filter(([, list]) => list.length)
      .map(([name, list], i) => ({ ...shell.histogram(list, { bins: 40, density: true, range }), name: shell.t("w22.series." + name), dash: ["", "6 4", "2 3"][i] }));
    const empty = { name: "", x: [0, 1], y: [0, 0] };
    return {
      label: shell.t("w22.distances"), digits: 3, height: 220, x: { label: shell.t("w22.distance"), min: 0, max: range[1] },
      y: { label: shell.t("w22.density"), min: 0 }, series: series.length ? series : [empty], marks: series.length ? [{ x: at }] : [],
    };
  }

  /** How many of the nearest images of all were trained on? */
  function prediction(lab) {
    const among = ({ share, expected, beside }) => (share < expected - beside ? 0 : share > expected + beside ? 2 : 1);
    return {
      question: "w22.predict", answers: ["w22.predict.fewer", "w22.predict.half", "w22.predict.more"],
      right: () => (lab.share() ? among(lab.share()) : -1),
      reveal: () => {
        const found = lab.share();
        if (!found) return ["w22.waiting", {}];
        return ["w22.predict.reveal", { share: 100 * found.share, expected: 100 * found.expected, beside: 100 * found.beside, n: found.n, draws: DRAWS }];
      },
    };
  }

  /** All neighbours as a table; `column` and `word` write its heads and its words. */
  function table(page, lab, column, word) {
    const [head, say] = [column || ((key) => key), word || ((key) => key)];
    const rows = Object.entries(lab.now().near).flatMap(([name, list]) => {
      const [space, split] = name.split(".");
      return (list || []).map(({ index, distance }, i) => [say(space), say(split), i + 1, index, classOf(page, V.shell, split, index), distance]);
    });
    return { columns: ["space", "split", "rank", "image", "class", "distance"].map(head), rows };
  }

  function situation(shell, lab) {
    const { model, image, z, "w22.what": what } = shell.state.get();
    const { near, distance, nearer } = lab.now();
    const { made, known, unseen } = lab.known;
    return { model, what, image, z, near, distance, nearer, copied: lab.share(), suspect: made.length ? lab.suspect() : null, made, known, unseen };
  }

  /** The image in question, both sets of images and the generated ones: what the printed lines load. */
  function arrays(shell, lab) {
    const model = shell.currentModel();
    const z = drawnCodes(model.latent);
    const { values } = lab.now();
    return {
      x: { data: Float64Array.from(values), shape: [values.length] }, train: lab.train, test: lab.test,
      z: { data: z, shape: [DRAWS, model.latent] }, generated: { data: model.mean(model.decode(z)), shape: [DRAWS, model.features] },
    };
  }

  function lines(shell) {
    const { "w22.what": what, image } = shell.state.get();
    const others = what === "image" && image >= 0 ? `np.delete(test, ${image}, axis=0)` : "test";
    return ["import numpy as np", 'd = np.load("memorised-or-new.npz")', 'x, train, test, made = d["x"], d["train"], d["test"], d["generated"]',
      `nearest_train = np.sort(np.sqrt(((x - train) ** 2).sum(-1)))[:${K}]`, `nearest_test = np.sort(np.sqrt(((x - ${others}) ** 2).sum(-1)))[:${K}]`,
      "to_train = np.stack([np.sqrt(((one - train) ** 2).sum(-1)) for one in made])",
      "to_test = np.stack([np.sqrt(((one - test) ** 2).sum(-1)) for one in made])",
      "copies = to_train.min(1) < to_test.min(1)", "seen = np.unique(to_train.argmin(1)[copies]).size",
      "unseen = np.unique(to_test.argmin(1)[~copies]).size", "share = seen / (seen + unseen)"].join("\n");
  }

  V.widgets.add({ id: "w22", title: "w22.title", section: "evidence", needs, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
