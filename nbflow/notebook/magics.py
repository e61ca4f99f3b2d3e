"""The magics: read the line, take the cell, hand both on. Nothing else is decided here.

What a magic does is imported when it is first used: loading the extension must cost a notebook nothing.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand

if TYPE_CHECKING:
    from nbflow.notebook.desk import NotebookDesk

_VARIABLE = re.compile(r"\{([^\W\d]\w*)\}")


@magics_class
class NbflowMagics(Magics):
    """``%%process``, ``%resume``, ``%cache`` and ``%nbflow``.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The shell.
    desk : callable
        Gives the notebook's desk, which is made when it is first needed.
    """

    def __init__(self, shell: Any, desk: Callable[[], NotebookDesk]) -> None:
        super().__init__(shell)
        self._namespace: dict[str, Any] = shell.user_ns
        self._compiler: Any = shell.compile
        self._open_desk = desk

    @property
    def _desk(self) -> NotebookDesk:
        return self._open_desk()

    @no_var_expand
    @cell_magic
    def process(self, line: str, cell: str) -> Any:
        """Declare a process; without a parameter list, run it at once.

        Usage::

            %%process [--rerun] name -> outputs             run this cell as one task, remembered
            %%process name(parameters) -> outputs           declare it, to be called with values or channels
            #| cpus: 2                                      options: Nextflow's directives as YAML
            #!/usr/bin/env bash                             a script instead of Python

        Outputs: ``name``, ``name: Type``, ``name = file("glob")``, ``files("glob")``, ``stdout()``.
        """
        from nbflow.notebook.process_cell import run_process_cell

        return run_process_cell(line, cell, self._namespace, self._desk, self._compiler.flags)

    @line_magic
    def resume(self, line: str) -> None:
        """Continue a session: ``%resume ID``, a run's name, ``last`` or ``new``; alone it shows the session picker."""
        wanted = line.strip()
        if not wanted:
            self._show("picker", {})
            return
        said = self._desk.session.resume(wanted)
        if said:
            print(f"nbflow: {said}")

    @line_magic
    def cache(self, line: str) -> None:
        """Show the cache browser: sessions, runs, tasks, and all about one; ``%cache RUN`` begins with that run."""
        self._show("browser", {"run": line.strip()})

    @no_var_expand
    @line_magic
    def nbflow(self, line: str) -> None:
        """Run a command of nbflow's command line: ``%nbflow log``, ``why TASK``, ``diff RUN RUN``, ``clean -n`` ...

        ``{name}`` is replaced by the value of a variable; ``$name`` is not, for it means a field in ``log -t``.
        """
        self._command(shlex.split(_VARIABLE.sub(self._value, line)))

    def _show(self, screen: str, options: dict[str, Any]) -> None:
        from nbflow.notebook.screens.show import show

        show(screen, self.shell, self._desk, options)

    def _value(self, found: re.Match[str]) -> str:
        return str(self._namespace.get(found[1], found[0]))

    def _command(self, words: list[str]) -> None:
        from nbflow.notebook.commands import run_command

        run_command(words, self._desk)
