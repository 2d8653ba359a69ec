"""Stresses, orthotropic and axisymmetric bodies: whole runs against closed forms."""

import math
import unittest

import numpy

from harness import BOX, SOURCE, Case
from vtk_results import point_data

PATCH = """
    deck_version = 1
    [mesh]
    kind = "box"
    cells = [3, 4]
    distortion = "random"
    distortion_amount = 0.3
    [equation]
    kind = "elasticity"
    youngs_modulus = 200.0
    poissons_ratio = 0.25
    [[boundary]]
    on = ["rest"]
    displacement = ["0.3*x - 0.1*y", "0.2*x + 0.4*y"]
    [solver]
    preconditioner = "direct"
    [[probe]]
    name = "inside"
    at = [0.37, 0.61]
"""


class Stress(Case):
    def test_constant_stress_everywhere_on_1_to_4_ranks(self):
        """A linear displacement: lambda = mu = 80, strains 0.3, 0.4 and 0.1 (twice 0.05)."""
        expected = {"sxx": 80 * 0.7 + 160 * 0.3, "syy": 80 * 0.7 + 160 * 0.4, "szz": 80 * 0.7,
                    "sxy": 80 * 0.1}
        deviator = (expected["sxx"] - expected["syy"])**2 + (expected["syy"] - expected["szz"])**2 + (
            expected["szz"] - expected["sxx"])**2
        expected["von_mises"] = math.sqrt(deviator / 2 + 3 * expected["sxy"]**2)
        cases = [("quad", 1, 1), ("quad", 1, 2), ("quad", 1, 3), ("quad", 1, 4), ("quad", 3, 2),
                 ("tri", 1, 3), ("tri", 2, 2)]
        for cells, degree, ranks in cases:
            with self.subTest(cells=cells, degree=degree, ranks=ranks):
                result = self.run_deck(self.deck(PATCH), "--set", f'mesh.cell_type="{cells}"', "--set",
                                       f"space.degree={degree}", ranks=ranks,
                                       output=f"{cells}{degree}{ranks}")
                _, data = point_data(result.folder / "results.vtkhdf")
                self.assertEqual(set(data), {"ux", "uy"} | set(expected))
                row = result.table("probes.csv")[0]
                for name, value in expected.items():
                    # Direct solver; derivatives on cells of the size 0.2 leave some round-off.
                    numpy.testing.assert_allclose(data[name], value, rtol=1e-11, err_msg=name)
                    self.assertAlmostEqual(float(row[name]), value, delta=1e-9)

    def test_it_can_be_left_out(self):
        result = self.run_deck(self.deck(PATCH), "--set", "output.stress=false")
        _, data = point_data(result.folder / "results.vtkhdf")
        self.assertEqual(set(data), {"ux", "uy"})
        self.assertNotIn("sxx", result.table("probes.csv")[0])

    def test_every_file_of_a_series_has_it(self):
        deck = self.deck(PATCH.replace("poissons_ratio = 0.25", "poissons_ratio = 0.25\n    density = 1")
                         + """
    [time]
    end = 0.2
    step = 0.1
    [initial]
    ux = "0.3*x - 0.1*y"
    uy = "0.2*x + 0.4*y"
    """)
        result = self.run_deck(deck, "--set", "output.every=0.1")
        for number in range(3):
            _, data = point_data(result.folder / f"results-{number:06}.vtkhdf")
            numpy.testing.assert_allclose(data["syy"], 120.0, rtol=1e-8)

    def test_own_fields_and_what_is_wrong_about_them(self):
        """The flux of u = x^2 with K = 2 - x; degree 2 has its gradient exactly."""
        deck = """
            deck_version = 1
            [mesh]
            kind = "box"
            cells = [5, 2]
            [space]
            degree = 2
            [equation]
            kind = "poisson"
            diffusion = "2 - x"
            source = "-4 + 4*x"
            [[boundary]]
            on = ["rest"]
            value = "x^2"
            [[output.field]]
            name = "flux_x"
            value = "-(2 - x)*dx(u)"
            [[output.field]]
            name = "square"
            value = "u^2 + 0*t"
            [[probe]]
            name = "p"
            at = [0.3, 0.4]
            [verify]
            [[verify.probe]]
            name = "p"
            of = "flux_x"
            expected = -1.02
            tolerance = 0.01
        """
        reference = None
        for ranks in (1, 3):
            result = self.run_deck(self.deck(deck), ranks=ranks, output=f"ranks{ranks}")
            self.assertIn("probe p flux_x = -1.0", result.output)
            points, data = point_data(result.folder / "results.vtkhdf")
            self.assertEqual(set(data), {"u", "flux_x", "square"})
            # Fitted linearly in cells of the length 1/5: their middle is at most 0.2^2/12 off and
            # their ends 0.2^2/6 (twice x^2: the coefficient of the quadratic part).
            exact = -(2 - points[:, 0]) * 2 * points[:, 0]
            self.assertLess(numpy.abs(data["flux_x"] - exact).max(), 2 * 0.04 / 6 + 1e-9)
            row = result.table("probes.csv")[0]
            self.assertEqual(list(row), ["name", "x", "y", "value", "flux_x", "square"])
            reference = reference or row
            self.assertAlmostEqual(float(row["flux_x"]), float(reference["flux_x"]), delta=1e-7)
        for wrong, fragment in ((("dx(u)\"", "dt(u)\""), "fields know no rates"),
                                (("dx(u)\"", "dx(w)\""), "output.field[0].value"),
                                (('name = "square"', 'name = "u"'), "is written anyway"),
                                (('name = "square"', 'name = "a b"'), "no name for a field"),
                                (('name = "square"', 'name = "flux_x"'), "is taken"),
                                (('of = "flux_x"', 'of = "flux_y"'), 'did you mean "flux_x"')):
            code, text = self.call("check", self.deck(deck.replace(*wrong)), ranks=0)
            self.assertEqual(code, 2, text)
            self.assertIn(fragment, text)

    def test_jump_between_two_materials(self):
        """Two layers in series under the same load: sxx is the same, syy of plane strain is not."""
        mesh = """
            $MeshFormat
            2.2 0 8
            $EndMeshFormat
            $PhysicalNames
            4
            1 1 "left"
            1 2 "right"
            2 3 "soft"
            2 4 "hard"
            $EndPhysicalNames
            $Nodes
            6
            1 0 0 0
            2 1 0 0
            3 2 0 0
            4 0 1 0
            5 1 1 0
            6 2 1 0
            $EndNodes
            $Elements
            4
            1 1 2 1 1 1 4
            2 1 2 2 2 3 6
            3 3 2 3 3 1 2 5 4
            4 3 2 4 4 2 3 6 5
            $EndElements
        """
        (self.folder / "two.msh").write_text("\n".join(line.strip() for line in mesh.split("\n")).lstrip())
        deck = self.deck("""
            deck_version = 1
            [mesh]
            kind = "file"
            file = "two.msh"
            refine = 2
            [equation]
            kind = "elasticity"
            youngs_modulus = 200.0
            poissons_ratio = 0.25
            [[material]]
            region = "hard"
            youngs_modulus = 400.0
            [[boundary]]
            on = ["left"]
            symmetry = true
            [[boundary]]
            on = ["rest"]
            displacement = ["free", 0.0]
            [[boundary]]
            on = ["right"]
            traction = [24.0, 0.0]
            [[boundary]]
            on = ["right"]
            displacement = ["free", 0.0]
            [solver]
            preconditioner = "direct"
            [[output.field]]
            name = "strain"
            value = "dx(ux)"
            [[probe]]
            name = "soft"
            at = [0.99, 0.5]
            [[probe]]
            name = "hard"
            at = [1.01, 0.5]
        """)
        # (lambda + 2 mu) = 240 and 480.
        for ranks in (1, 2, 4):
            result = self.run_deck(deck, ranks=ranks, output=f"ranks{ranks}")
            rows = {row["name"]: row for row in result.table("probes.csv")}
            self.assertAlmostEqual(float(rows["soft"]["strain"]), 0.1, delta=1e-10)
            self.assertAlmostEqual(float(rows["hard"]["strain"]), 0.05, delta=1e-10)
            points, data = point_data(result.folder / "results.vtkhdf")
            numpy.testing.assert_allclose(data["sxx"], 24.0, rtol=1e-10)
            # On the border the file has the values of the region that comes first.
            expected = numpy.where(points[:, 0] < 1 + 1e-9, 0.1, 0.05)
            numpy.testing.assert_allclose(data["strain"], expected, rtol=1e-9)


class Supports(Case):
    def test_free_motions_are_told(self):
        """Also where the solver fails or finds one of the solutions: exit codes 0 and 4."""
        sides = {"left": "pressure = 0.0", "right": "pressure = 0.0", "bottom": "pressure = 0.0",
                 "top": "pressure = 0.0"}
        fixed = "displacement = [0.0, 0.0]"
        cases = [({}, "moving along x, along y and around one axis"), ({"left": "symmetry = true"}, "along y:"),
                 ({"left": 'displacement = [0.0, "free"]', "bottom": "symmetry = true"}, None),
                 ({"left": fixed}, None)]
        for number, (change, told) in enumerate(cases):
            text = PATCH[:PATCH.index("[[boundary]]")].replace("distortion", "# distortion")
            for side, condition in (sides | change).items():
                text += f'[[boundary]]\n    on = ["{side}"]\n    {condition}\n    '
            text += '[solver]\n    preconditioner = "direct"\n'
            for ranks in (1, 3):
                code, output = self.call("run", self.deck(text), "--set",
                                         f"output.directory={self.folder}/{number}{ranks}", ranks=ranks)
                self.assertIn(code, (0, 4), output)
                if told is None:
                    self.assertNotIn("nothing holds", output)
                else:
                    self.assertIn("nothing holds the body against moving", output)
                    self.assertIn(told, output)


class ThermoElastic(Case):
    def test_imex_leaves_the_body_in_balance(self):
        """Of the worked strip, whose heat is all that changes: imex2 comes to sdirk3's displacements
        with the second order."""
        strip = SOURCE / "configs" / "thermo-elastic.toml"

        def bend(method, step):
            run = self.run_deck(strip, "--set", f"time.method={method}", "--set",
                                f"time.step={step}", "--set", "time.end=0.2", "--set",
                                "output.fields=false", "--set", "verify.probe=[]", ranks=2,
                                output=f"{method} {step}")
            return float(run.table("history.csv")[-1]["min_uy"])

        exact = bend("sdirk3", 0.005)
        coarse, fine = (abs(bend("imex2", step) - exact) for step in (0.02, 0.01))
        self.assertLess(coarse, 1e-3 * abs(exact))
        self.assertGreater(coarse / fine, 3.5)  # 4
        self.assertLess(coarse / fine, 4.7)

    FREE = """
        deck_version = 1
        [mesh]
        kind = "box"
        cells = [6, 3]
        [space]
        degree = 2
        [equation]
        kind = "thermo-elasticity"
        plane = "stress"
        youngs_modulus = 1000.0
        poissons_ratio = 0.3
        thermal_expansion = 1e-3
        reference_temperature = 20.0
        [equation.T]
        diffusion = "1 + 0*y"
        [[boundary]]
        on = ["left"]
        displacement = ["-1e-3*50*y^2", "free"]
        [[boundary]]
        on = ["bottom"]
        symmetry = true
        [[boundary]]
        on = ["rest"]
        pressure = 0.0
        [[boundary]]
        unknown = "T"
        on = ["left"]
        value = 20.0
        [[boundary]]
        unknown = "T"
        on = ["right"]
        flux = 100.0
        [[boundary]]
        unknown = "T"
        on = ["rest"]
        flux = 0.0
        [solver]
        tolerance = 1e-12
        [[probe]]
        name = "p"
        at = [0.7, 0.4]
    """

    def test_the_first_frame_is_in_balance(self):
        """The same temperature as the start of a run in time, which has no stress at first."""
        deck = self.deck(self.FREE.replace('value = 20.0', 'flux = -100.0').replace(
            '[equation.T]', '[equation.T]\n        capacity = 1.0') + """
        [initial]
        T = "20 + 100*x"
        [time]
        end = 0.1
        step = 0.05
        [output]
        every_steps = 1
        """)
        for ranks, how in ((1, "direct"), (3, "amg")):
            result = self.run_deck(deck, "--set", f'solver.preconditioner="{how}"', ranks=ranks,
                                   output=f"frames{ranks}")
            points, first = point_data(result.folder / "results-000000.vtkhdf")
            x, y = points[:, 0], points[:, 1]
            self.assertLess(abs(first["ux"] - 0.05 * (x**2 - y**2)).max(), 1e-9)
            self.assertLess(abs(first["uy"] - 0.1 * x * y).max(), 1e-9)
            self.assertLess(first["von_mises"].max(), 1e-6)

    def test_a_linear_temperature_leaves_no_stress(self):
        """T = 20 + 100 x: ux = alpha 50 (x^2 - y^2), uy = alpha 100 x y, both in the space."""
        for ranks, how in ((1, "direct"), (2, "amg"), (3, "direct"), (4, "amg")):
            result = self.run_deck(self.deck(self.FREE), "--set", f'solver.preconditioner="{how}"',
                                   ranks=ranks, output=f"ranks{ranks}")
            if how == "direct":  # the blocks in their order solve the whole
                self.assertIn("converged: 1 Newton", result.output)
            if how == "amg":  # each group by what fits it
                self.assertIn("T: cg+amg, ux uy: cg+amg", result.output)
            row = result.table("probes.csv")[0]
            self.assertAlmostEqual(float(row["T"]), 90.0, delta=1e-7)
            self.assertAlmostEqual(float(row["ux"]), 0.05 * (0.49 - 0.16), delta=1e-10)
            self.assertAlmostEqual(float(row["uy"]), 0.1 * 0.28, delta=1e-10)
            _, data = point_data(result.folder / "results.vtkhdf")
            for name in ("sxx", "syy", "sxy", "von_mises"):  # 1e-8 of E alpha 100
                numpy.testing.assert_allclose(data[name], 0.0, atol=1e-6, err_msg=name)

    def test_held_and_heated_with_time(self):
        """capacity dT/dt = source: T = t/2; held all round sigma = -E alpha T/(1 - 2 nu)."""
        deck = self.FREE.replace('plane = "stress"', 'plane = "strain"')
        deck = deck.replace("reference_temperature = 20.0", "reference_temperature = 0.0")
        deck = deck[:deck.index("[[boundary]]")].replace(
            'diffusion = "1 + 0*y"', "capacity = 2.0\n        source = 1.0") + """
        [[boundary]]
        on = ["rest"]
        symmetry = true
        [[boundary]]
        unknown = "T"
        on = ["rest"]
        flux = 0.0
        [time]
        end = 3.0
        step = 0.5
        [initial]
        T = 0.0
        [[probe]]
        name = "p"
        at = [0.7, 0.4]
        """
        deck = deck.replace('on = ["rest"]\n        symmetry', 'on = ["left", "right", "bottom", "top"]\n        symmetry')
        for ranks in (1, 3):
            result = self.run_deck(self.deck(deck), "--set", "output.every=1.5", ranks=ranks,
                                   output=f"ranks{ranks}")
            row = result.table("probes.csv")[0]
            self.assertAlmostEqual(float(row["T"]), 1.5, delta=1e-9)
            for name in ("sxx", "syy", "szz"):
                self.assertAlmostEqual(float(row[name]), -1000 * 1e-3 * 1.5 / 0.4, delta=1e-7)
            self.assertTrue((result.folder / "results-000002.vtkhdf").exists())

    def test_pipe_that_is_hot_outside(self):
        """T = 100 ln r/ln 2; hoop stress by Timoshenko and Goodier, section 150, ends held."""
        deck = self.FREE.replace('plane = "stress"', 'plane = "axisymmetric"')
        deck = deck[:deck.index("[[boundary]]")].replace(
            "cells = [6, 3]", "cells = [12, 1]\n        lower = [1.0, 0.0]\n        upper = [2.0, 0.2]")
        deck = deck.replace("degree = 2", "degree = 3").replace("re = 20.0", "re = 0.0") + """
        [[boundary]]
        on = ["bottom", "top"]
        symmetry = true
        [[boundary]]
        on = ["left", "right"]
        pressure = 0.0
        [[boundary]]
        unknown = "T"
        on = ["left"]
        value = 0.0
        [[boundary]]
        unknown = "T"
        on = ["right"]
        value = 100.0
        [[boundary]]
        unknown = "T"
        on = ["rest"]
        flux = 0.0
        [[probe]]
        name = "inside"
        at = [1.0, 0.1]
        """
        row = self.run_deck(self.deck(deck)).table("probes.csv")[0]
        mean = (2 * math.log(2) - 0.75) / math.log(2) * 100  # integral of T r
        self.assertAlmostEqual(float(row["szz"]), 1.0 / 0.7 * 2 / 3 * mean, delta=0.02)
        self.assertAlmostEqual(float(row["sxx"]), 0.0, delta=0.02)

    def test_mistakes(self):
        for wrong, fragment in (
                (("[equation.T]\n        diffusion = \"1 + 0*y\"", ""), "[equation.T] is missing"),
                (("thermal_expansion = 1e-3", ""), "thermal_expansion is missing"),
                (("reference_temperature = 20.0", ""), "needs equation.reference_temperature"),
                (('unknown = "T"\n        on = ["left"]', 'on = ["left"]'), "it needs unknown = \"T\""),
                (('on = ["bottom"]', 'unknown = "T"\n        on = ["bottom"]'), "leave out unknown"),
                (('unknown = "T"\n        on = ["right"]', 'unknown = "ux"\n        on = ["right"]'),
                 "must be \"T\""),
                (("poissons_ratio = 0.3", "poissons_ratio = 0.3\n        density = 1.0"), "does not go with"),
                (("poissons_ratio = 0.3", "poissons_ratio = 0.3\n        temperature = 1.0"),
                 "does not go with")):
            self.assertIn(wrong[0], self.FREE)
            code, text = self.call("check", self.deck(self.FREE.replace(*wrong)), ranks=0)
            self.assertEqual(code, 2, text)
            self.assertIn(fragment, text)


class Axisymmetric(Case):
    def test_flux_alone(self):
        """-div grad u = y - 1/2 without flux: u = y^2/4 - y^3/6 up to a constant, which is exact at
        the nodes, and of mean 0; without balance there is no solution."""
        deck = self.deck(BOX.replace("source = 1.0",
                                     'source = "y - 0.5"\n    coordinates = "axisymmetric"')
                         .replace("value = 0.0", "flux = 0.0"))
        for ranks in (1, 3):
            run = self.run_deck(deck, ranks=ranks, output=f"balanced {ranks}")
            low, high = (float(row["value"]) for row in run.table("extrema.csv"))
            self.assertAlmostEqual(high - low, 1 / 12, delta=1e-8)
            self.assertAlmostEqual(high + low, 0.0, delta=1e-8)
            self.assertIn("the mean of the solution is set to zero", run.output)
        refused = self.run_deck(deck, "--set", "equation.source=1", expect=4, output="unbalanced")
        self.assertIn("no solution exists", refused.output)

    CYLINDER = """
        deck_version = 1
        [mesh]
        kind = "box"
        cells = [8, 2]
        lower = [1.0, 0.0]
        upper = [2.0, 0.5]
        [space]
        degree = 3
        [equation]
        kind = "elasticity"
        youngs_modulus = 1000.0
        poissons_ratio = 0.3
        plane = "axisymmetric"
        [[boundary]]
        on = ["left"]
        pressure = 3.0
        [[boundary]]
        on = ["right"]
        pressure = 0.0
        [[boundary]]
        on = ["bottom", "top"]
        symmetry = true
        [solver]
        tolerance = 1e-12
        [[probe]]
        name = "a"
        at = [1.0, 0.2]
        [[probe]]
        name = "b"
        at = [2.0, 0.2]
        [[integral]]
        name = "volume"
        on = "domain"
        of = "1"
        [[integral]]
        name = "inner surface"
        on = "left"
        of = "1"
    """

    def test_thick_walled_cylinder(self):
        """Lame, held at its ends: u_r = (1 + nu)/E p a^2/(b^2 - a^2) ((1 - 2 nu) r + b^2/r), hoop
        stress p a^2/(b^2 - a^2) (1 + b^2/r^2) (Timoshenko and Goodier, section 28)."""
        for ranks in (1, 2, 3, 4):
            result = self.run_deck(self.deck(self.CYLINDER), ranks=ranks, output=f"ranks{ranks}")
            self.assertIn("symmetric", result.output)
            rows = {row["name"]: row for row in result.table("probes.csv")}
            for name, r in (("a", 1.0), ("b", 2.0)):
                u = 1.3 / 1000 * 3 / 3 * (0.4 * r + 4 / r)
                # Cubic elements of the length 1/8: the error of 1/r is of the order 1e-7.
                self.assertAlmostEqual(float(rows[name]["ux"]), u, delta=1e-6 * u)
                self.assertAlmostEqual(float(rows[name]["szz"]), 1 + 4 / r**2, delta=5e-3)
                self.assertAlmostEqual(float(rows[name]["sxx"]), 1 - 4 / r**2, delta=5e-3)
                self.assertAlmostEqual(float(rows[name]["syy"]), 0.3 * 2, delta=5e-3)
            self.assertAlmostEqual(result.value("integrals.csv", "volume"), math.pi * 3 * 0.5, delta=1e-12)
            self.assertAlmostEqual(result.value("integrals.csv", "inner surface"), math.pi, delta=1e-12)

    def test_solid_body_and_its_axis(self):
        """A bar under pressure on its side: u_r and u_z are linear. Quads and triangles; stresses are
        finite on the axis."""
        deck = self.CYLINDER.replace("lower = [1.0, 0.0]", "lower = [0.0, 0.0]")
        deck = deck.replace('on = ["left"]\n        pressure = 3.0', 'on = ["left"]\n        symmetry = true')
        deck = deck.replace("pressure = 0.0", "pressure = 10.0")
        for cells in ("quad", "tri"):
            for degree in (1, 2):
                result = self.run_deck(self.deck(deck), "--set", f'mesh.cell_type="{cells}"', "--set",
                                       f"space.degree={degree}", output=f"{cells}{degree}")
                rows = {row["name"]: row for row in result.table("probes.csv")}
                # Held along z: e_r = -p (1 - 2 nu)(1 + nu)/E
                self.assertAlmostEqual(float(rows["b"]["ux"]), -2 * 10 * 0.4 * 1.3 / 1000, delta=1e-10)
                _, data = point_data(result.folder / "results.vtkhdf")
                for name, value in (("sxx", -10), ("szz", -10), ("syy", -6), ("sxy", 0)):
                    numpy.testing.assert_allclose(data[name], value, atol=1e-7)

    def test_heat_through_a_pipe(self):
        """u = ln r / ln 2, and a heated bar u = 1 - r^2 with its axis."""
        deck = """
            deck_version = 1
            [mesh]
            kind = "box"
            cells = [6, 2]
            lower = [{lower}, 0.0]
            upper = [{upper}, 1.0]
            [space]
            degree = {degree}
            [equation]
            kind = "poisson"
            coordinates = "axisymmetric"
            source = {source}
            [[boundary]]
            on = ["right"]
            value = {outer}
            [[boundary]]
            on = ["left"]
            {inner}
            [[boundary]]
            on = ["rest"]
            flux = 0.0
            [verify]
            exact = "{exact}"
            max_l2_error = {bound}
            [solver]
            tolerance = 1e-12
            """
        pipe = deck.format(lower=1.0, upper=2.0, degree=3, source=0.0, outer=1.0, inner="value = 0.0",
                           exact="log(x)/log(2)", bound=1e-5)
        bar = deck.format(lower=0.0, upper=1.0, degree=2, source=4.0, outer=0.0, inner="flux = 0.0",
                          exact="1 - x^2", bound=1e-9)
        for text in (pipe, bar):
            for ranks in (1, 3):
                self.run_deck(self.deck(text), ranks=ranks, output=f"{len(text)} {ranks}")
        # In one dimension, of unit length.
        line = bar.replace("cells = [6, 2]", "cells = [6]").replace(", 0.0]", "]").replace(", 1.0]", "]")
        line = line.replace('on = ["rest"]', 'on = ["left"]')
        line = line.replace('[[boundary]]\n            on = ["left"]\n            flux = 0.0\n', "", 1)
        line += '\n            [[integral]]\n            name = "u"\n            on = "domain"\n'
        result = self.run_deck(self.deck(line), output="line")
        self.assertAlmostEqual(result.value("integrals.csv", "u"), math.pi / 2, delta=1e-9)

    def test_the_other_side_of_the_axis_is_refused(self):
        code, text = self.call("check", self.deck(self.CYLINDER.replace("[1.0, 0.0]", "[-1.0, 0.0]")),
                               ranks=0)
        self.assertEqual(code, 2, text)
        self.assertIn("deck.toml:6:10: mesh.lower[0] = -1.0 (must be >= 0", text)


if __name__ == "__main__":
    unittest.main()
