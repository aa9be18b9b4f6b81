// W2's pad: the sheet under mouse, pen, finger and keys, and the buttons that do the same.
(function (V) {
  "use strict";
  const { lineText, withStep, withoutLast, boxOf } = V.widgets.paper;
  const TURN = 10; // degrees
  const KEYS = ["arrows", "turn", "thick", "images", "undo", "clear"];

  /**
   * A pad. spec: {paper, get: () => the drawing's text, set(text), tool: () => "p" or "e", diameter: () => pixels,
   * image: () => which fixed image is the one of now, other(step): the one after it, ofClass(k)}. Gives {surface, tools, show(cells)}.
   */
  function pad(page, shell, spec) {
    const { paper } = spec;
    const canvas = shell.h("canvas", { class: "image", "aria-hidden": "true" });
    const marks = shell.s("svg", { viewBox: `0 0 ${paper.columns} ${paper.rows}`, "aria-hidden": "true" });
    const help = shell.unique("pad-help");
    const surface = shell.h("div", {
      class: "pad", tabindex: "0", role: "application", "aria-label": { t: "w02.pad" }, "aria-roledescription": { t: "w02.pad.kind" },
      "aria-describedby": help,
    }, canvas, marks);
    surface.style.aspectRatio = `${paper.width} / ${paper.height}`;
    const act = actionsOf(spec);
    pointers(surface, spec);
    keys(surface, act);

    function show(cells) {
      shell.paint(canvas, cells, [paper.rows, paper.columns]);
      marks.replaceChildren(...(boxMark(shell, paper, cells) || []));
    }

    const buttons = shell.h("div", { class: "row pad-tools", role: "group", "aria-label": { t: "w02.tools" } },
      ["left", "up", "down", "right", "back", "turn", "thick", "thin"].map((name) => shell.h("button", {
        type: "button", class: "quiet", "aria-label": { t: "w02.do." + name }, title: { t: "w02.do." + name }, on: { click: act[name] },
      }, SIGNS[name])));
    const actions = shell.h("div", { class: "row" }, shell.button("w02.undo", act.undo), shell.button("w02.clear", act.clear),
      page.count ? shell.button("w02.take", act.take) : null);
    return { surface, tools: shell.h("div", {}, actions, buttons, helpOf(shell, help, page.count)), show };
  }

  const SIGNS = { left: "←", up: "↑", down: "↓", right: "→", back: "↶", turn: "↷", thick: "●", thin: "•" };

  /** What can be done to a drawing besides drawing. */
  function actionsOf(spec) {
    const more = (step) => () => spec.set(withStep(spec.get(), step));
    const start = (index) => index >= 0 && spec.set("i" + index);
    return {
      left: more("m-1_0"), right: more("m1_0"), up: more("m0_-1"), down: more("m0_1"), turn: more("r" + TURN), back: more("r-" + TURN),
      thick: more("t1"), thin: more("t-1"), move: (x, y) => more(`m${x}_${y}`)(), undo: () => spec.set(withoutLast(spec.get())),
      clear: () => spec.set(""), take: () => start(spec.image()), step: (by) => start(spec.other(by)), digit: (k) => start(spec.ofClass(k)),
    };
  }

  /** The box of the ink, which centring takes hold of, and its centre of mass. */
  function boxMark(shell, paper, cells) {
    const box = boxOf(cells, paper.rows, paper.columns);
    if (!box) return null;
    let [total, x, y] = [0, 0, 0];
    cells.forEach((value, i) => {
      total += value;
      x += value * ((i % paper.columns) + 0.5);
      y += value * (Math.floor(i / paper.columns) + 0.5);
    });
    [x, y] = [x / total, y / total];
    const arm = paper.k;
    return ["halo", "mark"].flatMap((name) => [
      shell.s("rect", { class: name, x: box.left, y: box.top, width: box.width, height: box.height }),
      shell.s("path", { class: name, d: `M${x - arm} ${y}H${x + arm}M${x} ${y - arm}V${y + arm}` })]);
  }

  /** One pointer draws a line; a pen that is turned around rubs out. */
  function pointers(surface, spec) {
    const { paper } = spec;
    let line = null; // {id, before, kind, points}

    function cellOf(event) {
      const box = surface.getBoundingClientRect();
      const share = (at, from, size) => Math.min(1, Math.max(0, (at - from) / size));
      return [Math.round(share(event.clientX, box.left, box.width) * paper.columns), Math.round(share(event.clientY, box.top, box.height) * paper.rows)];
    }

    function add(event) {
      const point = cellOf(event);
      const last = line.points[line.points.length - 1];
      if (last && Math.hypot(last[0] - point[0], last[1] - point[1]) < 1.5) return;
      line.points.push(point);
    }

    const tell = () => spec.set(withStep(line.before, lineText(line.kind, spec.diameter(), line.points)));

    surface.addEventListener("pointerdown", (event) => {
      if (line || event.button > 0 && event.button !== 5) return;
      event.preventDefault();
      surface.setPointerCapture(event.pointerId);
      surface.focus({ preventScroll: true });
      line = { id: event.pointerId, before: spec.get(), kind: event.button === 5 ? "e" : spec.tool(), points: [] };
      add(event);
      tell();
    });
    surface.addEventListener("pointermove", (event) => {
      if (!line || event.pointerId !== line.id) return;
      const passed = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
      for (const one of passed.length ? passed : [event]) add(one);
      tell();
    });
    for (const end of ["pointerup", "pointercancel"]) {
      surface.addEventListener(end, (event) => { if (line && event.pointerId === line.id) line = null; });
    }
  }

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  function keys(surface, act) {
    const others = {
      r: act.turn, R: act.back, "+": act.thick, "=": act.thick, "-": act.thin, "[": () => act.step(-1), "]": () => act.step(1),
      Backspace: act.undo, Delete: act.clear,
    };

    function meant(event) {
      if (event.key in ARROWS) return () => act.move(...ARROWS[event.key].map((one) => (event.shiftKey ? one / 4 : one)));
      if (event.ctrlKey || event.metaKey) return event.key === "z" ? act.undo : null;
      if (/^[0-9]$/.test(event.key)) return () => act.digit(Number(event.key));
      return others[event.key];
    }

    surface.addEventListener("keydown", (event) => {
      const done = event.altKey ? null : meant(event);
      if (!done) return;
      event.preventDefault();
      done();
    });
  }

  /** The table of keys, folded; its text is what a screen reader tells of the pad. */
  function helpOf(shell, id, hasImages) {
    const shown = KEYS.filter((key) => key !== "images" || hasImages);
    return shell.h("details", { class: "keys" }, shell.h("summary", { t: "w02.keys" }), shell.h("dl", { id }, shown.map((key) =>
      shell.h("div", {}, shell.h("dt", { t: "w02.keys." + key }), shell.h("dd", { t: "w02.keys." + key + ".does" })))));
  }

  V.widgets.pad = pad;
})((globalThis.Vitral = globalThis.Vitral || {}));
