"""What a task used of the machine, as fields of a trace record.

Alone knows the units of the operating system's figures. Measures nothing itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
_IO_FIELDS = ("rchar", "wchar", "syscr", "syscw", "read_bytes", "write_bytes")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a task's processes used, as the operating system counted it when they ended.

    Attributes
    ----------
    user, system : float
        CPU seconds of the task and all its descendants that were waited for.
    peak_rss : int
        Bytes of the largest single process among them, not of their sum: what wait4 reports. A process starts with
        the size of the one that started it, so about 10 MB is the least that is ever reported.
    vol_ctxt, inv_ctxt : int
        Voluntary and involuntary context switches.
    io : mapping of str to int
        ``rchar wchar syscr syscw read_bytes write_bytes`` of ``/proc/<pid>/io``; empty where that is not known.
    """

    user: float = 0.0
    system: float = 0.0
    peak_rss: int = 0
    vol_ctxt: int = 0
    inv_ctxt: int = 0
    io: Mapping[str, int] | None = None

    @staticmethod
    def from_rusage(rusage: Mapping[str, float], io: Mapping[str, int] | None = None) -> Usage:
        """Read the figures of ``wait4``, by the names of ``struct_rusage`` without ``ru_``."""
        return Usage(
            user=float(rusage["utime"]),
            system=float(rusage["stime"]),
            peak_rss=int(rusage["maxrss"]) * _RSS_UNIT,
            vol_ctxt=int(rusage["nvcsw"]),
            inv_ctxt=int(rusage["nivcsw"]),
            io=dict(io) if io else None,
        )


def trace_fields(usage: Usage, seconds: float) -> dict[str, object]:
    """The figures as fields of a trace record; only what was really measured is among them.

    Parameters
    ----------
    usage : Usage
        What was counted.
    seconds : float
        Wall-clock time of the task.

    Returns
    -------
    dict of str to object
        Nextflow's names and units: ``realtime`` in milliseconds, percentages, sizes in bytes.
    """
    io = usage.io or {}
    fields: dict[str, object] = {
        "realtime": round(seconds * 1000),
        "%cpu": (usage.user + usage.system) / seconds * 100 if seconds > 0 else 0.0,
        "cpu_model": _cpu_model() or None,
        **{name: io[name] for name in _IO_FIELDS if name in io},
        "%mem": usage.peak_rss / total_memory() * 100,
        "peak_rss": usage.peak_rss,
        "vol_ctxt": usage.vol_ctxt,
        "inv_ctxt": usage.inv_ctxt,
    }
    return {name: value for name, value in fields.items() if value is not None}


@cache
def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except FileNotFoundError:
        return ""
    models = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return models[0] if models else ""


def usable_cpus() -> int:
    """CPUs that this process may run on."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


@cache
def total_memory() -> int:
    """Bytes of memory that this machine has."""
    return int(psutil.virtual_memory().total)
