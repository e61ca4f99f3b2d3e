"""Why a task ran: its parts against those of the nearest earlier task, in words.

Pure: compares two lists of parts. Knows neither where entries lie nor who asks.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from nbflow.core.parts import Part

_LABELS = {"source": "the source", "session": "the session", "scheme": "the hash scheme", "stub": "the stub"}
_CODE = {"function", "class", "source", "module"}


def differences(now: Iterable[Part], before: Iterable[Part]) -> list[str]:
    """Sentences that name each part that differs, from what to what.

    Parameters
    ----------
    now, before : iterable of Part
        The parts of the task that runs and of the earlier one.

    Returns
    -------
    list of str
        As in ``global `threshold` changed: 0.5 -> 0.7``; empty where all parts agree.
    """
    new = {(part.kind, part.name): part for part in now}
    old = {(part.kind, part.name): part for part in before}
    keys = list(dict.fromkeys([*new, *old]))
    return [_sentence(new.get(key), old.get(key)) for key in keys if _differ(new.get(key), old.get(key))]


def _differ(new: Part | None, old: Part | None) -> bool:
    return new is None or old is None or new.digest != old.digest


def _sentence(new: Part | None, old: Part | None) -> str:
    if new is None:
        assert old is not None
        return f"{_label(old)} is no longer used"
    if old is None:
        return f"{_label(new)} is new" + (f": {new.preview}" if new.preview and new.kind not in _CODE else "")
    return f"{_label(new)} changed" + _change(new, old)


def _label(part: Part) -> str:
    return _LABELS.get(part.kind) or f"{part.kind} `{part.name}`"


def _change(new: Part, old: Part) -> str:
    if new.kind in _CODE:
        line = _first_changed_line(new.preview, old.preview)
        return f": line {line}" if line else ""
    if not new.preview or not old.preview:
        return ""
    if new.preview == old.preview:
        return f": its content (it still reads {new.preview})"
    return f": {old.preview} -> {new.preview}"


def _first_changed_line(new: str, old: str) -> int | None:
    matcher = difflib.SequenceMatcher(None, old.splitlines(), new.splitlines(), autojunk=False)
    for tag, _, _, start, _ in matcher.get_opcodes():
        if tag != "equal":
            return start + 1
    return None
