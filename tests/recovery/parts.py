"""What every scenario uses: waiting, telling, upstreams that fail, a gateway and its users."""

import http.client
import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE = 60
# Seconds a slow upstream takes: more than a gateway waits for the first byte (3 s).
SLOW = 5
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


class FaultProxy:
    """A way to an upstream that can be made to fail; `asked` holds when requests came by it."""

    def __init__(self, to):
        self.to, self.mode, self.asked = to, "pass", []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        """Each request is small and comes at once; an answer is one of `Backend`."""
        try:
            with client, socket.create_connection(("127.0.0.1", self.to)) as upstream:
                while True:
                    request = client.recv(65536)
                    if not request:
                        return
                    self.asked.append(time.monotonic())
                    if self.mode == "silent":
                        continue
                    if self.mode == "reset":
                        # A connection closed so sends RST.
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return
                    if self.mode == "slow":
                        time.sleep(SLOW)
                    upstream.sendall(request)
                    answer = b""
                    while not answer.endswith(b"\r\n\r\nok"):
                        piece = upstream.recv(65536)
                        if not piece:
                            return
                        answer += piece
                    client.sendall(answer)
        except OSError:
            pass


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

    def end(self):
        self.process.kill()
        self.process.wait()

    def administer(self, method, path, body=None):
        """Status and document of the admin port; 0 when it does not answer."""
        with open(f"{self.folder}/token", encoding="utf-8") as file:
            headers = {"authorization": f"Bearer {file.read().strip()}", "content-type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=10)
        try:
            connection.request(method, f"/admin/v1/{path}", body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            return 0, {}
        finally:
            connection.close()

    def publish(self, name):
        with open(f"{self.folder}/{name}", "rb") as file:
            return self.administer("PUT", "snapshot", file.read())

    def leaves_alone(self, port):
        """Whether requests pass an instance by, as the gateway itself explains."""
        asked = {"request": "GET /v1/resource0/1 HTTP/1.1", "headers": [["Host", "h"]]}
        _, told = self.administer("POST", "explain", json.dumps(asked))
        return f":{port} left alone" in json.dumps(told)

    def get(self, timeout=2.0):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v1/resource0/1", timeout=timeout) as answer:
                answer.read()
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except (OSError, http.client.HTTPException):
            return 0


def load(gateway, stop, seen, timeout=2.0):
    """One user: idempotent requests, each over a connection of its own, at most 50 a second."""
    next_at = time.monotonic()
    while not stop.is_set():
        begun = time.monotonic()
        status = gateway.get(timeout)
        seen.append((time.monotonic() - begun, status))
        next_at += 0.02
        time.sleep(max(0, next_at - time.monotonic()))


class Load:
    """Four users until it ends; then how many requests there were, failures, and the slowest."""

    def __init__(self, gateway, timeout=12.0):
        self.stop, self.seen = threading.Event(), []
        arguments = (gateway, self.stop, self.seen, timeout)
        self.users = [threading.Thread(target=load, args=arguments) for _ in range(4)]
        for user in self.users:
            user.start()

    def end(self, what):
        self.stop.set()
        for user in self.users:
            user.join()
        failed = sorted({status for _, status in self.seen if status != 200})
        count = sum(status != 200 for _, status in self.seen)
        took = sorted(took for took, _ in self.seen)
        p99 = took[int(0.99 * (len(took) - 1))]
        print(f"  {what}: {len(took)} GET requests, {count} failed{' ' + str(failed) if failed else ''}, "
              f"p99 {p99:.3f} s, slowest {took[-1]:.3f} s", flush=True)
        if count:
            failures.append(f"{what}: {count} failed requests")
