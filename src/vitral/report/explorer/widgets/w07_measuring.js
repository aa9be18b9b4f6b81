// The worker of W7: the plane of what the decoder says, log p(x), the bounds below it, and the best ellipse for one image.
(function (V) {
  "use strict";

  /**
   * Runs in a worker, and uses nothing from outside itself. Questions by `kind`:
   *   plane      {plain, radius, cells}: decodes the cells once, and keeps them        reply: the share done
   *   posterior  {x}: the mass of the true posterior in every cell
   *   exact      {x, q, sizes, draws, seed}: log p(x), the ELBO of q, the importance-weighted curve, the posterior close up
   *   fit        {x, q, steps, draws, seed}: the best diagonal Gaussian for this image  reply: {q, steps} on the way
   */
  function measuring(V, question, reply) {
    const E = V.engine;
    const kept = (V.measuring = V.measuring || {});
    const { kind, x, q } = question;

    function elbo(of) {
      const weights = E.logWeights(kept.model, x, of, E.noise(question.seed, "explorer gap", 0, question.draws * kept.model.latent));
      return { ...E.meanAndError(weights), weights };
    }

    const answers = {
      plane() {
        const { plain, radius, cells } = question;
        kept.model = new E.Model(plain.description, (key) => plain.arrays[key] || null);
        kept.plane = E.plane(kept.model, { radius, cells, progress: (share) => reply(share) });
        return { cells, radius };
      },
      posterior() {
        return E.posterior(kept.model, kept.plane, x).weights;
      },
      exact() {
        const exact = E.logEvidence(kept.model, x, { kept: kept.plane });
        const { mean, error, weights } = elbo(q);
        const near = E.patch(kept.model, x, q, { points: 49, reach: 6 });
        const curve = E.importanceCurve(weights, question.sizes);
        return { ...exact, elbo: mean, error, curve, density: near.density, axes: near.axes, logMass: near.logMass };
      },
      fit() {
        const fit = E.fitter(kept.model, x, { seed: question.seed, start: q });
        for (let t = 0; t < question.steps; t++) {
          fit.step(0.1 * (1 - t / question.steps));
          if (t % 10 === 9) reply({ q: fit.q, steps: t + 1 });
        }
        const { mean, error } = elbo(fit.q);
        return { q: fit.q, elbo: mean, error };
      },
    };
    return answers[kind]();
  }

  V.widgets.measuring = measuring;
})((globalThis.Vitral = globalThis.Vitral || {}));
