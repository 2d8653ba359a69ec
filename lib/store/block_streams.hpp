#pragma once

// The rows of a field between their owners and the blocks of a file, again and again; private to
// room store.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "ritz/base/ids.hpp"
#include "ritz/comm/communicator.hpp"
#include "ritz/comm/side_channel.hpp"

namespace ritz::store {

/// Whole chunks of rows on the ranks in order: rank r has chunks [begin(r), end(r)) of
/// BlockRange(n_chunks, ranks). With more ranks than chunks some have none.
struct ChunkBlocks {
  GlobalId n_rows = 0;
  GlobalId chunk_rows = 1;
  int n_ranks = 1;

  [[nodiscard]] std::int64_t n_chunks() const { return (n_rows + chunk_rows - 1) / chunk_rows; }
  [[nodiscard]] comm::BlockRange chunks() const { return {n_chunks(), n_ranks}; }
  [[nodiscard]] GlobalId first_row(int rank) const {
    return std::min(n_rows, chunks().begin(rank) * chunk_rows);
  }
  [[nodiscard]] std::size_t n_rows_of(int rank) const {
    return static_cast<std::size_t>(first_row(rank + 1) - first_row(rank));
  }
  [[nodiscard]] std::size_t n_chunks_of(int rank) const {
    return static_cast<std::size_t>(chunks().end(rank) - chunks().begin(rank));
  }
};

/// Who sends which rows where, kept as runs: rows that lie one after the other here and there. Ids
/// cross the network once, rows in pieces, so that bringing them takes little memory beside the
/// block itself: 12 bytes a run and at most 32 MiB a rank.
class BlockStreams {
 public:
  /// What the streams are for: to write every id in [0, n_rows) has to be on one rank; to read any
  /// rank may have any of them, several times too.
  enum class Use { write, read };
  /// `ids`: the rows that this rank has. Collective. Throws Error(internal) on every rank if a
  /// block that is to be written is not filled.
  BlockStreams(const comm::Communicator& communicator, const ChunkBlocks& blocks,
               std::span<const GlobalId> ids, Use use = Use::write);

  [[nodiscard]] const ChunkBlocks& blocks() const { return blocks_; }

  /// rows [ids][row_bytes] of all ranks into `block` [rows of this rank's block][row_bytes].
  /// Collective.
  void bring(const std::byte* rows, std::size_t row_bytes, std::byte* block);
  /// The other way: `block` of all ranks into rows [ids][row_bytes]. Collective.
  void give(const std::byte* block, std::size_t row_bytes, std::byte* rows);

 private:
  struct Run {
    std::uint32_t here = 0;   ///< first row of this rank's `rows`
    std::uint32_t there = 0;  ///< first row of the block
    std::uint32_t n = 0;
  };
  struct Stream {
    int rank = 0;
    std::size_t n_rows = 0;
    std::vector<Run> runs;
  };
  struct Cursor {
    std::size_t run = 0, done = 0;
  };

  /// Moves rows along streams piece by piece: `pack` and `unpack` copy a part of a run between its
  /// place and the piece.
  template <class Pack, class Unpack>
  void move(const std::vector<Stream>& from, const std::vector<Stream>& to, std::size_t row_bytes,
            const Pack& pack, const Unpack& unpack);

  comm::Communicator communicator_;
  ChunkBlocks blocks_;
  std::vector<Run> own_;
  std::vector<Stream> out_, in_;
  std::vector<std::byte> buffer_;
};

}  // namespace ritz::store
