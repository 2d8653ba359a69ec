#include "ritz/mesh/gmsh.hpp"

#include <algorithm>
#include <limits>

#include "gmsh_build.hpp"
#include "gmsh_file.hpp"
#include "ritz/base/fault.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/log.hpp"
#include "ritz/base/text.hpp"

namespace ritz::mesh {

using base::Error;
using base::ExitCode;
using gmsh::ElementList;
using gmsh::ElementType;
using gmsh::NodeAnswer;
using gmsh::TagList;

namespace {

void broadcast(const comm::Communicator& communicator, std::vector<std::string>& list) {
  std::uint64_t n = list.size();
  communicator.broadcast(n);
  list.resize(n);
  for (std::string& text : list) communicator.broadcast(text);
}

void broadcast(const comm::Communicator& communicator, gmsh::Layout& layout) {
  communicator.broadcast(layout.type);
  communicator.broadcast(layout.n_cells);
  broadcast(communicator, layout.region_names);
  broadcast(communicator, layout.set_names);
  communicator.broadcast(layout.group_region);
  std::vector<int> flat;
  for (const auto& sets : layout.group_sets) {
    flat.push_back(static_cast<int>(sets.size()));
    flat.insert(flat.end(), sets.begin(), sets.end());
  }
  communicator.broadcast(flat);
  layout.group_sets.clear();
  for (std::size_t at = 0; at < flat.size();) {
    const auto begin = flat.begin() + static_cast<std::ptrdiff_t>(at) + 1;
    layout.group_sets.emplace_back(begin, begin + flat[at]);
    at += static_cast<std::size_t>(flat[at]) + 1;
  }
}

/// A mesh in fewer dimensions than three lies in the x-y plane or on the x axis.
void check_flat(const gmsh::NodeHomes& homes, int dimension, const std::string& path) {
  double size = 0.0;
  std::array<double, 3> extent{};
  for (std::size_t d = 0; d < 3; ++d) {
    extent[d] = homes.upper()[d] - homes.lower()[d];
    size = std::max(size, extent[d]);
  }
  // Gmsh's geometry kernels place nodes of plane surfaces this near to the plane.
  const double tolerance = 1e-9 * size;
  bool flat = true;
  for (std::size_t d = static_cast<std::size_t>(dimension); d < 3; ++d)
    flat = flat && extent[d] <= tolerance;
  if (flat) return;
  std::string ranges;
  for (std::size_t d = 0; d < 3; ++d) {
    ranges += fmt::format("{}{} {:.6g} to {:.6g}", d == 0 ? "" : ", ", "xyz"[d], homes.lower()[d],
                          homes.upper()[d]);
  }
  if (dimension == 2 && (extent[0] <= tolerance || extent[1] <= tolerance)) {
    throw Error(
        ExitCode::mesh, {path, 0, 0},
        fmt::format("the cells lie in the {} plane ({}): rotate the geometry into the x-y plane",
                    extent[0] <= tolerance ? "y-z" : "x-z", ranges));
  }
  throw Error(
      ExitCode::mesh, {path, 0, 0},
      fmt::format("the highest elements have dimension {} and are {} ({}): Ritz has no cells "
                  "of lower dimension than the space. If cells of dimension {} were meant, "
                  "mesh them, and with physical groups put them in one, too (Gmsh writes "
                  "only what is in a group)",
                  dimension,
                  dimension == 2 ? "a surface in three dimensions" : "a curve off the x axis",
                  ranges, dimension + 1));
}

/// The cells' nodes by global id and coordinates, numbered locally. Collective.
void take_nodes(Mesh& mesh, const ElementList& cells, const ElementType& type,
                gmsh::NodeHomes& homes, const gmsh::Origin& origin) {
  const comm::Communicator& communicator = mesh.communicator;
  const auto n_nodes = static_cast<std::size_t>(type.n_nodes);
  const auto n_corners = static_cast<std::size_t>(type.n_corners);

  gmsh::Finding repeated;
  std::vector<std::int64_t> sorted(n_nodes);
  for (std::size_t c = 0; c < cells.size(); ++c) {
    std::copy_n(cells[c] + ElementList::nodes, n_nodes, sorted.begin());
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end()) continue;
    repeated.add(cells[c][ElementList::index], cells[c][ElementList::tag],
                 cells[c][ElementList::place]);
  }
  refuse(communicator, origin, repeated, [&](std::int64_t n, std::int64_t tag) {
    return fmt::format(
        "{} of {} cells use{} a node twice (collapsed cells), the first is element {}: such cells "
        "have no valid Jacobian; mesh the part anew",
        base::count_text(n), base::count_text(mesh.n_cells_global), n == 1 ? "s" : "", tag);
  });

  const TagList used = TagList::collect([&](const auto& use) {
    for (std::size_t c = 0; c < cells.size(); ++c) {
      const std::int64_t* nodes = cells[c] + ElementList::nodes;
      for (std::size_t n = 0; n < n_nodes; ++n)
        use(nodes[n], n < n_corners ? TagList::corner : TagList::other);
    }
  });
  const std::vector<NodeAnswer> answers = homes.number(used);
  gmsh::Finding dangling;
  std::int64_t dangling_node = 0;
  for (std::size_t c = 0; c < cells.size() && dangling.n == 0; ++c) {
    for (std::size_t n = 0; n < n_nodes && dangling.n == 0; ++n) {
      dangling_node = cells[c][ElementList::nodes + n];
      if (answers[used.position(dangling_node)].gid != NodeAnswer::missing) continue;
      dangling.add(cells[c][ElementList::index], cells[c][ElementList::tag],
                   cells[c][ElementList::place]);
    }
  }
  refuse(communicator, origin, dangling, [&](std::int64_t, std::int64_t tag) {
    return fmt::format("element {} has node {}, which is not among the $Nodes", tag, dangling_node);
  });
  check_flat(homes, type.dimension, origin.path);

  // Vertices first. Both kinds are in the order of their tags, so of their global ids.
  const auto dimension = static_cast<std::size_t>(type.dimension);
  std::vector<LocalId> local(used.tags.size());
  communicator.together([&] {
    if (used.tags.size() > static_cast<std::size_t>(std::numeric_limits<LocalId>::max())) {
      throw Error(ExitCode::memory, {origin.path, 0, 0},
                  "more nodes than a rank can number: use more ranks");
    }
  });
  for (std::uint8_t kind : {TagList::corner, TagList::other}) {
    for (std::size_t i = 0; i < used.tags.size(); ++i) {
      if (used.uses[i] != kind) continue;
      local[i] = mesh.n_nodes();
      mesh.node_gid.push_back(answers[i].gid);
      mesh.node_coordinates.insert(mesh.node_coordinates.end(), answers[i].x.begin(),
                                   answers[i].x.begin() + static_cast<std::ptrdiff_t>(dimension));
    }
    if (kind == TagList::corner) mesh.n_vertices = mesh.n_nodes();
  }
  mesh.n_vertices_global = homes.n_vertices();
  mesh.n_nodes_global = homes.n_nodes();
  const std::vector<int> order = gmsh::node_order(type);
  mesh.cell_nodes.resize(cells.size() * n_nodes);
  for (std::size_t c = 0; c < cells.size(); ++c) {
    const std::int64_t* nodes = cells[c] + ElementList::nodes;
    for (std::size_t n = 0; n < n_nodes; ++n) {
      mesh.cell_nodes[c * n_nodes + n] = local[used.position(nodes[order[n]])];
    }
  }
}

}  // namespace

MeshHeader read_gmsh_header(const std::string& path) {
  gmsh::File file(path);
  const gmsh::Contents contents = gmsh::parse(file, nullptr);
  const gmsh::Layout layout = gmsh::make_layout(contents, path, 0);
  const ElementType& type = *gmsh::element_type(layout.type);
  MeshHeader header;
  header.version = contents.version;
  header.binary = contents.binary;
  header.dimension = type.dimension;
  header.cell_type = type.shape;
  header.geometry_order = type.order;
  header.n_cells = layout.n_cells;
  header.n_nodes = contents.n_nodes;
  for (const auto& [number, count] : contents.types) {
    header.element_counts.emplace_back(gmsh::element_type(number)->name, count.n);
  }
  header.region_names = layout.region_names;
  header.set_names = layout.set_names;
  header.other_names = layout.other_names;
  return header;
}

Mesh read_gmsh(const comm::Communicator& communicator, const std::string& path,
               int dimension_hint) {
  gmsh::Share share = gmsh::stream(communicator, path);
  base::fault_point("mesh_file");
  gmsh::Layout layout;
  communicator.together([&] {
    if (communicator.is_root()) layout = gmsh::make_layout(share.contents, path, dimension_hint);
  });
  for (const std::string& warning : layout.warnings) base::log::warning(warning);
  broadcast(communicator, layout);
  gmsh::Origin origin{path, share.contents.binary};
  communicator.broadcast(origin.binary);
  const ElementType& type = *gmsh::element_type(layout.type);

  Mesh mesh(communicator);
  mesh.cell_type = type.shape;
  mesh.geometry_order = type.order;
  mesh.region_names = layout.region_names;
  mesh.set_names = layout.set_names;
  mesh.n_cells_global = layout.n_cells;
  communicator.together([&] {
    if (layout.n_cells / communicator.size() >=
        std::numeric_limits<LocalId>::max() / type.n_nodes) {
      throw Error(ExitCode::memory, {path, 0, 0},
                  fmt::format("{} cells are too many for {} ranks: use more",
                              base::count_text(layout.n_cells), communicator.size()));
    }
  });

  ElementList cells = std::move(share.elements[layout.type]);
  cells.n_nodes = type.n_nodes;
  cells = gmsh::to_blocks(communicator, std::move(cells), layout.n_cells);
  mesh.n_cells_owned = static_cast<LocalId>(cells.size());
  for (std::size_t c = 0; c < cells.size(); ++c) {
    mesh.cell_gid.push_back(cells[c][ElementList::index]);
    const auto group = static_cast<std::size_t>(cells[c][ElementList::group]);
    mesh.cell_region.push_back(static_cast<std::int16_t>(layout.group_region[group]));
  }
  mesh.exterior.assign(cells.size(), 0);

  gmsh::NodeHomes homes(communicator, std::move(share.nodes), path, origin.binary);
  take_nodes(mesh, cells, type, homes, origin);
  gmsh::check_duplicates(mesh, cells, origin);
  gmsh::orient(mesh, cells, origin);
  cells = {};

  std::vector<ElementList> facets;
  std::vector<const ElementType*> facet_types;
  for (auto& [number, list] : share.elements) {
    const ElementType* facet_type = gmsh::element_type(number);
    if (facet_type->dimension != type.dimension - 1) continue;
    facets.push_back(std::move(list));
    facet_types.push_back(facet_type);
  }
  gmsh::match_facets(mesh, facets, facet_types, homes, layout, origin);
  return mesh;
}

}  // namespace ritz::mesh
