"""Tensors count by what travels: type, strides, storage and content; where they lie in memory does not.

Torch is too large for every run of the tests; these run where it is installed (extra ``torch``).
"""

from __future__ import annotations

import copy
import os
import pathlib
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from nbflow.core.values.hashing import digest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[torch]'")


class Net(torch.nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(3, 2)


def net(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return Net()


def with_second(layer: Any) -> Any:
    model = net()
    model.second = layer(model.first)
    return model


def trained(steps: int) -> list[Any]:
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(steps):
        optimizer.zero_grad()
        model.first(torch.ones(1, 3)).sum().backward()
        optimizer.step()
    return [model, optimizer]


def noted(tensor: Any, note: str) -> Any:
    tensor.note = note
    return tensor


SQUARE = torch.arange(4.0).reshape(2, 2)
TWO = torch.tensor([1.0, 2.0])
CHANGED = torch.zeros(1_000_000)
CHANGED[777_777] = 1e-30

DIFFERENT: dict[str, Any] = {
    "list": [1.0, 2.0],
    "array": np.array([1.0, 2.0], "f4"),
    "f4": TWO,
    "f8": TWO.double(),
    "i8": TWO.long(),
    "bf16": torch.zeros(2, dtype=torch.bfloat16),
    "f16": torch.zeros(2, dtype=torch.float16),
    "bools": torch.tensor([True]),
    "bytes": torch.tensor([1], dtype=torch.uint8),
    "0-d": torch.tensor(1.0),
    "2, 3": torch.zeros(2, 3),
    "3, 2": torch.zeros(3, 2),
    "-0.0": -torch.zeros(2, 3),
    "square": SQUARE,
    "square.T": SQUARE.T,
    "other strides": SQUARE.T.contiguous(),
    "grown": torch.zeros(1).expand(5),
    "written out": torch.zeros(5),
    "wants a gradient": torch.tensor([1.0, 2.0], requires_grad=True),
    "parameter": torch.nn.Parameter(torch.tensor([1.0, 2.0])),
    "conjugate": torch.tensor([1 + 2j]).conj(),
    "complex": torch.tensor([1 + 2j]),
    "sparse": torch.eye(3).to_sparse(),
    "without content": torch.zeros(3, device="meta"),
    "noted": noted(torch.tensor([1.0, 2.0]), "a"),
    "noted 2": noted(torch.tensor([1.0, 2.0]), "b"),
    "channels last": torch.zeros(1, 2, 3, 3).to(memory_format=torch.channels_last),
    "channels first": torch.zeros(1, 2, 3, 3),
    "zeros": torch.zeros(1_000_000),
    "one of a million changed": CHANGED,
    "met twice": [TWO, TWO],
    "two equal ones": [TWO.clone(), TWO.clone()],
    "model": net(),
    "other weights": net(1),
    "for evaluation": net().eval(),
    "tied": with_second(lambda layer: layer),
    "not tied": with_second(copy.deepcopy),
    "its state": net().state_dict(),
    "in training": trained(1),
    "further in training": trained(2),
    "generator": torch.Generator().manual_seed(1),
    "other generator": torch.Generator().manual_seed(2),
    "type": torch.float32,
    "other type": torch.float64,
    "device": torch.device("cpu"),
    "size": torch.Size([1, 2]),
}


def test_tensors_that_differ_in_anything_readable_have_different_digests() -> None:
    owners: dict[bytes, str] = {}
    collisions = []
    for name, value in DIFFERENT.items():
        other = owners.setdefault(digest(value), name)
        if other != name:
            collisions.append((other, name))
    assert collisions == []


@pytest.mark.parametrize("name", DIFFERENT)
def test_the_trip_keeps_the_digest(name: str) -> None:
    value = DIFFERENT[name]
    assert digest(pickle.loads(pickle.dumps(value, 5))) == digest(value) == digest(value)


def test_where_a_tensor_lies_in_memory_does_not_count() -> None:
    assert digest(torch.arange(3.0)) == digest(torch.from_numpy(np.arange(3, dtype="f4")))
    assert digest(TWO) == digest(TWO.clone())


def test_what_does_not_survive_the_trip_does_not_count() -> None:
    """Tensors that share memory are received as tensors of their own."""
    tensor = torch.zeros(3)
    assert digest([tensor, tensor.view(3)]) == digest([torch.zeros(3), torch.zeros(3)])


def test_a_tensor_changed_in_place_is_seen() -> None:
    tensor = torch.zeros(10)
    before = digest(tensor)
    tensor[3] = 1
    assert digest(tensor) != before


_MODEL = """
import sys
sys.path[:0] = [{root!r}]
from tests.core.test_tensors import digest, trained
print(digest(trained(2)).hex())
"""


def test_a_model_and_its_optimizer_have_one_digest_in_all_processes() -> None:
    root = pathlib.Path(__file__).parents[2]
    found = subprocess.run(
        [sys.executable, "-c", _MODEL.format(root=str(root))],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        check=True,
        capture_output=True,
        text=True,
        cwd=root,
    ).stdout.strip()
    assert found == digest(trained(2)).hex()
