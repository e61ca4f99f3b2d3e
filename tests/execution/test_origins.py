"""Tests of where a channel's items come from."""

from __future__ import annotations

import pytest

from nbflow.execution.channels.origins import origins
from tests.execution.flows import Flow


def test_items_that_no_process_made_have_no_origin() -> None:
    flow = Flow()
    assert origins([flow.of(1, 2).map(lambda x: x).mix(flow.of(3)).collect().node]) == []


@pytest.mark.parametrize("steps", [5_000])
def test_a_long_chain_of_operators_is_walked_without_recursion_and_each_node_once(steps: int) -> None:
    flow = Flow()
    channel = flow.of(1)
    for _ in range(steps):
        channel = channel.map(lambda x: x)
    shared = flow.of(1)
    for _ in range(40):  # two ways to each: walked one by one they would be 2 ** 40
        shared = shared.mix(shared)
    assert origins([channel.node, shared.node]) == []
