"""What the host does for an action: messages, configuration, keys, secrets, events, and runs of other actions.

`petrel_component.py` puts the host behind it, and `PrintingHost` stands in for the host in tests. Requests are in `petrel_http.py`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Optional, Union

from petrel_errors import Error

#: A time to live: seconds, or a `timedelta`.
Ttl = Union[None, int, float, timedelta]


def log(message: str, level: str = "info", **fields: Any) -> None:
    """Writes a message to the output of the execution: trace, debug, info, warn or error."""
    the_host().log(level, message, json.dumps(fields, default=str) if fields else None)


def progress(fraction: float, note: Optional[str] = None) -> None:
    """Reports the progress, from 0 to 1."""
    the_host().progress(fraction, note)


def config() -> dict[str, Any]:
    """The configuration of the pack."""
    return json.loads(the_host().config())


def emit(
    trigger_type: str,
    payload: dict[str, Any],
    *,
    dedup_key: Optional[str] = None,
    parameters: Optional[dict[str, Any]] = None,
    occurred_at: Optional[datetime] = None,
    trace_tag: Optional[str] = None,
) -> str:
    """Emits an event of a trigger type of the pack, and gives the id of its trigger instance once that is stored.

    Events with the same `dedup_key` are one, for a while. `parameters` are those of the trigger that the event is for.
    """
    return the_host().emit(
        trigger_type,
        json.dumps(payload),
        None if parameters is None else json.dumps(parameters),
        dedup_key,
        None if occurred_at is None else round(occurred_at.timestamp() * 1000),
        trace_tag,
    )


@dataclass(frozen=True)
class Called:
    """The end of an action that has succeeded."""

    execution_id: str
    result: Any


def call(action: str, parameters: Optional[dict[str, Any]] = None) -> Called:
    """Runs another action, and waits for its end. The pack asks for it (`capabilities.call`).

    One that does not succeed is an `Error` with the code `action.failed`, whose `details` have its status and result.
    """
    execution_id, output = the_host().call(action, json.dumps(parameters or {}))
    return Called(execution_id, json.loads(output))


@dataclass(frozen=True)
class Entry:
    """A key as it is."""

    value: str
    #: A mark of this state of the key, for `Store.cas`.
    version: str
    #: The time from which on there is no such key, in Unix milliseconds.
    expires_at_ms: Optional[int] = None

    def json(self) -> Any:
        """The value as JSON."""
        return json.loads(self.value)


@dataclass(frozen=True)
class Store:
    """Keys that outlast a call, in the datastore of the host, where users see them. `kv()` has those of the pack.

    Each function raises an `Error` of the kind `denied` if the store is not granted, or the key is secret.
    """

    label: str = "pack"

    def get(self, key: str) -> Optional[Entry]:
        """A key. None if it does not exist."""
        found = the_host().kv_get(self.label, key)
        return None if found is None else Entry(*found)

    def get_json(self, key: str, default: Any = None) -> Any:
        """The value of a key as JSON, or the default if it does not exist."""
        entry = self.get(key)
        return default if entry is None else entry.json()

    def set(self, key: str, value: str, *, ttl: Ttl = None) -> str:
        """Sets a key, which expires after `ttl` if that is given. Gives its version once it is stored."""
        return the_host().kv_set(self.label, key, value, _milliseconds(ttl))

    def set_json(self, key: str, value: Any, *, ttl: Ttl = None) -> str:
        """As `set`, with the value as JSON."""
        return self.set(key, json.dumps(value), ttl=ttl)

    def cas(self, key: str, expected: Union[Entry, str, None], value: str, *, ttl: Ttl = None) -> str:
        """As `set`, if the key is `expected` still: an entry or its version, or None for no such key.

        An `Error` of the kind `conflict` says that it was otherwise, and nothing has changed.
        """
        version = expected.version if isinstance(expected, Entry) else expected
        return the_host().kv_cas(self.label, key, version, value, _milliseconds(ttl))

    def delete(self, key: str) -> bool:
        """Deletes a key. Gives whether there was one."""
        return the_host().kv_delete(self.label, key)

    def keys(self, prefix: str = "") -> list[str]:
        """All keys that begin with the prefix, in order."""
        keys, cursor = [], None
        while True:
            page, cursor = the_host().kv_list(self.label, prefix, cursor)
            keys.extend(page)
            if cursor is None:
                return keys


def kv(store: str = "pack") -> Store:
    """The keys of the pack; or those of a store with another label, or that all share if it is `system`."""
    return Store(store)


def _milliseconds(ttl: Ttl) -> Optional[int]:
    if ttl is None:
        return None
    seconds = ttl.total_seconds() if isinstance(ttl, timedelta) else ttl
    return max(0, round(seconds * 1000))


class Secret:
    """A secret that the operator has granted."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    @property
    def name(self) -> str:
        return self._handle.name()

    def placeholder(self) -> str:
        """A text that stands for the secret in requests of this call. The host puts the secret in its place."""
        return self._handle.placeholder()

    def reveal(self) -> str:
        """Its text. That is another right, and the host's audit log has a line on it."""
        return the_host().reveal(self._handle)

    def __repr__(self) -> str:
        return f"Secret({self.name!r})"


def secret(name: str) -> Secret:
    """The secret of the pack with this name, which it asks for (`capabilities.secrets`)."""
    return Secret(the_host().secret(name))


class PrintingHost:
    """The stand-in for the host where there is none, as in tests: it prints, and has its keys in memory.

    `configured` is the configuration of the pack, `secrets` has texts by name, `keys` entries by store and key. `emitted`
    and `called` have what was asked; answers of other actions are in `results`, and those of servers in `answers`.
    """

    def __init__(self, *, configured: Optional[dict[str, Any]] = None, secrets: Optional[dict[str, str]] = None) -> None:
        self.configured, self.secrets = configured or {}, secrets or {}
        self.keys: dict[tuple[str, str], Entry] = {}
        self.emitted: list[tuple[str, Any]] = []
        self.called: list[tuple[str, Any]] = []
        self.results: dict[str, Any] = {}
        self.answers: dict[tuple[str, str], tuple[int, dict[str, str], bytes]] = {}
        self._versions = 0

    def log(self, level: str, message: str, fields: Optional[str]) -> None:
        print(level.upper(), message, *([fields] if fields else []), file=sys.stderr)

    def progress(self, fraction: float, note: Optional[str]) -> None:
        print("progress", fraction, note or "", file=sys.stderr)

    def config(self) -> str:
        return json.dumps(self.configured)

    def emit(self, trigger_type: str, payload: str, *others: Any) -> str:
        print("emitted", trigger_type, payload, file=sys.stderr)
        self.emitted.append((trigger_type, json.loads(payload)))
        return f"{len(self.emitted):024x}"

    def call(self, action: str, parameters: str) -> tuple[str, str]:
        self.called.append((action, json.loads(parameters)))
        return f"{len(self.called):024x}", json.dumps(self.results.get(action))

    def kv_get(self, store: str, key: str) -> Optional[tuple[str, str, Optional[int]]]:
        entry = self.keys.get((store, key))
        return None if entry is None else (entry.value, entry.version, entry.expires_at_ms)

    def kv_set(self, store: str, key: str, value: str, ttl_ms: Optional[int]) -> str:
        self._versions += 1
        self.keys[store, key] = Entry(value, str(self._versions))
        return str(self._versions)

    def kv_cas(self, store: str, key: str, expected: Optional[str], value: str, ttl_ms: Optional[int]) -> str:
        entry = self.keys.get((store, key))
        if (None if entry is None else entry.version) != expected:
            raise Error(f"the key {key} has changed", kind="conflict", code="kv.conflict")
        return self.kv_set(store, key, value, ttl_ms)

    def kv_delete(self, store: str, key: str) -> bool:
        return self.keys.pop((store, key), None) is not None

    def kv_list(self, store: str, prefix: str, cursor: Optional[str]) -> tuple[list[str], Optional[str]]:
        return sorted(key for of, key in self.keys if of == store and key.startswith(prefix)), None

    def secret(self, name: str) -> Any:
        if name not in self.secrets:
            raise Error(f"the secret {name} is not granted", kind="denied")
        return _Given(name)

    def reveal(self, handle: Any) -> str:
        return self.secrets[handle.name()]

    def fetch(self, method: str, url: str, *others: Any) -> tuple[int, list[tuple[str, str]], Any]:
        if (method, url) not in self.answers:
            raise Error(f"{method} {url} is not allowed", kind="denied")
        status, headers, body = self.answers[method, url]
        return status, list(headers.items()), lambda most: body[:most]


@dataclass(frozen=True)
class _Given:
    known_as: str

    def name(self) -> str:
        return self.known_as

    def placeholder(self) -> str:
        return f"petrel-secret-{self.known_as}"


_the_host: Any = PrintingHost()


def the_host() -> Any:
    """What stands behind all of this."""
    return _the_host


def use_host(host: Any) -> None:
    """Sets what stands behind all of this: a `PrintingHost`, or one of one's own."""
    global _the_host
    _the_host = host
