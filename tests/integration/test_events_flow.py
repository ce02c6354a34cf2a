"""The whole way of a study on a real broker: pushed, arrived, in the platform's table, reported on, its report back in the study."""

import pytest

from support import events
from support.flow import Flow
from support.kafka import VERSIONS
from support.peers import storescu
from support.process import eventually

ENCAPSULATED_PDF, BASIC_TEXT_SR = "1.2.840.10008.5.1.4.1.1.104.1", "1.2.840.10008.5.1.4.1.1.88.11"


@pytest.fixture
def make_flow(make_lightbox, tmp_path):
    made = []

    def make(kafka, workers=True):
        server = make_lightbox({"StableAge": 1, **events.settings(kafka, next(events.prefixes))}, start=False)
        made.append(Flow(tmp_path / "flow", kafka, server))
        return made[-1].start(workers)

    yield make
    for flow in made:
        flow.close()


@pytest.mark.parametrize("version", [VERSIONS[-1], *(pytest.param(version, marks=pytest.mark.long) for version in VERSIONS[:-1])])
def test_a_study_from_its_push_to_its_report(make_flow, brokers, generated_dicom, version):
    flow = make_flow(brokers(version))
    storescu(flow.server.dicom_port, [generated_dicom / "sample"], "+sd")
    found, = flow.server.json("/studies?expand")
    study, pushed = found["MainDicomTags"]["StudyInstanceUID"], len(flow.server.json("/instances"))
    row = flow.row(study)
    assert int(row["instance_count"]) == pushed

    flow.finalise(study)
    eventually(lambda: len(flow.reports(study)) == 2, "the report in the study, in both forms")
    told = {event.data["sopClassUid"]: event for event in flow.reports(study)}
    assert set(told) == {ENCAPSULATED_PDF, BASIC_TEXT_SR}
    assert {event.kind for event in told.values()} == {"report.available"}
    assert flow.document(told[ENCAPSULATED_PDF]).startswith(b"%PDF-")

    eventually(lambda: int(flow.row(study)["instance_count"]) == pushed + 2, "the report in the platform's table")
    assert [event.kind for event in events.check_order(flow.told.events())] == ["study.received", "study.arrived", "study.updated"]


def test_both_workers_are_killed_on_the_way_and_nothing_is_twice(make_flow, kafka, generated_dicom):
    flow = make_flow(kafka, workers=False)
    storescu(flow.server.dicom_port, [generated_dicom / "sample"], "+sd")
    found, = flow.server.json("/studies?expand")
    study, pushed = found["MainDicomTags"]["StudyInstanceUID"], len(flow.server.json("/instances"))
    eventually(lambda: len(flow.told.events()) == 2, "the study's arrival")
    flow.finalise(study)
    for worker in flow.workers:
        worker.start()
    eventually(lambda: len(flow.reports(study)) == 2, "the report in the study")
    for worker in flow.workers:
        worker.kill()  # it may have committed its offset or not
        worker.start()
    eventually(lambda: len(flow.told.events()) == 3, "the study's update")
    eventually(lambda: flow.lag() == 0, "workers that have seen everything")
    assert int(flow.row(study)["instance_count"]) == len(flow.server.json("/instances")) == pushed + 2
    assert len(flow.reports(study)) == 2
