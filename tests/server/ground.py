"""What a server may show and what it may not: a root with launch directories in it, another beside it, and links between."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from nbflow.storage.layout import Layout
from nbflow.storage.nextflow.history import History
from tests.browsing.made import MadeSession

SECRET = "secret-of-another-user"
#: Sessions: one outside the root, one inside with a file that lies outside, and one as it should be.
OUTSIDE = "99999999-5f0c-4c6e-9a51-0c1f0a4d7e21"
BORROWED = "88888888-5f0c-4c6e-9a51-0c1f0a4d7e21"
HONEST = "77777777-5f0c-4c6e-9a51-0c1f0a4d7e21"

#: What somebody may send as a launch directory to get out of the root, or to where nothing is shown.
NASTY = [
    "",
    ".",
    "..",
    "../outside",
    "made/..",
    "made/../../outside",
    "made/./",
    "./made",
    "/made",
    "made/",
    "//made",
    "made//",
    "/etc",
    "{outside}",
    "/{outside}",
    "~",
    "~root",
    "$HOME",
    "%2e%2e/outside",
    "..%2foutside",
    "%252e%252e%252foutside",
    "..\\outside",
    "made\\..\\..\\outside",
    "C:\\",
    "\\\\host\\share",
    "file:///etc",
    "made\x00",
    "made\x00/../../outside",
    "made\n",
    "made\u202e",
    "\ud800",
    "\uff0e\uff0e/outside",
    "a" * 5000,
    "a/" * 2000,
    "made/.nextflow",
    "made/.nextflow/cache",
    ".hidden",
    "link",
    "link/deeper",
    "borrowed",
    "lent",
    "twisted",
    "plain",
    "made/history.txt",
]


class Ground:
    """The directories.

    Attributes
    ----------
    root, outside : pathlib.Path
        What a server serves, and what lies beside it.
    made : MadeSession
        A launch directory in the root, of two runs.
    """

    def __init__(self, directory: Path) -> None:
        self.root, self.outside = directory / "root", directory / "outside"
        self.made = self._session(self.root / "made", 60)
        self.made.resumed(20)
        self._session(self.root / "deep" / "down", 5)
        self._session(self.root / ".hidden", 5)
        self._session(self.root / "made" / "work" / "ab" / "nested", 5)
        other = self._session(self.outside, 5, session=OUTSIDE)
        (self.outside / "secret.txt").write_text(SECRET)
        (self.root / "plain").mkdir()
        (self.root / "made" / "history.txt").write_text("no directory")
        (self.root / "link").symlink_to(self.outside)
        (self.root / "inner").symlink_to("made")
        self._directory("borrowed").joinpath(".nextflow").symlink_to(self.outside / ".nextflow")
        lent = self._directory("lent") / ".nextflow"
        lent.mkdir()
        (lent / "history").symlink_to(self.outside / ".nextflow" / "history")
        twisted = directory / "twisted"
        twisted.mkdir()
        (twisted / "history").symlink_to(self.made.layout.history)
        self._directory("twisted").joinpath(".nextflow").symlink_to(twisted)
        self._mix(other)

    def _directory(self, name: str) -> Path:
        directory = self.root / name
        directory.mkdir()
        return directory

    @staticmethod
    def _session(directory: Path, tasks: int, **given: str) -> MadeSession:
        directory.mkdir(parents=True)
        return MadeSession(directory, tasks, **given)

    def _mix(self, other: MadeSession) -> None:
        """A launch directory of which one session is another's, by a link, and one has a file of another's."""
        layout = Layout(self._directory("mixed"), {})
        layout.ensure()
        history = History(layout.history)
        for session in (OUTSIDE, BORROWED, HONEST):
            history.begin(session, "nbflow run mixed.ipynb")
        layout.cache_dir.mkdir()
        layout.session_dir(OUTSIDE).symlink_to(other.layout.session_dir(OUTSIDE))
        shutil.copytree(other.layout.session_dir(OUTSIDE), layout.session_dir(BORROWED))
        shutil.copytree(other.layout.session_dir(OUTSIDE), layout.session_dir(HONEST))
        shutil.move(layout.db_dir(BORROWED) / "CURRENT", self.outside / "CURRENT")
        (layout.db_dir(BORROWED) / "CURRENT").symlink_to(self.outside / "CURRENT")

    def nasty(self, text: str) -> str:
        """A path of `NASTY`, where the place of what lies outside is known."""
        return text.replace("{outside}", str(self.outside))

    def facts(self) -> dict[str, tuple[object, ...]]:
        """All that can be seen of the root from outside: names, kinds, sizes, times, owners and contents."""
        found: dict[str, tuple[object, ...]] = {}
        for top, directories, names in os.walk(self.root.parent):
            directories[:] = [name for name in directories if name != ".settings"]
            for path in [Path(top), *(Path(top, name) for name in names)]:
                status = path.lstat()
                content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
                mode = (status.st_mode, status.st_ino, status.st_size, status.st_mtime_ns)
                found[str(path)] = (*mode, content) if path != self.root else (*mode[:2], content)
        return found
