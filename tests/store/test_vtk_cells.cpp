#include <gtest/gtest.h>

#include <algorithm>

#include "ritz/mesh/lattice.hpp"
#include "vtk_cells.hpp"

namespace {

using ritz::mesh::CellType;
using ritz::store::vtk_order;

TEST(VtkOrder, IsAPermutationForEveryCellAndOrder) {
  for (const CellType type :
       {CellType::line, CellType::quad, CellType::hex, CellType::tri, CellType::tet}) {
    for (int order = 1; order <= (ritz::mesh::is_simplex(type) ? 3 : 8); ++order) {
      std::vector<int> sorted = vtk_order(type, order);
      ASSERT_EQ(static_cast<int>(sorted.size()), ritz::mesh::n_lattice_points(type, order));
      std::sort(sorted.begin(), sorted.end());
      for (std::size_t i = 0; i < sorted.size(); ++i) EXPECT_EQ(sorted[i], static_cast<int>(i));
    }
  }
}

TEST(VtkOrder, LinearHexGoesRoundItsFaces) {
  // Tensor vertices 0..7; VTK walks 0 1 3 2 and the same above.
  EXPECT_EQ(vtk_order(CellType::hex, 1), (std::vector<int>{0, 1, 3, 2, 4, 5, 7, 6}));
  EXPECT_EQ(vtk_order(CellType::quad, 1), (std::vector<int>{0, 1, 3, 2}));
  EXPECT_EQ(vtk_order(CellType::tet, 1), (std::vector<int>{0, 1, 2, 3}));
}

}  // namespace
