// The timeline of W11: the recorded moments as equal steps, so that the early ones, which lie close together, have room.
(function (V) {
  "use strict";

  /** An epoch as it is written on the timeline: 0.25 of the first one, whole numbers after it. */
  function epochText(shell, epoch) {
    return shell.number(epoch, Number.isInteger(epoch) ? 0 : 2);
  }

  /**
   * A slider over recorded moments: drag, tap, arrow keys; Space plays. spec: {label: key, epochs, get: () => index,
   * set: (index) => ..., play}. Gives {element, refresh}.
   */
  function timeline(shell, spec) {
    const { epochs } = spec;
    const texts = epochs.map(() => shell.h("span", { class: "moment-epoch" }));
    const ticks = epochs.map((_, i) => shell.h("span", { class: "moment-tick" }, shell.h("span", { class: "moment-dot" }), texts[i]));
    const element = shell.h("div", {
      class: "timeline", role: "slider", tabindex: "0", "aria-label": { t: spec.label }, "aria-valuemin": "0",
      "aria-valuemax": String(epochs.length - 1), style: "--moments: " + epochs.length,
    }, ticks);

    function refresh() {
      const now = spec.get();
      ticks.forEach((tick, i) => {
        tick.classList.toggle("past", i < now);
        tick.classList.toggle("now", i === now);
        texts[i].textContent = epochText(shell, epochs[i]);
      });
      element.setAttribute("aria-valuenow", String(now));
      element.setAttribute("aria-valuetext", shell.t("w11.epoch", { epoch: epochText(shell, epochs[now]) }));
    }

    function move(event) {
      const box = element.getBoundingClientRect();
      const index = Math.floor(((event.clientX - box.left) / box.width) * epochs.length);
      spec.set(Math.min(epochs.length - 1, Math.max(0, index)));
    }

    element.addEventListener("pointerdown", (event) => {
      if (event.button > 0) return;
      element.setPointerCapture(event.pointerId);
      element.focus({ preventScroll: true });
      move(event);
    });
    element.addEventListener("pointermove", (event) => element.hasPointerCapture(event.pointerId) && move(event));
    element.addEventListener("keydown", (event) => {
      const last = epochs.length - 1;
      const now = spec.get();
      const to = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, Home: 0, End: last }[event.key];
      if (to === undefined && event.key !== " ") return;
      event.preventDefault();
      if (event.key === " ") spec.play();
      else spec.set(Math.min(last, Math.max(0, to)));
    });
    refresh();
    shell.redraws(element, refresh);
    return { element, refresh };
  }

  Object.assign(V.widgets, { timeline, epochText });
})((globalThis.Vitral = globalThis.Vitral || {}));
