"""Which variables a bash script reads; bash itself is asked whether none was missed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.script.bash_names import read_names
from nbflow.core.script.shell import globals_read, prologue, required, runs_anything

CASES = {
    # quotes, escapes, comments
    "echo '$a' \\$b \"$c\" # $d": "c",
    'echo "$a" "${b}" "\'$c\'" "\\$d" # $e\necho x#$f': "a b c f",
    "awk '{print $1, $NF}' <<< $line": "line",
    "echo $'\\'$a' $\"$b\"": "b",
    "echo a\\\n$b; c=1\\\n2; echo $c": "b",
    'echo $ $"" "$" ${a%$}': "a",
    "echo \"'$(echo '$a' \"$b\")'\"": "b",
    "echo 'it'\\''s $a' \"it's $b\"": "b",
    # here-documents and here-strings
    "cat <<EOF\n$a \\$b `echo $c` ${d} '$e'\nEOF\n": "a c d e",
    "cat <<'EOF'\n$a\nEOF\necho $b": "b",
    'cat <<"EOF" - /dev/null\n$a\nEOF\necho $b': "b",
    "cat <<-\\E2\n\t$f\n\tE2\necho $g": "g",
    "cat <<-E2\n\t$f\n\tE2\necho $g": "f g",
    "cat <<A <<B; echo $x\n$a\nA\n$b\nB\necho $c": "a b c x",
    "cat <<< $x <<EOF; echo $y\n$z\nEOF\n": "x y z",
    "echo $(cat <<EOF\n$a)\nEOF\n) $b": "a b",
    "cat <<EOF\n$a": "a",
    # assignments
    "x=$a; y=1; echo $x $y": "a",
    "x+=1 y=2; echo $x": "",
    "x=1 true $y; echo $x": "x y",
    "x=1 y=$(true); echo $x $y $z": "z",
    "if x=1; then echo $x; fi; (y=1; echo $y); z=$(w=1; echo $w)": "",
    "export A=$b; export C=1; readonly D=2; echo $A $C $D": "b",
    "declare -A m=([x]=$y); m[z]=3; echo ${m[x]} ${m[z]}": "y",
    "arr=(a $b k=$c); echo ${arr[0]} $k": "b c k",
    "arr+=(1); arr[$i]=2; echo ${arr[0]}": "i",
    "f() { local v=1 w; w=2; echo $v $w $z; }; f": "z",
    "function g { echo $y; }; g": "y",
    "for i in $l; do echo $i; done; for ((j=0; j<n; j++)); do echo $j; done": "l n",
    "for i in 1\ndo\necho $i $k\ndone": "k",
    "for f; do echo $f; done": "",
    "while IFS=, read -r a b; do echo $a $b $c; done <<< $d": "c d",
    "read -p x -r q <<< 1; echo $q $x": "x",
    "read -ra words <<< $s; echo ${words[0]}": "s",
    "if read line <<< 1; then echo $line; fi": "",
    "printf -v out '%s' $in; echo $out": "in",
    "mapfile -t lines < <(echo $f); echo ${lines[0]}": "f",
    "getopts 'ab:' opt || echo $opt": "",
    "let i=n+1; (( total = n )); echo $i $total": "n",
    "exec {fd}>/dev/null; echo $log >&$fd": "log",
    "unset x; echo ${x-none}": "x",
    # substitutions
    "echo $( (echo $a); echo $b ) $((echo $c); (echo $d))": "a b c d",
    'echo "$(echo "$a" \'$b\')" `echo \\$c`': "a c",
    'echo "`echo \\"$a\\"`"': "a",
    "cat <(echo $a) 2>&1 | tee >(cat >/dev/null; : $b) &>/dev/null": "a b",
    "echo $(<$f)": "f",
    # parameter expansions
    'echo ${x:-$y} ${z:+1} ${q:=3} ${w:?no} ${v#"$u"}': "x y z q w v u",
    "a=(1); k=0; echo ${#a[@]} ${!pre*} ${!pre@} ${a[$k]} ${s:off:len} ${#t}": "s off len t",
    "echo ${x//$a/$b} ${y^^} ${z@Q} ${w/'$c'/}": "x a b y z w",
    "echo \"${x:-'$y'}\" ${x:-'$z'} \"${x#'$w'}\"": "x y",
    "echo $# $* $? $$ $- $0 ${@:2} ${#} $@": "",
    "b=c; c=1; echo ${!b}": "",
    # arithmetic
    "echo $((n + 1)) $(( $m * k )) $((0x1F + 16#ff)) $[a+1]": "n m k a",
    "(( n > 3 )) || echo $((i = 4, i++ + j))": "n j",
    "echo $(( (a) + (b) ))": "a b",
    # conditions and case
    "[[ $a =~ ^(x|$b)$ ]] || echo $c; [ $d -gt 3 ] || true": "a b c d",
    "case $x in a) echo $b;; $c|d) y=1;; *) y=2;; esac; echo $y $e": "x b c e",
    "z=$(case $x in a) echo $b;; (*) echo $f;; esac; echo $d); echo $z $e": "x b d e f",
    "if [ 1 ]; then x=1; else echo $y; fi; echo $x": "y",
    "{ x=1; echo $y; }; echo $x": "y",
    "! x=1; time y=2; echo $x $y": "",
    # what bash itself and nbflow set
    "echo $HOME $RANDOM $BASH_VERSION $PWD $SECONDS $task_cpus": "HOME",
}


@pytest.mark.parametrize("script", CASES)
def test_the_names_that_a_script_reads_are_found(script: str) -> None:
    assert globals_read(script) == set(CASES[script].split())


@pytest.mark.parametrize("script", CASES)
def test_bash_misses_no_variable_when_it_has_those(script: str, tmp_path: Path) -> None:
    given = dict.fromkeys({*CASES[script].split(), "task_cpus"} - {"HOME"}, "1")
    ran = bash("IFS=$' \\t\\n'\n" + prologue(given) + script, tmp_path)
    assert "unbound variable" not in ran.stderr
    assert "syntax error" not in ran.stderr


@pytest.mark.parametrize(
    "script",
    [
        "echo $a",
        "echo ${a}",
        'echo "$(echo $a)"',
        "echo $((a))",
        "cat <<E\n$a\nE",
        "echo ${a#x}",
        "x=(1 $a)",
        "echo ${a:1:2}",
    ],
)
def test_bash_fails_without_what_is_required(script: str, tmp_path: Path) -> None:
    assert required(script) == {"a"}
    assert "a: unbound variable" in bash(script, tmp_path).stderr


@pytest.mark.parametrize("script", ["echo ${a:-1}", "echo ${a-1}", "echo ${a:+1}", "echo ${a+1}", ": ${a:=1}; echo $a"])
def test_a_name_with_a_default_is_read_but_not_required(script: str, tmp_path: Path) -> None:
    assert globals_read(script) == {"a"}
    assert required(script) == set()
    assert bash(script, tmp_path).stderr == ""


def test_a_name_that_also_stands_without_default_is_required() -> None:
    assert required("echo ${a:-1} $a $b") == {"a", "b"}


@pytest.mark.parametrize("script", ["source f; echo $x", ". f; echo $x", 'eval "x=1"; echo $x'])
def test_what_may_be_set_out_of_sight_is_not_required(script: str) -> None:
    assert globals_read(script) == {"x"}
    assert required(script) == set()


@pytest.mark.parametrize(
    ("script", "anything"),
    [
        ("tool $x; echo $y | sort", False),
        ("$x a", True),
        ('"$x" a', True),
        ("${x}/tool", True),
        ("$(which tool) a", True),
        ("A=1 $x", True),
        ("if $x; then tool; fi", True),
        ("timeout 5 $x", True),
        ("/usr/bin/env $x", True),
        ("find . -exec $x {} +", True),
        ("eval tool", True),
        (". lib.sh", True),
        ("x=$y; for f in $x; do tool $f; done", False),
        ("echo '$x'", False),
    ],
)
def test_what_programs_a_script_runs_may_be_known_only_when_it_runs(script: str, anything: bool) -> None:
    assert runs_anything(script) is anything


@given(st.text(alphabet="ab$`\\'\"(){}[]<>|;&#= \n\t!:-+*0", max_size=40) | st.text(max_size=20))
def test_any_text_is_read_to_its_end(text: str) -> None:
    names = read_names(text)
    assert names.needed <= names.expanded


def test_a_long_script_is_read_in_time_that_grows_with_its_length() -> None:
    line = 'for f in $files; do x=$(grep "$pattern" "$f" | wc -l); echo "$((x + n)) ${y:-$z}"; done\n'
    assert globals_read(line * 1000) == {"files", "pattern", "n", "y", "z"}


def bash(script: str, directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-u", "-c", script],
        cwd=directory,
        env={"PATH": "/usr/bin:/bin", "HOME": "/"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
