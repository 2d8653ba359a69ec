// The same bits for every number of ranks and threads and every size of tiles.
#include <gtest/gtest.h>

#include <cstring>

#include "form_tools.hpp"

using namespace ritz;
using mesh::CellType;
using test::Point;
using test::System;

namespace {

bool same_bits(double a, double b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

/// A distorted mesh whose coordinates are the same bits on every number of ranks.
mesh::Mesh make(const comm::Communicator& communicator, CellType type, bool curved,
                test::Spread how) {
  mesh::Box box;
  box.cell_type = type;
  box.cells = {4, 3, 3};
  for (std::size_t c = static_cast<std::size_t>(mesh::table(type).dimension); c < 3; ++c)
    box.cells[c] = 1;
  if (box.cells[1] == 1) box.cells[0] = 23;
  mesh::Mesh mesh = mesh::make_box(communicator, box);
  test::scramble(mesh, 3);
  if (curved) test::bend(mesh, test::gently_bent);
  // Nodes computed in different cells differ in the last bits: cut those off, then distort by a
  // function of what is left.
  test::move_nodes(mesh, [](const Point& x) {
    Point y{};
    for (std::size_t c = 0; c < 3; ++c) y[c] = std::round(x[c] * 0x1p30) * 0x1p-30;
    return Point{y[0] + 0.02 * y[1] * y[2], y[1] - 0.03 * y[0] * y[2], y[2] + 0.02 * y[0] * y[1]};
  });
  return test::spread(mesh, how);
}

/// Everything on: a varying tensor, advection, reaction, source, flux, Robin, prescribed values.
physics::Form make_form(const mesh::Mesh& mesh, bool varying) {
  const int dim = mesh.dimension();
  physics::Form form = test::diffusion_form(dim, test::number(1));
  physics::RegionForm& region = form.regions[0];
  if (varying) {
    region.diffusion_kind = physics::DiffusionKind::tensor;
    region.diffusion.clear();
    for (int i = 0; i < dim * dim; ++i) {
      region.diffusion.push_back(
          test::formula(i % (dim + 1) == 0 ? "1 + exp(x)*sqrt(1 + y^2)" : "0.1*sin(3*x + z)"));
    }
    region.has_reaction = true;
    region.reaction = test::formula("x^3*y + 1/(1 + x)");
  } else {
    region.diffusion = {test::number(1.0 / 3.0)};
  }
  for (int i = 0; i < dim; ++i) region.advection.push_back(test::number(0.1 + i));
  region.has_source = true;
  region.source = varying ? test::formula("cos(x*y)") : test::number(0.7);
  auto value = test::boundary(mesh, physics::BoundaryForm::Kind::value, {"left"});
  value.value = test::formula("1 + x*y - exp(y)*z");
  form.boundaries.push_back(value);
  auto robin = test::boundary(mesh, physics::BoundaryForm::Kind::robin, {"right"});
  robin.coefficient = test::formula("2 + sin(y)");
  robin.ambient = test::number(0.3);
  form.boundaries.push_back(robin);
  if (dim > 1) {
    auto flux = test::boundary(mesh, physics::BoundaryForm::Kind::flux, {"top", "bottom"});
    flux.value = test::formula("x/3");
    form.boundaries.push_back(flux);
  }
  return form;
}

struct Everything {
  Everything(const comm::Communicator& communicator, CellType type, int degree, bool curved,
             bool varying, test::Spread how, const test::Assembler::Options& options = {})
      : mesh(make(communicator, type, curved, how)),
        space(mesh, degree),
        form(make_form(mesh, varying)),
        fixed(assembly::fixed_values(mesh, space, form)),
        system(mesh, space, form, fixed.constraints, options) {}
  mesh::Mesh mesh;
  fem::Space space;
  physics::Form form;
  assembly::FixedValues fixed;
  System system;
};

class OnEachCell : public ::testing::TestWithParam<CellType> {};
INSTANTIATE_TEST_SUITE_P(Cells, OnEachCell, ::testing::ValuesIn(test::all_cell_types()),
                         [](const auto& cell) { return test::name_of(cell.param); });

void expect_same(const Everything& one, const Everything& whole) {
  const auto reference = whole.system.by_gid();
  std::map<GlobalId, double> load;
  for (std::size_t i = 0; i < whole.system.load.size(); ++i)
    load[whole.space.dof_gid[i]] = whole.system.load[i];
  std::size_t n_entries = 0, n_different = 0;
  for (const auto& [place, value] : one.system.by_gid()) {
    const auto found = reference.find(place);
    ASSERT_NE(found, reference.end());
    n_different += same_bits(found->second, value) ? 0 : 1;
    ++n_entries;
  }
  for (std::size_t i = 0; i < one.system.load.size(); ++i) {
    n_different += same_bits(load.at(one.space.dof_gid[i]), one.system.load[i]) ? 0 : 1;
  }
  EXPECT_EQ(n_different, 0U);
  EXPECT_EQ(one.space.communicator.sum(static_cast<GlobalId>(n_entries)),
            static_cast<GlobalId>(reference.size()));
}

}  // namespace

TEST_P(OnEachCell, DoNotDependOnTheRanks) {
  const CellType type = GetParam();
  const auto world = comm::Communicator::world();
  const bool hex = type == CellType::hex;
  for (const int degree : {1, 2, 3, 5}) {
    if (degree > (hex ? 3 : test::highest_degree(type))) continue;
    for (const bool curved : {false, true}) {
      for (const bool varying : {false, true}) {
        SCOPED_TRACE(test::name_of(type) + " degree " + std::to_string(degree) +
                     (curved ? " curved" : "") + (varying ? " varying" : ""));
        const Everything whole(comm::Communicator::self(), type, degree, curved, varying,
                               test::Spread::blocks);
        ASSERT_LT(whole.system.result.bad_cell, 0);
        for (const auto how :
             {test::Spread::blocks, test::Spread::scattered, test::Spread::one_rank}) {
          const Everything parallel(world, type, degree, curved, varying, how);
          EXPECT_EQ(parallel.fixed.n_fixed, whole.fixed.n_fixed);
          expect_same(parallel, whole);
        }
      }
    }
  }
}

TEST_P(OnEachCell, DoNotDependOnThreadsOrTiles) {
  const CellType type = GetParam();
  const auto self = comm::Communicator::self();
  for (const int degree : {1, 2, 3}) {
    for (const bool varying : {false, true}) {
      const Everything usual(self, type, degree, false, varying, test::Spread::blocks);
      for (const int shift : {1, 3, 5}) {
        SCOPED_TRACE(test::name_of(type) + " degree " + std::to_string(degree) + " tiles of 2^" +
                     std::to_string(shift) + (varying ? " varying" : ""));
        test::Assembler::Options options;
        options.tile_shift = shift;
        options.serial_tiles = shift == 3;
        const Everything other(self, type, degree, false, varying, test::Spread::blocks, options);
        expect_same(other, usual);
      }
    }
  }
}

TEST(Again, OverwritesInPlace) {
  const auto world = comm::Communicator::world();
  const Everything all(world, CellType::tet, 1, false, true, test::Spread::blocks);
  const test::Assembler assembler(all.mesh, all.space, all.fixed.constraints);
  la::Vector values("values", assembler.pattern().columns.extent(0)),
      rhs("rhs", static_cast<std::size_t>(all.space.n_owned));
  for (int pass = 0; pass < 2; ++pass)
    (void)assembler.assemble(all.form, all.fixed.constraints, 0.0, values, rhs);
  const auto v = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), values);
  for (std::size_t i = 0; i < v.extent(0); ++i) ASSERT_TRUE(same_bits(v(i), all.system.entries[i]));
  EXPECT_GT(world.sum(assembler.bytes()), 0U);
}
