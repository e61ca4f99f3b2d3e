/* Colours the body of a %%process cell as the language that its #! line names. Alone knows which interpreter reads which
 * language. A body without a #! line is Python, as the rest of the notebook, and is left alone. */

const PLAIN = 'text/plain';

const LANGUAGES = {
  'text/x-sh': ['sh', 'bash', 'dash', 'ksh', 'zsh', 'ash', 'busybox', 'fish'],
  'text/x-python': ['python', 'pypy', 'ipython'],
  'text/x-rsrc': ['r', 'rscript', 'littler'],
  'text/x-perl': ['perl'],
  'text/x-ruby': ['ruby'],
  'text/x-julia': ['julia'],
  'text/x-lua': ['lua', 'luajit'],
  'text/x-groovy': ['groovy'],
  'text/x-octave': ['octave'],
  'text/x-tcl': ['tclsh', 'wish'],
  'text/x-haskell': ['runhaskell', 'runghc'],
  'text/javascript': ['node', 'nodejs', 'bun', 'deno']
};

/** The language of a script by the text of its cell; null where the cell is no script of nbflow's, or Python. */
export function languageOf(cell) {
  const [magic, ...lines] = cell.split('\n');
  if (!/^%%process(\s|$)/.test(magic)) return null;
  const blank = line => !line.trim();
  let at = 0;
  while (at < lines.length && blank(lines[at])) at++;
  while (at < lines.length && lines[at].startsWith('#|')) at++;
  while (at < lines.length && blank(lines[at])) at++;
  if (at === lines.length || !lines[at].startsWith('#!')) return null;
  const program = interpreter(lines[at].slice(2));
  const found = Object.keys(LANGUAGES).find(mime => LANGUAGES[mime].includes(program)) || PLAIN;
  return found === 'text/x-python' ? null : found;
}

/** The program that a #! line starts, without its directory and version: `env -S Rscript --vanilla` is `rscript`. */
function interpreter(line) {
  const words = line.trim().split(/\s+/).map(word => word.split('/').pop());
  const told = words[0] === 'env' ? words.slice(1).find(word => !/^-|=/.test(word)) : words[0];
  return (told || '').toLowerCase().replace(/[-\d.]+$/, '');
}

/** The cell's first line is nbflow's, whatever quotes it holds; what is below is read by the language's own parser. */
function belowMagic(StreamLanguage, inner) {
  return StreamLanguage.define({
    ...inner,
    startState: unit => ({ magic: true, inner: inner.startState(unit) }),
    copyState: state => ({ magic: state.magic, inner: inner.copyState(state.inner) }),
    token(stream, state) {
      if (!state.magic) return inner.token(stream, state.inner);
      stream.skipToEnd();
      state.magic = false;
      return 'meta';
    },
    blankLine: (state, unit) => inner.blankLine(state.inner, unit),
    indent: (state, after, context) => inner.indent(state.inner, after, context)
  });
}

const plain = {
  startState: () => null,
  copyState: state => state,
  blankLine: () => {},
  indent: () => null,
  token: stream => (stream.skipToEnd(), null)
};

export async function plugin(shared) {
  const [editors, state, view, language] = await Promise.all(
    ['@jupyterlab/codemirror', '@codemirror/state', '@codemirror/view', '@codemirror/language'].map(shared)
  );
  const made = new Map();

  async function support(languages, mime) {
    if (mime === PLAIN) return belowMagic(language.StreamLanguage, plain);
    const found = languages.findByMIME(mime, true);
    const loaded = found && (await languages.getLanguage(found));
    if (!loaded || !loaded.support) return support(languages, PLAIN);
    const own = loaded.support.language || loaded.support;
    return own.streamParser ? belowMagic(language.StreamLanguage, own.streamParser) : loaded.support;
  }

  function once(languages, mime) {
    if (!made.has(mime)) made.set(mime, support(languages, mime));
    return made.get(mime);
  }

  function colouring(languages) {
    const slot = new state.Compartment();
    let shown = null;
    async function look(editor) {
      const wanted = languageOf(editor.state.doc.toString());
      if (wanted === shown) return;
      shown = wanted;
      const extension = wanted === null ? [] : state.Prec.highest(await once(languages, wanted));
      if (wanted === shown) editor.dispatch({ effects: slot.reconfigure(extension) });
    }
    const soon = editor => setTimeout(() => look(editor)); // an editor must not be changed while it is being updated
    const watch = view.ViewPlugin.define(editor => {
      soon(editor);
      return { update: change => change.docChanged && soon(change.view) };
    });
    return [slot.of([]), watch];
  }

  return {
    id: 'nbflow:highlight',
    description: 'Colours scripts in %%process cells.',
    autoStart: true,
    requires: [editors.IEditorExtensionRegistry, editors.IEditorLanguageRegistry],
    activate: (_, extensions, languages) =>
      extensions.addExtension({
        name: 'nbflow-script',
        factory: () => editors.EditorExtensionRegistry.createImmutableExtension(colouring(languages))
      })
  };
}
