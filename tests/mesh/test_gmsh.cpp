#include "ritz/mesh/gmsh.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numbers>
#include <tuple>

#include "gmsh_files.hpp"
#include "ritz/mesh/geometry.hpp"
#include "ritz/mesh/info.hpp"

namespace ritz::mesh {
namespace {

using test::data_file;
using test::everybody;
using test::replaced;
using test::square_22;
using test::square_41;
using test::write_file;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double pi = std::numbers::pi;

/// With ghosts, on the ranks that the reader chose.
Mesh with_ghosts(const Mesh& mesh) {
  const std::vector<int> part(static_cast<std::size_t>(mesh.n_cells_owned), everybody().rank());
  Mesh whole = distribute(mesh, part, false);
  check_geometry(whole);
  return whole;
}

Mesh load(const std::string& path) {
  return with_ghosts(read_gmsh(everybody(), path));
}

// ---- Every cell type, order, version and encoding
// ------------------------------------------------

using Variant = std::tuple<std::string, int, std::string, std::string>;

std::string file_name(const Variant& variant) {
  const auto& [cell, order, version, encoding] = variant;
  return data_file(cell + std::to_string(order) + "." + version + "." + encoding + ".msh");
}

class EveryFile : public ::testing::TestWithParam<Variant> {};

/// Area of the disk of data/disk.geo, whose circle has 8 equal segments: straight ones (order 1),
/// or parabolas through the middles of the arcs (order 2), which add two thirds of chord times
/// height.
double disk_area(int order) {
  const double polygon = 0.5 * 8 * std::sin(2 * pi / 8);
  const double chord = 2 * std::sin(pi / 8), height = 1 - std::cos(pi / 8);
  return order == 1 ? polygon : polygon + 8 * (2.0 / 3.0) * chord * height;
}

/// Length of a parabola with this chord and height (the arc of y = h (1 - (2x/c)^2)).
double parabola(double chord, double height) {
  const double slope = 4 * height / chord;
  const double root = std::sqrt(1 + slope * slope);
  return 0.5 * chord * (root + std::asinh(slope) / slope);
}

double rim_length(int order) {
  const double chord = 2 * std::sin(pi / 8), height = 1 - std::cos(pi / 8);
  return 8 * (order == 1 ? chord : parabola(chord, height));
}

/// The part of the mesh on this rank is the same part of the mesh that a single rank reads.
void expect_part_of(const Mesh& mesh, const Mesh& whole) {
  EXPECT_EQ(mesh.n_cells_global, whole.n_cells_owned);
  EXPECT_EQ(mesh.n_nodes_global, whole.n_nodes());
  EXPECT_EQ(mesh.n_vertices_global, whole.n_vertices);
  const auto n = static_cast<std::size_t>(mesh.nodes_per_cell());
  const auto dimension = static_cast<std::size_t>(mesh.dimension());
  std::vector<FacetInSet> sets;
  for (std::size_t c = 0; c < static_cast<std::size_t>(mesh.n_cells_owned); ++c) {
    const auto in_whole = static_cast<std::size_t>(mesh.cell_gid[c]);
    ASSERT_LT(in_whole, whole.cell_gid.size());
    EXPECT_EQ(whole.cell_gid[in_whole], mesh.cell_gid[c]);
    EXPECT_EQ(whole.cell_region[in_whole], mesh.cell_region[c]);
    for (std::size_t i = 0; i < n; ++i) {
      const auto a = static_cast<std::size_t>(mesh.cell_nodes[c * n + i]);
      const auto b = static_cast<std::size_t>(whole.cell_nodes[in_whole * n + i]);
      EXPECT_EQ(mesh.node_gid[a], whole.node_gid[b]);
      for (std::size_t d = 0; d < dimension; ++d) {
        EXPECT_EQ(mesh.node_coordinates[a * dimension + d],
                  whole.node_coordinates[b * dimension + d]);
      }
    }
    for (const FacetInSet& one : whole.facet_sets) {
      if (one.cell != static_cast<LocalId>(in_whole)) continue;
      sets.push_back({static_cast<LocalId>(c), one.facet, one.set});
    }
  }
  EXPECT_TRUE(sets == mesh.facet_sets);
}

TEST_P(EveryFile, has_the_geometry_the_names_and_the_same_ids_on_all_ranks) {
  const auto& [cell, order, version, encoding] = GetParam();
  const Mesh read = read_gmsh(everybody(), file_name(GetParam()));
  EXPECT_FALSE(read.has_ghosts);
  expect_part_of(read, read_gmsh(comm::Communicator::self(), file_name(GetParam())));
  // Equal blocks, in the order of the file.
  const comm::BlockRange blocks(read.n_cells_global, everybody().size());
  const GlobalId begin = blocks.begin(everybody().rank());
  ASSERT_EQ(read.n_cells_owned, blocks.end(everybody().rank()) - begin);
  for (std::size_t c = 0; c < read.cell_gid.size(); ++c) {
    EXPECT_EQ(read.cell_gid[c], begin + static_cast<GlobalId>(c));
  }

  const Mesh mesh = with_ghosts(read);
  const MeshInfo info = summarise(mesh);
  EXPECT_EQ(mesh.cell_type, cell_type(cell));
  EXPECT_EQ(mesh.geometry_order, order);
  EXPECT_EQ(info.n_bad, 0);
  EXPECT_EQ(info.n_unnamed, 0);

  // Text files hold 16 digits, and sums of some hundred terms of size 1 lose another one or two.
  constexpr double rounding = 1e-13;
  if (cell == "line") {
    EXPECT_THAT(mesh.region_names, ElementsAre("copper", "steel"));
    EXPECT_THAT(mesh.set_names, ElementsAre("left", "right"));
    EXPECT_NEAR(info.regions[0].volume, 1.0, rounding);
    EXPECT_NEAR(info.regions[1].volume, 2.0, rounding);
    EXPECT_EQ(info.sets[0].n_exterior, 1);
    EXPECT_EQ(info.sets[1].n_exterior, 1);
    EXPECT_EQ(info.n_exterior, 2);
    EXPECT_EQ(info.lower[0], -1.0);
    EXPECT_EQ(info.upper[0], 2.0);
    return;
  }
  const bool solid = cell == "tet" || cell == "hex";
  EXPECT_THAT(mesh.region_names, ElementsAre("core", "ring"));
  EXPECT_NEAR(info.regions[0].volume, 0.5, rounding);
  EXPECT_NEAR(info.regions[1].volume, disk_area(order) - 0.5, 10 * rounding);
  // Gauss points integrate the length of a parabola with an error of 1e-6 or so.
  const double curved = order == 1 ? rounding : 2e-6;
  const std::map<std::string, double> areas =
      solid ? std::map<std::string, double>{{"bottom", disk_area(order)},
                                            {"top", disk_area(order)},
                                            {"rim", rim_length(order)}}
            : std::map<std::string, double>{{"rim", rim_length(order)},
                                            {"core edge", 4 * std::sqrt(0.5)}};
  ASSERT_EQ(info.sets.size(), areas.size());
  for (const MeshInfo::Set& set : info.sets) {
    EXPECT_NEAR(set.area, areas.at(set.name), set.name == "rim" ? 8 * curved : 10 * rounding)
        << set.name;
    EXPECT_EQ(set.n_interior, set.name == "core edge" ? 8 : 0);
  }
}

TEST_P(EveryFile, header_agrees_with_the_mesh) {
  const auto& [cell, order, version, encoding] = GetParam();
  const MeshHeader header = read_gmsh_header(file_name(GetParam()));
  const Mesh mesh = read_gmsh(comm::Communicator::self(), file_name(GetParam()));
  EXPECT_EQ(header.version, version == "msh22" ? "2.2" : "4.1");
  EXPECT_EQ(header.binary, encoding == "binary");
  EXPECT_EQ(header.dimension, mesh.dimension());
  EXPECT_EQ(header.cell_type, mesh.cell_type);
  EXPECT_EQ(header.geometry_order, order);
  EXPECT_EQ(header.n_cells, mesh.n_cells_global);
  EXPECT_EQ(header.n_nodes, mesh.n_nodes_global);
  EXPECT_EQ(header.region_names, mesh.region_names);
  EXPECT_EQ(header.set_names, mesh.set_names);
  EXPECT_TRUE(header.other_names.empty());
}

TEST_P(EveryFile, text_and_binary_are_the_same_mesh) {
  const auto& [cell, order, version, encoding] = GetParam();
  if (encoding == "text") return;
  const Mesh binary = read_gmsh(comm::Communicator::self(), file_name(GetParam()));
  const Mesh text =
      read_gmsh(comm::Communicator::self(), file_name({cell, order, version, "text"}));
  EXPECT_EQ(binary.cell_gid, text.cell_gid);
  EXPECT_EQ(binary.cell_nodes, text.cell_nodes);
  EXPECT_EQ(binary.node_gid, text.node_gid);
  EXPECT_EQ(binary.cell_region, text.cell_region);
  EXPECT_TRUE(binary.facet_sets == text.facet_sets);
  ASSERT_EQ(binary.node_coordinates.size(), text.node_coordinates.size());
  for (std::size_t i = 0; i < binary.node_coordinates.size(); ++i) {
    // 16 digits of numbers up to 2.
    EXPECT_NEAR(binary.node_coordinates[i], text.node_coordinates[i], 1e-15);
  }
}

INSTANTIATE_TEST_SUITE_P(all, EveryFile,
                         ::testing::Combine(::testing::Values("line", "tri", "quad", "tet", "hex"),
                                            ::testing::Values(1, 2),
                                            ::testing::Values("msh22", "msh41"),
                                            ::testing::Values("text", "binary")),
                         [](const auto& one) {
                           return std::get<0>(one.param) + std::to_string(std::get<1>(one.param)) +
                                  "_" + std::get<2>(one.param) + "_" + std::get<3>(one.param);
                         });

TEST(Gmsh, second_order_is_much_nearer_to_the_circle) {
  // The tests above hold the meshes to these areas; the errors are of order h^2 and h^4.
  EXPECT_GT(pi - disk_area(1), 0.3);
  EXPECT_LT(std::abs(pi - disk_area(2)), 0.003);
}

TEST(Gmsh, swapped_bytes) {
  for (const std::string name : {"tet2.msh22.", "tet2.msh41.", "hex1.msh22.", "hex1.msh41."}) {
    const Mesh swapped = read_gmsh(comm::Communicator::self(), data_file(name + "swapped.msh"));
    const Mesh native = read_gmsh(comm::Communicator::self(), data_file(name + "binary.msh"));
    EXPECT_EQ(swapped.cell_nodes, native.cell_nodes) << name;
    EXPECT_EQ(swapped.node_coordinates, native.node_coordinates) << name;
    EXPECT_EQ(swapped.cell_region, native.cell_region) << name;
    EXPECT_TRUE(swapped.facet_sets == native.facet_sets) << name;
    EXPECT_EQ(read_gmsh_header(data_file(name + "swapped.msh")).region_names, native.region_names);
  }
}

// ---- What real files have besides
// ------------------------------------------------------------------

TEST(Gmsh, partitioned_files_are_the_same_domain) {
  for (const std::string name :
       {"tri1.partitioned.msh", "tri1.partitioned22.msh", "tri1.parametric.msh"}) {
    const Mesh mesh = load(data_file(name));
    const MeshInfo info = summarise(mesh);
    EXPECT_THAT(mesh.set_names, ElementsAre("rim", "core edge")) << name;
    EXPECT_EQ(info.n_cells, 46) << name;
    EXPECT_NEAR(info.regions[0].volume, 0.5, 1e-13) << name;
    EXPECT_NEAR(info.volume, disk_area(1), 1e-12) << name;
    EXPECT_EQ(info.sets[0].n_exterior, 8) << name;
    EXPECT_EQ(info.sets[1].n_interior, 8) << name;
  }
  const MeshInfo info = summarise(load(data_file("tet1.partitioned.msh")));
  EXPECT_NEAR(info.volume, disk_area(1), 1e-12);
  EXPECT_EQ(info.n_vertices, 56);
  EXPECT_EQ(info.n_unnamed, 0);
  for (const MeshInfo::Set& set : info.sets) EXPECT_EQ(set.n_interior, 0) << set.name;
}

/// Curves between partitions carry the physical tags of their surface; they are no sets of curves.
TEST(Gmsh, partition_boundaries_do_not_inherit_tags_of_surfaces) {
  const std::string partitioned = replaced(
      replaced(
          square_41, "$EndEntities\n",
          "$EndEntities\n$PartitionedEntities\n2\n0\n0 3 2 0\n"
          "5 1 1 1 1 0 0 0 0 1 0 1 1 0\n6 1 2 1 2 1 0 0 1 1 0 1 2 0\n"
          "7 2 1 2 1 2 0 0 0 1 1 0 1 2 0\n"
          "8 2 1 1 1 0 0 0 1 1 0 1 3 0\n9 2 1 1 2 0 0 0 1 1 0 1 3 0\n$EndPartitionedEntities\n"),
      "3 4 1 4\n1 1 1 1\n1 4 1\n1 2 1 1\n2 2 3\n2 1 2 2\n3 1 2 3\n4 1 3 4\n",
      "5 5 1 5\n1 5 1 1\n1 4 1\n1 6 1 1\n2 2 3\n1 7 1 1\n5 1 3\n2 8 2 1\n3 1 2 3\n2 9 2 1\n4 1 3 "
      "4\n");
  const MeshInfo info = summarise(load(write_file("partitioned.msh", partitioned)));
  ASSERT_EQ(info.sets.size(), 2U);
  EXPECT_EQ(info.sets[0].n_exterior, 1);
  EXPECT_EQ(info.sets[1].n_exterior, 1);
  EXPECT_EQ(info.sets[1].n_interior, 0);  // the diagonal
}

TEST(Gmsh, unused_nodes_are_left_out) {
  const std::string more = replaced(replaced(square_22, "$Nodes\n4\n", "$Nodes\n6\n100 7 7 7\n"),
                                    "3 1 1 0\n", "3 1 1 0\n77 0.5 9 -3\n");
  const Mesh mesh = load(write_file("unused.msh", more));
  EXPECT_EQ(mesh.n_vertices_global, 4);
  EXPECT_EQ(mesh.n_nodes_global, 4);
  EXPECT_EQ(summarise(mesh).upper[1], 1.0);
}

TEST(Gmsh, tags_may_be_far_apart) {
  std::string sparse = square_41;
  for (const auto& [from, to] :
       {std::pair{"1\n2\n3\n4\n", "7000000000000\n12\n9000000\n5\n"},
        std::pair{"1 4 1\n", "1 5 7000000000000\n"}, std::pair{"2 2 3\n", "2 12 9000000\n"},
        std::pair{"3 1 2 3\n", "3 7000000000000 12 9000000\n"},
        std::pair{"4 1 3 4\n", "4 7000000000000 9000000 5\n"}}) {
    sparse = replaced(sparse, from, to);
  }
  const std::string path = write_file("sparse.msh", sparse);
  expect_part_of(read_gmsh(everybody(), path), read_gmsh(comm::Communicator::self(), path));
  EXPECT_NEAR(summarise(load(path)).volume, 1.0, 1e-15);
}

TEST(Gmsh, sections_of_results_and_comments_are_skipped) {
  std::string text =
      std::string("$Comments\nmade by hand\n$EndComments\n") + square_22 +
      "$Periodic\n1\n1 2 1\n0\n$EndPeriodic\n$NodeData\n1\n\"T\"\n1\n0\n3\n0\n1\n1\n1 "
      "3.5\n$EndNodeData\n$ElementData\nwhatever\n$EndElementData\n"
      "$InterpolationScheme\n0\n$EndInterpolationScheme\n";
  EXPECT_EQ(read_gmsh(everybody(), write_file("sections.msh", text)).n_cells_global, 2);
  // In a binary file the bytes of such a section may be anything.
  std::string binary = test::contents_of(data_file("tri1.msh41.binary.msh"));
  binary += std::string("$NodeData\n\0\xff$End\n\n$EndNode\x01", 25) + "\n$EndNodeData\n";
  EXPECT_EQ(read_gmsh(everybody(), write_file("binary_sections.msh", binary)).n_cells_global, 46);
}

TEST(Gmsh, line_ends_of_windows_and_blank_lines) {
  for (const char* square : {square_22, square_41}) {
    std::string text;
    for (char c : std::string(square))
      text += c == '\n' ? std::string(" \r\n\r\n") : std::string(1, c);
    const MeshInfo info = summarise(load(write_file("windows.msh", text)));
    EXPECT_EQ(info.n_cells, 2);
    EXPECT_THAT(info.sets[0].name, "left");
    EXPECT_EQ(info.sets[0].n_exterior, 1);
  }
}

// ---- Names
// -----------------------------------------------------------------------------------------

TEST(Gmsh, names_are_made_up_for_groups_without_one) {
  for (const char* square : {square_22, square_41}) {
    std::string text = square;
    const std::size_t begin = text.find("$PhysicalNames"), end = text.find("$EndPhysicalNames\n");
    text.erase(begin, end + 18 - begin);
    const Mesh mesh = read_gmsh(everybody(), write_file("nameless.msh", text));
    EXPECT_THAT(mesh.region_names, ElementsAre("region_3"));
    EXPECT_THAT(mesh.set_names, ElementsAre("set_1", "set_2"));
  }
}

TEST(Gmsh, cells_without_a_group_are_in_region_default) {
  const std::string text = replaced(square_22, "4 2 2 3 1 1 3 4", "4 2 2 0 1 1 3 4");
  const MeshInfo info = summarise(load(write_file("default.msh", text)));
  ASSERT_EQ(info.regions.size(), 2U);
  EXPECT_EQ(info.regions[0].name, "plate");
  EXPECT_EQ(info.regions[1].name, "default");
  EXPECT_EQ(info.regions[1].n_cells, 1);
  const std::string none = replaced(square_41, "1 0 0 0 1 1 0 1 3 0", "1 0 0 0 1 1 0 0 0");
  EXPECT_THAT(read_gmsh(everybody(), write_file("none.msh", none)).region_names,
              ElementsAre("plate", "default"));
  // Without $Entities there are no groups at all.
  std::string bare = square_41;
  bare.erase(bare.find("$PhysicalNames"), bare.find("$Nodes") - bare.find("$PhysicalNames"));
  const Mesh mesh = read_gmsh(everybody(), write_file("bare.msh", bare));
  EXPECT_THAT(mesh.region_names, ElementsAre("default"));
  EXPECT_TRUE(mesh.set_names.empty());
  EXPECT_TRUE(mesh.facet_sets.empty());
}

TEST(Gmsh, groups_of_one_name_are_one) {
  const std::string text = replaced(square_22, "1 2 \"right\"", "1 2 \"left\"");
  const MeshInfo info = summarise(load(write_file("one_name.msh", text)));
  ASSERT_EQ(info.sets.size(), 1U);
  EXPECT_EQ(info.sets[0].n_exterior, 2);
  EXPECT_EQ(info.sets[0].area, 2.0);
  EXPECT_EQ(info.n_unnamed, 2);
}

TEST(Gmsh, facets_may_be_in_several_sets_and_orientation_of_a_group_does_not_matter) {
  const std::string text = replaced(square_41, "1 0 0 0 0 1 0 1 1 0", "1 0 0 0 0 1 0 2 -1 2 0");
  const MeshInfo info = summarise(load(write_file("several.msh", text)));
  EXPECT_EQ(info.sets[0].n_exterior, 1);
  EXPECT_EQ(info.sets[1].n_exterior, 2);
  EXPECT_EQ(info.n_unnamed, 2);
}

TEST(Gmsh, empty_groups_and_names_of_other_dimensions_are_kept_apart) {
  const std::string text =
      replaced(square_22, "3\n1 1 \"left\"",
               "6\n0 8 \"corner\"\n1 9 \"nobody's\"\n2 7 \"nothing \xc3\xa9\"\n1 1 \"left\"");
  const std::string path = write_file("empty_groups.msh", text);
  const MeshInfo info = summarise(load(path));
  ASSERT_EQ(info.sets.size(), 3U);
  EXPECT_EQ(info.sets[2].name, "nobody's");
  EXPECT_EQ(info.sets[2].n_exterior, 0);
  EXPECT_EQ(info.regions[1].name, "nothing \xc3\xa9");
  EXPECT_EQ(info.regions[1].n_cells, 0);
  EXPECT_THAT(read_gmsh_header(path).other_names, ElementsAre("corner"));
}

// ---- Orientation, dimension
// ------------------------------------------------------------------------

TEST(Gmsh, meshes_with_reversed_normals_are_turned) {
  const std::string text =
      replaced(replaced(square_22, "1 1 2 3\n", "1 1 3 2\n"), "1 1 3 4\n", "1 1 4 3\n");
  const MeshInfo info = summarise(load(write_file("reversed.msh", text)));
  EXPECT_EQ(info.n_bad, 0);
  EXPECT_EQ(info.volume, 1.0);
  EXPECT_EQ(info.sets[0].n_exterior, 1);
}

/// Mirrored at a plane, every cell of every type and order is negative; turned, it maps right
/// again.
TEST(Gmsh, mirrored_meshes_of_every_type_are_turned) {
  for (const std::string name : {"line", "tri", "quad", "tet", "hex"}) {
    for (const std::string order : {"1", "2"}) {
      std::istringstream in(test::contents_of(data_file(name + order + ".msh22.text.msh")));
      std::ostringstream out;
      out.precision(17);
      std::string line;
      for (bool nodes = false; std::getline(in, line);) {
        if (line == "$EndNodes") nodes = false;
        double x = 0, y = 0, z = 0;
        int tag = 0;
        std::istringstream words(line);
        if (nodes && words >> tag >> x >> y >> z) {
          out << tag << ' ' << -x << ' ' << y << ' ' << z << '\n';
        } else {
          out << line << '\n';
        }
        if (line == "$Nodes") nodes = true;
      }
      const MeshInfo info = summarise(load(write_file("mirrored.msh", out.str())));
      EXPECT_EQ(info.n_bad, 0) << name << order;
      EXPECT_NEAR(info.volume, name == "line" ? 3.0 : disk_area(order == "1" ? 1 : 2), 1e-12)
          << name << order;
    }
  }
}

TEST(Gmsh, plane_meshes_may_lie_at_any_height) {
  std::string text = square_22;
  for (const char* node : {"1 0 0 ", "2 1 0 ", "3 1 1 ", "4 0 1 "}) {
    text = replaced(text, std::string(node) + "0\n", std::string(node) + "2.5\n");
  }
  EXPECT_EQ(summarise(load(write_file("height.msh", text))).volume, 1.0);
}

TEST(Gmsh, the_wrong_dimension_is_refused) {
  try {
    (void)read_gmsh(everybody(), data_file("tri1.msh41.text.msh"), 3);
    FAIL() << "not refused";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ExitCode::mesh);
    EXPECT_THAT(error.what(), HasSubstr("tri1.msh41.text.msh: the mesh has tri3 cells, which have "
                                        "dimension 2, and dimension 3 is asked for"));
  }
  EXPECT_EQ(read_gmsh(everybody(), data_file("tri1.msh41.text.msh"), 2).dimension(), 2);
}

// ---- Larger than a block
// ---------------------------------------------------------------------------

/// A square of n x n quads in the text format of 2.2, in boustrophedon tags so that no order helps.
std::string big_square(int n) {
  std::string text =
      "$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$Nodes\n" + std::to_string((n + 1) * (n + 1)) + "\n";
  const auto tag = [&](int i, int j) {
    return std::to_string(1 + j * (n + 1) + (j % 2 == 0 ? i : n - i));
  };
  for (int j = 0; j <= n; ++j) {
    for (int i = 0; i <= n; ++i)
      text += tag(i, j) + " " + std::to_string(i) + " " + std::to_string(j) + " 0\n";
  }
  text += "$EndNodes\n$Elements\n" + std::to_string(n * n + n) + "\n";
  int element = 0;
  for (int i = 0; i < n; ++i) {
    text += std::to_string(++element) + " 1 2 5 1 " + tag(i, 0) + " " + tag(i + 1, 0) + "\n";
  }
  for (int j = 0; j < n; ++j) {
    for (int i = 0; i < n; ++i) {
      text += std::to_string(++element) + " 3 2 1 1 " + tag(i, j) + " " + tag(i + 1, j) + " " +
              tag(i + 1, j + 1) + " " + tag(i, j + 1) + "\n";
    }
  }
  return text + "$EndElements\n";
}

TEST(Gmsh, files_of_several_blocks) {
  const int n = 400;  // 160,801 nodes and 160,400 elements: two blocks of 131,072 each
  const std::string path = write_file("big.msh", everybody().is_root() ? big_square(n) : "");
  const Mesh mesh = load(path);
  const MeshInfo info = summarise(mesh);
  EXPECT_EQ(info.n_cells, n * n);
  EXPECT_EQ(info.n_vertices, (n + 1) * (n + 1));
  EXPECT_EQ(info.volume, 160000.0);
  EXPECT_EQ(info.least_quality, 1.0);
  EXPECT_EQ(info.n_exterior, 4 * n);
  ASSERT_EQ(info.sets.size(), 1U);
  EXPECT_EQ(info.sets[0].n_exterior, n);
  EXPECT_EQ(info.sets[0].area, n);
  for (LocalId c = 0; c < mesh.n_cells_owned; ++c) {
    const std::array<double, 3> centre = map_to_physical(mesh, c, {0.5, 0.5, 0});
    const GlobalId gid = mesh.cell_gid[static_cast<std::size_t>(c)];
    ASSERT_EQ(centre[0], static_cast<double>(gid % n) + 0.5);
    ASSERT_EQ(centre[1], static_cast<double>(gid / n) + 0.5);
  }
}

// ---- summarise()
// -----------------------------------------------------------------------------------

TEST(MeshInfo, quality_of_known_cells) {
  // Half a square: mean ratio of the triangle with legs 1 is sqrt(3)/2.
  const MeshInfo square = summarise(load(write_file("square.msh", square_22)));
  EXPECT_NEAR(square.least_quality, std::sqrt(3.0) / 2, 1e-15);
  EXPECT_NEAR(square.mean_quality, std::sqrt(3.0) / 2, 1e-15);
  const std::string equilateral =
      replaced(replaced(replaced(square_22, "3 1 1 0", "3 0.5 0.8660254037844386 0"),
                        "2 2 3 1 1 3 4", "2 2 3 1 1 3 4"),
               "4 0 1 0", "4 -0.5 0.8660254037844386 0");
  const MeshInfo regular = summarise(load(write_file("regular.msh", equilateral)));
  EXPECT_NEAR(regular.least_quality, 1.0, 1e-15);
  EXPECT_EQ(regular.n_poor, 0);
  // A rectangle a x b has 2 ab / (a^2 + b^2): 0.0399 at 1 : 50.
  std::string flat = square_22;
  flat = replaced(replaced(flat, "3 1 1 0", "3 1 0.02 0"), "4 0 1 0", "4 0 0.02 0");
  EXPECT_EQ(summarise(load(write_file("flat.msh", flat))).n_poor, 2);
}

TEST(MeshInfo, text_names_everything) {
  const std::string shown = text(summarise(load(data_file("tri1.msh41.text.msh"))));
  for (const char* part :
       {"46 tri cells of order 1 in 2-D, 28 vertices, 28 nodes", "core", "ring", "rim", "core edge",
        "8 inside the domain", "in no named set: 0 facets", "quality"}) {
    EXPECT_THAT(shown, HasSubstr(part));
  }
  EXPECT_EQ(shown.back(), '\n');
}

}  // namespace
}  // namespace ritz::mesh
