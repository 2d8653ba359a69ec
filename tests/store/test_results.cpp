#include "ritz/store/results.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "hdf5.hpp"
#include "ritz/mesh/box.hpp"

namespace {

namespace fs = std::filesystem;
using ritz::GlobalId;
using ritz::comm::Communicator;
using ritz::store::Handle;

/// A dataset as doubles, read by one process.
std::vector<double> read(const std::string& path, const std::string& name) {
  Handle file = ritz::store::checked(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose,
                                     path, "open");
  Handle set =
      ritz::store::checked(H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT), H5Dclose, path, "open");
  Handle space = ritz::store::checked(H5Dget_space(set.get()), H5Sclose, path, "size");
  std::vector<double> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.get())));
  ritz::store::checked(
      H5Dread(set.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), path,
      "read");
  return values;
}

ritz::mesh::Mesh box(ritz::mesh::CellType type, std::array<GlobalId, 3> cells, int to_rank = -1) {
  ritz::mesh::Box options;
  options.cell_type = type;
  options.cells = cells;
  options.distortion = ritz::mesh::Box::Distortion::smooth;
  options.distortion_amount = 0.05;
  const Communicator world = Communicator::world();
  const ritz::mesh::Mesh raw = ritz::mesh::make_box(world, options);
  std::vector<int> part(static_cast<std::size_t>(raw.n_cells_owned));
  for (std::size_t c = 0; c < part.size(); ++c) {
    part[c] = to_rank >= 0 ? to_rank : static_cast<int>((raw.cell_gid[c] * 7 + 3) % world.size());
  }
  return ritz::mesh::distribute(raw, part, true);
}

double f(double x, double y, double z) {
  return 1 + x - 2 * y + 3 * z;
}

void write_and_check(const ritz::mesh::Mesh& mesh, int degree, int compression,
                     const std::string& path) {
  const ritz::fem::Space space(mesh, degree);
  const std::vector<double> nodes = ritz::fem::node_coordinates(mesh, space);
  std::vector<double> values;
  for (std::size_t i = 0; i < nodes.size(); i += 3)
    values.push_back(f(nodes[i], nodes[i + 1], nodes[i + 2]));
  const ritz::store::ResultField field{"u", values};
  const std::string long_text(100000, 'x');
  const auto written = ritz::store::write_results(
      path, mesh, space, std::span(&field, 1),
      {{"deck", long_text}, {"title", "\xc3\xa9t\xc3\xa9"}, {"empty", ""}}, compression);
  EXPECT_EQ(written.file_bytes, static_cast<double>(fs::file_size(path)));
  if (mesh.communicator.is_root()) {
    EXPECT_EQ(ritz::store::read_provenance(path, "deck"), long_text);
    EXPECT_EQ(ritz::store::read_provenance(path, "title"), "\xc3\xa9t\xc3\xa9");
    EXPECT_EQ(ritz::store::read_provenance(path, "empty"), "");
    const std::vector<double> points = read(path, "/VTKHDF/Points");
    const std::vector<double> u = read(path, "/VTKHDF/PointData/u");
    ASSERT_EQ(static_cast<GlobalId>(u.size()), space.n_global);
    ASSERT_EQ(points.size(), 3 * u.size());
    // Linear in x on every mesh: interpolation at the equispaced points is exact for affine cells;
    // on distorted tensor cells of degree 1 the nodes are the points themselves.
    for (std::size_t i = 0; i < u.size(); ++i) {
      EXPECT_NEAR(u[i], f(points[3 * i], points[3 * i + 1], points[3 * i + 2]), 1e-12);
    }
    const std::vector<double> offsets = read(path, "/VTKHDF/Offsets");
    ASSERT_EQ(static_cast<GlobalId>(offsets.size()), mesh.n_cells_global + 1);
    const int per_cell = ritz::mesh::n_lattice_points(mesh.cell_type, degree);
    for (std::size_t c = 0; c < offsets.size(); ++c)
      EXPECT_EQ(offsets[c], static_cast<double>(c) * per_cell);
    EXPECT_EQ(read(path, "/VTKHDF/NumberOfCells")[0], static_cast<double>(mesh.n_cells_global));
    for (double point : read(path, "/VTKHDF/Connectivity")) {
      EXPECT_GE(point, 0);
      EXPECT_LT(point, static_cast<double>(space.n_global));
    }
  }
  mesh.communicator.barrier();
}

TEST(Results, EveryCellTypeDegreeAndCompression) {
  using enum ritz::mesh::CellType;
  // An isoparametric map of degree 1 composed with a linear f is in the space for every degree.
  for (const auto type : {line, tri, quad, tet, hex}) {
    for (int degree : {1, 2, 3}) {
      write_and_check(box(type, {3, 2, 2}), degree, degree == 2 ? 0 : 4, "results.vtkhdf");
    }
  }
}

TEST(Results, RanksWithoutCellsTakePart) {
  const int last = Communicator::world().size() - 1;
  write_and_check(box(ritz::mesh::CellType::quad, {2, 1, 1}, last), 2, 6, "on one rank.vtkhdf");
  write_and_check(box(ritz::mesh::CellType::line, {1, 1, 1}), 1, 6, "one cell.vtkhdf");
}

TEST(Results, FileThatCannotBeWrittenIsTheSameErrorOnEveryRank) {
  const ritz::mesh::Mesh mesh = box(ritz::mesh::CellType::quad, {2, 2, 1});
  const ritz::fem::Space space(mesh, 1);
  try {
    static_cast<void>(
        ritz::store::write_results("no such folder/x.vtkhdf", mesh, space, {}, {}, 4));
    FAIL() << "wrote into a folder that does not exist";
  } catch (const ritz::base::Error& error) {
    EXPECT_EQ(error.code(), ritz::base::ExitCode::io);
    EXPECT_THAT(error.what(), testing::HasSubstr("no such folder/x.vtkhdf"));
  }
}

TEST(Results, WrongFieldOnOneRankIsTheSameErrorOnEveryRank) {
  const ritz::mesh::Mesh mesh = box(ritz::mesh::CellType::quad, {4, 4, 1});
  const ritz::fem::Space space(mesh, 1);
  const bool last = mesh.communicator.rank() == mesh.communicator.size() - 1;
  const auto n = static_cast<std::size_t>(space.n_local()) + (last ? 1 : 0);
  const std::vector<double> values(n, 1.0);
  const ritz::store::ResultField field{"u", values};
  try {
    static_cast<void>(
        ritz::store::write_results("wrong.vtkhdf", mesh, space, std::span(&field, 1), {}, 4));
    FAIL() << "wrote a field of another length";
  } catch (const ritz::base::Error& error) {
    EXPECT_EQ(error.code(), ritz::base::ExitCode::internal);
    EXPECT_THAT(error.what(), testing::HasSubstr("field 'u' has"));
  }
  EXPECT_FALSE(fs::exists("wrong.vtkhdf"));
}

TEST(Results, ProvenanceIsTheRootsOnEveryRank) {
  const ritz::mesh::Mesh mesh = box(ritz::mesh::CellType::quad, {4, 4, 1});
  const ritz::fem::Space space(mesh, 1);
  // Attributes of different lengths would leave the ranks with different ideas of the file.
  const int rank = mesh.communicator.rank();
  static_cast<void>(ritz::store::write_results(
      "provenance.vtkhdf", mesh, space, {},
      {{"warnings", std::string(static_cast<std::size_t>(10 + 1000 * rank), 'w')}}, 4));
  if (rank == 0) {
    EXPECT_EQ(ritz::store::read_provenance("provenance.vtkhdf", "warnings"), std::string(10, 'w'));
  }
  mesh.communicator.barrier();
}

TEST(Provenance, OfAForeignFileIsAnError) {
  EXPECT_THROW(static_cast<void>(ritz::store::read_provenance("/dev/null", "deck")),
               ritz::base::Error);
}

}  // namespace
