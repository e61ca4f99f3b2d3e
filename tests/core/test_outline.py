"""Tests of outlines: what an entry keeps of code, and the line that changed."""

from __future__ import annotations

import pytest

from nbflow.core.outline import Change, first_change, outline

LONG = "def f(x):\n" + "\n".join(f"    a{number} = x + {number}  # {'-' * 40}" for number in range(60))


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("a = 1\nb = 2", "a = 1\nb = 3", Change(2, "b = 2", "b = 3", 0)),
        ("a = 1\nb = 2", "# first\n\na = 1\nb = 3", Change(4, "b = 2", "b = 3", 0)),
        ("a = [1,\n     2]\nb = 2", "a = [1, 2]\nb = 3", Change(2, "b = 2", "b = 3", 0)),
        ("a = [1,\n     2]", "a = [1,\n     3]", Change(2, "2]", "3]", 0)),
        ("a = 1", "a = 1\nc = 3", Change(2, None, "c = 3", 0)),
        ("a = 1\nc = 3", "a = 1", Change(2, "c = 3", None, 0)),
        ("a = 1\nb = 2\nc = 3", "a = 0\nb = 2\nc = 0", Change(1, "a = 1", "a = 0", 1)),
        (
            "def f():\n    'one'\n    return 1",
            "def f():\n    'two'\n    return 2",
            Change(3, "return 1", "return 2", 0),
        ),
        ("def m(self):\n        return 1", "def m(self):\n        return 2", Change(2, "return 1", "return 2", 0)),
        ("@one\ndef f(): pass", "@two\ndef f(): pass", Change(1, "@one", "@two", 0)),
        ("if a:\n    b = 1", "if c:\n    b = 1", Change(1, "if a:", "if c:", 0)),
        (
            "try:\n    a()\nexcept A:\n    b()",
            "try:\n    a()\nexcept B:\n    b()",
            Change(3, "except A:", "except B:", 0),
        ),
        (
            "match a:\n    case 1:\n        b()",
            "match a:\n    case 2:\n        b()",
            Change(2, "case 1:", "case 2:", 0),
        ),
        ("!ls  # a\nb = 1", "!ls  # b\nb = 2", Change(2, "b = 1", "b = 2", 0)),
        ("a = '#1'\n!ls", "a = '#2'\n!ls", Change(1, "a = '#1'", "a = '#2'", 0)),
        ("#!/bin/sh\n# one\necho", "#!/bin/sh\n# two\necho", Change(2, "# one", "# two", 0)),
        ("'''a\n# b\n'''\n!ls", "'''a\n# c\n'''\n!ls", Change(2, "# b", "# c", 0)),
    ],
)
def test_the_first_line_that_counts_is_named(before: str, after: str, change: Change) -> None:
    assert first_change(after, before) == change


def test_equal_texts_have_no_change() -> None:
    assert first_change(LONG, LONG) is None


def test_a_text_that_fits_is_kept_as_it_is() -> None:
    assert outline(LONG, len(LONG)) == LONG


@pytest.mark.parametrize("limit", [3000, 1000, 400, 330])
def test_a_line_that_was_not_kept_is_still_named(limit: int) -> None:
    changed = LONG.replace("x + 57 ", "x - 57 ")
    before, after = outline(LONG, limit), outline(changed, limit)
    assert len(after) <= limit
    found = first_change(after, before)
    assert found is not None and found.line == 59
    assert found.before in ("", LONG.splitlines()[58].strip())


def test_lines_before_others_do_not_count_as_changed_when_less_of_them_is_kept() -> None:
    longer = "y = 1  # and a comment that takes room\n" + LONG
    assert first_change(outline(longer, 700), outline(LONG, 700)) == Change(
        1, None, "y = 1  # and a comment that takes room", 0
    )


def test_a_comment_counts_for_nothing_where_only_marks_are_kept() -> None:
    assert outline(LONG, 330) == outline(LONG.replace("---", "==="), 330)


def test_a_text_of_too_many_lines_loses_its_end() -> None:
    many = "\n".join(f"a{number} = {number} * 10" for number in range(1000))
    kept = outline(many, 500)
    assert 400 < len(kept) <= 500 and not kept.endswith("…")
