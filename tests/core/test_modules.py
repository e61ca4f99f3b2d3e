"""Modules: where they lie and what of them counts, found without importing them."""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path

import pytest

from nbflow.core.code.modules import Modules, absolute_name


def test_homes_of_modules(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("x = 1\n")
    (tmp_path / "random.py").write_text("x = 1\n")
    (tmp_path / "space" / "part").mkdir(parents=True)
    modules = Modules([*sys.path, str(tmp_path)])
    homes = {
        name: modules.home(name) for name in ("json", "sys", "os.path", "numpy", "mine", "space.part", "no_such_b1")
    }
    assert homes == {
        "json": "stdlib",
        "sys": "stdlib",
        "os.path": "stdlib",
        "numpy": "installed",
        "mine": "local",
        "space.part": "local",
        "no_such_b1": "unknown",
    }
    assert Modules([str(tmp_path), *sys.path]).home("random") == "local"


def test_nothing_is_imported(tmp_path: Path) -> None:
    (tmp_path / "fails_b1").mkdir()
    (tmp_path / "fails_b1" / "__init__.py").write_text("from . import inner\nraise SystemExit\n")
    (tmp_path / "fails_b1" / "inner.py").write_text("raise SystemExit\n")
    files = Modules([str(tmp_path)]).local_files(["fails_b1.inner"])
    assert files.keys() == {"fails_b1", "fails_b1.inner"}
    assert not {"fails_b1", "fails_b1.inner"} & sys.modules.keys()


def test_a_file_counts_by_its_normal_form_and_other_files_by_their_bytes(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"

    def digest() -> bytes:
        return Modules([str(tmp_path)]).local_files(["mine"])["mine"].digest

    seen = []
    for text in ("x = 1\n", "x  =  1  # note\n", "x = 2\n", "x = (\n", "x = ((\n"):
        file.write_text(text)
        seen.append(digest())
    assert seen[0] == seen[1]
    assert len(set(seen)) == 4


def test_a_rewrite_of_the_same_size_and_time_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("x = 1\n")
    status = file.stat()
    before = Modules([str(tmp_path)]).local_files(["mine"])["mine"].digest
    file.write_text("x = 2\n")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert Modules([str(tmp_path)]).local_files(["mine"])["mine"].digest != before


@pytest.mark.parametrize(
    ("name", "level", "package", "absolute"),
    [("a", 0, "p", "a"), ("a", 1, "p", "p.a"), ("", 1, "p", "p"), ("a", 2, "p.q", "p.a"), ("a.b", 1, "p.q", "p.q.a.b")],
)
def test_relative_names(name: str, level: int, package: str, absolute: str) -> None:
    assert absolute_name(name, level, package) == absolute


def test_distributions_are_found_by_name_and_by_their_files(tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    for name in ("plain_b1", "other_b1"):
        (site / name).mkdir(parents=True)
        (site / name / "__init__.py").touch()
    (site / "Plain.B1-1.2.dist-info").mkdir()
    (site / "different-3.0.dist-info").mkdir()
    (site / "different-3.0.dist-info" / "RECORD").write_text("other_b1/__init__.py,,\n../../bin/x,,\n")
    modules = Modules([str(site)])
    assert modules.distributions("plain_b1") == (("Plain.B1", "1.2"),)
    assert modules.distributions("other_b1") == (("different", "3.0"),)
    (site / "Plain.B1-1.2.dist-info").rename(site / "Plain.B1-1.3.dist-info")
    assert Modules([str(site)]).distributions("plain_b1") == (("Plain.B1", "1.3"),)


def test_code_in_site_packages_that_no_installer_recorded_counts_by_its_files(tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "loose_b1.py").write_text("x = 1\n")
    modules = Modules([str(site)])
    assert modules.home("loose_b1") == "local"
    assert modules.local_files(["loose_b1"]).keys() == {"loose_b1"}


def test_what_an_editable_install_finds_is_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "edited_b1.py"
    file.write_text("x = 1\n")

    class Finder:
        @classmethod
        def find_spec(cls, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
            return spec_from_file_location(name, file) if name == "edited_b1" else None

    Finder.__module__ = "__editable___edited_b1_1_0_finder"  # as setuptools calls the modules of its finders
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    modules = Modules(sys.path)
    assert modules.home("edited_b1") == "local"
    before = modules.local_files(["edited_b1"])["edited_b1"].digest
    file.write_text("x = 2\n")
    assert Modules(sys.path).local_files(["edited_b1"])["edited_b1"].digest != before
