"""diff, rerun, ctl, doctor io: the commands beside `ritz run`."""

import fcntl
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import time
import unittest

from harness import BOX, RITZ, SLOWNESS, SOURCE, Case
from vtk_results import point_data

HEAT = """
    [mesh]
    kind = "box"
    cells = [6, 6]
    [space]
    degree = 2
    [equation]
    kind = "heat"
    diffusion = "1 + u^2"
    source = 1.0
    [[boundary]]
    on = ["rest"]
    value = 0
    [time]
    end = 0.04
    step = 0.005
    [initial]
    u = "x*y"
    [checkpoint]
    every_steps = 2
    keep = 10
    [output]
    every = 0.02
"""


class Diff(Case):
    def diff(self, first, second, *arguments, expect, ranks=0):
        code, text = self.call("diff", first, second, *arguments, ranks=ranks)
        self.assertEqual(code, expect, text)
        return text

    def test_decks(self):
        first = self.deck(BOX)
        second = self.deck(BOX.replace("source = 1.0", "source = 2.5") + "    [space]\n    degree = 3\n",
                           "other.toml")
        text = self.diff(first, second, expect=4)
        self.assertRegex(text, r"equation.source: 1(\.0)? \| 2\.5")
        self.assertRegex(text, r"space.degree: 1(\.0)? \| 3")
        self.assertEqual(text.count(" | "), 2)
        # Defaults that are written out are no difference.
        same = self.deck(BOX + "    [space]\n    degree = 1\n", "same.toml")
        self.assertIn("equal", self.diff(first, same, expect=0))
        result = self.run_deck(first)
        self.assertIn("equation.source", self.diff(second, result.folder / "results.vtkhdf", expect=4))
        bad = self.deck(BOX.replace("poisson", "poison"), "bad.toml")
        self.assertIn("bad.toml:", self.diff(first, bad, expect=2))
        self.assertIn("not a number", self.diff(first, bad, "--tolerance", "nan", expect=2))

    def test_any_ranks_wrote_them(self):
        deck = self.deck(HEAT)
        runs = [self.run_deck(deck, ranks=n, output=f"on {n}") for n in (1, 2, 3)]
        for other in runs[1:]:
            for ranks in (0, 2, 4):
                text = self.diff(runs[0].folder, other.folder, "--tolerance", "1e-6", expect=0, ranks=ranks)
                self.assertIn("1 field at 3 times", text)
        # Different by one step of the integrator's length: the same to no tolerance.
        rough = self.run_deck(deck, "--set", "time.step=0.01", output="rough")
        found = json.loads(self.diff(runs[0].folder, rough.folder, "--json", expect=4, ranks=3))
        self.assertFalse(found["equal"])
        self.assertEqual([one["key"] for one in found["keys"]], ["time.step"])
        self.assertEqual([one["time"] for one in found["fields"]], [0.0, 0.02, 0.04])
        self.assertTrue(found["fields"][0]["equal"])
        # What it says is what is in the files.
        last = found["fields"][-1]
        (points, first), (_, second) = (point_data(run.folder / "results-000002.vtkhdf")
                                        for run in (runs[0], rough))
        u, v = first["u"], second["u"]
        difference = abs(u - v)
        self.assertAlmostEqual(last["max_abs"], difference.max(), delta=1e-15)
        self.assertEqual(last["node"], difference.argmax())
        self.assertEqual(last["at"], list(points[last["node"], :2]))
        l2 = (((u - v) ** 2).sum() / (u ** 2).sum()) ** 0.5
        self.assertAlmostEqual(last["l2_relative"], l2, delta=1e-12 * l2)
        just = max(one["max_relative"] for one in found["fields"])
        self.diff(runs[0].folder, rough.folder, "--tolerance", repr(just * 1.001), expect=0)
        self.diff(runs[0].folder, rough.folder, "--tolerance", repr(just * 0.999), expect=4)

    def test_times_and_fields_of_one_side(self):
        deck = self.deck(HEAT)
        first = self.run_deck(deck)
        more = self.run_deck(deck, "--set", "output.every=0.01", "--set",
                             'output.field=[{name="twice", value="2*u"}]', output="more")
        text = self.diff(first.folder, more.folder, expect=4)
        self.assertIn(f"t = 0.01: only in {more.folder}", text)
        self.assertIn(f"twice: only in {more.folder}", text)
        self.assertEqual(text.count("only in"), 3)

    def test_not_a_number(self):
        # Without compression the numbers lie in the file as they are.
        result = self.run_deck(self.deck(BOX), "--set", "output.compression=0")
        path = result.folder / "results.vtkhdf"
        u = point_data(path)[1]["u"]
        start = path.read_bytes().index(u.tobytes())
        for name, value in (("nan", float("nan")), ("inf", float("inf"))):
            changed = self.folder / f"{name}.vtkhdf"
            content = bytearray(path.read_bytes())
            content[start + 7 * 8:start + 8 * 8] = struct.pack("<d", value)
            changed.write_bytes(content)
            text = self.diff(path, changed, "--tolerance", "1e9", expect=4, ranks=2)
            self.assertIn("node 7", text)
            self.diff(changed, changed, expect=0)

    def test_checkpoints(self):
        deck = self.deck(HEAT)
        first, second = (self.run_deck(deck, ranks=n, output=f"on {n}") for n in (1, 3))
        other = self.run_deck(deck, "--set", "equation.source=1.5", output="other")
        a, b, c = (sorted((run.folder / "checkpoints").glob("*.h5"))[-1] for run in (first, second, other))
        self.diff(a, b, "--tolerance", "1e-6", expect=0)
        text = self.diff(a, c, expect=4, ranks=2)
        # The largest difference of a larger source is in the middle of the square.
        self.assertRegex(text, r"scheme\.u: node \d+ is at \(0\.5, 0\.5\)")
        self.assertEqual(next(one for one in json.loads(self.diff(a, c, "--json", expect=4, ranks=2))["fields"]
                              if one["field"] == "scheme.u")["at"], [0.5, 0.5])
        early = sorted((first.folder / "checkpoints").glob("*.h5"))[0]
        self.assertIn("only in", self.diff(a, early, expect=4))
        a.write_bytes(a.read_bytes()[:-9])
        self.assertIn(str(a), self.diff(a, b, expect=7))

    def test_what_cannot_be_compared(self):
        box = self.run_deck(self.deck(BOX))
        finer = self.run_deck(self.deck(BOX), "--set", "mesh.cells=[5,5]", output="finer")
        moved = self.run_deck(self.deck(BOX), "--set", "mesh.upper=[1.0,2.0]", output="moved")
        heat = self.run_deck(self.deck(HEAT), output="heat")
        file = box.folder / "results.vtkhdf"
        self.assertIn("another mesh or degree", self.diff(box.folder, finer.folder, expect=3, ranks=2))
        self.assertIn("other places", self.diff(box.folder, moved.folder, expect=3))
        checkpoint = sorted((heat.folder / "checkpoints").glob("*.h5"))[-1]
        self.assertIn("different things", self.diff(file, checkpoint, expect=2))
        self.assertIn("no such file", self.diff(file, self.folder / "nowhere", expect=7))
        self.assertIn("neither", self.diff(file, self.folder, expect=7))
        text = self.folder / "text.vtkhdf"
        text.write_text("no HDF5")
        self.assertIn("text.vtkhdf", self.diff(file, text, expect=7, ranks=3))
        shutil.copyfile(checkpoint, self.folder / "foreign.vtkhdf")
        self.assertIn("no result file", self.diff(file, self.folder / "foreign.vtkhdf", expect=7))


class Rerun(Case):
    def rerun(self, file, *arguments, expect=0, ranks=1):
        code, text = self.call("rerun", file, *arguments, ranks=ranks)
        self.assertEqual(code, expect, text)
        return text

    def equal(self, first, second):
        code, text = self.call("diff", first, second, ranks=0)
        self.assertEqual(code, 0, text)

    def test_from_a_result_and_a_checkpoint(self):
        first = self.run_deck(self.deck(HEAT), "--set", "equation.source=3", ranks=2)
        (self.folder / "deck.toml").unlink()
        self.rerun(first.folder / "results-000002.vtkhdf", "-o", self.folder / "again", ranks=2)
        self.equal(first.folder, self.folder / "again")
        checkpoint = sorted((first.folder / "checkpoints").glob("*.h5"))[0]
        self.rerun(checkpoint, "-o", self.folder / "third", "--set", "time.end=0.02", ranks=2)
        self.assertEqual(len(list((self.folder / "third").glob("results-0*.vtkhdf"))), 2)
        # Into the folder it came from only when that is meant.
        self.assertIn("not empty", self.rerun(checkpoint, expect=7))
        self.rerun(checkpoint, "--overwrite", ranks=2)
        self.equal(first.folder, self.folder / "again")

    def test_the_mesh_file(self):
        mesh = self.folder / "square.msh"
        text = (SOURCE / "tests/faults/inject").read_text()
        mesh.write_text(re.search(r'GMSH = """(.*?)"""', text, re.S).group(1))
        deck = self.deck("""
            [mesh]
            kind = "file"
            file = "square.msh"
            [equation]
            kind = "poisson"
            source = 1.0
            [[boundary]]
            on = ["outside"]
            value = 0
        """)
        first = self.run_deck(deck, ranks=2)
        result = first.folder / "results.vtkhdf"
        told = self.rerun(result, "-o", self.folder / "same")
        self.assertNotIn("rerun:", told)
        self.equal(first.folder, self.folder / "same")
        # Moved with the results.
        shutil.move(mesh, first.folder / "square.msh")
        told = self.rerun(result, "-o", self.folder / "moved", ranks=3)
        self.assertEqual(told.count("is gone"), 1, told)
        self.assertIn(b"is gone", (self.folder / "moved" / "results.vtkhdf").read_bytes())
        (first.folder / "square.msh").write_text(text and mesh.name)
        shutil.copyfile(first.folder / "square.msh", mesh)
        self.rerun(result, "-o", self.folder / "broken", expect=3)
        mesh.write_text(re.search(r'GMSH = """(.*?)"""', text, re.S).group(1).replace("0.5 0.5 0", "0.4 0.5 0"))
        told = self.rerun(result, "-o", self.folder / "changed")
        self.assertEqual(told.count("has changed"), 1, told)
        mesh.unlink()
        (first.folder / "square.msh").unlink()
        told = self.rerun(result, "-o", self.folder / "lost", expect=3, ranks=2)
        self.assertEqual(told.count("is not there any more"), 1, told)

    def test_what_is_no_run(self):
        (self.folder / "x.vtkhdf").write_text("no HDF5")
        self.assertIn("x.vtkhdf", self.rerun(self.folder / "x.vtkhdf", expect=7, ranks=2))
        self.rerun(self.folder / "nowhere.h5", expect=7)
        text = self.rerun(self.deck(BOX), expect=2, ranks=2)
        self.assertEqual(text.count("this is a deck: ritz run"), 1, text)


class Control(Case):
    def start(self, *arguments, ranks=2):
        folder = self.folder / "out"
        command = self.command(ranks, "run", self.deck(HEAT), "--set", f"output.directory={folder}", "--set",
                               "time.step=1e-5", "--set", "checkpoint.every_steps=1000000", *arguments)
        log = open(self.folder / "log", "a")
        self.addCleanup(log.close)
        job = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                               env=self.environment(ranks), cwd=self.folder)
        self.addCleanup(job.kill)
        return job, folder

    def log(self):
        return (self.folder / "log").read_text()

    def until(self, condition, what):
        deadline = time.monotonic() + 60 * SLOWNESS
        while time.monotonic() < deadline:
            if condition():
                return
            time.sleep(0.05)
        self.fail(f"never came: {what}\n{self.log()}")

    def ctl(self, folder, action, *arguments, expect=0):
        code, text = self.call("ctl", folder, action, *arguments, ranks=0)
        self.assertEqual(code, expect, text + self.log())
        return text

    def running(self, folder):
        self.until(lambda: (folder / "control.json").exists() and '"time"' in
                   (folder / "status.json").read_text(), "the first step")

    def test_stop_pause_and_the_same_end(self):
        whole = self.run_deck(self.deck(HEAT), "--set", "time.step=1e-5", "--set",
                              "checkpoint.every_steps=1000000", ranks=2, output="whole")
        job, folder = self.start()
        self.running(folder)
        self.ctl(folder, "pause")
        self.until(lambda: "paused" in self.ctl(folder, "status"), "the pause")
        rows = (folder / "history.csv").read_text()
        time.sleep(1.0)
        self.assertEqual((folder / "history.csv").read_text(), rows)
        self.assertIn("paused already", self.ctl(folder, "pause", expect=4))
        # A paused run still does what it is asked for, once.
        self.ctl(folder, "checkpoint")
        self.until(lambda: list((folder / "checkpoints").glob("*.complete")), "the checkpoint")
        time.sleep(1.0)
        self.assertEqual(len(list((folder / "checkpoints").glob("*.complete"))), 1)
        # Once more of the same state would push out an older one.
        self.ctl(folder, "checkpoint")
        self.until(lambda: "is there already" in self.log(), "what became of the second request")
        os.kill(json.loads((folder / "control.json").read_text())["pid"], signal.SIGUSR1)
        self.until(lambda: self.log().count("is there already") == 2, "what became of the signal")
        self.assertEqual(len(list((folder / "checkpoints").glob("*.h5"))), 1)
        self.ctl(folder, "resume")
        self.assertIn("not paused", self.ctl(folder, "resume", expect=4))
        self.ctl(folder, "stop")
        self.assertEqual(job.wait(timeout=60 * SLOWNESS), 75, self.log())
        self.assertIn("ritz ctl", self.log())
        self.assertIn("has ended", self.ctl(folder, "stop", expect=8))
        again = self.run_deck(self.deck(HEAT), "--resume", "--set", "time.step=1e-5", "--set",
                              "checkpoint.every_steps=1000000", ranks=2)
        self.assertEqual((again.folder / "history.csv").read_text(),
                         (whole.folder / "history.csv").read_text())
        code, text = self.call("diff", again.folder, whole.folder, ranks=0)
        self.assertEqual(code, 0, text)

    def test_a_paused_run_is_stopped(self):
        for way in ("signal", "stop", "walltime"):
            shutil.rmtree(self.folder / "out", ignore_errors=True)
            more = ["--set", f"limits.walltime={6 * SLOWNESS}"] if way == "walltime" else []
            job, folder = self.start(*more)
            self.running(folder)
            self.ctl(folder, "pause")
            if way == "signal":
                self.until(lambda: "paused" in self.ctl(folder, "status"), "the pause")
                state = json.loads((folder / "control.json").read_text())
                os.kill(state["pid"], 15)
            elif way == "stop":
                self.ctl(folder, "stop")
            self.assertEqual(job.wait(timeout=60 * SLOWNESS), 75, f"{way}\n{self.log()}")
            self.assertEqual(len(list((folder / "checkpoints").glob("*.complete"))), 1)

    def test_requests_to_others_are_not_obeyed(self):
        job, folder = self.start()
        self.running(folder)
        request = folder / "control.request.1"
        request.write_text('{"run": "0123", "id": "1", "action": "stop"}\n')
        self.until(lambda: not request.exists(), "that it is removed")
        self.assertIn("another run", self.log())
        request.write_text("{ no JSON")
        time.sleep(0.5)
        self.assertIsNone(job.poll(), self.log())
        self.ctl(folder, "stop")
        self.assertEqual(job.wait(timeout=60 * SLOWNESS), 75)
        # One that lies there from before.
        state = json.loads((folder / "control.json").read_text())
        request.write_text(json.dumps({"run": state["run"], "id": "2", "action": "stop"}))
        result = self.run_deck(self.deck(HEAT), "--resume", "--set", "time.step=1e-5", "--set",
                               "checkpoint.every_steps=1000000", ranks=2)
        self.assertEqual(list(result.folder.glob("control.request*")), [])

    def test_many_requests_at_once(self):
        job, folder = self.start()
        self.running(folder)
        self.ctl(folder, "pause")
        self.until(lambda: "paused" in self.ctl(folder, "status"), "the pause")
        asked = [subprocess.Popen([RITZ, "ctl", folder, "checkpoint"], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True) for _ in range(8)]
        for one in asked:
            text, _ = one.communicate(timeout=60 * SLOWNESS)
            self.assertEqual((one.returncode, text), (0, "checkpoint: the run does it\n"), self.log())
        self.assertEqual(self.log().count("ritz ctl asks: checkpoint"), 8)
        # In the order in which they were written.
        run = json.loads((folder / "control.json").read_text())["run"]
        for i, action in enumerate(("resume", "pause", "pause", "resume", "stop")):
            fresh = folder / f"control.request.{9 - i}.new"
            fresh.write_text(json.dumps({"run": run, "id": str(9 - i), "action": action}))
            os.utime(fresh, ns=(10 ** 18 + i, 10 ** 18 + i))
        for i in range(5):
            (folder / f"control.request.{9 - i}.new").rename(folder / f"control.request.{9 - i}")
        self.assertEqual(job.wait(timeout=60 * SLOWNESS), 75, self.log())
        answers = json.loads((folder / "control.json").read_text())["answers"]
        self.assertEqual([answers[str(9 - i)] for i in range(5)], ["", "", "it is paused already", "", ""])
        # What is left of one who was killed while asking.
        (folder / "control.request.7.99.new").write_text("")
        (folder / "control.json.99.new").write_text("")
        self.run_deck(self.deck(HEAT), "--overwrite")
        self.assertEqual(list(folder.glob("control*.new")), [])

    def test_another_process_in_the_folder(self):
        job, folder = self.start()
        self.running(folder)
        self.ctl(folder, "pause")
        self.until(lambda: "paused" in self.ctl(folder, "status"), "the pause")
        self.ctl(folder, "checkpoint")
        self.until(lambda: list((folder / "checkpoints").glob("*.complete")), "the checkpoint")

        def files():
            return {path.name: path.read_bytes() for path in folder.glob("*")
                    if path.is_file() and path.name not in ("status.json", "events.jsonl", "log.txt")}

        before = files()
        state = json.loads((folder / "control.json").read_text())
        for ranks, way in ((1, "--overwrite"), (2, "--resume"), (2, "--overwrite")):
            text = self.run_deck(self.deck(HEAT), way, ranks=ranks, expect=7).output
            self.assertEqual(text.count(f"(process {state['pid']} on {state['host']}) is at work"), 1, text)
        self.assertTrue(files() == before)
        # Somebody else's id in the file: nothing is taken and nothing is written any more.
        stolen = dict(state, run="0123", pid=1)
        (folder / "control.json").write_text(json.dumps(stolen))
        request = folder / "control.request.1"
        request.write_text(json.dumps({"run": "0123", "id": "1", "action": "stop"}))
        time.sleep(1.0)
        self.assertTrue(request.exists())
        self.assertEqual(json.loads((folder / "control.json").read_text()), stolen)
        os.kill(state["pid"], signal.SIGTERM)
        self.assertEqual(job.wait(timeout=60 * SLOWNESS), 75, self.log())
        self.assertEqual(json.loads((folder / "control.json").read_text()), stolen)
        self.assertTrue(request.exists())
        # The number of a process that is there, which is another one: it began at another time.
        (folder / "control.json").write_text(json.dumps(dict(state, pid=os.getpid(), started=1)))
        self.run_deck(self.deck(HEAT), "--overwrite")
        self.run_deck(self.deck(HEAT), "--overwrite", ranks=2)
        # A run on another host cannot be asked.
        (folder / "control.json").write_text(json.dumps(dict(state, host="elsewhere")))
        self.assertIn("less than 60 s ago", self.run_deck(self.deck(HEAT), "--overwrite", ranks=2).output)
        (folder / "control.json").write_text(json.dumps(dict(state, host="elsewhere")))
        for name in ("control.json", "status.json"):
            os.utime(folder / name, (time.time() - 100, time.time() - 100))
        self.assertNotIn("s ago", self.run_deck(self.deck(HEAT), "--overwrite").output)

    def test_another_process_after_a_run_was_killed(self):
        for way in ("--overwrite", "--resume"):
            shutil.rmtree(self.folder / "out", ignore_errors=True)
            job, folder = self.start(ranks=1)
            self.running(folder)
            state = json.loads((folder / "control.json").read_text())
            os.kill(state["pid"], signal.SIGKILL)
            job.wait(timeout=60 * SLOWNESS)
            self.assertEqual(json.loads((folder / "control.json").read_text())["state"], "running")
            self.run_deck(self.deck(HEAT), way)

    def test_a_run_that_is_gone(self):
        job, folder = self.start()
        self.running(folder)
        job.send_signal(9)
        state = json.loads((folder / "control.json").read_text())
        self.until(lambda: not os.path.exists(f"/proc/{state['pid']}"), "its end")
        text = self.ctl(folder, "stop", "--wait", "1", expect=8)
        self.assertIn("no answer", text)
        self.assertIn("the request stays", text)
        self.assertEqual(len(list(folder.glob("control.request.*"))), 1)
        self.assertIn("not a number", self.ctl(folder, "stop", "--wait", "nan", expect=2))

    def test_runs_that_take_no_requests(self):
        self.assertIn("no run", self.ctl_nowhere())
        steady = self.run_deck(self.deck(BOX), output="steady")
        (self.folder / "log").write_text("")
        self.assertIn("has ended", self.ctl(steady.folder, "stop", expect=8))
        (steady.folder / "control.json").unlink()  # as before it solves
        self.assertIn("no requests yet", self.ctl(steady.folder, "stop", expect=7))
        self.assertIn("done", self.ctl(steady.folder, "status"))

    def ctl_nowhere(self):
        code, text = self.call("ctl", self.folder, "stop", ranks=0)
        self.assertEqual(code, 7)
        return text

    def test_without_checkpoints(self):
        job, folder = self.start("--set", "checkpoint.write=false")
        self.running(folder)
        self.assertIn("no checkpoints", self.ctl(folder, "checkpoint", expect=4))
        self.ctl(folder, "stop")
        self.assertEqual(job.wait(timeout=60 * SLOWNESS), 4)
        self.assertIn("stopped by ritz ctl", self.log())


class Locks(Case):
    """A checkpoint that another program has locked."""

    def setUp(self):
        super().setUp()
        self.deck_path = self.deck(HEAT)
        run = self.run_deck(self.deck_path, "--set", "time.end=0.02", ranks=2)
        files = sorted((run.folder / "checkpoints").glob("*.h5"))
        self.held = [open(path, "rb+") for path in files]
        for file in self.held:
            self.addCleanup(file.close)
            fcntl.flock(file, fcntl.LOCK_EX)

    def resume(self, *more, expect):
        return self.run_deck(self.deck_path, "--resume", "--set", "checkpoint.write=false", *more, ranks=2,
                             expect=expect).output

    def test_the_key(self):
        if "HDF5_USE_FILE_LOCKING" in os.environ:
            del os.environ["HDF5_USE_FILE_LOCKING"]
        for policy in ("best-effort", "on"):
            text = self.resume("--set", f"output.file_locking={policy}", expect=7)
            self.assertEqual(text.count("output.file_locking=off"), len(self.held), text)
        # Before anything changes: the environment goes before the deck, and that is told.
        self.addCleanup(os.environ.pop, "HDF5_USE_FILE_LOCKING", None)
        os.environ["HDF5_USE_FILE_LOCKING"] = "TRUE"
        text = self.resume("--set", "output.file_locking=off", expect=7)
        del os.environ["HDF5_USE_FILE_LOCKING"]
        text = self.resume("--set", "output.file_locking=off", expect=0)
        self.assertIn("nothing keeps two programs", text)
        self.assertIn("resumed", text)

    def test_commands_without_a_deck(self):
        path = self.held[0].name
        code, text = self.call("info", path, ranks=2)
        self.assertEqual((code, text.count("HDF5_USE_FILE_LOCKING")), (7, 1), text)
        self.addCleanup(os.environ.pop, "HDF5_USE_FILE_LOCKING", None)
        os.environ["HDF5_USE_FILE_LOCKING"] = "FALSE"
        self.assertEqual(self.call("info", path, ranks=2)[0], 0)


class Doctor(Case):
    def test_io(self):
        for ranks in (0, 1, 2, 3):
            code, text = self.call("doctor", "io", self.folder, "--size", "1M", ranks=ranks)
            self.assertEqual(code, 0, text)
            self.assertEqual(text.count("every number right"), 2, text)
            self.assertEqual(os.listdir(self.folder), [])
        code, text = self.call("doctor", "io", self.folder, "--size", "64", "--json", ranks=4)
        self.assertEqual(code, 0, text)
        found = json.loads(text)
        self.assertEqual(found["compressed"]["bytes"], 64)
        self.assertGreater(found["plain"]["write_gigabytes_per_second"], 0)

    def test_a_driver_that_does_not_work(self):
        """One that damages and one that refuses is named, the job ends, the folder is left clean."""
        for way, words in (("damage", "reads back as"), ("refuse", "cannot write")):
            for ranks in (1, 2, 3):
                environment = self.environment(ranks)
                preload = [environment.get("LD_PRELOAD", ""), os.environ["RITZ_BROKEN_DISK"]]
                environment.update(LD_PRELOAD=" ".join(preload).strip(), RITZ_BROKEN_WAY=way,
                                   RITZ_BROKEN_PATH="ritz-doctor-")
                done = subprocess.run(self.command(ranks, "doctor", "io", self.folder, "--size", "1M"),
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                      timeout=60 * SLOWNESS, env=environment, check=False)
                self.assertEqual(done.returncode, 8, done.stdout)
                self.assertEqual(done.stdout.count("FAILED  plain"), 1, done.stdout)
                self.assertIn(words, done.stdout)
                self.assertIn("does not work here", done.stdout)
                self.assertEqual(os.listdir(self.folder), [], done.stdout)

    def test_io_where_it_cannot_be(self):
        code, text = self.call("doctor", "io", self.folder / "nowhere", ranks=2)
        self.assertEqual((code, text.count("cannot make a folder")), (7, 1), text)
        code, text = self.call("doctor", "io", self.folder, "--size", "900000G", ranks=2)
        self.assertEqual((code, text.count("needed")), (7, 1), text)
        self.assertEqual(os.listdir(self.folder), [])


if __name__ == "__main__":
    unittest.main()
