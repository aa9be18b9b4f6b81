// Ask first: a question that one tap answers, then what this model's numbers say.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});

  /**
   * A question with answers to tap. spec: {question: key, answers: [keys], right: () => index of the answer that is
   * true of this model, now; reveal: () => [key, values] of the sentence with its numbers; after: () => what to do}.
   * Nothing is kept of what people choose.
   */
  function predict(spec) {
    const verdict = shell.h("p", { class: "verdict", role: "status" });
    const buttons = spec.answers.map((key, i) => shell.h("button", {
      type: "button", class: "answer", "aria-pressed": "false", t: key, on: { click: () => choose(i) },
    }));
    function choose(i) {
      const right = spec.right();
      buttons.forEach((button, j) => {
        button.setAttribute("aria-pressed", String(j === i));
        button.classList.toggle("right", j === right);
        button.classList.toggle("wrong", j === i && j !== right);
      });
      const [key, values] = spec.reveal();
      const opening = shell.h("strong", { t: i === right ? "shell.right" : "shell.not_right" });
      verdict.replaceChildren(opening, " ", shell.h("span", { t: [key, values] }));
      if (spec.after) spec.after(i);
    }
    return shell.h("div", { class: "predict" },
      shell.h("p", { class: "question" }, shell.h("span", { class: "aside-label", t: "shell.predict" }), " ",
        shell.h("span", { t: spec.question })),
      shell.h("div", { class: "answers" }, buttons), verdict);
  }

  Object.assign(shell, { predict });
})((globalThis.Vitral = globalThis.Vitral || {}));
