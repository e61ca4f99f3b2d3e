"""Which names of variables likely hold secrets, and what stands for one: their values are hashed, and never recorded or shown."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "[secure]"
"""What stands for a secret; Nextflow's word."""

_TELLING = 4

# Nextflow masks the names of the first line in what it records; the second line is nbflow's addition.
_SECRET = re.compile(
    r"^AWS|TOKEN|SECRET|API_?KEY"
    r"|PASSW(OR)?D|PASSPHRASE|CREDENTIAL|PRIVATE_?KEY|ACCESS_?KEY",
    re.IGNORECASE,
)


def is_secret(name: str) -> bool:
    """Tell whether a variable of that name likely holds a secret."""
    return _SECRET.search(name) is not None


def hidden(text: str, secrets: Iterable[str]) -> str:
    """A text that a task printed or raised, without the values of secrets; those of a few characters may be anything."""
    for value in secrets:
        if len(value) >= _TELLING:
            text = text.replace(value, MASK)
    return text
