#!/usr/bin/env python3
"""What fails, how long it is felt, and what is lost: prints figures.

    python3 tests/recovery/run.py --rialto target/release/rialto --snapshots target/release/rialto-bench-esb \\
        --database postgres://postgres@127.0.0.1:5432/empty [--pg-ctl "pg_ctl -D DATA"]

`cargo xtask recovery` runs it with a database of its own. Two servers share the database; a client asks
both every 5 ms whether they serve and writes whenever one does, and what was acknowledged has to be there
at the end. A gateway serves without any of them. Exit code 1: something was lost, answered wrongly, or
took longer than its goal.
"""

import argparse
import http.client
import json
import os
import shlex
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE = 60
failures = []


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(found, what):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        result = found()
        if result:
            return result
        time.sleep(0.005)
    sys.exit(f"waited in vain for {what}")


def tell(what, times, goals, note=""):
    """Prints a row: rounds, median, 99th percentile (of few rounds the worst), worst."""
    times = sorted(times)
    p50, worst = statistics.median(times), times[-1]
    p99 = times[min(len(times) - 1, int(0.99 * len(times)))]
    verdicts = []
    for name, seen in (("p50", p50), ("p99", p99)):
        goal = goals.get(name)
        if goal is not None:
            verdicts.append(f"{name} <= {goal} s: {'met' if seen <= goal else 'MISSED'}")
            if seen > goal:
                failures.append(f"{what}: {name} {seen:.2f} s")
    print(f"{what:<46} {len(times):>3} rounds  p50 {p50:.3f} s  p99 {p99:.3f} s  worst {worst:.3f} s  "
          f"{'; '.join(verdicts)}{note}", flush=True)


class Server:
    """One of two servers on a database."""

    def __init__(self, binary, folder, database, name):
        self.binary, self.folder, self.database, self.name = binary, folder, database, name
        self.port = free_port()
        self.log = open(os.path.join(folder, f"{name}.log"), "a", encoding="utf-8")
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [self.binary, "serve", "--port", str(self.port), "--data", os.path.join(self.folder, "data"),
             "--role", "delivery,gateway"],
            env={**os.environ, "RIALTO__STORE__URL": self.database},
            cwd=self.folder, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
        )

    def call(self, method, path, body=None, headers=None, timeout=1.0):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            data = None if body is None else json.dumps(body)
            told = {"content-type": "application/json", "origin": f"http://127.0.0.1:{self.port}", **(headers or {})}
            connection.request(method, path, data, told)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        except (OSError, http.client.HTTPException):
            return 0, b"", {}
        finally:
            connection.close()

    def serves(self):
        return self.call("GET", "/readyz", timeout=0.5)[0] == 200

    def stands_by(self):
        status, text, _ = self.call("GET", "/healthz", timeout=0.5)
        return status == 200 and b"standing by" in text


class Client:
    """Somebody signed in who goes on writing, at whichever server leads."""

    def __init__(self, servers, folder):
        self.servers = servers
        ready = os.path.join(folder, "data/ready.json")
        wait_for(lambda: os.path.exists(ready), "the first sign-in links")
        with open(ready, encoding="utf-8") as file:
            link = json.load(file)["login_links"]["admin"].split("link=")[1]
        leader = next(server for server in servers if server.serves())
        status, text, headers = leader.call("POST", "/api/platform/v1/sessions/redeem", {"link": link})
        if status != 201:
            sys.exit(f"no session: {status} {text}")
        self.headers = {"cookie": headers["set-cookie"].split(";")[0], "x-csrf-token": json.loads(text)["csrf_token"]}
        self.acknowledged, self.refused, self.number = [], {}, 0

    def write(self, server, timeout=1.0):
        self.number += 1
        name = f"w{self.number}"
        body = {"name": name, "expires_in_days": 1}
        status = server.call("POST", "/api/platform/v1/tokens", body, self.headers, timeout)[0]
        if status == 201:
            self.acknowledged.append(name)
        elif status not in (0, 503):
            self.refused[status] = self.refused.get(status, 0) + 1
        return status == 201

    def written(self, server):
        # The list holds a thousand; a run of 20 rounds writes fewer.
        path = "/api/platform/v1/tokens?page_size=1000"
        told = json.loads(server.call("GET", path, headers=self.headers)[1])
        return [item["name"] for item in told["items"]]

    def epoch(self, server):
        return json.loads(server.call("GET", "/api/platform/v1/standby", headers=self.headers)[1])["epoch"]


def outage(client, old, new, strike):
    """Strikes the leader; seconds until a write is taken by the other one."""
    epoch = client.epoch(old)
    begun = time.monotonic()
    strike(old)
    wait_for(lambda: client.write(new, 0.5), "a write at the other server")
    took = time.monotonic() - begun
    if client.epoch(new) <= epoch:
        failures.append(f"the epoch did not rise: {epoch}")
    return took


def take_overs(options, folder):
    servers = [Server(options.rialto, folder, options.database, name) for name in ("one", "two")]
    try:
        leader = wait_for(lambda: next((s for s in servers if s.serves()), None), "a leader")
        other = servers[1 - servers.index(leader)]
        wait_for(other.stands_by, "a standby")
        client = Client(servers, folder)
        kinds = (
            ("leader killed (kill -9)", signal.SIGKILL, {"p99": 1.5}),
            ("leader frozen (SIGSTOP)", signal.SIGSTOP, {"p99": 2.0}),
            ("leader stopped in order (SIGTERM)", signal.SIGTERM, {"p99": 1.5}),
        )
        for what, by, goals in kinds:
            times = []
            for _ in range(options.rounds):
                for _ in range(10):
                    client.write(leader)
                times.append(outage(client, leader, other, lambda old, by=by: old.process.send_signal(by)))
                # A frozen one on the same machine is ended by whoever took over.
                leader.process.wait(PATIENCE)
                leader.start()
                wait_for(leader.stands_by, "the standby again")
                leader, other = other, leader
            tell(what, times, goals)
        if options.pg_ctl:
            times = []
            for _ in range(max(1, options.rounds // 4)):
                begun = time.monotonic()
                restart = [*shlex.split(options.pg_ctl), "-w", "-m", "immediate", "restart"]
                subprocess.run(restart, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

                def written():
                    for server in servers:
                        if server.process.poll() is not None:
                            server.start()
                        if client.write(server, 0.5):
                            return server
                    return None

                leader = wait_for(written, "a write after the database's restart")
                times.append(time.monotonic() - begun)
                other = servers[1 - servers.index(leader)]
                if other.process.poll() is not None:
                    other.start()
                wait_for(other.stands_by, "the standby again")
            tell("database killed and started again", times, {})
        else:
            print("database killed: absent (no --pg-ctl)")
        lost = set(client.acknowledged) - set(client.written(leader))
        doubled = len(client.written(leader)) - len(set(client.written(leader)))
        print(f"{len(client.acknowledged)} writes acknowledged, {len(lost)} lost, {doubled} doubled; "
              f"other answers: {client.refused or 'none'}", flush=True)
        if lost or doubled:
            failures.append(f"lost {sorted(lost)[:5]}, doubled {doubled}")
    finally:
        for server in servers:
            server.process.kill()
            server.process.wait()


class Backend:
    """An upstream that can die."""

    def __init__(self):
        self.port, self.served = free_port(), 0
        self.start()

    def start(self):
        backend = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                backend.served += 1
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        class Listener(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def process_request(self, request, address):
                backend.open.append(request)
                super().process_request(request, address)

            def handle_error(self, request, address):
                pass

        self.open = []
        self.listener = Listener(("127.0.0.1", self.port), Handler)
        self.thread = threading.Thread(target=self.listener.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def kill(self):
        """As a process that ends: the listener and every connection are gone at once."""
        self.listener.socket.close()
        for connection in self.open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        threading.Thread(target=self.listener.shutdown, daemon=True).start()


class Gateway:
    """A gateway on its last snapshot, without database and control plane."""

    def __init__(self, options, folder):
        self.options, self.folder, self.port, self.admin = options, folder, free_port(), free_port()
        self.start(["--snapshot", f"{folder}/s0.json"])
        wait_for(lambda: self.get() == 200, "the gateway")

    def start(self, more=()):
        folder = self.folder
        self.process = subprocess.Popen(
            [self.options.rialto, "esb", "gateway", *more, "--key", f"{folder}/key.pem", "--group-key",
             f"{folder}/group.key", "--environment", "bench", "--listen", f"127.0.0.1:{self.port}", "--admin",
             f"127.0.0.1:{self.admin}", "--token-file", f"{folder}/token", "--folder", f"{folder}/kept"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        )

    def get(self, timeout=2.0):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v1/resource0/1", timeout=timeout) as answer:
                answer.read()
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except (OSError, http.client.HTTPException):
            return 0


def load(gateway, stop, seen):
    """One user: idempotent requests, each over a connection of its own, at most 50 a second."""
    next_at = time.monotonic()
    while not stop.is_set():
        status = gateway.get()
        seen.append((time.monotonic(), status))
        next_at += 0.02
        time.sleep(max(0, next_at - time.monotonic()))


def data_plane(options, folder):
    backends = [Backend(), Backend()]
    addresses = ",".join(f"127.0.0.1:{backend.port}" for backend in backends)
    subprocess.run([options.snapshots, folder, addresses], check=True)
    gateway = Gateway(options, folder)
    try:
        times = []
        for _ in range(options.rounds):
            gateway.process.kill()
            gateway.process.wait()
            begun = time.monotonic()
            gateway.start()
            wait_for(lambda: gateway.get() == 200, "the gateway again")
            times.append(time.monotonic() - begun)
        tell("gateway killed, started again, nothing else up", times, {"p99": 1.0})

        stop, seen = threading.Event(), []
        users = [threading.Thread(target=load, args=(gateway, stop, seen)) for _ in range(4)]
        for user in users:
            user.start()
        for n in range(options.rounds):
            time.sleep(0.5)
            backends[n % 2].kill()
            time.sleep(1.0)
            backends[n % 2].start()
            time.sleep(0.5)
        stop.set()
        for user in users:
            user.join()
        failed = [status for _, status in seen if status != 200]
        print(f"one of two backends killed {options.rounds} times under {len(seen)} GET requests: "
              f"{len(failed)} failed{' ' + str(sorted(set(failed))) if failed else ''}", flush=True)
        if failed:
            failures.append(f"{len(failed)} failed requests")
    finally:
        gateway.process.kill()
        gateway.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rialto", required=True)
    parser.add_argument("--snapshots", required=True, help="the program rialto-bench-esb")
    parser.add_argument("--database", required=True, help="an empty database, postgres://…")
    parser.add_argument("--pg-ctl", help="command that controls its server, without the verb")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    options.rialto, options.snapshots = map(os.path.abspath, (options.rialto, options.snapshots))
    with tempfile.TemporaryDirectory() as folder:
        take_overs(options, folder)
    with tempfile.TemporaryDirectory() as folder:
        data_plane(options, folder)
    for failure in failures:
        print(f"FAILED: {failure}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
