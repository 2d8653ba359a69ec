"""Runs in time, nonlinear and of several unknowns: the worked decks, series, events, failures."""

import csv
import json
import math
import re
import textwrap
import unittest

from harness import BOX, SOURCE, Case
from vtk_results import point_data

HEAT = """
    deck_version = 1
    [mesh]
    kind = "box"
    cells = [8, 8]
    [equation]
    kind = "heat"
    source = 1.0
    [[boundary]]
    on = ["rest"]
    flux = 0.0
    [time]
    end = 1.0
    step = 0.1
    [initial]
    u = 0.0
"""
# With no flux and a source of 1 the solution is u = t everywhere: exact for every scheme here.

STRESSES = ("sxx", "syy", "szz", "sxy", "syz", "sxz", "von_mises")


def history(result):
    return [{k: float(v) for k, v in row.items()} for row in result.table("history.csv")]


def series(result):
    index = json.loads((result.folder / "results.vtkhdf.series").read_text())
    return [(one["name"], one["time"]) for one in index["files"]]


class WorkedDecks(Case):
    """Every deck of configs/, shortened where it takes long, on 1 and on 3 ranks."""

    # What shortens it, and how far results on different numbers of ranks may be apart relative to
    # the largest value: what the solvers leave (1e-8 linear and Newton), with adaptive steps also
    # what the step control makes of that.
    SHORTER = {
        "advection": (["mesh.cells=[8,8]"], 1e-6),
        "allen-cahn": (["mesh.cells=[8,8]", "time.end=1", "output.every=0.5"], 1e-5),
        "bratu": (["mesh.cells=[16,16]"], 1e-7),
        "brusselator": (["mesh.cells=[20]", "time.end=0.2", "output.every=0.1"], 1e-5),
        "cahn-hilliard": (["mesh.cells=[8,8]", "time.end=2e-4", "output.every=1e-4"], 1e-5),
        "cantilever": ([], 1e-7),
        "fitzhugh-nagumo": (["mesh.cells=[8,8]", "time.end=4", "output.every=2"], 1e-5),
        "elastic-wave": (["time.end=1e-6", "output.every=5e-7", "verify.probe=[]"], 1e-6),
        "gray-scott": (["mesh.cells=[8,8]", "time.end=4", "output.every=2"], 1e-5),
        "heat-plate": (["time.end=2", "output.every=1"], 1e-6),
        "helmholtz": (["mesh.cells=[8,8]", "verify.max_l2_error=1e-2"], 1e-6),
        "lamina": ([], 1e-6),
        "nonlinear-diffusion": ([], 1e-7),
        "p-laplacian": ([], 1e-6),
        "porous-medium": (["mesh.cells=[16,16]"], 1e-5),
        "pressure-vessel": ([], 1e-6),
        "quickstart": ([], 1e-6),
        "radiation": ([], 1e-7),
        "thermo-elastic": (["time.end=0.2", "output.every=0.1", "verify.probe=[]"], 1e-6),
        "torus": (["mesh.cells=[16,8]", "time.end=0.4", "output.every=0.2"], 1e-6),
        "wave-standing": (["time.end=0.1", "output.every=0.05"], 1e-6),
    }
    NO_PROBLEM = {"reference"}  # every key with its default, for reading

    def test_all_are_here(self):
        decks = {path.stem for path in (SOURCE / "configs").glob("*.toml")}
        self.assertEqual(decks, set(self.SHORTER) | self.NO_PROBLEM)

    def test_same_on_1_and_3_ranks(self):
        for name, (shorter, tolerance) in self.SHORTER.items():
            with self.subTest(deck=name):
                arguments = [part for one in shorter for part in ("--set", one)]
                both = [self.run_deck(SOURCE / "configs" / f"{name}.toml", *arguments, ranks=ranks,
                                      output=f"{name} {ranks}") for ranks in (1, 3)]
                for table in ("extrema.csv", "probes.csv", "integrals.csv"):
                    if (both[0].folder / table).exists():
                        self.compare(*(result.table(table) for result in both), tolerance)

    def compare(self, rows, others, tolerance):
        """Same texts; same numbers up to the tolerance, relative to the largest of the column.
        Places of extremes may differ: symmetric solutions have several."""
        self.assertEqual(len(rows), len(others))
        self.assertGreater(len(rows), 0)
        for column in (name for name in rows[0] if name not in ("x", "y", "z")):
            try:
                values = [[float(row[column]) for row in table] for table in (rows, others)]
            except ValueError:
                self.assertEqual([row[column] for row in rows], [row[column] for row in others])
                continue
            size = max(map(abs, values[0]))
            if column in STRESSES:  # one that should be 0 is round-off in the others
                size = max(abs(float(row[name])) for row in rows for name in STRESSES if name in row)
            # What should be 0 has no size: 1e-9 is round-off in solutions of the size 1.
            delta = tolerance * size + 1e-9
            for one, other in zip(*values):
                self.assertAlmostEqual(one, other, delta=delta, msg=column)


class Picard(Case):
    def solve(self, deck, *settings, **options):
        arguments = [part for one in settings for part in ("--set", one)]
        result = self.run_deck(deck, *arguments, **options)
        return result, [float(row["residual"]) for row in result.table("newton.csv")]

    def test_same_solution_as_newton_with_symmetric_systems(self):
        """-div((1 + u^2) grad(u)) = f: Picard's matrix is symmetric, Newton's is not."""
        deck = SOURCE / "configs" / "nonlinear-diffusion.toml"
        values = []
        for method, solver in (("newton", "gmres"), ("picard", "cg")):
            for ranks in (1, 3):
                result, _ = self.solve(deck, f"nonlinear.method={method}", "mesh.cells=[16,16]",
                                       "nonlinear.tolerance=1e-10", "nonlinear.max_iterations=60",
                                       ranks=ranks, output=f"{method} {ranks}")
                self.assertRegex(result.output, rf"converged: \d+ {method.title()}.*\({solver}")
                values.append(float(result.table("extrema.csv")[-1]["value"]))
        for other in values[1:]:
            # 100 times the tolerance, times a condition of the nonlinear problem of about 1.
            self.assertAlmostEqual(values[0], other, delta=1e-7)

    def test_rate_is_that_of_the_fixed_point(self):
        """u = cos(u) at each point: with the source as it was, u <- cos(u) falls by sin(u) = 0.6736."""
        deck = self.deck(BOX.replace('"poisson"\n    source = 1.0',
                                     '"coefficient-form"\n    reaction = 1\n    source = "cos(u)"')
                         .replace("value = 0.0", "flux = 0.0"))
        result, norms = self.solve(deck, "nonlinear.method=picard", "nonlinear.max_iterations=100",
                                   "nonlinear.forcing=fixed", ranks=2)
        self.assertAlmostEqual(norms[-1] / norms[-2], 0.673612, delta=1e-4)
        self.assertAlmostEqual(float(result.table("extrema.csv")[0]["value"]), 0.7390851332,
                               delta=1e-7)
        # Ten iterations are not enough, and that is told with what would be.
        result, norms = self.solve(deck, "nonlinear.method=picard", "nonlinear.max_iterations=10",
                                   expect=4, output="few")
        self.assertIn("Picard's method ended: max_iterations", result.output)
        self.assertRegex(result.output, r"falls to 0\.67\d of itself an iteration: about 3\d more")

    def test_a_linear_system_takes_one_iteration(self):
        deck = self.deck(BOX.replace('"poisson"\n    source = 1.0',
                                     '"helmholtz"\n    wave_number = 1\n    source = 1.0'))
        _, norms = self.solve(deck, "nonlinear.method=picard")
        self.assertEqual(len(norms), 2)

    def test_p_laplacian_from_a_bad_guess(self):
        """K = |grad u|^(p-2) with p = 1.5: Picard's rate is |p - 2| = 0.5 where gradients are not
        small (a scaled solution gives F(s u) = s^(p-1) F(u)), from any guess."""
        deck = self.deck(BOX.replace('"poisson"', '"poisson"\n    diffusion = "(1e-8 + dx(u)^2 + '
                                     'dy(u)^2)^(-1/4)"'))
        _, norms = self.solve(deck, "nonlinear.method=picard", "initial.u=sin(9*x)*y",
                              "nonlinear.max_iterations=60", ranks=2)
        self.assertAlmostEqual(norms[-1] / norms[-2], 0.5, delta=0.05)


class Advection(Case):
    """SUPG: when it is on, and what it does to layers."""

    LAYER = """
        deck_version = 1
        [mesh]
        kind = "box"
        cells = [10]
        [equation]
        kind = "advection-diffusion-reaction"
        diffusion = 0.01
        advection = [1.0]
        source = 1.0
        [[boundary]]
        on = ["left", "right"]
        value = 0.0
        [solver]
        tolerance = 1e-12
    """

    def solve(self, deck, *settings, **options):
        arguments = [part for one in settings for part in ("--set", one)]
        return self.run_deck(deck, *arguments, **options)

    def probes(self, xs):
        return "".join(f'    [[probe]]\n        name = "p{i}"\n        at = [{x!r}]\n    '
                       for i, x in enumerate(xs))

    def test_exact_at_the_nodes_of_equal_cells_in_one_dimension(self):
        """-K u'' + b u' = 1: tau of Brooks and Hughes makes linear elements exact at the nodes,
        whatever the Peclet number (here 5, 0.5 and 50), on any number of ranks."""
        xs = [i / 10 for i in range(11)]
        deck = self.deck(textwrap.dedent(self.LAYER) + textwrap.dedent("    " + self.probes(xs)))
        for k, ranks in ((0.01, 1), (0.1, 2), (0.001, 3)):
            result = self.solve(deck, f"equation.diffusion={k}", "equation.stabilisation=supg",
                                ranks=ranks, output=f"{k}")
            self.assertIn("SUPG on (largest cell Peclet number", result.output)
            for row, x in zip(result.table("probes.csv"), xs):
                exact = x - (math.exp((x - 1) / k) - math.exp(-1 / k)) / (1 - math.exp(-1 / k))
                self.assertAlmostEqual(float(row["value"]), exact, delta=1e-10)

    def test_auto_decides_by_the_peclet_number_and_says_so(self):
        deck = self.deck(self.LAYER)
        low = self.solve(deck, "equation.diffusion=0.1", output="low")
        self.assertRegex(low.output, r"SUPG off \(largest cell Peclet number 0\.5 of u at \(0\.\d5\)\)")
        for ranks in (1, 3):
            high = self.solve(deck, ranks=ranks, output=f"high {ranks}")
            self.assertRegex(high.output, r"SUPG on \(largest cell Peclet number 5 of u at \(0\.\d5\)\)")
        none = self.solve(deck, "equation.stabilisation=none", output="none")
        self.assertIn('equation.stabilisation = "none")', none.output)
        # Galerkin's solution oscillates, the other one stays between 0 and 1.
        extreme = {name: float(result.table("extrema.csv")[-1]["value"])
                   for name, result in (("none", none), ("supg", high))}
        self.assertGreater(extreme["none"], 1.2)
        self.assertLess(extreme["supg"], 1.0)
        # The degree makes the cells smaller.
        for degree, number in ((2, r"2\.5"), (4, r"1\.25")):
            better = self.solve(deck, f"space.degree={degree}", output=f"degree {degree}")
            self.assertRegex(better.output, rf"SUPG on \(largest cell Peclet number {number} of u")
        resolved = self.solve(deck, "space.degree=6", output="resolved")
        self.assertRegex(resolved.output, r"SUPG off \(largest cell Peclet number 0\.833 of u")

    def test_what_the_space_has_is_exact_at_every_degree(self):
        """The residual of a polynomial of the space's degree is 0 only with all its terms: second
        derivatives, slopes of a diffusion that depends on place or on u, the mass in time."""
        text = textwrap.dedent("""
            deck_version = 1
            [mesh]
            kind = "box"
            cells = [3, 2]
            [space]
            degree = 2
            [equation]
            kind = "advection-diffusion-reaction"
            diffusion = [["0.02", "0.01"], ["0.01", "0.03*(1 + x)"]]
            advection = [1.0, "2 + y"]
            reaction = 0.5
            stabilisation = "supg"
            [[boundary]]
            on = "rest"
            value = "EXACT"
            [solver]
            tolerance = 1e-13
            [verify]
            exact = "EXACT"
            max_l2_error = 1e-10
        """)
        # u = x^2 + x y - 2 y^2: -div(K grad u) = -(0.04 + 0.02 - 0.12 (1 + x)).
        exact = "x^2 + x*y - 2*y^2"
        source = "(2*x + y) + (2 + y)*(x - 4*y) + 0.5*(EXACT) - 0.06 + 0.12*(1 + x)"
        deck = self.deck(text.replace("reaction = 0.5", f'reaction = 0.5\nsource = "{source}"')
                         .replace("EXACT", exact), "linear.toml")
        for cells in ("tri", "quad"):
            for degree in (2, 3):
                for ranks in (1, 4):
                    self.solve(deck, f'mesh.cell_type="{cells}"', f"space.degree={degree}", ranks=ranks,
                               output=f"{cells} {degree} {ranks}")
        # K = 0.1 (1 + 0.2 u + dx(u)), u = x^2 - y: grad u = (2 x, -1), grad K = 0.1 (0.4 x + 2, -0.2).
        u = "(x^2 - y)"
        source = f"2*x - 0.5 - 0.1*((0.4*x + 2)*2*x + 0.2) - 0.2*(1 + 0.2*{u} + 2*x)"
        deck = self.deck(text.replace('diffusion = [["0.02", "0.01"], ["0.01", "0.03*(1 + x)"]]',
                                      'diffusion = "0.1*(1 + 0.2*u + dx(u))"')
                         .replace('advection = [1.0, "2 + y"]', "advection = [1.0, 0.5]")
                         .replace("reaction = 0.5", f'source = "{source}"').replace("EXACT", u),
                         "nonlinear.toml")
        for ranks in (1, 3):
            self.solve(deck, "nonlinear.tolerance=1e-12", ranks=ranks, output=f"nonlinear {ranks}")
        # u = x^2 t + y, linear in time: exact for bdf2; 9 ranks on 6 cells.
        source = "x^2 + 2*x*t + 2 + y + 0.5*(x^2*t + y) - 0.04*t"
        deck = self.deck(text.replace("reaction = 0.5", f'reaction = 0.5\nsource = "{source}"')
                         .replace("0.03*(1 + x)", "0.03").replace("EXACT", "x^2*t + y")
                         + '[time]\nend = 0.5\nstep = 0.1\nmethod = "bdf2"\n[initial]\nu = "y"\n', "time.toml")
        for ranks in (1, 9):
            self.solve(deck, ranks=ranks, output=f"time {ranks}")

    def test_a_diffusion_of_rates_is_left_alone(self):
        """Its residual would need the gradient of the rate, at every degree."""
        deck = self.deck("""
            [mesh]
            kind = "box"
            cells = [3, 2]
            [equation]
            kind = "advection-diffusion-reaction"
            diffusion = "0.001*(1 + dt(u))"
            advection = [1.0, 0.5]
            source = "x^2 + 2*x*t + 0.5 - 0.001*t*(2 + 6*x^2)"
            [[boundary]]
            on = ["rest"]
            value = "x^2*t + y"
            [time]
            end = 0.5
            step = 0.1
            [initial]
            u = "y"
        """)
        for degree in (1, 2):
            more = ("--set", f"space.degree={degree}")
            self.assertIn("a diffusion that depends on rates",
                          self.run_deck(deck, *more, output=f"{degree}").output)
            refused = self.run_deck(deck, *more, "--set", "equation.stabilisation=supg", expect=2,
                                    output=f"{degree} supg")
            self.assertIn("a diffusion that depends on rates", refused.output)

    def test_skew_advection_overshoots_little(self):
        """Hughes, Mallet and Mizukami, Comput. Methods Appl. Mech. Eng. 54 (1986) 341: a jump in
        the inflow is carried across the mesh at an angle. Values are between 0 and 1."""
        deck = SOURCE / "configs" / "advection.toml"
        over = {}
        for cells in ("quad", "tri"):
            for choice in ("auto", "none"):
                result = self.solve(deck, f'mesh.cell_type="{cells}"', "output.fields=false",
                                    f"equation.stabilisation={choice}", ranks=2,
                                    output=f"{cells} {choice}")
                low, high = (float(row["value"]) for row in result.table("extrema.csv")[:2])
                over[cells, choice] = max(-low, high - 1)
            # SUPG is not monotone: 0.56 (quads) and 0.21 (tris) in the corner where both outflow
            # layers meet. Galerkin's solution is in the hundreds.
            self.assertLess(over[cells, "auto"], 0.6 if cells == "quad" else 0.25)
            self.assertGreater(over[cells, "none"], 10)

    def test_in_time_for_systems_and_with_imex(self):
        """u = sin(x + y - 2 t) is carried without change by b = (1, 1); v follows u."""
        text = """
            deck_version = 1
            [mesh]
            kind = "box"
            cells = [12, 12]
            [equation]
            kind = "advection-diffusion-reaction"
            unknowns = ["u", "v"]
            [equation.u]
            diffusion = 1e-6
            advection = [1.0, 1.0]
            [equation.v]
            diffusion = 1e-6
            advection = [1.0, 1.0]
            reaction = 1.0
            source = "u"
            [[boundary]]
            on = "rest"
            unknown = "u"
            value = "sin(x + y - 2*t)"
            [[boundary]]
            on = "rest"
            unknown = "v"
            value = "sin(x + y - 2*t)"
            [time]
            end = 0.5
            step = 0.02
            [initial]
            u = "sin(x + y)"
            v = "sin(x + y)"
            [verify]
            unknown = "v"
            exact = "sin(x + y - 2*t)"
            max_l2_error = 2e-3
        """
        deck = self.deck(text)
        for method in ("bdf2", "sdirk3", "imex3"):
            for ranks in (1, 3):
                result = self.solve(deck, f"time.method={method}", ranks=ranks,
                                    output=f"{method} {ranks}")
                self.assertIn("SUPG on", result.output)
        # tau b would be part of the mass matrix.
        wind = self.deck(text.replace("advection = [1.0, 1.0]", 'advection = ["1 + 0.1*u", 1.0]'),
                         "wind.toml")
        refused = self.solve(wind, "time.method=imex2", expect=2, output="refused")
        self.assertIn("(that of u does, by SUPG's part with the velocity and the reaction)", refused.output)


class Imex(Case):
    GRAY_SCOTT = ("mesh.cells=[16,16]", "time.end=40", "output.every=40", "time.tolerance=1e-3",
                  "output.fields=false", "solver.tolerance=1e-10")

    def solve(self, deck, *settings, **options):
        arguments = [part for one in settings for part in ("--set", one)]
        return self.run_deck(deck, *arguments, **options)

    def fixed_steps(self):
        """Gray-Scott without adaptive steps."""
        text = (SOURCE / "configs" / "gray-scott.toml").read_text()
        text = text.replace("tolerance = 1e-3\nmax_step = 10.0\n", "")
        self.assertNotIn("max_step", text)
        return self.deck(text)

    def test_gray_scott_as_bdf2_with_one_matrix_and_no_newton(self):
        deck = self.fixed_steps()
        settings = ("mesh.cells=[16,16]", "time.end=40", "output.every=40", "output.fields=false",
                    "solver.tolerance=1e-10")
        reference = self.solve(deck, "time.method=bdf4", "time.step=0.25",
                               "nonlinear.tolerance=1e-9", *settings, output="reference")
        exact = reference.value("integrals.csv", "amount of v")
        errors = {}
        for method, step, ranks in (("bdf2", 0.5, 2), ("imex2", 1.0, 1), ("imex2", 0.5, 1),
                                    ("imex2", 0.5, 3), ("imex3", 0.5, 2)):
            result = self.solve(deck, f"time.method={method}", f"time.step={step}", *settings,
                                ranks=ranks, output=f"{method} {step} {ranks}")
            errors[method, step, ranks] = result.value("integrals.csv", "amount of v") / exact - 1
            if method == "bdf2":
                continue
            stages = 2 if method == "imex2" else 4
            n = round(40 / step)
            self.assertIn("u, v, linear with reaction and source explicit, symmetric", result.output)
            self.assertRegex(result.output, rf"{n} steps, {stages}\.00 Newton")
            self.assertRegex(result.output, rf"{stages * n} linear systems .*: 1 Jacobians and 1 "
                                            "preconditioner made")
        # Second order: a quarter of the error with half of the step.
        ratio = errors["imex2", 1.0, 1] / errors["imex2", 0.5, 1]
        self.assertGreater(ratio, 3.0)
        self.assertLess(ratio, 5.3)
        self.assertLess(abs(errors["imex2", 0.5, 1]), 2e-3)
        self.assertLess(abs(errors["bdf2", 0.5, 2]), 2e-3)
        self.assertLess(abs(errors["imex3", 0.5, 2]), abs(errors["imex2", 0.5, 1]) / 5)
        self.assertAlmostEqual(errors["imex2", 0.5, 1], errors["imex2", 0.5, 3], delta=1e-7)

    def test_steps_adapt(self):
        deck = SOURCE / "configs" / "gray-scott.toml"
        for method in ("imex2", "imex3"):
            result = self.solve(deck, f"time.method={method}", "mesh.cells=[8,8]", "time.end=40",
                                "output.every=40", "output.fields=false", ranks=2, output=method)
            rows = history(result)
            self.assertLessEqual(max(row["error"] for row in rows), 1.0)
            self.assertGreater(max(row["dt"] for row in rows), min(row["dt"] for row in rows))

    def test_linear_equations_take_the_assembled_path_and_say_so(self):
        deck = self.deck(HEAT)
        result = self.solve(deck, "time.method=imex2", "space.degree=2", ranks=2)
        self.assertIn("operator: assembled (an imex method)", result.output)
        self.assertAlmostEqual(history(result)[-1]["max_u"], 1.0, delta=1e-7)
        for option in ("solver.operator=matrix-free", "solver.preconditioner=multigrid"):
            result = self.solve(deck, "time.method=imex2", option, expect=2, output=option)
            self.assertIn("do not go with an imex method", result.output)

    def test_advection_can_be_explicit(self):
        """With advection explicit the matrix is symmetric, and the solution the same."""
        deck = self.deck(HEAT.replace('"heat"', '"advection-diffusion-reaction"\n    advection = [1, 0]')
                         .replace("flux = 0.0", "value = 0.0"))
        values = []
        for terms, kind in (('["source"]', "source explicit:"),
                            ('["advection", "source"]', "advection and source explicit, symmetric:")):
            result = self.solve(deck, "time.method=imex3", f"time.explicit={terms}", "time.step=0.02",
                                output=kind[:6])
            self.assertIn("u, linear with " + kind, result.output)
            values.append(history(result)[-1]["max_u"])
        self.assertAlmostEqual(values[0], values[1], delta=1e-5)

    def test_a_capacity_that_changes_is_refused(self):
        for capacity in ("1 + u", "1 + t"):
            deck = self.deck(HEAT.replace("source = 1.0", f'source = 1.0\n    capacity = "{capacity}"'))
            result = self.solve(deck, 'time.method="imex2"', expect=2, output=capacity)
            self.assertIn("needs a capacity that depends on neither t nor an unknown", result.output)


class Paths(Case):
    def test_heat_on_hexes_with_and_without_a_matrix(self):
        deck = self.deck(HEAT.replace("cells = [8, 8]", "cells = [4, 4, 4]")
                         .replace("flux = 0.0", 'value = "x*t"')
                         .replace("u = 0.0", 'u = "sin(pi*x)*y"'))
        values = {}
        for operator in ("assembled", "matrix-free"):
            for ranks in (1, 2):
                result = self.run_deck(deck, "--set", f"solver.operator={operator}", "--set",
                                       "space.degree=2", "--set", "solver.tolerance=1e-10",
                                       ranks=ranks, output=f"{operator} {ranks}")
                self.assertEqual("matrix-free:" in result.output, operator == "matrix-free")
                values[operator, ranks] = [row["max_u"] for row in history(result)]
        reference = values["assembled", 1]
        self.assertEqual(len(reference), 10)
        for other in values.values():
            for a, b in zip(reference, other):
                self.assertAlmostEqual(a, b, delta=1e-8)  # 100 times the solver's tolerance

    def test_terms_that_change_with_time_change_on_both_paths(self):
        """Every term on its own: a term taken once for all times ends beside the other path."""
        base = HEAT.replace("flux = 0.0", "value = 0.0")
        robin = "robin = { coefficient = \"1 + 5*t\", ambient = 1.0 }"
        terms = {"capacity": base.replace("source = 1.0", 'source = 1.0\n    capacity = "1 + 40*t"'),
                 "diffusion": base.replace("source = 1.0", 'source = 1.0\n    diffusion = "1 + 9*t"'),
                 "source": base.replace("source = 1.0", 'source = "1 + 40*t"'),
                 "robin": base.replace("value = 0.0", robin),
                 # Undefined before the start: derivatives in time must not look there.
                 "value": base.replace("value = 0.0", 'value = "x*t^1.5"')}
        for name, text in terms.items():
            self.assertNotEqual(text, base)
            deck = self.deck(text, f"{name}.toml")
            plain, free = ([row["max_u"] for row in history(self.run_deck(
                deck, "--set", f"solver.operator={operator}", "--set", "solver.tolerance=1e-10",
                "--set", "time.method=crank-nicolson", ranks=2, output=f"{name} {operator}"))]
                           for operator in ("assembled", "matrix-free"))
            for a, b in zip(plain, free):
                self.assertAlmostEqual(a, b, delta=1e-8, msg=name)

    def test_first_derivative_sees_moving_boundary_values(self):
        """u = t and u = t^2 are solved exactly by schemes that start from the first derivative, if
        that includes what moving boundary values do to their neighbours."""
        heat = HEAT.replace("flux = 0.0", 'value = "t"') + '    [verify]\n    exact = "t"\n'
        wave = (heat.replace('"heat"', '"wave"').replace('"t"', '"t^2"')
                .replace("source = 1.0", "source = 2.0"))
        for name, text, method in (("heat", heat, "crank-nicolson"), ("wave", wave, "newmark")):
            deck = self.deck(text + "    max_l2_error = 1e-8\n", f"{name}.toml")
            for operator in ("assembled", "matrix-free"):
                self.run_deck(deck, "--set", f"time.method={method}", "--set",
                              f"solver.operator={operator}", ranks=2, output=f"{name} {operator}")

    def test_no_operator_is_exchanged_silently(self):
        deck = self.deck(HEAT.replace('"heat"', '"advection-diffusion-reaction"\n    advection = [1, 0]'))
        for option in ("solver.operator=matrix-free", "solver.preconditioner=multigrid"):
            result = self.run_deck(deck, "--set", option, expect=2, output=option)
            self.assertIn("symmetric", result.output)
        deck = (SOURCE / "configs" / "cahn-hilliard.toml").read_text()  # one algebraic equation
        result = self.run_deck(self.deck(deck, "algebraic.toml"), "--set",
                               "solver.operator=matrix-free", expect=2, output="algebraic")
        self.assertIn("every unknown has its derivative in time", result.output)
        deck = HEAT.replace("source = 1.0", 'diffusion = "1 + u^2"')
        result = self.run_deck(self.deck(deck, "unsymmetric.toml"), "--set",
                               "solver.preconditioner=multigrid", expect=2, output="unsymmetric")
        self.assertIn("symmetric and positive", result.output)

    ELASTIC = """
        deck_version = 1
        [mesh]
        kind = "box"
        cells = [4, 3, 3]
        distortion = "random"
        distortion_amount = 0.3
        [space]
        degree = 2
        [equation]
        kind = "elasticity"
        youngs_modulus = 2.0
        poissons_ratio = 0.3
        body_force = [0.0, "1 + x", -1.0]
        [[boundary]]
        on = ["left"]
        displacement = [0.0, "0.1*y", "free"]
        [[boundary]]
        on = ["bottom"]
        symmetry = true
        [[boundary]]
        on = ["rest"]
        traction = [0.1, 0.0, 0.0]
        [[probe]]
        name = "end"
        at = [0.9, 0.6, 0.4]
        [solver]
        tolerance = 1e-11
        """

    def both_operators(self, deck, name, *arguments):
        """The assembled run, and those without a matrix on 1 to 4 ranks."""
        runs = [self.run_deck(deck, "--set", "solver.operator=assembled", *arguments, ranks=1,
                              output=f"{name} assembled")]
        for ranks in (1, 2, 3, 4):
            runs.append(self.run_deck(deck, "--set", "solver.operator=matrix-free", *arguments,
                                      ranks=ranks, output=f"{name} {ranks}"))
            self.assertIn("matrix-free: ", runs[-1].output)
            self.assertNotIn("assembling", runs[-1].output)
        self.assertNotIn("matrix-free: ", runs[0].output)
        return runs

    def test_elasticity_with_and_without_a_matrix(self):
        for name, text in (("constant", self.ELASTIC),
                           ("graded", self.ELASTIC.replace("= 2.0", '= "2 + x*y"'))):
            reference, *others = self.both_operators(self.deck(text, f"{name}.toml"), name)
            for other in others:
                self.assertIn("cg+multigrid", other.output)
                (row,), (expected,) = other.table("probes.csv"), reference.table("probes.csv")
                for component in ("ux", "uy", "uz"):
                    self.assertAlmostEqual(float(row[component]), float(expected[component]),
                                           delta=1e-8, msg=component)

    def test_elastic_waves_with_and_without_a_matrix(self):
        text = self.ELASTIC.replace("poissons_ratio = 0.3", "poissons_ratio = 0.3\n density = 1.5")
        text += """
        [time]
        method = "newmark"
        end = 0.2
        step = 0.02
        [initial]
        ux = 0.0
        uy = "0.1*y*(1 - x)"
        uz = 0.0
        """
        reference, *others = self.both_operators(self.deck(text), "waves")
        for other in others:
            for row, expected in zip(history(other), history(reference), strict=True):
                for column in row:
                    if column.startswith(("max_", "min_")):
                        self.assertAlmostEqual(float(row[column]), float(expected[column]),
                                               delta=1e-8, msg=column)

    def test_nonlinear_equations_with_and_without_a_matrix(self):
        """Newton steps: the operator and the levels of its multigrid know the state."""
        text = (SOURCE / "configs" / "bratu.toml").read_text()
        for degree in (1, 3):
            reference, *others = self.both_operators(self.deck(text), f"bratu {degree}", "--set",
                                                     f"space.degree={degree}")
            pattern = r"max ([0-9.]+) at"
            expected = re.search(pattern, reference.output).group(1)
            for other in others:
                self.assertEqual(re.search(pattern, other.output).group(1), expected)
                self.assertIn("cg+multigrid", other.output)

    def test_more_ranks_than_cells(self):
        for name, text in (("line", HEAT.replace("[8, 8]", "[2]")),
                           ("two unknowns", (SOURCE / "configs" / "brusselator.toml").read_text())):
            deck = self.deck(text, f"{name}.toml")
            arguments = ("--set", "mesh.cells=[2]", "--set", "probe=[]", "--set", "time.end=0.05",
                         "--set", "time.step=0.025", "--set", "output.every=0.025")
            alone, many = (history(self.run_deck(deck, *arguments, ranks=ranks,
                                                 output=f"{name} {ranks}")) for ranks in (1, 4))
            self.assertEqual(len(alone), len(many))
            for column in alone[-1]:
                if column.startswith("max"):
                    self.assertAlmostEqual(alone[-1][column], many[-1][column], delta=1e-5)


class Series(Case):
    def test_times_are_hit_exactly(self):
        # 0.15 is no multiple of the step, 0.07 none of anything.
        for every, start in ((0.15, 0.0), (0.07, 0.5)):
            result = self.run_deck(self.deck(HEAT), "--set", f"output.every={every}", "--set",
                                   f"time.start={start}", ranks=2, output=f"every {every}")
            expected = [start + k * every for k in range(100) if start + k * every < 1.0] + [1.0]
            self.assertEqual([time for _, time in series(result)], expected)
            times = [row["time"] for row in history(result)]
            self.assertTrue(set(expected[1:]) <= set(times))
            self.assertLessEqual(max(row["dt"] for row in history(result)), 0.1 * (1 + 1e-9))
            self.assertAlmostEqual(history(result)[-1]["max_u"], 1.0 - start, delta=1e-7)

    def test_a_multiple_next_to_the_end_is_the_end(self):
        # 100 * 0.29 is 28.999999999999996.
        result = self.run_deck(self.deck(HEAT), "--set", "time.end=29", "--set", "time.step=1",
                               "--set", "output.every=0.29")
        self.assertEqual(len(series(result)), 101)
        self.assertEqual(series(result)[-1][1], 29.0)
        self.assertGreater(min(row["dt"] for row in history(result)), 0.28)

    def test_every_steps_and_stop_at_a_written_time(self):
        result = self.run_deck(self.deck(HEAT), "--set", "output.every_steps=3", "--set",
                               "time.stop_when=max(u) > 0.55")
        times = [time for _, time in series(result)]
        self.assertEqual(len(times), len(set(times)))
        for time, expected in zip(times, (0.0, 0.3, 0.6), strict=True):
            self.assertAlmostEqual(time, expected, delta=1e-12)
        self.assertEqual(result.status()["solver"], "stop_when")

    def test_overwrite_removes_an_earlier_series(self):
        deck = self.deck(HEAT)
        self.run_deck(deck, "--set", "output.every=0.1")
        (self.folder / "out" / "results-mine.vtkhdf").write_text("not ours")
        result = self.run_deck(deck, "--overwrite", "--set", "output.every=0.5")
        found = sorted(path.name for path in result.folder.glob("results*"))
        self.assertEqual(found, ["results-000000.vtkhdf", "results-000001.vtkhdf",
                                 "results-000002.vtkhdf", "results-mesh.vtkhdf",
                                 "results-mine.vtkhdf", "results.vtkhdf.series"])


class Start(Case):
    def test_unknowns_without_a_derivative_follow_the_others_at_once(self):
        """mu = c^3 - c - epsilon^2 lap(c) of the first frame, which no [initial] gives: nodal up to
        the error of degree 2, which falls with its order."""
        errors = []
        for cells in (8, 16):
            run = self.run_deck(SOURCE / "configs" / "cahn-hilliard.toml", "--set",
                                f"mesh.cells=[{cells},{cells}]", "--set", "initial.c=cos(pi*x)",
                                "--set", "time.end=1e-5", "--set", "output.every=1e-5", "--set",
                                "integral=[]", ranks=2, output=f"cells{cells}")
            points, data = point_data(run.folder / "results-000000.vtkhdf")
            errors.append(max(abs(value - (c**3 - c + (0.03 * math.pi)**2 * c))
                              for value, c in zip(data["mu"], (math.cos(math.pi * p[0]) for p in points))))
        self.assertLess(errors[0], 5e-3)
        self.assertGreater(errors[0] / errors[1], 3.5)  # at least h^2

    def test_unknowns_that_rest_at_zero_do_not_hold_steps_up(self):
        """An even mixture stays one: what is estimated is round-off, and steps grow to the longest
        allowed, 2e-3 until 0.1."""
        run = self.run_deck(SOURCE / "configs" / "cahn-hilliard.toml", "--set", "mesh.cells=[8,8]",
                            "--set", "initial.c=0", "--set", "initial.mu=1", "--set", "integral=[]",
                            ranks=2)
        rows = history(run)
        self.assertAlmostEqual(rows[-1]["time"], 0.1)
        self.assertLess(rows[-1]["step"], 70)
        for name in ("min_c", "max_c", "min_mu", "max_mu"):
            self.assertAlmostEqual(rows[-1][name], 0.0, delta=1e-12)


class Ends(Case):
    def test_steady(self):
        deck = self.deck(HEAT.replace("flux = 0.0", "value = 0.0"))
        result = self.run_deck(deck, "--set", "time.end=100", "--set", "time.steady_tolerance=1e-6",
                               "--set", "space.degree=2", ranks=2)
        self.assertEqual(result.status()["solver"], "steady")
        rows = history(result)
        self.assertLess(rows[-1]["time"], 10)
        # Poisson's equation on the unit square has 0.0736714 in the middle (Fourier series); degree 2
        # on 8 x 8 cells is below a thousandth of that.
        self.assertAlmostEqual(rows[-1]["max_u"], 0.0736714, delta=7e-5)

    def test_rejected_steps_leave_no_trace(self):
        # A front passes at t = 0.5: long steps before it are rejected there, and the run goes on.
        deck = self.deck(HEAT.replace("source = 1.0", 'source = "100*exp(-((t - 0.5)/0.01)^2)"'))
        result = self.run_deck(deck, "--set", "time.tolerance=1e-4", "--set", "time.max_step=0.1",
                               ranks=2)
        self.assertRegex(result.output, r"\(\d+ rejected\)")
        rows = history(result)
        times = [row["time"] for row in rows]
        self.assertEqual(times, sorted(set(times)))
        self.assertEqual(times[-1], 1.0)
        # Its integral is sqrt(pi); some hundred steps with a local error of 1e-4 each.
        self.assertAlmostEqual(rows[-1]["max_u"], math.sqrt(math.pi), delta=1e-2 * math.sqrt(math.pi))

    def test_walltime_without_checkpoints(self):
        result = self.run_deck(self.deck(HEAT), "--set", "time.end=1e6", "--set",
                               "limits.walltime=1", "--set", "output.every_steps=1000", "--set",
                               "checkpoint.write=false", ranks=2, expect=4)
        self.assertEqual(result.output.count("limits.walltime is over at t ="), 1, result.output)
        self.assertEqual(history(result)[-1]["time"], series(result)[-1][1])


class Failures(Case):
    def test_not_finite_in_the_middle(self):
        """Told with term, place, time and values; what was reached is there."""
        deck = self.deck(HEAT.replace("source = 1.0", 'source = "sqrt(0.45 - t)"'))
        for operator, parts in (("assembled", ("f0 of u is nan at (", "t = 0.45000", "dx(u) =")),
                                ("matrix-free", ("t = 0.5 ", "source is not a finite number at ("))):
            for ranks in (1, 3):
                result = self.run_deck(deck, "--set", f"solver.operator={operator}", "--set",
                                       "output.every=0.1", ranks=ranks, expect=5,
                                       output=f"{operator} {ranks}")
                self.assertEqual(result.output.count("could not be solved: "), 1, result.output)
                # Steps that were tried again are told once.
                self.assertLessEqual(result.output.count("tried again"), 1, result.output)
                for part in parts:
                    self.assertIn(part, result.output)
                last = series(result)[-1][1]
                self.assertEqual(last, history(result)[-1]["time"])
                self.assertGreaterEqual(last, 0.3999)
                self.assertLess(last, 0.4501)

    def test_prescribed_value_not_finite_in_the_middle(self):
        deck = self.deck(HEAT.replace("flux = 0.0", 'value = "sqrt(0.45 - t)"'))
        for operator in ("assembled", "matrix-free"):
            result = self.run_deck(deck, "--set", f"solver.operator={operator}", ranks=2, expect=5,
                                   output=operator)
            self.assertRegex(result.output, r"t = 0.5 could not be solved: the value prescribed")
            self.assertEqual(len(history(result)), 4)

    def test_unstable_explicit_steps_are_told(self):
        wave = HEAT.replace('"heat"', '"wave"').replace("u = 0.0", 'u = "cos(pi*x)"')
        for name, text, method in (("wave", wave, "leapfrog"), ("heat", HEAT, "rk4")):
            deck = self.deck(text.replace("source = 1.0", 'source = "x"'), f"{name}.toml")
            for operator in ("assembled", "matrix-free"):
                result = self.run_deck(deck, "--set", f"time.method={method}", "--set",
                                       "time.step=0.4", "--set", "time.end=4000", "--set",
                                       f"solver.operator={operator}", ranks=2, expect=5,
                                       output=f"{name} {operator}")
                self.assertEqual(result.output.count("could not be solved: "), 1, result.output)

    def test_newton_fails(self):
        """Beyond Bratu's fold there is no solution; in time the reaction runs away."""
        deck = SOURCE / "configs" / "bratu.toml"
        for ranks in (1, 3):
            result = self.run_deck(deck, "--set", "parameters.lambda=7", "--set", "mesh.cells=[8,8]",
                                   ranks=ranks, expect=4, output=f"bratu {ranks}")
            self.assertEqual(result.output.count("Newton's method ended: "), 1)
            self.assertIn("largest in the equation of u at (", result.output)
            self.assertIn("try:", result.output)
            self.assertGreater(len(result.table("newton.csv")), 3)
            self.assertTrue((result.folder / "results.vtkhdf").exists())
        # du/dt = u^2, u(0) = 1 is 1/(1 - t): no step leads past t = 1.
        deck = self.deck(HEAT.replace("source = 1.0", 'source = "u^2"').replace("u = 0.0", "u = 1.0"))
        result = self.run_deck(deck, "--set", "time.end=2", "--set", "time.method=bdf1", "--set",
                               "output.every_steps=5", ranks=2, expect=4, output="blow-up")
        self.assertEqual(result.output.count("tried again"), 1, result.output)
        self.assertEqual(result.output.count("could not be solved: "), 1, result.output)
        rows = history(result)
        self.assertEqual(series(result)[-1][1], rows[-1]["time"])
        self.assertGreater(rows[-1]["max_u"], 10)

    def test_decks_that_cannot_be_run(self):
        initial = self.deck(HEAT.replace("    [initial]\n    u = 0.0\n", ""))
        self.assertRegex(self.run_deck(initial, expect=2).output, r"deck\.toml:\d+:\d+: initial\.u is missing")
        second = self.deck(HEAT.replace("step = 0.1", 'step = 0.1\n    method = "newmark"'))
        self.assertRegex(self.run_deck(second, expect=2).output, r"deck\.toml:\d+:\d+: .*newmark")

    def test_symmetry_on_a_set_around_a_corner(self):
        deck = self.deck(BOX.replace('"poisson"\n    source = 1.0',
                                     '"elasticity"\n    youngs_modulus = 1\n    poissons_ratio = 0.3')
                         .replace("value = 0.0", "symmetry = true"))
        for ranks in (1, 3):
            result = self.run_deck(deck, ranks=ranks, expect=2, output=f"out {ranks}")
            self.assertRegex(result.output, r"deck\.toml:\d+:\d+: boundary\.symmetry on")

    def test_disk_is_full_in_the_middle_of_a_series(self):
        disk = self.small_disk("1m")
        deck = self.deck(HEAT)
        for ranks in (1, 3):
            # Points at random, which cannot be compressed much: some 500 kB for the mesh and 150 kB
            # a file.
            code, text = self.call("run", deck, "--overwrite", "--set", f"output.directory={disk / 'out'}",
                                   "--set", "mesh.cells=[150,150]", "--set", "mesh.distortion=random",
                                   "--set", "mesh.distortion_amount=0.3", "--set", "output.every=0.1",
                                   ranks=ranks)
            self.assertEqual(code, 7, text)
            index = json.loads((disk / "out" / "results.vtkhdf.series").read_text())
            files = sorted(path.name for path in (disk / "out").glob("results-0*.vtkhdf"))
            self.assertGreaterEqual(len(files), 2)
            self.assertEqual([one["name"] for one in index["files"]], files)
            for name in files:
                self.assertEqual((disk / "out" / name).read_bytes()[1:4], b"HDF")
                # The field without the mesh; the first one, u = 0, is short.
                self.assertGreater((disk / "out" / name).stat().st_size, 20_000)
            with open(disk / "out" / "history.csv", newline="") as file:
                self.assertGreaterEqual(len(list(csv.DictReader(file))), len(files) - 1)


if __name__ == "__main__":
    unittest.main()
