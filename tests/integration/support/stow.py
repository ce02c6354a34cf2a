"""Store requests put together by hand, and what their answers say."""

import json
import uuid

JSON_TYPE = "application/dicom+json"
XML_TYPE = "application/dicom+xml"


def part(body, content_type, location=None, **headers):
    lines = {"Content-Type": content_type, **({"Content-Location": location} if location else {}), **headers}
    return "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value).encode() + b"\r\n" + body


def multipart(parts, boundary):
    marker = f"--{boundary}".encode()
    return b"".join(marker + b"\r\n" + one + b"\r\n" for one in parts) + marker + b"--\r\n"


def post(server, parts, *, media_type="application/dicom", path="/dicom-web/studies", accept=JSON_TYPE):
    boundary = uuid.uuid4().hex
    return server.post(path, multipart(parts, boundary), headers={
        "Content-Type": f'multipart/related; type="{media_type}"; boundary={boundary}', "Accept": accept})


def items(answer, tag):
    return answer.json().get(tag, {}).get("Value", [])


def stored(answer):
    """SOP Instance UIDs of the Referenced SOP Sequence."""
    return [item["00081155"]["Value"][0] for item in items(answer, "00081199")]


def failed(answer):
    """SOP Instance UID and reason of what could not be stored; None for a part that has no UID."""
    named = [(item["00081155"]["Value"][0], item["00081197"]["Value"][0]) for item in items(answer, "00081198")]
    return named + [(None, item["00081197"]["Value"][0]) for item in items(answer, "0008119A")]


def metadata(text_or_data_sets):
    text = text_or_data_sets if isinstance(text_or_data_sets, str) else json.dumps(text_or_data_sets)
    return part(text.encode(), JSON_TYPE)
