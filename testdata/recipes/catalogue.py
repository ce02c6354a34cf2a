"""Where recipes put what they made: files on disk and one line about each in MANIFEST.json."""

import hashlib
import json
import pathlib
import shutil
import uuid

# Names become UIDs through this namespace, so that the same recipe gives the same UID on every machine.
NAMESPACE = uuid.UUID("5d1c2a6e-3a0b-4f0e-9d57-6c0f6f1f7a11")

REFUSALS = ("invalid", "unsupported", "too-large")


def uid(name):
    """A UID under 2.25 (PS3.5 B.2) made from a name."""
    return f"2.25.{uuid.uuid5(NAMESPACE, name).int}"


class Catalogue:
    """Collects files below one folder. expect is "stored", "refused" or "either" (see testdata/README.md)."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.entries = []
        if self.root.exists():
            shutil.rmtree(self.root)
        self.root.mkdir(parents=True)

    def add(self, path, part10, what, *, expect="stored", refusal=None):
        """part10 is a Part10 (recipes/part10.py). refusal names the PacsStatus that an archive should answer."""
        kind = path.split("/")[0]
        assert (expect == "refused") == (refusal is not None), path
        assert refusal is None or refusal in REFUSALS, path
        assert not any(entry["path"] == path for entry in self.entries), path
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(part10.bytes)
        self.entries.append({
            "path": path,
            "kind": kind,
            "what": what,
            "expect": expect,
            "refusal": refusal,
            "transfer_syntax": part10.transfer_syntax,
            "sop_class": part10.sop_class,
            "sop_instance": part10.sop_instance,
            "dataset_offset": part10.dataset_offset,
            "bytes": len(part10.bytes),
            "sha256": hashlib.sha256(part10.bytes).hexdigest(),
        })

    def write_manifest(self):
        self.entries.sort(key=lambda entry: entry["path"])
        text = json.dumps(self.entries, indent=1, ensure_ascii=False)
        (self.root / "MANIFEST.json").write_text(text + "\n", encoding="utf-8")
