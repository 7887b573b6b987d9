#!/usr/bin/env python3
"""The running server: push to first log byte, and memory when idle.

    python3 bench/server/run.py --rialto target/release/rialto

Starts a house with the sample, pushes commits to a project of one trivial job, and measures from
the moment `git push` returns (the hook is over) to the first byte of the job's log.
"""

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROUNDS = 25
GOAL_MS = 150
GOAL_MB = 100


class Server:
    """A house in a folder of its own."""

    def __init__(self, binary, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = open(os.path.join(folder, "log"), "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [binary, "up", "--sample", "--port", str(self.port), "--data", os.path.join(folder, "data")],
            cwd=folder, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
        )
        self.token = None
        self.ready = os.path.join(folder, "data", "ready.json")
        wait_for(lambda: self.request("GET", "/readyz", raw=True) is not None, "the server", 60)
        wait_for(lambda: os.path.exists(self.ready), "its greeting", 60)

    def request(self, method, path, body=None, headers=None, raw=False):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("content-type", "application/json")
        if self.token:
            request.add_header("authorization", f"Bearer {self.token}")
        for key, value in (headers or {}).items():
            request.add_header(key, value)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                content = answer.read()
                self.headers = answer.headers
                return content if raw else json.loads(content)
        except (urllib.error.URLError, ConnectionError):
            if raw:
                return None
            raise

    def log_in(self, login):
        with open(self.ready, encoding="utf-8") as file:
            link = json.load(file)["login_links"][login].split("link=")[1]
        session = self.request("POST", "/api/platform/v1/sessions/redeem", {"link": link})
        cookie = self.headers["set-cookie"].split(";")[0]
        headers = {"cookie": cookie, "x-csrf-token": session["csrf_token"], "origin": self.url}
        body = {"name": "bench", "expires_in_days": 1}
        self.token = self.request("POST", "/api/platform/v1/tokens", body, headers)["token"]

    def memory_mb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            line = next(line for line in file if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def idle_mb(self):
        """Resident once it has not changed by a megabyte for five seconds: freed pages go back by and by."""
        seen = []
        for _ in range(60):
            seen.append(self.memory_mb())
            if len(seen) > 5 and max(seen[-6:]) - min(seen[-6:]) < 1:
                break
            time.sleep(1)
        return seen[-1]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


def wait_for(found, what, seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        result = found()
        if result:
            return result
        time.sleep(0.002)
    sys.exit(f"waited in vain for {what}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rialto", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(os.path.abspath(options.rialto), folder)
        try:
            measure(server, folder)
        finally:
            server.stop()
        again = Server(os.path.abspath(options.rialto), folder)
        try:
            print(f"idle memory after a restart: {again.idle_mb():.0f} MB (goal ≤ {GOAL_MB} MB)")
        finally:
            again.stop()


def measure(server, folder):
    server.log_in("developer")
    idle = server.idle_mb()
    base = "/api/delivery/v1"
    body = {"path": "sample/latency", "name": "latency", "description": ""}
    project = server.request("POST", base + "/projects", body)["id"]
    copy = os.path.join(folder, "copy")
    address = server.url.replace("http://", f"http://developer:{server.token}@") + "/git/sample/latency.git"

    def git(*words):
        identity = ["-c", "user.name=bench", "-c", "user.email=bench@rialto.example"]
        done = subprocess.run(["git", "-C", copy, *identity, *words], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"git {words} failed: {done.stderr}")
        return done.stdout.strip()

    subprocess.run(["git", "init", "-q", "-b", "main", copy], check=True)
    git("remote", "add", "origin", address)
    with open(os.path.join(copy, ".gitlab-ci.yml"), "w", encoding="utf-8") as file:
        file.write('job:\n  script: ["true"]\n')
    times = []
    for _ in range(ROUNDS):
        git("add", "-A")
        git("commit", "-q", "--allow-empty", "-m", "again")
        sha = git("rev-parse", "HEAD")
        git("push", "-q", "origin", "main")
        start = time.perf_counter()

        def first_byte():
            pipelines = server.request("GET", f"{base}/pipelines?project_id={project}&page_size=1")
            if not pipelines["items"] or pipelines["items"][0]["sha"] != sha:
                return None
            pipeline = server.request("GET", f"{base}/pipelines/{pipelines['items'][0]['id']}")
            job = pipeline["stages"][0]["jobs"][0]
            return job["log_bytes"] > 0

        wait_for(first_byte, "the first log byte", 30)
        times.append(1000 * (time.perf_counter() - start))
    p50, p95 = statistics.median(times), sorted(times)[int(0.95 * len(times))]
    print(f"push to first log byte: p50 {p50:.0f} ms, p95 {p95:.0f} ms (goal p50 ≤ {GOAL_MS} ms)")
    print(f"idle memory after the first start, sample loaded: {idle:.0f} MB (goal ≤ {GOAL_MB} MB)")


if __name__ == "__main__":
    main()
