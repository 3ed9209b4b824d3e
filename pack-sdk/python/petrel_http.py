"""Requests over HTTP, and their answers. `petrel_wasi.py` sends them in a component."""

from __future__ import annotations

import json as _json
from typing import Any, Iterable, Mapping, Optional, Union

from petrel_errors import Error
from petrel_services import the_host

#: The largest body of an answer, in bytes, unless a request says less. It is the limit of the host.
LARGEST_ANSWER = 16 << 20
#: So much of the body of a failure is in the details of its error.
LARGEST_EXCERPT = 4 << 10
UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

Headers = Union[Mapping[str, str], Iterable[tuple[str, str]]]


class Response:
    """An answer, with any status. `success` makes those that are none of success an error."""

    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.body = status, body
        #: Names in lower case, and values. One that comes several times is joined by commas.
        self.headers: dict[str, str] = {}
        for name, value in headers:
            name = name.lower()
            self.headers[name] = f"{self.headers[name]}, {value}" if name in self.headers else value

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as text."""
        try:
            return self.body.decode()
        except UnicodeDecodeError:
            raise Error("the body of the answer is not UTF-8", code="http.text") from None

    def json(self) -> Any:
        """The body as JSON."""
        try:
            return _json.loads(self.body)
        except ValueError as error:
            raise Error(f"the body of the answer is not JSON: {error}", code="http.json") from None

    def success(self) -> Response:
        """This answer, if its status is one of success; otherwise an error of the kind that the status means."""
        if self.ok:
            return self
        excerpt = self.body[:LARGEST_EXCERPT].decode(errors="replace")
        try:
            body = _json.loads(self.body)
        except ValueError:
            body = excerpt
        details = {"status": self.status, "body": body if len(self.body) <= LARGEST_EXCERPT else excerpt}
        raise Error(
            f"the server answered with the status {self.status}",
            kind=_kind(self.status),
            code=f"http.{self.status}",
            details=details,
            retry_after_ms=_retry_after(self.headers.get("retry-after")),
        )


def fetch(
    url: str,
    *,
    method: Optional[str] = None,
    headers: Headers = (),
    query: Optional[Mapping[str, Any]] = None,
    body: Union[bytes, str, None] = None,
    json: Any = None,
    timeout: Optional[float] = None,
    largest_answer: int = LARGEST_ANSWER,
) -> Response:
    """Makes a request to an address that the operator has granted. Redirects are not followed.

    `query` is added to the address, `json` is sent as JSON, and `timeout` is the longest time, in seconds, until an answer
    begins. A request without an answer is an `Error`: of the kind `denied` if its address is not granted.
    """
    given = list(headers.items() if isinstance(headers, Mapping) else headers)
    if json is not None:
        body = _json.dumps(json)
        if all(name.lower() != "content-type" for name, _ in given):
            given.append(("content-type", "application/json"))
    content = body.encode() if isinstance(body, str) else body or b""
    asked = (method or ("POST" if body is not None else "GET")).upper()
    if query:
        url = url.split("#")[0]
        pairs = "&".join(f"{encoded(name)}={encoded(value)}" for name, value in query.items())
        url += ("&" if "?" in url else "?") + pairs
    timeout_ms = None if timeout is None else max(1, round(timeout * 1000))
    status, found, read = the_host().fetch(asked, url, given, content, timeout_ms)
    # One byte more shows that there are more.
    answered = read(largest_answer + 1)
    if len(answered) > largest_answer:
        message = f"the body of the answer is larger than {largest_answer} bytes"
        raise Error(message, code="http.too_large", hint="ask for less")
    return Response(status, found, answered)


def encoded(value: Any) -> str:
    """A value as a part of a path or a query: all but the unreserved characters of RFC 3986 is written as `%XX`."""
    return "".join(chr(byte) if chr(byte) in UNRESERVED else f"%{byte:02X}" for byte in str(value).encode())


def _kind(status: int) -> str:
    known = {401: "unauthenticated", 403: "unauthenticated", 404: "not-found", 410: "not-found", 409: "conflict"}
    known |= {412: "conflict", 429: "rate-limited", 408: "transient", 425: "transient"}
    return known.get(status, "transient" if status >= 500 else "permanent")


def _retry_after(value: Optional[str]) -> Optional[int]:
    return min(int(value), 86_400) * 1000 if value is not None and value.strip().isdecimal() else None
