"""Values from the cache: what they cost in memory, and what changing them changes."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.remembering.conftest import Notebooks

GIB = 1 << 30
RSS = """
import os
def rss():
    return int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGE_SIZE')
"""
MAKE = "%%process big -> a\nimport numpy as np\na = np.ones(1 << 27)"


def _skip_without_room(directory: object) -> None:
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("resident memory is read from /proc, which is not here")
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    free = shutil.disk_usage(str(directory)).free
    if min(memory, free) < 6 * GIB:
        pytest.skip(f"needs 6 GiB, has {memory / GIB:.1f} of memory and {free / GIB:.1f} of disk")


def test_a_gigabyte_from_the_cache_costs_no_memory_and_writing_to_it_changes_no_file(notebooks: Notebooks) -> None:
    _skip_without_room(notebooks.directory)
    assert notebooks.run(MAKE)[0].status == "COMPLETED"
    files = {
        path: (path.stat().st_size, path.stat().st_mtime_ns) for path in notebooks.directory.glob("work/*/*/.nbflow/*")
    }
    cells = notebooks.run(
        RSS,
        "%%process warm -> w\nimport numpy as np\nw = np.ones(3)",
        "before = rss()",
        MAKE,
        "rss() - before",
        "a.nbytes, float(a[12345]), a.flags.writeable",
        "a[12345] = 7\na[-1] = 8\nfloat(a[12345])",
    )
    assert cells[3].status == "CACHED"
    assert int(cells[4].result) < 50 << 20
    assert cells[5].result == f"({GIB}, 1.0, True)"
    assert cells[6].result == "7.0"
    again = notebooks.run(MAKE, "float(a[12345]), float(a[-1])")
    assert again[0].status == "CACHED"
    assert again[1].result == "(1.0, 1.0)"
    now = {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in files}
    assert now == files
    assert not any(path.stat().st_mode & 0o222 for path in files if path.name == "values" or path.suffix == ".buffer")


def test_changing_a_value_from_the_cache_changes_neither_the_cache_nor_another_reader(notebooks: Notebooks) -> None:
    make = "%%process make -> d\nimport numpy as np\nd = {'a': [1], 'x': np.zeros(5_000_000)}"
    cells = notebooks.run(make, "d['a'].append(2)\nd['x'][0] = 9\none = d", make, "d['a'], float(d['x'][0]), one['a']")
    assert cells[3].result == "([1], 0.0, [1, 2])"
    assert notebooks.run(make, "d['a'], float(d['x'][0])")[1].result == "([1], 0.0)"
