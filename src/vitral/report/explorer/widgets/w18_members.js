// The trainings that W18 compares: one network, one size of z, one seed, and different objectives; and what each holds when.
(function (V) {
  "use strict";
  const HELD = 0.01; // nats: a dimension that holds less tells its decoder nothing

  function network({ metrics, likelihood, latent }) {
    return JSON.stringify([(metrics || {}).encoder, (metrics || {}).decoder, likelihood.kind, latent]);
  }

  /** Trainings in groups of one network and size, where their KL was recorded; the group of most trainings first. */
  function groups(page) {
    const found = new Map();
    for (const one of page.models) {
      const kl = page.array(one.name + "/pulse_kl");
      if (!kl || !page.array(one.name + "/pulse_epochs") || one.kind !== "vae") continue;
      found.set(network(one), [...(found.get(network(one)) || []), member(page, one, kl)]);
    }
    return [...found.values()].filter((group) => group.length > 1).sort((a, b) => b.length - a.length);
  }

  /** One training: its name, its objective in words, its KL (moments by dimensions) and what follows from it. */
  function member(page, one, kl) {
    const epochs = Array.from(page.array(one.name + "/pulse_epochs").data);
    const L = kl.shape[1];
    const row = (t) => Array.from(kl.data.subarray(t * L, (t + 1) * L));
    const total = (t) => row(t).reduce((a, b) => a + b, 0);
    const last = epochs.length - 1;
    const far = (t, epoch) => Math.abs(epochs[t] - epoch);
    const near = (epoch) => epochs.reduce((best, _, t) => (far(t, epoch) < far(best, epoch) ? t : best), 0);
    return {
      name: one.name, one, latent: L, epochs, kl, row, total, last, words: wordsOf(page, one),
      at: (epoch) => (epoch < 0 ? last : near(epoch)),
      held: (t) => row(t).filter((nats) => nats > HELD).length,
      /** How far the KL went in the last third of the training. */
      move: () => total(last) - total(near((2 / 3) * epochs[last])),
      order: row(last).map((_, j) => j).sort((a, b) => row(last)[b] - row(last)[a]),
      weight: weightOf(one, epochs[last]),
    };
  }

  /** An objective in words: [key, values]. */
  function wordsOf(page, one) {
    const { objective = {}, label } = one;
    const values = { label: label || objective.kind || one.name };
    const { beta, floor } = objective;
    if (objective.kind === "free_bits" && typeof floor === "number") return ["w18.kind.free_bits", { ...values, floor }];
    if (objective.kind !== "elbo") return ["w18.kind.other", values];
    if (typeof beta === "number") {
      const kind = beta === 1 ? "plain" : beta === page.data.features ? "pixel_mean" : "beta";
      return ["w18.kind." + kind, { ...values, beta }];
    }
    const known = ["linear", "cyclical", "sigmoid"].includes((beta || {}).kind) ? beta.kind : "other";
    const { cycles = NaN, start = NaN, end = NaN } = beta || {};
    return ["w18.kind." + known, { ...values, cycles, from: start, to: end }];
  }

  /** The weight of the KL over the epochs, {x, y}; null where the objective has none. */
  function weightOf({ objective = {}, schedule }, end) {
    if (schedule) return { x: schedule.epochs, y: schedule.values };
    return typeof objective.beta === "number" ? { x: [0, end], y: [objective.beta, objective.beta] } : null;
  }

  V.widgets.collapse = { groups, HELD };
})((globalThis.Vitral = globalThis.Vitral || {}));
