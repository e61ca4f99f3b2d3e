"""Tests of what goes when: pure decisions over runs, ages and sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.declaration.settings import read_settings
from nbflow.core.kernel_settings import KernelSettings, retention_in, retention_out
from nbflow.core.retention import HOUR, Due, Retention, RunUse, last_to_go, plan, retention_of
from nbflow.errors import SettingsError

NOW = 1_000_000.0


def use(name: str, hours_ago: float, frees: int = 10, *, in_use: bool = False, session: str = "s") -> RunUse:
    return RunUse(session, name, NOW - hours_ago * HOUR, in_use, frees)


def going(dues: list[Due], now: float = NOW) -> list[str]:
    return [due.use.run for due in dues if due.is_due(now)]


def test_without_a_limit_everything_stays() -> None:
    assert going(plan([use("old", 10_000)], Retention(), NOW + 1e9)) == []


def test_what_was_not_used_for_so_long_goes_and_it_is_told_when_the_rest_will() -> None:
    dues = plan([use("new", 1), use("old", 30)], Retention(storage_expiration_hours=24), NOW)
    assert going(dues) == ["old"]
    assert [(due.use.run, due.at, due.why) for due in dues] == [
        ("old", NOW - 6 * HOUR, "storage_expiration_hours"),
        ("new", NOW + 23 * HOUR, "storage_expiration_hours"),
    ]
    assert going(dues, NOW + 23 * HOUR) == ["old", "new"]


def test_of_two_limits_of_age_the_shorter_counts_and_is_named() -> None:
    dues = plan([use("a", 3)], Retention(storage_expiration_hours=24, age_limit=2 * HOUR), NOW)
    assert [(due.is_due(NOW), due.why) for due in dues] == [(True, "age_limit")]


def test_a_session_in_use_keeps_everything_however_old_and_large() -> None:
    uses = [use("a", 1000, 10**9, in_use=True), use("b", 900, 10**9, in_use=True), use("c", 1, 5, session="t")]
    limits = Retention(storage_expiration_hours=1.5, age_limit=HOUR * 2, size_limit=10)
    assert going(plan(uses, limits, NOW)) == ["c"]  # all that may go, and no more
    assert going(plan(uses[:2], limits, NOW)) == []


def test_of_more_than_the_limit_what_was_used_longest_ago_goes_and_no_more_than_needed() -> None:
    uses = [use("c", 1, 40), use("a", 3, 40), use("b", 2, 40)]
    assert going(plan(uses, Retention(size_limit=120), NOW)) == []
    assert going(plan(uses, Retention(size_limit=119), NOW)) == ["a"]
    assert going(plan(uses, Retention(size_limit=40), NOW)) == ["a", "b"]
    assert going(plan(uses, Retention(size_limit=0), NOW)) == ["a", "b", "c"]


def test_what_goes_by_age_anyway_counts_as_gone_for_the_limit_of_size() -> None:
    uses = [use("a", 30, 100), use("b", 2, 40), use("c", 1, 40)]
    dues = plan(uses, Retention(age_limit=24 * HOUR, size_limit=80), NOW)
    assert [(due.use.run, due.why) for due in dues if due.is_due(NOW)] == [("a", "age_limit")]


def test_a_run_that_gives_nothing_back_is_no_way_to_save_room() -> None:
    assert going(plan([use("empty", 5, 0), use("full", 1, 50)], Retention(size_limit=10), NOW)) == ["full"]


@given(
    st.lists(st.tuples(st.floats(0, 100), st.integers(0, 100), st.booleans()), max_size=12),
    st.integers(0, 300),
)
def test_what_stays_fits_the_limit_unless_it_is_in_use(runs: list[tuple[float, int, bool]], limit: int) -> None:
    uses = [use(str(number), *facts[:2], in_use=facts[2]) for number, facts in enumerate(runs)]
    dues = plan(uses, Retention(size_limit=limit), NOW)
    stays = [due.use for due in dues if not due.is_due(NOW)]
    assert sum(each.frees for each in stays) <= limit or all(each.in_use or not each.frees for each in stays)
    assert all(each in stays for each in uses if each.in_use)


def test_the_section_is_read_and_lies_above_what_holds_beneath() -> None:
    section = {
        "storage_expiration_hours": 72,
        "age_limit": "30 days",
        "size_limit": "50 GB",
        "price_per_gb_month": 0.02,
    }
    assert retention_of(section) == Retention(72.0, 30 * 24 * HOUR, 50 * 1024**3, 0.02)
    beneath = Retention(storage_expiration_hours=1, size_limit=5)
    assert retention_of({"size_limit": 7}).over(beneath) == Retention(storage_expiration_hours=1, size_limit=7)


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"expiration": 1}, "no setting `expiration`; its settings are storage_expiration_hours, age_limit"),
        ({"storage_expiration_hours": "soon"}, "`storage_expiration_hours`: 'soon' is not a number"),
        ({"storage_expiration_hours": -1}, "at least 0"),
        ({"storage_expiration_hours": True}, "at least 0"),
        ({"storage_expiration_hours": float("nan")}, "at least 0"),
        ({"age_limit": 30}, "has no unit"),
        ({"size_limit": "much"}, "'much' is not an amount"),
        ({"price_per_gb_month": [1]}, "write 0.023"),
    ],
)
def test_what_cannot_be_read_is_named_with_what_to_write(section: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError, match=r"\[retention\]") as caught:
        retention_of(section)
    assert says in str(caught.value)


def test_a_price_makes_sizes_cost() -> None:
    assert Retention(price_per_gb_month=0.02).cost(50 * 1024**3) == "1.00 a month"
    assert Retention(price_per_gb_month=0.02).cost(5) == "under 0.01 a month"
    assert Retention().cost(5) == ""


def test_when_a_run_goes_is_said_in_words() -> None:
    def goes(at: float | None) -> str:
        return Due(RunUse("s", "r", 0, False), at, "").goes(1000.0)

    moments = (None, 999.0, 1000.0, 1001.0, 1000.0 + 3.7 * HOUR, 1000.0 + 50.2 * HOUR, 1000.0 + 719.99 * HOUR)
    assert [goes(at) for at in moments] == ["stays", "now", "now", "in 1m", "in 3h 42m", "in 2d 2h", "in 30d"]


def test_a_session_goes_with_its_last_run_and_stays_with_one_that_stays() -> None:
    def due(session: str, run: str, at: float | None) -> Due:
        return Due(RunUse(session, run, 0, False), at, "")

    dues = [due("a", "one", 9), due("b", "two", None), due("a", "three", 12), due("b", "four", 5), due("a", "five", 3)]
    assert {session: last.use.run for session, last in last_to_go(dues).items()} == {"a": "three", "b": "two"}


@given(
    st.builds(
        Retention,
        st.none() | st.floats(0, 1e6),
        st.none() | st.integers(1, 10**12).map(lambda milliseconds: milliseconds / 1000),
        st.none() | st.integers(0, 10**15),
        st.none() | st.floats(0, 10),
    )
)
def test_what_the_environment_hands_on_is_what_was_set(retention: Retention) -> None:
    assert retention_in(retention_out(retention)) == retention


def test_a_variable_that_cannot_be_read_is_named() -> None:
    with pytest.raises(SettingsError, match="NBFLOW_SIZE_LIMIT"):
        retention_in({"NBFLOW_SIZE_LIMIT": "much"})


def test_only_what_is_set_of_the_budget_goes_to_the_executor() -> None:
    assert KernelSettings().budget() == {}
    assert KernelSettings(cpus=2, memory=5).budget() == {"cpus": 2, "memory": 5}
    assert KernelSettings(cpus=2).budget(cpus=4, memory=6) == {"cpus": 4, "memory": 6}


def test_the_file_has_a_section_and_profiles_lie_above_it() -> None:
    text = "[retention]\nsize_limit = '1 GB'\nage_limit = '1d'\n[profiles.small.retention]\nsize_limit = '1 MB'\n"
    assert read_settings(text).retention == Retention(age_limit=24 * HOUR, size_limit=1024**3)
    assert read_settings(text, ["small"]).retention == Retention(age_limit=24 * HOUR, size_limit=1024**2)
    with pytest.raises(SettingsError, match=r"nbflow\.toml, \[profiles\.small\.retention\] `size_limit`: 'much'"):
        read_settings(text.replace("1 MB", "much"))
