"""Commands, and words for their command lines."""

import os
import shlex
import subprocess


def run_command(
    cmd,
    stdin=None,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    shell=False,
    cwd=None,
    env=None,
    close_fds=None,
):
    """Runs a command, a list or a text, to its end: `(exit_code, stdout, stderr)`, the streams as text.

    Without `env` it has the environment of the action. A stream that is sent elsewhere gives an empty text.
    """
    if not isinstance(cmd, (list, tuple, str)):
        raise TypeError("Command must be a type of list, tuple, or string, not '%s'." % type(cmd))
    more = {} if close_fds is None else {"close_fds": close_fds}
    process = subprocess.Popen(
        cmd, stdin=stdin, stdout=stdout, stderr=stderr, env=env or os.environ.copy(), cwd=cwd, shell=shell, **more
    )
    out, err = process.communicate()
    return process.returncode, (out or b"").decode(), (err or b"").decode()


def quote_unix(value):
    """The value as one word of a POSIX shell's command line."""
    return shlex.quote(value)


def quote_windows(value):
    """The value as one word of a Windows command line."""
    return subprocess.list2cmdline([value])
