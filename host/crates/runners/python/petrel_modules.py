"""The modules that the actions of a pack can import, by their names and files alone: nothing is imported.

`petrel_look.py` goes on behind this text: the host hands both over as one program.
"""

import os
import sys

# The most entries that are read of one directory, and bytes of requirements.
MOST_ENTRIES = 20000
LONGEST_LIST = 1 << 16
# The longest name that is compared with others.
LONGEST_NAME = 200
# The most files that are looked at because actions import them.
MOST_FILES = 500
# StackStorm's own packages. Elsewhere it is told which of their modules exist.
ST2_MODULES = {"st2common", "st2reactor", "st2actions", "st2api", "st2auth", "st2stream", "st2tests", "st2client"}
# Modules that Python has no more, and where that is which they had.
MOVED = {
    "BaseHTTPServer": "http.server",
    "CGIHTTPServer": "http.server",
    "ConfigParser": "configparser",
    "Cookie": "http.cookies",
    "HTMLParser": "html.parser",
    "Queue": "queue",
    "SimpleHTTPServer": "http.server",
    "SimpleXMLRPCServer": "xmlrpc.server",
    "SocketServer": "socketserver",
    "StringIO": "io",
    "Tkinter": "tkinter",
    "UserDict": "collections",
    "__builtin__": "builtins",
    "anydbm": "dbm",
    "cPickle": "pickle",
    "cStringIO": "io",
    "commands": "subprocess",
    "cookielib": "http.cookiejar",
    "copy_reg": "copyreg",
    "htmlentitydefs": "html.entities",
    "httplib": "http.client",
    "imp": "importlib",
    "md5": "hashlib",
    "robotparser": "urllib.robotparser",
    "sha": "hashlib",
    "thread": "_thread",
    "urllib2": "urllib.request",
    "urlparse": "urllib.parse",
    "xmlrpclib": "xmlrpc.client",
}
# Modules that are installed and whose names are like others: nobody means those.
KNOWN = {"demjson", "hjson", "json5", "orjson", "rapidjson", "regex", "rjson", "simplejson", "ujson", "xmltodict"}


class Modules:
    """The modules that an action of a pack can import, by their names and files alone."""

    def __init__(self, pack):
        self.pack = pack
        self.own = [os.path.join(pack, "lib"), os.path.join(pack, "actions", "lib")]
        self.known = {}
        self.places = None
        self.seen = set()
        # With all names of a file, so far.
        self.comparisons = 0

    def within(self, path):
        """Returns a path as it is within the pack."""
        return os.path.relpath(os.path.realpath(path), os.path.realpath(self.pack))

    def unseen(self, name, folder):
        """Returns the files of the pack that a module consists of, and that were not looked at."""
        files, roots = [], self.own + [folder]
        for part in name.split("."):
            paths = [os.path.join(root, part) for root in roots]
            files += [path + ".py" for path in paths] + [os.path.join(path, "__init__.py") for path in paths]
            roots = paths
        new = [file for file in files if file not in self.seen and os.path.isfile(file)]
        self.seen.update(new[: max(MOST_FILES - len(self.seen), 0)])
        return [file for file in new if file in self.seen]

    def missing(self, name, folder):
        """Returns None if a module exists, or if nobody can tell. Otherwise the module, as far as it is missing, and the
        nearest name, or an empty text; `moved` if that is its name now."""
        top = name.split(".")[0]
        if top in ST2_MODULES or top in sys.builtin_module_names:
            return None
        roots = self.own + [folder]
        if any(is_module(root, top) for root in roots):
            return self.missing_below(name.split("."), roots)
        if (top, folder) not in self.known:
            self.known[top, folder] = self.stranger(top, roots)
        return self.known[top, folder]

    def missing_below(self, parts, roots):
        """The same for a module within the pack."""
        for number, part in enumerate(parts):
            there = [root for root in roots if is_module(root, part)]
            if not there:
                near = nearest(part, set().union(*[entries(root) for root in roots]))
                return {"module": ".".join(parts), "near": ".".join(parts[:number] + [near]) if near else ""}
            roots = [os.path.join(root, part) for root in there if os.path.isdir(os.path.join(root, part))]
            if not roots:
                # A file: what is imported from it is in it, or nobody can tell.
                return None
        return None

    def stranger(self, top, roots):
        if self.places is None:
            self.places = Places(self.pack)
        if self.places.has(top):
            return None
        # `httplib2` brings no `httplib`, so that the name itself must be listed.
        if top in MOVED and normal(top) not in self.places.listed:
            return {"module": top, "near": MOVED[top], "moved": True}
        if self.places.is_listed(top):
            return None
        known = self.places.names.union({"st2common"}, *[entries(root) for root in roots])
        near = "" if top in KNOWN else nearest(top, {name for name in known if not name.startswith("_")})
        return None if not near and self.places.may_be_listed else {"module": top, "near": near}


class Places:
    """The standard library, what is installed for the interpreter, and what the pack says that it needs."""

    def __init__(self, pack):
        self.names, self.installed, self.has_own_finder = set(), set(), False
        self.names.update(getattr(sys, "stdlib_module_names", ()))
        for folder in list(sys.path) + self.of_site():
            self.read(folder)
        self.listed, is_odd = requirements(os.path.join(pack, "requirements.txt"))
        # What is listed and not installed may bring modules of any name.
        self.may_be_listed = is_odd or self.has_own_finder or bool(self.listed - self.installed)

    def of_site(self):
        # It only defines functions: without -S it would run what is installed.
        import site

        folders = site.getsitepackages() + [site.getusersitepackages()]
        above = os.path.dirname(os.path.dirname(sys.executable or ""))
        for lib in ("lib", "lib64"):
            version = "python%d.%d" % sys.version_info[:2]
            folders.append(os.path.join(above, lib, version, "site-packages"))
        return [folder for folder in folders if os.path.isdir(folder)]

    def read(self, folder):
        self.names.update(entries(folder))
        for name in listing(folder):
            if name.endswith((".dist-info", ".egg-info")):
                self.installed.add(normal(name.rsplit(".", 1)[0].split("-")[0]))
            elif name.endswith(".pth"):
                self.read_path(folder, name)

    def read_path(self, folder, name):
        for line in lines(os.path.join(folder, name)):
            if line.startswith(("import ", "import\t")):
                # It is not run. That of an editable installation finds modules anywhere.
                self.has_own_finder |= "__editable__" in name or "finder" in line
            elif line and not line.startswith("#"):
                self.names.update(entries(os.path.join(folder, line)))

    def has(self, top):
        return top in self.names

    def is_listed(self, top):
        top = normal(top)
        return any(top in one or one in top for one in self.listed)


def requirements(file):
    """Returns the names in a list of requirements, and whether it has lines that name nothing."""
    names, is_odd = set(), False
    for line in lines(file):
        line = line.split("#")[0].strip()
        name = line
        for end in "[<>=!~; @":
            name = name.split(end)[0]
        if not line:
            continue
        if line.startswith(("-", ".", "/")) or "://" in name or "/" in name:
            is_odd = True
        else:
            names.add(normal(name))
    return names, is_odd


def lines(file):
    try:
        with open(file, "rb") as opened:
            return [line.strip() for line in opened.read(LONGEST_LIST).decode("utf-8", "replace").splitlines()]
    except OSError:
        return []


def normal(name):
    return name.lower().replace("-", "_").replace(".", "_")


def is_module(root, name):
    path = os.path.join(root, name)
    return os.path.isdir(path) or name in entries(root)


# By directory, since the files of a pack ask for the same ones.
LISTINGS, ENTRIES = {}, {}


def listing(folder):
    """Returns the names in a directory, up to a number of them."""
    if folder not in LISTINGS:
        try:
            with os.scandir(folder) as entries:
                LISTINGS[folder] = [entry.name for entry, _ in zip(entries, range(MOST_ENTRIES))]
        except OSError:
            LISTINGS[folder] = []
    return LISTINGS[folder]


def entries(folder):
    """Returns the names of modules and directories in a directory."""
    if folder not in ENTRIES:
        ENTRIES[folder] = set()
        for name in listing(folder):
            first, _, rest = name.partition(".")
            if first.isidentifier() and (not rest or rest in ("py", "pyc") or rest.endswith("so")):
                ENTRIES[folder].add(first)
    return ENTRIES[folder]


def nearest(word, names):
    """Returns the name that is most like a word, or an empty text. Long names are not compared: that takes the square of
    their length."""
    names = [name for name in names if len(name) <= LONGEST_NAME]
    if not names or len(word) > LONGEST_NAME:
        return ""
    # Imported here, since most packs do not need it.
    import difflib

    near = difflib.get_close_matches(word, sorted(names), 1, 0.75)
    return near[0] if near else ""
