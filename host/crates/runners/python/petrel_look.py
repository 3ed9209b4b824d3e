"""Looks at the files of Python actions without running them, for who registers or checks their pack.

The host writes one request to standard input: for each action its file and the names of the parameters that it gets. The
answer on standard output has an object for each of them: `broken` with `line` and `column` where the file does not
compile, or `unknown` and `needed` where `run` does not fit the parameters. Nothing of a file is executed.
"""

import ast
import json
import resource
import sys
import warnings

# The largest file that is looked at, in bytes.
LARGEST = 1 << 20
# What all of it may take: bytes of memory, and seconds of a processor.
MEMORY = 1 << 30
SECONDS = 30


def main():
    for what, limit in [(resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS)]:
        most = resource.getrlimit(what)[1]
        resource.setrlimit(what, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))
    warnings.simplefilter("ignore")
    request = json.loads(sys.stdin.buffer.read().decode("utf-8"))
    # Many actions may share one file.
    files = {one["file"]: parsed(one["file"]) for one in request}
    json.dump([look(files[one["file"]], set(one["parameters"])) for one in request], sys.stdout)


def parsed(file):
    """Returns the tree of a file, the problem that keeps it from being compiled, or None if nothing can be said."""
    try:
        with open(file, "rb") as opened:
            source = opened.read(LARGEST + 1)
    except OSError:
        return None
    if len(source) > LARGEST:
        return None
    try:
        tree = compile(source, file, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        # Some errors, such as a return outside of a function, are only found here.
        compile(tree, file, "exec", dont_inherit=True)
        return tree
    except SyntaxError as error:
        return {"broken": str(error.msg), "line": error.lineno, "column": error.offset}
    except (ValueError, RecursionError, MemoryError) as error:
        return {"broken": str(error) or type(error).__name__}


def look(file, given):
    if file is None or isinstance(file, dict):
        return file or {}
    run = method(file)
    if run is None:
        return {}
    taken = run.args
    names = [argument.arg for argument in getattr(taken, "posonlyargs", []) + taken.args]
    optional = len(names) - len(taken.defaults)
    # The first is the action itself.
    needed = names[1:optional]
    pairs = zip(taken.kwonlyargs, taken.kw_defaults)
    needed += [argument.arg for argument, default in pairs if default is None]
    names = names[1:] + [argument.arg for argument in taken.kwonlyargs]
    return {
        "line": run.lineno,
        "unknown": [] if taken.kwarg else sorted(given.difference(names)),
        "needed": [name for name in needed if name not in given],
    }


def method(tree):
    """Returns the method `run` of the action class, or None if it is not clear which it is, or what is made of it."""
    kinds = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    if sum(isinstance(node, ast.ClassDef) for node in ast.walk(tree)) != len(kinds):
        return None
    able = [kind for kind in kinds if kind.bases] or kinds
    if len(able) != 1:
        return None
    runs = [node for node in able[0].body if isinstance(node, ast.FunctionDef) and node.name == "run"]
    if len(runs) != 1 or runs[0].decorator_list or not runs[0].args.args:
        return None
    return runs[0]


main()
