"""A channel: what users hold of a flow of items, with all operators.

It says what items there are; `flow` moves them. Knows no cache, no executor and no notebook.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nbflow.execution.channels.engine import Engine
from nbflow.execution.channels.flow import Node
from nbflow.execution.channels.operators.choosing import Choosing
from nbflow.execution.channels.operators.collecting import Collecting
from nbflow.execution.channels.operators.combining import Combining
from nbflow.execution.channels.operators.forking import Forking
from nbflow.execution.channels.operators.gathering import Gathering
from nbflow.execution.channels.operators.grouping import Grouping
from nbflow.execution.channels.operators.splitting import Splitting
from nbflow.execution.channels.operators.transforming import Transforming

_INSTEAD = {
    "set": "an assignment does it: `name = channel`",
    "into": "a channel can be read any number of times: use it twice",
    "subscribe": "loop over the channel, or print its items with .view()",
    "random_sample": "a sample that differs from run to run cannot be resumed: choose by seed with .filter(...)",
    "count_lines": "use .split_text().count()",
    "count_fasta": "use .split_fasta().count()",
    "count_fastq": "use .split_fastq().count()",
    "count_json": "use .split_json().count()",
    "dump": "print its items with .view(tag=...)",
}


class Channel(
    Transforming["Channel"],
    Choosing["Channel"],
    Gathering["Channel"],
    Grouping["Channel"],
    Combining["Channel"],
    Forking["Channel"],
    Splitting["Channel"],
    Collecting["Channel"],
):
    """A flow of items, in the order of the input whatever the timing; it can be read again.

    Made by the factories of `channel`, by operators, and by calling a process with a channel. The operators are
    Nextflow's, in snake_case; each says in its own help what it does.

    One by one: ``map filter flat_map flatten transpose branch multi_map tap view``; chosen: ``take until unique distinct
    if_empty``; several in one: ``group_tuple collate buffer``; all in one, as a value channel: ``collect to_list
    to_sorted_list first last count reduce min max sum``; of several channels: ``join combine cross merge mix concat``;
    files: ``split_csv split_text split_fasta split_fastq split_json collect_file``.
    """

    def _channel(self, node: Node, *, is_value: bool = False) -> Channel:
        return Channel(node, is_value=is_value)

    if not TYPE_CHECKING:  # a type checker shall say of an unknown operator that there is none

        def __getattr__(self, name: str) -> Any:
            """Say which operator may have been meant."""
            if name.startswith("_"):
                raise AttributeError(name, name=name, obj=self)  # asked by Python and IPython, often
            raise self._unknown(name)

    def _unknown(self, name: str, outputs: Sequence[str] = ()) -> AttributeError:
        nothing = f"no operator `{name}`"
        if outputs:
            nothing = f"neither an operator nor an output `{name}`; its outputs are {', '.join(outputs)}"
        return AttributeError(f"a channel has {nothing}{_proposal(name)}", name=name, obj=self)


def _proposal(name: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    if snake in _INSTEAD:
        return f": {_INSTEAD[snake]}"
    known = [each for each in dir(Channel) if not each.startswith("_")]
    close = [snake] if snake in known else difflib.get_close_matches(snake, known, 1)
    return f"; did you mean `{close[0]}`?" if close else ""


ENGINE = Engine()
"""Moves the items of all channels of this process; its thread starts with the first that is used."""
