"""The module that becomes the component: it connects `petrel.py` to the host, and takes in the actions of the pack.

`componentize-py` generates `wit_world` from `wit/`, so this module exists in components only.
"""

import functools
import json
import traceback

import petrel
import petrel_wasi
from componentize_py_types import Err
from wit_world.imports import call, config, emit, kv, log, reveal, secrets
from wit_world.imports import petrel_trigger_types as events
from wit_world.imports import petrel_types_types as wire


def _asked(function):
    """A function whose errors of the host are those of the library."""

    @functools.wraps(function)
    def asked(*arguments):
        try:
            return function(*arguments)
        except Err as refused:
            raise _told(refused.value) from None

    return asked


def _told(error):
    kind = _word(error.kind)
    return petrel.Error(
        error.message,
        kind=kind if kind in petrel.KINDS else "permanent",
        code=error.code,
        hint=error.hint,
        details=None if error.details is None else json.loads(error.details),
        retry_after_ms=getattr(error.kind, "value", None) if kind in WAITS else None,
    )


class _Host:
    fetch = staticmethod(petrel_wasi.fetch)
    kv_set = staticmethod(_asked(kv.set))
    kv_cas = staticmethod(_asked(kv.cas))
    kv_delete = staticmethod(_asked(kv.delete))
    secret = staticmethod(_asked(secrets.get))
    reveal = staticmethod(_asked(reveal.reveal))
    progress = staticmethod(log.progress)
    config = staticmethod(config.all)

    def log(self, level, message, fields):
        log.write(log.Level[level.upper()], message, fields)

    @_asked
    def emit(self, trigger_type, payload, parameters, dedup_key, occurred_at_ms, trace_tag):
        return emit.emit(events.Event(trigger_type, payload, parameters, dedup_key, occurred_at_ms, trace_tag))

    @_asked
    def call(self, action, parameters):
        done = call.run(action, parameters)
        return done.execution_id, done.output

    @_asked
    def kv_get(self, store, key):
        found = kv.get(store, key)
        return None if found is None else (found.value, found.version, found.expires_at_ms)

    @_asked
    def kv_list(self, store, prefix, cursor):
        page = kv.list_keys(store, prefix, cursor)
        return page.keys, page.next


# Of these kinds are failures that say when to come again.
WAITS = ("transient", "rate-limited")


def _word(kind):
    """`invalid-input` for an `ErrorKind_InvalidInput`."""
    name = type(kind).__name__.removeprefix("ErrorKind_")
    return "".join(f"-{sign.lower()}" if sign.isupper() else sign for sign in name).lstrip("-")


def _kind(error):
    made = getattr(wire, "ErrorKind_" + "".join(part.capitalize() for part in error.kind.split("-")))
    return made(error.retry_after_ms) if error.kind in WAITS else made()


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
