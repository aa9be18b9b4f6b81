// W10's evaluations of the loss, in a worker: along one weight, and at 20 random weights of every tensor.
(function (V) {
  "use strict";
  const { tensorsOf } = V.widgets.stepParts;
  const { stages } = V.widgets.stepStages;
  const EXPONENTS = Array.from({ length: 45 }, (_, i) => -11 + i / 4); // log10 of h
  const CURVE = 41;
  const CHECKED = 20; // weights of every tensor
  const H = 1e-4;

  /** Runs in a worker: the loss with one number of a tensor set to each of some values, job by job. */
  function losses({ engine: E }, { plain, x, eps, beta, jobs }) {
    const model = new E.Model(plain.description, (name) => plain.arrays[name] || null);
    return jobs.map(({ name, entry, values }) => {
      const { data } = model.parameters[name];
      const kept = data[entry];
      const found = values.map((value) => {
        data[entry] = value;
        return model.loss(x, eps, beta);
      });
      data[entry] = kept;
      return found;
    });
  }

  /** One worker at a time: a new question ends the last one, and only the newest is answered. */
  function asker(page, shell) {
    let work = null;
    return (of, jobs, done) => {
      if (work) work.stop();
      const mine = (work = shell.worker(losses));
      const { x, eps, beta } = of;
      mine.ask({ plain: page.plain(of.name), x, eps, beta, jobs }).then((found) => {
        if (work !== mine) return;
        mine.stop();
        work = null;
        done(found);
      });
    };
  }

  /** |a - n| over the larger of the two, or over a millionth of the tensor's gradient where both are next to nothing. */
  function relativeError(analytic, numeric, norm) {
    if (analytic === numeric) return 0;
    return Math.abs(analytic - numeric) / Math.max(Math.abs(analytic), Math.abs(numeric), 1e-6 * norm);
  }

  /**
   * The loss along one weight: `ask(weight, reach)`; `found` is null until it has come, then {at, losses} of a curve
   * from -reach to +reach, the difference quotients `numeric` of every h, and `middle`, the loss itself.
   */
  function nudges(page, shell, subject, ready) {
    const ask = asker(page, shell);
    let key = "";
    const self = { found: null, ask: begin };

    function begin({ name, entry, value }, reach) {
      const of = subject();
      const now = [of.key, name, entry, reach].join();
      if (now === key) return;
      [key, self.found] = [now, null];
      const at = Array.from({ length: CURVE }, (_, i) => value + (reach * (2 * i - CURVE + 1)) / (CURVE - 1));
      const values = [...at, ...EXPONENTS.flatMap((one) => [value + 10 ** one, value - 10 ** one])];
      ask(of, [{ name, entry, values }], ([found]) => {
        const numeric = EXPONENTS.map((one, i) => (found[CURVE + 2 * i] - found[CURVE + 2 * i + 1]) / (2 * 10 ** one));
        self.found = { at, losses: found.slice(0, CURVE), middle: found[(CURVE - 1) / 2], numeric };
        ready();
      });
    }

    return self;
  }

  /** The places of the weights of a round: 20 of every tensor, or all where there are fewer, by the seed of the page. */
  function places(tensor, size, seed, round) {
    if (size <= CHECKED) return Array.from({ length: size }, (_, i) => i);
    const drawn = V.engine.uniform(seed, "gradient check " + tensor, round, 3 * CHECKED);
    return [...new Set(Array.from(drawn, (u) => Math.floor(u * size)))].slice(0, CHECKED);
  }

  /** The table of checks: analytic and numeric gradient of random weights, a row a tensor, and every weight below. */
  function checkTable(page, shell, step) {
    const ask = asker(page, shell);
    let key = "";
    let rows = []; // [tensor, place, analytic, numeric, relative error]
    const summary = shell.h("div", {});
    const state = shell.h("p", { class: "readout", role: "status" });
    const details = shell.h("div", {});
    const again = shell.button("w10.again", () => shell.state.set({ "w10.round": shell.state.get()["w10.round"] + 1 }));
    const columns = (keys) => keys.map((one) => shell.t("w10.column." + one));

    function begin() {
      const { gradients, of } = step();
      const { "w10.round": round, seed } = shell.state.get();
      const now = [of.key, round].join();
      if (now === key) return;
      [key, rows] = [now, []];
      shell.say(state, "w10.checking");
      const jobs = tensorsOf(of).flatMap(({ name, short }) => places(short, gradients[name].length, seed, round).map((entry) => {
        const value = of.model.parameters[name].data[entry];
        return { name, short, entry, values: [value + H, value - H] };
      }));
      ask(of, jobs, (found) => {
        rows = jobs.map(({ name, short, entry }, i) => {
          const [analytic, numeric] = [gradients[name][entry], (found[i][0] - found[i][1]) / (2 * H)];
          const norm = Math.sqrt(V.engine.dot(gradients[name], gradients[name]));
          return [short, entry, analytic, numeric, relativeError(analytic, numeric, norm)];
        });
        draw();
      });
    }

    function draw() {
      const tensors = [...new Set(rows.map(([tensor]) => tensor))];
      const worst = (own) => Math.max(...own.map((row) => row[4]));
      const lines = tensors.map((tensor) => {
        const own = rows.filter((row) => row[0] === tensor);
        return [tensor, own.length, shell.small(worst(own), 2)];
      });
      summary.replaceChildren(shell.dataTable({ columns: columns(["tensor", "checked", "worst"]), rows: lines }));
      const written = rows.map(([tensor, place, a, n, error]) => [tensor, place, shell.number(a), shell.number(n), shell.small(error, 2)]);
      details.replaceChildren(shell.dataTable({ columns: columns(["tensor", "place", "analytic", "numeric", "error"]), rows: written }, written.length));
      if (rows.length) shell.say(state, "w10.checked", () => ({ n: rows.length, worst: shell.small(worst(rows), 2), h: shell.small(H, 1) }));
    }

    shell.redraws(summary, draw);
    const table = () => ({ columns: ["tensor", "place", "analytic", "numeric", "relative error"], rows });
    return { element: shell.h("div", {}, again, state, summary), details, ask: begin, table };
  }

  /** The check of one weight as NumPy: the forward lines of the step as a function of the weights. */
  function gradientCheckCode({ of: { model } }, { name, entry }, exponent) {
    const all = stages(model);
    const forward = all.slice(1, all.findIndex((stage) => stage.key === "loss") + 1).map((stage) => "    " + stage.line);
    return ["import json", "from pathlib import Path", "import numpy as np", "given = json.loads(Path(\"gradient-check.json\").read_text())", "w = dict(np.load(\"gradient-check.npz\"))",
      "x, eps = np.array(given[\"arrays\"][\"x\"]), np.array(given[\"arrays\"][\"eps\"])", "beta, s2 = given[\"beta\"], given[\"variance\"]", "",
      "def loss_of(w):", ...forward, "    return loss", "", `name, entry, h = "${name}", ${entry}, ${Number((10 ** exponent).toPrecision(6))}`,
      "up, down = ({**w, name: w[name].copy()} for side in range(2))", "up[name].flat[entry] += h", "down[name].flat[entry] -= h",
      "print((loss_of(up) - loss_of(down)) / (2 * h))"].join("\n");
  }

  V.widgets.gradientCheck = { nudges, relativeError, EXPONENTS, CURVE };
  Object.assign(V.widgets, { checkTable, gradientCheckCode });
})((globalThis.Vitral = globalThis.Vitral || {}));
