// W3, the latent plane with the live decoder: a probability space, and an image at every point of it.
(function (V) {
  "use strict";
  const GROUNDS = ["none", "density", "classes", "jacobian", "tiles"];
  const POINTS = ["glyphs", "dots", "none"];
  const MOST_PINS = 6;

  function needs(page) {
    if (!page.data.image_shape) return "w03.needs_images";
    return page.computes() && page.description().latent > 1 ? true : "w03.needs_plane";
  }

  function mount(root, page, shell) {
    shell.state.declare({ "w03.points": "glyphs", "w03.ground": "none", "w03.forces": false, "w03.ellipse": true });
    const parts = shell.frame(root, {
      name: "latent-plane",
      predict: prediction(page, shell),
      equations: ["\\hat{x}(z) = E[x | z]", "p(||z|| ≤ r) = 1 - e^{-r^2/2}"],
      code: () => shell.decoderCode(shell.currentModel().description, shell.state.get().z),
      exports: {
        csv: () => codesTable(page, shell), png: () => plane.pictures(), svg: () => plane.svg, json: () => situation(shell),
        npz: () => weights(page, shell),
      },
    });
    const options = controls(page, shell);
    const plane = shell.plane({
      label: "w03.plane", span: shell.reach(page.array(page.main + "/codes")), layers: options.layers,
      handles: () => pinHandles(shell), click: pin,
      actions: { play: () => player.flip(), pin: () => pin(plane.get()) },
    });
    options.redraw = () => {
      root.parentElement.dataset.jacobian = "here";
      plane.drawLater();
    };
    const image = shell.picture({ t: "w03.decoded", values: seenBy }, "large");
    const pins = shell.h("div", { class: "row pins" });
    const player = shell.player({ start: () => travel(page, shell) });
    const beyond = shell.h("p", { class: "absent" });
    const live = shell.h("figure", { class: "captioned live" }, image, shell.h("figcaption", { t: "w03.decoded.caption" }));
    const side = shell.h("div", {}, beyond,
      shell.h("div", { class: "row" }, player, shell.button("w03.pin", () => pin(plane.get())),
        shell.button("w03.unpin", () => shell.state.set({ pins: [] }))),
      pins, options.element);
    plane.element.classList.add("first");
    parts.look.append(shell.h("div", { class: "beside" }, plane.element, live, side));
    const facts = shell.facts(["w03.radius", "w03.mass", "w03.log_prior", "w03.nearest", "w03.recon", "w03.kl", "w03.ink"]);
    parts.numbers.append(facts.element);

    function seenBy() {
      const { z } = shell.state.get();
      return { z: shell.vector(z), label: likeness(page, shell, z) };
    }

    function pin(point) {
      const list = shell.state.get().pins.filter((one) => Math.hypot(one[0] - point[0], one[1] - point[1]) > 1e-6);
      shell.state.set({ pins: [...list, point.map((one) => Number(one.toFixed(4)))].slice(-MOST_PINS) });
    }

    function update(state, changed) {
      if (changed.has("model") || changed.has("mount")) {
        options.forget();
        beyond.hidden = state.z.length === 2;
        shell.say(beyond, "w03.beyond", { n: state.z.length });
      }
      const output = shell.currentModel().decode(state.z);
      const decoded = shell.currentModel().mean(output);
      shell.paint(image, decoded, page.data.image_shape);
      shell.say(image, "w03.decoded", seenBy, "aria-label");
      const fixed = ["mount", "model", "lang", "w03.points", "w03.ground", "w03.forces", "w03.ellipse"];
      if (fixed.some((name) => changed.has(name))) plane.drawLater();
      else plane.drawMoving();
      if (["mount", "pins", "lang", "model"].some((name) => changed.has(name))) fillPins(pins, page, shell);
      tellNumbers(parts, facts, page, shell, { output, decoded });
    }
    return { update };
  }

  /** The point of the latent space below a point of the plane: where there are more dimensions, the others stay. */
  function full(shell, point) {
    return [...point, ...shell.state.get().z.slice(2)];
  }

  /** The mean image at a point of the plane. */
  function decodedAt(shell, point) {
    const model = shell.currentModel();
    return model.mean(model.decode(full(shell, point)));
  }

  function likeness(page, shell, z) {
    const { model } = shell.state.get();
    const found = shell.vote(page.array(model + "/codes"), page.array("images_labels"), z, 15);
    return found ? shell.className(page, found.label) : "\u2013";
  }

  /** Reconstruction, KL and the like of the image of now at the cursor, and the sentence that says them. */
  function tellNumbers(parts, facts, page, shell, { output, decoded }) {
    const { z } = shell.state.get();
    const model = shell.currentModel();
    const x = shell.currentImage();
    const { mu, logvar } = shell.currentCode();
    const radius = Math.hypot(...z);
    const values = {
      z: shell.vector(z), label: likeness(page, shell, z),
      recon: x ? -model.logProb(x, output)[0] : NaN,
      kl: logvar ? model.kl(mu, logvar).each.reduce((a, b) => a + b, 0) : NaN,
    };
    parts.tell("w03.told", values);
    facts.set({
      "w03.radius": shell.number(radius, 3),
      "w03.mass": z.length === 2 ? shell.number(100 * Math.exp((-radius * radius) / 2), 1) + "%" : shell.number(NaN),
      "w03.log_prior": shell.number(-0.5 * radius * radius - 0.5 * z.length * Math.log(2 * Math.PI), 3),
      "w03.nearest": values.label,
      "w03.recon": shell.number(values.recon, 2),
      "w03.kl": shell.number(values.kl, 2),
      "w03.ink": shell.number(decoded.reduce((a, b) => a + b, 0), 2),
    });
    parts.refresh();
  }

  /** Which layers lie on the plane, and the controls that choose them. */
  function controls(page, shell) {
    const shown = (name, value) => () => shell.state.get()[name] === value;
    const maps = V.widgets.latentMaps(page, shell, () => self.redraw());
    const codes = () => page.array(shell.state.get().model + "/codes");
    const lazy = (make, options) => shell.layers.layer((surface) => {
      if (codes()) make({ codes: codes(), labels: page.array("images_labels"), page }).paint(surface);
    }, options);
    const layers = [
      lazy(shell.layers.density, { shown: shown("w03.ground", "density") }),
      shell.layers.heat({ get: () => maps.classes(), shown: shown("w03.ground", "classes") }),
      shell.layers.heat({ get: () => maps.jacobian(), shown: shown("w03.ground", "jacobian"), smooth: true }),
      maps.tiles({ shown: shown("w03.ground", "tiles") }),
      lazy((options) => shell.layers.points({ ...options, glyphs: shown("w03.points", "glyphs") }),
        { shown: () => shell.state.get()["w03.points"] !== "none" }),
      shell.layers.contours(),
      maps.forces({ shown: () => shell.state.get()["w03.forces"] }),
      shell.layers.ellipse({ get: () => posterior(shell), shown: () => shell.state.get()["w03.ellipse"] }),
    ];
    const choice = (name, values) => shell.choice({
      label: name, name, options: values.map((value) => [value, name + "." + value]),
    });
    const element = shell.h("div", {}, choice("w03.points", POINTS), choice("w03.ground", GROUNDS),
      shell.toggle({ label: "w03.ellipse", name: "w03.ellipse" }), shell.toggle({ label: "w03.forces", name: "w03.forces" }));
    const self = { layers, element, redraw() {}, forget: () => maps.forget() };
    return self;
  }

  function posterior(shell) {
    const { mu, logvar } = shell.currentCode();
    return logvar ? { mu, sigma: Array.from(logvar, (one) => Math.exp(0.5 * one)) } : null;
  }

  function pinHandles(shell) {
    return shell.state.get().pins.map((at, i) => ({
      at, label: String.fromCharCode(65 + i),
      move: (point) => shell.state.set({ pins: shell.state.get().pins.map((one, j) => (i === j ? point : one)) }),
    }));
  }

  /** The images of the pins, each with buttons to go there, to bring it here and to take it away. */
  function fillPins(place, page, shell) {
    const { pins } = shell.state.get();
    place.replaceChildren(...pins.map((at, i) => {
      const name = String.fromCharCode(65 + i);
      const change = (act) => () => shell.state.set({ pins: act(shell.state.get().pins, i) });
      const image = shell.picture({ t: "w03.pin.image", values: { name, z: shell.vector(at) } });
      shell.paint(image, decodedAt(shell, at), page.data.image_shape);
      const small = (text, key, act) => shell.h("button", {
        type: "button", class: "quiet", "aria-label": { t: key, values: { name } }, on: { click: act },
      }, text);
      return shell.h("figure", { class: "captioned" }, image, shell.h("figcaption", {}, name + " " + shell.vector(at)),
        shell.h("div", { class: "exports-less row" },
          small("\u2192", "w03.pin.go", () => shell.state.set({ z: full(shell, at) })),
          small("\u2190", "w03.pin.bring", change((list) => list.map((one, j) => (j === i ? shell.state.get().z.slice(0, 2) : one)))),
          small("\u00d7", "w03.pin.remove", change((list) => list.filter((one, j) => j !== i)))));
    }));
  }

  /** The cursor goes from pin to pin, or where there are fewer than two, around the circle of one sigma. */
  function travel(page, shell) {
    const { pins } = shell.state.get();
    const around = Array.from({ length: 48 }, (_, i) => [Math.cos((i / 24) * Math.PI), Math.sin((i / 24) * Math.PI)]);
    const stops = pins.length > 1 ? pins : around;
    const pace = pins.length > 1 ? 2 : 0.2; // seconds from stop to stop
    return shell.animate((seconds) => {
      const at = (seconds / pace) % stops.length;
      const from = stops[Math.floor(at)];
      const to = stops[(Math.floor(at) + 1) % stops.length];
      shell.state.set({ z: full(shell, from.map((one, i) => one + (to[i] - one) * (at % 1))) });
    });
  }

  /** More, as many, or fewer codes beyond two sigma than the prior has there? */
  function prediction(page, shell) {
    const share = () => {
      const { data, shape } = page.array(shell.state.get().model + "/codes");
      let far = 0;
      for (let i = 0; i < shape[0]; i++) if (Math.hypot(data[shape[1] * i], data[shape[1] * i + 1]) > 2) far += 1;
      return (100 * far) / shape[0];
    };
    const expected = 100 * Math.exp(-2);
    if (!page.array(page.main + "/codes")) return null;
    return {
      question: "w03.predict", answers: ["w03.predict.fewer", "w03.predict.equal", "w03.predict.more"],
      right: () => (share() < expected - 2 ? 0 : share() > expected + 2 ? 2 : 1),
      reveal: () => ["w03.predict.reveal", { share: share(), expected }],
    };
  }

  function codesTable(page, shell) {
    const codes = page.array(shell.state.get().model + "/codes");
    const rows = Array.from({ length: codes ? codes.shape[0] : 0 }, (_, i) => [i, page.label(i), ...shell.row(codes, i)]);
    const { z } = shell.state.get();
    return { columns: ["image", "class", ...z.map((_, i) => "z" + (i + 1))], rows: [...rows, ["cursor", "", ...z]] };
  }

  function situation(shell) {
    const { z, image, model, pins } = shell.state.get();
    return { model, image, z, pins, decoded: decodedAt(shell, z.slice(0, 2)) };
  }

  function weights(page, shell) {
    const { parameters } = shell.currentModel();
    return Object.fromEntries(Object.entries(parameters).map(([name, array]) => [name, array]));
  }

  V.widgets.add({ id: "w03", title: "w03.title", section: "latent-space", needs, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
