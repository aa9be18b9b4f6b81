// The ridges of W18: the KL of every dimension over the epochs, one behind the other, with the weight of the KL below.
(function (V) {
  "use strict";
  const TALL = 5; // a ridge may be so many times as high as the step between ridges
  const STRIP = 46; // pixels of the strip of the weight

  function line(points) {
    return points.map(([x, y], i) => (i ? "L" : "M") + x.toFixed(1) + " " + y.toFixed(1)).join("");
  }

  /** One ridge, filled against those behind it: solid up to the cursor, pale after it. */
  function ridge(one, j, base, scale, X, cursor) {
    const point = (t) => [X(one.epochs[t]), base - scale * one.kl.data[t * one.latent + j]];
    const all = one.epochs.map((_, t) => point(t));
    const ends = [[X(one.epochs[one.last]), base], [X(one.epochs[0]), base]];
    const { s } = V.shell;
    return s("g", { class: "ridge" }, s("path", { class: "ground", d: line([...all, ...ends]) + "Z" }),
      s("path", { class: "later", d: line(all) }), s("path", { class: "reached", d: line(all.slice(0, cursor + 1)) }));
  }

  /** The weight of the KL as a strip with its largest value written beside it. */
  function strip(one, X, top, area) {
    const { s, number, t } = V.shell;
    if (!one.weight) return [s("text", { class: "tick", x: area.left, y: top + STRIP - 10 }, t("w18.weight.none"))];
    const most = Math.max(...one.weight.y);
    const Y = (value) => top + STRIP - 6 - ((STRIP - 24) * value) / (most || 1);
    return [
      s("text", { class: "tick", x: area.left, y: top + 12 }, t("w18.weight", { most: number(most) })),
      s("line", { class: "grid", x1: area.left, x2: area.right, y1: Y(0), y2: Y(0) }),
      s("path", { class: "weight", d: line(one.weight.x.map((x, i) => [X(x), Y(one.weight.y[i])])) }),
    ];
  }

  /**
   * The ridges of one training as an SVG. options: {width, most (nats of the highest ridge of all trainings), cursor
   * (moment)}. The dimension that holds most at the end is in front.
   */
  function ridges(one, { width, most, cursor }) {
    const { s, ticks, number } = V.shell;
    const step = Math.max(5, Math.min(13, 170 / one.latent));
    const room = TALL * step + 8;
    const height = room + step * one.latent + STRIP + 24;
    const area = { left: 6, right: width - 12 };
    const end = one.epochs[one.last] || 1;
    const X = (epoch) => area.left + (epoch / end) * (area.right - area.left);
    const scale = (TALL * step) / (most || 1);
    const base = (i) => room + step * (i + 1);
    const order = [...one.order].reverse();
    const floor = base(one.latent - 1);
    const anchor = (value) => (value === 0 ? "start" : value >= end ? "end" : "middle");
    const marks = ticks(0, end, Math.max(3, Math.floor(width / 70))).map((value) =>
      s("text", { class: "tick", x: X(value), y: height - 4, "text-anchor": anchor(value) }, number(value)));
    const bar = s("line", { class: "one-nat", x1: area.right + 6, x2: area.right + 6, y1: floor, y2: floor - scale });
    const now = X(one.epochs[cursor]);
    const cursorLine = s("line", { class: "cursor", x1: now, x2: now, y1: 4, y2: floor + STRIP });
    return s("svg", { viewBox: "0 0 " + width + " " + height, width, height, class: "ridges", "aria-hidden": "true" },
      ...order.map((j, i) => ridge(one, j, base(i), scale, X, cursor)), ...strip(one, X, floor + 4, area), ...marks,
      bar, cursorLine);
  }

  V.widgets.ridges = ridges;
})((globalThis.Vitral = globalThis.Vitral || {}));
