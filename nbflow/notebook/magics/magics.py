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
        """Remember what a cell computes, and take it from the cache while nothing changed.

        ::

            %%process train -> model, score       run this cell now, as one task
            %%process --rerun train -> model      ... whatever is remembered
            %%process fit(k: int) -> score        declare it; fit(3) runs it, and a
                                                  channel runs a task for each item
            #| cpus: 2                            directives, as Nextflow's, in YAML:
            #| memory: 4 GB                       cache executor memory tag time ...
            #!/usr/bin/env bash                   a script in any language
            bwa mem -t $task_cpus $ref $reads     inputs are its variables

        Without ``->`` the outputs are all names that the body binds. Sources::

            -> bam: Path = file("*.bam"), parts = files("part_*"), text = stdout()

        ``%nbflow why NAME`` says why a task ran; ``%resume`` continues a session.
        """
        from nbflow.notebook.cell.process_cell import run_process_cell

        return run_process_cell(line, cell, self._namespace, self._desk, self._compiler.flags)

    @line_magic
    def resume(self, line: str) -> None:
        """Continue a session; what it remembers is taken from the cache.

        ::

            %resume                 the session picker
            %resume last            the latest one
            %resume new             a fresh one, which remembers nothing
            %resume happy_turing    the session of that run
            %resume 4dc656d2        the session whose id begins so

        Names that are bound already stay: run the cells above again.
        """
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
        """Run a command of nbflow's command line, in this kernel's session.

        ::

            %nbflow log                  the runs of this directory
            %nbflow log last -f name,status,realtime
            %nbflow why train            why the task ran, from what to what
            %nbflow diff RUN last        in what two runs differ
            %nbflow relaunch             run again from the cell whose task failed
            %nbflow clean -n             what a clean would remove; -f removes it
            %nbflow clean --expired -n   what goes by itself, and when
            %nbflow wait                 wait for what was submitted

        Each has a ``--help``. ``{name}`` is replaced by a variable's value; ``$name``
        is not, for it means a field in ``log -t``. Settings: ``%config NBFlow``.
        """
        self._command(shlex.split(_VARIABLE.sub(self._value, line)))

    def _show(self, screen: str, options: dict[str, Any]) -> None:
        from nbflow.notebook.screens.show import show

        show(screen, self.shell, self._desk, options)

    def _value(self, found: re.Match[str]) -> str:
        return str(self._namespace.get(found[1], found[0]))

    def _command(self, words: list[str]) -> None:
        from nbflow.notebook.magics.commands import run_command

        run_command(words, self._desk)
