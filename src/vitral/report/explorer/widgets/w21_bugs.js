// W21, the bug zoo: one line of a sound library is another one, what a learner then sees, and which law sees the line.
(function (V) {
  "use strict";
  const { LIVE, judged } = V.widgets.plantedBugs;
  const FIRST = "Z04";

  function needs(page) {
    return page.content.zoo && page.array("zoo/loss") ? true : "w21.needs_zoo";
  }

  function mount(root, page, shell) {
    shell.state.declare({ "w21.bug": FIRST });
    const { zoo } = page.content;
    const order = () => zoo.bugs.map((one) => one.id);
    const bug = () => zoo.bugs.find((one) => one.id === shell.state.get()["w21.bug"]) || zoo.bugs[0];
    const name = (one) => one.id + " · " + one.name[shell.language()];
    const parts = shell.frame(root, {
      name: "bug-zoo", predict: prediction(zoo, shell),
      equations: ["z = μ + σ ε", "\"KL\"(q, p) = \\frac{1}{2} ∑_{j=1}^{L} (μ_j^2 + σ_j^2 - 1 - \"log\" σ_j^2)"],
      code: () => V.widgets.plantedBugs.lawCode(), exports: { csv: () => table(page, zoo, bug()), svg: () => charts[0].svg(), png: () => pictures.get("samples.bug"),
        json: () => ({ bug: bug(), live: judged(page, shell, bug().id) }), npz: () => V.widgets.plantedBugs.draws(shell, bug().id) },
    });
    const pick = shell.select({ label: "w21.bug", get: () => bug().id, set: (id) => shell.state.set({ "w21.bug": id }), options: () => zoo.bugs.map((one) => [one.id, name(one)]) });
    const step = (by) => () => shell.state.set({ "w21.bug": order()[(order().indexOf(bug().id) + by + order().length) % order().length] });
    const symptom = shell.h("p", {});
    const lines = shell.h("div", { class: "bug-lines" });
    const seen = shell.h("p", { class: "readout" });
    const charts = ["loss", "kl"].map((key) => shell.chart(() => curve(page, shell, zoo, bug(), key)));
    const pictures = new Map();
    const figure = (key) => {
      pictures.set(key, shell.picture({ t: "w21.picture." + key }, "wide"));
      return shell.h("figure", { class: "captioned whole" }, pictures.get(key), shell.h("figcaption", { t: "w21.picture." + key }));
    };
    const figures = ["originals", "reconstructions.sound", "reconstructions.bug", "samples.sound", "samples.bug"].map(figure);
    const laws = shell.h("div", {});
    const live = shell.h("p", { class: "live-law", role: "status" });
    const titled = (key, ...inside) => shell.h("div", {}, shell.h("h4", { t: key }), inside);
    parts.look.append(pick, shell.h("div", { class: "row" }, shell.button("w21.previous", step(-1)), shell.button("w21.next", step(1))),
      lines, shell.h("div", { class: "beside" }, titled("w21.symptom", symptom, seen), titled("w21.live", live)),
      titled("w21.caught.title", laws),
      shell.h("div", { class: "beside even" }, charts.map((chart, i) => titled(["w21.loss", "w21.kl"][i], chart.element))),
      titled("w21.pictures", shell.h("div", { class: "bug-pictures" }, figures)),
      shell.h("p", { class: "readout", t: ["w21.how", () => ({ ...zoo, bugs: zoo.bugs.length })] }));
    const [others, all] = [shell.h("div", {}), shell.h("div", {})];
    parts.numbers.append(titled("w21.laws", others), titled("w21.matrix", all));

    function update(state, changed) {
      if (["mount", "lang", "w21.bug"].some((key) => changed.has(key))) fill();
      tellLive();
      parts.refresh();
    }

    function fill() {
      const one = bug();
      pick.refresh();
      shell.say(symptom, "w21.text", () => ({ text: one.symptom[shell.language()] }));
      lines.replaceChildren(...one.lines.map(([right, wrong, file]) => pair(shell, right, wrong, file)));
      seen.replaceChildren(...places(shell, one));
      const found = lawsTable(shell, zoo, one);
      laws.replaceChildren(shell.dataTable({ ...found, rows: found.rows.slice(0, found.caught) }));
      others.replaceChildren(shell.dataTable(found));
      all.replaceChildren(shell.dataTable(matrixTable(shell, zoo, name)));
      charts.forEach((chart) => chart.update());
      paint(page, pictures, zoo, one);
    }

    function tellLive() {
      const one = bug();
      const caught = Object.entries(one.laws).filter(([, [, , passed]]) => passed === false).map(([law]) => law);
      const found = judged(page, shell, one.id);
      const kind = !LIVE[one.id] ? "w21.live.none" : !found ? "w21.live.no_code" : found.value > found.bound ? "w21.live.caught" : "w21.live.blind";
      shell.say(live, kind, () => ({ ...(found || {}), law: found ? shell.t("w21.law." + found.law) : "" }));
      live.dataset.value = found ? found.value : "";
      parts.tell("w21.told", () => ({ bug: one.id, name: one.name[shell.language()], laws: caught.map((law) => lawName(shell, zoo, one, law)).join("; "),
        blind: Object.values(one.laws).filter(([, , passed]) => passed === true).length }));
    }
    return { update };
  }

  const lawName = (shell, zoo, bug, law) => zoo.laws[bug.family + "." + law][shell.language()][0];

  /** The right line and the wrong one, and where they stand. */
  function pair(shell, right, wrong, file) {
    const side = (kind, text) => shell.h("div", { class: "bug-line " + kind },
      shell.h("p", { class: "aside-label" }, shell.h("span", { t: "w21." + kind }), kind === "right" ? " " + file : ""),
      shell.h("pre", { tabindex: "0", role: "group", "aria-label": { t: "w21." + kind } }, shell.h("code", {}, text)));
    return shell.h("div", { class: "bug-pair" }, side("right", right), side("wrong", wrong));
  }

  /** Projects and issues where the bug was found, as links; they are followed only when somebody asks. */
  function places(shell, bug) {
    const list = bug.seen[shell.language()];
    if (!list.length) return [shell.h("span", { t: "w21.seen.none" })];
    const said = list.map(([name, address]) => (address ? shell.h("a", { href: address, rel: "noreferrer noopener" }, name) : shell.h("span", {}, name)));
    return [shell.h("span", { t: "w21.seen" }), ...said.flatMap((one, i) => [i ? ", " : " ", one])];
  }

  /** What every law of the bug's family measured: those that see it first. */
  function lawsTable(shell, zoo, bug) {
    const rows = Object.entries(bug.laws).map(([law, [measured, bound, passed]]) => {
      const [name, unit] = zoo.laws[bug.family + "." + law][shell.language()];
      const verdict = shell.t(passed === false ? "w21.caught" : passed ? "w21.blind" : "w21.not_applicable");
      return { passed, row: [name, passed === false ? "✗ " + verdict : verdict, measured === null ? (passed === false ? "∞" : "–") : shell.small(measured, 3),
        bound === null ? "–" : shell.small(bound), unit] };
    });
    rows.sort((a, b) => (a.passed === false ? 0 : 1) - (b.passed === false ? 0 : 1));
    return { columns: ["w21.law", "w21.verdict", "w21.measured", "w21.bound", "w21.unit"].map((key) => shell.t(key)), rows: rows.map((one) => one.row),
      caught: rows.filter((one) => one.passed === false).length };
  }

  function matrixTable(shell, zoo, name) {
    const rows = zoo.bugs.map((one) => {
      const laws = Object.entries(one.laws);
      const red = laws.filter(([, [, , passed]]) => passed === false).map(([law]) => lawName(shell, zoo, one, law));
      return [name(one), red.join("; "), laws.filter(([, [, , passed]]) => passed === true).length];
    });
    return { columns: ["w21.bug", "w21.caught_by", "w21.blind_count"].map((key) => shell.t(key)), rows };
  }

  const row = (page, key, i) => Array.from(V.shell.row(page.array("zoo/" + key), i), (one) => one);

  /** The curve of the sound training and the one with the bug; what leaves the room of twice the sound range runs along its edge. */
  function curve(page, shell, zoo, bug, key) {
    const [sound, wrong] = [row(page, key, bug.sound), row(page, key, bug.run)];
    const known = (list) => list.filter(Number.isFinite);
    const [low, high] = [Math.min(...known(sound)), Math.max(...known(sound))];
    const room = 2 * (high - low);
    const [min, max] = [Math.max(low - room, Math.min(low, ...known(wrong))), Math.min(high + room, Math.max(high, ...known(wrong)))];
    const inside = (list) => list.map((one) => Math.min(max, Math.max(min, one)));
    const x = sound.map((_, i) => i + 1);
    return {
      label: shell.t("w21." + key), digits: 2, height: 190, x: { label: shell.t("w21.epoch") }, y: { label: shell.t("w21.nats"), min: min - 0.04 * (max - min), max },
      series: [{ name: shell.t("w21.sound"), x, y: inside(sound) }, { name: shell.t("w21.with_bug"), x, y: inside(wrong) }],
    };
  }

  function paint(page, pictures, zoo, bug) {
    const pixels = zoo.shape[0] * zoo.shape[1];
    const images = (array, from, count) => Array.from({ length: count }, (_, i) => array.data.subarray((from + i) * pixels, (from + i + 1) * pixels));
    V.shell.tiled(pictures.get("originals"), images(page.array("zoo/originals"), 0, zoo.shown), zoo.shape, zoo.shown / 2);
    for (const [key, count] of [["reconstructions", zoo.shown], ["samples", zoo.samples]]) {
      for (const who of ["sound", "bug"]) {
        const run = who === "bug" ? bug.run : bug.sound;
        V.shell.tiled(pictures.get(key + "." + who), images(page.array("zoo/" + key), run * count, count), zoo.shape, count / 2);
      }
    }
  }

  /** Does the gradient check see a KL that is averaged instead of summed, backward and all? */
  function prediction(zoo, shell) {
    const one = zoo.bugs.find((each) => each.id === FIRST);
    if (!one) return null;
    const [measured, bound, passed] = one.laws.gradient;
    const [other, limit] = one.laws.kl_by_draws;
    return {
      question: "w21.predict", answers: ["w21.predict.yes", "w21.predict.no"], right: () => (passed === false ? 0 : 1),
      reveal: () => ["w21.predict.reveal", () => ({ measured: shell.small(measured), bound: shell.small(bound), other: shell.small(other), limit: shell.small(limit) })],
    };
  }

  function table(page, zoo, bug) {
    const lists = ["loss", "kl"].flatMap((key) => [row(page, key, bug.sound), row(page, key, bug.run)]);
    return { columns: ["epoch", "loss_sound", "loss_bug", "kl_sound", "kl_bug"], rows: lists[0].map((_, i) => [i + 1, ...lists.map((list) => list[i])]) };
  }

  V.widgets.add({ id: "w21", title: "w21.title", section: "evidence", needs, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
