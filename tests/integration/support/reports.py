"""Studies to be read, and what a platform says of their reports."""

import contextlib
import io
import json
import sqlite3
import uuid

import numpy
import pydicom
from confluent_kafka import Producer
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, KeyObjectSelectionDocumentStorage

from . import contract
from .process import eventually

PDF, SR = "1.2.840.10008.5.1.4.1.1.104.1", "1.2.840.10008.5.1.4.1.1.88.11"
NAME = "Nguyễn^Ánh^Thị Canary"


def uid():
    return f"2.25.{uuid.uuid4().int}"


def base(study, series, sop_class, modality, number):
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, uid()
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = NAME, "BN-77", "19870203", "F"
    ds.StudyDate, ds.StudyTime, ds.AccessionNumber, ds.StudyID = "20261121", "091530", "ACC-1", "S1"
    ds.StudyDescription, ds.Modality, ds.InstanceNumber = "CLVT ngực", modality, number
    ds.ReferringPhysicianName = "Trần^Đức"
    ds.TimezoneOffsetFromUTC = "+0700"
    return ds


def ct(study, series, number, series_number=1, size=48):
    ds = base(study, series, CTImageStorage, "CT", number)
    ds.SeriesNumber, ds.SeriesDescription = series_number, f"Nhu mô {series_number}"
    ds.Rows = ds.Columns = size
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit, ds.WindowCenter, ds.WindowWidth = 15, 500, 1000
    ds.PixelData = numpy.fromfunction(lambda y, x: (x * y + number * 50) % 1000, (size, size)).astype("<u2").tobytes()
    return ds


def key_objects(study, images, title="113000"):
    ds = base(study, uid(), KeyObjectSelectionDocumentStorage, "KO", 1)
    ds.SeriesNumber = 50
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = title, "DCM", "Of Interest"
    ds.ConceptNameCodeSequence = [code]
    ds.ContentSequence = []
    for image in images:
        item, reference = Dataset(), Dataset()
        item.RelationshipType, item.ValueType = "CONTAINS", "IMAGE"
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
        item.ReferencedSOPSequence = [reference]
        ds.ContentSequence.append(item)
    return ds


def part10(ds):
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


class Study:
    """Two series of a CT, in an archive."""

    def __init__(self, server, counts=(5, 12)):
        self.server, self.uid = server, uid()
        self.images = [[ct(self.uid, series, number, index) for number in range(1, count + 1)]
                       for index, (series, count) in enumerate(((uid(), count) for count in counts), 1)]

    def push(self, *more):
        for ds in [*(image for series in self.images for image in series), *more]:
            self.server.store(part10(ds))
        return self

    def arrive(self):
        (found,) = [s for s in self.server.json("/studies?expand") if s["MainDicomTags"]["StudyInstanceUID"] == self.uid]
        answer = self.server.post(f"/studies/{found['ID']}/arrive")
        assert answer.status_code in (200, 202, 204), answer.text
        return self

    def documents(self):
        """The reports that stand in the study: SOP class -> data sets in the order of their numbers."""
        found = {PDF: [], SR: []}
        for row in self.server.json(f"/dicom-web/studies/{self.uid}/instances?includefield=00080016,00200013"):
            sop_class = row["00080016"]["Value"][0]
            if sop_class in found:
                path = f"/studies/{self.uid}/series/{row['0020000E']['Value'][0]}/instances/{row['00080018']['Value'][0]}"
                answer = self.server.get(f"/dicom-web{path}", headers={"Accept": 'application/dicom'})
                assert answer.status_code == 200, answer.text
                found[sop_class].append(pydicom.dcmread(io.BytesIO(answer.content)))
        for documents in found.values():
            documents.sort(key=lambda ds: ds.InstanceNumber)
        return found


def pages(document):
    return document.EncapsulatedDocument[: document.EncapsulatedDocumentLength]


class Platform:
    """Says what is to become of reports, on a topic of its own."""

    def __init__(self, kafka, topic):
        self.kafka, self.topic = kafka, topic
        self.producer = Producer({"enable.idempotence": True, "partitioner": "murmur2_random", "message.max.bytes": 20_000_000,
                                  **kafka.client()})

    def send(self, value, key=None, headers=None):
        errors = []
        self.producer.produce(self.topic, value, key, headers=headers, on_delivery=lambda error, _: errors.append(error))
        self.producer.flush(60)
        assert errors == [None]

    def say(self, name, data, event_id=None):
        """An event in canonical form."""
        contract.validate_inbound(name, data)
        event_id = event_id or str(uuid.uuid4())
        self.send(json.dumps(data), data["studyInstanceUid"],
                  {"ce_specversion": "1.0", "ce_id": event_id, "ce_source": "/platform/reports", "content-type": "application/json",
                   "ce_type": f"org.sapoche.platform.{name}.v1", "ce_partitionkey": data["studyInstanceUid"]})
        return event_id


def report(study, **more):
    return {"studyInstanceUid": study.uid, "reportId": "KQ-1", "version": 1, "issuedAt": "2026-11-21T10:05:09+07:00",
            "language": "vi", "findings": "Không thấy tổn thương khu trú.\nTim, mạch máu lớn: bình thường.",
            "impression": "Bình thường.", "author": {"id": "BS12", "name": "Lê Thị Hồng Gấm"}, **more}


class Tables:
    """What the worker keeps, read beside it."""

    def __init__(self, worker):
        self.path, self.worker = worker.tables.path, worker

    def rows(self, sql, *values):
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=30)) as connection:
            return connection.execute(sql, values).fetchall()

    def outcomes(self, study):
        return [row[0] for row in self.rows("SELECT outcome FROM report_event WHERE study_uid = ? ORDER BY told_ms, event_id", study.uid)]

    def draft(self, study):
        rows = self.rows("SELECT pdf FROM report_draft WHERE study_uid = ?", study.uid)
        return rows[0][0] if rows else None

    def draft_images(self, study):
        return self.rows("SELECT sop_uid, caption, jpeg FROM report_draft_image WHERE study_uid = ? ORDER BY place", study.uid)

    def wait(self, condition, what):
        def met():
            self.worker.process.require_running()
            return condition()
        return eventually(met, what)

    def wait_for(self, study, outcome, count=1):
        self.wait(lambda: self.outcomes(study).count(outcome) >= count, f"{count} {outcome}")

    def wait_for_draft(self, study):
        return self.wait(lambda: self.draft(study), "a draft")
