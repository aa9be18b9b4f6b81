// Many codes decoded beside the page: one worker for all widgets, and questions that do not pile up.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});
  const sent = new Set(); // names of the models that the worker has
  let helper = null;

  /** Runs in the worker, and uses nothing from outside itself. */
  function decoding(V, { name, plain, z }) {
    V.kept = V.kept || {};
    if (plain) V.kept[name] = new V.engine.Model(plain.description, (key) => plain.arrays[key] || null);
    return V.kept[name].decode(z);
  }

  /** What the decoder of a model puts out at rows z (N, L): a promise of (N, D). */
  function decodeFar(name, z) {
    helper = helper || shell.worker(decoding);
    const plain = sent.has(name) ? null : shell.page.plain(name);
    sent.add(name);
    return helper.ask({ name, plain, z: Float64Array.from(z) });
  }

  /**
   * `ask(...given)`, which gives a promise, one at a time: while one is under way only the last call waits.
   * `take(answer, ...given)` hears of every answer that is not overtaken.
   */
  function latest(ask, take) {
    let busy = false;
    let waiting = null;
    return async function go(...given) {
      if (busy) return void (waiting = given);
      busy = true;
      const answer = await ask(...given);
      busy = false;
      if (!waiting) return void take(answer, ...given);
      const next = waiting;
      waiting = null;
      go(...next);
    };
  }

  Object.assign(shell, { decodeFar, latest });
})((globalThis.Vitral = globalThis.Vitral || {}));
