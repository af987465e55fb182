"""A headless Firefox, which is driven through Marionette, the protocol that it comes with."""

import itertools
import json
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_NAMES = ("firefox-esr", "firefox")
_SECONDS = 40


def firefox() -> str | None:
    """Return where Firefox is, None if it is not installed."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


class Firefox:
    """A window of Firefox with a real pointer and keyboard; each call waits for its result."""

    def __init__(self, executable: str) -> None:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        profile = Path(self._folder.name)
        (profile / "user.js").write_text(f'user_pref("marionette.port", {port});\n')
        self._process = subprocess.Popen(
            [executable, "--headless", "--marionette", "--no-remote", "--profile", str(profile)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._numbers = itertools.count(1)
        self._socket = self._connected(port)
        self._received = self._socket.makefile("rb")
        self._read()  # It says hello.
        self._call("WebDriver:NewSession", {})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._received.close()
        self._socket.close()
        self._process.terminate()
        self._process.wait(timeout=_SECONDS)
        self._folder.cleanup()

    def open(self, path: Path, width: int, height: int) -> None:
        """Open a page that shows a chart, and wait until it does."""
        self._call("WebDriver:SetWindowRect", {"width": width, "height": height})
        self._call("WebDriver:Navigate", {"url": path.as_uri()})
        self.wait_until("window.view !== undefined")

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        script = {"script": f"return {expression}", "args": [], "sandbox": None}
        return self._call("WebDriver:ExecuteScript", script)["value"]

    def wait_until(self, condition: str) -> None:
        """Wait until an expression is true."""
        for _ in range(_SECONDS * 20):
            if self.evaluate(f"Boolean({condition})"):
                return
            time.sleep(0.05)
        message = f"never true: {condition}"
        raise AssertionError(message)

    def drag(self, *places: tuple[float, float]) -> None:
        """Press the pointer at the first place, move it over the others, and release it."""
        first, *others = [
            {"type": "pointerMove", "x": round(x), "y": round(y), "duration": 60} for x, y in places
        ]
        steps = [first, {"type": "pointerDown", "button": 0}, *others]
        self._act("pointer", [*steps, {"type": "pointerUp", "button": 0}])

    def move(self, x: float, y: float) -> None:
        """Move the pointer."""
        self._act("pointer", [{"type": "pointerMove", "x": round(x), "y": round(y)}])

    def press(self, key: str) -> None:
        """Press and release a key, given by its character."""
        self._act("key", [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}])

    def _act(self, kind: str, actions: list[dict[str, Any]]) -> None:
        source = {"type": kind, "id": kind, "actions": actions}
        self._call("WebDriver:PerformActions", {"actions": [source]})

    def _connected(self, port: int) -> socket.socket:
        until = time.monotonic() + _SECONDS
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=_SECONDS)
            except OSError:
                if time.monotonic() > until or self._process.poll() is not None:
                    raise
                time.sleep(0.1)

    def _call(self, command: str, parameters: dict[str, Any]) -> Any:
        text = json.dumps([0, next(self._numbers), command, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(text), text))
        _, _, error, result = self._read()
        if error:
            message = f"{command}: {error}"
            raise AssertionError(message)
        return result

    def _read(self) -> Any:
        """Return the next message: its length, a colon, and JSON."""
        digits = b""
        while not digits.endswith(b":"):
            digits += self._received.read(1)
        return json.loads(self._received.read(int(digits[:-1])))
