"""The resume decision, entries, hashes and explanations: pure, so every rule is tried by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nbflow.core.parts import Part, combine, shorten
from nbflow.core.task.entry import (
    ABORTED,
    AUTO,
    COMPLETED,
    FAILED,
    FileRecord,
    OutputRecord,
    TaskEntry,
    nearest,
    read_entry,
)
from nbflow.core.task.hash import Task, call_digest, task_digest, tries
from nbflow.core.task.resume import Execute, FileFact, Found, Reason, Reuse, decide, still_holds

FILE = FileRecord("out.txt", 3, 77, "aa" * 16)
VALUES = FileRecord(".nbflow/values", 9, 78, "bb" * 16)
ENTRY = TaskEntry(
    COMPLETED,
    0,
    12,
    "happy_turing",
    "boot-1",
    outputs=(
        OutputRecord("r", "file", "cc" * 16, "file('out.txt')", ("out.txt",)),
        OutputRecord("v", "value", "dd" * 16, "value"),
    ),
    files=(FILE, VALUES),
    imports=(("np", "numpy", None),),
    left_out=("lock",),
    shown=True,
    process="make",
    name="make (1)",
    parts=(Part("input", "x", bytes(range(16)), "1"), Part("global", "é", bytes(16), "\ud800")),
)
WANTED = {"r": "file('out.txt')", "v": "value"}
WHOLE = [FileFact(3, 77), FileFact(9, 78)]
FOUND = Found(True, 0, WHOLE)


def _reason(
    entry: TaskEntry | None = ENTRY, found: Found | None = FOUND, wanted: dict[str, str] | None = WANTED
) -> Execute:
    decision = decide(entry, found, wanted, "3.12")
    assert isinstance(decision, Execute)
    return decision


# The decision ---------------------------------------------------------------------------------------------------------


def test_everything_in_place_is_reused() -> None:
    assert decide(ENTRY, FOUND, WANTED, "3.12") == Reuse(ENTRY)


def test_no_entry_is_new() -> None:
    assert _reason(None, None) == Execute(Reason.NEW)
    assert _reason(ENTRY, None) == Execute(Reason.NEW)


@pytest.mark.parametrize("status", [FAILED, ABORTED, "", "completed"])
def test_only_completed_counts(status: str) -> None:
    assert _reason(ENTRY._replace(status=status)) == Execute(Reason.NOT_COMPLETED, status)


def test_an_input_that_changed_while_it_ran() -> None:
    assert _reason(ENTRY._replace(unsure=("a", "b"))).sentence == "an input changed while it ran: a, b"


def test_code_of_another_python_is_not_run() -> None:
    said = _reason(ENTRY._replace(python="3.11")).sentence
    assert said == "its values hold code of Python 3.11, which this one cannot run"
    assert isinstance(decide(ENTRY._replace(python="3.12"), FOUND, WANTED, "3.12"), Reuse)


def test_superseded() -> None:
    assert _reason(ENTRY._replace(superseded=True)).reason is Reason.SUPERSEDED


def test_work_directory_gone() -> None:
    assert _reason(found=Found(False, None, ())).reason is Reason.WORK_DIR_GONE


def test_exit_missing() -> None:
    assert _reason(found=FOUND._replace(exit=None)).reason is Reason.EXIT_MISSING


@pytest.mark.parametrize("status", [1, 137, 255])
def test_exit_failed(status: int) -> None:
    assert _reason(found=FOUND._replace(exit=status)) == Execute(Reason.EXIT_FAILED, str(status))


@pytest.mark.parametrize(
    ("wanted", "about"),
    [
        ({**WANTED, "w": "value"}, "w"),
        ({**WANTED, "r": "file('other.txt')"}, "r"),
        ({"v": "value: int"}, "v"),
        (None, "r"),
    ],
    ids=["another output", "another source", "another type", "all names"],
)
def test_output_not_kept(wanted: dict[str, str] | None, about: str) -> None:
    assert _reason(wanted=wanted) == Execute(Reason.OUTPUT_NOT_KEPT, about)


def test_fewer_outputs_are_a_hit() -> None:
    assert isinstance(decide(ENTRY, FOUND, {"v": "value"}, "3.12"), Reuse)
    assert isinstance(decide(ENTRY, FOUND, {}, "3.12"), Reuse)


def test_declared_entry_does_not_serve_a_body_without_declaration() -> None:
    auto = ENTRY._replace(outputs=(OutputRecord("v", "value", "dd" * 16, AUTO),))
    assert isinstance(decide(auto, FOUND, None, "3.12"), Reuse)
    assert _reason(auto, wanted={"v": "value"}).reason is Reason.OUTPUT_NOT_KEPT
    assert _reason(wanted=None).reason is Reason.OUTPUT_NOT_KEPT


@pytest.mark.parametrize(
    ("place", "fact", "reason", "about"),
    [
        (0, None, Reason.OUTPUT_MISSING, "r"),
        (1, None, Reason.OUTPUT_MISSING, "v"),
        (0, FileFact(4, 77), Reason.OUTPUT_CHANGED, "r"),
        (0, FileFact(3, 78), Reason.OUTPUT_CHANGED, "r"),
        (0, FileFact(3, 77, "ab" * 16), Reason.OUTPUT_CHANGED, "r"),
        (1, FileFact(0, 78), Reason.OUTPUT_CHANGED, "v"),
    ],
)
def test_each_file_must_be_there_unchanged(place: int, fact: FileFact | None, reason: Reason, about: str) -> None:
    files: list[FileFact | None] = [*WHOLE]
    files[place] = fact
    assert _reason(found=FOUND._replace(files=files)) == Execute(reason, about, ENTRY.files[place].path)


def test_a_file_in_a_directory_is_told_by_its_output() -> None:
    entry = ENTRY._replace(files=(FileRecord("out.txt/a", 1, 1, "aa" * 16),))
    assert _reason(entry, FOUND._replace(files=[None])) == Execute(Reason.OUTPUT_MISSING, "r", "out.txt/a")


def test_a_changed_output_is_named_with_its_file() -> None:
    decision = _reason(found=FOUND._replace(files=[FileFact(4, 77), WHOLE[1]]))
    assert decision.sentence == "output `r` was modified after the run: out.txt"


def test_content_tells_where_it_was_read() -> None:
    assert still_holds(FILE, FileFact(3, 0, FILE.digest))
    assert not still_holds(FILE, FileFact(3, 77, "00" * 16))


#: Each with a fact that alone would give its reason, in the order in which they are looked at.
ORDER: list[tuple[Reason, Callable[[TaskEntry, Found, dict[str, str]], tuple[TaskEntry, Found, dict[str, str]]]]] = [
    (Reason.SUPERSEDED, lambda e, f, w: (e._replace(superseded=True), f, w)),
    (Reason.NOT_COMPLETED, lambda e, f, w: (e._replace(status=FAILED), f, w)),
    (Reason.OTHER_PYTHON, lambda e, f, w: (e._replace(python="2.7"), f, w)),
    (Reason.INPUT_CHANGED, lambda e, f, w: (e._replace(unsure=("a",)), f, w)),
    (Reason.WORK_DIR_GONE, lambda e, f, w: (e, f._replace(work_dir=False), w)),
    (Reason.EXIT_MISSING, lambda e, f, w: (e, f._replace(exit=None), w)),
    (Reason.OUTPUT_NOT_KEPT, lambda e, f, w: (e, f, {**w, "new": "value"})),
    (Reason.OUTPUT_MISSING, lambda e, f, w: (e, f._replace(files=[None, *f.files[1:]]), w)),
    (Reason.OUTPUT_CHANGED, lambda e, f, w: (e, f._replace(files=[*f.files[:1], FileFact(1, 1)]), w)),
]


@pytest.mark.parametrize("first", range(len(ORDER)))
@pytest.mark.parametrize("second", range(len(ORDER)))
def test_the_earlier_reason_is_the_one_that_is_told(first: int, second: int) -> None:
    entry, found, wanted = ENTRY, FOUND, WANTED
    for _, spoil in (ORDER[first], ORDER[second]):
        entry, found, wanted = spoil(entry, found, wanted)
    assert _reason(entry, found, wanted).reason is ORDER[min(first, second)][0]


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_a_sentence(reason: Reason) -> None:
    sentence = Execute(reason, "X").sentence
    assert "{" not in sentence
    assert ("X" in sentence) == ("{}" in reason.value)


# Entries --------------------------------------------------------------------------------------------------------------


def test_entry_round_trip() -> None:
    assert read_entry(ENTRY.to_bytes(), whole=True) == ENTRY


def test_a_hit_reads_all_but_process_name_and_parts() -> None:
    assert read_entry(ENTRY.to_bytes()) == ENTRY._replace(process="", name="", parts=())


TEXT = st.text(max_size=20)
PARTS = st.builds(Part, TEXT, TEXT, st.binary(min_size=16, max_size=16), TEXT)
FILES = st.builds(FileRecord, TEXT, st.integers(0, 2**62), st.integers(-(2**62), 2**62), TEXT)
OUTPUTS = st.builds(OutputRecord, TEXT, TEXT, TEXT, TEXT, st.lists(TEXT, max_size=3).map(tuple), st.booleans(), TEXT)
ENTRIES = st.builds(
    TaskEntry,
    TEXT,
    st.none() | st.integers(0, 255),
    st.integers(0, 2**40),
    TEXT,
    TEXT,
    st.lists(OUTPUTS, max_size=3).map(tuple),
    st.lists(FILES, max_size=3).map(tuple),
    st.lists(st.tuples(TEXT, TEXT, st.none() | TEXT), max_size=2).map(tuple),
    st.lists(TEXT, max_size=2).map(tuple),
    st.booleans(),
    st.booleans(),
    st.lists(TEXT, max_size=2).map(tuple),
    TEXT,
    TEXT,
    TEXT,
    st.lists(PARTS, max_size=3).map(tuple),
)


@settings(max_examples=80, deadline=None)
@given(ENTRIES)
def test_any_entry_comes_back(entry: TaskEntry) -> None:
    assert read_entry(entry.to_bytes(), whole=True) == entry


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(ENTRY.to_bytes()) - 1), st.integers(1, 255))
def test_no_changed_byte_goes_unseen(place: int, change: int) -> None:
    payload = bytearray(ENTRY.to_bytes())
    payload[place] ^= change
    with pytest.raises(ValueError, match="task entry"):
        read_entry(bytes(payload))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(ENTRY.to_bytes()) - 1))
def test_no_cut_goes_unseen(length: int) -> None:
    with pytest.raises(ValueError, match="task entry"):
        read_entry(ENTRY.to_bytes()[:length])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
@example(b"")
@example(b"nbf1")
def test_foreign_bytes_are_a_value_error(payload: bytes) -> None:
    with pytest.raises(ValueError, match="task entry"):
        read_entry(payload)


@pytest.mark.parametrize(
    "hot", [b"[]", b"{}", b"null", b"[1,2]", b'"x"', b"[" + b"1," * 9 + b"1]", b"nonsense", b"\xff"]
)
def test_whole_frame_with_a_foreign_shape_is_a_value_error(hot: bytes) -> None:
    """A newer nbflow may have written it: its checksum fits."""
    import xxhash

    body = len(hot).to_bytes(4, "little") + hot + b"null"
    with pytest.raises(ValueError, match="."):
        read_entry(b"nbf1" + xxhash.xxh3_64_digest(body) + body)


def test_nearest_differs_in_the_fewest_parts() -> None:
    mine = ENTRY.parts
    one = ENTRY._replace(run="one", parts=(mine[0], replace(mine[1], digest=b"1" * 16)))
    two = ENTRY._replace(run="two", parts=())
    assert nearest(mine, [two, one]) is one
    assert nearest(mine, [two, ENTRY, one]) is ENTRY
    assert nearest(mine, []) is None


# Hashes ---------------------------------------------------------------------------------------------------------------


def _parts() -> list[Part]:
    return [
        Part("session", "", combine("session", [b"s"])),
        Part("input", "x", combine("int", [b"1"])),
        Part("global", "x", combine("int", [b"1"])),
    ]


def test_golden_digests() -> None:
    """A change of these makes every cache of every user a miss: raise `SCHEME` with it."""
    call = call_digest(_parts())
    first = task_digest(call, {"x": bytes(16)})
    chain = tries(first)
    assert combine("tag", [b"ab", b"c"]).hex() == "1cf558bb9f489277b69c48ddca132064"
    assert call.hex() == "452de475d09df08898f96512f6af1b3c"
    assert first.hex() == "dd81c66f49f6133a4720c4a2117318d6"
    assert next(chain).hex() == "3d28843187062519062645902d65780f"
    assert next(chain).hex() == "5100272cff7f42832fc05276267a71e4"


def test_another_scheme_is_another_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Part("global", "a", bytes(16))
    before = call_digest([part])
    monkeypatch.setattr("nbflow.core.task.hash.SCHEME", "another")
    assert call_digest([part]) != before


def test_order_of_parts_does_not_count_and_kinds_do() -> None:
    assert call_digest(_parts()) == call_digest(reversed(_parts()))
    swapped = [*_parts()[:1], replace(_parts()[1], kind="global2"), _parts()[2]]
    assert call_digest(swapped) != call_digest(_parts())


def test_previews_are_never_hashed() -> None:
    assert call_digest([replace(part, preview="secret") for part in _parts()]) == call_digest(_parts())


def test_inputs_of_a_task_count_by_name_in_any_order() -> None:
    call, one, two = bytes(16), b"1" * 16, b"2" * 16
    assert task_digest(call, {"a": one, "b": two}) == task_digest(call, {"b": two, "a": one})
    digests = {
        task_digest(call, {"a": one, "b": two}),
        task_digest(call, {"a": two, "b": one}),
        task_digest(call, {"a": one}),
        task_digest(call, {"b": one}),
        task_digest(call, {}),
        task_digest(one, {}),
    }
    assert len(digests) == 6


def test_each_try_has_a_hash_of_its_own() -> None:
    chain = tries(bytes(16))
    found = [next(chain) for _ in range(100)]
    assert len({*found, bytes(16)}) == 101
    assert found[:5] == [hash_ for hash_, _ in zip(tries(bytes(16)), range(5), strict=False)]


def test_chunks_are_marked_with_their_length() -> None:
    pairs = [([b"ab", b"c"], [b"a", b"bc"]), ([b""], []), ([b"a", b""], [b"a"]), ([b"a" * 8], [b"a" * 4, b"a" * 4])]
    for one, two in pairs:
        assert combine("t", one) != combine("t", two)
    assert combine("ab", [b"c"]) != combine("a", [b"bc"])
    assert combine("t", [b"x"]) != combine("u", [b"x"])


def test_seed_is_a_function_of_what_is_hashed() -> None:
    assert Task("p", "p (1)", b"1" * 16).seed == Task("q", "q (2)", b"1" * 16).seed
    assert 0 <= Task("p", "p", b"\xff" * 16).seed < 2**32


def test_shorten() -> None:
    assert shorten("a" * 120) == "a" * 120
    assert len(shorten("a" * 500)) == 120
    assert shorten("abc", 2) == "a…"
