// The page: the sessions of all launch directories below the server's root, or what one directory's cache holds. Which of
// the two its address says, so that it can be kept, reloaded and gone back to.

import { Browser } from "./browser.js";
import { fill, h } from "./dom.js";
import { Messages } from "./messages.js";
import { Overview } from "./overview.js";
import { fetchSource } from "./sources.js";
import { followTheme } from "./theme.js";

const main = document.querySelector("main");
const source = fetchSource("ask", { "X-XSRFToken": document.body.dataset.xsrf });

/** What the address asks for: a directory, null for all of them, and a run of it. */
function wanted() {
  const given = new URLSearchParams(location.search);
  return { directory: given.has("path") ? given.get("path").replace(/\/+$/, "") : null, run: given.get("run") ?? "" };
}

function go(directory, run = "") {
  history.pushState(null, "", address(directory, run));
  show();
}

function address(directory, run) {
  const given = new URLSearchParams(location.search);
  for (const name of ["path", "run", "token"]) given.delete(name);
  if (directory !== null) given.set("path", directory);
  if (run) given.set("run", run);
  return `${location.pathname}${given.size ? `?${given}` : ""}`;
}

async function show() {
  const { directory, run } = wanted();
  try {
    if (directory === null || !(await isLaunchDirectory(directory))) showAll(directory ?? "");
    else await showOne(directory, run);
  } catch (error) {
    const messages = new Messages(source);
    messages.fail(error);
    fill(main, crumbs(directory), h("section.nbf", { "aria-label": "nbflow cache browser" }, messages.element));
  }
}

async function isLaunchDirectory(directory) {
  const { directories } = await source.ask({ ask: "directories", directory });
  return directories.includes(directory);
}

function showAll(under) {
  const overview = new Overview(source, { under, onOpen: go });
  document.title = "nbflow cache browser";
  fill(main, under ? crumbs(under) : null, overview.element);
  overview.start();
}

async function showOne(directory, run) {
  const ask = (question) => source.ask({ ...question, directory });
  const { launch_dir: launchDir } = await ask({ ask: "sessions" });
  const browser = new Browser({ ...source, ask, openable: opener(directory, launchDir) }, { run });
  document.title = `${directory.split("/").pop() || "/"} · nbflow cache browser`;
  fill(main, crumbs(directory), browser.element);
}

/** Where Jupyter shows a directory of a launch directory; null where it does not. */
function opener(directory, launchDir) {
  const { files } = document.body.dataset;
  return (path) => {
    if (!files || !path.startsWith(`${launchDir}/`)) return null;
    const names = [...directory.split("/"), ...path.slice(launchDir.length + 1).split("/")].filter(Boolean);
    return `../${files}/${names.map(encodeURIComponent).join("/")}`;
  };
}

function crumbs(directory) {
  return h(
    "nav.nbf.nbf-crumbs", { "aria-label": "Where this is" },
    h("button.nbf-link", { type: "button", onclick: () => go(null) }, "All sessions"),
    h("span.nbf-faint", {}, ` / ${directory ?? ""}`),
  );
}

history.replaceState(null, "", address(wanted().directory, wanted().run)); // a token in the address stays in no history
addEventListener("popstate", show);
addEventListener("load", followTheme);
show();
