#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "gmsh_nodes.hpp"
#include "gmsh_parse.hpp"
#include "ritz/comm/communicator.hpp"

namespace ritz::mesh::gmsh {

/// Sends every item to the rank that `destination(item)` names.
template <class T, class Destination>
std::vector<T> send_to(const comm::Communicator& communicator, const std::vector<T>& items,
                       const Destination& destination) {
  const auto n_ranks = static_cast<std::size_t>(communicator.size());
  std::vector<std::size_t> counts(n_ranks, 0);
  std::vector<int> where(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    where[i] = destination(items[i]);
    ++counts[static_cast<std::size_t>(where[i])];
  }
  std::vector<std::size_t> next(n_ranks, 0);
  for (std::size_t q = 1; q < n_ranks; ++q) next[q] = next[q - 1] + counts[q - 1];
  std::vector<T> sorted(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    sorted[next[static_cast<std::size_t>(where[i])]++] = items[i];
  }
  return communicator.exchange(std::span<const T>(sorted), std::span<const std::size_t>(counts));
}

/// Elements of one type, as the ranks keep them until the mesh is built: [n][width()] words.
struct ElementList {
  static constexpr std::size_t index = 0, tag = 1, group = 2, place = 3, nodes = 4;

  int n_nodes = 0;
  std::vector<std::int64_t> words;

  [[nodiscard]] std::size_t width() const { return nodes + static_cast<std::size_t>(n_nodes); }
  [[nodiscard]] std::size_t size() const { return words.size() / width(); }
  [[nodiscard]] const std::int64_t* operator[](std::size_t i) const {
    return words.data() + i * width();
  }
};

/// A rank's share of a file: equal blocks of its nodes and elements, in turn.
struct Share {
  std::vector<Node> nodes;
  std::map<int, ElementList> elements;  ///< by Gmsh's number of the type; usable types only
  Contents contents;                    ///< on rank 0
};

/// Rank 0 reads the file and sends blocks of it to the ranks in turn. Collective; every rank throws
/// the same error.
[[nodiscard]] Share stream(const comm::Communicator& communicator, const std::string& path);

/// Moves elements of one type, numbered 0..n-1 by their index, to the ranks' blocks of [0, n): rank
/// r gets those of BlockRange(n, size), by index. Collective.
[[nodiscard]] ElementList to_blocks(const comm::Communicator& communicator, ElementList elements,
                                    std::int64_t n);

}  // namespace ritz::mesh::gmsh
