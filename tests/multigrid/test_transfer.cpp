#include <gtest/gtest.h>

#include "cell_transfer.hpp"
#include "multigrid_tools.hpp"
#include "refinement_transfer.hpp"

namespace ritz::multigrid {
namespace {

using test::world;

/// A polynomial of degree k in each variable on a mesh whose cells are affine, or the function's
/// interpolant on others: what both spaces hold exactly is the coarse function itself, so the test
/// interpolates on the coarse space and compares with its values at the fine nodes.
template <class T>
std::vector<T> random_values(const fem::Space& space, std::uint64_t seed, LocalId n) {
  std::vector<T> u(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < u.size(); ++i) {
    u[i] = static_cast<T>(
        2 * test::unit(static_cast<std::uint64_t>(space.dof_gid[i]) + seed * 1000003) - 1);
  }
  return u;
}

/// The coarse function at the node of fine dof i, for all owned dofs, by fem::evaluate in a cell
/// that `where` gives: (coarse cell, reference point) of node v of fine cell c.
template <class Where>
std::vector<double> reference_values(const mesh::Mesh& fine_mesh, const fem::Space& fine,
                                     const mesh::Mesh& coarse_mesh, const fem::Space& coarse,
                                     const std::vector<double>& u, const Where& where) {
  std::vector<double> values(static_cast<std::size_t>(fine.n_owned));
  for (LocalId cell = 0; cell < fine_mesh.n_cells_owned; ++cell) {
    for (int v = 0; v < fine.element.n_nodes(); ++v) {
      const LocalId dof = fine.dofs(cell)[static_cast<std::size_t>(v)];
      if (dof >= fine.n_owned) continue;
      const auto [coarse_cell, point] = where(cell, v);
      values[static_cast<std::size_t>(dof)] =
          fem::evaluate(coarse_mesh, coarse, u, coarse_cell, point);
    }
  }
  return values;
}

/// Prolongation against `expected` for the values u of the coarse space, and the restriction
/// against the prolongation as its transpose.
template <class T, class Transfer>
void check_transfer(const Transfer& transfer, const fem::Space& fine, const fem::Space& coarse,
                    const std::vector<double>& u, const std::vector<double>& expected) {
  // Sums of up to 5^3 products of numbers of size 1, three times over.
  const double tolerance = 300 * std::numeric_limits<T>::epsilon();
  std::vector<T> from(u.begin(), u.end());
  std::fill(from.begin() + coarse.n_owned, from.end(), T(1e6));  // ghosts are not looked at
  std::vector<T> to(static_cast<std::size_t>(fine.n_owned), T(0.25));
  transfer.prolongate(from.data(), to.data());
  for (std::size_t i = 0; i < to.size(); ++i) {
    ASSERT_NEAR(to[i], 0.25 + expected[i], tolerance) << "fine dof " << i;
  }

  const std::vector<T> r = random_values<T>(fine, 9, fine.n_owned);
  std::vector<T> back(static_cast<std::size_t>(coarse.n_local()), T(-7));  // must be overwritten
  transfer.restrict_residual(r.data(), back.data());
  double left = 0, right = 0, size = 0;
  for (std::size_t i = 0; i < r.size(); ++i) left += r[i] * expected[i];
  for (std::size_t i = 0; i < static_cast<std::size_t>(coarse.n_owned); ++i) {
    right += back[i] * u[i];
    size += std::abs(back[i] * u[i]);
  }
  size = world().sum(size);
  EXPECT_NEAR(world().sum(left), world().sum(right), tolerance * size);

  // Each entry by itself: column j of P^T is P e_j; sums tell them apart only by luck.
  std::vector<T> e(static_cast<std::size_t>(coarse.n_local()), T(0));
  for (const GlobalId id : {GlobalId{0}, coarse.n_global / 2, coarse.n_global - 1}) {
    std::fill(e.begin(), e.end(), T(0));
    std::fill(to.begin(), to.end(), T(0));
    const bool mine = id >= coarse.first && id < coarse.first + coarse.n_owned;
    if (mine) e[static_cast<std::size_t>(id - coarse.first)] = T(1);
    transfer.prolongate(e.data(), to.data());
    double sum = 0;
    for (std::size_t i = 0; i < to.size(); ++i) sum += static_cast<double>(to[i]) * r[i];
    sum = world().sum(sum);
    if (!mine) continue;
    EXPECT_NEAR(back[static_cast<std::size_t>(id - coarse.first)], sum, 10 * tolerance);
  }
}

template <class T>
void check_degrees(const mesh::Mesh& mesh, int degree) {
  SCOPED_TRACE(testing::Message() << "degree " << degree << ", dimension " << mesh.dimension());
  const fem::Space fine(mesh, degree), coarse(mesh, degree / 2);
  const CellTransfer<T> transfer(mesh, fine, coarse);
  const std::vector<double> u = random_values<double>(coarse, 3, coarse.n_local());
  const auto expected = reference_values(mesh, fine, mesh, coarse, u, [&](LocalId cell, int v) {
    return std::pair{cell, fine.element.nodes()[static_cast<std::size_t>(v)]};
  });
  check_transfer<T>(transfer, fine, coarse, u, expected);
}

TEST(CellTransfer, InterpolatesExactlyAndTransposes) {
  for (const auto how : {test::Spread::blocks, test::Spread::scattered, test::Spread::one_rank}) {
    for (const auto type : {mesh::CellType::line, mesh::CellType::quad, mesh::CellType::hex}) {
      const mesh::Mesh mesh =
          test::make_mesh(world(), {.type = type, .cells = {5, 3, 2}, .how = how, .curved = true});
      for (int degree = 2; degree <= 8; ++degree) {
        check_degrees<double>(mesh, degree);
        check_degrees<float>(mesh, degree);
      }
    }
  }
}

TEST(CellTransfer, AddsAcrossChunksOfCells) {
  // 128 batches of 8 or 16 cells are one chunk.
  const mesh::Mesh mesh = test::make_mesh(world(), {.type = mesh::CellType::quad,
                                                    .cells = {70, 70 * world().size(), 1},
                                                    .how = test::Spread::scattered});
  ASSERT_GT(mesh.n_cells_owned, 2 * 128 * 16);
  check_degrees<double>(mesh, 3);
  check_degrees<float>(mesh, 2);
}

/// The two finest meshes of a hierarchy, spaces of the same degree.
template <class T>
void check_halves(const mesh::Hierarchy& hierarchy, int degree) {
  const std::size_t n = hierarchy.meshes.size();
  const mesh::Mesh& coarse_mesh = hierarchy.meshes[n - 2];
  const mesh::Mesh& fine_mesh = hierarchy.meshes[n - 1];
  const mesh::Parents& parents = hierarchy.parents[n - 2];
  SCOPED_TRACE(testing::Message() << "degree " << degree << ", dimension " << fine_mesh.dimension()
                                  << ", halved " << static_cast<int>(parents.halved));
  const fem::Space fine(fine_mesh, degree), coarse(coarse_mesh, degree);
  const std::vector<double> u = random_values<double>(coarse, 3, coarse.n_local());
  const auto expected =
      reference_values(fine_mesh, fine, coarse_mesh, coarse, u, [&](LocalId cell, int v) {
        const auto i = static_cast<std::size_t>(cell);
        std::array<double, 3> point = fine.element.nodes()[static_cast<std::size_t>(v)];
        for (std::size_t d = 0; d < 3; ++d) {
          if ((parents.halved >> d & 1) == 0) continue;
          point[d] = 0.5 * (point[d] + (parents.corner[i] >> d & 1));
        }
        return std::pair{parents.cell[i], point};
      });
  if (degree == 1) {
    check_transfer<T>(RefinementTransfer<T>(fine, fine_mesh.n_cells_owned, coarse, parents), fine,
                      coarse, u, expected);
  } else {
    check_transfer<T>(CellTransfer<T>(fine_mesh, fine, coarse_mesh, coarse, parents), fine, coarse,
                      u, expected);
  }
}

TEST(CellTransfer, HalvesDirectionsOfBoxes) {
  for (const auto type : {mesh::CellType::line, mesh::CellType::quad, mesh::CellType::hex}) {
    mesh::Box box;
    box.cell_type = type;
    box.cells = {6, 4, 4};
    const mesh::Directions all = mesh::all_directions(mesh::table(type).dimension);
    for (mesh::Directions halved = 1; halved <= all; ++halved) {
      const mesh::Hierarchy hierarchy =
          mesh::make_box_hierarchy(world(), box, {halved}, [](const mesh::Mesh& raw) {
            std::vector<int> part;  // scattered
            for (const GlobalId id : raw.cell_gid) {
              part.push_back(static_cast<int>(7 * id * id % raw.communicator.size()));
            }
            return part;
          });
      for (int degree = 1; degree <= 8; ++degree) {
        // All degrees in one direction and in all, to save time.
        if (degree > 3 && halved != 1 && halved != all) continue;
        check_halves<double>(hierarchy, degree);
        check_halves<float>(hierarchy, degree);
      }
    }
  }
}

TEST(CellTransfer, HalvesTurnedCells) {
  for (const auto type : {mesh::CellType::quad, mesh::CellType::hex}) {
    mesh::Hierarchy hierarchy =
        mesh::single(test::make_mesh(world(), {.type = type, .how = test::Spread::scattered}));
    mesh::refine(hierarchy, 1);
    check_halves<double>(hierarchy, 2);
    check_halves<float>(hierarchy, 5);
  }
}

TEST(CellTransfer, AddsAcrossChunksOfCellsWithChildren) {
  mesh::Box box;
  box.cell_type = mesh::CellType::quad;
  box.cells = {70, 140 * world().size(), 1};
  const mesh::Hierarchy hierarchy = test::box_hierarchy(box, std::vector<mesh::Directions>{2});
  ASSERT_GT(hierarchy.meshes[0].n_cells_owned, 2 * 128 * 16);
  check_halves<double>(hierarchy, 3);
  check_halves<float>(hierarchy, 2);
}

TEST(RefinementTransfer, InterpolatesExactlyAndTransposes) {
  for (const auto how : {test::Spread::blocks, test::Spread::scattered, test::Spread::one_rank}) {
    for (const auto type : {mesh::CellType::line, mesh::CellType::quad, mesh::CellType::hex}) {
      SCOPED_TRACE(mesh::table(type).name);
      mesh::Hierarchy hierarchy =
          mesh::single(test::make_mesh(world(), {.type = type, .how = how}));
      mesh::refine(hierarchy, 1);
      const mesh::Mesh& coarse_mesh = hierarchy.meshes[0];
      const mesh::Mesh& fine_mesh = hierarchy.meshes[1];
      const mesh::Parents& parents = hierarchy.parents[0];
      const fem::Space fine(fine_mesh, 1), coarse(coarse_mesh, 1);
      const std::vector<double> u = random_values<double>(coarse, 3, coarse.n_local());
      const auto expected =
          reference_values(fine_mesh, fine, coarse_mesh, coarse, u, [&](LocalId cell, int v) {
            const auto i = static_cast<std::size_t>(cell);
            const auto& here = mesh::table(type).vertices[static_cast<std::size_t>(v)];
            const auto& corner = mesh::table(type).vertices[parents.corner[i]];
            std::array<double, 3> point{};
            for (std::size_t d = 0; d < 3; ++d) point[d] = 0.5 * (here[d] + corner[d]);
            return std::pair{parents.cell[i], point};
          });
      check_transfer<double>(
          RefinementTransfer<double>(fine, fine_mesh.n_cells_owned, coarse, parents), fine, coarse,
          u, expected);
      check_transfer<float>(
          RefinementTransfer<float>(fine, fine_mesh.n_cells_owned, coarse, parents), fine, coarse,
          u, expected);
    }
  }
}

}  // namespace
}  // namespace ritz::multigrid
