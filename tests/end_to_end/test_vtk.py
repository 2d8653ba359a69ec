"""VTK's own reader opens the results and sees what Ritz computed, for every cell type and degree."""

import json
import sys
import unittest

import numpy
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from harness import SOURCE, Case
from vtk_results import read

CELLS = {"line": "[3]", "tri": "[3, 2]", "quad": "[3, 2]", "tet": "[2, 2, 2]", "hex": "[2, 2, 2]"}


def polynomial(points, degree, dimension):
    """The function that the deck prescribes: (0.3 + x + y/2 + z/4)^degree."""
    weights = numpy.array([1.0, 0.5, 0.25])[:dimension]
    return (0.3 + points[:, :dimension] @ weights) ** degree


class Results(Case):
    def check_file(self, cell_type, degree, ranks, geometry=""):
        dimension = {"line": 1, "tri": 2, "quad": 2, "tet": 3, "hex": 3}[cell_type]
        linear = "(0.3 + x" + (" + y/2" if dimension > 1 else "") + (" + z/4" if dimension > 2 else "") + ")"
        squares = {1: 1.0, 2: 1.25, 3: 1.3125}[dimension]
        source = (f"-{squares} * {degree * (degree - 1)} * {linear}^{degree - 2}" if degree > 1 else "0.0")
        deck = self.deck(f"""
            deck_version = 1
            [mesh]
            kind = "box"
            cells = {CELLS[cell_type]}
            cell_type = "{cell_type}"
            {geometry}
            [space]
            degree = {degree}
            [equation]
            kind = "poisson"
            source = "{source}"
            [[boundary]]
            on = ["rest"]
            value = "{linear}^{degree}"
            [solver]
            tolerance = 1e-13
            method = "cg"
            preconditioner = "jacobi"
            max_iterations = 5000
        """)
        result = self.run_deck(deck, ranks=ranks, output=f"{cell_type} {degree} {ranks}")
        grid = read(result.folder / "results.vtkhdf")
        points = vtk_to_numpy(grid.GetPoints().GetData())
        values = vtk_to_numpy(grid.GetPointData().GetArray("u"))
        self.assertEqual(len(points), grid.GetNumberOfPoints())
        # Shared points: as many as the space has unknowns.
        counts = eval(CELLS[cell_type])  # a literal list above
        self.assertEqual(grid.GetNumberOfPoints(), numpy.prod([n * degree + 1 for n in counts]))
        # A polynomial of the space's degree on an affine mesh is solved exactly, up to the solver.
        exact = polynomial(points, degree, dimension)
        self.assertLess(numpy.max(numpy.abs(values - exact)), 1e-8 * numpy.max(numpy.abs(exact)))
        self.check_order_of_points(grid, dimension, degree)
        return points, values

    def check_order_of_points(self, grid, dimension, degree):
        """VTK's idea of where each point of a cell lies (its parametric coordinates, mapped by the
        corners) is where Ritz put it."""
        for index in range(grid.GetNumberOfCells()):
            cell = grid.GetCell(index)
            parametric = cell.GetParametricCoords()
            n = cell.GetNumberOfPoints()
            corners = {1: 2, 2: 3 if cell.GetCellType() in (5, 69) else 4,
                       3: 4 if cell.GetCellType() in (10, 71) else 8}[dimension]
            simplex = corners == dimension + 1 and dimension > 1
            where = numpy.array([parametric[i] for i in range(3 * n)]).reshape(n, 3)
            place = numpy.array([cell.GetPoints().GetPoint(i) for i in range(n)])
            if simplex:
                weights = numpy.column_stack([1 - where[:, :dimension].sum(axis=1)] +
                                             [where[:, d] for d in range(dimension)])
            else:
                columns = []
                for corner in range(corners):
                    weight = numpy.ones(n)
                    for d in range(dimension):
                        weight *= where[:, d] if where[corner, d] > 0.5 else 1 - where[:, d]
                    columns.append(weight)
                weights = numpy.column_stack(columns)
            self.assertLess(numpy.max(numpy.abs(weights @ place[:corners] - place)), 1e-12)

    def test_simplices(self):
        for cell_type in ("tri", "tet"):
            for degree in (1, 2, 3):
                self.check_file(cell_type, degree, ranks=2)

    def test_tensor_cells(self):
        for cell_type, degrees in (("line", (1, 2, 5)), ("quad", (1, 2, 3, 8)), ("hex", (1, 2, 3, 4))):
            for degree in degrees:
                self.check_file(cell_type, degree, ranks=2)

    def test_file_does_not_depend_on_the_ranks(self):
        reference = None
        for ranks in (1, 3, 4):
            points, values = self.check_file("tet", 2, ranks)
            if reference is not None:
                numpy.testing.assert_allclose(points, reference[0], atol=1e-15)
                numpy.testing.assert_allclose(values, reference[1], atol=1e-9)
            reference = points, values

    def test_series_of_two_unknowns(self):
        """u = x and v = t y: each file of the series has both, at the time that the index says."""
        deck = self.deck("""
            deck_version = 1
            [mesh]
            kind = "box"
            cells = [3, 2]
            [space]
            degree = 2
            [equation]
            kind = "reaction-diffusion"
            unknowns = ["u", "v"]
            [equation.v]
            source = "y + u - x"
            [[boundary]]
            on = ["rest"]
            unknown = "u"
            value = "x"
            [[boundary]]
            on = ["left", "right"]
            unknown = "v"
            value = "t*y"
            [[boundary]]
            on = ["rest"]
            unknown = "v"
            flux = "t*ny"
            [time]
            end = 0.5
            step = 0.125
            [initial]
            u = "x"
            v = 0.0
            [output]
            every = 0.25
            [solver]
            tolerance = 1e-12
        """.replace('"t*ny"', '"t*(2*y - 1)"'))  # the normal is 2 y - 1 at the bottom and the top
        for ranks in (1, 2):
            result = self.run_deck(deck, ranks=ranks, output=f"series {ranks}")
            index = json.loads((result.folder / "results.vtkhdf.series").read_text())
            self.assertEqual([one["time"] for one in index["files"]], [0.0, 0.25, 0.5])
            for one in index["files"]:
                grid = read(result.folder / one["name"])
                points = vtk_to_numpy(grid.GetPoints().GetData())
                self.assertEqual(len(points), 7 * 5)
                for name, exact in (("u", points[:, 0]), ("v", one["time"] * points[:, 1])):
                    values = vtk_to_numpy(grid.GetPointData().GetArray(name))
                    self.assertLess(numpy.max(numpy.abs(values - exact)), 1e-9)

    def test_materials_and_geometry_of_the_quickstart(self):
        result = self.run_deck(SOURCE / "configs" / "quickstart.toml", ranks=2)
        grid = read(result.folder / "results.vtkhdf")
        quality = vtk.vtkCellSizeFilter()
        quality.SetInputData(grid)
        quality.Update()
        volumes = vtk_to_numpy(quality.GetOutput().GetCellData().GetArray("Volume"))
        regions = vtk_to_numpy(grid.GetCellData().GetArray("region"))
        # base 60 x 60 x 6 mm; seven fins 3 x 60 x 24 mm
        self.assertAlmostEqual(volumes[regions == 0].sum(), 0.06 * 0.06 * 0.006, delta=1e-12)
        self.assertAlmostEqual(volumes[regions == 1].sum(), 7 * 0.003 * 0.06 * 0.024, delta=1e-12)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
