"use strict";

// The page is complete without this script, in English. The script switches the language, keeps the choice in
// the address (#section&lang=pt-BR), and opens every folded table before printing.
(function () {
  const root = document.documentElement;
  const written = root.lang;
  const titles = JSON.parse(document.getElementById("titles").textContent);
  const buttons = Array.from(document.querySelectorAll("button[data-language]"));

  function readAddress() {
    const state = { section: "", language: "" };
    for (const part of location.hash.slice(1).split("&")) {
      if (part.startsWith("lang=")) state.language = part.slice("lang=".length);
      else if (part && !part.includes("=")) state.section = part; // the explorer keeps its state behind
    }
    return state;
  }

  function show(language) {
    root.lang = language;
    document.title = titles[language];
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.language === language));
    }
  }

  // What else stands in the address, the state of the explorer, stays there.
  function writeAddress(section, language) {
    const parts = location.hash.slice(1).split("&");
    const others = parts.filter((part) => part.includes("=") && !part.startsWith("lang="));
    history.replaceState(null, "", "#" + [section, "lang=" + language, ...others].filter(Boolean).join("&"));
  }

  function preferred() {
    if ("asked" in root.dataset) return written; // whoever made the page named its language
    const asked = (navigator.language || "").toLowerCase().startsWith("pt") ? "pt-BR" : "en";
    return titles[asked] ? asked : "en";
  }

  function follow() {
    const state = readAddress();
    const language = titles[state.language] ? state.language : state.section ? root.lang : preferred();
    show(language);
    if (state.language !== language && state.section) writeAddress(state.section, language);
    const target = state.section && document.getElementById(state.section);
    if (target) target.scrollIntoView();
  }

  function nearestSection() {
    const sections = Array.from(document.querySelectorAll("main > section"));
    const above = sections.filter((section) => section.getBoundingClientRect().top < innerHeight / 3);
    return above.length ? above[above.length - 1] : null;
  }

  for (const button of buttons) {
    button.addEventListener("click", () => {
      const here = nearestSection();
      const offset = here ? here.getBoundingClientRect().top : 0;
      show(button.dataset.language);
      writeAddress(here ? here.id : "", button.dataset.language);
      if (here) scrollBy(0, here.getBoundingClientRect().top - offset);
    });
  }

  // A figure in another language is made from the first one's: copies of it, and what is different.
  function translated(text, changes) {
    let made = "";
    for (let i = 0; i < changes.length; i++) {
      if (typeof changes[i] === "string") made += changes[i];
      else made += text.slice(changes[i], changes[i] + changes[++i]);
    }
    return made;
  }

  async function inflated(text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  }

  async function translate(image) {
    const like = document.querySelector(`img[data-figure="${image.dataset.like}"]`);
    const text = decodeURIComponent(like.src.slice(like.src.indexOf(",") + 1));
    const changes = await inflated(image.dataset.changes);
    image.src = "data:image/svg+xml," + encodeURIComponent(translated(text, changes));
  }

  document.querySelectorAll("img[data-like]").forEach(translate);

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = Array.from(document.querySelectorAll("details:not([open])"));
    for (const element of opened) element.open = true;
  });
  addEventListener("afterprint", () => {
    for (const element of opened) element.open = false;
  });

  document.querySelector(".switch").hidden = false;
  addEventListener("hashchange", follow);
  follow();
})();
