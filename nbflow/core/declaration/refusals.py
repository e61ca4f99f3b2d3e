"""Nextflow's directives that nbflow does not carry out, each with its own reason and what to do instead.

Alone knows them. Decides nothing: whoever is about to run a process that has one says so.
"""

from __future__ import annotations

from collections.abc import Mapping

LATER = frozenset(("arch", "conda", "container", "container_options", "module", "spack", "uv"))
"""Those that say in which software a task runs: nbflow will carry them out, and does not yet."""

REFUSED: Mapping[str, str] = {
    "accelerator": (
        "asks a cluster or a cloud for GPUs; on this machine a task sees those that the kernel sees: take it out, and limit "
        "how many tasks share them with `cpus`"
    ),
    "array": "bundles tasks for a cluster's queue; on this machine each task starts by itself: take it out",
    "cluster_options": "is for a cluster's scheduler, and the local executor has none: take it out",
    "disk": (
        "reserves disk space at an executor that has disks to give; here all tasks share this machine's: take it out, and "
        "choose where scripts work with `scratch`"
    ),
    "hints": "speaks to an executor in its own words, and the local executor takes no hints: take it out",
    "machine_type": "chooses a machine of a cloud; tasks run on this one: take it out, and ask for `cpus` and `memory`",
    "max_submit_await": (
        "limits how long a task waits in a cluster's queue, and the local executor has none: take it out; `time` limits how "
        "long a task runs"
    ),
    "penv": "is a parallel environment of Grid Engine, which the local executor has not: take it out, and ask for `cpus`",
    "pod": (
        "describes a pod of Kubernetes; here a task is a process of this machine: take it out, and set variables with `env` "
        "and `secret`"
    ),
    "queue": "is for cluster executors; the local executor has no queues: take it out",
    "resource_labels": (
        "labels the machines of a cloud, for its bill; the local executor rents none: take it out, and mark processes with "
        "`label` and tasks with `tag`"
    ),
}
"""Those that mean nothing on one machine, with what the sentence `directive X ...` says of each."""

ELSEWHERE: Mapping[str, str] = {
    "echo": "is the old name of `debug`; write `debug`",
    "valid_exit_status": "was taken out of Nextflow; let the script end with `exit 0` where another status is fine",
    "when": "is a condition on inputs; take items out before the call: `process(items.filter(lambda item: ...))`",
}
"""Those that have another name or place here."""


def not_carried_out(name: str) -> str:
    """Why a process with a directive of `LATER` or `REFUSED` does not run, and the next step: a sentence."""
    if name in REFUSED:
        return f"directive `{name}` {REFUSED[name]}"
    return f"directive `{name}` is not supported yet; remove it to run this process"
