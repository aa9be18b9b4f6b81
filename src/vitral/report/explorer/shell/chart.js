// A chart as a part of the page: it fits its place, follows language and theme, and can be read without a mouse.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});

  /**
   * A chart. `make()` gives what it shows, in the language of now:
   * {label, x: {label, log, min, max}, y: {...}, series: [{name, x, y, low, high, kind: "points", colour, dash}],
   * marks: [{x} or {y}]} or, for bars, {categories: [names], series: [{name, y, colours}], stacked}.
   * Gives {element, update(), svg(), table(), pick}: `update` draws again; `pick(index)` may be set to hear of taps.
   */
  function chart(make) {
    const place = shell.h("div", { class: "chart-place", tabindex: "0", role: "group" });
    const readout = shell.h("p", { class: "readout" });
    const keys = shell.h("div", {});
    const table = shell.h("details", { class: "data" }, shell.h("summary", { t: "shell.data" }), shell.h("div", {}));
    const element = shell.h("div", { class: "chart" }, keys, place, readout, table);
    const self = { element, update, svg: () => place.querySelector("svg"), table: () => shell.chartParts.tableOf(make()), pick: null };
    let spec = null;
    let frame = null;
    let index = -1;

    function update() {
      if (!place.clientWidth) return;
      spec = make();
      frame = shell.chartParts.drawn(spec, Math.min(720, place.clientWidth));
      frame.svg.setAttribute("aria-hidden", "true");
      place.setAttribute("aria-label", spec.label);
      place.replaceChildren(frame.svg);
      keys.replaceChildren(...[shell.chartParts.legend(spec)].filter(Boolean));
      if (table.open) fillTable();
      if (index >= 0) tell(index);
    }

    function fillTable() {
      table.lastChild.replaceChildren(shell.dataTable(self.table()));
    }

    function places() {
      return spec.categories ? spec.categories.map((_, i) => i) : Array.from(spec.series[0].x);
    }

    function tell(i) {
      const xs = places();
      index = Math.min(xs.length - 1, Math.max(0, i));
      const first = spec.categories ? spec.categories[index] : (spec.x.label || "x") + " " + shell.number(xs[index]);
      const rest = spec.series.map((series) => {
        const at = spec.categories ? index : nearest(series.x, xs[index]);
        return (series.name ? series.name + " " : "") + shell.number(series.y[at], spec.digits);
      });
      readout.textContent = [first, ...rest].join(" · ");
      mark(xs[index]);
    }

    function mark(x) {
      frame.plot.querySelectorAll(".reading").forEach((one) => one.remove());
      const { area, X } = frame;
      frame.plot.append(shell.s("line", { class: "reading", x1: X(x), x2: X(x), y1: area.top, y2: area.bottom }));
    }

    function point(event) {
      if (!frame) return;
      const box = frame.svg.getBoundingClientRect();
      const pixel = (event.clientX - box.left) * (frame.svg.viewBox.baseVal.width / box.width);
      tell(nearest(places(), frame.X.inverse(pixel)));
      if (self.pick && event.type === "pointerdown") self.pick(index);
    }

    place.addEventListener("pointermove", point);
    place.addEventListener("pointerdown", point);
    place.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step || !spec) return;
      event.preventDefault();
      tell(index + step);
      if (self.pick) self.pick(index);
    });
    table.addEventListener("toggle", () => table.open && fillTable());
    new ResizeObserver(shell.framed(update)).observe(place);
    shell.redraws(element, update);
    return self;
  }

  function nearest(list, value) {
    let best = 0;
    for (let i = 1; i < list.length; i++) if (Math.abs(list[i] - value) < Math.abs(list[best] - value)) best = i;
    return best;
  }

  Object.assign(shell, { chart });
})((globalThis.Vitral = globalThis.Vitral || {}));
