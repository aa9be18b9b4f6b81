// A sheet of images in rows and columns, one of which is chosen by tap, mouse or arrow keys.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});

  /**
   * A sheet. spec: {label: key or [key, values] of its name, across, down, pick: (index) => what a choice does}.
   * Gives {element, canvas, paint(images, shape, share), choose(index)}: `share(i)` in 0..1 is the part of its cell's
   * width that image i fills; `choose` moves the mark without calling `pick`.
   */
  function sheet(spec) {
    const { across, down } = spec;
    const [key, values] = [].concat(spec.label);
    const canvas = shell.h("canvas", {
      class: "image wide", tabindex: "0", role: "application", "aria-label": { t: key, values },
      "aria-roledescription": { t: "shell.sheet" },
    });
    const mark = shell.h("div", { class: "sheet-mark", "aria-hidden": "true" });
    const element = shell.h("div", { class: "sheet" }, canvas, mark);
    let at = -1;

    function choose(index) {
      at = index;
      const inside = index >= 0 && index < across * down;
      mark.hidden = !inside;
      const put = (name, share) => mark.style.setProperty(name, 100 * share + "%");
      put("left", (index % across) / across);
      put("top", Math.floor(index / across) / down);
      put("width", 1 / across);
      put("height", 1 / down);
    }

    function pick(index) {
      choose(index);
      spec.pick(index);
    }

    canvas.addEventListener("pointerdown", (event) => {
      const box = canvas.getBoundingClientRect();
      const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      const [column, line] = [Math.floor(x * across), Math.floor(y * down)];
      if (column >= 0 && line >= 0 && column < across && line < down) pick(line * across + column);
    });
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across, Home: -at, End: across * down - 1 - at };
      if (!(event.key in step)) return;
      event.preventDefault();
      pick(Math.min(across * down - 1, Math.max(0, at + step[event.key])));
    });
    choose(-1);
    return { element, canvas, choose, paint: (images, shape, share) => drawn(canvas, images, shape, across, down, share) };
  }

  /** Every image in the middle of its cell, twice as large as it is, so that a smaller share of it can still be seen. */
  function drawn(canvas, images, [height, width], across, down, share) {
    const [wide, high] = [2 * width + 2, 2 * height + 2];
    canvas.width = across * wide;
    canvas.height = down * high;
    const context = canvas.getContext("2d");
    const one = shell.h("canvas");
    context.imageSmoothingEnabled = Boolean(share);
    images.forEach((values, i) => {
      const part = share ? share(i) : 1;
      shell.paint(one, values, [height, width]);
      const [x, y] = [(i % across) * wide + wide / 2, Math.floor(i / across) * high + high / 2];
      context.drawImage(one, x - part * width, y - part * height, 2 * part * width, 2 * part * height);
    });
  }

  Object.assign(shell, { sheet });
})((globalThis.Vitral = globalThis.Vitral || {}));
