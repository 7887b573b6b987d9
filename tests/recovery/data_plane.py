"""Faults of the data plane: upstreams, publishes and the disk of a gateway that stands alone."""

import contextlib
import os
import subprocess
import tempfile
import time

from parts import Backend, FaultProxy, Gateway, Load, failures, tell, wait_for

MODES = {
    "slow": "upstream answers after 5 s",
    "silent": "upstream takes requests, never answers",
    "reset": "upstream breaks off before it answers",
}


@contextlib.contextmanager
def standing(options, ports, prepare=lambda folder: None):
    """A gateway on a snapshot of these upstreams, with nothing else up."""
    with tempfile.TemporaryDirectory() as folder:
        addresses = ",".join(f"127.0.0.1:{port}" for port in ports)
        subprocess.run([options.snapshots, folder, addresses], check=True)
        prepare(folder)
        gateway = Gateway(options, folder)
        try:
            yield gateway
        finally:
            gateway.end()


def restarts(gateway, rounds):
    times = []
    for _ in range(rounds):
        gateway.end()
        begun = time.monotonic()
        gateway.start()
        wait_for(lambda: gateway.get() == 200, "the gateway again")
        times.append(time.monotonic() - begun)
    tell("gateway killed, started again, nothing else up", times, {"p99": 1.0})


def crashes(gateway, backends, rounds):
    """A backend that ends: how long until no request is sent to it, and whether one fails."""
    users, times = Load(gateway), []
    for n in range(max(2, rounds // 5)):
        dead = backends[n % 2]
        begun = time.monotonic()
        dead.kill()
        wait_for(lambda: gateway.leaves_alone(dead.port), "the gateway to notice")
        times.append(time.monotonic() - begun)
        dead.start()
        wait_for(lambda: not gateway.leaves_alone(dead.port), "the backend's return")
    tell("backend killed: left alone", times, {"p99": 1.0})
    for n in range(rounds):
        backends[n % 2].kill()
        time.sleep(1.0)
        backends[n % 2].start()
        time.sleep(0.5)
    users.end(f"one of two backends killed {len(times) + rounds} times")


def sick_ways(options, backends, rounds):
    """A backend that is there and does not do its work."""
    for mode, what in MODES.items():
        way = FaultProxy(backends[1].port)
        with standing(options, [backends[0].port, way.port]) as gateway:
            users, times = Load(gateway), []
            for _ in range(max(2, rounds // 8)):
                begun = time.monotonic()
                way.mode = mode
                wait_for(lambda: gateway.leaves_alone(way.port), "the gateway to notice")
                times.append(time.monotonic() - begun)
                way.mode = "pass"
                before = len(way.asked)
                wait_for(lambda: len(way.asked) > before, "requests to it again")
            tell(f"{what}: left alone", times, {})
            users.end(what)


def storm(gateway):
    """Publishes as fast as they are taken, under load."""
    users, times = Load(gateway), []
    for version in range(2, 122):
        begun = time.monotonic()
        status, told = gateway.publish(f"open-{version}.json")
        times.append(time.monotonic() - begun)
        if status != 200:
            failures.append(f"publish {version}: {status} {told}")
            break
    tell("publish storm: one publish", times, {})
    users.end(f"{len(times)} publishes one after another")


def in_force(gateway):
    return (gateway.administer("GET", "snapshot")[1].get("active") or {}).get("version")


def fill(folder):
    """Leaves no room on the disk of a folder; the file that takes it."""
    filler = os.path.join(folder, "filler")
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 1024)
        except OSError:
            return filler


def full_disk(options, backends):
    """The disk of a gateway is full: what it serves, what it says, and how it comes back."""
    mounted = []

    def mount(folder):
        kept = os.path.join(folder, "kept")
        os.mkdir(kept, 0o700)
        command = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", kept]
        if subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0:
            mounted.append(kept)

    with standing(options, [backend.port for backend in backends], mount) as gateway:
        if not mounted:
            print("full disk: SKIPPED, no right to mount one of its own")
            return
        try:
            users = Load(gateway)
            filler = fill(mounted[0])
            status, told = gateway.publish("open-2.json")
            said = told.get("detail", "")
            if 200 <= status < 300 or in_force(gateway) != 1:
                failures.append(f"full disk: {status}, version {in_force(gateway)} in force")
            users.end(f"full disk, a publish is answered {status} ({said})")
            gateway.end()
            gateway.start()
            wait_for(lambda: gateway.get() == 200, "the gateway on a full disk")
            os.remove(filler)
            status, told = gateway.publish("open-2.json")
            if (status, in_force(gateway)) != (200, 2):
                failures.append(f"room again: {status} {told}, version {in_force(gateway)} in force")
            print("full disk: the version before goes on, also after a restart; the next publish with "
                  "room is taken", flush=True)
        finally:
            gateway.end()
            subprocess.run(["umount", mounted[0]], check=False)


def data_plane(options):
    backends = [Backend(), Backend()]
    ports = [backend.port for backend in backends]
    with standing(options, ports) as gateway:
        restarts(gateway, options.rounds)
        crashes(gateway, backends, options.rounds)
    sick_ways(options, backends, options.rounds)
    with standing(options, ports) as gateway:
        storm(gateway)
    full_disk(options, backends)
