#!/usr/bin/env python3
"""Whether the schemas may be published beside those that were published before.

    events/contract/compatibility.py            what would break whom
    events/contract/compatibility.py VERSION    record the schemas and examples of today as published/VERSION

What we send has to be readable for those who know an older version: what was promised stays (members, those always
there, their types), and no value comes that was impossible. What we receive has to be taken from those who send an older
version: nothing more is demanded, nothing taken before is refused. A change that breaks is a new type (...v2)."""

import json
import pathlib
import shutil
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
PUBLISHED = FOLDER / "published"
COMMON = "common.json"


def load(folder):
    """$id -> schema"""
    schemas = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.json")))
    return {schema["$id"]: schema for schema in schemas}


def resolve(reference, base, schemas):
    file, _, pointer = reference.partition("#")
    at = base.rsplit("/", 1)[0]
    while file.startswith("../"):
        file, at = file[3:], at.rsplit("/", 1)[0]
    target = f"{at}/{file}" if file else base
    found = schemas[target]
    for part in pointer.strip("/").split("/") if pointer.strip("/") else []:
        found = found[part]
    return found, target


def flatten(schema, base, schemas):
    """One level of a schema with its references and allOf put together: keywords, and (subschema, base) of each member."""
    flat = {"keywords": {}, "properties": {}, "required": set(), "items": None}
    if "$ref" in schema:
        merge(flat, flatten(*resolve(schema["$ref"], base, schemas), schemas))
    for part in schema.get("allOf", []):
        merge(flat, flatten(part, base, schemas))
    merge(flat, {"keywords": {key: value for key, value in schema.items() if key not in STRUCTURE},
                 "properties": {name: (part, base) for name, part in schema.get("properties", {}).items()},
                 "required": set(schema.get("required", [])),
                 "items": (schema["items"], base) if "items" in schema else None})
    return flat


STRUCTURE = {"$ref", "allOf", "properties", "required", "items", "$schema", "$id", "$defs", "title", "description"}


def merge(flat, other):
    flat["keywords"].update(other["keywords"])
    flat["properties"].update(other["properties"])
    flat["required"] |= other["required"]
    flat["items"] = other["items"] or flat["items"]


def compare(old, new, sent, where):
    """Yield what breaks; old and new are (schema, base, schemas)."""
    before, after = flatten(*old), flatten(*new)
    yield from compare_keywords(before["keywords"], after["keywords"], sent, where)
    lost = before["required"] - after["required"] if sent else after["required"] - before["required"]
    for name in sorted(lost):
        yield f"{where}.{name} is {'no longer always there' if sent else 'demanded now'}"
    for name, (schema, base) in before["properties"].items():
        if name not in after["properties"]:
            yield f"{where}.{name} is gone"
            continue
        yield from compare((schema, base, old[2]), (*after["properties"][name], new[2]), sent, f"{where}.{name}")
    if before["items"] and after["items"]:
        yield from compare((*before["items"], old[2]), (*after["items"], new[2]), sent, f"{where}[]")


def compare_keywords(before, after, sent, where):
    """The values allowed by the one have to be among those allowed by the other: ours among what is expected of us."""
    inner, outer = (after, before) if sent else (before, after)
    for name in sorted(set(before) | set(after)):
        if before.get(name) == after.get(name):
            continue
        if name in outer and not is_within(name, inner, outer[name]):
            yield f"{where}: {name} was {before.get(name)!r}, is {after.get(name)!r}"


def is_within(name, inner, outer_value):
    """True if what `inner` says cannot pass what `outer_value` demands. Keywords we cannot compare must be the same."""
    value = inner.get(name, inner.get("const") if name == "enum" else None)
    if value is None:
        return False
    if name == "enum":
        return set(value if isinstance(value, list) else [value]) <= set(outer_value)
    if name.startswith("max"):
        return value <= outer_value
    if name.startswith("min"):
        return value >= outer_value
    return False


def breaks(old, new):
    """All that a set of schemas breaks of another."""
    found = []
    for id, schema in old.items():
        if id.rsplit("/", 1)[-1] == COMMON:
            continue
        name = id.split("/imaging/", 1)[-1]
        if id not in new:
            found.append(f"{name} is gone")
        else:
            found += compare((schema, id, old), (new[id], id, new), "/inbound/" not in id, name)
    return found


def published():
    """version -> its folder, oldest first"""
    folders = (path for path in PUBLISHED.iterdir() if path.is_dir()) if PUBLISHED.is_dir() else ()
    return {path.name: path for path in sorted(folders, key=lambda path: tuple(map(int, path.name.split("."))))}


def main(version=None):
    today = load(FOLDER / "schemas")
    found = [f"{version}: {text}" for version, folder in published().items() for text in breaks(load(folder / "schemas"), today)]
    print("\n".join(found) or "compatible with everything published")
    if found:
        return 1
    if version:
        for part in ("schemas", "examples"):
            shutil.copytree(FOLDER / part, PUBLISHED / version / part)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
