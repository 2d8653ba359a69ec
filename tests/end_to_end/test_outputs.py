"""Several outputs of one run: parts of the domain, times, precision; read by VTK and HDF5's tools."""

import json
import subprocess
import unittest

import numpy
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from harness import Case

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


def read(path):
    reader = vtk.vtkHDFReader()
    reader.SetFileName(str(path))
    reader.Update()
    return reader.GetOutput()


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


if __name__ == "__main__":
    unittest.main()
