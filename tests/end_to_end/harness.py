"""Runs the ritz executable the way a user does and looks at what it leaves behind."""

import csv
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import textwrap
import unittest

RITZ = os.environ["RITZ_EXECUTABLE"]
MPIRUN = os.environ["RITZ_MPIRUN"]
YIELD = os.environ["RITZ_YIELD"]
SOURCE = pathlib.Path(os.environ["RITZ_SOURCE"])
# Debug builds and sanitizers take several times as long.
SLOWNESS = float(os.environ.get("RITZ_SLOWNESS", "1"))


class Result:
    def __init__(self, code, output, folder):
        self.code = code
        self.output = output
        self.folder = folder

    def status(self):
        return json.loads((self.folder / "status.json").read_text())

    def table(self, name):
        with open(self.folder / name, newline="") as file:
            return list(csv.DictReader(file))

    def value(self, table, name):
        return float(next(row["value"] for row in self.table(table) if row["name"] == name))


class Case(unittest.TestCase):
    """A test with a folder of its own (a blank in its name on purpose)."""

    threads = 1  # of each rank

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ritz test ")).resolve()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def deck(self, text, name="deck.toml"):
        path = self.folder / name
        path.write_text(textwrap.dedent(text))
        return path

    def small_disk(self, size):
        """A file system of this size; needs the right to mount one, else the test is skipped."""
        disk = self.folder / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)],
                                 stderr=subprocess.PIPE, check=False)
        if mounted.returncode != 0:
            self.skipTest(f"cannot mount a small file system here: {mounted.stderr.decode().strip()}")
        # Lazy: ranks of a job that was ended may still be on their way out.
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(disk)], check=False)
        return disk

    def command(self, ranks, *arguments):
        return [MPIRUN, "-n", str(ranks), RITZ, *map(str, arguments)]

    def environment(self, ranks):
        environment = dict(os.environ, OMP_NUM_THREADS=str(self.threads), OMP_PROC_BIND="false")
        if ranks > 2:
            environment["LD_PRELOAD"] = YIELD
        return environment

    def call(self, *arguments, ranks=1, timeout=120, cwd=None):
        command = self.command(ranks, *arguments) if ranks else [RITZ, *map(str, arguments)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True,
                              timeout=timeout * SLOWNESS,
                              env=self.environment(ranks), cwd=cwd or self.folder, check=False)
        return done.returncode, done.stdout

    def run_deck(self, deck, *arguments, ranks=1, expect=0, output="out", timeout=120):
        folder = self.folder / output
        code, text = self.call("run", deck, "--set", f"output.directory={folder}", *arguments,
                               ranks=ranks, timeout=timeout)
        self.assertEqual(code, expect, text)
        return Result(code, text, folder)


BOX = """
    deck_version = 1
    [mesh]
    kind = "box"
    cells = [4, 4]
    [equation]
    kind = "poisson"
    source = 1.0
    [[boundary]]
    on = ["rest"]
    value = 0.0
"""
