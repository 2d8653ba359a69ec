#include "ritz/run/forecast.hpp"

#include <gtest/gtest.h>

#include "ritz/assembly/assembler.hpp"
#include "ritz/base/format.hpp"
#include "ritz/perf/recorder.hpp"
#include "ritz/run/form.hpp"
#include "ritz/run/mesh_setup.hpp"
#include "run_tools.hpp"

namespace {

using ritz::GlobalId;
using ritz::comm::Communicator;
using ritz::run::Forecast;
using ritz::test::problem_of;

/// Cells, unknowns and stored entries of the system that a run of this deck builds.
struct Counts {
  double cells = 0, unknowns = 0, entries = 0;
};

Counts built(const ritz::deck::Problem& problem) {
  const Communicator world = Communicator::world();
  ritz::perf::Recorder recorder;
  ritz::partition::Quality quality;
  const ritz::mesh::Mesh mesh = ritz::run::make_mesh(world, problem, recorder, quality);
  const ritz::fem::Space space(mesh, problem.space.degree);
  const auto n = static_cast<std::size_t>(space.n_local());
  // Nothing prescribed: elimination takes entries away.
  const ritz::fem::Constraints free{std::vector<std::uint8_t>(n, 0), std::vector<double>(n, 0.0)};
  const ritz::assembly::Assembler assembler(mesh, space, free);
  const auto mine = static_cast<GlobalId>(assembler.pattern().columns.extent(0));
  return {static_cast<double>(mesh.n_cells_global), static_cast<double>(space.n_global),
          static_cast<double>(world.sum(mine))};
}

Forecast forecast_of(const ritz::deck::Problem& problem) {
  const Communicator world = Communicator::world();
  return ritz::run::forecast(problem, ritz::run::mesh_names(world, problem), {}, world.size());
}

constexpr const char* rest_of_deck =
    "[equation]\nkind = \"poisson\"\n[[boundary]]\non = [\"rest\"]\nvalue = 0\n";

TEST(Forecast, BoxMeshesAreExactForEveryCellTypeDegreeAndRefinement) {
  struct Box {
    const char* type;
    const char* cells;
    int max_degree;
  };
  for (const Box& box : {Box{"line", "[3]", 8}, Box{"tri", "[3, 2]", 3}, Box{"quad", "[3, 2]", 4},
                         Box{"tet", "[2, 1, 3]", 3}, Box{"hex", "[1, 3, 2]", 3}}) {
    for (int degree = 1; degree <= box.max_degree; ++degree) {
      for (int refine : {0, 1}) {
        const auto problem =
            problem_of(fmt::format("[mesh]\nkind = \"box\"\ncells = {}\ncell_type = \"{}\"\nrefine "
                                   "= {}\n[space]\ndegree = "
                                   "{}\n{}",
                                   box.cells, box.type, refine, degree, rest_of_deck));
        const Counts counts = built(problem);
        const Forecast needs = forecast_of(problem);
        const std::string which =
            fmt::format("{} degree {} refined {} times", box.type, degree, refine);
        EXPECT_TRUE(needs.exact) << which;
        EXPECT_EQ(needs.n_cells, counts.cells) << which;
        EXPECT_EQ(needs.n_unknowns, counts.unknowns) << which;
        EXPECT_EQ(needs.n_entries, counts.entries) << which;
      }
    }
  }
}

ritz::deck::Problem on_file(const std::string& file, int degree, int refine = 0) {
  return problem_of(
      fmt::format("[mesh]\nkind = \"file\"\nfile = \"{}\"\nrefine = {}\n[space]\n"
                  "degree = {}\n{}",
                  file, refine, degree, rest_of_deck));
}

TEST(Forecast, QuickstartMeshIsExact) {
  // One piece without holes, all of its outer facets and no others are in the file.
  for (int degree : {1, 2, 3}) {
    const auto problem = on_file(RITZ_SOURCE_DIR "/configs/meshes/heat-sink.msh", degree);
    const Counts counts = built(problem);
    const Forecast needs = forecast_of(problem);
    EXPECT_FALSE(needs.exact);
    EXPECT_EQ(needs.n_unknowns, counts.unknowns) << degree;
    EXPECT_EQ(needs.n_entries, counts.entries) << degree;
  }
}

TEST(Forecast, FacetsMissingFromTheFileAreEstimated) {
  // Two Gmsh tets of a larger mesh would be typical; here the smallest: one quad without edges.
  ritz::test::write_file("one quad.msh",
                         "$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$Nodes\n4\n1 0 0 0\n2 1 0 0\n3 1 1 "
                         "0\n4 0 1 0\n$EndNodes\n$Elements\n1\n1 3 2 0 1 1 2 3 4\n$EndElements\n");
  // A square: the estimate of its outer facets is right.
  const auto problem = on_file("one quad.msh", 2, 1);
  const Counts counts = built(problem);
  const Forecast needs = forecast_of(problem);
  EXPECT_EQ(needs.n_unknowns, counts.unknowns);
  EXPECT_EQ(needs.n_entries, counts.entries);
}

TEST(Forecast, NamesTheSolverThatAutoPicks) {
  const std::string mesh = "[mesh]\nkind = \"box\"\ncells = [200, 200]\n";
  EXPECT_EQ(forecast_of(problem_of(mesh + rest_of_deck)).solver.method, "cg");
  const auto small = forecast_of(
      problem_of("[mesh]\nkind = \"box\"\ncells = [20, 20]\n" + std::string(rest_of_deck)));
  EXPECT_EQ(small.solver.method, "direct");
  EXPECT_EQ(small.solver.preconditioner, "direct");
  EXPECT_NE(small.solver.reason.find("441"), std::string::npos) << small.solver.reason;
}

TEST(Forecast, ResultsFileIsCountedOnlyIfWritten) {
  const std::string mesh = "[mesh]\nkind = \"box\"\ncells = [2, 2]\n";
  // 9 points with 3 coordinates and u, 4 cells of 4 points with offset, type, region and rank.
  EXPECT_EQ(forecast_of(problem_of(mesh + rest_of_deck)).file_bytes, 9 * 32 + 4 * (4 * 8 + 17));
  EXPECT_EQ(forecast_of(problem_of(mesh + rest_of_deck + "[output]\nfields = false\n")).file_bytes,
            0);
}

}  // namespace
