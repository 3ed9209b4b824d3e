"""The API of the host, for what is imported from StackStorm's names: requests with the token of the execution.

Address and token are those of the environment (`ST2_API_URL`, `ST2_AUTH_TOKEN`), which the host sets for each execution
and which are worth nothing after it.
"""

import json
import os
import ssl
from urllib import error, parse, request

# Seconds that an answer may take, and the longest answer, in bytes.
TIMEOUT = 60
LONGEST = 64 << 20
LOCAL = ("localhost", "127.0.0.1", "[::1]", "::1", "")


class ApiError(Exception):
    """An answer other than a success. `status` is 0 where none came, `hint` is the remedy."""

    def __init__(self, status, message, hint=""):
        super().__init__("%s%s" % (message, "; %s" % hint if hint else ""))
        self.status, self.message, self.hint = status, message, hint


class Api:
    """A host. What is not given is that of the environment."""

    def __init__(self, url=None, token=None, api_key=None, cacert=None):
        own = os.environ.get("ST2_API_URL") or os.environ.get("ST2_ACTION_API_URL")
        self.url = (url or own or "http://127.0.0.1:9101/v1").rstrip("/")
        if not self.url.endswith(("/v1", "/api/v1")):
            self.url += "/v1"
        self.token = token or os.environ.get("ST2_AUTH_TOKEN") or os.environ.get("ST2_ACTION_AUTH_TOKEN")
        self.api_key = api_key
        self.cacert = cacert if isinstance(cacert, str) else os.environ.get("ST2_CACERT")

    def ask(self, method, path, body=None, params=None, headers=None):
        """Returns the value of the answer: that of its JSON, or its text. None where it is empty."""
        given = [(name, text_of(value)) for name, value in sorted((params or {}).items()) if value is not None]
        url = self.url + path + ("?" + parse.urlencode(given) if given else "")
        more = {"Accept": "application/json", "User-Agent": "petrel-python"}
        if self.api_key:
            more["St2-Api-Key"] = self.api_key
        elif self.token:
            more["X-Auth-Token"] = self.token
        content = None
        if body is not None:
            content, more["Content-Type"] = json.dumps(body).encode("utf-8"), "application/json"
        asked = request.Request(url, data=content, method=method, headers=dict(more, **(headers or {})))
        # The host is asked directly: no proxy of the environment leads to it.
        handlers = [request.ProxyHandler({})]
        if url.startswith("https:"):
            handlers.append(request.HTTPSHandler(context=ssl.create_default_context(cafile=self.cacert)))
        try:
            with request.build_opener(*handlers).open(asked, timeout=TIMEOUT) as answer:
                text, kind = answer.read(LONGEST + 1), answer.headers.get_content_type()
        except error.HTTPError as failure:
            raise refused(failure) from None
        except OSError as failure:
            reason = getattr(failure, "reason", failure)
            raise ApiError(0, "the API of the host at %s does not answer: %s" % (self.url, reason)) from None
        if len(text) > LONGEST:
            raise ApiError(0, "the answer to %s %s has more than %d bytes" % (method, path, LONGEST), "ask for less")
        text = text.decode("utf-8")
        if kind != "application/json":
            return text or None
        return json.loads(text) if text.strip() else None


def refused(failure):
    """The error for an answer that is no success."""
    try:
        said = json.loads(failure.read(LONGEST).decode("utf-8"))
    except (ValueError, OSError):
        said = {}
    said = said if isinstance(said, dict) else {}
    return ApiError(failure.code, said.get("faultstring") or str(failure), said.get("hint") or "")


def text_of(value):
    return str(value).lower() if isinstance(value, bool) else value


def segment(name):
    """A name as a part of a path."""
    return parse.quote(str(name), safe="")
