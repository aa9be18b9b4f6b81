// What is shown as files to keep: CSV, JSON, PNG, SVG; and texts to copy.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});
  const KEPT = [
    "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "opacity", "font-family",
    "font-size", "font-weight", "text-anchor", "dominant-baseline",
  ];

  /** Hand a file to the person: `content` is text, bytes or a Blob. */
  function save(name, content, type) {
    const blob = content instanceof Blob ? content : new Blob([content], { type: type || "application/octet-stream" });
    const link = shell.h("a", { href: URL.createObjectURL(blob), download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  function cell(value) {
    const text = value === null || value === undefined || Number.isNaN(value) ? "" : String(value);
    return /[",\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }

  /** A table {columns: [names], rows: [[...]]} as CSV: numbers in full, with a decimal point, for programs to read. */
  function csvText(table) {
    return [table.columns, ...table.rows].map((row) => Array.from(row, cell).join(",")).join("\r\n") + "\r\n";
  }

  /** Any object as JSON; typed arrays become lists. */
  function jsonText(value) {
    return JSON.stringify(value, (key, one) => (ArrayBuffer.isView(one) ? Array.from(one) : one), 1);
  }

  /** A copy of an SVG that looks the same outside the page: the styles it is given by rules are written into it. */
  function standaloneSvg(svg) {
    const copy = svg.cloneNode(true);
    const from = [svg, ...svg.querySelectorAll("*")];
    [copy, ...copy.querySelectorAll("*")].forEach((element, i) => {
      const computed = getComputedStyle(from[i]);
      for (const name of KEPT) element.style.setProperty(name, computed.getPropertyValue(name));
      for (const name of ["class", "tabindex", "role"]) element.removeAttribute(name);
    });
    const box = svg.viewBox.baseVal;
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.setAttribute("width", box.width);
    copy.setAttribute("height", box.height);
    const paper = shell.s("rect", { x: box.x, y: box.y, width: box.width, height: box.height, fill: shell.style("--card") });
    copy.prepend(paper);
    return new XMLSerializer().serializeToString(copy);
  }

  async function drawnSvg(svg, scale) {
    const image = new Image();
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(standaloneSvg(svg));
    await image.decode();
    const canvas = shell.h("canvas", { width: image.width * scale, height: image.height * scale });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas;
  }

  /** Canvases and SVGs that lie over each other (a plane), or one of them, as one PNG. */
  async function pngBlob(pictures) {
    const layers = [].concat(pictures);
    const drawn = await Promise.all(layers.map((one) => (one instanceof HTMLCanvasElement ? one : drawnSvg(one, 2))));
    const width = Math.max(...drawn.map((one) => one.width));
    const height = Math.max(...drawn.map((one) => one.height));
    const canvas = shell.h("canvas", { width, height });
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    for (const one of drawn) context.drawImage(one, 0, 0, width, height);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }

  /** Put a text on the clipboard; where the browser keeps it shut, false. */
  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch (problem) {
      return copiedFromField(text);
    }
  }

  function copiedFromField(text) {
    const field = shell.h("textarea", { class: "offstage", readonly: true });
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }

  /** A button that copies what `text()` gives, and says that it did. */
  function copyButton(key, text) {
    const button = shell.h("button", { type: "button", class: "quiet", t: key });
    button.addEventListener("click", async () => {
      shell.say(button, (await copy(text())) ? "shell.copied" : "shell.not_copied");
      setTimeout(() => shell.say(button, key), 2000);
    });
    return button;
  }

  const WAYS = {
    csv: (name, make) => save(name + ".csv", csvText(make()), "text/csv"),
    json: (name, make) => save(name + ".json", jsonText(make()), "application/json"),
    svg: (name, make) => save(name + ".svg", standaloneSvg(make()), "image/svg+xml"),
    png: async (name, make) => save(name + ".png", await pngBlob(make())),
    npz: (name, make) => save(name + ".npz", shell.npz(make())),
  };

  /**
   * The row of export buttons. `ways` holds, for each file wanted, the function that gives its content:
   * csv: () => {columns, rows}; json: () => object; svg: () => SVG element; png: () => canvas, SVG or a list that lies
   * over each other; npz: () => {name: {data, shape}}.
   */
  function exportsRow(name, ways) {
    const buttons = Object.keys(ways).map((way) =>
      shell.h("button", {
        type: "button", class: "quiet", "data-export": way, on: { click: () => WAYS[way](name, ways[way]) },
      }, way.toUpperCase()));
    return shell.h("div", { class: "exports", role: "group", "aria-label": { t: "shell.exports" } },
      shell.h("span", { t: "shell.exports" }), ...buttons);
  }

  Object.assign(shell, { save, csvText, jsonText, standaloneSvg, pngBlob, copy, copyButton, exportsRow });
})((globalThis.Vitral = globalThis.Vitral || {}));
