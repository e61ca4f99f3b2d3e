// A widget's entry: shows the screen that its model names. Alone knows the notebook around it: where Jupyter shows a
// directory, and that nbflow's labextension, where it is, takes code for a new cell.

import { Browser } from "./browser.js";
import { Picker } from "./picker.js";
import { commSource } from "./sources.js";

/** Where Jupyter shows a directory, told by the address of the notebook; null where that cannot be known. */
function opener(launchDir) {
  const found = location.pathname.match(/^(.*?)\/(?:doc|lab(?:\/workspaces\/[^/]+)?|notebooks)\/(?:tree\/)?(.*)$/);
  return (directory) => {
    if (!found || !directory.startsWith(`${launchDir}/`)) return null;
    const where = location.pathname.includes("/notebooks/") ? "tree" : "lab/tree";
    const folder = found[2].split("/").slice(0, -1).join("/");
    return `${found[1]}/${where}/${folder ? `${folder}/` : ""}${directory.slice(launchDir.length + 1)}`;
  };
}

/** Ask the labextension by an event; whether it is here, and took it. */
function taken(el, name, detail) {
  return !el.dispatchEvent(new CustomEvent(`nbflow:${name}`, { bubbles: true, cancelable: true, detail }));
}

export default {
  render({ model, el }) {
    const source = Object.assign(commSource(model), {
      openable: opener(model.get("launch_dir")),
      insertable: () => taken(el, "can-insert-cell"),
      insert: (code) => taken(el, "insert-cell", { code }),
    });
    const Screen = { browser: Browser, picker: Picker }[model.get("screen")];
    const screen = new Screen(source, model.get("options"));
    el.append(screen.element);
    return () => screen.element.remove();
  },
};
