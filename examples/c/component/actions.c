/* The actions of the pack. */
#include <petrel.h>

/* Greets somebody. */
static petrel_answer greet(const petrel_context *context, petrel_text parameters) {
    petrel_text name;
    int64_t times = 1;
    (void)context;
    if (!petrel_string(petrel_member(parameters, "name"), &name) || name.length == 0) {
        petrel_answer answer = petrel_error(PETREL_INVALID_INPUT, petrel_of("there is nobody to greet"));
        answer.code = petrel_of("hello_c.nobody");
        answer.hint = petrel_of("give a name");
        return answer;
    }
    petrel_integer(petrel_member(parameters, "times"), &times);
    petrel_log(PETREL_INFO, petrel_format("greeting %.*s", PETREL_TEXT(name)));
    petrel_text text = petrel_format("Hello, %.*s!", PETREL_TEXT(name)), all = text;
    while (--times > 0) all = petrel_format("%.*s %.*s", PETREL_TEXT(all), PETREL_TEXT(text));
    return petrel_ok(petrel_format("{\"text\": %.*s}", PETREL_TEXT(petrel_quoted(all))));
}

/* Adds to a number that is kept in a key of the pack. */
static petrel_answer count(const petrel_context *context, petrel_text parameters) {
    petrel_text key;
    int64_t by = 1;
    (void)context;
    if (!petrel_string(petrel_member(parameters, "key"), &key)) {
        return petrel_error(PETREL_INVALID_INPUT, petrel_of("the parameter key is no text"));
    }
    petrel_integer(petrel_member(parameters, "by"), &by);
    for (;;) {
        petrel_entry entry;
        int64_t number = 0;
        PETREL_TRY(petrel_kv_get("pack", key, &entry));
        if (entry.exists && !petrel_integer(entry.value, &number)) {
            return petrel_error(PETREL_CONFLICT, petrel_format("the key %.*s has no number", PETREL_TEXT(key)));
        }
        if (__builtin_add_overflow(number, by, &number)) {
            return petrel_error(PETREL_INVALID_INPUT, petrel_of("the sum is too large"));
        }
        petrel_text value = petrel_format("%lld", (long long)number);
        petrel_answer set = petrel_kv_cas("pack", key, entry.version, value, 0);
        if (!set.is_error) return petrel_ok(petrel_format("{\"count\": %.*s}", PETREL_TEXT(value)));
        /* Another run was faster, so that there is another number to add to. */
        if (set.kind != PETREL_CONFLICT) return set;
    }
}

/* Says a text in an event. */
static petrel_answer announce(const petrel_context *context, petrel_text parameters) {
    petrel_text text = petrel_member(parameters, "text");
    (void)context;
    PETREL_TRY(petrel_emit(petrel_of("announced"), petrel_format("{\"text\": %.*s}", PETREL_TEXT(text))));
    return petrel_ok(petrel_format("{\"announced\": %.*s}", PETREL_TEXT(text)));
}

/* Reads an address. */
static petrel_answer fetch(const petrel_context *context, petrel_text parameters) {
    petrel_request request = {0};
    petrel_response response;
    (void)context;
    if (!petrel_string(petrel_member(parameters, "url"), &request.url)) {
        return petrel_error(PETREL_INVALID_INPUT, petrel_of("the parameter url is no text"));
    }
    PETREL_TRY(petrel_fetch(&request, &response));
    if (!petrel_is_utf8(response.body)) {
        petrel_answer answer = petrel_error(PETREL_PERMANENT, petrel_of("the body of the answer is not UTF-8"));
        answer.code = petrel_of("http.text");
        return answer;
    }
    petrel_text body = petrel_quoted(response.body);
    return petrel_ok(petrel_format("{\"status\": %d, \"body\": %.*s}", response.status, PETREL_TEXT(body)));
}

/* Never ends by itself: the host ends it. */
static petrel_answer spin(const petrel_context *context, petrel_text parameters) {
    volatile bool goes_on = true;
    (void)context, (void)parameters;
    while (goes_on) continue;
    return petrel_ok(petrel_of("{}"));
}

const petrel_action petrel_actions[] = {
    {"greet",
     "{\"description\": \"Greets somebody.\","
     " \"idempotent\": true,"
     " \"parameters\": {"
     "   \"name\": {\"type\": \"string\", \"description\": \"Whom to greet.\", \"required\": true},"
     "   \"times\": {\"type\": \"integer\", \"description\": \"How often.\", \"default\": 1, \"minimum\": 1, \"maximum\": 10}},"
     " \"output_schema\": {\"type\": \"object\", \"properties\": {"
     "   \"text\": {\"type\": \"string\", \"description\": \"What is said.\", \"required\": true}}}}",
     greet},
    {"count",
     "{\"description\": \"Adds to a number that is kept in a key of the pack.\","
     " \"parameters\": {"
     "   \"key\": {\"type\": \"string\", \"description\": \"The key.\", \"required\": true},"
     "   \"by\": {\"type\": \"integer\", \"description\": \"How much is added.\", \"default\": 1}},"
     " \"output_schema\": {\"type\": \"object\", \"properties\": {"
     "   \"count\": {\"type\": \"integer\", \"description\": \"The sum.\", \"required\": true}}}}",
     count},
    {"announce",
     "{\"description\": \"Says a text in an event.\","
     " \"parameters\": {"
     "   \"text\": {\"type\": \"string\", \"description\": \"The text.\", \"required\": true}},"
     " \"output_schema\": {\"type\": \"object\", \"properties\": {"
     "   \"announced\": {\"type\": \"string\", \"description\": \"The text.\", \"required\": true}}}}",
     announce},
    {"fetch",
     "{\"description\": \"Reads an address.\","
     " \"parameters\": {"
     "   \"url\": {\"type\": \"string\", \"description\": \"The address.\", \"required\": true}},"
     " \"output_schema\": {\"type\": \"object\", \"properties\": {"
     "   \"status\": {\"type\": \"integer\", \"description\": \"The status of the answer.\", \"required\": true},"
     "   \"body\": {\"type\": \"string\", \"description\": \"Its body.\", \"required\": true}}}}",
     fetch},
    {"spin", "{\"description\": \"Never ends by itself: the host ends it.\", \"parameters\": {}}", spin},
    {0},
};
