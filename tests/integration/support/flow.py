"""The whole way of a study: pushed, arrived, taken up by the platform's table, reported on, and its report back in the study."""

import itertools
import json
import uuid

from confluent_kafka import Producer

from . import events
from .kafka_log import KafkaLog
from .lightbox import ROOT
from .process import eventually
from .worker import SqliteTables, Worker, lag

INBOUND = "sapoche.report.events.v1"
EXAMPLE = ROOT / "events" / "contract" / "examples" / "inbound" / "report.finalised.json"


class Flow:
    """A server with its topics and both workers on one broker; everything lies in one folder."""

    def __init__(self, folder, kafka, server):
        self.kafka, self.server = kafka, server
        self.told = events.Told(server, kafka)
        self.inbound = self.told.prefix + INBOUND
        topics = {"consumer-dicom": [events.STUDY], "imaging-report": [events.STUDY, self.inbound]}
        archive = {"Kafka": {"Brokers": kafka.brokers(), "TopicPrefix": self.told.prefix}, "Archive": {"Url": server.url("")}}
        self.tables = {name: SqliteTables(folder / f"{name}.sqlite") for name in topics}
        self.workers = [Worker(name, folder, self.tables[name], {**archive, "Group": self.told.prefix + name, "InstanceId": name,  # as pods have
                                                                 "Topics": topics[name]})
                        for name in topics]

    def start(self, workers=True):
        self.told.ensure_topics()
        self.kafka.create_topic(self.inbound)
        self.server.start()
        for worker in self.workers if workers else ():
            worker.start()
        return self

    def log(self):
        """Everything that is told, in every lane, and what the platform says of reports."""
        topics = [self.told.topic(name, lane) for name, lane in itertools.product((events.STUDY, events.REPORT), events.LANES)]
        return KafkaLog(self.kafka.client(), [*topics, self.inbound])

    def lag(self):
        """How many records are not behind both workers, committed."""
        groups = {"consumer-dicom": [self.told.topic()], "imaging-report": [self.told.topic(), self.inbound]}
        return sum(lag(self.kafka, self.told.prefix + name, topics) for name, topics in groups.items())

    def row(self, study):
        """What the platform's table says of the study, once it does."""
        return eventually(lambda: self.find_row(study), "a row of the platform's table")

    def find_row(self, study):
        return next((row for row in self.tables["consumer-dicom"].query("SELECT * FROM imaging_study") if row["study_instance_uid"] == study), None)

    def finalise(self, study, key_image=None):
        """What the platform says when a physician has signed."""
        words = {**json.loads(EXAMPLE.read_text(encoding="utf-8")), "studyInstanceUid": study}
        words["keyImages"] = [{"sopInstanceUid": key_image}] if key_image else []
        headers = {"content-type": "application/json", "ce_specversion": "1.0", "ce_id": str(uuid.uuid4()), "ce_source": "/platform/reports",
                   "ce_type": "org.sapoche.platform.report.finalised.v1", "ce_partitionkey": study}
        producer = Producer({**self.kafka.client(), "partitioner": "murmur2_random"})
        producer.produce(self.inbound, json.dumps(words).encode(), study, headers=headers)
        assert producer.flush(60) == 0
        return words

    def reports(self, study):
        """The events about reports of that study."""
        return [event for event in self.told.events(events.REPORT) if event.key == study]

    def document(self, event):
        """The bytes of the PDF that such an event is about."""
        answer = self.server.get("/dicom-web/studies/{studyInstanceUid}/series/{seriesInstanceUid}/instances/{sopInstanceUid}/rendered"
                                 .format(**event.data), headers={"Accept": "application/pdf"})
        assert answer.status_code == 200, f"the report: {answer.status_code} {answer.text[:300]}"
        return answer.content

    def close(self):
        for worker in self.workers:
            worker.close()
