/* The container by which JupyterLab loads nbflow's plugins: what webpack would make, written by hand, so that nothing is
 * built. Alone knows how modules are shared; what the plugins do stands in the files beside it. */
(function () {
  const here = document.currentScript.src;
  let scope;

  /** A module that JupyterLab shares, in its newest version. */
  async function shared(name) {
    const versions = scope[name];
    if (!versions) throw new Error(`nbflow: JupyterLab does not share ${name}`);
    const newest = Object.keys(versions).sort((a, b) => a.localeCompare(b, undefined, { numeric: true })).pop();
    return (await versions[newest].get())();
  }

  async function extension() {
    const names = ['highlight', 'relaunch', 'cancel', 'insert', 'cacheBrowser'];
    const files = names.map(name => import(new URL(`${name}.js`, here)));
    const plugins = (await Promise.all(files)).map(file => file.plugin(shared));
    return { __esModule: true, default: await Promise.all(plugins) };
  }

  (window._JUPYTERLAB = window._JUPYTERLAB || {}).nbflow = {
    init(given) {
      scope = given;
    },
    async get(module) {
      const found = module === './extension' ? await extension() : {};
      return () => found;
    }
  };
})();
