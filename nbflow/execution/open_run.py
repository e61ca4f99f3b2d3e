"""What is open while a run goes on. A record only."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from nbflow.execution.executor import Executor
from nbflow.execution.explain.reasons import Reasons
from nbflow.execution.lookup import Lookup
from nbflow.storage.nextflow.history import RunRecord


@dataclass(slots=True)
class Open:
    """What is open while a run goes on."""

    record: RunRecord
    began: float
    resources: ExitStack
    runner: Lookup
    executor: Executor | None
    reasons: Reasons
