/* What the files of the library share, and no pack includes: the forms of values in memory, as the canonical ABI lays them
 * out, and answers made of them.
 */
#ifndef PETREL_WIRE_H
#define PETREL_WIRE_H

#include "petrel.h"

#define IMPORT(interface, name) __attribute__((import_module(interface), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))

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

/* A result with a text, or an error. */
typedef struct {
    uint8_t is_error;
    union {
        petrel_text ok;
        wire_error error;
    } value;
} wire_answer;

_Static_assert(sizeof(wire_error) == 72 && sizeof(wire_answer) == 80, "the layout of the canonical ABI");

/* The text of an option. Empty if there is none. */
static inline petrel_text petrel_optional(wire_option option) {
    petrel_text none = {"", 0};
    return option.is_some ? option.text : none;
}

/* The option of a text: none if it is empty. */
static inline wire_option petrel_some(petrel_text text) {
    wire_option option = {text.length > 0, text};
    return option;
}

/* The answer of an error that the host gave. */
petrel_answer petrel_refused(const wire_error *error);

/* Memory, or the end of the call. */
void *petrel_allocated(size_t size);
void *petrel_grown(void *old, size_t size);

/* Gives back what the host has written, and is not needed any more. */
void petrel_released(petrel_text given);

#endif
