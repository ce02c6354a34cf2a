"""What reports become: pages that people read, objects that other programs accept. No server; the worker's own making of documents."""

import json
import subprocess

import numpy
import pydicom
import pytest
from conftest import require, require_program
from PIL import Image
from support.lightbox import BINARY

TOOL = BINARY.parent / "tests" / "report_tool"
FINDINGS = "Nhu mô phổi: nốt đặc 12 × 9 mm, bờ tua gai.\nTim, mạch máu lớn: không ghi nhận bất thường.\n"
# Every vowel of Vietnamese with every tone, in both cases.
LETTERS = " ".join(
    letter + letter.upper()
    for letter in "aàảãáạăằẳẵắặâầẩẫấậeèẻẽéẹêềểễếệiìỉĩíịoòỏõóọôồổỗốộơờởỡớợuùủũúụưừửữứựyỳỷỹýỵđ"
)


def study(**more):
    values = {
        "00080020": ("DA", "20261121"), "00080030": ("TM", "091530"), "00080050": ("SH", "ACC-1"), "00080060": ("CS", "CT"),
        "00080090": ("PN", {"Alphabetic": "Trần^Đức"}), "00080201": ("SH", "+0700"), "00081030": ("LO", "CLVT ngực"),
        "00100010": ("PN", {"Alphabetic": "Nguyễn^Ánh^Thị Ngọc"}), "00100020": ("LO", "BN-77"), "00100030": ("DA", "19870203"),
        "00100040": ("CS", "F"), "0020000D": ("UI", "2.25.1"), "00200010": ("SH", "S1"),
    }  # fmt: skip
    values.update(more)
    return [{tag: {"vr": vr, "Value": [value]} for tag, (vr, value) in values.items()}]


def event(**more):
    return {
        "studyInstanceUid": "2.25.1", "reportId": "KQ-1", "version": 1, "issuedAt": "2026-11-21T10:05:09+07:00",
        "findings": FINDINGS, "impression": "Nghi ngờ ác tính.", "author": {"id": "BS12", "name": "Lê Thị Hồng Gấm"},
        "verifier": {"id": "BS1", "name": "Phạm^Việt^Quốc", "at": "2026-11-21T11:00:00+07:00"}, **more,
    }  # fmt: skip


class Made:
    def __init__(self, folder):
        self.folder = folder
        self.page = folder / "report.pdf"
        self.pdf = folder / "pdf.dcm"
        self.sr = folder / "sr.dcm"

    def text(self, *options):
        return run("pdftotext", *options, self.page, "-")


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout.decode()


@pytest.fixture
def make(tmp_path):
    """report_tool on a study and an event, with so many pictures."""
    require(TOOL.exists(), f"{TOOL} (./dev build)")
    made = []

    def make(kind="finalised", picture_count=2, about=None, **more):
        folder = tmp_path / str(len(made))
        folder.mkdir()
        pictures = []
        for i in range(picture_count):
            pixels = numpy.fromfunction(lambda y, x, i=i: (x * (i + 1) + y) % 256, (200 + 40 * i, 160)).astype("uint8")
            pictures.append(folder / f"{i}.jpg")
            Image.fromarray(pixels).save(pictures[-1])
        (folder / "study.json").write_text(json.dumps(about or study()))
        (folder / "event.json").write_text(json.dumps(event(**more)))
        run(TOOL, kind, folder / "study.json", folder / "event.json", folder, *pictures)
        made.append(Made(folder))
        return made[-1]

    return make


def test_every_letter_of_vietnamese_can_be_read_back_from_the_pages(make):
    require_program("pdftotext")
    text = make(findings=LETTERS).text()
    for letters in LETTERS.split():
        assert letters in text


def test_letters_with_separate_marks_are_read_back_as_one(make):
    require_program("pdftotext")
    assert "Ấn" in make(findings="A\u0302\u0301n").text()


def test_fonts_are_embedded_as_subsets(make):
    require_program("pdffonts")
    fonts = run("pdffonts", make().page).splitlines()[2:]
    assert fonts
    for font in fonts:
        assert font.split()[-5:-2] == ["yes", "yes", "yes"], font  # embedded, subset, to Unicode


def test_pages_say_who_what_and_by_whom(make):
    require_program("pdftotext")
    text = make().text("-layout")
    for part in ("Nguyễn Thị Ngọc Ánh", "BN-77", "03/02/1987", "Nữ", "ACC-1", "CT CLVT ngực", "21/11/2026 09:15", "Mô tả hình ảnh",
                 "Kết luận", "Lê Thị Hồng Gấm", "Phạm Quốc Việt", "KQ-1, bản 1", "Trang 1/1"):  # fmt: skip
        assert part in text, part
    assert "NHÁP" not in text


def test_a_modality_that_the_description_names_is_not_said_twice(make):
    assert "CT CT" not in make(about=study(**{"00081030": ("LO", "CT ngực")})).text()
    assert "CT CTA" in make(about=study(**{"00081030": ("LO", "CTA ngực")})).text()


def test_english_reports_have_english_words(make):
    require_program("pdftotext")
    text = make(language="en", verifier=None).text()
    for part in ("DIAGNOSTIC IMAGING REPORT", "Findings", "Impression", "Reported by", "3 Feb 1987", "Not verified", "Page 1/1"):
        assert part in text, part


def test_long_reports_run_over_pages_with_heads_and_numbers(make):
    require_program("pdftotext", "pdfinfo")
    made = make(findings=FINDINGS * 80)
    pages = made.text("-layout").split("\f")[:-1]
    assert len(pages) >= 4
    for number, page in enumerate(pages, 1):
        assert f"Trang {number}/{len(pages)}" in page
        if number > 1:
            assert "Nguyễn Thị Ngọc Ánh" in page.splitlines()[0]
    assert made.text().count("12 × 9 mm") == 80  # none lost between pages


def test_a_draft_says_so_on_every_page(make):
    require_program("pdftotext")
    pages = make("draft", findings=FINDINGS * 40).text("-raw").split("\f")[:-1]
    assert len(pages) > 1
    for page in pages:
        assert "NHÁP" in page


def test_an_amendment_says_so_and_why(make):
    require_program("pdftotext")
    text = make("amended", reason="Bổ sung số đo", version=2).text()
    assert "SỬA ĐỔI" in text
    assert "Bổ sung số đo" in text


def test_pictures_are_the_jpegs_they_came_as(make):
    require_program("pdfimages")
    made = make(picture_count=3)
    run("pdfimages", "-all", made.page, made.folder / "out")
    for i in range(3):
        assert (made.folder / f"out-{i:03}.jpg").read_bytes() == (made.folder / f"{i}.jpg").read_bytes()


def test_pages_are_drawn_as_they_are_meant(make):
    """Ink where there is text, none in the margins, pictures in their place."""
    require_program("pdftoppm")
    made = make(picture_count=1)
    run("pdftoppm", "-r", "50", "-gray", "-png", made.page, made.folder / "page")
    page = numpy.array(Image.open(made.folder / "page-1.png").convert("L"))
    assert page.shape == (585, 414)
    assert page[:, :30].min() == 255 and page[:, -30:].min() == 255
    assert page[30:300, 40:-40].min() < 100
    assert page[-40:-15, 40:120].min() < 200  # the foot


def test_the_same_report_gives_the_same_bytes_in_another_process(make):
    first, second = make(), make()
    for name in ("report.pdf", "pdf.dcm", "sr.dcm"):
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes()


@pytest.mark.parametrize("kind", ["finalised", "amended"])
@pytest.mark.parametrize("name", ["pdf", "sr"])
def test_other_programs_find_nothing_wrong_with_the_objects(make, kind, name):
    require_program("dciodvfy")
    made = make(kind, about=study(**{"00101030": ("DS", 70.1)}))
    done = subprocess.run(["dciodvfy", str(getattr(made, name))], capture_output=True, check=False)
    errors = [line for line in done.stderr.decode(errors="replace").splitlines() if line.startswith("Error")]
    assert not errors


def test_dcmtk_reads_the_sr_as_a_report(make):
    require_program("dsrdump")
    text = run("dsrdump", "+Pl", make("amended", version=2, reason="Bổ sung").sr)
    for part in ("Basic Text SR Document", "CT Report", "12 × 9 mm", "Nghi ngờ ác tính", "COMPLETE", "VERIFIED", "Bổ sung",
                 "Predecessor Docs    : 2"):  # fmt: skip
        assert part in text, part


def test_an_sr_names_patient_study_order_and_evidence(make):
    made = make(picture_count=3)
    sr = pydicom.dcmread(made.sr)
    assert sr.PatientName == "Nguyễn^Ánh^Thị Ngọc"
    assert (sr.PatientID, sr.StudyInstanceUID, sr.AccessionNumber, sr.StudyID) == ("BN-77", "2.25.1", "ACC-1", "S1")
    assert sr.ReferencedRequestSequence[0].AccessionNumber == "ACC-1"
    series = sr.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    assert {item.SeriesInstanceUID: [o.ReferencedSOPInstanceUID for o in item.ReferencedSOPSequence] for item in series} == {
        "2.25.20": ["2.25.10", "2.25.12"],
        "2.25.21": ["2.25.11"],
    }
    assert (sr.ContentDate, sr.ContentTime, sr.TimezoneOffsetFromUTC) == ("20261121", "100509", "+0700")
    language = sr.ContentSequence[0]
    assert language.ConceptCodeSequence[0].CodeValue == "vi"
    assert sr.VerifyingObserverSequence[0].VerifyingObserverName == "Phạm^Việt^Quốc"


def test_a_pdf_object_holds_the_pages_and_names_itself(make):
    made = make()
    pdf = pydicom.dcmread(made.pdf)
    assert pdf.EncapsulatedDocument[: pdf.EncapsulatedDocumentLength] == made.page.read_bytes()
    assert len(pdf.EncapsulatedDocument) % 2 == 0
    assert (pdf.MIMETypeOfEncapsulatedDocument, pdf.Modality, pdf.ConversionType) == ("application/pdf", "DOC", "WSD")
    assert pdf.ConceptNameCodeSequence[0].CodeValue == "25045-6"
    assert pdf.VerificationFlag == "VERIFIED"
    assert [item.ReferencedSOPInstanceUID for item in pdf.SourceInstanceSequence] == ["2.25.10", "2.25.11"]
