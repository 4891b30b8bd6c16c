"""A tape library of directories: stubs without blocks, real bytes elsewhere, and a recall that takes its time."""

import json
import os
import pathlib
import sys
import textwrap

RECALL = """
import os, pathlib, sys, time
state = pathlib.Path(sys.argv[1])
paths = sys.stdin.read().splitlines()
with (state / "batches").open("a") as log:
    log.write("\\t".join(paths) + "\\n")
if (state / "hang").exists():
    time.sleep(600)
time.sleep(float((state / "delay").read_text()))
if (state / "fail").exists():
    sys.exit("no drive is free")
for path in map(pathlib.Path, paths):
    real = state / "tape" / path.name
    times = os.stat(path)
    with path.open("r+b") as file:
        file.write(real.read_bytes())
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
"""
ORDER = """
import sys
print("\\n".join(sorted(sys.stdin.read().splitlines(), reverse=True)))
"""
ASK = """
import os, sys
sys.exit(1 if os.stat(sys.argv[1]).st_blocks == 0 else 0)
"""


class Library:
    """Files of `disk` can go to tape and come back by the commands in the configuration."""

    def __init__(self, directory: pathlib.Path, disk: pathlib.Path, delay: float = 1.0):
        self.disk, self.state = disk, directory / "library"
        (self.state / "tape").mkdir(parents=True)
        for name, text in {"recall.py": RECALL, "order.py": ORDER, "ask.py": ASK}.items():
            (self.state / name).write_text(textwrap.dedent(text))
        self.delay(delay)

    def config(self, offline: str = "blocks", **more) -> str:
        """The `[tape]` of a configuration file."""
        commands = {
            "recall_command": [sys.executable, str(self.state / "recall.py"), str(self.state)],
            "order_command": [sys.executable, str(self.state / "order.py")],
            "offline_command": [sys.executable, str(self.state / "ask.py")],
        }
        settings = {"roots": [str(self.disk)], "offline": offline, "batch_ms": 500, "expected_seconds": 3, **commands, **more}
        return "[tape]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())

    def delay(self, seconds: float) -> None:
        (self.state / "delay").write_text(str(seconds))

    def switch(self, name: str, on: bool) -> None:
        """Makes recalls `fail` or `hang`, or not."""
        (self.state / name).touch() if on else (self.state / name).unlink(missing_ok=True)

    def put_away(self, *paths: pathlib.Path) -> None:
        """Leaves a stub of each file: same inode, size and time, no block."""
        for path in paths:
            times = os.stat(path)
            (self.state / "tape" / path.name).write_bytes(path.read_bytes())
            os.truncate(path, 0)
            os.truncate(path, times.st_size)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
            assert os.stat(path).st_blocks == 0, "this filesystem cannot have stubs"

    def batches(self) -> list[list[str]]:
        """Names of the files of each recall so far."""
        log = self.state / "batches"
        lines = log.read_text().splitlines() if log.exists() else []
        return [[pathlib.Path(path).name for path in line.split("\t")] for line in lines]
