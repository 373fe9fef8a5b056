"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const words = new Intl.Collator(document.documentElement.lang, { numeric: true });
  const day = /\d{1,2} [A-Z][a-z]+ \d{4}$/, amount = /-?\d*\.?\d+(e[-+]?\d+)?|-?∞/i;

  // What a cell is sorted by: a number or nothing in a column of numbers, else a date or its text.
  const key = (cell, numeric) => {
    const text = cell.dataset.value ?? cell.textContent.trim();
    if (!numeric) return Date.parse(day.exec(text)?.[0]) || text;
    const found = amount.exec(text.replaceAll(",", "").replaceAll("−", "-"));
    return found ? Number(found[0].replace("∞", "Infinity")) - (text.includes("<") ? 1e-12 : 0) : "";
  };
  const order = (a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b
      : typeof a === typeof b ? words.compare(a, b) : typeof a === "number" ? -1 : 1;

  const sort = (table, head, column) => {
    const falling = head.getAttribute("aria-sort") === "ascending";
    const numeric = head.classList.contains("ek-number");
    all("th", head.parentNode).forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const rows = all("tr", table.tBodies[0]).map((row) => [key(row.cells[column], numeric), row]);
    const empty = (entry) => ["", "–"].includes(entry[0]);
    rows.sort((a, b) => empty(a) - empty(b) || (falling ? order(b[0], a[0]) : order(a[0], b[0])));
    table.tBodies[0].append(...rows.map((entry) => entry[1]));
  };

  for (const table of all("table.ek-table")) {
    if (table.tBodies[0].rows.length < 2 || table.querySelector("[rowspan], [colspan]")) continue;
    all("thead th", table).forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, head, column));
      if (button.textContent) head.append(button);
    });
  }

  for (const form of all("form.ek-filter")) {
    const input = form.querySelector("input"), told = form.querySelector("output");
    const rows = all(form.dataset.rows).map((row) => [row.textContent.toLowerCase(), row]);
    const filter = () => {
      const wanted = input.value.toLowerCase().split(/\s+/);
      const shown = rows.filter(([text, row]) => !(row.hidden = !wanted.every((word) => text.includes(word))));
      told.textContent = `${shown.length} / ${rows.length}`;
    };
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    input.addEventListener("input", filter);
    filter();
  }

  // A stop of the tab key only where there is something to scroll.
  const regions = new ResizeObserver((seen) => seen.forEach(({ target: region }) => {
    region.tabIndex = region.scrollWidth > region.clientWidth ? 0 : -1;
  }));
  all(".ek-scroll").forEach((region) => regions.observe(region));

  // What is folded is opened for paper, and folded again.
  const folded = () => all("details:not([open], .ek-code)");
  let opened = [];
  addEventListener("beforeprint", () => (opened = folded()).forEach((part) => (part.open = true)));
  addEventListener("afterprint", () => opened.forEach((part) => (part.open = false)));
})();
