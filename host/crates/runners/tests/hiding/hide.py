"""Leaves a process behind that takes off everything by which it could be known: the resource limit that is its seal, its
environment, session, parent, open files, directory and name. It writes to a file for as long as it lives.

    hide.py MARK STOP HOW

MARK is what it writes to. It ends when there is a file STOP, or after a minute. HOW is "stays", or "hops": then it starts
another and ends, again and again.
"""

import os
import resource
import signal
import sys
import time

MARK, STOP, HOW = sys.argv[1:4]
SELF = os.path.abspath(__file__)


def hide():
    hard = resource.getrlimit(resource.RLIMIT_RTTIME)[1]
    resource.setrlimit(resource.RLIMIT_RTTIME, (hard, hard))
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.chdir("/")
            nothing = os.open(os.devnull, os.O_RDWR)
            for number in (0, 1, 2):
                os.dup2(nothing, number)
            os.closerange(3, 256)
            os.execve(sys.executable, ["kworker/0:1", "-S", SELF, MARK, STOP, HOW, "hidden"], {})
        os._exit(0)
    os.wait()


def beat():
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    until = time.monotonic() + 60
    while time.monotonic() < until and not os.path.exists(STOP):
        with open(MARK, "w") as file:
            file.write(str(time.monotonic_ns()))
        time.sleep(0.002 if HOW == "hops" else 0.02)
        if HOW == "hops" and os.fork():
            os._exit(0)


beat() if sys.argv[4:] else hide()
