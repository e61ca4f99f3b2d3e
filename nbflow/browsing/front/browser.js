// The cache browser: sessions and runs, the tasks of one, and one task.

import { copy, count, fill, h, later, moment, pause, plural, STATUSES, status } from "./dom.js";
import { inquire } from "./asking.js";
import { Comparison } from "./comparison.js";
import { Grid } from "./grid.js";
import { Pane } from "./pane.js";
import { Messages } from "./messages.js";

/** Rows that are read before it is known how many are in sight. */
const FIRST = 80;
const EMPTY = 2000;
const LIVE = 1000;
const QUIET = 10000;
const BREATH = 500;
const ORDER = ["COMPLETED", "CACHED", "FAILED", "RUNNING", "SUBMITTED", "ABORTED", "DELETED"];

export class Browser {
  constructor(source, { run = "" } = {}) {
    this.messages = new Messages(source);
    this.source = { ...source, ask: (question) => this.messages.ask(question), act: (deed) => this.messages.act(deed) };
    this.wanted = { statuses: new Set(), processes: "", text: "", where: "", sort: "", descending: false };
    this.first = run;
    this.build();
    this.begin();
  }

  build() {
    this.nav = h("nav.nbf-nav", { "aria-label": "Sessions and runs" });
    this.stamp = h("span.nbf-faint.nbf-stamp");
    this.place = h("span.nbf-faint.nbf-dir");
    this.chips = h("div.nbf-chips", { role: "group", "aria-label": "Show only tasks of these statuses" });
    this.process = h("select.nbf-select", { "aria-label": "Process", onchange: () => this.want({ processes: this.process.value }) });
    this.filter = h("input.nbf-input", {
      type: "search", placeholder: "Filter by name or hash  ( / )", "aria-label": "Filter tasks by name or hash",
      oninput: later(() => this.typed(), 150), onkeydown: (event) => this.filterKey(event),
    });
    this.expert = h("button.nbf-button.nbf-toggle", {
      type: "button", "aria-pressed": "false", title: "Filter by an expression, as nbflow log -F does", onclick: () => this.toggleExpert(),
    }, "ƒ");
    this.summary = h("span.nbf-faint.nbf-summary", { role: "status" });
    this.asked = h("div.nbf-said");
    this.about = h("div.nbf-about");
    this.grid = new Grid({
      label: "Tasks", fetch: (first, number) => this.window(first, number), onOpen: (row) => this.open(row.id, row.name),
      onSort: ({ column, descending }) => this.want({ sort: column, descending }), onEscape: () => this.pane.task && this.pane.close(),
    });
    this.pane = new Pane({
      source: this.source, onClose: () => this.grid.element.focus(), onOpen: (id, run) => this.follow(id, run),
      onDone: (text) => this.done(text), onError: (error) => this.messages.fail(error),
    });
    this.comparison = new Comparison(this.source, () => this.showTasks(), (id, run) => this.follow(id, run));
    this.tasks = h(
      "div.nbf-tasks", {},
      this.about,
      h("div.nbf-bar", {}, this.chips, this.process, h("span.nbf-find", {}, this.filter, this.expert), this.summary),
      this.grid.element, this.pane.element,
    );
    this.main = h("div.nbf-main-part", {}, this.asked, this.tasks, this.comparison.element);
    this.body = h("div.nbf-body", {}, this.nav, this.main);
    this.element = h(
      "section.nbf", { "aria-label": "nbflow cache browser", onkeydown: (event) => this.key(event) },
      h("header.nbf-top", {}, h("h2", {}, "Cache"), this.place, this.messages.notice, this.stamp),
      this.messages.element, this.body,
    );
  }

  async start() {
    await this.readSessions();
    const runs = this.sessions.flatMap((session) => session.runs);
    if (!runs.length) {
      await pause(EMPTY);
      if (this.element.isConnected) this.begin();
      return;
    }
    this.messages.clear();
    const first = runs.find((run) => run.run === this.first) ?? runs[0];
    await this.choose({ run: first.run });
    this.readSizes();
    this.poll();
  }

  begin() {
    return this.start().catch((error) => this.messages.fail(error));
  }

  // Sessions -----------------------------------------------------------------------------------------------------------

  async readSessions() {
    const answer = await this.source.ask({ ask: "sessions" });
    this.sessions = answer.sessions;
    this.place.textContent = answer.launch_dir;
    this.place.title = answer.launch_dir;
    this.body.hidden = !this.sessions.length;
    if (this.sessions.length) {
      this.drawNav();
      if (this.where) this.drawAbout();
    } else if (!this.messages.any) this.messages.note("No task ran in this directory yet. Run a cell that begins with `%%process`.");
  }

  /** To measure takes a while, in which the kernel has less time for what somebody waits for. */
  async readSizes() {
    let left = true;
    while (left) {
      await pause(BREATH);
      if (!this.element.isConnected) return;
      const { sizes } = await this.source.ask({ ask: "sizes" });
      left = Object.values(sizes).includes(null);
      await this.readSessions();
    }
  }

  drawNav() {
    const focused = this.nav.contains(document.activeElement) ? document.activeElement.dataset.name : null;
    fill(this.nav, this.sessions.map((session) => this.sessionItem(session)));
    if (focused) this.nav.querySelector(`[data-name="${CSS.escape(focused)}"]`)?.focus();
  }

  sessionItem(session) {
    const about = [session.size_text, session.held && !session.current ? `held by ${session.held}` : ""].filter(Boolean);
    const head = h(
      "div.nbf-session", {},
      h("strong", {}, session.notebook || "session"),
      h("div.nbf-session-line", {}, h("code.nbf-faint", {}, session.short), session.current ? h("span.nbf-badge", {}, "current") : null,
        h("span.nbf-faint", {}, about.join(" · ")), this.deleting(session)),
    );
    const all = session.runs.length > 1 ? this.navButton({ session: session.id }, "all runs", "", h("span.nbf-faint", {}, plural(session.runs.length, "run"))) : null;
    const runs = session.runs.map((run) => this.navButton({ run: run.run }, run.run, run.status, this.runFacts(run)));
    return h("div.nbf-group", { role: "group", "aria-label": `Session ${session.short} ${session.notebook}` }, head, all, runs);
  }

  /** The run that is looked at, and what can be done with it. */
  drawAbout() {
    const session = this.sessions.find((each) => each.id === this.where.session || each.runs.some((run) => run.run === this.where.run));
    if (!session) return;
    const run = session.runs.find((each) => each.run === this.where.run);
    const key = JSON.stringify([this.where, session.current, session.held, run?.status, run?.failed, run?.duration, this.sessions.length]);
    if (key === this.aboutKey) return;
    this.aboutKey = key;
    const facts = run ? [moment(run.started), run.duration, run.command].filter(Boolean).join(" · ") : plural(session.runs.length, "run");
    fill(
      this.about,
      h("h3", {}, run ? run.run : `session ${session.short}`), run ? status(run.status) : null, h("span.nbf-faint.nbf-clip", { title: facts }, facts),
      h("span.nbf-spring"), run ? this.comparing(run) : null, session.own ? this.resuming(session) : null,
      (run?.status === "ERR" || run?.failed) && this.source.acts.has("relaunch")
        ? h("button.nbf-button", { type: "button", onclick: () => this.resume(session, "relaunch") }, "Relaunch from failed task") : null,
      run && session.own && this.source.acts.has("delete") && !run.live
        ? h("button.nbf-button.nbf-danger", { type: "button", onclick: () => this.askDelete({ run: run.run }, `run ${run.run}`) }, "Delete …") : null,
    );
  }

  comparing(run) {
    const others = this.sessions.flatMap((session) => session.runs).filter((each) => each.run !== run.run);
    if (!others.length) return null;
    const options = others.slice(0, 200).map((each) => h("option", { value: each.run }, `${each.run} · ${moment(each.started)}`));
    const select = h("select.nbf-select", { "aria-label": "Compare with another run" }, h("option", { value: "" }, "Compare with …"), options);
    select.addEventListener("change", () => select.value && this.compare(select.value, run.run));
    return select;
  }

  async compare(one, other) {
    this.tasks.hidden = true;
    this.aboutKey = "";
    await this.comparison.show(one, other).catch((error) => {
      this.showTasks();
      this.messages.fail(error);
    });
  }

  resuming(session) {
    const line = `%resume ${session.short}`;
    const copying = h("button.nbf-button", { type: "button", title: line, onclick: (event) => copy(line, event.currentTarget) }, "Copy %resume");
    if (!this.source.acts.has("resume") || session.current || session.held) return session.current ? null : copying;
    return h("button.nbf-button", { type: "button", onclick: () => this.resume(session) }, "Resume");
  }

  async resume(session, act = "resume") {
    try {
      const { said } = await this.source.act({ act, session: session.id });
      await this.done(said);
    } catch (error) {
      this.messages.fail(error);
    }
  }

  runFacts(run) {
    const numbers = [["COMPLETED", run.completed], ["CACHED", run.cached], ["FAILED", run.failed]].filter(([, number]) => number);
    const shown = numbers.map(([name, number]) => {
      const [icon, kind] = STATUSES[name];
      return h(`span.nbf-${kind}`, { title: `${count(number)} ${name.toLowerCase()}` }, `${icon} ${count(number)}`);
    });
    return [h("span.nbf-faint", {}, [moment(run.started), run.duration].filter(Boolean).join(" · ")), h("span.nbf-counts", {}, shown)];
  }

  navButton(where, text, state, facts) {
    const name = where.run ?? where.session;
    const chosen = name === (this.where?.run ?? this.where?.session);
    const icon = state ? h(`span.nbf-icon.nbf-${(STATUSES[state] ?? ["", "wait"])[1]}`, { title: state.toLowerCase() }, (STATUSES[state] ?? ["•"])[0]) : h("span.nbf-icon", {}, "≡");
    return h(
      "button.nbf-run", { type: "button", "data-name": name, "aria-current": chosen ? "true" : null, onclick: () => this.choose(where), onkeydown: (event) => this.navKey(event) },
      icon, h("span.nbf-run-name", {}, text), h("span.nbf-run-facts", {}, facts),
    );
  }

  navKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const buttons = [...this.nav.querySelectorAll(".nbf-run")];
    buttons[buttons.indexOf(event.currentTarget) + step]?.focus();
    event.preventDefault();
  }

  deleting(session) {
    if (!this.source.acts.has("delete") || !session.own) return null;
    return h("button.nbf-quiet", { type: "button", "aria-label": `Delete session ${session.short} …`, onclick: () => this.askDelete({ session: session.id }, `session ${session.short}`) }, "delete …");
  }

  async askDelete(where, name) {
    try {
      const plan = await this.source.act({ act: "delete", ...where, really: false });
      const work = async () => {
        const done = await this.source.act({ act: "delete", ...where, really: true }).catch((error) => this.messages.fail(error));
        if (done) this.done(`Deleted: ${name}; ${done.freed} freed.`);
      };
      inquire(this.asked, `Delete ${name}? ${plural(plan.tasks, "task")} and ${plural(plan.runs, "run")} go, ${plan.freed} are freed. What was computed there runs again.`, [["Delete", work, "nbf-danger"]]);
    } catch (error) {
      this.messages.fail(error);
    }
  }

  async done(text) {
    this.pane.close();
    this.messages.note(text);
    await this.readSessions();
    const there = this.sessions.some((session) => session.id === this.where.session || session.runs.some((run) => run.run === this.where.run));
    if (there) this.refresh();
    else if (this.sessions.length) this.choose({ run: this.sessions[0].run });
  }

  // Tasks --------------------------------------------------------------------------------------------------------------

  async choose(where) {
    this.where = where;
    this.pane.element.hidden = true;
    this.pane.task = null;
    this.wanted = { ...this.wanted, statuses: new Set(), processes: "" };
    this.drawNav();
    this.showTasks();
    await this.reload();
  }

  showTasks() {
    this.drawAbout();
    this.tasks.hidden = false;
    this.comparison.element.hidden = true;
  }

  want(change) {
    Object.assign(this.wanted, change);
    return this.reload();
  }

  /** What is shown stays until the answer is there. */
  async reload() {
    const round = (this.round = (this.round ?? 0) + 1);
    const answer = await this.window(0, FIRST);
    if (!answer || round !== this.round) return;
    this.grid.clear();
    this.grid.take(answer);
  }

  async window(first, number) {
    const { wanted } = this;
    const question = {
      ask: "tasks", ...this.where, first, count: number, text: wanted.text, where: wanted.where, sort: wanted.sort,
      descending: wanted.descending, statuses: [...wanted.statuses], processes: wanted.processes ? [wanted.processes] : [],
    };
    try {
      const answer = await this.source.ask(question);
      this.takeCounts(answer);
      return answer;
    } catch (error) {
      this.summary.textContent = "";
      this.messages.fail(error);
      return null;
    }
  }

  takeCounts(answer) {
    this.live = answer.live;
    this.unread = answer.unread;
    this.version = answer.version;
    this.stamp.textContent = `${answer.live ? "live · " : ""}as of ${answer.now}`;
    this.stamp.classList.toggle("nbf-live", answer.live);
    const totals = {};
    for (const statuses of Object.values(answer.counts)) {
      for (const [name, number] of Object.entries(statuses)) totals[name] = (totals[name] ?? 0) + number;
    }
    this.drawChips(totals);
    this.drawProcesses(answer.counts);
    const all = answer.shown === answer.total ? plural(answer.total, "task") : `${count(answer.shown)} of ${plural(answer.total, "task")}`;
    this.summary.textContent = answer.unread ? `${all} · reading ${count(answer.unread)} …` : all;
    if (answer.unread) this.soon(200);
  }

  drawChips(totals) {
    const key = JSON.stringify([totals, [...this.wanted.statuses]]);
    if (key === this.drawn) return;
    this.drawn = key;
    const focused = this.chips.contains(document.activeElement) ? document.activeElement.dataset.name : null;
    const names = [...ORDER, ...Object.keys(totals)].filter((name, at, all) => STATUSES[name] && totals[name] && all.indexOf(name) === at);
    fill(this.chips, names.map((name) => {
      const pressed = this.wanted.statuses.has(name);
      const [icon, kind] = STATUSES[name];
      return h(
        `button.nbf-chip.nbf-${kind}`, { type: "button", "data-name": name, "aria-pressed": String(pressed), onclick: () => this.toggle(name) },
        h("span.nbf-icon", { "aria-hidden": "true" }, icon), h("b", {}, count(totals[name])), ` ${name.toLowerCase()}`,
      );
    }));
    if (focused) this.chips.querySelector(`[data-name="${focused}"]`)?.focus();
  }

  toggle(name) {
    const { statuses } = this.wanted;
    if (!statuses.delete(name)) statuses.add(name);
    this.want({ statuses });
  }

  drawProcesses(counts) {
    const names = Object.keys(counts);
    const key = names.map((name) => `${name} ${Object.values(counts[name]).reduce((a, b) => a + b, 0)}`).join("\n");
    if (key === this.processes) return;
    this.processes = key;
    const option = (value, text) => h("option", { value }, text);
    const total = (name) => count(Object.values(counts[name]).reduce((a, b) => a + b, 0));
    fill(this.process, option("", `all ${plural(names.length, "process", "processes")}`), names.map((name) => option(name, `${name} (${total(name)})`)));
    this.process.value = names.includes(this.wanted.processes) ? this.wanted.processes : "";
  }

  typed() {
    const text = this.filter.value;
    if (text === (this.isExpert ? this.wanted.where : this.wanted.text)) return null;
    this.messages.clear();
    return this.want(this.isExpert ? { where: text, text: "" } : { text, where: "" });
  }

  toggleExpert() {
    this.isExpert = !this.isExpert;
    this.expert.setAttribute("aria-pressed", String(this.isExpert));
    this.filter.placeholder = this.isExpert ? "status == 'FAILED' and realtime > 60_000" : "Filter by name or hash  ( / )";
    this.filter.setAttribute("aria-label", this.isExpert ? "Filter tasks by an expression" : "Filter tasks by name or hash");
    this.filter.classList.toggle("nbf-mono", this.isExpert);
    this.filter.value = "";
    this.filter.focus();
    this.messages.clear();
    if (this.wanted.text || this.wanted.where) this.want({ text: "", where: "" });
  }

  /** From the filter to the tasks, once they are those that were typed for. */
  async toGrid() {
    await this.typed();
    this.grid.element.focus();
  }

  filterKey(event) {
    if (event.key === "Escape" && this.filter.value) {
      this.filter.value = "";
      this.typed();
    } else if (["ArrowDown", "Enter", "Escape"].includes(event.key)) this.toGrid();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  key(event) {
    if (event.key !== "/" || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    this.filter.focus();
    event.preventDefault();
  }

  // One task -----------------------------------------------------------------------------------------------------------

  async open(id, name = "the task") {
    const where = this.where;
    this.opened = id;
    this.pane.wait(name);
    try {
      const task = await this.source.ask({ ask: "task", ...where, id });
      if (this.opened === id) this.pane.show(task, where);
    } catch (error) {
      if (this.opened === id) this.pane.element.hidden = true;
      this.messages.fail(error);
    }
  }

  /** Open a task that may be of another run. */
  async follow(id, run) {
    this.showTasks();
    if (run && run !== this.where.run && !this.where.session) await this.choose({ run });
    await this.open(id);
  }

  // Going on -----------------------------------------------------------------------------------------------------------

  poll() {
    this.soon(this.live ? LIVE : QUIET);
  }

  soon(milliseconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), milliseconds);
  }

  async refresh() {
    if (!this.element.isConnected) return;
    if (document.visibilityState === "visible" && !this.messages.waiting) {
      const before = this.version;
      const { first, count: number } = this.grid.reach;
      const answer = await this.window(first, number);
      const moves = this.wanted.sort || this.wanted.text || this.wanted.statuses.size || this.wanted.where;
      if (answer && answer.version !== before) this.grid.renew(answer, moves);
      await this.readSessions().catch((error) => this.messages.fail(error));
      await this.followLog();
    }
    this.poll();
  }

  async followLog() {
    const { task } = this.pane;
    if (task?.status !== "RUNNING") return;
    const { logs } = await this.source.ask({ ask: "logs", ...this.pane.where, id: task.id });
    this.pane.follow(logs);
  }
}
