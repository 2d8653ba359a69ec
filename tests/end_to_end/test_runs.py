"""Whole runs: the answer, the files, the same on any number of ranks."""

import os
import unittest

from harness import BOX, SOURCE, Case
from vtk_results import point_data


class Quickstart(Case):
    """The deck a newcomer runs first."""

    def test_same_on_1_to_4_ranks_and_heat_balance(self):
        deck = SOURCE / "configs" / "quickstart.toml"
        reference = None
        for ranks in (1, 2, 3, 4):
            result = self.run_deck(deck, ranks=ranks, output=f"ranks {ranks}")
            # All that the chip puts in leaves through the air: 40 W, up to the solver's tolerance
            # (Galerkin conservation: the test function 1 is in the space of a pure flux/Robin problem).
            self.assertAlmostEqual(result.value("integrals.csv", "heat to the air"), 40.0, delta=1e-4)
            self.assertAlmostEqual(result.value("integrals.csv", "area of the chip"), 4e-4, delta=1e-12)
            chip = result.value("probes.csv", "chip centre")
            self.assertGreater(chip, 293.15)
            reference = chip if reference is None else reference
            # tolerance 1e-8 on the residual; the temperature rise is of the order of 50 K
            self.assertAlmostEqual(chip, reference, delta=1e-4)
            self.assertTrue((result.folder / "results.vtkhdf").stat().st_size > 10000)
            self.assertFalse((result.folder / "results.vtkhdf.part").exists())


class EffectiveDeck(Case):
    def test_running_it_again_gives_the_same_run(self):
        first = self.run_deck(self.deck(BOX), "--set", "space.degree=3", output="first")
        again = self.run_deck(first.folder / "effective.toml", output="again")
        self.assertEqual((first.folder / "extrema.csv").read_text(),
                         (again.folder / "extrema.csv").read_text())
        self.assertEqual(first.status()["true_residual"], again.status()["true_residual"])


class MoreRanksThanCells(Case):
    def test_two_cells_on_four_ranks(self):
        deck = self.deck(BOX.replace("cells = [4, 4]", "cells = [2]"))
        alone = self.run_deck(deck, "--set", "space.degree=2", output="alone")
        many = self.run_deck(deck, "--set", "space.degree=2", ranks=4, output="many")
        # -u'' = 1, u(0) = u(1) = 0: the maximum is 1/8, and degree 2 is exact.
        for result in (alone, many):
            maximum = next(row for row in result.table("extrema.csv") if row["extreme"] == "max")
            self.assertAlmostEqual(float(maximum["value"]), 0.125, delta=1e-9)


class NameOfTheUnknown(Case):
    def test_it_changes_names_and_nothing_else(self):
        """A linear steady equation has the same solver, and the mean of a pure flux problem is set
        to zero, whatever the unknown is called."""
        deck = BOX.replace("source = 1.0", 'source = "x - 0.5"').replace("value = 0.0", "flux = 0.0")
        deck += '    [[integral]]\n    name = "square"\n    on = "domain"\n    of = "u^2"\n'
        results = [self.run_deck(self.deck(text, f"{name}.toml"), output=name) for name, text in
                   (("u", deck), ("T", deck.replace('"poisson"', '"poisson"\n    unknowns = ["T"]')
                                  .replace("u^2", "T^2")))]
        for result in results:
            self.assertIn("the mean of the solution is set to zero", result.output)
        values = [result.value("integrals.csv", "square") for result in results]
        self.assertEqual(values[0], values[1])
        self.assertGreater(values[0], 1e-6)


class Attempts(Case):
    """A limit of two iterations makes every attempt fail."""

    DECK = BOX.replace("cells = [4, 4]", "cells = [32, 32]")

    def attempts(self, *arguments, output):
        result = self.run_deck(self.deck(self.DECK), "--set", "space.degree=4", "--set",
                               "solver.max_iterations=2", *arguments, expect=4, output=output)
        rows = result.table("residuals.csv")
        kinds = {int(row["attempt"]): row["method"] + "+" + row["preconditioner"] for row in rows}
        return result, [kinds[number] for number in sorted(kinds)]

    def test_a_second_attempt_reuses_multigrid(self):
        result, attempts = self.attempts(
            "--set", 'solver.operator="matrix-free"', "--set", 'solver.method="cg"',
            "--set", 'solver.preconditioner="multigrid"',
            "--set", 'solver.fallback=["gmres+multigrid"]', output="reuse")
        self.assertEqual(attempts, ["cg+multigrid", "gmres+multigrid"])
        self.assertEqual(result.output.count("level 0: degree 4"), 1, result.output)
        self.assertEqual(result.output.count("multigrid of the attempt before"), 1, result.output)

    def test_attempts_without_and_with_a_matrix_are_all_kept(self):
        result, attempts = self.attempts(output="both")
        self.assertIn("assembling the matrix", result.output)
        self.assertEqual(attempts, ["cg+multigrid", "cg+amg"])


class Terminal(Case):
    def test_short_form_and_relative_paths(self):
        self.deck(BOX)
        code, text = self.call("deck.toml", ranks=0)
        self.assertEqual(code, 0, text)
        self.assertTrue((self.folder / "results" / "results.vtkhdf").exists(), text)

    def test_eval(self):
        code, text = self.call("eval", "x^2 + y", "--at", "3,4", ranks=0)
        self.assertEqual((code, text.strip()), (0, "13.0"))
        code, text = self.call("eval", "x +", ranks=0)
        self.assertEqual(code, 2)
        self.assertIn("^", text)

    def test_check_forecasts_and_finds_nothing(self):
        code, text = self.call("check", self.deck(BOX), "--ranks", "4", ranks=0)
        self.assertEqual(code, 0, text)
        self.assertIn("25 unknowns", text)

    def test_mesh_info(self):
        code, text = self.call("mesh", "info", SOURCE / "configs" / "meshes" / "heat-sink.msh", ranks=2)
        self.assertEqual(code, 0, text)
        for name in ("base", "fins", "chip", "underside", "air"):
            self.assertIn(name, text)

    def test_doctor(self):
        for ranks in (1, 2, 3):
            code, text = self.call("doctor", ranks=ranks)
            self.assertEqual(code, 0, text)
            self.assertNotIn("FAILED", text)

    def test_foreign_launcher_is_explained(self):
        for variable in ("OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS"):
            os.environ[variable] = "4"
            try:
                code, text = self.call("run", self.deck(BOX), ranks=0)
            finally:
                del os.environ[variable]
            self.assertEqual(code, 8, text)
            self.assertIn("4 copies of 1 rank", text)


class Threads(Case):
    """Two threads a rank: the same problem solved, and the same bits when it is solved again."""

    DECK = """
        deck_version = 1
        [mesh]
        kind = "box"
        cells = [8, 8, 8]
        distortion = "smooth"
        distortion_amount = 0.1
        [space]
        degree = 3
        [equation]
        kind = "poisson"
        diffusion = "1 + x*y"
        source = 1.0
        [[boundary]]
        on = ["left"]
        value = "y"
        [[boundary]]
        on = ["rest"]
        robin = { coefficient = 1.0, ambient = 0.0 }
        [solver]
        method = "cg"
        engine = "native"
        operator = "matrix-free"
        tolerance = 1e-10
        """

    def test_the_same_solution_and_the_same_bits_again(self):
        deck = self.deck(self.DECK)
        for preconditioner in ("multigrid", "jacobi"):
            solutions, iterations = {}, set()
            for ranks, threads in ((1, 1), (1, 2), (2, 2)):
                bits = set()
                for again in (False, True):
                    self.threads = threads
                    output = f"{preconditioner}{ranks}{threads}{again}"
                    result = self.run_deck(deck, "--set", f"solver.preconditioner={preconditioner}",
                                           ranks=ranks, output=output)
                    self.assertIn(f"{threads} thread", result.output)
                    iterations.add(result.status()["iterations"])
                    _, data = point_data(result.folder / "results.vtkhdf")
                    bits.add(data["u"].tobytes())
                    solutions[ranks, threads] = sorted(data["u"])
                self.assertEqual(len(bits), 1, f"{ranks} ranks, {threads} threads")
            reference = solutions.pop((1, 1))
            # Two solutions to 1e-10 of the right-hand side; the preconditioned matrix's condition
            # is below 10^3. Ranks store points in another order, so values are compared in theirs.
            for other in solutions.values():
                self.assertEqual(len(other), len(reference))
                self.assertLess(max(abs(a - b) for a, b in zip(other, reference)), 1e-7)
            # Sums in another order may decide about one iteration more.
            self.assertLessEqual(max(iterations) - min(iterations), 1)


if __name__ == "__main__":
    unittest.main()
