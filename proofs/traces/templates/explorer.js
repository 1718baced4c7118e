"use strict";
const last = Number(document.body.dataset.steps);
const byId = (id) => document.getElementById(id);
const ticks = [...document.querySelectorAll(".tick")];
const items = [...document.querySelectorAll("#list a")];
const cards = [...document.querySelectorAll(".card")];
const grid = byId("grid");
const list = byId("list");

grid.style.setProperty("--columns", String(last + 1));
for (const part of document.querySelectorAll("[data-first]")) {
  part.style.gridColumn = `${Number(part.dataset.first) + 1} / ${Number(part.dataset.last) + 2}`;
}

let row = 1;
for (const part of grid.children) {
  if (part.matches(".group, .name")) row += 1;
  part.style.gridRow = String(row);
}
ticks.forEach((tick, number) => { tick.style.gridColumn = String(number + 2); });
grid.style.setProperty("--rows", String(row));

function current() {
  const match = /^#step-(\d+)$/.exec(location.hash);
  return match ? Math.min(Number(match[1]), last) : last;
}

function show() {
  const step = current();
  grid.style.setProperty("--selected", String(step));
  for (const parts of [ticks, items, cards]) {
    parts.forEach((part, number) => part.classList.toggle("selected", number === step));
  }
  reveal(list, "Top", items[step].getBoundingClientRect().top - list.getBoundingClientRect().top, list.clientHeight);
  reveal(grid, "Left", ticks[step].getBoundingClientRect().left - grid.getBoundingClientRect().left, grid.clientWidth);
}

function reveal(box, edge, offset, size) {
  if (offset < 170 || offset > size - 90) box[`scroll${edge}`] += offset - size / 2;
}

function go(step) {
  history.replaceState(null, "", `#step-${Math.max(0, Math.min(step, last))}`);
  show();
}

function neighbour(direction) {
  let step = current() + direction;
  while (items[step] && items[step].parentElement.hidden) step += direction;
  if (items[step]) go(step);
}

function toggleHelp() {
  const help = byId("help");
  if (help.open) help.close(); else help.showModal();
}

const keys = {
  j: () => neighbour(1), ArrowRight: () => neighbour(1), ArrowDown: () => neighbour(1),
  k: () => neighbour(-1), ArrowLeft: () => neighbour(-1), ArrowUp: () => neighbour(-1),
  Home: () => go(0), End: () => go(last), "?": toggleHelp,
  "/": () => byId("filter").focus(),
  d: () => document.body.classList.toggle("all-lines"),
  s: () => { const details = cards[current()].querySelector("details"); details.open = !details.open; },
};

document.addEventListener("keydown", (event) => {
  if (event.target === byId("filter")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
  event.preventDefault();
  keys[event.key]();
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-step]");
  const part = event.target.closest("[data-first]");
  if (event.target.closest(".toggle-lines")) {
    keys.d();
  } else if (link) {
    event.preventDefault();
    go(Number(link.dataset.step));
  } else if (part) {
    const box = part.getBoundingClientRect();
    const count = Number(part.dataset.last) - Number(part.dataset.first) + 1;
    go(Number(part.dataset.first) + Math.floor(((event.clientX - box.left) / box.width) * count));
  }
});

const texts = cards.map((card) => [...card.children].filter((part) => !part.matches("details"))
  .map((part) => part.textContent).join(" ").toLowerCase());

byId("filter").addEventListener("input", (event) => {
  const wanted = event.target.value.trim().toLowerCase();
  items.forEach((item, number) => {
    item.parentElement.hidden = wanted !== "" && !texts[number].includes(wanted);
  });
});
byId("help-button").addEventListener("click", toggleHelp);
byId("help").addEventListener("click", (event) => { if (event.target === byId("help")) toggleHelp(); });
window.addEventListener("hashchange", show);
document.documentElement.classList.add("interactive");
show();
