// The honesty strip: what was trained on what, how it was checked, what this page cannot show, and the parity badge.
// The facts come from vitral/report/explorer/strip.py; one that is null is left out.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});

  const ROOM = "(min-width: 40rem)"; // below it the facts are folded, so that a phone begins with the figures

  function known(value) {
    return value !== null && value !== undefined;
  }

  function named(stem, name) {
    return shell.hasText(stem + "." + name) ? shell.t(stem + "." + name) : String(name);
  }

  function dataText({ data }) {
    if (!data || !known(data.name)) return null;
    if (!known(data.train)) return data.name;
    return shell.t("strip.data.value", {
      name: data.name, split: named("strip.split", data.split), train: data.train, validation: data.validation, test: data.test,
      unit: known(data.unit) ? named("strip.unit", data.unit) : "–",
    });
  }

  function likelihoodText({ likelihood, variance, loss_constant: constant }) {
    if (!likelihood) return null;
    const parts = [named("strip.likelihood", likelihood.kind)];
    if (known(variance)) parts.push(shell.t("strip.likelihood.variance", { variance }));
    if (Math.abs(constant) >= 0.05) parts.push(shell.t("strip.likelihood.constant", { constant: shell.number(constant, 1) }));
    return parts.join("; ");
  }

  function seedsText({ seed, seeds }) {
    if (!known(seed)) return null;
    return shell.t(seeds > 1 ? "strip.seeds.several" : "strip.seeds.one", { seed, seeds: seeds || 1 });
  }

  function timeText({ wall_seconds: seconds }) {
    if (!known(seconds)) return null;
    const minutes = Math.floor(seconds / 60);
    return minutes ? `${shell.number(minutes)} min ${shell.number(Math.round(seconds % 60))} s` : shell.number(seconds, 1) + " s";
  }

  function weightsText({ quantised }) {
    if (quantised === undefined) return null;
    if (quantised === null) return shell.t("strip.weights.exact");
    return shell.t("strip.weights.quantised", { bits: quantised.bits, error: shell.small(quantised.max_error) });
  }

  function plainNumber(value) {
    return typeof value === "number" ? shell.number(value) : null;
  }

  const FACTS = {
    recipe: ({ recipe }) => recipe,
    model: ({ model }) => model,
    data: dataText,
    likelihood: likelihoodText,
    beta: ({ beta }) => plainNumber(beta),
    seeds: seedsText,
    epochs: ({ epochs }) => plainNumber(epochs),
    parameters: ({ parameters }) => plainNumber(parameters),
    time: timeText,
    commit: ({ vitral, commit }) => (known(vitral) ? "vitral " + vitral + (commit ? ", " + String(commit).slice(0, 10) : "") : null),
    checks: ({ checks }) => (checks ? shell.t("strip.checks.value", checks) : null),
    weights: weightsText,
  };

  function factsOf(strip) {
    return Object.entries(FACTS).map(([name, write]) => [name, write(strip)]).filter(([, text]) => known(text));
  }

  /** The strip as an element that follows the language. */
  function strip(page) {
    const list = shell.h("dl", { class: "strip" });
    const missing = shell.h("ul", { class: "unsupported" });
    const badge = shell.h("p", { class: "badge", id: "parity-badge", role: "status", t: "shell.parity.waiting" });
    const reasons = page.strip.missing || [];
    function show() {
      list.replaceChildren(...factsOf(page.strip).map(([name, text]) => shell.h("div", {},
        shell.h("dt", {}, shell.t("strip." + name)), shell.h("dd", {}, text))));
      missing.replaceChildren(...reasons.map((key) => shell.h("li", {}, ...shell.marked(named("strip.missing", key)))));
    }
    const element = shell.h("section", { class: "honesty", "aria-label": { t: "shell.strip" } },
      shell.h("p", { class: "pixels", t: "shell.strip.pixels" }), badge,
      shell.h("details", { open: matchMedia(ROOM).matches }, shell.h("summary", { t: "shell.strip.facts" }), list,
        reasons.length ? shell.h("p", { class: "aside-label", t: "shell.strip.unsupported" }) : null, missing));
    show();
    shell.redraws(element, show);
    return element;
  }

  /** Measure this browser against the numbers of NumPy, once the page stands, and say the difference. */
  function showParity(page) {
    const badge = document.getElementById("parity-badge");
    const entries = Object.entries(page.golden || {}).filter(([name]) => page.computes(name));
    if (!entries.length) return void shell.say(badge, "shell.parity.none");
    const found = entries.map(([name, golden]) => V.engine.parity(page.model(name), golden, { evidence: false }));
    const forward = Math.max(...found.map((one) => one.forward));
    const gradient = Math.max(...found.map((one) => one.gradient));
    const good = forward <= 1e-5 && gradient <= 1e-4;
    badge.classList.add(good ? "good" : "bad");
    Object.assign(badge.dataset, { forward, gradient });
    const measured = () => ({ forward: shell.small(forward), gradient: shell.small(gradient) });
    shell.say(badge, good ? "shell.parity.good" : "shell.parity.bad", measured);
    if (good) addEvidence(page, badge, measured);
  }

  /** The integral over the plane takes a second or two: a worker measures it, where NumPy's log p(x) is in the page. */
  async function addEvidence(page, badge, measured) {
    const golden = (page.golden || {})[page.main];
    if (!golden || !golden.evidence || !page.computes(page.main, true)) return;
    const worker = shell.worker((V, { plain, golden }) =>
      V.engine.parity(new V.engine.Model(plain.description, (key) => plain.arrays[key] || null), golden).evidence);
    const evidence = await worker.ask({ plain: page.plain(page.main), golden });
    worker.stop();
    badge.dataset.evidence = evidence;
    const good = evidence <= 0.01; // nats: five times what the integral asks of itself
    badge.classList.toggle("good", good);
    badge.classList.toggle("bad", !good);
    shell.say(badge, good ? "shell.parity.evidence" : "shell.parity.wrong_evidence",
      () => ({ ...measured(), evidence: shell.small(evidence) }));
  }

  Object.assign(shell, { strip, showParity });
})((globalThis.Vitral = globalThis.Vitral || {}));
