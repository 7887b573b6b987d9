#!/usr/bin/env python3
"""The gateway beside nginx, nginx with Lua and HAProxy.

    python3 bench/esb/run.py --rialto target/release/rialto --snapshots target/release/rialto-bench-esb

Needs wrk, nginx with its Lua module and haproxy (Debian: wrk nginx-light libnginx-mod-http-lua
haproxy); what is not there is said and left out, but for wrk and nginx.

The main figure is processor time per request: user and system time of all processes of a candidate by
the requests it answered. Candidates have one worker, are kept on one core while wrk and the upstream
have the other, and take turns; told is the median of each round's ratios. A run with an answer other
than 2xx, or whose nginx baseline spreads more than twofold, is void.
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
BODY = json.dumps({"items": [{"id": n, "name": "x" * 20} for n in range(22)]})
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(url, headers=None, seconds=20, refused=None):
    """The body of an answer as soon as there is one; `refused`: of an answer with that status."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=2) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            if error.code == refused:
                return error.read()
            time.sleep(0.05)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    sys.exit(f"{url} does not answer")


def posted(url, key, body):
    """The status of an answer to a body."""
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


class Process:
    """A program on its core, with its children."""

    def __init__(self, name, core, command, folder, **more):
        self.name = name
        self.log = open(os.path.join(folder, f"{name}.out"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            ["taskset", "-c", str(core), *command], stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, **more
        )

    def pids(self):
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
            return [pid, *(int(child) for child in file.read().split())]

    def cpu_seconds(self):
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICK

    def memory_mb(self):
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                total += int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])
        return total / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


class World:
    """The upstream, and what is measured before it."""

    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        cores = sorted(os.sched_getaffinity(0))
        self.core, self.other = cores[0], cores[-1]
        self.running = []
        self.upstream = free_port()

    def begin(self):
        self.nginx("upstream", self.other, f"""
            server {{
                listen 127.0.0.1:{self.upstream} reuseport;
                location / {{ default_type application/json; return 200 '{BODY}'; }}
            }}""")
        answers(f"http://127.0.0.1:{self.upstream}/")
        subprocess.run([self.options.snapshots, self.folder, f"127.0.0.1:{self.upstream}"], check=True)
        with open(os.path.join(self.folder, "callers.txt"), encoding="utf-8") as file:
            self.key = file.readline().strip()

    def start(self, *words, **more):
        process = Process(*words, self.folder, **more)
        self.running.append(process)
        return process

    def nginx(self, role, core, http):
        with open(os.path.join(HERE, "nginx.conf"), encoding="utf-8") as file:
            text = file.read()
        filled = {"@FOLDER@": self.folder, "@ROLE@": role, "@HTTP@": http}
        for name, value in filled.items():
            text = text.replace(name, value)
        path = os.path.join(self.folder, f"{role}.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return self.start(role, core, ["nginx", "-c", path])

    def upstreams(self):
        return f"upstream backend {{ server 127.0.0.1:{self.upstream}; keepalive 256; keepalive_requests 100000000; }}"

    def proxy(self):
        port = free_port()
        process = self.nginx("nginx", self.core, f"""
            {self.upstreams()}
            server {{
                listen 127.0.0.1:{port};
                location / {{
                    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://backend;
                }}
            }}""")
        return process, port

    def lua(self, routes):
        port = free_port()
        place = """location /v1/resource%d/ {
                    access_by_lua_block { peer.access("r%d") } log_by_lua_block { peer.log() }
                    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://backend;
                }"""
        places = "\n".join(place % (n, n) for n in range(routes))
        process = self.nginx(f"nginx-lua-{routes}", self.core, f"""
            {self.upstreams()}
            lua_package_path "{HERE}/?.lua;/usr/share/lua/5.1/?.lua;;";
            lua_shared_dict keys 4m; lua_shared_dict limits 4m; lua_shared_dict metrics 16m;
            init_by_lua_block {{ peer = require "peer"; peer.load("{self.folder}/callers.txt") }}
            server {{ listen 127.0.0.1:{port}; {places} }}""")
        return process, port

    def haproxy(self):
        port = free_port()
        path = os.path.join(self.folder, "haproxy.cfg")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"""global
    nbthread 1
    maxconn 4096
defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s
    http-reuse always
frontend in
    bind 127.0.0.1:{port}
    default_backend out
backend out
    server one 127.0.0.1:{self.upstream} pool-max-conn 256
""")
        return self.start("haproxy", self.core, ["haproxy", "-db", "-f", path]), port

    def gateway(self, name):
        folder, port, admin = self.folder, free_port(), free_port()
        process = self.start(
            f"gateway-{name}", self.core,
            [self.options.rialto, "esb", "gateway", "--snapshot", f"{folder}/{name}.json", "--key", f"{folder}/key.pem",
             "--group-key", f"{folder}/group.key", "--environment", "bench", "--listen", f"127.0.0.1:{port}",
             "--admin", f"127.0.0.1:{admin}", "--token-file", f"{folder}/{name}.token", "--folder", f"{folder}/{name}"],
            env={**os.environ, "TOKIO_WORKER_THREADS": "1"},
        )
        process.admin = f"http://127.0.0.1:{admin}/admin/v1/snapshot"
        process.token = f"{folder}/{name}.token"
        return process, port

    def wrk(self, port, seconds, connections=64, key=True, many=False, post=False):
        """Requests, median and 99th percentile in ms; `post`: each with the body of 1 KB."""
        command = ["taskset", "-c", str(self.other), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
        url = f"http://127.0.0.1:{port}/v1/resource0/1"
        if many:
            command += ["-s", os.path.join(HERE, "callers.lua"), url, "--", os.path.join(self.folder, "callers.txt")]
        else:
            command += ["-H", f"X-API-Key: {self.key}"] if key else []
            command += ["-s", os.path.join(HERE, "post.lua"), url, "--", f"{self.folder}/body.json"] if post else [url]
        done = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in done or "Socket errors" in done:
            sys.exit(f"void: {done}")
        scale = {"us": 1e-3, "ms": 1, "s": 1e3}
        part = {name: re.search(rf"{name}%\s+([\d.]+)(us|ms|s)", done) for name in ("50", "99")}
        quantiles = [float(part[name][1]) * scale[part[name][2]] for name in ("50", "99")]
        return int(re.search(r"(\d+) requests in", done)[1]), *quantiles

    def show(self):
        """What the programs said, when something went wrong."""
        for process in self.running:
            process.log.seek(0)
            print(f"{process.name}: {process.log.read()[-2000:]}", file=sys.stderr)

    def stop(self):
        for process in reversed(self.running):
            process.stop()


def race(world, candidates, many=(), **load):
    """Processor time per request of each, in turns: a list for each name. Those of `many` are asked for
    every route by every caller."""
    figures = {name: [] for name in candidates}
    for name, (_, port) in candidates.items():
        world.wrk(port, 2, many=name in many, **load)
    for _ in range(world.options.rounds):
        for name, (process, port) in candidates.items():
            before = process.cpu_seconds()
            requests, p50, p99 = world.wrk(port, world.options.seconds, many=name in many, **load)
            figures[name].append((1e6 * (process.cpu_seconds() - before) / requests, p50, p99))
    return figures


def tell(step, figures, ours, peers, goals):
    """Prints a step; the median of each round's ratio to each peer."""
    out = []
    micros = {name: [round_[0] for round_ in rounds] for name, rounds in figures.items()}
    for name, rounds in figures.items():
        p50, p99 = (statistics.median(r[n] for r in rounds) for n in (1, 2))
        print(f"{step:<4} {name:<22} {statistics.median(micros[name]):6.1f} us/request"
              f"  ({min(micros[name]):.1f} to {max(micros[name]):.1f})   p50 {p50:.2f} ms  p99 {p99:.2f} ms")
    for peer in peers:
        ratios = [mine / theirs for mine, theirs in zip(micros[ours], micros[peer], strict=True)]
        spread = max(micros[peer]) / min(micros[peer])
        goal = goals.get(peer)
        verdict = "" if goal is None else f"  goal {goal}x: {'met' if statistics.median(ratios) <= goal else 'MISSED'}"
        void = "  VOID: the peer spreads more than twofold" if spread > 2 else ""
        print(f"{step:<4} {ours} by {peer}: {statistics.median(ratios):.2f}x ({min(ratios):.2f} to {max(ratios):.2f}){verdict}{void}")
        out.append({"step": step, "peer": peer, "ratio": statistics.median(ratios), "goal": goal})
    return out


def storm(world):
    """A publish each second under load: no error, and what the slowest hundredth waits."""
    process, port = world.gateway("s1")
    answers(f"http://127.0.0.1:{port}/v1/resource0/1", {"X-API-Key": world.key})
    seconds = min(world.options.storm, 100)
    _, _, calm = world.wrk(port, seconds)
    with open(process.token, encoding="utf-8") as file:
        token = file.read().strip()
    load = subprocess.Popen(
        ["taskset", "-c", str(world.other), "wrk", "-t1", "-c64", f"-d{seconds}s", "--latency",
         "-H", f"X-API-Key: {world.key}", f"http://127.0.0.1:{port}/v1/resource0/1"],
        stdout=subprocess.PIPE, text=True,
    )
    published = 0
    for version in range(2, 2 + seconds - 1):
        with open(os.path.join(world.folder, f"s7-{version}.json"), "rb") as file:
            request = urllib.request.Request(process.admin, data=file.read(), method="PUT")
        request.add_header("authorization", f"Bearer {token}")
        with urllib.request.urlopen(request, timeout=5):
            published += 1
        time.sleep(1)
    done = load.communicate()[0]
    errors = "Non-2xx" in done or "Socket errors" in done
    found = re.search(r"99%\s+([\d.]+)(us|ms|s)", done)
    p99 = float(found[1]) * {"us": 1e-3, "ms": 1, "s": 1e3}[found[2]]
    print(f"S7   {published} publishes in {seconds} s under load: {'ERRORS' if errors else 'no error'}; "
          f"p99 {p99:.2f} ms, {p99 / calm:.2f}x of {calm:.2f} ms without (goal 1.10x)")
    return [{"step": "S7", "errors": errors, "p99_ratio": p99 / calm}]


def validating(world):
    """What checking requests against the definition costs: the same operation, key and body with and without."""
    both = {"gateway unchecked": world.gateway("s1-post"), "gateway": world.gateway("s3")}
    bodies = {}
    for name in ("body", "broken"):
        with open(os.path.join(world.folder, f"{name}.json"), "rb") as file:
            bodies[name] = file.read()
    for name, (_, port) in both.items():
        url = f"http://127.0.0.1:{port}/v1/resource0/1"
        answers(url, refused=405)
        told = [posted(url, world.key, bodies[body]) for body in ("body", "broken")]
        if told != [200, 422 if name == "gateway" else 200]:
            sys.exit(f"void: {name} answers {told} to a body that fits and one that does not")
    out = tell("S3", race(world, both, post=True), "gateway", ["gateway unchecked"], {"gateway unchecked": 1.5})
    for process, _ in both.values():
        process.stop()
        world.running.remove(process)
    return out


def measure(world):
    out = []
    passing = {"nginx": world.proxy(), "gateway": world.gateway("s0")}
    if shutil.which("haproxy"):
        passing["haproxy"] = world.haproxy()
    else:
        print("haproxy: absent")
    for _, port in passing.values():
        answers(f"http://127.0.0.1:{port}/v1/resource0/1")
    peers = [name for name in passing if name != "gateway"]
    out += tell("S0", race(world, passing, key=False), "gateway", peers, {"nginx": 1.3})
    direct = world.wrk(world.upstream, 3, connections=1, key=False)[1]
    for name, (_, port) in passing.items():
        added = 1000 * (world.wrk(port, 3, connections=1, key=False)[1] - direct)
        print(f"S0   {name}: {added:.0f} us added to the median at one connection")

    checked = {"nginx with Lua": world.lua(1), "gateway": world.gateway("s1")}
    for _, port in checked.values():
        answers(f"http://127.0.0.1:{port}/v1/resource0/1", {"X-API-Key": world.key})
    out += tell("S1", race(world, checked), "gateway", ["nginx with Lua"], {"nginx with Lua": 1.1})

    out += validating(world)

    many = {"nginx with Lua": world.lua(10_000), "one route": checked["gateway"], "gateway": world.gateway("s6")}
    for _, port in many.values():
        answers(f"http://127.0.0.1:{port}/v1/resource0/1", {"X-API-Key": world.key})
    figures = race(world, many, many=("nginx with Lua", "gateway"))
    out += tell("S6", figures, "gateway", ["one route", "nginx with Lua"], {"one route": 1.05})
    print(f"S6   gateway: {many['gateway'][0].memory_mb():.0f} MB resident with 10,000 routes and 1,000 callers, after load (goal 60 MB)")
    for process in {process for process, _ in [*passing.values(), *checked.values(), *many.values()]}:
        process.stop()
        world.running.remove(process)
    shutil.rmtree(os.path.join(world.folder, "s1"))
    return out + storm(world)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rialto", required=True, help="the program, built for release")
    parser.add_argument("--snapshots", required=True, help="the program rialto-bench-esb")
    parser.add_argument("--json", help="write the figures to this file too")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of each turn")
    parser.add_argument("--storm", type=int, default=30, help="seconds of publishing")
    options = parser.parse_args()
    for program in ("wrk", "nginx"):
        if not shutil.which(program):
            sys.exit(f"{program} is missing (Debian: wrk nginx-light libnginx-mod-http-lua haproxy)")
    options.rialto, options.snapshots = map(os.path.abspath, (options.rialto, options.snapshots))
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        world = World(options, folder)
        try:
            world.begin()
            figures = measure(world)
        except SystemExit:
            world.show()
            raise
        finally:
            world.stop()
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=1)


if __name__ == "__main__":
    main()
