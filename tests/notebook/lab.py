"""A notebook in this process: real cells in a real shell, in a launch directory of its own."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output


@dataclass
class Cell:
    """What came of one cell."""

    out: str
    err: str
    shown: list[dict[str, Any]]
    result: Any
    error: BaseException | None

    @property
    def verdict(self) -> str:
        """The line that nbflow adds to the cell."""
        return next((line for line in self.out.splitlines() if ": ran [" in line or ": reused from" in line), "")

    @property
    def cached(self) -> bool:
        assert self.verdict, f"no verdict in {self.out!r}, {self.err!r}, {self.error!r}"
        return "reused from" in self.verdict

    @property
    def said(self) -> str:
        return str(self.error)

    @property
    def printed(self) -> str:
        """What it printed, without nbflow's own lines."""
        lines = self.out.splitlines(keepends=True)
        return "".join(line for line in lines if line.strip() not in self.verdict and "nbflow: " not in line)


class Lab:
    """A kernel's life with nbflow; `restart` begins another one in the same launch directory."""

    def __init__(self, launch_dir: Path) -> None:
        self.launch_dir = launch_dir
        self.start()

    def start(self) -> None:
        InteractiveShell.clear_instance()
        self.shell = InteractiveShell.instance()
        self.shell.history_manager.enabled = False
        self.shell.run_line_magic("colors", "nocolor")
        self._results: list[dict[str, Any]] = []
        hook = self.shell.displayhook
        hook.write_output_prompt = lambda: None
        hook.write_format_data = lambda data, metadata=None: self._results.append({"data": data, "metadata": metadata})
        self.ok("%load_ext nbflow\nfrom pathlib import Path")

    def restart(self) -> None:
        self.stop()
        self.start()

    def stop(self) -> None:
        self.shell.extension_manager.unload_extension("nbflow")
        self.shell.reset(new_session=False)
        InteractiveShell.clear_instance()

    @property
    def names(self) -> dict[str, Any]:
        return self.shell.user_ns

    def run(self, text: str, cell_id: str | None = None) -> Cell:
        self._results.clear()
        with capture_output() as captured:
            result = self.shell.run_cell(textwrap.dedent(text).strip("\n"), store_history=True, cell_id=cell_id)
        error = result.error_in_exec or result.error_before_exec
        shown = [{"data": output.data, "metadata": output.metadata} for output in captured.outputs]
        shown += self._results
        return Cell(captured.stdout, captured.stderr, shown, result.result, error)

    def ok(self, text: str) -> Cell:
        cell = self.run(text)
        assert cell.error is None, f"{cell.error}\n{cell.out}\n{cell.err}"
        return cell

    def fails(self, text: str, kind: str | None = None) -> str:
        """Run a cell that must fail; what its error says."""
        cell = self.run(text)
        assert cell.error is not None, f"the cell did not fail: {cell.out}"
        assert kind is None or type(cell.error).__name__ == kind, repr(cell.error)
        return str(cell.error)

    def value(self, expression: str) -> Any:
        return self.ok(expression).result

    def write(self, name: str, text: str) -> Path:
        path = self.launch_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path
