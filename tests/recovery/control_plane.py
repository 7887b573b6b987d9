"""Faults of the control plane: who leads ends, is frozen, is cut off; the database ends."""

import http.client
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

from parts import PATIENCE, failures, free_port, tell, wait_for


class Server:
    """One of two servers on a database."""

    def __init__(self, binary, folder, database, name, host="127.0.0.1", within=(), public=None):
        self.binary, self.folder, self.database, self.name = binary, folder, database, name
        self.host, self.within, self.port = host, within, free_port()
        self.origin = public or f"http://{host}:{self.port}"
        self.more = {"RIALTO__SERVER__PUBLIC_URL": public} if public else {}
        self.log = open(os.path.join(folder, f"{name}.log"), "a", encoding="utf-8")
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [*self.within, self.binary, "serve", "--data", os.path.join(self.folder, "data"),
             "--role", "delivery,gateway"],
            env={**os.environ, "RIALTO__STORE__URL": self.database,
                 "RIALTO__SERVER__LISTEN": f"{self.host}:{self.port}", **self.more},
            cwd=self.folder, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
        )

    def call(self, method, path, body=None, headers=None, timeout=1.0):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            data = None if body is None else json.dumps(body)
            told = {"content-type": "application/json", "origin": self.origin, **(headers or {})}
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

    def __init__(self, servers, folder, name="w"):
        self.servers, self.name = servers, name
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
        name = f"{self.name}{self.number}"
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


def nothing_lost(client, leader):
    written = client.written(leader)
    lost = set(client.acknowledged) - set(written)
    doubled = len(written) - len(set(written))
    print(f"  {len(client.acknowledged)} writes acknowledged, {len(lost)} lost, {doubled} doubled; "
          f"other answers: {client.refused or 'none'}", flush=True)
    if lost or doubled:
        failures.append(f"lost {sorted(lost)[:5]}, doubled {doubled}")


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
        nothing_lost(client, leader)
    finally:
        for server in servers:
            server.process.kill()
            server.process.wait()


# Where both are reached by people: who listens to other machines has to say so.
PUBLIC = "https://rialto.example"


class Namespace:
    """A network of its own with one cable to this machine, which can be cut."""

    NAME, HERE, THERE = "rialto-recovery", "10.213.77.1", "10.213.77.2"

    def __init__(self):
        self.run("ip", "netns", "add", self.NAME)
        self.run("ip", "link", "add", "rialto-here", "type", "veth", "peer", "name", "rialto-there",
                 "netns", self.NAME)
        self.run("ip", "addr", "add", f"{self.HERE}/30", "dev", "rialto-here")
        self.run("ip", "link", "set", "rialto-here", "up")
        for command in (["addr", "add", f"{self.THERE}/30", "dev", "rialto-there"],
                        ["link", "set", "rialto-there", "up"], ["link", "set", "lo", "up"]):
            self.run("ip", "-n", self.NAME, *command)

    def run(self, *command):
        subprocess.run(command, check=True, capture_output=True)

    def cable(self, state):
        self.run("ip", "link", "set", "rialto-here", state)

    def end(self):
        subprocess.run(["ip", "netns", "del", self.NAME], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", "rialto-here"], check=False, capture_output=True)


def forward(listen_on, to):
    """A listener whose connections end at another address; its port."""
    listener = socket.create_server((listen_on, 0))

    def pump(source, sink):
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
        except OSError:
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def accept():
        while True:
            client, _ = listener.accept()
            upstream = socket.create_connection(to)
            for pair in ((client, upstream), (upstream, client)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def partitions(options, folder):
    """The leader is cut off from the database and everybody else, and comes back later."""
    what = "leader cut off (network namespace)"
    try:
        network = Namespace()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"{what}: SKIPPED, {getattr(error, 'stderr', b'').decode() or error}")
        return
    database = urllib.parse.urlsplit(options.database)
    servers = []
    try:
        # Of a server that has ended; its links are used up.
        ready = os.path.join(folder, "data/ready.json")
        if os.path.exists(ready):
            os.remove(ready)
        port = forward(network.HERE, (database.hostname, database.port or 5432))
        user = database.netloc.rpartition("@")[0]
        far = database._replace(netloc=f"{user}@{network.HERE}:{port}").geturl()
        within = ["ip", "netns", "exec", network.NAME]
        cut = Server(options.rialto, folder, far, "far", network.THERE, within, PUBLIC)
        servers.append(cut)
        wait_for(cut.serves, "a leader")
        near = Server(options.rialto, folder, options.database, "near", public=PUBLIC)
        servers.append(near)
        wait_for(near.stands_by, "a standby")
        client, times = Client(servers, folder, "cut"), []
        for _ in range(max(2, options.rounds // 4)):
            for _ in range(10):
                client.write(cut)
            times.append(outage(client, cut, near, lambda _: network.cable("down")))
            network.cable("up")
            # It finds that another leads, and stands by or ends.
            wait_for(lambda: cut.process.poll() is not None or cut.stands_by(), "the old leader to give way")
            if client.write(cut, 0.5):
                failures.append("the old leader took a write after its time")
            if cut.process.poll() is not None:
                cut.start()
            wait_for(cut.stands_by, "the standby again")
            # Back to where it was, in order.
            near.process.terminate()
            near.process.wait(PATIENCE)
            wait_for(lambda: client.write(cut, 0.5), "a write at the one that was cut off")
            near.start()
            wait_for(near.stands_by, "the standby again")
        tell(what, times, {"p99": 2.0})
        nothing_lost(client, cut)
    finally:
        for server in servers:
            server.process.kill()
            server.process.wait()
        network.end()
