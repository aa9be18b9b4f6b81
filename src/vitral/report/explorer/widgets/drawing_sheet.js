// W2's sheet of paper: what a line of text says was drawn, and the rule by which MNIST's digits were put into their place.
(function (V) {
  "use strict";
  const CELLS = 112; // the finest side of a sheet, about; every pixel is k by k cells of it
  const FAINT = 0.5 / 255; // less ink than half a level is paper
  const JOIN = "~";

  /** The paper of images of a shape: {height, width} in pixels, k, and {rows, columns} in cells. */
  function paper([height, width]) {
    const k = Math.max(2, Math.round(CELLS / Math.max(height, width)));
    return { height, width, k, rows: height * k, columns: width * k };
  }

  /* A drawing is a text: its steps one after the other, joined by "~", so that it can stand in an address.

       p<d><xy...>   a pen as thick as d tenths of a pixel goes from point to point      e<d><xy...>   an eraser
       m<x>_<y>      all of it moves by whole or broken pixels        r<a>   turns by a degrees, with the clock
       t<n>          every line becomes n quarters of a pixel thicker on either side, or thinner         i<n>   fixed image n

     d, x and y are two digits to the base of 36; x and y count cells from the upper left. */
  const two = (n) => Math.round(n).toString(36).padStart(2, "0");

  function lineText(kind, diameter, points) {
    return kind + two(10 * diameter) + points.map(([x, y]) => two(x) + two(y)).join("");
  }

  /** A text with one more step; of steps of one kind in a row (m, r, t) their sum is kept. */
  function withStep(made, step) {
    const steps = made ? made.split(JOIN) : [];
    const last = steps[steps.length - 1] || "";
    if (!"mrt".includes(step[0]) || last[0] !== step[0]) return [...steps, step].join(JOIN);
    const [a, b] = [last, step].map((one) => one.slice(1).split("_").map(Number));
    const sum = a.map((value, i) => Number((value + b[i]).toFixed(3)));
    return [...steps.slice(0, -1), ...(sum.some(Boolean) ? [step[0] + sum.join("_")] : [])].join(JOIN);
  }

  const withoutLast = (made) => made.split(JOIN).slice(0, -1).join(JOIN);

  /** The points of a line's text, in cells: [[x, y], ...]. */
  function pointsOf(text) {
    const numbers = (text.slice(3).match(/../g) || []).map((one) => parseInt(one, 36));
    return Array.from({ length: Math.floor(numbers.length / 2) }, (_, i) => [numbers[2 * i], numbers[2 * i + 1]]);
  }

  /** Ink of a round pen along a line: max over its pieces of clip(r + 1/2 - distance, 0, 1); an eraser takes as much away. */
  function lined(paper, cells, text) {
    const radius = (parseInt(text.slice(1, 3), 36) / 20) * paper.k;
    const points = pointsOf(text);
    const ink = new Float32Array(cells.length);
    points.forEach((end, i) => piece(paper, ink, radius, points[Math.max(0, i - 1)], end));
    const rubs = text[0] === "e";
    return cells.map((cell, i) => (rubs ? Math.min(cell, 1 - ink[i]) : Math.max(cell, ink[i])));
  }

  function piece({ rows, columns }, ink, radius, [x1, y1], [x2, y2]) {
    const reach = radius + 1;
    const between = (low, high, most) => [Math.max(0, Math.floor(low - reach)), Math.min(most - 1, Math.ceil(high + reach))];
    const [left, right] = between(Math.min(x1, x2), Math.max(x1, x2), columns);
    const [top, bottom] = between(Math.min(y1, y2), Math.max(y1, y2), rows);
    const [dx, dy] = [x2 - x1, y2 - y1];
    const square = dx * dx + dy * dy || 1;
    for (let r = top; r <= bottom; r++) {
      for (let c = left; c <= right; c++) {
        const [x, y] = [c + 0.5 - x1, r + 0.5 - y1];
        const along = Math.min(1, Math.max(0, (x * dx + y * dy) / square));
        const share = radius + 0.5 - Math.hypot(x - along * dx, y - along * dy);
        const at = r * columns + c;
        if (share > ink[at]) ink[at] = Math.min(1, share);
      }
    }
  }

  /** Turned about the middle and moved: p' = R (p - c) + c + t, in cells, each cell read between its four neighbours. */
  function placed({ rows, columns }, cells, { angle, x, y }) {
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    const [cx, cy] = [columns / 2 - 0.5, rows / 2 - 0.5];
    const at = (r, c) => (r < 0 || c < 0 || r >= rows || c >= columns ? 0 : cells[r * columns + c]);
    return cells.map((_, i) => {
      const [px, py] = [(i % columns) - cx - x, Math.floor(i / columns) - cy - y];
      const [sx, sy] = [cos * px + sin * py + cx, cos * py - sin * px + cy];
      const [c, r] = [Math.floor(sx + 1e-9), Math.floor(sy + 1e-9)];
      const [u, v] = [sx - c, sy - r];
      return (1 - v) * ((1 - u) * at(r, c) + u * at(r, c + 1)) + v * ((1 - u) * at(r + 1, c) + u * at(r + 1, c + 1));
    });
  }

  /** One more move or turn: {angle, x, y} of both together, so that ink is read once, whatever was done to it. */
  function further({ angle, x, y }, text, k) {
    const [a, b] = text.slice(1).split("_").map(Number);
    if (text[0] === "m") return { angle, x: x + a * k, y: y + b * k };
    const turn = (a * Math.PI) / 180;
    const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
    return { angle: angle + turn, x: cos * x - sin * y, y: sin * x + cos * y };
  }

  /** The greatest ink within a radius of each cell, or the least. */
  function thickened({ rows, columns, k }, cells, steps) {
    const radius = (Math.abs(steps) * k) / 4;
    const reach = Math.floor(radius);
    const most = steps > 0 ? Math.max : Math.min;
    let grown = cells;
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) {
        if (dx * dx + dy * dy > radius * radius) continue;
        grown = grown.map((value, i) => {
          const [r, c] = [Math.floor(i / columns) + dy, (i % columns) + dx];
          return most(value, r < 0 || c < 0 || r >= rows || c >= columns ? 0 : cells[r * columns + c]);
        });
      }
    }
    return grown;
  }

  /** An image of the page on paper: every pixel as k by k cells. */
  function spreadOut({ k, width, columns }, cells, values) {
    return cells.map((_, i) => values[Math.floor(Math.floor(i / columns) / k) * width + Math.floor((i % columns) / k)]);
  }

  const NOWHERE = { angle: 0, x: 0, y: 0 };

  /** The sheet after one more step: {text, cells}, and while it is only moved and turned, the sheet it comes from. */
  function after(paper, before, text, imageOf) {
    const { cells } = before;
    const value = Number(text.slice(1));
    if ("pe".includes(text[0])) return { text, cells: lined(paper, cells, text) };
    if (text[0] === "t" && Math.abs(value) <= 20) return { text, cells: thickened(paper, cells, value) };
    if (text[0] === "i" && imageOf(value)) return { text, cells: spreadOut(paper, cells, imageOf(value)) };
    if (!/^(m-?[\d.]+_-?[\d.]+|r-?[\d.]+)$/.test(text)) return { text, cells };
    const source = before.source || cells;
    const motion = further(before.motion || NOWHERE, text, paper.k);
    return { text, source, motion, cells: placed(paper, source, motion) };
  }

  /** `sheet(made)` gives the cells of a drawing's text; steps that it shares with the last text are not made again. */
  function sheets(paper, imageOf) {
    const blank = { text: "", cells: new Float32Array(paper.rows * paper.columns) };
    let kept = [];
    return (made) => {
      const steps = made ? made.split(JOIN) : [];
      let same = 0;
      while (same < kept.length && kept[same].text === steps[same]) same += 1;
      kept = kept.slice(0, same);
      for (const step of steps.slice(same)) kept.push(after(paper, kept[kept.length - 1] || blank, step, imageOf));
      return (kept[kept.length - 1] || blank).cells;
    };
  }

  /** How much of each of n cells each pixel of `step` cells averages: rows of pixels. */
  function shares(n, step) {
    return Array.from({ length: Math.ceil(n / step - 1e-9) }, (_, p) => Float64Array.from({ length: n }, (_, i) =>
      Math.max(0, Math.min((p + 1) * step, n, i + 1) - Math.max(p * step, i)) / step));
  }

  /** Where the ink of values (rows, columns) is: {top, left, height, width}; null of an empty sheet. */
  function boxOf(values, rows, columns) {
    let [top, left, bottom, right] = [rows, columns, -1, -1];
    values.forEach((value, i) => {
      if (!(value > FAINT)) return;
      const [r, c] = [Math.floor(i / columns), i % columns];
      [top, left, bottom, right] = [Math.min(top, r), Math.min(left, c), Math.max(bottom, r), Math.max(right, c)];
    });
    return bottom < 0 ? null : { top, left, height: bottom - top + 1, width: right - left + 1 };
  }

  /** The ink inside its box, so small that the larger side is `side` pixels: {values, height, width}, averages of areas. */
  function reduced(paper, cells, box, side) {
    const step = Math.max(box.height, box.width) / side;
    const [down, across] = [shares(box.height, step), shares(box.width, step)];
    const row = (r) => cells.subarray((box.top + r) * paper.columns + box.left, (box.top + r) * paper.columns + box.left + box.width);
    const half = Array.from({ length: box.height }, (_, r) => across.map((share) => V.engine.dot(share, row(r))));
    const values = down.flatMap((share) => across.map((_, c) => share.reduce((sum, part, r) => (part ? sum + part * half[r][c] : sum), 0)));
    return { values, height: down.length, width: across.length };
  }

  /**
   * As MNIST was made: the bounding box to `side` pixels with its aspect kept, by averages of areas; then whole pixels of
   * shift, so that the centre of mass comes to the middle, as far as the box stays on the sheet.
   */
  function centred(paper, cells, side) {
    const image = new Float32Array(paper.height * paper.width);
    const box = boxOf(cells, paper.rows, paper.columns);
    if (!box) return image;
    const small = reduced(paper, cells, box, side);
    const total = small.values.reduce((a, b) => a + b, 0);
    const mass = (place) => small.values.reduce((sum, value, i) => sum + value * place(i), 0) / total;
    const shift = (size, length, place) => Math.min(size - length, Math.max(0, Math.floor(Math.floor(size / 2) - mass(place) + 0.5)));
    const top = shift(paper.height, small.height, (i) => Math.floor(i / small.width));
    const left = shift(paper.width, small.width, (i) => i % small.width);
    small.values.forEach((value, i) => { image[(top + Math.floor(i / small.width)) * paper.width + left + (i % small.width)] = value; });
    return image;
  }

  /** As it was drawn: every pixel the mean of its cells. */
  function asDrawn({ height, width, k, columns }, cells) {
    const image = new Float64Array(height * width);
    cells.forEach((value, i) => { image[Math.floor(Math.floor(i / columns) / k) * width + Math.floor((i % columns) / k)] += value / (k * k); });
    return Float32Array.from(image);
  }

  /** The larger side of the ink of most images of the page, which a drawing gets as well: MNIST's 20 of 28 where there are none. */
  function usualSide(images, [height, width]) {
    const sides = images.map((one) => boxOf(one, height, width)).filter(Boolean).map((box) => Math.max(box.height, box.width));
    const middle = sides.sort((a, b) => a - b)[Math.floor(sides.length / 2)];
    return Math.min(height, width, middle || Math.round((20 / 28) * Math.min(height, width)));
  }

  V.widgets.paper = { paper, lineText, withStep, withoutLast, sheets, boxOf, centred, asDrawn, usualSide, FAINT };
})((globalThis.Vitral = globalThis.Vitral || {}));
