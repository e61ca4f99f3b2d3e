"""Settings of a kernel: ``%config NBFlow`` changes what nbflow does, and the environment stands below it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.notebook.conftest import Kernel
from tests.notebook.lab import Lab

PROGRAM = """
import sys
from traitlets.config import Config
from IPython.core.interactiveshell import InteractiveShell
config = Config()
exec(sys.argv[1])
shell = InteractiveShell.instance(config=config)
shell.run_line_magic("colors", "nocolor")
shell.run_line_magic("load_ext", "nbflow")
for cell in sys.argv[2:]:
    shell.run_cell(cell)
"""


def kernel(directory: Path, config: str, *cells: str, **environ: str) -> str:
    """What the cells of a kernel of its own print."""
    command = [sys.executable, "-c", PROGRAM, config, *cells]
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(directory), "IPYTHONDIR": str(directory / "ipython")}
    done = subprocess.run(command, cwd=directory, env={**clean, **environ}, capture_output=True, text=True)
    return done.stdout + done.stderr


def test_config_lists_the_settings_with_their_values(lab: Lab) -> None:
    shown = lab.ok("%config NBFlow").out
    names = ("cpus", "memory", "progress_interval", "storage_expiration_hours", "age_limit", "size_limit")
    for name in (*names, "price_per_gb_month"):
        assert f"NBFlow.{name}=" in shown
    assert "Current: 0.25" in shown


def test_the_budget_is_that_of_the_next_run_and_a_change_within_one_is_told(lab: Lab) -> None:
    lab.ok("%config NBFlow.cpus = 1")
    assert "counts from the next run on" not in lab.ok("%config NBFlow.memory = '1 GB'").out
    assert "1" in lab.fails("%%process wide -> x\n#| cpus: 2\nx = 1")
    lab.ok("%%process narrow -> x\nx = 1")
    assert "`cpus` counts from the next run on" in lab.ok("%config NBFlow.cpus = 2").out
    lab.ok("%resume last")
    lab.ok("%%process wide -> x\n#| cpus: 2\nx = 1")
    assert "1 GB" in lab.fails("%%process big -> x\n#| memory: 2 GB\nx = 1")


SLOW = """\
%%process slow(k) -> x
import time
time.sleep(0.6)
x = k"""


@pytest.mark.parametrize(("interval", "many"), [(600, False), (0.05, True)])
def test_progress_is_updated_at_the_interval_that_is_set(kernel: Kernel, interval: float, many: bool) -> None:
    assert kernel.run("%load_ext nbflow\n%config NBFlow.cpus = 1").status == "ok"
    kernel.run(SLOW)
    kernel.run(f"%config NBFlow.progress_interval = {interval}\nimport os\nos.environ['NBFLOW_NOTEBOOK'] = ''")
    reply = kernel.run(f"slow(channel.of(*range({interval * 20:.0f}, {interval * 20:.0f} + 4)))")
    assert len(reply.of("display_data")) == 1
    assert (len(reply.of("update_display_data")) > 2) is many  # the settled state is one


def test_the_environment_stands_below_ipythons_configuration_and_that_below_config(tmp_path: Path) -> None:
    show = "print(get_ipython().run_line_magic('config', 'NBFlow.cpus'))"
    assert kernel(tmp_path, "", show, NBFLOW_CPUS="3").strip() == "3"
    assert kernel(tmp_path, "config.NBFlow.cpus = 2", show, NBFLOW_CPUS="3").strip() == "2"
    cells = ("%config NBFlow.cpus = 1", show)
    assert kernel(tmp_path, "config.NBFlow.cpus = 2", *cells, NBFLOW_CPUS="3").strip() == "1"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("NBFLOW_CPUS", "many", "NBFLOW_CPUS is 'many', which is no number"),
        ("NBFLOW_SIZE_LIMIT", "big", "NBFlow.size_limit: 'big' is not an amount"),
        ("NBFLOW_AGE_LIMIT", "30", "NBFlow.age_limit: '30' is not a duration"),
    ],
)
def test_a_variable_that_cannot_be_read_is_named(tmp_path: Path, name: str, value: str, says: str) -> None:
    assert says in kernel(tmp_path, "", "1", **{name: value})


def test_a_value_of_a_wrong_kind_is_refused_and_the_setting_stays(tmp_path: Path) -> None:
    show = "print(get_ipython().run_line_magic('config', 'NBFlow.size_limit'))"
    cells = ("%config NBFlow.size_limit = '5 GB'", "%config NBFlow.size_limit = 'big'", show)
    shown = kernel(tmp_path, "", *cells)
    assert "'big' is not an amount of memory" in shown
    assert shown.startswith("5 GB\n")


def test_unloading_takes_the_settings_and_the_completion_away(tmp_path: Path) -> None:
    shell = "get_ipython()"
    ours = f"len([each for each in {shell}.configurables if type(each).__name__ == 'NBFlow'])"
    counts = f"print({ours}, len({shell}.Completer.custom_matchers))"
    shown = kernel(tmp_path, "", counts, "%unload_ext nbflow", counts, "%load_ext nbflow", counts)
    assert shown.split("\n")[:3] == ["1 1", "0 0", "1 1"]
