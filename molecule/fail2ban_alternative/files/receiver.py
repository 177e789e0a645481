"""A receiver of reports: keeps the header Authorization and the body of each request in /root/hooks."""

from __future__ import annotations

import http.server
import json
from pathlib import Path

HOOKS = Path("/root/hooks")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with HOOKS.open("a") as file:
            file.write(json.dumps({"token": self.headers["Authorization"], **body}) + "\n")
        self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", 9999), Handler).serve_forever()
