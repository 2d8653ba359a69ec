"""Joined sides and units on values: whole runs against closed forms, on 1 to 4 ranks."""

import math
import unittest

from harness import Case
from vtk_results import point_data

TORUS = """
    deck_version = 1
    [mesh]
    kind = "box"
    cells = [4, 4]
    [space]
    degree = 2
    [equation]
    kind = "advection-diffusion-reaction"
    reaction = 1.0
    source = "(8*pi^2 + 1)*sin(2*pi*x + 1)*cos(2*pi*y)"
    [[periodic]]
    from = "left"
    to = "right"
    [[periodic]]
    from = "bottom"
    to = "top"
    [solver]
    tolerance = 1e-11
    [verify]
    exact = "sin(2*pi*x + 1)*cos(2*pi*y)"
    [[probe]]
    name = "corner"
    at = [0.0, 0.0]
    [[probe]]
    name = "far corner"
    at = [1.0, 1.0]
    [[probe]]
    name = "inside"
    at = [0.37, 0.61]
"""


class Torus(Case):
    def test_ranks_and_operators_agree(self):
        deck = self.deck(TORUS)
        reference = None
        for number, (ranks, operator) in enumerate(
                [(1, "assembled"), (1, "matrix-free"), (2, "matrix-free"), (3, "assembled"),
                 (4, "matrix-free")]):
            result = self.run_deck(deck, "--set", f"solver.operator={operator}", ranks=ranks,
                                   output=f"out{number}")
            values = [result.value("probes.csv", name)
                      for name in ("corner", "far corner", "inside")]
            # The two corners are one unknown.
            self.assertAlmostEqual(values[0], values[1], delta=1e-13)
            reference = reference or values
            # Both solved to 1e-11 of the right-hand side; the matrix's condition is below 10^3.
            for value, expected in zip(values, reference):
                self.assertAlmostEqual(value, expected, delta=1e-8)

    def test_results_keep_their_points(self):
        result = self.run_deck(self.deck(TORUS), ranks=3)
        points, data = point_data(result.folder / "results.vtkhdf")
        self.assertEqual(len(points), 9 * 9)
        at = {(round(8 * x), round(8 * y)): u for (x, y, _), u in zip(points, data["u"])}
        self.assertEqual(len(at), 81)
        for i in range(9):
            self.assertAlmostEqual(at[0, i], at[8, i], delta=1e-14)
            self.assertAlmostEqual(at[i, 0], at[i, 8], delta=1e-14)

    def test_few_cells_and_more_ranks_than_cells(self):
        """One or two cells from a side to itself; the exact function is in the space: u = 1."""
        deck = self.deck(TORUS.replace('source = "(8*pi^2 + 1)*sin(2*pi*x + 1)*cos(2*pi*y)"',
                                       "source = 1.0")
                         .replace('exact = "sin(2*pi*x + 1)*cos(2*pi*y)"', "exact = 1.0"))
        for number, (cells, kind, ranks) in enumerate(
                [("[1,1]", "quad", 1), ("[1,2]", "quad", 4), ("[2,1]", "tri", 3), ("[1,1]", "tri", 4)]):
            for operator in ("assembled", "matrix-free") if kind == "quad" else ("assembled",):
                result = self.run_deck(deck, "--set", f"mesh.cells={cells}", "--set",
                                       f"mesh.cell_type={kind}", "--set", f"solver.operator={operator}",
                                       ranks=ranks, output=f"{operator}{number}")
                self.assertLess(result.status()["l2_error"], 1e-9)

    def test_multigrid_counts_stay(self):
        counts = []
        for level in (1, 2, 3):
            result = self.run_deck(self.deck(TORUS), "--set", f"mesh.refine={level}", "--set",
                                   "solver.preconditioner=multigrid", "--set", "solver.method=cg",
                                   ranks=2, output=f"out{level}")
            counts.append(result.status()["iterations"])
        self.assertLessEqual(max(counts), 12)  # to 1e-11; as on boxes with Dirichlet sides
        self.assertLessEqual(max(counts) - min(counts), 3)

    def test_constants_in_the_kernel(self):
        balanced = TORUS.replace("    reaction = 1.0\n", "").replace("8*pi^2 + 1", "8*pi^2")
        result = self.run_deck(self.deck(balanced), "--set", "mesh.refine=1", ranks=2)
        self.assertLess(result.status()["l2_error"], 2e-3)
        self.assertIn("the mean of the solution is set to zero", result.output)
        off = self.deck(balanced.replace("*cos(2*pi*y)\"", "*cos(2*pi*y) + 5\"", 1))
        result = self.run_deck(off, expect=4, output="off")
        self.assertIn("no solution exists", result.output)

    def test_a_source_need_not_be_periodic(self):
        """u'' = -(x - 1/2) on a circle of length 1: u = x^2/4 - x^3/6 - x/12, a cubic."""
        deck = self.deck("""
            [mesh]
            kind = "box"
            cells = [4]
            [space]
            degree = 3
            [equation]
            kind = "poisson"
            source = "x - 0.5"
            [[periodic]]
            from = "left"
            to = "right"
            [solver]
            tolerance = 1e-12
            [verify]
            exact = "x^2/4 - x^3/6 - x/12"
        """)
        result = self.run_deck(deck, ranks=2)
        self.assertLess(result.status()["l2_error"], 1e-10)


def gmsh_square(n):
    """Triangles on the unit square as Gmsh writes them (2.2), nodes inside moved, diagonals in turns,
    with Gmsh's list of periodic nodes."""
    def number(i, j):
        return 1 + i * (n + 1) + j
    nodes, elements = [], []
    for i in range(n + 1):
        for j in range(n + 1):
            inside = 0 < i < n and 0 < j < n
            shift = 0.25 / n * ((7 * i + 3 * j) % 5 - 2) / 2 if inside else 0
            # What a side has, its partner has at the same place: (j/n)^1.2.
            nodes.append(f"{number(i, j)} {(i / n)**1.2 + shift:.16g} {(j / n)**1.2 - shift:.16g} 0")
    for k in range(n):
        for tag, a, b in ((1, (0, k), (0, k + 1)), (2, (n, k + 1), (n, k)),
                          (3, (k, 0), (k + 1, 0)), (4, (k + 1, n), (k, n))):
            elements.append(f"1 2 {tag} {tag} {number(*a)} {number(*b)}")
    for i in range(n):
        for j in range(n):
            a, b, c, d = number(i, j), number(i + 1, j), number(i + 1, j + 1), number(i, j + 1)
            pair = ((a, b, c), (a, c, d)) if (i + j) % 2 else ((b, c, d), (d, a, b))
            elements += [f"2 2 5 5 {x} {y} {z}" for x, y, z in pair]
    names = ["west", "east", "south", "north"]
    links = [(1, number(n, j), number(0, j)) for j in range(n + 1)]
    return "\n".join(
        ["$MeshFormat", "2.2 0 8", "$EndMeshFormat", "$PhysicalNames", "5"]
        + [f'1 {k + 1} "{name}"' for k, name in enumerate(names)] + ['2 5 "plate"']
        + ["$EndPhysicalNames", "$Nodes", str(len(nodes))] + nodes + ["$EndNodes", "$Elements",
           str(len(elements))] + [f"{k + 1} {one}" for k, one in enumerate(elements)]
        + ["$EndElements", "$Periodic", "1", "1 2 1", "Affine 1 0 0 1 0 1 0 0 0 0 1 0 0 0 0 1",
           str(len(links))] + [f"{a} {b}" for _, a, b in links] + ["$EndPeriodic", ""])


class Others(Case):
    def test_a_mesh_of_gmsh(self):
        """Order 3 in L2 at degree 2 from 8 to 16 cells a side, refined; on 1 to 3 ranks."""
        (self.folder / "square.msh").write_text(gmsh_square(4))
        deck = self.deck(TORUS.replace('kind = "box"\n    cells = [4, 4]',
                                       'kind = "file"\n    file = "square.msh"')
                         .replace('"left"', '"west"').replace('"right"', '"east"')
                         .replace('"bottom"', '"south"').replace('"top"', '"north"'))
        errors = []
        for level, ranks in ((1, 1), (2, 3), (2, 2)):
            result = self.run_deck(deck, "--set", f"mesh.refine={level}", ranks=ranks,
                                   output=f"out{level}{ranks}")
            errors.append(result.status()["l2_error"])
            self.assertIn(f"{4 * 2**level} pairs of facets", result.output)
        self.assertAlmostEqual(errors[1] / errors[2], 1, delta=1e-6)
        order = math.log2(errors[0] / errors[1])
        self.assertGreater(order, 2.7)

    def test_body_under_its_weight(self):
        """A layer on the ground, joined at its sides, E and nu such that lambda + 2 mu = 240:
        u_y = (y^2/2 - y) g/240, in the space of degree 2; no other motion."""
        for dimension, kind in ((2, "quad"), (2, "tri"), (3, "hex"), (3, "tet")):
            up = "y" if dimension == 2 else "z"
            sides = [("left", "right")] + ([("front", "back")] if dimension == 3 else [])
            joined = "\n".join(f'[[periodic]]\nfrom = "{a}"\nto = "{b}"' for a, b in sides)
            zeros = ", ".join(["0"] * (dimension - 1))
            text = f"""deck_version = 1
[mesh]
kind = "box"
cell_type = "{kind}"
cells = [{", ".join(["2"] * dimension)}]
refine = 1
[space]
degree = 2
[equation]
kind = "elasticity"
youngs_modulus = 200.0
poissons_ratio = 0.25
body_force = [{zeros}, -12.0]
{joined}
[[boundary]]
on = "bottom"
displacement = [{zeros}, 0]
[[boundary]]
on = "top"
traction = [{zeros}, 0]
[solver]
tolerance = 1e-12
[[probe]]
name = "top"
at = [0.3{", 0.4" if dimension == 3 else ""}, 1.0]
"""
            path = self.folder / f"{kind}.toml"
            path.write_text(text)
            result = self.run_deck(path, ranks=3, output=kind)
            top = result.table("probes.csv")[0]
            self.assertAlmostEqual(float(top["u" + up]), -0.5 * 12 / 240, delta=1e-10)
            self.assertAlmostEqual(float(top["ux"]), 0, delta=1e-10)

    def test_wave_goes_round_and_a_restart_joins_in(self):
        """cos(2 pi (x - t)): once round a circle. The resumed run, on other ranks too, ends where
        the uninterrupted one does."""
        text = """
            [mesh]
            kind = "box"
            cells = [12, 2]
            [space]
            degree = 4
            [equation]
            kind = "wave"
            diffusion = 1.0
            [[periodic]]
            from = "left"
            to = "right"
            [[boundary]]
            on = ["rest"]
            flux = 0
            [time]
            end = 1.0
            step = 0.005
            method = "newmark"
            [initial]
            u = "cos(2*pi*x)"
            [initial.rate]
            u = "2*pi*sin(2*pi*x)"
            [checkpoint]
            every_steps = 80
            keep = 3
            [verify]
            exact = "cos(2*pi*(x - t))"
            [solver]
            tolerance = 1e-11
        """
        deck = self.deck(text)
        whole = self.run_deck(deck, ranks=2)
        # Newmark's error in the phase over one period: (2 pi)^3 step^2 / 12 of a wave of norm
        # 1/sqrt(2), 3.7e-4.
        self.assertLess(whole.status()["l2_error"], 6e-4)
        self.assertGreater(whole.status()["l2_error"], 2e-4)
        files = sorted((whole.folder / "checkpoints").glob("*.h5"))
        self.assertGreaterEqual(len(files), 2)
        for ranks in (1, 3):
            part = self.run_deck(deck, "--from", files[0], ranks=ranks, output=f"from{ranks}")
            self.assertAlmostEqual(part.status()["l2_error"], whole.status()["l2_error"], delta=1e-8)

    def test_several_unknowns(self):
        """Two that exchange: u' = -(u - v), v' = u - v with waves round a torus: the sum diffuses
        and the difference decays by 2 more."""
        text = """
            [mesh]
            kind = "box"
            cells = [6, 6]
            cell_type = "CELLS"
            [space]
            degree = 3
            [equation]
            kind = "reaction-diffusion"
            unknowns = ["u", "v"]
            [equation.u]
            diffusion = 0.05
            reaction = 1.0
            source = "v"
            [equation.v]
            diffusion = 0.05
            reaction = 1.0
            source = "u"
            [[periodic]]
            from = "left"
            to = "right"
            [[periodic]]
            from = "top"
            to = "bottom"
            [time]
            end = 0.1
            step = 0.005
            method = "sdirk3"
            [initial]
            u = "sin(2*pi*(x + y))"
            v = "0"
            [verify]
            exact = "0.5*sin(2*pi*(x + y))*exp(-0.4*pi^2*t)*(1 + exp(-2*t))"
        """
        for cells, ranks in (("quad", 3), ("tri", 2)):
            errors = [self.run_deck(self.deck(text.replace("CELLS", cells)), "--set",
                                    f"mesh.refine={level}", ranks=ranks,
                                    output=f"{cells}{level}").status()["l2_error"]
                      for level in (0, 1)]
            # Order 4 of degree 3; that of the third order in time is far below.
            self.assertGreater(math.log2(errors[0] / errors[1]), 3.7, cells)

    def test_mistakes_that_only_the_mesh_shows(self):
        def told(name, more, *settings):
            arguments = [word for one in settings for word in ("--set", one)]
            return self.run_deck(self.deck(TORUS + more), *arguments, ranks=2, expect=2,
                                 output=name).output

        self.assertIn("'left' has 4 facets and 'bottom' has 5",
                      told("counts", "", "mesh.cells=[5,4]", "periodic[0].to=bottom",
                           "periodic[1].from=right"))
        self.assertRegex(told("move", "", "periodic[0].translation=[0.9, 0]"),
                         r"deck\.toml:\d+:\d+: periodic\[0\]: 4 of 4 facets of 'left', moved by "
                         r"\(0\.9, 0\).*the node at \(0, [\d.]+\) is 0\.1 away")
        self.assertRegex(told("both", """
    [mesh.sets]
    half = "x < 1e-9 and y < 0.6"
    [[boundary]]
    on = ["half"]
    value = 0
"""), r"boundary\[0\] holds 2 facets that \[\[periodic\]\] joins to others, one at \(0, ")


class Units(Case):
    ELASTIC = """
        [units]
        length = "LENGTH"
        mass = "MASS"
        time = "TIME"
        [mesh]
        kind = "box"
        cells = [8, 2]
        upper = ["1 m", "100 mm"]
        [space]
        degree = 2
        [equation]
        kind = "elasticity"
        plane = "stress"
        youngs_modulus = "210 GPa"
        poissons_ratio = 0.3
        density = "7.85 g/cm^3"
        body_force = [0, "-77 kN/m^3"]
        [[boundary]]
        on = "left"
        displacement = [0, 0]
        [[boundary]]
        on = "top"
        pressure = "2 bar"
        [[boundary]]
        on = ["rest"]
        traction = [0, 0]
        [solver]
        preconditioner = "direct"
        [[probe]]
        name = "end"
        at = ["100 cm", "5 cm"]
    """

    def test_a_beam_in_two_systems(self):
        def end(length, mass, time):
            text = (self.ELASTIC.replace("LENGTH", length).replace("MASS", mass)
                    .replace("TIME", time))
            result = self.run_deck(self.deck(text), output=length)
            return float(result.table("probes.csv")[0]["uy"]), result
        si, _ = end("m", "kg", "s")
        small, result = end("mm", "t", "s")
        inch, _ = end("in", "lb", "ms")
        self.assertIn("mm, t, s, K", result.output)
        # The same to the round-off of a direct solver: condition 1e5 x 1e-16 with room.
        self.assertAlmostEqual(small / 1000 / si, 1, delta=1e-9)
        self.assertAlmostEqual(inch * 0.0254 / si, 1, delta=1e-9)
        # Bending of a slender beam under q = (2e5 + 7700) N/m: q l^4 / (8 E I), I = h^3/12; the
        # share of shear is of the order (h/l)^2.
        beam = -(2e5 + 7700) / (8 * 210e9 * 0.1**3 / 12)
        self.assertAlmostEqual(si / beam, 1, delta=0.03)

    def test_a_wall_in_two_scales(self):
        """Between 20 and 80 degrees Celsius, heated by q: the middle is at 50 + q d^2 / (8 k)."""
        text = """
            [units]
            length = "LENGTH"
            mass = "MASS"
            temperature = "SCALE"
            unknown = "K"
            [mesh]
            kind = "box"
            cells = [4]
            upper = ["20 cm"]
            [space]
            degree = 2
            [equation]
            kind = "poisson"
            diffusion = "0.8 W/(m K)"
            source = "1 kW/m^3"
            [[boundary]]
            on = "left"
            value = "20 degC"
            [[boundary]]
            on = "right"
            value = "353.15 K"
            [solver]
            tolerance = 1e-12
            [[probe]]
            name = "middle"
            at = ["0.1 m"]
        """
        for number, (length, mass, scale, expected) in enumerate(
                [("m", "kg", "K", 273.15 + 56.25), ("mm", "t", "K", 273.15 + 56.25),
                 ("mm", "t", "degC", 56.25), ("ft", "lb", "degC", 56.25)]):
            deck = self.deck(text.replace("LENGTH", length).replace("MASS", mass)
                             .replace("SCALE", scale))
            result = self.run_deck(deck, output=f"out{number}")
            self.assertAlmostEqual(result.value("probes.csv", "middle"), expected, delta=1e-8)


if __name__ == "__main__":
    unittest.main()
