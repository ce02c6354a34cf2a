"""OHIF, built, as npm has it: its files and our configuration behind nginx, the archive on the same origin or another."""

import json

from .lightbox import ROOT
from .nginx import Nginx

BUNDLE = ROOT / ".cache" / "ohif" / "dist"


def configuration(root):
    """window.config: one data source, the archive at `root` (a path, or a whole URL for another origin)."""
    source = {
        "friendlyName": "archive", "name": "archive", "wadoUriRoot": root, "qidoRoot": root, "wadoRoot": root,
        "qidoSupportsIncludeField": True, "supportsFuzzyMatching": True, "supportsWildcard": True, "supportsReject": False,
        "imageRendering": "wadors", "thumbnailRendering": "wadors", "enableStudyLazyLoad": True, "dicomUploadEnabled": True,
        "omitQuotationForMultipartRequest": False, "bulkDataURI": {"enabled": True},
    }
    return {
        "name": "test", "routerBasename": "/", "extensions": [], "modes": [], "customizationService": {}, "showStudyList": True,
        "maxNumberOfWebWorkers": 2, "showLoadingIndicator": True, "showWarningMessageForCrossOrigin": True, "showCPUFallbackMessage": False,
        "strictZSpacingForVolumeViewport": True, "maxNumRequests": {"interaction": 100, "thumbnail": 5, "prefetch": 25},
        "investigationalUseDialog": {"option": "never"}, "defaultDataSourceName": "archive",
        "dataSources": [{"namespace": "@ohif/extension-default.dataSourcesModule.dicomweb", "sourceName": "archive", "configuration": source}],
    }


class Ohif:
    """The viewer's web server. archive: what has .url(). same_origin: nginx hands /dicom-web on; else the browser asks the archive itself."""

    def __init__(self, folder, archive, same_origin=True):
        self.nginx = Nginx(folder)
        root = "/dicom-web" if same_origin else archive.url("/dicom-web")
        (self.nginx.folder / "app-config.js").write_text(f"window.config = {json.dumps(configuration(root), indent=1)};", encoding="utf-8")
        self.nginx.start(f"""
            root {BUNDLE}; include /etc/nginx/mime.types; types {{ application/wasm wasm; }}
            location = /app-config.js {{ root {self.nginx.folder}; }}
            location / {{ try_files $uri /index.html; }}
            location /dicom-web/ {{
                proxy_pass {archive.url("")}; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header Host $http_host;
                proxy_buffering off; proxy_request_buffering off; client_max_body_size 0;
            }}""")

    def url(self, path):
        return self.nginx.url(path)

    def close(self):
        self.nginx.close()
