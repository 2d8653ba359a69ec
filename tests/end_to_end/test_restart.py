"""Checkpoints: runs that are stopped, killed or moved to other numbers of ranks end where they would
have ended."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

import h5py

from harness import BOX, SLOWNESS, Case
from test_time import HEAT, history, series

NONLINEAR = """
    [mesh]
    kind = "box"
    cells = [9, 7]
    distortion = "random"
    distortion_amount = 0.3
    [space]
    degree = 2
    [equation]
    kind = "heat"
    diffusion = "1 + u^2"
    source = "5*exp(-20*(x-0.4)^2)*(1 + t)"
    [[boundary]]
    on = ["left"]
    value = "t*y"
    [[boundary]]
    on = ["rest"]
    flux = 0
    [time]
    end = 0.4
    step = 0.02
    [initial]
    u = "x*y"
    [checkpoint]
    every_steps = 5
    keep = 100
"""
LINEAR = NONLINEAR.replace('"1 + u^2"', "1.0").replace("degree = 2", "degree = 3")
PAIR = """
    [mesh]
    kind = "box"
    cells = [16, 16]
    cell_type = "tri"
    [equation]
    kind = "reaction-diffusion"
    unknowns = ["u", "v"]
    [equation.u]
    diffusion = 0.1
    source = "1 + u^2*v - 4*u"
    [equation.v]
    diffusion = 0.05
    source = "3*u - u^2*v"
    [[boundary]]
    on = ["rest"]
    unknown = "u"
    flux = 0
    [[boundary]]
    on = ["rest"]
    unknown = "v"
    flux = 0
    [time]
    end = 0.5
    step = 0.01
    method = "sdirk3"
    tolerance = 1e-5
    [initial]
    u = "1 + 0.3*cos(pi*x)"
    v = "3 + 0.3*cos(pi*y)"
    [checkpoint]
    every_steps = 3
    keep = 100
    [solver]
    preconditioner = "amg"
"""
BEAM = """
    [mesh]
    kind = "box"
    cells = [8, 2, 2]
    upper = [4, 1, 1]
    [equation]
    kind = "elasticity"
    youngs_modulus = 100.0
    poissons_ratio = 0.3
    density = 1.0
    [[boundary]]
    on = ["left"]
    displacement = [0, 0, "0.01*sin(t)"]
    [[boundary]]
    on = ["rest"]
    traction = [0, 0, 0]
    [time]
    end = 0.4
    step = 0.02
    method = "generalised-alpha"
    [initial]
    ux = 0
    uy = 0
    uz = 0
    [checkpoint]
    every_steps = 5
    keep = 100
"""
# Two systems that are solved one after the other, each with its preconditioner.
WARM = """
    [mesh]
    kind = "box"
    cells = [8, 4]
    upper = [2, 1]
    cell_type = "tri"
    [equation]
    kind = "thermo-elasticity"
    plane = "stress"
    youngs_modulus = 100.0
    poissons_ratio = 0.3
    thermal_expansion = 1e-2
    reference_temperature = 0.0
    [equation.T]
    diffusion = "1 + 0.5*T"
    capacity = 1.0
    [[boundary]]
    on = ["left"]
    displacement = [0, 0]
    [[boundary]]
    on = ["rest"]
    traction = [0, 0]
    [[boundary]]
    unknown = "T"
    on = ["bottom"]
    robin = { coefficient = 5.0, ambient = "1 + t" }
    [[boundary]]
    unknown = "T"
    on = ["rest"]
    flux = 0
    [time]
    end = 0.3
    step = 0.002
    tolerance = 1e-3
    [initial]
    T = 0
    ux = 0
    uy = 0
    [checkpoint]
    every_steps = 5
    keep = 100
    [solver]
    preconditioner = "amg"
"""
WAVE = """
    [mesh]
    kind = "box"
    cells = [12, 12]
    [space]
    degree = 2
    [equation]
    kind = "wave"
    [[boundary]]
    on = ["rest"]
    value = 0
    [time]
    end = 0.2
    step = 0.005
    method = "leapfrog"
    [initial]
    u = "sin(pi*x)*sin(pi*y)"
    [checkpoint]
    every_steps = 10
    keep = 100
"""


def checkpoints(result):
    return sorted((result.folder / "checkpoints").glob("ckpt.*.h5"))


def sums(path):
    """What a checkpoint says of its fields: equal texts are equal bits."""
    lines = pathlib.Path(path).with_suffix(".complete").read_text().splitlines()
    return [line for line in lines if "/fields/" in line]


class Restart(Case):
    def test_other_numbers_of_ranks(self):
        """From 1 to 4 ranks to 1 to 4: to the bit on as many as before, else to what the solvers
        leave."""
        names = {"nonlinear": NONLINEAR, "beam": BEAM}
        for name, text in names.items():
            deck = self.deck(text, f"{name}.toml")
            ends = {}
            whole = {n: self.run_deck(deck, ranks=n, output=f"{name} {n}") for n in (1, 2, 3, 4)}
            for n, run in whole.items():
                ends[n] = history(run)
            for before in (1, 2, 3, 4):
                for now in (1, 2, 3, 4):
                    result = self.run_deck(deck, "--from", checkpoints(whole[before])[1], ranks=now,
                                           output=f"{name} {before} to {now}")
                    last, expected = history(result)[-1], ends[now][-1]
                    self.assertEqual(last["step"], expected["step"])
                    self.assertEqual(last["time"], expected["time"])
                    for key in last:
                        if key.startswith(("min_", "max_")):
                            # 100 times the solver's tolerance.
                            self.assertAlmostEqual(last[key], expected[key], delta=1e-6, msg=key)
                    if before == now:
                        self.assertEqual(sums(checkpoints(result)[-1]),
                                         sums(checkpoints(whole[now])[-1]), f"{name} {now}")

    def test_to_the_bit_from_every_checkpoint(self):
        """Whatever is kept from step to step: matrices, preconditioners, factors, step control."""
        decks = {"linear": LINEAR, "pair": PAIR, "wave": WAVE,
                 "bdf3": NONLINEAR.replace("step = 0.02", 'step = 0.02\n    method = "bdf3"'),
                 "trapezoidal": LINEAR.replace("step = 0.02",
                                               'step = 0.02\n    method = "crank-nicolson"'),
                 "assembled": LINEAR + '    [solver]\n    operator = "assembled"\n',
                 "warm": WARM, "warm linear": WARM.replace('"1 + 0.5*T"', "1.0")}
        for name, text in decks.items():
            deck = self.deck(text, f"{name}.toml")
            whole = self.run_deck(deck, ranks=2, output=name)
            files = checkpoints(whole)
            self.assertGreaterEqual(len(files), 4)
            for path in files[:-1]:
                result = self.run_deck(deck, "--from", path, ranks=2,
                                       output=f"{name} from {path.stem}")
                self.assertEqual(sums(checkpoints(result)[-1]), sums(files[-1]),
                                 f"{name} from {path.name}")

    def test_results_have_every_time_once(self):
        deck = self.deck(NONLINEAR)
        arguments = ["--set", "output.every=0.1"]
        whole = self.run_deck(deck, *arguments, ranks=2, output="whole")
        run = self.run_deck(deck, *arguments, ranks=2)
        # Back to a checkpoint in the middle: what lies after it goes.
        for path in checkpoints(run)[2:]:
            path.with_suffix(".complete").unlink()
        again = self.run_deck(deck, "--resume", *arguments, ranks=2)
        self.assertEqual(history(again), history(whole))
        self.assertEqual(series(again), series(whole))
        for name, _ in series(again):
            self.assertTrue((again.folder / name).exists(), name)
        self.assertEqual(again.output.count("skipped"), 2, again.output)
        self.assertIn("no completion marker", again.output)

    def test_a_finished_run_goes_on_to_a_later_end(self):
        deck = self.deck(NONLINEAR)
        whole = self.run_deck(deck, ranks=2, output="whole")
        self.run_deck(deck, "--set", "time.end=0.2", ranks=2)
        longer = self.run_deck(deck, "--resume", ranks=2)
        self.assertIn("changed since the checkpoint: time.end: 0.2 in the checkpoint, 0.4 now",
                      longer.output)
        # Steps are cut to end at time.end, so their lengths differ by round-off.
        for key, value in history(whole)[-1].items():
            if key.startswith(("min_", "max_")):
                self.assertAlmostEqual(history(longer)[-1][key], value, delta=1e-6, msg=key)
        early = self.run_deck(deck, "--resume", "--set", "time.end=0.3", ranks=2, expect=2)
        self.assertIn("time.end = 0.3 lies before the checkpoint (t = 0.4)", early.output)

    def test_results_at_the_end_of_a_run_that_goes_on(self):
        """The result at the old end is one of the series when the run goes on, and times are hit as
        if it had never stopped there."""
        deck = self.deck(NONLINEAR)
        every = ["--set", "output.every=0.1"]
        whole = self.run_deck(deck, *every, ranks=2, output="whole")
        self.run_deck(deck, *every, "--set", "time.end=0.2", ranks=2)
        longer = self.run_deck(deck, "--resume", *every, ranks=2)
        self.assertEqual([time for _, time in series(longer)], [time for _, time in series(whole)])
        times = [row["time"] for row in history(longer)]
        self.assertEqual(times, sorted(set(times)))
        # Another rhythm of results from here on.
        self.run_deck(deck, *every, "--set", "time.end=0.2", "--overwrite", ranks=2)
        finer = self.run_deck(deck, "--resume", "--set", "output.every=0.05", ranks=2)
        for time, expected in zip([time for _, time in series(finer)],
                                  [0, 0.1, 0.2, 0.25, 0.3, 0.35, 0.4]):
            self.assertAlmostEqual(time, expected, delta=1e-12)
        elsewhere = self.run_deck(deck, "--from", self.folder / "whole", "--set", "time.end=0.6",
                                  *every, ranks=2, output="new")
        self.assertEqual([round(time, 9) for _, time in series(elsewhere)], [0.4, 0.5, 0.6])
        for name, _ in series(elsewhere):
            self.assertTrue((elsewhere.folder / name).exists(), name)

    def test_more_ranks_than_cells(self):
        deck = self.deck(NONLINEAR.replace("[9, 7]", "[2, 1]").replace(
            '    distortion = "random"\n    distortion_amount = 0.3\n', ""))
        run = self.run_deck(deck, ranks=4)
        again = self.run_deck(deck, "--from", checkpoints(run)[1], ranks=4, output="again")
        self.assertEqual(sums(checkpoints(again)[-1]), sums(checkpoints(run)[-1]))

    def test_other_solvers_from_here_on(self):
        deck = self.deck(LINEAR)
        run = self.run_deck(deck, ranks=2)
        for setting in ("solver.operator=assembled", "solver.preconditioner=jacobi",
                        "time.step=0.01"):
            again = self.run_deck(deck, "--from", checkpoints(run)[1], "--set", setting, ranks=2,
                                  output=setting)
            self.assertAlmostEqual(history(again)[-1]["max_u"], history(run)[-1]["max_u"],
                                   delta=1e-3 if "step" in setting else 1e-6, msg=setting)
            if "step" in setting:
                self.assertLessEqual(history(again)[0]["dt"], 0.0100001)

    def test_an_ended_run_stays_ended(self):
        deck = self.deck(NONLINEAR.replace("end = 0.4", 'end = 0.4\n    stop_when = "max(u) > 0.5"'))
        run = self.run_deck(deck, ranks=2)
        rows = history(run)
        self.assertLess(rows[-1]["time"], 0.39)
        again = self.run_deck(deck, "--resume", ranks=2)
        self.assertEqual(history(again), rows)

    def test_a_steady_deck_leaves_checkpoints_alone(self):
        run = self.run_deck(self.deck(NONLINEAR))
        files = checkpoints(run)
        (run.folder / "status.json").unlink()  # as if it had been killed
        steady = self.deck(BOX, "steady.toml")
        refused = self.run_deck(steady, "--resume", expect=2)
        self.assertIn("the deck has no [time]", refused.output)
        self.assertEqual(checkpoints(run), files)

    def test_killed_in_the_first_checkpoint(self):
        deck = self.deck(NONLINEAR)
        run = self.run_deck(deck, ranks=2)
        for path in checkpoints(run)[1:]:
            path.unlink()
            path.with_suffix(".complete").unlink()
        marker = checkpoints(run)[0].with_suffix(".complete")
        whole = marker.read_bytes()
        status = (run.folder / "status.json").read_text().replace('"phase":"done"', '"phase":"time"')
        (run.folder / "status.json").write_text(status)
        # A marker that a crash has cut is that of an unfinished checkpoint; a whole one whose file
        # is damaged is not.
        marker.write_bytes(whole.replace(b"\n", b"x\n", 1))
        refused = self.run_deck(deck, "--resume", ranks=2, expect=7)
        self.assertIn("none of these checkpoints can be used", refused.output)
        marker.unlink()
        marker.mkdir()
        refused = self.run_deck(deck, "--resume", ranks=2, expect=7)
        self.assertIn("none of these checkpoints can be used", refused.output)
        marker.rmdir()
        marker.write_bytes(whole[:len(whole) // 2])
        again = self.run_deck(deck, "--resume", ranks=2)
        self.assertIn("the run starts from the beginning", again.output)
        for path in checkpoints(again):
            path.with_suffix(".complete").unlink()
        (run.folder / "status.json").write_text(status)
        again = self.run_deck(deck, "--resume", ranks=2)
        self.assertIn("the run starts from the beginning", again.output)

    def test_keys_that_must_stay(self):
        deck = self.deck(NONLINEAR)
        run = self.run_deck(deck, ranks=1)
        before = {path: path.read_bytes() for path in checkpoints(run)}
        result = self.run_deck(deck, "--resume", "--set", "space.degree=1", "--set",
                               "boundary[0].value=3", "--set", "solver.tolerance=1e-9", ranks=2,
                               expect=2)
        self.assertIn("space.degree: 2.0 in the checkpoint, 1.0 now", result.output)
        self.assertIn('boundary[0].value: "t*y" in the checkpoint, 3.0 now', result.output)
        self.assertNotIn("solver.tolerance", result.output)
        self.assertEqual({path: path.read_bytes() for path in checkpoints(run)}, before)

    def test_without_a_checkpoint(self):
        deck = self.deck(NONLINEAR)
        first = self.run_deck(deck, "--resume", ranks=2)  # a job in the queue for the first time
        self.assertIn("the run starts from the beginning", first.output)
        shutil.rmtree(first.folder / "checkpoints")
        refused = self.run_deck(deck, "--resume", expect=7)
        self.assertIn("a finished run without a checkpoint", refused.output)
        self.assertTrue((first.folder / "results.vtkhdf").exists())
        nothing = self.run_deck(deck, "--from", self.folder / "nowhere", output="new", expect=7)
        self.assertIn("there is no checkpoint here", nothing.output)

    def test_damage_is_skipped_and_told(self):
        deck = self.deck(NONLINEAR)
        whole = self.run_deck(deck, ranks=2, output="whole")
        run = self.run_deck(deck, ranks=2)
        files = checkpoints(run)
        data = bytearray(files[-1].read_bytes())
        data[len(data) // 2] ^= 1
        files[-1].write_bytes(data)
        files[-2].write_bytes(files[-2].read_bytes()[:-1])
        result = self.run_deck(deck, "--resume", ranks=3)
        self.assertIn(f"skipped {files[-1]}: its checksum is not the one", result.output)
        self.assertRegex(result.output, r"it has \d+ bytes and was written with \d+")
        # What was skipped is in the provenance of what is written from here on.
        code, text = self.call("info", checkpoints(result)[-1], ranks=0)
        self.assertEqual((code, text.count("skipped ")), (0, 2), text)
        self.assertEqual(len(sums(checkpoints(result)[-1])), len(sums(checkpoints(whole)[-1])))
        for path in checkpoints(run):
            path.write_bytes(b"")
        refused = self.run_deck(deck, "--resume", ranks=2, expect=7)
        self.assertIn("none of these checkpoints can be used", refused.output)

    def test_another_mesh_is_refused(self):
        run = self.run_deck(self.deck(NONLINEAR))
        deck = self.deck(NONLINEAR.replace("cells = [9, 7]", "cells = [7, 9]"))
        refused = self.run_deck(deck, "--resume", ranks=2, expect=2)
        self.assertIn("mesh.cells: [9.0, 7.0] in the checkpoint, [7.0, 9.0] now", refused.output)
        self.assertTrue(checkpoints(run))

    def test_how_many_are_kept(self):
        deck = self.deck(NONLINEAR)
        run = self.run_deck(deck, "--set", "checkpoint.every_steps=1", "--set", "checkpoint.keep=3",
                            "--set", "checkpoint.keep_every=8")
        # 20 steps and no second one at the end.
        self.assertEqual([path.name for path in checkpoints(run)],
                         [f"ckpt.{i:06}.h5" for i in (8, 16, 18, 19, 20)])
        none = self.run_deck(deck, "--set", "checkpoint.write=false", output="none")
        self.assertFalse((none.folder / "checkpoints").exists())

    def test_an_old_one_that_cannot_be_removed(self):
        deck = self.deck(NONLINEAR)
        run = self.run_deck(deck, "--set", "time.end=0.2", "--set", "checkpoint.keep=2")
        last = checkpoints(run)[-1]
        # Nothing removes a folder with something in it, whoever runs this.
        stays = run.folder / "checkpoints" / "ckpt.000000.h5"
        (stays / "something").mkdir(parents=True)
        later = self.run_deck(deck, "--resume", "--set", "checkpoint.keep=2")
        self.assertIn("cannot remove the old checkpoint", later.output)
        self.assertIn(str(stays.name), later.output)
        self.assertNotEqual(checkpoints(later)[-1].name, last.name)
        code, text = self.call("verify", checkpoints(later)[-1], ranks=0)
        self.assertEqual(code, 0, text)


def field_bits(path):
    """The bytes of every field of a checkpoint, by a reader that knows nothing of Ritz."""
    with h5py.File(path, "r") as file:
        return {name: data[()].tobytes() for name, data in file["/ritz/state/fields"].items()}


class Background(Case):
    """Checkpoints that are written beside the steps."""

    def test_the_same_fields_in_every_way(self):
        for name, text, some in (("nonlinear", NONLINEAR, (1, 3)), ("pair", PAIR, (2,))):
            deck = self.deck(text, f"{name}.toml")
            for ranks in some:
                runs = {}
                for way in ("asynchronous=true", "asynchronous=false", "compression=none",
                            "compression=zstd"):
                    runs[way] = self.run_deck(deck, "--set", f"checkpoint.{way}", ranks=ranks,
                                              output=f"{name} {ranks} {way}")
                usual = runs.pop("asynchronous=true")
                self.assertGreater(len(checkpoints(usual)), 1)
                for way, run in runs.items():
                    self.assertEqual([sums(path) for path in checkpoints(run)],
                                     [sums(path) for path in checkpoints(usual)], (ranks, way))
                # Any reader opens those two, and they go on from the third.
                last = checkpoints(usual)[-1].name
                bits = {way: field_bits(run.folder / "checkpoints" / last)
                        for way, run in runs.items() if not way.endswith("zstd")}
                self.assertEqual(bits["asynchronous=false"], bits["compression=none"])
                resumed = self.run_deck(deck, "--from", checkpoints(runs["compression=zstd"])[0],
                                        ranks=ranks, output=f"{name} {ranks} resumed")
                self.assertEqual(sums(checkpoints(resumed)[-1]), sums(checkpoints(usual)[-1]))
        self.assertIn("were hidden behind it", resumed.output)
        counters = json.loads((resumed.folder / "perf.json").read_text())
        self.assertIn("checkpoint_hidden_seconds", json.dumps(counters))

    def test_unpack(self):
        run = self.run_deck(self.deck(NONLINEAR), "--set", "checkpoint.compression=zstd", ranks=2)
        file = checkpoints(run)[-1]
        with h5py.File(file, "r") as packed:
            self.assertIn("ritz unpack", packed["/ritz/state"].attrs["compression"].decode())
        for i, how in enumerate(((), ("--compression", "deflate"))):
            for ranks in (1, 3):
                out = self.folder / f"out {i} {ranks}.h5"
                code, text = self.call("unpack", file, out, *how, ranks=ranks)
                self.assertEqual(code, 0, text)
                self.assertEqual(sums(out), sums(file))
                with h5py.File(out, "r") as plain:
                    data = plain["/ritz/state/fields/u"] if "u" in plain["/ritz/state/fields"] else \
                        next(iter(plain["/ritz/state/fields"].values()))
                    self.assertEqual(data.compression, "gzip" if how else None)
                    self.assertIn("ritz_commit", plain["/ritz/provenance"].attrs)
                    self.assertEqual(set(plain["/ritz/state/cell_rank"][()]), {0, 1})
                before = out.read_bytes()
                code, text = self.call("unpack", file, out, *how, ranks=ranks)
                self.assertEqual(code, 7, text)
                self.assertIn("nothing is overwritten", text)
                self.assertEqual(out.read_bytes(), before)
        resumed = self.run_deck(self.deck(NONLINEAR), "--from", self.folder / "out 0 1.h5", "--set",
                                "time.end=0.5", ranks=2, output="resumed")
        self.assertEqual(history(resumed)[-1]["time"], 0.5)
        code, text = self.call("unpack", file, self.folder / "state.complete", ranks=2)
        self.assertEqual(code, 7, text)
        self.assertIn("names ending so are those of markers", text)
        file.write_bytes(file.read_bytes()[:-1])
        code, text = self.call("unpack", file, self.folder / "bad.h5")
        self.assertEqual(code, 7, text)
        self.assertFalse((self.folder / "bad.h5").exists())

    def test_a_full_disk_while_it_is_written(self):
        disk = self.small_disk("2m")
        deck = self.deck(NONLINEAR)
        for ranks in (1, 2, 3):
            for compression in ("none", "deflate"):
                out = disk / f"{ranks} {compression}"
                more = ("--set", f"output.directory={out}", "--set", "checkpoint.every_steps=1",
                        "--set", f"checkpoint.compression={compression}", "--set",
                        "mesh.cells=[40,40]", "--set", "output.fields=false")
                code, text = self.call("run", deck, *more, ranks=ranks)
                self.assertEqual(code, 7, text)
                self.assertEqual(text.count("No space left on device"), 1, text)
                good = checkpoints(Folder(out))
                code, verified = self.call("verify", out)
                self.assertEqual(code, 0, verified)
                self.assertEqual(verified.count(": good"), len(good))
                self.assertGreater(len(good), 0)
                # With room again it goes on from the last one.
                for path in good[:-1]:
                    path.with_suffix(".complete").unlink()
                    path.unlink()
                code, text = self.call("run", deck, *more, "--resume", "--set",
                                       "checkpoint.every_steps=1000", ranks=ranks)
                self.assertEqual(code, 0, text)
                self.assertIn(good[-1].name, text)
                shutil.rmtree(out)

    def test_a_folder_that_goes_away(self):
        deck = self.deck(NONLINEAR)
        process = subprocess.Popen(
            self.command(2, "run", deck, "--set", f"output.directory={self.folder / 'out'}", "--set",
                         "time.step=0.0005", "--set", "checkpoint.every_steps=1"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=self.environment(2), cwd=self.folder)
        folder = self.folder / "out" / "checkpoints"
        deadline = time.monotonic() + 60 * SLOWNESS
        while not list(folder.glob("*.complete")) and time.monotonic() < deadline:
            time.sleep(0.01)
        # A file in the folder's place: it cannot come back.
        moved = self.folder / "moved"
        folder.rename(moved)
        folder.write_text("")
        text = process.communicate(timeout=120 * SLOWNESS)[0]
        self.assertEqual(process.returncode, 7, text)
        newest = sorted(moved.glob("*.complete"))[-1].with_suffix(".h5")
        code, verified = self.call("verify", newest)
        self.assertEqual(code, 0, verified)


class Folder:
    """What checkpoints() wants to know of a run."""

    def __init__(self, folder):
        self.folder = folder


class Stopping(Case):
    def start(self, *arguments, ranks=2, output="out"):
        folder = self.folder / output
        command = self.command(ranks, "run", self.deck(NONLINEAR), "--set",
                               f"output.directory={folder}", "--set", "time.step=0.0005", *arguments)
        log = open(self.folder / "log", "w")
        self.addCleanup(log.close)
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                stderr=subprocess.STDOUT, env=self.environment(ranks),
                                cwd=self.folder, start_new_session=True)

    def until(self, condition, what):
        for _ in range(int(600 * SLOWNESS)):
            if condition():
                return
            time.sleep(0.05)
        self.fail(f"never came: {what}\n{(self.folder / 'log').read_text()}")

    def ranks_of(self, process):
        """Process ids of the ranks."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if entry.name.isdigit() and words[0] == os.environ["RITZ_EXECUTABLE"].encode() and \
                        str(self.folder).encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
        return sorted(found)

    def signal_ranks(self, number, which=slice(None)):
        for pid in self.ranks_of(None)[which]:
            os.kill(pid, number)

    def test_signals(self):
        whole = self.run_deck(self.deck(NONLINEAR), "--set", "time.step=0.0005", ranks=2,
                              output="whole")
        for number in (signal.SIGTERM, signal.SIGUSR2):
            for which in (slice(None), slice(0, 1)):
                shutil.rmtree(self.folder / "out", ignore_errors=True)
                process = self.start()
                self.until(lambda: len(list((self.folder / "out" / "checkpoints").glob("*.complete")))
                           > 2, "a checkpoint")
                self.signal_ranks(number, which)
                code = process.wait(timeout=60 * SLOWNESS)
                text = (self.folder / "log").read_text()
                self.assertEqual(code, 75, text)
                self.assertIn(signal.Signals(number).name, text)
                result = self.run_deck(self.deck(NONLINEAR), "--resume", "--set",
                                       "time.step=0.0005", ranks=2)
                self.assertEqual(history(result), history(whole))
                self.assertEqual(sums(checkpoints(result)[-1]), sums(checkpoints(whole)[-1]))

    def test_a_checkpoint_on_request(self):
        process = self.start("--set", "checkpoint.every_steps=1000000")
        folder = self.folder / "out"
        self.until(lambda: (folder / "history.csv").exists(), "the first step")
        self.assertFalse((folder / "checkpoints").exists())
        self.signal_ranks(signal.SIGUSR1)
        self.until(lambda: (folder / "checkpoints" / "ckpt.000001.complete").exists(),
                   "the checkpoint")
        self.assertIsNone(process.poll())
        self.assertEqual(process.wait(timeout=120 * SLOWNESS), 0)

    def test_walltime(self):
        """Told to stop by the clock, again and again, it comes to its end: the same as in one go."""
        deck = self.deck(NONLINEAR)
        arguments = ["--set", "time.step=0.0005", "--set", "checkpoint.every_steps=1000000"]
        whole = self.run_deck(deck, *arguments, ranks=2, output="whole")
        took = whole.status()["seconds"]
        codes = []
        while len(codes) < 40:
            folder = self.folder / "out"
            code, text = self.call("run", deck, "--set", f"output.directory={folder}", "--resume",
                                   "--set", f"limits.walltime={took / 3}", *arguments, ranks=2)
            codes.append(code)
            if code == 0:
                break
            self.assertEqual(code, 75, text)
            self.assertIn("limits.walltime", text)
        self.assertEqual(codes[-1], 0)
        self.assertGreaterEqual(codes.count(75), 2, codes)
        path = sorted((self.folder / "out" / "checkpoints").glob("*.h5"))[-1]
        self.assertEqual(sums(path), sums(checkpoints(whole)[-1]))

    def test_the_limit_of_the_batch_system(self):
        self.addCleanup(os.environ.pop, "SLURM_JOB_END_TIME", None)
        os.environ["SLURM_JOB_END_TIME"] = str(int(time.time() + 6 + 3 * SLOWNESS))
        result = self.run_deck(self.deck(NONLINEAR), "--set", "time.step=1e-5", ranks=2, expect=75)
        self.assertIn("SLURM_JOB_END_TIME", result.output)
        self.assertEqual(result.status()["phase"], "stopped")
        # Without a step there is no progress, and no reason to come back.
        os.environ["SLURM_JOB_END_TIME"] = str(int(time.time()) - 5)
        again = self.run_deck(self.deck(NONLINEAR), "--resume", "--set", "time.step=1e-5", ranks=2,
                              expect=4)
        self.assertIn("no step was done", again.output)

    def test_verify_and_info(self):
        run = self.run_deck(self.deck(NONLINEAR), ranks=2)
        files = checkpoints(run)
        code, text = self.call("verify", run.folder, ranks=0)
        self.assertEqual((code, text.count(": good")), (0, len(files)), text)
        code, text = self.call("info", files[1], ranks=0)
        self.assertEqual(code, 0, text)
        self.assertRegex(text, r"step +10\n")
        code, text = self.call("info", "--deck", files[1], ranks=0)
        again = self.run_deck(self.deck(text, "again.toml"), ranks=2, output="again")
        self.assertEqual(sums(checkpoints(again)[-1]), sums(files[-1]))
        files[0].write_bytes(files[0].read_bytes()[:-3])
        code, text = self.call("verify", *files, ranks=2)
        self.assertEqual((code, text.count(": good")), (7, len(files) - 1), text)
        self.assertEqual(self.call("info", files[0], ranks=0)[0], 7)
        self.assertEqual(self.call("verify", self.folder / "nowhere", ranks=0)[0], 7)

    def test_a_failed_run_leaves_its_last_good_state(self):
        deck = self.deck(HEAT.replace("source = 1.0", 'source = "sqrt(0.45 - t)"'))
        for operator in ("assembled", "matrix-free"):
            result = self.run_deck(deck, "--set", f"solver.operator={operator}", ranks=2, expect=5,
                                   output=operator)
            self.assertIn("the last good state is in", result.output)
            self.assertEqual(len(checkpoints(result)), 1)
            end = history(result)[-1]["time"] + 1e-9
            again = self.run_deck(deck, "--resume", "--set", f"time.end={end!r}", "--set",
                                  f"solver.operator={operator}", ranks=2, output=operator)
            self.assertEqual(history(again)[-1]["time"], end)


if __name__ == "__main__":
    unittest.main()
