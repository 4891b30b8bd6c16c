"""Redis of the machine, started for tests: one server, with TLS, Sentinel with a replica, or a Cluster of three."""

import pathlib
import signal
import socket
import subprocess
import threading
import time

START_SECONDS = 20


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def request(*words) -> bytes:
    """A command as it goes over the wire."""
    encoded = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)


def listening(port: int, tls: pathlib.Path | None) -> dict[str, str]:
    """Settings of a server that listens there, with TLS alone where there are certificates."""
    if tls is None:
        return {"port": str(port)}
    return {
        "port": "0", "tls-port": str(port), "tls-auth-clients": "no", "tls-replication": "yes",
        "tls-cert-file": str(tls / "server.pem"), "tls-key-file": str(tls / "server.key"), "tls-ca-cert-file": str(tls / "ca.pem"),
    }  # fmt: skip


def cli(port: int, tls: pathlib.Path | None, password: str, *command, timeout: float = 10) -> str:
    """What a server answers to a command; raises where it is an error."""
    secured = [] if tls is None else ["--tls", "--cacert", str(tls / "ca.pem")]
    login = ["-a", password, "--no-auth-warning"] if password else []
    host = "127.0.0.1" if tls is None else "localhost"
    asked = ["redis-cli", "-h", host, "-p", str(port), *secured, *login, "-e", *map(str, command)]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=timeout)
    if done.returncode:
        raise subprocess.SubprocessError(done.stdout + done.stderr)
    return done.stdout.strip()


class Redis:
    """One `redis-server`, without files; commands to it by `redis-cli`."""

    def __init__(
        self, folder: pathlib.Path, *options: str, tls: pathlib.Path | None = None, name: str = "redis", password: str = ""
    ):
        self.folder, self.port, self.tls = folder / f"{name}-{free_port()}", free_port(), tls
        self.folder.mkdir(parents=True)
        self.options = [*options]
        self.child: subprocess.Popen | None = None
        self.password = password
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0" if self.tls is None else f"rediss://localhost:{self.port}/0"

    def arguments(self) -> list[str]:
        port = [word for name, value in listening(self.port, self.tls).items() for word in (f"--{name}", value)]
        common = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        password = ["--requirepass", self.password, "--masterauth", self.password] if self.password else []
        return ["redis-server", *port, *common, "--enable-debug-command", "local", *password, *self.options]

    def start(self) -> None:
        with (self.folder / "log").open("ab") as sink:
            self.child = subprocess.Popen(self.arguments(), stdout=sink, stderr=sink)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                if self.cli("PING") == "PONG":
                    return
            except subprocess.SubprocessError:
                pass
            if self.child.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"redis-server did not start:\n{(self.folder / 'log').read_text()}")

    def cli(self, *command, timeout: float = 10) -> str:
        """What Redis answers to a command; raises where it is an error."""
        return cli(self.port, self.tls, self.password, *command, timeout=timeout)

    def begin(self, *command) -> None:
        """A command whose answer nobody waits for."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(request(*command))

    def get(self, key: str) -> bytes:
        """A value as it is."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection, connection.makefile("rb") as answer:
            connection.sendall(request("GET", key))
            return answer.read(int(answer.readline()[1:]))

    def put(self, key: str, value: bytes) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as connection, connection.makefile("rb") as answer:
            connection.sendall(request("SET", key, value))
            assert answer.readline() == b"+OK\r\n"

    def keys(self, pattern: str) -> list[str]:
        return sorted(self.cli("KEYS", pattern).split())

    def kill(self) -> None:
        """Ends it as a crash would."""
        self.child.kill()
        self.child.wait()

    def freeze(self) -> None:
        """Stops it: connections stay, nothing answers."""
        self.child.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.child.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self.child.poll() is None:
            self.thaw()
            self.child.terminate()
            self.child.wait(20)


class Cluster:
    """Three masters with a third of the slots each."""

    def __init__(self, folder: pathlib.Path):
        options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"]
        self.nodes = [Redis(folder, *options, "--cluster-port", str(free_port()), name="node") for _ in range(3)]
        addresses = [f"127.0.0.1:{node.port}" for node in self.nodes]
        create = ["redis-cli", "--cluster", "create", *addresses, "--cluster-yes"]
        subprocess.run(create, check=True, capture_output=True, timeout=60)
        deadline = time.monotonic() + START_SECONDS
        while any("cluster_state:ok" not in node.cli("CLUSTER", "INFO") for node in self.nodes):
            if time.monotonic() > deadline:
                raise RuntimeError("the Cluster did not form")
            time.sleep(0.1)

    @property
    def urls(self) -> list[str]:
        return [f"redis://127.0.0.1:{node.port}" for node in self.nodes]

    def keys(self, pattern: str) -> list[str]:
        return sorted(key for node in self.nodes for key in node.keys(pattern))

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()


class Sentinel:
    """A master, a replica, and a Sentinel that makes the replica the master soon after the master is gone.

    `password` is the servers'; `own_password` is the Sentinel's.
    """

    def __init__(
        self, folder: pathlib.Path, tls: pathlib.Path | None = None, password: str = "", own_password: str = "",
        master_name: str = "cloudify",
    ):
        self.tls, self.own_password, self.master_name = tls, own_password, master_name
        self.master = Redis(folder, tls=tls, password=password, name="master")
        of_master = ["--replicaof", "127.0.0.1", str(self.master.port)]
        self.replica = Redis(folder, *of_master, tls=tls, password=password, name="replica")
        self.port = free_port()
        config = folder / "sentinel.conf"
        lines = [f"{name} {value}" for name, value in listening(self.port, tls).items()]
        lines += ["bind 127.0.0.1", f"dir {folder}", f"sentinel monitor {master_name} 127.0.0.1 {self.master.port} 1"]
        lines += [f"sentinel auth-pass {master_name} {password}"] * bool(password)
        lines += [f"requirepass {own_password}"] * bool(own_password)
        lines += [f"sentinel down-after-milliseconds {master_name} 1000", f"sentinel failover-timeout {master_name} 4000"]
        config.write_text("\n".join(lines) + "\n")
        with (folder / "sentinel.log").open("ab") as sink:
            self.child = subprocess.Popen(["redis-server", str(config), "--sentinel"], stdout=sink, stderr=sink)
        deadline = time.monotonic() + START_SECONDS
        while not self.sees_the_replica():
            if time.monotonic() > deadline:
                raise RuntimeError("Sentinel does not see the replica")
            time.sleep(0.1)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}" if self.tls is None else f"rediss://localhost:{self.port}"

    def sees_the_replica(self) -> bool:
        try:
            return "num-slaves\n1" in self.ask("SENTINEL", "MASTER", self.master_name)
        except subprocess.SubprocessError:
            return False

    def ask(self, *command: str) -> str:
        return cli(self.port, self.tls, self.own_password, *command)

    def fail_over(self) -> None:
        """Makes the replica the master while the master is well."""
        self.ask("SENTINEL", "FAILOVER", self.master_name)

    def stop(self) -> None:
        self.child.terminate()
        self.child.wait(20)
        self.master.stop()
        self.replica.stop()


def certificates(folder: pathlib.Path) -> pathlib.Path:
    """A certificate authority, and a certificate of it for `localhost`."""
    folder.mkdir(parents=True)
    for command in (
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test authority",
         "-keyout", "ca.key", "-out", "ca.pem", "-addext", "basicConstraints=critical,CA:TRUE"],
        ["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"],
    ):  # fmt: skip
        subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    sign = ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", "server.pem"]  # fmt: skip
    subprocess.run(["openssl", *sign], cwd=folder, check=True, capture_output=True)
    return folder


class Late:
    """A way to Redis on which each answer is late by `seconds`."""

    def __init__(self, port: int, seconds: float):
        self.target, self.seconds = port, seconds
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.listener.getsockname()[1]}/0"

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            threading.Thread(target=self.pass_on, args=(client, server, 0), daemon=True).start()
            threading.Thread(target=self.pass_on, args=(server, client, self.seconds), daemon=True).start()

    def pass_on(self, source: socket.socket, sink: socket.socket, seconds: float) -> None:
        try:
            while data := source.recv(1 << 20):
                if seconds:
                    time.sleep(seconds)
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self) -> None:
        self.listener.close()
