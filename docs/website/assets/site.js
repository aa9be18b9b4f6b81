/* What the theme leaves to be done for keyboards and screen readers: whatever scrolls sideways can be reached and scrolled
   with the keys, and the buttons beside each piece of code have a name of their own. */
(function () {
  "use strict";
  const scrolls = ".formula-block, .md-typeset__scrollwrap, .md-typeset pre > code";

  function mend() {
    for (const box of document.querySelectorAll(scrolls)) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
    const word = document.documentElement.lang.startsWith("pt") ? "Código" : "Code";
    document.querySelectorAll(".md-code__nav").forEach((nav, index) => nav.setAttribute("aria-label", `${word} ${index + 1}`));
  }

  let waiting = 0;
  function soon() {
    clearTimeout(waiting);
    waiting = setTimeout(mend, 200);
  }

  addEventListener("resize", soon);
  document.addEventListener("toggle", soon, true);
  new MutationObserver(soon).observe(document.documentElement, { childList: true, subtree: true });
  soon();
})();
