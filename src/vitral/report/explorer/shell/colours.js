// Colours that stay apart for colour-blind eyes, the same as in the figures of the report.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});
  // At least 20 apart in CIELAB, also as protanopes and deuteranopes see them.
  const CLASSES = [
    "#332288", "#2e9cd7", "#26af9c", "#107519", "#94a55a", "#c4961a", "#ec4477", "#5f133e", "#aa429a", "#525f48",
  ];
  // The same hues for a dark ground: at least 3:1 against it, and 11 apart in CIELAB, seen by the same eyes.
  const CLASSES_DARK = [
    "#7d6cf5", "#46b4f0", "#3fdcc0", "#2f9440", "#d8e890", "#d09a10", "#ff4f7a", "#b0457a", "#f2bcec", "#9aa79f",
  ];

  function dark() {
    const asked = document.documentElement.dataset.theme;
    return asked ? asked === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }

  /** The colour of a class: its digit is always drawn with it, so that colour is never alone. */
  function classColour(label) {
    const colours = dark() ? CLASSES_DARK : CLASSES;
    return label === null || label === undefined ? shell.style("--soft") : colours[label % colours.length];
  }

  /** The name of a class: of the data where it has names, else its number. */
  function className(page, label) {
    const names = page.data.classes;
    return Array.isArray(names) && names[label] !== undefined ? String(names[label]) : String(label);
  }

  /** The sign drawn for a class on a plane: one or two letters of its name. */
  function glyph(page, label) {
    return className(page, label).slice(0, 2);
  }

  /** The colour of series i of a chart. */
  function seriesColour(i) {
    return shell.style("--series-" + (i % 6));
  }

  Object.assign(shell, { dark, classColour, className, glyph, seriesColour });
})((globalThis.Vitral = globalThis.Vitral || {}));
