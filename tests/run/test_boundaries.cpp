// Named sets and conditions of a deck on a distributed mesh.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "ritz/assembly/assembler.hpp"
#include "ritz/base/format.hpp"
#include "ritz/perf/recorder.hpp"
#include "ritz/run/form.hpp"
#include "ritz/run/mesh_setup.hpp"
#include "run_tools.hpp"

namespace {

using ritz::GlobalId;
using ritz::base::Error;
using ritz::base::ExitCode;
using ritz::comm::Communicator;
using ritz::test::problem_of;

const std::string square =
    "[mesh]\nkind = \"box\"\ncells = [4, 4]\n[equation]\nkind = \"poisson\"\n";

ritz::mesh::Mesh mesh_of(const ritz::deck::Problem& problem) {
  ritz::perf::Recorder recorder;
  ritz::partition::Quality quality;
  return ritz::run::make_mesh(Communicator::world(), problem, recorder, quality);
}

/// Facets of owned cells in the set of this name, all ranks.
GlobalId size_of(const ritz::mesh::Mesh& mesh, const std::string& name) {
  const auto set = std::find(mesh.set_names.begin(), mesh.set_names.end(), name);
  if (set == mesh.set_names.end()) return -1;
  const auto index = static_cast<std::int16_t>(set - mesh.set_names.begin());
  return mesh.communicator.sum<GlobalId>(std::count_if(
      mesh.facet_sets.begin(), mesh.facet_sets.end(),
      [&](const auto& entry) { return entry.set == index && entry.cell < mesh.n_cells_owned; }));
}

/// The error that making this mesh ends with, the same on every rank.
std::string error_of(const std::string& deck) {
  std::string text;
  try {
    static_cast<void>(mesh_of(problem_of(deck)));
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::deck);
    text = error.what();
  }
  std::string of_root = text;
  Communicator::world().broadcast(of_root);
  EXPECT_EQ(text, of_root);
  return text;
}

TEST(PredicateSets, HoldTheFacetsWhoseVerticesAllFulfilThem) {
  // The left side has 4 facets; 3 of them have their centre in the set, 2 both ends as well.
  const auto flat = mesh_of(problem_of(square + "[mesh.sets]\ninlet = \"x < 1e-9 and y > 0.3\"\n"
                                                "[[boundary]]\non = [\"rest\"]\nvalue = 0\n"));
  EXPECT_EQ(size_of(flat, "inlet"), 2);
  EXPECT_EQ(size_of(flat, "left"), 4);
  EXPECT_EQ(size_of(flat, "rest"), 16);
  // Half of the top of 2 x 2 x 2 bricks of 6 tets: 2 bricks with 2 triangles each. Refined: 4 times
  // as many, because the sets are made afterwards.
  for (const int refine : {0, 1}) {
    const auto solid = mesh_of(problem_of(
        fmt::format("[mesh]\nkind = \"box\"\ncells = [2, 2, 2]\ncell_type = \"tet\"\nrefine = {}\n"
                    "[mesh.sets]\nlid = \"z > 0.99 and x < 0.51\"\n[equation]\nkind = \"poisson\"\n"
                    "[[boundary]]\non = [\"rest\"]\nvalue = 0\n",
                    refine)));
    EXPECT_EQ(size_of(solid, "lid"), refine == 0 ? 4 : 16);
  }
}

TEST(PredicateSets, EmptyOnesAreMistakes) {
  const std::string text = error_of(square +
                                    "[mesh.sets]\nnowhere = \"x > 2\"\nhere = \"x < 1e-9\"\n"
                                    "[[boundary]]\non = [\"rest\"]\nvalue = 0\n");
  EXPECT_THAT(text, testing::HasSubstr("mesh.sets.nowhere = \"x > 2\" holds no outer facet"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("mesh.sets.here")));
}

TEST(Boundaries, RestIsWhatNoOtherTableNames) {
  const auto mesh =
      mesh_of(problem_of(square + "[mesh.sets]\ninlet = \"x < 1e-9 and y > 0.49\"\n"
                                  "[[boundary]]\non = [\"rest\"]\nflux = 0\n"
                                  "[[boundary]]\non = [\"inlet\", \"top\"]\nvalue = 0\n"));
  EXPECT_EQ(size_of(mesh, "rest"), 16 - 2 - 4);
}

TEST(Boundaries, FacetWithoutAConditionIsTold) {
  // Which part of "left" the set covers only the mesh can tell.
  const std::string text = error_of(square +
                                    "[mesh.sets]\ninlet = \"x < 1e-9 and y > 0.49\"\n"
                                    "[[boundary]]\non = [\"inlet\", \"right\", \"top\", "
                                    "\"bottom\"]\nvalue = 0\n");
  EXPECT_THAT(text, testing::HasSubstr("2 "));
  EXPECT_THAT(text, testing::HasSubstr("(0, "));
}

TEST(Boundaries, AValueSharesItsFacetsWithNothing) {
  for (const char* other : {"flux = 1", "value = 2", "robin = { coefficient = 1, ambient = 0 }"}) {
    const std::string text = error_of(
        square + "[mesh.sets]\ninlet = \"x < 1e-9 and y > 0.49\"\n[[boundary]]\non = \"inlet\"\n" +
        other +
        "\n[[boundary]]\non = [\"left\"]\nvalue = 1\n[[boundary]]\non = \"rest\"\nflux = "
        "0\n");
    EXPECT_THAT(text, testing::HasSubstr("the [[boundary]] on left and the one on inlet")) << other;
    EXPECT_THAT(text, testing::HasSubstr("share 2 facets")) << other;
  }
}

TEST(Boundaries, FluxAndRobinMayOverlapAndAddUp) {
  const auto problem = problem_of(
      square +
      "[mesh.sets]\ninlet = \"x < 1e-9 and y > 0.49\"\n[[boundary]]\non = \"inlet\"\nflux = 1\n"
      "[[boundary]]\non = [\"left\"]\nflux = 2\n[[boundary]]\non = \"rest\"\nvalue = 0\n");
  const auto mesh = mesh_of(problem);
  EXPECT_EQ(size_of(mesh, "inlet"), 2);
  EXPECT_EQ(size_of(mesh, "left"), 4);
  EXPECT_EQ(size_of(mesh, "rest"), 12);
  // Both fluxes are in the load: 1 over half a side and 2 over the whole one.
  ritz::base::Diagnostics diagnostics;
  auto form = ritz::run::make_form(problem, 2, mesh.region_names, mesh.set_names, diagnostics);
  EXPECT_TRUE(diagnostics.entries().empty());
  const ritz::fem::Space space(mesh, 1);
  const auto n = static_cast<std::size_t>(space.n_local());
  const ritz::fem::Constraints free{std::vector<std::uint8_t>(n, 0), std::vector<double>(n, 0.0)};
  form.boundaries.pop_back();  // without the values: elimination would change the load
  const ritz::assembly::Assembler assembler(mesh, space, free);
  const auto rhs = ritz::la::Vector("rhs", static_cast<std::size_t>(space.n_owned));
  const auto values = ritz::la::Vector("values", assembler.pattern().columns.extent(0));
  static_cast<void>(assembler.assemble(form, free, 0.0, values, rhs));
  const auto load = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), rhs);
  double sum = 0;
  for (std::size_t i = 0; i < load.extent(0); ++i) sum += load(i);
  EXPECT_NEAR(mesh.communicator.sum(sum), 1 * 0.5 + 2 * 1.0, 1e-14);
}

/// The prescribed value at a corner where two tables with values meet, on every rank.
double value_at_origin(const std::string& first, const std::string& second, int degree,
                       GlobalId& n_clashes) {
  const auto problem =
      problem_of(square + "[space]\ndegree = " + std::to_string(degree) + "\n[[boundary]]\n" +
                 first + "\n[[boundary]]\n" + second + "\n[[boundary]]\non = \"rest\"\nflux = 0\n");
  const auto mesh = mesh_of(problem);
  ritz::base::Diagnostics diagnostics;
  const auto form =
      ritz::run::make_form(problem, 2, mesh.region_names, mesh.set_names, diagnostics);
  const ritz::fem::Space space(mesh, degree);
  const auto fixed = ritz::assembly::fixed_values(mesh, space, form);
  n_clashes = fixed.n_clashes;
  const std::vector<double> nodes = ritz::fem::node_coordinates(mesh, space);
  double value = -1e9;
  for (std::size_t i = 0; i < static_cast<std::size_t>(space.n_local()); ++i) {
    if (std::abs(nodes[3 * i]) + std::abs(nodes[3 * i + 1]) > 1e-12) continue;
    EXPECT_EQ(fixed.constraints.is_fixed[i], 1);
    // Ghosts too: a rank that only sees the corner must agree with its owner.
    if (value > -1e9) {
      EXPECT_EQ(fixed.constraints.value[i], value);
    }
    value = fixed.constraints.value[i];
  }
  const double highest = mesh.communicator.max(value);
  if (value > -1e9) {
    EXPECT_EQ(value, highest);
  }
  return highest;
}

TEST(Boundaries, WhereValuesTouchTheLaterTableWins) {
  const std::string left = "on = \"left\"\nvalue = 1", bottom = "on = \"bottom\"\nvalue = 2";
  for (const int degree : {1, 3}) {
    GlobalId n_clashes = 0;
    EXPECT_EQ(value_at_origin(left, bottom, degree, n_clashes), 2.0);
    EXPECT_EQ(n_clashes, 1);
    EXPECT_EQ(value_at_origin(bottom, left, degree, n_clashes), 1.0);
    EXPECT_EQ(n_clashes, 1);
    EXPECT_EQ(value_at_origin(left, "on = \"bottom\"\nvalue = \"1 + x\"", degree, n_clashes), 1.0);
    EXPECT_EQ(n_clashes, 0);
  }
}

/// Which directions are halved from the finest mesh on.
std::vector<int> halved(const std::string& deck) {
  ritz::perf::Recorder recorder;
  ritz::partition::Quality quality;
  const auto meshes =
      ritz::run::make_meshes(Communicator::world(), problem_of(deck), true, recorder, quality);
  std::vector<int> list;
  for (std::size_t l = meshes.parents.size(); l-- > 0;) list.push_back(meshes.parents[l].halved);
  EXPECT_EQ(ritz::run::n_coarser_meshes(problem_of(deck), "quad", Communicator::world().size()),
            static_cast<int>(list.size()));
  return list;
}

TEST(CoarserMeshes, FollowTheDecksSpacingsAndDiffusion) {
  const std::string box = "[mesh]\nkind = \"box\"\ncells = [32, 32]\n";
  const std::string equation = "[equation]\nkind = \"poisson\"\n";
  const std::string rest = "[[boundary]]\non = [\"rest\"]\nvalue = 0\n";
  // As many isotropic steps as the number of ranks allows; those before them are what counts.
  const auto start = [](std::vector<int> list) {
    while (!list.empty() && list.back() == 3) list.pop_back();
    return list;
  };
  EXPECT_THAT(start(halved(box + equation + rest)), testing::IsEmpty());
  // 1 : 16 in the couplings is two halvings of y.
  EXPECT_THAT(start(halved(box + "upper = [4, 1]\n" + equation + rest)),
              testing::ElementsAre(2, 2));
  EXPECT_THAT(start(halved(box + equation + "diffusion = [16, 1]\n" + rest)),
              testing::ElementsAre(1, 1));
  EXPECT_THAT(start(halved(box + "upper = [4, 1]\n" + equation + "diffusion = [16, 1]\n" + rest)),
              testing::IsEmpty());
  // What varies in space says nothing, and neither does one number.
  EXPECT_THAT(start(halved(box + equation + "diffusion = [\"16 + x\", 1]\n" + rest)),
              testing::IsEmpty());
  EXPECT_THAT(start(halved(box + equation + "diffusion = 16\n" + rest)), testing::IsEmpty());
}

}  // namespace
