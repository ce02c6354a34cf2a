"""Fixtures: a running Lightbox, samples to push, and a loud word where something is missing."""

import contextlib
import itertools
import os
import shutil
import warnings


import pytest

from support import events, workers
from support import kafka as kafka_module
from support import orthanc, samples
from support import postgres as postgres_module
from support.lightbox import BINARY, BUILD, Lightbox

databases = itertools.count()  # names on the shared PostgreSQL


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write the answers of this run into golden/*.txt")


def require(present, what):
    """A component the test needs: missing on CI is a failure, on a person's machine a skip that shows."""
    if present:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"missing: {what}")
    warnings.warn(f"SKIPPED, missing: {what}")
    pytest.skip(f"missing: {what}")


def require_program(*names):
    for name in names:
        require(shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin"), name)


@pytest.fixture(scope="session")
def binary():
    require(BINARY.exists(), f"{BINARY} (./dev build)")
    return BINARY


@pytest.fixture
def crash_points(binary):
    """Builds that can be told to end at a step (LIGHTBOX_CRASH_AT)."""
    if b"LIGHTBOX_CRASH_AT" not in binary.read_bytes():
        pytest.skip("this build has no crash points (PACS_CRASH_POINTS=ON)")


@pytest.fixture
def make_lightbox(binary, tmp_path):
    """Starts servers with given settings; each is checked and stopped when the test ends."""
    made = []

    def make(settings=None, env=None, start=True):
        server = Lightbox(tmp_path / f"lightbox-{len(made)}", settings, env, binary)
        made.append(server)
        return server.start() if start else server

    yield make
    close_all(made)


def close_all(servers):
    failures = []
    for server in servers:
        try:
            server.close()
        except AssertionError as failure:
            server.process.kill()
            failures.append(str(failure))
    assert not failures, "\n".join(failures)


@contextlib.contextmanager
def beside_orthanc(folder, binary):
    """A Lightbox and Debian's Orthanc, both empty."""
    require(orthanc.PROGRAM, "Orthanc")
    with contextlib.ExitStack() as stack:
        ours = Lightbox(folder / "ours", binary=binary).start()
        stack.callback(close_all, [ours])
        theirs = orthanc.Orthanc(folder / "theirs").start()
        stack.callback(theirs.close)
        yield ours, theirs


@pytest.fixture
def lightbox(make_lightbox):
    """A server of the test's own, empty."""
    return make_lightbox()


@pytest.fixture(scope="session")
def session_lightbox(binary, tmp_path_factory):
    """One server for all tests that do not mind each other's objects."""
    server = Lightbox(tmp_path_factory.mktemp("lightbox"), binary=binary).start()
    yield server
    close_all([server])


@pytest.fixture
def archive(session_lightbox):
    """The session's server; the test fails if it leaves it dead or complaining."""
    session_lightbox.process.require_running()
    yield session_lightbox
    session_lightbox.require_alive()


@pytest.fixture(scope="session")
def shared_dicom():
    """The folder of real files; tests that need it say so when it is absent."""
    require(samples.SHARED.is_dir(), f"{samples.SHARED} (LIGHTBOX_SHARED)")
    return samples.SHARED


@pytest.fixture(scope="session")
def generated_dicom():
    require((samples.GENERATED / "MANIFEST.json").exists(), "build/testdata (testdata/generate.py)")
    return samples.GENERATED


# --- brokers and databases ---

def require_kafka(version):
    require(kafka_module.JAVA, "Java")
    require(kafka_module.jars(version).is_dir(), f"{kafka_module.jars(version)} (./dev setup)")


@pytest.fixture(scope="session")
def brokers(tmp_path_factory):
    """brokers(version): one node that all tests share; each takes topics of its own and leaves the node running."""
    started = {}

    def broker(version="4"):
        require_kafka(version)
        if version not in started:
            started[version] = kafka_module.Kafka(tmp_path_factory.mktemp(f"kafka-{version}"), version).start()
        return started[version]

    yield broker
    for kafka in started.values():
        kafka.close()


@pytest.fixture
def kafka(brokers):
    """The shared node of the newest version."""
    return brokers()


@pytest.fixture
def make_kafka(tmp_path):
    """Starts clusters of the test's own, to be ill-treated: make_kafka(version, nodes=3, settings={}, disk_megabytes=60)."""
    made = []

    def make(version="4", **options):
        require_kafka(version)
        made.append(kafka_module.Kafka(tmp_path / f"kafka-{len(made)}", version, **options))
        return made[-1].start()

    yield make
    for kafka in made:
        kafka.close()


@pytest.fixture(scope="session")
def postgres():
    """One PostgreSQL for all tests; each creates a database of its own."""
    require(postgres_module.PROGRAMS, "PostgreSQL")
    server = postgres_module.Postgres().start()
    yield server
    server.close()


@pytest.fixture
def make_postgres():
    """Starts PostgreSQL servers of the test's own."""
    require(postgres_module.PROGRAMS, "PostgreSQL")
    made = []

    def make(settings=None):
        made.append(postgres_module.Postgres(settings))
        return made[-1].start()

    yield make
    for server in made:
        server.close()


@pytest.fixture
def make_told(make_lightbox):
    """Servers that tell a Kafka: make_told(kafka, settings={}, client={}, Lanes=[...]); topics are there unless topics=False."""

    def make(kafka, settings=None, *, client=None, topics=True, start=True, env=None, **events_settings):
        section = events.settings(kafka, next(events.prefixes), client, **events_settings)
        told = events.Told(make_lightbox({**section, **(settings or {})}, env, start=False), kafka)
        if topics:
            told.ensure_topics()
        if start:
            told.server.start()
        return told

    return make


@pytest.fixture
def make_worker(binary, tmp_path):
    """Starts workers: make_worker("consumer-dicom", archive, tables, {"Source": "http"}); stopped when the test ends."""
    made = []

    def make(name, archive, tables, section=None, *, start=True, **options):
        require((BUILD / name).exists(), f"{BUILD / name} (./dev build)")
        made.append(workers.Worker(name, tmp_path / f"{name}-{len(made)}", tables, archive, section, **options))
        return made[-1].start() if start else made[-1]

    yield make
    close_all(made)


@pytest.fixture(params=["sqlite", "postgresql"])
def make_tables(request, tmp_path):
    """Empty databases of a worker, each test with every kind: make_tables("first")."""
    server = request.getfixturevalue("postgres") if request.param == "postgresql" else None

    def make(label="tables"):
        return workers.PostgresTables(server, f"worker_{next(databases)}") if server else workers.SqliteTables(tmp_path / label)

    return make
