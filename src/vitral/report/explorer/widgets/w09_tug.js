// W9, tug of war: what reconstruction and KL do to a code, as forces on its middle and on its width.
(function (V) {
  "use strict";
  const PAIRS = 16; // draws of eps, each with its mirror image
  const FIELD = 9; // arrows along an axis of the field
  const BALANCED = 0.2; // of both pulls together, what is left over at most in an equilibrium
  const WIDTHS = [0.01, 3]; // sigmas that can be chosen

  function needs(page) {
    if (!page.count) return "w03.needs_images";
    return fits(page, page.main) ? true : "w07.needs_plane";
  }

  function fits(page, name) {
    const { latent, posterior } = page.description(name);
    return page.computes(name, true) && latent === 2 && posterior.kind !== "point";
  }

  function mount(root, page, shell) {
    shell.state.declare({ "w09.mu": [0, 0], "w09.sigma": [1, 1], "w09.of": -9, "w09.field": false, "w09.close": true });
    const forces = forcesOf(page, shell);
    const parts = shell.frame(root, {
      name: "tug-of-war", predict: prediction(shell, forces),
      equations: ["F_μ = -\\frac{∂}{∂μ} E_q[-\"log\" p(x | z)] - β μ", "F_σ = -\\frac{∂}{∂σ} E_q[-\"log\" p(x | z)] + β (\\frac{1}{σ} - σ)"],
      code: () => forceCode(shell), exports: { csv: () => table(forces.now()), png: () => plane.pictures(), svg: () => plane.svg },
    });
    const plane = planeOf(page, shell, forces);
    const image = shell.picture({ t: "w09.image" }, "large");
    const facts = shell.h("div", {});
    const absent = shell.h("p", { class: "absent", t: "w07.needs_plane" });
    const player = shell.player({ play: "w09.let_go", start: () => letGo(shell, forces) });
    const body = shell.h("div", { class: "beside" }, plane.element, shell.h("div", {},
      shell.h("figure", { class: "captioned" }, image, shell.h("figcaption", { t: "w09.image" })), controls(shell, player, () => home(shell))));
    parts.look.append(absent, body);
    parts.numbers.append(facts);

    function update(state, changed) {
      const there = fits(page, state.model);
      absent.hidden = there;
      body.hidden = !there;
      if (!there) return;
      if (["model", "image", "drawn"].some((name) => changed.has(name)) || (changed.has("mount") && state["w09.of"] !== state.image)) home(shell);
      const model = shell.currentModel();
      shell.paint(image, model.mean(model.decode(shell.state.get()["w09.mu"])), page.data.image_shape);
      if (["mount", "model", "image", "drawn", "w09.close"].some((name) => changed.has(name))) plane.look();
      if (["mount", "model", "image", "drawn", "w09.field", "w09.sigma"].some((name) => changed.has(name))) forces.field(() => plane.drawMoving());
      plane.drawLater();
      const now = forces.now();
      facts.replaceChildren(shell.dataTable(table(now, shell)));
      parts.tell(now.left < BALANCED ? "w09.told.balanced" : "w09.told.pulled", { mu: shell.vector(state["w09.mu"]), ...now.sizes });
      parts.refresh();
    }
    return { update };
  }

  const rounded = (list) => Array.from(list, (one) => Number(one.toFixed(4)));
  const size = (list) => Math.hypot(...list);

  /** Both back to the encoder's code of the image of now. */
  function home(shell) {
    const { mu, logvar } = shell.currentCode();
    const sigma = Array.from(logvar, (one) => Math.exp(0.5 * one));
    shell.state.set({ "w09.mu": rounded(mu), "w09.sigma": rounded(sigma), "w09.of": shell.state.get().image });
  }

  /** eps and its mirror images: with them, what is odd in eps adds up to nothing by itself. */
  function mirrored(pairs, L) {
    const eps = V.engine.noise(0, "explorer forces", 0, pairs * L);
    return Float64Array.from([...eps, ...eps.map((one) => -one)]);
  }

  /**
   * Forces are minus gradients, in nats a unit of the plane; d/dσ = 2/σ d/dlogvar.
   *   now()         {recon, kl, sum}: each {mu: [..], sigma: [..]}; kl has beta in it; left: what remains of both pulls
   *   field(ready)  asks a worker for the reconstruction's pull on a grid of mu; `list` has it then
   */
  function forcesOf(page, shell) {
    const self = { now, field, list: [] };
    let kept = { key: "", recon: null };
    let asked = "";

    function reconstruction(state) {
      const key = [state.model, state.image, state.drawn, state["w09.mu"], state["w09.sigma"]].join();
      if (kept.key !== key) {
        const q = { mu: Float64Array.from(state["w09.mu"]), logvar: Float64Array.from(state["w09.sigma"], (one) => 2 * Math.log(one)) };
        const slopes = V.engine.pathGradients(shell.currentModel(), shell.currentImage(), q, mirrored(PAIRS, 2));
        const mean = (rows, l) => V.engine.sum(V.engine.columns(rows, 2, l, l + 1)) / (2 * PAIRS);
        kept = { key, recon: { mu: [0, 1].map((l) => -mean(slopes.mu, l)), sigma: [0, 1].map((l) => (-2 * mean(slopes.logvar, l)) / state["w09.sigma"][l]) } };
      }
      return kept.recon;
    }

    function now() {
      const state = shell.state.get();
      const recon = reconstruction(state);
      const kl = { mu: state["w09.mu"].map((one) => -state.beta * one), sigma: state["w09.sigma"].map((one) => state.beta * (1 / one - one)) };
      const both = (name) => recon[name].map((one, l) => one + kl[name][l]);
      const sum = { mu: both("mu"), sigma: both("sigma") };
      const left = size(sum.mu) / (size(recon.mu) + size(kl.mu) + 1e-12);
      return { recon, kl, sum, left, sizes: { recon: size(recon.mu), kl: size(kl.mu), rest: size(sum.mu) } };
    }

    function field(ready) {
      const state = shell.state.get();
      const key = [state.model, state.image, state.drawn, state["w09.sigma"]].join();
      if (!state["w09.field"] || key === asked) return;
      asked = key;
      start(state, key, ready);
    }

    const start = shell.settled((state, key, ready) => {
      const reach = shell.reach(page.array(state.model + "/codes"));
      const at = Array.from({ length: FIELD * FIELD }, (_, i) => [i % FIELD, Math.floor(i / FIELD)].map((one) => ((2 * one) / (FIELD - 1) - 1) * reach * 0.9));
      const worker = shell.worker(pulls);
      const question = { plain: page.plain(state.model), x: Float64Array.from(shell.currentImage()), at, sigma: state["w09.sigma"], eps: mirrored(4, 2) };
      worker.ask(question).then((found) => {
        worker.stop();
        if (asked !== key) return;
        self.list = at.map((from, i) => ({ from, recon: found[i] }));
        ready();
      });
    }, 200);
    return self;
  }

  /** Runs in a worker, and uses nothing from outside itself: -d E_q[-log p(x given z)] / dmu at every place. */
  function pulls(V, { plain, x, at, sigma, eps }) {
    const E = V.engine;
    const model = new E.Model(plain.description, (key) => plain.arrays[key] || null);
    const logvar = Float64Array.from(sigma, (one) => 2 * Math.log(one));
    return at.map((place) => {
      const { mu } = E.pathGradients(model, x, { mu: Float64Array.from(place), logvar }, eps);
      return [0, 1].map((l) => (-2 * E.sum(E.columns(mu, 2, l, l + 1))) / eps.length);
    });
  }

  function controls(shell, player, back) {
    const curved = { min: WIDTHS[0], max: WIDTHS[1], step: 0.001, digits: 3,
      position: (value) => Math.log(value / WIDTHS[0]) / Math.log(WIDTHS[1] / WIDTHS[0]), value: (share) => WIDTHS[0] * (WIDTHS[1] / WIDTHS[0]) ** share };
    const sliders = [0, 1].map((l) => shell.slider({ ...curved, label: ["w09.sigma", { n: l + 1 }], get: () => shell.state.get()["w09.sigma"][l],
      set: (value) => shell.state.set({ "w09.sigma": shell.state.get()["w09.sigma"].map((one, i) => (i === l ? Number(value.toFixed(4)) : one)) }) }));
    const element = shell.h("div", {}, shell.slider({ label: "w09.beta", min: 0, max: 10, step: 0.05, digits: 2, name: "beta" }), sliders,
      shell.h("div", { class: "row" }, player, shell.button("w09.home", back)),
      shell.toggle({ label: "w09.close", name: "w09.close" }), shell.toggle({ label: "w09.field", get: () => shell.state.get()["w09.field"],
        set: (on) => shell.state.set({ "w09.field": on, ...(on ? { "w09.close": false } : {}) }) }),
      shell.h("ul", { class: "legend" }, ["recon", "kl", "sum"].map((name) => shell.h("li", {},
        shell.h("span", { class: "swatch force-" + name, "aria-hidden": "true" }), " ", shell.h("span", { t: "w09.legend." + name })))));
    shell.state.subscribe((state, changed) => changed.has("w09.sigma") && sliders.forEach((one) => one.refresh()));
    return element;
  }

  function planeOf(page, shell, forces) {
    const widths = () => shell.state.get()["w09.sigma"];
    const middle = () => shell.state.get()["w09.mu"];
    const edge = (l) => middle().map((one, i) => one + (i === l ? widths()[i] : 0));
    const handle = (l) => ({ at: edge(l), label: "σ" + "₁₂"[l], move: (point) => {
      const wide = Math.min(WIDTHS[1], Math.max(WIDTHS[0], Math.abs(point[l] - middle()[l])));
      shell.state.set({ "w09.sigma": widths().map((one, i) => (i === l ? Number(wide.toFixed(4)) : one)) });
    } });
    const colours = () => ({ recon: shell.style("--series-0"), kl: shell.style("--series-1"), sum: shell.style("--ink") });
    const plane = shell.plane({
      label: "w09.plane", span: shell.reach(page.array(page.main + "/codes")), get: middle, set: (point) => shell.state.set({ "w09.mu": rounded(point) }),
      handles: () => [handle(0), handle(1)],
      layers: [shell.layers.contours(), shell.layers.ellipse({ get: () => ({ mu: middle(), sigma: widths() }) }),
        shell.layers.arrows({ get: () => fieldArrows(shell, forces, colours()), shown: () => shell.state.get()["w09.field"] }),
        shell.layers.arrows({ get: () => mainArrows(forces.now(), middle(), edge, colours(), plane.view.span) })],
    });
    plane.look = () => {
      plane.view.reset();
      if (!shell.state.get()["w09.close"]) return;
      plane.view.centre = [...middle()];
      plane.view.span = 5 * Math.max(...widths());
    };
    return plane;
  }

  /** All arrows in one scale, the longest a third of what is seen; those of one axis side by side. */
  function mainArrows({ recon, kl, sum }, mu, edge, colours, span) {
    const longest = Math.max(size(recon.mu), size(kl.mu), ...[recon, kl].flatMap((one) => one.sigma.map(Math.abs)), 1e-9);
    const scale = (0.6 * span) / longest;
    const times = (list) => list.map((one) => scale * one);
    const list = Object.entries({ recon, kl, sum }).map(([name, force]) => ({ from: mu, by: times(force.mu), colour: colours[name], width: name === "sum" ? 4 : 2.5 }));
    for (const l of [0, 1]) {
      for (const [side, [name, force]] of Object.entries({ recon, kl, sum }).entries()) {
        const aside = (side - 1) * 0.07 * span;
        const from = edge(l).map((one, i) => one + (i === l ? 0 : aside));
        list.push({ from, by: [0, 1].map((i) => (i === l ? scale * force.sigma[l] : 0)), colour: colours[name], width: name === "sum" ? 4 : 2.5 });
      }
    }
    return list;
  }

  /** Resultants on a grid of mu; their lengths by the square root, so that weak ones are seen. */
  function fieldArrows(shell, forces, colours) {
    const { beta } = shell.state.get();
    const all = forces.list.map(({ from, recon }) => ({ from, by: recon.map((one, l) => one - beta * from[l]) }));
    const most = Math.max(1e-9, ...all.map(({ by }) => size(by)));
    const cell = forces.list.length ? Math.abs(forces.list[1].from[0] - forces.list[0].from[0]) : 1;
    return all.map(({ from, by }) => ({ from, by: by.map((one) => (0.9 * cell * one * Math.sqrt(size(by) / most)) / (size(by) || 1)), colour: colours.sum, width: 1.5 }));
  }

  /** Follow the forces, in steps as wide as the ellipse itself, until they are at rest. */
  function letGo(shell, forces) {
    let steps = 0;
    return shell.animate(() => {
      const { sum } = forces.now();
      const state = shell.state.get();
      const sigma = state["w09.sigma"];
      const mu = state["w09.mu"].map((one, l) => one + Math.max(-0.5, Math.min(0.5, 0.15 * sigma[l] * sum.mu[l])) * sigma[l]);
      const wide = sigma.map((one, l) => Math.min(WIDTHS[1], Math.max(WIDTHS[0], one * Math.exp(Math.max(-0.2, Math.min(0.2, 0.08 * one * sum.sigma[l]))))));
      shell.state.set({ "w09.mu": rounded(mu), "w09.sigma": rounded(wide) });
      steps += 1;
      return steps < 200 ? undefined : false;
    });
  }

  function prediction(shell, forces) {
    const twice = () => {
      const { recon, kl, sum } = forces.now();
      return { before: sum.sigma[0], after: recon.sigma[0] + 2 * kl.sigma[0] };
    };
    return {
      question: "w09.predict", answers: ["w09.predict.grow", "w09.predict.shrink"], right: () => (twice().after > twice().before ? 0 : 1),
      reveal: () => ["w09.predict.reveal", twice()],
    };
  }

  function table({ recon, kl, sum }, shell) {
    const names = ["mu1", "mu2", "sigma1", "sigma2"];
    const columns = shell ? ["w09.force_on", "w09.legend.recon", "w09.legend.kl", "w09.legend.sum"].map((key) => shell.t(key)) : ["force_on", "reconstruction", "kl", "sum"];
    const shown = shell ? ["μ1", "μ2", "σ1", "σ2"] : names;
    return { columns, rows: shown.map((name, i) => [name, ...[recon, kl, sum].map((one) => [...one.mu, ...one.sigma][i])]) };
  }

  function forceCode(shell) {
    const state = shell.state.get();
    const model = shell.currentModel();
    const lines = shell.networkLines(model.description.decoder, "z", "o");
    const start = ["import numpy as np", `mu, sigma, beta = np.array(${shell.pythonList(state["w09.mu"])}), np.array(${shell.pythonList(state["w09.sigma"])}), ${state.beta}`];
    const inside = lines ? [...lines, ...V.widgets.likelihoodLine(model).split("\n")] : ["# o = decoder(z), log_x = log p(x | z): more than dense layers"];
    return [...start, `w = np.load("${model.name}.npz")`, 'x = w["image"]', "def loss(z):", ...inside.map((line) => "    " + line), "    return -log_x",
      "eps = np.random.default_rng(0).standard_normal((16, 2))", "eps = np.concatenate([eps, -eps])", "z, h = mu + sigma * eps, 1e-4",
      "dz = np.stack([(loss(z + h * e) - loss(z - h * e)) / (2 * h) for e in np.eye(2)], -1)",
      "force_mu = -dz.mean(0) - beta * mu", "force_sigma = -(dz * eps).mean(0) + beta * (1 / sigma - sigma)"].join("\n");
  }

  V.widgets.add({ id: "w09", title: "w09.title", section: "loss", needs, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
