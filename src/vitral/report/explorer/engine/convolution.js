/* Convolution of images, channels last, and its transpose: one linear map A, read forwards and backwards.

   convolution   y = A x + b      dx = Aᵀ dy        transposed   y = Aᵀ x + b      dx = A dy

   (A x)[i, j, o] = Σ_abc x[i sₕ + a - pₕ, j s_w + b - p_w, c] W[a, b, c, o]        x is 0 outside

   A leads from the large image (H, W, C) to the small one (h, w, O). It is walked place by place: each place of the small
   image, each place of the kernel, and the pixel of the large image that the two meet in. There, A is a matrix of C rows
   and O columns, and what is done with it is one of the three products. */
(function (V) {
  "use strict";
  const E = V.engine;
  const walks = new WeakMap(); // op -> its meetings, worked out once

  /** Every meeting inside the image: three numbers each, small place, kernel place, pixel of the large image. */
  function meetings(op, kernel) {
    if (walks.has(op)) return walks.get(op);
    const [height, width] = op.large;
    const [rows, cols] = op.small;
    const found = [];
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < cols; j++)
        for (let a = 0; a < kernel[0]; a++)
          for (let b = 0; b < kernel[1]; b++) {
            const [row, col] = [i * op.stride[0] + a - op.padding[0], j * op.stride[1] + b - op.padding[1]];
            const inside = row >= 0 && row < height && col >= 0 && col < width;
            if (inside) found.push(i * cols + j, a * kernel[1] + b, row * width + col);
          }
    walks.set(op, Int32Array.from(found));
    return walks.get(op);
  }

  /** The map A of an operation: what leads down, what leads up, and how many numbers the two images have. */
  function sliding(op, p) {
    const W = p[op.W].data;
    const [kh, kw, C, O] = p[op.W].shape;
    const met = meetings(op, [kh, kw]);
    const [large, small] = [op.large[0] * op.large[1] * C, op.small[0] * op.small[1] * O];

    /** visit(place in the large images, in the small images, in the kernel) for every row and meeting. */
    function walk(rows, visit) {
      for (let n = 0; n < rows; n++)
        for (let at = 0; at < met.length; at += 3)
          visit(n * large + met[at + 2] * C, n * small + met[at] * O, met[at + 1] * C * O);
    }

    return {
      large, small, C, O,
      /** small += A large */
      down(from, to) {
        walk(from.length / large, (l, s, k) => E.addProduct(to, s, from, l, W, k, C, O));
        return to;
      },
      /** large += Aᵀ small */
      up(from, to) {
        walk(from.length / small, (l, s, k) => E.addTransposed(to, l, from, s, W, k, C, O));
        return to;
      },
      /** dW += d <small, A large> / dW */
      slope(dW, ofLarge, ofSmall) {
        walk(ofLarge.length / large, (l, s, k) => E.addOuter(dW, k, ofLarge, l, ofSmall, s, C, O));
      },
    };
  }

  /** n pixels that all have the numbers of b. */
  function pixels(b, n) {
    return E.map(E.zeros(n * b.length), (zero, i) => b[i % b.length]);
  }

  /** y = A x + b
   *
   *  dx = Aᵀ dy        dW = d <dy, A x> / dW        db = Σ dy over rows and pixels */
  E.LAYERS.convolution = function convolution(op, p, x) {
    const A = sliding(op, p);
    const numbers = (x.length / A.large) * A.small;

    function backward(dy, g, wanted = true) {
      if (g) A.slope(g[op.W], x, dy);
      if (g) E.addRows(g[op.b], dy);
      return wanted ? A.up(dy, E.zeros(x.length)) : null;
    }

    const y = A.down(x, pixels(p[op.b].data, numbers / A.O));
    return { y, backward, tangent: (dx) => A.down(dx, E.zeros(numbers)) };
  };

  /** y = Aᵀ x + b
   *
   *  dx = A dy        dW = d <x, A dy> / dW        db = Σ dy over rows and pixels */
  E.LAYERS.transposed_convolution = function transposedConvolution(op, p, x) {
    const A = sliding(op, p);
    const numbers = (x.length / A.small) * A.large;

    function backward(dy, g, wanted = true) {
      if (g) A.slope(g[op.W], dy, x);
      if (g) E.addRows(g[op.b], dy);
      return wanted ? A.down(dy, E.zeros(x.length)) : null;
    }

    const y = A.up(x, pixels(p[op.b].data, numbers / A.C));
    return { y, backward, tangent: (dx) => A.up(dx, E.zeros(numbers)) };
  };
})((globalThis.Vitral = globalThis.Vitral || {}));
