// The frame of a chart: scales, ticks in round numbers, a grid, and words on the axes.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});

  /** About `count` round numbers between two ends. */
  function ticks(low, high, count) {
    if (!(high > low)) return [low];
    const rough = (high - low) / Math.max(1, count);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough * 0.999);
    const first = Math.ceil(low / step - 1e-9);
    const last = Math.floor(high / step + 1e-9);
    return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  }

  /** Whole powers of ten between two ends; with 2 and 5 where there are few. */
  function logTicks(low, high) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      for (const factor of high / low < 200 ? [1, 2, 5] : [1]) found.push(factor * 10 ** power);
    }
    return found.filter((one) => one >= low * 0.999 && one <= high * 1.001);
  }

  /** A scale from numbers to pixels. axis: {min, max, log}. */
  function scale(axis, from, to) {
    const look = axis.log ? Math.log : (value) => value;
    const [low, high] = [look(axis.min), look(axis.max)];
    const span = high - low || 1;
    const place = (value) => from + ((look(value) - low) / span) * (to - from);
    place.inverse = (pixel) => {
      const value = low + ((pixel - from) / (to - from)) * span;
      return axis.log ? Math.exp(value) : value;
    };
    place.ticks = (count) => (axis.log ? logTicks(axis.min, axis.max) : ticks(axis.min, axis.max, count));
    return place;
  }

  /** Least and greatest of some lists of numbers, what is not finite left out, a little air around. */
  function extent(lists, air) {
    let low = Infinity;
    let high = -Infinity;
    for (const list of lists) {
      for (const value of list) {
        if (!Number.isFinite(value)) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
    if (low > high) return [0, 1];
    const more = (high - low || Math.abs(high) || 1) * (air || 0);
    return [low - more, high + more];
  }

  function tickLabel(value, axis) {
    if (axis.names) return axis.names[value] === undefined ? "" : String(axis.names[value]);
    return shell.number(value);
  }

  /** Of how many names below bars one has room. */
  function crowding(places, axis, X) {
    const widest = 6.6 * Math.max(...places.map((value) => tickLabel(value, axis).length)) + 4;
    return places.length < 2 ? 1 : Math.ceil(widest / (X(places[1]) - X(places[0])));
  }

  function horizontal(area, axis, X) {
    const parts = [];
    const all = axis.ticks || X.ticks(Math.max(2, Math.floor((area.right - area.left) / 62)));
    const places = axis.names ? all.filter((_, i) => i % crowding(all, axis, X) === 0) : all;
    for (const value of places) {
      parts.push(shell.s("line", { class: "grid", x1: X(value), x2: X(value), y1: area.top, y2: area.bottom }));
      const text = tickLabel(value, axis);
      const beyond = X(value) + 3.6 * text.length > area.right + 14; // the last label stays inside the picture
      parts.push(shell.s("text", {
        class: "tick", x: beyond ? area.right + 12 : X(value), y: area.bottom + 16, "text-anchor": beyond ? "end" : "middle",
      }, text));
    }
    if (axis.label) {
      parts.push(shell.s("text", { class: "axis-label", x: (area.left + area.right) / 2, y: area.bottom + 35, "text-anchor": "middle" },
        axis.label));
    }
    return parts;
  }

  function vertical(area, axis, Y) {
    const parts = [];
    const places = axis.ticks || Y.ticks(Math.max(2, Math.floor((area.bottom - area.top) / 45)));
    for (const value of places) {
      parts.push(shell.s("line", { class: "grid", x1: area.left, x2: area.right, y1: Y(value), y2: Y(value) }));
      parts.push(shell.s("text", { class: "tick", x: area.left - 7, y: Y(value), "text-anchor": "end", dy: "0.32em" },
        tickLabel(value, axis)));
    }
    if (axis.label) {
      parts.push(shell.s("text", { class: "axis-label", x: 0, y: 13 }, axis.label));
    }
    return parts;
  }

  function leftRoom(axis, Y) {
    const places = axis.ticks || Y.ticks(5);
    const longest = Math.max(...places.map((value) => String(tickLabel(value, axis)).length), 2);
    return 14 + 7.2 * longest;
  }

  /**
   * An SVG with axes. spec: {width, height, x: {min, max, label, log, ticks, names}, y: {...}}; the label of y stands
   * above, where it can be read. Gives {svg, plot (a clipped group to draw into), X, Y, area}.
   */
  function axes(spec) {
    const { width, height } = spec;
    const top = spec.y.label ? 26 : 10;
    const rough = scale(spec.y, height, 0);
    const area = { left: leftRoom(spec.y, rough), right: width - 14, top, bottom: height - (spec.x.label ? 42 : 24) };
    const X = scale(spec.x, area.left, area.right);
    const Y = scale(spec.y, area.bottom, area.top);
    const clip = shell.unique("clip");
    const plot = shell.s("g", { "clip-path": "url(#" + clip + ")" });
    const box = { x: area.left - 4, y: area.top - 4, width: area.right - area.left + 8, height: area.bottom - area.top + 8 };
    const svg = shell.s("svg", { viewBox: "0 0 " + width + " " + height, width, height, class: "axes" },
      shell.s("clipPath", { id: clip }, shell.s("rect", box)),
      ...vertical(area, spec.y, Y), ...horizontal(area, spec.x, X),
      shell.s("line", { class: "axis", x1: area.left, x2: area.right, y1: area.bottom, y2: area.bottom }), plot);
    return { svg, plot, X, Y, area };
  }

  Object.assign(shell, { ticks, scale, extent, axes });
})((globalThis.Vitral = globalThis.Vitral || {}));
