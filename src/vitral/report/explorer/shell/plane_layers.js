// What can lie on the latent plane. A layer is {paint(surface), shown(), moving}: `moving` ones are painted at every
// step of the cursor, the others when the view changes or when `plane.draw()` is called.
// A surface has: context (canvas), group (SVG), X, Y (plane to pixels), unit (pixels of 1), view, size.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});
  const MASS = [1, 2, 3].map((radius) => [radius, 100 * (1 - Math.exp((-radius * radius) / 2))]);

  function layer(paint, options) {
    return { shown: () => true, moving: false, ...options, paint };
  }

  /** Circles of 1, 2 and 3 sigma of the standard normal prior, with the mass inside: 39, 86 and 99 %. */
  function contours(options) {
    return layer(({ group, X, Y, unit }) => {
      for (const [radius, mass] of MASS) {
        for (const name of ["contour halo", "contour"]) {
          group.append(shell.s("circle", { class: name, cx: X(0), cy: Y(0), r: radius * unit }));
        }
        const x = X(radius * Math.SQRT1_2);
        const y = Y(radius * Math.SQRT1_2);
        group.append(shell.s("text", { class: "contour-label", x: x + 4, y: y - 4 }, shell.number(mass, 0) + "%"));
      }
    }, options);
  }

  /** Codes as glyphs of their classes, or as dots. options: {codes: {data, shape}, labels, page, glyphs: () => bool}. */
  function points(options) {
    return layer(({ context, X, Y, size }) => {
      const { data, shape } = options.codes;
      const [first, second] = options.axes || [0, 1];
      const glyphs = !options.glyphs || options.glyphs();
      const colours = new Map();
      context.font = "600 " + (size < 420 ? 10 : 12) + "px system-ui, sans-serif";
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.strokeStyle = shell.style("--card");
      context.lineWidth = 2;
      context.lineJoin = "round";
      context.globalAlpha = shape[0] > 4000 ? 0.65 : 0.85;
      for (let i = 0; i < shape[0]; i++) {
        const x = X(data[i * shape[1] + first]);
        const y = Y(data[i * shape[1] + second]);
        if (x < -8 || y < -8 || x > size + 8 || y > size + 8) continue;
        const label = options.labels ? options.labels.data[i] : null;
        if (!colours.has(label)) colours.set(label, shell.classColour(label));
        context.fillStyle = colours.get(label);
        if (glyphs && label !== null) write(context, shell.glyph(options.page, label), x, y);
        else context.fillRect(x - 1.5, y - 1.5, 3, 3);
      }
      context.globalAlpha = 1;
    }, options);
  }

  /** A glyph with a rim of paper, so that it can be read on any ground. */
  function write(context, text, x, y) {
    context.strokeText(text, x, y);
    context.fillText(text, x, y);
  }

  /** How many codes fall where, as shades. options: {codes, bins}. */
  function density(options) {
    return layer(({ context, X, Y, view }) => {
      const bins = options.bins || 56;
      const counts = counted(options.codes, view.bounds, bins, options.axes || [0, 1]);
      const most = Math.max(1, ...counts);
      const wide = X(view.bounds[0][0] + (2 * view.span) / bins) - X(view.bounds[0][0]);
      context.fillStyle = shell.style("--accent");
      counts.forEach((count, i) => {
        if (!count) return;
        context.globalAlpha = 0.08 + 0.82 * Math.sqrt(count / most);
        context.fillRect((i % bins) * wide, Math.floor(i / bins) * wide, wide + 0.5, wide + 0.5);
      });
      context.globalAlpha = 1;
    }, options);
  }

  function counted(codes, bounds, bins, [first, second]) {
    const counts = new Float64Array(bins * bins);
    const [[left, right], [bottom, top]] = bounds;
    for (let i = 0; i < codes.shape[0]; i++) {
      const column = Math.floor(((codes.data[i * codes.shape[1] + first] - left) / (right - left)) * bins);
      const line = Math.floor(((top - codes.data[i * codes.shape[1] + second]) / (top - bottom)) * bins);
      if (column >= 0 && column < bins && line >= 0 && line < bins) counts[line * bins + column] += 1;
    }
    return counts;
  }

  /** Ellipses of 1 and 2 sigma, true to scale. options.get: () => {mu: [a, b], sigma: [a, b]} or null; class. */
  function ellipse(options) {
    return layer(({ group, X, Y, unit }) => {
      const found = options.get();
      if (!found) return;
      for (const times of options.times || [1, 2]) {
        group.append(shell.s("ellipse", {
          class: "ellipse " + (options.class || ""), cx: X(found.mu[0]), cy: Y(found.mu[1]),
          rx: Math.max(0.5, times * found.sigma[0] * unit), ry: Math.max(0.5, times * found.sigma[1] * unit),
        }));
      }
    }, { moving: true, ...options });
  }

  /** Arrows. options.get: () => [{from: [a, b], by: [da, db], class, colour, width}], lengths in units of the plane. */
  function arrows(options) {
    return layer(({ group, X, Y }) => {
      for (const one of options.get()) {
        const start = [X(one.from[0]), Y(one.from[1])];
        const end = [X(one.from[0] + one.by[0]), Y(one.from[1] + one.by[1])];
        group.append(arrow(start, end, one));
      }
    }, { moving: true, ...options });
  }

  function arrow([x1, y1], [x2, y2], { colour, width, class: name }) {
    const length = Math.hypot(x2 - x1, y2 - y1);
    if (length < 0.5) return shell.s("g");
    const head = Math.min(9, length * 0.6);
    const [dx, dy] = [(x2 - x1) / length, (y2 - y1) / length];
    const [bx, by] = [x2 - head * dx, y2 - head * dy];
    const stroke = colour || shell.style("--accent");
    const tip = [[x2, y2], [bx - (head / 2) * dy, by + (head / 2) * dx], [bx + (head / 2) * dy, by - (head / 2) * dx]];
    return shell.s("g", { class: "arrow " + (name || "") },
      shell.s("line", { x1, y1, x2: bx, y2: by, stroke, "stroke-width": width || 2.5 }),
      shell.s("polygon", { points: tip.map((one) => one.map((v) => v.toFixed(1)).join()).join(" "), fill: stroke }));
  }

  /**
   * Values over a rectangle of the plane as colours. options.get: () => {values, columns, rows, low: [a, b], high:
   * [a, b], colour: (value) => [r, g, b, alpha of 255]} or null. Row 0 is the lowest second coordinate.
   */
  function heat(options) {
    return layer(({ context, X, Y }) => {
      const map = options.get();
      if (!map) return;
      const canvas = shell.h("canvas", { width: map.columns, height: map.rows });
      const inner = canvas.getContext("2d");
      const image = inner.createImageData(map.columns, map.rows);
      for (let i = 0; i < map.rows * map.columns; i++) {
        const line = map.rows - 1 - Math.floor(i / map.columns);
        image.data.set(map.colour(map.values[i]), 4 * (line * map.columns + (i % map.columns)));
      }
      inner.putImageData(image, 0, 0);
      context.imageSmoothingEnabled = Boolean(options.smooth);
      const [left, top] = [X(map.low[0]), Y(map.high[1])];
      context.drawImage(canvas, left, top, X(map.high[0]) - left, Y(map.low[1]) - top);
    }, options);
  }

  /** Small images each at its place. options.get: () => [{at: [a, b], values}], options.shape, options.width in units. */
  function tiles(options) {
    return layer(({ context, X, Y, unit }) => {
      const canvas = shell.h("canvas");
      context.imageSmoothingEnabled = false;
      for (const tile of options.get()) {
        const side = (tile.width || options.width) * unit;
        shell.paint(canvas, tile.values, options.shape);
        context.drawImage(canvas, X(tile.at[0]) - side / 2, Y(tile.at[1]) - side / 2, side, side);
      }
    }, options);
  }

  /** A path through points. options.get: () => [[a, b], ...]. */
  function path(options) {
    return layer(({ group, X, Y }) => {
      const drawn = options.get().map((point) => X(point[0]).toFixed(1) + "," + Y(point[1]).toFixed(1)).join(" ");
      group.append(shell.s("polyline", { class: "path " + (options.class || ""), points: drawn }));
    }, { moving: true, ...options });
  }

  shell.layers = { layer, contours, points, density, ellipse, arrows, heat, tiles, path };
})((globalThis.Vitral = globalThis.Vitral || {}));
