/* The way between an action and the host: what the host calls, and what nearly every action asks for. `asked.c` and `http.c`
 * beside it have the rest. It is the canonical ABI of `wit/`, written by hand; `petrel pack build` writes the version of the
 * interface's package in place of `WIT` behind an `@`. A function that no action calls is no import of the component.
 */
#include "petrel_wire.h"

#include <stdlib.h>
#include <string.h>

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

/* Room for what the host passes on. */
EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
    (void)old_size;
    if (size == 0) return (void *)align;
    void *at = realloc(old, size);
    if (!at) abort();
    return at;
}

/* The error of an action, as the host reads it. */
static wire_error wire_of(const petrel_answer *answer) {
    wire_error error = {0};
    error.kind = (uint8_t)answer->kind;
    if (answer->kind == PETREL_OTHER) error.payload.word = answer->word;
    if (answer->kind == PETREL_TRANSIENT || answer->kind == PETREL_RATE_LIMITED) {
        error.payload.after.is_some = answer->retry_after_ms > 0;
        error.payload.after.number = answer->retry_after_ms;
    }
    error.message = answer->message;
    error.hint = petrel_some(answer->hint);
    error.code = petrel_some(answer->code);
    error.details = petrel_some(answer->details);
    return error;
}

EXPORT("petrel:pack/action@WIT#run")
wire_answer *petrel_export_run(const wire_call *call) {
    static wire_answer wire;
    petrel_context context = {call->context.execution,   call->context.pack,
                              call->context.action,      call->context.user,
                              call->context.attempt,     call->context.deadline_ms,
                              petrel_optional(call->context.parent), call->context.trace};
    petrel_answer answer = {0};
    const petrel_action *known = petrel_actions;
    while (known->name && !petrel_same(context.action, known->name)) known++;
    if (known->name) {
        answer = known->run(&context, call->parameters);
    } else {
        petrel_text message = petrel_format("the component has no action %.*s", PETREL_TEXT(context.action));
        answer = petrel_error(PETREL_NOT_FOUND, message);
    }
    memset(&wire, 0, sizeof wire);
    wire.is_error = answer.is_error;
    if (answer.is_error) {
        wire.value.error = wire_of(&answer);
    } else {
        wire.value.ok = answer.result;
    }
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

petrel_answer petrel_refused(const wire_error *error) {
    /* A kind of which this version does not know is one that does not pass by itself. */
    petrel_kind kind = error->kind <= PETREL_OTHER ? (petrel_kind)error->kind : PETREL_PERMANENT;
    petrel_answer answer = petrel_error(kind, error->message);
    if (kind == PETREL_OTHER) answer.word = error->payload.word;
    if ((kind == PETREL_TRANSIENT || kind == PETREL_RATE_LIMITED) && error->payload.after.is_some) {
        answer.retry_after_ms = error->payload.after.number;
    }
    answer.hint = petrel_optional(error->hint);
    answer.code = petrel_optional(error->code);
    answer.details = petrel_optional(error->details);
    return answer;
}

void petrel_log(petrel_level level, petrel_text message) {
    host_write(level, message.at, message.length, 0, NULL, 0);
}

void petrel_log_with(petrel_level level, petrel_text message, petrel_text fields) {
    host_write(level, message.at, message.length, 1, fields.at, fields.length);
}

void petrel_progress(float fraction) { host_progress(fraction, 0, NULL, 0); }

petrel_text petrel_config(void) {
    petrel_text config;
    host_config(&config);
    return config;
}

petrel_answer petrel_emit_event(const petrel_event *event) {
    wire_answer wire;
    host_emit(event->trigger.at, event->trigger.length, event->payload.at, event->payload.length,
              event->parameters.length > 0, event->parameters.at, event->parameters.length, event->dedup_key.length > 0,
              event->dedup_key.at, event->dedup_key.length, event->occurred_at_ms > 0, event->occurred_at_ms,
              event->trace_tag.length > 0, event->trace_tag.at, event->trace_tag.length, &wire);
    return wire.is_error ? petrel_refused(&wire.value.error) : petrel_ok(petrel_quoted(wire.value.ok));
}

petrel_answer petrel_emit(petrel_text trigger_type, petrel_text payload) {
    petrel_event event = {0};
    event.trigger = trigger_type;
    event.payload = payload;
    return petrel_emit_event(&event);
}
