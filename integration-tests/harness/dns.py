"""A DNS server whose one name changes its addresses and fails in all ways, and what makes a process ask it."""

import os
import pathlib
import socket
import struct
import subprocess
import threading
import time

ADDRESS = f"127.53.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"
"""Nobody else's: neither other servers of the machine are in the way nor other tests."""
NAME = "workers.test"
RECORD_A, SERVER_FAILURE, NAME_ERROR = 1, 2, 3


class Dns:
    """Answers for `NAME` with `addresses`, or what `shown` makes of them at each turn; `trouble` is how it fails, if it does."""

    def __init__(self):
        self.addresses: list[str] = []
        self.shown = lambda turn, addresses: addresses
        self.trouble = ""
        self.asked = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ADDRESS, 53))
        self.socket.settimeout(0.1)
        self.is_wanted = True
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while self.is_wanted:
            try:
                query, client = self.socket.recvfrom(4096)
            except TimeoutError:
                continue
            answer = self.answer(query)
            if answer is not None:
                self.socket.sendto(answer, client)

    def answer(self, query: bytes) -> bytes | None:
        """What is sent, if anything: addresses of IPv4 alone."""
        end = query.index(b"\0", 12) + 5
        question, kind = query[12:end], struct.unpack("!H", query[end - 4 : end - 2])[0]
        is_ours = question[:-4] == b"".join(bytes([len(part)]) + part.encode() for part in NAME.split(".")) + b"\0"
        self.asked += kind == RECORD_A and is_ours
        if self.trouble == "silent":
            return None
        code = {"no such name": NAME_ERROR, "broken": SERVER_FAILURE}.get(self.trouble, 0 if is_ours else NAME_ERROR)
        gives = kind == RECORD_A and code == 0 and self.trouble != "no addresses"
        addresses = self.shown(self.asked, self.addresses) if gives else []
        head = query[:2] + struct.pack("!5H", 0x8180 | code, 1, len(addresses), 0, 0)
        record = struct.pack("!3HIH", 0xC00C, RECORD_A, 1, 0, 4)
        return head + question + b"".join(record + socket.inet_aton(address) for address in addresses)

    def asked_again(self, times: int = 2, seconds: float = 60) -> None:
        """Waits for so many look-ups that begin from now on."""
        wanted, deadline = self.asked + times, time.monotonic() + seconds
        while self.asked < wanted:
            assert time.monotonic() < deadline, "nobody looks the name up"
            time.sleep(0.05)

    def stop(self) -> None:
        self.is_wanted = False
        self.thread.join()
        self.socket.close()


def can_be_asked() -> bool:
    """Whether we may give a process a `resolv.conf` of its own, and listen where a resolver asks."""
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0


def asking(folder: pathlib.Path) -> tuple[str, ...]:
    """The command that runs another which asks this server: a mount namespace with a `resolv.conf` of its own. For root."""
    (folder / "resolv.conf").write_text(f"nameserver {ADDRESS}\noptions timeout:1 attempts:1\n")
    (folder / "nsswitch.conf").write_text("hosts: files dns\n")
    mounts = " && ".join(f"mount --bind {folder}/{name} /etc/{name}" for name in ("resolv.conf", "nsswitch.conf"))
    return ("unshare", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh")
