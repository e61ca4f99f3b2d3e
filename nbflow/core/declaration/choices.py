"""The directives whose values come from a list: what an editor may propose.

Alone here: that list. What a value means, and which others are taken, is the readers' to say.
"""

from __future__ import annotations

from collections.abc import Mapping

from nbflow.core.declaration.directive_values import EXECUTORS
from nbflow.core.declaration.failure_values import STRATEGIES
from nbflow.core.declaration.staging_values import RAM_DISK, STAGE_IN, STAGE_OUT

_SWITCH = ("true", "false")

CHOICES: Mapping[str, tuple[str, ...]] = {
    "cache": (*_SWITCH, "standard", "lenient", "deep", "sha256"),
    "debug": _SWITCH,
    "error_strategy": STRATEGIES,
    "executor": EXECUTORS,
    "fair": _SWITCH,
    "scratch": (*_SWITCH, RAM_DISK),
    "stage_in_mode": STAGE_IN,
    "stage_out_mode": STAGE_OUT,
}
"""What may be written, by directive."""
