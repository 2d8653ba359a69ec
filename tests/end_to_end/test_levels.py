"""Steady equations of which nothing fixes a level: whole runs against closed forms, on 1 to 4 ranks."""

import unittest

from harness import Case
from test_restart import checkpoints

WAVE = "sin(2*pi*x)*sin(2*pi*y)"
PAIR = """
    deck_version = 1
    [mesh]
    kind = "box"
    cells = [6, 6]
    [space]
    degree = 2
    [equation]
    kind = "reaction-diffusion"
    unknowns = ["u", "v"]
    [equation.u]
    source = "8*pi^2*WAVE"
    [equation.v]
    source = "8*pi^2*WAVE"
    [[periodic]]
    from = "left"
    to = "right"
    [[periodic]]
    from = "bottom"
    to = "top"
    [solver]
    tolerance = 1e-10
    [[integral]]
    name = "u"
    on = "domain"
    of = "u"
    [[integral]]
    name = "v"
    on = "domain"
    of = "v"
    [verify]
    exact = "WAVE"
""".replace("WAVE", WAVE)
SOLVERS = {
    "multigrid": ["solver.operator=matrix-free", "solver.preconditioner=multigrid", "solver.method=cg"],
    "free": ["solver.operator=matrix-free", "solver.preconditioner=jacobi", "solver.method=cg"],
    "amg": ["solver.operator=assembled", "solver.preconditioner=amg", "solver.method=cg"],
    "ilu": ["solver.operator=assembled", "solver.preconditioner=ilu", "solver.method=gmres"],
    "direct": ["solver.operator=assembled", "solver.preconditioner=direct"],
}


def settings(*pairs):
    return [word for pair in pairs for word in ("--set", pair)]


class Levels(Case):
    def means(self, result):
        return [result.value("integrals.csv", name) for name in ("u", "v")]

    def test_two_levels(self):
        """Neither has anything that fixes it: both means are zero, for every kind of solver."""
        deck = self.deck(PAIR)
        for number, (name, how) in enumerate(SOLVERS.items()):
            for ranks in (1, 2 + number % 3):
                result = self.run_deck(deck, *settings("mesh.refine=1", *how), ranks=ranks,
                                       output=f"{name} {ranks}")
                # 12 cells a side, degree 2: 4.5e-3 / 8 on half the cells' width.
                self.assertLess(result.status()["l2_error"], 8e-4)
                self.assertIn("nothing fixes the levels of u, v: their means are set to zero",
                              result.output)
                for mean in self.means(result):
                    self.assertAlmostEqual(mean, 0, delta=1e-9)

    def test_cells_and_degrees(self):
        errors = {}
        for number, (kind, degree) in enumerate([("quad", 1), ("quad", 4), ("tri", 1), ("tri", 3)]):
            result = self.run_deck(self.deck(PAIR), *settings(
                f"mesh.cell_type={kind}", f"space.degree={degree}", "mesh.refine=1"),
                ranks=1 + number, output=f"{kind}{degree}")
            errors[kind, degree] = result.status()["l2_error"]
            self.assertAlmostEqual(self.means(result)[0], 0, delta=1e-9)
        self.assertLess(errors["quad", 4], 2e-6)
        self.assertLess(errors["tri", 3], 2e-4)
        # One cell: u = v = 0 in what the sums see; more ranks than cells.
        flat = self.deck(PAIR.replace(f'"8*pi^2*{WAVE}"', "0.0").replace(f'"{WAVE}"', "0.0"))
        result = self.run_deck(flat, *settings("mesh.cells=[1,1]"), ranks=4, output="one cell")
        self.assertLess(result.status()["l2_error"], 1e-12)

    def exchange(self, of_v):
        """3 (u - v) leaves u and `of_v` (v - u) comes to v; 1 more flows in at u, of_v/3 out at v."""
        text = PAIR.replace(f'[equation.u]\n    source = "8*pi^2*{WAVE}"',
                            f'[equation.u]\n    reaction = 3.0\n    source = "8*pi^2*{WAVE} + 3*v + 1"')
        return text.replace(
            f'[equation.v]\n    source = "8*pi^2*{WAVE}"',
            f'[equation.v]\n    reaction = {of_v}\n    source = "8*pi^2*{WAVE} + {of_v}*u - {of_v / 3}"').replace(
                f'exact = "{WAVE}"', f'exact = "{WAVE} + 1/6"')

    def test_an_exchange_leaves_a_sum(self):
        """u - v is fixed, 3 (u - v) = 1 on the mean, and u + v is not: +-1/6. Where what leaves u
        is not what comes to v the equations' sum is another one than that of the unknowns."""
        for of_v, balance in ((3.0, "u + v"), (6.0, "u + 0.5 v")):
            deck = self.deck(self.exchange(of_v), f"{of_v}.toml")
            hows = ["multigrid", "amg", "direct"] if of_v == 3 else ["ilu", "direct"]
            for ranks, how in enumerate(hows, start=1):
                result = self.run_deck(deck, *settings("mesh.refine=1", *SOLVERS[how]), ranks=ranks,
                                       output=f"{of_v}{how}")
                self.assertIn("nothing fixes the level of u + v: ", result.output)
                u, v = self.means(result)
                self.assertAlmostEqual(u, 1 / 6, delta=1e-8)
                self.assertAlmostEqual(v, -1 / 6, delta=1e-8)
                self.assertLess(result.status()["l2_error"], 8e-4)
            off = self.deck(self.exchange(of_v).replace("3*v + 1", "3*v + 100"), f"off{of_v}.toml")
            refused = self.run_deck(off, ranks=2, expect=4, output=f"off{of_v}")
            self.assertIn(f"boundary fluxes of {balance} do not balance", refused.output)

    def test_a_small_reaction_is_none_too_small(self):
        """1e-9 u beside diffusion: u = 1 from a source of 1e-9, while v is free."""
        deck = self.deck(PAIR.replace(f'[equation.u]\n    source = "8*pi^2*{WAVE}"',
                                      "[equation.u]\n    reaction = 1e-9\n    source = 1e-9")
                         .replace(f'exact = "{WAVE}"', "exact = 1.0"))
        result = self.run_deck(deck, *settings("solver.preconditioner=direct"), ranks=2)
        self.assertIn("nothing fixes the level of v: ", result.output)
        # Condition 10^12.
        self.assertAlmostEqual(self.means(result)[0], 1, delta=1e-2)

    def test_which_equation_is_off(self):
        deck = self.deck(PAIR.replace(f'[equation.v]\n    source = "8*pi^2*{WAVE}"',
                                      f'[equation.v]\n    source = "8*pi^2*{WAVE} + 5"'))
        for ranks in (1, 3):
            refused = self.run_deck(deck, ranks=ranks, expect=4, output=f"off{ranks}")
            self.assertIn("no solution exists", refused.output)
            self.assertIn("boundary fluxes of v do not balance (net 5,", refused.output)

    def test_nonlinear(self):
        """A diffusion that depends on the gradient alone keeps the mean of the first guess; with one
        that depends on u the free shift is not a constant, and one value of the guess stays."""
        by_slope = PAIR.replace("[equation.u]", '[equation.u]\n    diffusion = "1 + 0*v + (dx(u)^2 + dy(u)^2)/100"')
        deck = self.deck(by_slope + '    [initial]\n    u = 0.25\n    v = "0.5 + x*(1 - x)"\n', "slope.toml")
        for ranks, how in ((1, "direct"), (3, "amg"), (2, "multigrid")):
            result = self.run_deck(deck, *settings(*SOLVERS[how]), ranks=ranks, output=f"slope {how}")
            self.assertIn("the mean stays that of the first guess", result.output)
            u, v = self.means(result)
            self.assertAlmostEqual(u, 0.25, delta=1e-8)
            self.assertAlmostEqual(v, 0.5 + 1 / 6, delta=1e-8)
        by_value = PAIR.replace("[equation.u]", '[equation.u]\n    diffusion = "1 + u^2/2"')
        for ranks in (1, 3):
            result = self.run_deck(self.deck(by_value, "value.toml"), ranks=ranks, output=f"value {ranks}")
            self.assertIn("at one place the first guess stays", result.output)
            # -div((1 + u^2/2) grad u) = f: u + u^3/6 + c = WAVE, with the u of the guess, 0, somewhere.
            self.assertLess(abs(self.means(result)[0]), 1)

    def test_restart_to_the_bit(self):
        deck = self.deck(PAIR.replace("[equation.u]",
                                      '[equation.u]\n    diffusion = "1 + (dx(u)^2 + dy(u)^2)/100"')
                         + "    [checkpoint]\n    every_steps = 1\n    keep = 100\n")
        for name in ("multigrid", "amg"):
            whole = self.run_deck(deck, *settings(*SOLVERS[name]), ranks=2, output=name)
            files = checkpoints(whole)
            self.assertGreaterEqual(len(files), 3)
            for path in files[:3]:
                again = self.run_deck(deck, *settings(*SOLVERS[name]), "--from", path, ranks=2,
                                      output=f"{name} {path.stem}")
                self.assertEqual(again.table("newton.csv"), whole.table("newton.csv"))
                self.assertEqual(self.means(again), self.means(whole))

    def test_bodies(self):
        """-mu u'' = 4 pi^2 sin(2 pi y) with mu = 1 and nothing that holds the body; and a bar pulled
        at both ends, with sides that are free: it may turn, too. E = 2, nu = 0: ux = x - 1/2."""
        torus = PAIR[:PAIR.index("[equation]")] + """
    [equation]
    kind = "elasticity"
    youngs_modulus = 2.6
    poissons_ratio = 0.3
    plane = "strain"
    body_force = ["4*pi^2*sin(2*pi*y)", "4*pi^2*sin(2*pi*x)"]
    """ + PAIR[PAIR.index("[[periodic]]"):PAIR.index("[[integral]]")] + """
    [verify]
    unknown = "ux"
    exact = "sin(2*pi*y)"
    """
        for ranks, how in ((1, "direct"), (3, "amg"), (2, "multigrid")):
            result = self.run_deck(self.deck(torus, "torus.toml"), *settings(
                "mesh.refine=1", *SOLVERS[how]), ranks=ranks, output=f"torus {how}")
            self.assertIn("nothing fixes the levels of ux, uy", result.output)
            self.assertLess(result.status()["l2_error"], 6e-4)
        for dimension, kind in ((2, "quad"), (3, "hex"), (3, "tet")):
            zeros = ", 0" * (dimension - 1)
            bar = f"""
    deck_version = 1
    [mesh]
    kind = "box"
    cell_type = "{kind}"
    cells = [{", ".join(["3"] * dimension)}]
    refine = 1
    [space]
    degree = 2
    [equation]
    kind = "elasticity"
    youngs_modulus = 2.0
    poissons_ratio = 0.0
    {'plane = "strain"' if dimension == 2 else ""}
    [[boundary]]
    on = ["left"]
    traction = [-2{zeros}]
    [[boundary]]
    on = ["right"]
    traction = [2{zeros}]
    [[boundary]]
    on = ["rest"]
    traction = [0{zeros}]
    [solver]
    tolerance = 1e-11
    [verify]
    unknown = "ux"
    exact = "x - 0.5"
    """
            for ranks, how in ((1, "amg"), (2, "multigrid" if kind != "tet" else "amg"), (3, "direct")):
                result = self.run_deck(self.deck(bar, f"{kind}.toml"), *settings(*SOLVERS[how]),
                                       ranks=ranks, output=f"{kind} {how} {ranks}")
                self.assertLess(result.status()["l2_error"], 1e-8)
            off = self.deck(bar.replace(f"traction = [2{zeros}]", f"traction = [3{zeros}]"), "off.toml")
            refused = self.run_deck(off, ranks=2, expect=4, output=f"{kind} off")
            self.assertIn("boundary fluxes of ux do not balance (net 1,", refused.output)


if __name__ == "__main__":
    unittest.main()
