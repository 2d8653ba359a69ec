"""[initial] from: runs that start from the results or the checkpoints of others."""

import shutil
import unittest

import numpy

from harness import Case
from vtk_results import point_data


def field(path, name="u"):
    points, data = point_data(path)
    return points, data[name]


def heat(cells, degree, u, more="", mesh="", end=1e-9, initial=""):
    """A run of one step so short that the result is the start."""
    value = f'u = "{u}"' if u else ""
    return f"""
        [mesh]
        kind = "box"
        cells = {cells}
        {mesh}
        [space]
        degree = {degree}
        [equation]
        kind = "heat"
        diffusion = 1e-9
        [[boundary]]
        on = ["rest"]
        flux = 0
        [time]
        end = {end}
        step = {end}
        [initial]
        {value}
        {initial}
        [output]
        every = {end}
        [solver]
        tolerance = 1e-12
        {more}
    """


class Values(Case):
    def start(self, cells, degree, source, ranks=1, initial="", mesh="", output="to", expect=0, u=""):
        deck = self.deck(heat(cells, degree, u, mesh=mesh,
                              initial=f'from = "{source}"\n{initial}'), name=f"{output}.toml")
        return self.run_deck(deck, ranks=ranks, output=output, expect=expect)

    def test_polynomials_on_other_meshes_degrees_and_ranks(self):
        """p of the file's degree is the same everywhere."""
        for cells, cell_type, others in (("[5, 4]", "quad", "[3, 7]"), ("[4, 4]", "tri", "[5, 3]"),
                                         ("[3, 2, 2]", "hex", "[2, 3, 3]"),
                                         ("[2, 2, 2]", "tet", "[3, 2, 3]")):
            for degree, ranks, other_ranks in ((1, 1, 3), (2, 3, 2)):
                p = "(0.3 + x + y/2)^%d" % degree
                mesh = f'cell_type = "{cell_type}"\ndistortion = "random"\ndistortion_amount = 0.4'
                self.run_deck(self.deck(heat(cells, degree, p, mesh=mesh)), ranks=ranks,
                              output="from")
                result = self.start(others, 2, "from", ranks=other_ranks,
                                    mesh=mesh.replace("0.4", "0.3"), output="to")
                points, values = field(result.folder / "results-000000.vtkhdf")
                exact = (0.3 + points[:, 0] + points[:, 1] / 2) ** degree
                self.assertLess(numpy.max(numpy.abs(values - exact)), 1e-11, (cell_type, degree))
                self.assertIn("values from", result.output)
                shutil.rmtree(self.folder / "from")
                shutil.rmtree(self.folder / "to")

    def test_the_same_mesh_and_refined(self):
        """The same nodes have their values; a refined mesh has the same function."""
        u = "sin(9*x)*exp(y)"
        mesh = 'distortion = "random"\ndistortion_amount = 0.4'
        self.run_deck(self.deck(heat("[6, 5]", 3, u, mesh=mesh)), ranks=2, output="from")
        before = field(self.folder / "from" / "results-000000.vtkhdf")
        for ranks in (1, 4):
            same = self.start("[6, 5]", 3, "from", mesh=mesh, ranks=ranks, output=f"same {ranks}")
            after = field(same.folder / "results-000000.vtkhdf")
            numpy.testing.assert_allclose(before[0], after[0], atol=1e-15)
            # Round-off of evaluation at equispaced points and back.
            numpy.testing.assert_allclose(after[1], before[1], atol=1e-13)
        fine = self.start("[6, 5]", 3, "from", mesh=mesh + "\nrefine = 1", output="fine")
        again = self.start("[6, 5]", 3, "fine", mesh=mesh, output="again")
        numpy.testing.assert_allclose(field(again.folder / "results-000000.vtkhdf")[1], before[1],
                                      atol=1e-12)

    def test_checkpoints_and_times(self):
        """A checkpoint gives what the results of the same moment give, on another mesh."""
        deck = heat("[6, 6]", 2, "x*(1-x)*y", more="[checkpoint]\nevery_steps = 2\nkeep = 10",
                    mesh='cell_type = "tri"', end=0.4)
        deck = deck.replace("step = 0.4", "step = 0.1").replace("diffusion = 1e-9", "diffusion = 0.1")
        deck = deck.replace("every = 0.4", "every = 0.1")
        self.run_deck(self.deck(deck), ranks=2, output="from")
        other = "[5, 7]"
        last = self.start(other, 3, "from", ranks=3, output="last")
        point = self.start(other, 3, "from/checkpoints", ranks=2, output="point")
        numpy.testing.assert_allclose(field(last.folder / "results-000000.vtkhdf")[1],
                                      field(point.folder / "results-000000.vtkhdf")[1], atol=1e-12)
        half = self.start(other, 3, "from", initial="time = 0.2", output="half")
        point = self.start(other, 3, "from/checkpoints/ckpt.000001.h5", output="point 1")
        numpy.testing.assert_allclose(field(half.folder / "results-000000.vtkhdf")[1],
                                      field(point.folder / "results-000000.vtkhdf")[1], atol=1e-12)
        self.assertGreater(numpy.max(numpy.abs(field(half.folder / "results-000000.vtkhdf")[1] -
                                               field(last.folder / "results-000000.vtkhdf")[1])),
                           1e-4)
        none = self.start(other, 3, "from", initial="time = 0.25", output="none", expect=2)
        self.assertIn("initial.time = 0.25", none.output)
        self.assertIn("the nearest is", none.output)
        # The provenance names file, time and checksum.
        text = (half.folder / "results-000000.vtkhdf").read_bytes()
        self.assertIn(b"results-000002.vtkhdf", text)
        self.assertIn(b"CRC-32C", text)

    def test_outside_fields_and_mistakes(self):
        self.run_deck(self.deck(heat("[4, 4]", 1, "x + 2*y")), output="from")
        larger = "upper = [1.5, 1.0]"
        bad = self.start("[6, 4]", 1, "from", mesh=larger, output="bad", expect=2)
        self.assertIn("10 of 35 nodes lie outside of the mesh of", bad.output)
        self.assertIn("the farthest by 0.5 at (1.5, ", bad.output)
        self.assertIn('initial.outside = "nearest" or a number', bad.output)
        for ranks in (1, 2):
            near = self.start("[6, 4]", 1, "from", mesh=larger, initial='outside = "nearest"',
                              ranks=ranks, output=f"near {ranks}")
            points, values = field(near.folder / "results-000000.vtkhdf")
            exact = numpy.minimum(points[:, 0], 1) + 2 * points[:, 1]
            numpy.testing.assert_allclose(values, exact, atol=1e-12)
            self.assertIn("10 of 35 nodes", near.output)
        seven = self.start("[6, 4]", 1, "from", mesh=larger, initial="outside = 7", output="seven")
        points, values = field(seven.folder / "results-000000.vtkhdf")
        self.assertTrue(numpy.all(values[points[:, 0] > 1.001] == 7))
        wrong = self.start("[4, 4]", 1, "from", initial='fields = { u = "uu" }', output="wrong",
                           expect=2)
        self.assertIn("has no field 'uu'; did you mean 'u'?", wrong.output)
        solid = self.start("[2, 2, 2]", 1, "from", output="solid", expect=2)
        self.assertIn("has 2 dimensions and this mesh has 3", solid.output)
        nowhere = self.start("[2, 2]", 1, "nowhere", output="nowhere", expect=7)
        self.assertIn("initial.from: there is no", nowhere.output)
        own = self.start("[4, 4]", 1, "from", output="from", expect=2)
        self.assertIn("lies in output.directory", own.output)
        file = self.folder / "from" / "results-000000.vtkhdf"
        damaged = self.folder / "damaged.vtkhdf"
        damaged.write_bytes(file.read_bytes()[:3000])
        cut = self.start("[4, 4]", 1, "damaged.vtkhdf", output="cut", expect=7)
        self.assertIn("damaged.vtkhdf", cut.output)

    def test_some_from_the_file_and_some_by_formula(self):
        self.run_deck(self.deck(heat("[4, 4]", 2, "x*y")), output="from")
        deck = self.deck("""
            [mesh]
            kind = "box"
            cells = [3, 3]
            [space]
            degree = 2
            [equation]
            kind = "reaction-diffusion"
            unknowns = ["a", "b"]
            [equation.a]
            diffusion = 1e-9
            [equation.b]
            diffusion = 1e-9
            [[boundary]]
            on = ["rest"]
            unknown = "a"
            flux = 0
            [[boundary]]
            on = ["rest"]
            unknown = "b"
            flux = 0
            [time]
            end = 1e-9
            step = 1e-9
            [initial]
            from = "from"
            fields = { b = "u" }
            a = "1 - x"
        """, name="two.toml")
        result = self.run_deck(deck, ranks=2, output="two")
        points, a = field(result.folder / "results.vtkhdf", "a")
        b = field(result.folder / "results.vtkhdf", "b")[1]
        numpy.testing.assert_allclose(a, 1 - points[:, 0], atol=1e-8)
        numpy.testing.assert_allclose(b, points[:, 0] * points[:, 1], atol=1e-8)

    def test_waves_go_on_with_their_rates(self):
        """Half a period, then the other half from the file of the first, on a finer mesh."""
        wave = """
            [mesh]
            kind = "box"
            cells = [CELLS]
            [space]
            degree = 4
            [equation]
            kind = "wave"
            [[boundary]]
            on = ["rest"]
            value = 0
            [time]
            end = 0.5
            step = 0.005
            [initial]
            INITIAL
            [output]
            every = 0.25
            rates = true
            [solver]
            tolerance = 1e-12
        """
        self.run_deck(self.deck(wave.replace("CELLS", "4").replace("INITIAL", 'u = "sin(pi*x)"')),
                      output="first")
        for source in ("first", "first/checkpoints"):
            deck = self.deck(wave.replace("CELLS", "7").replace("INITIAL", f'from = "{source}"'),
                             name="second.toml")
            second = self.run_deck(deck, ranks=2, output="second " + source.replace("/", " "))
            points, values = field(second.folder / "results-000002.vtkhdf")
            # cos(pi t) sin(pi x) at t = 1; Newmark's error of the frequency at this step is 1e-4.
            numpy.testing.assert_allclose(values, -numpy.sin(numpy.pi * points[:, 0]), atol=2e-3)
            self.assertNotIn("has no rate", second.output)
        self.run_deck(self.deck(wave.replace("CELLS", "4").replace("rates = true", "").replace(
            "INITIAL", 'u = "sin(pi*x)"')), output="plain")
        deck = self.deck(wave.replace("CELLS", "7").replace("INITIAL", 'from = "plain"'),
                         name="third.toml")
        third = self.run_deck(deck, output="third")
        self.assertIn("has no rate of u; its rate at the start is 0", third.output)

    def test_a_first_guess(self):
        """A steady nonlinear problem from its own coarser solution takes fewer iterations."""
        steady = """
            [mesh]
            kind = "box"
            cells = [CELLS, CELLS]
            [space]
            degree = 2
            [equation]
            kind = "poisson"
            diffusion = "1 + 20*u^2"
            source = 100
            [[boundary]]
            on = ["rest"]
            value = 0
            [initial]
            INITIAL
        """
        first = self.run_deck(self.deck(steady.replace("CELLS", "8").replace("INITIAL", "")),
                              output="coarse")
        second = self.run_deck(self.deck(steady.replace("CELLS", "12").replace(
            "INITIAL", 'from = "coarse/results.vtkhdf"')), ranks=2, output="fine")
        self.assertLess(len(second.table("newton.csv")), len(first.table("newton.csv")))


if __name__ == "__main__":
    unittest.main()
