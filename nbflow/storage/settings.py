"""What a user has set: in ``nbflow.toml`` beside the notebook, for the kernel, in the environment.

Alone opens that file. Does not know what stands in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from nbflow.core.declaration.settings import FILE, Settings, no_file, read_settings
from nbflow.core.kernel_settings import KernelSettings, retention_in
from nbflow.core.retention import Retention
from nbflow.errors import SettingsError

PROFILE_VARIABLE = "NBFLOW_PROFILE"
"""Names the chosen profiles, separated by commas."""
STUB_VARIABLE = "NBFLOW_STUB_RUN"
"""Whether stubs run."""


def load_settings(launch_dir: Path, environ: Mapping[str, str]) -> Settings:
    """Read the settings of a launch directory; there need be none.

    Parameters
    ----------
    launch_dir : pathlib.Path
        Where the file lies.
    environ : mapping of str to str
        Chooses the profiles.

    Raises
    ------
    SettingsError
        If they cannot be read, or not used as written.
    """
    profiles = [name.strip() for name in environ.get(PROFILE_VARIABLE, "").split(",") if name.strip()]
    try:
        text = (launch_dir / FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return no_file(profiles, str(launch_dir))
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{launch_dir / FILE} cannot be read: {error}; it must be a file of text in UTF-8"
        ) from error
    return read_settings(text, profiles)


def retention_here(launch_dir: Path, environ: Mapping[str, str]) -> Retention:
    """How long what runs leave is kept in a launch directory, where no kernel says otherwise.

    Raises
    ------
    SettingsError
        If ``nbflow.toml`` cannot be used as written.
    """
    return load_settings(launch_dir, environ).retention.over(retention_in(environ))


class UserSettings:
    """What holds for a launch directory and a kernel; looked up whenever it is asked for.

    Parameters
    ----------
    launch_dir : pathlib.Path
        Where ``nbflow.toml`` lies; what it says goes before what is set for the kernel.
    environ : mapping of str to str
        Chooses the profiles.
    kernel : callable
        Gives what is set for the kernel.
    """

    def __init__(self, launch_dir: Path, environ: Mapping[str, str], kernel: Callable[[], KernelSettings]) -> None:
        self._launch_dir = launch_dir
        self._environ = environ
        self._ask_kernel = kernel

    @property
    def kernel(self) -> KernelSettings:
        """What is set for this kernel."""
        return self._ask_kernel()

    def in_file(self) -> Settings:
        """What ``nbflow.toml`` says now, for the profiles that ``NBFLOW_PROFILE`` chooses.

        Raises
        ------
        SettingsError
            If it cannot be used as written; so do `retention` and `budget`.
        """
        return load_settings(self._launch_dir, self._environ)

    @property
    def retention(self) -> Retention:
        """How long what runs leave is kept here."""
        return self.in_file().retention.over(self.kernel.retention)

    @property
    def budget(self) -> dict[str, int]:
        """What is set of the local executor's budget, by name."""
        in_file = self.in_file()
        return self.kernel.budget(in_file.cpus, in_file.memory)

    @property
    def is_stub_run(self) -> bool:
        """Whether stubs run instead of bodies, where there are some (``NBFLOW_STUB_RUN``)."""
        return self._environ.get(STUB_VARIABLE, "").lower() not in ("", "0", "false", "no")
