"""``nbflow secrets``: the secrets that ``#| secret:`` gives to tasks, in Nextflow's own store."""

from __future__ import annotations

import argparse
import getpass
import os
import sys

from nbflow.commands.shared import FAILED, OK
from nbflow.errors import NbflowError
from nbflow.storage.browse import Reader
from nbflow.storage.nextflow.secrets import SecretStore


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, title="actions")
    actions.add_parser("list", help="print the names of all secrets").set_defaults(command=_list)
    setting = actions.add_parser("set", help="add a secret, or give it another value")
    setting.set_defaults(command=_set)
    setting.add_argument("name", metavar="NAME")
    setting.add_argument(
        "value",
        metavar="VALUE",
        nargs="?",
        help="better left out: then it is asked for, or read from the standard input",
    )
    for action, does, command in (
        ("get", "print the value of a secret", _get),
        ("delete", "take a secret out", _delete),
    ):
        one = actions.add_parser(action, help=does)
        one.set_defaults(command=command)
        one.add_argument("name", metavar="NAME")


def _list(_: argparse.Namespace, __: Reader) -> int:
    store = SecretStore(os.environ)
    names = store.names()
    print("\n".join(names) if names else f"no secrets in {store.path}", file=sys.stdout if names else sys.stderr)
    return OK


def _set(arguments: argparse.Namespace, _: Reader) -> int:
    value = _asked(arguments.name) if arguments.value is None else arguments.value
    if not value:
        raise NbflowError(f"secret `{arguments.name}` was given no value; nothing was changed")
    if "\0" in value:
        raise NbflowError(
            f"secret `{arguments.name}` has a NUL character, which no variable can hold; nothing was changed"
        )
    SecretStore(os.environ).set(arguments.name, value)
    return OK


def _get(arguments: argparse.Namespace, _: Reader) -> int:
    print(SecretStore(os.environ).values([arguments.name])[arguments.name])
    return OK


def _delete(arguments: argparse.Namespace, _: Reader) -> int:
    store = SecretStore(os.environ)
    if store.delete(arguments.name):
        return OK
    print(
        f"nbflow: there is no secret `{arguments.name}` in {store.path}; nbflow secrets list names them",
        file=sys.stderr,
    )
    return FAILED


def _asked(name: str) -> str:
    """The value, from whoever types the command; from a pipe all of it, without the line end that `echo` adds."""
    in_notebook = getpass.getpass.__module__ != getpass.__name__  # a kernel asks through its front end
    if in_notebook or (sys.stdin is not None and sys.stdin.isatty()):
        return getpass.getpass(f"Value of secret {name}: ")
    return "" if sys.stdin is None else sys.stdin.read().removesuffix("\n")
