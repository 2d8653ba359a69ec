// From what a mesh file contains to cells, materials and named sets.
#include <algorithm>
#include <limits>
#include <set>

#include "gmsh_parse.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"

namespace ritz::mesh::gmsh {

namespace {

using base::Error;
using base::ExitCode;

/// "120 tri3 (the first at line 40)"
std::string count_text(const Contents& contents, const ElementType& type) {
  const Contents::TypeCount& count = contents.types.at(type.number);
  return fmt::format("{} {} (the first at {})", base::count_text(count.n), type.name,
                     place_text(contents.binary, count.first));
}

std::string mixture_hint(const std::vector<const ElementType*>& types) {
  const bool one_shape = std::all_of(types.begin(), types.end(), [&](const ElementType* type) {
    return type->shape == types.front()->shape;
  });
  if (one_shape) return "write the whole mesh with one Mesh.ElementOrder";
  if (types.front()->dimension == 2) {
    return "for quads alone set Mesh.RecombineAll = 1 and Mesh.SubdivisionAlgorithm = 1 in Gmsh, "
           "for "
           "triangles alone leave out Recombine";
  }
  return "for hexes alone set Mesh.SubdivisionAlgorithm = 2 in Gmsh, for tets alone leave out "
         "Recombine and Layers";
}

/// The one type of the cells: that of the elements of the highest dimension.
const ElementType& cell_type_of(const Contents& contents, const std::string& path, int dimension) {
  std::vector<const ElementType*> top;
  for (const auto& [number, count] : contents.types) {
    const ElementType* type = element_type(number);
    if (count.n == 0 || type->dimension == 0) continue;
    if (!top.empty() && type->dimension < top.front()->dimension) continue;
    if (!top.empty() && type->dimension > top.front()->dimension) top.clear();
    top.push_back(type);
  }
  if (top.empty()) {
    const std::string elements =
        contents.n_elements == 0 ? "it has no elements"
                                 : fmt::format("its {} elements are points", contents.n_elements);
    throw Error(
        ExitCode::mesh, {path, 0, 0},
        fmt::format("the mesh has no cells ({}): mesh the geometry with `gmsh -2` or `gmsh "
                    "-3`, and mind that with physical groups Gmsh writes only what is in one "
                    "of them",
                    elements));
  }
  // In the order of the file.
  std::sort(top.begin(), top.end(), [&](const ElementType* a, const ElementType* b) {
    return contents.types.at(a->number).first < contents.types.at(b->number).first;
  });
  const auto bad =
      std::find_if(top.begin(), top.end(), [](const ElementType* type) { return !type->usable(); });
  if (bad != top.end() || top.size() > 1) {
    std::vector<std::string> counts;
    for (const ElementType* type : top) counts.push_back(count_text(contents, *type));
    const ElementType* where = bad != top.end() ? *bad : top[1];
    std::string message;
    if (bad != top.end()) message = refusal(**bad);
    if (top.size() > 1) {
      message +=
          fmt::format("{}mixed cell types: {}", message.empty() ? "" : "; ", base::list(counts));
      if (bad == top.end()) message += "; Ritz needs one type: " + mixture_hint(top);
    } else {
      message += fmt::format("; the file has {}", counts.front());
    }
    throw error_at(path, contents.binary, contents.types.at(where->number).first, message);
  }
  if (dimension != 0 && top.front()->dimension != dimension) {
    throw Error(
        ExitCode::mesh, {path, 0, 0},
        fmt::format(
            "the mesh has {} cells, which have dimension {}, and dimension {} is asked for{}",
            top.front()->name, top.front()->dimension, dimension,
            top.front()->dimension < dimension
                ? ": mesh the higher dimension, and put it in a physical group when there "
                  "are physical groups at all"
                : ""));
  }
  return *top.front();
}

/// Names of one dimension's physical groups: declared ones, and "<prefix>_<tag>" for the others.
class Names {
 public:
  Names(const Contents& contents, const std::string& path, int dimension, const char* prefix)
      : contents_(contents), path_(path), dimension_(dimension), prefix_(prefix) {
    std::set<int> tags;
    for (const auto& [key, name] : contents.names) {
      if (key.first == dimension) tags.insert(key.second);
    }
    for (const Group& group : contents.groups) {
      if (group.dimension != dimension) continue;
      tags.insert(group.physical.begin(), group.physical.end());
    }
    for (int tag : tags) add(tag);
  }

  [[nodiscard]] int number(int tag) const { return number_.at(tag); }
  [[nodiscard]] std::string name(int tag) const {
    const auto declared = contents_.names.find({dimension_, tag});
    if (declared != contents_.names.end() && !declared->second.name.empty()) {
      return declared->second.name;
    }
    return fmt::format("{}_{}", prefix_, tag);
  }
  /// The name of what is in no group; it must be free.
  int add_default() {
    const std::string word = "default";
    if (std::find(list_.begin(), list_.end(), word) != list_.end()) {
      throw Error(ExitCode::mesh, {path_, 0, 0},
                  "some cells are in no physical group and would be named 'default', which is the "
                  "name of a physical group: rename it, or put every cell in a group");
    }
    list_.push_back(word);
    check_number();
    return static_cast<int>(list_.size()) - 1;
  }
  [[nodiscard]] const std::vector<std::string>& list() const { return list_; }

 private:
  void add(int tag) {
    const auto declared = contents_.names.find({dimension_, tag});
    const bool is_declared = declared != contents_.names.end() && !declared->second.name.empty();
    const std::string text = name(tag);
    const auto same = first_.find(text);
    // Groups of one name are one set; a made-up name must not meet a declared one.
    if (same != first_.end() && is_declared != same->second.second) {
      throw Error(
          ExitCode::mesh, {path_, 0, 0},
          fmt::format("a physical group is named {0}, which is also the name made up for the "
                      "physical group of dimension {1} without a name: give that one a name",
                      quoted(text), dimension_));
    }
    if (same != first_.end()) {
      number_[tag] = same->second.first;
      return;
    }
    list_.push_back(text);
    check_number();
    number_[tag] = static_cast<int>(list_.size()) - 1;
    first_[text] = {number_[tag], is_declared};
  }
  void check_number() const {
    if (list_.size() <= static_cast<std::size_t>(std::numeric_limits<std::int16_t>::max())) return;
    throw Error(ExitCode::mesh, {path_, 0, 0},
                fmt::format("more than {} physical groups of dimension {}",
                            std::numeric_limits<std::int16_t>::max(), dimension_));
  }

  const Contents& contents_;
  const std::string& path_;
  int dimension_;
  const char* prefix_;
  std::vector<std::string> list_;
  std::map<int, int> number_;                          // by tag
  std::map<std::string, std::pair<int, bool>> first_;  // number, declared
};

}  // namespace

Layout make_layout(const Contents& contents, const std::string& path, int dimension) {
  const ElementType& type = cell_type_of(contents, path, dimension);
  Layout layout;
  layout.type = type.number;
  layout.n_cells = contents.types.at(type.number).n;

  Names regions(contents, path, type.dimension, "region");
  const Names sets(contents, path, type.dimension - 1, "set");
  std::int64_t n_ungrouped = 0;
  int default_region = -1;
  for (const Group& group : contents.groups) {
    int region = -1;
    std::vector<int> in_sets;
    if (group.dimension == type.dimension) {
      if (group.physical.size() > 1) {
        std::vector<std::string> names;
        for (int tag : group.physical) names.push_back(quoted(regions.name(tag)));
        throw error_at(
            path, contents.binary, group.place,
            fmt::format("cells from here on belong to the physical groups {}; a cell has "
                        "one material region: make the groups disjoint",
                        base::list(names)));
      }
      if (group.physical.empty()) {
        if (default_region < 0) default_region = regions.add_default();
        n_ungrouped += group.n_elements;
        region = default_region;
      } else {
        region = regions.number(group.physical.front());
      }
    } else if (group.dimension == type.dimension - 1) {
      for (int tag : group.physical) in_sets.push_back(sets.number(tag));
      std::sort(in_sets.begin(), in_sets.end());
      in_sets.erase(std::unique(in_sets.begin(), in_sets.end()), in_sets.end());
    }
    layout.group_region.push_back(region);
    layout.group_sets.push_back(std::move(in_sets));
  }
  layout.region_names = regions.list();
  layout.set_names = sets.list();
  for (const auto& [key, name] : contents.names) {
    if (key.first != type.dimension && key.first != type.dimension - 1) {
      layout.other_names.push_back(name.name);
    }
  }
  if (n_ungrouped > 0 && n_ungrouped < layout.n_cells) {
    layout.warnings.push_back(
        fmt::format("{}: {} of {} cells are in no physical group; their region is named 'default'",
                    path, base::count_text(n_ungrouped), base::count_text(layout.n_cells)));
  }
  return layout;
}

}  // namespace ritz::mesh::gmsh
