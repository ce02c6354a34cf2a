"""Processes with a log, free ports, and waiting for a condition instead of for a time."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import time

DEADLINE_S = 60  # generous: sanitizer builds on a busy machine. Reaching it is a failure, not a measurement.


class Gone(AssertionError):
    """A process ended that should be running."""


def eventually(condition, what, deadline_s=DEADLINE_S):
    """Poll until condition() is true; returns its value."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline_s} s for {what}")
        time.sleep(0.01)


def free_port():
    """A loopback port that was free a moment ago."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def can_connect(port):
    with contextlib.closing(socket.socket()) as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def leave_with_parent():
    """Prefix of a command that shall not outlive us, even if we are killed."""
    return ["setpriv", "--pdeathsig", "KILL"]


class Managed:
    """A child process whose output goes to a file. Ended by its own id, never by name."""

    def __init__(self, arguments, log, *, env=None, cwd=None):
        self.log = pathlib.Path(log)
        self.log_from = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as out:
            self.process = subprocess.Popen([str(word) for word in arguments], stdout=out, stderr=subprocess.STDOUT,
                                            stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})}, cwd=cwd)

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.poll() is None

    def output(self):
        """What this process wrote so far."""
        with self.log.open("rb") as log:
            log.seek(self.log_from)
            return log.read().decode(errors="replace")

    def require_running(self):
        if not self.running():
            raise Gone(f"exit code {self.process.returncode}; its last words:\n{self.output()[-4000:]}")

    def terminate(self, deadline_s=DEADLINE_S):
        """SIGTERM; returns the exit code."""
        if self.running():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end within {deadline_s} s of SIGTERM:\n{self.output()[-4000:]}") from None

    def kill(self):
        """SIGKILL."""
        if self.running():
            self.process.kill()
        return self.process.wait()
