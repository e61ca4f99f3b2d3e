"""Tests of the front end's files: one module is made of them, and it imports nothing."""

from __future__ import annotations

import re
from importlib.resources import files

from nbflow.browsing import front
from nbflow.browsing.front import module, style

NAMES = sorted(file.name for file in files(front).iterdir() if file.name.endswith(".js"))


def test_one_module_is_made_of_all_each_behind_those_that_it_imports() -> None:
    text = module()
    assert "import {" not in text
    assert text.count("export ") == 1 and "export default" in text
    assert text.index("class Grid ") < text.index("class Browser ")


def test_no_two_modules_define_the_same_name() -> None:
    defined = re.findall(r"^(?:export )?(?:async )?(?:function|class|const|let) (\w+)", module(), re.MULTILINE)
    assert len(defined) == len(set(defined)), sorted(name for name in defined if defined.count(name) > 1)


def test_nothing_is_put_in_as_markup_and_nothing_is_loaded_from_elsewhere() -> None:
    text = module() + style()
    for banned in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "http:",
        "https:",
        "@import",
    ):
        assert banned not in text, banned
    assert 'sandbox: ""' in text


def test_files_of_the_front_end_stay_small() -> None:
    for name in NAMES:
        assert files(front).joinpath(name).read_text(encoding="utf-8").count("\n") <= 450, name
