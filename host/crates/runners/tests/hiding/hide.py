"""Leaves a process behind that takes off everything by which it could be known: the resource limit that is its seal, its
environment, session, parent, open files, directory and name. It writes to a file for as long as it lives.

    hide.py MARK STOP

MARK is what it writes to. It ends when there is a file STOP, or after a minute.
"""

import os
import resource
import signal
import sys
import time

MARK, STOP = sys.argv[1:3]
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
            os.execve(sys.executable, ["kworker/0:1", "-S", SELF, MARK, STOP, "hidden"], {})
        os._exit(0)
    os.wait()


def beat():
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    for count in range(3000):
        if os.path.exists(STOP):
            break
        with open(MARK, "w") as file:
            file.write(str(count))
        time.sleep(0.02)


beat() if sys.argv[3:] else hide()
