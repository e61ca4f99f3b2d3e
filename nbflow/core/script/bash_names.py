"""The variables that a bash script expands and assigns, found by reading its text.

Alone knows bash's grammar, as far as it decides where a ``$`` expands: quotes, here-documents, comments, substitutions,
arithmetic. Runs nothing, and knows nothing of notebooks.

Where it cannot be sure it errs so that the script fails loudly (`bash -u`), not silently: a name that it misses is
unset in the task.
"""

from __future__ import annotations

import re

from nbflow.core.script.bash_commands import BashNames, Command

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:\[[^\]\n]*\])?\+?=", re.ASCII)
_NUMBER = re.compile(r"[0-9][0-9A-Za-z_#@]*", re.ASCII)
_ARITHMETIC_ASSIGNMENT = re.compile(r"\s*(?:\[[^\]]*\])?\s*(?:=(?!=)|[-+*/%&|^]=|<<=|>>=|\+\+|--)")
_DESCRIPTOR = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
_HERE_DOCUMENT = re.compile(r"<<(-?)[ \t]*((?:'[^']*'|\"[^\"]*\"|\\.|[^\s;&|()<>])+)")
_ANSI_QUOTED = re.compile(r"\$'(?:\\.|[^'\\])*'?", re.DOTALL)


def read_names(script: str) -> BashNames:
    """Find the variables of a bash script.

    Parameters
    ----------
    script : str
        Its text.
    """
    names = BashNames()
    _Reader(script, names).commands("")
    return names


class _Reader:
    """A cursor on a text; each method moves it past one construct of bash."""

    def __init__(self, text: str, names: BashNames) -> None:
        self.text = text
        self.names = names
        self.at = 0
        self.here_documents: list[re.Match[str]] = []

    def has(self, prefix: str) -> bool:
        return self.text.startswith(prefix, self.at)

    def commands(self, closing: str, *, plain: bool = False) -> None:
        """Commands up to `closing`; only words of an array or a pattern if `plain`."""
        command = Command(self.names)
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == closing and not command.cases:
                self.at += 1
                break
            if character == "\n":
                self.at += 1
                self.skip_here_documents()
                command.end()
            elif character in " \t\r" or self.has("\\\n"):
                self.at += 2 if character == "\\" else 1
            elif character == "#":
                self.skip_to("\n")
            elif character in "<>" or self.has("&>"):
                self.redirection()
            elif character in ";&|)":
                self.at += 1
                command.end()
            elif character == "(":
                self.parenthesis()
                command.end()
            else:
                self.command_word(command, plain)
        command.end()

    def skip_to(self, mark: str) -> None:
        end = self.text.find(mark, self.at)
        self.at = len(self.text) if end < 0 else end

    def parenthesis(self) -> None:
        if self.has("((") and self.is_arithmetic(self.at):
            self.at += 2
            self.arithmetic("))")
        else:
            self.at += 1
            self.commands(")")

    def command_word(self, command: Command, plain: bool) -> None:
        assignment = _ASSIGNMENT.match(self.text, self.at)
        word = self.word()
        followed_by_redirection = self.text[self.at : self.at + 1] in ("<", ">")
        if plain or (followed_by_redirection and word.isdigit()):
            return
        descriptor = _DESCRIPTOR.fullmatch(word)
        if descriptor and followed_by_redirection:
            self.names.assigned.add(descriptor[1])
        elif command.name == "let":
            _Reader(word, self.names).arithmetic("")
        else:
            command.take(word, assignment[1] if assignment else None)

    def word(self) -> str:
        """A word; what expands in it stands as NUL in the text returned."""
        found = ""
        while self.at < len(self.text) and self.text[self.at] not in " \t\r\n;&|)<>":
            character = self.text[self.at]
            if character == "(":
                if found[-1:] not in ("=", "?", "*", "+", "@", "!"):
                    break
                self.at += 1
                self.commands(")", plain=True)
            elif character == "\\":
                found += self.text[self.at + 1 : self.at + 2].strip("\n")
                self.at += 2
            elif character == "'":
                start = self.at = self.at + 1
                self.skip_to("'")
                found += self.text[start : self.at]
                self.at += 1
            elif character == '"':
                found += self.double_quotes()
            elif character in "$`":
                self.expansion(quoted=False)
                found += "\0"
            else:
                found += character
                self.at += 1
        return found

    def double_quotes(self) -> str:
        start = self.at = self.at + 1
        while self.at < len(self.text) and self.text[self.at] != '"':
            self.quoted_character()
        self.at += 1
        return self.text[start : self.at - 1]

    def quoted_character(self) -> None:
        if self.text[self.at] == "\\":
            self.at += 2
        elif self.text[self.at] in "$`":
            self.expansion(quoted=True)
        else:
            self.at += 1

    def expansion(self, *, quoted: bool) -> None:
        """What ``$`` or a backtick begins."""
        if self.text[self.at] == "`":
            self.backticks()
        elif self.has("$((") and self.is_arithmetic(self.at + 1):
            self.at += 3
            self.arithmetic("))")
        elif self.has("$("):
            self.at += 2
            self.commands(")")
        elif self.has("${"):
            self.at += 2
            self.parameter(quoted=quoted)
        elif self.has("$["):
            self.at += 2
            self.arithmetic("]")
        elif self.has("$'") and not quoted:
            quote = _ANSI_QUOTED.match(self.text, self.at)
            self.at = quote.end() if quote else len(self.text)
        else:
            self.variable()

    def variable(self) -> None:
        name = _NAME.match(self.text, self.at + 1)
        if name:
            self.names.expand(name[0])
            self.at = name.end()
        else:
            # `$1`, `$@` and the like take two characters; a `$` before a quote or a blank is itself.
            self.at += 2 if self.text[self.at + 1 : self.at + 2] in tuple("0123456789@*#?-$!") else 1

    def backticks(self) -> None:
        start = self.at = self.at + 1
        while self.at < len(self.text) and self.text[self.at] != "`":
            self.at += 2 if self.text[self.at] == "\\" else 1
        inner = re.sub(r"\\([$`\\])", r"\1", self.text[start : self.at])
        self.at += 1
        _Reader(inner, self.names).commands("")

    def parameter(self, *, quoted: bool) -> None:
        """The rest of ``${...}``."""
        modifier = self.text[self.at : self.at + 1]
        if modifier in ("!", "#") and _NAME.match(self.text, self.at + 1):
            self.at += 1
        name = _NAME.match(self.text, self.at)
        if name is None:
            # Past `@`, `1` and the like: `${#}` and `${@:2}` read no variable.
            self.at += self.text[self.at : self.at + 1] not in ("", "}")
        else:
            self.at = name.end()
            self.subscript()
            self.note_parameter(name[0], modifier)
        offset = self.has(":") and self.text[self.at + 1 : self.at + 2] not in ("-", "=", "?", "+")
        if offset:
            self.at += 1
            self.arithmetic("}")
        else:
            literal_quotes = quoted and self.text[self.at : self.at + 1] in (":", "-", "=", "?", "+")
            self.braced(literal_quotes=literal_quotes)

    def subscript(self) -> None:
        if self.has("["):
            self.at += 1
            while self.at < len(self.text) and self.text[self.at] != "]":
                self.quoted_character()
            self.at += 1

    def note_parameter(self, name: str, modifier: str) -> None:
        rest = self.text[self.at : self.at + 2]
        if modifier == "!" and rest in ("*}", "@}"):
            return
        if rest.startswith("=") or rest == ":=":
            self.names.defaulted.add(name)
        self.names.expand(name, needed=rest[:1] not in ("-", "=", "+") and rest not in (":-", ":=", ":+"))

    def braced(self, *, literal_quotes: bool) -> None:
        while self.at < len(self.text) and self.text[self.at] != "}":
            if self.has("'") and not literal_quotes:
                self.at += 1
                self.skip_to("'")
                self.at += 1
            elif self.has('"'):
                self.double_quotes()
            else:
                self.quoted_character()
        self.at += 1

    def is_arithmetic(self, start: int) -> bool:
        """Whether ``((`` is closed by ``))``, so that it is no command list in two parentheses."""
        depth, at = 0, start
        while at < len(self.text):
            character = self.text[at]
            depth += (character == "(") - (character == ")")
            if depth == 1 and at > start:
                return self.text.startswith("))", at)
            at += 2 if character == "\\" else 1
        return False

    def arithmetic(self, closing: str) -> None:
        depth = 0
        while self.at < len(self.text):
            if not depth and closing and self.has(closing):
                self.at += len(closing)
                return
            character = self.text[self.at]
            name = _NAME.match(self.text, self.at)
            number = _NUMBER.match(self.text, self.at)
            if name:
                self.arithmetic_name(name)
            elif number:
                self.at = number.end()
            else:
                depth += (character in "([") - (character in ")]")
                self.quoted_character()

    def arithmetic_name(self, name: re.Match[str]) -> None:
        before = self.text[max(0, self.at - 8) : self.at].rstrip()
        if _ARITHMETIC_ASSIGNMENT.match(self.text, name.end()) or before.endswith(("++", "--")):
            self.names.assigned.add(name[0])
        else:
            self.names.expand(name[0])
        self.at = name.end()

    def redirection(self) -> None:
        here = _HERE_DOCUMENT.match(self.text, self.at) if not self.has("<<<") else None
        if here:
            self.here_documents.append(here)
            self.at = here.end()
            return
        if self.has("<(") or self.has(">("):
            self.at += 2
            self.commands(")")
            return
        while self.at < len(self.text) and self.text[self.at] in "<>&|":
            self.at += 1
        while self.text[self.at : self.at + 1] in (" ", "\t"):
            self.at += 1
        if not (self.has("<(") or self.has(">(")):
            self.word()

    def skip_here_documents(self) -> None:
        pending, self.here_documents = self.here_documents, []
        for here in pending:
            self.here_document(here)

    def here_document(self, here: re.Match[str]) -> None:
        tabs, raw = here.groups()
        end = re.sub(r"\\(.)|['\"]", r"\1", raw)
        body = ""
        while self.at < len(self.text):
            start = self.at
            self.skip_to("\n")
            line = self.text[start : self.at]
            self.at += 1
            if (line.lstrip("\t") if tabs else line) == end:
                break
            body += line + "\n"
        if end == raw:
            reader = _Reader(body, self.names)
            while reader.at < len(body):
                reader.quoted_character()
