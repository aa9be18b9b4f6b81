// W24's rows: what an image costs by this model, by baselines, and by what others published, with the reason where it does not compare.
(function (V) {
  "use strict";
  const DRAWS = 32;
  const MODELLED = 100; // images of the page, where the run measured none
  const CENTRES = 10;
  const OFFICIAL = ["official", "large"]; // splits whose test images are the 10,000 official ones

  /** -log p of an image of D entries at squared error SSE, under a Gaussian of variance s²: (D/2) log(2 π s²) + SSE / (2 s²). */
  const gaussianNats = (sse, s2, D) => 0.5 * D * Math.log(2 * Math.PI * s2) + sse / (2 * s2);

  /** What the numbers of a page are: "bits" (p of black and white), "loss" (no likelihood: E05c), or "density" of grey levels. */
  function measureOf(page, description) {
    if (description.likelihood.kind !== "bernoulli") return "density";
    const said = (description.metrics || {}).loss_is_likelihood;
    if (said !== undefined && said !== null) return said ? "bits" : "loss";
    const some = Array.from({ length: Math.min(20, page.count) }, (_, i) => page.image(i));
    const binary = some.length ? some.every((x) => x.every((one) => one === 0 || one === 1)) : !["none", null, undefined].includes(page.data.binarisation);
    return binary ? "bits" : "loss";
  }

  const meanOf = (list) => list.reduce((a, b) => a + b, 0) / list.length;
  const errorOf = (list) => Math.sqrt(list.reduce((sum, one) => sum + (one - meanOf(list)) ** 2, 0) / (list.length - 1) / list.length);

  /** The images of the page as rows in the unit of the data; null where it has none. */
  function imagesOf(page, name) {
    const array = page.array(name);
    if (!array) return null;
    const scale = array.data instanceof Float32Array ? 1 : 1 / 255;
    return { data: Float64Array.from(array.data, (one) => one * scale), count: array.shape[0] };
  }

  /**
   * Runs in a worker, and uses nothing from outside itself: baselines fitted on the training images of the page, and what
   * its test images cost by them. Pixels apart: p(x) = Π_d p_d; k-means: a mixture of its centres by their sizes, with
   * pixels as likely as their mean, or a Gaussian of one variance, that of the training images around their centres.
   */
  function fitting(V, { train, test, D, centres, gaussian }) {
    const E = V.engine;
    const [N, M] = [train.length / D, test.length / D];
    const row = (all, i) => all.subarray(i * D, (i + 1) * D);
    const mean = (rows) => {
      const total = new Float64Array(D);
      rows.forEach((i) => { for (let d = 0; d < D; d++) total[d] += train[i * D + d]; });
      return total;
    };
    const smoothed = (total, n) => total.map((one) => (one + 1) / (n + 2));
    const bernoulli = (x, p) => { let sum = 0; for (let d = 0; d < D; d++) sum -= x[d] * Math.log(p[d]) + (1 - x[d]) * Math.log(1 - p[d]); return sum; };
    const distance = (x, m) => { let sum = 0; for (let d = 0; d < D; d++) sum += (x[d] - m[d]) ** 2; return sum; };

    function clusters() {
      let places = Array.from({ length: centres }, (_, k) => Float64Array.from(row(train, Math.floor((k * N) / centres))));
      let groups = [];
      for (let round = 0; round < 25; round++) {
        groups = places.map(() => []);
        for (let i = 0; i < N; i++) {
          const far = places.map((one) => distance(row(train, i), one));
          groups[far.indexOf(Math.min(...far))].push(i);
        }
        places = groups.map((rows, k) => (rows.length ? mean(rows).map((one) => one / rows.length) : places[k]));
      }
      return { places, groups };
    }

    const everyone = Array.from({ length: N }, (_, i) => i);
    const p = smoothed(mean(everyone), N);
    const { places, groups } = clusters();
    const kept = groups.map((rows, k) => ({ rows, place: places[k] })).filter(({ rows }) => rows.length);
    const s2 = kept.reduce((sum, { rows, place }) => sum + rows.reduce((one, i) => one + distance(row(train, i), place), 0), 0) / (N * D);
    const likely = kept.map(({ rows }) => smoothed(mean(rows), rows.length));
    const cost = (x, k) => (gaussian ? 0.5 * D * Math.log(2 * Math.PI * s2) + distance(x, kept[k].place) / (2 * s2) : bernoulli(x, likely[k]));
    const some = Array.from({ length: M }, (_, i) => row(test, i));
    const entropy = (x) => x.reduce((sum, one) => (one > 0 && one < 1 ? sum - one * Math.log(one) - (1 - one) * Math.log(1 - one) : sum), 0);
    return {
      independent: some.map((x) => bernoulli(x, p)), floor: some.map(entropy), s2, fitted: N,
      kmeans: some.map((x) => -E.logSumExp(Float64Array.from(kept, ({ rows }, k) => Math.log(rows.length / N) - cost(x, k)))),
    };
  }

  /** -log p(x given z), a mean over draws, and KL of one image under a model, from its code. */
  function costOf(model, x, { mu, logvar }, eps) {
    const E = V.engine;
    const o = model.decode(logvar ? model.reparameterise(mu, logvar, eps) : mu);
    const terms = model.logProb(x, o);
    return { recon: -E.sum(terms) / terms.length, kl: logvar ? E.sum(model.kl(mu, logvar).each) : NaN };
  }

  const drawn = (seed, first, latent) => Float64Array.from(Array.from({ length: DRAWS }, (_, k) => Array.from(V.engine.noise(seed, "explorer eps", first + k, latent))).flat());

  /** Whether a loss is -ELBO and a constant: at another weight of the KL the loss at z = mu is in other units. */
  const plainBound = (objective) => Boolean(objective) && objective.kind === "elbo" && objective.beta === 1;

  /** Rows that the run measured, or where it measured none, what some images of the page cost here. */
  function measuredRows(page, shell, one, measure, loss) {
    const test = (one.metrics || {}).test;
    const { measured } = V.widgets.comparison;
    const rows = [];
    const put = (id, value, more) => Number.isFinite(value) && rows.push({ id, group: "whole", nats: value, ...more });
    if (test) {
      const bound = measured(one, measure === "loss" ? "loss" : "elbo");
      const constant = (one.metrics.loss_constant || 0);
      if (one.kind === "vae" && plainBound(one.objective)) put("at_mean", test.loss_at_mean + (measure === "loss" ? 0 : constant), { hollow: true, images: test.images });
      if (one.kind === "vae") put(measure === "loss" ? "loss" : "elbo", measure === "loss" ? bound.value : -bound.value, { spread: bound.spread, seeds: bound.seeds, images: test.images, own: true });
      const part = measure !== "loss" && test.importance_images < test.images; // IWAE is beside the ELBO of its own images
      if (part && Number.isFinite(test.elbo_same_images)) put("elbo_same", -test.elbo_same_images, { images: test.importance_images });
      if (measure !== "loss" && Number.isFinite(test.log_px_hat)) put("iwae", -test.log_px_hat, { spread: test.log_px_hat_se, samples: test.importance_samples, images: test.importance_images });
      return rows;
    }
    const model = page.model(one.name);
    if (!model || !page.count || !model.hasDensity || !model.encoder) return rows;
    const costs = loss();
    put(measure === "loss" ? "loss" : "elbo", meanOf(costs), { spread: errorOf(costs), images: costs.length, own: true });
    return rows;
  }

  /** The image of now, as a row. */
  function imageRow(shell) {
    const model = shell.currentModel();
    const x = shell.currentImage();
    if (!x || !model.hasDensity) return [];
    const code = shell.currentCode();
    if (!code.logvar) return [];
    const { seed, image } = shell.state.get();
    const { recon, kl } = costOf(model, x, code, drawn(seed, 1000 * (image + 1), model.latent));
    return [{ id: "image", group: "whole", nats: recon + kl, recon, kl, image }];
  }

  /** Rows of squared error, by the variance that the validation images imply. */
  function errorRows(page, D, measure, latent) {
    const { mean_image: mean, pca } = page.metrics.baselines || {};
    const nats = ({ sse, validation_sse: known }) => gaussianNats(sse, (known || sse) / D, D);
    const why = measure === "density" ? null : "squared";
    const rows = [];
    if (mean && Number.isFinite(mean.sse)) rows.push({ id: "mean_image", group: "whole", nats: why ? null : nats(mean), sse: mean.sse, why });
    for (const [k, entry] of Object.entries(pca || {})) {
      if (Number.isFinite(entry.sse)) rows.push({ id: "pca", group: "recon", k: Number(k), nats: why ? null : nats(entry), sse: entry.sse, why, same: Number(k) === latent });
    }
    return rows;
  }

  /** Rows of what was fitted in the page; where it has no training images, the reason. */
  function fittedRows(measure, fitted, has) {
    const names = measure === "loss" ? ["independent", "floor"] : measure === "bits" ? ["independent", "kmeans"] : ["kmeans"];
    const known = (id) => (fitted ? { nats: meanOf(fitted[id]), spread: errorOf(fitted[id]), images: fitted[id].length, fitted: fitted.fitted } : { nats: null, why: has ? "fitting" : "no_train" });
    const rows = names.map((id) => ({ id, group: "whole", centres: CENTRES, ...known(id) }));
    return measure === "density" ? [...rows, { id: "independent", group: "whole", nats: null, why: "constant" }] : rows;
  }

  /** The reconstruction terms of the model and of plain autoencoders of the page. */
  function distortionRows(page, one) {
    const { measured } = V.widgets.comparison;
    const others = page.models.filter((other) => other.kind !== "vae" && other.name !== one.name).slice(0, 3);
    return [one, ...others].map((each) => ({ each, found: measured(each, "distortion") })).filter(({ found }) => Number.isFinite(found.value)).map(({ each, found }) =>
      ({ id: "distortion", group: "recon", name: each.name, nats: found.value, spread: found.spread, seeds: found.seeds, own: each === one }));
  }

  /** Why a published number does not compare with this page's, or null where it does. */
  function whyNot(page, measure, row) {
    const { name, binarisation, split, test } = page.data;
    if (name !== row.data) return "data";
    if (row.pixels === "levels") return "levels";
    if (measure === "density") return "density";
    if (measure === "loss") return "grey";
    if (binarisation !== row.pixels) return "binarisation";
    if (!OFFICIAL.includes(split) || test !== 10000) return "split";
    return row.pixels === "static" ? "once" : null; // bits drawn once are the bits of one file
  }

  function publishedRows(page, D, measure) {
    return V.widgets.published.map((row) => ({
      ...row, id: "published", key: row.id, group: "published", nats: row.nats === undefined ? row.bits * D * Math.LN2 : row.nats, why: whyNot(page, measure, row),
    })).filter((row) => row.data === page.data.name || row.key !== "fashion");
  }

  /** All rows of now. `lab.fitted` is what the worker found, `lab.costs()` costs of images of the page. */
  function rowsOf(page, shell, lab, converted) {
    const one = page.description(shell.state.get().model);
    const D = page.data.features;
    const measure = measureOf(page, one);
    const usual = measure === "density" && converted ? [{ id: "converted", group: "whole", nats: converted.cost }] : [];
    return [
      ...errorRows(page, D, measure, one.latent).filter((row) => row.id === "mean_image"), ...fittedRows(measure, lab.fitted, lab.has),
      ...measuredRows(page, shell, one, measure, lab.costs), ...imageRow(shell), ...usual,
      ...distortionRows(page, one), ...errorRows(page, D, measure, one.latent).filter((row) => row.id === "pca"), ...publishedRows(page, D, measure),
    ];
  }

  V.widgets.ruler = { gaussianNats, measureOf, rowsOf, imagesOf, fitting, costOf, drawn, whyNot, MODELLED, CENTRES, DRAWS };
})((globalThis.Vitral = globalThis.Vitral || {}));
