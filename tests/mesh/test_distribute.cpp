#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "reference_mesh.hpp"
#include "ritz/base/text.hpp"

namespace ritz::mesh {
namespace {

using test::all_types;
using test::block_of;
using test::expect_distributed;

const comm::Communicator& world() {
  static const auto communicator = comm::Communicator::world();  // not before MPI_Init
  return communicator;
}

std::uint64_t hash(GlobalId i) {
  std::uint64_t z = (static_cast<std::uint64_t>(i) + 17) * 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 29)) * 0xbf58476d1ce4e5b9ULL;
  return z ^ (z >> 32);
}

/// Rank of a cell by its id.
struct Part {
  std::string name;
  std::function<int(GlobalId gid, GlobalId n_cells)> rank;
};

const std::vector<Part> parts{
    {"scattered",
     [](GlobalId gid, GlobalId) {
       return static_cast<int>(hash(gid) % static_cast<std::uint64_t>(world().size()));
     }},
    {"blocks",
     [](GlobalId gid, GlobalId n) { return comm::BlockRange(n, world().size()).block_of(gid); }},
    {"all to one", [](GlobalId, GlobalId) { return world().size() - 1; }},
    {"reversed blocks",
     [](GlobalId gid, GlobalId n) {
       return world().size() - 1 - comm::BlockRange(n, world().size()).block_of(gid);
     }},
};

std::vector<int> apply(const Part& part, const Mesh& mesh) {
  std::vector<int> ranks;
  for (LocalId c = 0; c < mesh.n_cells_owned; ++c) {
    ranks.push_back(part.rank(mesh.cell_gid[static_cast<std::size_t>(c)], mesh.n_cells_global));
  }
  return ranks;
}

/// A box in one piece with regions, an inner facet set and facets in two sets.
Mesh whole_box(CellType type, std::array<GlobalId, 3> cells) {
  Box box;
  box.cell_type = type;
  box.cells = cells;
  box.upper = {2, 1, 1};
  box.grading = {4, 1, 0.5};
  box.distortion = Box::Distortion::random;
  box.distortion_amount = 0.3;
  Mesh mesh = make_box(comm::Communicator::self(), box);
  mesh.region_names = {"a", "b", "c"};
  mesh.set_names.push_back("inner");
  mesh.set_names.push_back("outer");
  const auto inner = static_cast<std::int16_t>(mesh.set_names.size() - 2);
  for (LocalId c = 0; c < mesh.n_cells_owned; ++c) {
    const auto i = static_cast<std::size_t>(c);
    mesh.cell_region[i] = static_cast<std::int16_t>(hash(c) % 3);
    for (std::int16_t f = 0; f < table(type).n_facets; ++f) {
      if (mesh.exterior[i] >> f & 1) {
        mesh.facet_sets.push_back({c, f, static_cast<std::int16_t>(inner + 1)});
      } else if (hash(8 * c + f) % 5 == 0) {
        mesh.facet_sets.push_back({c, f, inner});
      }
    }
  }
  std::sort(mesh.facet_sets.begin(), mesh.facet_sets.end());
  return mesh;
}

TEST(Distribute, KeepsEverythingOnAnyPartition) {
  for (const CellType type : all_types) {
    const Mesh whole = whole_box(type, {4, 3, 3});
    const Mesh start = block_of(world(), whole);
    for (const Part& part : parts) {
      SCOPED_TRACE(part.name + ", " + std::string(table(type).name));
      for (const bool exterior_known : {true, false}) {
        Mesh before = start;
        if (!exterior_known) before.exterior.clear();
        const Mesh mesh = distribute(before, apply(part, before), exterior_known);
        expect_distributed(mesh, whole);
        for (LocalId c = 0; c < mesh.n_cells_owned; ++c) {
          EXPECT_EQ(part.rank(mesh.cell_gid[static_cast<std::size_t>(c)], mesh.n_cells_global),
                    world().rank());
        }
      }
    }
  }
}

TEST(Distribute, MovesNodesOfOrderTwo) {
  for (const CellType type : all_types) {
    const Mesh whole = test::make_quadratic(whole_box(type, {3, 2, 2}));
    const Mesh start = block_of(world(), whole);
    for (const Part& part : parts) {
      SCOPED_TRACE(part.name + ", " + std::string(table(type).name));
      expect_distributed(distribute(start, apply(part, start), false), whole);
    }
  }
}

TEST(Distribute, DropsGhostsBeforeItMovesAgain) {
  for (const CellType type : {CellType::tri, CellType::hex}) {
    const Mesh whole = whole_box(type, {4, 3, 3});
    Mesh mesh = block_of(world(), whole);
    for (const Part& part : parts) {
      SCOPED_TRACE(part.name);
      mesh = distribute(mesh, apply(part, mesh), true);
      expect_distributed(mesh, whole);
    }
  }
}

TEST(Distribute, TakesGeneratedBoxes) {
  // Blocks of a box cut bricks in the middle and have only the vertices near them.
  for (const CellType type : all_types) {
    for (const std::array<GlobalId, 3> cells : {std::array<GlobalId, 3>{4, 3, 2}, {1, 1, 1}}) {
      Box box;
      box.cell_type = type;
      box.cells = cells;
      const Mesh whole = make_box(comm::Communicator::self(), box);
      const Mesh start = make_box(world(), box);
      for (const Part& part : parts) {
        SCOPED_TRACE(part.name + ", " + std::string(table(type).name));
        expect_distributed(distribute(start, apply(part, start), true), whole);
        expect_distributed(distribute(start, apply(part, start), false), whole);
      }
    }
  }
}

TEST(Distribute, OwnedCellsFollowTheMortonCurve) {
  const Mesh whole = whole_box(CellType::tet, {4, 4, 4});
  const Mesh one = distribute(whole, std::vector<int>(whole.cell_gid.size(), 0), true);
  std::vector<std::size_t> position(whole.cell_gid.size());
  for (std::size_t i = 0; i < position.size(); ++i) {
    position[static_cast<std::size_t>(one.cell_gid[i])] = i;
  }
  // Every rank's cells are in the order that they have in one piece.
  const Mesh start = block_of(world(), whole);
  for (const Part& part : parts) {
    const Mesh mesh = distribute(start, apply(part, start), true);
    std::vector<std::size_t> positions;
    for (LocalId c = 0; c < mesh.n_cells_owned; ++c) {
      positions.push_back(
          position[static_cast<std::size_t>(mesh.cell_gid[static_cast<std::size_t>(c)])]);
    }
    EXPECT_TRUE(std::is_sorted(positions.begin(), positions.end())) << part.name;
  }
}

TEST(Distribute, MortonOrderOfAGridIsBitInterleaving) {
  // 8 x 8 equal squares: cell (i, j) is at place interleave(i, j), x in the low bit.
  Box box;
  box.cell_type = CellType::quad;
  box.cells = {8, 8, 1};
  const Mesh start = make_box(comm::Communicator::self(), box);
  const Mesh mesh = distribute(start, std::vector<int>(64, 0), true);
  for (std::size_t place = 0; place < 64; ++place) {
    const auto gid = static_cast<unsigned>(mesh.cell_gid[place]);
    unsigned expected = 0;
    for (unsigned bit = 0; bit < 3; ++bit) {
      expected |= (gid % 8 >> bit & 1) << (2 * bit) | (gid / 8 >> bit & 1) << (2 * bit + 1);
    }
    EXPECT_EQ(place, expected);
  }
  // The same in 3-D and 1-D.
  box.cell_type = CellType::hex;
  box.cells = {4, 4, 4};
  const Mesh start3 = make_box(comm::Communicator::self(), box);
  const Mesh mesh3 = distribute(start3, std::vector<int>(64, 0), true);
  for (std::size_t place = 0; place < 64; ++place) {
    const auto gid = static_cast<unsigned>(mesh3.cell_gid[place]);
    unsigned expected = 0;
    for (unsigned bit = 0; bit < 2; ++bit) {
      expected |= (gid % 4 >> bit & 1) << (3 * bit) | (gid / 4 % 4 >> bit & 1) << (3 * bit + 1) |
                  (gid / 16 >> bit & 1) << (3 * bit + 2);
    }
    EXPECT_EQ(place, expected);
  }
}

TEST(Distribute, SortsFinerThanItsLeadingBits) {
  // 600 bricks in geometric progression: the small ones agree in their leading bits and most ids
  // run against the curve, so that ties and leftovers of the first passes are all sorted.
  Box box;
  box.cell_type = CellType::hex;
  box.cells = {600, 2, 1};
  box.upper = {1, 1e-8, 1e-8};
  box.grading = {1e5, 1, 1};
  Mesh start = make_box(comm::Communicator::self(), box);
  std::reverse(start.cell_gid.begin(), start.cell_gid.end());
  const Mesh mesh = distribute(start, std::vector<int>(start.cell_gid.size(), 0), true);
  const std::vector<double> x = centroids(mesh);
  for (std::size_t c = 2; c < start.cell_gid.size(); ++c) {
    // Two bricks at each x; x never falls by more than a step of the grid.
    EXPECT_GE(x[3 * c], x[3 * (c - 2)] - 0x1p-20) << c;
  }
}

TEST(Distribute, NamesFacetsOfThreeCells) {
  // Three triangles at the edge (0,0)-(0,1), far from each other in the list of cells.
  Mesh whole(comm::Communicator::self());
  whole.cell_type = CellType::tri;
  whole.n_cells_owned = 3;
  whole.n_cells_global = 3;
  whole.cell_gid = {0, 1, 2};
  whole.cell_nodes = {0, 2, 1, 0, 1, 3, 0, 4, 1};
  whole.cell_region = {0, 0, 0};
  whole.exterior = {0, 0, 0};
  whole.n_vertices = 5;
  whole.n_vertices_global = whole.n_nodes_global = 5;
  whole.node_gid = {0, 1, 2, 3, 4};
  whole.node_coordinates = {0, 0, 0, 1, 1, 0.5, -1, 0.5, 0.75, 0.25};
  whole.region_names = {"domain"};
  const Mesh start = block_of(world(), whole);
  for (const Part& part : parts) {
    try {
      (void)distribute(start, apply(part, start), false);
      ADD_FAILURE() << "accepted";
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code(), base::ExitCode::mesh);
      EXPECT_THAT(error.what(), ::testing::HasSubstr("3 cells"));
      EXPECT_THAT(error.what(), ::testing::HasSubstr("0, 1, 2"));
      EXPECT_THAT(error.what(), ::testing::HasSubstr("(0.0, 0.0) (0.0, 1.0)"));
    }
  }
}

TEST(Distribute, RefusesABadPartitionOnEveryRank) {
  const Mesh start = block_of(world(), whole_box(CellType::quad, {4, 4, 1}));
  std::vector<int> part(start.cell_gid.size(), 0);
  if (world().rank() == 0) part.back() = world().size();
  EXPECT_THROW((void)distribute(start, part, true), base::Error);
  part.back() = 0;
  if (world().rank() == world().size() - 1) part.pop_back();
  EXPECT_THROW((void)distribute(start, part, true), base::Error);
}

/// What check_geometry() says, "" if nothing.
std::string complaint(const Mesh& mesh) {
  try {
    check_geometry(mesh);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ExitCode::mesh);
    return error.what();
  }
  return "";
}

TEST(CheckGeometry, FindsInvertedCells) {
  for (const CellType type : all_types) {
    Mesh whole = whole_box(type, {4, 3, 3});
    EXPECT_EQ(complaint(block_of(world(), whole)), "");
    // Cell 2 mirrored in place, and cell 0: of a whole line, the second one is larger.
    const std::size_t n = test::width(whole);
    const auto mirror = [&](std::size_t cell) {
      if (is_simplex(type)) {
        std::swap(whole.cell_nodes[cell * n + 1], whole.cell_nodes[cell * n + 2]);
      } else {
        for (std::size_t v = 0; v < n; v += 2) {
          std::swap(whole.cell_nodes[cell * n + v], whole.cell_nodes[cell * n + v + 1]);
        }
      }
    };
    mirror(0);
    mirror(whole.cell_gid.size() - 1);
    const std::string text = complaint(block_of(world(), whole));
    const std::string sizes = "2 of " + std::to_string(whole.n_cells_global) + " cells";
    EXPECT_THAT(text, ::testing::HasSubstr(sizes));
    // The box is graded: the last cell is the larger one in x and so the worse in the determinant,
    // if it is not one of the small ones in z.
    if (type == CellType::line || type == CellType::quad || type == CellType::tri) {
      const auto last = std::to_string(whole.n_cells_global - 1);
      EXPECT_THAT(text, ::testing::HasSubstr("worst is cell " + last + " "));
      const std::vector<double> x = centroids(whole);
      EXPECT_THAT(
          text,
          ::testing::HasSubstr(
              "(" + base::number_text(x[x.size() - static_cast<std::size_t>(whole.dimension())])));
    }
  }
}

TEST(CheckGeometry, FindsVerticesPushedTooFar) {
  // One vertex of the unit square or cube moves by t towards the opposite one. The Jacobian there
  // has 1 - t on the diagonal and -t elsewhere, up to signs: its determinant is 1 - dim t.
  for (const int dim : {2, 3}) {
    const auto n = static_cast<std::size_t>(1) << dim;
    for (std::size_t vertex = 0; vertex < n; ++vertex) {
      for (const bool too_far : {false, true}) {
        Mesh mesh(world());
        mesh.cell_type = dim == 2 ? CellType::quad : CellType::hex;
        mesh.n_cells_global = 1;
        mesh.n_vertices_global = mesh.n_nodes_global = static_cast<GlobalId>(n);
        if (world().is_root()) {
          mesh.n_cells_owned = 1;
          mesh.cell_gid = {0};
          mesh.cell_region = {0};
          mesh.n_vertices = static_cast<LocalId>(n);
          const double t = 1.0 / dim + (too_far ? 1e-3 : -1e-3);
          for (std::size_t v = 0; v < n; ++v) {
            mesh.cell_nodes.push_back(static_cast<LocalId>(v));
            mesh.node_gid.push_back(static_cast<GlobalId>(v));
            for (int d = 0; d < dim; ++d) {
              const double x = static_cast<double>(v >> d & 1);
              mesh.node_coordinates.push_back(v == vertex ? x + t * (1 - 2 * x) : x);
            }
          }
        }
        EXPECT_EQ(complaint(mesh).empty(), !too_far) << dim << "-D, vertex " << vertex;
      }
    }
  }
}

TEST(CheckGeometry, FindsFlatCells) {
  Mesh whole = whole_box(CellType::tet, {2, 1, 1});
  // Vertex 3 of cell 4 onto its vertex 2.
  whole.cell_nodes[4 * 4 + 3] = whole.cell_nodes[4 * 4 + 2];
  EXPECT_THAT(complaint(block_of(world(), whole)), ::testing::HasSubstr("worst is cell 4 "));
}

TEST(CheckGeometry, LooksInsideCurvedCells) {
  // A square whose centre node is pulled away: the determinant stays 1 at the corners.
  Mesh mesh(world());
  mesh.cell_type = CellType::quad;
  mesh.geometry_order = 2;
  mesh.n_cells_global = 1;
  mesh.n_vertices_global = 4;
  mesh.n_nodes_global = 9;
  if (world().is_root()) {
    mesh.n_cells_owned = 1;
    mesh.cell_gid = {0};
    mesh.cell_region = {0};
    mesh.cell_nodes = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    mesh.n_vertices = 4;
    mesh.node_gid = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    mesh.node_coordinates = {0, 0, 1, 0, 0, 1, 1, 1, 0, 0.5, 1, 0.5, 0.5, 0, 0.5, 1, 0.5, 0.5};
  }
  EXPECT_EQ(complaint(mesh), "");
  if (world().is_root()) mesh.node_coordinates[16] = 0.9;
  EXPECT_THAT(complaint(mesh), ::testing::HasSubstr("1 of 1 cells"));
}

TEST(CheckGeometry, FindsLinesBentTooFar) {
  // A line of order 2 is decided by its ends: mid node at 1/4 is the limit, determinant 4 xi there.
  Mesh mesh(world());
  mesh.cell_type = CellType::line;
  mesh.geometry_order = 2;
  mesh.n_cells_global = 1;
  if (world().is_root()) {
    mesh.n_cells_owned = 1;
    mesh.cell_gid = {0};
    mesh.cell_nodes = {0, 1, 2};
    mesh.n_vertices = 2;
    mesh.node_gid = {0, 1, 2};
    mesh.node_coordinates = {0, 1, 0.26};
  }
  EXPECT_EQ(complaint(mesh), "");
  if (world().is_root()) mesh.node_coordinates[2] = 0.25;
  EXPECT_NE(complaint(mesh), "");
}

TEST(CheckGeometry, FindsDipsBetweenLatticePoints) {
  // A tri of order 2 whose determinant is a full quadratic, at least 0.4 at vertices and mid nodes
  // and -0.1 in between (found by a random search).
  Mesh mesh(world());
  mesh.cell_type = CellType::tri;
  mesh.geometry_order = 2;
  mesh.n_cells_global = 1;
  if (world().is_root()) {
    mesh.n_cells_owned = 1;
    mesh.cell_gid = {0};
    mesh.cell_nodes = {0, 1, 2, 3, 4, 5};
    mesh.n_vertices = 3;
    mesh.node_gid = {0, 1, 2, 3, 4, 5};
    mesh.node_coordinates = {0, 0, 1, 0, 0, 1, 0.78, 0.78, -0.11, 0.18, 0.14, 0.25};
    std::array<double, 4> j{};
    for (const auto& [x, y] :
         {std::pair{0.0, 0.0}, {1.0, 0.0}, {0.0, 1.0}, {0.5, 0.5}, {0.0, 0.5}, {0.5, 0.0}}) {
      map_to_physical(mesh, 0, {x, y, 0}, j);
      EXPECT_GT(j[0] * j[3] - j[1] * j[2], 0.4);
    }
  }
  EXPECT_NE(complaint(mesh), "");
  // Strongly curved, but valid: one mid node moved by a fifth of the edge. On the edge that it
  // bends the determinant is smallest, 1 - 0.8 at an end.
  if (world().is_root()) {
    mesh.node_coordinates = {0, 0, 1, 0, 0, 1, 0.5, 0.5, 0, 0.5, 0.5, 0.2};
  }
  EXPECT_EQ(complaint(mesh), "");
}

TEST(CheckGeometry, AcceptsCurvedCellsOfEveryType) {
  for (const CellType type : all_types) {
    const Mesh whole = test::make_quadratic(whole_box(type, {3, 2, 2}));
    EXPECT_EQ(complaint(block_of(world(), whole)), "") << table(type).name;
  }
}

}  // namespace
}  // namespace ritz::mesh
