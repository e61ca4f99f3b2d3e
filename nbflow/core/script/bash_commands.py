"""What the words of a bash command do to variables: `read x`, `for x in`, `local x=1`, `A=1 tool`.

Alone knows the commands and keywords that set variables. Knows nothing of quotes and expansions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

# Words after which the next one is still the command.
_PREFIXES = frozenset(
    ("!", "builtin", "command", "coproc", "do", "done", "elif", "else", "exec", "fi", "if", "then", "time", "until")
    + ("while", "{", "}")
)
_DECLARING = frozenset(("declare", "local", "typeset"))
_ASSIGNING_ARGUMENTS = _DECLARING | {"export", "readonly"}
_READING = {"read": "dinNptu", "mapfile": "dnOsuCc", "readarray": "dnOsuCc"}
"""Commands that set the variables that they name, and which of their options take a word."""
_OPAQUE = frozenset(("eval", "source", "."))
_LAUNCHERS = frozenset(
    ("bash", "chrt", "env", "find", "ionice", "mpirun", "nice", "nohup", "parallel", "setsid", "sh", "srun", "stdbuf")
    + ("sudo", "taskset", "timeout", "watch", "xargs")
)
"""Programs whose arguments name others that they run."""


def _expands(word: str) -> bool:
    """Whether something expands in a word; in quotes it may look so."""
    return any(mark in word for mark in "\0$`")


@dataclass(slots=True)
class BashNames:
    """What a script does with variables.

    Attributes
    ----------
    expanded : set of str
        Names after ``$``, and bare ones in arithmetic.
    needed : set of str
        Those expanded where bash has no default for them, so that unset ones fail the script.
    assigned : set of str
        Names that the script sets somewhere.
    defaulted : set of str
        Names that it sets only if they are unset: ``${name:=default}``.
    opaque : bool
        Whether it may set names that cannot be seen: it has ``eval``, ``source`` or ``.``.
    computed : bool
        Whether the name of a command is only known when it runs: ``$tool``.
    """

    expanded: set[str] = field(default_factory=set)
    needed: set[str] = field(default_factory=set)
    assigned: set[str] = field(default_factory=set)
    defaulted: set[str] = field(default_factory=set)
    opaque: bool = False
    computed: bool = False

    def expand(self, name: str, *, needed: bool = True) -> None:
        """Note an expansion."""
        self.expanded.add(name)
        if needed:
            self.needed.add(name)


@dataclass(slots=True)
class Command:
    """One command after the other, word by word.

    Attributes
    ----------
    names : BashNames
        Where what they set is noted.
    expected : bool
        Whether the next word is the command's name.
    name : str
        The command's name, once there is one.
    words : int
        Number of its arguments so far.
    previous : str
        The argument before.
    cases : int
        Open ``case`` statements: in these a ``)`` ends a pattern.
    prefixes : list of str
        Names assigned in front of the command.
    """

    names: BashNames
    expected: bool = True
    name: str = ""
    words: int = 0
    previous: str = ""
    cases: int = 0
    prefixes: list[str] = field(default_factory=list)

    def end(self) -> None:
        """The command is over; the next word begins another."""
        self.names.assigned.update(self.prefixes)
        self.prefixes.clear()
        self.expected, self.name, self.words, self.previous = True, "", 0, ""

    def take(self, word: str, assigned: str | None) -> None:
        """The next word, and the name that it assigns if it has the form of an assignment."""
        if self.expected:
            self._first(word, assigned)
        else:
            self._argument(word, assigned)

    def _first(self, word: str, assigned: str | None) -> None:
        if assigned:
            self.prefixes.append(assigned)
        elif word == "esac":
            self.cases = max(0, self.cases - 1)
        elif word not in _PREFIXES:
            # `A=1 tool` sets A for the tool only.
            self.prefixes.clear()
            self.expected, self.name = False, word
            self.cases += word == "case"
            self.names.opaque |= word in _OPAQUE
            self.names.computed |= _expands(word)

    def _argument(self, word: str, assigned: str | None) -> None:
        self.names.computed |= self.name.rpartition("/")[2] in _LAUNCHERS and _expands(word)
        if self.name == "function" or (self.name == "case" and word == "in"):
            self.end()
            return
        if self.name in _ASSIGNING_ARGUMENTS and assigned:
            self.names.assigned.add(assigned)
        elif _NAME.fullmatch(word) and self._sets():
            self.names.assigned.add(word)
        self.words, self.previous = self.words + 1, word

    def _sets(self) -> bool:
        """Whether the command sets the variable that its next word names."""
        name = self.name
        if name in _READING:
            option = self.previous
            return not (option.startswith("-") and option[-1] in _READING[name])
        if name in ("for", "select"):
            return self.words == 0
        if name == "getopts":
            return self.words == 1
        return name in _DECLARING or (name, self.previous) in (("printf", "-v"), ("wait", "-p"))
