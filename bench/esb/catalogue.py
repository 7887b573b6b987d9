"""The catalogue at the size of a large house: search and pages over 10,000 interfaces, and the pages of
a definition of 10 MB.

    python3 bench/esb/catalogue.py --rialto target/release/rialto [--interfaces 10000] [--json FILE]

A house of its own is filled by its API and asked by one caller over one connection, as a page of the
console asks. Times are those of whole answers.
"""

import argparse
import http.client
import json
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

BASE = "/api/esb/v1"
PATIENCE = 120
WORDS = """order account quote position fund client margin settle clear trade risk bond equity option
future index cash ledger report limit credit fee tax bank branch product price depth tick session
auction block repo swap forward hedge collateral dividend coupon right issue custody transfer""".split()
# Half of them are in no text.
SOUGHT = WORDS + [word + " " + other for word, other in zip(WORDS, WORDS[7:])] + ["nowhere", "订单"]


class House:
    def __init__(self, binary, folder):
        data = folder / "data"
        line = [binary, "up", "--sample", "--port", "0", "--data", data]
        log = open(folder / "log", "ab")
        self.process = subprocess.Popen(line, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + PATIENCE
        while not (data / "ready.json").exists():
            if self.process.poll() is not None or time.monotonic() > until:
                sys.exit((folder / "log").read_text())
            time.sleep(0.05)
        self.ready = json.loads((data / "ready.json").read_text())
        at = urllib.parse.urlsplit(self.ready["url"])
        self.connection = http.client.HTTPConnection(at.hostname, at.port, timeout=PATIENCE)
        self.token = None

    def call(self, method, path, body=None, kind="application/json", headers=()):
        """Status, headers and text of an answer, and the seconds it took."""
        headers = dict(headers)
        if self.token:
            headers["authorization"] = "Bearer " + self.token
        if body is not None:
            headers["content-type"] = kind
            body = json.dumps(body).encode() if kind == "application/json" else body
        begun = time.perf_counter()
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        return answer, text, time.perf_counter() - begun

    def good(self, method, path, body=None, **more):
        answer, text, seconds = self.call(method, path, body, **more)
        if answer.status >= 300:
            sys.exit(f"{method} {path}: {answer.status} {text[:2000].decode()}")
        return (json.loads(text) if text else None), seconds

    def sign_in(self, role):
        link = self.ready["login_links"][role].split("link=")[1]
        self.token = None
        answer, text, _ = self.call("POST", "/api/platform/v1/sessions/redeem", {"link": link})
        headers = {"x-csrf-token": json.loads(text)["csrf_token"]}
        headers["cookie"] = answer.getheader("set-cookie").split(";")[0]
        body = {"name": "bench", "expires_in_days": 1}
        _, text, _ = self.call("POST", "/api/platform/v1/tokens", body, headers=headers)
        return json.loads(text)["token"]

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(PATIENCE)


def definition(n, dice):
    """A small interface of its own: two operations, eight fields."""
    first, second = dice.sample(WORDS, 2)
    fields = {f"{word}_{n % 97}": {"type": "string", "maxLength": 20, "x-label": "none"} for word in dice.sample(WORDS, 8)}
    schema = {"type": "object", "description": "what is answered", "properties": fields}
    answer = {"200": {"description": "it", "content": {"application/json": {"schema": schema}}}}
    key = {"name": f"{first}_id", "in": "path", "required": True, "description": "its id",
        "schema": {"type": "string", "maxLength": 20, "x-label": "none"}}
    paths = {f"/{first}-{n}/{{{first}_id}}": {"get": {"operationId": f"get_{first}_{n}",
        "summary": f"One {first}", "parameters": [key], "responses": answer}},
        f"/{second}-{n}": {"get": {"operationId": f"list_{second}_{n}", "summary": f"All {second}", "responses": answer}}}
    text = {"openapi": "3.1.0", "info": {"title": f"{first} {second} {n}", "version": "1.0.0"}, "paths": paths}
    return f"{first} {second} {n}", json.dumps(text).encode()


def large(megabytes):
    """One definition of so many megabytes."""
    paths, schemas, size, n = {}, {}, 0, 0
    while size < megabytes * 1_000_000:
        fields = {f"field_{n}_{m}": {"type": "string", "maxLength": 20, "x-label": "none",
            "description": f"field {m} of schema {n}, told at some length so that it can be read"} for m in range(40)}
        schemas[f"Schema{n}"] = {"type": "object", "description": f"schema {n}", "properties": fields}
        answer = {"200": {"description": "it", "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/Schema{n}"}}}}}
        paths[f"/large-{n}"] = {"get": {"operationId": f"large_{n}", "summary": f"Large {n}", "responses": answer}}
        size += len(json.dumps(schemas[f"Schema{n}"])) + len(json.dumps(paths[f"/large-{n}"]))
        n += 1
    text = {"openapi": "3.1.0", "info": {"title": "Large", "version": "1.0.0"}, "paths": paths, "components": {"schemas": schemas}}
    return json.dumps(text).encode(), n




def add(house, code, title, text):
    body = {"code": code, "system": "bench", "title": title, "taxonomy": "trade/order", "pattern": "request-reply"}
    house.good("POST", f"{BASE}/interfaces", body)
    found, _ = house.good("GET", f"{BASE}/interfaces/{code}/versions")
    version = found["items"][0]["id"]
    path = f"{BASE}/versions/{version}/definition?name=definition.json"
    _, seconds = house.good("PUT", path, text, kind="application/octet-stream", headers={"if-match": "*"})
    return version, seconds


def spread(times):
    """Median and 95th percentile, milliseconds."""
    times = sorted(times)
    return statistics.median(times) * 1000, times[int(len(times) * 0.95)] * 1000


def timed(house, paths):
    return spread([house.good("GET", path)[1] for path in paths])


def measure(house, arguments):
    dice = random.Random(7)
    house.token = house.sign_in("interfaces")
    names = {"en": "Bench", "zh": "压测系统"}
    house.good("POST", f"{BASE}/systems", {"code": "bench", "name": names, "owner": "provider", "criticality": "core", "hours": "trading"})
    house.token = house.sign_in("provider")
    begun = time.monotonic()
    for n in range(arguments.interfaces):
        title, text = definition(n, dice)
        add(house, f"bench.i{n:05}", title, text)
    took = time.monotonic() - begun
    print(f"{arguments.interfaces} interfaces with definitions in {took:.0f} s, {took / arguments.interfaces * 1000:.1f} ms each", flush=True)
    quoted = [urllib.parse.quote(text) for text in SOUGHT] * 4
    figures = []

    def row(what, found, goal):
        met = "" if goal is None else "met" if found[1] <= goal else "MISSED"
        print(f"{what:<58} median {found[0]:8.1f} ms  p95 {found[1]:8.1f} ms  {goal or '':>6} {met}", flush=True)
        figures.append({"what": what, "median_ms": found[0], "p95_ms": found[1], "goal_ms": goal})

    pages = [f"{BASE}/interfaces?page_size=50&q={text}" for text in quoted]
    row("search, 50 rows with facets", timed(house, pages), 50)
    row("catalogue, first page with facets", timed(house, [f"{BASE}/interfaces?page_size=50"] * 50), 1000)
    codes = [f"bench.i{dice.randrange(arguments.interfaces):05}" for _ in range(100)]
    row("an interface and its versions", timed(house, [f"{BASE}/interfaces/{code}/versions" for code in codes]), 1000)
    text, count = large(arguments.megabytes)
    version, seconds = add(house, "bench.large", "Large", text)
    row(f"import of {len(text) / 1e6:.1f} MB, {count} operations", (seconds * 1000, seconds * 1000), 3000)
    of = f"{BASE}/versions/{version}"
    row("its first page of operations", timed(house, [f"{of}/operations?page_size=50"] * 30), 1000)
    row("its first page of schemas", timed(house, [f"{of}/schemas?page_size=50"] * 30), 1000)
    numbers = [dice.randrange(count) for _ in range(30)]
    row("one of its operations", timed(house, [f"{of}/operations/{n}" for n in numbers]), 1000)
    return figures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rialto", required=True, type=pathlib.Path)
    parser.add_argument("--interfaces", type=int, default=10_000)
    parser.add_argument("--megabytes", type=float, default=10)
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        house = House(arguments.rialto.resolve(), pathlib.Path(folder))
        try:
            figures = measure(house, arguments)
        finally:
            house.stop()
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
