/* Relaunching from a failed cell in the open notebook: the button in the failed cell's output, the command, and what the
 * kernel asks for by `%nbflow relaunch`. Alone knows how cells of a notebook are run; what can be reused is decided in the
 * kernel. */

const MIME = 'application/vnd.nbflow.relaunch+json';
const COMMAND = 'nbflow:relaunch';
const TARGET = 'nbflow.relaunch';
/** Before the widgets' -10: `%nbflow relaunch` shows a widget only where this extension is not. */
const RANK = -100;
const SESSION = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export async function plugin(shared) {
  const [notebooks, apputils, rendermime, lumino] = await Promise.all(
    ['@jupyterlab/notebook', '@jupyterlab/apputils', '@jupyterlab/rendermime', '@lumino/widgets'].map(shared)
  );

  function activate(app, tracker, registry, palette) {
    const relauncher = new Relauncher(notebooks.NotebookActions, apputils.showErrorMessage);
    app.commands.addCommand(COMMAND, {
      label: 'nbflow: Relaunch from Failed Cell',
      caption: 'Resume the session, and run the notebook again from the cell that failed',
      isEnabled: () => tracker.currentWidget !== null,
      execute: args => relauncher.relaunch(panelOf(tracker, args.node), args)
    });
    if (palette) palette.addItem({ command: COMMAND, category: 'Notebook Operations' });
    const press = (node, offer) => app.commands.execute(COMMAND, { node, offer });
    const createRenderer = () => drawn(lumino.Widget, press);
    registry.addFactory({ safe: true, mimeTypes: [MIME], createRenderer, defaultRank: RANK }, RANK);
    tracker.widgetAdded.connect((_, panel) => listen(panel, relauncher));
    tracker.forEach(panel => listen(panel, relauncher));
  }

  return {
    id: 'nbflow:relaunch',
    description: 'Relaunches a notebook from the cell that failed.',
    autoStart: true,
    requires: [notebooks.INotebookTracker, rendermime.IRenderMimeRegistry],
    optional: [apputils.ICommandPalette],
    activate
  };
}

/** The notebook that an output lies in; without one, the current notebook. */
function panelOf(tracker, node) {
  return (node && tracker.find(panel => panel.content.node.contains(node))) || tracker.currentWidget;
}

/** Let the kernel of a notebook ask for a relaunch. */
function listen(panel, relauncher) {
  const register = () => {
    const kernel = panel.sessionContext.session && panel.sessionContext.session.kernel;
    if (!kernel) return;
    kernel.registerCommTarget(TARGET, (comm, message) => answer(panel, relauncher, comm, message.content.data));
  };
  panel.sessionContext.kernelChanged.connect(register);
  register();
}

/** The kernel offers a relaunch: at once, or, where it asks first, once it knows that somebody is here. */
function answer(panel, relauncher, comm, offer) {
  const go = () => {
    comm.close();
    // Another notebook may share the kernel.
    if (!offer.cell || at(panel, child => child.model.id === offer.cell)) relauncher.relaunch(panel, { offer });
  };
  if (!offer.ask) return go();
  comm.onMsg = message => message.content.data.go && go();
  comm.send({ here: true });
}

class Relauncher {
  constructor(actions, showErrorMessage) {
    this._actions = actions;
    this._showErrorMessage = showErrorMessage;
  }

  /** Run a notebook again: in the kernel that failed from the failed cell down, in another one from the top. */
  async relaunch(panel, { offer, node }) {
    if (!panel) return;
    const found = node ? at(panel, child => child.node.contains(node)) : lastFailed(panel);
    offer = offer || (found && found.offer);
    if (!offer) return this._showErrorMessage('Nothing to relaunch', 'No cell of this notebook shows a task that failed.');
    const cell = node ? found : at(panel, child => child.model.id === offer.cell) || found;
    try {
      const kernel = await kernelOf(panel.sessionContext);
      const goesOn = cell && offer.kernel && (await identity(kernel)) === offer.kernel;
      if (!goesOn) await resume(kernel, offer.session);
      if (goesOn) {
        panel.content.deselectAll();
        panel.content.activeCellIndex = cell.index;
        await this._actions.runAllBelow(panel.content, panel.sessionContext);
      } else {
        await this._actions.runAll(panel.content, panel.sessionContext);
      }
    } catch (error) {
      await this._showErrorMessage('Cannot relaunch', error.message || String(error));
    }
  }
}

function at(panel, fits) {
  const index = panel.content.widgets.findIndex(fits);
  return index < 0 ? null : { index };
}

/** The last cell whose output offers a relaunch, with the offer. */
function lastFailed(panel) {
  const cells = panel.content.widgets;
  for (let index = cells.length - 1; index >= 0; index--) {
    const outputs = cells[index].model.outputs;
    for (let each = 0; outputs && each < outputs.length; each++) {
      const offer = outputs.get(each).data[MIME];
      if (offer && offer.kernel) return { index, offer };
    }
  }
  return null;
}

async function kernelOf(context) {
  await context.ready;
  if (!context.session || !context.session.kernel) await context.restartKernel(); // none runs: starts the one before
  const kernel = context.session && context.session.kernel;
  if (!kernel) throw new Error('The notebook has no kernel: choose one, and run its cells.');
  return kernel;
}

/** Which process a kernel is: its front end's id stays the same when it is restarted. */
async function identity(kernel) {
  const reply = await execute(kernel, '', { nbflow: "getattr(get_ipython().kernel, 'ident', '')" });
  const told = (reply.user_expressions || {}).nbflow;
  return told && told.status === 'ok' ? told.data['text/plain'].replace(/^'|'$/g, '') : '';
}

/** Continue the session of a run that failed in another kernel: what it completed is taken from its cache. */
async function resume(kernel, session) {
  if (!SESSION.test(session)) throw new Error(`This is no session: ${session}`);
  const shell = 'get_ipython()';
  const load = `__import__('nbflow').load_ipython_extension(${shell})`;
  const reply = await execute(kernel, `${load}\n${shell}.run_line_magic('resume', '${session}')`);
  if (reply.status === 'error') throw new Error(`${reply.ename}: ${reply.evalue}`);
}

async function execute(kernel, code, expressions) {
  const options = { silent: true, store_history: false, allow_stdin: false, user_expressions: expressions || {} };
  return (await kernel.requestExecute({ code, ...options }).done).content;
}

/** The button that stands in the output of a failed cell. */
function drawn(Widget, press) {
  const widget = new Widget({ node: document.createElement('div') });
  widget.addClass('jp-nbflow-relaunch');
  widget.node.setAttribute('role', 'note');
  Object.assign(widget.node.style, { padding: '4px 0', color: 'var(--jp-ui-font-color2)' });
  widget.renderModel = async model => {
    const offer = model.data[MIME];
    widget.node.replaceChildren();
    if (offer.kernel) widget.node.append(button(() => press(widget.node, offer)));
    widget.node.append(offer.kernel ? 'What completed is kept; this cell and those below run again.' : offer.text);
  };
  return widget;
}

function button(press) {
  const node = document.createElement('button');
  node.className = 'jp-mod-styled jp-mod-accept';
  node.style.marginRight = '8px';
  node.textContent = 'Relaunch from this cell';
  node.addEventListener('click', () => {
    node.disabled = true;
    press().finally(() => (node.disabled = false));
  });
  return node;
}
