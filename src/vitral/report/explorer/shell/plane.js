// The latent plane: canvas for the many, SVG for the few; a cursor and handles, by mouse, finger, keys and sliders.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});

  /**
   * A latent plane. spec:
   *   label      key of its name (for those who do not see it)
   *   get, set   the cursor, [a, b]; without them the first two (or `axes`) of the shared z
   *   axes       which two dimensions of z; [0, 1]
   *   coordinate key of the names of its sliders, which says {n}
   *   span       from the middle to the edge at first; 4
   *   layers     see plane_layers.js, the lowest first
   *   handles    () => [{at: [a, b], label: text, move(point)}], to be dragged besides the cursor
   *   click      (point) => what a click or tap without a drag does besides moving the cursor
   *   actions    {resample, previous, next, digit(k), play, pin}: what keys do; the page's own where not given
   * Gives {element, surface, view, draw(), drawMoving(), pictures()}.
   */
  function plane(spec) {
    const tied = { ...cursorOf(spec.axes || [0, 1]), ...(spec.get ? { get: spec.get, set: spec.set } : {}) };
    const view = new shell.PlaneView(spec.span || 4);
    const canvas = shell.h("canvas", { "aria-hidden": "true" });
    const fixed = shell.s("g");
    const moving = shell.s("g");
    const svg = shell.s("svg", { "aria-hidden": "true" }, fixed, moving);
    const help = shell.unique("plane-help");
    const surface = shell.h("div", {
      class: "plane-surface", tabindex: "0", role: "application", "aria-label": { t: spec.label }, "aria-describedby": help,
      "aria-roledescription": { t: "shell.plane" },
    }, canvas, svg);
    const self = { surface, view, canvas, svg, spec, ...tied, draw, drawMoving, pictures: () => [canvas, svg] };
    self.sliders = slidersOf(self);
    self.element = shell.h("div", { class: "plane" }, surface, toolsOf(self), self.sliders, shell.planeHelp(help));

    function painting(group) {
      const X = (a) => view.toScreen([a, 0])[0];
      const Y = (b) => view.toScreen([0, b])[1];
      return { context: canvas.getContext("2d"), group, X, Y, unit: view.unit, view, size: view.size };
    }

    function draw() {
      const size = surface.clientWidth;
      if (!size) return;
      const ratio = window.devicePixelRatio || 1;
      view.size = size;
      canvas.width = canvas.height = Math.round(size * ratio);
      svg.setAttribute("viewBox", "0 0 " + size + " " + size);
      const context = canvas.getContext("2d");
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.fillStyle = shell.style("--card");
      context.fillRect(0, 0, size, size);
      fixed.replaceChildren(...edges(view));
      for (const layer of spec.layers) if (!layer.moving && layer.shown()) layer.paint(painting(fixed));
      drawMoving();
    }

    function drawMoving() {
      if (!surface.clientWidth) return;
      moving.replaceChildren();
      for (const layer of spec.layers) if (layer.moving && layer.shown()) layer.paint(painting(moving));
      for (const handle of spec.handles ? spec.handles() : []) moving.append(handleMark(view, handle));
      moving.append(cursorMark(view, self.get()));
      self.sliders.refresh();
    }

    const later = shell.framed(draw);
    new ResizeObserver(later).observe(surface);
    shell.redraws(surface, draw);
    self.drawLater = later;
    shell.planePointers(self);
    shell.planeKeys(self);
    shell.planes.push(self);
    return self;
  }

  /** The cursor of the shared state: two dimensions of z. */
  function cursorOf([first, second]) {
    return {
      get: () => {
        const { z } = shell.state.get();
        return [z[first] || 0, z[second] || 0];
      },
      set: (point) => {
        const z = [...shell.state.get().z];
        z[first] = point[0];
        z[second] = point[1];
        shell.state.set({ z });
      },
    };
  }

  function slidersOf(self) {
    const [first, second] = self.spec.axes || [0, 1];
    const reach = Math.ceil(Math.max(4, self.view.home));
    const made = [first, second].map((dimension, i) => shell.slider({
      label: [self.spec.coordinate || "shell.coordinate", { n: dimension + 1 }], min: -reach, max: reach, step: 0.01, digits: 2,
      get: () => self.get()[i],
      set: (value) => self.set(self.get().map((one, j) => (i === j ? value : one))),
    }));
    const element = shell.h("div", { class: "plane-sliders" }, made);
    element.refresh = () => made.forEach((one) => one.refresh());
    return element;
  }

  function toolsOf(self) {
    const zoom = (factor) => () => {
      self.view.zoom(factor);
      self.drawLater();
    };
    const named = (text, key, act) => shell.h("button", {
      type: "button", class: "quiet", "aria-label": { t: key }, on: { click: act },
    }, text);
    return shell.h("div", { class: "plane-tools", role: "group", "aria-label": { t: "shell.zoom" } },
      named("+", "shell.zoom_in", zoom(1 / 1.4)), named("\u2212", "shell.zoom_out", zoom(1.4)),
      shell.button("shell.whole", () => {
        self.view.reset();
        self.drawLater();
      }, { class: "quiet" }));
  }

  /** Numbers along the lower and the left edge, and lines through zero. */
  function edges(view) {
    const parts = [];
    view.bounds.forEach(([low, high], i) => {
      for (const value of shell.ticks(low, high, Math.max(4, Math.floor(view.size / 50)))) {
        const [x, y] = view.toScreen(i === 0 ? [value, 0] : [0, value]);
        const at = i === 0 ? x : y;
        if (at < 18 || at > view.size - 18) continue;
        parts.push(i === 0
          ? shell.s("line", { class: value === 0 ? "zero" : "grid", x1: x, x2: x, y1: 0, y2: view.size })
          : shell.s("line", { class: value === 0 ? "zero" : "grid", x1: 0, x2: view.size, y1: y, y2: y }));
        parts.push(i === 0
          ? shell.s("text", { class: "tick", x, y: view.size - 5, "text-anchor": "middle" }, shell.number(value))
          : shell.s("text", { class: "tick", x: 4, y, dy: "0.32em" }, shell.number(value)));
      }
    });
    return parts;
  }

  function cursorMark(view, point) {
    const [x, y] = view.toScreen(point);
    return shell.s("g", { class: "plane-cursor" },
      shell.s("circle", { cx: x, cy: y, r: 9, class: "halo" }), shell.s("circle", { cx: x, cy: y, r: 9, class: "ring" }),
      shell.s("path", { d: `M${x - 15} ${y}H${x - 4}M${x + 4} ${y}H${x + 15}M${x} ${y - 15}V${y - 4}M${x} ${y + 4}V${y + 15}` }));
  }

  function handleMark(view, handle) {
    const [x, y] = view.toScreen(handle.at);
    return shell.s("g", { class: "plane-handle " + (handle.class || "") },
      shell.s("circle", { cx: x, cy: y, r: 11 }),
      shell.s("text", { x, y, "text-anchor": "middle", dy: "0.35em" }, handle.label || ""));
  }

  Object.assign(shell, { plane, planes: [] });
})((globalThis.Vitral = globalThis.Vitral || {}));
