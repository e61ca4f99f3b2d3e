/* Opens the cache browser's page, which the server extension serves: in a tab of JupyterLab, in a browser tab of Notebook 7.
 * Alone knows launcher and palette; what the page shows, and its colours in JupyterLab, are the page's own affair. */

const COMMAND = 'nbflow:cache-browser';
/** It is a page of Jupyter's own server; what it opens is not held in its frame. */
const SANDBOX = ['allow-scripts', 'allow-same-origin', 'allow-popups', 'allow-popups-to-escape-sandbox'];
const LABEL = 'nbflow: cache browser';
const ICON = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24"><g class="jp-icon3" fill="#616161">
<path d="M4 5c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zm0 2.6C5.6 9 8.6 9.7 12 9.7s6.4-.7 8-2.1V12c0 1.7-3.6 3-8 3s-8-1.3-8-3z"/>
<path d="M4 14.6c1.6 1.4 4.6 2.1 8 2.1s6.4-.7 8-2.1V19c0 1.7-3.6 3-8 3s-8-1.3-8-3z"/></g></svg>`;

export async function plugin(shared) {
  const names = ['application', 'apputils', 'coreutils', 'launcher', 'ui-components'];
  const [application, apputils, coreutils, launcher, components] = await Promise.all(
    names.map(name => shared(`@jupyterlab/${name}`))
  );

  function activate(app, palette, launcherModel, restorer, themes, labShell) {
    const url = () => coreutils.URLExt.join(coreutils.PageConfig.getBaseUrl(), 'nbflow/');
    const icon = new components.LabIcon({ name: 'nbflow:cache', svgstr: ICON });
    const tracker = new apputils.WidgetTracker({ namespace: 'nbflow-cache' });
    app.commands.addCommand(COMMAND, {
      label: args => (args.isPalette ? LABEL : 'nbflow cache browser'),
      caption: 'Sessions, runs and tasks of all notebooks, before a kernel runs',
      icon,
      execute: () => (labShell ? tab(app, tracker, apputils, url(), icon) : window.open(coloured(url(), themes), '_blank', 'noopener'))
    });
    if (palette) palette.addItem({ command: COMMAND, category: 'nbflow', args: { isPalette: true } });
    if (launcherModel) launcherModel.add({ command: COMMAND, category: 'Other', rank: 1 });
    if (restorer && labShell) restorer.restore(tracker, { command: COMMAND, name: () => 'page' });
  }

  return {
    id: 'nbflow:cache-browser',
    description: 'Opens the cache browser.',
    autoStart: true,
    optional: [
      ...[apputils.ICommandPalette, launcher.ILauncher, application.ILayoutRestorer],
      ...[apputils.IThemeManager, application.ILabShell]
    ],
    activate
  };
}

/** The one tab of the page: opened, or shown again. */
function tab(app, tracker, apputils, url, icon) {
  let widget = tracker.find(() => true);
  if (!widget) {
    const content = new apputils.IFrame({ sandbox: SANDBOX });
    content.url = url;
    widget = new apputils.MainAreaWidget({ content });
    widget.id = 'nbflow-cache-browser';
    widget.title.label = 'nbflow cache';
    widget.title.icon = icon;
    widget.title.closable = true;
    app.shell.add(widget, 'main');
    tracker.add(widget);
  }
  app.shell.activateById(widget.id);
  return widget;
}

/** A page of its own cannot see which theme Notebook 7 has. */
function coloured(url, themes) {
  if (!themes || !themes.theme) return url;
  return `${url}?theme=${themes.isLight(themes.theme) ? 'light' : 'dark'}`;
}
