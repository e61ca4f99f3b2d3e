"""Tests of the page by HTTP, from a real Jupyter server below a prefix: who may ask, and what an answer never does."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from nbflow.server.handlers import LONGEST
from tests.integration.front_end import FrontEnd, front_end
from tests.server.ground import NASTY, SECRET, Ground

BASE = "/user/a.b"
#: A server without the extensions of others, which starts sooner.
ALONE = "--ServerApp.jpserver_extensions=" + repr(
    dict.fromkeys(["jupyterlab", "jupyter_lsp", "jupyter_server_terminals", "notebook", "notebook_shim"], False)
)
JSON = {"Content-Type": "application/json"}
#: A token against forged requests that agrees with its cookie, and no login.
FORGED = {"Cookie": "_xsrf=abcdef12", "X-XSRFToken": "abcdef12"}
DEEDS: list[dict[str, Any]] = [
    *({"act": name} for name in ("resume", "new", "delete", "delete_task", "load", "rerun", "relaunch", "clean")),
    {"act": "delete", "session": "3b1c9f2e", "really": True},
    {"ask": "delete", "session": "3b1c9f2e", "really": True},
    {"ask": "row"},
    {"ask": "answer"},
    {"ask": "_table"},
    {"ask": ["sessions"]},
    {"ask": None},
    {},
]


@dataclass(frozen=True)
class Reply:
    """What a server answers."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Served:
    """A server, and the ways to ask it."""

    front: FrontEnd
    ground: Ground

    def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, **how: Any
    ) -> Reply:
        """Send a request as it is: no client tidies its path."""
        where = urlsplit(self.front.url)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        try:
            connection.request(method, f"{where.path}{path}", body, dict(headers or {}), **how)
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    @property
    def token(self) -> dict[str, str]:
        return {"Authorization": f"token {self.front.token}"}

    def get(self, path: str, **headers: str) -> Reply:
        return self.send("GET", path, headers={**self.token, **headers})

    def ask(self, question: Any, **headers: str) -> Reply:
        return self.send("POST", "/nbflow/ask", json.dumps(question), {**JSON, **self.token, **headers})


@pytest.fixture(scope="module")
def served(ground: Ground) -> Iterator[Served]:
    with front_end("server", ground.root, base_url=BASE) as front:
        yield Served(front, ground)


# Who comes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/nbflow", "/nbflow/", "/nbflow/static/page.js", "/nbflow/?path=made"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "token wrong"}, {"Cookie": "username-127-0-0-1=x"}])
def test_without_a_valid_token_one_is_sent_to_log_in(served: Served, path: str, headers: dict[str, str]) -> None:
    reply = served.send("GET", path, headers=headers)
    assert reply.status == 302
    assert str(reply.headers["Location"]).startswith(f"{BASE}/login?")
    assert reply.body == b""


@pytest.mark.parametrize("headers", [{}, {"Authorization": "token wrong"}, {"Authorization": "token "}, FORGED])
@pytest.mark.parametrize("directory", ["made", "../outside"])
def test_without_a_valid_token_no_question_is_answered(served: Served, headers: dict[str, str], directory: str) -> None:
    question = json.dumps({"ask": "sessions", "directory": directory})
    for query in ("", "?token=wrong"):
        reply = served.send("POST", f"/nbflow/ask{query}", question, {**JSON, **headers})
        assert reply.status == 403
        assert b"rnaseq" not in reply.body and b"launch" not in reply.body


def test_a_page_that_was_opened_with_the_token_asks_by_cookie_and_xsrf_token(served: Served) -> None:
    page = served.send("GET", f"/nbflow/?token={served.front.token}")
    jar = SimpleCookie()
    for line in page.headers.get_all("Set-Cookie") or []:
        jar.load(line)
    cookies = {"Cookie": "; ".join(f"{name}={each.value}" for name, each in jar.items() if name.startswith("username"))}
    with_xsrf = {"Cookie": f"{cookies['Cookie']}; _xsrf={jar['_xsrf'].value}"}
    found = re.search(rb'data-xsrf="([^"]+)"', page.body)
    assert found is not None
    xsrf = {"X-XSRFToken": found[1].decode()}
    question = json.dumps({"ask": "sessions", "directory": "made"})

    def status(**headers: str) -> int:
        return served.send("POST", "/nbflow/ask", question, {**JSON, **headers}).status

    assert status(**with_xsrf, **xsrf) == 200
    assert status(**with_xsrf) == status(**with_xsrf, **{"X-XSRFToken": "2|aaaa|bbbb|1"}) == 403
    assert status(**cookies, **xsrf) == status(**cookies) == 403
    assert status(**with_xsrf, **xsrf, Origin="http://elsewhere.example") in (403, 404)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_questions_are_posted_and_nothing_else_is(served: Served, method: str) -> None:
    assert served.send(method, "/nbflow/ask", headers=served.token).status in (404, 405)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/nbflow/", "/nbflow/static/page.js"])
def test_the_page_and_its_files_are_got_only(served: Served, method: str, path: str) -> None:
    assert served.send(method, path, "x", headers=served.token).status in (403, 404, 405)


# The page -------------------------------------------------------------------------------------------------------------


def test_the_page_names_its_files_relative_to_itself_and_so_do_they(served: Served) -> None:
    page = served.get("/nbflow/").body.decode()
    assert served.get("/nbflow?path=made").headers["Location"] == "nbflow/?path=made"
    names = re.findall(r'(?:src|href)="(static/[^"]+)"', page)
    assert len(names) == 3 and "://" not in page and '"/' not in page
    seen = set()
    while names:
        name = names.pop()
        reply = served.get(f"/nbflow/{name}")
        assert reply.status == 200
        kind = "javascript" if name.endswith(".js") else "css"
        assert reply.headers["Content-Type"] == f"text/{kind}; charset=UTF-8"
        seen.add(name)
        imported = re.findall(r'^import .* from "\./(\w+\.js)";$', reply.body.decode(), re.MULTILINE)
        names += [f"static/{each}" for each in imported if f"static/{each}" not in seen]
    assert {"static/page.js", "static/browser.js", "static/pane.js", "static/theme.js"} <= seen


@pytest.mark.parametrize("path", ["/nbflow/", "/nbflow/static/page.js"])
def test_the_page_loads_and_runs_nothing_from_elsewhere_and_stands_in_no_foreign_frame(
    served: Served, path: str
) -> None:
    reply = served.get(path)
    policies = reply.headers.get_all("Content-Security-Policy") or []
    rules = {name: values for name, *values in (rule.split() for text in policies for rule in text.split(";") if rule)}
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == ["'none'"]
    assert rules["script-src"] == rules["connect-src"] == rules["frame-ancestors"] == ["'self'"]
    assert rules["img-src"] == ["'self'", "data:"]
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    if path == "/nbflow/":
        assert reply.headers["Cache-Control"] == "no-store"
        assert b"<script>" not in reply.body and b"style=" not in reply.body


@pytest.mark.parametrize(
    "path",
    [
        "../page.html",
        "../../handlers.py",
        "%2e%2e/handlers.py",
        "..%2f..%2fhandlers.py",
        "....//handlers.py",
        "page.html",
    ]
    + [
        "__init__.py",
        "",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "page.js%00",
        "page.js/",
        "page.js%2f..",
        "..\\handlers.py",
        ".",
    ],
)
def test_files_of_the_page_are_those_that_are_there_and_no_paths(served: Served, path: str) -> None:
    reply = served.get(f"/nbflow/static/{path}")
    assert reply.status in (302, 400, 404)  # Jupyter takes a last slash away
    assert b"import" not in reply.body and b"root:" not in reply.body


# Questions ------------------------------------------------------------------------------------------------------------


def test_sessions_tasks_and_panes_are_answered(served: Served) -> None:
    found = served.ask({"ask": "directories"})
    assert found.json == {"directories": ["made", "mixed", "deep/down"], "complete": True, "limited": False}
    [session] = served.ask({"ask": "sessions", "directory": "made"}).json["sessions"]
    assert (session["notebook"], session["short"], len(session["runs"])) == ("rnaseq.ipynb", "3b1c9f2e", 2)
    about = {"directory": "made", "run": session["runs"][1]["run"]}
    tasks = served.ask({"ask": "tasks", **about}).json
    assert tasks["shown"] == 60
    pane = served.ask({"ask": "task", **about, "id": tasks["rows"][0]["id"]})
    assert pane.json["name"] == tasks["rows"][0]["name"]
    assert pane.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("ask", ["sessions", "tasks", "directories"])
@pytest.mark.parametrize("directory", NASTY)
def test_a_launch_directory_is_not_reached_by_a_path_that_leads_out(served: Served, directory: str, ask: str) -> None:
    there = {"", "plain", "borrowed", "lent", "twisted"}  # none is a launch directory, and each may be searched
    reply = served.ask({"ask": ask, "directory": served.ground.nasty(directory)})
    if ask == "directories" and reply.status == 200:
        assert directory in there
        assert "outside" not in str(reply.json) and "hidden" not in str(reply.json)
        return
    assert reply.status == 404
    assert reply.json == {"error": "There is no launch directory of that name here; choose one from the list"}


@pytest.mark.parametrize("directory", [5, ["made"], {"made": 1}, True, 1e400])
def test_a_launch_directory_is_a_text(served: Served, directory: Any) -> None:
    assert served.ask({"ask": "sessions", "directory": directory}).status == 404


@pytest.mark.parametrize("deed", DEEDS, ids=json.dumps)
def test_nothing_that_changes_something_can_be_asked_for(served: Served, deed: dict[str, Any]) -> None:
    before = served.ground.facts()
    for more in ({}, {"directory": "made"}, {"directory": "made", "run": str(served.ground.made.first.run_name)}):
        reply = served.ask({**more, **deed})
        assert reply.status in (400, 404)
        assert "error" in reply.json
    assert served.ground.facts() == before


def test_a_session_of_reading_leaves_everything_as_it_was(served: Served) -> None:
    before = served.ground.facts()
    for directory in served.ask({"ask": "directories"}).json["directories"]:
        for session in served.ask({"ask": "sessions", "directory": directory}).json["sessions"]:
            served.ask({"ask": "sizes", "directory": directory})
            about = {"directory": directory, "session": session["id"]}
            rows = served.ask({"ask": "tasks", **about, "sort": "size"}).json["rows"]
            assert rows or directory == "mixed"
            for row in rows[:3]:
                for name in ("task", "logs", "preview"):
                    assert served.ask({"ask": name, **about, "id": row["id"], "output": "bam"}).status == 200
    assert served.ground.facts() == before


MALFORMED: list[bytes] = [
    b"",
    b"{",
    b"[]",
    b'"sessions"',
    b"null",
    b"1",
    b"\xff\xfe",
    b"\x00" * 100,
    b"[" * 30_000,
    b'{"ask":' * 8000,
    b'{"ask": "sessions", "directory": "made"} trailing',
    b"ask=sessions&directory=made",
]


@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
def test_what_is_no_question_is_refused_in_a_sentence(served: Served, body: bytes) -> None:
    reply = served.send("POST", "/nbflow/ask", body, {**JSON, **served.token})
    assert reply.status == 400
    assert reply.json["error"].startswith("A question is a JSON object")


@pytest.mark.parametrize(
    "odd",
    [{"first": "x"}, {"first": 1e400}, {"count": {}}, {"statuses": 5}, {"statuses": [[1]]}, {"processes": [{}]}]
    + [{"first": -(10**40)}, {"count": 10**40}, {"sort": "nothing"}, {"where": 5}, {"where": "("}, {"text": {"a": 1}}]
    + [
        {"ask": "compare"},
        {"ask": "task", "id": "x"},
        {"ask": "task", "id": "f" * 32},
        {"run": "../../x"},
        {"run": "a\0"},
    ],
    ids=str,
)
def test_a_question_with_odd_parts_breaks_nothing_and_tells_nothing_of_the_server(
    served: Served, odd: dict[str, Any]
) -> None:
    session = "3b1c9f2e-5f0c-4c6e-9a51-0c1f0a4d7e21"
    reply = served.ask({"ask": "tasks", "directory": "made", "session": session, **odd})
    assert reply.status in (200, 400)
    assert b"Traceback" not in reply.body and SECRET.encode() not in reply.body
    assert served.ask({"ask": "tasks", "directory": "made", "session": session}).json["shown"] == 60


def test_a_question_that_is_too_long_is_refused_before_it_is_read(served: Served) -> None:
    fits = b'{"ask": "directories", "filling": "%s"}' % (b"x" * (LONGEST - 100))
    assert served.send("POST", "/nbflow/ask", fits, {**JSON, **served.token}).status == 200
    headers = {**JSON, **served.token, "Content-Length": str(10**12)}
    assert served.send("POST", "/nbflow/ask", b"", headers).status == 413
    for odd in ("-1", "1e3", "x"):
        assert served.send("POST", "/nbflow/ask", b"", {**headers, "Content-Length": odd}).status in (400, 413)


def test_a_question_that_does_not_say_how_long_it_is_is_cut_off(served: Served) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(10_000):
            sent.append(LONGEST)
            yield b" " * LONGEST

    sent: list[int] = []

    try:
        reply = served.send("POST", "/nbflow/ask", endless(), {**JSON, **served.token}, encode_chunked=True)
    except ConnectionError:
        pass
    else:
        assert reply.status in (400, 413)
    assert sum(sent) < 64 << 20
    assert served.ask({"ask": "directories"}).status == 200


# The server -----------------------------------------------------------------------------------------------------------


def test_jupyter_finds_the_extension_enabled_and_sound() -> None:
    command = [sys.executable, "-m", "jupyter", "server", "extension", "list"]
    done = subprocess.run(command, capture_output=True, text=True)
    said = re.sub(r"\x1b\[\d+m", "", done.stdout + done.stderr)
    assert re.search(r"nbflow\.server enabled", said), said
    assert re.search(r"nbflow\.server +OK", said), said


def test_who_may_not_read_files_may_not_read_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "deny.py").write_text(
        "from jupyter_server.auth import Authorizer\n\n\nclass Deny(Authorizer):\n"
        "    def is_authorized(self, handler, user, action, resource):\n"
        "        return (action, resource) != ('read', 'contents')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    root = tmp_path / "root"
    root.mkdir()
    with front_end("server", root, ALONE, "--ServerApp.authorizer_class=deny.Deny") as front:
        denied = Served(front, Ground.__new__(Ground))
        for path in ("/nbflow", "/nbflow/", "/nbflow/static/page.js"):
            assert denied.get(path).status == 403
        assert denied.ask({"ask": "directories"}).status == 403


def test_a_server_in_which_nbflow_cannot_be_loaded_starts_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "modules").mkdir()
    for name in ("plyvel", "plyvel_next"):
        (tmp_path / "modules" / f"{name}.py").write_text("raise ImportError('no LevelDB here')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    root = tmp_path / "root"
    root.mkdir()
    with front_end("server", root, ALONE) as front:
        assert Served(front, Ground.__new__(Ground)).get("/nbflow/ask").status == 404
        log = (root / ".settings" / "server.log").read_text()
    assert "no LevelDB here" in log
