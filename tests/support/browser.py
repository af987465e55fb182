"""A saved chart that is open in a browser."""

import dataclasses
from typing import Any


@dataclasses.dataclass
class Page:
    """A saved chart, open in the browser."""

    page: Any
    problems: list[str]

    def epoch(self) -> int:
        return self.page.evaluate("view.signal('epoch')")

    def show(self, epoch: int) -> None:
        self.page.evaluate(f"view.signal('epoch', {epoch}).runAsync().then(() => 1)")

    def wait_until(self, expression: str) -> None:
        self.page.wait_for_function(expression, timeout=20_000)

    def picture(self) -> bytes:
        return self.page.locator("#chart canvas, #chart svg.marks").first.screenshot()
