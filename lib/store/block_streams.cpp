#include "block_streams.hpp"

#include <algorithm>

#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"

namespace ritz::store {

BlockStreams::BlockStreams(const comm::Communicator& communicator, const ChunkBlocks& blocks,
                           std::span<const GlobalId> ids, Use use)
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
    if (use == Use::write && n_filled != blocks.n_rows_of(me)) {
      throw base::Error(base::ExitCode::internal,
                        fmt::format("{} rows came for a block of {}; please report this", n_filled,
                                    blocks.n_rows_of(me)));
    }
  });
}

template <class Pack, class Unpack>
void BlockStreams::move(const std::vector<Stream>& from, const std::vector<Stream>& to,
                        std::size_t row_bytes, const Pack& pack, const Unpack& unpack) {
  // The same on every rank, so that both sides of a stream cut it at the same places.
  constexpr std::size_t all_pieces = std::size_t{32} << 20, largest = std::size_t{2} << 20,
                        smallest = std::size_t{64} << 10;
  const std::size_t piece_bytes = std::clamp(
      all_pieces / (2 * static_cast<std::size_t>(communicator_.size())), smallest, largest);
  const std::size_t piece = std::max<std::size_t>(1, piece_bytes / row_bytes);
  std::size_t n_pieces = 0;
  for (const auto* list : {&from, &to}) {
    for (const Stream& one : *list) n_pieces = std::max(n_pieces, (one.n_rows + piece - 1) / piece);
  }
  if (n_pieces > 0) buffer_.resize((from.size() + to.size()) * piece * row_bytes);
  const auto place = [&](std::size_t stream) {
    return buffer_.data() + stream * piece * row_bytes;
  };

  /// Calls copy(run, offset in it, rows, place in the piece) for the next `n` rows of a stream.
  const auto walk = [&](const Stream& stream, Cursor& at, std::size_t n, std::byte* bytes,
                        const auto& copy) {
    while (n > 0) {
      const Run& run = stream.runs[at.run];
      const std::size_t take = std::min(n, run.n - at.done);
      copy(run, at.done, take, bytes);
      bytes += take * row_bytes;
      n -= take;
      at.done += take;
      if (at.done == run.n) at = {at.run + 1, 0};
    }
  };
  std::vector<Cursor> from_at(from.size()), to_at(to.size());
  std::vector<comm::Outgoing> outgoing;
  std::vector<comm::Incoming> incoming;
  for (std::size_t p = 0; p < n_pieces; ++p) {
    const auto rows_of = [&](const Stream& stream) {
      return p * piece < stream.n_rows ? std::min(piece, stream.n_rows - p * piece) : 0;
    };
    outgoing.clear();
    incoming.clear();
    for (std::size_t i = 0; i < from.size(); ++i) {
      const std::size_t n = rows_of(from[i]);
      if (n == 0) continue;
      walk(from[i], from_at[i], n, place(i), pack);
      outgoing.push_back({from[i].rank, {place(i), n * row_bytes}});
    }
    for (std::size_t i = 0; i < to.size(); ++i) {
      const std::size_t n = rows_of(to[i]);
      if (n > 0) incoming.push_back({to[i].rank, {place(from.size() + i), n * row_bytes}});
    }
    comm::deliver(communicator_, outgoing, incoming);
    for (std::size_t i = 0; i < to.size(); ++i)
      walk(to[i], to_at[i], rows_of(to[i]), place(from.size() + i), unpack);
  }
}

void BlockStreams::bring(const std::byte* rows, std::size_t row_bytes, std::byte* block) {
  for (const Run& run : own_) {
    std::memcpy(block + run.there * row_bytes, rows + run.here * row_bytes, run.n * row_bytes);
  }
  move(
      out_, in_, row_bytes,
      [&](const Run& run, std::size_t first, std::size_t n, std::byte* piece) {
        std::memcpy(piece, rows + (run.here + first) * row_bytes, n * row_bytes);
      },
      [&](const Run& run, std::size_t first, std::size_t n, const std::byte* piece) {
        std::memcpy(block + (run.there + first) * row_bytes, piece, n * row_bytes);
      });
}

void BlockStreams::give(const std::byte* block, std::size_t row_bytes, std::byte* rows) {
  for (const Run& run : own_) {
    std::memcpy(rows + run.here * row_bytes, block + run.there * row_bytes, run.n * row_bytes);
  }
  move(
      in_, out_, row_bytes,
      [&](const Run& run, std::size_t first, std::size_t n, std::byte* piece) {
        std::memcpy(piece, block + (run.there + first) * row_bytes, n * row_bytes);
      },
      [&](const Run& run, std::size_t first, std::size_t n, const std::byte* piece) {
        std::memcpy(rows + (run.here + first) * row_bytes, piece, n * row_bytes);
      });
}

}  // namespace ritz::store
