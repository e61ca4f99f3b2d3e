// A widget's entry: shows the screen that its model names.

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

export default {
  render({ model, el }) {
    const source = { ...commSource(model), openable: opener(model.get("launch_dir")) };
    const Screen = { browser: Browser, picker: Picker }[model.get("screen")];
    const screen = new Screen(source, model.get("options"));
    el.append(screen.element);
    return () => screen.element.remove();
  },
};
