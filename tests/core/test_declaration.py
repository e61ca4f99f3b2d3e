"""The %%process line and its long form: what it declares, and what each mistake is told."""

from __future__ import annotations

import inspect
import pickle
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.declaration.blocks import with_blocks
from nbflow.core.declaration.file_rules import file_rules
from nbflow.core.declaration.line import Declaration, Input, parse_line
from nbflow.core.declaration.outputs import Output, OutputSource
from nbflow.core.declaration.process import read_process
from nbflow.errors import DeclarationError

ONLY = inspect.Parameter.POSITIONAL_ONLY
KEYWORD = inspect.Parameter.KEYWORD_ONLY


def outputs(*names: str) -> tuple[Output, ...]:
    return tuple(Output(name) for name in names)


@pytest.mark.parametrize(
    ("line", "declared"),
    [
        ("train", Declaration("train")),
        ("  train  ", Declaration("train")),
        ("train -> model, accuracy", Declaration("train", None, outputs("model", "accuracy"))),
        ("train->model,", Declaration("train", None, outputs("model"))),
        ("train -> None", Declaration("train", None, ())),
        ("fit()", Declaration("fit", ())),
        ("fit ( ) -> x # so", Declaration("fit", (), outputs("x"))),
        ("fit(a, b=1)", Declaration("fit", (Input("a"), Input("b", None, "1")))),
        (
            "fit(trees: int, *, depth: int = 3) -> score: float",
            Declaration(
                "fit",
                (Input("trees", "int"), Input("depth", "int", "3", KEYWORD)),
                (Output("score", "float"),),
            ),
        ),
        ("f(a, /, b)", Declaration("f", (Input("a", kind=ONLY), Input("b")))),
        ("f(*, a, b=2, c)", Declaration("f", tuple(Input(*it, kind=KEYWORD) for it in [("a",), ("b", None, "2"), ("c",)]))),
        ('f(x=")->(#", y: dict[str, int] = {"a": 1})', Declaration(
            "f", (Input("x", None, '")->(#"'), Input("y", "dict[str, int]", '{"a": 1}')))),
        ("sum(x) -> sum", Declaration("sum", (Input("x"),), outputs("sum"))),
        ("größe -> länge", Declaration("größe", None, outputs("länge"))),
    ],
)  # fmt: skip
def test_a_line_is_read_as_a_def_header(line: str, declared: Declaration) -> None:
    assert parse_line(line) == declared


def test_outputs_have_types_and_sources() -> None:
    line = 'quant(id, reads: Path) -> id, q: Path = file("quant_{id}", optional=True), all = files("*.txt"), said = stdout()'
    assert parse_line(line).outputs == (
        Output("id"),
        Output("q", "Path", OutputSource("file", "quant_{id}", {"optional": True})),
        Output("all", None, OutputSource("files", "*.txt")),
        Output("said", None, OutputSource("stdout")),
    )
    found = parse_line('f -> a: str = env("A"), b = eval("tool --version")').outputs
    assert found == (
        Output("a", "str", OutputSource("env", "A")),
        Output("b", None, OutputSource("eval", "tool --version")),
    )


def test_tuples_and_records_list_inputs_and_sources() -> None:
    line = 'q(id, n) -> pair = tuple(id, file("x")), rec = record(id, m=n, all=record(o=stdout(), t=tuple(id)))'
    pair, rec = parse_line(line).outputs or ()
    assert pair.source == OutputSource(
        "tuple",
        parts=(Output("[0]", None, OutputSource("input", "id")), Output("[1]", None, OutputSource("file", "x"))),
    )
    assert rec.source is not None
    assert [(name, leaf.kind, leaf.argument) for name, leaf in rec.source.leaves("rec")] == [
        ("rec.id", "input", "id"),
        ("rec.m", "input", "n"),
        ("rec.all.o", "stdout", None),
        ("rec.all.t[0]", "input", "id"),
    ]


@pytest.mark.parametrize(
    ("kind", "options", "numbers"),
    [
        ("file", {}, (1, 1)),
        ("file", {"optional": True}, (0, 1)),
        ("file", {"optional": False}, (1, 1)),
        ("files", {}, (1, None)),
        ("files", {"optional": True}, (0, None)),
        ("files", {"arity": 2}, (2, 2)),
        ("files", {"arity": "0..1"}, (0, 1)),
        ("files", {"arity": "1..*"}, (1, None)),
        ("files", {"arity": "0"}, (0, 0)),
        ("files", {"arity": "2..5"}, (2, 5)),
    ],
)
def test_options_say_how_many_files_there_may_be(
    kind: str, options: dict[str, object], numbers: tuple[int, int | None]
) -> None:
    rules = file_rules(kind, "*", options)
    assert (rules.least, rules.most) == numbers


def test_two_stars_mean_files_unless_a_type_is_given() -> None:
    assert file_rules("files", "**/x", {}).type == "file"
    assert file_rules("files", "**/x", {"type": "any"}).type == "any"
    assert file_rules("files", "**/x", {"glob": False}).type == "any"
    assert file_rules("files", "*", {}).type == "any"


def test_a_declaration_can_be_pickled_and_hashed() -> None:
    declared = parse_line('f(a: int = 1) -> b = file("x", optional=True)')
    assert pickle.loads(pickle.dumps(declared)) == declared
    assert hash(declared) == hash(parse_line('f(a: int = 1) -> b = file("x", optional=True)'))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "`name -> output, ...`"),
        ("-> x", "`name -> output, ...`"),
        ("fit-model", "write `fit_model`"),
        ("1x", "write `p1x`"),
        ("class", "write `class_`"),
        ("a, b", "`name -> output, ...`"),
        ("f[x]", "write `f_x`"),
        ("task", "`task` cannot name a process"),
        ("f(task)", "`task` cannot be an input"),
        ("f -> task", "`task` cannot be an output"),
        ("--again f", "unknown flag `--again`; `%%process --rerun name`"),
        ("f(x", "`%%process f(x` is not closed"),
        ("f(x))", "f(x))"),
        ("f)x(", "f)x("),
        ("f(x)\xa0-> y", "invisible character '\\xa0'"),
        ("f -> a\nb", "invisible character '\\n'"),
        ('f(x="a)', '`f(x="a)`' if sys.version_info < (3, 12) else "not closed or not Python"),
        ("f(x: int) y", "is no declaration"),
        ("f(x) = y", "is no declaration"),
        ("f(a) (b)", "is not a Python parameter list"),
        ("f(a b)", "is not a Python parameter list"),
        ("f(1)", "is not a Python parameter list"),
        ("f(a=1, b)", "default"),
        ("f(a, a)", "`a` is twice an input of `f`"),
        ("f(*args)", "`*args` of `f` is not possible; name each input"),
        ("f(a, **options)", "`**options` of `f` is not possible"),
        ("f(class)", "is not a Python parameter list"),
        ("f -> ", "write `-> None`"),
        ("f -> a -> b", "two `->`"),
        ("f -> a b", "is no list of outputs"),
        ("f -> 3x", "is no list of outputs"),
        ("f -> *a", "is no list of outputs"),
        ("f -> a, *b", "is no list of outputs"),
        ("f -> **a", "is no list of outputs"),
        ("f -> a, /, b", "is no list of outputs"),
        ("f -> class", "is no list of outputs"),
        ("f -> a: int: str", "is no list of outputs"),
        ("f -> a): pass", "f -> a): pass"),
        ("f -> a, a", "`a` is twice an output of `f`"),
        ("f -> _a", "write `a`"),
        ("f -> f", "`%%process make_f -> f`"),
        ("f -> a.b", "write `name = a.b`"),
        ('f -> file("x")', "write `name = file('x')`"),
        ('f -> a, file("x")', "write `name = file('x')`"),
        ("f -> a: file('x')", "a source stands after `=`: write `a = file('x')`"),
        ("f -> a = fil('x')", 'write `a = file("result.txt")`'),
        ("f -> a = stdout", "stdout()"),
        ("f -> a = 3", "output `a = 3` has no known source"),
        ("f -> a = os.file('x')", "has no known source"),
        ("f -> a = file()", "file() takes one text"),
        ("f -> a = file('')", "file() takes one text"),
        ("f -> a = file(x)", "file() takes one text"),
        ("f -> a = file('x', 'y')", "file() takes one text"),
        ("f -> a = file(f'x{y}')", "leave the f out"),
        ("f -> a = file('/x')", "outside the work directory"),
        ("f -> a = files('../x')", "outside the work directory"),
        ("f -> a = stdout('x')", "takes no argument"),
        ("f -> a = files('x', hiden=True)", "no option `hiden`; did you mean `hidden`?"),
        ("f -> a = files('x', includeInputs=True)", "did you mean `include_inputs`?"),
        ("f -> a = files('x', followLinks=True)", "did you mean `follow_links`?"),
        ("f -> a = files('x', zzz=True)", "it has `optional`, `hidden`"),
        ("f -> a = file('x', optional=1)", "`optional` takes True or False, not 1; write `optional=True`"),
        ("f -> a = file('x', hidden=None)", "`hidden` takes True or False, not None"),
        ("f -> a = file('x', glob='no')", "`glob` takes True or False, not 'no'"),
        ("f -> a = file('x', include_inputs=y)", "`include_inputs` takes True or False, not y"),
        ("f -> a = file('x', follow_links=0)", "`follow_links` takes True or False, not 0"),
        ("f -> a = file('x', type='link')", '`type` takes "file", "dir" or "any", not \'link\''),
        ("f -> a = file('x', max_depth=0)", "`max_depth` takes a number of directory levels, at least 1, not 0"),
        ("f -> a = file('x', max_depth=True)", "`max_depth` takes a number"),
        ("f -> a = files('x', arity='2..1')", "`arity` takes a number of files"),
        ("f -> a = files('x', arity=-1)", "`arity` takes a number of files"),
        ("f -> a = files('x', arity='*')", '`arity` takes a number of files, as 2, "0..1" or "1..*", not \'*\''),
        ("f -> a = files('x', arity='1', optional=True)", "keep one"),
        ("f -> a = file('x', arity='1')", "files() has `arity`"),
        ("f -> a = file('x', **y)", "one by one, not with `**`"),
        ("f -> a = env('A B')", "must name a variable"),
        ("f -> a = env(A)", "env() takes one text"),
        ("f -> a = eval()", "eval() takes one text"),
        ("f -> a = tuple()", "must list what it is made of"),
        ("f -> a = tuple(b=file('x'))", "must list what it is made of"),
        ("f -> a = tuple(*b)", "must list what it is made of"),
        ("f -> a = record(file('x'))", "must list what it is made of"),
        ("f -> a = record(b, b=file('x'))", "must list what it is made of"),
        ("f -> a = tuple(b, fil('x'))", "output `a[1] = fil('x')` has no known source"),
        ("f -> a = record(b=file('x', optional=1))", "output `a.b`: `optional` takes True or False"),
        ("f -> a: int = stdout()", "stdout() gives str; write `a: str`"),
        ("f -> a: str = file('x')", "file() gives Path; write `a: Path`"),
        ("f -> a: Path = files('x')", "files() gives list[Path]; write `a: list[Path]`"),
        ("f -> a: float = env('A')", "env() gives str; write `a: str`"),
        ("f -> a = env('A', optional=True)", "it has none"),
    ],
)
def test_each_mistake_is_named_and_told_what_to_write(line: str, told: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        parse_line(line)
    assert told in str(caught.value)


@given(st.text(max_size=40) | st.text(alphabet="fab (),:=*/->'\"#\\\n[]{}.1", max_size=30))
def test_any_line_is_a_declaration_or_a_named_error(line: str) -> None:
    try:
        declared = parse_line(line)
    except DeclarationError:
        return
    assert declared.name.isidentifier()


@pytest.mark.parametrize(
    "parameters", ["", "a", "a, b=1", "a, /, b", "a, /", "*, a", "a, *, b: int = 3, c", "a: int, /, b: str = 'x', *, c"]
)
def test_the_parameter_list_is_given_back(parameters: str) -> None:
    declared = parse_line(f"f({parameters})")
    assert declared.parameters == parameters
    assert parse_line(f"f({declared.parameters})") == declared


def test_without_a_parameter_list_there_are_no_parameters() -> None:
    assert parse_line("f -> a").parameters is None
    assert parse_line("f -> a").input_names == ()


BLOCK = {"cpus": 2, "input": {"id": None, "reads": "Path", "depth": "int = 3", "k": "= 31"}}


def test_blocks_are_the_long_form_of_the_line() -> None:
    block = {**BLOCK, "output": {"id": None, "q": 'Path = file("quant_{id}")', "log": "stdout()", "n": "int"}}
    assert with_blocks(parse_line("quant"), block) == parse_line(
        'quant(id, reads: Path, depth: int = 3, k = 31) -> id, q: Path = file("quant_{id}"), log = stdout(), n: int'
    )


def test_a_block_may_be_a_list_of_what_stands_on_the_line() -> None:
    block = {"input": ["id", "reads: Path", {"depth": "int = 3"}, "*", "k=31"], "output": "score: float"}
    assert with_blocks(parse_line("f"), block) == parse_line(
        "f(id, reads: Path, depth: int = 3, *, k=31) -> score: float"
    )


def test_line_and_blocks_are_combined() -> None:
    assert with_blocks(parse_line("f(x)"), {"output": ["y"]}) == parse_line("f(x) -> y")
    assert with_blocks(parse_line("f -> y"), {"input": []}) == parse_line("f() -> y")
    assert with_blocks(parse_line("f -> y"), {"cpus": 1}) == parse_line("f -> y")
    assert with_blocks(parse_line("f"), {"output": None}) == parse_line("f -> None")


@pytest.mark.parametrize(
    ("line", "block", "told"),
    [
        ("f(x)", {"input": ["y"]}, "on the line and under `input:`"),
        ("f -> x", {"output": ["y"]}, "after `->` and under `output:`"),
        ("f", {"input": 3}, "`input:` must be a list of names"),
        ("f", {"input": {"depth": 3}}, "`depth` under `input:` must be a type, as in `depth: int`"),
        ("f", {"input": ["a", "a"]}, "`a` is twice an input"),
        ("f", {"output": {"f": None}}, "has the name of its process"),
        ("f", {"output": {"a": "fil('x')"}}, "write `a = fil('x')`"),
        ("f", {"output": ["file('x')"]}, "write `name = file('x')`"),
        ("f", {"input": ["*args"]}, "`*args` of `f` is not possible"),
        ("f", {"input": ["a = '\ud800'"]}, "is not a Python parameter list"),
        ("f", {"output": ["a = '\0'"]}, "is no list of outputs"),
        ("f", {"input": ["a): pass\ndef g(b"]}, "is not a Python parameter list"),
    ],
)
def test_blocks_have_the_same_rules(line: str, block: dict[str, object], told: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        with_blocks(parse_line(line), block)
    assert told in str(caught.value)


def test_an_output_that_the_body_does_not_set_may_be_a_global_that_a_helper_changes() -> None:
    assert read_process("t -> r, k", "r = h()", known={"k": 1}).output_names == ("r", "k")
    with pytest.raises(DeclarationError, match="`k` of `t` is never set"):
        read_process("t -> r, k", "r = h()")
