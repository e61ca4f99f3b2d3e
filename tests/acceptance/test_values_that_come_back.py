"""What a body may put out, and how it comes back."""

from __future__ import annotations

import pytest

from tests.notebook.lab import Lab


def test_a_library_that_asks_for_ipython_is_told_there_is_none(lab: Lab) -> None:
    """Libraries, pandas among them, catch only the NameError of plain Python."""
    lab.ok(
        """
        %%process asks -> r
        def asked():
            try:
                return get_ipython()
            except NameError as error:
                return str(error)
        r = asked()
        """
    )
    assert "there is no IPython in a task" in lab.value("r")


def test_an_import_within_an_import_works_in_a_task(lab: Lab) -> None:
    """pyarrow imports pandas by itself, within the task."""
    pytest.importorskip("pyarrow")
    cell = "%%process table -> r\nimport pyarrow as pa\nr = pa.table({'a': [1, 2], 'b': ['x', None]})"
    assert not lab.ok(cell).cached
    assert lab.ok(cell).cached
    assert lab.value("r.to_pydict()") == {"a": [1, 2], "b": ["x", None]}
