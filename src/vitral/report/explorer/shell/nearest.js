// Which codes lie near a point, and which class most of them have.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});

  /** The k codes nearest to a point, nearest first: [{index, distance}]. `codes` is {data, shape}. */
  function nearestCodes(codes, point, k) {
    const [count, width] = codes.shape;
    const best = [];
    for (let i = 0; i < count; i++) {
      let square = 0;
      for (let j = 0; j < width; j++) square += (codes.data[i * width + j] - point[j]) ** 2;
      if (best.length === k && square >= best[k - 1].square) continue;
      let at = best.length;
      while (at > 0 && best[at - 1].square > square) at -= 1;
      best.splice(at, 0, { index: i, square });
      if (best.length > k) best.pop();
    }
    return best.map(({ index, square }) => ({ index, distance: Math.sqrt(square) }));
  }

  /** The class that most of the k nearest codes have, and their share: {label, share}; null without labels. */
  function vote(codes, labels, point, k) {
    if (!codes || !labels) return null;
    const near = nearestCodes(codes, point, k || 15);
    const counts = new Map();
    for (const { index } of near) counts.set(labels.data[index], (counts.get(labels.data[index]) || 0) + 1);
    const [label, count] = [...counts].sort((a, b) => b[1] - a[1])[0];
    return { label, share: count / near.length };
  }

  /** How far from the origin a view of the first two dimensions must reach to hold nearly all codes. */
  function reach(codes) {
    if (!codes) return 4;
    const shown = codes.data.filter((one, i) => i % codes.shape[1] < 2);
    const sizes = Array.from(shown, Math.abs).sort((a, b) => a - b);
    return Math.max(3.4, 1.1 * sizes[Math.floor(0.995 * (sizes.length - 1))]);
  }

  Object.assign(shell, { nearestCodes, vote, reach });
})((globalThis.Vitral = globalThis.Vitral || {}));
