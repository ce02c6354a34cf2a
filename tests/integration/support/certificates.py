"""A certificate authority of a test's own, and certificates for loopback."""

import pathlib
import subprocess

EXTENSIONS = "subjectAltName=IP:127.0.0.1,DNS:localhost"


class Certificates:
    """Made when first asked for: PEM files in one folder, elliptic keys without a password."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.authority = self.folder / "authority.pem"
        openssl("req", "-x509", *self.new_key("authority"), "-subj", "/CN=test authority", "-days", "2", "-out", self.authority)

    def new_key(self, name):
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key(name)

    def key(self, name):
        return self.folder / f"{name}.key"

    def certificate(self, name):
        """Of a server on loopback, or of the client called so."""
        made = self.folder / f"{name}.crt"
        if not made.exists():
            request = self.folder / f"{name}.csr"
            extensions = self.folder / f"{name}.ext"
            extensions.write_text(EXTENSIONS)
            openssl("req", "-new", *self.new_key(name), "-subj", f"/CN={name}", "-out", request)
            openssl("x509", "-req", "-in", request, "-CA", self.authority, "-CAkey", self.key("authority"), "-days", "2",
                    "-extfile", extensions, "-CAcreateserial", "-out", made)
        return made

    def pair(self, name):
        """Key and certificate in one file, as Java wants them."""
        both = self.folder / f"{name}.pem"
        certificate = self.certificate(name).read_text()
        both.write_text(self.key(name).read_text() + certificate)
        return both


def openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
