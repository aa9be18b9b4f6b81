// One training in W18: its ridges, and what its decoder makes of two images, which tells a code that is used from one that is not.
(function (V) {
  "use strict";

  /** The first fixed image of another class than an image, or the next one. */
  function another(page, i) {
    const after = Array.from({ length: page.count }, (_, j) => (i + 1 + j) % page.count);
    const found = after.find((j) => page.label(j) !== page.label(i));
    return found === undefined ? (i + 1) % page.count : found;
  }

  function squared(a, b) {
    return a.reduce((sum, one, i) => sum + (one - b[i]) ** 2, 0);
  }

  /** Two images and their reconstructions by a model: {images, decoded, given, made}; null where it has no decoder or codes. */
  function pair(page, shell, one) {
    const codes = page.array(one.name + "/codes");
    if (!page.count || !codes || !page.computes(one.name) || !page.data.image_shape) return null;
    const first = Math.min(codes.shape[0] - 1, Math.max(0, shell.state.get().image));
    const model = page.model(one.name);
    const which = [first, another(page, first)];
    const images = which.map((i) => page.image(i));
    const decoded = which.map((i) => model.mean(model.decode(Float64Array.from(shell.row(codes, i)))));
    return { which, images, decoded, given: squared(...images), made: squared(...decoded) };
  }

  /** The panel of a training. `spec`: {most: () => nats, pick(name, epoch)}. Gives {element, update(state, changed,
   * whether it is the chosen one)}. */
  function panel(page, shell, one, spec) {
    const place = shell.h("div", { class: "ridge-place" });
    const heading = shell.h("button", { type: "button", class: "ridge-name", "aria-pressed": "false", t: one.words,
      on: { click: () => spec.pick(one.name) } });
    const read = shell.h("p", { class: "readout" });
    const pictures = shell.h("div", { class: "row pair" });
    const compared = shell.h("p", { class: "readout" });
    const element = shell.h("figure", { class: "ridge-panel" }, heading, place, read, pictures, compared);
    let width = 0;

    function draw() {
      width = place.clientWidth;
      if (!width) return;
      place.replaceChildren(V.widgets.ridges(one, { width, most: spec.most(), cursor: one.at(shell.state.get().epoch) }));
    }

    function epochUnder(event) {
      const box = place.getBoundingClientRect();
      const share = (event.clientX - box.left - 6) / (box.width - 18);
      return Math.min(1, Math.max(0, share)) * one.epochs[one.last];
    }

    function compare() {
      const found = pair(page, shell, one);
      pictures.hidden = compared.hidden = !found;
      if (!found) return;
      const small = (values, t, n) => shell.paint(shell.picture({ t, values: { n } }, "small"), values, page.data.image_shape);
      pictures.replaceChildren(...found.which.map((n, i) => shell.h("span", { class: "row" }, small(found.images[i], "w18.pair.given", n),
        shell.h("span", { "aria-hidden": "true" }, "→"), small(found.decoded[i], "w18.pair.made", n))));
      shell.say(compared, "w18.pair", { given: found.given, made: found.made });
    }

    place.addEventListener("pointerdown", (event) => {
      if (event.button > 0) return;
      place.setPointerCapture(event.pointerId);
      spec.pick(one.name, epochUnder(event));
    });
    place.addEventListener("pointermove", (event) => {
      if (place.hasPointerCapture(event.pointerId)) spec.pick(one.name, epochUnder(event));
    });
    new ResizeObserver(shell.framed(draw)).observe(place);
    shell.redraws(place, draw);

    function update(state, changed, chosen) {
      const t = one.at(state.epoch);
      heading.setAttribute("aria-pressed", String(chosen));
      element.classList.toggle("chosen-panel", chosen);
      const epoch = () => V.widgets.epochText(shell, one.epochs[t]);
      shell.say(read, "w18.read", () => ({ epoch: epoch(), kl: one.total(t), held: one.held(t), latent: one.latent }));
      if (changed.has("epoch") || changed.has("mount")) draw();
      if (["mount", "image", "drawn"].some((name) => changed.has(name))) compare();
    }
    return { element, update, draw };
  }

  Object.assign(V.widgets, { ridgePanel: panel, ridgePair: pair });
})((globalThis.Vitral = globalThis.Vitral || {}));
