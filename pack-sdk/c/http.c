/* Requests, over `wasi:http`: the canonical ABI of the part of it in `wit/deps/http` beside the library. */
#include "petrel_wire.h"

#include <string.h>
#include <strings.h>

#define TYPES "wasi:http/types@0.2.12"
#define STREAMS "wasi:io/streams@0.2.12"

/* So many bytes are written at once: the host takes no more. */
#define PIECE 4096
/* So many bytes are asked for at once. */
#define LARGEST_PIECE (64 << 10)
/* The largest body of an answer: the limit of the host. */
#define LARGEST_ANSWER (16 << 20)
/* The cases of `error-code` that are told apart. */
enum { DESTINATION_PROHIBITED = 4, CONNECTION_TIMEOUT = 8, REQUEST_DENIED = 15, RESPONSE_TIMEOUT = 33, INTERNAL_ERROR = 38 };

/* A result with a handle, or an error that is not looked at. */
typedef struct {
    uint8_t is_error;
    uint32_t handle;
} wire_handle;

/* `error-code`: what a case carries is read of `internal-error` alone. */
typedef struct {
    uint8_t code;
    union {
        wire_option why;
        uint64_t others[3];
    } payload;
} wire_code;

/* A result with a handle, or an `error-code`. */
typedef struct {
    uint8_t is_error;
    union {
        uint32_t handle;
        wire_code code;
    } value;
} wire_sent;

/* What a request in the future has come to: an option of a result, whose error says that it was asked for before. */
typedef struct {
    uint8_t is_some;
    struct {
        uint8_t is_error;
        wire_sent sent;
    } value;
} wire_came;

/* A result with bytes, or the error of a stream: its last operation failed, with a handle, or it is closed. */
typedef struct {
    uint8_t is_error;
    union {
        petrel_text bytes;
        struct {
            uint8_t is_closed;
            uint32_t failure;
        } error;
    } value;
} wire_read;

_Static_assert(sizeof(wire_code) == 32 && sizeof(wire_sent) == 40, "the layout of the canonical ABI");
_Static_assert(sizeof(wire_came) == 56 && sizeof(wire_read) == 12, "the layout of the canonical ABI");

IMPORT(TYPES, "[static]fields.from-list")
void http_fields(const petrel_header *headers, size_t count, wire_handle *fields);
IMPORT(TYPES, "[method]fields.entries") void http_entries(uint32_t fields, petrel_headers *entries);
IMPORT(TYPES, "[resource-drop]fields") void http_drop_fields(uint32_t fields);
IMPORT(TYPES, "[constructor]outgoing-request") uint32_t http_request(uint32_t fields);
IMPORT(TYPES, "[method]outgoing-request.set-method")
uint32_t http_set_method(uint32_t request, uint32_t method, const char *other, size_t length);
IMPORT(TYPES, "[method]outgoing-request.set-scheme")
uint32_t http_set_scheme(uint32_t request, uint32_t is_some, uint32_t scheme, const char *other, size_t length);
IMPORT(TYPES, "[method]outgoing-request.set-authority")
uint32_t http_set_authority(uint32_t request, uint32_t is_some, const char *authority, size_t length);
IMPORT(TYPES, "[method]outgoing-request.set-path-with-query")
uint32_t http_set_path(uint32_t request, uint32_t is_some, const char *path, size_t length);
IMPORT(TYPES, "[method]outgoing-request.body") void http_body(uint32_t request, wire_handle *body);
IMPORT(TYPES, "[resource-drop]outgoing-request") void http_drop_request(uint32_t request);
IMPORT(TYPES, "[method]outgoing-body.write") void http_write(uint32_t body, wire_handle *stream);
IMPORT(TYPES, "[static]outgoing-body.finish")
void http_finish(uint32_t body, uint32_t has_trailers, uint32_t trailers, wire_sent *answer);
IMPORT(TYPES, "[resource-drop]outgoing-body") void http_drop_body(uint32_t body);
IMPORT(TYPES, "[constructor]request-options") uint32_t http_options(void);
IMPORT(TYPES, "[method]request-options.set-first-byte-timeout")
uint32_t http_set_timeout(uint32_t options, uint32_t is_some, uint64_t nanoseconds);
IMPORT("wasi:http/outgoing-handler@0.2.12", "handle")
void http_handle(uint32_t request, uint32_t has_options, uint32_t options, wire_sent *future);
IMPORT(TYPES, "[method]future-incoming-response.subscribe") uint32_t http_subscribe(uint32_t future);
IMPORT(TYPES, "[method]future-incoming-response.get") void http_get(uint32_t future, wire_came *came);
IMPORT(TYPES, "[resource-drop]future-incoming-response") void http_drop_future(uint32_t future);
IMPORT("wasi:io/poll@0.2.12", "[method]pollable.block") void http_block(uint32_t pollable);
IMPORT("wasi:io/poll@0.2.12", "[resource-drop]pollable") void http_drop_pollable(uint32_t pollable);
IMPORT(TYPES, "[method]incoming-response.status") uint32_t http_status(uint32_t response);
IMPORT(TYPES, "[method]incoming-response.headers") uint32_t http_headers(uint32_t response);
IMPORT(TYPES, "[method]incoming-response.consume") void http_consume(uint32_t response, wire_handle *body);
IMPORT(TYPES, "[resource-drop]incoming-response") void http_drop_response(uint32_t response);
IMPORT(TYPES, "[method]incoming-body.stream") void http_stream(uint32_t body, wire_handle *stream);
IMPORT(TYPES, "[resource-drop]incoming-body") void http_drop_incoming(uint32_t body);
IMPORT(STREAMS, "[method]input-stream.blocking-read") void io_read(uint32_t stream, uint64_t most, wire_read *read);
IMPORT("wasi:io/error@0.2.12", "[method]error.to-debug-string") void io_why(uint32_t failure, petrel_text *why);
IMPORT(STREAMS, "[resource-drop]input-stream") void io_drop_input(uint32_t stream);
IMPORT(STREAMS, "[method]output-stream.blocking-write-and-flush")
void io_write(uint32_t stream, const char *at, size_t length, wire_read *written);
IMPORT(STREAMS, "[resource-drop]output-stream") void io_drop_output(uint32_t stream);

/* The errors of requests. */

/* The request in messages: without its query, which may be secret. */
static petrel_text named(const petrel_request *request) {
    size_t length = 0;
    while (length < request->url.length && !strchr("?#", request->url.at[length])) length++;
    petrel_text method = request->method.length > 0 ? request->method : petrel_of("GET");
    return petrel_format("%.*s %.*s", PETREL_TEXT(method), (int)length, request->url.at);
}

static petrel_answer invalid(const petrel_request *request, const char *why) {
    petrel_text message = petrel_format("the request %.*s cannot be made: %s", PETREL_TEXT(named(request)), why);
    petrel_answer answer = petrel_error(PETREL_INVALID_INPUT, message);
    answer.code = petrel_of("http.request");
    return answer;
}

static petrel_answer failed_with(const petrel_request *request, petrel_text why) {
    petrel_text message = petrel_format("%.*s failed: %.*s", PETREL_TEXT(named(request)), PETREL_TEXT(why));
    petrel_answer answer = petrel_error(PETREL_TRANSIENT, message);
    answer.code = petrel_of("http.failed");
    return answer;
}

/* The error of a request without an answer. A denial has no code, so that the host says its own, with the remedy. */
static petrel_answer failed(const petrel_request *request, const wire_code *code) {
    static const char *const words[] = {
        "DNS-timeout", "DNS-error", "destination-not-found", "destination-unavailable", "", "destination-IP-unroutable",
        "connection-refused", "connection-terminated", "", "connection-read-timeout", "connection-write-timeout",
        "connection-limit-reached", "TLS-protocol-error", "TLS-certificate-error", "TLS-alert-received",
    };
    if (code->code == DESTINATION_PROHIBITED || code->code == REQUEST_DENIED) {
        return petrel_error(PETREL_DENIED, petrel_format("%.*s is not allowed", PETREL_TEXT(named(request))));
    }
    if (code->code == CONNECTION_TIMEOUT || code->code == RESPONSE_TIMEOUT) {
        petrel_text message = petrel_format("%.*s took too long", PETREL_TEXT(named(request)));
        petrel_answer answer = petrel_error(PETREL_TIMEOUT, message);
        answer.code = petrel_of("http.timeout");
        return answer;
    }
    if (code->code == INTERNAL_ERROR && code->payload.why.is_some) return failed_with(request, code->payload.why.text);
    if (code->code < sizeof words / sizeof words[0]) return failed_with(request, petrel_of(words[code->code]));
    return failed_with(request, petrel_format("the host says error-code %d of wasi:http", code->code));
}

/* Makes a request, and gives the handle of its answer. */

/* The part of an address before any of these signs. The rest is what follows. */
static petrel_text before(petrel_text *rest, const char *signs) {
    size_t length = 0;
    while (length < rest->length && !strchr(signs, rest->at[length])) length++;
    petrel_text part = {rest->at, length};
    rest->at += length;
    rest->length -= length;
    return part;
}

static bool set_method(uint32_t outgoing, petrel_text method) {
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};
    size_t which = 0;
    if (method.length == 0) method = petrel_of("GET");
    while (which < sizeof known / sizeof known[0] && !petrel_same(method, known[which])) which++;
    return http_set_method(outgoing, which, method.at, method.length) == 0;
}

static bool set_address(uint32_t outgoing, petrel_text url) {
    petrel_text rest = before(&url, "#");
    bool is_https = rest.length >= 8 && memcmp(rest.at, "https://", 8) == 0;
    size_t scheme = is_https ? 8 : 7;
    rest.at += scheme;
    rest.length -= scheme;
    petrel_text authority = before(&rest, "/?");
    petrel_text path = rest.length > 0 && rest.at[0] == '/' ? rest : petrel_format("/%.*s", PETREL_TEXT(rest));
    return http_set_scheme(outgoing, 1, is_https, NULL, 0) == 0 &&
           http_set_authority(outgoing, 1, authority.at, authority.length) == 0 &&
           http_set_path(outgoing, 1, path.at, path.length) == 0;
}

static petrel_answer outgoing_of(const petrel_request *request, uint32_t *outgoing) {
    petrel_text url = request->url;
    if (!(url.length >= 7 && memcmp(url.at, "http://", 7) == 0) && !(url.length >= 8 && memcmp(url.at, "https://", 8) == 0)) {
        return invalid(request, "its address does not begin with https:// or http://");
    }
    wire_handle fields;
    http_fields(request->headers.at, request->headers.count, &fields);
    if (fields.is_error) return invalid(request, "a header cannot be sent");
    *outgoing = http_request(fields.handle);
    if (set_method(*outgoing, request->method) && set_address(*outgoing, url)) return petrel_ok(petrel_of("null"));
    http_drop_request(*outgoing);
    return invalid(request, "its method or address is not valid");
}

/* Writes the body, and says whether the host has taken it. */
static bool write_body(uint32_t body, petrel_text bytes) {
    bool is_written = true;
    if (bytes.length > 0) {
        wire_handle stream;
        http_write(body, &stream);
        is_written = !stream.is_error;
        while (is_written && bytes.length > 0) {
            wire_read written;
            size_t piece = bytes.length < PIECE ? bytes.length : PIECE;
            io_write(stream.handle, bytes.at, piece, &written);
            is_written = !written.is_error;
            bytes.at += piece;
            bytes.length -= piece;
        }
        if (!stream.is_error) io_drop_output(stream.handle);
    }
    wire_sent finished;
    http_finish(body, 0, 0, &finished);
    return is_written && !finished.is_error;
}

static petrel_answer sent(const petrel_request *request, uint32_t *response) {
    uint32_t outgoing = 0, options = 0;
    PETREL_TRY(outgoing_of(request, &outgoing));
    wire_handle body;
    http_body(outgoing, &body);
    if (body.is_error) return invalid(request, "its body cannot be written");
    if (request->timeout_ms > 0) {
        options = http_options();
        /* A host that cannot keep to it has a limit of its own. */
        http_set_timeout(options, 1, request->timeout_ms > UINT64_MAX / 1000000 ? UINT64_MAX : request->timeout_ms * 1000000);
    }
    wire_sent future;
    http_handle(outgoing, request->timeout_ms > 0, options, &future);
    if (future.is_error) {
        http_drop_body(body.handle);
        return failed(request, &future.value.code);
    }
    bool is_written = write_body(body.handle, request->body);
    uint32_t pollable = http_subscribe(future.value.handle);
    http_block(pollable);
    http_drop_pollable(pollable);
    wire_came came;
    http_get(future.value.handle, &came);
    http_drop_future(future.value.handle);
    if (!came.is_some || came.value.is_error) return failed_with(request, petrel_of("the host gave no answer"));
    /* A request that was not sent is not written, either; the answer says why. */
    if (came.value.sent.is_error) return failed(request, &came.value.sent.value.code);
    *response = came.value.sent.value.handle;
    if (is_written) return petrel_ok(petrel_of("null"));
    http_drop_response(*response);
    return failed_with(request, petrel_of("its body was not taken"));
}

/* Reads the whole body. */
static petrel_answer read_body(const petrel_request *request, uint32_t stream, petrel_text *body) {
    size_t largest = request->largest_answer > 0 ? request->largest_answer : LARGEST_ANSWER, room = 0;
    char *all = NULL;
    body->at = "";
    body->length = 0;
    for (;;) {
        wire_read read;
        io_read(stream, LARGEST_PIECE, &read);
        if (read.is_error && read.value.error.is_closed) return petrel_ok(petrel_of("null"));
        if (read.is_error) {
            petrel_text why;
            io_why(read.value.error.failure, &why);
            return failed_with(request, petrel_format("its answer has broken off: %.*s", PETREL_TEXT(why)));
        }
        petrel_text piece = read.value.bytes;
        if (piece.length > largest - body->length) {
            petrel_text message = petrel_format("the body of the answer is larger than %zu bytes", largest);
            petrel_answer answer = petrel_error(PETREL_PERMANENT, message);
            answer.code = petrel_of("http.too_large");
            answer.hint = petrel_of("ask for less");
            return answer;
        }
        if (piece.length > room - body->length) {
            room = (body->length + piece.length) * 2;
            all = petrel_grown(all, room);
        }
        if (piece.length > 0) memcpy(all + body->length, piece.at, piece.length);
        petrel_released(piece);
        body->at = all ? all : "";
        body->length += piece.length;
    }
}

petrel_answer petrel_fetch(const petrel_request *request, petrel_response *response) {
    uint32_t answered = 0;
    memset(response, 0, sizeof *response);
    PETREL_TRY(sent(request, &answered));
    response->status = (uint16_t)http_status(answered);
    uint32_t fields = http_headers(answered);
    http_entries(fields, &response->headers);
    http_drop_fields(fields);
    wire_handle body, stream;
    http_consume(answered, &body);
    petrel_answer read = failed_with(request, petrel_of("its answer has no body"));
    if (!body.is_error) {
        http_stream(body.handle, &stream);
        if (!stream.is_error) {
            read = read_body(request, stream.handle, &response->body);
            io_drop_input(stream.handle);
        }
        http_drop_incoming(body.handle);
    }
    http_drop_response(answered);
    return read;
}

/* The answer. */

petrel_text petrel_header_of(const petrel_response *response, const char *name) {
    petrel_text none = {"", 0};
    for (size_t index = 0; index < response->headers.count; index++) {
        petrel_header header = response->headers.at[index];
        if (header.name.length == strlen(name) && strncasecmp(header.name.at, name, header.name.length) == 0) {
            return header.value;
        }
    }
    return none;
}

petrel_answer petrel_success(const petrel_response *response) {
    unsigned status = response->status;
    if (status >= 200 && status < 300) return petrel_ok(petrel_of("null"));
    petrel_kind kind = PETREL_PERMANENT;
    if (status == 401 || status == 403) kind = PETREL_UNAUTHENTICATED;
    if (status == 404 || status == 410) kind = PETREL_NOT_FOUND;
    if (status == 409 || status == 412) kind = PETREL_CONFLICT;
    if (status == 429) kind = PETREL_RATE_LIMITED;
    if (status == 408 || status == 425 || status >= 500) kind = PETREL_TRANSIENT;
    petrel_answer answer = petrel_error(kind, petrel_format("the server answered with the status %u", status));
    answer.code = petrel_format("http.%u", status);
    /* A date is left out: the time is in seconds nearly always. */
    int64_t seconds;
    petrel_text after = petrel_header_of(response, "retry-after");
    if (petrel_integer(after, &seconds) && seconds > 0 && seconds < 1000000) answer.retry_after_ms = (uint64_t)seconds * 1000;
    return answer;
}
