// W5's bar: reconstruction and KL end to end on one scale, and below it the KL alone on a scale of its own.
(function (V) {
  "use strict";
  const HEIGHT = 26;
  const ROW = 88;

  /** Pieces laid end to end from zero: [{...piece, from, to}]. */
  function laid(pieces) {
    let at = 0;
    return pieces.map((piece) => ({ ...piece, from: at, to: (at += piece.value) }));
  }

  /** One bar with its title above and its scale below. */
  function row(shell, top, width, { title, pieces }, pick) {
    const ends = [0, ...pieces.flatMap((one) => [one.from, one.to])];
    const [low, high] = [Math.min(...ends), Math.max(...ends)];
    const air = (high - low || 1) * 0.03;
    const X = shell.scale({ min: low - (low < 0 ? air : 0), max: high + air }, 4, width - 4);
    const y = top + 20;
    const ticks = X.ticks(Math.max(2, Math.floor(width / 90))).flatMap((value) => [
      shell.s("line", { class: "grid", x1: X(value), x2: X(value), y1: y - 3, y2: y + HEIGHT + 6 }),
      shell.s("text", { class: "tick", x: Math.min(width - 14, Math.max(12, X(value))), y: y + HEIGHT + 19, "text-anchor": "middle" },
        shell.number(value)),
    ]);
    const end = pieces.length ? pieces[pieces.length - 1].to : 0;
    return shell.s("g", {}, shell.s("text", { x: 0, y: top + 10, "font-weight": 650 }, title), ...ticks,
      ...pieces.map((piece) => block(shell, X, y, piece, low < 0, pick)),
      shell.s("line", { class: "zero", x1: X(0), x2: X(0), y1: y - 5, y2: y + HEIGHT + 6 }),
      shell.s("line", { class: "cursor", x1: X(end), x2: X(end), y1: y - 5, y2: y + HEIGHT + 6 }));
  }

  /** A piece; where a bar runs below zero, pieces that come back lie in a lane of their own. */
  function block(shell, X, y, piece, folded, pick) {
    const [left, right] = [piece.from, piece.to].map(X).sort((a, b) => a - b);
    const lower = folded && piece.value >= 0;
    const rect = shell.s("rect", {
      class: "piece", "data-piece": piece.id, x: left, y: y + (lower ? HEIGHT / 2 : 0), width: Math.max(1.5, right - left),
      height: folded ? HEIGHT / 2 : HEIGHT, fill: piece.colour, stroke: piece.chosen ? shell.style("--ink") : shell.style("--card"),
      "stroke-width": piece.chosen ? 2.5 : 1,
    });
    rect.addEventListener("pointerdown", () => pick(piece.id));
    rect.addEventListener("pointermove", (event) => (event.movementX || event.movementY) && pick(piece.id));
    return rect;
  }

  /**
   * The bar as a part of a widget. `make()` gives {label, rows: [{title, pieces: [{id, name, value, told, colour,
   * chosen}]}]} in the unit and the language of now; `pick(id)` hears of a piece that is pointed at. Every piece of the
   * first row has a button as well.
   */
  function bar(shell, make, pick) {
    const place = shell.h("div", { class: "chart-place loss-bar", role: "img" });
    const buttons = shell.h("div", { class: "row loss-pieces" });
    const element = shell.h("div", { class: "chart" }, place, buttons);
    const self = { element, update, svg: () => place.querySelector("svg") };

    function update() {
      const width = Math.min(720, place.clientWidth);
      if (!width) return;
      const spec = make();
      const rows = spec.rows.map((one, i) => row(shell, i * ROW, width, { ...one, pieces: laid(one.pieces) }, pick));
      const height = ROW * rows.length;
      place.setAttribute("aria-label", spec.label);
      place.replaceChildren(shell.s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" }, ...rows));
      fillButtons(spec.pieces);
    }

    function fillButtons(pieces) {
      if (buttons.children.length !== pieces.length) buttons.replaceChildren(...pieces.map(() => chip(shell, pick)));
      pieces.forEach((piece, i) => buttons.children[i].show(piece));
    }

    new ResizeObserver(shell.framed(update)).observe(place);
    shell.redraws(element, update);
    return self;
  }

  /** A button of a piece: its colour, name and value. It stays itself while values change, so that focus stays. */
  function chip(shell, pick) {
    const swatch = shell.s("rect", { width: 12, height: 12 });
    const text = shell.h("span", {});
    const button = shell.h("button", { type: "button", class: "quiet", on: { click: () => pick(button.dataset.piece) } },
      shell.s("svg", { viewBox: "0 0 12 12", width: 12, height: 12, "aria-hidden": "true" }, swatch), " ", text);
    button.show = (piece) => {
      button.dataset.piece = piece.id;
      button.setAttribute("aria-pressed", String(piece.chosen));
      swatch.setAttribute("fill", piece.colour);
      text.textContent = piece.told;
    };
    return button;
  }

  V.widgets.lossBar = bar;
})((globalThis.Vitral = globalThis.Vitral || {}));
