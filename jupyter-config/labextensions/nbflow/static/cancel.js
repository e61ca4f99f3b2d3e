/* The button that ends the tasks of a running cell. It interrupts the kernel through the server, so it works while a cell runs,
 * with any kernel, also in a page that was loaded meanwhile. Alone knows which cells run: what is heard from the kernel says
 * so, for its status is "idle" whenever a widget was answered beside the cell. */

const MIME = 'application/vnd.nbflow.cancel+json';
/** Before the widgets' -10: in the same output is a widget for front ends without this extension. */
const RANK = -100;
const GONE = ['dead', 'restarting', 'autorestarting', 'terminating'];

export async function plugin(shared) {
  const [notebooks, consoles, rendermime, lumino] = await Promise.all(
    ['@jupyterlab/notebook', '@jupyterlab/console', '@jupyterlab/rendermime', '@lumino/widgets'].map(shared)
  );

  function activate(_, notebookTracker, registry, consoleTracker) {
    const running = new Running();
    for (const tracker of [notebookTracker, consoleTracker].filter(Boolean)) {
      tracker.widgetAdded.connect((_, panel) => running.listen(panel.sessionContext));
      tracker.forEach(panel => running.listen(panel.sessionContext));
    }
    const createRenderer = () => drawn(lumino.Widget, running);
    registry.addFactory({ safe: true, mimeTypes: [MIME], createRenderer, defaultRank: RANK }, RANK);
  }

  return {
    id: 'nbflow:cancel',
    description: 'Cancels a running cell.',
    autoStart: true,
    requires: [notebooks.INotebookTracker, rendermime.IRenderMimeRegistry],
    optional: [consoles.IConsoleTracker],
    activate
  };
}

/** The requests that kernels work on, each with its kernel. */
class Running extends EventTarget {
  constructor() {
    super();
    this._kernels = new Map(); // of those that are over: null
  }

  kernelOf(request) {
    return this._kernels.get(request) || null;
  }

  listen(context) {
    const kernel = () => context.session && context.session.kernel;
    context.iopubMessage.connect((_, message) => {
      const { msg_id: request, msg_type: asked } = message.parent_header;
      if (asked !== 'execute_request' || this._kernels.get(request) === null) return;
      const over = message.header.msg_type === 'status' && message.content.execution_state === 'idle';
      this._set(request, over ? null : kernel());
    });
    context.statusChanged.connect((_, status) => GONE.includes(status) && this._forget(kernel()));
    context.kernelChanged.connect((_, { oldValue }) => this._forget(oldValue));
  }

  _forget(kernel) {
    for (const [request, its] of this._kernels) if (its && its === kernel) this._set(request, null);
  }

  _set(request, kernel) {
    if (this.kernelOf(request) === kernel) return;
    this._kernels.set(request, kernel);
    this.dispatchEvent(new Event(request));
  }
}

/** The button, while its cell runs; nothing before and after. */
function drawn(Widget, running) {
  const widget = new Widget({ node: document.createElement('div') });
  widget.addClass('jp-nbflow-cancel');
  widget.node.dataset.mimeType = MIME;
  let request = '';
  const look = () => {
    const kernel = running.kernelOf(request);
    if (Boolean(kernel) !== widget.node.hasChildNodes()) widget.node.replaceChildren(...(kernel ? button(kernel) : []));
  };
  widget.renderModel = async model => {
    running.removeEventListener(request, look);
    request = model.data[MIME].request;
    running.addEventListener(request, look);
    look();
  };
  widget.disposed.connect(() => running.removeEventListener(request, look));
  return widget;
}

/** The button, and beside it what goes wrong. */
function button(kernel) {
  const node = document.createElement('button');
  const [icon, word, wrong] = ['span', 'span', 'span'].map(name => document.createElement(name));
  icon.setAttribute('aria-hidden', 'true');
  icon.textContent = '■ ';
  wrong.setAttribute('role', 'status');
  Object.assign(wrong.style, { marginLeft: '8px', color: 'var(--jp-error-color1)' });
  node.className = 'jp-mod-styled';
  node.title = 'End the tasks of this cell, as an interrupt of the kernel does';
  node.append(icon, word);
  const say = (text, problem = '') => {
    node.disabled = text !== 'Cancel';
    word.textContent = text;
    wrong.textContent = problem;
  };
  node.addEventListener('click', () => {
    say('Cancelling …');
    kernel.interrupt().catch(error => say('Cancel', `Not cancelled: ${error.message || error}. Interrupt the kernel by its menu.`));
  });
  say('Cancel');
  return [node, wrong];
}
