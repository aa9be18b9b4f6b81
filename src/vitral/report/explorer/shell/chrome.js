// Around the widgets: heading, settings, contents, and the bar that stays in sight.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});
  const DEPTHS = ["look", "numbers", "code"];
  const THEMES = ["auto", "light", "dark"];

  function languageSwitch() {
    const names = { en: "English", "pt-BR": "Português" };
    const buttons = shell.languages().map((tag) => shell.h("button", {
      type: "button", lang: tag, "data-set-language": tag, on: { click: () => shell.setLanguage(tag) },
    }, names[tag] || tag));
    const element = shell.h("div", { class: "switch", role: "group", "aria-label": "Language · Idioma" }, buttons);
    const show = () => buttons.forEach((one) => one.setAttribute("aria-pressed", String(one.lang === shell.language())));
    show();
    shell.redraws(element, show);
    return element;
  }

  function linkButton() {
    return shell.copyButton("shell.copy_link", () => {
      shell.rememberPlace();
      return location.href;
    });
  }

  /** The top of a page of its own. */
  function heading(page) {
    const values = { data: page.data.name };
    return shell.h("header", { class: "top" }, languageSwitch(),
      shell.h("h1", { t: ["page.heading", values] }), shell.h("p", { class: "lead", t: ["page.lead", values] }));
  }

  /** Theme and link: wanted once a visit, so not in the bar. */
  function settings() {
    return shell.h("div", { class: "settings" },
      shell.choice({ label: "shell.theme", name: "theme", options: THEMES.map((one) => [one, "shell.theme." + one]) }), linkButton());
  }

  function imagePicker(page) {
    const { image_shape: shape } = page.data;
    const canvas = shell.picture({ t: "shell.image.now", values: named }, "small");
    const field = shell.h("input", { type: "text", inputmode: "numeric", class: "number", "aria-label": { t: "shell.image" } });
    const show = () => {
      const values = shell.currentImage();
      if (shape && values) shell.paint(canvas, values, shape);
      shell.say(canvas, "shell.image.now", named, "aria-label");
      field.value = shell.state.get().image < 0 ? "" : shell.number(shell.state.get().image);
    };
    function named() {
      const { image } = shell.state.get();
      const label = shell.currentLabel();
      return { n: image < 0 ? "–" : image, label: label === null ? "–" : shell.className(page, label) };
    }
    field.addEventListener("change", () => {
      const asked = shell.parse(field.value);
      if (Number.isInteger(asked)) shell.pickImage(asked);
      show();
    });
    shell.state.subscribe((state, changed) => (changed.has("image") || changed.has("drawn")) && show());
    const step = (text, key, act) => shell.h("button", {
      type: "button", class: "quiet", "aria-label": { t: key }, on: { click: act },
    }, text);
    const element = shell.h("div", { class: "image-picker", role: "group", "aria-label": { t: "shell.image" } },
      step("‹", "shell.image.previous", () => shell.actions.previous()), canvas, field,
      step("›", "shell.image.next", () => shell.actions.next()));
    shell.redraws(element, show);
    show();
    return element;
  }

  function modelPicker(page) {
    const names = page.models.map((one) => one.name).filter((name) => page.computes(name));
    if (names.length < 2) return null;
    return shell.select({ label: "shell.model", name: "model", options: () => names.map((name) => [name, name]) });
  }

  /** The bar that stays in sight: image, model, depth. */
  function bar(page) {
    return shell.h("div", { class: "bar", role: "region", "aria-label": { t: "shell.bar" } },
      page.count ? imagePicker(page) : null, modelPicker(page),
      shell.choice({ label: "shell.depth", name: "depth", options: DEPTHS.map((one) => [one, "shell.depth." + one]) }));
  }

  /** Links to the widgets, by section. */
  function contents(groups) {
    return shell.h("nav", { class: "contents", "aria-label": { t: "shell.contents" } }, shell.h("ul", {}, groups.map((group) =>
      shell.h("li", {}, shell.h("span", { class: "step", t: "section." + group.section }), shell.h("ul", {}, group.widgets.map((widget) =>
        shell.h("li", {}, shell.h("a", { href: "#" + widget.id, t: widget.title }))))))));
  }

  shell.chrome = { heading, settings, bar, contents };
})((globalThis.Vitral = globalThis.Vitral || {}));
