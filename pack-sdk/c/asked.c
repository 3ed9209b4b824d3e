/* What the operator grants by name: keys, secrets, and runs of other actions. */
#include "petrel_wire.h"

#include <string.h>

/* The forms of answers, as the canonical ABI lays them out. */

typedef struct {
    uint8_t is_error;
    union {
        struct {
            uint8_t is_some;
            struct {
                petrel_text value, version;
                wire_option_number expires_at_ms;
            } entry;
        } ok;
        wire_error error;
    } value;
} wire_entry;

typedef struct {
    uint8_t is_error;
    union {
        struct {
            const petrel_text *keys;
            size_t count;
            wire_option next;
        } ok;
        wire_error error;
    } value;
} wire_page;

/* A result with a boolean or a handle, or an error. */
typedef struct {
    uint8_t is_error;
    union {
        uint8_t is_true;
        uint32_t handle;
        wire_error error;
    } value;
} wire_small;

typedef struct {
    uint8_t is_error;
    union {
        struct {
            petrel_text execution_id, output;
        } ok;
        wire_error error;
    } value;
} wire_done;

_Static_assert(sizeof(wire_entry) == 80 && sizeof(wire_page) == 80, "the layout of the canonical ABI");
_Static_assert(sizeof(wire_small) == 80 && sizeof(wire_done) == 80, "the layout of the canonical ABI");

IMPORT("petrel:kv/kv@WIT", "get")
void host_kv_get(const char *store, size_t store_length, const char *key, size_t key_length, wire_entry *answer);
IMPORT("petrel:kv/kv@WIT", "set")
void host_kv_set(const char *store, size_t store_length, const char *key, size_t key_length, const char *value,
                 size_t value_length, uint32_t has_ttl, uint64_t ttl_ms, wire_answer *answer);
IMPORT("petrel:kv/kv@WIT", "cas")
void host_kv_cas(const char *store, size_t store_length, const char *key, size_t key_length, uint32_t has_expected,
                 const char *expected, size_t expected_length, const char *value, size_t value_length, uint32_t has_ttl,
                 uint64_t ttl_ms, wire_answer *answer);
IMPORT("petrel:kv/kv@WIT", "delete")
void host_kv_delete(const char *store, size_t store_length, const char *key, size_t key_length, wire_small *answer);
IMPORT("petrel:kv/kv@WIT", "list-keys")
void host_kv_keys(const char *store, size_t store_length, const char *prefix, size_t prefix_length, uint32_t has_cursor,
                  const char *cursor, size_t cursor_length, wire_page *answer);
IMPORT("petrel:secrets/secrets@WIT", "get") void host_secret(const char *name, size_t length, wire_small *answer);
IMPORT("petrel:secrets/secrets@WIT", "[method]secret.placeholder")
void host_placeholder(uint32_t secret, petrel_text *placeholder);
IMPORT("petrel:secrets/reveal@WIT", "reveal") void host_reveal(uint32_t secret, wire_answer *answer);
IMPORT("petrel:actions/call@WIT", "run")
void host_call(const char *action, size_t action_length, const char *parameters, size_t parameters_length,
               wire_done *answer);

/* The answer of a call that gives a text. */
static petrel_answer text_of(const wire_answer *wire) {
    return wire->is_error ? petrel_refused(&wire->value.error) : petrel_ok(petrel_quoted(wire->value.ok));
}

petrel_answer petrel_kv_get(const char *store, petrel_text key, petrel_entry *entry) {
    wire_entry wire;
    memset(entry, 0, sizeof *entry);
    host_kv_get(store, strlen(store), key.at, key.length, &wire);
    if (wire.is_error) return petrel_refused(&wire.value.error);
    if (!wire.value.ok.is_some) return petrel_ok(petrel_of("null"));
    entry->exists = true;
    entry->value = wire.value.ok.entry.value;
    entry->version = wire.value.ok.entry.version;
    if (wire.value.ok.entry.expires_at_ms.is_some) entry->expires_at_ms = wire.value.ok.entry.expires_at_ms.number;
    return petrel_ok(petrel_quoted(entry->value));
}

petrel_answer petrel_kv_set(const char *store, petrel_text key, petrel_text value, uint64_t ttl_ms) {
    wire_answer wire;
    host_kv_set(store, strlen(store), key.at, key.length, value.at, value.length, ttl_ms > 0, ttl_ms, &wire);
    return text_of(&wire);
}

petrel_answer petrel_kv_cas(const char *store, petrel_text key, petrel_text expected, petrel_text value, uint64_t ttl_ms) {
    wire_answer wire;
    host_kv_cas(store, strlen(store), key.at, key.length, expected.length > 0, expected.at, expected.length, value.at,
                value.length, ttl_ms > 0, ttl_ms, &wire);
    return text_of(&wire);
}

petrel_answer petrel_kv_delete(const char *store, petrel_text key) {
    wire_small wire;
    host_kv_delete(store, strlen(store), key.at, key.length, &wire);
    if (wire.is_error) return petrel_refused(&wire.value.error);
    return petrel_ok(petrel_of(wire.value.is_true ? "true" : "false"));
}

petrel_answer petrel_kv_keys(const char *store, petrel_text prefix, petrel_texts *keys) {
    wire_option cursor = {0};
    keys->at = NULL;
    keys->count = 0;
    do {
        wire_page wire;
        host_kv_keys(store, strlen(store), prefix.at, prefix.length, cursor.is_some, cursor.text.at, cursor.text.length,
                     &wire);
        if (wire.is_error) return petrel_refused(&wire.value.error);
        size_t count = keys->count + wire.value.ok.count;
        petrel_text *all = petrel_allocated(count * sizeof *all);
        if (keys->count > 0) memcpy(all, keys->at, keys->count * sizeof *all);
        if (wire.value.ok.count > 0) memcpy(all + keys->count, wire.value.ok.keys, wire.value.ok.count * sizeof *all);
        keys->at = all;
        keys->count = count;
        cursor = wire.value.ok.next;
    } while (cursor.is_some);
    return petrel_ok(petrel_of("null"));
}

petrel_answer petrel_secret_get(const char *name, petrel_secret *secret) {
    wire_small wire;
    host_secret(name, strlen(name), &wire);
    if (wire.is_error) return petrel_refused(&wire.value.error);
    secret->handle = wire.value.handle;
    return petrel_ok(petrel_of("null"));
}

petrel_text petrel_secret_placeholder(petrel_secret secret) {
    petrel_text placeholder;
    host_placeholder(secret.handle, &placeholder);
    return placeholder;
}

petrel_answer petrel_secret_reveal(petrel_secret secret, petrel_text *text) {
    wire_answer wire;
    host_reveal(secret.handle, &wire);
    if (wire.is_error) return petrel_refused(&wire.value.error);
    *text = wire.value.ok;
    return petrel_ok(petrel_of("null"));
}

petrel_answer petrel_call(petrel_text action, petrel_text parameters) {
    wire_done wire;
    host_call(action.at, action.length, parameters.at, parameters.length, &wire);
    return wire.is_error ? petrel_refused(&wire.value.error) : petrel_ok(wire.value.ok.output);
}
