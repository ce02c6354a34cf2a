"""What stands in the log: one JSON record a line, and nothing of a patient at any level."""

import io
import json
import re

import pydicom
import pytest

from support.peers import storescu

CANARIES = ("Kanarienvogel", "CANARY-4711", "19010203")  # name, id, birth date of one invented patient


def with_canaries(source, damage=False):
    data_set = pydicom.dcmread(source)
    data_set.PatientName = f"{CANARIES[0]}^Hansi"
    data_set.PatientID = CANARIES[1]
    data_set.PatientBirthDate = CANARIES[2]
    out = io.BytesIO()
    data_set.save_as(out)
    return out.getvalue()[:-7] if damage else out.getvalue()


@pytest.fixture
def told(make_lightbox, generated_dicom, tmp_path):
    """The log of a server that was asked for everything, at its most talkative."""
    server = make_lightbox({"LogLevel": "trace", "LogFormat": "json"})
    source = generated_dicom / "sample" / "slice-01.dcm"
    stored = server.store(with_canaries(source))
    assert server.post("/instances", with_canaries(source, damage=True)).status_code == 400
    damaged = tmp_path / "slice.dcm"
    damaged.write_bytes(with_canaries(source))
    storescu(server.dicom_port, [damaged])
    for path in (f"/instances/{stored['ID']}/tags", f"/patients/{stored['ParentPatient']}", "/patients?expand",
                 f"/patients/{CANARIES[1]}", f"/instances?PatientName={CANARIES[0]}"):
        server.get(path)
    assert server.delete(f"/patients/{stored['ParentPatient']}").status_code == 200
    server.stop()
    return server.log.read_text(encoding="utf-8")


def test_nothing_of_a_patient_is_logged(told):
    for canary in CANARIES:
        assert canary not in told


def test_every_line_is_a_record(told):
    records = [json.loads(line) for line in told.splitlines()]
    assert len(records) > 5
    for record in records:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["ts"])
        assert record["level"] and record["component"] and record["event"]
    assert {"store-refused", "started", "stopping"} <= {record["event"] for record in records}
