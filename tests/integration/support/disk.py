"""A disk that is soon full."""

import contextlib
import pathlib

from .process import Managed, eventually, leave_with_parent


class Disk:
    """A folder that is a file system of its own, of a few megabytes, seen only by processes started with `inside`."""

    def __init__(self, folder, megabytes):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        mount = f"mount -t tmpfs -o size={megabytes}m tmpfs '{self.folder}' && echo mounted && exec sleep infinity"
        self.keeper = Managed(["unshare", "--user", "--map-root-user", "--mount", *leave_with_parent(), "sh", "-c", mount],
                              f"{self.folder}.log")
        eventually(lambda: self.keeper.require_running() or "mounted" in self.keeper.output(), "a small disk")

    @property
    def inside(self):
        return ["nsenter", "--target", str(self.keeper.pid), "--user", "--mount", "--preserve-credentials"]

    @property
    def path(self):
        """The folder as we see it from outside."""
        return pathlib.Path(f"/proc/{self.keeper.pid}/root{self.folder}")

    def fill(self):
        """Take all that is free."""
        with contextlib.suppress(OSError), (self.path / "ballast").open("ab", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))

    def relieve(self):
        (self.path / "ballast").unlink()

    def close(self):
        self.keeper.kill()

    def program(self, binary, script):
        """Like the binary, started where the disk is seen."""
        words = " ".join(f"'{word}'" for word in [*self.inside, binary])
        script.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        script.chmod(0o755)
        return script
