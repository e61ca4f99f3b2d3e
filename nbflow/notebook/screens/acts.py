"""What can be done from a screen: resume, delete, load outputs, run again.

Alone changes anything for a screen. Its functions run in another thread than the cells, often while one runs: so what
would take the ground from under a running cell is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from nbflow.browsing.loading import checked, loading_code, outputs_of, rerunning_code
from nbflow.core.units import format_memory
from nbflow.errors import NbflowError
from nbflow.storage.clean import Deed, Step, clean, clean_task
from nbflow.storage.rows import RUNNING, SUBMITTED

if TYPE_CHECKING:
    from nbflow.browsing.model import Model
    from nbflow.notebook.desk import NotebookDesk
    from nbflow.storage.browse import Reader
    from nbflow.storage.nextflow.history import RunRecord

Wish = Mapping[str, Any]
Relaunch = Callable[[str], str]


class Acts:
    """Does what a screen asks for.

    Parameters
    ----------
    desk : NotebookDesk
        The notebook's.
    model : Model
        What the screen shows.
    relaunch : callable or None
        Runs the notebook of a session again from its failed task on, and says so; None where that cannot be done here.
    """

    def __init__(self, desk: NotebookDesk, model: Model, relaunch: Relaunch | None = None) -> None:
        self._desk = desk
        self._model = model
        self._relaunch = relaunch
        self._acts: dict[str, Callable[[Wish], dict[str, Any]]] = {
            "resume": self._resume,
            "delete": self._delete,
            "delete_task": self._delete_task,
            "load": self._load,
            "rerun": self._rerun,
            **({} if relaunch is None else {"relaunch": self._do_relaunch}),
        }

    @property
    def names(self) -> list[str]:
        """What can be done."""
        return list(self._acts)

    def do(self, deed: Wish) -> dict[str, Any]:
        """Do it.

        Parameters
        ----------
        deed : mapping
            ``act`` names it.

        Raises
        ------
        NbflowError
            It cannot be done; the text says why.
        """
        act = self._acts.get(str(deed.get("act")))
        if act is None:
            raise NbflowError(f"{deed.get('act')!r} cannot be done here; what can: {', '.join(self._acts)}")
        return act(deed)

    # Sessions ---------------------------------------------------------------------------------------------------------

    def _resume(self, deed: Wish) -> dict[str, Any]:
        if self._desk.in_cell or not self._desk.session.is_idle:
            raise NbflowError("A cell is running, in the session that this would leave: wait for it, or interrupt it")
        said: list[str] = []
        with self._desk.session.telling(said.append):
            said.append(self._desk.session.resume(str(deed["session"])))
        lines = (line.removeprefix("nbflow: ") for line in said if line)
        return {"said": "; ".join(lines)}

    def _do_relaunch(self, deed: Wish) -> dict[str, Any]:
        assert self._relaunch is not None
        return {"said": self._relaunch(str(deed["session"]))}

    def _delete(self, deed: Wish) -> dict[str, Any]:
        """Delete a run, or all runs of a session; without ``really`` say what that frees."""
        reader = self._reader()
        runs = _runs(reader, deed)
        steps: list[Step] = []
        clean(reader, runs, steps.append, really=bool(deed.get("really")))
        removed = [step for step in steps if step.deed is Deed.REMOVE]
        tasks = sum(step.path.parent.parent == reader.layout.work_root for step in removed)
        return {"runs": len(runs), "tasks": tasks, "freed": format_memory(sum(step.size for step in removed))}

    # Tasks ------------------------------------------------------------------------------------------------------------

    def _delete_task(self, deed: Wish) -> dict[str, Any]:
        row, record = self._model.row(deed)
        if row.status in (RUNNING, SUBMITTED):
            raise NbflowError(f"{row.name} is {row.status.lower()}: interrupt its cell first")
        size = clean_task(self._reader(), record, row.task_hash, really=bool(deed.get("really")))
        return {"freed": format_memory(size)}

    def _load(self, deed: Wish) -> dict[str, Any]:
        """Bind a task's outputs in the notebook; names that are bound already only if it is said to ``replace`` them."""
        row, _ = self._model.row(deed)
        names = [output.name for output in checked(row).outputs]
        namespace = self._desk.session.namespace
        taken = [name for name in names if name in namespace]
        if taken and not deed.get("replace"):
            return {"taken": taken, "bound": []}
        namespace.update(outputs_of(row, self._desk.session.resolve_class))
        return {"taken": [], "bound": names, "code": loading_code(row)}

    def _rerun(self, deed: Wish) -> dict[str, Any]:
        """The line that runs a task again: only the notebook itself runs cells."""
        row, _ = self._model.row(deed)
        inputs = self._model.answer({**deed, "ask": "task"})["inputs"]
        return {"code": rerunning_code(row, inputs)}

    def _reader(self) -> Reader:
        return self._desk.session.reader()


def _runs(reader: Reader, deed: Wish) -> list[RunRecord]:
    kind = "run" if deed.get("run") else "session"
    name = deed.get(kind)
    runs = [record for record in reader.runs() if name == (record.run_name if kind == "run" else record.session)]
    if not runs:
        raise NbflowError(f"there is no {kind} {name!r} here any more")
    return runs
