"""The store of secrets: Nextflow's file in Nextflow's format, for its owner alone."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from nbflow.errors import CacheError, DeclarationError, MissingInputError
from nbflow.storage.nextflow.secrets import SecretStore
from tests.core.nasty import NASTY


@pytest.fixture
def store(tmp_path: Path) -> SecretStore:
    return SecretStore({"NXF_HOME": str(tmp_path / "home")})


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({"NXF_HOME": "/h"}, "/h/secrets/store.json"),
        ({"NXF_HOME": "/h", "NXF_SECRETS_FILE": "mine.json"}, "/h/mine.json"),
        ({"NXF_HOME": "/h", "NXF_SECRETS_FILE": "/x/mine.json"}, "/x/mine.json"),
        ({}, os.path.expanduser("~/.nextflow/secrets/store.json")),
    ],
)
def test_it_lies_where_nextflows_does(environ: dict[str, str], place: str) -> None:
    assert str(SecretStore(environ).path) == place


def test_without_a_file_there_are_no_secrets(store: SecretStore) -> None:
    assert store.names() == []
    assert store.values([]) == {}
    assert not store.delete("TOKEN")
    assert not store.path.parent.exists(), "asking leaves nothing behind"


def test_what_nextflow_wrote_is_read(store: SecretStore) -> None:
    store.path.parent.mkdir(parents=True)
    # As its GSON prints it.
    store.path.write_text(
        '[\n  {\n    "name": "foo",\n    "value": "a \\u003d b"\n  },\n  {\n    "name": "bar",\n    "value": "1"\n  }\n]'
    )
    store.path.chmod(0o600)
    assert store.names() == ["bar", "foo"]
    assert store.values(["foo"]) == {"foo": "a = b"}


def test_what_is_written_is_what_nextflow_writes(store: SecretStore) -> None:
    store.set("hello", "world")
    store.set("foo", "bar")
    expected = (
        '[\n  {\n    "name": "foo",\n    "value": "bar"\n  },\n  {\n    "name": "hello",\n    "value": "world"\n  }\n]'
    )
    assert store.path.read_text() == expected


def test_only_its_owner_may_read_it(store: SecretStore) -> None:
    before = os.umask(0)
    try:
        store.set("TOKEN", "x")
    finally:
        os.umask(before)
    assert store.path.stat().st_mode & 0o777 == 0o600
    assert store.path.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in store.path.parent.iterdir()] == ["store.json"]


def test_a_directory_that_is_there_keeps_its_permissions(store: SecretStore) -> None:
    store.path.parent.mkdir(parents=True)
    store.path.parent.chmod(0o750)
    store.set("TOKEN", "x")
    assert store.path.parent.stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o700, 0o400])
def test_one_with_other_permissions_is_refused_as_nextflow_does(store: SecretStore, mode: int) -> None:
    store.set("TOKEN", "x")
    store.path.chmod(mode)
    for use in (
        store.names,
        lambda: store.values(["TOKEN"]),
        lambda: store.set("A1", "b"),
        lambda: store.delete("TOKEN"),
    ):
        with pytest.raises(CacheError, match="others may not read it: chmod 600"):
            use()


@pytest.mark.parametrize(
    "text", ["{", '{"TOKEN": "sec-ret"}', '["sec-ret"]', '[{"name": "sec-ret"}]', '[{"name": "A", "value": sec-ret}]']
)
def test_a_damaged_file_is_told_without_what_stands_in_it_and_stays_as_it_is(store: SecretStore, text: str) -> None:
    store.set("TOKEN", "x")
    store.path.write_text(text)
    with pytest.raises(CacheError, match="no list of names and values in JSON") as caught:
        store.set("A1", "b")
    assert "sec-ret" not in str(caught.value) and caught.value.__cause__ is None
    assert store.path.read_text() == text


@pytest.mark.parametrize("value", [text for text in NASTY if text])
def test_any_text_comes_back(store: SecretStore, value: str) -> None:
    store.set("TOKEN", value)
    assert store.values(["TOKEN"]) == {"TOKEN": value}
    assert json.loads(store.path.read_text()) == [{"name": "TOKEN", "value": value}]


def test_a_secret_is_replaced_and_deleted(store: SecretStore) -> None:
    store.set("TOKEN", "x")
    store.set("OTHER", "o")
    store.set("TOKEN", "y")
    assert store.values(["TOKEN", "OTHER"]) == {"TOKEN": "y", "OTHER": "o"}
    assert store.delete("TOKEN")
    assert store.names() == ["OTHER"]


def test_a_link_to_the_file_stays_one(store: SecretStore, tmp_path: Path) -> None:
    store.set("TOKEN", "x")
    real = tmp_path / "elsewhere.json"
    store.path.rename(real)
    store.path.symlink_to(real)
    store.set("TOKEN", "y")
    assert store.path.is_symlink() and SecretStore({"NXF_SECRETS_FILE": str(real)}).values(["TOKEN"]) == {"TOKEN": "y"}


def test_what_is_not_there_is_told_with_the_command_that_adds_it(store: SecretStore) -> None:
    with pytest.raises(
        MissingInputError,
        match=r"secret `TOKEN` is not in .*store.json; add it in a terminal with: nbflow secrets set TOKEN",
    ):
        store.values(["TOKEN"])


@pytest.mark.parametrize("name", ["", "A", "1A", "A-B", "A__B", "__A", "Ä1"])
def test_names_are_those_that_nextflow_takes(store: SecretStore, name: str) -> None:
    with pytest.raises(DeclarationError, match="cannot name a secret"):
        store.set(name, "x")
