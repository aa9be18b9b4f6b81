// The page begins: content is read, the shell is built, widgets are mounted and kept up to date.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});
  const SECTIONS = ["path", "machine", "latent-space", "loss", "learning", "generation", "evidence"];
  const registered = [];
  let mounted = []; // {widget, element, body, part, seen, stale}
  let place = "";

  V.widgets = {
    /**
     * Take a widget into the page: {id, title, section, needs: (page) => true or the key of the reason why not,
     * mount: (root, page, shell) => ({update(state, changed), destroy?})}.
     */
    add(widget) {
      if (!SECTIONS.includes(widget.section)) throw new Error("no section " + widget.section + " for " + widget.id);
      registered.push(widget);
    },
    all: registered,
  };

  /** The values of the whole page; z begins at the code of the first image, so that a figure shows something. */
  function declareState(page) {
    const { latent } = page.description();
    shell.state = new shell.State();
    place = shell.state.follow(location.hash);
    shell.state.declare({
      lang: "", depth: "look", theme: "auto", model: page.main, image: 0, z: new Array(latent).fill(0), epoch: -1, beta: 1,
      seed: 1, pins: [],
    });
    shell.state.declare({ drawn: 0 }, { hidden: true });
    mend();
    const { image, z } = shell.state.get();
    if (page.count) shell.pickImage(0);
    shell.state.defaults.z = shell.state.get().z;
    if ("z" in shell.state.waiting) shell.state.set({ image, z });
    else shell.pickImage(image);
  }

  /** What an address may say wrongly: a model that is not here, an image beyond the last, a z of another length, pins that are no points. */
  function mend() {
    const state = shell.state.get();
    const { page } = shell;
    const patch = {};
    if (!page.computes(state.model)) patch.model = page.main;
    const kept = state.image === shell.DRAWN && shell.hasDrawing();
    if (state.image === shell.DRAWN && !kept) shell.drawingAsked = { z: "z" in shell.state.waiting ? state.z : null }; // W2 makes it
    if (!kept && (state.image < 0 || state.image >= Math.max(1, page.count) || !Number.isInteger(state.image))) patch.image = 0;
    const latent = page.description(patch.model || state.model).latent;
    if (state.z.length !== latent) patch.z = new Array(latent).fill(0);
    const points = state.pins.every((one) => Array.isArray(one) && one.length === 2);
    if (!points) patch.pins = state.pins.length === 2 ? [state.pins] : [];
    shell.state.set(patch);
  }

  /** Whether z has as many numbers as the model of now: on a page without images nothing else moves it. */
  const fits = ({ z, model }) => z.length === shell.page.description(model).latent;

  function reactTo(state, changed) {
    if (changed.has("theme")) onPaper(false);
    if (changed.has("depth")) document.documentElement.dataset.depth = state.depth;
    if (changed.has("lang") && state.lang && state.lang !== shell.language()) shell.setLanguage(state.lang);
    if (changed.has("model") && !changed.has("z") && (shell.page.count || !fits(state))) shell.goToCode();
    refresh(changed);
    writeSoon();
  }

  const writeSoon = shell.settled(() => writeHash(), 250);

  function writeHash() {
    history.replaceState(null, "", shell.state.hash(place));
  }

  /** Write the widget in sight and the whole state into the address. */
  function rememberPlace() {
    const near = mounted.find(({ element }) => element.getBoundingClientRect().bottom > innerHeight / 3);
    if (near) place = near.widget.id;
    writeHash();
  }

  /** Switch the language of the whole page: texts, numbers, figures, title. */
  function setLanguage(tag) {
    shell.useLanguage(tag);
    document.documentElement.lang = shell.language();
    if (!shell.inside) document.title = shell.t("page.title", { data: shell.page.data.name });
    shell.state.set({ lang: shell.language() });
    shell.retell();
    shell.redraw();
    refresh(new Set(["lang"]));
  }

  const pending = new Set();
  const refreshLater = shell.framed(() => {
    const changed = new Set(pending);
    pending.clear();
    for (const one of mounted) {
      if (one.seen || changed.has("lang")) update(one, changed); // a page in two languages at once would be none
      else changed.forEach((name) => one.stale.add(name));
    }
  });

  function refresh(changed) {
    changed.forEach((name) => pending.add(name));
    refreshLater();
  }

  function update(one, changed) {
    if (!one.part || !one.part.update) return;
    one.stale.clear();
    guarded(one, () => one.part.update(shell.state.get(), changed));
  }

  /** Put a widget into its place: a sentence where this page lacks what it needs. */
  function mount(one) {
    if (one.part) return;
    const reason = one.widget.needs ? one.widget.needs(shell.page) : true;
    one.part = {};
    if (reason !== true) return void one.body.append(shell.h("p", { class: "absent", t: reason }));
    guarded(one, () => {
      one.part = one.widget.mount(one.body, shell.page, shell) || {};
    });
    update(one, new Set(["mount"]));
  }

  /** One figure that fails says so in its place, and to the console; the others go on. */
  function guarded(one, act) {
    try {
      act();
    } catch (error) {
      one.part = {};
      one.body.replaceChildren(shell.h("p", { class: "absent", t: ["shell.broken", { error: error.message }] }));
      reportError(error);
    }
  }

  function widgetPlace(widget, level) {
    const heading = shell.unique("heading");
    const body = shell.h("div", { class: "body", id: widget.id + "-body" });
    const element = shell.h("section", { class: "widget", id: widget.id, "aria-labelledby": heading },
      shell.h("h" + (level + 1), { id: heading, t: widget.title }),
      shell.hasText(widget.id + ".lead") ? shell.h("p", { class: "widget-lead", t: widget.id + ".lead" }) : null, body);
    mounted.push({ widget, element, body, part: null, seen: false, stale: new Set() });
    return element;
  }

  function groups() {
    const sorted = [...registered].sort((a, b) => (a.id < b.id ? -1 : 1));
    return SECTIONS.map((section) => ({ section, widgets: sorted.filter((widget) => widget.section === section) }))
      .filter((group) => group.widgets.length);
  }

  function build(root, page) {
    const level = Number(root.dataset.level || 2);
    const parts = groups();
    const sections = parts.map((group) => {
      const id = "part-" + group.section;
      return shell.h("section", { class: "part", "aria-labelledby": id },
        shell.h("h" + level, { id, t: "section." + group.section }), group.widgets.map((widget) => widgetPlace(widget, level)));
    });
    const title = shell.inside ? [] : [shell.chrome.heading(page)];
    root.replaceChildren(...title, shell.chrome.settings(), shell.strip(page), shell.chrome.contents(parts),
      shell.chrome.bar(page), ...sections);
    root.addEventListener("click", (event) => {
      const link = event.target.closest(".contents a");
      if (link) place = link.getAttribute("href").slice(1);
    });
  }

  function watchSight() {
    const observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const one = mounted.find(({ element }) => element === entry.target);
        one.seen = entry.isIntersecting;
        if (one.seen && one.stale.size) update(one, new Set(one.stale));
      }
    }, { rootMargin: "400px" });
    for (const one of mounted) observer.observe(one.element);
  }

  /** Mount widgets one a turn, so that the page answers meanwhile; those in sight come first. */
  async function mountAll() {
    const first = mounted.filter(({ widget }) => widget.id === place);
    let moved = false;
    const stay = () => { moved = true; };
    for (const kind of ["wheel", "pointerdown", "keydown"]) addEventListener(kind, stay, { once: true, passive: true });
    for (const one of [...first, ...mounted]) {
      mount(one);
      if (!moved) showPlace();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  /** Bring the place of the address into sight, again when what lies above it has grown. */
  function showPlace() {
    const target = place && document.getElementById(place);
    if (target) target.scrollIntoView();
  }

  function listen() {
    shell.state.subscribe(reactTo);
    addEventListener("hashchange", () => {
      const found = shell.readHash(location.hash);
      place = found.at || place;
      const { lang, ...others } = found.values;
      if (Object.keys(others).length) {
        shell.state.follow(location.hash);
        mend();
      } else {
        if (lang) shell.state.set({ lang }); // a place of the page without a state: it keeps the one it has
        writeSoon();
      }
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => shell.redraw());
    new MutationObserver(() => {
      if (document.documentElement.lang !== shell.language()) setLanguage(document.documentElement.lang);
    }).observe(document.documentElement, { attributes: true, attributeFilter: ["lang"] });
    addEventListener("beforeprint", () => onPaper(true));
    addEventListener("afterprint", () => onPaper(false));
    matchMedia("print").addEventListener("change", (event) => onPaper(event.matches));
  }

  /** Paper is white: figures are drawn in light colours, all of them and as they are now; afterwards as they were. */
  function onPaper(printing) {
    const { theme } = shell.state.get();
    if (printing) document.documentElement.dataset.theme = "light";
    else if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    if (printing) document.querySelector(".honesty details").open = true;
    for (const one of printing ? mounted : []) {
      mount(one);
      if (one.stale.size) update(one, new Set(one.stale));
    }
    shell.redraw();
  }

  /** Begin. `root` is the place of the explorer; its `data-inside` says that another page holds it. */
  async function start(root) {
    shell.inside = root.dataset.inside !== undefined;
    shell.useStrings(JSON.parse(document.getElementById("explorer-strings").textContent));
    shell.useLanguage(shell.inside ? document.documentElement.lang : shell.preferredLanguage());
    shell.page = await shell.load(document.getElementById("explorer"));
    declareState(shell.page);
    listen();
    build(root, shell.page);
    setLanguage(shell.state.get().lang || shell.language());
    reactTo(shell.state.get(), new Set(["theme", "depth"]));
    watchSight();
    await mountAll();
    shell.showParity(shell.page);
    root.dataset.ready = "true";
  }

  Object.assign(shell, { start, setLanguage, rememberPlace, mounted: () => mounted });
})((globalThis.Vitral = globalThis.Vitral || {}));
