"""Looks at the files of Python actions without running them, for who registers or checks their pack.

The host writes one request to standard input: the directory of the pack, and for each action its file and the names of
the parameters that it gets. The answer on standard output has an object for each action: `broken` with `line` and
`column` where the file does not compile, `without` where no class is an action with a method `run`, `skipped` where it was not looked
at, `unknown` and `needed` where `run` does not fit the parameters, `baseless`, a class that is derived from what nothing
defines, and `strangers`, the imported modules that do not exist. Nothing of a file is executed, and no module is imported.
`petrel_modules.py` stands before this text: the host hands both over as one program.
"""

import ast
import builtins
import json
import os
import resource
import sys
import warnings

# The largest file that is looked at, in bytes.
LARGEST = 1 << 20
# What all of it may take: bytes of memory, and seconds of a processor.
MEMORY = 512 << 20
SECONDS = 30
# The most names that are told of one file.
MOST = 20
# The most names of one file with which a misspelt one is compared, and the most comparisons with all of them in one pack:
# each takes milliseconds.
MOST_NAMES = 1000
MOST_COMPARISONS = 200
# By these a name may be bound that a file does not show.
BINDERS = ("exec", "eval", "globals", "locals", "setattr", "vars")
# The modules that have the class Action.
BASES = ("st2common.runners.base_action", "st2actions.runners.pythonrunner")


def main():
    for what, limit in [(resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS)]:
        most = resource.getrlimit(what)[1]
        resource.setrlimit(what, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))
    warnings.simplefilter("ignore")
    request = json.loads(sys.stdin.buffer.read().decode("utf-8"))
    modules = Modules(request["pack"])
    # Many actions may share one file. Of a file only the findings are kept, since a tree takes hundreds of bytes for each
    # byte of its file.
    seen = {}
    for one in request["actions"]:
        if one["file"] not in seen:
            seen[one["file"]] = bounded(one["file"], modules)
    json.dump([fitted(seen[one["file"]], set(one["parameters"])) for one in request["actions"]], sys.stdout)


def bounded(file, modules):
    """Returns what is found in a file whatever its parameters are. A file that takes too much memory is skipped."""
    try:
        return found(file, modules)
    except MemoryError:
        return {"skipped": "that takes more than %d MiB of memory; make the file smaller" % (MEMORY >> 20)}


def found(file, modules):
    try:
        with open(file, "rb") as opened:
            source = opened.read(LARGEST + 1)
    except OSError:
        # It has been told elsewhere.
        return {}
    if len(source) > LARGEST:
        return {"skipped": "it has more than %d MiB; make the file smaller" % (LARGEST >> 20)}
    try:
        # Some errors, such as a return outside of a function, are not found by the parser.
        compile(source, file, "exec", dont_inherit=True)
        tree = compile(source, file, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    except SyntaxError as error:
        return {"broken": str(error.msg), "line": error.lineno, "column": error.offset}
    except (ValueError, RecursionError) as error:
        return {"broken": str(error) or type(error).__name__}
    without = runless(tree)
    if without is not None:
        return {"without": without}
    return {"run": method(tree), "baseless": baseless(tree, modules), "strangers": strangers(tree, file, modules)}


def fitted(found, given):
    """Returns what is found in a file for an action with the parameters `given`."""
    run = found.get("run")
    told = {key: value for key, value in found.items() if key != "run"}
    if run is not None:
        told["line"] = run["line"]
        told["unknown"] = [] if run["takes_all"] else sorted(given.difference(run["names"]))[:MOST]
        told["needed"] = [name for name in run["needed"] if name not in given][:MOST]
    return told


def method(tree):
    """Returns the parameters of `run` of the action class, or None if it is not clear which it is, or what is made of it."""
    kinds = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    if sum(isinstance(node, ast.ClassDef) for node in ast.walk(tree)) != len(kinds):
        return None
    able = [kind for kind in kinds if kind.bases] or kinds
    if len(able) != 1:
        return None
    runs = [node for node in able[0].body if isinstance(node, ast.FunctionDef) and node.name == "run"]
    if len(runs) != 1 or runs[0].decorator_list or not runs[0].args.args:
        return None
    taken = runs[0].args
    names = [argument.arg for argument in getattr(taken, "posonlyargs", []) + taken.args]
    # The first is the action itself.
    needed = names[1 : len(names) - len(taken.defaults)]
    pairs = zip(taken.kwonlyargs, taken.kw_defaults)
    needed += [argument.arg for argument, default in pairs if default is None]
    names = names[1:] + [argument.arg for argument in taken.kwonlyargs]
    return {"line": runs[0].lineno, "names": names, "needed": needed, "takes_all": taken.kwarg is not None}


def runless(tree):
    """Returns the class that should be an action, if it is certain that none has a method `run` or none can be made with
    the configuration of the pack. Otherwise None."""
    kinds = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            if node not in tree.body or node.name in kinds:
                return None
            kinds[node.name] = node
        elif isinstance(node, ast.Name) and node.id in BINDERS + ("type",):
            # A class or a method may be made by these.
            return None
        elif is_table_of_modules(node):
            return None
        elif isinstance(node, ast.Attribute) and node.attr == "run" and isinstance(node.ctx, ast.Store):
            return None
    actions = names_of_action(tree)
    able = [kind for kind in kinds.values() if may_run(kind, kinds, actions, [])]
    if not all(is_bare(kind, kinds, []) for kind in able):
        return None
    bases = {dotted(base) for kind in kinds.values() for base in kind.bases}
    last = [kind for kind in kinds.values() if kind.name not in bases]
    meant = [kind for kind in last if is_action(kind, kinds, actions)]
    if able and not meant:
        return {"class": able[0].name, "line": able[0].lineno, "is_bare": True}
    meant = meant or last
    if not meant:
        return {"class": None, "line": None, "methods": []}
    methods = [node.name for node in meant[0].body if isinstance(node, ast.FunctionDef)]
    return {"class": meant[0].name, "line": meant[0].lineno, "methods": methods[:MOST]}


def names_of_action(tree):
    """Returns the names by which a file knows StackStorm's class Action."""
    names = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            whole = {"%s.%s" % (node.module, one.name): one.asname or one.name for one in node.names}
            names.update(whole.get(base + ".Action") for base in BASES)
            names.update(name + ".Action" for module, name in whole.items() if module in BASES)
        elif isinstance(node, ast.Import):
            names.update((one.asname or one.name) + ".Action" for one in node.names if one.name in BASES)
    return names - {None}


def is_table_of_modules(node):
    """Returns whether this is `sys.modules`, through which a file changes itself, or a name of it."""
    return isinstance(node, ast.Attribute) and node.attr == "modules" or isinstance(node, ast.alias) and node.name == "modules"


def baseless(tree, modules):
    """Returns the first class that is derived from a name that nothing in the file binds, and the name that is likely meant.
    None if there is no such class, or nobody can tell."""
    bound = set(dir(builtins))
    for node in ast.walk(tree):
        if is_table_of_modules(node):
            return None
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            bound.update(one.asname or one.name.split(".")[0] for one in node.names)
        elif isinstance(node, ast.Name):
            if node.id in BINDERS:
                return None
            if isinstance(node.ctx, ast.Store):
                bound.add(node.id)
        elif not isinstance(node, ast.alias):
            # Functions, classes and caught exceptions.
            bound.add(getattr(node, "name", None))
    if "*" in bound:
        return None
    unbound = {}
    for kind in tree.body:
        for base in kind.bases if isinstance(kind, ast.ClassDef) else []:
            if isinstance(base, ast.Name) and base.id not in bound:
                unbound.setdefault(base.id, kind)
    names = bound.difference(dir(builtins), [None])
    if len(names) > MOST_NAMES:
        return None
    for base, kind in list(unbound.items())[:MOST]:
        if modules.comparisons >= MOST_COMPARISONS:
            return None
        modules.comparisons += 1
        near = nearest(base, names)
        if near:
            return {"class": kind.name, "line": kind.lineno, "base": base, "near": near}
    return None


def may_run(kind, kinds, actions, above):
    """Returns whether a class has a method `run`, or may have one from elsewhere."""
    if kind in above or kind.decorator_list or kind.keywords:
        return True
    for node in ast.walk(kind):
        # Whatever binds the name: a function, an assignment, an import.
        names = [getattr(node, "name", None), getattr(node, "asname", None)]
        names += [node.id] if isinstance(node, ast.Name) else []
        if "run" in names or "*" in names:
            return True
    for base in kind.bases:
        name = dotted(base)
        if name in kinds:
            if may_run(kinds[name], kinds, actions, above + [kind]):
                return True
        elif name not in actions and name != "object":
            return True
    return False


def is_bare(kind, kinds, above):
    """Returns whether a class is certain to be made without arguments only, as one derived from nothing."""
    if kind in above or kind.decorator_list or kind.keywords:
        return False
    for node in ast.walk(kind):
        names = [getattr(node, "name", None), node.id if isinstance(node, ast.Name) else None]
        if "__init__" in names or "__new__" in names:
            return False
    names = [dotted(base) for base in kind.bases]
    return all(name == "object" or name in kinds and is_bare(kinds[name], kinds, above + [kind]) for name in names)


def is_action(kind, kinds, actions):
    names = [dotted(base) for base in kind.bases]
    return any(name in actions or name in kinds and is_action(kinds[name], kinds, actions) for name in names)


def dotted(node):
    """Returns a name such as `a.b`, or None for another expression."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id] + parts[::-1]) if isinstance(node, ast.Name) else None


def strangers(tree, file, modules):
    """Returns the modules that a file imports and that exist nowhere, with lines and the names that may be meant. The files
    of the pack that it imports are looked at as well, each once."""
    folder, told, open_files = os.path.dirname(os.path.realpath(file)), [], [file]
    while open_files and len(told) < MOST:
        path = open_files.pop()
        tree = tree if path == file else parsed(path)
        imports = None if tree is None else imported(tree)
        if imports is None:
            # It looks for modules in places of its own, of which those that import it know.
            return []
        for name, line in imports:
            missing = modules.missing(name, folder)
            if missing is not None:
                told.append(dict(missing, file=modules.within(path), line=line))
            open_files.extend(modules.unseen(name, folder))
    return told[:MOST]


def parsed(file):
    """Returns the tree of a file of the pack. An empty one if it is not looked at, which is told of actions only."""
    try:
        with open(file, "rb") as opened:
            source = opened.read(LARGEST + 1)
        return ast.parse("" if len(source) > LARGEST else source)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return ast.parse("")


def imported(tree):
    """Returns the modules that a file imports, with lines, or None if it has places of its own for modules."""
    imports, open_nodes = {}, list(tree.body)
    while open_nodes:
        node = open_nodes.pop()
        if isinstance(node, ast.Attribute) and dotted(node) in ("sys.path", "sys.modules", "site.addsitedir"):
            return None
        if isinstance(node, ast.Import):
            for one in node.names:
                imports.setdefault(one.name, node.lineno)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            imports.setdefault(node.module, node.lineno)
        if isinstance(node, (ast.Try, ast.If)):
            # An import that may fail, or that is for another version. It is still seen which places are looked at.
            if any(isinstance(inner, ast.Attribute) and dotted(inner) == "sys.path" for inner in ast.walk(node)):
                return None
            continue
        open_nodes.extend(ast.iter_child_nodes(node))
    return sorted(imports.items(), key=lambda one: (one[1], one[0]))


main()
