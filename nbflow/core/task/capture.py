"""What a call takes along: the globals and fixed inputs that all its tasks share, as values and as hash parts.

Alone puts the parts of a task hash together (design 2.1). Facts in, values out: the namespace, the environment and the
digests of known outputs come in as a `Scene`.
"""

from __future__ import annotations

import builtins
import difflib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from nbflow.core.code.closure import CodeDigester, Reach, reach
from nbflow.core.code.code_walk import CodeDigest
from nbflow.core.code.sharing import sharing_parts
from nbflow.core.code.walk import PROVIDED
from nbflow.core.declaration.annotations import names_in_types
from nbflow.core.declaration.process import Process
from nbflow.core.parts import SCHEME, Part, combine, shorten
from nbflow.core.python import PYTHON
from nbflow.core.secrets import MASK, is_secret
from nbflow.core.task.capture_script import bin_parts, read_by_script
from nbflow.core.task.ext_keys import ext_keys
from nbflow.core.task.hash import call_digest
from nbflow.core.values.files import PLAIN, Disk
from nbflow.core.values.inputs import Files, InputReader, OutputDigest
from nbflow.errors import MissingInputError

_DRAWS = (
    "draws from a global random generator: it is seeded from the task hash, and a seed set in another cell is not seen; "
    "set the seed in the body, or read a generator of your own"
)
_NOT_TAKEN_ALONG = frozenset({"name", "source", "directive", "file", "data", "env", "bin", "ext", "secret", "stub"})


def _no_secrets(names: Iterable[str]) -> dict[str, str]:
    for name in names:
        raise MissingInputError(f"secret `{name}` is not known: there is no store of secrets here", name=name)
    return {}


@dataclass(frozen=True, slots=True)
class Scene:
    """The moment of a call.

    Attributes
    ----------
    namespace : dict
        The notebook's.
    launch_dir : str
        Absolute.
    environ : mapping of str to str
        The kernel's environment.
    sys_path : tuple of str
        The kernel's module search path.
    session : str
        The session's id.
    output_digest : callable
        Knows the outputs of tasks by path.
    disk : Disk
        Looks at files and reads them.
    passed_over : frozenset of str
        Directories that do not count inside a directory that is an input.
    secrets : callable
        Gives the values of secrets by their names; raises MissingInputError for one that is not there.
    """

    namespace: dict[str, Any]
    launch_dir: str
    environ: Mapping[str, str]
    sys_path: tuple[str, ...]
    session: str
    output_digest: OutputDigest
    disk: Disk = PLAIN
    passed_over: frozenset[str] = frozenset()
    secrets: Callable[[Iterable[str]], Mapping[str, str]] = _no_secrets


@dataclass(frozen=True, slots=True)
class Capture:
    """What all tasks of one call share.

    Attributes
    ----------
    values : dict of str to object
        Globals and fixed inputs, to be shipped together.
    fixed : tuple of str
        Names of the fixed inputs among them.
    parts : tuple of Part
        Hash parts.
    digest : bytes
        Digest of the parts but the inputs: the call's.
    inputs : mapping of str to bytes
        Digests of the fixed inputs. Apart from the call's, so that an input counts the same given by itself or by a
        channel.
    reader : InputReader
        Makes readers of the inputs that the tasks have of their own.
    staged : mapping of str to str
        Files to stage for every task.
    states : mapping of str to bytes
        The state of all files that were read, by absolute path.
    spellings : sequence of str
        Their names, as given.
    checks : mapping of str to str
        Globals that the body must not change unnoticed, with their digests in hex.
    reach : Reach or None
        What the body's code reaches; None for a script.
    ext : frozenset of str
        The settings of ``ext`` that count, and that tasks are given.
    secrets : mapping of str to str
        The secrets of the process, which nothing may write down.
    """

    values: dict[str, Any]
    fixed: tuple[str, ...]
    parts: tuple[Part, ...]
    digest: bytes
    inputs: Mapping[str, bytes]
    reader: InputReader
    staged: Mapping[str, str]
    states: Mapping[str, bytes]
    spellings: Sequence[str]
    checks: Mapping[str, str]
    reach: Reach | None
    ext: frozenset[str]
    secrets: Mapping[str, str] = field(repr=False)

    @property
    def container(self) -> str:
        """Name of the values' container: a digest of their content (32 hex), for pickles of equal values differ.

        What has one digest and yet another look counts too: spellings of a path, where code stands, for tracebacks, and
        Python's version, since no other version can run the code inside.
        """
        chunks = sorted(part.chunk for part in self.parts if part.kind not in _NOT_TAKEN_ALONG)
        spellings = combine("spellings", [os.fsencode(name) for name in self.spellings])
        texts = sorted({} if self.reach is None else self.reach.sources.items())
        sources = combine("texts", [text.encode("utf-8", "surrogatepass") for pair in texts for text in pair])
        return combine("capture", [PYTHON.encode(), spellings, sources, *chunks]).hex()

    @property
    def stand_ins(self) -> Mapping[Any, Any]:
        """Functions and classes that travel as another, which has their name now."""
        return {} if self.reach is None else self.reach.superseded

    @property
    def unknown(self) -> tuple[str, ...]:
        """Why the body may read what the hash does not know, in sentences."""
        return () if self.reach is None else self.reach.unknown

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of the code, in sentences: why it runs every time, and where it may surprise."""
        if self.reach is None:
            return ()
        draws = (_DRAWS,) if self.reach.draws_random else ()
        return (*(f"runs every time: {why}" for why in self.unknown), *self.reach.notes, *draws)


def capture(process: Process, fixed: Mapping[str, Any], scene: Scene, fed: Iterable[str] = ()) -> Capture:
    """Capture what a call takes along.

    Parameters
    ----------
    process : Process
        The process.
    fixed : mapping of str to object
        The inputs that are the same for all tasks.
    scene : Scene
        The moment.
    fed : iterable of str
        The inputs that come with each item.

    Raises
    ------
    InputError
        If an input or a global is missing or cannot be hashed surely.
    """
    fed = frozenset(fed)
    names = frozenset(fixed) | fed
    environ = {**scene.environ, **_set_env(process)}
    mode = process.directives.cache or "standard"
    files = Files(scene.launch_dir, mode, scene.output_digest, scene.disk, scene.passed_over)
    reader = _reader(files, scene, environ)
    secrets = scene.secrets(process.directives.secret)
    # They count by themselves, and their values may stand in no preview.
    environ = {name: value for name, value in environ.items() if name not in secrets}
    ext = ext_keys(process)
    if process.body is None:
        found, values, read = None, *read_by_script(process, names, scene.namespace, environ, reader, ext)
    else:
        reached = partial(_reached, process, fixed, names, scene, environ, reader)
        found, ext = _reached_with_ext(process, reached)
        values = dict(found.captured)
        read = [*found.parts, *reader.strings(found.strings - _made(process))]
    code = () if found is None else (*found.strings, *found.sources.values())
    read += bin_parts(process, code, {**values, **fixed}, reader, fed=bool(fed))
    inputs = tuple(reader.part("input", *item) for item in fixed.items())
    given = (*_ext_parts(process, ext), *_secret_parts(secrets))
    common = (*_constant(process, scene), *given, *read, *sharing_parts(values, fixed, reader.digest))
    checks = {part.name: part.digest.hex() for part in read if part.kind == "global"}
    values.update(fixed)
    digests = {part.name: part.digest for part in inputs}
    return Capture(
        values=values,
        fixed=tuple(fixed),
        parts=(*common, *inputs),
        digest=call_digest(common),
        inputs=digests,
        reader=reader,
        staged=reader.staged,
        states=reader.states,
        spellings=reader.spellings,
        checks=checks,
        reach=found,
        ext=ext,
        secrets=secrets,
    )


def _made(process: Process) -> frozenset[str]:
    """Names of files that the body makes: one of the launch directory is not meant, and would be written to."""
    sources = [output.source for output in process.outputs or () if output.source is not None]
    return frozenset(source.argument for source in sources if source.argument and source.kind in ("file", "files"))


def _reader(files: Files, scene: Scene, environ: Mapping[str, str]) -> InputReader:
    """A reader for which files count too that code in a value leads to."""

    def digest_value(value: Any, code: CodeDigest, name: str) -> bytes:
        return reader.digest_with(value, code, name)

    reader = InputReader(files, CodeDigester(scene.sys_path, environ, digest_value))
    return reader


def _constant(process: Process, scene: Scene) -> Iterator[Part]:
    yield Part("scheme", "", combine("scheme", [SCHEME.encode()]), SCHEME)
    yield Part("session", "", combine("session", [scene.session.encode()]), scene.session)
    yield Part("name", "", combine("name", [process.name.encode()]), process.name)
    yield process.source
    if process.is_stub:
        yield Part("stub", "", combine("stub", [b"stub-run"]), "a stub run")
    for name, value in process.directives.hashed().items():
        text = repr(value)
        yield Part(
            "directive", name, combine("directive", [text.encode("utf-8", "surrogatepass")]), _masked(name, value)
        )


def _ext_parts(process: Process, keys: Iterable[str]) -> Iterator[Part]:
    for name, value in process.directives.hashed_ext(keys).items():
        text = repr(value)
        yield Part("ext", name, combine("ext", [text.encode("utf-8", "surrogatepass")]), shorten(_hidden(name, text)))


def _hidden(name: str, text: str) -> str:
    return MASK if is_secret(name) else text


def _secret_parts(secrets: Mapping[str, str]) -> Iterator[Part]:
    for name, value in sorted(secrets.items()):
        yield Part("secret", name, combine("secret", [value.encode("utf-8", "surrogatepass")]), MASK)


def _masked(name: str, value: object) -> str:
    if name != "env" or not isinstance(value, Mapping):
        return shorten(repr(value))
    return shorten(", ".join(f"{key}={MASK if is_secret(key) else setting}" for key, setting in value.items()))


def _set_env(process: Process) -> dict[str, str]:
    """Variables that the directives set to values known before the inputs are."""
    return {name: value for name, value in process.directives.env.items() if isinstance(value, str)}


def _reached_with_ext(process: Process, reached: Callable[[frozenset[str]], Reach]) -> tuple[Reach, frozenset[str]]:
    """What a body's code reaches, and the settings of `ext` that it reads."""
    ext = ext_keys(process)
    found = reached(ext)
    if found.reads_task and ext != process.directives.ext.keys():
        ext = ext_keys(process, task_is_read_elsewhere=True)
        found = reached(ext)
    return found, ext


def _reached(
    process: Process,
    fixed: Mapping[str, Any],
    inputs: frozenset[str],
    scene: Scene,
    environ: Mapping[str, str],
    reader: InputReader,
    ext: frozenset[str],
) -> Reach:
    body, directives = process.body, process.directives
    assert body is not None
    _check_defined(process, body.definite_reads - inputs, scene.namespace)
    also = names_in_types(process.outputs or ()) | directives.hashed_names(ext)
    found = reach(
        (body.reads | also) - inputs,
        scene.namespace,
        digest_value=reader.digest_with,
        sys_path=scene.sys_path,
        tree=body.tree,
        environ=environ,
        values=fixed,
        declared_reads=directives.reads,
        declared_env=directives.env_reads,
    )
    return replace(found, unknown=(*found.unknown, *body.unknown)) if body.unknown else found


def _check_defined(process: Process, names: frozenset[str], namespace: Mapping[str, object]) -> None:
    bound = frozenset(process.body.binds) if process.body else frozenset()
    known = bound | PROVIDED
    missing = sorted(name for name in names - known if name not in namespace and not hasattr(builtins, name))
    if missing:
        near = difflib.get_close_matches(missing[0], namespace, 1)
        proposed = f"did you mean `{near[0]}`? Else run" if near else "run"
        raise MissingInputError(
            f"process `{process.name}` reads `{missing[0]}`, which is not defined; {proposed} the cell that defines it first",
            name=missing[0],
        )
