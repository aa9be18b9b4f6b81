// Controls: each works by mouse, finger and keyboard, and shows what the state says.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});

  /** `get` and `set` of a control: its own, or those of a value of the shared state by `name`. */
  function tied(spec) {
    if (!spec.name) return { get: spec.get, set: spec.set };
    return { get: () => shell.state.get()[spec.name], set: (value) => shell.state.set({ [spec.name]: value }) };
  }

  function follow(element, spec, refresh) {
    element.refresh = refresh;
    refresh();
    shell.redraws(element, refresh);
    if (spec.name) shell.state.subscribe((state, changed) => changed.has(spec.name) && refresh());
    return element;
  }

  function within(spec, value) {
    return Math.min(spec.max, Math.max(spec.min, value));
  }

  /**
   * A slider and a number field tied together.
   * spec: {label: key or [key, values], min, max, step, digits, and name (of the state) or get and set}. A scale of its
   * own, as quantiles, comes as `position(value)` in 0..1 and its inverse `value(position)`.
   * The element has `refresh()`, to be called when what `get` gives has changed by itself.
   */
  function slider(spec) {
    const { get, set } = tied(spec);
    const [key, values] = [].concat(spec.label);
    const id = shell.unique("slider");
    const curved = Boolean(spec.position);
    const range = shell.h("input", {
      type: "range", id, min: curved ? 0 : spec.min, max: curved ? 1 : spec.max, step: curved ? 0.001 : spec.step,
    });
    const field = shell.h("input", {
      type: "text", inputmode: "decimal", autocomplete: "off", class: "number", "aria-label": { t: key, values },
    });
    range.addEventListener("input", () => set(curved ? spec.value(Number(range.value)) : Number(range.value)));
    field.addEventListener("change", () => {
      const value = shell.parse(field.value);
      if (Number.isFinite(value)) set(within(spec, value));
      refresh();
    });
    function refresh() {
      const value = get();
      range.value = curved ? spec.position(value) : value;
      range.setAttribute("aria-valuetext", shell.number(value, spec.digits));
      if (document.activeElement !== field || !field.matches(":focus")) field.value = shell.number(value, spec.digits);
    }
    field.addEventListener("blur", refresh);
    const element = shell.h("div", { class: "slider" }, shell.h("label", { for: id, t: [key, values] }), range, field);
    return follow(element, spec, refresh);
  }

  /** One of a few, as a row of radio buttons. spec: {label, options: [[value, key], ...], name or get and set}. */
  function choice(spec) {
    const { get, set } = tied(spec);
    const group = shell.unique("choice");
    const inputs = spec.options.map(([value]) => shell.h("input", {
      type: "radio", name: group, value: String(value), on: { change: () => set(value) },
    }));
    const labels = spec.options.map(([, key], i) => shell.h("label", {}, inputs[i], shell.h("span", { t: key })));
    const element = shell.h("fieldset", { class: "choice" }, shell.h("legend", { t: spec.label }),
      shell.h("div", { class: "segments" }, labels));
    return follow(element, spec, () => {
      spec.options.forEach(([value], i) => { inputs[i].checked = shell.sameValue(value, get()); });
    });
  }

  /** A check box. spec: {label, name or get and set}. */
  function toggle(spec) {
    const { get, set } = tied(spec);
    const input = shell.h("input", { type: "checkbox", on: { change: () => set(input.checked) } });
    const element = shell.h("label", { class: "toggle" }, input, shell.h("span", { t: spec.label }));
    return follow(element, spec, () => { input.checked = Boolean(get()); });
  }

  /** A list to choose from. spec: {label, options: () => [[value, text], ...], name or get and set}. */
  function select(spec) {
    const { get, set } = tied(spec);
    const id = shell.unique("select");
    const field = shell.h("select", { id });
    field.addEventListener("change", () => set(spec.options()[field.selectedIndex][0]));
    const element = shell.h("div", { class: "select" }, shell.h("label", { for: id, t: spec.label }), field);
    return follow(element, spec, () => {
      const options = spec.options();
      field.replaceChildren(...options.map(([, text]) => shell.h("option", {}, text)));
      field.selectedIndex = options.findIndex(([value]) => shell.sameValue(value, get()));
    });
  }

  /** A button: button("w03.unpin", act). */
  function button(key, act, properties) {
    return shell.h("button", { type: "button", class: "action", t: key, on: { click: act }, ...properties });
  }

  /** A button for play and pause. spec: {start: () => {stop}, key}; `element.stop()` pauses it. */
  function player(spec) {
    let running = null;
    const element = button(spec.play || "shell.play", flip, { "aria-pressed": "false" });
    function show() {
      shell.say(element, running ? "shell.pause" : spec.play || "shell.play");
      element.setAttribute("aria-pressed", String(Boolean(running)));
    }
    function flip() {
      if (running) return element.stop();
      running = spec.start();
      show();
    }
    element.stop = () => {
      if (running) running.stop();
      running = null;
      show();
    };
    element.flip = flip;
    return element;
  }

  Object.assign(shell, { slider, choice, toggle, select, button, player });
})((globalThis.Vitral = globalThis.Vitral || {}));
