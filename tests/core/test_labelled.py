"""Labelled arrays count by names, dimensions, values, attributes, encodings and indexes; what is not loaded is refused."""

from __future__ import annotations

import pathlib
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from nbflow.core.values.hashing import Digester, digest
from nbflow.errors import UnhashableInputError


def encoded(array: Any) -> Any:
    array.encoding["scale_factor"] = 2
    return array


def by_pairs(letters: str) -> Any:
    pairs = pd.MultiIndex.from_product([[1, 2], list(letters)], names=["p", "q"])
    return xr.DataArray(np.arange(4), dims="z", coords=xr.Coordinates.from_pandas_multiindex(pairs, "z"))


X = xr.Dataset({"a": ("x", [1])}, coords={"x": [1]})
DIFFERENT: dict[str, Any] = {
    "array": np.array([1]),
    "labelled": xr.DataArray([1]),
    "attributes": xr.DataArray([1], attrs={"a": 1}),
    "encoding": encoded(xr.DataArray([1])),
    "dimension": xr.DataArray([1], dims="b"),
    "name": xr.DataArray([1], name="a"),
    "coordinate": xr.DataArray([1], dims="b", coords={"b": [1]}),
    "other coordinate": xr.DataArray([1], dims="b", coords={"b": [2]}),
    "coordinate of text": xr.DataArray([1], dims="b", coords={"b": ["1"]}),
    "coordinate without an index": xr.DataArray([1], dims="b", coords={"b": [1]}).drop_indexes("b"),
    "float": xr.DataArray([1.0]),
    "variable": xr.Variable("x", [1]),
    "set": X,
    "its variable": X["a"],
    "two variables": xr.Dataset({"a": ("x", [1]), "b": ("x", [2])}),
    "two variables, swapped": xr.Dataset({"b": ("x", [2]), "a": ("x", [1])}),
    "a variable and a coordinate": xr.Dataset({"a": ("x", [1])}, coords={"b": ("x", [2])}),
    "set with attributes": X.assign_attrs(unit="m"),
    "times": xr.DataArray([1, 2], dims="t", coords={"t": pd.date_range("2024", periods=2)}),
    "pairs": by_pairs("ab"),
    "other pairs": by_pairs("ac"),
    "empty": xr.Dataset(),
}


def test_labelled_arrays_that_differ_in_anything_readable_have_different_digests() -> None:
    owners: dict[bytes, str] = {}
    collisions = []
    for name, value in DIFFERENT.items():
        other = owners.setdefault(digest(value), name)
        if other != name:
            collisions.append((other, name))
    assert collisions == []


@pytest.mark.parametrize("name", DIFFERENT)
def test_the_trip_keeps_the_digest(name: str) -> None:
    value = DIFFERENT[name]
    assert digest(pickle.loads(pickle.dumps(value, 5))) == digest(value) == digest(value)


def test_looking_at_it_does_not_change_its_digest() -> None:
    looked = xr.Dataset({"a": ("x", [1])}, coords={"x": [1]})
    assert looked.attrs == looked["a"].attrs == {}
    assert looked["x"].to_index().is_unique
    assert digest(looked) == digest(xr.Dataset({"a": ("x", [1])}).assign_coords(x=[1]))


def test_what_lies_in_a_file_is_refused_until_it_is_loaded(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.nc"
    X.to_netcdf(path, engine="scipy")
    with xr.open_dataset(path, engine="scipy") as opened:
        with pytest.raises(UnhashableInputError, match=r"config\[0\].*: xarray data that is not loaded yet.*load\(\)"):
            Digester().digest([opened], "config")
        assert digest(opened.load()) == digest(xr.load_dataset(path, engine="scipy"))
