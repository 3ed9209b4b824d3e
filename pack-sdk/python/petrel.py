"""The library for packs in Python: functions become actions of a component.

The annotations of an action declare its parameters and its result, and `petrel_schemas.py` derives its metadata from them.
What the host does for it is in `petrel_services.py` and `petrel_http.py`, and all of that is known here, too.
`petrel_component.py` is the module that becomes the component. The tutorial is in `template/README.md`.
"""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from typing import Any, Callable, Optional

from petrel_errors import KINDS, Error
from petrel_http import Response, encoded, fetch
from petrel_schemas import InputError, convert, output_schema, parameters_of, plain
from petrel_services import (
    Called,
    Entry,
    PrintingHost,
    Secret,
    Store,
    call,
    config,
    emit,
    kv,
    log,
    progress,
    secret,
    use_host,
)

@dataclass(frozen=True)
class Context:
    """The call that an action serves. An action that has a parameter of this type gets it."""

    #: 24 hexadecimal digits. The same if a lost run is started again.
    execution_id: str
    pack: str
    action: str
    user: str
    #: 0 for the first start, and one more for each lost run.
    attempt: int
    #: The time at which the host ends the call, in Unix milliseconds.
    deadline_ms: int
    #: The execution that asked for this one, if there is one.
    parent_id: Optional[str] = None
    #: 32 hexadecimal digits.
    trace_id: str = ""


@dataclass(frozen=True)
class _Action:
    function: Callable[..., Any]
    metadata: dict[str, Any]
    context: Optional[str]


_actions: dict[str, _Action] = {}


def action(*, name: Optional[str] = None, description: str = "", idempotent: bool = False) -> Callable[..., Any]:
    """Makes a function an action. Without a description, it is the first line of the docstring."""

    def made(function: Callable[..., Any]) -> Callable[..., Any]:
        known_as = name or function.__name__
        parameters, context = parameters_of(function, Context)
        first_line = (inspect.getdoc(function) or "").partition("\n")[0].strip()
        metadata = {
            "name": known_as,
            "description": description or first_line,
            "idempotent": idempotent,
            "parameters": parameters,
            "output_schema": output_schema(function),
        }
        _actions[known_as] = _Action(function, metadata, context)
        return function

    return made


def describe() -> str:
    """The description of all actions, for the host."""
    return json.dumps({"actions": [known.metadata for known in _actions.values()]})


def run(context: Context, parameters: str) -> str:
    """Runs the action that the context names. The component calls it, and so may tests."""
    known = _actions.get(context.action)
    if known is None:
        raise Error(f"the component has no action {context.action}", kind="not-found")
    try:
        given = convert(known.function, json.loads(parameters), Context)
    except InputError as error:
        raise Error(str(error), kind="invalid-input") from None
    if known.context is not None:
        given[known.context] = context
    return json.dumps(plain(known.function(**given)))


__all__ = [
    "Called",
    "Context",
    "Entry",
    "Error",
    "KINDS",
    "PrintingHost",
    "Response",
    "Secret",
    "Store",
    "action",
    "call",
    "config",
    "describe",
    "emit",
    "encoded",
    "fetch",
    "kv",
    "log",
    "progress",
    "run",
    "secret",
    "use_host",
]
