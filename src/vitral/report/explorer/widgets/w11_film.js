// The film strips of W11: a row for each fixed image, a column for each recorded moment, the original first.
(function (V) {
  "use strict";

  /** The strips. `pick(t, i)` hears of a choice: moment t, or -1 for the originals, and image i. */
  function film(page, shell, replay, pick) {
    const { epochs } = replay;
    const rows = replay.history.reconstructions.shape[1];
    const across = epochs.length + 1;
    const sheet = shell.sheet({ label: ["w11.film", { rows, across }], across, down: rows, pick: (index) =>
      pick((index % across) - 1, Math.floor(index / across)) });
    const marks = ["a", "b"].map((name) => shell.h("div", { class: "film-column " + name, "aria-hidden": "true" }));
    sheet.element.append(...marks);
    const heads = epochs.map(() => shell.h("span", {}));
    const head = shell.h("div", { class: "film-head", style: "--moments: " + across, "aria-hidden": "true" },
      shell.h("span", { t: "w11.film.original" }), heads);
    const element = shell.h("figure", { class: "captioned whole film" }, shell.h("figcaption", { t: "w11.film.caption" }),
      head, sheet.element);

    function paint() {
      if (!page.count) return;
      const images = Array.from({ length: rows }, (_, i) => [page.image(i), ...epochs.map((_, t) => replay.reconstruction(t, i))]);
      sheet.paint(images.flat(), page.data.image_shape);
    }

    /** Mark the moments a (or none) and b, and the image of now where it is one of the strips. */
    function update(a, b, image) {
      heads.forEach((one, t) => { one.textContent = V.widgets.epochText(shell, epochs[t]); });
      for (const [mark, t] of [[marks[0], a], [marks[1], b]]) {
        mark.hidden = t === null;
        mark.style.setProperty("left", (100 * (t + 1)) / across + "%");
        mark.style.setProperty("width", 100 / across + "%");
      }
      sheet.choose(image >= 0 && image < rows ? image * across + b + 1 : -1);
    }
    paint();
    return { element, sheet, update };
  }

  V.widgets.film = film;
})((globalThis.Vitral = globalThis.Vitral || {}));
