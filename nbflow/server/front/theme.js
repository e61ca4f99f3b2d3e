// Colours: those of the JupyterLab that shows the page, as they change; else the theme that the page's address names.

const MARKS = ["data-jp-theme-name", "data-jp-theme-light"];

export function followTheme() {
  const outer = outerBody();
  if (outer) {
    const take = () => takeColours(outer);
    new MutationObserver(take).observe(outer, { attributes: true, attributeFilter: MARKS });
    take();
    return;
  }
  const theme = new URLSearchParams(location.search).get("theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
}

/** The body of the JupyterLab that shows the page; null where another page, or none, does. */
function outerBody() {
  try {
    const { body } = window.parent.document;
    return window.parent !== window && body.hasAttribute(MARKS[1]) ? body : null;
  } catch {
    return null; // of another origin
  }
}

function takeColours(outer) {
  const root = document.documentElement;
  const shown = getComputedStyle(outer);
  for (const name of names()) root.style.setProperty(name, shown.getPropertyValue(name));
  root.dataset.theme = outer.getAttribute(MARKS[1]) === "false" ? "dark" : "light";
}

/** The variables of JupyterLab that the style sheets use. */
function names() {
  const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]);
  return new Set(rules.flatMap((rule) => rule.cssText.match(/--jp-[\w-]+/g) ?? []));
}
