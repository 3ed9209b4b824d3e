"""Runs one Python action of a pack, for the host's runner `python-script`.

The host writes one request to standard input, a socket, and reads the answer from the same one. So nothing is on
the command line but this file's path, standard output stays the action's own, and no second pipe has to be handed
over. The answer is two lines: the status (true, false or null), and the result as JSON. There is none when the
action raises, or ends the process by itself.

What an action imports (`st2common`) is beside this file. Python 3.8 and its standard library are enough.
"""

import json
import os
import re
import sys
from importlib import util

# The exit code of an action that returned a status other than true and false, as in StackStorm.
INVALID_STATUS = 220
# Finds digits that may be an integer beyond 64 bits, which the host cannot represent exactly.
MANY_DIGITS = re.compile("[0-9]{19}")
# StackStorm's own packages. They cannot be installed for an action; those provided are beside this file.
ST2_MODULES = {"st2common", "st2reactor", "st2actions", "st2api", "st2auth", "st2stream", "st2tests", "st2client"}


class Unsuitable(Exception):
    """A value that JSON cannot represent, and its place in the result."""


class Channel:
    """Returns the socket to the host. The action and its children get an empty standard input instead."""

    def __init__(self, number=None):
        self.number = os.dup(0) if number is None else number
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        # A child that the action has forked may reach the end of run() as well: only the first answer counts.
        os.register_at_fork(after_in_child=self.let_go)

    def let_go(self):
        if self.number is not None:
            os.close(self.number)
            self.number = None

    def receive(self):
        parts = []
        while True:
            part = os.read(self.number, 1 << 20)
            if not part:
                return b"".join(parts)
            parts.append(part)

    def answer(self, status, result):
        if self.number is None:
            return
        text = json.dumps(status) + "\n" + encode(result) + "\n"
        rest = memoryview(text.encode("utf-8", "replace"))
        while rest:
            rest = rest[os.write(self.number, rest) :]
        self.let_go()


def main():
    channel = Channel()
    request = json.loads(channel.receive().decode("utf-8"))
    sys.argv = [request["file"]]
    carry_out(channel, request)


def carry_out(channel, request, kind=None):
    """Runs the action of a request, whose class `petrel_warm.py` has loaded before, and answers."""
    try:
        action = construct(request, kind)
        status, result = judge(action.run(**request["parameters"]))
    except Exception as error:
        # Imported here, since every run waits for the imports at the top.
        import traceback

        # Without the first frame, which is this file's.
        trace = error.__traceback__.tb_next if error.__traceback__ else None
        traceback.print_exception(type(error), error, trace)
        sys.stderr.write(remedy(error, request["pack"]))
        sys.exit(1)
    channel.answer(status, result)


def remedy(error, pack):
    """Returns advice on a failed import. Empty for other errors."""
    if not isinstance(error, ImportError) or not error.name:
        return ""
    if error.name.split(".")[0] in ST2_MODULES:
        return (
            "Petrel does not offer to actions what is imported here from %s: of StackStorm's own modules it has "
            "a part only. Change the action so that it does without, or have it call the API.\n" % error.name
        )
    if isinstance(error, ModuleNotFoundError):
        return (
            "The module %s is not installed for %s; install what the requirements.txt of the pack %s lists, and what "
            "packs find in StackStorm's own environment without listing it (six, requests, PyYAML, Jinja2, eventlet).\n"
            % (error.name, sys.executable, pack)
        )
    return ""


def construct(request, kind):
    """Creates the action of the file with the configuration of its pack."""
    import st2common

    st2common.own_pack = (request["pack"], request["pack_path"])
    kind = kind or load(request["file"])
    from st2common.runners.utils import ActionService, PackConfigDict

    # Set here, since an action need not pass the service on to its base class.
    config = PackConfigDict(request["pack"], request["config"])
    service = ActionService(request["pack"], kind.__name__, request["user"], request["log_level"])
    try:
        return kind(config=config, action_service=service)
    except TypeError as error:
        # Older actions only accept the configuration.
        if "unexpected keyword argument 'action_service'" not in str(error):
            raise
    action = kind(config=config)
    action.action_service = service
    return action


def load(file):
    """Returns the action class of the file. Of several, the first by name, as in StackStorm."""
    from st2common.runners.base_action import Action

    folder = os.path.dirname(os.path.realpath(file))
    if folder not in sys.path:
        sys.path.append(folder)
    # A name of its own, since an action file may have the name of a module that it imports.
    name = "petrel_action_of_" + os.path.splitext(os.path.basename(file))[0]
    spec = util.spec_from_file_location(name, file)
    if spec is None:
        raise ImportError("%s is no Python file; give its name the ending .py" % file)
    module = util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    members = [value for _, value in sorted(vars(module).items(), key=lambda member: member[0])]
    own = [kind for kind in members if isinstance(kind, type) and kind.__module__ == name]
    able = [kind for kind in own if callable(getattr(kind, "run", None)) and not is_abstract(kind)]
    actions = [kind for kind in able if issubclass(kind, Action)] or able
    if not actions:
        raise ImportError(
            "%s has no class derived from st2common.runners.base_action.Action with a method run; add one" % file
        )
    return actions[0]


def is_abstract(kind):
    return bool(getattr(kind, "__abstractmethods__", None))


def judge(output):
    """Splits a return value into status and result. Anything but a pair is a result without a status."""
    if not isinstance(output, tuple) or len(output) != 2:
        return None, output
    status, result = output
    if status is not None and not isinstance(status, bool):
        sys.stderr.write(
            "run() returned a pair whose first part is %s, and neither True nor False. To return a pair of values, "
            "return a list, or (True, (first, second)).\n" % type(status).__name__
        )
        sys.exit(INVALID_STATUS)
    return status, result


def encode(result):
    """Returns the result as JSON. As in StackStorm, one that JSON cannot represent becomes text, with a remark."""
    try:
        text = json.dumps(result, ensure_ascii=False, allow_nan=False, default=natural)
        if not MANY_DIGITS.search(text):
            return text
    except (TypeError, ValueError, RecursionError):
        # Examined more closely below.
        pass
    try:
        return json.dumps(plain(result, "result"), ensure_ascii=False, allow_nan=False)
    except (Unsuitable, RecursionError) as error:
        reason = str(error) if isinstance(error, Unsuitable) else "it is nested too deep, or in itself"
        sys.stderr.write(
            "the result cannot be written as JSON: %s. It is kept as its text, str(result); return text, numbers, "
            "lists and dictionaries instead.\n" % reason
        )
        return json.dumps(str(result), ensure_ascii=False)


def plain(value, place):
    """Converts a value to the types of JSON. Floats that JSON does not have (NaN) become null."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        if -(1 << 63) <= value < (1 << 64):
            return value
        raise Unsuitable("%s is an int beyond 64 bits" % place)
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, (list, tuple)):
        return [plain(item, "%s[%d]" % (place, index)) for index, item in enumerate(value)]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, (str, int, float, type(None))):
                raise Unsuitable("%s has a key of type %s" % (place, type(key).__name__))
        return {key: plain(item, "%s[%r]" % (place, key)) for key, item in value.items()}
    try:
        return plain(natural(value), place)
    except TypeError:
        raise Unsuitable("%s is of type %s" % (place, type(value).__name__)) from None


def natural(value):
    """Returns the usual JSON form of times, UUIDs, enumerations and data classes."""
    kind = type(value)
    if kind.__module__ == "datetime" and hasattr(value, "isoformat"):
        return value.isoformat()
    if kind.__module__ == "uuid" and kind.__name__ == "UUID":
        return str(value)
    enum = sys.modules.get("enum")
    if enum and isinstance(value, enum.Enum):
        return value.value
    if hasattr(kind, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in kind.__dataclass_fields__}
    raise TypeError(kind.__name__)


if __name__ == "__main__":
    if sys.version_info < (3, 8):
        sys.exit("Python actions need Python 3.8 or newer, and this is %s" % sys.version.split()[0])
    main()
