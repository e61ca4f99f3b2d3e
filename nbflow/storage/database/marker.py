"""Which databases nbflow may open: those it made, marked by ``cache/<session>/nbflow.json``.

Alone here: writing and reading the marker. LevelDB's native library would ruin a database of Nextflow's (its Java
LevelDB no longer finds the tables that the native one renamed), so a database without the marker is never opened in
place. It must not know what lies in a database.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from nbflow.errors import CacheError

MARKER = "nbflow.json"
VERSION = 1


def is_marked(session_dir: Path) -> bool:
    """Tell whether nbflow made the databases of this session directory.

    Parameters
    ----------
    session_dir : pathlib.Path
        ``.nextflow/cache/<session>``.

    Notes
    -----
    The file's presence decides: nothing but nbflow makes one, and a power cut may leave it empty.
    """
    return (session_dir / MARKER).is_file()


def notebook_of(session_dir: Path) -> str:
    """Return the notebook that a session was made by, relative to the launch directory; empty where it is unknown."""
    try:
        notebook = json.loads((session_dir / MARKER).read_bytes())["notebook"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return notebook if isinstance(notebook, str) else ""


def mark_session(session_dir: Path, notebook: str = "") -> None:
    """Mark a session directory as nbflow's, making it if need be; a marked one stays as it is.

    Parameters
    ----------
    session_dir : pathlib.Path
        ``.nextflow/cache/<session>``.
    notebook : str
        The notebook that it belongs to, relative to the launch directory; empty where it is unknown.

    Raises
    ------
    CacheError
        A database is there that nbflow did not make, a newer nbflow made it, or the directory cannot be written.
    """
    if is_marked(session_dir):
        return _check_version(session_dir / MARKER)
    if (session_dir / "db").exists():
        raise CacheError(
            f"{session_dir / 'db'} was made by Nextflow, which could not read it any more after nbflow had opened it; "
            "start a session of your own with: %resume new"
        )
    try:
        session_dir.mkdir(parents=True, exist_ok=True)
        _write_whole(session_dir / MARKER, {"version": VERSION, "created": _now(), "notebook": notebook})
    except OSError as error:
        raise CacheError(
            f"could not make the session directory {session_dir}: {error}; free the place or its permissions, "
            "or set NXF_CACHE_DIR to another"
        ) from error
    return None


def adopt(session_dir: Path, notebook: str) -> None:
    """Note that a session goes on under another notebook, as after a rename."""
    known = json.loads((session_dir / MARKER).read_bytes())
    _write_whole(session_dir / MARKER, {**known, "notebook": notebook})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _check_version(marker: Path) -> None:
    try:
        version = json.loads(marker.read_bytes())["version"]
    except (ValueError, KeyError, TypeError):
        return
    if version != VERSION:
        raise CacheError(
            f"{marker} says version {version!r}, this nbflow knows version {VERSION}; "
            "update nbflow, or start a fresh session with: %resume new"
        )


def _write_whole(path: Path, content: dict[str, object]) -> None:
    """Write aside, then rename: a reader finds all of it or nothing."""
    descriptor, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file)
            os.fchmod(file.fileno(), 0o644)
        os.replace(aside, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(aside)
        raise
