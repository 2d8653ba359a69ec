#include "block_streams.hpp"

#include <algorithm>

#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"

namespace ritz::store {

BlockStreams::BlockStreams(const comm::Communicator& communicator, const ChunkBlocks& blocks,
                           std::span<const GlobalId> ids)
    : communicator_(communicator), blocks_(blocks) {
  const int me = communicator.rank();
  std::vector<std::vector<Run>> runs(static_cast<std::size_t>(communicator.size()));
  communicator.together([&] {
    const comm::BlockRange chunks = blocks.chunks();
    GlobalId first = 0, end = 0;  // of the block of the id before
    std::vector<Run>* to = nullptr;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] < first || ids[i] >= end) {
        const int rank = chunks.block_of(ids[i] / blocks.chunk_rows);
        first = blocks.first_row(rank);
        end = first + static_cast<GlobalId>(blocks.n_rows_of(rank));
        to = &runs[static_cast<std::size_t>(rank)];
      }
      const Run one{static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(ids[i] - first), 1};
      if (!to->empty() && to->back().here + to->back().n == one.here &&
          to->back().there + to->back().n == one.there) {
        ++to->back().n;
      } else {
        to->push_back(one);
      }
    }
    own_ = std::move(runs[static_cast<std::size_t>(me)]);
    runs[static_cast<std::size_t>(me)].clear();
  });
  std::vector<std::size_t> arrived;
  const std::vector<Run> all = communicator.exchange(runs, &arrived);
  communicator.together([&] {
    std::size_t n_filled = 0;
    const auto n_rows = [](const std::vector<Run>& list) {
      std::size_t n = 0;
      for (const Run& one : list) n += one.n;
      return n;
    };
    auto next = all.begin();
    for (int rank = 0; rank < communicator.size(); ++rank) {
      const auto r = static_cast<std::size_t>(rank);
      if (!runs[r].empty()) {
        runs[r].shrink_to_fit();
        const std::size_t n = n_rows(runs[r]);
        out_.push_back({rank, n, std::move(runs[r])});
      }
      if (arrived[r] > 0) {
        const auto end = next + static_cast<std::ptrdiff_t>(arrived[r]);
        Stream in{rank, 0, {next, end}};
        in.n_rows = n_rows(in.runs);
        n_filled += in.n_rows;
        in_.push_back(std::move(in));
        next = end;
      }
    }
    own_.shrink_to_fit();
    n_filled += n_rows(own_);
    if (n_filled != blocks.n_rows_of(me)) {
      throw base::Error(base::ExitCode::internal,
                        fmt::format("{} rows came for a block of {}; please report this", n_filled,
                                    blocks.n_rows_of(me)));
    }
  });
}

void BlockStreams::bring(const std::byte* rows, std::size_t row_bytes, std::byte* block) {
  // The same on every rank, so that both sides of a stream cut it at the same places.
  constexpr std::size_t all_pieces = std::size_t{32} << 20, largest = std::size_t{2} << 20,
                        smallest = std::size_t{64} << 10;
  const std::size_t piece_bytes = std::clamp(
      all_pieces / (2 * static_cast<std::size_t>(communicator_.size())), smallest, largest);
  const std::size_t piece = std::max<std::size_t>(1, piece_bytes / row_bytes);
  std::size_t n_pieces = 0;
  for (const auto* list : {&out_, &in_}) {
    for (const Stream& one : *list) n_pieces = std::max(n_pieces, (one.n_rows + piece - 1) / piece);
  }
  if (n_pieces > 0) buffer_.resize((out_.size() + in_.size()) * piece * row_bytes);

  /// Calls copy(run, offset in it, rows, place in the piece) for the next `n` rows of a stream.
  const auto walk = [](const Stream& stream, Cursor& at, std::size_t n, const auto& copy) {
    std::size_t done = 0;
    while (done < n) {
      const Run& run = stream.runs[at.run];
      const std::size_t take = std::min(n - done, run.n - at.done);
      copy(run, at.done, take, done);
      done += take;
      at.done += take;
      if (at.done == run.n) at = {at.run + 1, 0};
    }
  };

  for (const Run& run : own_) {
    std::memcpy(block + run.there * row_bytes, rows + run.here * row_bytes, run.n * row_bytes);
  }
  std::vector<Cursor> out_at(out_.size()), in_at(in_.size());
  std::vector<comm::Outgoing> outgoing;
  std::vector<comm::Incoming> incoming;
  for (std::size_t p = 0; p < n_pieces; ++p) {
    const auto rows_of = [&](const Stream& stream) {
      return p * piece < stream.n_rows ? std::min(piece, stream.n_rows - p * piece) : 0;
    };
    outgoing.clear();
    incoming.clear();
    for (std::size_t i = 0; i < out_.size(); ++i) {
      const std::size_t n = rows_of(out_[i]);
      if (n == 0) continue;
      std::byte* to = buffer_.data() + i * piece * row_bytes;
      walk(out_[i], out_at[i], n,
           [&](const Run& run, std::size_t from, std::size_t n_rows, std::size_t place) {
             std::memcpy(to + place * row_bytes, rows + (run.here + from) * row_bytes,
                         n_rows * row_bytes);
           });
      outgoing.push_back({out_[i].rank, {to, n * row_bytes}});
    }
    for (std::size_t i = 0; i < in_.size(); ++i) {
      const std::size_t n = rows_of(in_[i]);
      if (n == 0) continue;
      incoming.push_back(
          {in_[i].rank, {buffer_.data() + (out_.size() + i) * piece * row_bytes, n * row_bytes}});
    }
    comm::deliver(communicator_, outgoing, incoming);
    for (std::size_t i = 0; i < in_.size(); ++i) {
      const std::byte* from = buffer_.data() + (out_.size() + i) * piece * row_bytes;
      walk(in_[i], in_at[i], rows_of(in_[i]),
           [&](const Run& run, std::size_t offset, std::size_t n_rows, std::size_t place) {
             std::memcpy(block + (run.there + offset) * row_bytes, from + place * row_bytes,
                         n_rows * row_bytes);
           });
    }
  }
}

}  // namespace ritz::store
