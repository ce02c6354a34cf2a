"""The command line and the configuration: Orthanc's keys, files, folders, environment."""

import json
import os
import re
import subprocess

import pytest
import requests

from conftest import require_program
from support.lightbox import SANITIZERS
from support.peers import echoscu, storescu
from support.process import DEADLINE_S, Managed, eventually, free_port

pytestmark = pytest.mark.sanitize


def run(binary, *arguments, env=None, cwd=None):
    return subprocess.run([str(binary), *map(str, arguments)], capture_output=True, text=True, timeout=DEADLINE_S, cwd=cwd,
                          env={**os.environ, **SANITIZERS, **(env or {})})


def without_comments(text):
    """Orthanc's JSON: // and /* */ outside strings."""
    return re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda found: found.group(1) or "", text, flags=re.S)


def test_help_names_what_can_be_done(binary):
    done = run(binary, "--help")
    assert done.returncode == 0
    assert "--config" in done.stdout and "--version" in done.stdout


def test_version_is_one_line(binary):
    done = run(binary, "--version")
    assert done.returncode == 0
    assert re.search(r"\d+\.\d+", done.stdout) and len(done.stdout.strip().splitlines()) == 1


def test_unknown_option_is_refused(binary):
    done = run(binary, "--no-such-option")
    assert done.returncode != 0
    assert "no-such-option" in done.stdout + done.stderr


def test_missing_configuration_file_is_named(binary, tmp_path):
    done = run(binary, tmp_path / "absent.json")
    assert done.returncode == 1
    assert "absent.json" in done.stdout + done.stderr


@pytest.mark.parametrize("text, hint", [("{", "broken.json"), ('{"HttpPort": "eighty"}', "HttpPort"), ('{"DicomPort": 70000}', "DicomPort"),
                                        ("[]", "broken.json")])
def test_bad_configuration_is_refused_and_named(binary, tmp_path, text, hint):
    (tmp_path / "broken.json").write_text(text)
    done = run(binary, tmp_path / "broken.json", env={"LIGHTBOX_DATA": str(tmp_path / "data")})
    assert done.returncode == 1
    assert hint in done.stdout + done.stderr


def test_written_default_configuration_is_commented_and_loads(binary, make_lightbox, tmp_path):
    written = tmp_path / "default.json"
    done = run(binary, f"--config={written}")
    assert done.returncode == 0
    text = written.read_text(encoding="utf-8")
    defaults = json.loads(without_comments(text))
    assert "//" in text or "/*" in text
    assert (defaults["HttpPort"], defaults["DicomPort"]) == (8042, 4242)
    assert defaults["RemoteAccessAllowed"] is False
    server = make_lightbox(start=False)
    server.settings = {**defaults, "HttpPort": server.http_port, "DicomPort": server.dicom_port,
                       "StorageDirectory": str(server.data), "IndexDirectory": str(server.data)}
    server.start()
    assert server.json("/system")["DicomAet"] == defaults["DicomAet"]
    assert not re.search(r"unknown", server.process.output(), re.I), "the default configuration has a key that its reader does not know"


def test_default_configuration_to_standard_output(binary):
    done = run(binary, "--config=-")
    assert done.returncode == 0
    assert json.loads(without_comments(done.stdout))["HttpPort"] == 8042


def write(folder, name, settings):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(settings if isinstance(settings, str) else json.dumps(settings), encoding="utf-8")
    return path


def start_with(make_lightbox, *paths, env=None):
    """A server on its own ports and folder whose configuration also has these files and folders."""
    server = make_lightbox(start=False)
    server.settings = {key: server.settings[key] for key in ("HttpPort", "DicomPort", "StorageDirectory", "IndexDirectory")}
    return server.start(paths=paths, env=env)


def test_files_and_folders_are_merged(make_lightbox, tmp_path):
    one = write(tmp_path / "one", "a.json", '{ /* ours */ "Name": "merged", // here\n "DicomModalities": {"a": ["A", "localhost", 1]} }')
    write(tmp_path / "folder", "10.json", {"DicomAet": "FOLDERED"})
    write(tmp_path / "folder", "20.json", {"DicomModalities": {"b": ["B", "localhost", 2]}})
    write(tmp_path / "folder", "ignored.txt", "{ no JSON")
    server = start_with(make_lightbox, one, tmp_path / "folder")
    system = server.json("/system")
    assert (system["Name"], system["DicomAet"]) == ("merged", "FOLDERED")


def test_a_key_in_two_files_is_an_error_that_names_both(binary, tmp_path):
    one, two = write(tmp_path / "x", "one.json", {"Name": "a"}), write(tmp_path / "x", "two.json", {"Name": "b"})
    done = run(binary, one, two, env={"LIGHTBOX_DATA": str(tmp_path / "data")})
    assert done.returncode == 1
    assert "Name" in done.stderr + done.stdout and "two.json" in done.stderr + done.stdout


def test_environment_overrides_files(make_lightbox, tmp_path):
    one = write(tmp_path / "one", "a.json", {"Name": "file", "DicomAet": "FILE"})
    server = start_with(make_lightbox, one, env={"ORTHANC__NAME": "environment", "ORTHANC__STABLE_AGE": "77"})
    system = server.json("/system")
    assert (system["Name"], system["DicomAet"]) == ("environment", "FILE")


def test_variables_inside_strings(make_lightbox, tmp_path):
    one = write(tmp_path / "one", "a.json", {"Name": "${SITE_NAME}-${SITE_ROOM:-cellar}"})
    server = start_with(make_lightbox, one, env={"SITE_NAME": "clinic"})
    assert server.json("/system")["Name"] == "clinic-cellar"


def test_orthanc_json_variable_is_a_whole_document(make_lightbox):
    server = start_with(make_lightbox, env={"ORTHANC_JSON": json.dumps({"Name": "whole", "DicomAet": "WHOLE"})})
    assert server.json("/system")["DicomAet"] == "WHOLE"


def test_unknown_key_is_warned_about(make_lightbox, tmp_path):
    one = write(tmp_path / "one", "a.json", {"HttpPrt": 1})
    server = start_with(make_lightbox, one)
    assert "HttpPrt" in server.process.output()


def test_embedded_default_keeps_its_data_in_lightbox_data(binary, tmp_path):
    """Without a file: only what the environment says, so that two of these tests can run beside each other."""
    http, dicom = free_port(), free_port()
    process = Managed([binary], tmp_path / "log", cwd=tmp_path, env={
        **SANITIZERS, "LIGHTBOX_DATA": str(tmp_path / "mine"), "ORTHANC__HTTP_PORT": str(http), "ORTHANC__DICOM_PORT": str(dicom)})
    try:
        def ready():
            process.require_running()
            try:
                return requests.get(f"http://127.0.0.1:{http}/readyz", timeout=5).status_code == 200
            except requests.ConnectionError:
                return False
        eventually(ready, "/readyz")
        assert (tmp_path / "mine" / "objects").is_dir() and (tmp_path / "mine" / "index.sqlite").exists()
    finally:
        assert process.terminate() == 0


def test_second_process_on_the_same_folder_is_refused(binary, lightbox, tmp_path):
    settings = {**lightbox.settings, "HttpPort": free_port(), "DicomPort": free_port()}
    done = run(binary, write(tmp_path / "second", "a.json", settings))
    assert done.returncode == 1
    lightbox.require_alive()


def test_port_in_use_is_named(binary, lightbox, tmp_path):
    settings = {**lightbox.settings, "DicomPort": free_port(), "StorageDirectory": str(tmp_path / "d"), "IndexDirectory": str(tmp_path / "d")}
    done = run(binary, write(tmp_path / "second", "a.json", settings))
    assert done.returncode == 1
    assert str(lightbox.http_port) in done.stdout + done.stderr


def test_registered_users_ask_for_a_password(make_lightbox):
    server = make_lightbox({"AuthenticationEnabled": True, "RegisteredUsers": {"alice": "wonder"}})
    assert server.get("/system").status_code == 401
    assert server.get("/system", auth=("alice", "wrong")).status_code == 401
    assert server.get("/system", auth=("alice", "wonder")).status_code == 200
    assert server.get("/livez").status_code == 200


def test_called_ae_title_is_checked_when_asked(make_lightbox):
    require_program("echoscu")
    server = make_lightbox({"DicomAet": "RIGHT", "DicomCheckCalledAet": True})
    assert echoscu(server.dicom_port, aet="RIGHT").returncode == 0
    assert echoscu(server.dicom_port, aet="WRONG").returncode != 0


def test_unknown_sender_is_refused_when_only_known_ones_may_store(make_lightbox, generated_dicom):
    require_program("storescu")
    server = make_lightbox({"DicomAlwaysAllowStore": False, "DicomModalities": {"ct": ["KNOWN", "127.0.0.1", 104]}})
    file = generated_dicom / "native" / "explicit-8bit.dcm"
    assert storescu(server.dicom_port, [file], "-aet", "STRANGER", check=False).returncode != 0
    assert server.json("/instances") == []
    assert storescu(server.dicom_port, [file], "-aet", "KNOWN", check=False).returncode == 0
    assert len(server.json("/instances")) == 1


def test_transfer_syntaxes_can_be_restricted(make_lightbox, generated_dicom):
    require_program("storescu")
    server = make_lightbox({"AcceptedTransferSyntaxes": ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]})
    rle = generated_dicom / "encapsulated" / "rle-8.dcm"
    plain = generated_dicom / "native" / "explicit-8bit.dcm"
    storescu(server.dicom_port, [rle], "-xr", "-R", check=False)
    assert server.json("/instances") == []
    storescu(server.dicom_port, [plain], "-xe", "-R")
    assert len(server.json("/instances")) == 1
