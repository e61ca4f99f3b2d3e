"""The cache browser before a kernel runs: a page of its own, served by Jupyter's server, which shows and changes nothing.

Beside the notebook: knows Jupyter's server, and no kernel. Its parts are loaded when a server loads the extension.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "nbflow.server"}]


def _load_jupyter_server_extension(app: ServerApp) -> None:
    from nbflow.server.handlers import handlers

    app.web_app.add_handlers(".*$", handlers(app))  # type: ignore[no-untyped-call, unused-ignore]
    app.log.info("nbflow | the cache browser is served at %snbflow/", app.base_url)
