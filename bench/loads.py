"""What pushes: DCMTK's storescu, C-STORE and HTTP POST from C, and plain writing as the limit. What reads: HTTP GET from C."""

import json
import os
import subprocess
import threading
import time

from data import ROOT

BUILD = ROOT / "build" / "bench"
CLIENT_LIMIT_S = 3600


def compile_clients():
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in ("dicom_send", "http_post", "http_get", "plain_write"):
        subprocess.run(["cc", "-std=c17", "-O2", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-pthread",
                        "-o", BUILD / name, ROOT / "bench" / f"{name}.c"], check=True)


def storescu(side, files, associations, env, *flags):
    """Seconds until as many storescu processes, each with its share of the files, have all ended well."""
    shares = [files[lane::associations] for lane in range(associations)]
    commands = [["storescu", "-aec", side.aet, *flags, "127.0.0.1", str(side.dicom_port), *map(str, share)] for share in shares]
    begin = time.monotonic()
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, **env}) for command in commands]
    failed = [process.communicate(timeout=CLIENT_LIMIT_S)[1].decode(errors="replace") for process in running]
    seconds = time.monotonic() - begin
    bad = [text for process, text in zip(running, failed) if process.returncode != 0]
    assert not bad, f"{len(bad)} of {associations} storescu failed: {bad[0][-500:]}"
    return seconds


def answered(command, files):
    """Seconds that a client of ours measured; all of the files have to be stored."""
    done = subprocess.run(list(map(str, command)), input="\n".join(map(str, files)) + "\n", capture_output=True, text=True,
                          timeout=CLIENT_LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["stored"] == len(files), f"{answer['stored']} of {len(files)} stored"
    return answer["seconds"]


def send(side, files, associations):
    return answered([BUILD / "dicom_send", side.dicom_port, side.aet, associations], files)


class Midway:
    """The rate of the middle of a load, when all senders have started and none has ended: from a fifth to four fifths of the objects."""

    def __init__(self, side, total):
        self.side, self.total, self.seen, self.stop = side, total, [], threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.stop.wait(0.05):
            self.seen.append((time.monotonic(), self.side.count()))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def rate(self):
        middle = [(when, count) for when, count in self.seen if 0.2 * self.total <= count <= 0.8 * self.total]
        assert len(middle) >= 2, "over before it could be watched: more objects are needed"
        return (middle[-1][1] - middle[0][1]) / (middle[-1][0] - middle[0][0])


def post(side, files, connections):
    return answered([BUILD / "http_post", side.http_port, connections], files)


def get(port, paths, connections, requests, headers, drop=False):
    """As many GETs, through the paths as often as needed; all have to be answered 200. What http_get measured."""
    command = [BUILD / "http_get", *(["-d"] if drop else []), str(port), str(connections), str(requests), *(f"{name}: {value}" for name, value in headers.items())]
    done = subprocess.run(command, input="\n".join(paths) + "\n", capture_output=True, text=True, timeout=CLIENT_LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["good"] == requests, f"{answer['good']} of {requests} answered 200"
    return answer


def plain_write(folder, files, threads):
    done = subprocess.run([BUILD / "plain_write", folder, str(threads)], input="\n".join(map(str, files)) + "\n",
                          capture_output=True, text=True, timeout=CLIENT_LIMIT_S, check=True)
    return json.loads(done.stdout)["seconds"]
