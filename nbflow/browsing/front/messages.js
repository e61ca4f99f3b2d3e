// The line that says what is wrong, what was done, and what is waited for; all questions to a source go through here.

import { fill, h, prose } from "./dom.js";

const PATIENCE = 1200;

export class Messages {
  constructor(source) {
    this.source = source;
    source.told = (text) => this.note(text);
    this.element = h("div.nbf-messages", { "aria-live": "polite" });
    this.notice = h("span.nbf-busy", { role: "status", hidden: true });
    this.waiting = 0;
  }

  ask(question) {
    return this.patiently(this.source.ask(question));
  }

  act(deed) {
    return this.patiently(this.source.act(deed));
  }

  async patiently(answer) {
    this.waiting += 1;
    const timer = setInterval(() => this.busy(), PATIENCE);
    try {
      return await answer;
    } finally {
      clearInterval(timer);
      this.waiting -= 1;
      if (!this.waiting) this.notice.hidden = true;
    }
  }

  busy() {
    this.notice.textContent = this.source.queued() ? "Queued until the running cell ends." : "Working …";
    this.notice.hidden = false;
  }

  fail(error) {
    const trace = error.trace ? h("details", {}, h("summary", {}, "Details"), h("pre.nbf-log", { tabindex: 0 }, error.trace)) : null;
    this.say("p.nbf-alert", "alert", error.message, trace);
  }

  note(text) {
    this.say("p.nbf-note", "status", text);
  }

  say(kind, role, text, more = null) {
    const close = h("button.nbf-quiet", { type: "button", "aria-label": "Dismiss", onclick: () => this.clear() }, "✕");
    this.clear();
    this.element.append(h("div.nbf-message", {}, h(kind, { role }, prose(text)), close, more));
  }

  get any() {
    return this.element.childElementCount > 0;
  }

  clear() {
    for (const message of this.element.querySelectorAll(".nbf-message")) message.remove();
  }
}
