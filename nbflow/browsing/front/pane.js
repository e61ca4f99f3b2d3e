// One task: why it ran or was reused, its script, inputs, outputs, log and resources, and what can be done with it.

import { copy, fill, h, plural, prose, status } from "./dom.js";
import { inquire } from "./asking.js";

const TABS = ["Why", "Script", "Inputs", "Outputs", "Log", "Resources"];
let panes = 0;

export class Pane {
  constructor({ source, onClose, onOpen, onDone, onError }) {
    Object.assign(this, { source, onClose, onOpen, onDone, onError });
    this.name = `nbf-pane-${(panes += 1)}`;
    this.tab = "Why";
    this.element = h("section.nbf-pane", { "aria-label": "Task", hidden: true, tabindex: -1 });
    this.element.addEventListener("keydown", (event) => event.key === "Escape" && this.close(event));
  }

  close(event) {
    event?.stopPropagation();
    this.element.hidden = true;
    this.task = null;
    this.onClose();
  }

  /** What is shown of another task stays until this one is read, and does nothing. */
  wait(name) {
    this.element.inert = true;
    if (!this.element.hidden && this.task) return;
    this.element.hidden = false;
    fill(this.element, h("p.nbf-faint", { role: "status" }, `Reading ${name} …`));
  }

  show(task, where) {
    Object.assign(this, { task, where });
    this.element.hidden = false;
    this.element.inert = false;
    this.element.setAttribute("aria-label", `Task ${task.name}`);
    this.body = h("div.nbf-tabpanel", { role: "tabpanel", id: `${this.name}-panel`, tabindex: 0 });
    this.said = h("div.nbf-said");
    fill(this.element, this.heading(), this.actions(), this.said, this.tabs(), this.body);
    this.choose(this.tab);
  }

  heading() {
    const { task } = this;
    const by = task.executed_by && task.executed_by !== task.run ? ` · executed by ${task.executed_by}` : "";
    return h(
      "header.nbf-pane-head",
      {},
      h("h3", {}, task.name),
      status(task.status),
      h("code.nbf-hash", {}, task.hash),
      h("span.nbf-faint", {}, `${task.run}${by}`),
      h("button.nbf-quiet.nbf-close", { type: "button", "aria-label": "Close the task", onclick: () => this.close() }, "✕"),
    );
  }

  // What can be done ---------------------------------------------------------------------------------------------------

  actions() {
    const { task, source } = this;
    const made = [];
    const can = (name) => source.acts.has(name);
    const done = ["COMPLETED", "CACHED"].includes(task.status);
    if (can("load") && done && task.outputs.length) made.push(this.button("Load outputs", () => this.load(), "nbf-main"));
    if (done && task.code) made.push(this.inserting("Insert code", task.code), this.copying("Copy code", task.code));
    if (can("rerun") && task.process !== "-") made.push(this.button("Run again …", (button) => this.rerun(button)));
    made.push(this.copying("Copy path", task.work_dir));
    if (source.openable) made.push(this.opening());
    if (can("delete_task")) made.push(this.button("Delete …", () => this.remove(), "nbf-danger"));
    return h("div.nbf-actions", { role: "toolbar", "aria-label": "What to do with this task" }, made);
  }

  button(text, work, kind = "") {
    const button = h(`button.nbf-button${kind ? `.${kind}` : ""}`, { type: "button" }, text);
    button.addEventListener("click", () => work(button));
    return button;
  }

  copying(text, what) {
    return h("button.nbf-button", { type: "button", title: what, onclick: (event) => copy(what, event.currentTarget) }, text);
  }

  inserting(text, code) {
    return this.source.insertable?.() ? this.button(text, () => this.insert(code)) : null;
  }

  insert(code) {
    const done = this.source.insert(code);
    this.tell(done ? "The code stands in a new cell below this one." : "The notebook takes no cell; copy the code instead.");
  }

  opening() {
    const url = this.source.openable(this.task.work_dir);
    if (!url) return null;
    return h("a.nbf-button", { href: url, target: "_blank", rel: "noopener" }, "Open directory");
  }

  async act(deed) {
    try {
      return await this.source.act({ ...deed, ...this.where, id: this.task.id });
    } catch (error) {
      this.onError(error);
      return null;
    }
  }

  async load(replace = false) {
    const answer = await this.act({ act: "load", replace });
    if (!answer) return;
    if (answer.taken?.length) {
      const names = answer.taken.map((name) => `\`${name}\``).join(", ");
      inquire(this.said, `${names} ${answer.taken.length > 1 ? "are" : "is"} bound in the notebook.`, [
        ["Replace", () => this.load(true), "nbf-danger"],
      ]);
      return;
    }
    this.tell(`Bound in the notebook: ${answer.bound.map((name) => `\`${name}\``).join(", ")}`);
  }

  async rerun() {
    const answer = await this.act({ act: "rerun" });
    if (!answer) return;
    const inserts = this.source.insertable?.();
    const ways = [["Copy", (button) => copy(answer.code, button), inserts ? "" : "nbf-main", true]];
    if (inserts) ways.unshift(["Insert cell", () => this.insert(answer.code), "nbf-main"]);
    const gaps = answer.code.includes("=...") ? ", with values in the place of `...`, which cannot be written down" : "";
    inquire(this.said, `A widget cannot run cells. Run this one${gaps}:`, ways, answer.code);
  }

  async remove() {
    const answer = await this.act({ act: "delete_task", really: false });
    if (!answer) return;
    inquire(this.said, `Delete this task from the cache? It frees ${answer.freed}; it runs again when it is next needed.`, [
      ["Delete", async () => (await this.act({ act: "delete_task", really: true })) && this.onDone("The task was deleted."), "nbf-danger"],
    ]);
  }

  tell(text) {
    fill(this.said, h("p.nbf-note", { role: "status" }, prose(text)));
  }

  // Tabs -----------------------------------------------------------------------------------------------------------------

  tabs() {
    const { task } = this;
    const numbers = { Inputs: task.inputs.length, Outputs: task.outputs.length };
    this.buttons = TABS.map((name) =>
      h(
        "button.nbf-tab",
        {
          type: "button", role: "tab", id: `${this.name}-${name}`, "aria-controls": `${this.name}-panel`,
          onclick: () => this.choose(name), onkeydown: (event) => this.key(event, name),
        },
        name,
        numbers[name] ? h("span.nbf-number", {}, String(numbers[name])) : null,
      ),
    );
    return h("div.nbf-tabs", { role: "tablist", "aria-label": "About this task" }, this.buttons);
  }

  key(event, name) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = (TABS.indexOf(name) + step + TABS.length) % TABS.length;
    this.choose(TABS[at]);
    this.buttons[at].focus();
    event.preventDefault();
  }

  choose(name) {
    this.tab = name;
    this.buttons.forEach((button, at) => {
      const chosen = TABS[at] === name;
      button.setAttribute("aria-selected", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
    });
    this.body.setAttribute("aria-labelledby", `${this.name}-${name}`);
    fill(this.body, this[`show${name}`](this.task));
  }

  showWhy(task) {
    const { before } = task;
    const link = before ? this.link(before.id, `${before.name} of ${before.run}`, before.run) : null;
    const compared = task.parts.some((part) => part.state);
    return [
      h("p.nbf-why", {}, prose(task.why || "why it ran is not recorded")),
      task.changes.length ? h("ul.nbf-changes", {}, task.changes.map((text) => h("li", {}, prose(text)))) : null,
      link ? h("p.nbf-faint", {}, "compared with ", link) : null,
      task.parts.length ? parts(task.parts, compared) : null,
    ];
  }

  showScript(task) {
    const code = task.source.map(([kind, text]) => (kind ? h(`span.nbf-t-${kind}`, {}, text) : text));
    return [
      h("pre.nbf-code", { tabindex: 0, "aria-label": `Script, ${task.language}` }, h("code", {}, code)),
      h("p.nbf-faint", {}, `${task.language} · by hand: `, h("code", {}, `cd ${task.work_dir} && bash .command.run`)),
    ];
  }

  showInputs(task) {
    if (!task.inputs.length) return h("p.nbf-faint", {}, "It has no inputs, and reads no globals.");
    const rows = task.inputs.map((input) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, h("code", {}, input.name)),
        h("td.nbf-faint", {}, input.kind),
        h("td", {}, h("code.nbf-wrap", {}, input.value), input.files.map((file) => h("div.nbf-faint", {}, file))),
        h("td", {}, input.maker ? [`${input.maker.how} `, this.link(input.maker.hash, input.maker.name, input.maker.run)] : ""),
      ),
    );
    return table(["Name", "Kind", "Value", "Comes from"], rows, "Inputs");
  }

  link(id, text, run) {
    return h("button.nbf-link", { type: "button", onclick: () => this.onOpen(id, run) }, text);
  }

  showOutputs(task) {
    if (!task.outputs.length) {
      const none = task.status === "RUNNING" || task.status === "SUBMITTED" ? "It has not ended." : "It has no outputs.";
      return h("p.nbf-faint", {}, none);
    }
    const left = task.left_out.length ? h("p.nbf-faint", {}, `Not kept: ${task.left_out.join("; ")}`) : null;
    return [...task.outputs.map((output, at) => this.output(output, at === 0)), left];
  }

  output(output, open) {
    const place = h("div.nbf-preview", {}, h("p.nbf-faint", {}, "Reading …"));
    const about = [output.kind, output.size, output.declared].filter(Boolean).join(" · ");
    const details = h("details.nbf-output", {}, h("summary", {}, h("code", {}, output.name), h("span.nbf-faint", {}, ` ${about}`)), place);
    details.addEventListener("toggle", () => details.open && !details.seen && this.preview(details, output, place));
    details.open = open;
    return details;
  }

  async preview(details, output, place, path = "") {
    details.seen = true;
    try {
      const { preview } = await this.source.ask({ ask: "preview", ...this.where, id: this.task.id, output: output.name, path });
      fill(place, seen(preview), output.files.length > 1 ? this.files(details, output, place) : null);
    } catch (error) {
      fill(place, h("p.nbf-bad", { role: "alert" }, error.message));
    }
  }

  files(details, output, place) {
    const buttons = output.files.map(([name]) =>
      h("button.nbf-link", { type: "button", onclick: () => this.preview(details, output, place, name) }, name),
    );
    return h("p.nbf-files", {}, "Files: ", buttons, output.more ? ` and ${output.more} more` : "");
  }

  showLog(task) {
    const shown = Object.entries(task.logs).filter(([, log]) => log.size);
    const displays = task.displays.length ? [h("h4", {}, "displayed"), ...task.displays.map(seen)] : [];
    if (!shown.length && !displays.length) return h("p.nbf-faint", {}, "It printed nothing.");
    const cut = (log) => (log.cut ? `the last ${plural(log.text.length, "character")} of ${plural(log.size, "byte")} · ` : "");
    return shown.map(([name, log]) => [
      h("h4", {}, name, h("span.nbf-faint", {}, ` ${cut(log)}`), this.copying("Copy path", log.path)),
      h(`pre.nbf-log${name === "stderr" ? ".nbf-err" : ""}`, { tabindex: 0, "aria-label": name }, log.text),
    ]).flat().concat(displays.flat());
  }

  showResources(task) {
    const pairs = task.resources.map(([name, text]) => h("div.nbf-fact", {}, h("dt", {}, name), h("dd", {}, text)));
    const there = task.is_there ? "" : " (it is gone: the task runs again when it is next needed)";
    return [
      h("dl.nbf-facts", {}, pairs),
      h("p", {}, h("span.nbf-faint", {}, "work directory "), h("code.nbf-wrap", {}, task.work_dir), h("span.nbf-warn", {}, there)),
    ];
  }

  /** What a running task prints, as it goes. */
  follow(logs) {
    if (!this.task || this.tab !== "Log") return;
    this.task.logs = logs;
    fill(this.body, this.showLog(this.task));
    for (const log of this.body.querySelectorAll("pre")) log.scrollTop = log.scrollHeight;
  }
}

const SIGNS = { same: "", changed: "changed", new: "new", gone: "gone" };

function parts(all, compared) {
  const rows = all.map((part) =>
    h(
      `tr${part.state && part.state !== "same" ? ".nbf-changed" : ""}`,
      {},
      h("td", {}, part.kind),
      h("th", { scope: "row" }, part.name ? h("code", {}, part.name) : ""),
      compared ? h("td", {}, SIGNS[part.state] ? h("strong", {}, SIGNS[part.state]) : h("span.nbf-faint", {}, "same")) : null,
      h("td", {}, part.before ? [h("del", {}, part.before), " → "] : null, h("span.nbf-wrap", {}, part.now)),
      h("td", {}, h("code.nbf-faint", { title: part.digest }, part.digest.slice(0, 8))),
    ),
  );
  const heads = ["Part", "Name", ...(compared ? ["Against then"] : []), "Value", "Digest"];
  return h("details.nbf-parts", { open: compared }, h("summary", {}, `The ${plural(all.length, "part")} of its hash`), table(heads, rows, "Parts of the task hash"));
}

function table(heads, rows, caption) {
  const head = h("thead", {}, h("tr", {}, heads.map((text) => (text ? h("th", { scope: "col" }, text) : h("td")))));
  return h("div.nbf-scroll", { tabindex: 0, role: "region", "aria-label": caption }, h("table.nbf-table", {}, head, h("tbody", {}, rows)));
}

/** A preview: nothing in it runs. */
function seen(preview) {
  const note = preview.note ? h("p.nbf-faint", {}, preview.note) : "";
  if (preview.kind === "image") {
    return [note, h("img.nbf-image", { src: `data:${preview.mime};base64,${preview.data}`, alt: preview.note || "displayed by the task" })];
  }
  if (preview.kind === "html") {
    return [note, h("iframe.nbf-html", { sandbox: "", srcdoc: preview.html, title: preview.note || "displayed by the task" })];
  }
  if (preview.kind === "table") {
    const rows = preview.rows.map((row) => h("tr", {}, row.map((text) => h("td", {}, text))));
    return [note, table(preview.columns, rows, preview.note)];
  }
  return [note, preview.text ? h("pre.nbf-log", { tabindex: 0, "aria-label": preview.note || "displayed by the task" }, preview.text) : null];
}
