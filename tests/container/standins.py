"""Stand-ins for Atmos and Terraform, served over loopback, that the image fetches at its build."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ATMOS = "#!/bin/sh\necho 'stand-in for Atmos'\n"
# A plan that hangs. It leaves a process in a session of its own, which nobody but process 1 can take care of.
TERRAFORM = """#!/bin/sh
case "$1" in
version) echo '{"terraform_version":"1.11.4","provider_selections":{}}';;
plan)
  trap 'echo ended > /var/lib/barograph/ended; exit 1' TERM
  setsid sh -c 'sleep 0.2' orphan &
  sleep 3599 & sleeper=$!
  echo begun > /var/lib/barograph/planning
  wait $sleeper;;
esac
"""


@contextmanager
def served() -> Iterator[dict[str, str]]:
    """Serve both; gives the build arguments that name them and their checksums."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("terraform", TERRAFORM)
        packed.writestr("LICENSE.txt", "none")
    files = {"/terraform.zip": archive.getvalue(), "/atmos": ATMOS.encode()}

    class Files(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = files.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *args: object) -> None:
            """The test says what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        yield {
            "TERRAFORM_URL": f"{url}/terraform.zip",
            "TERRAFORM_SHA256": hashlib.sha256(files["/terraform.zip"]).hexdigest(),
            "ATMOS_URL": f"{url}/atmos",
            "ATMOS_SHA256": hashlib.sha256(files["/atmos"]).hexdigest(),
        }
    finally:
        server.shutdown()
        server.server_close()
