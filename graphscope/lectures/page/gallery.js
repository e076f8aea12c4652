"use strict";
// Hides the examples that do not contain what was typed; without a script all are shown.
const field = document.querySelector("#search");
field.hidden = false;
field.addEventListener("input", () => {
  const wanted = field.value.trim().toLowerCase();
  for (const section of document.querySelectorAll("main section")) {
    let shown = 0;
    for (const article of section.querySelectorAll("article")) {
      article.hidden = !article.textContent.toLowerCase().includes(wanted);
      shown += article.hidden ? 0 : 1;
    }
    section.hidden = shown === 0;
  }
});
