"""Which start of the machine this is: files are trusted by size and time only within one."""

from __future__ import annotations

from pathlib import Path

import psutil

_LINUX = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """A text that is the same until the machine is started again."""
    try:
        return _LINUX.read_text().strip()[:8]
    except OSError:
        return str(int(psutil.boot_time()))
