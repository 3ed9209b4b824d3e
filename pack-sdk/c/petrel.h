/* The library for packs in C: functions become actions of a component.
 *
 * An action gets its parameters as JSON text and answers with JSON text or with an error. Whatever it allocates is gone
 * with its instance, which serves one call, so nothing needs to be freed. The rest of the library is in `petrel.c`, `asked.c` and
 * `http.c`, the way to the host, and `json.c`, what little JSON an action needs. The tutorial is in `README.md`.
 */
#ifndef PETREL_H
#define PETREL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text in UTF-8, not ended by a zero byte. */
typedef struct {
    const char *at;
    size_t length;
} petrel_text;

/* The text of a C string. */
petrel_text petrel_of(const char *text);

/* Text made as printf does it: `%.*s` ends at a zero byte of its text. */
petrel_text petrel_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether two texts are the same. */
bool petrel_same(petrel_text text, const char *other);

/* The arguments for `%.*s` of printf. */
#define PETREL_TEXT(text) (int)(text).length, (text).at

/* The call that an action serves. */
typedef struct {
    petrel_text execution_id; /* 24 hexadecimal digits; the same if a lost run is started again */
    petrel_text pack;
    petrel_text action;
    petrel_text user;
    uint32_t attempt;     /* 0 for the first start, and one more for each lost run */
    uint64_t deadline_ms; /* when the host ends the call, in Unix milliseconds */
    petrel_text parent_id; /* the execution that asked for this one; empty if there is none */
    petrel_text trace_id;  /* 32 hexadecimal digits */
} petrel_context;

/* The kind of a failure, by which a policy decides whether to try again. In the order of `wit/deps/types`. */
typedef enum {
    PETREL_INVALID_INPUT,
    PETREL_MISCONFIGURED,
    PETREL_DENIED,
    PETREL_UNAUTHENTICATED,
    PETREL_NOT_FOUND,
    PETREL_CONFLICT,
    PETREL_TRANSIENT,
    PETREL_RATE_LIMITED,
    PETREL_TIMEOUT,
    PETREL_CANCELED,
    PETREL_PERMANENT,
    PETREL_OTHER,
} petrel_kind;

/* The answer of an action, and of a call of the host: `petrel_ok` or `petrel_error` makes one. What is left empty of an error
 * is not sent. */
typedef struct {
    bool is_error;
    petrel_text result; /* JSON */
    petrel_kind kind;
    petrel_text word;        /* the kind itself, of PETREL_OTHER */
    uint64_t retry_after_ms; /* of PETREL_TRANSIENT and PETREL_RATE_LIMITED: the time to wait; 0 if it is not known */
    petrel_text message;     /* one line, for people */
    petrel_text hint;        /* the remedy */
    petrel_text code;        /* a stable dotted code, such as greetings.nobody */
    petrel_text details;     /* JSON */
} petrel_answer;

petrel_answer petrel_ok(petrel_text json);
petrel_answer petrel_error(petrel_kind kind, petrel_text message);

/* In an action: makes a call, and ends the action with its error if it has failed. */
#define PETREL_TRY(call)                           \
    do {                                           \
        petrel_answer petrel_told = (call);        \
        if (petrel_told.is_error) return petrel_told; \
    } while (0)

/* An action. `metadata` is JSON without the name, as in actions/NAME.yaml: description, parameters, output_schema,
 * idempotent. `petrel pack build` writes that file from it. */
typedef struct {
    const char *name;
    const char *metadata;
    petrel_answer (*run)(const petrel_context *context, petrel_text parameters);
} petrel_action;

/* The actions of the pack, which its sources define. The last one has no name. */
extern const petrel_action petrel_actions[];

typedef enum { PETREL_TRACE, PETREL_DEBUG, PETREL_INFO, PETREL_WARN, PETREL_ERROR } petrel_level;

/* Writes a message to the output of the execution; with fields, which are a JSON object. */
void petrel_log(petrel_level level, petrel_text message);
void petrel_log_with(petrel_level level, petrel_text message, petrel_text fields);

/* Reports the progress, from 0 to 1. */
void petrel_progress(float fraction);

/* The configuration of the pack: a JSON object. */
petrel_text petrel_config(void);

/* An event. What is left empty is not sent. */
typedef struct {
    petrel_text trigger;    /* a trigger type of the pack, or the id of a trigger, whose rules alone see the event */
    petrel_text payload;    /* a JSON object */
    petrel_text parameters; /* beside a trigger type, those of the trigger that it is for: a JSON object */
    petrel_text dedup_key;  /* events of one trigger with the same key are one event, for a while */
    uint64_t occurred_at_ms; /* in Unix milliseconds; 0 if it is now */
    petrel_text trace_tag;
} petrel_event;

/* Emits an event of a trigger type of the pack. The result is the id of the trigger instance, as JSON, or an error. */
petrel_answer petrel_emit(petrel_text trigger_type, petrel_text payload);
petrel_answer petrel_emit_event(const petrel_event *event);

/* All that follows is asked for under `capabilities` in pack.yaml, and granted by the operator: before that it is an error of
 * the kind PETREL_DENIED, which says the command that grants it. */

/* Keys that outlast a call. A store is "pack", for the keys of the pack, another label that pack.yaml has under `kv`, or
 * "system", for the keys that all share. */
typedef struct {
    bool exists;
    petrel_text value;
    petrel_text version;    /* a mark of this state of the key, for petrel_kv_cas */
    uint64_t expires_at_ms; /* when there is no such key any more, in Unix milliseconds; 0 if it stays */
} petrel_entry;

typedef struct {
    petrel_text *at;
    size_t count;
} petrel_texts;

/* Reads a key, which may not exist. */
petrel_answer petrel_kv_get(const char *store, petrel_text key, petrel_entry *entry);

/* Sets a key, which expires after `ttl_ms` unless that is 0. The result is its new version, as JSON. */
petrel_answer petrel_kv_set(const char *store, petrel_text key, petrel_text value, uint64_t ttl_ms);

/* As petrel_kv_set, if the key has the version `expected`; empty says that there must be no such key. If it is otherwise, that
 * is an error of the kind PETREL_CONFLICT. */
petrel_answer petrel_kv_cas(const char *store, petrel_text key, petrel_text expected, petrel_text value, uint64_t ttl_ms);

/* Deletes a key. The result says whether there was one: true or false. */
petrel_answer petrel_kv_delete(const char *store, petrel_text key);

/* All keys that begin with `prefix`, in order. */
petrel_answer petrel_kv_keys(const char *store, petrel_text prefix, petrel_texts *keys);

/* A secret of the pack, which the host sends and a component does not see. */
typedef struct {
    uint32_t handle;
} petrel_secret;

petrel_answer petrel_secret_get(const char *name, petrel_secret *secret);

/* A text that stands for the secret in this call. The host puts the secret in its place in requests, where pack.yaml says so. */
petrel_text petrel_secret_placeholder(petrel_secret secret);

/* Its text. That is another right, and the host's audit log has a line on it. */
petrel_answer petrel_secret_reveal(petrel_secret secret, petrel_text *text);

/* Runs another action with parameters that are a JSON object, and waits for its end. The result is its result. One that does
 * not succeed is an error with the code action.failed, whose details have execution_id, status and result. */
petrel_answer petrel_call(petrel_text action, petrel_text parameters);

/* Requests. */
typedef struct {
    petrel_text name;
    petrel_text value;
} petrel_header;

typedef struct {
    const petrel_header *at;
    size_t count;
} petrel_headers;

typedef struct {
    petrel_text method; /* GET if it is empty */
    petrel_text url;    /* http or https */
    petrel_headers headers;
    petrel_text body;
    uint64_t timeout_ms;   /* the longest time until the head of the answer arrives; that of the host if it is 0 */
    size_t largest_answer; /* the largest body of the answer, in bytes; 16 MiB if it is 0 */
} petrel_request;

typedef struct {
    uint16_t status;
    petrel_headers headers;
    petrel_text body; /* bytes: petrel_is_utf8 says whether they are text */
} petrel_response;

/* Makes a request, and reads its answer. An answer with any status is none of the errors. Redirects are not followed. */
petrel_answer petrel_fetch(const petrel_request *request, petrel_response *response);

/* The value of a header of an answer. Empty if there is none. */
petrel_text petrel_header_of(const petrel_response *response, const char *name);

/* The error that follows from a status which is none of success, with the time of Retry-After. */
petrel_answer petrel_success(const petrel_response *response);

/* The member `name` of a JSON object, as JSON. Empty if there is none, or no object. */
petrel_text petrel_member(petrel_text object, const char *name);

/* Reads a JSON string. False if it is something else. */
bool petrel_string(petrel_text json, petrel_text *string);

/* Reads a JSON number that is whole and fits. False if it is something else, and then `number` stays as it was. */
bool petrel_integer(petrel_text json, int64_t *number);

/* A JSON string, with quotes and escapes. The text must be UTF-8. */
petrel_text petrel_quoted(petrel_text text);

/* Whether bytes are UTF-8. */
bool petrel_is_utf8(petrel_text text);

#endif
