"use strict";

// The page is complete without this script, in English. The script switches the language, keeps the choice in
// the address (#section&lang=pt-BR), and opens every folded table before printing.
(function () {
  const root = document.documentElement;
  const titles = JSON.parse(document.getElementById("titles").textContent);
  const buttons = Array.from(document.querySelectorAll("button[data-language]"));

  function readAddress() {
    const state = { section: "", language: "" };
    for (const part of location.hash.slice(1).split("&")) {
      if (part.startsWith("lang=")) state.language = part.slice("lang=".length);
      else if (part) state.section = part;
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

  function writeAddress(section, language) {
    history.replaceState(null, "", "#" + (section ? section + "&" : "") + "lang=" + language);
  }

  function preferred() {
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
