"""What PyYAML reads, for the test beside this file.

Takes a JSON list of texts, and answers with a line of JSON for each: what its reader in Python and the one in C make
of it. That is {"value": ...}, {"refused": why, "at": where}, or {"unlike": why} for what has no JSON form or is left out on purpose.
Dates stay text, as they do in Petrel, and so do `=` and `<<` where they are values.
"""

import json
import math
import sys

import yaml

LEFT_AS_TEXT = {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value"}


class Unlike(Exception):
    """No JSON form."""


def reader(base):
    kept = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in LEFT_AS_TEXT]
        for first, resolvers in base.yaml_implicit_resolvers.items()
    }
    read = type("Reader", (base,), {"yaml_implicit_resolvers": kept})
    read.add_constructor("tag:yaml.org,2002:merge", base.construct_yaml_str)
    return read


READERS = [reader(base) for base in (yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader))]


def text_of(key):
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, (bool, int, float)):
        return json.dumps(plain(key))
    raise Unlike("a key that is no single value")


def plain(value, depth=1):
    if depth > 64:
        raise Unlike("nested too deep")
    if isinstance(value, float) and not math.isfinite(value):
        raise Unlike("not finite")
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**64:
        raise Unlike("beyond 64 bits")
    if isinstance(value, str):
        # Two halves make a character, as in JSON.
        try:
            return value.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise Unlike("half a character")
    if isinstance(value, list):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, dict):
        pairs = [(plain(text_of(key)), plain(item, depth + 1)) for key, item in value.items()]
        if len(dict(pairs)) != len(pairs):
            raise Unlike("keys of the same text")
        return dict(pairs)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raise Unlike(type(value).__name__)


def answer(text, reader):
    try:
        return {"value": plain(yaml.load(text, Loader=reader))}
    except (Unlike, RecursionError) as unlike:
        return {"unlike": str(unlike)}
    except Exception as error:
        mark = getattr(error, "problem_mark", None)
        return {"refused": str(error), "at": mark and [mark.line, mark.column]}


for text in json.load(sys.stdin):
    sys.stdout.write(json.dumps([answer(text, reader) for reader in READERS]) + "\n")
