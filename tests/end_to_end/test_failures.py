"""Everything that can go wrong: the documented exit code on every rank, a clear text once, no hang."""

import os
import pathlib
import signal
import subprocess
import time
import unittest

from harness import BOX, SOURCE, Case


class ExitCodes(Case):
    RANKS = (1, 3)

    def fails(self, deck, code, *fragments, arguments=()):
        for ranks in self.RANKS:
            result = self.run_deck(deck, *arguments, ranks=ranks, expect=code, output=f"out {ranks}")
            for fragment in fragments:
                self.assertEqual(result.output.count(fragment), 1,
                                 f"{fragment!r} should stand once in:\n{result.output}")

    def test_deck_mistakes_all_at_once(self):
        deck = self.deck(BOX.replace("source = 1.0", 'source = "sin(q)"\ndifusion = 2.0')
                         + "    [solver]\n    tolerance = -1e-8\n")
        self.fails(deck, 2, "equation.difusion", "'q'", "solver.tolerance = -1e-8")

    def test_unknown_boundary_name(self):
        deck = self.deck(BOX.replace('on = ["rest"]', 'on = ["left", "rihgt"]'))
        self.fails(deck, 2, "rihgt")

    def test_boundary_without_condition(self):
        deck = self.deck(BOX.replace('on = ["rest"]', 'on = ["left"]'))
        self.fails(deck, 2, "right")

    def test_no_deck(self):
        self.fails(self.folder / "nowhere.toml", 2, "nowhere.toml")

    def test_mesh(self):
        (self.folder / "bad.msh").write_text("$MeshFormat\n4.1 0 8\n$EndMeshFormat\n$Nodes\n1 1 1\n")
        deck = self.deck(BOX.replace('kind = "box"\n    cells = [4, 4]', 'kind = "file"\n    file = "bad.msh"'))
        self.fails(deck, 3, "bad.msh")

    def test_not_converged(self):
        deck = self.deck(BOX)
        self.fails(deck, 4, "did not converge",
                   arguments=("--set", "mesh.cells=[40,40]", "--set", "solver.method=cg", "--set",
                              "solver.preconditioner=none", "--set", "solver.max_iterations=3"))

    def test_not_finite(self):
        deck = self.deck(BOX.replace("source = 1.0", 'source = "log(x - 0.5)"'))
        self.fails(deck, 5, "source is not a finite number")

    def test_memory(self):
        deck = self.deck(BOX)
        self.fails(deck, 6, "limits.memory allows",
                   arguments=("--set", "mesh.cells=[20000,20000]", "--set", "limits.memory=1 GiB"))

    def test_directory_in_use(self):
        deck = self.deck(BOX)
        self.run_deck(deck, output="out 1")
        kept = self.folder / "out 1" / "mine.txt"
        kept.write_text("keep me")
        before = (self.folder / "out 1" / "results.vtkhdf").stat().st_mtime_ns
        result = self.run_deck(deck, expect=7, output="out 1")
        self.assertIn("--overwrite", result.output)
        self.assertEqual((self.folder / "out 1" / "results.vtkhdf").stat().st_mtime_ns, before)
        self.run_deck(deck, "--overwrite", output="out 1")
        self.assertEqual(kept.read_text(), "keep me")


class FullDisk(Case):
    """A file system of 1 MiB: needs the right to mount one."""

    def test_results_do_not_fit(self):
        disk = self.small_disk("1m")
        deck = self.deck(BOX)
        where = ("run", deck, "--overwrite", "--set", f"output.directory={disk / 'out'}")
        for ranks in (1, 3):
            # 3 MiB without compression: refused before anything is solved or written.
            code, text = self.call(*where, "--set", "mesh.cells=[200,200]",
                                   "--set", "output.compression=0", ranks=ranks)
            self.assertEqual(code, 7, text)
            self.assertEqual(text.count("cannot fit"), 1, text)
            self.assertFalse((disk / "out").exists(), text)
        for ranks in (1, 3):
            # How much compression saves is not known before: a warning, then the disk is full.
            # Nothing to solve, and points at random, which cannot be compressed much.
            code, text = self.call(*where, "--set", "mesh.cells=[300,300]", "--set", "mesh.distortion=random",
                                   "--set", "mesh.distortion_amount=0.3", "--set", "equation.source=0",
                                   ranks=ranks)
            self.assertEqual(code, 7, text)
            self.assertIn("may not fit", text)
            self.assertFalse((disk / "out" / "results.vtkhdf").exists())


class KilledRank(Case):
    def test_the_job_ends(self):
        deck = self.deck(BOX)
        command = self.command(2, "run", deck, "--set", "mesh.cells=[600,600]", "--set",
                               "solver.preconditioner=none", "--set", "solver.method=cg", "--set",
                               "solver.max_iterations=100000", "--set", "solver.tolerance=1e-14",
                               "--set", f"output.directory={self.folder / 'out'}")
        job = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env=self.environment(2), cwd=self.folder)
        try:
            status = self.folder / "out" / "status.json"
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and not (status.exists() and "solve" in status.read_text()):
                time.sleep(0.05)
            victims = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()
                       and self.is_rank_of(job.pid, int(entry))]
            self.assertEqual(len(victims), 2)
            os.kill(victims[-1], signal.SIGKILL)
            job.wait(timeout=30)
        finally:
            job.kill()
            job.stdout.close()
        self.assertNotEqual(job.returncode, 0)

    @staticmethod
    def is_rank_of(launcher, pid):
        """Whether pid is a ritz process below the launcher (hydra puts a proxy between them)."""
        try:
            name = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
            parent = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
            grandparent = int(pathlib.Path(f"/proc/{parent}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, ValueError, IndexError):
            return False
        return name == "ritz" and launcher in (parent, grandparent)


if __name__ == "__main__":
    unittest.main()
