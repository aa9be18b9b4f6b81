// W4, the posterior at its true size and the desk of the reparameterisation: grab eps, and z and the image follow.
(function (V) {
  "use strict";
  const { canTell, drawnNoise, drawMore, MOST_DRAWS } = V.widgets.loss;
  const INSIDE = [1, 2].map((radius) => 100 * (1 - Math.exp((-radius * radius) / 2)));

  function needs(page) {
    if (!page.data.image_shape) return "w04.needs_images";
    const { kind, latent } = page.description();
    if (kind === "autoencoder" || latent < 2) return "w04.needs_posterior";
    return canTell(page);
  }

  function mount(root, page, shell) {
    shell.state.declare({ "w04.tab": "path", "w04.draws": 0 });
    const parts = shell.frame(root, {
      name: "posterior-and-noise", predict: prediction(shell),
      equations: ["z = μ + σ ε", "ε ∼ N(0, I)", "∇ E_q[f(z)] = E_ε[∇ f(μ + σ ε)] = E_q[f(z) ∇ \"log\" q(z)]"],
      code: () => codeOf(shell),
      exports: {
        csv: () => (shown(shell) ? scores.table() : drawsTable(shell)),
        png: () => (shown(shell) ? scores.svg() : desk.plane.pictures()), svg: () => (shown(shell) ? scores.svg() : desk.plane.svg),
        json: () => situation(shell, scores),
      },
    });
    const desk = deskOf(page, shell);
    const scores = V.widgets.scoreDesk(page, shell);
    const tabs = shell.choice({ label: "w04.tab", name: "w04.tab", options: ["path", "score"].map((one) => [one, "w04.tab." + one]) });
    parts.look.append(tabs, desk.element, scores.element);
    const facts = shell.facts(["w04.mu", "w04.sigma", "w04.eps", "w04.z", "w04.one", "w04.two"]);
    parts.numbers.append(facts.element, scores.facts);

    function update(state, changed) {
      const known = Boolean(shell.currentCode().logvar);
      tabs.hidden = facts.element.hidden = scores.facts.hidden = !known;
      desk.element.hidden = !known || state["w04.tab"] !== "path";
      scores.element.hidden = !known || state["w04.tab"] !== "score";
      if (!known) {
        desk.stop();
        return parts.tell("w04.no_posterior");
      }
      if (state["w04.tab"] === "path") desk.update(state, changed);
      else scores.update(state, parts);
      scores.facts.hidden = state["w04.tab"] !== "score";
      facts.element.hidden = state["w04.tab"] === "score";
      tellNumbers(parts, facts, shell, state);
    }
    return { update };
  }

  /** Whether the tab of the score function is open. */
  const shown = (shell) => shell.state.get()["w04.tab"] === "score";

  /** mu, sigma and eps = (z - mu) / sigma of now. */
  function posterior(shell) {
    const { mu, logvar } = shell.currentCode();
    if (!logvar) return null;
    const sigma = Float64Array.from(logvar, (one) => Math.exp(0.5 * one));
    const { z } = shell.state.get();
    return { mu: Float64Array.from(mu), sigma, eps: sigma.map((one, l) => (z[l] - mu[l]) / one) };
  }

  /** Take hold of eps: z follows as mu + sigma eps. */
  function setNoise(shell, pair) {
    const { mu, sigma, eps } = posterior(shell);
    const whole = Array.from(eps, (one, l) => (l < 2 ? pair[l] : one));
    shell.state.set({ z: whole.map((one, l) => Number((mu[l] + sigma[l] * one).toFixed(6))) });
  }

  function noiseNow(shell) {
    const found = posterior(shell);
    return found ? Array.from(found.eps.subarray(0, 2)) : [0, 0];
  }

  /** The first tab: the plane with the ellipse, the pad of eps, the image, and what 1,000 draws look like. */
  function deskOf(page, shell) {
    const cloud = () => drawn(shell);
    const player = shell.player({ start: () => shell.animate(animation(shell)) });
    const flip = { play: () => player.flip() };
    const plane = shell.plane({
      label: "w04.plane", span: spanOf(shell), actions: flip,
      layers: [shell.layers.contours(), dots(shell, () => cloud().z), shell.layers.ellipse({ get: () => posterior(shell) })],
    });
    const pad = shell.plane({
      label: "w04.pad", span: 3.6, coordinate: "w04.coordinate", get: () => noiseNow(shell), set: (pair) => setNoise(shell, pair),
      actions: { ...flip, pin: () => {} }, layers: [shell.layers.contours(), dots(shell, () => cloud().eps)],
    });
    const image = shell.picture({ t: "w04.decoded" }, "middle");
    const original = shell.picture({ t: "w04.image" }, "middle");
    const charts = [0, 1].map((l) => shell.chart(() => marginal(shell, cloud(), l)));
    const figure = (picture, key) => shell.h("figure", { class: "captioned" }, picture, shell.h("figcaption", { t: key }));
    const draw = (key, more) => shell.button(key, () => drawMore(shell, "w04.draws", more));
    const element = shell.h("div", {},
      shell.h("div", { class: "row" }, figure(original, "w04.image"), figure(image, "w04.decoded")),
      shell.h("div", { class: "beside even" },
        shell.h("div", {}, shell.h("p", { class: "aside-label", t: "w04.pad.heading" }), pad.element),
        shell.h("div", {}, shell.h("p", { class: "aside-label", t: "w04.plane.heading" }), plane.element)),
      shell.h("div", { class: "row" }, draw("w04.draw", 1), draw("w04.draw_100", 100), draw("w04.draw_1000", MOST_DRAWS), player,
        shell.button("w04.again", () => shell.state.set({ "w04.draws": 0 })),
        shell.button("w04.closer", () => closer(shell, plane)), shell.button("w04.centre", () => setNoise(shell, [0, 0]))),
      shell.h("p", { class: "aside-label", t: "w04.histograms" }),
      shell.h("div", { class: "beside even" }, charts.map((one) => one.element)));

    function update(state, changed) {
      const model = shell.currentModel();
      shell.paint(image, model.mean(model.decode(state.z)), page.data.image_shape);
      shell.paint(original, shell.currentImage(), page.data.image_shape);
      const still = ["image", "model", "drawn", "seed", "w04.draws", "mount", "lang", "w04.tab"].some((name) => changed.has(name));
      for (const one of [plane, pad]) still ? one.drawLater() : one.drawMoving();
      if (still) charts.forEach((one) => one.update());
    }
    return { element, plane, update, stop: () => player.stop() };
  }

  /** Draws as dots on a plane. */
  function dots(shell, get) {
    return shell.layers.layer(({ context, X, Y }) => {
      const { rows, L } = get();
      context.fillStyle = shell.style("--series-2");
      context.globalAlpha = rows.length > 600 ? 0.5 : 0.8;
      for (let at = 0; at < rows.length; at += L) {
        context.beginPath();
        context.arc(X(rows[at]), Y(rows[at + 1]), 2, 0, 2 * Math.PI);
        context.fill();
      }
      context.globalAlpha = 1;
    });
  }

  let kept = { key: "", value: null };

  /** eps and z of the draws of now: {eps: {rows, L}, z: {rows, L}, count}. */
  function drawn(shell) {
    const { model, image, drawn: drawing, seed, "w04.draws": count } = shell.state.get();
    const key = [model, image, drawing, seed, count].join();
    if (kept.key !== key) kept = { key, value: computed(shell) };
    return kept.value;
  }

  function computed(shell) {
    const { mu, logvar } = shell.currentCode();
    const [L, count] = [mu.length, logvar ? shell.state.get()["w04.draws"] : 0];
    const eps = drawnNoise(shell, 0, count);
    const z = count ? shell.currentModel().reparameterise(mu, logvar, eps) : new Float64Array(0);
    return { eps: { rows: eps, L }, z: { rows: z, L }, count };
  }

  /** How far the plane must reach to show the ellipse in its place. */
  function spanOf(shell) {
    return Math.max(3.6, ...Array.from(shell.currentCode().mu, (one) => 1.15 * Math.abs(one)));
  }

  /** Bring the ellipse close: its scale in the plane stays that of the axes. */
  function closer(shell, plane) {
    const { mu, sigma } = posterior(shell);
    plane.view.centre = [mu[0], mu[1]];
    plane.view.span = 4 * Math.max(sigma[0], sigma[1]);
    plane.drawLater();
  }

  /** A draw every half second. */
  function animation(shell) {
    let shown = -1;
    return (seconds) => {
      const now = Math.floor(2 * seconds);
      if (now === shown) return true;
      shown = now;
      return drawMore(shell, "w04.draws", 1);
    };
  }

  /** The histogram of one coordinate of the draws, with the density that it should have. */
  function marginal(shell, cloud, l) {
    const { mu, sigma } = posterior(shell) || { mu: [0, 0], sigma: [1, 1] };
    const [low, high] = [-4, 4].map((times) => mu[l] + times * sigma[l]);
    const x = Array.from({ length: 81 }, (_, i) => low + ((high - low) * i) / 80);
    const values = cloud.z.rows.filter((_, i) => i % cloud.z.L === l);
    const density = x.map((one) => Math.exp(-0.5 * ((one - mu[l]) / sigma[l]) ** 2) / (sigma[l] * Math.sqrt(2 * Math.PI)));
    const bars = cloud.count ? [{ name: shell.t("w04.drawn"), ...shell.histogram(values, { bins: 32, density: true, range: [low, high] }), colour: shell.seriesColour(2) }] : [];
    return {
      label: shell.t("w04.marginal", { n: l + 1 }), x: { label: shell.t("shell.coordinate", { n: l + 1 }), min: low, max: high },
      y: { label: shell.t("w04.density"), min: 0 },
      series: [{ name: shell.t("w04.normal", { n: l + 1 }), x, y: density, dash: "6 4", colour: shell.seriesColour(1) }, ...bars],
    };
  }

  /** Percent of the draws inside the ellipses of 1 and 2 sigma of the first two dimensions. */
  function insideOf({ eps, count }) {
    return [1, 2].map((radius) => {
      let inside = 0;
      for (let k = 0; k < count; k++) if (Math.hypot(eps.rows[k * eps.L], eps.rows[k * eps.L + 1]) <= radius) inside += 1;
      return count ? (100 * inside) / count : NaN;
    });
  }

  function tellNumbers(parts, facts, shell, state) {
    const { mu, sigma, eps } = posterior(shell);
    const cloud = drawn(shell);
    const inside = insideOf(cloud);
    const written = (i) => (cloud.count ? shell.t("w04.inside", { share: inside[i], expected: INSIDE[i] }) : shell.number(NaN));
    if (state["w04.tab"] === "path") parts.tell(cloud.count ? "w04.told_many" : "w04.told", {
      eps: shell.vector(eps), z: shell.vector(state.z), mu: shell.vector(mu), sigma: shell.vector(sigma, 3), n: cloud.count,
      one: inside[0], two: inside[1], first: INSIDE[0], second: INSIDE[1],
    });
    facts.set({
      "w04.mu": shell.vector(mu, 4), "w04.sigma": shell.vector(sigma, 4), "w04.eps": shell.vector(eps, 3), "w04.z": shell.vector(state.z, 4),
      "w04.one": written(0), "w04.two": written(1),
    });
    parts.refresh();
  }

  /** Of the two ways to this gradient, which estimates spread less? */
  function prediction(shell) {
    const ratio = () => V.widgets.varianceRatio(shell, 200, false);
    return {
      question: "w04.predict", answers: ["w04.predict.path", "w04.predict.equal", "w04.predict.score"],
      right: () => (ratio() > 1.5 ? 0 : ratio() < 1 / 1.5 ? 2 : 1),
      reveal: () => ["w04.predict.reveal", { ratio: shell.small(ratio(), 2) }],
    };
  }

  function codeOf(shell) {
    const { mu, logvar } = shell.currentCode();
    if (!logvar) return shell.decoderCode(shell.currentModel().description, shell.state.get().z);
    const { eps } = posterior(shell);
    const lines = shell.decoderCode(shell.currentModel().description, shell.state.get().z).split("\n");
    const own = [`mu, logvar = np.array(${shell.pythonList(mu)}), np.array(${shell.pythonList(logvar)})`,
      `eps = np.array([${shell.pythonList(eps)}])`, "z = mu + np.exp(0.5 * logvar) * eps"];
    return lines.flatMap((line) => (line.startsWith("z = ") ? own : [line])).join("\n");
  }

  function drawsTable(shell) {
    const { eps, z, count } = drawn(shell);
    const names = (stem) => Array.from({ length: eps.L }, (_, l) => stem + (l + 1));
    const row = ({ rows, L }, k) => Array.from(rows.subarray(k * L, (k + 1) * L));
    return { columns: ["draw", ...names("eps"), ...names("z")], rows: Array.from({ length: count }, (_, k) => [k, ...row(eps, k), ...row(z, k)]) };
  }

  function situation(shell, scores) {
    const { model, image, seed, z } = shell.state.get();
    const { mu, sigma, eps } = posterior(shell);
    const decoder = shell.currentModel();
    return { model, image, seed, mu, sigma, eps, z, decoded: decoder.mean(decoder.decode(z)), gradients: scores.situation() };
  }

  V.widgets.add({ id: "w04", title: "w04.title", section: "latent-space", needs, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
