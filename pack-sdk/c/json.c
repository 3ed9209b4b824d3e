/* Texts, and what little JSON an action needs. Whatever is made here is gone with the instance. */
#include "petrel_wire.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *petrel_grown(void *old, size_t size) {
    void *at = realloc(old, size);
    if (!at) {
        fputs("there is no memory left\n", stderr);
        abort();
    }
    return at;
}

void *petrel_allocated(size_t size) { return petrel_grown(NULL, size ? size : 1); }

void petrel_released(petrel_text given) {
    if (given.length > 0) free((void *)given.at);
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
    char *at = petrel_allocated(size + 1);
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
    char *made = petrel_allocated(json.length), *to = made;
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
    char *made = petrel_allocated(text.length * 6 + 2), *to = made;
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

bool petrel_is_utf8(petrel_text text) {
    const unsigned char *at = (const unsigned char *)text.at, *end = at + text.length;
    while (at < end) {
        unsigned first = *at++, follow = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || (size_t)(end - at) < follow) return false;
        /* Neither a longer form of what is shorter, nor half of a pair, nor what is behind the last character. */
        if ((first == 0xe0 && *at < 0xa0) || (first == 0xed && *at >= 0xa0)) return false;
        if ((first == 0xf0 && *at < 0x90) || (first == 0xf4 && *at >= 0x90)) return false;
        for (; follow > 0; follow--) {
            if ((*at++ & 0xc0) != 0x80) return false;
        }
    }
    return true;
}
