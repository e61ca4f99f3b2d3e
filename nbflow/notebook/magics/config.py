"""``%config NBFlow``: the settings of a kernel, as traitlets has them.

Alone here: their names, their help, and that the environment stands below IPython's configuration. What a value means is
read in `nbflow.core`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from traitlets import Float, Int, TraitError, Unicode, observe, validate
from traitlets.config import Configurable

from nbflow.core.kernel_settings import KernelSettings, told, variable
from nbflow.core.retention import READERS, Retention
from nbflow.core.units import parse_memory
from nbflow.errors import NbflowError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets import Bunch

#: Settings that count from the next run on.
BUDGET = ("cpus", "memory")
_CONVERT: Mapping[str, Callable[[str], Any]] = {
    "cpus": int,
    "progress_interval": float,
    "storage_expiration_hours": float,
    "price_per_gb_month": float,
}


class NBFlow(Configurable):
    """Settings of nbflow for this kernel."""

    cpus = Int(
        None,
        allow_none=True,
        min=1,
        help="CPUs that tasks may use side by side; None: all. Counts from the next run on.",
    ).tag(config=True)
    memory = Unicode(
        None,
        allow_none=True,
        help="Memory that tasks may ask for side by side, as in '8 GB'; None: all. Counts from the next run on.",
    ).tag(config=True)
    progress_interval = Float(
        0.25, min=0.05, help="Seconds between two updates of the progress that a cell shows."
    ).tag(config=True)
    storage_expiration_hours = Float(
        None,
        allow_none=True,
        min=0,
        help="Hours that what no later run used is kept for a relaunch. With it set, an `nbflow run` that succeeds "
        "leaves only logs. What goes when: `%nbflow clean --expired -n`.",
    ).tag(config=True)
    age_limit = Unicode(None, allow_none=True, help="How long what no later run used is kept, as in '30 days'.").tag(
        config=True
    )
    size_limit = Unicode(
        None, allow_none=True, help="Size of all that is kept, as in '50 GB'; of more, the longest unused goes."
    ).tag(config=True)
    price_per_gb_month = Float(
        None, allow_none=True, min=0, help="What a GB costs a month, to be shown beside sizes."
    ).tag(config=True)

    def __init__(self, shell: InteractiveShell, environ: Mapping[str, str], changed: Callable[[str], None]) -> None:
        self._changed = changed
        self._ready = False
        configured = shell.config.get("NBFlow", {})
        super().__init__(parent=shell, **_below(environ, configured))
        self._ready = True

    @property
    def settings(self) -> KernelSettings:
        """What the settings mean now."""
        given = {name: value for name in READERS if (value := getattr(self, name)) is not None}
        retention = Retention(**{name: READERS[name](value) for name, value in given.items()})
        return KernelSettings(self.cpus, None if self.memory is None else parse_memory(self.memory), retention)

    @validate("memory", "age_limit", "size_limit")
    def _check_text(self, proposal: Bunch) -> str | None:
        name, value = proposal["trait"].name, proposal["value"]
        read: Callable[[Any], Any] = READERS.get(name, parse_memory)
        try:
            if value is not None:
                read(value)
        except ValueError as error:
            raise TraitError(f"NBFlow.{name}: {error}") from error
        return str(value) if value is not None else None

    @observe(*BUDGET, *READERS)
    def _note(self, change: Bunch) -> None:
        if self._ready:
            self._changed(change["name"])


def _below(environ: Mapping[str, str], configured: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that only the environment tells."""
    found = {}
    for name in NBFlow.class_trait_names(config=True):
        text = told(environ, name)
        if text is not None and name not in configured:
            found[name] = _converted(name, text)
    return found


def _converted(name: str, text: str) -> Any:
    convert = _CONVERT.get(name, str)
    try:
        return convert(text)
    except ValueError as error:
        raise NbflowError(
            f"the environment's {variable(name)} is {text!r}, which is no number; set it to one, or unset it"
        ) from error
