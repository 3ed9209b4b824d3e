"""Requests over `wasi:http`, in components only. `petrel_http.py` is what authors see of them."""

import petrel_errors
from componentize_py_types import Err
from wit_world.imports import outgoing_handler
from wit_world.imports import wasi_http_types as http

# So many bytes the host takes at once.
PIECE = 4096
# So many bytes are asked for at once.
LARGEST_PIECE = 256 << 10

METHODS = {
    "GET": http.Method_Get,
    "HEAD": http.Method_Head,
    "POST": http.Method_Post,
    "PUT": http.Method_Put,
    "DELETE": http.Method_Delete,
    "OPTIONS": http.Method_Options,
    "PATCH": http.Method_Patch,
}


def fetch(method, url, headers, content, timeout_ms):
    """Sends a request, and waits for the head of its answer. The last part of what it gives reads the body."""
    what = f"{method} {url.partition('?')[0].partition('#')[0]}"
    request = _request(what, method, url, headers)
    body = request.body()
    options = http.RequestOptions()
    if timeout_ms is not None:
        # A host that cannot keep to it has a limit of its own.
        options.set_first_byte_timeout(timeout_ms * 1_000_000)
    try:
        coming = outgoing_handler.handle(request, options)
    except Err as refused:
        raise _failed(what, refused.value) from None
    unwritten = _write(body, content)
    with coming.subscribe() as pollable:
        pollable.block()
    came = coming.get()
    # A request that was not sent is not written, either; the answer says why.
    answer = came.value.value
    if isinstance(answer, Err):
        raise _failed(what, answer.value)
    if unwritten is not None:
        raise _failed_with(what, unwritten)
    answer = answer.value
    with answer.headers() as fields:
        found = [(name, value.decode("latin-1")) for name, value in fields.entries()]
    return answer.status(), found, lambda most: _read(what, answer, most)


def _request(what, method, url, headers):
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        raise _invalid(what, "its address does not begin with https:// or http://")
    rest = rest.partition("#")[0]
    ends = [at for at in (rest.find("/"), rest.find("?")) if at >= 0]
    end = min(ends, default=len(rest))
    authority, path = rest[:end], rest[end:]
    try:
        fields = http.Fields.from_list([(name, str(value).encode()) for name, value in headers])
    except Err as refused:
        raise _invalid(what, f"a header cannot be sent: {type(refused.value).__name__}") from None
    request = http.OutgoingRequest(fields)
    try:
        request.set_method(METHODS[method]() if method in METHODS else http.Method_Other(method))
        request.set_scheme(http.Scheme_Https() if scheme.lower() == "https" else http.Scheme_Http())
        request.set_authority(authority)
        request.set_path_with_query(path if path.startswith("/") else f"/{path}")
    except Err:
        raise _invalid(what, "its method or address is not valid") from None
    return request


def _write(body, content):
    """Writes the body of a request. Gives why it could not be written, if that was so."""
    try:
        if content:
            with body.write() as stream:
                for begin in range(0, len(content), PIECE):
                    stream.blocking_write_and_flush(content[begin : begin + PIECE])
        http.OutgoingBody.finish(body, None)
    except Err as refused:
        return f"its body could not be written: {type(refused.value).__name__}"
    return None


def _read(what, answer, most):
    """At most so many bytes of the body of an answer."""
    pieces, size = [], 0
    with answer.consume() as body, body.stream() as stream:
        while size < most:
            try:
                piece = stream.blocking_read(min(LARGEST_PIECE, most - size))
            except Err as end:
                failure = getattr(end.value, "value", None)
                if failure is None:
                    break
                raise _failed_with(what, failure.to_debug_string()) from None
            pieces.append(piece)
            size += len(piece)
    return b"".join(pieces)


def _invalid(what, why):
    return petrel_errors.Error(f"the request {what} cannot be made: {why}", kind="invalid-input", code="http.request")


def _failed(what, code):
    """The error of a request without an answer. A denial has no code, so that the host names its own, and the remedy."""
    if isinstance(code, (http.ErrorCode_HttpRequestDenied, http.ErrorCode_DestinationIpProhibited)):
        return petrel_errors.Error(f"{what} is not allowed", kind="denied")
    if isinstance(code, (http.ErrorCode_ConnectionTimeout, http.ErrorCode_HttpResponseTimeout)):
        return petrel_errors.Error(f"{what} took too long", kind="timeout", code="http.timeout")
    why = code.value if isinstance(code, http.ErrorCode_InternalError) else None
    return _failed_with(what, why or type(code).__name__.removeprefix("ErrorCode_"))


def _failed_with(what, why):
    return petrel_errors.Error(f"{what} failed: {why}", kind="transient", code="http.failed")
