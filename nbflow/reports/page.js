// The file is whole without this: it sorts, filters and pages the table of tasks, and widens the timeline.
"use strict";

function taskTable(root) {
  const tables = [...root.querySelectorAll("table")];
  const all = tables.flatMap((table) => [...table.tBodies[0].rows]);
  const table = tables[0], body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  const controls = root.querySelector(".controls");
  const [search, status, size] = ["search", "status", "size"].map((name) => controls.querySelector(`[name=${name}]`));
  const [back, on] = controls.querySelectorAll("button"), told = controls.querySelector("[role=status]");
  const texts = all.map((row) => row.textContent.toLowerCase());
  let shown = all.map((_, at) => at), page = 0, by = -1, up = true;

  const key = (at, column) => {
    const cell = all[at].cells[column], number = cell.dataset.n;
    return number === undefined ? cell.textContent.toLowerCase() : number === "" ? null : Number(number);
  };
  const compare = (a, b) => (a === null ? (b === null ? 0 : 1) : b === null ? -1 : (up ? 1 : -1) * (a < b ? -1 : a > b ? 1 : 0));

  function choose() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean), wanted = status.value;
    shown = [];
    all.forEach((row, at) => {
      if ((!wanted || row.dataset.status === wanted) && words.every((word) => texts[at].includes(word))) shown.push(at);
    });
    if (by >= 0) {
      const keys = new Map(shown.map((at) => [at, key(at, by)]));
      shown.sort((a, b) => compare(keys.get(a), keys.get(b)) || a - b);
    }
    page = 0;
    draw();
  }
  function draw() {
    const length = Number(size.value), first = page * length, rows = shown.slice(first, first + length);
    body.replaceChildren(...rows.map((at) => all[at]));
    back.disabled = page === 0;
    on.disabled = first + length >= shown.length;
    const count = shown.length.toLocaleString("en"), last = (first + rows.length).toLocaleString("en");
    told.textContent = rows.length ? `${(first + 1).toLocaleString("en")} to ${last} of ${count} tasks` : "No task fits";
  }
  function sortBy(column) {
    up = by === column ? !up : true;
    by = column;
    heads.forEach((head, at) => head.setAttribute("aria-sort", at === by ? (up ? "ascending" : "descending") : "none"));
    choose();
  }
  heads.forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sortBy(at));
    head.append(button);
  });
  root.querySelectorAll("details").forEach((each, at) => (at ? each.remove() : (each.open = true)));
  const summary = root.querySelector("summary");
  if (summary) summary.hidden = true;
  table.caption.textContent = "The tasks of the run; a click on a column's head sorts by it";
  search.addEventListener("input", choose);
  status.addEventListener("change", choose);
  size.addEventListener("change", choose);
  back.addEventListener("click", () => (page--, draw()));
  on.addEventListener("click", () => (page++, draw()));
  controls.hidden = false;
  draw();
}

function timeline(root) {
  const zoom = root.querySelector("[name=zoom]"), chart = root.querySelector(".zoomed");
  zoom.addEventListener("input", () => (chart.style.minWidth = `${zoom.value}%`));
  root.querySelector(".controls").hidden = false;
}

document.querySelectorAll(".tasks").forEach(taskTable);
document.querySelectorAll(".timeline").forEach(timeline);
