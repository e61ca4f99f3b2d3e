"""Output files that are published (``publish_dir``) or kept for good (``store_dir``), of executed and of cached tasks."""

from __future__ import annotations

import shutil

import pytest

import nbflow
from nbflow.errors import NbflowWarning

COUNT = """
%%process {name}(x) -> made = file("{{x}}.txt")
{options}
#!/usr/bin/env bash
echo "$x of {name}" > "$x.txt"
"""


def declare(lab, name: str, *options: str) -> None:
    lab.ok(COUNT.format(name=name, options="\n".join(f"#| {line}" for line in options)))


def statuses(process: str) -> list[str]:
    return [row.status for row in nbflow.tasks() if row.process == process]


# -- publish_dir -------------------------------------------------------------------------------------------------------


def test_outputs_are_linked_into_the_directory(lab):
    declare(lab, "plain", "publish_dir: plain-results")
    made = lab.value("plain(1)")
    published = lab.launch_dir / "plain-results/1.txt"
    assert published.is_symlink()
    assert published.resolve() == made
    assert published.read_text() == "1 of plain\n"


def test_deleted_files_are_published_again_by_cached_tasks(lab):
    declare(lab, "again", "publish_dir:", "  path: again-results", "  mode: copy")
    lab.ok("list(again(channel.of(1, 2)))")
    shutil.rmtree(lab.launch_dir / "again-results")
    lab.restart()
    declare(lab, "again", "publish_dir:", "  path: again-results", "  mode: copy")
    lab.ok("list(again(channel.of(1, 2)))")
    assert statuses("again") == ["CACHED", "CACHED"]
    assert sorted(path.name for path in (lab.launch_dir / "again-results").iterdir()) == ["1.txt", "2.txt"]


def test_a_cached_task_takes_its_place_back_from_a_later_version(lab):
    """In Nextflow the file of the later version would stay, beside a cached result that it does not belong to."""
    lab.ok("word = 'one'")
    text = """
        %%process versions -> made = file("v.txt")
        #| publish_dir:
        #|   path: versions
        #|   mode: copy
        #!/usr/bin/env bash
        echo $word > v.txt
        """
    for word in ("one", "two", "one"):
        lab.ok(f"word = {word!r}")
        lab.ok(text)
        assert (lab.launch_dir / "versions/v.txt").read_text() == f"{word}\n"


def test_several_rules_with_patterns_names_and_conditions(lab):
    lab.ok(
        """
        %%process rules(id, keep: bool) -> all = files("out/**")
        #| publish_dir:
        #|   - path: "rules/{id}/text"
        #|     pattern: "out/*.{txt,log}"
        #|     mode: copy
        #|     saveAs: "{filename.removeprefix('out/').upper()}"
        #|   - path: "rules/{id}/rest"
        #|     pattern: "**/data"
        #|     enabled: "{keep}"
        #|     save_as: "{None if id == 'b' else task.process + '-' + id}"
        #|     mode: move
        #!/usr/bin/env bash
        mkdir -p out/sub; touch out/a.txt out/b.log out/c.bin; echo data > out/sub/data
        """
    )
    lab.ok("rules('a', True)\nrules('b', True)\nrules('c', False)")
    found = sorted(
        str(path.relative_to(lab.launch_dir)) for path in (lab.launch_dir / "rules").glob("**/*") if path.is_file()
    )
    assert found == [
        f"rules/{key}/{name}" for key, name in (("a", "rest/rules-a"), ("a", "text/A.TXT"), ("a", "text/B.LOG"))
    ] + [f"rules/{key}/text/{name}" for key in "bc" for name in ("A.TXT", "B.LOG")]


def test_what_is_moved_away_is_still_cached_until_somebody_changes_it(lab):
    declare(lab, "moved", "publish_dir:", "  path: moved-results", "  mode: move")
    lab.ok("moved(1)")
    published = lab.launch_dir / "moved-results/1.txt"
    assert not published.is_symlink()
    assert lab.ok("moved(1)").cached
    published.write_text("edited")
    assert not lab.ok("moved(1)").cached
    assert published.read_text() == "1 of moved\n"


def test_a_python_body_publishes_its_files_and_not_its_values(lab):
    lab.ok(
        """
        %%process pythonic(x) -> y, made = files("*.txt")
        #| publish_dir: "pythonic/{x}"
        from pathlib import Path
        y = x
        for name in "ab":
            Path(f"{name}{x}.txt").write_text(name)
        """
    )
    assert lab.value("[item.y for item in pythonic(channel.of(1, 2))]") == [1, 2]
    found = sorted(str(path.relative_to(lab.launch_dir)) for path in (lab.launch_dir / "pythonic").glob("*/*"))
    assert found == ["pythonic/1/a1.txt", "pythonic/1/b1.txt", "pythonic/2/a2.txt", "pythonic/2/b2.txt"]


def test_what_cannot_be_published_fails_the_cell_and_the_task_is_done(lab):
    lab.write("occupied", "a file, no directory\n")
    declare(lab, "blocked", "publish_dir: occupied/results")
    said = lab.fails("blocked(1)", "TaskFailedError")
    assert "blocked is done, but 1.txt could not be published as" in said
    assert statuses("blocked") == ["COMPLETED"]
    (lab.launch_dir / "occupied").unlink()
    assert lab.ok("blocked(1)").cached
    assert (lab.launch_dir / "occupied/results/1.txt").exists()


def test_a_failure_to_publish_may_be_a_warning(lab):
    lab.write("taken", "a file\n")
    declare(lab, "lenient", "publish_dir:", "  path: taken/results", "  fail_on_error: false")
    with pytest.warns(NbflowWarning, match=r"lenient: 1\.txt could not be published"):
        lab.ok("lenient(1)")


def test_two_tasks_that_publish_one_file_are_told(lab):
    lab.ok(
        '%%process same(x) -> made = file("same.txt")\n#| publish_dir: same-results\n#!/usr/bin/env bash\necho $x > same.txt'
    )
    with pytest.warns(NbflowWarning, match=r"same \(\d\) and same \(\d\) publish the same file"):
        lab.ok("list(same(channel.of(1, 2)))")


def test_where_files_are_published_is_not_in_the_hash(lab):
    declare(lab, "placed", "publish_dir: placed-1")
    lab.ok("placed(1)")
    declare(lab, "placed", "publish_dir: placed-2")
    assert lab.ok("placed(1)").cached
    assert (lab.launch_dir / "placed-2/1.txt").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["publish_dir:", "  mode: copy"], "needs a `path`"),
        (["publish_dir:", "  path: x", "  mod: copy"], "did you mean `mode`"),
        (["publish_dir:", "  path: x", "  mode: paste"], "symlink, rellink, link, copy, copy_no_follow, move"),
        (["publish_dir:", "  path: x", "  contentType: true"], "is for cloud storage"),
        (["publish_dir:", "  path: x", "  overwrite: perhaps"], "standard"),
        (["publish_dir: 3"], "takes a directory"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused(lab, options: list[str], told: str):
    said = lab.fails(
        COUNT.format(name="refused", options="\n".join(f"#| {line}" for line in options)), "DeclarationError"
    )
    assert told in said


# -- store_dir ---------------------------------------------------------------------------------------------------------


def test_what_lies_in_the_store_is_not_made_again_whatever_changed(lab):
    declare(lab, "kept", "store_dir: kept-store")
    made = lab.value("kept(1)")
    stored = lab.launch_dir / "kept-store/1.txt"
    assert stored.read_text() == made.read_text() == "1 of kept\n"
    assert not stored.is_symlink()
    lab.ok("%resume new")
    lab.ok(COUNT.format(name="kept", options="#| store_dir: kept-store").replace("of kept", "of another"))
    cell = lab.ok("again = kept(1)")
    assert "taken from" in cell.out
    assert "(store_dir)" in cell.out
    assert lab.names["again"].read_text() == "1 of kept\n"
    assert statuses("kept") == ["CACHED"]
    assert "of another" in lab.value("kept(2).read_text()")
    lab.ok("%resume last")


def test_what_is_gone_from_the_store_is_made_again(lab):
    declare(lab, "gone", "store_dir: gone-store")
    lab.ok("gone(1)")
    assert lab.ok("gone(1)").cached
    (lab.launch_dir / "gone-store/1.txt").unlink()
    cell = lab.ok("gone(1)")
    assert not cell.cached
    assert "is missing" in cell.verdict
    assert (lab.launch_dir / "gone-store/1.txt").read_text() == "1 of gone\n"


def test_what_was_replaced_in_the_store_is_what_tasks_downstream_get(lab):
    declare(lab, "swapped", "store_dir: swapped-store")
    lab.ok("%%process reads(f: Path) -> text\ntext = f.read_text()")
    assert lab.value("reads(swapped(1))") == "1 of swapped\n"
    (lab.launch_dir / "swapped-store/1.txt").write_text("another\n")
    assert lab.value("reads(swapped(1))") == "another\n"


def test_each_task_of_a_channel_keeps_its_own(lab):
    declare(lab, "each", 'store_dir: "each-store/{x}"')
    lab.ok("list(each(channel.of(1, 2, 3)))")
    assert sorted(path.parent.name for path in (lab.launch_dir / "each-store").glob("*/*")) == ["1", "2", "3"]
    lab.ok("%resume new")
    declare(lab, "each", 'store_dir: "each-store/{x}"')
    cell = lab.ok("[path.read_text() for path in each(channel.of(3, 2, 1, 4))]")
    texts = cell.result
    assert "each: 3 taken from its store directory" in cell.out
    assert texts == [f"{x} of each\n" for x in (3, 2, 1, 4)]
    assert sorted(statuses("each")) == ["CACHED"] * 3 + ["COMPLETED"]
    lab.ok("%resume last")


def test_two_tasks_cannot_keep_one_file(lab):
    lab.ok(
        '%%process clash(x) -> made = file("c.txt")\n#| store_dir: clash-store\n#!/usr/bin/env bash\necho $x > c.txt'
    )
    assert "keep the same file in their store directory" in lab.fails(
        "list(clash(channel.of(1, 2)))", "TaskFailedError"
    )


def test_a_rerun_makes_the_stored_files_anew(lab):
    declare(lab, "renewed", "store_dir: renewed-store")
    lab.ok("renewed(1)")
    stored = lab.launch_dir / "renewed-store/1.txt"
    before = stored.stat().st_ino
    assert not lab.ok("renewed.rerun(1)").cached
    assert stored.stat().st_ino != before


def test_a_python_body_keeps_its_files_too(lab):
    lab.ok(
        '%%process built -> index = file("index")\n#| store_dir: built-store\nimport os\nos.mkdir("index")\nopen("index/a", "w").write("A")'
    )
    assert (lab.launch_dir / "built-store/index/a").read_text() == "A"
    lab.ok("%resume new")
    cell = lab.ok(
        '%%process built -> index = file("index")\n#| store_dir: built-store\nraise SystemExit("is not run")\nopen("index")'
    )
    assert "(store_dir)" in cell.out
    assert (lab.names["index"] / "a").read_text() == "A"
    lab.ok("%resume last")


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("%%process n(x) -> y\n#| store_dir: s\ny = x", "puts out none"),
        ('%%process n(x) -> y, f = file("f")\n#| store_dir: s\ny = x', "output `y` of `n` is no file"),
        ("%%process n(x) -> s = stdout()\n#| store_dir: s\n#!/bin/bash\necho", "output `s` of `n` is no file"),
    ],
)
def test_what_a_store_cannot_keep_is_refused(lab, cell: str, told: str):
    assert told in lab.fails(cell, "DeclarationError")
