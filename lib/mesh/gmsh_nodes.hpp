#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "ritz/base/ids.hpp"
#include "ritz/comm/communicator.hpp"

namespace ritz::mesh::gmsh {

/// One node of a file.
struct Node {
  std::int64_t tag;
  std::int64_t place;  ///< line or byte offset
  std::array<double, 3> x;
};

/// Node tags that a rank wants to know about, sorted and unique, and what it uses them for.
struct TagList {
  static constexpr std::uint8_t corner = 1, other = 2;

  std::vector<std::int64_t> tags;
  std::vector<std::uint8_t> uses;  ///< [tags], corner or other or both

  /// Position of a tag that is in the list.
  [[nodiscard]] std::size_t position(std::int64_t tag) const;

  /// The list of what `visit` passes to its argument (tag, use); `visit` is called twice and must
  /// pass the same. Uses a table over the range of the tags where that is small, else sorts.
  template <class Visit>
  static TagList collect(const Visit& visit);

 private:
  std::vector<std::int32_t> table_;  // position of tag - tags.front(), or empty
  void make_table();
  static TagList from_pairs(std::vector<std::pair<std::int64_t, std::uint8_t>> pairs);
};

template <class Visit>
TagList TagList::collect(const Visit& visit) {
  std::int64_t n = 0, low = INT64_MAX, high = INT64_MIN;
  visit([&](std::int64_t tag, std::uint8_t) {
    ++n;
    low = std::min(low, tag);
    high = std::max(high, tag);
  });
  TagList list;
  if (n == 0) return list;
  // Tags are positive, so the difference cannot overflow. Four bytes a place: less than the cells'
  // own 8 n bytes.
  if (high - low < 2 * n) {
    std::vector<std::uint8_t> uses(static_cast<std::size_t>(high - low) + 1, 0);
    visit([&](std::int64_t tag, std::uint8_t use) {
      uses[static_cast<std::size_t>(tag - low)] |= use;
    });
    for (std::size_t i = 0; i < uses.size(); ++i) {
      if (uses[i] == 0) continue;
      list.tags.push_back(low + static_cast<std::int64_t>(i));
      list.uses.push_back(uses[i]);
    }
    list.make_table();
    return list;
  }
  std::vector<std::pair<std::int64_t, std::uint8_t>> pairs;
  pairs.reserve(static_cast<std::size_t>(n));
  visit([&](std::int64_t tag, std::uint8_t use) { pairs.emplace_back(tag, use); });
  return from_pairs(std::move(pairs));
}

/// What a node's home answers.
struct NodeAnswer {
  static constexpr GlobalId missing = -1;  ///< no node in the file has this tag
  static constexpr GlobalId unused = -2;   ///< no cell uses it

  GlobalId gid;
  std::array<double, 3> x;
};

/// The nodes of a file, spread over the ranks by ranges of tags with about as many nodes each:
/// every tag has one home rank, which any rank can name without asking.
class NodeHomes {
 public:
  /// Takes the nodes from the ranks that happen to hold them. Collective. Throws Error(mesh) if a
  /// tag occurs twice.
  NodeHomes(const comm::Communicator& communicator, std::vector<Node> nodes,
            const std::string& path, bool binary);

  /// Numbers the nodes that cells use: corners by ascending tag, then the others. Answers the
  /// rank's list. Collective. Throws Error(mesh) if a node is a corner and no corner of different
  /// cells.
  std::vector<NodeAnswer> number(const TagList& used);

  /// The same without numbering: for the nodes of boundary elements. Collective; after number().
  [[nodiscard]] std::vector<NodeAnswer> look_up(const TagList& tags) const;

  [[nodiscard]] int home(std::int64_t tag) const;
  /// The ranks whose cells have this corner; on its home only. Local.
  void ranks_with_corner(std::int64_t tag, std::vector<int>& ranks) const;

  [[nodiscard]] GlobalId n_vertices() const { return n_vertices_; }
  [[nodiscard]] GlobalId n_nodes() const { return n_nodes_; }
  /// Least and greatest coordinates of the nodes that cells use, over all ranks.
  [[nodiscard]] const std::array<double, 3>& lower() const { return lower_; }
  [[nodiscard]] const std::array<double, 3>& upper() const { return upper_; }

 private:
  [[nodiscard]] std::int64_t find(std::int64_t tag) const;
  [[nodiscard]] std::vector<std::size_t> counts_of(const std::vector<std::int64_t>& tags) const;
  [[nodiscard]] std::vector<NodeAnswer> answer(const std::vector<std::int64_t>& tags,
                                               const std::vector<std::size_t>& from) const;

  comm::Communicator communicator_;
  std::string path_;
  bool binary_;
  std::vector<std::int64_t> splitters_;  // rank r has the tags in [splitters_[r-1], splitters_[r])
  std::vector<Node> nodes_;              // by tag
  std::vector<GlobalId> gid_;            // [nodes_]
  std::vector<std::int64_t> asked_;      // corner tags asked for by each rank, ascending in each
  std::vector<std::size_t> asked_begin_;
  GlobalId n_vertices_ = 0, n_nodes_ = 0;
  std::array<double, 3> lower_{}, upper_{};
};

}  // namespace ritz::mesh::gmsh
