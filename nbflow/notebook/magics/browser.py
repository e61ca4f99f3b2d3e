"""``nbflow.browser()``: the cache browser for who calls functions rather than magics."""

from __future__ import annotations

from IPython.core.getipython import get_ipython

from nbflow.errors import NbflowError
from nbflow.notebook.extension import desk_of
from nbflow.notebook.screens.show import show


def browser(run: str = "") -> None:
    """Show the cache browser, as ``%cache`` does.

    Parameters
    ----------
    run : str
        The run that is looked at first; else the latest.

    Raises
    ------
    NbflowError
        No notebook runs here.
    """
    shell = get_ipython()
    if shell is None:
        raise NbflowError("The browser shows itself in a notebook; in a terminal: nbflow log, nbflow why")
    show("browser", shell, desk_of(shell), {"run": run})
