// Files of results as functions again, on any mesh.
#include "ritz/store/read_results.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>

#include "hdf5.hpp"
#include "mesh_tools.hpp"
#include "ritz/store/results.hpp"

namespace {

namespace fs = std::filesystem;
using ritz::GlobalId;
using ritz::comm::Communicator;
using ritz::mesh::CellType;
using ritz::store::Handle;
using ritz::test::Point;
using ritz::test::Spread;

using Function = std::function<double(const Point&)>;

void write(const std::string& path, const ritz::mesh::Mesh& mesh, int degree,
           const std::vector<std::pair<std::string, Function>>& functions,
           const ritz::store::Provenance& provenance = {}) {
  const ritz::fem::Space space(mesh, degree);
  const std::vector<double> nodes = ritz::fem::node_coordinates(mesh, space);
  std::vector<std::vector<double>> values;
  for (const auto& [name, f] : functions) {
    std::vector<double>& one = values.emplace_back();
    for (std::size_t i = 0; i < nodes.size(); i += 3)
      one.push_back(f({nodes[i], nodes[i + 1], nodes[i + 2]}));
  }
  std::vector<ritz::store::ResultField> fields;
  for (std::size_t i = 0; i < values.size(); ++i) fields.push_back({functions[i].first, values[i]});
  static_cast<void>(ritz::store::write_results(path, mesh, space, fields, provenance, 4));
}

ritz::fem::CellFunctions read(const std::string& path, const std::vector<std::string>& names) {
  const Communicator world = Communicator::world();
  return ritz::store::read_cell_functions(world, path,
                                          ritz::store::read_facts_of_results(world, path), names);
}

std::vector<Point> nodes_of(const ritz::mesh::Mesh& mesh, int degree) {
  const ritz::fem::Space space(mesh, degree);
  const std::vector<double> nodes = ritz::fem::node_coordinates(mesh, space);
  std::vector<Point> points;
  for (std::size_t i = 0; i < static_cast<std::size_t>(space.n_owned); ++i)
    points.push_back({nodes[3 * i], nodes[3 * i + 1], nodes[3 * i + 2]});
  return points;
}

ritz::test::Setup setup(CellType type, bool curved, std::array<GlobalId, 3> cells, Spread how) {
  ritz::test::Setup result;
  result.type = type;
  result.curved = curved;
  result.distortion = curved ? 0.15 : 0.6;
  result.cells = cells;
  result.how = how;
  return result;
}

/// The text of the error of reading, the same on every rank.
std::string refusal(const std::string& path, const std::vector<std::string>& names) {
  try {
    static_cast<void>(read(path, names));
  } catch (const ritz::base::Error& error) {
    EXPECT_EQ(error.code(), ritz::base::ExitCode::io);
    return error.what();
  }
  return "";
}

/// Puts numbers into a dataset of a file, on the root alone.
void overwrite(const std::string& path, const std::string& name, std::size_t at, double value) {
  const Communicator world = Communicator::world();
  if (world.is_root()) {
    using ritz::store::checked;
    Handle file = checked(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose, path, "open");
    Handle set = checked(H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT), H5Dclose, path, "open");
    Handle space = checked(H5Dget_space(set.get()), H5Sclose, path, "size");
    std::vector<double> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.get())));
    checked(H5Dread(set.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
            path, "read");
    values.at(at) = value;
    checked(H5Dwrite(set.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
            path, "write");
  }
  world.barrier();
}

class ReadResults : public testing::TestWithParam<CellType> {};

TEST_P(ReadResults, FunctionsOfTheElementComeBackOnAnotherMesh) {
  const Communicator world = Communicator::world();
  const int highest = ritz::mesh::is_simplex(GetParam()) ? 3 : 4;
  for (const int degree : {1, highest}) {
    const auto from =
        ritz::test::make_mesh(world, setup(GetParam(), false, {4, 3, 2}, Spread::scattered));
    // Of total degree `degree`, and so in the element of every cell with straight edges.
    const auto p = [&](const Point& x) {
      return 1 + std::pow(x[0] + 0.5 * x[1] - 0.7 * x[2], degree) - x[0];
    };
    const auto q = [&](const Point& x) { return 3 - 2 * p(x); };
    write("there.vtkhdf", from, degree, {{"u", p}, {"v", q}}, {{"time", "0.25"}});
    const auto facts = ritz::store::read_facts_of_results(world, "there.vtkhdf");
    EXPECT_EQ(facts.cell_type, GetParam());
    EXPECT_EQ(facts.order, degree);
    EXPECT_EQ(facts.n_cells, from.n_cells_global);
    EXPECT_EQ(facts.time, 0.25);
    ASSERT_EQ(facts.fields.size(), 2U);
    const auto cells = read("there.vtkhdf", {"v", "u"});
    EXPECT_EQ(cells.geometry_order, 1);
    const auto to =
        ritz::test::make_mesh(world, setup(GetParam(), false, {3, 4, 3}, Spread::one_rank));
    const std::vector<Point> points = nodes_of(to, std::min(degree + 1, highest));
    const auto samples = ritz::fem::sample(world, cells, points);
    for (std::size_t i = 0; i < points.size(); ++i) {
      // Values at equispaced points of degree 4 lose about two digits to round-off.
      EXPECT_NEAR(samples.values[2 * i], q(points[i]), 1e-12) << "degree " << degree;
      EXPECT_NEAR(samples.values[2 * i + 1], p(points[i]), 1e-12);
      EXPECT_EQ(samples.distance[i], 0.0);
    }
  }
}

TEST_P(ReadResults, CurvedCellsAndTheirNodes) {
  const Communicator world = Communicator::world();
  for (const int degree : {1, 3}) {
    const auto from =
        ritz::test::make_mesh(world, setup(GetParam(), true, {3, 3, 2}, Spread::scattered));
    const auto f = [](const Point& x) { return std::cos(3 * x[0]) + x[1] * x[1] - x[2]; };
    write("bent.vtkhdf", from, degree, {{"u", f}});
    const auto cells = read("bent.vtkhdf", {"u"});
    EXPECT_EQ(cells.geometry_order, 2);
    const auto to =
        ritz::test::make_mesh(world, setup(GetParam(), true, {3, 3, 2}, Spread::blocks));
    const std::vector<Point> points = nodes_of(to, degree);
    const auto samples = ritz::fem::sample(world, cells, points);
    for (std::size_t i = 0; i < points.size(); ++i) {
      EXPECT_NEAR(samples.values[i], f(points[i]), 1e-11) << "degree " << degree;
      EXPECT_EQ(samples.distance[i], 0.0);
    }
  }
}

TEST_P(ReadResults, OrderOfInterpolation) {
  // A smooth function: the error at places between the nodes falls as h^(k+1).
  const Communicator world = Communicator::world();
  const auto f = [](const Point& x) { return std::sin(2 * x[0] + x[1] - 1.5 * x[2]); };
  std::vector<Point> points;
  for (std::uint64_t i = 0; i < 400; ++i) {
    Point x{};
    for (std::size_t c = 0; c < 3; ++c)
      x[c] = ritz::test::unit(3 * i + c + 5000 * static_cast<std::uint64_t>(world.rank()));
    points.push_back(x);
  }
  const auto d = ritz::mesh::table(GetParam()).dimension;
  for (Point& x : points) {
    for (int c = d; c < 3; ++c) x[static_cast<std::size_t>(c)] = 0;
  }
  for (const int degree : {2}) {
    std::vector<double> errors;
    for (const GlobalId n : {2, 4}) {
      auto how = setup(GetParam(), false, {n, n, n}, Spread::scattered);
      how.distortion = 0;
      write("smooth.vtkhdf", ritz::test::make_mesh(world, how), degree, {{"u", f}});
      const auto samples = ritz::fem::sample(world, read("smooth.vtkhdf", {"u"}), points);
      double sum = 0;
      for (std::size_t i = 0; i < points.size(); ++i)
        sum += std::pow(samples.values[i] - f(points[i]), 2);
      errors.push_back(std::sqrt(world.sum(sum)));
    }
    // Two coarse meshes: half an order is what the next terms may change.
    EXPECT_NEAR(std::log2(errors[0] / errors[1]), degree + 1, 0.5) << "degree " << degree;
  }
}

INSTANTIATE_TEST_SUITE_P(Cells, ReadResults, testing::ValuesIn(ritz::test::all_cell_types()),
                         [](const auto& of) {
                           return std::string(ritz::mesh::table(of.param).name);
                         });

TEST(ReadResultsOfBadFiles, SayWhatIsWrong) {
  using testing::HasSubstr;
  const Communicator world = Communicator::world();
  const std::string path = "bad.vtkhdf";
  const auto mesh =
      ritz::test::make_mesh(world, setup(CellType::quad, false, {3, 3, 1}, Spread::blocks));
  const auto fresh = [&] {
    write(path, mesh, 1, {{"temperature", [](const Point& x) { return x[0]; }}});
  };
  fresh();
  EXPECT_THAT(refusal(path, {"temperatur"}),
              HasSubstr("no field 'temperatur'; did you mean 'temperature'?"));
  EXPECT_THAT(refusal("nowhere.vtkhdf", {}), HasSubstr("there is no such file"));
  overwrite(path, "/VTKHDF/Connectivity", 5, 1000);
  EXPECT_THAT(refusal(path, {"temperature"}), HasSubstr("a cell has point 1000 and there are 16"));
  fresh();
  overwrite(path, "/VTKHDF/Offsets", 4, 17);
  EXPECT_THAT(refusal(path, {}), HasSubstr("does not have 4 points as the others"));
  fresh();
  overwrite(path, "/VTKHDF/Types", 3, 5);
  EXPECT_THAT(refusal(path, {}), HasSubstr("cell 3 has VTK's type 5, others 9"));
  fresh();
  overwrite(path, "/VTKHDF/Points", 5, 0.25);
  EXPECT_THAT(refusal(path, {}), HasSubstr("do not lie in 2 dimensions: z = 0.25 at point 1"));
  fresh();
  overwrite(path, "/VTKHDF/Points", 4, std::nan(""));
  EXPECT_THAT(refusal(path, {}), HasSubstr("point 1 is not at a finite place"));
  fresh();
  overwrite(path, "/VTKHDF/NumberOfCells", 0, 7);
  EXPECT_THAT(refusal(path, {}), HasSubstr("7 cells with 36 points in all"));
  fresh();
  overwrite(path, "/VTKHDF/NumberOfCells", 0, 0);
  EXPECT_THAT(refusal(path, {}), HasSubstr("there are no cells in this file"));
  fresh();
  overwrite(path, "/VTKHDF/NumberOfPoints", 0, 17);
  EXPECT_THAT(refusal(path, {}), HasSubstr("does not have the shape"));

  // Cut off anywhere, and no HDF5 file at all.
  fresh();
  const auto size = static_cast<std::uintmax_t>(world.is_root() ? fs::file_size(path) : 0);
  for (const double part : {0.0, 0.1, 0.5, 0.9, 0.999}) {
    fresh();
    if (world.is_root())
      fs::resize_file(path, static_cast<std::uintmax_t>(part * static_cast<double>(size)));
    world.barrier();
    EXPECT_THAT(refusal(path, {"temperature"}), HasSubstr("open the file")) << part;
  }
  if (world.is_root()) std::ofstream(path) << "results";
  world.barrier();
  EXPECT_THAT(refusal(path, {}), HasSubstr("is it an HDF5 file, and complete?"));
}

TEST(ReadResultsOfBadFiles, VectorsAreRefused) {
  const Communicator world = Communicator::world();
  ritz::store::ResultsFacts facts;
  const auto mesh =
      ritz::test::make_mesh(world, setup(CellType::tri, false, {2, 2, 1}, Spread::blocks));
  write("vectors.vtkhdf", mesh, 1, {{"u", [](const Point&) { return 1; }}});
  facts = ritz::store::read_facts_of_results(world, "vectors.vtkhdf");
  facts.fields.front().n_components = 3;
  try {
    static_cast<void>(ritz::store::read_cell_functions(world, "vectors.vtkhdf", facts, {"u"}));
    FAIL() << "read a field of three components";
  } catch (const ritz::base::Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("the field 'u' has 3 components (must be 1)"));
  }
}

TEST(FileIdentity, DoesNotDependOnTheRanks) {
  const Communicator world = Communicator::world();
  // Of nine bytes: RFC 3720's check value of CRC-32C.
  if (world.is_root()) std::ofstream("digits.txt") << "123456789";
  world.barrier();
  EXPECT_EQ(ritz::store::file_identity(world, "digits.txt"), "9 bytes, CRC-32C e3069283");
  EXPECT_THROW(static_cast<void>(ritz::store::file_identity(world, "none.txt")), ritz::base::Error);
}

}  // namespace
