#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gmsh_file.hpp"
#include "gmsh_types.hpp"

namespace ritz::mesh::gmsh {

/// Elements that share a geometric entity (4.1) or a physical tag (2.2).
struct Group {
  int dimension;
  std::vector<int> physical;  ///< positive tags, ascending; empty: in no physical group
  std::int64_t n_elements;
  std::int64_t place;  ///< of its first element
};

/// What a mesh file says besides its nodes and elements; small.
struct Contents {
  struct PhysicalName {
    std::string name;
    std::int64_t place;
  };
  struct TypeCount {
    std::int64_t n = 0;
    std::int64_t first = 0;  ///< place of the first element
  };

  std::string version;
  bool binary = false;
  bool has_nodes = false, has_elements = false;
  std::int64_t n_nodes = 0, n_elements = 0;
  std::map<std::pair<int, int>, PhysicalName> names;  ///< by dimension and physical tag
  std::map<int, TypeCount> types;                     ///< by Gmsh's number
  std::vector<Group> groups;
};

/// Takes what the parser meets, in the order of the file.
class Sink {
 public:
  virtual ~Sink() = default;
  /// All tags of a block of nodes come before its coordinates, which follow in the same order.
  virtual void node_tag(std::int64_t tag, std::int64_t place) = 0;
  virtual void node_coordinates(const double* xyz) = 0;
  /// `nodes`: type.n_nodes tags in Gmsh's order; `group` indexes Contents::groups.
  virtual void element(const ElementType& type, std::int64_t tag, int group, std::int64_t place,
                       const std::int64_t* nodes) = 0;
};

/// Reads the whole file, MSH 2.2 or 4.1, text or binary. Without a sink nodes and elements are
/// passed over as quickly as the format allows and only counted. Local; throws Error(mesh) with the
/// place.
[[nodiscard]] Contents parse(File& file, Sink* sink);

/// The cells, materials and named sets that a file's contents amount to.
struct Layout {
  int type = 0;  ///< Gmsh's number of the cells' type
  std::int64_t n_cells = 0;
  std::vector<std::string> region_names, set_names, other_names;
  std::vector<int> group_region;             ///< [groups], -1: not a group of cells
  std::vector<std::vector<int>> group_sets;  ///< [groups], set numbers; empty: not facets of a set
  std::vector<std::string> warnings;
};

/// Throws Error(mesh) when there are no cells, cells of several or of unusable types, of another
/// dimension than `dimension` (0: any), or names that cannot be kept apart.
[[nodiscard]] Layout make_layout(const Contents& contents, const std::string& path, int dimension);

}  // namespace ritz::mesh::gmsh
