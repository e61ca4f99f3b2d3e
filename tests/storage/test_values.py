"""Value containers: what goes in comes out, and damage is always a miss."""

from __future__ import annotations

import dataclasses
import functools
import io
import mmap
import os
import pickle
import random
import stat
import subprocess
import sys
import typing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.storage import values
from nbflow.storage.values import DamagedValueError, References, Resolvers, UnstorableValueError

LARGE = values.MAPPED_FROM // 8


def stored(obj, tmp_path, **options):
    """Trip through a container."""
    path = tmp_path / "container"
    dumped = values.dump(obj, path, buffers_dir=tmp_path, references=options.pop("references", References()))
    return values.load(path, buffers_dir=tmp_path, expected=dumped, **options)


def notebook(code):
    """A notebook namespace after a cell."""
    namespace = {"__name__": "__main__"}
    exec(code, namespace)
    return namespace


def captured(namespace, names, tmp_path):
    """The namespace of a worker that got these names."""
    path = tmp_path / "capture"
    picked, references = {name: namespace[name] for name in names}, References(namespace=namespace)
    dumped = values.dump(picked, path, buffers_dir=tmp_path, references=references)
    into = {}
    into.update(values.load(path, buffers_dir=tmp_path, expected=dumped, resolvers=Resolvers(namespace=into)))
    return into


def test_what_is_small_comes_back_from_a_text_and_other_things_have_none():
    small = values.pack({"a": [1, "x"]})
    assert values.unpack(small.text, "here") == {"a": [1, "x"]}
    assert values.pack("x" * values.SMALL).text is None
    assert values.pack(np.zeros(1000)).text is None


# -- the trip --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [None, 1, 2**200, "text", b"bytes", [1, [2]], {"a": {1, 2}}, (1.5, float("inf")), Path("/a/b"), ..., 1j, range(3)],
)
def test_plain_values_come_back_equal(value, tmp_path):
    assert stored(value, tmp_path) == value


@given(
    value=st.recursive(
        st.none() | st.integers() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
@settings(max_examples=25, deadline=None)
def test_nested_values_come_back_equal(value, tmp_path_factory):
    assert stored(value, tmp_path_factory.mktemp("v")) == value


@pytest.mark.parametrize("count", [10, 10_000, LARGE])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_come_back_writable_in_their_order(count, order, tmp_path):
    array = np.arange(count * 2, dtype="f8").reshape((2, count), order=order)
    back = stored({"a": array}, tmp_path)["a"]
    assert np.array_equal(back, array)
    assert back.flags.writeable and back.flags.aligned
    assert back.flags.f_contiguous == array.flags.f_contiguous


def test_what_shares_a_mutable_object_still_does(tmp_path):
    weights = [1.0]
    model, optimizer = stored(({"w": weights}, {"params": weights}), tmp_path)
    assert model["w"] is optimizer["params"]


def test_frames_come_back_equal_and_writable(tmp_path):
    frame = pd.DataFrame({"a": np.arange(5000), "b": np.random.default_rng(0).random(5000), "c": ["x"] * 5000})
    back = stored(frame, tmp_path)
    pd.testing.assert_frame_equal(back, frame)
    back.loc[0, "a"] = 7
    assert back["a"][0] == 7


def test_an_array_that_is_not_contiguous_comes_back_equal(tmp_path):
    array = np.arange(100_000).reshape(100, 1000)[::2, ::3]
    assert np.array_equal(stored(array, tmp_path), array)


def test_many_buffers_lie_at_multiples_of_64_bytes(tmp_path):
    arrays = [np.full(1000 + number, number, dtype="f8") for number in range(700)]
    assert all(np.array_equal(a, b) for a, b in zip(stored(arrays, tmp_path), arrays, strict=True))
    raw = (tmp_path / "container").read_bytes()
    assert raw.index(arrays[5].tobytes()) % 64 == 0


# -- large buffers ---------------------------------------------------------------------------------------------------


def test_changing_a_mapped_array_never_reaches_the_file(tmp_path):
    array = np.zeros(LARGE)
    path = tmp_path / "container"
    dumped = values.dump(array, path, buffers_dir=tmp_path)
    values.load(path, buffers_dir=tmp_path, expected=dumped)[0] = 5.0
    assert values.load(path, buffers_dir=tmp_path, expected=dumped)[0] == 0.0


def test_a_mapped_array_outlives_its_file(tmp_path):
    back = stored(np.arange(float(LARGE)), tmp_path)
    for file in tmp_path.iterdir():
        file.unlink()
    assert back.sum() == LARGE * (LARGE - 1) / 2


def test_an_equal_buffer_is_written_once(tmp_path):
    first = values.dump(np.ones(LARGE), tmp_path / "a", buffers_dir=tmp_path)
    inode = (tmp_path / first.buffers[0][0]).stat().st_ino
    second = values.dump([np.ones(LARGE), 1], tmp_path / "b", buffers_dir=tmp_path)
    assert second.buffers == first.buffers
    assert (tmp_path / first.buffers[0][0]).stat().st_ino == inode


def test_a_damaged_buffer_of_the_same_name_is_written_again(tmp_path):
    first = values.dump(np.ones(LARGE), tmp_path / "a", buffers_dir=tmp_path)
    overwrite(tmp_path / first.buffers[0][0], 0, b"damage")
    again = values.dump(np.ones(LARGE), tmp_path / "b", buffers_dir=tmp_path)
    assert values.load(tmp_path / "b", buffers_dir=tmp_path, expected=again).sum() == LARGE


def test_a_large_array_is_not_copied_into_memory(tmp_path):
    values.dump(np.ones(LARGE * 16), tmp_path / "a", buffers_dir=tmp_path)
    code = (
        "import resource, sys; import numpy; from nbflow.storage import values\n"
        "used = lambda: int(open('/proc/self/statm').read().split()[1]) * resource.getpagesize()\n"
        f"before = used(); a = values.load({str(tmp_path / 'a')!r}, buffers_dir={str(tmp_path)!r})\n"
        "assert a.nbytes == 1 << 28; print(used() - before)"
    )
    if sys.platform != "linux":
        pytest.skip("reads /proc")
    grown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert int(grown) < 50 << 20


def test_files_are_read_only_and_nothing_is_left_aside(tmp_path):
    dumped = values.dump(np.ones(LARGE), tmp_path / "a", buffers_dir=tmp_path)
    names = {"a", dumped.buffers[0][0]}
    assert {file.name for file in tmp_path.iterdir()} == names
    assert all(stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o444 for name in names)


def test_on_a_network_file_system_buffers_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(values.mounts, "is_network", lambda path: True)
    monkeypatch.setattr(values.mmap, "mmap", None)
    path = tmp_path / "a"
    monkeypatch.setattr(values, "_facts_if_intact", lambda path, name: None)
    dumped = values.dump(np.ones(LARGE), path, buffers_dir=tmp_path)
    back = values.load(path, buffers_dir=tmp_path, expected=dumped)
    assert back.sum() == LARGE and back.flags.writeable


# -- damage ----------------------------------------------------------------------------------------------------------


def overwrite(path, position, content):
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(position)
        file.write(content)


def test_any_changed_byte_of_a_small_container_is_a_miss(tmp_path):
    path = tmp_path / "a"
    dumped = values.dump({"x": [1, "two"], "y": np.arange(1000)}, path, buffers_dir=tmp_path)
    whole = path.read_bytes()
    path.chmod(0o644)
    for position in [*range(100), *range(100, len(whole), 61)]:
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
        os.utime(path, ns=(dumped.mtime_ns, dumped.mtime_ns))
        with pytest.raises(DamagedValueError):
            values.load(path, buffers_dir=tmp_path, expected=dumped)


@pytest.mark.parametrize("expect", [True, False])
def test_a_container_that_is_cut_off_anywhere_is_a_miss(expect, tmp_path):
    path = tmp_path / "a"
    dumped = values.dump({"x": [1, "two"], "y": np.arange(2000)}, path, buffers_dir=tmp_path)
    whole = path.read_bytes()
    path.chmod(0o644)
    for size in [*range(200), len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises(DamagedValueError):
            values.load(path, buffers_dir=tmp_path, expected=dumped if expect else None)


@given(content=st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_arbitrary_bytes_are_a_miss(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("v") / "a"
    path.write_bytes(content)
    with pytest.raises(DamagedValueError):
        values.load(path, buffers_dir=path.parent)


def test_missing_files_are_a_miss(tmp_path):
    with pytest.raises(DamagedValueError):
        values.load(tmp_path / "nothing", buffers_dir=tmp_path)
    dumped = values.dump(np.ones(LARGE), tmp_path / "a", buffers_dir=tmp_path)
    (tmp_path / dumped.buffers[0][0]).unlink()
    with pytest.raises(DamagedValueError):
        values.load(tmp_path / "a", buffers_dir=tmp_path, expected=dumped)


@pytest.mark.parametrize("expect", [True, False])
def test_a_truncated_buffer_is_a_miss_and_never_a_crash(expect, tmp_path):
    dumped = values.dump(np.ones(LARGE), tmp_path / "a", buffers_dir=tmp_path)
    buffer = tmp_path / dumped.buffers[0][0]
    buffer.chmod(0o644)
    os.truncate(buffer, 4096)
    with pytest.raises(DamagedValueError):
        values.load(tmp_path / "a", buffers_dir=tmp_path, expected=dumped if expect else None)


def test_a_buffer_that_was_rewritten_is_a_miss(tmp_path):
    dumped = values.dump(np.ones(LARGE), tmp_path / "a", buffers_dir=tmp_path)
    overwrite(tmp_path / dumped.buffers[0][0], 0, b"12345678")
    with pytest.raises(DamagedValueError):
        values.load(tmp_path / "a", buffers_dir=tmp_path, expected=dumped)


def test_a_missing_package_is_named(tmp_path):
    (tmp_path / "rare_package.py").write_text("class Thing: pass")
    sys.path.insert(0, str(tmp_path))
    try:
        import rare_package

        values.dump(rare_package.Thing(), tmp_path / "a", buffers_dir=tmp_path)
    finally:
        sys.path.remove(str(tmp_path))
        del sys.modules["rare_package"]
    with pytest.raises(DamagedValueError, match="needs package 'rare_package'"):
        values.load(tmp_path / "a", buffers_dir=tmp_path)


class Bomb:
    """Raises when it is unpickled."""

    def __setstate__(self, state):
        raise ZeroDivisionError("bang")

    def __getstate__(self):
        return {"x": 1}


def test_whatever_an_object_raises_when_it_is_made_is_a_miss(tmp_path):
    values.dump(Bomb(), tmp_path / "a", buffers_dir=tmp_path)
    with pytest.raises(DamagedValueError, match="ZeroDivisionError: bang"):
        values.load(tmp_path / "a", buffers_dir=tmp_path)


def test_what_cannot_be_stored_is_refused(tmp_path):
    import threading

    for value in [threading.Lock(), (i for i in [1]), open(os.devnull), socket_pair()]:  # noqa: SIM115
        with pytest.raises(UnstorableValueError):
            values.dump({"x": value}, tmp_path / "a", buffers_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def socket_pair():
    import socket

    return socket.socketpair()


# -- one namespace ---------------------------------------------------------------------------------------------------


def test_functions_run_in_the_one_namespace(tmp_path):
    namespace = notebook(
        "count = 0\n"
        "def bump():\n    global count\n    count += 1\n"
        "def read(): return count\n"
        "def fact(n): return 1 if n < 2 else n * fact(n - 1)\n"
    )
    into = captured(namespace, ["count", "bump", "read", "fact"], tmp_path)
    into["bump"]()
    assert (into["count"], into["read"](), into["fact"](5)) == (1, 1, 120)
    into["count"] = 10
    assert into["read"]() == 10
    assert namespace["count"] == 0


def test_methods_closures_decorators_and_containers_share_it(tmp_path):
    namespace = notebook(
        "import functools\nk = 1\n"
        "def deco(f):\n    @functools.wraps(f)\n    def inner(*a): return f(*a) + k\n    return inner\n"
        "@deco\ndef plus(x): return x\n"
        "class A:\n    def m(self): return k\n    @staticmethod\n    def s(): return k\n    @property\n    def p(self): return k\n"
        "a = A()\ntable = {'f': [lambda: k], 'bound': a.m}\npart = functools.partial(plus, 1)\n"
    )
    into = captured(namespace, ["functools", "k", "plus", "A", "a", "table", "part"], tmp_path)
    into["k"] = 100
    assert into["plus"](1) == 101
    assert (into["A"]().m(), into["A"].s(), into["a"].p) == (100, 100, 100)
    assert (into["table"]["f"][0](), into["table"]["bound"](), into["part"]()) == (100, 100, 101)
    assert type(into["a"]) is into["A"]


@pytest.mark.parametrize(
    ("code", "call", "value"),
    [
        ("@functools.lru_cache\ndef f(n): return n if n < 2 else f(n - 1) + f(n - 2)", "f(10)", 55),
        ("def make():\n    @functools.cache\n    def g(n): return n and g(n - 1)\n    return g\nf = make()", "f(3)", 0),
        ("class f:\n    @functools.lru_cache\n    def m(self): return 1", "f().m()", 1),
        ("class f:\n    @functools.cached_property\n    def p(self): return 2", "f().p", 2),
        ("@functools.singledispatch\ndef f(x): return 1\n@f.register\ndef _(x: int): return 2", "f(1)", 2),
        ("class B:\n    def m(self): return 1\nclass f(B):\n    def m(self): return super().m() + 1", "f().m()", 2),
        ("class f(enum.Enum):\n    A = 1", "f['A'].value", 1),
        ("@dataclasses.dataclass(slots=True)\nclass f:\n    x: int = 1", "f(3).x", 3),
        ("f = json.dumps", "f(1)", "1"),
        (
            "f = re._compile if isinstance(re._compile, type(functools.lru_cache(len))) else fnmatch._compile_pattern",
            "f.__module__ in ('re', 'fnmatch')",
            True,
        ),
    ],
)
def test_what_python_makes_of_functions_and_classes_travels(code, call, value, tmp_path):
    namespace = notebook(f"import dataclasses, enum, fnmatch, functools, json, re\n{code}\n")
    into = captured(namespace, ["f"], tmp_path)
    into["functools"] = functools
    assert eval(call, into) == value
    if namespace["f"].__module__ != "__main__":
        assert into["f"] is namespace["f"]


def test_a_function_does_not_bring_globals_that_were_not_captured(tmp_path):
    namespace = notebook("secret = [1]\ndef f(): return secret\n")
    into = captured(namespace, ["f"], tmp_path)
    assert "secret" not in into
    with pytest.raises(NameError):
        into["f"]()


def test_an_empty_namespace_is_still_the_one(tmp_path):
    namespace = {}
    function = eval("lambda: 1", namespace)
    path = tmp_path / "c"
    values.dump(function, path, buffers_dir=tmp_path, references=References(namespace=namespace))
    into = {}
    assert values.load(path, buffers_dir=tmp_path, resolvers=Resolvers(namespace=into)).__globals__ is into


def test_code_keeps_the_name_of_its_cell_for_tracebacks(tmp_path):
    namespace = {}
    exec(compile("def outer():\n    def inner(): return 1 / 0\n    return inner\n", "cell-1", "exec"), namespace)
    back = stored(namespace["outer"], tmp_path)
    assert (back.__code__.co_filename, back().__code__.co_filename) == ("cell-1", "cell-1")


def test_functions_of_another_namespace_keep_their_globals(tmp_path):
    namespace = notebook("k = 1\ndef f(): return k\n")
    path = tmp_path / "c"
    values.dump(namespace["f"], path, buffers_dir=tmp_path)
    namespace["k"] = 2
    assert values.load(path, buffers_dir=tmp_path)() == 1


# -- references ------------------------------------------------------------------------------------------------------


def test_classes_of_the_notebook_come_back_as_the_current_class(tmp_path):
    namespace = notebook("class Foo:\n    def __init__(self, x): self.x = x\n")
    cls = namespace["Foo"]
    references = References(classes={cls: ("Foo", "ab" * 16)})
    path = tmp_path / "c"
    values.dump([cls(3), cls], path, buffers_dir=tmp_path, references=references)
    current = type("Foo", (), {})

    def resolve(name, digest):
        assert (name, digest) == ("Foo", "ab" * 16)
        return current

    instance, found = values.load(path, buffers_dir=tmp_path, resolvers=Resolvers(resolve_class=resolve))
    assert type(instance) is current and instance.x == 3 and found is current


def test_a_class_that_is_not_there_any_more_is_a_miss(tmp_path):
    cls = notebook("class Foo: pass\n")["Foo"]
    path = tmp_path / "c"
    values.dump(cls(), path, buffers_dir=tmp_path, references=References(classes={cls: ("Foo", "00" * 16)}))
    with pytest.raises(DamagedValueError, match="Foo"):
        values.load(path, buffers_dir=tmp_path)


def test_paths_in_the_work_directory_move_with_it(tmp_path):
    value = {"in": Path("/launch/work/ab/cd/out/x.txt"), "out": Path("/launch/data.csv"), "relative": Path("y")}
    path = tmp_path / "c"
    values.dump(value, path, buffers_dir=tmp_path, references=References(work_dir="/launch/work/ab/cd"))
    back = values.load(path, buffers_dir=tmp_path, resolvers=Resolvers(work_dir="/copy/work/ab/cd"))
    assert back == {**value, "in": Path("/copy/work/ab/cd/out/x.txt")}


def test_a_plain_unpickler_refuses_references():
    raw, _ = __import__("nbflow.storage.pickles", fromlist=["pickled"]).pickled(Path("/w/x"), References(work_dir="/w"))
    with pytest.raises(pickle.UnpicklingError):
        pickle.load(io.BytesIO(raw))


def test_random_state_and_partials_keep_their_state(tmp_path):
    generator = random.Random(3)
    generator.random()
    back, function = stored((generator, functools.partial(int, base=2)), tmp_path)
    assert back.random() == generator.random()
    assert function("101") == 5


def test_memory_maps_can_be_given_to_the_next_container(tmp_path):
    back = stored(np.arange(float(LARGE)), tmp_path)
    assert isinstance(back.base.obj if hasattr(back.base, "obj") else back.base, mmap.mmap | memoryview | np.ndarray)
    assert stored(back, tmp_path).sum() == back.sum()


MADE = []


def note(what):
    from tests.storage.test_values import MADE  # the one of this module, whoever calls by value

    MADE.append(what)


def test_classes_come_back_without_running_each_others_hooks(tmp_path):
    class Meta(type):
        def __new__(cls, name, bases, space, **options):
            return super().__new__(cls, name, bases, space, **options)

        def __init__(cls, name, bases, space, **options):
            note(f"meta {space['kind']}")

    class Base(metaclass=Meta):
        kind = "a"

        def __init_subclass__(cls, *, tag):
            note(f"hook {tag}")
            cls.tag = tag

    class Derived(Base, tag="x"):
        kind = "b"

    assert MADE == ["meta a", "hook x", "meta b"]
    values.dump(Derived(), tmp_path / "v", buffers_dir=tmp_path)
    loaded = values.load(tmp_path / "v", buffers_dir=tmp_path)
    assert (loaded.tag, loaded.kind) == ("x", "b")
    assert MADE == ["meta a", "hook x", "meta b"]
    assert "__init_subclass__" in vars(type(loaded).__bases__[0])


def test_a_function_that_dispatches_by_type_comes_back_and_still_takes_more(tmp_path):
    @functools.singledispatch
    def told(x):
        return "other"

    told.register(int)(lambda x: "int")
    told(True)
    told.note = 5
    values.dump([told, told], tmp_path / "v", buffers_dir=tmp_path)
    loaded, again = values.load(tmp_path / "v", buffers_dir=tmp_path)
    assert again is loaded
    assert (loaded(1), loaded(True), loaded("a"), loaded.note) == ("int", "int", "other", 5)
    loaded.register(str)(lambda x: "str")
    assert (loaded("a"), told("a")) == ("str", "other")


def test_kinds_of_classes_come_back_as_they_were(tmp_path):
    @dataclasses.dataclass(slots=True)
    class Slotted:
        a: int = 1

    class Typed(typing.TypedDict, total=False):
        a: int

    class Boxed(typing.Generic[T]):
        pass

    kinds = {"slotted": Slotted, "typed": Typed, "boxed": Boxed, "new": typing.NewType("new", int)}
    here = read_elsewhere(kinds, tmp_path, TELL)
    assert here == "False 1 False frozenset({'a'}) (~T,) new int"


T = typing.TypeVar("T")
TELL = """
made = loaded["slotted"]()
typed, boxed, new = loaded["typed"], loaded["boxed"], loaded["new"]
print(hasattr(made, "__dict__"), made.a, typed.__total__, typed.__optional_keys__, boxed.__parameters__, new.__name__,
      new.__supertype__.__name__)
"""


def read_elsewhere(value, directory, program):
    """What a program prints that has loaded a value in another process."""
    values.dump(value, directory / "v", buffers_dir=directory)
    load = f"from nbflow.storage import values\nloaded = values.load({str(directory / 'v')!r}, buffers_dir='')\n"
    done = subprocess.run([sys.executable, "-c", load + program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


REWRITE = """
from nbflow.storage import values
for number in range(1_000_000):
    values.dump([bytearray([number % 256]) * 50_000] * 40, sys.argv[1], buffers_dir=sys.argv[2])
"""


def test_a_writer_that_is_killed_leaves_a_whole_container(tmp_path, python):
    path = tmp_path / "container"
    for _ in range(5):
        path.unlink(missing_ok=True)
        with subprocess.Popen(python(REWRITE, path, tmp_path)) as writer:
            while not path.exists():
                assert writer.poll() is None
            writer.kill()
        found = values.load(path, buffers_dir=tmp_path)
        assert len(found) == 40 and all(part == found[0] == found[0][:1] * 50_000 for part in found)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="newer syntax")
def test_a_type_alias_comes_back_as_it_was(tmp_path):
    space = {"__name__": "__main__"}
    exec("type Pairs[T] = list[tuple[T, int]]", space)
    told = read_elsewhere(space["Pairs"], tmp_path, "print(loaded.__name__, loaded.__value__[str], loaded[str])")
    assert told == "Pairs list[tuple[str, int]] Pairs[str]"
