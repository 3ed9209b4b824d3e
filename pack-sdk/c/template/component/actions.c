/* The actions of the pack. */
#include <petrel.h>

/* Greets somebody. */
static petrel_answer greet(const petrel_context *context, petrel_text parameters) {
    petrel_text name;
    int64_t times = 1;
    (void)context;
    if (!petrel_string(petrel_member(parameters, "name"), &name) || name.length == 0) {
        petrel_answer answer = petrel_error(PETREL_INVALID_INPUT, petrel_of("there is nobody to greet"));
        answer.code = petrel_of("greetings.nobody");
        answer.hint = petrel_of("give a name");
        return answer;
    }
    petrel_integer(petrel_member(parameters, "times"), &times);
    petrel_log(PETREL_INFO, petrel_format("greeting %.*s", PETREL_TEXT(name)));
    petrel_text text = petrel_format("Hello, %.*s!", PETREL_TEXT(name)), all = text;
    while (--times > 0) all = petrel_format("%.*s %.*s", PETREL_TEXT(all), PETREL_TEXT(text));
    return petrel_ok(petrel_format("{\"text\": %.*s}", PETREL_TEXT(petrel_quoted(all))));
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
    {0},
};
