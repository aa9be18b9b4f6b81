// W8, one training step under the microscope: forward, the loss, backward and the step itself, one stage at a time.
(function (V) {
  "use strict";
  const { canStep, keptStep, shapeFor, weightPicture, paintSigned, STRIP } = V.widgets.stepParts;
  const { stages, pairs, shortNames } = V.widgets.stepStages;
  const SECONDS = 1.4; // a stage, while playing

  function mount(root, page, shell) {
    shell.state.declare({ "w08.stage": 0, "w08.rate": -5 });
    const step = keptStep(page, shell);
    const list = () => stages(step().of.model);
    const at = () => Math.min(list().length - 1, Math.max(0, Math.round(shell.state.get()["w08.stage"])));
    const go = (index) => shell.state.set({ "w08.stage": Math.min(list().length - 1, Math.max(0, index)) });
    const after = keptApplied(shell, step);
    const parts = shell.frame(root, {
      name: "training-step", predict: prediction(after),
      exports: { csv: () => arraysTable(step()), png: () => detail.picture(), json: () => situation(shell, step(), after()), npz: () => weightsOf(step()) },
    });
    const player = shell.player({ start: () => playing(shell, at, go, () => list().length) });
    const slider = shell.slider({ label: "w08.stage", min: 1, get max() { return list().length; }, step: 1, digits: 0, get: () => at() + 1, set: (n) => go(Math.round(n) - 1) });
    const detail = detailOf(page, shell);
    const steps = slider.querySelector("input[type=range]");
    const columns = V.widgets.stepColumns(page, shell, go);
    const rate = shell.slider({ label: "w08.rate", min: -8, max: -1, step: 0.1, digits: 1, name: "w08.rate" });
    const applied = appliedOf(page, shell);
    const desk = shell.h("div", { class: "microscope", tabindex: "0", role: "group", "aria-label": { t: "w08.keys" } },
      shell.h("div", { class: "row" }, shell.button("w08.back", () => go(at() - 1)), shell.button("w08.forward", () => go(at() + 1)), player,
        shell.button("w08.apply", () => go(list().length - 1)), shell.button("w08.noise", () => shell.state.set({ seed: shell.state.get().seed + 1 }))),
      slider, detail.element, applied.element, rate);
    V.widgets.stepKeys(desk, at, go);
    parts.look.append(shell.h("div", { class: "beside" }, desk,
      shell.h("div", {}, shell.h("p", { class: "aside-label", t: "w08.columns" }), columns.element)));
    const table = shell.h("div", {});
    const fillTable = () => table.replaceChildren(shell.dataTable(statistics(shell, step(), list()[at()])));
    shell.redraws(table, fillTable);
    const listing = V.widgets.stepListing(shell, () => list());
    parts.numbers.append(table);
    parts.code.append(listing.element);

    function update() {
      const [now, index, all] = [step(), at(), list()];
      const stage = all[index];
      const last = stage.key === "apply";
      if (index === all.length - 1) player.stop();
      steps.max = all.length;
      slider.refresh();
      detail.show(now, stage, index, all.length);
      for (const one of [applied.element, rate]) one.hidden = !last;
      if (last) applied.show(now, after());
      columns.show(now, all, index);
      fillTable();
      listing.mark(index);
      tell(parts, shell, now, stage, index, all.length, after);
    }
    return { update };
  }

  function playing(shell, at, go, count) {
    const from = at() >= count() - 1 ? 0 : at();
    return shell.animate((seconds) => {
      const index = from + Math.floor(seconds / SECONDS);
      if (index !== at()) go(index);
      return index < count() - 1;
    });
  }

  /** The step against the gradient, w - rate g: old and new loss, and what the gradient alone foretells, g . dw. */
  function keptApplied(shell, step) {
    let kept = { key: "", value: null };
    return () => {
      const now = step();
      const rate = 10 ** shell.state.get()["w08.rate"];
      const key = now.of.key + "," + rate;
      if (kept.key !== key) kept = { key, value: applied(now, rate) };
      return kept.value;
    };
  }

  function applied({ of: { model, x, eps, beta }, gradients, loss }, rate) {
    const moved = model.copy();
    let square = 0;
    for (const [name, { data }] of Object.entries(moved.parameters)) {
      gradients[name].forEach((g, i) => {
        data[i] -= rate * g;
        square += g * g;
      });
    }
    const run = V.engine.forward(moved, x, eps, beta);
    return { rate, old: loss, new: run.loss, change: run.loss - loss, predicted: -rate * square, mean: run.arrays.mean };
  }

  /** What a stage has to show: [{name, values, kind: "grey", "signed" or "weights", tensor}]. */
  function arraysOf({ arrays, slopes, gradients, of }, stage) {
    const names = shortNames(of.model);
    const kind = (name) => (name === "x" || name === "mean" ? "grey" : "signed");
    const shows = (stage.shows || []).map((name) => ({ name: names[name] || name, values: arrays[name], kind: kind(name) }));
    const moved = (stage.slopes || []).map((name) => ({ name: "d_" + (names[name] || name), values: slopes[name], kind: "signed" }));
    const tensors = (stage.tensors || []).map((name) => ({
      name: "d " + name.replace(of.name + "/", ""), values: gradients[name], tensor: of.model.parameters[name].shape,
      kind: of.model.parameters[name].shape.length === 2 ? "weights" : "signed",
    }));
    return [...shows, ...moved, ...tensors].filter((one) => one.values);
  }

  /** The picture of one array, or its numbers where it is short. */
  function figureOf(page, shell, one, told) {
    const size = one.tensor ? one.tensor.join(" × ") : String(one.values.length);
    const caption = shell.h("figcaption", {}, one.name + " (" + size + ")");
    if (one.values.length <= STRIP) return shell.h("figure", { class: "captioned" }, shell.h("p", { class: "vector" }, shell.vector(one.values, 4)), caption);
    const canvas = shell.picture({ t: "w08.picture", values: { name: one.name } }, "large");
    const picture = one.kind === "weights" ? weightPicture(page, one.tensor, one.values) : null;
    const shape = one.kind === "grey" ? shapeFor(page, one.values.length) : paintSigned(page, shell, canvas, one.values, picture);
    if (one.kind === "grey") shell.paint(canvas, one.values, shape);
    shell.readable(canvas, shape, ({ row, column, index, value }) => {
      if (!picture || picture.places[index] >= 0) told({ name: one.name, row, column, value });
    });
    return shell.h("figure", { class: "captioned" }, canvas, caption);
  }

  /** The stage of now: what happens, its equation and line, its arrays. */
  function detailOf(page, shell) {
    const title = shell.h("p", { class: "stage-title" });
    const text = shell.h("p", {});
    const equation = shell.h("div", { class: "equation", tabindex: "0" });
    const line = shell.h("code", {});
    const figures = shell.h("div", { class: "row stage-figures" });
    const readout = shell.h("p", { class: "readout" });
    const forces = shell.h("div", {});
    let shown = null;
    const fillForces = () => shown && forces.replaceChildren(...(shown.stage.forces ? [shell.dataTable(forcesTable(shell, shown.now))] : []));
    shell.redraws(forces, fillForces);
    const element = shell.h("div", { class: "stage" }, title, text, equation,
      shell.h("pre", { class: "at-code", tabindex: "0", role: "group", "aria-label": { t: "shell.code" } }, line), figures, forces, readout);

    function show(now, stage, index, count) {
      const direction = stage.key === "apply" ? "w08.direction.apply" : stage.slopes ? "w08.direction.back" : "w08.direction.forward";
      shell.say(title, "w08.stage.title", () => ({ n: index + 1, count, direction: shell.t(direction) }));
      shell.say(text, "w08.stage." + stage.key, stage.values || {});
      equation.replaceChildren(shell.equation(stage.equation, true));
      line.textContent = stage.line;
      shell.say(readout, "w08.read");
      const told = (values) => shell.say(readout, "w08.pixel", () => ({ ...values, value: shell.number(values.value) }));
      figures.replaceChildren(...arraysOf(now, stage).map((one) => figureOf(page, shell, one, told)));
      readout.hidden = !figures.querySelector("canvas");
      shown = { now, stage };
      fillForces();
    }

    return { element, show, picture: () => figures.querySelector("canvas") || root(shell) };
  }

  /** Where a stage has no picture, an export shows the image itself. */
  function root(shell) {
    return shell.paint(shell.h("canvas"), shell.currentImage(), shapeFor(shell.page, shell.currentImage().length));
  }

  /** d_mu and d_logvar as what reconstruction asks for plus what the KL asks for. */
  function forcesTable(shell, { slopes }) {
    const rows = ["mu", "logvar"].flatMap((name) => Array.from(slopes[name], (sum, l) => [
      "d_" + name + (l + 1), slopes[name + "_reconstruction"][l], slopes[name + "_kl"][l], sum]));
    return { columns: ["", ...["reconstruction", "kl", "sum"].map((key) => shell.t("w08.forces." + key))], rows };
  }

  /** The stage of the step itself: the decoded image before and after, and the losses. */
  function appliedOf(page, shell) {
    const names = ["w08.before", "w08.after", "w08.difference"];
    const pictures = names.map((key) => shell.picture({ t: key }, "middle"));
    const facts = shell.facts(["w08.old", "w08.new", "w08.change", "w08.predicted"]);
    const row = shell.h("div", { class: "row" }, pictures.map((one, i) => shell.h("figure", { class: "captioned" }, one, shell.h("figcaption", { t: names[i] }))));

    function show({ arrays: { mean } }, found) {
      const shape = shapeFor(page, mean.length);
      shell.paint(pictures[0], mean, shape);
      shell.paint(pictures[1], found.mean, shape);
      shell.paint(pictures[2], found.mean.map((one, d) => one - mean[d]), shape, { signed: true });
      facts.set({
        "w08.old": shell.number(found.old, 4), "w08.new": shell.number(found.new, 4),
        "w08.change": shell.number(found.change, 4, { signed: true }), "w08.predicted": shell.number(found.predicted, 4, { signed: true }),
      });
    }

    return { element: shell.h("div", {}, facts.element, row), show };
  }

  function statistics(shell, now, stage) {
    const columns = ["array", "size", "norm", "least", "greatest"].map((key) => shell.t("w08.column." + key));
    const rows = arraysOf(now, stage).map(({ name, values, tensor }) => [
      name, (tensor || [values.length]).join(" × "), Math.sqrt(V.engine.dot(values, values)),
      values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))]);
    return { columns, rows };
  }

  function tell(parts, shell, now, stage, index, count, after) {
    if (stage.key === "apply") return parts.tell("w08.told_apply", after());
    const [first] = arraysOf(now, stage);
    parts.tell("w08.told", {
      n: index + 1, count, name: first ? first.name : "", norm: shell.number(first ? Math.sqrt(V.engine.dot(first.values, first.values)) : NaN),
      recon: now.recon, kl: now.kl, loss: now.loss, model: now.of.name,
    });
  }

  /** Does the loss fall by what the gradient foretells? */
  function prediction(after) {
    const right = () => {
      const { change, predicted } = after();
      const share = change / predicted;
      return share > 1.05 ? 0 : share >= 0.95 ? 1 : 2;
    };
    return {
      question: "w08.predict", answers: ["w08.predict.more", "w08.predict.equal", "w08.predict.less"], right,
      reveal: () => ["w08.predict.reveal", { ...after() }],
    };
  }

  function arraysTable({ arrays, slopes, of }) {
    const names = shortNames(of.model);
    const rows = pairs(of.model).flatMap((name) => Array.from(arrays[name] || [], (value, i) => [names[name] || name, i, value, slopes[name] ? slopes[name][i] : ""]));
    return { columns: ["array", "place", "value", "derivative of the loss"], rows };
  }

  function situation(shell, { arrays, slopes, loss, recon, kl, of }, found) {
    const { image, seed } = shell.state.get();
    const { mean, ...step } = found;
    return { model: of.name, image, seed, beta: of.beta, variance: of.model.likelihood.variance(), loss, reconstruction: recon, kl, arrays, slopes, step };
  }

  /** Weights by their names, and their gradients by "gradient " and their names. */
  function weightsOf({ gradients, of: { model } }) {
    const both = Object.entries(model.parameters).flatMap(([name, one]) => [
      [name, one], ["gradient " + name, { data: gradients[name], shape: one.shape }]]);
    return Object.fromEntries(both);
  }

  V.widgets.add({ id: "w08", title: "w08.title", section: "learning", needs: canStep, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
