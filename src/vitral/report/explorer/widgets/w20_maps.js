// W20, maps over the plane: classes that nobody gave, where borders are steep, where images come out badly, who lives here.
(function (V) {
  "use strict";
  const MAPS = ["neighbours", "logistic", "sensitivity", "error", "density"];
  const CELLS = 60;
  const ERROR_CELLS = 24;
  const SHOWN = 9;
  const K = 15;

  function needs(page) {
    const description = page.description();
    if (!page.data.image_shape) return "w03.needs_images";
    return page.computes() && description.latent === 2 && page.array(page.main + "/codes") ? true : "w20.needs_plane";
  }

  /**
   * Runs in a worker, and uses nothing from outside itself: -log p(x given mu) of images, the codes of others, and two
   * logistic regressions on codes, p(k | z) = softmax(W (1, standardised z)), of all rows and of every other row, by
   * gradient steps: dW_k = (1/N) Σ_n (p_nk - [y_n = k]) (1, z_n).
   */
  function living(V, { plain, images, train, codes, labels }) {
    const E = V.engine;
    const model = new E.Model(plain.description, (key) => plain.arrays[key] || null);
    const [D, L] = [model.features, model.latent];

    function fitted(step) {
      const rows = Array.from({ length: Math.floor((labels.length + step - 1) / step) }, (_, i) => i * step);
      const kinds = Array.from(new Set(rows.map((n) => labels[n]))).sort((a, b) => a - b);
      const mean = Array.from({ length: L }, (_, l) => E.sum(rows.map((n) => codes[n * L + l])) / rows.length);
      const scale = mean.map((m, l) => Math.sqrt(E.sum(rows.map((n) => (codes[n * L + l] - m) ** 2)) / rows.length) || 1);
      const inputs = rows.map((n) => [1, ...mean.map((m, l) => (codes[n * L + l] - m) / scale[l])]);
      const W = kinds.map(() => new Float64Array(L + 1));
      for (let round = 0; round < 300; round++) {
        const slopes = kinds.map(() => new Float64Array(L + 1));
        inputs.forEach((features, i) => {
          const logits = W.map((w) => E.dot(w, features));
          const total = E.logSumExp(logits);
          logits.forEach((one, k) => {
            const d = (Math.exp(one - total) - (kinds[k] === labels[rows[i]] ? 1 : 0)) / rows.length;
            for (let j = 0; j <= L; j++) slopes[k][j] += d * features[j];
          });
        });
        W.forEach((w, k) => { for (let j = 0; j <= L; j++) w[j] -= 2 * slopes[k][j]; });
      }
      return { kinds, mean, scale, W };
    }

    const pieces = (rows, act) => Array.from({ length: rows.length / D }, (_, i) => act(rows.subarray(i * D, (i + 1) * D)));
    return {
      errors: model.encoder ? pieces(images, (x) => -model.logProb(Float64Array.from(x), model.decode(model.encode(x).mu))[0]) : [],
      codes: model.encoder ? Float64Array.from(pieces(train, (x) => Array.from(model.encode(x).mu)).flat()) : null,
      all: labels.length ? fitted(1) : null, half: labels.length ? fitted(2) : null,
    };
  }

  /** The class that a regression holds most likely at z, and its probability: {label, share}. */
  function guess({ kinds, mean, scale, W }, z) {
    const logits = W.map((w) => V.engine.dot(w, [1, ...mean.map((m, l) => (z[l] - m) / scale[l])]));
    const best = logits.indexOf(Math.max(...logits));
    return { label: kinds[best], share: Math.exp(logits[best] - V.engine.logSumExp(logits)) };
  }

  function mount(root, page, shell) {
    shell.state.declare({ "w20.map": "neighbours" });
    const maps = mapsOf(page, shell, () => arrived());
    const parts = shell.frame(root, {
      name: "maps", predict: prediction(maps),
      equations: ["s(z) = \\sqrt{\"det\"(J^T J)}, J = \\frac{∂ \\hat{x}}{∂ z}", "p(k | z) = \\frac{e^{w_k · z + b_k}}{∑_j e^{w_j · z + b_j}}"],
      code: () => mapCode(shell), exports: { csv: () => table(shell, maps), png: () => plane.pictures(), svg: () => plane.svg },
    });
    const codes = () => page.array(shell.state.get().model + "/codes");
    const which = (name) => () => shell.state.get()["w20.map"] === name;
    const plane = shell.plane({
      label: "w20.plane", span: shell.reach(page.array(page.main + "/codes")),
      layers: [...MAPS.slice(0, 4).map((name) => shell.layers.heat({ get: () => maps.get(name), shown: which(name), smooth: name === "sensitivity" })),
        shell.layers.layer((surface) => codes() && shell.layers.density({ codes: codes() }).paint(surface), { shown: which("density") }),
        signs(page, shell, codes, { shown: () => ["neighbours", "logistic"].includes(shell.state.get()["w20.map"]) }), shell.layers.contours()],
    });
    const image = shell.picture({ t: "w03.decoded.caption" }, "large");
    const residents = shell.sheet({ label: "w20.residents", across: 3, down: 3, pick: (i) => goTo(i) });
    const nobody = shell.h("p", { class: "readout", t: "w20.no_training" });
    const read = shell.h("p", { class: "readout" });
    const facts = shell.facts(["w20.knn", "w20.linear", "w20.steep", "w20.near_error", "w20.density", "w20.right"]);
    const side = shell.h("div", {}, shell.h("figure", { class: "captioned" }, image, shell.h("figcaption", { t: "w03.decoded.caption" })),
      shell.choice({ label: "w20.map", name: "w20.map", options: MAPS.map((name) => [name, "w20.map." + name]) }),
      shell.h("h4", { t: "w20.residents.title" }), nobody, shell.h("div", { class: "few" }, residents.element), read);
    const absent = shell.h("p", { class: "absent", t: "w20.needs_plane" });
    const body = shell.h("div", { class: "beside" }, plane.element, side);
    parts.look.append(absent, body);
    parts.numbers.append(facts.element);
    let near = [];

    function goTo(i) {
      const one = near[i];
      if (!one) return;
      shell.state.set({ z: Array.from(shell.row(maps.train(), one.index), (v) => Number(v.toFixed(4))) });
    }

    function arrived() {
      root.dataset.measured = maps.measured();
      plane.drawLater();
      tell();
    }

    function tell() {
      const { z } = shell.state.get();
      const at = maps.at(z);
      near = maps.train() ? shell.nearestCodes(maps.train(), z, SHOWN) : [];
      nobody.hidden = near.length > 0;
      residents.element.hidden = near.length === 0;
      if (near.length) residents.paint(near.map(({ index }) => maps.trainImage(index)), page.data.image_shape);
      const labels = page.array("train_labels");
      read.hidden = near.length === 0;
      if (near.length) {
        const classes = labels ? near.map(({ index }) => shell.className(page, labels.data[index])).join(" ") : "–";
        shell.say(read, "w20.near", { labels: classes, distance: near[0].distance });
      }
      const vote = (found) => (found ? shell.className(page, found.label) + " · " + shell.number(100 * found.share, 0) + "%" : "–");
      facts.set({
        "w20.knn": vote(at.neighbours), "w20.linear": vote(at.logistic), "w20.steep": shell.number(at.sensitivity, 2),
        "w20.near_error": shell.number(at.error, 1), "w20.density": shell.number(at.count), "w20.right": maps.scores(),
      });
      const label = at.neighbours ? shell.className(page, at.neighbours.label) : "–";
      parts.tell("w20.told", { z: shell.vector(z), label, share: at.neighbours ? 100 * at.neighbours.share : NaN, steep: at.sensitivity, count: at.count });
      parts.refresh();
    }

    function update(state, changed) {
      const { latent } = page.description(state.model);
      const there = latent === 2 && page.computes(state.model) && codes() !== null;
      absent.hidden = there;
      body.hidden = !there;
      if (!there) return;
      if (changed.has("mount") || changed.has("model")) maps.measure();
      const model = shell.currentModel();
      shell.paint(image, model.mean(model.decode(state.z)), page.data.image_shape);
      if (["mount", "model", "lang", "w20.map"].some((name) => changed.has(name))) plane.drawLater();
      else plane.drawMoving();
      tell();
    }
    return { update };
  }

  /** The sign of every class at the code of it that lies nearest to the middle of its codes: colour is never alone. */
  function signs(page, shell, codes, options) {
    return shell.layers.layer(({ group, X, Y }) => {
      const labels = page.array("images_labels");
      if (!codes() || !labels) return;
      const rows = Array.from({ length: Math.min(codes().shape[0], labels.shape[0]) }, (_, i) => shell.row(codes(), i));
      for (const label of new Set(labels.data)) {
        const own = rows.filter((_, i) => labels.data[i] === label);
        const middle = [0, 1].map((l) => Float64Array.from(own, (z) => z[l]).sort()[Math.floor(own.length / 2)]);
        const far = (z) => Math.hypot(z[0] - middle[0], z[1] - middle[1]);
        const at = own.reduce((best, z) => (far(z) < far(best) ? z : best));
        group.append(shell.s("text", { class: "contour-label", x: X(at[0]), y: Y(at[1]), "text-anchor": "middle", dy: "0.35em" }, shell.glyph(page, label)));
      }
    }, options);
  }

  const unit = (array) => (array.data instanceof Float32Array ? array.data : Float32Array.from(array.data, (level) => level / 255));

  /** The maps of the model of now; what a worker has to find comes later, and `ready` is called then. */
  function mapsOf(page, shell, ready) {
    const given = V.widgets.latentMaps(page, shell, () => ready());
    const train = page.array("train_images");
    let kept = {};
    const codes = () => page.array(shell.state.get().model + "/codes");
    const labels = () => page.array("images_labels");
    const self = { get, at, measure, scores, measured, train: () => kept.train || null, trainImage: (i) => shell.row({ data: kept.pixels, shape: train.shape }, i) };

    function measure() {
      given.forget();
      kept = { model: shell.state.get().model };
      const own = kept;
      given.jacobian();
      const worker = shell.worker(living);
      own.pixels = train ? unit(train) : new Float32Array(0);
      const images = page.array("images") ? unit(page.array("images")) : new Float32Array(0);
      const count = labels() ? Math.min(codes().shape[0], labels().shape[0]) : 0;
      const known = { codes: Float64Array.from(codes().data), labels: count ? Array.from(labels().data).slice(0, count) : [] };
      worker.ask({ plain: page.plain(own.model), images, train: own.pixels, ...known }).then((found) => {
        worker.stop();
        Object.assign(own, { errors: found.errors, fit: found.all, half: found.half });
        if (train && found.codes) own.train = { data: found.codes, shape: [train.shape[0], 2] };
        if (kept === own) ready();
      });
    }

    function measured() {
      return kept.errors && given.jacobian() ? kept.model : "";
    }

    const rows = () => Array.from({ length: Math.min(codes().shape[0], labels().shape[0]) }, (_, i) => Array.from(shell.row(codes(), i)));

    function get(name) {
      if (name === "neighbours") return given.classes();
      if (name === "sensitivity") return given.jacobian();
      if (name === "error") return errorMap();
      const like = given.classes();
      if (!kept.fit || !like) return null;
      kept.regions = kept.regions || Array.from({ length: CELLS * CELLS }, (_, i) => guess(kept.fit, middle(like, i)));
      return { ...like, values: kept.regions };
    }

    function middle({ columns, rows: lines, low, high }, i) {
      const share = [((i % columns) + 0.5) / columns, (Math.floor(i / columns) + 0.5) / lines];
      return share.map((one, l) => low[l] + one * (high[l] - low[l]));
    }

    /** The mean of -log p(x given mu) over the images whose codes lie in a cell. */
    function errorMap() {
      if (!kept.errors || !given.classes()) return null;
      if (!kept.error) {
        const { low, high } = given.classes();
        const sums = new Float64Array(ERROR_CELLS ** 2);
        const counts = new Float64Array(ERROR_CELLS ** 2);
        kept.errors.forEach((error, i) => {
          const at = Array.from(shell.row(codes(), i), (one, l) => Math.min(ERROR_CELLS - 1, Math.max(0, Math.floor(((one - low[l]) / (high[l] - low[l])) * ERROR_CELLS))));
          sums[at[1] * ERROR_CELLS + at[0]] += error;
          counts[at[1] * ERROR_CELLS + at[0]] += 1;
        });
        const values = sums.map((one, i) => one / counts[i]);
        const [least, most] = shell.extent([values]);
        kept.error = { values, columns: ERROR_CELLS, rows: ERROR_CELLS, low, high, least, most };
      }
      const { least, most } = kept.error;
      const ink = shell.dark() ? [255, 179, 122] : [176, 58, 0];
      return { ...kept.error, colour: (value) => (Number.isNaN(value) ? [0, 0, 0, 0] : [...ink, 25 + Math.round((215 * (value - least)) / (most - least || 1))]) };
    }

    /** Everything at one point. */
    function at(z) {
      const own = codes();
      const near = shell.nearestCodes(own, z, K).filter(({ index }) => kept.errors && index < kept.errors.length);
      const within = Array.from({ length: own.shape[0] }, (_, i) => shell.row(own, i)).filter((one) => Math.hypot(one[0] - z[0], one[1] - z[1]) < 0.25).length;
      return {
        neighbours: shell.vote(own, labels(), z, K), logistic: kept.fit ? guess(kept.fit, z) : null, count: within,
        sensitivity: V.engine.sensitivity(shell.currentModel(), Float64Array.from(z))[0],
        error: near.length ? V.engine.sum(near.map(({ index }) => kept.errors[index])) / near.length : NaN,
      };
    }

    /** How many images both maps put into their class, fitted to every other image and asked of the rest. */
    function scores() {
      if (!kept.half) return "–";
      if (!kept.scores) {
        const [all, names] = [rows(), Array.from(labels().data)];
        const even = (list, rest) => list.filter((_, i) => i % 2 === rest);
        const [known, asked] = [even(all, 0), even(all, 1)];
        const store = { data: Float64Array.from(known.flat()), shape: [known.length, 2] };
        const tags = { data: even(names, 0) };
        const right = (say) => (100 * asked.filter((z, i) => say(z).label === even(names, 1)[i]).length) / asked.length;
        kept.scores = [right((z) => shell.vote(store, tags, z, K)), right((z) => guess(kept.half, z))];
      }
      return kept.scores.map((one) => shell.number(one, 1) + "%").join(" / ");
    }

    self.borders = () => {
      const [classes, steep] = [given.classes(), given.jacobian()];
      if (!classes || !steep) return null;
      const sure = steep.values.map((_, i) => {
        const z = middle(steep, i);
        return { z, share: Math.hypot(...z) < 2 ? shell.vote(codes(), labels(), z, K).share : NaN };
      });
      const mean = (keep) => {
        const chosen = Array.from(steep.values).filter((_, i) => keep(sure[i].share));
        return V.engine.sum(chosen) / chosen.length;
      };
      return { inside: mean((share) => share > 0.9), border: mean((share) => share < 0.6) };
    };
    return self;
  }

  /** Are borders between classes steeper than their inside? */
  function prediction(maps) {
    const measured = () => maps.borders() || { inside: NaN, border: NaN };
    return {
      question: "w20.predict", answers: ["w20.predict.border", "w20.predict.inside"],
      right: () => (measured().border > measured().inside ? 0 : measured().border <= measured().inside ? 1 : -1),
      reveal: () => ["w20.predict.reveal", measured()],
    };
  }

  function table(shell, maps) {
    const map = maps.get(shell.state.get()["w20.map"]) || { values: [], columns: 1, low: [0, 0], high: [0, 0], rows: 1 };
    const place = (i, l) => map.low[l] + (((l ? Math.floor(i / map.columns) : i % map.columns) + 0.5) / (l ? map.rows : map.columns)) * (map.high[l] - map.low[l]);
    const rows = Array.from(map.values, (value, i) => [place(i, 0), place(i, 1), ...(value && value.share !== undefined ? [value.label, value.share] : [value, ""])]);
    return { columns: ["z1", "z2", "value_or_class", "share"], rows };
  }

  function mapCode(shell) {
    const { z } = shell.state.get();
    const { description } = shell.currentModel();
    const lines = shell.networkLines(description.decoder, "z", "o");
    const inside = lines ? [...lines, shell.meanLine(description.likelihood), "return x"] : ["return vitral_model.decode(z)"];
    return ["import numpy as np", `z = np.array(${shell.pythonList(z)})`,
      `w = np.load("${description.name}.npz")`, 'codes, labels = w["codes"], w["labels"]',
      `near = labels[np.argsort(((codes - z) ** 2).sum(1))[:${K}]]`, "label = np.bincount(near).argmax()", "share = (near == label).mean()",
      ...(lines ? [] : ["import vitral", `vitral_model = vitral.load("${description.name}.safetensors")`]),
      "def image(z):", ...inside.map((line) => "    " + line), "h = 1e-4",
      "J = np.stack([(image(z + h * e) - image(z - h * e)) / (2 * h) for e in np.eye(2)], -1)", "s = np.sqrt(np.linalg.det(J.T @ J))"].join("\n");
  }

  V.widgets.add({ id: "w20", title: "w20.title", section: "latent-space", needs, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
