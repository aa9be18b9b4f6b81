// W10, nudge a weight: the loss along one weight from real evaluations, the tangent of the gradient, and the step h of a check.
(function (V) {
  "use strict";
  const { canStep, keptStep, shapeFor, weightPicture, paintSigned, tensorsOf } = V.widgets.stepParts;
  const { nudges, relativeError, EXPONENTS, CURVE } = V.widgets.gradientCheck;

  function mount(root, page, shell) {
    shell.state.declare({ "w10.tensor": "", "w10.entry": -1, "w10.h": -4, "w10.reach": 0, "w10.round": 0 });
    const step = keptStep(page, shell);
    const chosen = () => weightOf(shell, step());
    const along = nudges(page, shell, () => step().of, () => {
      charts.forEach((one) => one.update());
      show();
    });
    const parts = shell.frame(root, {
      name: "gradient-check", predict: prediction(step, chosen),
      equations: ["\\frac{∂L}{∂w} ≈ \\frac{L(w + h) - L(w - h)}{2 h}", "\"error\" = \\frac{|a - n|}{\"max\"(|a|, |n|, 10^{-6} ||g||)}"],
      code: () => V.widgets.gradientCheckCode(step(), chosen(), shell.state.get()["w10.h"]),
      exports: {
        csv: () => check.table(), png: () => curve.svg(), svg: () => curve.svg(), json: () => situation(shell, step(), chosen(), along.found),
        npz: () => step().of.model.parameters,
      },
    });
    const curve = shell.chart(() => curveOf(shell, chosen(), along.found));
    const errors = shell.chart(() => errorsOf(shell, chosen(), along.found));
    const charts = [curve, errors];
    const picker = pickerOf(page, shell, step, chosen);
    const check = V.widgets.checkTable(page, shell, step);
    const title = (key) => shell.h("p", { class: "aside-label", t: key });
    const facts = shell.facts(["w10.weight", "w10.analytic", "w10.numeric", "w10.error", "w10.loss"]);
    parts.look.append(picker.element,
      shell.h("div", { class: "beside even" },
        shell.h("div", {}, title("w10.curve"), curve.element,
          shell.slider({ label: "w10.reach", min: -4, max: 1, step: 0.25, digits: 2, name: "w10.reach" })),
        shell.h("div", {}, title("w10.errors"), errors.element,
          shell.slider({ label: "w10.h", min: EXPONENTS[0], max: EXPONENTS[EXPONENTS.length - 1], step: 0.25, digits: 2, name: "w10.h" }))),
      facts.element, title("w10.check"), check.element);
    parts.numbers.append(check.details);

    function show() {
      const weight = chosen();
      const at = numericAt(shell, along.found);
      const values = {
        name: weight.label, w: shell.number(weight.value), h: shell.small(10 ** shell.state.get()["w10.h"], 2),
        analytic: shell.number(weight.analytic), numeric: shell.number(at), error: shell.small(relativeError(weight.analytic, at, weight.norm), 2),
      };
      parts.tell("w10.told", values);
      facts.set({
        "w10.weight": values.name + " = " + values.w, "w10.analytic": values.analytic, "w10.numeric": values.numeric,
        "w10.error": Number.isNaN(at) ? shell.number(NaN) : values.error, "w10.loss": shell.number(step().loss, 4),
      });
      parts.refresh();
    }

    let seen = false;
    shell.onceSeen(root, () => {
      seen = true;
      update(shell.state.get());
    });

    function update(state) {
      if (!seen) return;
      const weight = chosen();
      picker.show(step(), weight);
      along.ask(weight, 10 ** state["w10.reach"]);
      check.ask();
      charts.forEach((one) => one.update());
      show();
    }
    return { update };
  }

  /** The weight of now: {name, entry, value, analytic, label, norm of its tensor's gradient}. */
  function weightOf(shell, { of, gradients }) {
    const { "w10.tensor": asked, "w10.entry": place } = shell.state.get();
    const tensors = tensorsOf(of);
    const { name, short, shape } = tensors.find((one) => one.short === asked) || tensors[0];
    const gradient = gradients[name];
    const entry = place >= 0 && place < gradient.length ? Math.round(place) : largest(gradient);
    const where = shape.length === 2 ? [Math.floor(entry / shape[1]), entry % shape[1]] : [entry];
    return {
      name, short, shape, entry, value: of.model.parameters[name].data[entry], analytic: gradient[entry], gradient,
      label: short + "[" + where.join(", ") + "]", norm: Math.sqrt(V.engine.dot(gradient, gradient)),
    };
  }

  function largest(gradient) {
    return gradient.reduce((best, one, i) => (Math.abs(one) > Math.abs(gradient[best]) ? i : best), 0);
  }

  /** Which tensor, and which of its numbers: a list, a picture to tap, a field, and the loudest or any of them. */
  function pickerOf(page, shell, step, chosen) {
    const choose = (entry) => shell.state.set({ "w10.entry": entry });
    const tensors = shell.select({
      label: "w10.tensor", options: () => tensorsOf(step().of).map(({ short, shape }) => [short, short + " (" + shape.join(" × ") + ")"]),
      get: () => chosen().short, set: (short) => shell.state.set({ "w10.tensor": short, "w10.entry": -1 }),
    });
    const place = shell.h("div", {});
    const most = () => chosen().gradient.length - 1;
    const field = shell.slider({ label: "w10.entry", min: 0, get max() { return most(); }, step: 1, digits: 0, get: () => chosen().entry, set: choose });
    const random = () => choose(Math.floor(V.engine.uniform(shell.state.get().seed, "nudge", chosen().entry, 1)[0] * (most() + 1)));
    const element = shell.h("div", { class: "beside" },
      shell.h("figure", { class: "captioned" }, place, shell.h("figcaption", { t: "w10.picture.caption" })),
      shell.h("div", {}, tensors, field, shell.h("div", { class: "row" }, shell.button("w10.largest", () => choose(-1)), shell.button("w10.random", random))));
    let shown = { key: "", picture: null, mark: null };

    function show({ of }, weight) {
      const key = [of.key, weight.name].join();
      if (shown.key !== key) shown = { key, ...made(page, shell, place, weight, chosen, choose) };
      shown.mark.show(Math.max(0, shown.picture.places.indexOf(weight.entry)), shown.picture.shape);
      tensors.refresh();
      field.querySelector("input[type=range]").max = most();
      field.refresh();
    }
    return { element, show };
  }

  /** A new picture of a gradient in its place, to be tapped or walked over by arrows. */
  function made(page, shell, place, weight, chosen, choose) {
    const canvas = shell.picture({ t: "w10.picture", values: { name: weight.short } }, "large");
    const picture = weight.shape.length === 2 ? weightPicture(page, weight.shape, weight.gradient) : {
      shape: shapeFor(page, weight.gradient.length), places: Int32Array.from(weight.gradient.keys()) };
    paintSigned(page, shell, canvas, weight.gradient, picture);
    canvas.tabIndex = 0;
    const pick = (index) => picture.places[index] >= 0 && choose(picture.places[index]);
    canvas.addEventListener("pointerdown", (event) => {
      const pixel = shell.pixelAt(canvas, event, picture.shape);
      if (pixel) pick(pixel.index);
    });
    canvas.addEventListener("keydown", (event) => {
      const [height, width] = picture.shape;
      const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -width, ArrowDown: width }[event.key];
      if (!by) return;
      event.preventDefault();
      let index = picture.places.indexOf(chosen().entry) + by;
      if (picture.places[index] < 0) index += by; // over the line between two images
      if (index >= 0 && index < height * width) pick(index);
    });
    const mark = V.widgets.pixelMark(shell, canvas);
    mark.element.classList.toggle("wide", canvas.classList.contains("strip"));
    place.replaceChildren(mark.element);
    return { picture, mark };
  }

  /** The difference quotient at the h of now; NaN while it is being computed. */
  function numericAt(shell, found) {
    const i = found ? EXPONENTS.indexOf(shell.state.get()["w10.h"]) : -1;
    return i < 0 ? NaN : found.numeric[i];
  }

  /** L(w) around the weight: evaluations, the tangent of the analytic gradient, and the secant of h. */
  function curveOf(shell, weight, found) {
    const axes = { label: shell.t("w10.curve"), x: { label: shell.t("w10.curve.x", { name: weight.label }) }, y: { label: shell.t("w10.curve.y") } };
    if (!found) return { ...axes, series: [{ name: "", x: [weight.value], y: [0] }] };
    const h = 10 ** shell.state.get()["w10.h"];
    const ends = [found.at[0], found.at[CURVE - 1]];
    const secant = numericAt(shell, found);
    const line = (slope) => ends.map((w) => found.middle + slope * (w - weight.value));
    const [low, high] = shell.extent([found.losses], 0.25);
    return {
      ...axes, y: { ...axes.y, min: low, max: high }, digits: 5, marks: h < ends[1] - weight.value ? [{ x: weight.value - h }, { x: weight.value + h }] : [],
      series: [
        { name: shell.t("w10.evaluations"), x: found.at, y: found.losses, dots: true, radius: 2.5, dash: "" },
        { name: shell.t("w10.tangent"), x: ends, y: line(weight.analytic), dash: "6 4" },
        ...(Number.isNaN(secant) ? [] : [{ name: shell.t("w10.secant"), x: ends, y: line(secant), dash: "2 3" }]),
      ],
    };
  }

  /** The relative error of the difference quotient for every h. */
  function errorsOf(shell, weight, found) {
    const axes = { label: shell.t("w10.errors"), x: { label: "h", log: true }, y: { label: shell.t("w10.errors.y"), log: true }, digits: undefined };
    if (!found) return { ...axes, series: [{ name: "", x: [1e-4], y: [1] }] };
    const x = EXPONENTS.map((one) => 10 ** one);
    const y = found.numeric.map((one) => Math.max(1e-16, relativeError(weight.analytic, one, weight.norm)));
    const powers = (list) => list.map((power) => 10 ** power);
    const names = Object.fromEntries([...Array(20).keys()].map((i) => [10 ** (i - 17), "10" + String(i - 17).replace(/./g, (c) => (c === "-" ? "\u207b" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]))]));
    return {
      ...axes, x: { ...axes.x, ticks: powers([-10, -7, -4, -1]), names }, y: { ...axes.y, ticks: powers([-15, -12, -9, -6, -3, 0]), names, min: 1e-16, max: Math.max(2, ...y) },
      series: [{ name: shell.t("w10.errors.y"), x, y, dots: true, radius: 2.5 }], marks: [{ x: 10 ** shell.state.get()["w10.h"] }],
    };
  }

  /** Does a smaller h always make the check better? */
  function prediction(step, chosen) {
    const found = () => {
      const [weight, { of }] = [chosen(), step()];
      const data = of.model.parameters[weight.name].data;
      const errorAt = (h) => {
        const [up, down] = [1, -1].map((side) => {
          data[weight.entry] = weight.value + side * h;
          return of.model.loss(of.x, of.eps, of.beta);
        });
        data[weight.entry] = weight.value;
        return relativeError(weight.analytic, (up - down) / (2 * h), weight.norm);
      };
      return { large: errorAt(1e-4), small: errorAt(1e-10) };
    };
    return {
      question: "w10.predict", answers: ["w10.predict.falls", "w10.predict.equal", "w10.predict.grows"],
      right: () => {
        const { large, small } = found();
        return small < large / 2 ? 0 : small > 2 * large ? 2 : 1;
      },
      reveal: () => {
        const { large, small } = found();
        return ["w10.predict.reveal", { large: V.shell.small(large, 2), small: V.shell.small(small, 2) }];
      },
    };
  }

  function situation(shell, { arrays, loss, of }, weight, found) {
    const { image, seed } = shell.state.get();
    const { x, eps } = arrays;
    const { name, entry, value, analytic } = weight;
    return { model: of.name, image, seed, beta: of.beta, variance: of.model.likelihood.variance(), arrays: { x, eps }, loss, weight: { name, entry, value, analytic },
      curve: found && { at: found.at, losses: found.losses }, h: EXPONENTS.map((one) => 10 ** one), numeric: found && found.numeric };
  }

  V.widgets.add({ id: "w10", title: "w10.title", section: "learning", needs: canStep, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
