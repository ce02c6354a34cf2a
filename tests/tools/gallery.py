"""./dev gallery: a page of what the server shows of every file at hand, to look at: build/gallery/index.html.

Files of ../shared/dicom (LIGHTBOX_SHARED), or where that is absent those of testdata/generate.py; `gallery.py WORD...` takes the
ones with a word in their name. Each is stored, asked for as a thumbnail and rendered; what fails stands there with its reason.
"""

import html
import pathlib
import shutil
import sys

from pydicom.uid import UID

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from support import samples  # noqa: E402
from support.lightbox import BUILD, Lightbox  # noqa: E402

ENDINGS = {"image/jpeg": "jpg", "text/html": "html", "application/pdf": "pdf", "text/xml": "xml", "video/mp4": "mp4"}
ASKED = {"thumbnail": "image/jpeg", "rendered": "image/jpeg, text/html, */*;q=0.5"}
TAGS = ("Modality", "PhotometricInterpretation", "Rows", "Columns", "NumberOfFrames")
HEAD = """<!DOCTYPE html>
<meta charset="utf-8"><title>Gallery</title>
<style>
body { background: #111; color: #ccc; font: 12px sans-serif }
figure { display: inline-block; vertical-align: top; width: 262px; margin: 4px; overflow-wrap: anywhere }
img { display: block; min-height: 40px; max-width: 256px; border: 1px solid #333 }
a { color: #9cf } .failed { color: #f77 }
</style>
"""


def describe(server, sample, name):
    tags = server.json(f"/instances/{name}/simplified-tags")
    path = "/dicom-web/studies/{StudyInstanceUID}/series/{SeriesInstanceUID}/instances/{SOPInstanceUID}".format(**tags)
    return path, " ".join([UID(sample.transfer_syntax or "").name, *(str(tags[tag]) for tag in TAGS if tag in tags)])


def reason(answer):
    try:
        return answer.json()["Message"]
    except (ValueError, KeyError):
        return answer.text[:300]


def fetch(server, path, what, target):
    """The file's name, or None and why not."""
    answer = server.get(f"{path}/{what}", headers={"Accept": ASKED[what]})
    if answer.status_code != 200:
        return None, f"{what}: {answer.status_code} {reason(answer)}"
    kind = answer.headers["Content-Type"].split(";")[0]
    file = target.with_name(f"{target.name}-{what}.{ENDINGS.get(kind, 'bin')}")
    file.write_bytes(answer.content)
    return file.name, None


def show(server, sample, target):
    stored = server.post("/instances", sample.bytes())
    if stored.status_code != 200:
        return "", "", [f"not stored: {reason(stored)}"]
    path, words = describe(server, sample, stored.json()["ID"])
    thumbnail, *failures = fetch(server, path, "thumbnail", target)
    rendered, failure = fetch(server, path, "rendered", target)
    link = f'<a href="{rendered}">rendered</a>' if rendered else ""
    return f'<img src="{thumbnail}" alt="no thumbnail">' + link, words, [text for text in (*failures, failure) if text]


def figure(server, sample, target):
    picture, words, failures = show(server, sample, target)
    for text in failures:
        print(f"{sample.name}: {text}")
    return (f"<figure>{picture}<figcaption>{html.escape(sample.name)}<br>{html.escape(words)}"
            + "".join(f'<br><span class="failed">{html.escape(text)}</span>' for text in failures) + "</figcaption></figure>\n")


def main(words):
    folder = BUILD / "gallery"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    chosen = [sample for sample in samples.shared() or samples.generated()
              if sample.expect != "refused" and (not words or any(word in sample.name for word in words))]
    server = Lightbox(folder / "server", {"OverwriteInstances": True}).start()
    try:
        with open(folder / "index.html", "w", encoding="utf-8") as page:
            page.write(HEAD)
            for number, sample in enumerate(chosen):
                page.write(figure(server, sample, folder / f"{number:04}"))
    finally:
        server.close()
    print(f"{len(chosen)} files: {folder / 'index.html'}")


if __name__ == "__main__":
    main(sys.argv[1:])
