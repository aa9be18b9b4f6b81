// W24's ruler as a picture: a row a number, on one scale of nats above and of bits per dimension below.
(function (V) {
  "use strict";
  const ROW = 40;
  const WHY = 15; // more, where a reason stands below
  const HEAD = 34;
  const NARROW = 480; // pixels below which a heading takes two lines

  /** Where the scale begins and ends: all rows that compare. */
  function ends(rows) {
    const known = rows.filter((row) => row.nats !== null && !row.why);
    const [low, high] = V.shell.extent([known.flatMap(({ nats, spread }) => [nats - (spread || 0), nats + (spread || 0)])], 0.06);
    return { min: low, max: high };
  }

  function dot(row, x, y, colour) {
    const look = { cx: x, cy: y, r: row.own ? 7 : 5.5, stroke: colour, "stroke-width": 2, fill: row.hollow || row.why ? V.shell.style("--card") : colour };
    return V.shell.s("circle", { ...look, "stroke-dasharray": row.why ? "2 2" : null });
  }

  function errorBar(row, X, y, colour) {
    if (!(row.spread > 0)) return null;
    return V.shell.s("line", { x1: X(row.nats - row.spread), x2: X(row.nats + row.spread), y1: y, y2: y, stroke: colour, "stroke-width": 4, "stroke-opacity": 0.45 });
  }

  /** Whether a row has its place on the scale. */
  const inside = (row, { min, max }) => row.nats !== null && row.nats >= min && row.nats <= max;

  const heightOf = (row, limits) => ROW + (row.why && inside(row, limits) ? WHY : 0);

  function rowOf(shell, row, top, width, X, chosen) {
    const colour = row.why ? shell.style("--soft") : row.own ? shell.seriesColour(1) : row.group === "published" ? shell.seriesColour(2) : shell.seriesColour(0);
    const y = top + 26;
    const shown = inside(row, X.ends);
    const soft = row.why ? "tick" : row.own ? "own" : null;
    const parts = [
      chosen ? shell.s("rect", { x: 0, y: top - 3, width, height: heightOf(row, X.ends) - 2, rx: 4, fill: shell.style("--accent-soft") }) : null,
      shell.s("text", { x: 4, y: top + 12, class: soft }, row.name),
      shell.s("text", { x: width - 4, y: top + 12, class: soft, "text-anchor": "end" }, row.short),
      row.why && !shown ? null : shell.s("line", { class: "grid", x1: X(X.ends.min), x2: X(X.ends.max), y1: y, y2: y }),
      ...(shown ? [errorBar(row, X, y, colour), dot(row, X(row.nats), y, colour)] : []),
      row.why ? shell.s("text", { x: 4, y: y + (shown ? 17 : 3), class: "tick why" }, row.whyShort) : null,
    ];
    return shell.s("g", { "data-row": row.index }, ...parts.filter(Boolean));
  }

  function scaleOf(shell, X, y, below, D, label) {
    const values = X.ticks(Math.max(5, Math.floor((X(X.ends.max) - X(X.ends.min)) / 80)));
    const unit = below ? 1 / (D * Math.LN2) : 1;
    const marks = below ? shell.ticks(X.ends.min * unit, X.ends.max * unit, Math.max(4, values.length)).map((one) => [one, one / unit]) : values.map((one) => [one, one]);
    const [left, right] = [X(X.ends.min), X(X.ends.max)];
    return shell.s("g", {}, shell.s("line", { class: "axis", x1: left, x2: right, y1: y, y2: y }),
      ...marks.flatMap(([text, at]) => [
        shell.s("line", { class: "axis", x1: X(at), x2: X(at), y1: y, y2: y + (below ? 5 : -5) }),
        shell.s("text", { class: "tick", x: Math.min(right - 8, Math.max(left + 10, X(at))), y: y + (below ? 18 : -9), "text-anchor": "middle" }, shell.number(text))]),
      shell.s("text", { class: "own", x: left, y: y + (below ? 34 : -24) }, label));
  }

  /** The ruler. `get()` gives {rows (with name, short, whyShort), heads: {group: text}, chosen, D, label, units}; `pick(index)` hears of a choice. */
  function track(shell, get, pick) {
    const place = shell.h("div", { class: "chart-place ruler", tabindex: "0", role: "group" });
    let tops = [];

    function update() {
      const width = Math.min(720, place.clientWidth);
      if (!width) return;
      const { rows, heads, chosen, D, label, units } = get();
      const X = shell.scale(ends(rows), 8, width - 8);
      X.ends = ends(rows);
      const parts = [scaleOf(shell, X, 44, false, D, units[0]),
        width < NARROW ? shell.s("g") : shell.s("text", { class: "tick", x: width - 4, y: 20, "text-anchor": "end" }, units.join(" · "))];
      let y = 54;
      let group = "";
      tops = [];
      for (const row of rows) {
        if (row.group !== group) {
          const lines = width < NARROW ? heads[row.group].split(": ") : [heads[row.group]];
          lines.forEach((text, i) => parts.push(shell.s("text", { class: i ? "tick" : "head", x: 0, y: y + 22 + 16 * i }, text)));
          y += HEAD + 16 * (lines.length - 1);
          group = row.group;
        }
        parts.push(rowOf(shell, row, y, width, X, row.index === chosen));
        tops.push({ index: row.index, from: y - 3, to: (y += heightOf(row, X.ends)) - 3 });
      }
      parts.push(scaleOf(shell, X, y + 6, true, D, units[1]));
      const height = y + 46;
      place.setAttribute("aria-label", label);
      place.replaceChildren(shell.s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" }, ...parts));
    }

    place.addEventListener("pointerdown", (event) => {
      const svg = place.querySelector("svg");
      if (!svg) return;
      const box = svg.getBoundingClientRect();
      const y = ((event.clientY - box.top) / box.height) * svg.viewBox.baseVal.height;
      const hit = tops.find(({ from, to }) => y >= from && y < to);
      if (hit) pick(hit.index);
    });
    place.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
      if (!step || !tops.length) return;
      event.preventDefault();
      pick(Math.min(tops.length - 1, Math.max(0, get().chosen + step)));
    });
    new ResizeObserver(shell.framed(update)).observe(place);
    shell.redraws(place, update);
    return { element: place, update, svg: () => place.querySelector("svg") };
  }

  V.widgets.rulerTrack = track;
})((globalThis.Vitral = globalThis.Vitral || {}));
