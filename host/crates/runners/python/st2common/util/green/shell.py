"""Commands with a timeout."""

import os
import subprocess

# The exit code of a command that took too long.
TIMEOUT_EXIT_CODE = -9


def run_command(
    cmd,
    stdin=None,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    shell=False,
    cwd=None,
    env=None,
    timeout=60,
    preexec_func=None,
    kill_func=None,
    read_stdout_func=None,
    read_stderr_func=None,
    read_stdout_buffer=None,
    read_stderr_buffer=None,
    stdin_value=None,
    bufsize=0,
):
    """Runs a command: `(exit_code, stdout, stderr, timed_out)`, the streams as bytes, as in StackStorm.

    After `timeout` seconds it is ended, by `kill_func(process=...)` where there is one. Output is read at the end
    only: `read_stdout_func` and its like are not offered.
    """
    if not isinstance(cmd, (list, tuple, str)):
        raise TypeError("Command must be a type of list, tuple, or string, not '%s'." % type(cmd))
    if read_stdout_func or read_stderr_func:
        raise NotImplementedError(
            "Petrel's st2common.util.green.shell.run_command does not offer read_stdout_func and read_stderr_func; "
            "read the streams that it returns"
        )
    if stdin_value is not None and stdin is None:
        stdin = subprocess.PIPE
    process = subprocess.Popen(
        cmd,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=env or os.environ.copy(),
        cwd=cwd,
        shell=shell,
        preexec_fn=preexec_func,
        bufsize=bufsize,
    )
    given = stdin_value.encode("utf-8") if isinstance(stdin_value, str) else stdin_value
    try:
        out, err = process.communicate(given, timeout=timeout)
    except subprocess.TimeoutExpired:
        if kill_func:
            kill_func(process=process)
        else:
            process.kill()
        out, err = process.communicate()
        return TIMEOUT_EXIT_CODE, out, err, True
    return process.returncode, out, err, False
