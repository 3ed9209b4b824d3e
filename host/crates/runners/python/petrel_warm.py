"""Holds one Python action ready for the host's runner `python-script`: imports its file once, and forks a child for each
execution, which has the isolation of a process and the cost of a fork.

The host talks with it over standard input, a socket, in lines of JSON. The first line names the file. The answer is
`ready`, or `cold` with the reason why the action has to begin anew each time: a thread, an open file or another trace of
the import that a child would share or lack. After that each line of the host asks for a child, and comes with three
descriptors: standard output, standard error, and the socket of the execution. The child writes its number to that
socket; only then the host hands over what the action gets, so that an execution whose child never came has not begun.
Nothing of an execution passes through this process. It tells when a child has ended, and ends itself when the host
closes the socket.
"""

import _io
import errno
import gc
import json
import os
import resource
import select
import signal
import socket
import sys

import petrel_action

# Seconds that the import may take.
IMPORT_SECONDS = 60
# The most memory that this process may have, in MiB. One that grows beyond it is replaced.
MOST_MIB = 512
# The most files whose change is noticed.
MOST_FILES = 2000
# The limit whose value marks the processes of an execution (RLIMIT_RTTIME), which Python has no name for.
SEAL = 15
# The variables that differ from execution to execution, beside those that a caller gives.
OWN_VARIABLES = ("ST2_ACTION_EXECUTION_ID", "ST2_ACTION_DEBUG", "ST2_ACTION_AUTH_TOKEN", "ST2_AUTH_TOKEN")
# What a child may share with others: it has no position, and nobody is at its other end.
HARMLESS = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


class Watched(type(os.environ)):
    """The environment while a file is imported. It notes the variables that are read, in `read`."""

    read = set()
    # The beginnings of the paths of the pack.
    pack = ()

    def __getitem__(self, name):
        Watched.read.add(name)
        return super().__getitem__(name)

    def __contains__(self, name):
        Watched.read.add(name)
        return super().__contains__(name)

    def __iter__(self):
        # Libraries copy all of it for a program that they start. What a pack does with it nobody can tell.
        frame = sys._getframe(1)
        for _ in range(6):
            if frame is None:
                break
            if frame.f_code.co_filename.startswith(Watched.pack):
                Watched.read.add("*")
            frame = frame.f_back
        return super().__iter__()


class Traces:
    """What a process is known by before and after an import."""

    def __init__(self):
        self.files = open_files()
        self.child_handler = signal.getsignal(signal.SIGCHLD)

    def left(self):
        """Returns the reason why children cannot be forked from what an import has left. None if they can."""
        threads = len(os.listdir("/proc/self/task")) - 1
        if threads:
            return "importing it started %d %s" % (threads, "thread" if threads == 1 else "threads")
        new = [name for number, name in open_files().items() if self.files.get(number) != name]
        new = [name for name in new if name not in HARMLESS]
        if new:
            kind = "a socket" if new[0].startswith("socket:") else new[0]
            return "importing it left %s open" % kind
        if has_children():
            return "importing it left a process running"
        if signal.getsignal(signal.SIGCHLD) != self.child_handler:
            return "importing it took the signal SIGCHLD"
        if any(signal.getitimer(which)[0] for which in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)):
            return "importing it set a timer"
        for name in OWN_VARIABLES:
            if name in Watched.read:
                return "importing it reads the variable %s, which is another one for each execution" % name
        if "*" in Watched.read:
            return "importing it reads all of the environment"
        return None


def open_files():
    files = {}
    for number in os.listdir("/proc/self/fd"):
        try:
            files[number] = os.readlink("/proc/self/fd/" + number)
        except OSError:
            # The directory that was listed.
            pass
    return files


def has_children():
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


class Stamps:
    """The files that an import has read, as they were."""

    def __init__(self, pack, file):
        place = os.path.join(os.path.realpath(pack), "")
        files = {file}
        for module in list(sys.modules.values()):
            path = getattr(module, "__file__", None)
            if isinstance(path, str) and os.path.realpath(path).startswith(place):
                files.add(path)
        # Where packages are installed, which changes when one is.
        files.update(path for path in sys.path if path.endswith(("site-packages", "dist-packages", "/lib")))
        self.stamps = {path: stamp(path) for path in sorted(files)[:MOST_FILES]}

    def changed(self):
        """Returns the first file that has changed, or None."""
        return next((path for path, known in self.stamps.items() if stamp(path) != known), None)


def resident():
    """The memory of this process, in MiB. (Its greatest one, `ru_maxrss`, would be that of the host which has started it.)"""
    with open("/proc/self/statm", "rb") as opened:
        return int(opened.read().split()[1]) * resource.getpagesize() >> 20


def stamp(path):
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


class Control:
    """The socket to the host."""

    def __init__(self):
        self.socket = socket.socket(fileno=os.dup(0))
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        self.text = b""
        self.descriptors = []

    def has_line(self):
        return b"\n" in self.text

    def next(self):
        """Returns the next line of the host, None if it is not whole yet. Ends this process if the host has gone."""
        line, end, rest = self.text.partition(b"\n")
        if end:
            self.text = rest
            return json.loads(line.decode("utf-8"))
        room = socket.CMSG_SPACE(3 * 4)
        part, beside, _, _ = self.socket.recvmsg(1 << 16, room, socket.MSG_CMSG_CLOEXEC)
        for level, kind, content in beside:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                numbers = memoryview(content[: len(content) // 4 * 4]).cast("i")
                self.descriptors.extend(numbers)
        if not part:
            # Without what the pack has registered for its end: that belongs to executions.
            os._exit(0)
        self.text += part
        return self.next() if self.has_line() else None

    def wait(self):
        """Returns the next line of the host."""
        line = None
        while line is None:
            line = self.next()
        return line

    def tell(self, **what):
        try:
            self.socket.sendall(json.dumps(what).encode("ascii") + b"\n")
        except OSError:
            os._exit(0)


class Server:
    """Forks the children of an action."""

    def __init__(self, control, begin):
        self.control = control
        self.stamps = Stamps(begin["pack_path"], begin["file"])
        # The number of each child, with that of its execution.
        self.children = {}
        # A signal interrupts the wait for the next line.
        self.woken, waking = os.pipe()
        for end in (self.woken, waking):
            os.set_blocking(end, False)
        self.waking = waking
        self.old_handler = signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waking, warn_on_full_buffer=False)

    def serve(self):
        """Serves until the host closes the socket. Returns in a child only: the socket of its execution."""
        while True:
            readable, _, _ = select.select([self.control.socket, self.woken], [], [])
            if self.woken in readable:
                self.collect()
            if self.control.socket not in readable:
                continue
            line = self.control.next()
            while line is not None:
                exchange = self.fork(line)
                if exchange is not None:
                    return exchange
                line = self.control.next() if self.control.has_line() else None

    def collect(self):
        """Tells of the children that have ended."""
        try:
            os.read(self.woken, 1 << 12)
        except BlockingIOError:
            pass
        while self.children:
            try:
                number, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if number == 0:
                return
            self.control.tell(ended=self.children.pop(number, 0), status=status)

    def unfit(self, line):
        """Returns the reason why this execution cannot be a child of this process, or None, and whether that is so for
        all that follow."""
        odd = sorted(Watched.read.intersection(line.get("variables", ())))
        if odd:
            return "importing it reads %s" % ", ".join(odd[:5]), False
        changed = self.stamps.changed()
        if changed is not None:
            return "%s has changed" % changed, True
        if resident() > MOST_MIB:
            return "it has taken %d MiB of memory" % resident(), True
        try:
            is_gone = os.stat(".").st_nlink == 0
        except OSError:
            is_gone = True
        return ("its working directory was removed", True) if is_gone else (None, False)

    def fork(self, line):
        """Forks a child for an execution. Returns the socket of the execution in the child, and None here."""
        descriptors, self.control.descriptors = self.control.descriptors[:3], self.control.descriptors[3:]
        number, (why, is_final) = None, self.unfit(line)
        if why is None:
            try:
                number = os.fork()
            except OSError as error:
                why = "it cannot fork: %s" % error
        if number == 0:
            return self.become(line, *descriptors)
        # Here they would keep the host waiting for the end of the output.
        for descriptor in descriptors:
            os.close(descriptor)
        if why is None:
            self.children[number] = line["id"]
        else:
            self.control.tell(refused=line["id"], why=why, is_final=is_final)
        return None

    def become(self, line, out, err, exchange):
        """Makes this process, a child, that of an execution."""
        # As a process that was started for it: a group of its own, reached by one signal.
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, self.old_handler)
        for number in (self.woken, self.waking):
            os.close(number)
        self.control.socket.close()
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.close(out)
        os.close(err)
        if line.get("seal"):
            try:
                resource.setrlimit(SEAL, (line["seal"], resource.getrlimit(SEAL)[1]))
            except (OSError, ValueError):
                # It is found by its parent and its group then.
                pass
        return exchange


def main():
    control = Control()
    begin = control.wait()
    for name in ("json", "re", "traceback", "logging", "st2common.runners.utils"):
        __import__(name)
    kind, why = load(begin)
    if why is not None:
        control.tell(cold=why)
        os._exit(0)
    server = Server(control, begin)
    gc.collect()
    # What is there now is not looked at again, so that children go on sharing it.
    gc.freeze()
    control.tell(ready=True, mib=resident())
    carry_out(server.serve(), kind)


def load(begin):
    """Imports the file of the action. Returns the class, and the reason why the action has to begin anew each time."""
    import st2common

    st2common.own_pack = (begin["pack"], begin["pack_path"])
    sys.argv = [begin["file"]]
    traces = Traces()
    places = (begin["pack_path"], os.path.realpath(begin["pack_path"]))
    Watched.pack = tuple(os.path.join(place, "") for place in places)
    plain = type(os.environ)
    os.environ.__class__ = Watched
    # One that hangs while it imports ends by this signal.
    signal.alarm(IMPORT_SECONDS)
    try:
        kind = petrel_action.load(begin["file"])
    except BaseException as error:
        # The execution says it all, in its own output.
        return None, "it cannot be imported (%s)" % type(error).__name__
    finally:
        signal.alarm(0)
        os.environ.__class__ = plain
    if resident() > MOST_MIB:
        return None, "importing it takes %d MiB of memory" % resident()
    return kind, traces.left()


def carry_out(exchange, kind):
    """Runs one execution in a child, which ends as any interpreter does."""
    try:
        os.write(exchange, b"%d\n" % os.getpid())
    except OSError as error:
        if error.errno in (errno.EPIPE, errno.ECONNRESET):
            # The host does not want it any more.
            os._exit(0)
        raise
    channel = petrel_action.Channel(exchange)
    try:
        request = json.loads(channel.receive().decode("utf-8"))
    except (ValueError, OSError):
        # The host has gone before it has said what to do: nothing has begun.
        os._exit(0)
    zone = os.environ.get("TZ")
    os.environ.clear()
    os.environ.update(request["environment"])
    if os.environ.get("TZ") != zone:
        import time

        time.tzset()
    code = 0
    try:
        petrel_action.carry_out(channel, request, kind)
    except SystemExit as error:
        code = exit_code(error.code)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    end(code, kind)


def exit_code(code):
    """Returns the exit code for what was given to `sys.exit`."""
    if code is None or isinstance(code, int):
        return (code or 0) & 0xFF
    sys.stderr.write("%s\n" % (code,))
    return 1


def end(code, kind):
    """Ends a child as an interpreter ends, but for the destruction of all that it shares with others: that would first
    copy the memory of it."""
    import atexit

    threading = sys.modules.get("threading")
    try:
        if threading is not None:
            threading._shutdown()
        atexit._run_exitfuncs()
        # Globals of the action may be files, or remove files.
        vars(sys.modules[kind.__module__]).clear()
        # None of them is older than this process: an import that leaves a file open is for no child.
        for one in gc.get_objects():
            if isinstance(one, _io._IOBase) and not one.closed and one.writable():
                one.flush()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = code or 1
    finally:
        os._exit(code)


if __name__ == "__main__":
    if sys.version_info < (3, 8):
        sys.exit("Python actions need Python 3.8 or newer, and this is %s" % sys.version.split()[0])
    main()
