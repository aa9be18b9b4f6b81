// One moment of a training, as W11 shows one or two of them: the timeline, the codes on their plane, the decoded plane.
(function (V) {
  "use strict";
  const GLIDE = 0.35; // seconds from one scene to the next
  const MOST_ELLIPSES = 150;

  /** Codes glide from scene to scene so that the eye can follow them; who wants less motion sees them there at once. */
  function glider(shell, draw) {
    let place = null;
    let running = null;
    function go(target) {
      if (running) running.stop();
      if (place === null || shell.calm()) {
        place = target;
        return draw();
      }
      const from = place;
      running = shell.animate((seconds) => {
        const share = Math.min(1, seconds / GLIDE);
        place = share === 1 ? target : from + (target - from) * share;
        draw();
        return share < 1;
      });
    }
    return { go, get place() { return place; }, settle(target) { place = target; } };
  }

  /** The plane with its codes of a place between scenes. */
  function planeOf(page, shell, replay, label, place, play) {
    const wish = () => shell.state.get()["w11.codes"];
    const image = () => shell.state.get().image;
    const seen = () => image() >= 0 && image() < replay.count;
    const points = shell.layers.layer((surface) => {
      const spec = { codes: replay.codes(place()), labels: page.array("images_labels"), page, glyphs: () => wish() === "glyphs" };
      shell.layers.points(spec).paint(surface);
    }, { shown: () => wish() !== "ellipses" || !replay.sigma(0) });
    const ellipses = shell.layers.layer((surface) => paintEllipses(page, shell, replay, place(), surface),
      { shown: () => wish() === "ellipses" && Boolean(replay.sigma(0)) });
    const path = shell.layers.path({ get: () => (seen() ? replay.path(image(), place()) : []) });
    const own = shell.layers.ellipse({ get: () => (seen() && replay.sigma(0) ? ofImage(replay, image(), place()) : null) });
    const everything = { data: Float32Array.from(replay.epochs.flatMap((_, t) => Array.from(replay.codes(t).data))), shape: [1, 2] };
    return shell.plane({
      label, axes: replay.axes, span: shell.reach(everything), layers: [points, ellipses, shell.layers.contours(), path, own],
      actions: { play }, ...cursorOf(page, shell, replay),
    });
  }

  /** The shared cursor, where the model of now is the one that was recorded; to move it makes it so. */
  function cursorOf(page, shell, replay) {
    const [first, second] = replay.axes;
    return {
      get: () => {
        const { model, z } = shell.state.get();
        return model === replay.name ? [z[first], z[second]] : [0, 0];
      },
      set: (point) => {
        const { model } = shell.state.get();
        const z = model === replay.name ? [...shell.state.get().z] : new Array(replay.latent).fill(0);
        [z[first], z[second]] = point.map((one) => Number(one.toFixed(4)));
        shell.state.set({ model: replay.name, z });
      },
    };
  }

  function ofImage(replay, i, place) {
    const pair = (list) => Array.from(list.subarray(2 * i, 2 * i + 2));
    return { mu: pair(replay.codes(place).data), sigma: pair(replay.sigma(place)) };
  }

  /** One sigma around many codes, each in the colour of its class. */
  function paintEllipses(page, shell, replay, place, { context, X, Y, unit }) {
    const { data, shape } = replay.codes(place);
    const sigma = replay.sigma(place);
    const labels = page.array("images_labels");
    context.lineWidth = 1.3;
    for (let i = 0; i < Math.min(MOST_ELLIPSES, shape[0]); i++) {
      context.strokeStyle = context.fillStyle = shell.classColour(labels ? labels.data[i] : null);
      context.beginPath();
      const [across, up] = [sigma[2 * i] * unit, sigma[2 * i + 1] * unit];
      context.ellipse(X(data[2 * i]), Y(data[2 * i + 1]), Math.max(0.5, across), Math.max(0.5, up), 0, 0, 2 * Math.PI);
      context.globalAlpha = 0.1;
      context.fill();
      context.globalAlpha = 0.9;
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  /** The codes in the middle of the tiles: quantiles of the prior, the top row first. */
  function tileCodes(side) {
    const quantile = (i) => V.engine.normalQuantile((i + 0.5) / side);
    return Array.from({ length: side * side }, (_, i) => [quantile(i % side), quantile(side - 1 - Math.floor(i / side))]);
  }

  function nearestTile(codes, z) {
    const far = codes.map((one) => (one[0] - z[0]) ** 2 + (one[1] - z[1]) ** 2);
    return far.indexOf(Math.min(...far));
  }

  /**
   * A moment. spec: {name: "a" or "b", get: () => index, set: (index) => ..., play}. Gives {element, plane, update(state,
   * changed)}.
   */
  function moment(page, shell, replay, spec) {
    const key = (name) => "w11." + name + "." + spec.name;
    const { get, set, play } = spec;
    const line = V.widgets.timeline(shell, { label: key("timeline"), epochs: replay.epochs, get, set, play });
    const glide = glider(shell, draw);
    const place = () => (glide.place === null ? spec.get() : glide.place);
    const plane = replay.latent > 1 ? planeOf(page, shell, replay, key("plane"), place, spec.play) : null;
    const side = replay.history.grid ? Math.round(Math.sqrt(replay.history.grid.shape[1])) : 0;
    const codes = tileCodes(side);
    const sheet = side ? shell.sheet({ label: key("grid"), across: side, down: side, pick: (i) => pickTile(codes[i]) }) : null;
    const title = shell.h("p", { class: "moment-title" });
    const element = shell.h("div", { class: "moment" }, title, line.element, shell.h("div", { class: "moment-figures" },
      plane ? plane.element : shell.h("p", { class: "absent", t: "w11.no_plane" }),
      sheet ? shell.h("figure", { class: "captioned whole" }, sheet.element, shell.h("figcaption", { t: "w11.grid.caption" })) : null));
    let painted = -1;

    function pickTile(z) {
      shell.state.set({ model: replay.name, z: z.map((one) => Number(one.toFixed(4))) });
    }

    function draw() {
      element.dataset.place = String(place());
      if (plane) plane.draw();
      const t = Math.round(place());
      if (!sheet || painted === t) return;
      sheet.paint(replay.tiles(t), page.description(replay.name).tile_shape);
      painted = t;
    }

    function update(state, changed) {
      line.refresh();
      const epoch = () => V.widgets.epochText(shell, replay.epochs[spec.get()]);
      shell.say(title, state["w11.two"] ? key("title") : "w11.title.one", () => ({ epoch: epoch() }));
      if (glide.place !== spec.get()) glide.go(spec.get());
      else if (plane) (changed.has("z") && changed.size === 1 ? plane.drawMoving : plane.drawLater)();
      if (sheet) sheet.choose(state.model === replay.name ? nearestTile(codes, state.z) : -1);
    }
    return { element, plane, update };
  }

  V.widgets.moment = moment;
})((globalThis.Vitral = globalThis.Vitral || {}));
