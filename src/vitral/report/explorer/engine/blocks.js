/* Blocks of networks: gates, layer normalisation, residual connections.

   The contract is that of layers.js; op.body is a list of operations of its own. */
(function (V) {
  "use strict";
  const E = V.engine;

  /** y = a s with s = sigmoid(b):   width numbers a and then width numbers b lie side by side
   *
   *  da = dy s        db = dy y (1 - s) */
  E.LAYERS.gate = function gate(op, p, x) {
    const width = op.width;
    const place = (i) => 2 * width * Math.floor(i / width) + (i % width); // of the a that belongs to y_i
    const s = E.map(E.zeros(x.length / 2), (zero, i) => E.sigmoid(x[place(i) + width]));
    const y = E.map(s, (each, i) => x[place(i)] * each);

    function backward(dy) {
      const dx = E.zeros(x.length);
      dy.forEach((d, i) => {
        dx[place(i)] = d * s[i];
        dx[place(i) + width] = d * y[i] * (1 - s[i]);
      });
      return dx;
    }

    const tangent = (dx) => E.map(y, (each, i) => dx[place(i)] * s[i] + dx[place(i) + width] * each * (1 - s[i]));
    return { y, backward, tangent };
  };

  /** y = (x W₁ + b₁) · sigmoid(x W₂ + b₂) with W = [W₁, W₂] side by side: an affine layer, then its gate */
  E.LAYERS.gated = function gated(op, p, x) {
    return E.chain([{ ...op, op: "affine" }, { op: "gate", width: p[op.W].shape[1] / 2 }], p, x);
  };

  /** y = x̂ gain + b with x̂ = (x - mean(x)) / sqrt(var(x) + epsilon), of every width numbers side by side
   *
   *  dx̂ = dy gain        dx = (dx̂ - mean(dx̂) - x̂ mean(dx̂ x̂)) / sqrt(var(x) + epsilon)
   *  dgain = Σ_n dy x̂    db = Σ_n dy                            forwards: dx̂ from dx in the same way, dy = dx̂ gain */
  E.LAYERS.layer_norm = function layerNorm(op, p, x) {
    const [gain, b] = [p[op.gain].data, p[op.b].data];
    const width = gain.length;
    const { normal, rates } = normalised(x, width, op.epsilon);
    const projected = (d) => {
      const out = E.zeros(d.length);
      for (let n = 0; n < rates.length; n++) {
        const [row, own] = [E.rowsOf(d, width, n), E.rowsOf(normal, width, n)];
        const [mean, along] = [E.sum(row) / width, E.dot(row, own) / width];
        out.set(E.map(row, (each, i) => (each - mean - own[i] * along) * rates[n]), n * width);
      }
      return out;
    };
    const scaled = (d) => E.map(d, (each, i) => each * gain[i % width]);

    function backward(dy, g) {
      if (g) E.addRows(g[op.gain], E.map(dy, (each, i) => each * normal[i]));
      if (g) E.addRows(g[op.b], dy);
      return projected(scaled(dy));
    }

    const y = E.map(normal, (each, i) => each * gain[i % width] + b[i % width]);
    return { y, backward, tangent: (dx) => scaled(projected(dx)) };
  };

  /** (x - mean) / sqrt(var + epsilon) of every width numbers, and 1 / sqrt(var + epsilon) */
  function normalised(x, width, epsilon) {
    const [normal, rates] = [E.zeros(x.length), E.zeros(x.length / width)];
    for (let n = 0; n < rates.length; n++) {
      const row = E.rowsOf(x, width, n);
      const mean = E.sum(row) / width;
      const centred = E.map(row, (each) => each - mean);
      rates[n] = 1 / Math.sqrt(E.dot(centred, centred) / width + epsilon);
      normal.set(E.map(centred, (each) => each * rates[n]), n * width);
    }
    return { normal, rates };
  }

  /** y = x + f(x)
   *
   *  dx = dy + f'(dy) */
  E.LAYERS.residual = function residual(op, p, x) {
    const body = E.chain(op.body, p, x);
    return {
      y: E.add(body.y.slice(), x),
      backward: (dy, g) => E.add(body.backward(dy, g).slice(), dy),
      tangent: (dx) => E.add(body.tangent(dx).slice(), dx),
    };
  };
})((globalThis.Vitral = globalThis.Vitral || {}));
