// Work in its time: one drawing a frame, and long work beside the page in a worker made of the page's own engine.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});

  /** `act` at most once a frame, with the arguments of the last call. */
  function framed(act) {
    let waiting = null;
    return function (...given) {
      const first = waiting === null;
      waiting = given;
      if (first) {
        requestAnimationFrame(() => {
          const last = waiting;
          waiting = null;
          act(...last);
        });
      }
    };
  }

  /** `act` once nothing has asked for it for some milliseconds, with the arguments of the last call. */
  function settled(act, milliseconds) {
    let timer = 0;
    return function (...given) {
      clearTimeout(timer);
      timer = setTimeout(() => act(...given), milliseconds);
    };
  }

  /**
   * Call `step(seconds since the start)` every frame until it returns false or `stop` is called. People who asked for
   * less motion get it only because they pressed play.
   */
  function animate(step) {
    let running = true;
    let start = null;
    function frame(now) {
      if (!running) return;
      if (start === null) start = now;
      if (step((now - start) / 1000) === false) running = false;
      else requestAnimationFrame(frame);
    }
    requestAnimationFrame(frame);
    return { stop: () => { running = false; }, get running() { return running; } };
  }

  /** Call `act` once, when an element first comes near the window: for work that waits until it is wanted. */
  function onceSeen(element, act) {
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      act();
    }, { rootMargin: "400px" });
    observer.observe(element);
  }

  function calm() {
    return matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  const BODY = `
    self.onmessage = (event) => {
      const { id, message } = event.data;
      const reply = (answer, last) => self.postMessage({ id, answer, last: Boolean(last) });
      Promise.resolve().then(() => body(self.Vitral, message, reply)).then(
        (answer) => self.postMessage({ id, answer, last: true }),
        (problem) => self.postMessage({ id, problem: String(problem && problem.message || problem), last: true }));
    };`;

  /**
   * A worker that has the engine and runs `body(V, message, reply)`: a function that uses nothing from outside itself.
   * What it returns is the answer; `reply(part)` tells of progress. A model is built in it from `page.plain(name)`:
   * `new V.engine.Model(plain.description, (key) => plain.arrays[key] || null)`.
   */
  function worker(body) {
    const engine = document.getElementById("explorer-engine").textContent;
    const source = ['"use strict";\n', engine, "\nconst body = ", body.toString(), ";\n", BODY];
    const address = URL.createObjectURL(new Blob(source, { type: "text/javascript" }));
    const inner = new Worker(address);
    URL.revokeObjectURL(address);
    const open = new Map();
    let last = 0;
    inner.onmessage = ({ data }) => {
      const one = open.get(data.id);
      if (!one) return;
      if (!data.last) return void (one.progress && one.progress(data.answer));
      open.delete(data.id);
      if (data.problem) one.reject(new Error(data.problem));
      else one.resolve(data.answer);
    };
    return {
      /** A promise of the answer; `progress(part)` hears of what `reply` tells. */
      ask(message, progress) {
        last += 1;
        inner.postMessage({ id: last, message });
        return new Promise((resolve, reject) => open.set(last, { resolve, reject, progress }));
      },
      stop() {
        inner.terminate();
        open.clear();
      },
    };
  }

  Object.assign(shell, { framed, settled, animate, onceSeen, calm, worker });
})((globalThis.Vitral = globalThis.Vitral || {}));
