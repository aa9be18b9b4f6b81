// Formulas as MathML from one line of text: no library, no fonts to load.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});
  const MATHML = "http://www.w3.org/1998/Math/MathML";
  const WORDS = "(?:log|exp|KL|ELBO|max|min|diag|det)(?![A-Za-z])";
  const LETTER = "[A-Za-zΑ-Ωα-ωϕ∂∇ℒ]";
  const TOKEN = new RegExp(`\\s*("[^"]*"|\\\\[a-z]+|${WORDS}|\\d+(?:\\.\\d+)?|${LETTER}|\\|\\||\\S)`, "gy");
  const FENCES = new Set(["(", ")", "[", "]", "|", "||"]);
  const OVER = { "\\hat": "^", "\\bar": "\u00af", "\\tilde": "~" };

  function m(name, ...children) {
    const element = document.createElementNS(MATHML, name);
    element.append(...children);
    return element;
  }

  function tokens(source) {
    return Array.from(source.matchAll(TOKEN), (found) => found[1]);
  }

  /**
   * Formula text: letters are variables, log, exp, KL, ELBO, max, min, diag, det and what is in quotes words, `_` and `^` lower and raise what follows,
   * {…} groups without being seen, \frac{a}{b}, \sqrt{a}, \hat{x}, \bar{x}, ∑ and ∏ take _ and ^ below and above.
   * A decimal comma is written in Portuguese.
   */
  function parsed(list) {
    const out = [];
    while (list.length && list[0] !== "}") out.push(scripted(list));
    return out;
  }

  function scripted(list) {
    const big = list[0] === "∑" || list[0] === "∏";
    const base = atom(list);
    let below = null;
    let above = null;
    while (list[0] === "_" || list[0] === "^") {
      if (list.shift() === "_") below = atom(list);
      else above = atom(list);
    }
    if (below && above) return m(big ? "munderover" : "msubsup", base, below, above);
    if (below) return m(big ? "munder" : "msub", base, below);
    if (above) return m(big ? "mover" : "msup", base, above);
    return base;
  }

  function group(list) {
    const inside = parsed(list);
    list.shift();
    return inside.length === 1 ? inside[0] : m("mrow", ...inside);
  }

  function atom(list) {
    const token = list.shift();
    if (token === undefined) return m("mrow");
    if (token === "{") return group(list);
    if (token === "\\frac") return m("mfrac", atom(list), atom(list));
    if (token === "\\sqrt") return m("msqrt", atom(list));
    if (OVER[token]) return accented(OVER[token], atom(list));
    if (token.startsWith('"')) return m("mtext", token.slice(1, -1));
    if (/^\d/.test(token)) return m("mn", shell.language() === "pt-BR" ? token.replace(".", ",") : token);
    if (/^[A-Za-zΑ-Ωα-ωϕ∇ℒ]$/.test(token)) return m("mi", token);
    if (/^[A-Za-z]+$/.test(token)) return upright(token);
    return operator(token);
  }

  /** log, KL and the like: words, not products of letters. */
  function upright(word) {
    const element = m("mi", word);
    element.setAttribute("mathvariant", "normal");
    return element;
  }

  function accented(sign, base) {
    const element = m("mover", base, m("mo", sign));
    element.setAttribute("accent", "true");
    return element;
  }

  function operator(token) {
    const element = m("mo", token === "-" ? "\u2212" : token === "||" ? "\u2016" : token);
    if (FENCES.has(token)) element.setAttribute("stretchy", "false");
    return element;
  }

  /** A formula as a MathML element; `block` gives it a line of its own. It follows the language of the page. */
  function equation(source, block) {
    const element = m("math");
    element.setAttribute("display", block ? "block" : "inline");
    const draw = () => element.replaceChildren(m("mrow", ...parsed(tokens(source))));
    draw();
    shell.redraws(element, draw);
    return element;
  }

  Object.assign(shell, { equation });
})((globalThis.Vitral = globalThis.Vitral || {}));
