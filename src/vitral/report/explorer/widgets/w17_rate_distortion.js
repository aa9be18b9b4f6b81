// Rate against distortion: a point a model with its spread, lines of equal ELBO, plain autoencoders as lines without a rate.
(function (V) {
  "use strict";

  const SHAPES = ["circle", "square", "triangle", "diamond", "cross", "down"];

  function mark(shape, x, y, r) {
    if (shape === "circle") return V.shell.s("circle", { cx: x, cy: y, r });
    const points = {
      square: [[-1, -1], [1, -1], [1, 1], [-1, 1]], triangle: [[0, -1.2], [1.1, 0.9], [-1.1, 0.9]],
      diamond: [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]], down: [[0, 1.2], [1.1, -0.9], [-1.1, -0.9]],
      cross: [[-1.2, -0.4], [-0.4, -0.4], [-0.4, -1.2], [0.4, -1.2], [0.4, -0.4], [1.2, -0.4], [1.2, 0.4], [0.4, 0.4], [0.4, 1.2],
        [-0.4, 1.2], [-0.4, 0.4], [-1.2, 0.4]],
    }[shape];
    const place = ([a, b]) => (x + a * r).toFixed(1) + "," + (y + b * r).toFixed(1);
    return V.shell.s("polygon", { points: points.map(place).join(" ") });
  }

  /** The points of some rows: {one, row, rate, distortion}, in order of the rate; and the lines of autoencoders. */
  function pointsOf(rows) {
    const { measured } = V.widgets.comparison;
    const all = rows.flatMap((row, i) => [...row.models.values()].map((one) => ({
      one, i, rate: measured(one, "kl"), distortion: measured(one, "distortion"),
    })));
    const known = all.filter(({ distortion }) => Number.isFinite(distortion.value));
    const points = known.filter(({ one, rate }) => one.kind === "vae" && Number.isFinite(rate.value));
    return { points: points.sort((a, b) => a.rate.value - b.rate.value), lines: known.filter(({ one }) => one.kind !== "vae") };
  }

  function limits(points, lines) {
    const ends = (key) => points.flatMap((one) => [-1, 1].map((sign) => one[key].value + sign * (one[key].spread || 0)));
    const [left, right] = V.shell.extent([ends("rate")], 0.08);
    const [low, high] = V.shell.extent([ends("distortion"), lines.map((one) => one.distortion.value)], 0.08);
    return { x: { min: Math.max(0, left), max: right }, y: { min: low, max: high } };
  }

  /** Lines of equal ELBO: rate + distortion = c, its label where the line comes in. */
  function isoLines({ X, Y, area }, x, y) {
    return V.shell.ticks(x.min + y.min, x.max + y.max, 7).flatMap((c) => {
      const from = Math.max(x.min, c - y.max);
      const to = Math.min(x.max, c - y.min);
      if (to <= from) return [];
      const label = { class: "iso-label", x: X(to) - 3, y: Math.min(area.bottom - 4, Y(c - to) - 4), "text-anchor": "end" };
      return [
        V.shell.s("line", { class: "iso", x1: X(from), y1: Y(c - from), x2: X(to), y2: Y(c - to) }),
        V.shell.s("text", label, "ELBO " + V.shell.number(-c)),
      ];
    });
  }

  function bars({ rate, distortion }, { X, Y }, stroke) {
    const line = (x1, y1, x2, y2) => V.shell.s("line", { x1, y1, x2, y2, stroke, "stroke-width": 1.5 });
    const [x, y] = [X(rate.value), Y(distortion.value)];
    const found = [];
    if (rate.spread > 0) found.push(line(X(rate.value - rate.spread), y, X(rate.value + rate.spread), y));
    const up = distortion.spread;
    if (up > 0) found.push(line(x, Y(distortion.value - up), x, Y(distortion.value + up)));
    return found;
  }

  /** The plot. `get()` gives {rows, chosen}; `pick(name)` hears of a choice. Gives {element, update, svg, points}. */
  function rateDistortion(page, shell, get, pick) {
    const place = shell.h("div", { class: "chart-place", tabindex: "0", role: "group" });
    const legend = shell.h("div", {});
    const element = shell.h("div", { class: "chart" }, legend, place);
    let shown = { points: [], lines: [] };
    let frame = null;

    function update() {
      if (!place.clientWidth) return;
      const { rows, chosen } = get();
      shown = pointsOf(rows);
      const { x, y } = limits(shown.points, shown.lines);
      const width = Math.min(720, place.clientWidth);
      frame = shell.axes({ width, height: Math.round(Math.min(430, 180 + 0.45 * width)),
        x: { ...x, label: shell.t("w17.rate.axis") }, y: { ...y, label: shell.t("w17.distortion.axis") } });
      const { plot, X, Y, area } = frame;
      plot.append(...isoLines(frame, x, y));
      shown.lines.forEach(({ one, i, distortion }, j) => {
        const at = Y(distortion.value);
        const look = { stroke: shell.seriesColour(i), "stroke-width": one.name === chosen ? 3.5 : 2 };
        plot.append(shell.s("line", { x1: area.left, x2: area.right, y1: at, y2: at, ...look }),
          shell.s("text", { class: "point-label", x: area.left + 4 + 46 * (j % 3), y: at - 4 }, "K = " + one.latent));
      });
      for (const each of shown.points) drawPoint(each, chosen);
      frame.svg.setAttribute("aria-hidden", "true");
      place.setAttribute("aria-label", shell.t("w17.plot"));
      place.replaceChildren(frame.svg);
      legend.replaceChildren(legendOf(rows));
    }

    function drawPoint(each, chosen) {
      const { plot, X, Y } = frame;
      const colour = shell.seriesColour(each.i);
      const [x, y] = [X(each.rate.value), Y(each.distortion.value)];
      const point = mark(SHAPES[each.i % SHAPES.length], x, y, 5);
      point.setAttribute("fill", colour);
      plot.append(...bars(each, frame, colour), point,
        shell.s("text", { class: "point-label", x: x + 8, y: y - 6 }, String(each.one.latent)));
      if (each.one.name === chosen) plot.append(shell.s("circle", { class: "chosen", cx: x, cy: y, r: 10 }));
    }

    function legendOf(rows) {
      const item = (drawn, text) => shell.h("li", {},
        shell.s("svg", { viewBox: "0 0 24 14", width: 24, height: 14, "aria-hidden": "true" }, drawn), " ", text);
      const line = (look) => shell.s("line", { x1: 0, x2: 24, y1: 7, y2: 7, "stroke-width": 2.5, ...look });
      const point = (i) => {
        const drawn = mark(SHAPES[i % SHAPES.length], 12, 7, 5);
        drawn.setAttribute("fill", shell.seriesColour(i));
        return drawn;
      };
      const sample = (row, i) => (row.training.kind === "autoencoder" ? line({ stroke: shell.seriesColour(i) }) : point(i));
      const known = rows.map((row, i) => item(sample(row, i), shell.t(...V.widgets.galleryName(row))));
      return shell.h("ul", { class: "legend" }, known, item(line({ class: "iso" }), shell.t("w17.iso")));
    }

    place.addEventListener("pointerdown", (event) => {
      if (!frame || !shown.points.length) return;
      const box = frame.svg.getBoundingClientRect();
      const scale = frame.svg.viewBox.baseVal.width / box.width;
      const at = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
      const far = shown.points.map(({ rate, distortion }) =>
        Math.hypot(frame.X(rate.value) - at[0], frame.Y(distortion.value) - at[1]));
      const best = far.indexOf(Math.min(...far));
      if (far[best] < 30) pick(shown.points[best].one.name);
    });
    place.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step || !shown.points.length) return;
      event.preventDefault();
      const now = shown.points.findIndex(({ one }) => one.name === get().chosen);
      pick(shown.points[Math.min(shown.points.length - 1, Math.max(0, now + step))].one.name);
    });
    new ResizeObserver(shell.framed(update)).observe(place);
    shell.redraws(element, update);
    return { element, update, svg: () => place.querySelector("svg") };
  }

  V.widgets.rateDistortion = rateDistortion;
})((globalThis.Vitral = globalThis.Vitral || {}));
