"""What the patterns of ``file()`` match, here and in the shell that takes files out of a scratch directory."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.declaration.file_rules import FileRules
from nbflow.core.script.bash_globs import bash_word
from nbflow.execution.outputs.matching import is_wild, matching, ways

FILES = [
    "a",
    "b.txt",
    "c d.txt",
    ".h.txt",
    "x*y",
    "x[1]",
    "$(touch pwned)",
    "it's",
    "d/a",
    "d/.h",
    "d/e/b.txt",
    "d/e/f/a",
    ".g/a",
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    (root / "link").symlink_to("d")
    (root / "d/loop").symlink_to("..")
    return root


@pytest.mark.parametrize(
    ("pattern", "rules", "found"),
    [
        ("*", {}, "a|b.txt|c d.txt|x*y|x[1]|$(touch pwned)|it's|d|link"),
        ("*.txt", {}, "b.txt|c d.txt"),
        ("*.txt", {"hidden": True}, "b.txt|c d.txt|.h.txt"),
        (".*", {}, ".h.txt|.g"),
        (".h.txt", {}, ".h.txt"),
        ("?", {}, "a|d"),
        ("[ab]*", {}, "a|b.txt"),
        ("[!ab]", {}, "d"),
        ("x[*]y", {}, "x*y"),
        ("x[[]1]", {}, "x[1]"),
        ("*'*", {}, "it's"),
        ("d/*", {}, "d/a|d/e|d/loop"),
        ("*/a", {}, "d/a|link/a"),
        ("*/a", {"follow_links": False}, "d/a"),
        ("d/e", {}, "d/e"),
        ("no", {}, ""),
        ("a/b", {}, ""),
        ("**/a", {"type": "file", "follow_links": False}, "a|d/a|d/e/f/a"),
        ("**/a", {"type": "file"}, "a|d/a|d/e/f/a|link/a|link/e/f/a"),
        ("**/a", {"type": "file", "follow_links": False, "hidden": True}, "a|d/a|d/e/f/a|.g/a"),
        ("**/a", {"type": "file", "follow_links": False, "max_depth": 2}, "a|d/a"),
        ("**.txt", {"type": "file", "follow_links": False}, "b.txt|c d.txt|d/e/b.txt"),
        ("d**", {"type": "file", "follow_links": False}, "d/a|d/e/b.txt|d/e/f/a|d/loop"),
        ("d/**", {"type": "file", "follow_links": False, "max_depth": 1}, "d/a|d/loop"),
        ("d**b.txt", {"type": "file"}, "d/e/b.txt"),
        ("**", {"type": "dir", "follow_links": False}, "d|d/e|d/e/f"),
        ("*", {"type": "dir"}, "d|link"),
        ("*", {"type": "dir", "follow_links": False}, "d"),
        ("*", {"type": "file"}, "a|b.txt|c d.txt|x*y|x[1]|$(touch pwned)|it's"),
        ("d*", {"type": "any"}, "d"),
        ("*/*/*", {"max_depth": 2}, ""),
    ],
)
def test_a_pattern_matches_what_nextflow_says(tree: Path, pattern: str, rules: dict[str, object], found: str) -> None:
    assert matching(str(tree), pattern, FileRules(**rules)) == set(filter(None, found.split("|")))


def test_links_in_circles_are_left(tmp_path: Path) -> None:
    for one, other in (("a", "b"), ("b", "a")):
        (tmp_path / one).mkdir()
        (tmp_path / one / "to").symlink_to(tmp_path / other)
        (tmp_path / one / "file").write_text("")
    found = matching(str(tmp_path), "**/file", FileRules(type="file"))
    assert found == {"a/file", "b/file", "a/to/file", "b/to/file"}


@pytest.mark.parametrize(
    ("pattern", "wild"), [("a", False), ("x[*]y", False), ("x[[]1]", False), ("[a]", True), ("*", True)]
)
def test_escaped_characters_are_no_wildcards(pattern: str, wild: bool) -> None:
    assert is_wild(pattern) is wild


pieces = st.sampled_from(
    ["a", "b.txt", "d", "e", "*", "?", "**", "[ab]", "[!a]", "[*]", " ", "'", "$(touch pwned)", ".h", "x", "[[]1]"]
)


@given(
    st.lists(st.lists(pieces, min_size=1, max_size=3).map("".join), min_size=1, max_size=3).map("/".join), st.booleans()
)
def test_bash_matches_the_same(tree: Path, pattern: str, hidden: bool) -> None:
    rules = FileRules(hidden=hidden)
    words = " ".join(bash_word("/".join(way)) for way in ways(pattern))
    dots = "s" if hidden else "u"
    text = f"shopt -s nullglob globstar; shopt -{dots} dotglob\nfor f in {words}; do if [[ -e $f ]]; then printf '%s\\0' \"$f\"; fi; done"
    done = subprocess.run(["bash", "-uec", text], cwd=tree, capture_output=True, check=True)
    found = {name.rstrip("/") for name in done.stdout.decode().split("\0") if name}
    # Bash goes through no links below `**`; and what it takes out beyond is left out when the outputs are found.
    assert {path for path in matching(str(tree), pattern, rules) if "link" not in path and "loop" not in path} <= found
    assert not (tree / "pwned").exists()
