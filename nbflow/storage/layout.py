"""Where everything lies: the paths of a launch directory, of its sessions and of its tasks.

Alone decides what is called what on disk. Makes directories when told to; reads and writes no other file, and knows
nothing of what the files hold. The places are Nextflow's; what is nbflow's own is named so.

::

    .nextflow/                       or $NXF_CACHE_DIR
        history
        cache/<session>/db/          LevelDB
        cache/<session>/index.<run>
        cache/<session>/events.<run>
        cache/<session>/tasks.<run>
        cache/<session>/nbflow.json  the mark of a session that nbflow made
        nbflow/
    work/                            or $NXF_WORK
        ab/cdef.../                  a task
        stage-<session>/             notebook values that go into tasks
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from nbflow.errors import CacheError

_TASK_HASH = re.compile(r"[0-9a-f]{32}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_NEXTFLOWS_OWN = re.compile(
    r"[0-9a-f]{2}|stage-.*|collect-file|conda|singularity|tmp|cache|history(\.lock)?|plr|nbflow"
)


class Layout:
    """The paths of one launch directory.

    Parameters
    ----------
    launch_dir : str or pathlib.Path
        Where the notebook's relative paths start.
    environ : mapping of str to str
        Read once: ``NXF_CACHE_DIR`` and ``NXF_WORK`` move the two directories; relative ones count from `launch_dir`.
    work : str, pathlib.Path or None
        The work directory; goes before ``NXF_WORK``.

    Attributes
    ----------
    launch_dir, nextflow_dir, work_root : pathlib.Path
        Absolute.

    Raises
    ------
    nbflow.errors.CacheError
        A directory is given as a URL.
    """

    __slots__ = ("launch_dir", "nextflow_dir", "work_root")

    def __init__(self, launch_dir: str | Path, environ: Mapping[str, str], work: str | Path | None = None) -> None:
        self.launch_dir = Path(os.path.abspath(launch_dir))
        self.nextflow_dir = self._absolute(environ.get("NXF_CACHE_DIR") or ".nextflow", "NXF_CACHE_DIR")
        self.work_root = self._absolute(work or environ.get("NXF_WORK") or "work", "the work directory")

    def __repr__(self) -> str:
        return (
            f"Layout({str(self.launch_dir)!r}, nextflow_dir={str(self.nextflow_dir)!r}, work={str(self.work_root)!r})"
        )

    @property
    def history(self) -> Path:
        """The history file."""
        return self.nextflow_dir / "history"

    @property
    def own_dir(self) -> Path:
        """The directory of what only nbflow has, for all sessions."""
        return self.nextflow_dir / "nbflow"

    @property
    def cache_dir(self) -> Path:
        """The directory whose directories are the sessions, nbflow's and Nextflow's."""
        return self.nextflow_dir / "cache"

    @property
    def digests(self) -> Path:
        """The digests of input files that were read before."""
        return self.own_dir / "digests"

    def session_dir(self, session: str) -> Path:
        """Return the directory of a session."""
        return self.cache_dir / _plain(session)

    def db_dir(self, session: str) -> Path:
        """Return the LevelDB of a session."""
        return self.session_dir(session) / "db"

    def marker(self, session: str) -> Path:
        """Return the mark of a session that nbflow made: without it, its database must not be opened."""
        return self.session_dir(session) / "nbflow.json"

    def lock(self, session: str) -> Path:
        """Return the file that whoever has the session's database open holds."""
        return self.session_dir(session) / "nbflow.lock"

    def index(self, session: str, run_name: str) -> Path:
        """Return the list of the tasks of a run."""
        return self.session_dir(session) / f"index.{_plain(run_name)}"

    def events(self, session: str, run_name: str) -> Path:
        """Return the events of a run, for whoever watches it."""
        return self.session_dir(session) / f"events.{_plain(run_name)}"

    def summaries(self, session: str, run_name: str) -> Path:
        """Return the figures of the tasks that a run executed, a line each."""
        return self.session_dir(session) / f"tasks.{_plain(run_name)}"

    def stage_dir(self, session: str) -> Path:
        """Return where a session keeps the notebook values that go into its tasks."""
        return self.work_root / f"stage-{_plain(session)}"

    def work_dir(self, task_hash: str) -> Path:
        """Return the work directory of a task.

        Parameters
        ----------
        task_hash : str
            32 hexadecimal digits, lower case.
        """
        if not _TASK_HASH.fullmatch(task_hash):
            raise ValueError(f"no task hash of 32 hexadecimal digits: {task_hash!r}")
        return self.work_root / task_hash[:2] / task_hash[2:]

    def ensure(self) -> None:
        """Make the directories, each with a ``.gitignore``.

        A directory that was there and holds things of someone else's gets none: it would hide them from git.

        Raises
        ------
        nbflow.errors.CacheError
            A directory cannot be made or written.
        """
        for directory in (self.nextflow_dir, self.work_root):
            try:
                directory.mkdir(parents=True, exist_ok=True)
                _ignore_in_git(directory)
            except OSError as error:
                raise CacheError(
                    f"Cannot write in {directory}: {error.strerror}. nbflow keeps its cache there; start the notebook "
                    "in a directory that you may write in, or set NXF_CACHE_DIR and NXF_WORK to other ones"
                ) from error

    def _absolute(self, path: str | Path, what: str) -> Path:
        if _URL.match(str(path)):
            raise CacheError(f"{what} is {path}: nbflow keeps its cache in local directories only; give it a path")
        return Path(os.path.abspath(self.launch_dir / path))


def _plain(name: str) -> str:
    """Return a session or run name, which history files and users type, once it is sure that it is a mere name."""
    if not name or "/" in name or "\0" in name or name in (".", ".."):
        raise ValueError(f"no name of a session or run: {name!r}")
    return name


def _ignore_in_git(directory: Path) -> None:
    ignore = directory / ".gitignore"
    if os.path.lexists(ignore) or not _only_nextflows(os.listdir(directory)):
        return
    try:
        with open(ignore, "x", encoding="ascii") as file:
            file.write("*\n")
    except FileExistsError:
        return  # another kernel was quicker


def _only_nextflows(names: Iterable[str]) -> bool:
    return all(_NEXTFLOWS_OWN.fullmatch(name) for name in names)
