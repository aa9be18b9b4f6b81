// The curves of W11: losses after every epoch, the KL of each dimension more often, the mean sigma at the moments.
(function (V) {
  "use strict";
  const MOST_LINES = 6; // dimensions that have a line of their own

  /** The curves that a recording has, by name: {unit: key, series: () => [{name, x, y}]}. */
  function available(replay, shell) {
    const kinds = {};
    const losses = (key) => ["train", "validation"].map((split) => {
      const known = replay.progress.filter((one) => one[split] && Number.isFinite(one[split][key]));
      return { split, x: known.map((one) => one.epoch), y: known.map((one) => one[split][key]) };
    }).filter((one) => one.x.length > 1);
    for (const key of ["loss", "sse"]) {
      const named = ({ split, ...line }) => ({ ...line, name: shell.t("w11.split." + split) });
      if (losses(key).length) kinds[key] = () => losses(key).map(named);
    }
    const kl = V.shell.page.array(replay.name + "/pulse_kl");
    const epochs = V.shell.page.array(replay.name + "/pulse_epochs");
    const nats = (t, j) => kl.data[t * kl.shape[1] + j];
    if (kl && epochs) kinds.kl = () => perDimension(shell, Array.from(epochs.data), kl.shape[1], nats, "sum");
    if (replay.history.logvar) {
      const widths = replay.epochs.map((_, t) => replay.numbers(t).widths);
      kinds.sigma = () => perDimension(shell, replay.epochs, replay.latent, (t, j) => widths[t][j], "mean");
    }
    return kinds;
  }

  /** A line for each of a few dimensions; of many their sum or mean. */
  function perDimension(shell, x, count, value, together) {
    const all = x.map((_, t) => Array.from({ length: count }, (_, j) => value(t, j)));
    const sum = (list) => list.reduce((a, b) => a + b, 0);
    const whole = { name: shell.t("w11.curve." + together), x, y: all.map((one) => sum(one) / (together === "mean" ? count : 1)) };
    if (count > MOST_LINES) return [whole];
    const named = (j) => shell.t("shell.coordinate", { n: j + 1 });
    return Array.from({ length: count }, (_, j) => ({ name: named(j), x, y: all.map((one) => one[j]) }));
  }

  /** The choice of a curve, and the chart of the one that is chosen with cursors at some epochs. */
  function curves(replay, shell) {
    const kinds = available(replay, shell);
    const names = Object.keys(kinds);
    const chosen = () => (names.includes(shell.state.get()["w11.curve"]) ? shell.state.get()["w11.curve"] : names[0]);
    const element = names.length > 1
      ? shell.choice({ label: "w11.curve", options: names.map((one) => [one, "w11.curve." + one]), get: chosen,
        set: (value) => shell.state.set({ "w11.curve": value }) })
      : null;
    let drawn = null;

    function spec(marks) {
      const series = names.length ? kinds[chosen()]() : [];
      drawn = series;
      const label = names.length ? shell.t("w11.curve." + chosen() + ".axis") : shell.t("w11.curve.none");
      return { label, x: { label: shell.t("w11.curve.epoch") }, y: { label, ...room(chosen(), series) }, series, marks };
    }
    return { element, spec, place: (i) => drawn[0].x[i], get empty() { return !names.length; } };
  }

  /** A loss before the first step is so large that it would flatten the rest: it runs out of the picture. */
  function room(kind, series) {
    if (kind !== "loss" && kind !== "sse") return {};
    const after = series.flatMap((one) => one.y.filter((_, i) => one.x[i] >= 1));
    const [low, high] = V.shell.extent([after], 0.06);
    return after.length > 1 ? { min: low, max: high } : {};
  }

  V.widgets.curves = curves;
})((globalThis.Vitral = globalThis.Vitral || {}));
