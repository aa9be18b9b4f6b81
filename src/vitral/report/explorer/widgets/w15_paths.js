// Numbers of W15: ways from one code to another, and which way runs where codes are. No DOM.
(function (V) {
  "use strict";

  const mixed = (a, b, t) => Array.from(a, (one, i) => one + (b[i] - one) * t);
  const length = (a) => Math.hypot(...a);
  const shares = (count) => Array.from({ length: count }, (_, i) => i / (count - 1));

  /** z(t) = (1 - t) a + t b. */
  function straight(a, b, count) {
    return shares(count).map((t) => mixed(a, b, t));
  }

  /**
   * Along the great circle between the directions of a and b (Shoemake 1985), the length changing evenly:
   *   z(t) = sin((1 - t) ω) / sin ω · a/|a| + sin(t ω) / sin ω · b/|b|, times (1 - t) |a| + t |b|, cos ω = a·b / (|a| |b|)
   * Opposite or equal directions have no one circle: the straight line then.
   */
  function slerp(a, b, count) {
    const [m, n] = [length(a), length(b)];
    const cosine = a.reduce((sum, one, i) => sum + one * b[i], 0) / (m * n);
    const angle = Math.acos(Math.max(-1, Math.min(1, cosine)));
    if (!(m * n > 0) || Math.sin(angle) < 1e-6) return straight(a, b, count);
    return shares(count).map((t) => {
      const [u, v] = [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)];
      return a.map((one, i) => ((u * one) / m + (v * b[i]) / n) * (m + (n - m) * t));
    });
  }

  /**
   * From code to code: the path of least Σ |step|² over the codes, each joined to its nearest ones. A square makes many
   * short steps cheaper than one long, so the path stays where codes lie close (Dijkstra's algorithm).
   */
  function throughCodes(codes, a, b, neighbours) {
    const [N, L] = codes.shape;
    const point = (i) => (i === N ? a : i === N + 1 ? b : Array.from(codes.data.subarray(i * L, (i + 1) * L)));
    const near = (z) => V.shell.nearestCodes(codes, z, neighbours);
    const ends = new Map(near(b).map(({ index, distance }) => [index, distance]));
    const cost = new Float64Array(N + 2).fill(Infinity);
    const before = new Int32Array(N + 2).fill(-1);
    const open = new Set([N]);
    cost[N] = 0;
    while (open.size) {
      const at = [...open].reduce((best, one) => (cost[one] < cost[best] ? one : best));
      open.delete(at);
      if (at === N + 1) break;
      const steps = near(point(at)).map(({ index, distance }) => [index, distance]);
      if (ends.has(at)) steps.push([N + 1, ends.get(at)]);
      for (const [next, distance] of steps) {
        if (cost[at] + distance ** 2 >= cost[next]) continue;
        cost[next] = cost[at] + distance ** 2;
        before[next] = at;
        open.add(next);
      }
    }
    const list = [];
    for (let at = N + 1; at >= 0; at = before[at]) list.unshift(point(at));
    return list.length > 1 ? list : [a, b];
  }

  /** Points at equal distances along a line of pieces. */
  function resampled(list, count) {
    const along = [0];
    for (let i = 1; i < list.length; i++) along.push(along[i - 1] + length(list[i].map((one, j) => one - list[i - 1][j])));
    return shares(count).map((t) => {
      const want = t * along.at(-1);
      const at = Math.max(1, along.findIndex((one) => one >= want - 1e-12));
      const part = along[at] - along[at - 1];
      return mixed(list[at - 1], list[at], part > 0 ? (want - along[at - 1]) / part : 0);
    });
  }

  /** The same line with its corners rounded, its ends kept: each inner point the mean of itself and its neighbours. */
  function smoothed(list, rounds) {
    for (let round = 0; round < rounds; round++) {
      list = list.map((one, i) => (i && i < list.length - 1 ? one.map((v, j) => (list[i - 1][j] + v + list[i + 1][j]) / 3) : one));
    }
    return list;
  }

  /** The path that follows the density of codes, as so many points at equal distances. */
  function following(codes, a, b, count) {
    if (!codes) return straight(a, b, count);
    return resampled(smoothed(resampled(throughCodes(codes, a, b, 12), 4 * count), 6), count);
  }

  V.widgets.paths = { straight, slerp, following, resampled, mixed };
})((globalThis.Vitral = globalThis.Vitral || {}));
