/* The library for packs in C: functions become actions of a component.
 *
 * An action gets its parameters as JSON text and answers with JSON text or with an error. Whatever it allocates is gone
 * with its instance, which serves one call, so nothing needs to be freed. `petrel.c` is the other half: the way to the
 * host, and what little JSON an action needs. The tutorial is in `README.md`.
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
} petrel_kind;

/* The answer of an action: `petrel_ok` or `petrel_error` makes one. What is left empty of an error is not sent. */
typedef struct {
    bool is_error;
    petrel_text result; /* JSON */
    petrel_kind kind;
    petrel_text message; /* one line, for people */
    petrel_text hint;    /* the remedy */
    petrel_text code;    /* a stable dotted code, such as greetings.nobody */
} petrel_answer;

petrel_answer petrel_ok(petrel_text json);
petrel_answer petrel_error(petrel_kind kind, petrel_text message);

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

/* Writes a message to the output of the execution. */
void petrel_log(petrel_level level, petrel_text message);

/* Reports the progress, from 0 to 1. */
void petrel_progress(float fraction);

/* The configuration of the pack: a JSON object. */
petrel_text petrel_config(void);

/* Emits an event of a trigger type of the pack, with a JSON object as its payload. The result is the id of the trigger
 * instance, as JSON, or an error. */
petrel_answer petrel_emit(petrel_text trigger_type, petrel_text payload);

/* The member `name` of a JSON object, as JSON. Empty if there is none, or no object. */
petrel_text petrel_member(petrel_text object, const char *name);

/* Reads a JSON string. False if it is something else. */
bool petrel_string(petrel_text json, petrel_text *string);

/* Reads a JSON number that is whole and fits. False if it is something else, and then `number` stays as it was. */
bool petrel_integer(petrel_text json, int64_t *number);

/* A JSON string, with quotes and escapes. */
petrel_text petrel_quoted(petrel_text text);

#endif
