// The shared state of the page: what every widget shows, mirrored in the address.
(function (V) {
  "use strict";
  const shell = (V.shell = V.shell || {});

  function same(a, b) {
    if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, i) => same(one, b[i]));
    return Object.is(a, b);
  }

  /** A value as a short text for the address: 0.4,-1.1 for a vector, 0,0;1,1 for a list of vectors. */
  function encoded(value) {
    if (Array.isArray(value)) {
      return value.map(encoded).join(value.some(Array.isArray) ? ";" : ",") + (nestedOnce(value) ? ";" : "");
    }
    if (typeof value === "number") return String(Number(value.toFixed(4)));
    return encodeURIComponent(String(value));
  }

  function nestedOnce(value) {
    return value.length === 1 && Array.isArray(value[0]);
  }

  /** The value that a text of the address stands for, of the kind of `like`; undefined where it is not of it. */
  function decoded(text, like) {
    if (Array.isArray(like)) {
      if (text === "") return [];
      if (text.includes(";")) return text.split(";").filter(Boolean).map((one) => decoded(one, [0]));
      const numbers = text.split(",").map(Number);
      return numbers.every(Number.isFinite) ? numbers : undefined;
    }
    if (typeof like === "number") return text !== "" && Number.isFinite(Number(text)) ? Number(text) : undefined;
    if (typeof like === "boolean") return text === "true";
    return decodeURIComponent(text);
  }

  /** The parts of an address: the first without "=" is the place, the others are values. */
  function readHash(hash) {
    const found = { at: "", values: {} };
    for (const part of hash.replace(/^#/, "").split("&")) {
      const cut = part.indexOf("=");
      if (cut > 0) found.values[part.slice(0, cut)] = part.slice(cut + 1);
      else if (part) found.at = part;
    }
    return found;
  }

  /**
   * A store. `declare` names a value and its default, `set` changes some and tells the listeners once, with the names
   * of what changed; a name that was not declared is an error, so that no typing mistake passes unseen.
   */
  class State {
    constructor() {
      this.values = {};
      this.defaults = {};
      this.listeners = new Set();
      this.hidden = new Set();
      this.waiting = {}; // values of the address whose names are declared later
    }

    /**
     * Name values and their defaults: {"w05.unit": "nats"}. What the address says of them holds; `hidden` ones are not
     * written there.
     */
    declare(defaults, options) {
      for (const [name, value] of Object.entries(defaults)) {
        this.defaults[name] = value;
        if (options && options.hidden) this.hidden.add(name);
        const text = this.waiting[name];
        const asked = text === undefined ? undefined : decoded(text, value);
        this.values[name] = asked === undefined ? value : asked;
      }
    }

    get() {
      return Object.freeze({ ...this.values });
    }

    set(patch) {
      const changed = new Set();
      for (const [name, value] of Object.entries(patch)) {
        if (!(name in this.defaults)) throw new Error("the state has no value named " + name);
        if (same(this.values[name], value)) continue;
        this.values[name] = value;
        changed.add(name);
      }
      if (changed.size) this.tell(changed);
      return changed;
    }

    tell(changed) {
      const now = this.get();
      for (const listener of [...this.listeners]) listener(now, changed);
    }

    /** Call `listener(state, changed)` at every change; returns the way to stop it. */
    subscribe(listener) {
      this.listeners.add(listener);
      return () => this.listeners.delete(listener);
    }

    /** Take over what an address says; names it leaves out go back to their defaults. */
    follow(hash) {
      const { at, values } = readHash(hash);
      this.waiting = values;
      const patch = {};
      for (const [name, like] of Object.entries(this.defaults)) {
        const asked = name in values ? decoded(values[name], like) : undefined;
        patch[name] = asked === undefined ? like : asked;
      }
      this.set(patch);
      return at;
    }

    /** The address of now: the place, then whatever is not as it was in the beginning. */
    hash(at) {
      const parts = at ? [at] : [];
      for (const [name, value] of Object.entries(this.values)) {
        if (!this.hidden.has(name) && !same(value, this.defaults[name])) parts.push(name + "=" + encoded(value));
      }
      for (const name of Object.keys(this.waiting)) {
        if (!(name in this.defaults)) parts.push(name + "=" + this.waiting[name]);
      }
      return "#" + parts.join("&");
    }
  }

  Object.assign(shell, { State, readHash, sameValue: same });
})((globalThis.Vitral = globalThis.Vitral || {}));
