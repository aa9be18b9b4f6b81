// W1, the whole machine: an image, the encoder, mu and sigma, z, the decoder, an image; every box opens to its arrays.
(function (V) {
  "use strict";
  const { passOf, boxesOf, valuesOf, paintArray, row } = V.widgets.machine;
  const { weightPicture } = V.widgets.stepParts;
  const SECONDS = 1.2; // a box, while playing
  const SHORT = 6; // arrays up to this length are written in the open box
  const AT_Z = ["posterior", "eps", "z"]; // boxes that open to the plane

  const needs = (page) => (page.computes() ? true : "w01.needs_model");

  function mount(root, page, shell) {
    shell.state.declare({ "w01.box": "z" });
    const open = (id) => shell.state.set({ "w01.box": id });
    const now = () => {
      const pass = passOf(shell);
      const boxes = boxesOf(page, pass);
      return { pass, boxes, box: boxes.find((one) => one.id === shell.state.get()["w01.box"]) || boxes.find((one) => one.id === "z") };
    };
    const parts = shell.frame(root, {
      name: "machine", predict: prediction(page, shell),
      equations: ["x → h → (μ, \"log\" σ^2)", "z = μ + σ ε, ε ∼ N(0, I)", "z → o → \\hat{x}"],
      code: () => codeOf(shell, now()),
      exports: { csv: () => table(now()), png: () => detail.picture(), json: () => situation(shell, now()), npz: () => shell.currentModel().parameters },
    });
    const boxes = row(page, shell, open);
    const detail = detailOf(page, shell);
    const player = shell.player({ play: "w01.play", start: () => playing(shell, now, open) });
    parts.look.append(boxes.element, shell.h("div", { class: "row" }, player, shell.button("w01.draw", () => shell.actions.resample())), detail.element);
    const sizes = shell.h("div", {});
    parts.numbers.append(sizes);

    function update(state, changed) {
      const found = now();
      boxes.show(found.pass, found.boxes, found.box.id);
      detail.show(found, ["mount", "model", "lang", "theme"].some((name) => changed.has(name)));
      if (["mount", "model", "lang", "drawn"].some((name) => changed.has(name))) sizes.replaceChildren(shell.dataTable(sizesTable(shell, found)));
      tell(parts, page, shell, found);
      parts.refresh();
    }
    return { update };
  }

  function playing(shell, now, open) {
    const { boxes } = now();
    return shell.animate((seconds) => {
      const { id } = boxes[Math.min(boxes.length - 1, Math.floor(seconds / SECONDS))];
      if (id !== shell.state.get()["w01.box"]) open(id);
    });
  }

  /** Names of the tensors of an operation, those inside of it included; a variance that was learned belongs to the mean. */
  const tensorsOf = (box) => [...(box.op ? V.engine.tensorNames([box.op]) : []), ...(box.raw ? [box.raw] : [])];

  /** The open box: its arrays, the weights that made it, its equation and line, and where it is a code, the plane. */
  function detailOf(page, shell) {
    const title = shell.h("h4", {});
    const says = shell.h("p", {});
    const equation = shell.h("div", { class: "equation formula", tabindex: "0" });
    const line = shell.h("p", { class: "at-code" }, shell.h("code", {}));
    const figures = shell.h("div", { class: "row stage-figures" });
    const readout = shell.h("p", { class: "readout" });
    const plane = page.description().latent > 1 ? planeOf(page, shell) : null;
    const decoded = shell.picture({ t: "w01.decoded" }, "large");
    const still = shell.h("figure", { class: "captioned" }, decoded, shell.h("figcaption", { t: "w01.decoded" }));
    const side = shell.h("div", {}, title, says, equation, line, figures, readout, still);
    const beside = shell.h("div", {}, plane ? plane.element : []);
    const element = shell.h("div", { class: "beside machine-open", role: "region", "aria-label": { t: "w01.open" } }, side, beside);
    let key = "";
    let shown = [];

    function show({ pass, box }, anew) {
      const codes = AT_Z.includes(box.id);
      beside.hidden = !plane || !codes;
      element.classList.toggle("beside", !beside.hidden);
      if (!beside.hidden && (anew || !key.endsWith("," + box.id))) plane.drawLater();
      else if (!beside.hidden) plane.drawMoving();
      still.hidden = !codes || !page.data.image_shape;
      if (!still.hidden) shell.paint(decoded, pass.arrays.mean, page.data.image_shape);
      const nowKey = [pass.model.name, box.id].join();
      if (anew || nowKey !== key) describe(pass, box);
      key = nowKey;
      valuesOf(pass, box).forEach(([, values], i) => shown[i].show(values));
    }

    function describe(pass, box) {
      const { model } = pass;
      const by = box.by ? shell.t("w01.by." + (shell.hasText("w01.by." + box.by) ? box.by : "other")) : "";
      title.textContent = `${box.name} · ${box.shape.join(" × ")}${by ? " · " + by : ""}`;
      const kind = box.id.includes(".") ? (tensorsOf(box).length ? "layer" : "each") : box.id;
      const parameters = tensorsOf(box).reduce((sum, name) => sum + model.parameters[name].data.length, 0);
      shell.say(says, "w01.says." + kind, { parameters, n: box.shape.reduce((a, b) => a * b, 1), latent: model.latent });
      shown = valuesOf(pass, box).map(([name, values]) => figureOf(page, shell, { name, values, box }, read));
      const weights = tensorsOf(box).map((name) => tensorFigure(page, shell, model, name, read));
      figures.replaceChildren(...shown.map((one) => one.element), ...weights);
      readout.hidden = !figures.querySelector("canvas");
      shell.say(readout, "w01.read");
      equation.hidden = line.hidden = !box.stage;
      if (!box.stage) return;
      equation.replaceChildren(shell.equation(box.stage.equation, true));
      line.firstChild.textContent = box.stage.line;
    }

    const read = (values) => shell.say(readout, "w01.pixel", () => ({ ...values, value: shell.number(values.value) }));
    return { element, show, picture: () => figures.querySelector("canvas") || shell.paint(decoded, passOf(shell).arrays.mean, page.data.image_shape || [1, page.data.features]) };
  }

  const captioned = (shell, inner, caption) => shell.h("figure", { class: "captioned" }, inner, shell.h("figcaption", {}, caption));

  /** A picture of one array, or its numbers where it is short: {element, show(values)}. */
  function figureOf(page, shell, { name, values, box }, read) {
    const caption = `${name} (${box.shape.join(" × ")})`;
    if (values.length <= SHORT) {
      const text = shell.h("p", { class: "vector" });
      return { element: captioned(shell, text, caption), show: (now) => { text.textContent = shell.vector(now, 4); } };
    }
    const canvas = shell.picture({ t: "w01.picture", values: { name } }, "large");
    const shape = paintArray(page, shell, canvas, box, values, false);
    shell.readable(canvas, shape, ({ row: line, column, value }) => read({ name, row: line, column, value }));
    return { element: captioned(shell, canvas, caption), show: (now) => paintArray(page, shell, canvas, box, now, false) };
  }

  /** A tensor: the weights of the loudest units as images, or the matrix itself, or a few numbers. */
  function tensorFigure(page, shell, model, name, read) {
    const { data, shape } = model.parameters[name];
    const short = name.replace(model.name + "/", "");
    const caption = `${short} (${shape.join(" × ")})`;
    if (data.length <= SHORT) return captioned(shell, shell.h("p", { class: "vector" }, shell.vector(data, 3)), caption);
    const canvas = shell.picture({ t: "w01.picture", values: { name: short } }, "large");
    const picture = shape.length === 2 ? weightPicture(page, shape, data) : null;
    const size = V.widgets.stepParts.paintSigned(page, shell, canvas, data, picture);
    shell.readable(canvas, size, ({ row: line, column, value }) => read({ name: short, row: line, column, value }));
    return captioned(shell, canvas, picture && picture.units ? shell.t("w01.units", { name: caption, n: picture.units.length }) : caption);
  }

  /** Codes of the images, the prior and the ellipse of the image of now; its cursor is the shared z. */
  function planeOf(page, shell) {
    const codes = () => page.array(shell.state.get().model + "/codes");
    const points = shell.layers.layer((surface) => {
      if (codes()) shell.layers.points({ codes: codes(), labels: page.array("images_labels"), page }).paint(surface);
    });
    const ellipse = () => {
      const { mu, logvar } = shell.currentCode();
      return logvar && { mu, sigma: Array.from(logvar, (one) => Math.exp(0.5 * one)) };
    };
    return shell.plane({
      label: "w01.plane", span: shell.reach(page.array(page.main + "/codes")),
      layers: [points, shell.layers.contours(), shell.layers.ellipse({ get: ellipse })],
    });
  }

  const countOf = ({ shape }) => shape.reduce((a, b) => a * b, 1);

  function tell(parts, page, shell, { pass, boxes, box }) {
    const { image } = shell.state.get();
    const label = shell.currentLabel();
    const widths = boxes.filter((one) => one.id !== "eps").map((one) => (one.id === "posterior" ? `2 × ${shell.number(countOf(one))}` : shell.number(countOf(one))));
    const values = valuesOf(pass, box).flatMap(([, list]) => Array.from(list));
    const said = {
      way: widths.filter((one, i) => i === 0 || one !== widths[i - 1]).join(" → "), name: box.name, z: shell.vector(pass.arrays.z),
      low: values.reduce((a, b) => Math.min(a, b)), high: values.reduce((a, b) => Math.max(a, b)), zeros: values.filter((one) => one === 0).length, n: values.length,
    };
    if (!pass.arrays.x) return parts.tell("w01.told_z", said);
    const recon = -pass.model.logProb(pass.arrays.x, pass.arrays.o)[0];
    parts.tell("w01.told", { ...said, image: image < 0 ? "–" : image, label: label === null ? "–" : shell.className(page, label), recon });
  }

  /** Every array with its operation and how many parameters that has. */
  function sizesTable(shell, { pass, boxes }) {
    const columns = ["name", "shape", "by", "parameters", "least", "greatest"].map((key) => shell.t("w01.column." + key));
    const rows = boxes.map((box) => {
      const values = valuesOf(pass, box).flatMap(([, list]) => Array.from(list));
      return [box.name, box.shape.join(" × "), box.by ? shell.t("w01.by." + (shell.hasText("w01.by." + box.by) ? box.by : "other")) : "",
        tensorsOf(box).reduce((sum, name) => sum + pass.model.parameters[name].data.length, 0),
        values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
    });
    return { columns, rows };
  }

  /** The same image sent twice: is the decoded image the same? */
  function prediction(page, shell) {
    if (!page.count || !page.computes(page.main, true)) return null;
    const twice = () => {
      const model = page.model();
      const { mu, logvar } = model.encode(page.image(0));
      const image = (k) => model.mean(model.decode(model.reparameterise(mu, logvar, V.engine.noise(1, "explorer eps", 1000 + k, model.latent))));
      const [a, b] = [image(0), image(1)];
      return { difference: V.engine.sum(V.engine.map(a, (one, i) => Math.abs(one - b[i]))) / a.length, most: a.reduce((most, one, i) => Math.max(most, Math.abs(one - b[i])), 0) };
    };
    const random = () => page.model().hasDensity;
    return {
      question: "w01.predict", answers: ["w01.predict.same", "w01.predict.other"], right: () => (random() ? 1 : 0),
      reveal: () => [random() ? "w01.predict.reveal" : "w01.predict.reveal_point", twice()],
    };
  }

  /** The lines of the whole way, on the file of weights that the page hands out. */
  function codeOf(shell, { pass, boxes }) {
    const { model, arrays } = pass;
    const { description } = model;
    const lines = boxes.map(({ stage }) => stage && stage.line).filter((one) => one && !one.startsWith("#"));
    if (!arrays.x || lines.some((one) => one.startsWith("...") || one.includes("...  #"))) return shell.decoderCode(description, arrays.z);
    const eps = arrays.eps ? [`eps = np.array(${shell.pythonList(arrays.eps)})`] : [];
    return ["import numpy as np", `w = np.load("${model.name}.npz")`, "x = w[\"image\"]", ...eps, ...lines].join("\n");
  }

  function table({ pass, boxes }) {
    const rows = boxes.flatMap((box) => valuesOf(pass, box).flatMap(([name, values]) => Array.from(values, (value, i) => [name, box.shape.join("x"), i, value])));
    return { columns: ["array", "shape", "place", "value"], rows };
  }

  function situation(shell, { pass, boxes, box }) {
    const { image, seed } = shell.state.get();
    return { model: pass.model.name, image, seed, open: box.id, boxes: boxes.map(({ id, name, by, shape }) => ({ id, name, by, shape })), arrays: pass.arrays };
  }

  V.widgets.add({ id: "w01", title: "w01.title", section: "machine", needs, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
