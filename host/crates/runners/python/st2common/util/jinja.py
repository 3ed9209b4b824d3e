"""Jinja as StackStorm configures it, for actions that render templates themselves. Needs the module Jinja2.

Of StackStorm's filters those for versions, `jsonpath_query` and `decrypt_kv` are not offered: Jinja names them.
"""

import datetime
import json
import os
import re

# The text that represents None in the output of a filter.
NONE_MAGIC_VALUE = "%*****__%NONE%__*****%"


def get_jinja_environment(allow_undefined=False, trim_blocks=True, lstrip_blocks=True):
    """Returns a sandboxed environment with StackStorm's filters. Undefined names are errors unless allowed."""
    import jinja2
    import jinja2.sandbox

    environment = jinja2.sandbox.SandboxedEnvironment(
        undefined=jinja2.Undefined if allow_undefined else jinja2.StrictUndefined,
        trim_blocks=trim_blocks,
        lstrip_blocks=lstrip_blocks,
    )
    environment.filters.update(get_filters())
    environment.tests["in"] = lambda item, values: item in values
    return environment


def render_values(mapping=None, context=None, allow_undefined=False):
    """A dictionary with its values rendered. What holds no template keeps its type; what rendered becomes text, or
    of a list or dictionary such a one again. An error has the `key` and the `value` that it is about."""
    if not context or not mapping:
        return mapping
    scope = {"__context": context, **context}
    environment = get_jinja_environment(allow_undefined=allow_undefined)
    rendered = {}
    for key, value in mapping.items():
        is_nested = isinstance(value, (dict, list))
        text = json.dumps(value) if is_nested else str(value)
        try:
            after = environment.from_string(text).render(scope)
        except Exception as error:
            error.key, error.value = key, text
            raise
        if after == text:
            rendered[key] = value
        else:
            rendered[key] = json.loads(after) if is_nested else after
    return rendered


def is_jinja_expression(value):
    """Whether the value is a text that contains the beginning of an expression or a statement."""
    return isinstance(value, str) and ("{{" in value or "{%" in value)


def convert_jinja_to_raw_block(value):
    """Returns the value with its templates, at any depth, in raw blocks."""
    if isinstance(value, dict):
        return {key: convert_jinja_to_raw_block(item) for key, item in value.items()}
    if isinstance(value, list):
        return [convert_jinja_to_raw_block(item) for item in value]
    if isinstance(value, str) and re.search("{{.*}}|{%.*%}", value):
        return "{% raw %}" + value + "{% endraw %}"
    return value


def get_filters():
    """The filters by name."""
    return {
        "from_json_string": lambda value: json.loads(str(value)),
        "from_yaml_string": from_yaml_string,
        "json_escape": lambda value: json.dumps(value).strip('"'),
        "to_complex": json.dumps,
        "to_json_string": to_json_string,
        "to_yaml_string": to_yaml_string,
        "regex_match": regex_match,
        "regex_replace": regex_replace,
        "regex_search": regex_search,
        "regex_substring": regex_substring,
        "to_human_time_from_seconds": to_human_time_from_seconds,
        "use_none": lambda value: NONE_MAGIC_VALUE if value is None else value,
        "basename": os.path.basename,
        "dirname": os.path.dirname,
    }


def from_yaml_string(value):
    import yaml

    return yaml.safe_load(str(value))


def to_json_string(value, indent=None, sort_keys=False, separators=(",", ": ")):
    return json.dumps(value, indent=indent, sort_keys=bool(sort_keys), separators=separators)


def to_yaml_string(value, indent=None, allow_unicode=True):
    import yaml

    return yaml.safe_dump(value, default_flow_style=False, indent=indent, allow_unicode=allow_unicode)


def regex_match(value, pattern, ignorecase=False):
    return bool(re.match(pattern, str(value), _flags(ignorecase)))


def regex_replace(value, pattern, replacement, ignorecase=False):
    return re.sub(pattern, replacement, str(value), flags=_flags(ignorecase))


def regex_search(value, pattern, ignorecase=False):
    return bool(re.search(pattern, str(value), _flags(ignorecase)))


def regex_substring(value, pattern, result_index=0, ignorecase=False):
    return re.findall(pattern, str(value), _flags(ignorecase))[result_index]


def to_human_time_from_seconds(seconds):
    """As `3m5s`, with units from the first that is not zero on; years, days, hours, minutes, seconds."""
    if 0 < seconds < 1:
        return "%s\u03bcs" % seconds
    moment = datetime.datetime(1, 1, 1) + datetime.timedelta(seconds=round(seconds))
    parts = [(moment.year - 1, "y"), (moment.day - 1, "d"), (moment.hour, "h"), (moment.minute, "m")]
    while parts and not parts[0][0]:
        parts.pop(0)
    return "".join("%d%s" % part for part in [*parts, (moment.second, "s")])


def _flags(ignorecase):
    return re.IGNORECASE if ignorecase else 0
