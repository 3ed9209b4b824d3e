"""The module that becomes the component: it connects `petrel.py` to the host, and takes in the actions of the pack.

`componentize-py` generates `wit_world` from `wit/`, so this module exists in components only.
"""

import json
import traceback

import petrel
from componentize_py_types import Err
from wit_world.imports import config, emit, log
from wit_world.imports import petrel_trigger_types as events
from wit_world.imports import petrel_types_types as wire


class _Host:
    def log(self, level, message, fields):
        log.write(log.Level[level.upper()], message, fields)

    def progress(self, fraction, note):
        log.progress(fraction, note)

    def config(self):
        return config.all()

    def emit(self, trigger_type, payload, dedup_key):
        try:
            return emit.emit(events.Event(trigger_type, payload, None, dedup_key, None, None))
        except Err as refused:
            error = refused.value
            kind = _word(error.kind)
            raise petrel.Error(
                error.message, kind=kind if kind in petrel.KINDS else "permanent", code=error.code, hint=error.hint
            ) from None


def _word(kind):
    """`invalid-input` for an `ErrorKind_InvalidInput`."""
    name = type(kind).__name__.removeprefix("ErrorKind_")
    return "".join(f"-{sign.lower()}" if sign.isupper() else sign for sign in name).lstrip("-")


def _kind(error):
    made = getattr(wire, "ErrorKind_" + "".join(part.capitalize() for part in error.kind.split("-")))
    return made(error.retry_after_ms) if error.kind in ("transient", "rate-limited") else made()


class Action:
    """The export `petrel:pack/action`."""

    def run(self, ctx, params):
        context = petrel.Context(
            ctx.execution_id,
            ctx.pack,
            ctx.action,
            ctx.user,
            ctx.attempt,
            ctx.deadline_ms,
            ctx.parent_id,
            ctx.trace_id,
        )
        try:
            return petrel.run(context, params)
        except petrel.Error as error:
            details = None if error.details is None else json.dumps(error.details)
            raise Err(wire.Error(_kind(error), error.message, error.hint, error.code, details)) from None
        except Exception as failure:
            # It would trap, and only say so. The traceback is for the author, in the output of the execution.
            traceback.print_exc()
            message = f"{type(failure).__name__}: {failure}"
            raise Err(wire.Error(wire.ErrorKind_Permanent(), message, None, "component.exception", None)) from None


class Description:
    """The export `petrel:pack/description`."""

    def describe(self):
        return petrel.describe()


petrel.use_host(_Host())

import actions  # noqa: E402,F401  What it decorates is known from now on.
