// Elements, words and numbers: what every screen uses. Text goes in as text nodes only, so nothing of a task is ever markup.

const FOCUSED = new Set(["A", "BUTTON", "INPUT", "SELECT", "SUMMARY", "IFRAME"]);

/**
 * Make an element: `h("button.nbf-quiet", {onclick: go, "aria-label": "Close"}, "×")`. Jupyter's own shortcuts (`a`, `dd`, the
 * arrows) do nothing while it has the focus: they look at the very element that has it, and not at those around it.
 */
export function h(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag);
  element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "style") element.style.cssText = value; // as an attribute, a page's security policy may forbid it
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  if (FOCUSED.has(element.tagName) || "tabindex" in attributes) element.setAttribute("data-lm-suppress-shortcuts", "true");
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

/** Put children in the place of those that are there. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child != null && child !== false));
}

export const count = (number) => (number == null ? "–" : number.toLocaleString("en"));
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** Icons of statuses; each stands beside its word, and says nothing by its colour alone. */
export const STATUSES = {
  COMPLETED: ["✔", "ok"], OK: ["✔", "ok"], CACHED: ["↺", "cached"], FAILED: ["✖", "bad"], ERR: ["✖", "bad"],
  ABORTED: ["■", "warn"], INTERRUPTED: ["■", "warn"], RUNNING: ["▶", "live"], SUBMITTED: ["…", "wait"],
  DELETED: ["∅", "wait"],
};
const WORDS = { OK: "ok", ERR: "failed" };

export function status(name, word = name) {
  if (!name) return h("span.nbf-status", {}, "…");
  const [icon, kind] = STATUSES[name] ?? ["•", "wait"];
  const shown = WORDS[word] ?? word.toLowerCase();
  return h(`span.nbf-status.nbf-${kind}`, {}, h("span.nbf-icon", { "aria-hidden": "true" }, icon), ` ${shown}`);
}

/** What stands between backticks is code. */
export function prose(text) {
  return text.split("`").map((piece, at) => (at % 2 ? h("code", {}, piece) : piece));
}

/** The time of a moment of today, the date of another one. */
export function moment(text) {
  const today = new Date().toLocaleDateString("sv");
  return text.startsWith(today) ? `today ${text.slice(11, 16)}` : text.slice(0, 16);
}

export async function copy(text, button) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { style: "position: fixed; opacity: 0" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = before), 1500);
}

export const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

export function later(work, pause) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...given), pause);
  };
}
