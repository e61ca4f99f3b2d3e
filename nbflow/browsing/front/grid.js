// A grid of rows of which only those in sight exist: a hundred thousand scroll like twenty.
// `fetch(first, count)` promises `{first, shown, rows}`; a row has an `id` and a text for each column.

import { h, fill, status } from "./dom.js";

const HEIGHT = 26;
const FRAME = 46;
/** Rows that are read above and below those in sight: what a wheel reaches until the next answer. */
const MARGIN = 90;
const KEPT = 1200;
const WIDTHS = {
  status: "100px", process: "minmax(76px, 1fr)", tag: "minmax(84px, 1.4fr)", hash: "80px", exit: "40px",
  start: "112px", duration: "68px", realtime: "68px", "%cpu": "58px", peak_rss: "100px", size: "68px", attempt: "66px",
};
const RIGHT = new Set(["exit", "duration", "realtime", "%cpu", "peak_rss", "size", "attempt"]);
let grids = 0;

export class Grid {
  constructor({ label, fetch, onOpen, onSort, onEscape }) {
    Object.assign(this, { fetch, onOpen, onSort, onEscape });
    this.name = `nbf-grid-${(grids += 1)}`;
    this.columns = [];
    this.drawn = new Map();
    this.sort = { column: "", descending: false };
    this.head = h("div.nbf-row.nbf-heads", { role: "row", "aria-rowindex": 1 });
    this.space = h("div.nbf-space", { role: "rowgroup" });
    this.element = h(
      "div.nbf-grid",
      { role: "grid", tabindex: 0, "aria-label": label, "aria-multiselectable": "false" },
      h("div.nbf-sticky", { role: "rowgroup" }, this.head),
      this.space,
    );
    this.element.addEventListener("scroll", () => this.draw());
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("focus", () => this.active < 0 && this.shown && this.choose(0, { scroll: false }));
    this.space.addEventListener("click", (event) => this.click(event));
    this.space.addEventListener("pointerenter", () => (this.pointed = true));
    this.space.addEventListener("pointerleave", () => this.left());
    new ResizeObserver(() => this.draw()).observe(this.element);
    this.clear();
  }

  clear() {
    this.rows = new Map();
    for (const { element } of this.drawn.values()) element.remove();
    this.drawn = new Map();
    this.shown = 0;
    this.active = -1;
    this.element.scrollTop = 0;
    this.rounds = (this.rounds ?? 0) + 1;
    this.draw();
  }

  /** Take an answer: a window of rows. */
  take(answer) {
    this.setColumns(answer.columns);
    this.shown = answer.shown;
    if (this.rows.size > KEPT) this.rows.clear();
    answer.rows.forEach((row, at) => this.rows.set(answer.first + at, row));
    this.draw();
  }

  /** Something changed: rows are read again, but nothing moves under the pointer. */
  renew(answer, moves) {
    if (this.pointed && moves) {
      const fresh = new Map(answer.rows.map((row) => [row.id, row]));
      for (const [at, row] of this.rows) if (fresh.has(row.id)) this.rows.set(at, fresh.get(row.id));
      this.stale = true;
      this.draw();
      return;
    }
    this.rows.clear();
    this.take(answer);
  }

  left() {
    this.pointed = false;
    if (!this.stale) return;
    this.stale = false;
    this.rows.clear();
    this.draw();
  }

  get window() {
    const first = Math.max(0, Math.floor(this.element.scrollTop / HEIGHT));
    return { first, count: Math.ceil(this.element.clientHeight / HEIGHT) + 1 };
  }

  /** What is read at once: the rows in sight, and those that come into sight next. */
  get reach() {
    const { first, count } = this.window;
    return { first: Math.max(0, first - MARGIN), count: Math.min(first, MARGIN) + count + MARGIN };
  }

  /** One question at a time: when its answer is there, what is in sight by then is asked for. */
  async load() {
    if (this.loading || !this.lacks()) return;
    this.loading = true;
    const round = this.rounds;
    const { first, count } = this.reach;
    const answer = await this.fetch(first, count).finally(() => (this.loading = false));
    if (answer && round === this.rounds) this.take(answer);
    else if (answer) this.load(); // others are wanted by now
  }

  /** Whether a row in sight is not read, or one that will soon be. */
  lacks() {
    const { first, count } = this.window;
    const near = [first - MARGIN / 3, first, first + count - 1, first + count + MARGIN / 3].map(Math.round);
    return near.some((at) => at >= 0 && at < this.shown && !this.rows.has(at));
  }

  draw() {
    const { first, count } = this.window;
    const last = Math.min(this.shown, first + count);
    this.space.style.height = `${this.shown * HEIGHT}px`;
    this.element.style.maxHeight = `${Math.max(4, this.shown) * HEIGHT + FRAME}px`;
    this.element.setAttribute("aria-rowcount", this.shown + 1);
    const drawn = new Map();
    for (let at = first; at < last; at += 1) {
      const row = this.rows.get(at);
      const before = this.drawn.get(at);
      drawn.set(at, before && before.row === row ? before : { row, element: this.row(at, row) });
      this.mark(drawn.get(at).element, at === this.active);
    }
    for (const [at, { element }] of this.drawn) if (drawn.get(at)?.element !== element) element.remove();
    for (const { element } of drawn.values()) if (!element.isConnected) this.space.append(element);
    this.drawn = drawn;
    this.load();
  }

  row(at, row) {
    const element = h(`div.nbf-row${row ? "" : ".nbf-unread"}`, {
      role: "row", id: `${this.name}-${at}`, "aria-rowindex": at + 2, "data-at": at, style: `top: ${at * HEIGHT}px`,
    });
    element.append(...this.columns.map(([name]) => this.cell(name, row)));
    return element;
  }

  mark(element, chosen) {
    element.classList.toggle("nbf-chosen", chosen);
    element.setAttribute("aria-selected", String(chosen));
  }

  click(event) {
    const row = event.target.closest(".nbf-row");
    if (row) this.choose(Number(row.dataset.at), { open: true });
  }

  cell(name, row) {
    const kind = `div.nbf-cell.nbf-c-${name.replace("%", "")}${RIGHT.has(name) ? ".nbf-right" : ""}`;
    const text = row?.[name] ?? "";
    if (name === "start") return h(kind, { role: "gridcell", title: text || null }, text.slice(5));
    const shown = row && name === "status" ? status(text) : text;
    return h(kind, { role: "gridcell", title: name === "status" ? null : text || null }, shown);
  }

  setColumns(columns) {
    if (this.columns.length === columns.length) return;
    this.columns = columns;
    this.element.style.setProperty("--nbf-columns", columns.map(([name]) => WIDTHS[name] ?? "100px").join(" "));
    fill(this.head, columns.map((column) => this.headCell(column)));
  }

  headCell([name, title]) {
    const { column, descending } = this.sort;
    const sorted = column === name ? (descending ? "descending" : "ascending") : "none";
    const mark = sorted === "none" ? "" : descending ? " ▾" : " ▴";
    const button = h("button.nbf-head", { type: "button", tabindex: -1, onclick: () => this.sortBy(name) }, title + mark);
    const kind = `div.nbf-cell${RIGHT.has(name) ? ".nbf-right" : ""}`;
    return h(kind, { role: "columnheader", "aria-sort": sorted }, button);
  }

  /** Ascending, descending, and the order of the events again. */
  sortBy(name) {
    const { column, descending } = this.sort;
    if (column !== name) this.sort = { column: name, descending: false };
    else this.sort = descending ? { column: "", descending: false } : { column: name, descending: true };
    fill(this.head, this.columns.map((each) => this.headCell(each)));
    this.onSort(this.sort);
  }

  choose(at, { open = false, scroll = true } = {}) {
    this.active = Math.max(0, Math.min(at, this.shown - 1));
    if (scroll) this.reveal(this.active);
    this.draw();
    this.element.setAttribute("aria-activedescendant", `${this.name}-${this.active}`);
    const row = this.rows.get(this.active);
    if (open && row) this.onOpen(row);
  }

  reveal(at) {
    const top = at * HEIGHT;
    const inside = this.element.clientHeight - this.head.offsetHeight - HEIGHT;
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    else if (top > this.element.scrollTop + inside) this.element.scrollTop = top - inside;
  }

  key(event) {
    if (event.target !== this.element) return;
    const page = Math.max(1, this.window.count - 3);
    const to = {
      ArrowDown: this.active + 1, ArrowUp: this.active - 1, PageDown: this.active + page, PageUp: this.active - page,
      Home: 0, End: this.shown - 1,
    }[event.key];
    if (to !== undefined && this.shown) this.choose(to);
    else if (event.key === "Enter" || event.key === " ") this.choose(this.active, { open: true });
    else if (event.key === "Escape") this.onEscape();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
