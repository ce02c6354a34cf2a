"""./dev run --kafka: a real broker, the server, both workers, and one study on its way; until Ctrl-C, or once with --once.

Everything lies in a folder of its own that goes at the end, and ends by its process id.
"""

import argparse
import pathlib
import shutil
import signal
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from support import events  # noqa: E402
from support.flow import Flow  # noqa: E402
from support.kafka import Kafka  # noqa: E402
from support.lightbox import Lightbox  # noqa: E402
from support.peers import storescu  # noqa: E402
from support.process import can_connect, eventually  # noqa: E402

SAMPLE = ROOT / "build" / "testdata" / "sample"
PDF_CLASS = "1.2.840.10008.5.1.4.1.1.104.1"
STABLE_S = 2


def say(text=""):
    print(text, flush=True)


def headline(number, text):
    say(f"\n\033[1m{number}. {text}\033[0m")


class Reader(threading.Thread):
    """Shows what appears in the topics, as any consumer would see it."""

    def __init__(self, flow):
        super().__init__(daemon=True)
        self.log, self.shown, self.ending = flow.log(), 0, threading.Event()

    def run(self):
        while not self.ending.is_set():
            for record in self.log.poll()[self.shown:]:
                self.shown += 1
                say(f"     {record.topic}/{record.partition}@{record.offset}  {record.headers['ce_type']}  key {record.key[:24]}...")
        self.log.close()

    def close(self):
        self.ending.set()
        self.join()


def lightbox(folder, kafka):
    """On the usual ports, if they are free."""
    usual = {name: port for name, port in (("HttpPort", 8042), ("DicomPort", 4242)) if not can_connect(port)}
    server = Lightbox(folder / "lightbox", {"Name": "Lightbox", "StableAge": STABLE_S, **events.settings(kafka, ""), **usual})
    server.http_port, server.dicom_port = server.settings["HttpPort"], server.settings["DicomPort"]
    return server


def show(flow):
    server = flow.server
    headline(1, "A modality pushes a study (C-STORE)")
    storescu(server.dicom_port, [SAMPLE], "+sd")
    found, = server.json("/studies?expand")
    study = found["MainDicomTags"]["StudyInstanceUID"]
    say(f"     {len(server.json('/instances'))} instances of study {study}")

    headline(2, f"It is silent for {STABLE_S} s: study.arrived; consumer-dicom keeps the platform's table in step")
    row = flow.row(study)
    say("     imaging_study: " + ", ".join(f"{name}={row[name]}" for name in ("modalities", "series_count", "instance_count", "revision", "arrived_at")))

    headline(3, "A physician signs: report.finalised comes from the platform; imaging-report stores it in the study")
    flow.finalise(study)
    told = eventually(lambda: [event for event in flow.reports(study) if event.data["sopClassUid"] == PDF_CLASS], "the report in the study")
    pdf = pathlib.Path(server.folder.parent / "report.pdf")
    pdf.write_bytes(flow.document(told[-1]))
    say(f"     {pdf} ({pdf.stat().st_size:,} bytes): {told[-1].kind}, instance {told[-1].data['sopInstanceUid']}")
    return study, pdf


def what_to_try(flow, study):
    say(f"""
     curl -N '{flow.server.url('/events?since=0')}'
     curl {flow.server.url('/studies')}
     {flow.server.url(f'/dicom-web/studies/{study}/rendered')}
     kcat -b {flow.kafka.brokers()} -C -t {flow.told.topic()} -f '%k %h\\n%s\\n\\n'
     kcat -b {flow.kafka.brokers()} -L
     storescu -aec LIGHTBOX +sd 127.0.0.1 {flow.server.dicom_port} A_FOLDER_OF_DICOM_FILES
     sqlite3 {flow.tables['consumer-dicom'].path} 'SELECT * FROM imaging_study'

Stop it with Ctrl-C.""")


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--once", action="store_true", help="end when the report is in the study")
    options.add_argument("--version", default="4", help="of Kafka: a folder of tests/kafka")
    chosen = options.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lightbox-kafka-"))
    ending = []
    try:
        headline(0, f"Apache Kafka {chosen.version}, the server, consumer-dicom and imaging-report start (in {folder})")
        kafka = Kafka(folder / "kafka", chosen.version)
        ending.append(kafka.close)
        kafka.start()
        server = lightbox(folder, kafka)
        ending.append(server.close)
        flow = Flow(folder, kafka, server)
        ending.append(flow.close)
        flow.start()
        reader = Reader(flow)
        ending.append(reader.close)
        reader.start()
        study, _ = show(flow)
        if not chosen.once:
            what_to_try(flow, study)
            signal.pause()
    finally:
        for end in reversed(ending):
            end()
        shutil.rmtree(folder)
        say("\nEverything has ended.")


if __name__ == "__main__":
    main()
