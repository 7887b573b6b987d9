"""The public Nacos client against a running house: RIALTO_BIN names the binary."""

import json
import multiprocessing
import os
import pathlib
import queue
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request

import nacos

PATIENCE_S = 60


def call(url, body, headers=None):
    """POST JSON; the answer and its headers."""
    head = {"content-type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, json.dumps(body).encode(), head, method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return json.load(answer), answer.headers


def until(what, found):
    """Looks again until something is found."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        result = found()
        if result:
            return result
        time.sleep(0.05)
    raise AssertionError(f"not within {PATIENCE_S} s: {what}")


def ready(house, data):
    """Address and login links of a house that has started."""
    path = data / "ready.json"

    def look():
        assert house.poll() is None, "the house ended"
        return path.exists() and json.loads(path.read_text())

    return until("the house is ready", look)


def token(told):
    """An API token of the provider of the sample house."""
    link = told["login_links"]["provider"].split("link=")[1]
    url = told["url"] + "/api/platform/v1"
    session, headers = call(url + "/sessions/redeem", {"link": link})
    cookie = headers["set-cookie"].split(";")[0]
    head = {"cookie": cookie, "x-csrf-token": session["csrf_token"]}
    issued, _ = call(url + "/tokens", {"name": "nacos", "expires_in_days": 1}, head)
    return issued["token"]


def instances(client):
    """An instance is registered, found, changed, and gone."""
    told = {"version": "1.2"}
    assert client.add_naming_instance("quote", "10.0.0.1", 8080, weight=2.0, metadata=told)
    assert client.add_naming_instance("quote", "10.0.0.2", 8080, cluster_name="sz")
    listed = client.list_naming_instance("quote", healthy_only=True)
    hosts = {host["ip"]: host for host in listed["hosts"]}
    assert set(hosts) == {"10.0.0.1", "10.0.0.2"}, listed
    assert hosts["10.0.0.1"]["weight"] == 2.0 and hosts["10.0.0.1"]["metadata"] == told, hosts
    assert hosts["10.0.0.2"]["clusterName"] == "sz", hosts
    only = client.list_naming_instance("quote", clusters="sz")["hosts"]
    assert [host["ip"] for host in only] == ["10.0.0.2"], only
    beat = client.send_heartbeat("quote", "10.0.0.1", 8080)
    assert beat["code"] == 10200 and beat["clientBeatInterval"] == 5000, beat
    assert client.modify_naming_instance("quote", "10.0.0.1", 8080, enable=False)
    left = client.list_naming_instance("quote")["hosts"]
    assert [host["ip"] for host in left] == ["10.0.0.2"], left
    assert client.get_naming_instance("quote", "10.0.0.1", 8080)["enabled"] is False
    assert client.remove_naming_instance("quote", "10.0.0.1", 8080)
    assert client.remove_naming_instance("quote", "10.0.0.2", 8080, cluster_name="sz")
    assert client.list_naming_instance("quote")["hosts"] == []


def configs(client):
    """A content is published, read, listened to, and removed."""
    assert client.get_config("limits.json", "desk", no_snapshot=True) is None
    assert client.publish_config("limits.json", "desk", '{"most": 1}', config_type="json")
    assert client.get_config("limits.json", "desk", no_snapshot=True) == '{"most": 1}'
    try:
        client.publish_config("limits.json", "desk", '{"most": ', config_type="json")
        raise AssertionError("broken JSON was taken")
    except nacos.NacosException as refused:
        assert "400" in str(refused), refused
    seen = queue.Queue()
    client.add_config_watcher("limits.json", "desk", lambda told: seen.put(told["content"]))
    # It knows the content it begins with; a watcher hears of changes.
    assert client.publish_config("limits.json", "desk", '{"most": 2}')
    assert seen.get(timeout=PATIENCE_S) == '{"most": 2}'
    assert client.publish_config("name.txt", "desk", "中文 = 值")
    assert client.get_config("name.txt", "desk", no_snapshot=True) == "中文 = 值"
    assert client.remove_config("limits.json", "desk")
    assert client.get_config("limits.json", "desk", no_snapshot=True) is None


def main():
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        binary = str(pathlib.Path(os.environ["RIALTO_BIN"]).resolve())
        os.environ["HOME"] = folder
        os.chdir(folder)
        command = [binary, "up", "--sample", "--data", str(place / "data"), "--port", "0"]
        with open(place / "house.log", "wb") as log:
            house = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            told = ready(house, place / "data")
            server = told["url"].removeprefix("http://")
            options = {"namespace": "dev", "username": "provider", "logDir": folder}
            client = nacos.NacosClient(server, password=token(told), **options)
            instances(client)
            configs(client)
            try:
                nacos.NacosClient(server, password="wrong", **options)
                raise AssertionError("somebody with a wrong password was let in")
            except urllib.error.HTTPError as refused:
                assert refused.code == 403, refused
        except BaseException:
            sys.stderr.write((place / "house.log").read_text()[-4000:])
            raise
        finally:
            house.terminate()
            house.wait(PATIENCE_S)
    print("nacos-sdk-python", "passes", flush=True)


if __name__ == "__main__":
    failed = False
    try:
        main()
    except BaseException:
        failed = True
        traceback.print_exc()
    # The client's own threads never end, and its process would outlive this one.
    for child in multiprocessing.active_children():
        child.kill()
        child.join()
    os._exit(failed)
