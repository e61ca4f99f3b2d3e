// A question in place: what will happen, the buttons that do it, and Cancel. Nothing else is blocked meanwhile.

import { fill, h, prose } from "./dom.js";

/**
 * Ask. `buttons` are `[text, work, kind, stays]`; Escape and Cancel take the question away, a click too unless it `stays`.
 */
export function inquire(place, text, buttons, code = "") {
  const close = () => fill(place);
  const made = buttons.map(([name, work, kind, stays]) => {
    const button = h(`button.nbf-button.${kind}`, { type: "button" }, name);
    button.addEventListener("click", () => {
      if (!stays) close();
      work(button);
    });
    return button;
  });
  made.push(h("button.nbf-button", { type: "button", onclick: close }, "Cancel"));
  const asked = h(
    "div.nbf-asking",
    { role: "alertdialog", "aria-label": text, onkeydown: (event) => event.key === "Escape" && (close(), event.stopPropagation()) },
    h("p", {}, prose(text)),
    code ? h("pre.nbf-code", {}, h("code", {}, code)) : null,
    h("div.nbf-actions", {}, made),
  );
  fill(place, asked);
  made[0].focus();
}
