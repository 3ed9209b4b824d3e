/* The way between an action and the host: the canonical ABI of `wit/`, written by hand for `described-action-world`.
 * `petrel pack build` writes the version of the interface's package in place of `WIT` behind an `@`. At the end is what
 * little JSON an action needs. `petrel.h` is what a pack includes.
 */
#include "petrel.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMPORT(interface, name) __attribute__((import_module(interface), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))

/* The forms of values in memory, as the canonical ABI lays them out. */

typedef struct {
    uint8_t is_some;
    petrel_text text;
} wire_option;

typedef struct {
    uint8_t is_some;
    uint64_t number;
} wire_option_number;

typedef struct {
    uint8_t kind;
    union {
        wire_option_number after;
        petrel_text word;
    } payload;
    petrel_text message;
    wire_option hint;
    wire_option code;
    wire_option details;
} wire_error;

typedef struct {
    uint8_t is_error;
    union {
        petrel_text ok;
        wire_error error;
    } value;
} wire_answer;

/* The arguments of an action. They are too many to be passed one by one. */
typedef struct {
    struct {
        petrel_text execution, pack, action, user;
        uint32_t attempt;
        uint64_t deadline_ms;
        wire_option parent;
        petrel_text trace;
    } context;
    petrel_text parameters;
} wire_call;

_Static_assert(sizeof(wire_call) == 80, "the layout of the canonical ABI");
_Static_assert(sizeof(wire_error) == 72 && sizeof(wire_answer) == 80, "the layout of the canonical ABI");

IMPORT("petrel:log/log@WIT", "write")
void host_write(uint32_t level, const char *at, size_t length, uint32_t is_some, const char *fields, size_t fields_length);
IMPORT("petrel:log/log@WIT", "progress")
void host_progress(float fraction, uint32_t is_some, const char *note, size_t note_length);
IMPORT("petrel:config/config@WIT", "all") void host_config(petrel_text *config);
IMPORT("petrel:trigger/emit@WIT", "emit")
void host_emit(const char *trigger, size_t trigger_length, const char *payload, size_t payload_length,
               uint32_t has_parameters, const char *parameters, size_t parameters_length, uint32_t has_key,
               const char *key, size_t key_length, uint32_t has_time, uint64_t time, uint32_t has_tag, const char *tag,
               size_t tag_length, wire_answer *answer);

static void *allocated(size_t size) {
    void *at = malloc(size ? size : 1);
    if (!at) {
        fputs("there is no memory left\n", stderr);
        abort();
    }
    return at;
}

/* Room for what the host passes on. */
EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
    (void)old_size;
    if (size == 0) return (void *)align;
    void *at = realloc(old, size);
    if (!at) abort();
    return at;
}

static wire_option some(petrel_text text) {
    wire_option option = {text.length > 0, text};
    return option;
}

EXPORT("petrel:pack/action@WIT#run")
wire_answer *petrel_export_run(const wire_call *call) {
    static wire_answer wire;
    petrel_context context = {call->context.execution, call->context.pack, call->context.action, call->context.user,
                              call->context.attempt, call->context.deadline_ms, {"", 0}, call->context.trace};
    if (call->context.parent.is_some) context.parent_id = call->context.parent.text;
    petrel_text given = call->parameters;
    petrel_answer answer = {0};
    const petrel_action *known = petrel_actions;
    while (known->name && !petrel_same(context.action, known->name)) known++;
    if (known->name) {
        answer = known->run(&context, given);
    } else {
        petrel_text message = petrel_format("the component has no action %.*s", PETREL_TEXT(context.action));
        answer = petrel_error(PETREL_NOT_FOUND, message);
    }
    memset(&wire, 0, sizeof wire);
    wire.is_error = answer.is_error;
    if (!answer.is_error) {
        wire.value.ok = answer.result;
        return &wire;
    }
    wire.value.error.kind = (uint8_t)answer.kind;
    wire.value.error.message = answer.message;
    wire.value.error.hint = some(answer.hint);
    wire.value.error.code = some(answer.code);
    return &wire;
}

EXPORT("petrel:pack/description@WIT#describe") petrel_text *petrel_export_describe(void) {
    static petrel_text description;
    description = petrel_of("{\"actions\": [");
    for (const petrel_action *action = petrel_actions; action->name; action++) {
        /* The name goes in front of the first field of the metadata. */
        const char *fields = strchr(action->metadata, '{');
        fields = fields ? fields + 1 : "}";
        const char *comma = fields[strspn(fields, " \t\r\n")] == '}' ? "" : ", ";
        description = petrel_format("%.*s%s{\"name\": %.*s%s%s", PETREL_TEXT(description),
                                    action == petrel_actions ? "" : ", ",
                                    PETREL_TEXT(petrel_quoted(petrel_of(action->name))), comma, fields);
    }
    description = petrel_format("%.*s]}", PETREL_TEXT(description));
    return &description;
}

petrel_answer petrel_ok(petrel_text json) {
    petrel_answer answer = {0};
    answer.result = json;
    return answer;
}

petrel_answer petrel_error(petrel_kind kind, petrel_text message) {
    petrel_answer answer = {0};
    answer.is_error = true;
    answer.kind = kind;
    answer.message = message;
    return answer;
}

void petrel_log(petrel_level level, petrel_text message) {
    host_write(level, message.at, message.length, 0, NULL, 0);
}

void petrel_progress(float fraction) { host_progress(fraction, 0, NULL, 0); }

petrel_text petrel_config(void) {
    petrel_text config;
    host_config(&config);
    return config;
}

petrel_answer petrel_emit(petrel_text trigger_type, petrel_text payload) {
    wire_answer wire;
    host_emit(trigger_type.at, trigger_type.length, payload.at, payload.length, 0, NULL, 0, 0, NULL, 0, 0, 0, 0, NULL, 0,
              &wire);
    if (!wire.is_error) return petrel_ok(petrel_quoted(wire.value.ok));
    /* A kind of which this version does not know is one that does not pass by itself. */
    uint8_t kind = wire.value.error.kind;
    petrel_answer answer = petrel_error(kind <= PETREL_PERMANENT ? (petrel_kind)kind : PETREL_PERMANENT,
                                        wire.value.error.message);
    if (wire.value.error.hint.is_some) answer.hint = wire.value.error.hint.text;
    if (wire.value.error.code.is_some) answer.code = wire.value.error.code.text;
    return answer;
}

petrel_text petrel_of(const char *text) {
    petrel_text made = {text, strlen(text)};
    return made;
}

bool petrel_same(petrel_text text, const char *other) {
    return text.length == strlen(other) && memcmp(text.at, other, text.length) == 0;
}

petrel_text petrel_format(const char *format, ...) {
    va_list first, second;
    va_start(first, format);
    va_copy(second, first);
    int length = vsnprintf(NULL, 0, format, first);
    va_end(first);
    size_t size = length < 0 ? 0 : (size_t)length;
    char *at = allocated(size + 1);
    vsnprintf(at, size + 1, format, second);
    va_end(second);
    petrel_text made = {at, size};
    return made;
}

/* JSON. The host has written what is read here, so it is valid: nothing is checked but the ends. */

static const char *past_space(const char *at, const char *end) {
    while (at < end && strchr(" \t\r\n", *at)) at++;
    return at;
}

/* The place after the string that begins at `at`. */
static const char *past_string(const char *at, const char *end) {
    for (at++; at < end && *at != '"'; at++) {
        if (*at == '\\') at++;
    }
    return at < end ? at + 1 : end;
}

/* The place after the value that begins at `at`. */
static const char *past_value(const char *at, const char *end) {
    size_t depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = past_string(at, end);
        } else if (*at == '{' || *at == '[') {
            depth++;
            at++;
        } else if (*at == '}' || *at == ']') {
            if (depth == 0) return at;
            depth--;
            at++;
        } else if (depth == 0 && (*at == ',' || strchr(" \t\r\n", *at))) {
            return at;
        } else {
            at++;
            continue;
        }
        if (depth == 0) return at;
    }
    return end;
}

petrel_text petrel_member(petrel_text object, const char *name) {
    petrel_text none = {"", 0};
    const char *end = object.at + object.length, *at = past_space(object.at, end);
    if (at == end || *at != '{') return none;
    at = past_space(at + 1, end);
    while (at < end && *at == '"') {
        petrel_text key = {at, (size_t)(past_string(at, end) - at)};
        at = past_space(key.at + key.length, end);
        at = past_space(at < end ? at + 1 : end, end);
        petrel_text value = {at, (size_t)(past_value(at, end) - at)};
        petrel_text read;
        if (petrel_string(key, &read) && petrel_same(read, name)) return value;
        at = past_space(value.at + value.length, end);
        if (at < end && *at == ',') at = past_space(at + 1, end);
    }
    return none;
}

static unsigned digits(const char *at) {
    unsigned number = 0;
    for (int index = 0; index < 4; index++) {
        char digit = at[index];
        number = number * 16 + (unsigned)(digit <= '9' ? digit - '0' : (digit | 32) - 'a' + 10);
    }
    return number;
}

static char *put(char *to, unsigned character) {
    if (character < 0x80) {
        *to++ = (char)character;
        return to;
    }
    if (character < 0x800) {
        *to++ = (char)(0xc0 | character >> 6);
    } else if (character < 0x10000) {
        *to++ = (char)(0xe0 | character >> 12);
        *to++ = (char)(0x80 | (character >> 6 & 0x3f));
    } else {
        *to++ = (char)(0xf0 | character >> 18);
        *to++ = (char)(0x80 | (character >> 12 & 0x3f));
        *to++ = (char)(0x80 | (character >> 6 & 0x3f));
    }
    *to++ = (char)(0x80 | (character & 0x3f));
    return to;
}

bool petrel_string(petrel_text json, petrel_text *string) {
    if (json.length < 2 || json.at[0] != '"' || json.at[json.length - 1] != '"') return false;
    static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    /* What is read is never longer than what is written. */
    char *made = allocated(json.length), *to = made;
    const char *at = json.at + 1, *end = json.at + json.length - 1;
    while (at < end) {
        if (*at != '\\') {
            *to++ = *at++;
        } else if (end - at >= 6 && at[1] == 'u') {
            unsigned character = digits(at + 2);
            at += 6;
            if (character >= 0xd800 && character < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
                character = 0x10000 + ((character - 0xd800) << 10) + (digits(at + 2) - 0xdc00);
                at += 6;
            }
            to = put(to, character);
        } else {
            const char *known = end - at >= 2 ? strchr(escapes, at[1]) : NULL;
            if (known) *to++ = meanings[known - escapes];
            at += 2;
        }
    }
    string->at = made;
    string->length = (size_t)(to - made);
    return true;
}

bool petrel_integer(petrel_text json, int64_t *number) {
    char text[24], *end;
    if (json.length == 0 || json.length >= sizeof text || !strchr("-0123456789", json.at[0])) return false;
    memcpy(text, json.at, json.length);
    text[json.length] = 0;
    errno = 0;
    long long read = strtoll(text, &end, 10);
    if (*end != 0 || errno != 0) return false;
    *number = read;
    return true;
}

petrel_text petrel_quoted(petrel_text text) {
    char *made = allocated(text.length * 6 + 2), *to = made;
    *to++ = '"';
    for (size_t index = 0; index < text.length; index++) {
        unsigned char byte = (unsigned char)text.at[index];
        if (byte == '"' || byte == '\\') {
            *to++ = '\\';
            *to++ = (char)byte;
        } else if (byte < 0x20) {
            to += sprintf(to, "\\u%04x", byte);
        } else {
            *to++ = (char)byte;
        }
    }
    *to++ = '"';
    petrel_text quoted = {made, (size_t)(to - made)};
    return quoted;
}
