"""The library for packs in Python: functions become actions of a component.

The annotations of an action declare its parameters and its result, and `petrel_schemas.py` derives its metadata from them.
`petrel_component.py` is the module that becomes the component. The tutorial is in `template/README.md`.
"""

from __future__ import annotations

import inspect
import json
import sys
from dataclasses import dataclass
from typing import Any, Callable, Optional

from petrel_schemas import InputError, convert, output_schema, parameters_of, plain

# The kinds of failures, by which a policy decides whether to try again.
KINDS = (
    "invalid-input",
    "misconfigured",
    "denied",
    "unauthenticated",
    "not-found",
    "conflict",
    "transient",
    "rate-limited",
    "timeout",
    "canceled",
    "permanent",
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


class Error(Exception):
    """The error of an action. Any other exception is a failure of the component, with its traceback in the output."""

    def __init__(
        self,
        message: str,
        *,
        kind: str = "permanent",
        code: Optional[str] = None,
        hint: Optional[str] = None,
        details: Any = None,
        retry_after_ms: Optional[int] = None,
    ) -> None:
        super().__init__(message)
        if kind not in KINDS:
            raise ValueError(f"{kind} is not a kind of failures: {', '.join(KINDS)}")
        self.message, self.kind, self.code, self.hint = message, kind, code, hint
        self.details, self.retry_after_ms = details, retry_after_ms


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


def log(message: str, level: str = "info", **fields: Any) -> None:
    """Writes a message to the output of the execution: trace, debug, info, warn or error."""
    _host().log(level, message, json.dumps(fields, default=str) if fields else None)


def progress(fraction: float, note: Optional[str] = None) -> None:
    """Reports the progress, from 0 to 1."""
    _host().progress(fraction, note)


def config() -> dict[str, Any]:
    """The configuration of the pack."""
    return json.loads(_host().config())


def emit(trigger_type: str, payload: dict[str, Any], *, dedup_key: Optional[str] = None) -> str:
    """Emits an event of a trigger type of the pack, and gives the id of its trigger instance."""
    return _host().emit(trigger_type, json.dumps(payload), dedup_key)


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


class PrintingHost:
    """The stand-in for the host where there is none, as in tests. `petrel_component.py` puts the host in its place."""

    def log(self, level: str, message: str, fields: Optional[str]) -> None:
        print(level.upper(), message, *([fields] if fields else []), file=sys.stderr)

    def progress(self, fraction: float, note: Optional[str]) -> None:
        print("progress", fraction, note or "", file=sys.stderr)

    def config(self) -> str:
        return "{}"

    def emit(self, trigger_type: str, payload: str, dedup_key: Optional[str]) -> str:
        print("emitted", trigger_type, payload, file=sys.stderr)
        return ""


_the_host: Any = PrintingHost()


def _host() -> Any:
    return _the_host


def use_host(host: Any) -> None:
    """Sets what stands behind `log`, `progress`, `config` and `emit`."""
    global _the_host
    _the_host = host


__all__ = [
    "Context",
    "Error",
    "KINDS",
    "PrintingHost",
    "action",
    "config",
    "describe",
    "emit",
    "log",
    "progress",
    "run",
    "use_host",
]
