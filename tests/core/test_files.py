"""Files count by what the `cache` mode says, and never by where the launch directory lies."""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
import xxhash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbflow.core.values import contents
from nbflow.core.values.contents import content_digest
from nbflow.core.values.files import MODES, file_digest, tree_digest
from nbflow.errors import InputError, MissingInputError, UnhashableInputError

CONTENT = ("deep", "sha256")


@pytest.fixture
def launch(tmp_path: pathlib.Path) -> pathlib.Path:
    """A launch directory with a file, `data/x.csv`, that is old enough to be touched."""
    root = tmp_path / "launch"
    (root / "data").mkdir(parents=True)
    write(root / "data" / "x.csv", "one")
    return root


def write(path: pathlib.Path, text: str, mtime: int = 1_000_000_000) -> None:
    path.write_text(text)
    os.utime(path, ns=(mtime, mtime))


X = pathlib.Path("data/x.csv")


@pytest.mark.parametrize("mode", MODES)
def test_the_same_file_has_the_same_digest_by_any_spelling_of_its_path(
    mode: str, launch: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(launch))
    spellings = [X, launch / X, launch / "data" / ".." / X, pathlib.Path("./data//x.csv"), pathlib.Path("~/data/x.csv")]
    assert len({file_digest(path, mode, launch) for path in spellings}) == 1


@pytest.mark.parametrize("mode", MODES)
def test_moving_the_launch_directory_keeps_the_digest(mode: str, launch: pathlib.Path) -> None:
    before = file_digest(X, mode, launch)
    moved = launch.rename(launch.with_name("moved"))
    assert file_digest(X, mode, moved) == before
    assert file_digest(moved / X, mode, moved) == before


@pytest.mark.parametrize("mode", MODES)
def test_modes_never_share_a_digest_except_by_content(mode: str, launch: pathlib.Path) -> None:
    others = {file_digest(X, other, launch) for other in MODES if other != mode}
    assert file_digest(X, mode, launch) not in others


def _touched(path: pathlib.Path) -> None:
    os.utime(path, ns=(1_000_000_000, 1_000_000_001))


def _edited_in_place_with_old_time(path: pathlib.Path) -> None:
    write(path, "two")


def _grown(path: pathlib.Path) -> None:
    write(path, "three")


def _renamed(path: pathlib.Path) -> None:
    path.rename(path.with_name("y.csv"))


def _moved(path: pathlib.Path) -> None:
    path.rename(path.parent.parent / path.name)


@pytest.mark.parametrize(
    ("change", "misses"),
    [
        (_touched, {"standard"}),
        (_edited_in_place_with_old_time, {"deep", "sha256"}),
        (_grown, set(MODES)),
        (_renamed, set(MODES)),
        (_moved, {"standard", "lenient"}),
    ],
)
def test_each_mode_sees_what_it_says(
    change: Callable[[pathlib.Path], None], misses: set[str], launch: pathlib.Path
) -> None:
    before = {mode: file_digest(X, mode, launch) for mode in MODES}
    change(launch / X)
    (now,) = (path.relative_to(launch) for path in launch.rglob("*.csv"))
    assert {mode for mode in MODES if file_digest(now, mode, launch) != before[mode]} == misses


@pytest.mark.parametrize("mode", MODES)
def test_a_file_outside_the_launch_directory_counts_by_its_absolute_path_or_content(
    mode: str, launch: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    for folder in ("far", "away"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "x.csv", "one")
    same = file_digest(tmp_path / "far/x.csv", mode, launch) == file_digest(tmp_path / "away/x.csv", mode, launch)
    assert same == (mode in CONTENT)


def test_dots_behind_a_link_lead_where_the_system_says(launch: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "elsewhere" / "inner").mkdir(parents=True)
    write(tmp_path / "elsewhere" / "x.csv", "another")
    write(launch / "x.csv", "mine")
    (launch / "link").symlink_to(tmp_path / "elsewhere" / "inner")
    through = launch / "link" / ".." / "x.csv"
    for mode in MODES:
        assert file_digest(through, mode, launch) == file_digest(tmp_path / "elsewhere" / "x.csv", mode, launch)
        assert file_digest(through, mode, launch) != file_digest(launch / "x.csv", mode, launch)


def test_a_link_counts_by_what_it_leads_to(launch: pathlib.Path) -> None:
    link = launch / "link.csv"
    write(launch / "same.csv", "one")
    write(launch / "other.csv", "two")
    link.symlink_to(X)
    before = file_digest(link, "deep", launch)
    link.unlink()
    link.symlink_to("same.csv")
    assert file_digest(link, "deep", launch) == before
    link.unlink()
    link.symlink_to("other.csv")
    assert file_digest(link, "deep", launch) != before


def _alike(root: pathlib.Path) -> None:
    """Two directories whose files differ in content alone, and `now` which leads to the first."""
    for name in ("v1", "v2"):
        (root / name).mkdir()
        write(root / name / "x.csv", name)
    (root / "now").symlink_to("v1")
    (root / "now.csv").symlink_to("v1/x.csv")


def _lead_elsewhere(link: pathlib.Path, target: str) -> None:
    link.unlink()
    link.symlink_to(target)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", ["now.csv", "now/x.csv", "now", "."])
def test_a_link_that_leads_to_another_file_counts_in_every_mode(path: str, mode: str, launch: pathlib.Path) -> None:
    _alike(launch)
    before = file_digest(pathlib.Path(path), mode, launch)
    _lead_elsewhere(launch / "now", "v2")
    _lead_elsewhere(launch / "now.csv", "v2/x.csv")
    assert file_digest(pathlib.Path(path), mode, launch) != before
    _lead_elsewhere(launch / "now", "./v1")
    _lead_elsewhere(launch / "now.csv", "now/x.csv")
    assert file_digest(pathlib.Path(path), mode, launch) == before


@pytest.mark.parametrize("mode", MODES)
def test_a_launch_directory_that_is_reached_by_a_link_is_the_same(mode: str, launch: pathlib.Path) -> None:
    link = launch.with_name("link")
    link.symlink_to(launch)
    assert file_digest(X, mode, link) == file_digest(X, mode, launch)
    assert file_digest(launch / X, mode, link) == file_digest(link / X, mode, link) == file_digest(X, mode, launch)


def test_directories_that_are_passed_over_do_not_count(launch: pathlib.Path) -> None:
    own = [str(launch / "work")]
    before = file_digest(launch, "standard", launch, passed_over=own)
    (launch / "work" / "ab").mkdir(parents=True)
    write(launch / "work" / "ab" / "x", "x")
    assert file_digest(launch, "standard", launch, passed_over=own) == before != file_digest(launch, "standard", launch)


def test_sha256_is_what_every_such_tool_prints(launch: pathlib.Path) -> None:
    assert content_digest(launch / X, "sha256") == hashlib.sha256(b"one").digest()


@pytest.mark.parametrize("mode", MODES)
def test_what_is_not_there_is_refused(mode: str, launch: pathlib.Path) -> None:
    with pytest.raises(MissingInputError, match=r"no\.csv is not there; make it"):
        file_digest(pathlib.Path("no.csv"), mode, launch)
    (launch / "dangling").symlink_to("gone")
    with pytest.raises(MissingInputError, match="dangling is a link to a file that is not there"):
        file_digest(pathlib.Path("dangling"), mode, launch)
    with pytest.raises(MissingInputError, match="dangling"):
        file_digest(launch, mode, launch)


@pytest.mark.parametrize("mode", MODES)
def test_pipes_sockets_and_devices_are_refused_and_not_read(mode: str, launch: pathlib.Path) -> None:
    os.mkfifo(launch / "pipe")
    with pytest.raises(UnhashableInputError, match="pipe is a named pipe"):
        file_digest(pathlib.Path("pipe"), mode, launch)
    with pytest.raises(UnhashableInputError, match="pipe is a named pipe"):
        file_digest(launch, mode, launch)
    with pytest.raises(UnhashableInputError, match="a device"):
        file_digest(pathlib.Path("/dev/zero"), mode, launch)


def test_a_socket_is_refused(launch: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(launch)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        with pytest.raises(UnhashableInputError, match="s is a socket"):
            content_digest(pathlib.Path("s"))


def test_an_unknown_mode_is_an_error(launch: pathlib.Path) -> None:
    with pytest.raises(InputError, match="unknown cache mode 'deeper'; use one of standard, lenient, deep, sha256"):
        file_digest(X, "deeper", launch)


def test_a_directory_is_no_file_content(launch: pathlib.Path) -> None:
    with pytest.raises(InputError, match="Is a directory"):
        content_digest(launch)


@pytest.mark.parametrize("size", [0, 1, 4096, 5_000_000])
def test_content_is_hashed_as_every_xxh3_128_tool_does(size: int, tmp_path: pathlib.Path) -> None:
    data = os.urandom(size)
    (tmp_path / "f").write_bytes(data)
    assert content_digest(tmp_path / "f") == xxhash.xxh3_128_digest(data)


def test_a_large_file_is_read_in_pieces(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_CHUNK", 1000)
    data = os.urandom(12_345)
    (tmp_path / "f").write_bytes(data)
    assert content_digest(tmp_path / "f") == xxhash.xxh3_128_digest(data)


def _changing_reader(path: pathlib.Path, times: int) -> Callable[[int, int, str], bytes]:
    """Stand in for the read itself: the file grows under it, as often as asked."""
    real = contents._hash_open
    left = [times]

    def read(descriptor: int, size: int, mode: str) -> bytes:
        found = real(descriptor, size, mode)
        if left[0]:
            left[0] -= 1
            with path.open("a") as file:
                file.write("more")
        return found

    return read


def test_a_file_that_changes_once_while_it_is_read_is_read_again(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f"
    path.write_text("text")
    monkeypatch.setattr(contents, "_hash_open", _changing_reader(path, 1))
    assert content_digest(path) == xxhash.xxh3_128_digest(path.read_bytes())


def test_a_file_that_keeps_changing_is_an_error(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f"
    path.write_text("text")
    monkeypatch.setattr(contents, "_hash_open", _changing_reader(path, 9))
    with pytest.raises(InputError, match="changed while it was being hashed"):
        content_digest(path)


def test_a_file_written_by_a_thread_is_never_given_a_digest_of_a_mixture(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "f"
    states = [b"a" * 300_000, b"b" * 300_001]
    path.write_bytes(states[0])
    whole = {xxhash.xxh3_128_digest(state) for state in states}
    stop = threading.Event()

    def rewrite() -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            aside = tmp_path / "aside"
            aside.write_bytes(states[turn % 2])
            aside.rename(path)

    def digests() -> Iterator[bytes]:
        for _ in range(100):
            with suppress(InputError):  # on a busy machine it may change at each try, and is refused: no mixture either
                yield content_digest(path)

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        found = set(digests())
        assert found
        assert found <= whole
    finally:
        stop.set()
        writer.join()


def _tree(root: pathlib.Path) -> pathlib.Path:
    (root / "sub" / "deeper").mkdir(parents=True)
    (root / "empty").mkdir()
    write(root / "a", "A")
    write(root / "sub" / "b", "B")
    write(root / "sub" / "deeper" / "c", "C")
    return root


def _add(root: pathlib.Path) -> None:
    write(root / "sub" / "new", "")


def _remove(root: pathlib.Path) -> None:
    (root / "sub" / "deeper" / "c").unlink()


def _rename_inside(root: pathlib.Path) -> None:
    (root / "a").rename(root / "z")


def _move_inside(root: pathlib.Path) -> None:
    (root / "a").rename(root / "sub" / "a")


def _remove_empty(root: pathlib.Path) -> None:
    (root / "empty").rmdir()


def _rename_folder(root: pathlib.Path) -> None:
    (root / "sub").rename(root / "bus")


def _edit_inside(root: pathlib.Path) -> None:
    write(root / "sub" / "b", "BB")


def _swap_contents(root: pathlib.Path) -> None:
    write(root / "a", "BB")
    write(root / "sub" / "b", "")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "change",
    [_add, _remove, _rename_inside, _move_inside, _remove_empty, _rename_folder, _edit_inside, _swap_contents],
    ids=lambda change: change.__name__,
)
def test_every_change_inside_a_directory_counts(
    change: Callable[[pathlib.Path], None], mode: str, tmp_path: pathlib.Path
) -> None:
    root = _tree(tmp_path / "tree")
    before = file_digest(root, mode, tmp_path)
    change(root)
    assert file_digest(root, mode, tmp_path) != before


@pytest.mark.parametrize("mode", MODES)
def test_times_of_directories_and_order_of_creation_do_not_count(mode: str, tmp_path: pathlib.Path) -> None:
    root = _tree(tmp_path / "tree")
    before = file_digest(root, mode, tmp_path)
    write(root / "0", "")
    (root / "0").unlink()
    os.utime(root / "sub", (5, 5))
    assert file_digest(root, mode, tmp_path) == before


def test_a_copied_tree_has_the_same_content(tmp_path: pathlib.Path) -> None:
    root = _tree(tmp_path / "tree")
    shutil.copytree(root, tmp_path / "copy")
    assert tree_digest(root) == tree_digest(tmp_path / "copy")
    assert tree_digest(root) != tree_digest(root / "sub")


def test_the_executable_bit_counts_by_content(tmp_path: pathlib.Path) -> None:
    write(tmp_path / "tool", "#!/bin/sh")
    before = file_digest(tmp_path / "tool", "deep", tmp_path)
    (tmp_path / "tool").chmod(0o755)
    assert file_digest(tmp_path / "tool", "deep", tmp_path) != before


def test_a_link_inside_a_tree_is_followed(tmp_path: pathlib.Path) -> None:
    root = _tree(tmp_path / "tree")
    (root / "linked").symlink_to("sub")
    (root / "one").symlink_to("a")
    before = tree_digest(root)
    write(root / "sub" / "deeper" / "c", "changed")
    assert tree_digest(root) != before


def test_a_link_to_a_directory_that_holds_it_is_refused(tmp_path: pathlib.Path) -> None:
    root = _tree(tmp_path / "tree")
    (root / "sub" / "up").symlink_to(root)
    with pytest.raises(UnhashableInputError, match="up is a link to a directory that holds it"):
        tree_digest(root)


def test_the_launch_directory_itself_can_be_an_input(launch: pathlib.Path) -> None:
    assert file_digest(launch, "standard", launch) != file_digest(launch / "data", "standard", launch)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(launch: pathlib.Path) -> None:
    (launch / X).chmod(0)
    with pytest.raises(InputError, match=r"x\.csv cannot be read .*correct its permissions"):
        file_digest(X, "deep", launch)


def test_names_that_are_no_text_count(launch: pathlib.Path) -> None:
    try:
        for name in (b"\xff", b"\xfe"):
            with open(os.path.join(os.fsencode(launch), name), "wb"):
                pass
    except OSError:
        pytest.skip("this file system takes only names in UTF-8")
    one, other = (pathlib.Path(os.fsdecode(name)) for name in (b"\xff", b"\xfe"))
    assert file_digest(one, "deep", launch) != file_digest(other, "deep", launch)


_names = st.text("ab", min_size=1, max_size=2)
_trees = st.recursive(
    st.binary(max_size=2), lambda inner: st.dictionaries(_names, inner, max_size=3), max_leaves=6
).filter(lambda tree: isinstance(tree, dict))


def _build(root: pathlib.Path, tree: dict[str, object]) -> None:
    root.mkdir()
    for name, inner in tree.items():
        if isinstance(inner, bytes):
            (root / name).write_bytes(inner)
        else:
            _build(root / name, inner)  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_trees, _trees)
def test_trees_agree_exactly_when_their_names_and_contents_do(
    tmp_path_factory: pytest.TempPathFactory, left: dict[str, object], right: dict[str, object]
) -> None:
    root = tmp_path_factory.mktemp("trees")
    _build(root / "left", left)
    _build(root / "right", right)
    assert (tree_digest(root / "left") == tree_digest(root / "right")) == (left == right)
