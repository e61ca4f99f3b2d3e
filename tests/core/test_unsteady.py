"""Values whose pickled state is another each time have one digest all the same."""

from __future__ import annotations

import pickle
from typing import Any

import matplotlib.colors
import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.spatial import KDTree, cKDTree
from sklearn.utils import Bunch

from nbflow.core.values.hashing import digest

POINTS = np.random.default_rng(0).random((50, 2))


def figure(height: float) -> Figure:
    made = Figure()
    made.subplots().plot([0, height])
    return made


MADE: dict[str, Any] = {
    "figure": lambda: figure(1),
    "other figure": lambda: figure(2),
    "axes": lambda: figure(1).axes[0],
    "norm": lambda: matplotlib.colors.Normalize(0, 1),
    "other norm": lambda: matplotlib.colors.Normalize(0, 2),
    "tree": lambda: KDTree(POINTS),
    "tree of C": lambda: cKDTree(POINTS),
    "finer tree": lambda: KDTree(POINTS, leafsize=2),
    "other tree": lambda: KDTree(POINTS + 1),
    "bunch": lambda: Bunch(data=[1]),
    "other bunch": lambda: Bunch(data=[2]),
    "dict": lambda: {"data": [1]},
}


def test_they_differ_where_their_content_does() -> None:
    assert len({digest(make()) for make in MADE.values()}) == len(MADE)


@pytest.mark.parametrize("name", MADE)
def test_asked_twice_made_again_or_received_the_digest_is_one(name: str) -> None:
    value = MADE[name]()
    assert digest(value) == digest(value)
    assert digest(MADE[name]()) == digest(value)
    assert digest(pickle.loads(pickle.dumps(value, 5))) == digest(value)


def test_using_a_colour_scale_does_not_change_its_digest() -> None:
    used = matplotlib.colors.Normalize(0, 1)
    assert used(0.5) == 0.5
    assert digest(used) == digest(matplotlib.colors.Normalize(0, 1))
