"""Which names of variables likely hold secrets: their values are hashed, and never recorded or shown."""

from __future__ import annotations

import re

MASK = "[secure]"
"""What stands for a secret; Nextflow's word."""

# Nextflow masks the names of the first line in what it records; the second line is nbflow's addition.
_SECRET = re.compile(
    r"^AWS|TOKEN|SECRET|API_?KEY"
    r"|PASSW(OR)?D|PASSPHRASE|CREDENTIAL|PRIVATE_?KEY|ACCESS_?KEY",
    re.IGNORECASE,
)


def is_secret(name: str) -> bool:
    """Tell whether a variable of that name likely holds a secret."""
    return _SECRET.search(name) is not None
