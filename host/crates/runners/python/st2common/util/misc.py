"""Dictionaries, and the ends of output."""

import os
from collections.abc import Mapping


def prefix_dict_keys(dictionary, prefix="_"):
    """The dictionary with the prefix before each key."""
    return {"%s%s" % (prefix, key): value for key, value in dictionary.items()}


def compare_path_file_name(file_path_a, file_path_b):
    """-1, 0 or 1: how the names of two files compare, whatever their directories."""
    name_a, name_b = os.path.basename(file_path_a), os.path.basename(file_path_b)
    return (name_a > name_b) - (name_a < name_b)


def sanitize_output(input_str, uses_pty=False):
    """Output without the end of its last line; that of a terminal with plain ends of lines."""
    output = strip_shell_chars(input_str)
    return output.replace("\r\n", "\n") if uses_pty else output


def strip_shell_chars(input_str):
    """The text without one end of line: `\\n`, `\\r` or `\\r\\n`."""
    return rstrip_last_char(rstrip_last_char(input_str, "\n"), "\r")


def rstrip_last_char(input_str, char_to_strip):
    """The text without this ending, once."""
    if input_str and char_to_strip and input_str.endswith(char_to_strip):
        return input_str[: -len(char_to_strip)]
    return input_str


def deep_update(d, u):
    """Takes `u` into `d`, dictionary by dictionary, and returns `d`."""
    for key, value in u.items():
        d[key] = deep_update(d.get(key, {}), value) if isinstance(value, Mapping) else value
    return d


def lowercase_value(value):
    """The value in lower case; of lists the items, of dictionaries keys and values, as text."""
    if isinstance(value, str):
        return value.lower()
    if isinstance(value, (list, tuple)):
        return [str(item).lower() for item in value]
    if isinstance(value, dict):
        return {key.lower(): str(item).lower() for key, item in value.items()}
    return value
