"""Serves the page, its modules, and the answers to its questions, as Jupyter's server serves its own.

Alone here: HTTP. Each handler asks Jupyter's identity provider who comes and its authorizer whether they may read files,
and checks Jupyter's XSRF token; a question is POSTed, and reads. What is answered is decided in `answers`.
"""

from __future__ import annotations

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.serverapp import ServerApp
from tornado import web

from nbflow.errors import NbflowError
from nbflow.server.answers import Answers
from nbflow.server.places import NotHereError

LONGEST = 64 << 10
"""Bytes of a question."""
_THREADS = 2
_RESOURCE = "contents"
"""What one must be allowed to read, in Jupyter's words: the files below its root."""
_FILE_BROWSERS = {"jupyterlab": "lab/tree", "notebook": "tree"}
_TYPES = {".js": "text/javascript", ".css": "text/css"}
_PLACES = (files("nbflow.browsing.front"), files("nbflow.server").joinpath("front"))
_FILES = {each.name: each for place in _PLACES for each in place.iterdir() if Path(each.name).suffix in _TYPES}
# Beside the policy that Jupyter sets itself. Style attributes are allowed for the previews of HTML outputs, which lie in
# frames that run nothing; nothing that a style names is loaded from elsewhere.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)

_Handler = tuple[str, type[web.RequestHandler], dict[str, Any]]


def handlers(app: ServerApp) -> list[_Handler]:
    """The handlers of a server."""
    root = getattr(app.contents_manager, "root_dir", None) or app.root_dir
    answers = Answers(root, Path(app.runtime_dir, "nbflow"))
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="nbflow")
    base = re.escape(app.base_url.rstrip("/"))
    return [
        (rf"{base}/nbflow", _Door, {}),
        (rf"{base}/nbflow/", _Page, {"files": _file_browser(app)}),
        (rf"{base}/nbflow/static/([\w.]+)", _File, {}),
        (rf"{base}/nbflow/ask", _Ask, {"answers": answers, "pool": pool}),
    ]


def _file_browser(app: ServerApp) -> str:
    """Where this server shows directories, relative to its base; empty if it does not."""
    enabled = {name for name, each in app.extension_manager.extensions.items() if each.enabled}
    return next((place for name, place in _FILE_BROWSERS.items() if name in enabled), "")


class _Guarded(JupyterHandler):
    auth_resource = _RESOURCE

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.add_header("Content-Security-Policy", _POLICY)
        self.set_header("Referrer-Policy", "same-origin")


class _Door(_Guarded):
    """Sends on to the page, whose files are named relative to it: so it works below any prefix."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        query = f"?{self.request.query}" if self.request.query else ""
        self.redirect(f"nbflow/{query}")


class _Page(_Guarded):
    """The page."""

    def initialize(self, files: str) -> None:
        self._files = files

    @web.authenticated
    @authorized
    async def get(self) -> None:
        page = files("nbflow.server").joinpath("front", "page.html").read_text(encoding="utf-8")
        values = {"xsrf": self.xsrf_token.decode(), "files": self._files}
        for name, value in values.items():
            page = page.replace(f"{{{name}}}", escape(value))
        self.set_header("Cache-Control", "no-store")
        await self.finish(page)


class _File(_Guarded):
    """A module or style sheet of the page: one of those that are there, and no path."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        if name not in _FILES:
            raise web.HTTPError(404)
        self.set_header("Content-Type", f"{_TYPES[Path(name).suffix]}; charset=UTF-8")
        self.set_header("Cache-Control", "no-cache")
        await self.finish(_FILES[name].read_bytes())


@web.stream_request_body
class _Ask(APIHandler):
    """Answers a question; a body that is too long is not even read."""

    auth_resource = _RESOURCE

    def initialize(self, answers: Answers, pool: ThreadPoolExecutor) -> None:
        self._answers = answers
        self._pool = pool
        self._body = bytearray()

    async def prepare(self) -> None:  # type: ignore[override, unused-ignore]
        await super().prepare()
        declared = self.request.headers.get("Content-Length", "0")
        if not declared.isdecimal() or int(declared) > LONGEST:
            raise web.HTTPError(413)
        self.request.connection.set_max_body_size(LONGEST)  # type: ignore[union-attr, unused-ignore]

    def data_received(self, chunk: bytes) -> None:
        self._body += chunk

    @web.authenticated
    @authorized("read")  # type: ignore[untyped-decorator, unused-ignore]
    async def post(self) -> None:
        status, answer = await self._answered()
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        await self.finish(json.dumps(answer))

    async def _answered(self) -> tuple[int, dict[str, Any]]:
        question = _question(bytes(self._body))
        if question is None:
            return 400, {"error": "A question is a JSON object of at most 64 KB; reload the page"}
        loop = asyncio.get_running_loop()
        try:
            return 200, await loop.run_in_executor(self._pool, self._answers.answer, question)
        except NotHereError as error:
            return 404, {"error": str(error)}
        except NbflowError as error:
            return 400, {"error": str(error)}
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            self.log.warning("nbflow | a question cannot be answered: %.200r", question, exc_info=True)
            return 400, {"error": "This question cannot be answered; the server's log says why. Reload the page"}


def _question(body: bytes) -> dict[str, Any] | None:
    try:
        question = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return question if isinstance(question, dict) else None
