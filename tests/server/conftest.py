"""Launch directories for tests that only read."""

from __future__ import annotations

import pytest

from tests.server.ground import Ground


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground(tmp_path_factory.mktemp("ground").resolve())
