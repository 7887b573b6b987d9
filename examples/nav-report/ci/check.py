"""Runs the tests and writes junit.xml and coverage.xml (Cobertura), standard library only.

`python3 ci/check.py [--package nav] [--tests tests]` exits 1 when a test fails.
"""

import argparse
import dis
import os
import sys
import threading
import time
import types
import unittest
from xml.sax.saxutils import escape, quoteattr


class Lines:
    """Which lines of the package ran."""

    def __init__(self, folder):
        self.folder = os.path.abspath(folder) + os.sep
        self.hits = {}

    def trace(self, frame, event, _argument):
        name = frame.f_code.co_filename
        if not name.startswith(self.folder):
            return None
        if event == "line":
            lines = self.hits.setdefault(name, {})
            lines[frame.f_lineno] = lines.get(frame.f_lineno, 0) + 1
        return self.trace

    def __enter__(self):
        threading.settrace(self.trace)
        sys.settrace(self.trace)
        return self

    def __exit__(self, *_):
        sys.settrace(None)
        threading.settrace(None)

    def executable(self, path):
        """Lines that hold code, by the compiler's own account; docstrings are not code."""
        with open(path, encoding="utf-8") as file:
            todo = [compile(file.read(), path, "exec", optimize=2)]
        lines = set()
        while todo:
            code = todo.pop()
            lines.update(line for _, line in dis.findlinestarts(code) if line)
            todo += [c for c in code.co_consts if isinstance(c, types.CodeType)]
        return lines


class Result(unittest.TextTestResult):
    """Remembers each case for the report."""

    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.cases = []

    def startTest(self, test):
        super().startTest(test)
        self.started = time.perf_counter()

    def keep(self, test, kind="", text=""):
        self.cases.append((test, time.perf_counter() - self.started, kind, text))

    def addSuccess(self, test):
        super().addSuccess(test)
        self.keep(test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.keep(test, "failure", self.failures[-1][1])

    def addError(self, test, error):
        super().addError(test, error)
        self.keep(test, "error", self.errors[-1][1])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.keep(test, "skipped", reason)


def write_junit(result, path):
    count = lambda kind: sum(1 for case in result.cases if case[2] == kind)  # noqa: E731
    with open(path, "w", encoding="utf-8") as out:
        out.write('<?xml version="1.0" encoding="utf-8"?>\n<testsuites>\n')
        out.write(
            f'<testsuite name="pytest" tests="{len(result.cases)}" failures="{count("failure")}" '
            f'errors="{count("error")}" skipped="{count("skipped")}">\n'
        )
        for test, seconds, kind, text in result.cases:
            module, _, name = test.id().rpartition(".")
            file = module.split(".")[0:2]
            out.write(
                f"<testcase classname={quoteattr(module)} name={quoteattr(name)} "
                f'file={quoteattr("/".join(file) + ".py")} time="{seconds:.3f}">'
            )
            if kind:
                first = text.strip().splitlines()[-1] if text.strip() else kind
                out.write(f"<{kind} message={quoteattr(first)}>{escape(text)}</{kind}>")
            out.write("</testcase>\n")
        out.write("</testsuite>\n</testsuites>\n")


def write_cobertura(lines, package, path):
    covered = total = 0
    classes = []
    for folder, _, names in sorted(os.walk(package)):
        for name in sorted(n for n in names if n.endswith(".py")):
            file = os.path.join(folder, name)
            hits = lines.hits.get(os.path.abspath(file), {})
            code = sorted(lines.executable(file))
            total += len(code)
            covered += sum(1 for line in code if hits.get(line))
            rows = "".join(f'<line number="{n}" hits="{hits.get(n, 0)}"/>' for n in code)
            classes.append(
                f"<class name={quoteattr(name[:-3])} filename={quoteattr(file)}>"
                f"<methods/><lines>{rows}</lines></class>\n"
            )
    rate = covered / total if total else 1
    with open(path, "w", encoding="utf-8") as out:
        out.write(
            f'<?xml version="1.0" ?>\n<coverage line-rate="{rate:.4f}" lines-covered="{covered}" '
            f'lines-valid="{total}" version="1">\n<sources><source>.</source></sources>\n'
            f"<packages><package name={quoteattr(package)}><classes>\n{''.join(classes)}"
            "</classes></package></packages>\n</coverage>\n"
        )
    print(f"TOTAL coverage: {100 * rate:.1f}%")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package", default="nav")
    parser.add_argument("--tests", default="tests")
    options = parser.parse_args()
    sys.path.insert(0, os.getcwd())
    with Lines(options.package) as lines:
        suite = unittest.defaultTestLoader.discover(options.tests, top_level_dir=".")
        result = unittest.TextTestRunner(resultclass=Result, verbosity=2).run(suite)
    write_junit(result, "junit.xml")
    write_cobertura(lines, options.package, "coverage.xml")
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
