#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ritz/comm/communicator.hpp"
#include "ritz/fem/sampling.hpp"
#include "ritz/mesh/cell_type.hpp"

namespace ritz::store {

/// What a VTKHDF file of an unstructured grid of one piece and one cell type holds.
struct ResultsFacts {
  mesh::CellType cell_type = mesh::CellType::hex;
  int order = 1;  ///< of the cells: 1, or that of VTK's Lagrange cells
  GlobalId n_points = 0, n_cells = 0;
  struct Field {
    std::string name;
    int n_components = 1;
  };
  std::vector<Field> fields;   ///< at points
  std::optional<double> time;  ///< of /ritz/provenance
};

/// Looks at a file without reading its points and cells (but the first cell). Files of other
/// programs are read too, if they are what ResultsFacts says and their cells are lines, triangles,
/// quadrilaterals, tetrahedra or hexahedra, linear or Lagrange, up to order 3 of simplices and 8 of
/// the others. Collective. Throws Error(io) on every rank, with what is wrong with the file.
[[nodiscard]] ResultsFacts read_facts_of_results(const comm::Communicator& communicator,
                                                 const std::string& path);

/// The cells of the file with these fields (which must be there, of one component): each rank reads
/// an equal share of the points and of the cells, by HDF5's serial driver, and gets the points of
/// its cells from the others. Collective. Throws Error(io) on every rank: a field that is not there
/// or not of one component, points that are not finite, cells of several types, of points that do
/// not exist, or of triangles and quadrilaterals that do not lie in the plane z = 0.
[[nodiscard]] fem::CellFunctions read_cell_functions(const comm::Communicator& communicator,
                                                     const std::string& path,
                                                     const ResultsFacts& facts,
                                                     const std::vector<std::string>& fields);

/// Size and CRC-32C of a file as text, "123456 bytes, CRC-32C 01234567"; each rank reads its share.
/// Collective. Throws Error(io) on every rank.
[[nodiscard]] std::string file_identity(const comm::Communicator& communicator,
                                        const std::string& path);

}  // namespace ritz::store
