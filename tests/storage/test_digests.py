"""A file's content is read once per version of it, and no other version is ever taken for it."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import xxhash

from nbflow.core.values import contents
from nbflow.errors import InputError, MissingInputError
from nbflow.storage.digests import DigestMemo, settled_look


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of each file whose content is read from now on."""
    sizes: list[int] = []
    real = contents._hash_open

    def read(descriptor: int, size: int, mode: str) -> bytes:
        sizes.append(size)
        return real(descriptor, size, mode)

    monkeypatch.setattr(contents, "_hash_open", read)
    return sizes


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "d.bin"
    path.write_bytes(b"one")
    return path


def _memo(tmp_path: Path) -> DigestMemo:
    return DigestMemo(tmp_path / "own" / "digests")


def _of(content: bytes) -> bytes:
    return xxhash.xxh3_128_digest(content)


def test_a_version_is_read_once_by_all_kernels_of_a_launch_directory(
    file: Path, tmp_path: Path, reads: list[int]
) -> None:
    first = _memo(tmp_path)
    assert [first(file, "deep") for _ in range(3)] == [_of(b"one")] * 3
    assert _memo(tmp_path)(file, "deep") == _of(b"one")
    assert reads == [3]


def test_a_file_written_just_now_is_remembered_too(tmp_path: Path, reads: list[int]) -> None:
    memo = _memo(tmp_path)
    for number in range(5):
        path = tmp_path / f"{number}"
        path.write_bytes(bytes(number))
        assert memo(path, "deep") == memo(path, "deep") == _of(bytes(number))
    assert reads == [0, 1, 2, 3, 4]


def _rewrite(path: Path) -> None:
    path.write_bytes(b"two")


def _rewrite_with_the_same_time(path: Path) -> None:
    facts = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _replace_with_the_same_time(path: Path) -> None:
    facts, aside = path.stat(), path.with_name("aside")
    aside.write_bytes(b"two")
    os.utime(aside, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    aside.rename(path)


def _copy_over_as_rsync(path: Path) -> None:
    facts, aside = path.stat(), path.with_name("aside")
    aside.write_bytes(b"two")
    os.utime(aside, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    subprocess.run(["cp", "--preserve=all", str(aside), str(path)], check=True)


def _map_into_memory(path: Path) -> None:
    import mmap

    with open(path, "r+b") as opened, mmap.mmap(opened.fileno(), 0) as mapped:
        mapped[:] = b"two"


@pytest.mark.parametrize(
    "change",
    [
        _rewrite,
        _rewrite_with_the_same_time,
        _replace_with_the_same_time,
        _copy_over_as_rsync,
        _map_into_memory,
    ],
    ids=lambda change: change.__name__,
)
def test_another_version_of_the_same_size_is_read_whatever_its_modification_time(
    change: Callable[[Path], None], file: Path, tmp_path: Path, reads: list[int]
) -> None:
    memo = _memo(tmp_path)
    assert memo(file, "deep") == _of(b"one")
    change(file)
    assert memo(file, "deep") == _of(b"two")
    assert _memo(tmp_path)(file, "deep") == _of(b"two")
    assert reads == [3, 3]


def test_versions_that_follow_each_other_at_once_are_never_mixed_up(file: Path, tmp_path: Path) -> None:
    memo = _memo(tmp_path)
    for number in range(30):
        content = f"{number:03}".encode()
        file.write_bytes(content)
        assert memo(file, "deep") == _of(content)


def test_a_name_that_means_another_file_now_is_read(tmp_path: Path, reads: list[int]) -> None:
    memo, link = _memo(tmp_path), tmp_path / "link"
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode())
        os.utime(tmp_path / name, (1_000_000_000, 1_000_000_000))
    link.symlink_to("a")
    assert memo(link, "deep") == _of(b"a")
    link.unlink()
    link.symlink_to("b")
    assert memo(link, "deep") == _of(b"b")
    assert reads == [1, 1]


def test_each_mode_has_its_own_digest(file: Path, tmp_path: Path) -> None:
    import hashlib

    memo = _memo(tmp_path)
    assert memo(file, "deep") == _of(b"one")
    assert memo(file, "sha256") == hashlib.sha256(b"one").digest()
    again = _memo(tmp_path)
    assert (again(file, "deep"), again(file, "sha256")) == (memo(file, "deep"), memo(file, "sha256"))


def test_a_clock_that_was_set_back_leaves_nothing_waiting_and_nothing_wrong(file: Path, tmp_path: Path) -> None:
    memo, later = _memo(tmp_path), time.time_ns() + 10**15
    os.utime(file, ns=(later, later))
    assert memo(file, "deep") == _of(b"one")
    assert settled_look(file).st_mtime_ns == later
    file.write_bytes(b"two")
    assert memo(file, "deep") == _of(b"two")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)


def _half_a_line_before(path: Path) -> None:
    path.write_bytes(b"0123 45" + path.read_bytes())


def _rubbish(path: Path) -> None:
    path.write_bytes(b"\x00\xff \n\n zz 00 11\n" * 20)


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "read_again"),
    [(_cut, 1), (_flip, 1), (_half_a_line_before, 0), (_rubbish, 1), (Path.unlink, 1)],
    ids=["cut off", "a bit flipped", "half a line before it", "rubbish", "deleted"],
)
def test_what_is_damaged_is_read_again(
    damage: Callable[[Path], None], read_again: int, file: Path, tmp_path: Path, reads: list[int]
) -> None:
    _memo(tmp_path)(file, "deep")
    damage(tmp_path / "own" / "digests")
    assert _memo(tmp_path)(file, "deep") == _of(b"one")
    assert _memo(tmp_path)(file, "deep") == _of(b"one")
    assert len(reads) == 1 + read_again


def test_where_it_cannot_write_it_says_so_once_and_goes_on(file: Path, tmp_path: Path, reads: list[int]) -> None:
    _memo(tmp_path)(file, "deep")
    _directory(tmp_path / "own" / "digests")
    other = tmp_path / "e"
    other.write_bytes(b"other")
    memo = _memo(tmp_path)
    with pytest.warns(RuntimeWarning, match="cannot write .*digests: .* read again by the next kernel") as told:
        assert [memo(path, "deep") for path in (file, other, file)] == [_of(b"one"), _of(b"other"), _of(b"one")]
    assert len(told) == 1
    assert reads == [3, 3, 5]


def test_processes_and_threads_lose_nothing_of_each_other(tmp_path: Path, python: Callable[..., list[str]]) -> None:
    for number in range(40):
        (tmp_path / f"{number}").write_bytes(bytes(number))
    text = (
        "from pathlib import Path; from nbflow.storage.digests import DigestMemo; root = Path(sys.argv[1])\n"
        "memo = DigestMemo(root / 'own' / 'digests')\n"
        "for number in range(int(sys.argv[2]), 40, 2): memo(root / f'{number}', 'deep')"
    )
    others = [subprocess.Popen(python(text, tmp_path, start)) for start in range(2)]
    assert [other.wait() for other in others] == [0, 0]
    memo = _memo(tmp_path)
    threads = [threading.Thread(target=lambda: [memo(tmp_path / f"{n}", "sha256") for n in range(40)]) for _ in "xyz"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    remembered = _memo(tmp_path)._remembered()
    assert len(remembered) == 80
    assert {_of(bytes(number)) for number in range(40)} <= set(remembered.values())


def test_the_older_half_is_dropped_when_there_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: list[int]
) -> None:
    from nbflow.storage import digests

    files = [tmp_path / f"{number}" for number in range(10)]
    memo = _memo(tmp_path)
    for path in files:
        path.touch()
        memo(path, "deep")
    monkeypatch.setattr(digests, "_MOST", 10)
    after = _memo(tmp_path)
    assert after(files[-1], "deep") == _of(b"")
    assert len(reads) == 10
    assert after(files[0], "deep") == _of(b"")
    assert len(reads) == 11
    assert len((tmp_path / "own" / "digests").read_bytes()) < 10 * 82


def test_errors_are_those_of_reading(tmp_path: Path) -> None:
    memo = _memo(tmp_path)
    with pytest.raises(MissingInputError):
        memo(tmp_path / "nothing", "deep")
    with pytest.raises(InputError, match="cannot be read"):
        memo(tmp_path, "deep")


def test_a_look_waits_until_the_next_change_will_show(tmp_path: Path) -> None:
    path = tmp_path / "f"
    for number in range(30):
        path.write_text(f"{number:03}")
        before = settled_look(path).st_mtime_ns
        path.write_text("new")
        assert path.stat().st_mtime_ns > before
