// The session picker: which session this notebook goes on with.

import { count, fill, h, moment, plural, status } from "./dom.js";
import { inquire } from "./asking.js";
import { Messages } from "./messages.js";

const HEADS = ["", "Session", "Status", "Notebook", "Runs", "Started", "Duration", "Completed", "Cached", "Failed", "Size", "Goes", "Held by"];
const NUMBERS = new Set(["Completed", "Cached", "Failed", "Size", "Duration"]);
let pickers = 0;

export class Picker {
  constructor(source) {
    this.messages = new Messages(source);
    this.source = { ...source, ask: (question) => this.messages.ask(question), act: (deed) => this.messages.act(deed) };
    this.name = `nbf-picker-${(pickers += 1)}`;
    this.at = 0;
    this.sizes = {};
    this.build();
    this.start();
  }

  build() {
    this.filter = h("input.nbf-input", { type: "search", placeholder: "Filter sessions  ( / )", "aria-label": "Filter sessions", oninput: () => this.draw() });
    this.filter.addEventListener("keydown", (event) => this.filterKey(event));
    this.summary = h("span.nbf-faint", { role: "status" });
    this.rows = h("tbody");
    this.heads = h("tr", { role: "row" });
    this.grid = h(
      "table.nbf-table.nbf-picking", { role: "grid", tabindex: 0, "aria-label": "Sessions, the latest first", onkeydown: (event) => this.key(event) },
      h("thead", {}, this.heads), this.rows,
    );
    this.buttons = {
      resume: this.button("Resume", () => this.resume(), "nbf-main"),
      fresh: this.button("New session", () => this.fresh()),
      remove: this.button("Delete …", () => this.remove(), "nbf-danger"),
    };
    if (this.source.acts.has("relaunch")) this.buttons.relaunch = this.button("Relaunch from failed task", () => this.relaunch());
    const order = ["resume", "fresh", "relaunch", "remove"].map((name) => this.buttons[name]);
    this.asked = h("div.nbf-said");
    this.scroll = h("div.nbf-scroll.nbf-tall", {}, this.grid);
    this.tools = h("div.nbf-actions", { role: "toolbar", "aria-label": "What to do with the chosen session" }, order, h("span.nbf-spring"), this.line = h("code.nbf-faint"));
    this.element = h(
      "section.nbf", { "aria-label": "nbflow session picker", onkeydown: (event) => this.anyKey(event) },
      h("header.nbf-top", {}, h("h2", {}, "Sessions"), h("span.nbf-find", {}, this.filter), this.summary, this.messages.notice),
      this.messages.element, this.scroll, this.asked, this.tools,
    );
  }

  button(text, work, kind = "") {
    return h(`button.nbf-button${kind ? `.${kind}` : ""}`, { type: "button", onclick: () => work() }, text);
  }

  async start() {
    await this.read().catch((error) => this.messages.fail(error));
    this.measure();
  }

  async read() {
    const { sessions } = await this.source.ask({ ask: "sessions" });
    this.all = sessions.filter((session) => session.own);
    this.draw();
  }

  async measure() {
    let left = this.all?.length > 0;
    while (left && this.element.isConnected) {
      const { sizes } = await this.source.ask({ ask: "sizes" });
      left = Object.values(sizes).includes(null);
      await this.read();
    }
  }

  // Showing ------------------------------------------------------------------------------------------------------------

  draw() {
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = (session) => [session.id, session.notebook, session.status, ...session.runs.map((run) => run.run)].join(" ").toLowerCase();
    this.shown = this.all.filter((session) => words.every((word) => text(session).includes(word)));
    this.at = Math.max(0, Math.min(this.at, this.shown.length - 1));
    this.columns = [...HEADS.keys()].filter((at) => HEADS[at] !== "Goes" || this.all.some((session) => session.goes));
    fill(this.heads, this.columns.map((at) => this.head(HEADS[at])));
    fill(this.rows, this.shown.map((session, at) => this.row(session, at)));
    const empty = !this.all.length;
    this.scroll.hidden = !this.shown.length;
    this.filter.parentElement.hidden = empty;
    if (empty) this.messages.note("No session here yet. The first `%%process` cell that you run begins one; nothing needs to be chosen.");
    this.summary.textContent = empty ? "" : this.shown.length === this.all.length ? plural(this.all.length, "session") : `${count(this.shown.length)} of ${plural(this.all.length, "session")}`;
    this.choose(this.at);
  }

  head(name) {
    const title = name === "Goes" ? "When what it left is cleaned away, unless a run uses it again" : null;
    return h(`th${NUMBERS.has(name) ? ".nbf-right" : ""}`, { scope: "col", role: "columnheader", title }, name || h("span.nbf-hidden", {}, "Chosen"));
  }

  size(session) {
    if (!session.size_text) return h("span.nbf-faint", {}, "…");
    return [session.size_text, session.cost ? h("span.nbf-faint", {}, ` (${session.cost})`) : null];
  }

  row(session, at) {
    const [first, ...more] = session.runs;
    const runs = [h("span", {}, first.run), more.length ? h("span.nbf-faint", { title: more.map((run) => run.run).join(", ") }, ` +${more.length}`) : null];
    const cells = [
      h("span.nbf-radio", { "aria-hidden": "true" }),
      [h("code", {}, session.short), session.current ? h("span.nbf-badge", {}, "current") : null],
      status(session.status), session.notebook || h("span.nbf-faint", {}, "–"), runs, moment(session.started), session.duration,
      count(session.completed), count(session.cached), count(session.failed),
      this.size(session), session.goes ? h("span", { title: session.goes_at }, session.goes) : h("span.nbf-faint", {}, "–"), session.held || h("span.nbf-faint", {}, "–"),
    ];
    return h(
      "tr", { role: "row", id: `${this.name}-${at}`, onclick: () => this.choose(at), ondblclick: () => this.resume() },
      this.columns.map((number) => h(`td${NUMBERS.has(HEADS[number]) ? ".nbf-right" : ""}`, { role: "gridcell" }, cells[number])),
    );
  }

  get chosen() {
    return this.shown?.[this.at];
  }

  choose(at) {
    this.at = Math.max(0, Math.min(at, this.shown.length - 1));
    [...this.rows.children].forEach((row, number) => {
      row.setAttribute("aria-selected", String(number === this.at));
      row.classList.toggle("nbf-chosen", number === this.at);
    });
    this.rows.children[this.at]?.scrollIntoView?.({ block: "nearest" });
    if (this.shown.length) this.grid.setAttribute("aria-activedescendant", `${this.name}-${this.at}`);
    const { chosen } = this;
    const free = chosen && !chosen.current && !chosen.held;
    this.buttons.resume.disabled = !free;
    this.buttons.remove.disabled = !chosen || Boolean(chosen.held && !chosen.current);
    if (this.buttons.relaunch) this.buttons.relaunch.disabled = !chosen?.failed;
    this.buttons.resume.title = !chosen || free ? "" : chosen.current ? "this notebook is in it" : `held by ${chosen.held}`;
    this.line.textContent = chosen ? `%resume ${chosen.short}` : "";
  }

  // Keys ---------------------------------------------------------------------------------------------------------------

  key(event) {
    const to = { ArrowDown: this.at + 1, ArrowUp: this.at - 1, Home: 0, End: this.shown.length - 1, PageDown: this.at + 10, PageUp: this.at - 10 }[event.key];
    if (to !== undefined) this.choose(to);
    else if (event.key === "Enter") this.resume();
    else if (event.key === "Delete") this.remove();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  filterKey(event) {
    if (event.key === "Escape" && this.filter.value) {
      this.filter.value = "";
      this.draw();
    } else if (["ArrowDown", "Enter", "Escape"].includes(event.key)) this.grid.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  anyKey(event) {
    if (event.key !== "/" || event.target.tagName === "INPUT") return;
    this.filter.focus();
    event.preventDefault();
  }

  // Doing --------------------------------------------------------------------------------------------------------------

  async act(deed) {
    try {
      return await this.source.act(deed);
    } catch (error) {
      this.messages.fail(error);
      return null;
    }
  }

  async resume() {
    if (this.buttons.resume.disabled) return;
    const done = await this.act({ act: "resume", session: this.chosen.id });
    if (done) await this.say(done.said);
  }

  async fresh() {
    const done = await this.act({ act: "resume", session: "new" });
    if (done) await this.say(done.said);
  }

  async relaunch() {
    const done = await this.act({ act: "relaunch", session: this.chosen.id });
    if (done) await this.say(done.said);
  }

  /** The list is read again, and shows the session that this notebook is in. */
  async say(text) {
    this.filter.value = "";
    await this.read();
    const current = this.shown.findIndex((session) => session.current);
    if (current >= 0) this.choose(current);
    this.messages.note(text);
  }

  async remove() {
    const { chosen } = this;
    if (!chosen || this.buttons.remove.disabled) return;
    const plan = await this.act({ act: "delete", session: chosen.id, really: false });
    if (!plan) return;
    const text = `Delete session ${chosen.short}? ${plural(plan.runs, "run")} and ${plural(plan.tasks, "task")} go, ${plan.freed} are freed. What was computed there runs again.`;
    const work = async () => {
      const done = await this.act({ act: "delete", session: chosen.id, really: true });
      if (done) await this.say(`Deleted: session ${chosen.short}; ${done.freed} freed.`);
      this.grid.focus();
    };
    inquire(this.asked, text, [["Delete", work, "nbf-danger"]]);
  }
}
