/* Noise that is a function of (seed, purpose, index): nothing remembers anything, and every number can be asked for again.

   Philox 4x32-10 (Salmon et al. 2011) turns a counter of four words and a key of two into four words that no test tells
   from chance. The key is (seed, hash of the purpose), the counter (block, index, high parts): a link to a page that
   names its seed shows everybody the same draws, and a worker draws what the page would have drawn. */
(function (V) {
  "use strict";

  const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57];
  const WEYL = [0x9e3779b9, 0xbb67ae85];
  const ROUNDS = 10;
  const TWO_32 = 4294967296;

  /** The high and the low word of a product of two words, by halves of 16 bits. */
  function wideProduct(a, b) {
    const [aHigh, aLow, bHigh, bLow] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
    const low = aLow * bLow;
    const middle = aHigh * bLow + (low >>> 16);
    const other = aLow * bHigh + (middle % 65536);
    const high = aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(other / 65536);
    return [high >>> 0, Math.imul(a, b) >>> 0];
  }

  /** Ten rounds of (c0, c1, c2, c3) <- (high(m1 c2) ^ c1 ^ k0, low(m1 c2), high(m0 c0) ^ c3 ^ k1, low(m0 c0)).
   * @param {number[]} counter four words @param {number[]} key two words @returns {number[]} four words */
  function philox(counter, key) {
    let [c0, c1, c2, c3] = counter;
    let [k0, k1] = key;
    for (let round = 0; round < ROUNDS; round++) {
      const [high0, low0] = wideProduct(MULTIPLIERS[0], c0);
      const [high1, low1] = wideProduct(MULTIPLIERS[1], c2);
      [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
      [k0, k1] = [(k0 + WEYL[0]) >>> 0, (k1 + WEYL[1]) >>> 0];
    }
    return [c0, c1, c2, c3];
  }

  /** The CRC-32 of a text in UTF-8, the hash that Vitral names its random streams by. */
  function crc32(text) {
    let crc = 0xffffffff;
    for (const byte of new TextEncoder().encode(text)) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc >>> 0;
  }

  /** n numbers between 0 and 1, neither of them included: (word + 1/2) / 2^32.
   * @param {number} seed @param {string} purpose @param {number} index whole numbers below 2^53, at least 0 */
  function uniform(seed, purpose, index, n) {
    const key = [seed >>> 0, crc32(purpose)];
    const [high, low] = [Math.floor(index / TWO_32) >>> 0, index >>> 0];
    const u = new Float64Array(n);
    for (let at = 0; at < n; at += 4) {
      const words = philox([at / 4, low, high, Math.floor(seed / TWO_32) >>> 0], key);
      for (let w = 0; w < 4 && at + w < n; w++) u[at + w] = (words[w] + 0.5) / TWO_32;
    }
    return u;
  }

  /** n standard normal numbers: sqrt(-2 log u) cos(2 π v) and sqrt(-2 log u) sin(2 π v) of neighbours u, v (Box and
   *  Muller 1958). The first m of n numbers are the m numbers that one would have asked for. */
  function noise(seed, purpose, index, n) {
    const u = uniform(seed, purpose, index, n + (n % 2));
    const normal = new Float64Array(n);
    for (let at = 0; at < n; at += 2) {
      const radius = Math.sqrt(-2 * Math.log(u[at]));
      normal[at] = radius * Math.cos(2 * Math.PI * u[at + 1]);
      if (at + 1 < n) normal[at + 1] = radius * Math.sin(2 * Math.PI * u[at + 1]);
    }
    return normal;
  }

  /** Φ(x), the mass of the standard normal below x: 1/2 + φ(x) (x + x³/3 + x⁵/15 + ...), and in the tail, where that sum
   *  would cancel, φ(x) over Laplace's continued fraction.
   *  derivative   φ(x) */
  function normalCdf(x) {
    const density = Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
    if (Math.abs(x) > 5) {
      let fraction = Math.abs(x);
      for (let k = 40; k > 0; k--) fraction = Math.abs(x) + k / fraction;
      return x > 0 ? 1 - density / fraction : density / fraction;
    }
    let [term, total] = [x, x];
    for (let odd = 3; Math.abs(term) > 1e-18 * Math.abs(total); odd += 2) total += term *= (x * x) / odd;
    return 0.5 + density * total;
  }

  /** The x below which the standard normal has the mass u, 0 < u < 1, by halving. */
  function normalQuantile(u) {
    let [low, high] = [-40, 40];
    for (let k = 0; k < 60; k++) {
      const middle = 0.5 * (low + high);
      if (normalCdf(middle) < u) low = middle;
      else high = middle;
    }
    return 0.5 * (low + high);
  }

  Object.assign(V.engine, { philox, crc32, uniform, noise, normalCdf, normalQuantile });
})((globalThis.Vitral = globalThis.Vitral || {}));
