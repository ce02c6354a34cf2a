"""A read-only look into the SQLite index, for tests that compare promises with rows."""

import contextlib
import sqlite3

STUDY, SERIES, INSTANCE = 1, 2, 3


def orthanc_id(blob):
    """Twenty bytes as Orthanc writes them: five groups of eight digits."""
    text = blob.hex()
    return "-".join(text[at: at + 8] for at in range(0, 40, 8))


class Index:
    """Opens the database for each question, so that the server may come and go in between."""

    def __init__(self, path):
        self.path = path

    def rows(self, statement, *parameters):
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=30)) as database:
            return database.execute(statement, parameters).fetchall()

    def value(self, statement, *parameters):
        return self.rows(statement, *parameters)[0][0]

    def object_keys(self):
        """Every key that a row names, as hexadecimal."""
        found = set()
        for statement in ("SELECT object_key FROM instance", "SELECT inflated_key FROM instance WHERE inflated_key IS NOT NULL",
                          "SELECT object_key FROM attachment", "SELECT object_key FROM garbage"):
            found |= {key.hex() for (key,) in self.rows(statement)}
        return found

    def instances(self):
        """Orthanc ids of the instances that are visible."""
        return {orthanc_id(blob) for (blob,) in self.rows("SELECT i.orthanc_id FROM instance i JOIN series s ON s.id = i.series")}

    def check(self):
        """Rows agree with each other: totals, counters, parents, tables, changes, outbox."""
        assert self.value("PRAGMA integrity_check") == "ok"
        self.check_totals()
        self.check_counters()
        self.check_changes()
        self.check_outbox()
        self.check_metadata()

    def check_totals(self):
        total = self.rows("SELECT patients, studies, series, instances, size_bytes FROM total")[0]
        counted = tuple(self.value(f"SELECT count(*) FROM {table}") for table in ("patient", "study", "series", "instance"))
        assert total[:4] == counted, f"totals {total[:4]}, rows {counted}"
        assert total[4] == self.value("SELECT coalesce(sum(size_bytes), 0) FROM instance")
        assert self.value("SELECT count(*) FROM instance WHERE id NOT IN (SELECT id FROM instance_blob)") == 0
        assert self.value("SELECT count(*) FROM instance_blob WHERE id NOT IN (SELECT id FROM instance)") == 0

    def check_counters(self):
        for child, parent in (("instance", "series"), ("series", "study"), ("study", "patient")):
            orphans = self.value(f"SELECT count(*) FROM {child} WHERE {parent} NOT IN (SELECT id FROM {parent})")
            childless = self.value(f"SELECT count(*) FROM {parent} WHERE id NOT IN (SELECT {parent} FROM {child})")
            assert (orphans, childless) == (0, 0), f"{orphans} {child} without {parent}, {childless} {parent} without {child}"
        wrong = self.rows("SELECT s.id, s.instance_count, count(i.id) FROM series s JOIN instance i ON i.series = s.id "
                          "GROUP BY s.id HAVING s.instance_count <> count(i.id) OR s.size_bytes <> sum(i.size_bytes)")
        assert not wrong, f"series counters: {wrong}"
        for table, path in (("study", "s.study = t.id"), ("patient", "s.study IN (SELECT id FROM study WHERE patient = t.id)")):
            wrong = self.rows(f"SELECT t.id, t.instance_count, sum(s.instance_count) FROM {table} t JOIN series s ON {path} "
                              "GROUP BY t.id HAVING t.instance_count <> sum(s.instance_count) OR t.size_bytes <> sum(s.size_bytes)")
            assert not wrong, f"{table} counters: {wrong}"

    def check_metadata(self):
        """Ready-made metadata: no stream without its series, none with more than that has, every byte there."""
        assert self.value("SELECT count(*) FROM metadata_stream WHERE series NOT IN (SELECT id FROM series)") == 0
        assert self.value("SELECT count(*) FROM metadata_pending WHERE series NOT IN (SELECT id FROM series)") == 0
        assert self.rows("SELECT m.series FROM metadata_stream m WHERE m.instance_count <>"
                         " (SELECT count(*) FROM instance i WHERE i.series = m.series AND i.id <= m.appended_to)") == []
        assert self.rows("SELECT id FROM metadata_stream WHERE deflate_size <>"
                         " (SELECT coalesce(sum(length(bytes)), 0) FROM metadata_bytes WHERE stream = id)") == []

    def metadata_is_ready(self):
        """Whether every instance is in the stream of its series."""
        return self.rows("SELECT s.id FROM series s LEFT JOIN metadata_stream m ON m.series = s.id"
                         " WHERE m.instance_count IS NOT s.instance_count") == []

    def check_changes(self):
        """A resource was announced once when it came: numbers without a gap as long as nothing was deleted."""
        seqs = [seq for (seq,) in self.rows("SELECT seq FROM change ORDER BY seq")]
        last = self.value("SELECT last_change FROM total")
        assert not seqs or seqs[-1] <= last, f"change {seqs[-1]} is beyond {last}"
        for level, table in enumerate(("patient", "study", "series", "instance")):
            missing = self.value(f"SELECT count(*) FROM {table} WHERE id NOT IN (SELECT resource FROM change WHERE level = ?)", level)
            dangling = self.value(f"SELECT count(*) FROM change WHERE level = ? AND resource NOT IN (SELECT id FROM {table})", level)
            assert (missing, dangling) == (0, 0), f"{missing} {table} without a change, {dangling} changes without {table}"

    def check_outbox(self):
        """study.received once for each study UID; revisions of a key and aggregate are 1, 2, 3 ... in row order; lists are counted."""
        received = self.rows("SELECT key, count(*) FROM outbox WHERE type = 'study.received' GROUP BY key")
        assert all(count == 1 for _, count in received), f"received twice: {[key for key, count in received if count > 1]}"
        uids = {uid for (uid,) in self.rows("SELECT uid FROM study_uid WHERE study_count > 0")}
        assert uids <= {key for key, _ in received}, "a study without its study.received"
        for aggregate, column in (("study", "revision"), ("report", "report_revision")):
            for uid, revision in self.rows(f"SELECT uid, {column} FROM study_uid"):
                revisions = [number for (number,) in self.rows(
                    "SELECT revision FROM outbox WHERE key = ? AND type LIKE ? || '.%' ORDER BY id", uid, aggregate)]
                assert revisions == list(range(1, revision + 1)), f"{uid}: {revisions}, last {revision}"
        for table in ("unsent", "parked", "dead"):
            assert self.value(f"SELECT {table}_events FROM total") == self.value(f"SELECT count(*) FROM outbox_{table}")
            assert self.value(f"SELECT count(*) FROM outbox_{table} WHERE id NOT IN (SELECT id FROM outbox)") == 0
        assert self.value("SELECT coalesce(max(id), 0) FROM outbox") <= self.value("SELECT last_event FROM total")
