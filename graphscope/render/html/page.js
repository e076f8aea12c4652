"use strict";
// Marks arrows of a box under the pointer, and the path of the parameter that is chosen.
// Without it the page shows the same; nothing here is loaded, sent or kept.
(() => {
  const data = JSON.parse(document.getElementById("paths").textContent);
  const svg = document.querySelector(".paper svg");
  const boxes = [...svg.querySelectorAll(".box")];
  const pieces = new Map(data.arrows.map((_, number) => [number, []]));
  for (const piece of svg.querySelectorAll("[data-arrow]")) {
    pieces.get(Number(piece.dataset.arrow)).push(piece);
  }
  const rules = [...document.querySelectorAll("details.chain")];
  const ofBox = new Map();
  data.paths.forEach((path, number) => {
    if (path.leaf !== null) ofBox.set(path.leaf, number);
  });

  const tell = document.createElement("output");
  let chosen = rules.findIndex((rule) => rule.open && svg.classList.contains("has-path"));

  function mark(number) {
    chosen = number;
    const path = data.paths[number] ?? { boxes: [], arrows: [] };
    const marked = new Set(path.boxes);
    const along = new Set(path.arrows);
    svg.classList.toggle("has-path", number >= 0);
    boxes.forEach((box, n) => box.classList.toggle("on-path", marked.has(n)));
    for (const [n, group] of pieces) {
      for (const piece of group) piece.classList.toggle("on-path", along.has(n));
    }
    for (const [box, n] of ofBox) {
      boxes[box].setAttribute("aria-pressed", String(n === number));
    }
    tell.textContent = number < 0 ? "" : `Marked: ${rules[number].firstElementChild.textContent}`;
  }

  // Scrolls the picture, and never the page, to where a box is.
  function show(box) {
    const paper = svg.parentElement;
    const [place, frame] = [box.getBoundingClientRect(), paper.getBoundingClientRect()];
    paper.scrollLeft += place.left + place.width / 2 - frame.left - frame.width / 2;
    paper.scrollTop += place.top + place.height / 2 - frame.top - frame.height / 2;
  }

  function choose(number) {
    mark(number);
    rules.forEach((rule, n) => {
      rule.open = n === number;
    });
  }

  rules.forEach((rule, number) => {
    rule.firstElementChild.addEventListener("click", (event) => {
      event.preventDefault();
      choose(rule.open && chosen === number ? -1 : number);
      const leaf = data.paths[chosen]?.leaf ?? null;
      if (leaf !== null) show(boxes[leaf]);
    });
  });

  function showArrows(number, isNear) {
    data.arrows.forEach(([from, to], n) => {
      if (from !== number && to !== number) return;
      for (const piece of pieces.get(n)) piece.classList.toggle("near", isNear);
    });
  }

  boxes.forEach((box, number) => {
    box.setAttribute("tabindex", "0");
    for (const [start, end] of [["pointerenter", "pointerleave"], ["focus", "blur"]]) {
      box.addEventListener(start, () => showArrows(number, true));
      box.addEventListener(end, () => showArrows(number, false));
    }
    if (!ofBox.has(number)) return;
    const press = () => choose(chosen === ofBox.get(number) ? -1 : ofBox.get(number));
    box.setAttribute("role", "button");
    box.setAttribute("aria-pressed", String(ofBox.get(number) === chosen));
    box.addEventListener("click", press);
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      press();
    });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && chosen >= 0) choose(-1);
  });

  const natural = Number(svg.getAttribute("width"));
  const tools = document.createElement("div");
  tools.className = "tools";
  const addTool = (text, label, act) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.setAttribute("aria-label", label);
    button.addEventListener("click", act);
    tools.append(button);
  };
  const zoom = (scale) => {
    svg.style.minWidth = svg.style.maxWidth = svg.style.width = scale ? `${natural * scale}px` : "";
  };
  const scale = () => svg.getBoundingClientRect().width / natural;
  addTool("−", "Make the picture smaller", () => zoom(Math.max(scale() / 1.25, 0.1)));
  addTool("+", "Make the picture larger", () => zoom(Math.min(scale() * 1.25, 8)));
  addTool("Fit", "Fit the picture into the page", () => zoom(0));
  addTool("100 %", "Show the picture at its own size", () => zoom(1));
  tools.append(tell);
  svg.parentElement.before(tools);
  if (rules.length) {
    const hint = document.createElement("p");
    hint.className = "hint";
    hint.textContent = "Open one, or choose a parameter in the picture, to mark its path.";
    rules[0].before(hint);
  }
  if (chosen >= 0) mark(chosen);
  if (boxes.length) show(boxes[data.paths[chosen]?.leaf ?? 0]);
})();
