"""A session made by hand for tests that only read."""

from __future__ import annotations

import pytest

from nbflow.browsing.model import Model
from nbflow.storage.browse import Reader
from tests.browsing.made import MadeSession
from tests.storage.conftest import python

__all__ = ["python"]

TASKS = 600


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeSession:
    return MadeSession(tmp_path_factory.mktemp("launch"), TASKS)


@pytest.fixture
def reader(made: MadeSession) -> Reader:
    return Reader(made.layout)


@pytest.fixture
def model(made: MadeSession) -> Model:
    return Model(lambda: Reader(made.layout))
