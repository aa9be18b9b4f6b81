// W18, collapse and rescue: the same network and seed under different objectives, the KL of each dimension over time.
(function (V) {
  "use strict";
  const SECONDS = 6; // of a replay
  const CURVES = ["kl", "held", "elbo"];

  function needs(page) {
    return V.widgets.collapse.groups(page).length ? true : "w18.needs_trainings";
  }

  function mount(root, page, shell) {
    const groups = V.widgets.collapse.groups(page);
    shell.state.declare({ "w18.group": 0, "w18.chosen": groups[0][0].name, "w18.curve": "kl" });
    const group = () => groups[Math.min(groups.length - 1, Math.max(0, Math.round(shell.state.get()["w18.group"])))];
    const chosen = () => group().find((one) => one.name === shell.state.get()["w18.chosen"]) || group()[0];
    const most = () => Math.max(...group().flatMap((one) => Array.from(one.kl.data)));
    const parts = shell.frame(root, {
      name: "collapse", predict: prediction(groups[0]),
      equations: ["ℒ_t = -E[log p(x | z)] + β_t ∑_{l=1}^{K} KL_l", "ℒ = -E[log p(x | z)] + ∑_{l=1}^{K} max(λ, KL_l)"],
      code: () => lines(chosen()),
      exports: {
        csv: () => table(group()), svg: () => svgOf(chosen()), png: () => svgOf(chosen()), json: () => situation(),
        npz: () => files(group()),
      },
    });
    const panels = new Map();
    const place = shell.h("div", { class: "ridge-panels" });
    const chart = shell.chart(() => curve(page, shell, group()));
    const bars = shell.chart(() => dimensions(shell, chosen()));
    chart.pick = (i) => go(group()[0].epochs[i]);
    const player = shell.player({ start: play });
    const slider = shell.slider({
      label: "w18.epoch", min: 0, max: chosen().epochs[chosen().last], digits: 2,
      get: () => chosen().epochs[chosen().at(shell.state.get().epoch)],
      set: (epoch) => {
        player.stop();
        go(epoch);
      },
      position: (epoch) => chosen().at(epoch) / chosen().last, value: (share) => chosen().epochs[Math.round(share * chosen().last)],
    });
    const options = groups.map((some, i) => [i, ["w18.group.name", {
      layers: V.widgets.comparison.layers(some[0].one), K: some[0].latent, n: some.length }]]);
    const network = groups.length > 1 ? [shell.choice({ label: "w18.group", name: "w18.group", options })] : [];
    parts.look.append(...network, shell.h("div", { class: "row" }, player), slider, place,
      shell.h("p", { class: "aside", t: ["w18.ridges.note", { limit: V.widgets.collapse.HELD }] }),
      shell.choice({ label: "w18.curve", name: "w18.curve", options: CURVES.map((one) => [one, "w18.curve." + one]) }),
      chart.element);
    const list = shell.h("div", {});
    const above = shell.h("h4", {});
    parts.numbers.append(above, bars.element, list);

    function pick(name, epoch) {
      shell.state.set({ "w18.chosen": name });
      if (epoch === undefined) return;
      player.stop();
      go(chosen().epochs[chosen().at(epoch)]);
    }

    const go = (epoch) => shell.state.set({ epoch: Number(epoch.toFixed(4)) });

    /** All trainings at once, from the first moment or from where they are, to the last. */
    function play() {
      const { last, epochs, at } = chosen();
      const start = at(shell.state.get().epoch) === last ? 0 : at(shell.state.get().epoch);
      return shell.animate((seconds) => {
        const t = Math.min(last, start + Math.floor((seconds / SECONDS) * last));
        if (at(shell.state.get().epoch) !== t) go(epochs[t]);
        if (t === last) player.stop();
        return t < last;
      });
    }

    function build() {
      panels.clear();
      for (const one of group()) panels.set(one.name, V.widgets.ridgePanel(page, shell, one, { most, pick }));
      place.replaceChildren(...[...panels.values()].map((panel) => panel.element));
    }

    function svgOf(one) {
      return panels.get(one.name).element.querySelector("svg.ridges");
    }

    function tell(state) {
      const one = chosen();
      const t = one.at(state.epoch);
      const values = () => ({
        name: shell.t(...one.words), epoch: V.widgets.epochText(shell, one.epochs[t]), kl: one.total(t), held: one.held(t),
        latent: one.latent, move: one.move(),
      });
      const flat = Math.abs(one.move()) < Math.max(0.1, 0.03 * one.total(one.last));
      const kind = t < one.last ? "w18.told" : !flat ? "w18.told.moving" : one.held(t) === 0 ? "w18.told.collapsed"
        : one.held(t) < one.latent ? "w18.told.flat" : "w18.told.full";
      parts.tell(kind, values);
      shell.say(above, "w18.bars", values);
      list.replaceChildren(shell.dataTable(summary(shell, group())));
      parts.refresh();
    }

    function situation() {
      const { epoch, image } = shell.state.get();
      return { epoch, image, trainings: group().map((one) => {
        const t = one.at(epoch);
        const found = V.widgets.ridgePair(page, shell, one);
        const distances = found && { given: found.given, made: found.made };
        return { name: one.name, epoch: one.epochs[t], kl: one.row(t), held: one.held(t), pair: distances };
      }) };
    }

    function update(state, changed) {
      const has = (...names) => names.some((name) => changed.has(name));
      if (has("w18.group") || has("mount")) build();
      const fresh = has("w18.group") ? new Set([...changed, "mount"]) : changed;
      for (const [name, panel] of panels) panel.update(state, fresh, name === chosen().name);
      slider.refresh();
      if (has("mount", "lang", "epoch", "w18.group", "w18.curve")) chart.update();
      if (has("mount", "lang", "epoch", "w18.group", "w18.chosen")) {
        bars.update();
        tell(state);
      }
    }
    return { update };
  }

  /** All trainings of a group by epoch: their KL, the dimensions that hold something, or their ELBO on validation images. */
  function curve(page, shell, group) {
    const kind = shell.state.get()["w18.curve"];
    const series = group.map((one) => {
      const name = shell.t(...one.words);
      if (kind === "elbo") {
        const known = page.description(one.name).progress
          .filter(({ epoch, validation }) => epoch > 0 && validation && Number.isFinite(validation.elbo));
        return { name, x: known.map(({ epoch }) => epoch), y: known.map(({ validation }) => validation.elbo) };
      }
      return { name, x: one.epochs, y: one.epochs.map((_, t) => (kind === "kl" ? one.total(t) : one.held(t))) };
    }).filter(({ x }) => x.length);
    const label = shell.t("w18.axis." + kind);
    const { epoch } = shell.state.get();
    const cursor = group[0].epochs[group[0].at(epoch)];
    return { label, digits: kind === "held" ? 0 : 2, x: { label: shell.t("w18.epoch") }, y: { label },
      series: series.length ? series : [{ name: "", x: [], y: [] }], marks: [{ x: cursor }] };
  }

  /** The KL of every dimension of the chosen training at the cursor, in the order of the ridges. */
  function dimensions(shell, one) {
    const t = one.at(shell.state.get().epoch);
    const label = shell.t("w18.bars.axis");
    const categories = one.order.map((j) => String(j + 1));
    return { label, x: { label: shell.t("w18.dimension") }, y: { label }, categories, digits: 3,
      series: [{ name: "", y: one.order.map((j) => one.row(t)[j]) }] };
  }

  function summary(shell, group) {
    const { measured } = V.widgets.comparison;
    const keys = ["kl", "held", "move", "elbo", "log_px_hat", "sse"];
    return {
      columns: ["training", ...keys].map((key) => shell.t("w18.column." + key)),
      rows: group.map((one) => [shell.t(...one.words), one.total(one.last), one.held(one.last), one.move(),
        ...["elbo", "log_px_hat", "sse"].map((key) => measured(one.one, key).value)]),
    };
  }

  /** Every training, moment and dimension, a row each. */
  function table(group) {
    const rows = group.flatMap((one) => one.epochs.flatMap((epoch, t) =>
      one.row(t).map((nats, j) => [one.name, epoch, j + 1, nats])));
    return { columns: ["training", "epoch", "dimension", "kl"], rows };
  }

  function files(group) {
    const epochs = group.map((one) => [one.name + "/epochs", { data: Float64Array.from(one.epochs), shape: [one.epochs.length] }]);
    return Object.fromEntries([...group.map((one) => [one.name + "/kl", { data: one.kl.data, shape: one.kl.shape }]), ...epochs]);
  }

  function lines(one) {
    return ["import numpy as np", 'r = np.load("collapse.npz")', `epochs, kl = r["${one.name}/epochs"], r["${one.name}/kl"]`,
      "total = kl.sum(1)", `held = (kl > ${V.widgets.collapse.HELD}).sum(1)`, "order = kl[-1].argsort()[::-1]",
      "ridges = kl[:, order].T"].join("\n");
  }

  /** How many dimensions does the plain training of the first group use in the end? */
  function prediction(group) {
    const plain = group.find((one) => one.words[0] === "w18.kind.plain") || group[0];
    const held = plain.held(plain.last);
    const other = [...group].sort((a, b) => b.held(b.last) - a.held(a.last))[0];
    const values = { K: plain.latent, held, kl: plain.total(plain.last), most: other.held(other.last), n: group.length };
    const share = held / plain.latent;
    return {
      question: ["w18.predict" + (plain.words[0] === "w18.kind.plain" ? "" : ".first"), values],
      answers: ["w18.predict.none", "w18.predict.some", "w18.predict.all"],
      right: () => (held === 0 ? 0 : share > 0.9 ? 2 : 1), reveal: () => ["w18.predict.reveal", values],
    };
  }

  V.widgets.add({ id: "w18", title: "w18.title", section: "learning", needs, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
