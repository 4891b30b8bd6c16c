"""Reading the server's JSON log: waiting for lines, and finding the ones that nobody expected."""

import json
import pathlib
import re


def parse(line: str) -> dict:
    """One log line as a flat object; text that is no JSON (a panic, a sanitizer) becomes an ERROR."""
    try:
        record = json.loads(line)
    except ValueError:
        return {"level": "ERROR", "message": line}
    if isinstance(record.get("fields"), dict):
        record = {**record, **record.pop("fields")}
    return record


class Log:
    """A growing log file."""

    def __init__(self, path: pathlib.Path):
        self.path = path

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def lines(self, since: int = 0) -> list[str]:
        """Whole lines after byte `since`."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(since)
            text = file.read().decode("utf-8", "replace")
        return [line for line in text[: text.rfind("\n") + 1].splitlines() if line.strip()]

    def records(self, since: int = 0) -> list[dict]:
        return [parse(line) for line in self.lines(since)]

    def field(self, message: str, name: str) -> str | None:
        """A field of the first line with this message."""
        for record in self.records():
            if record.get("message") == message and name in record:
                return record[name]
        return None

    def unexpected(self, allowed: list[str], since: int = 0) -> list[str]:
        """Warnings, errors and panics that no pattern allows."""
        found = []
        for line in self.lines(since):
            loud = parse(line).get("level") in ("WARN", "ERROR") or "panicked" in line
            panicked = "panicked" in line
            if loud and (panicked or not any(re.search(pattern, line) for pattern in allowed)):
                found.append(line)
        return found
