"""Operators that read and write files: formats, chunks, and files that are the same in every run."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

import pytest

from nbflow.errors import InputError
from nbflow.execution.channels.channels import ENGINE, channel

of = channel.of

FASTA = ">a first one\nACGT\nAC\n;comment\n>b\nTT\n\n>c third\nGGG\n"
FASTQ = "".join(f"@r{number}\nAC{'G' * number}\n+\nII{'I' * number}\n" for number in range(5))


@pytest.fixture(autouse=True)
def _in_a_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NXF_WORK", raising=False)
    monkeypatch.setattr(ENGINE, "work_root", None)
    yield
    ENGINE.close()


def texts(paths) -> list[tuple[str, str]]:
    return [(path.name, path.read_text()) for path in paths]


# Splitting ------------------------------------------------------------------------------------------------------------


def test_files_gzipped_files_and_texts_are_split_alike(tmp_path):
    (tmp_path / "a.txt").write_text("one\ntwo\nthree")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"one\r\ntwo\r\nthree"))
    (tmp_path / "bom.txt").write_bytes("\ufeffone\ntwo\nthree\n".encode())
    for source in (tmp_path / "a.txt", tmp_path / "a.txt.gz", tmp_path / "bom.txt", "one\ntwo\nthree"):
        assert list(of(source).split_text()) == ["one\n", "two\n", "three\n"]
    assert list(of(tmp_path / "a.txt").split_text(by=2, limit=3)) == ["one\ntwo\n", "three\n"]
    assert list(of("h\n1\n2\n3").split_text(by=2, keep_header=True)) == ["h\n1\n2\n", "h\n3\n"]
    (tmp_path / "latin").write_bytes("é\n".encode("latin-1"))
    assert list(of(tmp_path / "latin").split_text(charset="latin-1")) == ["é\n"]
    with pytest.raises(UnicodeDecodeError):
        list(of(tmp_path / "latin").split_text())
    with pytest.raises(FileNotFoundError) as caught:
        list(of(tmp_path / "none").split_text())
    assert "raised in `split_text` of a channel" in caught.value.__notes__[0]


def test_a_part_of_a_tuple_is_split_and_the_others_come_along(tmp_path):
    (tmp_path / "a.csv").write_text("1,2\n3,4\n")
    path = tmp_path / "a.csv"
    assert list(of(("s", path)).split_csv()) == [("s", ["1", "2"]), ("s", ["3", "4"])]
    assert list(of(("x,y", "b")).split_csv()) == [(["x", "y"], "b")]
    assert list(of(("a", "x,y")).split_csv(elem=1)) == [("a", ["x", "y"])]
    assert list(of((path, path)).split_text(elem=[0, 1])) == [("1,2\n", "1,2\n"), ("3,4\n", "3,4\n")]
    with pytest.raises(InputError, match="different numbers of records"):
        list(of(("a\nb", "c")).split_text(elem=[0, 1]))


def test_split_csv_options():
    assert list(of("a,b\n\n1,\n2").split_csv(header=True)) == [{"a": "1", "b": None}, {"a": "2", "b": None}]
    assert list(of("a;b\n 1 ; 2 ").split_csv(sep=";", strip=True, skip=1)) == [["1", "2"]]
    assert list(of('"a,b",c').split_csv(quote='"')) == [["a,b", "c"]]
    assert list(of('"a,b",c').split_csv()) == [['"a', 'b"', "c"]]
    assert list(of("1\n2\n3").split_csv(by=2)) == [[["1"], ["2"]], [["3"]]]
    assert list(of("1\n2\n3").split_csv(limit=2)) == [["1"], ["2"]]
    with pytest.raises(InputError, match="the header of the CSV text is missing"):
        list(of("").split_csv(header=True))


def test_split_fasta():
    assert list(of(FASTA).split_fasta()) == [">a first one\nACGT\nAC\n", ">b\nTT\n\n", ">c third\nGGG\n"]
    assert list(of(FASTA).split_fasta(by=2)) == [">a first one\nACGT\nAC\n>b\nTT\n\n", ">c third\nGGG\n"]
    assert [chunk.count(">") for chunk in of(FASTA).split_fasta(size=7)] == [2, 1]
    first = of(FASTA).split_fasta(record=True).first().value
    assert first == {
        "id": "a",
        "header": "a first one",
        "desc": "first one",
        "text": ">a first one\nACGT\nAC\n",
        "seq_string": "ACGTAC",
        "sequence": "ACGT\nAC\n",
    }
    assert list(of(FASTA).split_fasta(record={"id": True, "sequence": True, "width": 5}, limit=1)) == [
        {"id": "a", "sequence": "ACGTA\nC\n"}
    ]
    assert [len(chunk) for chunk in of(FASTA).split_fasta(record=["id"], by=2)] == [2, 1]


def test_split_fastq(tmp_path):
    assert [len(chunk.splitlines()) for chunk in of(FASTQ).split_fastq(by=2)] == [8, 8, 4]
    assert of(FASTQ).split_fastq(record=True).first().value == {
        "read_header": "r0",
        "read_string": "AC",
        "quality_header": "",
        "quality_string": "II",
    }
    for name in ("x_1.fq", "x_2.fq"):
        (tmp_path / name).write_text(FASTQ.replace("@", f"@{name[2]}"))
    pairs = channel.from_file_pairs("*_{1,2}.fq", flat=True).split_fastq(by=3, pe=True, file=True)
    assert [(key, one.name, two.name) for key, one, two in pairs] == [
        ("x", "x_1.1.fq", "x_2.1.fq"),
        ("x", "x_1.2.fq", "x_2.2.fq"),
    ]
    with pytest.raises(InputError, match="read 1 should be four lines"):
        list(of("r0\nAC\n+\nII\n").split_fastq())


def test_chunks_are_files_where_that_is_asked(tmp_path):
    (tmp_path / "in.txt.gz").write_bytes(gzip.compress(b"1\n2\n3\n"))
    chunks = list(of(tmp_path / "in.txt.gz").split_text(by=2, file=True))
    assert texts(chunks) == [("in.1.txt", "1\n2\n"), ("in.2.txt", "3\n")]
    assert all(path.is_relative_to(tmp_path / "work" / "collect-file") for path in chunks)
    assert list(of(tmp_path / "in.txt.gz").split_text(by=2, file=True)) == chunks
    assert texts(of("1\n").split_text(file="name.txt")) == [("name.1.txt", "1\n")]
    (packed,) = list(of("1\n").split_text(file=tmp_path / "out", compress=True))
    assert packed == tmp_path / "out" / "chunk.1.gz"
    assert gzip.decompress(packed.read_bytes()) == b"1\n"


# Collecting -----------------------------------------------------------------------------------------------------------


def test_texts_bytes_and_files_are_collected_into_one_file(tmp_path):
    (tmp_path / "part").write_text("from a file\n")
    made = of("text\n", b"bytes\n", tmp_path / "part").collect_file(name="all.txt")
    assert texts(made) == [("all.txt", "text\nbytes\nfrom a file\n")]
    assert texts(of("a", "b").collect_file(newline=True)) == [("collect-file.data", "a\nb\n")]
    assert list(channel.empty().collect_file(name="x")) == []


def test_items_are_collected_into_several_files_by_name(tmp_path):
    words = of("Hola", "Ciao", "Hello", "Bonjour", "Halo")
    assert texts(words.collect_file(lambda word: (f"{word[0]}.txt", word + "\n"))) == [
        ("B.txt", "Bonjour\n"),
        ("C.txt", "Ciao\n"),
        ("H.txt", "Hola\nHello\nHalo\n"),
    ]
    for name in ("a/x.txt", "b/x.txt", "a/y.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name + "\n")
    assert texts(channel.from_path("[ab]/*.txt").collect_file()) == [
        ("x.txt", "a/x.txt\nb/x.txt\n"),
        ("y.txt", "a/y.txt\n"),
    ]
    with pytest.raises(InputError, match="cannot be the name of a file"):
        list(of(("a/b", "text")).collect_file())
    with pytest.raises(InputError, match="a int cannot be written into a file"):
        list(of(3).collect_file())


def test_collect_file_options():
    tables = of("id,n\na,1\n", "id,n\nb,2\n")
    assert texts(tables.collect_file(name="t", keep_header=True)) == [("t", "id,n\na,1\nb,2\n")]
    assert texts(tables.collect_file(name="t", skip=1)) == [("t", "a,1\nb,2\n")]
    assert texts(tables.collect_file(name="t", skip=5)) == [("t", "")]
    assert texts(of("b", "a").collect_file(name="t", sort=True, seed="head\n")) == [("t", "head\nab")]
    assert texts(of("bb", "a").collect_file(name="t", sort=len)) == [("t", "abb")]
    assert texts(of("b", "a").collect_file(name="t", sort="index")) == [("t", "ba")]
    assert texts(of(("x", "1"), ("y", "2")).collect_file(seed={"x": "0"})) == [("x", "01"), ("y", "2")]


def test_a_file_that_is_there_with_the_same_content_is_left_alone_and_any_other_written_anew(tmp_path):
    (path,) = list(of("a", "b").collect_file(name="x"))
    before = path.stat()
    (again,) = list(of("a", "b").collect_file(name="x"))
    assert (again, again.stat().st_mtime_ns, again.stat().st_ino) == (path, before.st_mtime_ns, before.st_ino)
    path.write_text("zz")
    assert texts(of("a", "b").collect_file(name="x")) == [("x", "ab")]
    (stored,) = list(of("a").collect_file(name="x", store_dir="out"))
    assert stored == tmp_path / "out" / "x"
    assert texts(of("b").collect_file(name=tmp_path / "out" / "x")) == [("x", "b")]
    assert os.listdir(tmp_path / "out") == ["x"], "nothing half-written stays"


# Factories ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path) -> Path:
    for name in ("a.fa", "b.fq", ".h.fa", "sub/c.fa", "sub/deep/d.fa", ".hid/e.fa", "x[1].fa"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to("sub")
    (tmp_path / "sub" / "loop").symlink_to("..")
    return tmp_path


PATHS = {
    "a glob": ((["*.fa"], {}), ["a.fa", "x[1].fa"]),
    "one letter": ((["?.f?"], {}), ["a.fa", "b.fq"]),
    "braces": ((["{a,b}.{fa,fq}"], {}), ["a.fa", "b.fq"]),
    "a set of letters": ((["[!a].f*"], {}), ["b.fq"]),
    "hidden when the pattern says so": (([".*.fa"], {}), [".h.fa"]),
    "hidden when asked": ((["*.fa"], {"hidden": True}), [".h.fa", "a.fa", "x[1].fa"]),
    "through directories": ((["sub/**.fa"], {"follow_links": False}), ["sub/c.fa", "sub/deep/d.fa"]),
    "not below max_depth": ((["sub/**.fa"], {"max_depth": 1}), ["sub/c.fa"]),
    "through links": ((["link/d**.fa"], {}), ["link/deep/d.fa"]),
    "directories": ((["*"], {"type": "dir"}), ["link", "sub"]),
    "directories, links being files": ((["*"], {"type": "dir", "follow_links": False}), ["sub"]),
    "any": ((["s*", "a*"], {"type": "any"}), ["sub", "a.fa"]),
    "no glob": ((["x[1].fa"], {"glob": False}), ["x[1].fa"]),
    "a list": (([["a.fa", "b.fq"]], {}), ["a.fa", "b.fq"]),
    "a directory by name": ((["sub"], {}), ["sub"]),
    "what is not there": ((["none", "*.none"], {"check_if_exists": False}), ["none"]),
}


@pytest.mark.parametrize("name", PATHS)
def test_from_path(tree, name):
    (patterns, options), expected = PATHS[name]
    assert list(channel.from_path(*patterns, **options)) == [tree / each for each in expected]


def test_from_path_relative_and_what_is_refused(tree):
    assert list(channel.from_path("sub/deep/*.fa", relative=True)) == [Path("d.fa")]
    assert list(channel.from_path(f"{tree}/sub/*.fa")) == [tree / "sub" / "c.fa"]
    assert len(list(channel.from_path("**.fa"))) > 3, "a link to a directory above ends"
    for wrong, said in [
        ({"type": "folder"}, "`type` must be 'file', 'dir' or 'any', not 'folder'"),
        ({"max_depth": 0}, "`max_depth` must be a whole number from 1 on"),
        ({"hidden": 1}, "`hidden` must be True or False"),
    ]:
        with pytest.raises(InputError, match=re.escape(said)):
            channel.from_path("*", **wrong)
    with pytest.raises(InputError, match="takes at least one path"):
        channel.from_path()
    with pytest.raises(InputError, match="no file matches `none`"):
        channel.from_path("none")


def test_from_file_pairs(tmp_path):
    for name in ("liver_1.fq", "liver_2.fq", "gut_2.fq", "gut_1.fq", "alone_1.fq"):
        (tmp_path / name).touch()
    liver, gut = ([tmp_path / f"{organ}_{number}.fq" for number in (1, 2)] for organ in ("liver", "gut"))
    with pytest.warns(UserWarning, match="have not 2 files each: alone; pass size=-1"):
        assert list(channel.from_file_pairs("*_{1,2}.fq")) == [("gut", gut), ("liver", liver)]
    pairs = channel.from_file_pairs("gut_[12].fq", "liver_{1,2}.fq", flat=True)
    assert list(pairs) == [("gut", *gut), ("liver", *liver)]
    assert [(key, len(files)) for key, files in channel.from_file_pairs("*_{1,2}.fq", size=-1)] == [
        ("alone", 1),
        ("gut", 2),
        ("liver", 2),
    ]
    assert list(channel.from_file_pairs("gut_*.fq", size=-1, key=lambda path: path.name[0])) == [("g", gut)]
    assert list(channel.from_file_pairs(tmp_path / "gut_1.fq")) == [("gut_1", gut[:1])]
    with pytest.raises(InputError, match="no file matches"):
        channel.from_file_pairs("*.none")
    with pytest.raises(InputError, match="nothing stands before the part in which files differ"):
        channel.from_file_pairs("{liver,gut}_1.fq")


KEYS = {
    ("file_alpha_1.fa", "file*_1.fa"): "file_alpha",
    ("file_alpha_1.fa", "file*_{1,2}.fa"): "file_alpha",
    ("SRR493366_1.fastq", "SRR*_{1,2}.fastq"): "SRR493366",
    ("a-1.fq", "*[12].fq"): "a",
    ("a.b_R1.fq.gz", "*_R{1,2}.fq.gz"): "a.b",
    ("x1_y2.fq", "x?_y?.fq"): "x1_y2",
    ("read1.fq", "read{1,2}.fq"): "read",
    ("s_L001_R1.fq", "*_L00?_R{1,2}.fq"): "s_L001",
}


@pytest.mark.parametrize(("name", "pattern"), KEYS)
def test_the_key_of_a_pair_is_the_name_up_to_the_last_wildcard(tmp_path, name, pattern):
    (tmp_path / name).touch()
    assert list(channel.from_file_pairs(pattern, size=1)) == [(KEYS[name, pattern], [tmp_path / name])]
