// W25, the diagnosis in words: what the numbers of a training say, when they said it, why that matters and what to try.
(function (V) {
  "use strict";
  const SEVERITIES = ["serious", "warning", "note"];
  const SIGNS = { serious: "\u25b2", warning: "\u25c6", note: "\u25cf" };

  function needs(page) {
    return page.models.some((one) => one.diagnosis) ? true : "w25.needs_run";
  }

  function mount(root, page, shell) {
    shell.state.declare({ "w25.rule": "", "w25.least": "note" });
    const known = () => page.description(shell.state.get().model).diagnosis || null;
    const rules = () => (known() ? known().watched : []);
    const parts = shell.frame(root, {
      name: "diagnosis", predict: prediction(known),
      equations: ["\"on\" : v_t > a", "\"off\" : v_t ≤ b, b < a"],
      code: () => spellCode(rule()), exports: { csv: () => table(rule()), svg: () => chart.svg(), json: () => ({ model: shell.state.get().model, ...known() }) },
    });
    const absent = shell.h("p", { class: "absent", t: "w25.absent" });
    const list = shell.h("ol", { class: "findings-feed" });
    const none = shell.h("p", { class: "readout", t: "w25.none" });
    const least = shell.choice({ label: "w25.least", name: "w25.least", options: SEVERITIES.map((one) => [one, "w25.least." + one]).reverse() });
    const pick = shell.select({ label: "w25.rule", get: () => (rule() ? rule().kind : ""), set: (kind) => shell.state.set({ "w25.rule": kind }),
      options: () => rules().map((one) => [one.kind, shell.t("w25.rule." + one.kind)]) });
    const chart = shell.chart(() => ruleChart(shell, rule()));
    chart.pick = (i) => goTo(shell, rule().epochs[i]);
    const reason = shell.h("p", { class: "readout" });
    const quiet = shell.h("p", { class: "readout" });
    const curve = shell.h("div", {}, shell.h("h4", { t: "w25.rules" }), pick, reason, chart.element, quiet);
    const unwatched = shell.h("p", { class: "absent", t: "w25.unwatched" });
    parts.look.append(absent, least, list, none, unwatched, curve);
    const numbers = shell.h("div", {});
    parts.numbers.append(numbers);

    /** The rule that is looked at: the one asked for, or the first that had something to say. */
    function rule() {
      const asked = rules().find((one) => one.kind === shell.state.get()["w25.rule"]);
      return asked || rules().find((one) => one.spells.length) || rules()[0] || null;
    }

    function fill(state) {
      const shown = feed(known()).filter((one) => SEVERITIES.indexOf(one.severity) <= SEVERITIES.indexOf(state["w25.least"]));
      list.replaceChildren(...shown.map((one) => item(shell, one)));
      none.hidden = !known() || shown.length > 0;
      const silent = rules().filter((one) => !one.spells.length);
      quiet.hidden = silent.length === 0;
      shell.say(quiet, "w25.quiet", () => ({ rules: silent.map((one) => shell.t("w25.rule." + one.kind)).join(", ") }));
      numbers.replaceChildren(...(rules().length ? [shell.dataTable(rulesTable(shell, rules()))] : []));
    }

    function tell() {
      const counts = Object.fromEntries(SEVERITIES.map((name) => [name, feed(known()).filter((one) => one.severity === name).length]));
      const values = { model: shell.state.get().model, ...counts };
      if (!rule()) return parts.tell("w25.told", values);
      const at = nearest(rule().epochs, shell.state.get().epoch);
      parts.tell("w25.told.rule", () => ({ ...values, rule: shell.t("w25.rule." + rule().kind), epoch: epochText(shell, rule().epochs[at]),
        value: shell.small(rule().values[at], 3), on: shell.small(rule().on) }));
    }

    function update(state, changed) {
      absent.hidden = known() !== null;
      least.hidden = known() === null;
      curve.hidden = !rule();
      unwatched.hidden = known() === null || rule() !== null;
      if (["mount", "model", "lang", "w25.least"].some((name) => changed.has(name))) fill(state);
      pick.refresh();
      if (rule()) {
        chart.update();
        shell.say(reason, "w25.text", () => ({ text: rule().why[shell.language()] }));
      }
      if (known()) tell();
      parts.refresh();
    }
    return { update };
  }

  /** Everything that was found, the worst first; what has epochs by its beginning, what stands at the end last. */
  function feed(known) {
    if (!known) return [];
    const spells = known.watched.flatMap((one) => one.spells.map((spell) => ({ ...spell, rule: one.kind })));
    const all = [...spells, ...known.findings.map((one) => ({ ...one, begin: Infinity }))];
    return all.sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) || a.begin - b.begin);
  }

  const epochText = (shell, epoch) => shell.number(epoch, Number.isInteger(epoch) ? 0 : 2);

  /** Go to an epoch; with -1 to the last one, as in all figures. */
  function goTo(shell, epoch) {
    shell.state.set({ epoch: epoch === Infinity ? -1 : Number(epoch.toFixed(4)) });
  }

  function nearest(epochs, epoch) {
    if (epoch < 0) return epochs.length - 1;
    return epochs.reduce((best, one, i) => (Math.abs(one - epoch) < Math.abs(epochs[best] - epoch) ? i : best), 0);
  }

  /** One finding: how bad, when, what, what to try, and folded why. */
  function item(shell, one) {
    const text = (name) => ["w25.text", () => ({ text: one[name][shell.language()] })];
    const span = one.begin === Infinity ? ["w25.at_end"] : one.end === null
      ? ["w25.since", () => ({ begin: epochText(shell, one.begin) })]
      : ["w25.between", () => ({ begin: epochText(shell, one.begin), end: epochText(shell, one.end) })];
    const act = () => {
      if (one.rule) shell.state.set({ "w25.rule": one.rule });
      goTo(shell, one.begin);
    };
    return shell.h("li", { class: "finding " + one.severity, "data-kind": one.kind },
      shell.h("p", { class: "finding-head" }, shell.h("span", { class: "severity" }, SIGNS[one.severity] + " ", shell.h("span", { t: "w25.severity." + one.severity })),
        " ", shell.h("button", { type: "button", class: "quiet", t: span, on: { click: act } })),
      shell.h("p", { t: text("says") }),
      shell.h("p", {}, shell.h("strong", { t: "w25.try" }), " ", shell.h("span", { t: text("advice") })),
      shell.h("details", {}, shell.h("summary", { t: "w25.why" }), shell.h("p", { t: text("why") })));
  }

  /** The number of a rule over the epochs, and both of its thresholds. */
  function ruleChart(shell, rule) {
    if (!rule) return { label: "", x: {}, y: {}, series: [{ x: [0, 1], y: [0, 0] }] };
    const x = rule.epochs;
    const level = (value, name, dash) => ({ name: shell.t(name), x: [x[0], x[x.length - 1]], y: [value, value], dash });
    return {
      label: shell.t("w25.rule." + rule.kind), digits: 4, x: { label: shell.t("w25.epoch") }, y: {},
      series: [{ name: shell.t("w25.rule." + rule.kind), x, y: rule.values, dash: "", dots: true },
        level(rule.on, "w25.begins", "7 4"), level(rule.off, "w25.ends", "2 3")],
      marks: [{ x: x[nearest(x, shell.state.get().epoch)] }],
    };
  }

  /** The most extreme number of a rule on its wrong side, and where: {value, epoch}. */
  function extreme({ above, values, epochs }) {
    const i = values.reduce((best, one, at) => ((above ? one > values[best] : one < values[best]) ? at : best), 0);
    return { value: values[i], epoch: epochs[i] };
  }

  function rulesTable(shell, rules) {
    const keys = ["w25.rule", "w25.begins", "w25.ends", "w25.extreme", "w25.epoch", "w25.spells"];
    const rows = rules.map((one) => {
      const { value, epoch } = extreme(one);
      return [shell.t("w25.rule." + one.kind), shell.small(one.on), shell.small(one.off), shell.small(value, 3), epochText(shell, epoch), shell.number(one.spells.length)];
    });
    return { columns: keys.map((key) => shell.t(key)), rows };
  }

  function table(rule) {
    return { columns: ["epoch", "value"], rows: rule ? rule.epochs.map((epoch, i) => [epoch, rule.values[i]]) : [] };
  }

  /** Hysteresis in plain NumPy, on the exported numbers of the rule that is looked at. */
  function spellCode(rule) {
    const { on, off, above } = rule || { on: 1, off: 0.5, above: true };
    return ["import numpy as np", 'epoch, value = np.loadtxt("diagnosis.csv", delimiter=",", skiprows=1, ndmin=2).T', `on, off, side = ${on}, ${off}, ${above ? 1 : -1}`,
      "spells, inside = [], False", "for e, v in zip(epoch, side * value):", "    if inside and v <= side * off:", "        inside, spells[-1][1] = False, e",
      "    elif not inside and v > side * on:", "        inside, spells = True, [*spells, [e, None]]"].join("\n");
  }

  /** Did the training stop too early? */
  function prediction(known) {
    const pace = () => known() && known().findings.find((one) => one.kind === "stopped_early");
    return {
      question: "w25.predict", answers: ["w25.predict.yes", "w25.predict.no"], right: () => (known() ? (pace() ? 0 : 1) : -1),
      reveal: () => (!known() ? ["w25.absent", {}] : pace() ? ["w25.text", () => ({ text: pace().says[V.shell.language()] })] : ["w25.predict.level", {}]),
    };
  }

  V.widgets.add({ id: "w25", title: "w25.title", section: "evidence", needs, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
