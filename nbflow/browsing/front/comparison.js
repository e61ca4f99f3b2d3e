// Two runs side by side: what differs.

import { count, fill, h, plural, prose, status } from "./dom.js";

export class Comparison {
  constructor(source, onClose, onOpen) {
    Object.assign(this, { source, onClose, onOpen });
    this.element = h("section.nbf-comparison", { "aria-label": "Two runs compared", hidden: true });
  }

  async show(one, other) {
    this.element.hidden = false;
    fill(this.element, h("p.nbf-faint", { role: "status" }, `Comparing ${one} and ${other} …`));
    const answer = await this.source.ask({ ask: "compare", one, other, count: 200 });
    fill(this.element, this.heading(answer), this.table(answer));
  }

  heading(answer) {
    const close = h("button.nbf-quiet.nbf-close", { type: "button", "aria-label": "Close the comparison", onclick: this.onClose }, "✕");
    const same = `${plural(answer.same, "task")} the same`;
    const differ = `${count(answer.differ)} differ${answer.differ === 1 ? "s" : ""}`;
    const left = answer.left ? ` · ${count(answer.compared)} compared part by part` : "";
    return h("header.nbf-pane-head", {}, h("h3", {}, `${answer.one} ↔ ${answer.other}`), h("span.nbf-faint", {}, `${same} · ${differ}${left}`), close);
  }

  table(answer) {
    if (!answer.rows.length) return h("p.nbf-faint", {}, "Nothing differs.");
    const rows = answer.rows.map((row) =>
      h(
        "tr", {},
        h("th", { scope: "row" }, row.name),
        h("td", {}, this.side(row.one, answer.one)),
        h("td", {}, this.side(row.other, answer.other)),
        h("td", {}, this.difference(row)),
      ),
    );
    const heads = ["Task", answer.one, answer.other, "Difference"].map((text) => h("th", { scope: "col" }, text));
    const more = answer.compared > answer.rows.length ? h("p.nbf-faint", {}, `the first ${answer.rows.length} of ${answer.compared}; all: nbflow diff ${answer.one} ${answer.other}`) : null;
    return h("div.nbf-scroll.nbf-tall", { tabindex: 0 }, h("table.nbf-table", {}, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows)), more);
  }

  side(task, run) {
    if (!task) return h("span.nbf-faint", {}, "–");
    return [status(task.status), " ", h("button.nbf-link", { type: "button", onclick: () => this.onOpen(task.id, run) }, task.hash), h("span.nbf-faint", {}, ` ${task.realtime}`)];
  }

  difference(row) {
    const made = row.parts.map((text) => h("div", {}, prose(text)));
    if (row.outputs?.length) made.push(h("div", {}, `other output: ${row.outputs.join(", ")}`));
    else if (row.outputs && row.parts.length) made.push(h("div.nbf-faint", {}, "the same outputs"));
    if (!made.length) made.push(h("span.nbf-faint", {}, row.one && row.other ? row.word : row.one ? "only in the first" : "only in the second"));
    return made;
  }
}
