/* Layers: forward(op, p, x) -> {y, backward(dy, g, wanted) -> dx, tangent(dx) -> dy}.

   op is one entry of a model's list, {op: "affine", W: "encoder.0.W", b: "encoder.0.b"}; p has the numbers by name,
   {data, shape}. x is rows side by side. backward is the derivative read from the loss to the data: it adds to the
   gradients g by name (none where g is null) and returns the loss's derivative by x, or null where it is not wanted.
   tangent is the same derivative read forwards: how y moves when x moves by dx. */
(function (V) {
  "use strict";
  const E = V.engine;
  const LAYERS = {};

  /** y = x W + b
   *
   *  dx = dy Wᵀ        dW = xᵀ dy        db = Σ_n dy_n */
  LAYERS.affine = function affine(op, p, x) {
    const W = p[op.W].data;
    const [nIn, nOut] = p[op.W].shape;
    const rows = x.length / nIn;
    const linear = (from, to) => {
      for (let n = 0; n < rows; n++) E.addProduct(to, n * nOut, from, n * nIn, W, 0, nIn, nOut);
      return to;
    };

    function backward(dy, g, wanted = true) {
      if (g) {
        E.addOuter(g[op.W], 0, x, 0, dy, 0, nIn, nOut, rows);
        E.addRows(g[op.b], dy);
      }
      if (!wanted) return null;
      const dx = E.zeros(x.length);
      for (let n = 0; n < rows; n++) E.addTransposed(dx, n * nIn, dy, n * nOut, W, 0, nIn, nOut);
      return dx;
    }

    const y = linear(x, repeated(p[op.b].data, rows));
    return { y, backward, tangent: (dx) => linear(dx, E.zeros(rows * nOut)) };
  };

  /** y = x + b
   *
   *  dx = dy        db = Σ_n dy_n */
  LAYERS.offset = function offset(op, p, x) {
    const b = p[op.b].data;

    function backward(dy, g) {
      if (g) E.addRows(g[op.b], dy);
      return dy;
    }

    return { y: E.map(x, (value, i) => value + b[i % b.length]), backward, tangent: (dx) => dx };
  };

  /* What works number by number: its value, and its slope where x went in and y came out. */
  const ACTIVATIONS = {
    /** y = max(x, 0)        dx = dy · 1[y > 0] */
    relu: { value: (x) => Math.max(x, 0), slope: (x, y) => (y > 0 ? 1 : 0) },
    /** y = tanh(x)        dx = dy (1 - y²) */
    tanh: { value: Math.tanh, slope: (x, y) => 1 - y * y },
    /** y = 1 / (1 + exp(-x))        dx = dy y (1 - y) */
    sigmoid: { value: E.sigmoid, slope: (x, y) => y * (1 - y) },
    /** y = log(1 + exp(x))        dx = dy sigmoid(x) */
    softplus: { value: E.softplus, slope: (x) => E.sigmoid(x) },
    /** y = x s, s = sigmoid(x)        dx = dy (s + y (1 - s)) */
    silu: {
      value: (x) => x * E.sigmoid(x),
      slope(x, y) {
        const s = E.sigmoid(x);
        return s + y * (1 - s);
      },
    },
  };

  for (const [name, { value, slope }] of Object.entries(ACTIVATIONS)) {
    LAYERS[name] = function activation(op, p, x) {
      const y = E.map(x, value);
      const sloped = (d) => E.map(d, (each, i) => each * slope(x[i], y[i]));
      return { y, backward: sloped, tangent: sloped };
    };
  }

  /** y = f_n(... f_2(f_1(x)))
   *
   *  dx = f_1'(... f_n'(dy)): the same layers, read backwards. ``watch(index, dy)`` sees the derivative by each output.
   * @returns {{y, outputs: Float64Array[], backward, tangent}} outputs has what every layer put out */
  function chain(ops, p, x) {
    const passes = [];
    for (const op of ops) {
      passes.push(layer(op, p, x));
      x = passes[passes.length - 1].y;
    }

    function backward(dy, g, wanted = true, watch = null) {
      for (let index = passes.length - 1; index >= 0; index--) {
        if (watch) watch(index, dy);
        dy = passes[index].backward(dy, g, wanted || index > 0);
      }
      return dy;
    }

    const tangent = (dx) => passes.reduce((moved, pass) => pass.tangent(moved), dx);
    return { y: x, outputs: passes.map((pass) => pass.y), backward, tangent };
  }

  /** One layer, by the name of its operation. */
  function layer(op, p, x) {
    if (!LAYERS[op.op]) throw new Error(`this page knows no layer ${op.op}`);
    return LAYERS[op.op](op, p, x);
  }

  /** The names of the tensors of a list of operations, those inside of blocks included; none where there is no list. */
  function tensorNames(ops) {
    return (ops || []).flatMap((op) => [
      ...["W", "b", "gain"].filter((key) => op[key]).map((key) => op[key]),
      ...tensorNames(op.body || []),
    ]);
  }

  function repeated(row, rows) {
    const y = E.zeros(rows * row.length);
    for (let n = 0; n < rows; n++) y.set(row, n * row.length);
    return y;
  }

  Object.assign(E, { LAYERS, chain, layer, tensorNames });
})((globalThis.Vitral = globalThis.Vitral || {}));
