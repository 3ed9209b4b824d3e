"""Functions for dictionaries and output."""

import os
from collections.abc import Mapping


def prefix_dict_keys(dictionary, prefix="_"):
    """Returns the dictionary with the prefix added to each key."""
    return {"%s%s" % (prefix, key): value for key, value in dictionary.items()}


def compare_path_file_name(file_path_a, file_path_b):
    """Compares the names of two files without their directories: -1, 0 or 1."""
    name_a, name_b = os.path.basename(file_path_a), os.path.basename(file_path_b)
    return (name_a > name_b) - (name_a < name_b)


def sanitize_output(input_str, uses_pty=False):
    """Returns output without its last line end. Line ends of a terminal are converted to plain ones."""
    output = strip_shell_chars(input_str)
    return output.replace("\r\n", "\n") if uses_pty else output


def strip_shell_chars(input_str):
    """Returns the text without its last line end: `\\n`, `\\r` or `\\r\\n`."""
    return rstrip_last_char(rstrip_last_char(input_str, "\n"), "\r")


def rstrip_last_char(input_str, char_to_strip):
    """Returns the text without this suffix, removed once."""
    if input_str and char_to_strip and input_str.endswith(char_to_strip):
        return input_str[: -len(char_to_strip)]
    return input_str


def deep_update(d, u):
    """Merges `u` into `d`, with nested dictionaries, and returns `d`."""
    for key, value in u.items():
        d[key] = deep_update(d.get(key, {}), value) if isinstance(value, Mapping) else value
    return d


def lowercase_value(value):
    """Returns the value in lower case, also items of lists and keys and values of dictionaries, as text."""
    if isinstance(value, str):
        return value.lower()
    if isinstance(value, (list, tuple)):
        return [str(item).lower() for item in value]
    if isinstance(value, dict):
        return {key.lower(): str(item).lower() for key, item in value.items()}
    return value
