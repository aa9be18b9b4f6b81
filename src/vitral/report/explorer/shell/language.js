// Languages at run time: strings by key, numbers as each language writes and reads them.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});
  const MINUS = "\u2212";
  const NONE = "\u2013";
  const words = { texts: {}, language: "en" };
  const formats = new Map();

  /** Take in the strings, an object {language tag: {key: text}}. */
  function useStrings(texts) {
    words.texts = texts;
  }

  /** The language tags of the page, English first. */
  function languages() {
    return Object.keys(words.texts).sort();
  }

  function language() {
    return words.language;
  }

  /** Change the language of `t`, `number` and `parse`; the page itself follows through `shell.setLanguage`. */
  function useLanguage(tag) {
    words.language = words.texts[tag] ? tag : "en";
  }

  /** The language of the page whose first letters are those of the browser's. */
  function preferredLanguage() {
    return (navigator.language || "").toLowerCase().startsWith("pt") && words.texts["pt-BR"] ? "pt-BR" : "en";
  }

  /**
   * The text of a key in the language of the page. `{name}` stands for values[name]; a number is written as the
   * language does, `{name:3}` with three decimals and `{name:+1}` with one and its sign.
   */
  function t(key, values) {
    const text = (words.texts[words.language] || {})[key];
    if (text === undefined) throw new Error("no text for " + key + " in " + words.language);
    return text.replace(/\{(\w+)(?::(\+?)(\d+))?\}/g, (whole, name, sign, digits) => {
      if (!values || !(name in values)) throw new Error(key + " needs a value for " + name);
      const value = values[name];
      if (typeof value !== "number") return String(value);
      return number(value, digits === undefined ? undefined : Number(digits), { signed: sign === "+" });
    });
  }

  function hasText(key) {
    return (words.texts[words.language] || {})[key] !== undefined;
  }

  function format(digits, signed) {
    const key = [words.language, digits, signed].join();
    if (!formats.has(key)) {
      const signDisplay = signed ? "exceptZero" : "negative";
      const how =
        digits === undefined
          ? { maximumSignificantDigits: 4, signDisplay }
          : { minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay };
      formats.set(key, new Intl.NumberFormat(words.language, how));
    }
    return formats.get(key);
  }

  /**
   * 1234.5 as 1,234.50 in English and 1.234,50 in Portuguese, with a true minus sign; a dash where there is no number.
   * Without `digits` a whole number is written whole, any other in four significant digits.
   */
  function number(value, digits, options) {
    if (value === null || value === undefined || Number.isNaN(value)) return NONE;
    if (!Number.isFinite(value)) return (value < 0 ? MINUS : "") + "\u221e";
    const whole = digits === undefined && Number.isInteger(value);
    return format(whole ? 0 : digits, Boolean(options && options.signed))
      .format(value)
      .replace("-", MINUS);
  }

  /** A number in scientific notation where decimals would not show it: 3.2e-7 as 3.2 × 10⁻⁷. */
  function small(value, significant) {
    if (!Number.isFinite(value) || value === 0) return number(value);
    const [mantissa, exponent] = value.toExponential((significant || 2) - 1).split("e");
    if (Number(exponent) > -4 && Number(exponent) < 6) return number(Number(value.toPrecision(significant || 2)));
    const raised = String(Number(exponent)).replace(/./g, (c) => (c === "-" ? "\u207b" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));
    return number(Number(mantissa), (significant || 2) - 1) + "\u202f×\u202f10" + raised;
  }

  /** (0.40, -1.10) or (0,40; -1,10); of many numbers the first six. */
  function vector(values, digits) {
    const separator = words.language === "pt-BR" ? "; " : ", ";
    const shown = Array.from(values.slice(0, 6), (value) => number(value, digits === undefined ? 2 : digits));
    return "(" + [...shown, ...(values.length > 6 ? ["\u2026"] : [])].join(separator) + ")";
  }

  /**
   * The number that a person typed, NaN where it is none. The decimal sign of the page's language rules; the other one
   * is read as a separator of thousands where it stands as one, and as a decimal sign otherwise.
   */
  function parse(text) {
    const decimal = words.language === "pt-BR" ? "," : ".";
    const other = decimal === "," ? "." : ",";
    let plain = String(text).trim().replace(/[\u2212\u2013]/g, "-").replace(/[\s\u00a0\u202f]/g, "");
    const groups = new RegExp("^[+-]?[1-9]\\d{0,2}(\\" + other + "\\d{3})+(\\" + decimal + "\\d*)?$");
    if (groups.test(plain)) plain = plain.split(other).join("");
    else if (!plain.includes(decimal)) plain = plain.replace(other, decimal);
    plain = plain.replace(decimal, ".");
    return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain) ? Number(plain) : NaN;
  }

  Object.assign(shell, {
    useStrings, useLanguage, languages, language, preferredLanguage, t, hasText, number, small, vector, parse,
  });
})((globalThis.Vitral = globalThis.Vitral || {}));
