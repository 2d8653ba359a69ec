"""Several outputs of one run: parts of the domain, times, precision; read by VTK and HDF5's tools."""

import json
import subprocess
import unittest

import numpy
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from harness import Case
from vtk_results import read

BLOCKS = """
    [mesh]
    kind = "box"
    cells = [4, 3, 3]
    cell_type = "CELL"
    [space]
    degree = 2
    [equation]
    kind = "heat"
    source = "y*z"
    [[boundary]]
    on = ["left", "right"]
    value = "t*y*z"
    [[boundary]]
    on = ["rest"]
    value = "t*y*z"
    [time]
    end = 0.5
    step = 0.0625
    [initial]
    u = 0
    [checkpoint]
    every_steps = 3
    keep = 20
    [solver]
    tolerance = 1e-13
    [[output]]
    every = 0.25
    [[output.field]]
    name = "twice"
    value = "2*u"
    [[output]]
    name = "wall"
    on = ["left", "top"]
    every_steps = 2
    only = ["u"]
    [[output]]
    name = "cut"
    slice = { point = [0.3, 0.5, 0.5], normal = [1, 0.5, 0] }
    times = [0.1, 0.25]
    [[output]]
    name = "short"
    relative_precision = 1e-3
"""


STEADY = """
    [mesh]
    kind = "box"
    cells = [6, 6]
    [equation]
    kind = "poisson"
    source = 1
    [[boundary]]
    on = ["rest"]
    value = 0
"""

ELASTIC = """
    [mesh]
    kind = "box"
    cells = [4, 4]
    [equation]
    kind = "elasticity"
    youngs_modulus = 1
    poissons_ratio = 0.3
    [[boundary]]
    on = ["rest"]
    displacement = [0, 0]
    [[output]]
    name = "part"
    only = ["ux", "uz"]
"""


def area(grid):
    sizes = vtk.vtkCellSizeFilter()
    sizes.SetInputData(grid)
    sizes.Update()
    return vtk_to_numpy(sizes.GetOutput().GetCellData().GetArray("Area")).sum()


class Blocks(Case):
    def times(self, result, name):
        index = json.loads((result.folder / f"{name}.vtkhdf.series").read_text())
        return [one["time"] for one in index["files"]]

    def check(self, result):
        self.assertEqual(self.times(result, "results"), [0.0, 0.25, 0.5])
        self.assertEqual(self.times(result, "cut"), [0.1, 0.25, 0.5])
        for name in ("results", "wall", "cut"):
            index = json.loads((result.folder / f"{name}.vtkhdf.series").read_text())
            names = sorted(path.name for path in result.folder.glob(f"{name}-0*.vtkhdf"))
            self.assertEqual(names, [one["name"] for one in index["files"]])
            for one in index["files"]:
                grid = read(result.folder / one["name"])
                points = vtk_to_numpy(grid.GetPoints().GetData())
                values = vtk_to_numpy(grid.GetPointData().GetArray("u"))
                self.assertGreater(len(points), 8)
                exact = one["time"] * points[:, 1] * points[:, 2]
                # u = t y z has degree 2 and is linear in time: no error but the solver's.
                self.assertLess(numpy.max(numpy.abs(values - exact)), 1e-9, one["name"])
                self.assertEqual(grid.GetPointData().GetArray("twice") is None, name == "wall")
                if name == "wall":
                    on = (numpy.abs(points[:, 0]) < 1e-12) | (numpy.abs(points[:, 2] - 1) < 1e-12)
                    self.assertTrue(numpy.all(on))
                    self.assertAlmostEqual(area(grid), 2.0, delta=1e-9)
                if name == "cut":
                    height = points[:, 0] - 0.3 + 0.5 * (points[:, 1] - 0.5)
                    self.assertLess(numpy.max(numpy.abs(height)), 1e-12)
                    self.assertAlmostEqual(area(grid), numpy.sqrt(1.25), delta=1e-9)
        short = read(result.folder / "short.vtkhdf")
        points = vtk_to_numpy(short.GetPoints().GetData())
        values = vtk_to_numpy(short.GetPointData().GetArray("u"))
        exact = 0.5 * points[:, 1] * points[:, 2]
        self.assertLess(numpy.max(numpy.abs(values - exact)), 1e-3 * 0.5 + 1e-9)
        self.assertGreater(numpy.max(numpy.abs(values - exact)), 1e-6)

    def test_parts_and_times(self):
        for cell, ranks in (("hex", 1), ("tet", 3), ("hex", 4)):
            deck = self.deck(BLOCKS.replace("CELL", cell))
            result = self.run_deck(deck, ranks=ranks, output=f"{cell} {ranks}")
            self.check(result)
            self.assertEqual(self.times(result, "wall")[0], 0.0)

    def test_a_resumed_run_has_each_time_once(self):
        """Resumed at an early checkpoint: what lies behind it goes, and is written again."""
        deck = self.deck(BLOCKS.replace("CELL", "hex"))
        whole = self.run_deck(deck, ranks=2, output="run")
        before = {name: self.times(whole, name) for name in ("results", "wall", "cut")}
        folder = whole.folder / "checkpoints"
        for marker in sorted(folder.glob("*.complete"))[1:]:
            marker.unlink()
        again = self.run_deck(deck, "--resume", ranks=3, output="run")
        self.assertIn("resumed", again.output)
        for name, times in before.items():
            self.assertEqual(self.times(again, name), times)
            self.assertEqual(len(set(times)), len(times))
        self.check(again)
        effective = (again.folder / "effective.toml").read_text()
        self.assertEqual(effective.count("[[output.block]]"), 3)

    def test_hdf5s_own_tools_follow_the_links(self):
        deck = self.deck(BLOCKS.replace("CELL", "tet"))
        result = self.run_deck(deck, ranks=2, output="run")

        def dump(name, *arguments):
            done = subprocess.run(["h5dump", *arguments, str(result.folder / name)],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  check=False)
            self.assertEqual(done.returncode, 0, done.stdout)
            return done.stdout

        # 9 x 7 x 7 nodes of degree 2.
        self.assertIn("( 441, 3 )", dump("results-000001.vtkhdf", "-H", "-d", "/VTKHDF/Points"))
        self.assertIn("EXTERNAL_LINK", dump("results-000001.vtkhdf", "-H"))
        self.assertIn("( 441 )", dump("results-000001.vtkhdf", "-H", "-d", "/VTKHDF/PointData/u"))
        self.assertIn("0.001", dump("short.vtkhdf", "-a", "/ritz/provenance/relative_precision"))
        self.assertNotIn("EXTERNAL_LINK", dump("short.vtkhdf", "-H"))

    def test_overwriting_removes_the_files_of_every_block(self):
        deck = self.deck(BLOCKS.replace("CELL", "hex"))
        self.run_deck(deck, output="run")
        plain = self.deck(BLOCKS.replace("CELL", "hex").split("[[output]]")[0], name="plain.toml")
        result = self.run_deck(plain, "--overwrite", output="run")
        self.assertEqual([path.name for path in result.folder.glob("*.vtkhdf*")], ["results.vtkhdf"])

    def test_no_mesh_there(self):
        deck = self.deck(BLOCKS.replace("CELL", "hex").replace("[0.3, 0.5, 0.5]", "[3, 0.5, 0.5]"))
        result = self.run_deck(deck, output="no", expect=2)
        self.assertIn("output.block cut: this plane does not meet the mesh", result.output)
        self.assertIn("deck.toml:", result.output)

    def test_what_is_wrong_is_told_before_a_steady_problem_is_solved(self):
        slice_ = '[[output]]\nname = "cut"\nslice = { point = [5, 0.5], normal = [1, 0] }\n'
        result = self.run_deck(self.deck(STEADY + slice_), ranks=2, output="no", expect=2)
        self.assertIn("output.block cut: this plane does not meet the mesh", result.output)
        self.assertNotIn("solver", result.output)
        deck = self.deck(ELASTIC)
        for ranks, arguments in ((0, ("check", deck)), (2, ("run", deck))):
            code, text = self.call(*arguments, ranks=ranks)
            self.assertEqual(code, 2, text)
            self.assertEqual(text.count('output.block[0].only[1] = "uz": there is no such field; did '
                                        'you mean "ux"? fields: ux, uy, '), 1, text)
            self.assertNotIn("solver", text)

    def test_the_last_line_names_what_is_there(self):
        self.deck("[output]\ncompression = 5\n", name="common.toml")
        slice_ = '[[output]]\nname = "cut"\nslice = { point = [0.5, 0.5], normal = [1, 0] }\n'
        for include, names in (("", ["cut.vtkhdf"]),
                               ('include = "common.toml"\n', ["results.vtkhdf", "cut.vtkhdf"])):
            # An [output] that is included stays what it is: all of the domain.
            result = self.run_deck(self.deck(include + STEADY + slice_), output=f"{len(names)}")
            self.assertIn(f"; open {' and '.join(names)} with ParaView", result.output)
            self.assertEqual({path.name for path in result.folder.glob("*.vtkhdf")}, set(names))

    def test_another_part_or_series_is_refused(self):
        deck = self.deck(BLOCKS.replace("CELL", "hex"))
        run = self.run_deck(deck, ranks=2, output="run")
        for old, new, key in (('on = ["left", "top"]', 'on = ["left"]', "output.block[0].on"),
                              ("[0.3, 0.5, 0.5]", "[0.4, 0.5, 0.5]", "output.block[1].slice")):
            other = self.deck(BLOCKS.replace("CELL", "hex").replace(old, new), name="other.toml")
            refused = self.run_deck(other, "--resume", "--set", "time.end=0.6", output="run", expect=2)
            self.assertIn(f"{key}: ", refused.output)
        # Files of a series that the checkpoint does not know are nobody's to replace.
        stranger = run.folder / "extra-000000.vtkhdf"
        stranger.write_text("of somebody else")
        more = self.deck(BLOCKS.replace("CELL", "hex")
                         + '    [[output]]\n    name = "extra"\n    every_steps = 1\n', name="more.toml")
        refused = self.run_deck(more, "--resume", "--set", "time.end=0.6", ranks=2, output="run",
                                expect=7)
        self.assertIn("the checkpoint knows nothing of this series", refused.output)
        self.assertEqual(stranger.read_text(), "of somebody else")
        stranger.unlink()
        self.run_deck(more, "--resume", "--set", "time.end=0.6", ranks=2, output="run")


if __name__ == "__main__":
    unittest.main()
