"""Every interface of the house called as its definition says, and outside of it.

Schemathesis reads the definitions in `openapi/` and calls a running house, and the mock of each
definition: no answer is a failure of the server, every answer is one that the definition declares.

    RIALTO_BIN=target/debug/rialto python tests/conformance/run.py
"""

import http.cookiejar
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

BINARY = os.environ["RIALTO_BIN"]
SCHEMATHESIS = pathlib.Path(sys.executable).parent / "schemathesis"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# Whose rights reach most of it.
CALLERS = [("platform", "admin"), ("delivery", "developer"), ("otc", "trader"), ("esb", "provider"), ("esb", "interfaces"), ("center", "provider")]
# The caller's own session must outlive the test, and streams do not end.
LEFT_OUT = "/(sessions|tokens|events|stream)"
# A book as a spreadsheet: a mock makes none from its schema, and says so with 501.
NOT_MADE = "/exports/"
PATIENCE = 120


def started(arguments, ready, folder):
    """A process of ours and what `ready` finds once it serves; it ends with its whole group."""
    log = open(folder / "log", "a+b")
    process = subprocess.Popen([BINARY, *arguments], stderr=log, stdout=log, start_new_session=True)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        found = ready()
        if found:
            return process, found
        time.sleep(0.05)
    stopped(process)
    sys.exit(f"rialto {' '.join(arguments)} did not start:\n{(folder / 'log').read_text()}")


def stopped(process):
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    process.wait(PATIENCE)


def token(ready, role):
    """A token of a role of the sample house."""
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    opener = urllib.request.build_opener(jar)

    def post(path, body, headers):
        data = json.dumps(body).encode()
        headers = {"content-type": "application/json", **headers}
        request = urllib.request.Request(ready["url"] + path, data, headers)
        return json.load(opener.open(request, timeout=PATIENCE))

    link = ready["login_links"][role].split("link=")[1]
    session = post("/api/platform/v1/sessions/redeem", {"link": link}, {})
    headers = {"x-csrf-token": session["csrf_token"]}
    body = {"name": "conformance", "expires_in_days": 1}
    return post("/api/platform/v1/tokens", body, headers)["token"]


def called(what, system, url, left_out, folder, headers=()):
    """Whether all answers to the calls that Schemathesis makes of a definition are declared."""
    definition = pathlib.Path(f"openapi/{system}.json").resolve()
    line = [SCHEMATHESIS, "run", definition, "--url", url, "--checks", CHECKS]
    line += ["--phases", "coverage,fuzzing", "--max-examples", "6", "--workers", "1"]
    line += ["--generation-deterministic", "--seed", "1"]
    line += ["--exclude-path-regex", left_out, "--request-timeout", "60", "--no-color"]
    for header in headers:
        line += ["--header", header]
    begun = time.monotonic()
    # It keeps notes where it runs.
    done = subprocess.run(line, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    counted = [text.strip() for text in done.stdout.splitlines() if " generated, " in text]
    print(f"{what}: {' '.join(counted)} in {time.monotonic() - begun:.0f} s", flush=True)
    if done.returncode != 0 or not counted:
        print(done.stdout, flush=True)
        return False
    return True


def house(folder):
    """All definitions against the house that serves them."""
    data = folder / "data"

    def ready():
        try:
            return json.loads((data / "ready.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    arguments = ["up", "--sample", "--port", "0", "--data", str(data)]
    process, at = started(arguments, ready, folder)
    try:
        good = True
        # All at once: a sign-in link is of use for a while only, and once.
        tokens = {role: token(at, role) for role in {role for _, role in CALLERS}}
        for system, role in CALLERS:
            headers = [f"Authorization: Bearer {tokens[role]}"]
            good &= called(f"{system} as {role}", system, at["url"], LEFT_OUT, folder, headers)
        return good
    finally:
        stopped(process)


def mock(system, folder):
    """A definition against its own mock."""

    def ready():
        lines = (folder / "log").read_text().splitlines()
        told = [line for line in lines if line.startswith("mock: http://")]
        return told and told[0].split()[1]

    arguments = ["esb", "mock", f"openapi/{system}.json", "--listen", "127.0.0.1:0", "--quiet"]
    process, url = started(arguments, ready, folder)
    try:
        headers = ["Authorization: Bearer nobody"]
        return called(f"mock of {system}", system, url, NOT_MADE, folder, headers)
    finally:
        stopped(process)


def main():
    good = True
    for system in dict.fromkeys(system for system, _ in CALLERS):
        with tempfile.TemporaryDirectory(prefix="rialto-conformance-") as folder:
            good &= mock(system, pathlib.Path(folder))
    with tempfile.TemporaryDirectory(prefix="rialto-conformance-") as folder:
        good &= house(pathlib.Path(folder))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
