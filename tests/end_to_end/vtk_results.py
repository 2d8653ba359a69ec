"""Results as VTK's own reader sees them."""

from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOHDF import vtkHDFReader


def read(path):
    reader = vtkHDFReader()
    reader.SetFileName(str(path))
    reader.Update()
    return reader.GetOutput()


def point_data(path):
    """Points [n][3] and the fields at them by name, as copies that outlive the reader."""
    grid = read(path)
    data = grid.GetPointData()
    return (vtk_to_numpy(grid.GetPoints().GetData()).copy(),
            {data.GetArrayName(i): vtk_to_numpy(data.GetArray(i)).copy()
             for i in range(data.GetNumberOfArrays())})
