// The sessions of all launch directories, the latest first: whose they are, how they stand, the line that resumes each.

import { copy, count, fill, h, moment, pause, plural, status } from "./dom.js";
import { Messages } from "./messages.js";

const HEADS = ["Directory", "Notebook", "Session", "Runs", "Started", "Duration", "Status", "Completed", "Cached", "Failed", "Size", "Held by", ""];
const NUMBERS = new Set(["Completed", "Cached", "Failed", "Size", "Duration"]);
const SEARCHING = 150;
const LIVE = 2000;
const QUIET = 15000;
const MOST = 500;

export class Overview {
  constructor(source, { under = "", onOpen }) {
    this.messages = new Messages(source);
    this.under = under;
    this.onOpen = onOpen;
    this.sessions = new Map();
    this.searching = true;
    this.build();
  }

  build() {
    this.filter = h("input.nbf-input", { type: "search", placeholder: "Filter sessions  ( / )", "aria-label": "Filter sessions", oninput: () => this.draw() });
    this.summary = h("span.nbf-faint", { role: "status" });
    this.rows = h("tbody");
    this.empty = h("p.nbf-faint.nbf-empty", { hidden: true });
    const heads = HEADS.map((name) => h(`th${NUMBERS.has(name) ? ".nbf-right" : ""}`, { scope: "col" }, name || h("span.nbf-hidden", {}, "Resume")));
    const table = h("table.nbf-table.nbf-picking", { "aria-label": "Sessions, the latest first" }, h("thead", {}, h("tr", {}, heads)), this.rows);
    this.scroll = h("div.nbf-scroll.nbf-sessions", {}, table);
    this.element = h(
      "section.nbf", { "aria-label": "nbflow sessions", onkeydown: (event) => this.key(event) },
      h("header.nbf-top", {}, h("h2", {}, "Cache"), h("span.nbf-find", {}, this.filter), this.summary, this.messages.notice),
      this.messages.element, this.empty, this.scroll,
    );
  }

  key(event) {
    if (event.key !== "/" || event.target === this.filter) return;
    this.filter.focus();
    event.preventDefault();
  }

  /** Read, and go on reading as long as the screen is shown: often while something runs or is searched. */
  async start() {
    let last = 0;
    while (this.element.isConnected) {
      let rest = QUIET;
      if (document.visibilityState === "visible") {
        const all = this.searching || Date.now() - last >= QUIET;
        try {
          await this.read(all);
          if (all) last = Date.now();
          rest = this.searching ? SEARCHING : this.isLive ? LIVE : QUIET;
        } catch (error) {
          this.messages.fail(error);
        }
      }
      await pause(rest);
    }
  }

  async read(all) {
    if (all) await this.find();
    for (const directory of this.directories) {
      const known = this.sessions.get(directory);
      if (known && (this.searching || (!all && !known.some((session) => session.live)))) continue;
      await this.readOne(directory);
    }
    this.draw();
    if (!this.searching) for (const directory of this.directories) await this.measure(directory);
  }

  async find() {
    const found = await this.messages.ask({ ask: "directories", directory: this.under });
    this.directories = found.directories;
    this.searching = !found.complete;
    this.limited = found.limited;
    for (const directory of [...this.sessions.keys()]) if (!this.directories.includes(directory)) this.sessions.delete(directory);
  }

  async readOne(directory) {
    const { sessions } = await this.messages.ask({ ask: "sessions", directory });
    this.sessions.set(directory, sessions.map((session) => ({ ...session, directory })));
  }

  /** Sizes take a walk through the work directories: they come when all else is there. */
  async measure(directory) {
    const isKnown = () => (this.sessions.get(directory) ?? []).every((session) => session.size_text || !session.own);
    let left = !isKnown();
    while (left && this.element.isConnected) {
      const { sizes } = await this.messages.ask({ ask: "sizes", directory });
      left = Object.values(sizes).includes(null);
      await this.readOne(directory);
      this.draw();
    }
  }

  get isLive() {
    return [...this.sessions.values()].flat().some((session) => session.live);
  }

  // Showing ------------------------------------------------------------------------------------------------------------

  draw() {
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = (session) => [session.directory, session.id, session.notebook, session.status, ...session.runs.map((run) => run.run)].join(" ").toLowerCase();
    const every = [...this.sessions.values()].flat().sort((one, other) => (one.started < other.started ? 1 : -1));
    const shown = every.filter((session) => words.every((word) => text(session).includes(word)));
    this.tell(every, shown);
    const key = JSON.stringify(shown);
    if (key === this.drawn) return;
    this.drawn = key;
    const focused = this.rows.contains(document.activeElement) ? document.activeElement.dataset.name : null;
    fill(this.rows, shown.slice(0, MOST).map((session) => this.row(session)));
    if (focused) this.rows.querySelector(`[data-name="${CSS.escape(focused)}"]`)?.focus();
  }

  tell(every, shown) {
    const number = shown.length === every.length ? plural(every.length, "session") : `${count(shown.length)} of ${plural(every.length, "session")}`;
    const cut = shown.length > MOST ? ` · the latest ${count(MOST)} are shown` : "";
    const where = ` · ${plural(this.sessions.size, "directory", "directories")}`;
    const bound = this.limited ? ", not all were looked into: add ?path=directory to the address" : "";
    this.summary.textContent = this.searching ? `${number} · searching …` : number + cut + where + bound;
    this.scroll.hidden = !every.length;
    this.empty.hidden = every.length > 0;
    this.empty.textContent = this.searching ? "Searching …" : "No task ran below this directory yet. Run a notebook with a cell that begins with %%process; its sessions are shown here then.";
  }

  row(session) {
    const [first, ...more] = session.runs;
    const open = () => this.onOpen(session.directory, first.run === "-" ? "" : first.run);
    const name = session.notebook || (session.own ? "session" : "Nextflow");
    const runs = [h("span", {}, first.run), more.length ? h("span.nbf-faint", { title: more.map((run) => run.run).join(", ") }, ` +${more.length}`) : null];
    const cells = [
      ["nbf-clip", session.directory || "/"], ["", h("button.nbf-link", { type: "button", "data-name": `${session.directory} ${session.id}`, "aria-label": `Open ${name}, session ${session.short}` }, name)],
      ["", h("code", {}, session.short)], ["", runs], ["", moment(session.started)], ["nbf-right", session.duration], ["", status(session.status)],
      ["nbf-right", count(session.completed)], ["nbf-right", count(session.cached)], ["nbf-right", count(session.failed)],
      ["nbf-right", session.size_text || "–"], ["nbf-clip", session.held || "–"], ["", session.own ? this.copying(session) : null],
    ];
    return h("tr", { onclick: open }, cells.map(([kind, cell]) => h(kind ? `td.${kind}` : "td", { title: kind === "nbf-clip" ? cell : null }, cell)));
  }

  copying(session) {
    const line = `%resume ${session.short}`;
    const take = (event) => {
      event.stopPropagation();
      copy(line, event.currentTarget);
    };
    return h("button.nbf-button", { type: "button", title: line, "data-name": `copy ${session.id}`, "aria-label": `Copy ${line}`, onclick: take }, "Copy %resume");
  }
}
