// W23's strangers: images that no data set has, drawn from simple formulas or made of an image that is at hand.
(function (V) {
  "use strict";

  /**
   * Formulas of a place of the image, u to the right and v downwards, both in 0..1 at the middle of a pixel. The letter
   * and the shirt are drawn by distances to lines and by edges of rectangles.
   */
  const FORMULAS = {
    blank: () => 0,
    full: () => 1,
    grey: () => 0.5,
    checker: (u, v) => (Math.floor(7 * u) + Math.floor(7 * v)) % 2,
    stripes: (u) => Math.floor(7 * u) % 2,
    letter: (u, v) => stroke(Math.min(toLine(u, v, 0.5, 0.16, 0.25, 0.84), toLine(u, v, 0.5, 0.16, 0.75, 0.84), toLine(u, v, 0.36, 0.62, 0.64, 0.62))),
    shirt: (u, v) => {
      const body = v > 0.16 && v < 0.88 && Math.abs(u - 0.5) < 0.22;
      const sleeves = v > 0.16 && v < 0.46 && Math.abs(u - 0.5) < 0.42 - 0.3 * Math.max(0, 0.26 - v);
      return (body || sleeves) && Math.hypot(u - 0.5, v - 0.16) > 0.1 ? 0.8 : 0;
    },
  };

  /** How far a point is from the line between two others. */
  function toLine(u, v, a, b, c, d) {
    const share = Math.min(1, Math.max(0, ((u - a) * (c - a) + (v - b) * (d - b)) / ((c - a) ** 2 + (d - b) ** 2)));
    return Math.hypot(u - a - share * (c - a), v - b - share * (d - b));
  }

  /** A pen of a tenth of the image, with a soft edge. */
  function stroke(distance) {
    return Math.min(1, Math.max(0, (0.07 - distance) / 0.04));
  }

  /** What is made of an image x of a height and width; `pixels` is how many numbers a pixel has. */
  const MADE = {
    inverted: ({ x }) => x.map((one) => 1 - one),
    dimmed: ({ x }) => x.map((one) => one / 2),
    shifted: ({ x, height, width, pixels }) => moved(x, height, width, pixels, Math.round(height / 4), Math.round(width / 4)),
    turned: ({ x, pixels }) => x.map((one, i) => x[x.length - pixels - pixels * Math.floor(i / pixels) + (i % pixels)]),
    shuffled: ({ x, pixels }) => {
      const order = orderOf(V.engine.uniform(0, "explorer stranger shuffle", 0, x.length / pixels));
      return x.map((one, i) => x[pixels * order[Math.floor(i / pixels)] + (i % pixels)]);
    },
    halves: ({ x, other, height }) => x.map((one, i) => (i < (x.length / height) * Math.floor(height / 2) ? one : other[i])),
    average: ({ mean }) => mean,
  };

  function orderOf(values) {
    return Array.from(values.keys()).sort((a, b) => values[a] - values[b]);
  }

  /** Down and to the right by whole pixels; what leaves the image is lost, what comes in is black. */
  function moved(x, height, width, pixels, down, right) {
    return x.map((one, i) => {
      const [row, column] = [Math.floor(i / (width * pixels)) - down, (Math.floor(i / pixels) % width) - right];
      return row < 0 || column < 0 ? 0 : x[(row * width + column) * pixels + (i % pixels)];
    });
  }

  /**
   * All strangers of a page: [{name, values}]. `source`: {x, other, mean}, an image of the data, the one after it and
   * the mean of all; null where the page has none. `binary`: the data are black and white, and so are its strangers.
   */
  function strangers(shape, source, binary) {
    const [height, width, pixels = 1] = shape;
    const count = height * width * pixels;
    const drawn = Object.entries({ ...FORMULAS, noise: null }).map(([name, formula]) => {
      const noise = V.engine.uniform(0, "explorer stranger noise", 0, count);
      const place = (i) => [((Math.floor(i / pixels) % width) + 0.5) / width, (Math.floor(i / (width * pixels)) + 0.5) / height];
      return { name, values: Float64Array.from({ length: count }, (_, i) => (formula ? formula(...place(i)) : noise[i])) };
    });
    const given = source && { ...source, x: Float64Array.from(source.x), height, width, pixels };
    const made = given ? Object.entries(MADE).map(([name, make]) => ({ name, values: make(given) })) : [];
    const all = [...drawn, ...made];
    if (!binary) return all;
    const whole = all.map(({ name, values }) => ({ name, values: values.map((one) => (one >= 0.5 ? 1 : 0)) }));
    return whole.filter(({ name }) => name !== "grey" && name !== "dimmed");
  }

  V.widgets.strangers = strangers;
})((globalThis.Vitral = globalThis.Vitral || {}));
