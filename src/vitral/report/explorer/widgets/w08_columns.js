// W8's two columns, every array with its derivative beside it; its keys; and the whole step as code, the line of now marked.
(function (V) {
  "use strict";
  const { paintSigned, shapeFor, STRIP } = V.widgets.stepParts;
  const { pairs, shortNames } = V.widgets.stepStages;

  const BEGINNING = [
    "import json", "from pathlib import Path", "import numpy as np", "given = json.loads(Path(\"training-step.json\").read_text())", "w, g = dict(np.load(\"training-step.npz\")), {}",
    "x, eps = np.array(given[\"arrays\"][\"x\"]), np.array(given[\"arrays\"][\"eps\"])",
    "beta, rate, s2 = given[\"beta\"], given[\"step\"][\"rate\"], given[\"variance\"]",
  ];

  /** The stage at which an array, or its derivative, is first known. */
  function stageOf(all, model, name, derivative) {
    if (!derivative) return all.findIndex((stage) => stage.reached === (name === "logvar" ? "mu" : name));
    const last = (part) => `${part}.${model[part].length - 1}`;
    const ends = { [last("decoder")]: "o", [last("encoder")]: model.hasDensity ? "mu" : "z", logvar: "mu" };
    return all.findIndex((stage) => stage.slope === (ends[name] || name));
  }

  /** A cell: nothing yet, a picture, or a few numbers; pressing it goes to its stage. */
  function cellOf(page, shell, go) {
    const canvas = shell.h("canvas", { class: "image", "aria-hidden": "true" });
    const text = shell.h("span", {});
    const button = shell.h("button", { type: "button", class: "quiet cell", on: { click: () => go(button.stage) } }, canvas, text);

    function show({ name, values, stage, index }) {
      button.stage = stage;
      const known = values && index >= stage;
      const short = known && values.length <= STRIP;
      canvas.hidden = !known || short;
      text.textContent = !known ? "·" : short ? shell.vector(values, 2) : "";
      shell.say(button, known ? "w08.cell" : "w08.cell.ahead", { name }, "aria-label");
      button.setAttribute("aria-current", stage === index ? "step" : "false");
      if (!known || short) return;
      if (name === "x") shell.paint(canvas, values, shapeFor(page, values.length));
      else paintSigned(page, shell, canvas, values, null);
    }

    return { element: button, show };
  }

  /** The columns: `show(step, stages, index)`. Rows are made anew when another model has other layers. */
  function stepColumns(page, shell, go) {
    const body = shell.h("tbody", {});
    const head = shell.h("thead", {}, shell.h("tr", {}, ["w08.column.array", "w08.column.forward", "w08.column.back"].map((t) => shell.h("th", { scope: "col", t }))));
    let rows = [];
    let made = null;

    function make(model) {
      const names = shortNames(model);
      rows = pairs(model).map((name) => ({ name, short: names[name] || name, cells: [0, 1].map(() => cellOf(page, shell, go)) }));
      body.replaceChildren(...rows.map(({ short, cells }) => shell.h("tr", {}, shell.h("th", { scope: "row" }, short),
        cells.map((cell) => shell.h("td", {}, cell.element)))));
      made = model;
    }

    function show({ arrays, slopes, of: { model } }, all, index) {
      if (made !== model) make(model);
      for (const { name, short, cells } of rows) {
        cells[0].show({ name: short, values: arrays[name], stage: stageOf(all, model, name, false), index });
        cells[1].show({ name: "d_" + short, values: slopes[name], stage: stageOf(all, model, name, true), index });
      }
    }

    return { element: shell.h("table", { class: "step-columns" }, head, body), show };
  }

  /** Space and the arrows step, Home and End go to the ends, where the desk itself has the focus. */
  function stepKeys(desk, at, go) {
    const moves = { ArrowRight: 1, ArrowDown: 1, " ": 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity };
    desk.addEventListener("keydown", (event) => {
      if (event.target !== desk || !(event.key in moves)) return;
      event.preventDefault();
      go(at() + moves[event.key]);
    });
  }

  /** All lines of the step, the one of now marked. */
  function stepListing(shell, list) {
    const lines = shell.h("ol", { class: "listing" });
    const text = () => [...BEGINNING, ...list().map((stage) => stage.line)].join("\n");
    const element = shell.h("div", {}, shell.h("div", { class: "code-head" }, shell.h("p", { class: "aside-label", t: "shell.code" }),
      shell.copyButton("shell.copy_code", text)),
    shell.h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": { t: "shell.code" } }, lines));

    function mark(index) {
      const line = (text, current) => shell.h("li", { "aria-current": current ? "step" : null }, shell.h("code", {}, text));
      lines.replaceChildren(...BEGINNING.map((text) => line(text, false)), ...list().map((stage, i) => line(stage.line, i === index)));
    }

    return { element, mark };
  }

  Object.assign(V.widgets, { stepColumns, stepKeys, stepListing });
})((globalThis.Vitral = globalThis.Vitral || {}));
