"""Cornerstone3D's image loader as npm has it, bundled by ./dev setup, in a page beside the archive."""

import base64
import itertools

import numpy as np

from .lightbox import ROOT
from .nginx import Nginx
from .process import eventually

BUNDLE = ROOT / ".cache" / "cornerstone" / "dist"

PAGE = """<!doctype html><title>Cornerstone3D</title><script type="module">
import {core, loader} from '/cornerstone.js';
let accept = '';
core.setUseCPURendering(true);
loader.init({maxWebWorkers: 1, decodeConfig: {wasmBasePath: '/wasm/'}, beforeSend: () => accept ? {Accept: accept} : {}});

function encoded(pixels) {
    const bytes = new Uint8Array(Float32Array.from(pixels).buffer);
    let text = '';
    for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
    return btoa(text);
}

window.load = async ({imageId, metadata, wanted, waitMs}) => {
    accept = wanted;
    loader.wadors.metaDataManager.add(imageId, metadata);
    try {
        const late = new Promise((_, fail) => setTimeout(() => fail(new Error('no picture')), waitMs));
        const image = await Promise.race([loader.wadors.loadImage(imageId, {}).promise, late]);
        return {pixels: encoded(image.getPixelData()), syntax: image.transferSyntaxUID, rows: image.rows, columns: image.columns};
    } catch (error) {
        return {error: error?.status ? `status ${error.status}` : String(error?.message ?? error)};
    }
};
window.ready = true;
</script>"""


class Cornerstone:
    """A tab that decodes frames of an archive. Each load has a path of its own, because the library remembers by path."""

    def __init__(self, folder, archive, browser):
        self.nginx = Nginx(folder)
        (self.nginx.folder / "index.html").write_text(PAGE, encoding="utf-8")
        self.nginx.start(f"""
            root {BUNDLE}; include /etc/nginx/mime.types; types {{ application/wasm wasm; }}
            location = /index.html {{ root {self.nginx.folder}; }}
            location ~ ^/load-[0-9]+/ {{ rewrite ^/load-[0-9]+(/.*)$ $1 break; proxy_pass {archive.url("")}; }}""")
        self.loads = itertools.count()
        self.tab = browser.new_page()
        self.faults = []
        self.tab.on("pageerror", lambda error: self.faults.append(str(error)))
        self.tab.goto(self.nginx.url("/index.html"))
        eventually(lambda: self.tab.wait_for_timeout(50) or self.faults or self.tab.evaluate("window.ready"), "the page")
        assert not self.faults, self.faults

    def load(self, frame, metadata, wanted):
        """frame: its path. What is on the screen before windows: {"pixels": flat, ...}, or {"error": ...}."""
        shown = self.tab.evaluate("window.load", {"imageId": f"wadors:{self.nginx.url(f'/load-{next(self.loads)}{frame}')}", "metadata": metadata,
                                                  "wanted": wanted, "waitMs": 5000})
        if "pixels" in shown:
            shown["pixels"] = np.frombuffer(base64.b64decode(shown["pixels"]), "<f4")
        return shown

    def close(self):
        self.tab.close()
        self.nginx.close()
