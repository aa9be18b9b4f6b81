// Numbers of W22: which images lie nearest to another one, and whether generated ones lie nearer to those trained on.
(function (V) {
  "use strict";
  const DRAWS = 200; // of z from the prior

  /**
   * Runs in a worker, and uses nothing from outside itself. With d(x, y) = sqrt(Σ_d (x_d - y_d)²):
   *   known       the distance of every training image to the nearest other one
   *   unseen      that of every test image to the nearest training image
   *   made        of every generated image, the mean at z ~ N(0, I): the nearest training and the nearest test image
   *   codes       mu of both sets of images, where the page has the encoder
   * What needs no model is found once.
   */
  function neighbourhood(V, { plain, name, train, test, z }, reply) {
    const E = V.engine;
    const kept = (V.kept = V.kept || { models: {} });
    if (train) Object.assign(kept, { train, test });
    if (plain) kept.models[name] = new E.Model(plain.description, (key) => plain.arrays[key] || null);
    const model = kept.models[name];
    const D = model.features;

    function nearest(x, rows, itself) {
      let [least, index] = [Infinity, -1];
      for (let r = 0; r * D < rows.length; r++) {
        if (r === itself) continue;
        let square = 0;
        for (let d = 0; d < D && square < least; d++) square += (x[d] - rows[r * D + d]) ** 2;
        if (square < least) [least, index] = [square, r];
      }
      return { index, distance: Math.sqrt(least) };
    }

    const each = (rows, ask) => Array.from({ length: rows.length / D }, (_, i) => ask(rows.subarray(i * D, (i + 1) * D), i));
    const images = model.mean(model.decode(z));
    const made = each(images, (x) => ({ train: nearest(x, kept.train), test: nearest(x, kept.test) }));
    const code = (rows) => (model.encoder ? model.encode(rows).mu : null);
    reply({ made, codes: { train: code(kept.train), test: code(kept.test) } });
    kept.known = kept.known || each(kept.train, (x, i) => nearest(x, kept.train, i).distance);
    kept.unseen = kept.unseen || each(kept.test, (x) => nearest(x, kept.train).distance);
    return { known: kept.known, unseen: kept.unseen };
  }

  /** The k rows nearest to x, nearest first: [{index, distance}]; row `itself` is left out. */
  function nearestRows(x, { data, shape: [count, width] }, k, itself) {
    const squares = Array.from({ length: count }, (_, i) => {
      let square = 0;
      for (let d = 0; d < width; d++) square += (x[d] - data[i * width + d]) ** 2;
      return { index: i, square };
    }).filter(({ index }) => index !== itself);
    squares.sort((a, b) => a.square - b.square);
    return squares.slice(0, k).map(({ index, square }) => ({ index, distance: Math.sqrt(square) }));
  }

  /**
   * Of all images that are nearest to some generated one, the share that was trained on, each counted once; `expected` is
   * that share where the model knows none of them better, and two standard errors of it are `beside`.
   */
  function copied(made, trained, unseen) {
    const ofTrain = new Set(made.filter((one) => one.train.distance < one.test.distance).map((one) => one.train.index));
    const ofTest = new Set(made.filter((one) => one.train.distance >= one.test.distance).map((one) => one.test.index));
    const n = ofTrain.size + ofTest.size;
    const [p, pool] = [trained / (trained + unseen), trained + unseen];
    const error = Math.sqrt((p * (1 - p) * (pool - n)) / (n * (pool - 1)));
    return { share: ofTrain.size / n, expected: p, beside: 2 * error, n };
  }

  /** The codes of the generated images: always the same ones. */
  function drawnCodes(L) {
    return Float64Array.from(Array.from({ length: DRAWS }, (_, i) => Array.from(V.engine.noise(0, "explorer copies", i, L))).flat());
  }

  V.widgets.neighbours = { neighbourhood, nearestRows, copied, drawnCodes, DRAWS };
})((globalThis.Vitral = globalThis.Vitral || {}));
