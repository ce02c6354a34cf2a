"""consumer-dicom beside a real archive: its tables say what the archive has, whatever happens in between.

With every kind of database, and with both sources: the archive's own stream of events, and a real Kafka.
"""

import contextlib
import sqlite3

import pytest

from support import events
from support.process import eventually
from support.workers import SqliteTables

TABLES = ("imaging_study", "imaging_series", "imaging_order_link")
CANARY = "CANARY^NAME"


@pytest.fixture(params=["http", "kafka"])
def told(request, make_lightbox, make_told):
    """A server that tells of its studies, and how a worker hears of it."""
    if request.param == "kafka":
        kafka = request.getfixturevalue("kafka")
        server = make_told(kafka)
        server.section = {"Kafka": {"Brokers": kafka.brokers(), "TopicPrefix": server.prefix, "Properties": {"session.timeout.ms": 6000}}}
    else:
        server = events.Told(make_lightbox())
        server.section = {"Source": "http"}
    return server


@pytest.fixture
def consume(told, make_worker, make_tables):
    """consume(): a worker of told's events; group and tables are new unless said."""

    def make(tables=None, group="consumer-dicom", **options):
        return make_worker("consumer-dicom", told.server, tables or make_tables(group), {**told.section, "Group": group}, **options)

    return make


def study_row(worker, label):
    rows = worker.rows(f"SELECT * FROM imaging_study WHERE study_instance_uid = '{events.study_uid(label)}'")
    return rows[0] if rows else None


def await_revision(worker, label, revision):
    """Until the row tells of that revision; the row."""
    def reached():
        worker.process.require_running()
        row = study_row(worker, label)
        return row if row and int(row["revision"]) >= revision else None
    return eventually(reached, f"revision {revision} of {label}")


def await_gone(worker, label):
    eventually(lambda: study_row(worker, label) is None, f"{label} to leave the table")


def caught_up(worker, count):
    """Until that many events were applied, had or left out."""
    def handled():
        names = ("imaging_inbox_processed_total", "imaging_inbox_duplicate_total", "imaging_inbox_stale_total", "imaging_inbox_ignored_total")
        return sum(worker.metric(name) or 0 for name in names) >= count
    eventually(handled, f"{count} events")


@pytest.mark.sanitize
def test_a_study_is_in_the_table_from_its_arrival_to_its_deletion(told, consume):
    worker = consume()
    accession = {"00080050": ("SH", b"ACC-1")}
    events.push(told.server, events.study("one", 3, **accession))
    assert study_row(worker, "one") is None
    events.arrive(told.server, "one")
    row = await_revision(worker, "one", 2)
    assert (row["series_count"], row["instance_count"], row["accession_number"], row["lane"]) == ("2", "3", "ACC-1", "normal")
    assert row["arrived_at"] == row["updated_at"]
    series = worker.rows("SELECT * FROM imaging_series ORDER BY instance_count")
    assert [row["instance_count"] for row in series] == ["1", "2"]
    assert [row["accession_number"] for row in worker.rows("SELECT * FROM imaging_order_link")] == ["ACC-1"]

    events.push(told.server, events.study("one", 2, first=3, **accession))
    events.arrive(told.server, "one")
    later = await_revision(worker, "one", 3)
    assert later["instance_count"] == "5" and later["arrived_at"] == row["arrived_at"] < later["updated_at"]

    assert told.server.delete(f"/studies/{events.orthanc_study('one')}").status_code == 200
    await_gone(worker, "one")
    assert all(worker.rows(f"SELECT * FROM {table}") == [] for table in TABLES)
    assert worker.metric("imaging_inbox_dlq_total") is None


def test_orders_find_their_studies_whichever_came_first(told, consume):
    worker = consume()
    events.push(told.server, events.study("two", 1, **{"00080050": ("SH", b"ACC-2")}))
    events.arrive(told.server, "two")
    await_revision(worker, "two", 2)
    assert worker.rows("SELECT * FROM imaging_order_study") == []


def test_replaying_all_events_gives_the_same_tables(told, consume, make_tables):
    tables = make_tables("kept")
    worker = consume(tables)
    labels = ["a", "b", "c", "d"]
    events.told_studies(told.server, labels, 2)
    events.push(told.server, events.study("b", 1, first=2))
    events.arrive(told.server, "b")
    assert told.server.delete(f"/studies/{events.orthanc_study('c')}").status_code == 200
    count = 4 * 2 + 1 + 1  # received and arrived of four, one update, one deletion
    caught_up(worker, count)
    fingerprint = worker.fingerprint(*TABLES)
    worker.stop()

    again = consume(tables, group="again")  # another group on the same tables: everything is applied once more
    caught_up(again, count)
    assert again.fingerprint(*TABLES) == fingerprint
    again.stop()

    fresh = consume(make_tables("fresh"), group="fresh")
    caught_up(fresh, count)
    assert fresh.fingerprint(*TABLES) == fingerprint


def test_a_killed_worker_goes_on_where_it_was(told, consume, make_tables):
    tables = make_tables("kept")
    worker = consume(tables)
    events.told_studies(told.server, ["before"])
    await_revision(worker, "before", 2)
    worker.kill()
    events.told_studies(told.server, ["meanwhile"])
    worker.start()
    await_revision(worker, "meanwhile", 2)
    assert await_revision(worker, "before", 2)["instance_count"] == "1"


@pytest.mark.sanitize
@pytest.mark.parametrize("step", ["worker-after-prepare", "worker-before-commit", "worker-after-commit"])
def test_death_at_any_step_leaves_every_effect_once(told, consume, make_tables, crash_points, step):
    worker = consume(make_tables("kept"), start=False)
    events.told_studies(told.server, ["x", "y", "z"])
    worker.start(wait=None, env={"LIGHTBOX_CRASH_AT": f"{step}:2"})
    worker.wait_for_end()
    worker.start()
    for label in ("x", "y", "z"):
        await_revision(worker, label, 2)
    inbox = worker.rows("SELECT count(*) AS n, count(DISTINCT id) AS ids FROM worker_inbox")[0]
    assert inbox["n"] == inbox["ids"] == "3"


def test_an_archive_that_is_away_is_waited_for(told, consume):
    worker = consume()
    events.told_studies(told.server, ["first"])
    await_revision(worker, "first", 2)
    told.server.stop()
    told.server.start()
    events.told_studies(told.server, ["second"])
    await_revision(worker, "second", 2)
    assert worker.metric("imaging_inbox_dlq_total") is None


def test_what_patients_are_called_stands_in_no_log(told, consume):
    worker = consume(settings={"LogLevel": "trace"})
    events.push(told.server, events.study("quiet", 1, **{"00100010": ("PN", CANARY.encode())}))
    events.arrive(told.server, "quiet")
    await_revision(worker, "quiet", 2)
    worker.stop()
    log = worker.log.read_text()
    assert '"event":"event-applied"' in log and '"event":"stopped"' in log
    assert CANARY not in log and "EVENTS-quiet" not in log


def test_a_stream_that_no_longer_has_what_came_next_is_told_of_and_followed(make_lightbox, make_worker, tmp_path):
    server, tables = make_lightbox(), SqliteTables(tmp_path / "own")
    worker = make_worker("consumer-dicom", server, tables, {"Source": "http"})
    events.told_studies(server, ["known"])
    await_revision(worker, "known", 2)
    worker.stop()
    with contextlib.closing(sqlite3.connect(tables.path)) as database, database:
        database.execute("UPDATE worker_position SET position = 1000000")  # as with an archive that was set up anew
    worker.start()
    events.told_studies(server, ["next"])
    await_revision(worker, "next", 2)
    assert '"event":"events-missed"' in worker.log.read_text()
