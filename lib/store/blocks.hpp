#pragma once

// Rows of numbers between the ranks that own them and the ranks that write or read a file's blocks;
// private to room store.

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/ids.hpp"
#include "ritz/comm/communicator.hpp"

namespace ritz::store {

/// For each of the ids the place where it goes in a list sorted by the rank whose block it is in,
/// and how many go to each rank.
struct BlockOrder {
  std::vector<std::size_t> counts;  ///< [ranks]
  std::vector<std::size_t> place;   ///< [ids]
};
[[nodiscard]] inline BlockOrder block_order(const comm::BlockRange& blocks, int n_ranks,
                                            std::span<const GlobalId> ids) {
  BlockOrder order;
  order.counts.assign(static_cast<std::size_t>(n_ranks), 0);
  for (GlobalId id : ids) ++order.counts[static_cast<std::size_t>(blocks.block_of(id))];
  std::vector<std::size_t> next(order.counts.size(), 0);
  std::partial_sum(order.counts.begin(), order.counts.end() - 1, next.begin() + 1);
  order.place.reserve(ids.size());
  for (GlobalId id : ids)
    order.place.push_back(next[static_cast<std::size_t>(blocks.block_of(id))]++);
  return order;
}

/// Rows of `width` numbers keyed by global id, brought to the rank that writes them: rank r holds
/// the rows of block r of BlockRange(n_global, ranks), in order. Each id has one owner. Collective.
template <class T>
std::vector<T> to_blocks(const comm::Communicator& communicator, GlobalId n_global,
                         std::span<const GlobalId> ids, std::span<const T> rows,
                         std::size_t width) {
  const comm::BlockRange blocks(n_global, communicator.size());
  BlockOrder order;
  std::vector<GlobalId> sent_ids;
  std::vector<T> sent_rows;
  communicator.together([&] {
    order = block_order(blocks, communicator.size(), ids);
    sent_ids.resize(ids.size());
    sent_rows.resize(rows.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const std::size_t at = order.place[i];
      sent_ids[at] = ids[i];
      std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(i * width), width,
                  sent_rows.begin() + static_cast<std::ptrdiff_t>(at * width));
    }
  });
  const std::vector<GlobalId> got_ids = communicator.exchange(
      std::span<const GlobalId>(sent_ids), std::span<const std::size_t>(order.counts));
  for (std::size_t& n : order.counts) n *= width;
  const std::vector<T> got_rows = communicator.exchange(std::span<const T>(sent_rows),
                                                        std::span<const std::size_t>(order.counts));

  const std::int64_t first = blocks.begin(communicator.rank());
  const auto n_mine = static_cast<std::size_t>(blocks.end(communicator.rank()) - first);
  std::vector<T> block;
  communicator.together([&] {
    if (got_ids.size() != n_mine) {
      throw base::Error(base::ExitCode::internal,
                        fmt::format("{} rows came for a block of {}; please report this",
                                    got_ids.size(), n_mine));
    }
    block.resize(n_mine * width);
    for (std::size_t i = 0; i < n_mine; ++i) {
      std::copy_n(got_rows.begin() + static_cast<std::ptrdiff_t>(i * width), width,
                  block.begin() + static_cast<std::ptrdiff_t>(
                                      static_cast<std::size_t>(got_ids[i] - first) * width));
    }
  });
  return block;
}

/// The other way: the rows [ids][width] out of the blocks, of which `block` is this rank's. Any
/// rank may ask for any id in [0, n_global). Collective.
template <class T>
std::vector<T> from_blocks(const comm::Communicator& communicator, GlobalId n_global,
                           std::span<const GlobalId> ids, std::span<const T> block,
                           std::size_t width) {
  const comm::BlockRange blocks(n_global, communicator.size());
  BlockOrder order;
  std::vector<GlobalId> wanted;
  communicator.together([&] {
    order = block_order(blocks, communicator.size(), ids);
    wanted.resize(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) wanted[order.place[i]] = ids[i];
  });
  std::vector<std::size_t> asked;
  const std::vector<GlobalId> requests = communicator.exchange(
      std::span<const GlobalId>(wanted), std::span<const std::size_t>(order.counts), &asked);
  std::vector<T> answers;
  communicator.together([&] {
    const std::int64_t first = blocks.begin(communicator.rank());
    answers.resize(requests.size() * width);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      std::copy_n(block.begin() + static_cast<std::ptrdiff_t>(
                                      static_cast<std::size_t>(requests[i] - first) * width),
                  width, answers.begin() + static_cast<std::ptrdiff_t>(i * width));
    }
    for (std::size_t& n : asked) n *= width;
  });
  const std::vector<T> got =
      communicator.exchange(std::span<const T>(answers), std::span<const std::size_t>(asked));
  std::vector<T> rows(ids.size() * width);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    std::copy_n(got.begin() + static_cast<std::ptrdiff_t>(order.place[i] * width), width,
                rows.begin() + static_cast<std::ptrdiff_t>(i * width));
  }
  return rows;
}

}  // namespace ritz::store
