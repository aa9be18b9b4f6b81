// W24, what does 47 mean? One ruler for this model, for what is simpler, and for what others published; and a converter.
(function (V) {
  "use strict";
  const { gaussianNats, measureOf, rowsOf, imagesOf, fitting, costOf, drawn, MODELLED, CENTRES, DRAWS } = V.widgets.ruler;
  const FORMS = ["mean", "sum", "half"];
  const TYPED = { mse: 0.055, kl: 3.6 }; // where no run measured an error: a pair that reports show

  const needs = (page) => (page.data.features ? true : "w24.needs_features");

  /** The squared error in the loss has the weight c: mean over entries 1/D, sum 1, half the sum 1/2. */
  const weightOf = (form, D) => ({ mean: 1 / D, sum: 1, half: 0.5 }[form]);

  /**
   * From an error and a KL to what they say. s² = MSE is the variance that makes the error likeliest (E07); a loss
   * c SSE + β₀ KL is -ELBO with β = β₀ / (2 c s²); and -ELBO = (D/2) (log(2 π s²) + 1) + KL.
   */
  function converted({ mse, kl, beta0, form }, D) {
    const c = weightOf(form, D);
    const cost = gaussianNats(D * mse, mse, D) + kl;
    return { mse, kl, beta0, form, weight: c, sse: D * mse, loss: c * D * mse + beta0 * kl, sigma: Math.sqrt(mse), beta: beta0 / (2 * c * mse), cost, bits: cost / (D * Math.LN2) };
  }

  function begin(page) {
    const { test } = page.description().metrics || {};
    const D = page.data.features;
    return test && Number.isFinite(test.sse) && Number.isFinite(test.kl) ? { mse: Number((test.sse / D).toPrecision(3)), kl: Number(test.kl.toPrecision(3)) } : TYPED;
  }

  function mount(root, page, shell) {
    const D = page.data.features;
    const first = begin(page);
    shell.state.declare({ "w24.row": 0, "w24.mse": first.mse, "w24.kl": first.kl, "w24.beta0": 1, "w24.form": "sum", "w24.shown": false });
    const typed = () => {
      const state = shell.state.get();
      return converted({ mse: Math.max(1e-9, state["w24.mse"]), kl: state["w24.kl"], beta0: state["w24.beta0"], form: state["w24.form"] }, D);
    };
    const lab = laboratory(page, shell, () => show());
    const rows = () => rowsOf(page, shell, lab, shell.state.get()["w24.shown"] ? typed() : null).map((row, index) => named(page, shell, row, index));
    const measure = () => measureOf(page, page.description(shell.state.get().model));
    const parts = shell.frame(root, {
      name: "ruler", predict: prediction(page),
      equations: ["-\"log\" p = \\frac{D}{2} \"log\"(2 π s^2) + \\frac{\"SSE\"}{2 s^2}", "\"bits per dimension\" = \\frac{\"nats\"}{D \"log\" 2}",
        "c · \"SSE\" + β_0 · \"KL\" ∝ \\frac{\"SSE\"}{2 s^2} + β · \"KL\", β = \\frac{β_0}{2 c s^2}"],
      code: () => codeOf(shell, typed()),
      exports: { csv: () => table(rows(), D), svg: () => ruler.svg(), png: () => ruler.svg(), json: () => situation(page, shell, rows(), typed(), measure()) },
    });
    const ruler = V.widgets.rulerTrack(shell, () => {
      const all = rows();
      return {
        rows: all, D, chosen: chosenOf(all, shell), label: shell.t("w24.ruler"),
        heads: Object.fromEntries(["whole", "recon", "published"].map((group) => [group, shell.t("w24.head." + group + (group === "whole" && measure() === "loss" ? ".loss" : ""))])),
        units: [shell.t("w24.nats"), shell.t("w24.bits")],
      };
    }, (index) => shell.state.set({ "w24.row": index }));
    const told = shell.h("p", { class: "readout row-told", role: "status" });
    const about = shell.h("p", {});
    const converter = converterOf(shell, typed);
    parts.look.append(about, ruler.element, told, converter.element);
    const list = shell.h("div", {});
    parts.numbers.append(list);

    function show() {
      const all = rows();
      shell.say(about, "w24.about." + measure());
      ruler.update();
      const one = all[chosenOf(all, shell)];
      if (one) shell.say(told, ...sentence(shell, one, D));
      converter.show();
      list.replaceChildren(shell.dataTable(local(shell, all, D)));
      root.dataset.fitted = lab.fitted || !lab.has ? "done" : "";
      tell(parts, shell, all, D, typed());
      parts.refresh();
    }

    function update(state, changed) {
      if (changed.has("mount")) lab.begin();
      show();
    }
    return { update, destroy: () => lab.stop() };
  }

  const chosenOf = (rows, shell) => Math.min(rows.length - 1, Math.max(0, Math.round(shell.state.get()["w24.row"])));

  /** What is worked out in the page: baselines from its training images, in a worker, and costs of some images, kept by model. */
  function laboratory(page, shell, ready) {
    const [train, test] = [imagesOf(page, "train_images"), imagesOf(page, "images")];
    const self = { fitted: null, has: Boolean(train && test && train.count >= CENTRES), costs, begin, stop };
    let worker = null;
    const kept = new Map();

    async function begin() {
      if (!self.has) return;
      worker = shell.worker(fitting);
      const gaussian = page.description().likelihood.kind !== "bernoulli";
      self.fitted = await worker.ask({ train: train.data, test: test.data, D: page.data.features, centres: CENTRES, gaussian });
      stop();
      ready();
    }

    function costs() {
      const { model: name } = shell.state.get();
      if (!kept.has(name)) {
        const model = page.model(name);
        const count = Math.min(MODELLED, page.count);
        kept.set(name, Array.from({ length: count }, (_, i) => {
          const { recon, kl } = costOf(model, page.image(i), model.encode(page.image(i)), drawn(1, 1000 * (i + 1), model.latent));
          return recon + kl;
        }));
      }
      return kept.get(name);
    }

    function stop() {
      if (worker) worker.stop();
      worker = null;
    }
    return self;
  }

  /** A row with its words in the language of now. */
  function named(page, shell, row, index) {
    const values = { k: row.k || 0, centres: row.centres || 0, samples: row.samples || 0, images: row.images || 0, name: row.name || "", image: row.image >= 0 ? row.image : "–" };
    const name = row.id === "published" ? row.name : shell.t("w24.row." + row.id, values);
    const short = row.nats === null ? "" : `${shell.number(row.nats, 1)} · ${shell.number(row.nats / (page.data.features * Math.LN2), 3)}`;
    return { ...row, index, name, short, whyShort: row.why ? shell.t("w24.short." + row.why, whyValues(page, shell, row)) : "" };
  }

  function whyValues(page, shell, row) {
    return { pixels: row.pixels ? shell.t("w24.pixels." + row.pixels) : "", data: row.data || "", here: page.data.name || "–" };
  }

  /** The sentence of a chosen row: what it is, how it was made, and why it does not compare. */
  function sentence(shell, row, D) {
    if (row.nats === null) return ["w24.sentence_none", () => ({ name: row.name, why: shell.t("w24.why." + row.why, whyValues(shell.page, shell, row)) })];
    const value = shell.number(row.nats, 2);
    const error = row.spread > 0 ? " ± " + shell.number(row.spread, 2) : "";
    const bits = shell.number(row.nats / (D * Math.LN2), 4);
    const values = () => ({
      name: row.name, value, error, bits, says: shell.t("w24.says." + row.id, {
        sse: row.sse, k: row.k, fitted: row.fitted || 0, images: row.images || 0, seeds: row.seeds || 1, samples: row.samples || "–", recon: row.recon, kl: row.kl,
        source: row.source || "", pixels: row.pixels ? shell.t("w24.pixels." + row.pixels) : "", centres: row.centres || 0, draws: DRAWS,
      }), why: row.why ? shell.t("w24.why." + row.why, whyValues(shell.page, shell, row)) : "",
    });
    return ["w24.sentence", values];
  }

  function converterOf(shell, typed) {
    const facts = shell.facts(["w24.sigma", "w24.beta", "w24.cost", "w24.cost_bits", "w24.loss"]);
    const log = { position: (value) => Math.log(Math.max(1e-4, value) / 1e-4) / Math.log(1e4), value: (share) => Number((1e-4 * 1e4 ** share).toPrecision(3)) };
    const element = shell.h("div", { class: "converter" }, shell.h("h4", { t: "w24.converter" }), shell.h("p", { t: "w24.converter.lead" }),
      shell.slider({ label: "w24.mse", min: 1e-6, max: 1, step: 0.001, digits: 4, name: "w24.mse", ...log }),
      shell.slider({ label: "w24.kl", min: 0, max: 200, step: 0.1, digits: 2, name: "w24.kl" }),
      shell.choice({ label: "w24.form", name: "w24.form", options: FORMS.map((form) => [form, "w24.form." + form]) }),
      shell.slider({ label: "w24.beta0", min: 0, max: 20, step: 0.1, digits: 2, name: "w24.beta0" }), facts.element,
      shell.toggle({ label: "w24.shown", name: "w24.shown" }));

    function show() {
      const one = typed();
      facts.set({
        "w24.sigma": shell.number(one.sigma, 4), "w24.beta": shell.number(one.beta), "w24.cost": shell.number(one.cost, 2),
        "w24.cost_bits": shell.number(one.bits, 4), "w24.loss": shell.number(one.loss),
      });
    }
    return { element, show };
  }

  function tell(parts, shell, rows, D, one) {
    const own = rows.find((row) => row.own && row.group === "whole");
    const simple = rows.filter((row) => ["mean_image", "independent"].includes(row.id) && row.nats !== null).sort((a, b) => a.nats - b.nats)[0];
    const values = { cost: own ? own.nats : NaN, bits: own ? own.nats / (D * Math.LN2) : NaN, mse: shell.number(one.mse), kl: one.kl, sum: one.sse + one.kl, elbo: one.cost, sigma: one.sigma };
    if (own && simple) return parts.tell("w24.told", () => ({ ...values, simple: simple.name, less: simple.nats - own.nats }));
    if (own) return parts.tell("w24.told_alone", values);
    return parts.tell("w24.told_converter", values);
  }

  /** PCA with as many numbers as z: is its squared error smaller, as large, or larger? */
  function prediction(page) {
    const one = page.description();
    const { test } = one.metrics || {};
    const pca = ((page.metrics.baselines || {}).pca || {})[one.latent];
    if (!pca || !Number.isFinite(pca.sse) || !test || !Number.isFinite(test.sse)) return null;
    const ratio = pca.sse / test.sse;
    return {
      question: "w24.predict", answers: ["w24.predict.smaller", "w24.predict.same", "w24.predict.larger"], right: () => (ratio < 0.98 ? 0 : ratio <= 1.02 ? 1 : 2),
      reveal: () => ["w24.predict.reveal", { k: one.latent, pca: pca.sse, model: test.sse }],
    };
  }

  /** The rows in the language of now. */
  function local(shell, rows, D) {
    return {
      columns: ["row", "nats", "bits", "spread", "why"].map((key) => shell.t("w24.column." + key)),
      rows: rows.map((row) => [row.name, row.nats === null ? "–" : row.nats, row.nats === null ? "–" : row.nats / (D * Math.LN2), row.spread > 0 ? row.spread : "", row.whyShort]),
    };
  }

  function table(rows, D) {
    return {
      columns: ["group", "row", "name", "nats", "bits_per_dimension", "spread", "compares", "source"],
      rows: rows.map((row) => [row.group, row.id, row.name, row.nats, row.nats === null ? null : row.nats / (D * Math.LN2), row.spread, row.why ? 0 : 1, row.source || ""]),
    };
  }

  function situation(page, shell, rows, one, measure) {
    const { model, image, seed } = shell.state.get();
    return { model, image, seed, features: page.data.features, measure, rows: rows.map(({ short, whyShort, ...row }) => row), baselines: page.metrics.baselines || null, converter: one };
  }

  function codeOf(shell, one) {
    return ["import json", "from pathlib import Path", "import numpy as np", "given = json.loads(Path(\"ruler.json\").read_text())", "D = given[\"features\"]",
      "def nats(sse, s2):", "    return D / 2 * np.log(2 * np.pi * s2) + sse / (2 * s2)",
      `mse, kl, beta0 = ${one.mse}, ${one.kl}, ${one.beta0}`, `c = ${{ mean: "1 / D", sum: "1", half: "0.5" }[one.form]}  # the weight of the summed squared error in the loss`,
      "sigma, beta, minus_elbo = np.sqrt(mse), beta0 / (2 * c * mse), nats(D * mse, mse) + kl",
      "baselines = given[\"baselines\"] or {}", "pca = {k: nats(one[\"sse\"], one[\"validation_sse\"] / D) for k, one in baselines.get(\"pca\", {}).items()}",
      "ruler = np.array([row[\"nats\"] for row in given[\"rows\"] if row[\"nats\"] is not None])", "bits_per_dimension = ruler / (D * np.log(2))",
      "print(sigma, beta, minus_elbo)"].join("\n");
  }

  V.widgets.add({ id: "w24", title: "w24.title", section: "evidence", needs, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
