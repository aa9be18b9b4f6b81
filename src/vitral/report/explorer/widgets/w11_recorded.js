// What was recorded of a training, scene by scene: codes, their widths, the plane, reconstructions, and the curves.
(function (V) {
  "use strict";

  /** The mean of some numbers. */
  function mean(values) {
    let sum = 0;
    for (const value of values) sum += value;
    return values.length ? sum / values.length : NaN;
  }

  /** Rows `from` to `to` of the first axis of an array, as {data, shape} of one axis less or the same. */
  function scene(array, t) {
    const size = array.shape.slice(1).reduce((a, b) => a * b, 1);
    return { data: array.data.subarray(t * size, (t + 1) * size), shape: array.shape.slice(1) };
  }

  /** Which two dimensions are drawn: both, or the two whose KL (of an autoencoder: whose variance) is largest at the end. */
  function drawnAxes(history) {
    const [E, n, L] = history.codes.shape;
    if (L < 3) return [0, L - 1];
    const last = scene(history.codes, E - 1).data;
    const column = (j) => Array.from({ length: n }, (_, i) => last[i * L + j]);
    const weight = (j) => {
      if (history.kl) return history.kl.data[(E - 1) * L + j];
      const values = column(j);
      const middle = mean(values);
      return mean(values.map((one) => (one - middle) ** 2));
    };
    const sorted = Array.from({ length: L }, (_, j) => j).sort((a, b) => weight(b) - weight(a));
    return sorted.slice(0, 2).sort((a, b) => a - b);
  }

  /** Two columns of rows of L numbers. */
  function projected(array, [first, second]) {
    const [n, L] = array.shape;
    const data = new Float32Array(2 * n);
    for (let i = 0; i < n; i++) {
      data[2 * i] = array.data[i * L + first];
      data[2 * i + 1] = array.data[i * L + second];
    }
    return { data, shape: [n, 2] };
  }

  /**
   * The recording of a model: {epochs, arrays, axes, at(epoch), codes(place), sigma(t), ...}. A place between two scenes,
   * 3.4, stands for codes on their way from scene 3 to scene 4; nothing but the drawing of a move uses one.
   */
  function recorded(page, name) {
    const array = (key) => page.array(name + "/history_" + key);
    const history = Object.fromEntries(
      ["epochs", "codes", "logvar", "kl", "grid", "reconstructions"].map((key) => [key, array(key)]).filter(([, one]) => one));
    const epochs = Array.from(history.epochs.data);
    const axes = drawnAxes(history);
    const flat = epochs.map((_, t) => projected(scene(history.codes, t), axes));
    const wide = history.logvar && epochs.map((_, t) => projected(scene(history.logvar, t), axes).data.map((one) => Math.exp(0.5 * one)));
    const progress = new Map(page.description(name).progress.map((one) => [one.epoch, one]));

    function between(list, place) {
      const t = Math.min(epochs.length - 1, Math.floor(place));
      const share = place - t;
      if (!share) return list[t];
      return list[t].map((one, i) => one + share * (list[t + 1][i] - one));
    }

    /** The scene nearest to an epoch; the last one for an epoch below zero. */
    function at(epoch) {
      if (epoch < 0) return epochs.length - 1;
      return epochs.reduce((best, one, t) => (Math.abs(one - epoch) < Math.abs(epochs[best] - epoch) ? t : best), 0);
    }

    /** The mean sigma of every dimension at a scene. */
    function widths(t) {
      if (!history.logvar) return null;
      const { data, shape: [n, L] } = scene(history.logvar, t);
      return Array.from({ length: L }, (_, j) => mean(Array.from({ length: n }, (_, i) => Math.exp(0.5 * data[i * L + j]))));
    }

    /** The share of codes, in percent, that lie farther from the origin than a radius. */
    function beyond(t, radius) {
      const { data, shape: [n, L] } = scene(history.codes, t);
      const far = Array.from({ length: n }, (_, i) => Math.hypot(...data.subarray(i * L, (i + 1) * L)) > radius);
      return (100 * far.filter(Boolean).length) / n;
    }

    /** Everything that is told of a scene; a loss only where the scene is a whole epoch. */
    function numbers(t) {
      const record = progress.get(epochs[t]) || {};
      const of = (split, key) => (record[split] && Number.isFinite(record[split][key]) ? record[split][key] : NaN);
      const kl = history.kl ? Array.from(scene(history.kl, t).data) : null;
      const sigma = widths(t);
      return {
        epoch: epochs[t], train: of("train", "loss"), validation: of("validation", "loss"), sse: of("validation", "sse"),
        kl: kl ? kl.reduce((a, b) => a + b, 0) : NaN, each: kl, sigma: sigma ? mean(sigma) : NaN, widths: sigma, beyond: beyond(t, 2),
      };
    }

    return {
      name, epochs, axes, history, at, numbers, latent: history.codes.shape[2], count: history.codes.shape[1],
      progress: [...progress.values()],
      codes: (place) => ({ data: between(flat.map((one) => one.data), place), shape: flat[0].shape }),
      sigma: (place) => (wide ? between(wide, place) : null),
      /** The path of a code up to a place. */
      path(i, place) {
        const point = (t) => Array.from(between(flat.map((one) => one.data), t).subarray(2 * i, 2 * i + 2));
        const whole = Array.from({ length: Math.floor(place) + 1 }, (_, t) => point(t));
        return place > Math.floor(place) ? [...whole, point(place)] : whole;
      },
      /** The tiles of the plane at a scene, top left first. */
      tiles(t) {
        const { data, shape: [count, size] } = scene(history.grid, t);
        return Array.from({ length: count }, (_, i) => data.subarray(i * size, (i + 1) * size));
      },
      reconstruction: (t, i) => V.shell.row(scene(history.reconstructions, t), i),
    };
  }

  V.widgets.recorded = recorded;
})((globalThis.Vitral = globalThis.Vitral || {}));
