// W5, the ELBO meter: what this image costs at this z, over many draws, and at z = mu, in nats, bits or bits per dimension.
(function (V) {
  "use strict";
  const { canTell, lossParts, atMean, keptDraws, drawMore, lossCode, MOST_DRAWS } = V.widgets.loss;
  const UNITS = ["nats", "bits", "bpd"];
  const DRAWN_POINTS = 250;

  /** How many of a unit one nat is. */
  function perNat(unit, features) {
    return { nats: 1, bits: 1 / Math.LN2, bpd: 1 / (features * Math.LN2) }[unit];
  }

  function mount(root, page, shell) {
    shell.state.declare({ "w05.unit": "nats", "w05.piece": "recon", "w05.draws": 0 });
    const draws = keptDraws(shell);
    const parts = shell.frame(root, {
      name: "elbo-meter", predict: prediction(shell),
      equations: ["\"ELBO\"(x) = E_{q(z|x)}[\"log\" p(x|z)] - ∑_{j} \"KL\"_j",
        "E_q[R(z)] - R(μ) ≈ \\frac{β}{2} ∑_j (1 - σ_j^2)"],
      code: () => lossCode(shell, "import json\nfrom pathlib import Path\nx = np.array(json.loads(Path(\"elbo-meter.json\").read_text())[\"x\"])"),
      exports: {
        csv: () => drawsTable(shell, draws), png: () => bar.svg(), svg: () => bar.svg(), json: () => situation(shell, draws),
      },
    });
    const scaled = () => perNat(shell.state.get()["w05.unit"], page.data.features);
    const bar = V.widgets.lossBar(shell, () => pieces(shell, scaled()), (id) => shell.state.set({ "w05.piece": id }));
    const formula = shell.h("div", { class: "equation formula", tabindex: "0" });
    const running = shell.chart(() => runningMean(shell, draws, scaled()));
    const pictures = seen(page, shell);
    const player = shell.player({ start: () => shell.animate(() => drawMore(shell, "w05.draws", 1)) });
    parts.look.append(
      shell.choice({ label: "w05.unit", name: "w05.unit", options: UNITS.map((unit) => [unit, "w05.unit." + unit]) }),
      shell.h("div", { class: "beside" }, bar.element, pictures.element), formula,
      shell.h("div", { class: "row" }, shell.button("w05.draw", () => drawMore(shell, "w05.draws", 1)),
        shell.button("w05.draw_100", () => drawMore(shell, "w05.draws", 100)), player,
        shell.button("w05.mean", () => shell.state.set({ z: Array.from(shell.currentCode().mu) })),
        shell.button("w05.again", () => shell.state.set({ "w05.draws": 0 }))),
      shell.slider({ label: "w05.draws", min: 0, max: MOST_DRAWS, step: 1, digits: 0, name: "w05.draws" }), running.element);
    const facts = shell.facts(["w05.eps", "w05.this", "w05.average", "w05.at_mean", "w05.shortcut", "w05.predicted", "w05.elbo"]);
    parts.numbers.append(facts.element);

    function update(state, changed) {
      if (shell.currentCode().logvar === null) player.stop();
      if (draws.grow(counted(shell), 100)) requestAnimationFrame(() => update(shell.state.get(), new Set(["w05.draws"])));
      const now = lossParts(shell);
      if (["mount", "z", "image", "model", "drawn", "lang"].some((name) => changed.has(name))) pictures.show(now);
      bar.update();
      formula.replaceChildren(shell.equation(formulaOf(shell, now, scaled()), true));
      running.element.hidden = !now.logvar;
      running.update();
      tellNumbers(parts, facts, shell, now, draws, scaled());
    }
    return { update };
  }

  function seen(page, shell) {
    const names = ["w05.image", "w05.decoded"];
    const pictures = names.map((key) => shell.picture({ t: key }, "middle"));
    const element = shell.h("div", { class: "row" }, !page.data.image_shape ? [] : pictures.map((picture, i) =>
      shell.h("figure", { class: "captioned" }, picture, shell.h("figcaption", { t: names[i] }))));
    const show = ({ x, mean }) => page.data.image_shape && [x, mean].forEach((values, i) => shell.paint(pictures[i], values, page.data.image_shape));
    return { element, show };
  }

  /** How many draws there are: none of a plain autoencoder, whose code is a point. */
  const counted = (shell) => (shell.currentCode().logvar ? shell.state.get()["w05.draws"] : 0);

  const digitsOf = (unit) => (unit === "bpd" ? 4 : 2);

  /** What the bar shows, in the unit of now. */
  function pieces(shell, scale) {
    const { recon, kl, rate, total } = lossParts(shell);
    const { "w05.unit": unit, "w05.piece": chosen } = shell.state.get();
    const written = (value) => shell.number(value * scale, digitsOf(unit));
    const piece = (id, name, value, i) => ({
      id, value: value * scale, colour: i ? shell.style("--series-" + (1 + ((i - 1) % 5))) : shell.style("--series-0"),
      chosen: id === chosen, told: name + " " + written(value),
    });
    const costs = Array.from(kl.each, (one, j) => piece("kl" + (j + 1), shell.t("w05.kl", { j: j + 1 }), one, j + 1));
    const all = [piece("recon", shell.t("w05.recon"), recon, 0), ...costs];
    const values = { total: written(total), kl: written(rate), recon: written(recon), unit: shell.t("w05.unit." + unit) };
    const whole = { title: shell.t(costs.length ? "w05.whole" : "w05.whole_point", values), pieces: all };
    return {
      label: shell.t("w05.bar", values), pieces: all,
      rows: costs.length ? [whole, { title: shell.t("w05.close", values), pieces: costs }] : [whole],
    };
  }

  const plain = (value, digits) => (Object.is(value, -0) ? 0 : value).toFixed(digits === undefined ? 3 : digits);
  const squared = (value) => (value < 0 ? `(${plain(value)})^2` : `${plain(value)}^2`);

  /** The formula of the chosen piece with the numbers of now in it. */
  function formulaOf(shell, now, scale) {
    const { "w05.unit": unit, "w05.piece": piece } = shell.state.get();
    const j = Number(piece.slice(2)) - 1;
    const isKl = piece.startsWith("kl") && j < now.kl.each.length;
    const value = isKl ? now.kl.each[j] : now.recon;
    const other = { nats: "", bits: ` = ${plain(value * scale)} "\u00a0bits"`, bpd: ` = ${plain(value * scale, 5)} "\u00a0bits" / D` }[unit];
    return (isKl ? klFormula(now, j) : reconFormula(now)) + ` = ${plain(value)} "\u00a0nats"` + other;
  }

  function klFormula({ mu, sigma }, j) {
    const [m, s] = [squared(mu[j]), squared(sigma[j])];
    return `"KL"_${j + 1} = \\frac{1}{2} (μ_${j + 1}^2 + σ_${j + 1}^2 - 1 - "log" σ_${j + 1}^2)`
      + ` = \\frac{1}{2} (${m} + ${s} - 1 - "log" ${s})`;
  }

  function reconFormula({ model, x, mean }) {
    const variance = model.likelihood.variance();
    const D = x.length;
    if (variance === null) {
      const own = model.description.likelihood.kind === "bernoulli" ? "" : " - \"log\" C(o_d)";
      return `-"log" p(x | z) = ∑_{d=1}^{${D}} ("softplus"(o_d) - x_d o_d${own})`;
    }
    const squares = mean.reduce((sum, m, d) => sum + (x[d] - m) ** 2, 0);
    const s2 = plain(variance, 5);
    return `-"log" p(x | z) = \\frac{∑_d (x_d - \\hat{x}_d)^2}{2 s^2} + \\frac{D}{2} "log" (2 π s^2)`
      + ` = \\frac{${plain(squares)}}{2 · ${s2}} + \\frac{${D}}{2} "log" (2 π · ${s2})`;
  }

  /** What z = mu leaves out, measured with so many draws, and what a converged model predicts, in nats. */
  function shortcut(shell, recon) {
    const { mean, error } = V.engine.meanAndError(recon);
    const { objective } = shell.currentModel().description;
    const beta = objective && objective.beta !== undefined ? objective.beta : 1;
    const { logvar } = shell.currentCode();
    return {
      mean, error, measured: atMean(shell) - mean, beta,
      predicted: logvar ? -0.5 * beta * logvar.reduce((sum, one) => sum + 1 - Math.exp(one), 0) : NaN,
    };
  }

  /** The mean of the first n draws and its error, for every n: what a longer look makes surer. */
  function runningMean(shell, draws, scale) {
    const { rate } = lossParts(shell);
    const loss = draws.recon.slice(0, counted(shell)).map((one) => (one + rate) * scale);
    const series = { x: [], y: [], low: [], high: [] };
    let [sum, squares] = [0, 0];
    loss.forEach((one, i) => {
      const n = i + 1;
      sum += one - loss[0];
      squares += (one - loss[0]) ** 2;
      const mean = loss[0] + sum / n;
      const error = n > 1 ? Math.sqrt(Math.max(0, squares - (sum * sum) / n) / (n - 1) / n) : 0;
      if (n > 60 && n % Math.ceil(n / 60) && n < loss.length) return;
      [n, mean, mean - error, mean + error].forEach((value, k) => series[["x", "y", "low", "high"][k]].push(value));
    });
    const end = Math.max(10, loss.length);
    const some = loss.slice(0, DRAWN_POINTS);
    const unit = shell.t("w05.unit." + shell.state.get()["w05.unit"]);
    const straight = (atMean(shell) + rate) * scale;
    return {
      label: shell.t("w05.running"), x: { label: shell.t("w05.running.draws"), log: true, min: 1, max: end },
      y: { label: shell.t("w05.running.loss", { unit }) }, digits: digitsOf(shell.state.get()["w05.unit"]),
      series: [
        ...(some.length ? [{ name: shell.t("w05.running.mean"), ...series, dash: "", colour: shell.seriesColour(0) }] : []),
        { name: shell.t("w05.running.at_mean"), x: [1, end], y: [straight, straight], dash: "6 4", colour: shell.seriesColour(1) },
        ...(some.length ? [{ name: shell.t("w05.running.single"), x: some.map((_, i) => i + 1), y: some, kind: "points", radius: 2, colour: shell.seriesColour(2) }] : []),
      ],
    };
  }

  function tellNumbers(parts, facts, shell, now, draws, scale) {
    const { "w05.unit": unit } = shell.state.get();
    const digits = digitsOf(unit);
    const written = (value, signed) => shell.number(value * scale, digits, { signed });
    const recon = draws.recon.slice(0, counted(shell));
    const found = shortcut(shell, recon.length ? recon : [NaN]);
    const values = {
      z: shell.vector(now.z), recon: written(now.recon), kl: written(now.rate), total: written(now.total), unit: shell.t("w05.unit." + unit),
      n: recon.length, mean: written(found.mean + now.rate), error: written(found.error), measured: written(found.measured, true),
      predicted: written(found.predicted, true),
    };
    parts.tell(!now.logvar ? "w05.told_point" : recon.length > 1 ? "w05.told_many" : "w05.told", values);
    facts.set({
      "w05.eps": shell.vector(now.eps), "w05.this": values.total, "w05.elbo": written(-(found.mean + now.rate)),
      "w05.average": recon.length > 1 ? values.mean + " ± " + values.error : shell.number(NaN),
      "w05.at_mean": written(atMean(shell) + now.rate), "w05.shortcut": values.measured, "w05.predicted": values.predicted,
    });
    parts.refresh();
  }

  /** Is the loss at z = mu lower than, equal to, or higher than the average over draws? */
  function prediction(shell) {
    const found = () => {
      const kept = keptDraws(shell);
      kept.grow(200);
      return shortcut(shell, kept.recon);
    };
    return {
      question: "w05.predict", answers: ["w05.predict.lower", "w05.predict.equal", "w05.predict.higher"],
      right: () => {
        const { measured, error } = found();
        return Math.abs(measured) < 2 * error ? 1 : measured < 0 ? 0 : 2;
      },
      reveal: () => ["w05.predict.reveal", found()],
    };
  }

  function drawsTable(shell, draws) {
    const { rate, kl, recon } = lossParts(shell);
    const L = shell.currentModel().latent;
    const rows = draws.recon.slice(0, counted(shell)).map((one, k) => [k, ...shell.currentNoise(k), one, ...kl.each, one + rate]);
    const names = (stem) => Array.from({ length: L }, (_, j) => stem + (j + 1));
    const blank = names("").map(() => "");
    return {
      columns: ["draw", ...names("eps"), "reconstruction", ...(kl.each.length ? names("kl") : []), "loss"],
      rows: [...rows, ["this z", ...blank, recon, ...kl.each, recon + rate], ["mean", ...blank, atMean(shell), ...kl.each, atMean(shell) + rate]],
    };
  }

  function situation(shell, draws) {
    const { x, z, mu, logvar, eps, recon, kl, total } = lossParts(shell);
    const { model, image, seed } = shell.state.get();
    return { model, image, seed, unit: "nats", x, z, mu, logvar, eps, reconstruction: recon, kl: kl.each, loss: total, draws: draws.recon };
  }

  V.widgets.add({ id: "w05", title: "w05.title", section: "loss", needs: canTell, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
