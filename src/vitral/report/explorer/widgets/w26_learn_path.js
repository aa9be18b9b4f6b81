// W26, the learn path: ten lessons that lead through the page, and the teacher's desk: a sheet to print and its key.
(function (V) {
  "use strict";
  const ANSWERS = [3, 3, 3, 2, 3, 3, 3, 3, 3, 3];

  function needs(page) {
    const { kind } = page.description();
    return page.count && page.computes(page.main, true) && kind === "vae" ? true : "w26.needs_model";
  }

  function mount(root, page, shell) {
    shell.state.declare({ "w26.lesson": 0 });
    const lessons = V.widgets.lessons.filter((lesson) => !lesson.needs || lesson.needs(page));
    const folds = lessons.map((lesson) => fold(lesson));
    root.append(shell.h("ol", { class: "lessons" }, folds.map((one, i) => shell.h("li", { value: numberOf(lessons[i]) }, one))), desk());

    /** One lesson: predict, do, explain, check. */
    function fold(lesson) {
      const number = numberOf(lesson);
      const element = shell.h("details", { class: "lesson", name: "w26-lesson" }, shell.h("summary", { t: lesson.key + ".title" }));
      element.append(question(lesson), shell.h("p", { class: "row" }, link(lesson)), shell.h("p", { t: lesson.key + ".explain" }),
        shell.h("p", { class: "check" }, shell.h("span", { class: "aside-label", t: "w26.check" }), " ", shell.h("span", { t: lesson.key + ".check" })),
        shell.h("details", {}, shell.h("summary", { t: "w26.answer" }), shell.h("p", { t: lesson.key + ".solution" })));
      element.addEventListener("toggle", () => {
        const { "w26.lesson": open } = shell.state.get();
        if (element.open) shell.state.set({ "w26.lesson": number });
        else if (open === number) shell.state.set({ "w26.lesson": 0 });
      });
      return element;
    }

    function question(lesson) {
      let found = null;
      return shell.predict({
        question: lesson.key + ".predict",
        answers: answersOf(lesson),
        right: () => {
          found = lesson.measure(page, shell);
          return found.right;
        },
        reveal: () => [lesson.key + ".reveal", found.values],
      });
    }

    function link(lesson) {
      const at = document.getElementById(lesson.at) ? lesson.at : "w03";
      const titled = () => ({ title: shell.t(V.widgets.all.find((one) => one.id === at).title) });
      const lead = shell.h("a", { class: "action", href: "#" + at, t: ["w26.go", titled] });
      lead.addEventListener("click", (event) => {
        event.preventDefault();
        shell.state.set(lesson.state);
        const go = () => { location.hash = "#" + at; };
        requestAnimationFrame(() => requestAnimationFrame(go)); // what the state unfolds above it has its height then
      });
      return lead;
    }

    function desk() {
      const sheet = (key, withKey) => shell.button(key, () =>
        shell.save(shell.t(key + ".file"), paper(lessons, withKey), "text/html"));
      return shell.h("details", { class: "desk" }, shell.h("summary", { t: "w26.desk" }), shell.h("p", { t: "w26.desk.text" }),
        shell.h("div", { class: "row" }, sheet("w26.sheet", false), sheet("w26.key", true)));
    }

    /** A page to print: the questions with room to write, or with the answers of this model. */
    function paper(chosen, withKey) {
      const made = document.implementation.createHTMLDocument(shell.t(withKey ? "w26.key.title" : "w26.sheet.title"));
      const add = (name, text) => {
        const element = made.createElement(name);
        element.textContent = text;
        made.body.append(element);
      };
      made.documentElement.lang = shell.language();
      const [meta, style] = [made.createElement("meta"), made.createElement("style")];
      meta.setAttribute("charset", "utf-8");
      style.textContent = "body{font:11pt/1.45 sans-serif;max-width:42em;margin:2em auto}h2{font-size:12pt;margin:1.4em 0 .2em;break-after:avoid}p{margin:.2em 0}";
      made.head.append(meta, style);
      add("h1", made.title);
      add("p", shell.t("w26.paper", { model: shell.state.get().model, data: page.data.name, image: shell.state.get().image }));
      for (const lesson of chosen) onPaper(lesson, withKey, add);
      return "<!DOCTYPE html>\n" + made.documentElement.outerHTML;
    }

    function onPaper(lesson, withKey, add) {
      const plain = (key, values) => shell.t(key, values).replace(/[*`]/g, "");
      add("h2", numberOf(lesson) + ". " + plain(lesson.key + ".title"));
      add("p", plain(lesson.key + ".predict") + "  " + answersOf(lesson).map((key) => "☐ " + plain(key)).join("   "));
      if (!withKey) {
        add("p", plain("w26.see") + " " + "_".repeat(60));
        add("p", plain(lesson.key + ".check") + " " + "_".repeat(60));
        return;
      }
      const { right, values } = lesson.measure(page, shell);
      add("p", "→ " + plain(answersOf(lesson)[right]) + ". " + plain(lesson.key + ".reveal", values));
      add("p", plain(lesson.key + ".check") + " → " + plain(lesson.key + ".solution"));
    }

    return {
      update(state, changed) {
        if (!changed.has("w26.lesson") && !changed.has("mount")) return;
        folds.forEach((one, i) => { one.open = numberOf(lessons[i]) === state["w26.lesson"]; });
      },
    };
  }

  const numberOf = (lesson) => Number(lesson.key.slice(4));

  function answersOf(lesson) {
    const count = ANSWERS[numberOf(lesson) - 1];
    return Array.from({ length: count }, (_, i) => `${lesson.key}.answer${i + 1}`);
  }

  V.widgets.add({ id: "w26", title: "w26.title", section: "path", needs, mount });
})((globalThis.Vitral = globalThis.Vitral || {}));
