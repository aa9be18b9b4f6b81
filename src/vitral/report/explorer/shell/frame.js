// The inside of a widget: what to look at, its numbers, its equation and code, one sentence that tells, and exports.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});

  /**
   * Fill a widget's root with its parts. spec, all of it optional:
   *   predict    what `shell.predict` takes: asked before anything else
   *   equations  [text of `shell.equation`, ...], in the deepest view
   *   code       () => the NumPy lines that make this figure, as text
   *   exports    see `shell.exportsRow`
   *   name       stem of the names of exported files
   * Gives {look, numbers, code, tell}: three places to put things into, one for each depth, and
   * tell(key, values), which writes the sentence under the picture and reads it out to those who do not see.
   */
  function frame(root, spec) {
    const look = shell.h("div", { class: "look" });
    const numbers = shell.h("div", { class: "at-numbers" });
    const code = shell.h("div", { class: "at-code" });
    const told = shell.h("p", { class: "told", "aria-hidden": "true" });
    const spoken = shell.h("p", { class: "offstage", "aria-live": "polite" });
    const speak = shell.settled((key, values) => shell.say(spoken, key, values), 400);
    function tell(key, values) {
      shell.say(told, key, values);
      speak(key, values);
    }
    if (spec.predict) root.append(shell.predict(spec.predict));
    root.append(look, told, spoken, numbers, code);
    for (const source of spec.equations || []) {
      code.append(shell.h("div", { class: "equation", tabindex: "0" }, shell.equation(source, true)));
    }
    const refreshers = spec.code ? [codeOf(code, spec.code)] : [];
    if (spec.exports) root.append(shell.exportsRow(spec.name || root.id, spec.exports));
    return { look, numbers, code, tell, refresh: () => refreshers.forEach((one) => one()) };
  }

  function codeOf(place, make) {
    const text = shell.h("code", {});
    const weights = weightsButton(make);
    place.append(shell.h("div", { class: "code-head" }, shell.h("p", { class: "aside-label", t: "shell.code" }),
      shell.copyButton("shell.copy_code", make), weights.element));
    place.append(shell.h("pre", { tabindex: "0", role: "group", "aria-label": { t: "shell.code" } }, text));
    const refresh = () => {
      text.textContent = make();
      weights.refresh();
    };
    refresh();
    return refresh;
  }

  /** The file that the lines load: the weights of a model by their names, "image" of now, "codes" and "labels" of the images. */
  function weightsButton(make) {
    const wanted = () => (make().match(/np\.load\("(.+)\.npz"\)/) || [])[1];
    const element = shell.h("button", { type: "button", class: "quiet weights", on: { click: () => {
      shell.save(wanted() + ".npz", shell.npz(loaded(wanted())));
    } } });
    const refresh = () => {
      element.hidden = !wanted() || !shell.page.computes(wanted());
      shell.say(element, "shell.code.weights", { name: wanted() || "" });
    };
    return { element, refresh };
  }

  function loaded(name) {
    const { page } = shell;
    const image = Float32Array.from(shell.currentImage() || []);
    const others = { image: { data: image, shape: [image.length] }, codes: page.array(name + "/codes"), labels: page.array("images_labels") };
    return { ...page.model(name).parameters, ...Object.fromEntries(Object.entries(others).filter(([, array]) => array)) };
  }

  /** Facts as a list of pairs that can be filled again: facts([keys]) gives {element, set({key: text})}. */
  function facts(keys) {
    const values = new Map(keys.map((key) => [key, shell.h("dd", {})]));
    const element = shell.h("dl", { class: "facts" }, keys.map((key) =>
      shell.h("div", {}, shell.h("dt", { t: key }), values.get(key))));
    return {
      element,
      set(texts) {
        for (const [key, text] of Object.entries(texts)) values.get(key).textContent = text;
      },
    };
  }

  Object.assign(shell, { frame, facts });
})((globalThis.Vitral = globalThis.Vitral || {}));
