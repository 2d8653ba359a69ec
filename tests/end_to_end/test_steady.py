"""Checkpoints of steady problems: solves that are stopped, killed or moved to other numbers of ranks
give the answer they would have given."""

import json
import os
import shutil
import signal
import subprocess
import time

import unittest

from harness import SLOWNESS, Case
from test_restart import checkpoints

LINEAR = """
    [mesh]
    kind = "box"
    cells = [24, 20]
    distortion = "random"
    distortion_amount = 0.3
    [space]
    degree = 2
    [equation]
    kind = "poisson"
    diffusion = "1 + x + 10*y"
    source = "exp(-20*(x-0.4)^2)"
    [[boundary]]
    on = ["left"]
    value = "y"
    [[boundary]]
    on = ["rest"]
    flux = 0
    [solver]
    method = "cg"
    preconditioner = "jacobi"
    tolerance = 1e-9
    max_iterations = 5000
    [checkpoint]
    every_steps = 16
    keep = 1000
"""
# Long enough to be met in its middle.
LONG = """
    [mesh]
    kind = "box"
    cells = [20, 20, 20]
    [space]
    degree = 3
    [equation]
    kind = "poisson"
    source = "exp(-20*(x-0.4)^2)"
    [[boundary]]
    on = ["rest"]
    value = 0
    [solver]
    method = "cg"
    preconditioner = "jacobi"
    tolerance = 1e-10
    [checkpoint]
    keep = 2
"""
NEWTON = """
    [mesh]
    kind = "box"
    cells = [9, 7]
    cell_type = "tri"
    distortion = "random"
    distortion_amount = 0.3
    [space]
    degree = 2
    [equation]
    kind = "poisson"
    diffusion = "1 + 20*u^2"
    source = "30*exp(-20*(x-0.4)^2)"
    [[boundary]]
    on = ["left"]
    value = "y"
    [[boundary]]
    on = ["rest"]
    flux = 0
    [nonlinear]
    tolerance = 1e-10
    [checkpoint]
    every_steps = 1
    keep = 1000
"""
BEAM = """
    [mesh]
    kind = "box"
    cells = [10, 3, 3]
    upper = [4, 1, 1]
    [equation]
    kind = "elasticity"
    youngs_modulus = 100.0
    poissons_ratio = 0.3
    [[boundary]]
    on = ["left"]
    displacement = [0, 0, 0]
    [[boundary]]
    on = ["rest"]
    traction = [0, 0, -0.01]
    [solver]
    operator = "assembled"
    method = "cg"
    preconditioner = "jacobi"
    tolerance = 1e-9
    [checkpoint]
    every_steps = 16
    keep = 1000
"""
NEUMANN = LINEAR.replace("""    [[boundary]]
    on = ["left"]
    value = "y"
""", "").replace('source = "exp(-20*(x-0.4)^2)"', 'source = "x - 0.5"')


class Steady(Case):
    def same(self, one, other, tolerance):
        code, text = self.call("diff", one.folder / "results.vtkhdf",
                               other.folder / "results.vtkhdf", "--tolerance", tolerance, ranks=0)
        self.assertEqual(code, 0, text)

    def middle(self, run):
        files = checkpoints(run)
        self.assertGreaterEqual(len(files), 3, run.output)
        return files[len(files) // 2]

    def test_every_method(self):
        """Looking at a solve changes no bit of it; from its middle it comes to the same answer."""
        deck = self.deck(LINEAR)
        for method, more in (("cg", []), ("cg", ["--set", "solver.engine=belos"]),
                             ("cg", ["--set", "solver.operator=assembled"]), ("pipelined-cg", []),
                             ("gmres", []), ("bicgstab", []), ("minres", []), ("tfqmr", []),
                             ("gcrodr", []), ("fgmres", [])):
            name = "-".join([method, *more[1:]])
            more = ["--set", f"solver.method={method}", *more]
            if method in ("gmres", "fgmres"):
                more += ["--set", "solver.restart=400"]
            if method == "tfqmr":  # with jacobi it stands still here
                more += ["--set", "solver.preconditioner=ilu", "--set", "checkpoint.every_steps=8"]
            plain = self.run_deck(deck, *more, "--set", "checkpoint.write=false", ranks=2,
                                  output=f"{name} plain")
            whole = self.run_deck(deck, *more, ranks=2, output=f"{name} whole")
            self.same(plain, whole, 0)
            again = self.run_deck(deck, *more, "--from", self.middle(whole), ranks=2,
                                  output=f"{name} again")
            self.assertIn("resumed", again.output)
            # Residuals of 1e-9; the condition number is some thousands.
            self.same(again, whole, 1e-5)
            # What was there counts: it does not begin at the residual of zero.
            first = float(again.table("residuals.csv")[0]["relative_residual"])
            last = float(again.table("residuals.csv")[-1]["relative_residual"])
            self.assertLess(first, 1.0, name)
            self.assertLessEqual(last, 1e-9, name)
            self.assertGreater(int(again.table("residuals.csv")[0]["iteration"]), 0)

    def test_numbers_of_ranks(self):
        for name, text in (("linear", LINEAR), ("beam", BEAM), ("neumann", NEUMANN)):
            deck = self.deck(text, f"{name}.toml")
            whole = {n: self.run_deck(deck, ranks=n, output=f"{name} {n}") for n in (1, 2, 3, 4)}
            for before, now in ((1, 4), (2, 2), (2, 3), (3, 1), (4, 2)):
                result = self.run_deck(deck, "--from", self.middle(whole[before]), ranks=now,
                                       output=f"{name} {before} to {now}")
                self.same(result, whole[before], 1e-5)

    def test_multigrid(self):
        """Kershaw's mesh, on which it needs more than a few cycles; refined and of degree 4."""
        text = (LINEAR.replace("random", "kershaw").replace("amount = 0.3", "amount = 0.8")
                .replace('"jacobi"', '"multigrid"').replace("every_steps = 16", "every_steps = 2"))
        for name, mesh, degree in (("refined", "cells = [6, 6, 6]\n    refine = 1", 2),
                                   ("degree 4", "cells = [24, 20]", 4)):
            deck = self.deck(text.replace("cells = [24, 20]", mesh)
                             .replace("degree = 2", f"degree = {degree}"), f"{name}.toml")
            whole = self.run_deck(deck, ranks=2, output=name)
            for ranks in (1, 2, 3):
                again = self.run_deck(deck, "--from", self.middle(whole), ranks=ranks,
                                      output=f"{name} on {ranks}")
                self.same(again, whole, 1e-6)

    def test_more_ranks_than_cells(self):
        deck = self.deck(LINEAR.replace("cells = [24, 20]", "cells = [2, 1]")
                         .replace("degree = 2", "degree = 8"))
        whole = self.run_deck(deck, "--set", "checkpoint.every_steps=8", ranks=4)
        again = self.run_deck(deck, "--set", "checkpoint.every_steps=8", "--from",
                              self.middle(whole), ranks=3, output="again")
        self.same(again, whole, 1e-5)

    def test_newton_to_the_bit(self):
        decks = {"newton": (NEWTON, []), "picard": (NEWTON, ["nonlinear.method=picard",
                                                              "nonlinear.max_iterations=400",
                                                              "nonlinear.tolerance=1e-6"]),
                 "amg": (NEWTON, ["solver.preconditioner=amg"]),
                 "free": (NEWTON.replace('"tri"', '"quad"'), ["solver.operator=matrix-free"])}
        for name, (text, settings) in decks.items():
            deck = self.deck(text, f"{name}.toml")
            more = [word for one in settings for word in ("--set", one)]
            plain = self.run_deck(deck, *more, "--set", "checkpoint.write=false", ranks=2,
                                  output=f"{name} plain")
            whole = self.run_deck(deck, *more, ranks=2, output=name)
            self.same(plain, whole, 0)
            files = checkpoints(whole)
            self.assertGreaterEqual(len(files), 3)
            for path in files[:8]:
                again = self.run_deck(deck, *more, "--from", path, ranks=2,
                                      output=f"{name} from {path.stem}")
                self.assertEqual(again.table("newton.csv"), whole.table("newton.csv"), path)
                self.same(again, whole, 0)
            for ranks in (1, 3):
                other = self.run_deck(deck, *more, "--from", files[1], ranks=ranks,
                                      output=f"{name} on {ranks}")
                self.same(other, whole, 1e-5)

    def test_a_run_that_has_ended(self):
        deck = self.deck(LINEAR)
        run = self.run_deck(deck, ranks=2)
        before = (run.folder / "results.vtkhdf").stat().st_size
        n_files = len(checkpoints(run))
        again = self.run_deck(deck, "--resume", ranks=2)
        self.assertIn("had come to its end", again.output)
        self.assertIn("the first guess is the solution", again.output)
        self.assertEqual(len(checkpoints(again)), n_files)
        self.assertEqual((run.folder / "results.vtkhdf").stat().st_size, before)
        # Another tolerance: it goes on.
        finer = self.run_deck(deck, "--resume", "--set", "solver.tolerance=1e-11", ranks=2)
        self.assertLessEqual(finer.status()["true_residual"], 1e-11)
        code, text = self.call("info", checkpoints(finer)[-1], ranks=0)
        self.assertEqual(code, 0, text)
        self.assertIn("come to its end", text)
        self.assertEqual(self.call("verify", finer.folder, ranks=0)[0], 0)
        short = self.run_deck(self.deck(LINEAR), "--set", "checkpoint.every_steps=100000",
                              output="short")
        self.assertFalse((short.folder / "checkpoints").exists())
        refused = self.run_deck(deck, "--resume", "--set", "checkpoint.every_steps=100000",
                                output="short", expect=7)
        self.assertIn("a finished run without a checkpoint", refused.output)

    def test_a_failed_solve_leaves_its_last_state(self):
        deck = self.deck(LINEAR)
        failed = self.run_deck(deck, "--set", "solver.max_iterations=20", "--set",
                               "checkpoint.every_steps=100000", ranks=2, expect=4)
        self.assertIn("the last good state is in", failed.output)
        # What the deck says now counts, not what the run before took.
        for kind, told in (("assembled", "matrix entries"), ("matrix-free", "operator    matrix-free")):
            folder = self.folder / kind
            shutil.copytree(failed.folder, folder)
            again = self.run_deck(deck, "--resume", "--set", f"solver.operator={kind}", ranks=2,
                                  output=kind)
            self.assertEqual(again.status()["solver"], "converged")
            self.assertIn(told, again.output)
        again = self.run_deck(deck, "--resume", ranks=2)
        self.assertEqual(again.status()["solver"], "converged")

    def test_direct_solvers_tell(self):
        run = self.run_deck(self.deck(LINEAR), "--set", "solver.method=auto", "--set",
                            "solver.preconditioner=direct")
        self.assertIn("a factorisation cannot be interrupted", run.output)

    def test_times_and_steady_problems_do_not_mix(self):
        run = self.run_deck(self.deck(LINEAR))
        (run.folder / "status.json").unlink()
        timed = LINEAR.replace('"poisson"', '"heat"') + "[time]\nend=1\nstep=0.1\n[initial]\nu=0\n"
        refused = self.run_deck(self.deck(timed, "timed.toml"), "--resume", expect=2)
        self.assertIn("is of a steady problem and the deck has a [time]", refused.output)


class SteadyStopping(Case):
    def start(self, *arguments, ranks=2):
        self.log = open(self.folder / "log", "w")
        self.addCleanup(self.log.close)
        job = subprocess.Popen(
            self.command(ranks, "run", self.deck(LONG), "--set",
                         f"output.directory={self.folder / 'out'}", *arguments),
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
            env=self.environment(ranks), cwd=self.folder, start_new_session=True)
        self.addCleanup(lambda: job.poll() is None and job.kill())
        return job

    def text(self):
        return (self.folder / "log").read_text()

    def ctl(self, action):
        code, text = self.call("ctl", self.folder / "out", action, ranks=0)
        self.assertEqual(code, 0, text + self.text())
        return text

    def paused(self, *arguments, ranks=2):
        """A run that waits in the middle of its solve."""
        job = self.start(*arguments, ranks=ranks)
        deadline = time.monotonic() + 60 * SLOWNESS
        while not (self.folder / "out" / "control.json").exists():
            self.assertLess(time.monotonic(), deadline, self.text())
            time.sleep(0.01)
        self.ctl("pause")
        while "paused" not in self.ctl("status"):
            self.assertLess(time.monotonic(), deadline, self.text())
            time.sleep(0.01)
        return job, json.loads((self.folder / "out" / "control.json").read_text())["pid"]

    def test_ways_to_stop(self):
        whole = self.run_deck(self.deck(LONG), ranks=2, output="whole")
        for way in ("SIGTERM", "SIGUSR2", "stop", "SIGKILL"):
            for ranks in (1, 2, 3, 4) if way == "SIGTERM" else (2,):
                shutil.rmtree(self.folder / "out", ignore_errors=True)
                job, pid = self.paused(ranks=ranks)
                if way == "stop":
                    self.ctl("stop")
                elif way == "SIGKILL":
                    self.ctl("checkpoint")
                    folder = self.folder / "out" / "checkpoints"
                    while not list(folder.glob("*.complete")):
                        time.sleep(0.01)
                    os.killpg(job.pid, signal.SIGKILL)
                    os.kill(pid, signal.SIGKILL)
                else:
                    os.kill(pid, getattr(signal, way))
                code = job.wait(timeout=60 * SLOWNESS)
                if way != "SIGKILL":
                    self.assertEqual(code, 75, self.text())
                    self.assertIn("ritz ctl" if way == "stop" else way, self.text())
                now = ranks % 4 + 1
                again = self.run_deck(self.deck(LONG), "--resume", ranks=now)
                self.assertRegex(again.output, r"resumed .*after [0-9,]+ iteration")
                code, text = self.call("diff", again.folder / "results.vtkhdf",
                                       whole.folder / "results.vtkhdf", "--tolerance", 1e-4, ranks=0)
                self.assertEqual(code, 0, text)
                shutil.rmtree(self.folder / "out", ignore_errors=True)

    def test_it_goes_on_after_a_pause(self):
        whole = self.run_deck(self.deck(LONG), ranks=2, output="whole")
        job, _ = self.paused()
        self.ctl("resume")
        self.assertEqual(job.wait(timeout=120 * SLOWNESS), 0, self.text())
        code, text = self.call("diff", self.folder / "out" / "results.vtkhdf",
                               whole.folder / "results.vtkhdf", "--tolerance", 0, ranks=0)
        self.assertEqual(code, 0, text)

    def test_walltime_again_and_again(self):
        whole = self.run_deck(self.deck(LONG), ranks=2, output="whole")
        took = whole.status()["seconds"]
        codes, iterations = [], []
        while len(codes) < 40:
            # On a busy machine the set-up of a later run may take all of a short time.
            limit = took / 2 if len(codes) < 2 else 100 * took
            code, text = self.call("run", self.deck(LONG), "--set",
                                   f"output.directory={self.folder / 'out'}", "--set",
                                   f"limits.walltime={limit}", "--resume", ranks=2)
            codes.append(code)
            iterations.append(json.loads((self.folder / "out" / "status.json").read_text())
                              ["iterations"])
            if code == 0:
                break
            self.assertIn("limits.walltime", text)
            if code == 4:  # the second one may have been too short for an iteration
                self.assertIn("no iteration was done", text)
        self.assertEqual(codes[0], 75)
        self.assertEqual(codes[-1], 0, text)
        self.assertEqual(iterations, sorted(iterations))
        code, text = self.call("diff", self.folder / "out" / "results.vtkhdf",
                               whole.folder / "results.vtkhdf", "--tolerance", 1e-4, ranks=0)
        self.assertEqual(code, 0, text)

    def test_without_checkpoints_the_clock_fails_it(self):
        result = self.run_deck(self.deck(LONG), "--set", "checkpoint.write=false", "--set",
                               "limits.walltime=0.2", ranks=2, expect=4)
        self.assertIn("limits.walltime is over after", result.output)
        self.assertFalse((result.folder / "checkpoints").exists())

    def test_a_full_disk(self):
        disk = self.folder / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)],
                                 stderr=subprocess.PIPE, check=False)
        if mounted.returncode != 0:
            self.skipTest(f"cannot mount a small file system here: {mounted.stderr.decode().strip()}")
        self.addCleanup(subprocess.run, ["umount", str(disk)], check=False)
        out = disk / "out"
        code, text = self.call("run", self.deck(LINEAR), "--set", f"output.directory={out}", "--set",
                               "mesh.cells=[48,48]", "--set", "checkpoint.compression=none", ranks=2)
        self.assertEqual(code, 7, text)
        self.assertEqual(text.count("No space left on device"), 1, text)
        code, text = self.call("verify", out, ranks=0)
        self.assertEqual(code, 0, text)
        self.assertIn(": good", text)


if __name__ == "__main__":
    unittest.main()
