"""What is installed where: one LevelDB binding with a wheel on every platform, the kernel, the extensions, the version."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import nbflow

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = {
    ("linux", "x86_64"): ("manylinux_2_28_x86_64", "manylinux2014_x86_64"),
    ("linux", "aarch64"): ("manylinux_2_28_aarch64", "manylinux2014_aarch64"),
    ("darwin", "x86_64"): (
        "macosx_11_0_x86_64",
        "macosx_10_13_x86_64",
        "macosx_11_0_universal2",
        "macosx_10_9_universal2",
    ),
    ("darwin", "arm64"): ("macosx_11_0_arm64", "macosx_11_0_universal2", "macosx_10_9_universal2"),
}
COMBINATIONS = [(python, *platform) for python in PYTHONS for platform in PLATFORMS]


def bindings(python: str, system: str, machine: str) -> list[Requirement]:
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": system,
        "platform_machine": machine,
        "platform_system": {"linux": "Linux", "darwin": "Darwin"}[system],
        "os_name": "posix",
        "implementation_name": "cpython",
    }
    found = [Requirement(text) for text in PROJECT["dependencies"]]
    return [
        each for each in found if "plyvel" in each.name and (each.marker is None or each.marker.evaluate(environment))
    ]


@pytest.mark.parametrize(("python", "system", "machine"), COMBINATIONS)
def test_every_python_and_platform_gets_one_leveldb_binding(python: str, system: str, machine: str) -> None:
    assert len(bindings(python, system, machine)) == 1


def download(requirement: Requirement, python: str, platforms: tuple[str, ...], target: Path) -> str:
    """The error text of asking the configured index for a wheel; empty if there is one."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--dest",
        str(target),
    ]
    command += ["--implementation=cp", f"--python-version={python}", *(f"--platform={name}" for name in platforms)]
    plain = f"{requirement.name}{requirement.specifier}"
    done = subprocess.run([*command, plain], capture_output=True, text=True)
    return done.stderr if done.returncode else ""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip, saying why, where no package index can be asked."""
    error = download(Requirement("plyvel-next"), "3.12", PLATFORMS["linux", "x86_64"], tmp_path_factory.mktemp("index"))
    if error:
        pytest.skip(f"no package index to ask: {error.strip().splitlines()[-1]}")


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize(("python", "system", "machine"), COMBINATIONS)
def test_the_binding_has_a_wheel(python: str, system: str, machine: str, tmp_path: Path) -> None:
    [requirement] = bindings(python, system, machine)
    assert download(requirement, python, PLATFORMS[system, machine], tmp_path) == ""
    assert list(tmp_path.glob("*.whl"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", target], check=True, cwd=ROOT)
    return zipfile.ZipFile(next(target.glob("*.whl")))


def test_the_wheel_brings_the_kernel_the_labextension_the_types_and_the_licence(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    here = ROOT / "jupyter-config" / "labextensions"
    for path in (path for path in here.rglob("*") if path.is_file()):
        assert any(name.endswith(f"data/share/jupyter/labextensions/{path.relative_to(here)}") for name in names)
    assert any(name.endswith("data/share/jupyter/kernels/nbflow/kernel.json") for name in names)
    assert "nbflow/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_brings_the_labextension_and_enables_the_server_extension(wheel: zipfile.ZipFile) -> None:
    [enabling] = [
        name for name in wheel.namelist() if name.endswith("data/etc/jupyter/jupyter_server_config.d/nbflow.json")
    ]
    assert json.loads(wheel.read(enabling))["ServerApp"]["jpserver_extensions"] == {"nbflow.server": True}
    names = [name for name in wheel.namelist() if "/data/share/jupyter/labextensions/nbflow/" in name]
    [entry] = [wheel.read(name).decode() for name in names if name.endswith("static/remoteEntry.nbflow.js")]
    loaded = re.search(r"names = \[(.+?)\];", entry)
    assert loaded is not None
    plugins = [f"{name}.js" for name in re.findall(r"'(\w+)'", loaded[1])]
    assert "cacheBrowser.js" in plugins
    assert all(any(name.endswith(f"/static/{plugin}") for name in names) for plugin in plugins)


def test_the_wheel_brings_the_page_and_all_that_it_loads(wheel: zipfile.ZipFile) -> None:
    fronts = [ROOT / "nbflow/server/front", ROOT / "nbflow/browsing/front"]
    files = {path.relative_to(ROOT).as_posix() for front in fronts for path in front.iterdir() if path.is_file()}
    assert {"nbflow/server/front/page.html", "nbflow/browsing/front/browser.js"} <= files <= set(wheel.namelist())


def test_the_wheel_holds_every_room_and_no_tests(wheel: zipfile.ZipFile) -> None:
    packed = {name for name in wheel.namelist() if name.endswith(".py")}
    assert packed == {path.relative_to(ROOT).as_posix() for path in (ROOT / "nbflow").rglob("*.py")}


def test_the_version_is_the_same_everywhere() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    labextension = json.loads((ROOT / "jupyter-config/labextensions/nbflow/package.json").read_text(encoding="utf-8"))
    assert PROJECT["version"] == nbflow.__version__ == labextension["version"]
    assert re.search(r"^## \[(Unreleased|" + re.escape(nbflow.__version__) + r")\]", changelog, re.MULTILINE)


def test_the_readme_has_one_line_to_run_the_quickstart_and_one_to_run_the_tests() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line.startswith("python3 -m venv")]
    assert ["nbflow run notebooks/quickstart.ipynb" in commands[0], "-m pytest" in commands[1]] == [True, True]
    assert len(commands) == 2
