"""Serves the report: `python3 -m nav.server`, with PORT in the environment."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from nav.fund import demonstration
from nav.report import as_json, as_text


def answer(path: str) -> tuple[int, str, str]:
    """Status, content type and body of a path."""
    if path == "/healthz":
        version = os.environ.get("RIALTO_VERSION", "local")
        return 200, "application/json", f'{{"status":"ok","version":"{version}"}}'
    if path == "/report":
        return 200, "application/json", as_json(demonstration())
    if path == "/report.txt":
        return 200, "text/plain; charset=utf-8", as_text(demonstration()) + "\n"
    return 404, "application/json", '{"detail":"no such path"}'


class Handler(BaseHTTPRequestHandler):
    """Thin shell around `answer`."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):  # noqa: N802, the standard library's name
        status, content_type, body = answer(self.path)
        data = body.encode()
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format, *args):
        """Requests are logged by the gateway."""


def main():
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8001"))), Handler)
    print(f"nav-report listens on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
