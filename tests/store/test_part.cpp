// Parts of a mesh in files: regions, facets of sets, cuts by planes; values with fewer bits.
#include "ritz/store/part.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <numeric>

#include "hdf5.hpp"
#include "mesh_tools.hpp"
#include "ritz/store/results.hpp"

namespace {

namespace fs = std::filesystem;
using ritz::GlobalId;
using ritz::comm::Communicator;
using ritz::mesh::CellType;
using ritz::store::Handle;
using ritz::store::MeshPart;
using ritz::test::Point;
using ritz::test::Spread;

/// A dataset as doubles, read by one process.
std::vector<double> read(const std::string& path, const std::string& name) {
  using ritz::store::checked;
  Handle file = checked(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose, path, "open");
  Handle set = checked(H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT), H5Dclose, path, "open");
  Handle space = checked(H5Dget_space(set.get()), H5Sclose, path, "size");
  std::vector<double> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.get())));
  checked(H5Dread(set.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), path,
          "read");
  return values;
}

struct Grid {
  std::vector<Point> points;
  std::vector<std::vector<std::size_t>> cells;
  std::vector<double> values;
};

Grid grid_of(const std::string& path, std::size_t per_cell) {
  Grid grid;
  const std::vector<double> points = read(path, "/VTKHDF/Points");
  for (std::size_t i = 0; i < points.size(); i += 3)
    grid.points.push_back({points[i], points[i + 1], points[i + 2]});
  const std::vector<double> connectivity = read(path, "/VTKHDF/Connectivity");
  for (std::size_t i = 0; i < connectivity.size(); ++i) {
    if (i % per_cell == 0) grid.cells.emplace_back();
    grid.cells.back().push_back(static_cast<std::size_t>(connectivity[i]));
  }
  grid.values = read(path, "/VTKHDF/PointData/u");
  return grid;
}

/// Length or area of straight lines and triangles.
double measure(const Grid& grid) {
  double sum = 0;
  for (const auto& cell : grid.cells) {
    Point a{}, b{};
    for (std::size_t c = 0; c < 3; ++c) {
      a[c] = grid.points[cell[1]][c] - grid.points[cell[0]][c];
      b[c] = cell.size() > 2 ? grid.points[cell[2]][c] - grid.points[cell[0]][c] : 0;
    }
    if (cell.size() == 2) {
      sum += std::sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2]);
    } else {
      const Point n{a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2],
                    a[0] * b[1] - a[1] * b[0]};
      sum += 0.5 * std::sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
    }
  }
  return sum;
}

ritz::mesh::Mesh mesh_of(CellType type, std::array<GlobalId, 3> cells, Spread how,
                         bool curved = false) {
  ritz::test::Setup setup;
  setup.type = type;
  setup.cells = cells;
  setup.curved = curved;
  setup.distortion = curved ? 0.15 : 0.5;
  setup.how = how;
  return ritz::test::make_mesh(Communicator::world(), setup);
}

double f(const Point& x) {
  return 1 + x[0] * x[0] - 2 * x[1] * x[2] + 3 * x[2];
}

std::vector<double> nodal(const ritz::mesh::Mesh& mesh, const ritz::fem::Space& space) {
  const std::vector<double> nodes = ritz::fem::node_coordinates(mesh, space);
  std::vector<double> values;
  for (std::size_t i = 0; i < nodes.size(); i += 3)
    values.push_back(f({nodes[i], nodes[i + 1], nodes[i + 2]}));
  return values;
}

void write(const std::string& path, const MeshPart& part, const std::vector<double>& values,
           const ritz::store::WriteOptions& options = {}) {
  const ritz::store::ResultField field{"u", values};
  static_cast<void>(ritz::store::write_results(path, part, std::span(&field, 1), {}, options));
  Communicator::world().barrier();
}

std::int16_t index_of(const std::vector<std::string>& names, const std::string& name) {
  return static_cast<std::int16_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

class Parts : public testing::TestWithParam<CellType> {};

TEST_P(Parts, FacetsOfSetsLieWhereTheSetsAre) {
  const Communicator world = Communicator::world();
  const int d = ritz::mesh::table(GetParam()).dimension;
  for (const Spread how : {Spread::scattered, Spread::one_rank}) {
    const auto mesh = mesh_of(GetParam(), {3, 3, 2}, how);
    const ritz::fem::Space space(mesh, 2);
    const std::vector<std::int16_t> sets{index_of(mesh.set_names, "left"),
                                         index_of(mesh.set_names, "bottom")};
    const MeshPart part = MeshPart::facets(mesh, space, sets);
    write("facets.vtkhdf", part, nodal(mesh, space));
    if (world.is_root()) {
      const auto per_cell = part.points_per_cell();
      const Grid grid = grid_of("facets.vtkhdf", per_cell);
      EXPECT_EQ(static_cast<GlobalId>(grid.cells.size()), part.n_cells());
      // left: 3 x 2 bricks, bottom (the last coordinate is 0): 3 x 3; two triangles each of tets.
      const GlobalId a_face = GetParam() == CellType::tet ? 2 : 1;
      EXPECT_EQ(part.n_cells(), d == 2 ? 3 + 3 : a_face * (3 * 2 + 3 * 3));
      std::vector<bool> used(grid.points.size(), false);
      for (const auto& cell : grid.cells) {
        for (const std::size_t p : cell) used[p] = true;
      }
      EXPECT_EQ(std::count(used.begin(), used.end(), false), 0);
      const auto last = static_cast<std::size_t>(d - 1);
      for (std::size_t i = 0; i < grid.points.size(); ++i) {
        const Point& x = grid.points[i];
        EXPECT_TRUE(std::abs(x[0]) < 1e-14 || std::abs(x[last]) < 1e-14);
        // Of degree 2 in straight cells: exact.
        EXPECT_NEAR(grid.values[i], f(x), 1e-13);
      }
    }
    world.barrier();
  }
}

TEST_P(Parts, CutsLieInThePlaneAndFillIt) {
  const Communicator world = Communicator::world();
  const int d = ritz::mesh::table(GetParam()).dimension;
  const double third = d == 3 ? 0.3 : 0.0;
  for (const int degree : {1, 3}) {
    const auto mesh = mesh_of(GetParam(), {3, 4, 2}, Spread::scattered);
    const ritz::fem::Space space(mesh, degree);
    const Point point{0.4, 0.5, d == 3 ? 0.5 : 0.0}, normal{2.0, -0.7, third};
    const MeshPart part = MeshPart::slice(mesh, space, point, normal);
    write("cut.vtkhdf", part, nodal(mesh, space));
    if (world.is_root()) {
      const Grid grid = grid_of("cut.vtkhdf", static_cast<std::size_t>(d));
      for (std::size_t i = 0; i < grid.points.size(); ++i) {
        const Point& x = grid.points[i];
        EXPECT_NEAR(2.0 * (x[0] - point[0]) - 0.7 * (x[1] - point[1]) + third * (x[2] - point[2]),
                    0, 1e-14);
        EXPECT_NEAR(grid.values[i], f(x), degree > 1 ? 1e-13 : 0.2);
      }
      // x = 0.4 + (0.7 (y - 0.5) - third (z - 0.5)) / 2 stays inside of the box for all y and z:
      // the area is that of its shadow on the y-z plane over the cosine.
      const double length = std::sqrt(4.0 + 0.49 + third * third);
      // The faces of distorted hexes are not plane: the small triangles cut their corners.
      EXPECT_NEAR(measure(grid), length / 2.0, GetParam() == CellType::hex ? 5e-4 : 1e-12);
    }
    world.barrier();
  }
}

TEST_P(Parts, PlanesThroughVerticesAndFacesAreCutOnce) {
  const Communicator world = Communicator::world();
  const int d = ritz::mesh::table(GetParam()).dimension;
  ritz::test::Setup setup;
  setup.type = GetParam();
  setup.cells = {4, 4, 4};
  setup.distortion = 0;
  setup.how = Spread::scattered;
  const auto mesh = ritz::test::make_mesh(world, setup);
  const ritz::fem::Space space(mesh, 2);
  const double z = d == 3 ? 0.5 : 0.0;
  struct Plane {
    Point point, normal;
    double area;
  };
  const double root2 = std::sqrt(2.0);
  for (const Plane& plane : std::vector<Plane>{{{0.5, 0.5, z}, {1, 0, 0}, 1.0},  // faces of cells
                                               {{0.0, 0.5, z}, {1, 0, 0}, 1.0},  // of the box
                                               {{1.0, 0.5, z}, {1, 0, 0}, 1.0},  // the other side
                                               {{1.0, 0.5, z}, {-1, 0, 0}, 1.0},
                                               {{0.5, 0.5, z}, {1, 1, 0}, root2},  // diagonals
                                               {{0.5, 0.5, z}, {1, -1, 0}, root2},
                                               {{0.375, 0.5, z}, {0, 0, 0}, 1.0}}) {
    Plane one = plane;
    if (one.normal == Point{}) one.normal = {1, 0, 0};  // between vertices, through the nodes
    const MeshPart part = MeshPart::slice(mesh, space, one.point, one.normal);
    write("touch.vtkhdf", part, nodal(mesh, space));
    if (world.is_root()) {
      EXPECT_NEAR(measure(grid_of("touch.vtkhdf", static_cast<std::size_t>(d))), one.area, 1e-12)
          << one.point[0] << " " << one.normal[0] << " " << one.normal[1];
    }
    world.barrier();
  }
  EXPECT_EQ(MeshPart::slice(mesh, space, {1.5, 0, 0}, {1, 0, 0}).n_cells(), 0);
}

TEST_P(Parts, CutsOfBentCellsLieInThePlane) {
  const Communicator world = Communicator::world();
  const auto mesh = mesh_of(GetParam(), {3, 3, 3}, Spread::blocks, true);
  const ritz::fem::Space space(mesh, 2);
  const MeshPart part = MeshPart::slice(mesh, space, {0.5, 0.5, 0.4}, {1, 0.2, 0});
  write("bent cut.vtkhdf", part, nodal(mesh, space));
  if (world.is_root()) {
    const Grid grid = grid_of("bent cut.vtkhdf",
                              static_cast<std::size_t>(ritz::mesh::table(GetParam()).dimension));
    EXPECT_GT(grid.cells.size(), 0U);
    for (const Point& x : grid.points) EXPECT_NEAR(x[0] - 0.5 + 0.2 * (x[1] - 0.5), 0, 1e-14);
  }
  world.barrier();
}

INSTANTIATE_TEST_SUITE_P(
    Cells, Parts, testing::Values(CellType::tri, CellType::quad, CellType::tet, CellType::hex),
    [](const auto& of) { return std::string(ritz::mesh::table(of.param).name); });

TEST(PartOfARegion, HasItsCellsAndNoOthers) {
  const Communicator world = Communicator::world();
  auto mesh = mesh_of(CellType::quad, {4, 3, 1}, Spread::scattered);
  // By the cells' ids: 5 of 12 in the second region.
  mesh.region_names = {"most", "some"};
  for (std::size_t c = 0; c < mesh.cell_gid.size(); ++c)
    mesh.cell_region[c] = mesh.cell_gid[c] % 12 < 5 ? 1 : 0;
  const ritz::fem::Space space(mesh, 2);
  const std::vector<std::int16_t> second{1};
  const MeshPart part = MeshPart::regions(mesh, space, second);
  EXPECT_EQ(part.n_cells(), 5);
  write("region.vtkhdf", part, nodal(mesh, space));
  const MeshPart nothing = MeshPart::regions(mesh, space, {});
  EXPECT_EQ(nothing.n_cells(), 0);
  write("nothing.vtkhdf", nothing, nodal(mesh, space));
  if (world.is_root()) {
    const Grid grid = grid_of("region.vtkhdf", 9);
    EXPECT_EQ(grid.cells.size(), 5U);
    for (std::size_t i = 0; i < grid.points.size(); ++i)
      EXPECT_NEAR(grid.values[i], f(grid.points[i]), 1e-13);
    for (const double region : read("region.vtkhdf", "/VTKHDF/CellData/region"))
      EXPECT_EQ(region, 1);
    EXPECT_THAT(read("nothing.vtkhdf", "/VTKHDF/Offsets"), testing::ElementsAre(0));
  }
  world.barrier();
}

TEST(Series, MeshIsStoredOnceAndFoundFromEachFile) {
  const Communicator world = Communicator::world();
  const auto mesh = mesh_of(CellType::hex, {3, 2, 2}, Spread::scattered);
  const ritz::fem::Space space(mesh, 3);
  const MeshPart part = MeshPart::whole(mesh, space);
  static_cast<void>(ritz::store::write_mesh("s-mesh.vtkhdf", part, {}, 4));
  ritz::store::WriteOptions options;
  options.mesh_file = "s-mesh.vtkhdf";
  write("s-0.vtkhdf", part, nodal(mesh, space), options);
  write("s-alone.vtkhdf", part, nodal(mesh, space));
  if (world.is_root()) {
    for (const char* name :
         {"/VTKHDF/Points", "/VTKHDF/Connectivity", "/VTKHDF/Offsets", "/VTKHDF/Types",
          "/VTKHDF/CellData/region", "/VTKHDF/PointData/u", "/VTKHDF/NumberOfPoints"})
      EXPECT_EQ(read("s-0.vtkhdf", name), read("s-alone.vtkhdf", name)) << name;
    EXPECT_LT(fs::file_size("s-0.vtkhdf"), fs::file_size("s-alone.vtkhdf"));
  }
  world.barrier();
}

TEST(Rounding, KeepsTheTolerance) {
  for (const double tolerance : {0.1, 1e-2, 1e-3, 1e-5, 1e-7, 1e-12, 2e-16}) {
    double worst = 0;
    std::vector<double> values;
    for (std::uint64_t i = 0; i < 20000; ++i) {
      const double exponent = 600 * (ritz::test::unit(3 * i) - 0.5);
      values.push_back((i % 2 == 0 ? 1 : -1) * (1 + ritz::test::unit(3 * i + 1)) *
                       std::pow(2.0, exponent));
    }
    std::vector<double> rounded = values;
    ritz::store::round_mantissas(rounded, tolerance);
    for (std::size_t i = 0; i < values.size(); ++i)
      worst = std::max(worst, std::abs(rounded[i] - values[i]) / std::abs(values[i]));
    EXPECT_LE(worst, tolerance);
    // No bit is kept that is not needed: one less would not do.
    EXPECT_GT(worst, tolerance > 1e-15 ? tolerance / 4 : -1.0);
  }
  using limits = std::numeric_limits<double>;
  std::vector<double> special{0.0,
                              -0.0,
                              limits::infinity(),
                              -limits::infinity(),
                              limits::max(),
                              limits::denorm_min(),
                              limits::min() / 3,
                              1.0,
                              -2.0};
  const std::vector<double> before = special;
  special.push_back(limits::quiet_NaN());
  ritz::store::round_mantissas(special, 1e-3);
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(special[i], before[i]) << i;
  EXPECT_TRUE(std::isnan(special.back()));
  EXPECT_TRUE(std::signbit(special[1]));
}

TEST(Rounding, IsInTheFileAndToldThere) {
  const Communicator world = Communicator::world();
  const auto mesh = mesh_of(CellType::quad, {20, 20, 1}, Spread::blocks);
  const ritz::fem::Space space(mesh, 2);
  const MeshPart part = MeshPart::whole(mesh, space);
  ritz::store::WriteOptions options;
  write("exact.vtkhdf", part, nodal(mesh, space), options);
  options.relative_precision = 1e-4;
  write("rounded.vtkhdf", part, nodal(mesh, space), options);
  if (world.is_root()) {
    const std::vector<double> exact = read("exact.vtkhdf", "/VTKHDF/PointData/u");
    const std::vector<double> rounded = read("rounded.vtkhdf", "/VTKHDF/PointData/u");
    double worst = 0;
    for (std::size_t i = 0; i < exact.size(); ++i)
      worst = std::max(worst, std::abs(rounded[i] - exact[i]) / std::abs(exact[i]));
    EXPECT_LE(worst, 1e-4);
    EXPECT_GT(worst, 0);
    EXPECT_EQ(read("exact.vtkhdf", "/VTKHDF/Points"), read("rounded.vtkhdf", "/VTKHDF/Points"));
    EXPECT_EQ(ritz::store::read_provenance("rounded.vtkhdf", "relative_precision"), "0.0001");
    EXPECT_THROW(
        static_cast<void>(ritz::store::read_provenance("exact.vtkhdf", "relative_precision")),
        ritz::base::Error);
  }
  world.barrier();
}

}  // namespace
