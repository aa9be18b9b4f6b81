/* Numbers of the explorer, without any library: rows of Float64Array, and the three products that all layers are made of.

   An array is flat. N rows of D numbers are one Float64Array of N D numbers, and whoever uses it knows D.
   Everything is computed in double precision, whatever precision the weights were stored in. */
(function (V) {
  "use strict";

  const LOG_TWO_PI = Math.log(2 * Math.PI);

  /** n zeros. */
  const zeros = (n) => new Float64Array(n);

  /** f of every number.
   * @param {ArrayLike<number>} x @param {function(number, number): number} f of a number and its place */
  function map(x, f) {
    const y = zeros(x.length);
    for (let i = 0; i < x.length; i++) y[i] = f(x[i], i);
    return y;
  }

  /** Rows from..to of rows of width numbers, as a view. */
  const rowsOf = (x, width, from, to = from + 1) => x.subarray(from * width, to * width);

  function sum(x) {
    let total = 0;
    for (let i = 0; i < x.length; i++) total += x[i];
    return total;
  }

  function dot(a, b) {
    let total = 0;
    for (let i = 0; i < a.length; i++) total += a[i] * b[i];
    return total;
  }

  /** Sums of rows of width numbers, one a row. */
  function sumEach(x, width) {
    const totals = zeros(x.length / width);
    for (let n = 0; n < totals.length; n++) totals[n] = sum(rowsOf(x, width, n));
    return totals;
  }

  /** a += b, in place. */
  function add(a, b) {
    for (let i = 0; i < a.length; i++) a[i] += b[i];
    return a;
  }

  /** a += Σ_n of rows b_n as long as a, in place. */
  function addRows(a, b) {
    for (let at = 0; at < b.length; at += a.length) add(a, b.subarray(at, at + a.length));
    return a;
  }

  /** [a, b] side by side in every row, from rows of widths m and n. */
  function beside(a, m, b, n) {
    const rows = a.length / m;
    const y = zeros(rows * (m + n));
    for (let r = 0; r < rows; r++) {
      y.set(rowsOf(a, m, r), r * (m + n));
      y.set(rowsOf(b, n, r), r * (m + n) + m);
    }
    return y;
  }

  /** Columns from..to of rows of width numbers. */
  function columns(x, width, from, to) {
    const rows = x.length / width;
    const y = zeros(rows * (to - from));
    for (let r = 0; r < rows; r++) y.set(x.subarray(r * width + from, r * width + to), r * (to - from));
    return y;
  }

  /** 1 / (1 + exp(-a)) = (1 + tanh(a / 2)) / 2, which overflows nowhere.
   *  derivative   s (1 - s) */
  const sigmoid = (a) => 0.5 + 0.5 * Math.tanh(0.5 * a);

  /** log(1 + exp(a)) = max(a, 0) + log(1 + exp(-|a|)), which overflows nowhere.
   *  derivative   sigmoid(a) */
  const softplus = (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a)));

  /** log Σ exp(a), shifted by the maximum so that nothing overflows.
   *  derivative   exp(a - logSumExp(a)), the normalised weights */
  function logSumExp(a) {
    let top = -Infinity;
    for (let i = 0; i < a.length; i++) if (a[i] > top) top = a[i];
    if (top === -Infinity) return top;
    let total = 0;
    for (let i = 0; i < a.length; i++) total += Math.exp(a[i] - top);
    return top + Math.log(total);
  }

  /* The three products. W is a matrix of nIn rows and nOut columns that starts at place w; so a convolution can use the
     matrix of one place of its kernel. Four rows are taken at a time, so that a number of y is fetched once for four
     multiplications; rows whose x is zero (black pixels, ReLUs that are off) are passed over. */

  /** y += x W:    y_o += Σ_c x_c W_co */
  function addProduct(y, atY, x, atX, W, atW, nIn, nOut) {
    let c = 0;
    for (; c + 4 <= nIn; c += 4) {
      const [a, b, d, e] = [x[atX + c], x[atX + c + 1], x[atX + c + 2], x[atX + c + 3]];
      if (a === 0 && b === 0 && d === 0 && e === 0) continue;
      const [ra, rb, rd, re] = fourRows(atW + c * nOut, nOut);
      for (let o = 0; o < nOut; o++) y[atY + o] += a * W[ra + o] + b * W[rb + o] + d * W[rd + o] + e * W[re + o];
    }
    for (; c < nIn; c++) {
      const [value, row] = [x[atX + c], atW + c * nOut];
      for (let o = 0; o < nOut; o++) y[atY + o] += value * W[row + o];
    }
  }

  const fourRows = (first, width) => [first, first + width, first + 2 * width, first + 3 * width];

  /** x += y Wᵀ:    x_c += Σ_o y_o W_co */
  function addTransposed(x, atX, y, atY, W, atW, nIn, nOut) {
    let c = 0;
    for (; c + 4 <= nIn; c += 4) {
      const [ra, rb, rd, re] = fourRows(atW + c * nOut, nOut);
      let [a, b, d, e] = [0, 0, 0, 0];
      for (let o = 0; o < nOut; o++) {
        const value = y[atY + o];
        a += value * W[ra + o];
        b += value * W[rb + o];
        d += value * W[rd + o];
        e += value * W[re + o];
      }
      x[atX + c] += a;
      x[atX + c + 1] += b;
      x[atX + c + 2] += d;
      x[atX + c + 3] += e;
    }
    for (; c < nIn; c++) {
      const row = atW + c * nOut;
      let total = 0;
      for (let o = 0; o < nOut; o++) total += y[atY + o] * W[row + o];
      x[atX + c] += total;
    }
  }

  /** W += xᵀ y:    W_co += Σ_n x_nc y_no, of ``rows`` rows of x and y side by side */
  function addOuter(W, atW, x, atX, y, atY, nIn, nOut, rows = 1) {
    let n = 0;
    for (; n + 4 <= rows; n += 4) addFourOuter(W, atW, x, atX + n * nIn, y, atY + n * nOut, nIn, nOut);
    for (; n < rows; n++)
      for (let c = 0; c < nIn; c++) {
        const [value, row, from] = [x[atX + n * nIn + c], atW + c * nOut, atY + n * nOut];
        if (value !== 0) for (let o = 0; o < nOut; o++) W[row + o] += value * y[from + o];
      }
  }

  function addFourOuter(W, atW, x, atX, y, atY, nIn, nOut) {
    const [ya, yb, yd, ye] = fourRows(atY, nOut);
    for (let c = 0; c < nIn; c++) {
      const [a, b, d, e] = fourRows(atX + c, nIn).map((at) => x[at]);
      if (a === 0 && b === 0 && d === 0 && e === 0) continue;
      const row = atW + c * nOut;
      for (let o = 0; o < nOut; o++) W[row + o] += a * y[ya + o] + b * y[yb + o] + d * y[yd + o] + e * y[ye + o];
    }
  }

  V.engine = Object.assign(V.engine || {}, {
    LOG_TWO_PI, zeros, map, rowsOf, sum, dot, sumEach, add, addRows, beside, columns, sigmoid, softplus, logSumExp,
    addProduct, addTransposed, addOuter,
  });
})((globalThis.Vitral = globalThis.Vitral || {}));
