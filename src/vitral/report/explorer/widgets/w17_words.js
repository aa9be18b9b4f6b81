// What W17 says of its models as a whole: whether they had equal budgets, and the question before the answer.
(function (V) {
  "use strict";

  /** [key, values] of the sentence about the budgets of some models, with what variants changed besides. */
  function budget(page, shell, models) {
    const ends = (list) => [Math.min(...list), Math.max(...list)];
    const [few, many] = ends(models.map((one) => one.epochs || 0));
    const [least, most] = ends(models.map((one) => V.widgets.comparison.measured(one, "sse").seeds));
    const [small, large] = ends(models.map((one) => one.metrics.parameters || 0));
    const values = { n: models.length, epochs: many, few, seeds: most, least, small, large, train: page.data.train || NaN };
    return ["w17.budget." + (few === many ? "equal" : "unequal") + (least === most ? "" : ".seeds"), () => values];
  }

  /** The mean sigma of q over the images that the page holds, all dimensions together. */
  function width(page, name) {
    const logvar = page.array(name + "/codes_logvar");
    if (!logvar) return NaN;
    return logvar.data.reduce((sum, one) => sum + Math.exp(0.5 * one), 0) / logvar.data.length;
  }

  /** Two models of one size, the second with the larger beta: [a, b], or null. The first beta is 1 where there is one. */
  function pair(page, families) {
    const beta = (one) => V.widgets.comparison.training(one).beta;
    for (const models of families) {
      const known = models.filter((one) => beta(one) !== undefined && Number.isFinite(width(page, one.name)));
      for (const K of [...new Set(known.map((one) => one.latent))].sort((a, b) => a - b)) {
        const same = known.filter((one) => one.latent === K).sort((a, b) => beta(a) - beta(b));
        const at = Math.max(0, same.findIndex((one) => beta(one) === 1));
        if (same[at + 1]) return [same[at], same[at + 1]];
        if (same.length > 1) return same.slice(0, 2);
      }
    }
    return null;
  }

  /** "Will the ellipses grow or shrink?", where there are two betas; else how many dimensions the largest model uses. */
  function question(page, families) {
    const two = pair(page, families);
    return two ? aboutBeta(page, two) : aboutUnits(families);
  }

  function aboutBeta(page, [a, b]) {
    const { measured, training } = V.widgets.comparison;
    const values = {
      from: training(a).beta, to: training(b).beta, K: a.latent, before: width(page, a.name), after: width(page, b.name),
      kl_before: measured(a, "kl").value, kl_after: measured(b, "kl").value,
    };
    return {
      question: ["w17.predict.beta", values], answers: ["w17.predict.shrink", "w17.predict.same", "w17.predict.grow"],
      right: () => (values.after < 0.95 * values.before ? 0 : values.after > 1.05 * values.before ? 2 : 1),
      reveal: () => ["w17.predict.beta.reveal", values],
    };
  }

  function aboutUnits(families) {
    const known = families.flat().filter((one) => one.kind === "vae" && one.latent > 2);
    const largest = known.sort((a, b) => b.latent - a.latent)[0];
    if (!largest) return null;
    const active = V.widgets.comparison.measured(largest, "active_units").value;
    const share = active / largest.latent;
    const values = { K: largest.latent, active };
    return {
      question: ["w17.predict.units", values], answers: ["w17.predict.few", "w17.predict.half", "w17.predict.all"],
      right: () => (share < 1 / 3 ? 0 : share > 0.9 ? 2 : 1), reveal: () => ["w17.predict.units.reveal", values],
    };
  }

  Object.assign(V.widgets, { sideBudget: budget, sideQuestion: question });
})((globalThis.Vitral = globalThis.Vitral || {}));
