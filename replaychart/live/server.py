"""Serves the charts of a training run to browsers on this machine."""

import json
import secrets
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from replaychart.live.scripts import module, page_file
from replaychart.live.watching import Watching

if TYPE_CHECKING:
    from collections.abc import Callable

# Other machines cannot connect. Over SSH: ssh -L 8000:localhost:8000 machine
HOST = "127.0.0.1"
# Seconds after which a browser gets an empty message, which shows whether it is still there.
_HEARTBEAT = 5.0
_NAMES = {HOST, "localhost"}


class Server(ThreadingHTTPServer):
    """Serves the page and its events, to those who know the token in its address.

    Parameters
    ----------
    watching : Watching
        What there is to see.
    port : int
        The port; 0 for any that is free.

    Raises
    ------
    OSError
        The port is taken.
    """

    daemon_threads = True

    def __init__(self, watching: Watching, port: int) -> None:
        # Other users of the machine can connect as well, so the address must not be guessed.
        self.token = secrets.token_urlsafe(24)
        super().__init__((HOST, port), partial(_Handler, watching))

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{HOST}:{self.server_port}/{self.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a browser that goes away in the middle is no error."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def __init__(self, watching: Watching, *arguments: Any) -> None:
        self._watching = watching
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answer with the page, its script or its events."""
        answers: dict[str, Callable[[], None]] = {
            "": lambda: self._send("text/html; charset=utf-8", page_file("watch.html")),
            "watch.js": lambda: self._send("text/javascript; charset=utf-8", module("watch.js")),
            "events": self._send_events,
        }
        _, _, rest = self.path.partition("/")
        token, _, name = rest.partition("/")
        known = secrets.compare_digest(token.encode(), self.server.token.encode())
        # A page elsewhere may have a name that leads to this machine.
        host = self.headers.get("Host", "").rpartition(":")[0]
        if not known or name not in answers or host not in _NAMES:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        answers[name]()

    def _send(self, kind: str, text: str) -> None:
        content = text.encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self._end_headers()
        self.wfile.write(content)

    def _send_events(self) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.close_connection = True
        self._end_headers()
        version, known = 0, b""
        while not self._watching.stopped:
            seen = self._watching.wait(version, _HEARTBEAT)
            if seen is None:
                self._send_event("alive", b"0")
                continue
            version, whole, changes, status = seen
            if whole != known:
                self._send_event("whole", whole)
            known = whole
            if changes:
                self._send_event("changes", changes)
            self._send_event("status", json.dumps(status).encode())

    def _end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()

    def _send_event(self, name: str, content: bytes) -> None:
        # JSON contains no line breaks, which would end the event.
        self.wfile.write(b"event: " + name.encode() + b"\ndata: " + content + b"\n\n")
        self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        """Log nothing: the terminal shows the address, and the token is in every request."""
