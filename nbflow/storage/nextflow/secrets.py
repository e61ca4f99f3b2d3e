"""Nextflow's own local store of secrets: a JSON file that only its owner may read (``LocalSecretsProvider``).

Alone opens it. Writes aside and renames, so that it is whole at any moment; what it holds is shown and kept nowhere else.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from nbflow.core.declaration.body_values import secret_name
from nbflow.errors import CacheError, MissingInputError

_OWNER_ONLY = 0o600
_PRIVATE_DIR = 0o700


class SecretStore:
    """The secrets of this user.

    Parameters
    ----------
    environ : mapping of str to str
        ``NXF_SECRETS_FILE`` names the file; a relative name, and without it ``secrets/store.json``, counts from ``NXF_HOME``,
        which is ``~/.nextflow``.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        home = environ.get("NXF_HOME") or os.path.expanduser("~/.nextflow")
        self.path = Path(home, environ.get("NXF_SECRETS_FILE") or "secrets/store.json")

    def names(self) -> list[str]:
        """The names of all secrets, sorted."""
        return sorted(self._load())

    def values(self, names: Iterable[str]) -> dict[str, str]:
        """The values of secrets.

        Raises
        ------
        MissingInputError
            If one is not in the store.
        CacheError
            If the store cannot be read, or others may read it.
        """
        wanted = list(names)
        known = self._load() if wanted else {}
        for name in wanted:
            if name not in known:
                raise MissingInputError(
                    f"secret `{name}` is not in {self.path}; add it in a terminal with: nbflow secrets set {name}",
                    name=name,
                )
        return {name: known[name] for name in wanted}

    def set(self, name: str, value: str) -> None:
        """Add a secret, or give it another value.

        Raises
        ------
        DeclarationError
            If no secret can have that name.
        CacheError
            If the store cannot be read or written.
        """
        self._save({**self._load(), secret_name(name): value})

    def delete(self, name: str) -> bool:
        """Take a secret out; whether it was there."""
        known = self._load()
        if name not in known:
            return False
        del known[name]
        self._save(known)
        return True

    def _load(self) -> dict[str, str]:
        try:
            with self.path.open("rb") as file:
                self._refuse_open_to_others(os.fstat(file.fileno()).st_mode)
                entries = json.loads(file.read() or b"[]")
            return {str(entry["name"]): str(entry["value"]) for entry in entries}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError) as error:
            # The text of some errors has a piece of what was read.
            why = error.strerror if isinstance(error, OSError) else "it is no list of names and values in JSON"
            raise CacheError(
                f"the store of secrets {self.path} cannot be read: {why}; correct it, or delete it"
            ) from None

    def _refuse_open_to_others(self, mode: int) -> None:
        if stat.S_IMODE(mode) != _OWNER_ONLY:
            raise CacheError(
                f"the store of secrets {self.path} has the permissions {stat.filemode(mode)[1:]}; others may not read it: "
                f"chmod 600 {self.path}"
            )

    def _save(self, known: Mapping[str, str]) -> None:
        entries = [{"name": name, "value": value} for name, value in sorted(known.items())]
        try:
            if not self.path.parent.exists():
                self.path.parent.mkdir(_PRIVATE_DIR, parents=True)
            target = os.path.realpath(self.path)  # a link to it stays one
            # A file that mkstemp makes has the mode 600 from its first moment.
            descriptor, aside = tempfile.mkstemp(prefix=".store-", dir=os.path.dirname(target))
            try:
                with open(descriptor, "w", encoding="utf-8") as file:
                    file.write(json.dumps(entries, indent=2, ensure_ascii=False))
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(aside, target)
            except BaseException:
                os.unlink(aside)
                raise
        except OSError as error:
            raise CacheError(f"the store of secrets {self.path} cannot be written: {error.strerror}") from error
