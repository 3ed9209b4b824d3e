"""JSON."""

import json


def json_encode(obj, indent=4):
    """The JSON of a value."""
    return json.dumps(obj, indent=indent)


def json_decode(data):
    """The value of JSON."""
    return json.loads(data)


def try_loads(s):
    """The value of a text that is JSON; any other value unchanged."""
    try:
        return json.loads(s) if s and isinstance(s, str) else s
    except ValueError:
        return s
