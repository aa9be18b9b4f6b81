// Elements in one line, and texts that follow the language of the page by themselves.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});
  const SVG = "http://www.w3.org/2000/svg";
  const MARKS = /(\*\*.+?\*\*|\*.+?\*|`.+?`)/;
  // What lives as long as its element does hangs on the element; the lists know it by weak references only.
  const records = new WeakMap(); // element -> Map of attribute, or "", -> {element: WeakRef, name, key, values}
  const drawings = new WeakMap(); // element -> [draw]
  let bound = []; // weak references to the entries of `records`
  let redrawn = []; // weak references to the functions of `drawings`
  let crowded = 2000; // entries beyond which those of elements that are gone are let go

  /** A text with **strong**, *emphasis* and `code` as nodes. */
  function marked(text) {
    return text.split(MARKS).filter(Boolean).map((piece) => {
      if (/^\*\*.+\*\*$/.test(piece)) return h("strong", {}, piece.slice(2, -2));
      if (/^\*.+\*$/.test(piece)) return h("em", {}, piece.slice(1, -1));
      if (/^`.+`$/.test(piece)) return h("code", {}, piece.slice(1, -1));
      return document.createTextNode(piece);
    });
  }

  function write(element, name, key, values) {
    const text = shell.t(key, typeof values === "function" ? values() : values);
    if (name) element.setAttribute(name, text);
    else if (element.namespaceURI === SVG) element.textContent = text;
    else element.replaceChildren(...marked(text));
  }

  /**
   * Give an element the text of a key, now and again whenever the language changes. `values` may be a function.
   * With `name`, an attribute gets it (`aria-label`, `title`, `placeholder`).
   */
  function say(element, key, values, name) {
    const which = name || "";
    if (!records.has(element)) records.set(element, new Map());
    const own = records.get(element);
    if (own.has(which)) Object.assign(own.get(which), { key, values });
    else {
      own.set(which, { element: new WeakRef(element), name: which, key, values });
      bound.push(new WeakRef(own.get(which)));
      tidy();
    }
    write(element, which, key, values);
    return element;
  }

  /** Call `draw` whenever language or theme change, for as long as the element lives. */
  function redraws(element, draw) {
    drawings.set(element, [...(drawings.get(element) || []), draw]);
    redrawn.push(new WeakRef(draw));
    tidy();
  }

  function tidy() {
    if (bound.length + redrawn.length < crowded) return;
    bound = bound.filter((one) => one.deref());
    redrawn = redrawn.filter((one) => one.deref());
    crowded = 2 * (bound.length + redrawn.length) + 2000;
  }

  /** Write every bound text again in the language of now. */
  function retell() {
    bound = bound.filter((one) => one.deref());
    for (const one of bound.map((weak) => weak.deref())) {
      const element = one && one.element.deref();
      if (element) write(element, one.name, one.key, one.values);
    }
  }

  /** Draw again all that follows language and theme. */
  function redraw() {
    redrawn = redrawn.filter((one) => one.deref());
    for (const weak of redrawn) {
      const draw = weak.deref();
      if (draw) draw();
    }
  }

  function give(element, name, value) {
    if (value === null || value === undefined || value === false) return;
    if (name === "t") say(element, ...[].concat(value));
    else if (name === "on") for (const [kind, act] of Object.entries(value)) element.addEventListener(kind, act);
    else if (value !== null && typeof value === "object" && value.t) say(element, value.t, value.values, name);
    else element.setAttribute(name, value === true ? "" : String(value));
  }

  function made(element, properties, children) {
    for (const [name, value] of Object.entries(properties || {})) give(element, name, value);
    element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return element;
  }

  /**
   * An element: h("p", {class: "lead", t: ["w03.lead", {n: 3}]}), h("button", {on: {click: act}, "aria-label":
   * {t: "key"}}, child, ...). `t` is a key, or [key, values]; a text child is written as it is.
   */
  function h(name, properties, ...children) {
    return made(document.createElement(name), properties, children);
  }

  /** The same for SVG. */
  function s(name, properties, ...children) {
    return made(document.createElementNS(SVG, name), properties, children);
  }

  /** The value of a colour or length variable of the style sheet, as `--accent`. */
  function style(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  let counter = 0;
  /** A name for an `id` that no other element has. */
  function unique(stem) {
    counter += 1;
    return stem + "-" + counter;
  }

  Object.assign(shell, { h, s, say, marked, retell, redraw, redraws, style, unique });
})((globalThis.Vitral = globalThis.Vitral || {}));
