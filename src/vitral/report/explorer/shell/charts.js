// Charts as SVG: lines, points, bars and histograms, with a readout by hover, tap and arrow keys, and their table.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});
  const DASHES = ["", "6 4", "2 3", "9 3 2 3", "1 4", "12 4"];

  /** An axis with both ends: those asked for, or a little more than the numbers need; `standing` marks stand on zero. */
  function range(axis, lists, standing) {
    const [low, high] = shell.extent(lists, axis.log ? 0 : 0.04);
    const least = standing && Math.min(...lists.map((list) => Math.min(...list))) >= 0 ? 0 : low;
    return { ...axis, min: axis.min === undefined ? least : axis.min, max: axis.max === undefined ? high : axis.max };
  }

  function path(series, X, Y) {
    let drawn = "";
    let pen = "M";
    series.x.forEach((x, i) => {
      const y = series.y[i];
      if (!Number.isFinite(y)) return void (pen = "M");
      drawn += pen + X(x).toFixed(1) + " " + Y(y).toFixed(1);
      pen = "L";
    });
    return drawn;
  }

  function lineOf(series, i, X, Y) {
    const stroke = series.colour || shell.seriesColour(i);
    const parts = [];
    if (series.low) {
      const back = { x: [...series.x].reverse(), y: [...series.low].reverse() };
      const band = path({ x: series.x, y: series.high }, X, Y) + path(back, X, Y).replace("M", "L");
      parts.push(shell.s("path", { d: band + "Z", fill: stroke, "fill-opacity": 0.18 }));
    }
    if (series.kind !== "points") {
      const dash = series.dash === undefined ? DASHES[i % DASHES.length] : series.dash;
      const line = { d: path(series, X, Y), fill: "none", stroke, "stroke-width": 2, "stroke-dasharray": dash || null };
      parts.push(shell.s("path", line));
    }
    if (series.kind === "points" || series.dots) parts.push(...dots(series, stroke, X, Y));
    return parts;
  }

  function dots(series, fill, X, Y) {
    const r = series.radius || 3.5;
    return Array.from(series.x, (x, i) => shell.s("circle", { cx: X(x), cy: Y(series.y[i]), r, fill }));
  }

  /** Bars from zero; several series side by side, or on top of each other when `stacked`. */
  function barsOf(spec, X, Y) {
    const count = spec.categories.length;
    const shown = spec.series.length;
    const half = Math.min(0.38, 0.1 * count); // of a group of bars, in steps of the axis
    const wide = (2 * half) / (spec.stacked ? 1 : shown);
    const bases = new Float64Array(count);
    return spec.series.flatMap((series, i) => Array.from(series.y, (y, j) => {
      const from = spec.stacked ? bases[j] : 0;
      if (spec.stacked) bases[j] += y;
      const left = X(j - half + (spec.stacked ? 0 : i * wide));
      const [high, low] = [Y(Math.max(from, from + y)), Y(Math.min(from, from + y))];
      return shell.s("rect", {
        x: left, y: high, width: Math.max(1, X(j - half + wide) - X(j - half) - 1), height: Math.max(0.5, low - high),
        fill: (series.colours && series.colours[j]) || series.colour || shell.seriesColour(i),
      });
    }));
  }

  function legend(spec) {
    if (spec.series.length < 2) return null;
    return shell.h("ul", { class: "legend" }, spec.series.map((series, i) => shell.h("li", {},
      shell.s("svg", { viewBox: "0 0 28 10", width: 28, height: 10, "aria-hidden": "true" }, sample(spec, series, i)), " ", series.name)));
  }

  /** What a series looks like: a bar, a dot or a line. */
  function sample(spec, series, i) {
    const stroke = series.colour || shell.seriesColour(i);
    if (spec.categories) return shell.s("rect", { width: 28, height: 10, fill: stroke });
    if (series.kind === "points") return shell.s("circle", { cx: 14, cy: 5, r: Math.min(5, series.radius || 3.5), fill: stroke });
    const dash = series.dash === undefined ? DASHES[i % DASHES.length] : series.dash;
    return shell.s("line", { x1: 1, x2: 27, y1: 5, y2: 5, stroke, "stroke-width": 2.5, "stroke-dasharray": dash || null });
  }

  /** Counts of values in equal bins: {edges, counts}. */
  function binned(values, bins, low, high) {
    const counts = new Float64Array(bins);
    for (const value of values) {
      const bin = Math.floor(((value - low) / (high - low)) * bins);
      if (bin >= 0 && bin < bins) counts[bin] += 1;
    }
    return { edges: Array.from({ length: bins + 1 }, (_, i) => low + ((high - low) * i) / bins), counts };
  }

  /** The series of a histogram as steps, to be drawn by `chart`: its area is 1 when `density`. */
  function histogram(values, options) {
    const { bins = 30, density = false } = options || {};
    const [low, high] = options && options.range ? options.range : shell.extent([values], 0.01);
    const { edges, counts } = binned(values, bins, low, high);
    const share = density ? 1 / (values.length * (edges[1] - edges[0])) : 1;
    const x = [];
    const y = [];
    counts.forEach((count, i) => {
      x.push(edges[i], edges[i + 1]);
      y.push(count * share, count * share);
    });
    return { x: [low, ...x, high], y: [0, ...y, 0], dash: "" };
  }

  function tableOf(spec) {
    if (spec.categories) {
      return {
        columns: [spec.x.label || "", ...spec.series.map((series) => series.name)],
        rows: spec.categories.map((name, i) => [name, ...spec.series.map((series) => series.y[i])]),
      };
    }
    const xs = [...new Set(spec.series.flatMap((series) => Array.from(series.x)))].sort((a, b) => a - b);
    const ys = spec.series.map((series) => new Map(Array.from(series.x, (x, i) => [x, series.y[i]])));
    return {
      columns: [spec.x.label || "x", ...spec.series.map((series) => series.name)],
      rows: xs.map((x) => [x, ...ys.map((one) => one.get(x))]),
    };
  }

  function heading(name) {
    return name ? shell.h("th", { scope: "col" }, name) : shell.h("td");
  }

  /** A table element of {columns, rows, caption}: at most `most` rows, the file has all of them. */
  function dataTable(table, most) {
    const rows = table.rows.slice(0, most || 60);
    const write = (value) => (typeof value === "number" ? shell.number(value) : value === undefined ? "" : String(value));
    return shell.h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": { t: "shell.data" } },
      shell.h("table", {},
        shell.h("thead", {}, shell.h("tr", {}, table.columns.map(heading))),
        shell.h("tbody", {}, rows.map((row) => shell.h("tr", {}, row.map((value, i) =>
          i ? shell.h("td", {}, write(value)) : shell.h("th", { scope: "row" }, write(value))))))));
  }

  function drawn(spec, width) {
    const categories = spec.categories;
    const x = categories
      ? { ...spec.x, min: -0.5, max: categories.length - 0.5, ticks: categories.map((_, i) => i), names: categories }
      : range(spec.x, spec.series.map((series) => series.x));
    const total = (_, j) => spec.series.reduce((sum, series) => sum + series.y[j], 0);
    const heights = spec.series.flatMap((one) => [one.y, one.low || [], one.high || []]);
    const zero = categories ? [[0]] : [];
    const sums = spec.stacked ? [categories.map(total)] : [];
    const y = range(spec.y, [...heights, ...sums, ...zero], Boolean(categories));
    const frame = shell.axes({ width, height: spec.height || Math.round(Math.min(300, 120 + width * 0.3)), x, y });
    const marks = categories ? barsOf(spec, frame.X, frame.Y) : spec.series.flatMap((one, i) => lineOf(one, i, frame.X, frame.Y));
    frame.plot.append(...marks, ...cursors(spec, frame));
    return frame;
  }

  function cursors(spec, { X, Y, area }) {
    return (spec.marks || []).map((mark) => (mark.x !== undefined
      ? shell.s("line", { class: "cursor", x1: X(mark.x), x2: X(mark.x), y1: area.top, y2: area.bottom })
      : shell.s("line", { class: "cursor", x1: area.left, x2: area.right, y1: Y(mark.y), y2: Y(mark.y) })));
  }

  Object.assign(shell, { histogram, binned, dataTable, chartParts: { drawn, legend, tableOf } });
})((globalThis.Vitral = globalThis.Vitral || {}));
