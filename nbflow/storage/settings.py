"""Finds ``nbflow.toml`` beside the notebook.

Alone opens that file. Does not know what stands in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nbflow.core.declaration.settings import FILE, Settings, no_file, read_settings
from nbflow.errors import SettingsError

PROFILE_VARIABLE = "NBFLOW_PROFILE"
"""Names the chosen profiles, separated by commas."""


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
