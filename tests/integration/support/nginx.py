"""Debian's nginx with a configuration of our own: a file server, or the proxy in front of an archive."""

import os
import pathlib
import shutil

from .process import Managed, can_connect, eventually, free_port

PROGRAM = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


class Nginx:
    """One server block on a free loopback port. Files and log lie in the folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.process = None

    def start(self, locations, listen="", http=""):
        """locations: what goes into the server block; listen, http: more for those directives."""
        user = "user root;" if os.getuid() == 0 else ""  # reads what only we may read
        config = self.folder / "nginx.conf"
        config.write_text(f"""
            {user} daemon off; pid {self.folder}/pid; error_log stderr; worker_processes auto;
            events {{ worker_connections 1024; }}
            http {{
                access_log off; sendfile on; tcp_nopush on; keepalive_requests 10000000;
                client_body_temp_path {self.folder}/body; proxy_temp_path {self.folder}/proxy;
                {http}
                server {{ listen 127.0.0.1:{self.port} {listen}; {locations} }}
            }}""", encoding="utf-8")
        self.process = Managed([PROGRAM, "-p", self.folder, "-c", config], self.folder / "log")
        eventually(lambda: self.process.require_running() or can_connect(self.port), "nginx")
        return self

    @property
    def pids(self):
        """Of the master and its workers."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [self.process.pid, *map(int, children.split())]

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def close(self):
        if self.process:
            self.process.terminate()


def quoted(value):
    """A value for the configuration."""
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"
