/* Puts code that a screen of nbflow's offers into a new cell below the screen's own. Alone knows how a notebook gets a cell;
 * the screen's element asks by events, and whoever prevents their default has taken them. */

const CAN = 'nbflow:can-insert-cell';
const INSERT = 'nbflow:insert-cell';

export async function plugin(shared) {
  const notebooks = await shared('@jupyterlab/notebook');

  function activate(_, tracker) {
    const take = (event, work) => {
      const place = placeOf(tracker, event.target);
      if (!place) return;
      event.preventDefault();
      work(place);
    };
    document.addEventListener(CAN, event => take(event, () => {}));
    document.addEventListener(INSERT, event => take(event, place => insert(place, String(event.detail.code))));
  }

  return {
    id: 'nbflow:insert',
    description: 'Inserts code as a cell.',
    autoStart: true,
    requires: [notebooks.INotebookTracker],
    activate
  };
}

/** The notebook that an element lies in, and its cell there; null where no cell can be put there. */
function placeOf(tracker, element) {
  const panel = tracker.find(panel => panel.content.node.contains(element));
  if (!panel || panel.content.model.readOnly) return null;
  const index = panel.content.widgets.findIndex(cell => cell.node.contains(element));
  return index < 0 ? null : { notebook: panel.content, index };
}

/** The new cell is the active one, and edited: Shift+Enter runs it. */
async function insert({ notebook, index }, source) {
  const metadata = { trusted: true }; // as of a cell that is typed
  notebook.model.sharedModel.insertCell(index + 1, { cell_type: 'code', source, metadata });
  notebook.deselectAll();
  notebook.activeCellIndex = index + 1;
  const cell = notebook.activeCell;
  await cell.ready;
  await notebook.scrollToItem(index + 1);
  cell.editor.focus();
}
