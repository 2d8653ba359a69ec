#include "gmsh_nodes.hpp"

#include <algorithm>
#include <limits>
#include <random>

#include "gmsh_file.hpp"
#include "gmsh_stream.hpp"
#include "ritz/base/format.hpp"

namespace ritz::mesh::gmsh {

namespace {

/// Tags each rank contributes to the choice of the ranges. With s random samples a rank the largest
/// range exceeds the mean by a factor of about 1 + 3 / sqrt(s).
constexpr std::size_t samples_a_rank = 64;

}  // namespace

std::size_t TagList::position(std::int64_t tag) const {
  if (!table_.empty()) {
    return static_cast<std::size_t>(table_[static_cast<std::size_t>(tag - tags.front())]);
  }
  return static_cast<std::size_t>(std::lower_bound(tags.begin(), tags.end(), tag) - tags.begin());
}

void TagList::make_table() {
  table_.assign(static_cast<std::size_t>(tags.back() - tags.front()) + 1, -1);
  for (std::size_t i = 0; i < tags.size(); ++i) {
    table_[static_cast<std::size_t>(tags[i] - tags.front())] = static_cast<std::int32_t>(i);
  }
}

TagList TagList::from_pairs(std::vector<std::pair<std::int64_t, std::uint8_t>> pairs) {
  TagList list;
  std::sort(pairs.begin(), pairs.end());
  for (const auto& [tag, use] : pairs) {
    if (list.tags.empty() || list.tags.back() != tag) {
      list.tags.push_back(tag);
      list.uses.push_back(use);
    } else {
      list.uses.back() |= use;
    }
  }
  return list;
}

NodeHomes::NodeHomes(const comm::Communicator& communicator, std::vector<Node> nodes,
                     const std::string& path, bool binary)
    : communicator_(communicator), path_(path), binary_(binary) {
  if (communicator_.size() > 1) {
    // Ranges of tags from a random sample (of a fixed seed). What is in which range decides who
    // holds a node, never what anybody is told.
    std::vector<std::int64_t> samples;
    std::minstd_rand random(static_cast<unsigned>(communicator_.rank()) + 1);
    for (std::size_t i = 0; i < samples_a_rank && !nodes.empty(); ++i) {
      samples.push_back(nodes[random() % nodes.size()].tag);
    }
    splitters_ = communicator_.gather(std::span<const std::int64_t>(samples));
    if (communicator_.is_root()) {
      std::sort(splitters_.begin(), splitters_.end());
      std::vector<std::int64_t> chosen;
      const auto n_ranks = static_cast<std::size_t>(communicator_.size());
      for (std::size_t r = 1; r < n_ranks; ++r) {
        chosen.push_back(splitters_.empty() ? 0 : splitters_[r * splitters_.size() / n_ranks]);
      }
      splitters_ = std::move(chosen);
    }
    communicator_.broadcast(splitters_);
    nodes = send_to(communicator_, nodes, [this](const Node& node) { return home(node.tag); });
  }
  communicator_.together([&] {
    std::sort(nodes.begin(), nodes.end(), [](const Node& a, const Node& b) {
      return a.tag != b.tag ? a.tag < b.tag : a.place < b.place;
    });
    const auto twice = std::adjacent_find(
        nodes.begin(), nodes.end(), [](const Node& a, const Node& b) { return a.tag == b.tag; });
    if (twice == nodes.end()) return;
    const Node& again = *(twice + 1);
    throw error_at(path_, binary_, again.place,
                   fmt::format("node {} occurs twice: first at {} ({}, {}, {}), here ({}, {}, {})",
                               again.tag, place_text(binary_, twice->place), twice->x[0],
                               twice->x[1], twice->x[2], again.x[0], again.x[1], again.x[2]));
  });
  nodes_ = std::move(nodes);
}

int NodeHomes::home(std::int64_t tag) const {
  return static_cast<int>(std::upper_bound(splitters_.begin(), splitters_.end(), tag) -
                          splitters_.begin());
}

std::int64_t NodeHomes::find(std::int64_t tag) const {
  const auto at = std::lower_bound(nodes_.begin(), nodes_.end(), tag,
                                   [](const Node& node, std::int64_t t) { return node.tag < t; });
  return at != nodes_.end() && at->tag == tag ? at - nodes_.begin() : -1;
}

std::vector<std::size_t> NodeHomes::counts_of(const std::vector<std::int64_t>& tags) const {
  std::vector<std::size_t> counts(static_cast<std::size_t>(communicator_.size()), 0);
  for (std::int64_t tag : tags) ++counts[static_cast<std::size_t>(home(tag))];
  return counts;
}

std::vector<NodeAnswer> NodeHomes::answer(const std::vector<std::int64_t>& tags,
                                          const std::vector<std::size_t>& from) const {
  std::vector<NodeAnswer> answers(tags.size());
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const std::int64_t at = find(tags[i]);
    if (at < 0) {
      answers[i] = {NodeAnswer::missing, {}};
    } else {
      answers[i] = {gid_[static_cast<std::size_t>(at)], nodes_[static_cast<std::size_t>(at)].x};
    }
  }
  return communicator_.exchange(std::span<const NodeAnswer>(answers),
                                std::span<const std::size_t>(from));
}

std::vector<NodeAnswer> NodeHomes::number(const TagList& used) {
  const std::vector<std::size_t> counts = counts_of(used.tags);
  std::vector<std::size_t> from;
  const std::vector<std::int64_t> tags = communicator_.exchange(
      std::span<const std::int64_t>(used.tags), std::span<const std::size_t>(counts), &from);
  const std::vector<std::uint8_t> uses = communicator_.exchange(
      std::span<const std::uint8_t>(used.uses), std::span<const std::size_t>(counts));

  std::vector<std::uint8_t> use(nodes_.size(), 0);
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const std::int64_t at = find(tags[i]);
    if (at >= 0) use[static_cast<std::size_t>(at)] |= uses[i];
  }
  communicator_.together([&] {
    const auto both = std::find(use.begin(), use.end(), TagList::corner | TagList::other);
    if (both == use.end()) return;
    const Node& node = nodes_[static_cast<std::size_t>(both - use.begin())];
    throw error_at(
        path_, binary_, node.place,
        fmt::format("node {} is a corner of one cell and a mid-side node of another: the "
                    "cells do not fit together",
                    node.tag));
  });

  std::int64_t n_corners = 0, n_others = 0;
  constexpr double infinite = std::numeric_limits<double>::infinity();
  lower_ = {infinite, infinite, infinite};
  upper_ = {-infinite, -infinite, -infinite};
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (use[i] == 0) continue;
    (use[i] == TagList::corner ? n_corners : n_others) += 1;
    for (std::size_t d = 0; d < 3; ++d) {
      lower_[d] = std::min(lower_[d], nodes_[i].x[d]);
      upper_[d] = std::max(upper_[d], nodes_[i].x[d]);
    }
  }
  communicator_.all_reduce(std::span<double>(lower_), comm::Op::min);
  communicator_.all_reduce(std::span<double>(upper_), comm::Op::max);
  n_vertices_ = communicator_.sum(n_corners);
  n_nodes_ = n_vertices_ + communicator_.sum(n_others);
  GlobalId next_corner = communicator_.exclusive_sum(n_corners);
  GlobalId next_other = n_vertices_ + communicator_.exclusive_sum(n_others);
  gid_.assign(nodes_.size(), NodeAnswer::unused);
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (use[i] == TagList::corner) gid_[i] = next_corner++;
    if (use[i] == TagList::other) gid_[i] = next_other++;
  }

  asked_begin_.assign(1, 0);
  std::size_t next = 0;
  for (std::size_t n : from) {
    for (std::size_t end = next + n; next < end; ++next) {
      if (uses[next] == TagList::corner) asked_.push_back(tags[next]);
    }
    asked_begin_.push_back(asked_.size());
  }
  return answer(tags, from);
}

std::vector<NodeAnswer> NodeHomes::look_up(const TagList& wanted) const {
  const std::vector<std::size_t> counts = counts_of(wanted.tags);
  std::vector<std::size_t> from;
  const std::vector<std::int64_t> tags = communicator_.exchange(
      std::span<const std::int64_t>(wanted.tags), std::span<const std::size_t>(counts), &from);
  return answer(tags, from);
}

void NodeHomes::ranks_with_corner(std::int64_t tag, std::vector<int>& ranks) const {
  ranks.clear();
  for (std::size_t r = 0; r + 1 < asked_begin_.size(); ++r) {
    const auto first = asked_.begin() + static_cast<std::ptrdiff_t>(asked_begin_[r]);
    const auto last = asked_.begin() + static_cast<std::ptrdiff_t>(asked_begin_[r + 1]);
    if (std::binary_search(first, last, tag)) ranks.push_back(static_cast<int>(r));
  }
}

}  // namespace ritz::mesh::gmsh
