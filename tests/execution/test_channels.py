"""What users hold of a flow of items: factories, operators, reading."""

from __future__ import annotations

import pickle
from collections import namedtuple

import pytest

from nbflow.errors import InputError
from nbflow.execution.channels.channels import ENGINE, Channel, channel


@pytest.fixture(autouse=True, scope="module")
def _end_of_engine():
    yield
    ENGINE.close()


def test_factories():
    assert list(channel.of(1, [2], (3,))) == [1, [2], (3,)]
    assert list(channel.from_list(range(3))) == [0, 1, 2]
    assert list(channel.from_list(i for i in "ab")) == ["a", "b"]
    assert list(channel.of()) == []
    assert channel.value([1]).value == [1]
    assert isinstance(channel.of(1), Channel) and not channel.of(1).is_value and channel.value(1).is_value


def test_a_list_is_copied_so_that_changing_it_changes_no_channel():
    items = [1, 2]
    made = channel.from_list(items)
    items.append(3)
    assert list(made) == [1, 2]


def test_a_long_range_is_not_copied():
    made = channel.from_list(range(10**9))
    assert next(iter(made)) == 0


def test_operators_keep_the_order_and_can_be_read_again():
    made = channel.of(3, 1, 2).map(lambda item: item * 2).filter(lambda item: item > 2)
    assert list(made) == list(made) == [6, 4]
    assert made.collect().value == [6, 4]
    assert list(made.collect()) == [[6, 4]]
    assert channel.of().collect().value == []


def test_a_value_channel_stays_one_under_map():
    assert channel.value(2).map(str).value == "2"
    with pytest.raises(InputError, match="only a value channel has a value"):
        _ = channel.of(1).map(str).value


def test_an_error_of_a_users_function_reaches_the_reader():
    with pytest.raises(ZeroDivisionError):
        list(channel.of(1, 0).map(lambda item: 1 / item).collect())


@pytest.mark.parametrize("statement", ["a, b = made", "a, *b = made", "[a, b] = made", "for a, b in [made]: pass"])
def test_unpacking_is_an_error(statement):
    with pytest.raises(InputError, match="a channel cannot be unpacked"):
        exec(statement, {"made": channel.of(1, 2)})


def test_reading_in_other_ways_is_none():
    made = channel.of(1, 2)
    assert [*made] == list(made) == sorted(made) == [item for item in made] == [1, 2]  # noqa: C416
    assert dict(enumerate(made)) == {0: 1, 1: 2}
    assert "{} {}".format(*made) == "1 2"


def test_to_frame_takes_records_and_plain_items():
    row = namedtuple("row", "a b")
    assert channel.of(row(1, 2), row(3, 4)).to_frame().to_dict("list") == {"a": [1, 3], "b": [2, 4]}
    assert channel.of({"a": 1}).to_frame().to_dict("list") == {"a": [1]}
    assert channel.of(1, 2).to_frame().to_dict("list") == {"item": [1, 2]}


def test_from_frame_gives_rows_by_name():
    pandas = pytest.importorskip("pandas")
    rows = list(channel.from_frame(pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]})))
    assert [(row.a, row.b) for row in rows] == [(1, "x"), (2, "y")]


def test_from_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.fq", "a.fq", "sub/c.fq"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert list(channel.from_path("*.fq")) == [tmp_path / "a.fq", tmp_path / "b.fq"]
    assert list(channel.from_path("**/*.fq")) == [tmp_path / "a.fq", tmp_path / "b.fq", tmp_path / "sub/c.fq"]
    assert list(channel.from_path("sub/*", "a.fq")) == [tmp_path / "sub/c.fq", tmp_path / "a.fq"]
    assert list(channel.from_path("*.none", check_if_exists=False)) == []
    with pytest.raises(InputError, match="no file matches `\\*.none`"):
        channel.from_path("*.none")


def test_the_factories_are_the_same_after_a_trip():
    assert pickle.loads(pickle.dumps(channel)) is channel
