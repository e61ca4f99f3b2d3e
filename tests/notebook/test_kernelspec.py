"""The kernel "Python 3 (nbflow)" starts ipykernel with the extension loaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel

from .conftest import Kernel

SPEC = Path(__file__).parents[2] / "jupyter-config" / "kernels" / "nbflow"


def test_the_kernel_starts_with_nbflow_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(SPEC, tmp_path / "kernels" / "nbflow")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    manager, client = start_new_kernel(kernel_name="nbflow")
    try:
        reply = Kernel(manager, client).run("'nbflow' in get_ipython().extension_manager.loaded")
        assert reply.of("execute_result")[0]["data"]["text/plain"] == "True"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_the_spec_is_ipykernels_own_with_the_extension_added() -> None:
    from ipykernel.kernelspec import get_kernel_dict

    spec, own = json.loads((SPEC / "kernel.json").read_text()), get_kernel_dict()
    assert spec["display_name"] == "Python 3 (nbflow)"
    assert spec["argv"][1:] == [*own["argv"][1:3], "--ext", "nbflow", "-f", "{connection_file}"]
    assert spec["metadata"]["debugger"] is True
    assert spec["language"] == own["language"]
