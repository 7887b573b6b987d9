import json
import threading
import unittest
import urllib.error
import urllib.request
from http.server import ThreadingHTTPServer

from nav.fund import demonstration
from nav.report import as_json, as_text
from nav.server import Handler


class ReportTest(unittest.TestCase):
    def test_amounts_are_strings(self):
        report = json.loads(as_json(demonstration()))
        self.assertEqual(report["net_asset_value"], "1078164.55")
        self.assertEqual([p["code"] for p in report["positions"]], ["600000", "300750"])

    def test_text_ends_with_the_value_per_share(self):
        self.assertTrue(as_text(demonstration()).endswith("1.0782"))


class ServerTest(unittest.TestCase):
    def setUp(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.server.server_port}{path}") as answer:
            return answer.status, answer.read().decode()

    def test_health_and_report(self):
        self.assertEqual(self.get("/healthz")[0], 200)
        self.assertIn("1078164.55", self.get("/report")[1])
        self.assertIn("Demonstration Balanced", self.get("/report.txt")[1])

    def test_unknown_path(self):
        with self.assertRaises(urllib.error.HTTPError) as caught:
            self.get("/nothing")
        self.assertEqual(caught.exception.code, 404)
        caught.exception.close()
