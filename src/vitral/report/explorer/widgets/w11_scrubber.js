// W11, the training scrubber: what was recorded while the main model learned, moment by moment, and two of them at once.
(function (V) {
  "use strict";
  const PACE = { slow: 1.8, normal: 0.9, fast: 0.45 }; // seconds from moment to moment

  function needs(page) {
    const epochs = page.array(page.main + "/history_epochs");
    if (!epochs || !page.array(page.main + "/history_codes")) return "w11.needs_history";
    return epochs.shape[0] > 1 ? true : "w11.needs_history";
  }

  function mount(root, page, shell) {
    shell.state.declare({ "w11.two": false, "w11.from": 1, "w11.codes": "glyphs", "w11.pace": "normal", "w11.curve": "" });
    const replay = V.widgets.recorded(page, page.main);
    const curves = V.widgets.curves(replay, shell);
    const now = () => replay.at(shell.state.get().epoch);
    const from = () => replay.at(Math.max(0, shell.state.get()["w11.from"]));
    const parts = shell.frame(root, {
      name: "training", predict: prediction(replay),
      equations: ["q_t(z | x) = N(μ_t(x), \"diag\" σ_t^2(x))", "\\hat{x}_t = E_t[x | z = μ_t(x)]"],
      code: () => lines(page, replay, now()),
      exports: {
        csv: () => table(replay, (one) => one), png: () => b.plane ? b.plane.pictures() : chart.svg(), svg: () => chart.svg(),
        json: () => ({ model: replay.name, ...numbersOf() }), npz: () => files(replay),
      },
    });
    const player = shell.player({ start: play });
    const flip = () => player.flip();
    const stopped = (act) => (t) => {
      player.stop();
      act(t);
    };
    const choose = (t) => shell.state.set({ epoch: Number(replay.epochs[t].toFixed(4)) });
    const chooseFrom = (t) => shell.state.set({ "w11.from": Number(replay.epochs[t].toFixed(4)) });
    const a = V.widgets.moment(page, shell, replay, { name: "a", get: from, set: chooseFrom, play: flip });
    const b = V.widgets.moment(page, shell, replay, { name: "b", get: now, set: stopped(choose), play: flip });
    const strips = replay.history.reconstructions ? V.widgets.film(page, shell, replay, pickFrame) : null;
    const chart = shell.chart(() => curves.spec(marks()));
    chart.pick = (i) => stopped(choose)(replay.at(curves.place(i)));
    const moments = shell.h("div", { class: "moments" }, a.element, b.element);
    parts.look.append(controls(shell, replay, curves, player), moments, ...(strips ? [strips.element] : []),
      shell.h("div", { class: "curves" }, curves.element, chart.element));
    const facts = shell.facts(["w11.at", "w11.train", "w11.validation", "w11.sse", "w11.kl", "w11.sigma", "w11.each"]);
    const list = shell.h("div", {});
    parts.numbers.append(facts.element, list);

    function pickFrame(t, i) {
      if (i < page.count) shell.pickImage(i);
      if (t >= 0) stopped(choose)(t);
    }

    const marks = () => (shell.state.get()["w11.two"] ? [from(), now()] : [now()]).map((t) => ({ x: replay.epochs[t] }));
    const numbersOf = () => ({ ...(shell.state.get()["w11.two"] ? { a: replay.numbers(from()) } : {}), b: replay.numbers(now()) });

    /** From where it is, or from the start when it is at the end; it stops at the last moment. */
    function play() {
      const last = replay.epochs.length - 1;
      const start = now() === last ? 0 : now();
      choose(start);
      return shell.animate((seconds) => {
        const t = Math.min(last, start + Math.floor(seconds / PACE[shell.state.get()["w11.pace"]]));
        if (t !== now()) choose(t);
        if (t === last) player.stop();
        return t < last;
      });
    }

    function tell() {
      const text = (t) => V.widgets.epochText(shell, replay.epochs[t]);
      const one = replay.numbers(now());
      const plain = replay.history.logvar ? "" : ".plain";
      if (shell.state.get()["w11.two"]) {
        const other = replay.numbers(from());
        const known = Number.isFinite(one.validation) && Number.isFinite(other.validation);
        return parts.tell((known ? "w11.told.two" : "w11.told.two.between") + plain, () => ({
          a: text(from()), b: text(now()), before: other.sigma, after: one.sigma, kl_before: other.kl, kl_after: one.kl,
          loss_before: other.validation, loss_after: one.validation,
        }));
      }
      const kind = Number.isNaN(one.validation) ? "w11.told.between" : "w11.told";
      return parts.tell(kind + plain, () => ({ epoch: text(now()), loss: one.validation, kl: one.kl, sigma: one.sigma }));
    }

    function writeNumbers() {
      const one = replay.numbers(now());
      facts.set({
        "w11.at": V.widgets.epochText(shell, one.epoch),
        "w11.train": shell.number(one.train, 2), "w11.validation": shell.number(one.validation, 2),
        "w11.sse": shell.number(one.sse, 2), "w11.kl": shell.number(one.kl, 3), "w11.sigma": shell.number(one.sigma, 4),
        "w11.each": one.each ? shell.vector(one.each, 2) : "–",
      });
      list.replaceChildren(shell.dataTable(table(replay, (key) => shell.t("w11.table." + key))));
      parts.refresh();
    }

    function update(state, changed) {
      const two = state["w11.two"];
      moments.classList.toggle("two", two);
      a.element.hidden = !two;
      if (two) a.update(state, changed);
      b.update(state, changed);
      if (strips) strips.update(two ? from() : null, now(), state.image);
      if (["mount", "lang", "epoch", "w11.two", "w11.from", "w11.curve"].some((name) => changed.has(name))) {
        chart.update();
        tell();
        writeNumbers();
      }
    }
    return { update };
  }

  function controls(shell, replay, curves, player) {
    const choice = (name, values) => shell.choice({ label: name, name, options: values.map((one) => [one, name + "." + one]) });
    const ways = replay.history.logvar ? ["glyphs", "dots", "ellipses"] : ["glyphs", "dots"];
    const shown = replay.latent < 2 ? [] : [choice("w11.codes", ways)];
    return shell.h("div", { class: "row" }, player, choice("w11.pace", Object.keys(PACE)), ...shown,
      shell.toggle({ label: "w11.two", name: "w11.two" }));
  }

  /** Will the widths of q(z given x) grow or shrink? Only where there are widths. */
  function prediction(replay) {
    if (!replay.history.logvar) return null;
    const ends = () => ({ first: replay.numbers(0).sigma, last: replay.numbers(replay.epochs.length - 1).sigma });
    return {
      question: "w11.predict", answers: ["w11.predict.shrink", "w11.predict.stay", "w11.predict.grow"],
      right: () => {
        const { first, last } = ends();
        return last < 0.9 * first ? 0 : last > 1.1 * first ? 2 : 1;
      },
      reveal: () => [ends().last < 0.9 * ends().first ? "w11.predict.shrank" : "w11.predict.stood", ends()],
    };
  }

  /** All moments as a table; `name` writes the heads of its columns. */
  function table(replay, name) {
    const keys = ["epoch", "train", "validation", "sse", ...(replay.history.kl ? ["kl"] : []),
      ...(replay.history.logvar ? ["sigma"] : []), ...(replay.latent === 2 ? ["beyond"] : [])];
    return { columns: keys.map(name), rows: replay.epochs.map((_, t) => keys.map((key) => replay.numbers(t)[key])) };
  }

  /** The recording as arrays, under the names that the run folder gives them. */
  function files(replay) {
    return Object.fromEntries(Object.entries(replay.history).map(([name, { data, shape }]) => [name, { data, shape }]));
  }

  function lines(page, replay, t) {
    const { history } = replay;
    const found = ["import numpy as np", 'r = np.load("training.npz")',
      `t = np.abs(r["epochs"] - ${Number(replay.epochs[t].toFixed(4))}).argmin()`, 'mu = r["codes"][t]'];
    if (history.logvar) found.push('sigma = np.exp(0.5 * r["logvar"][t])', "width = sigma.mean(0)");
    if (history.kl) found.push("kl = 0.5 * (mu**2 + sigma**2 - 1 - np.log(sigma**2)).mean(0)");
    if (history.grid) {
      const side = Math.round(Math.sqrt(history.grid.shape[1]));
      const [height, width] = page.description(replay.name).tile_shape;
      found.push(`plane = r["grid"][t].reshape(${side}, ${side}, ${height}, ${width}, -1).swapaxes(1, 2)`,
        `plane = plane.reshape(${side * height}, ${side * width}, -1).squeeze()`);
    }
    if (history.reconstructions) found.push(`strip = r["reconstructions"][:, 0].reshape(-1, ${page.data.image_shape.join(", ")})`);
    return found.join("\n");
  }

  V.widgets.add({ id: "w11", title: "w11.title", section: "learning", needs, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
