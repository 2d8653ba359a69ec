#pragma once

// A checkpoint under way: what each rank knows of it, and what is done with it beside the messages
// between the ranks; private to room store.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <vector>

#include "block_streams.hpp"
#include "buffer.hpp"
#include "image.hpp"
#include "marker.hpp"
#include "ritz/base/error.hpp"
#include "ritz/store/checkpoint.hpp"

namespace ritz::store {

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// How one rank fares; crosses the network as it is.
struct Status {
  std::int32_t code = 0;  ///< of base::ExitCode; 0: good
  std::int32_t unused = 0;
  double encode_seconds = 0, write_seconds = 0, verify_seconds = 0;
  double file_bytes = 0;
  char where[256] = {};  ///< empty: the checkpoint
  char message[728] = {};

  [[nodiscard]] bool good() const { return code == 0; }
  void fail(base::ExitCode with, const std::string& at, const std::string& text) {
    code = static_cast<std::int32_t>(with);
    at.copy(where, sizeof where - 1);
    text.copy(message, sizeof message - 1);
  }
};
static_assert(sizeof(Status) % 8 == 0);

/// Runs work and notes what it throws.
template <class Work>
void guarded(Status& status, const std::string& path, const Work& work) {
  try {
    work();
  } catch (const base::Error& error) {
    const base::Diagnostic& first = error.diagnostics().front();
    status.fail(error.code(), first.where.file == path ? "" : first.where.file, first.message);
  } catch (const std::bad_alloc&) {
    status.fail(base::ExitCode::memory, "", "there is no memory left to write this checkpoint");
  } catch (const std::exception& error) {
    status.fail(base::ExitCode::internal, "", error.what());
  }
}

/// The rows of a large dataset that this rank writes.
struct Set {
  DatasetShape shape;
  ChunkBlocks blocks;
  std::size_t n_rows = 0, n_chunks = 0;  ///< of this rank
  std::size_t offset = 0;                ///< of its first row in the buffer
  std::size_t first_chunk = 0;           ///< of this rank's chunks of all sets

  [[nodiscard]] std::size_t rows_of_chunk(std::size_t chunk) const {
    const auto each = static_cast<std::size_t>(shape.chunk_rows);
    return std::min(each, n_rows - chunk * each);
  }
};

/// One chunk of this rank.
struct Chunk {
  std::size_t at = 0;          ///< in the buffer, as it goes into the file
  std::uint32_t raw_crc = 0;   ///< of the numbers
  std::uint32_t file_crc = 0;  ///< of what goes into the file
};

template <class T>
std::span<const std::byte> bytes_of(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

/// Status and numbers in one message.
class Message {
 public:
  explicit Message(std::size_t n_bytes = 0) : bytes_(sizeof(Status) + n_bytes) {}
  [[nodiscard]] std::span<std::byte> all() { return bytes_; }
  [[nodiscard]] Status status() const {
    Status status;
    std::memcpy(&status, bytes_.data(), sizeof status);
    return status;
  }
  void set(const Status& status) { std::memcpy(bytes_.data(), &status, sizeof status); }
  [[nodiscard]] std::byte* body() { return bytes_.data() + sizeof(Status); }

 private:
  std::vector<std::byte> bytes_;
};

/// All ranks' messages on the root.
struct Messages {
  std::vector<std::size_t> counts;
  std::vector<std::byte> bytes;

  void resize(std::vector<std::size_t> sizes) {
    counts = std::move(sizes);
    std::size_t n = 0;
    for (std::size_t& one : counts) n += one += sizeof(Status);
    bytes.assign(n, std::byte{0});
  }
  /// Calls each(rank, bytes).
  template <class Each>
  void walk(const Each& each) {
    std::byte* at = bytes.data();
    for (std::size_t rank = 0; rank < counts.size(); ++rank) {
      each(static_cast<int>(rank), at);
      at += counts[rank];
    }
  }
};

enum class Phase { encoding, sizes, places, writing, results, completing, verdict, done };

/// A checkpoint under way.
struct Job {
  std::string path;
  CheckpointWriteOptions options;
  std::vector<Set> sets;
  Buffer buffer;
  std::vector<Chunk> chunks;
  std::vector<std::uint32_t> sizes;      ///< of this rank's chunks in the file
  std::vector<std::uint64_t> addresses;  ///< of the same
  Phase phase = Phase::encoding;
  Status status;
  std::atomic<bool> is_ready = false;  ///< what the thread was given for this phase is done
  Message mine;
  double started = 0;
  CheckpointReport report;

  // On the root:
  Snapshot small;  ///< fields without values
  Provenance provenance;
  Messages all;
  std::unique_ptr<Image> image;
  bool is_created = false;
  std::uint64_t file_bytes = 0;
  std::vector<Piece> metadata;  ///< what lies between the chunks
  struct Place {
    Piece piece;
    std::uint32_t crc = 0;
  };
  std::vector<Place> places;  ///< all ranks' chunks: by rank, of each by set
  Marker marker;
};

// What the thread does, on every rank. Each notes in job.status what fails.

/// Makes every chunk shorter, in place.
void encode(Job& job);
/// Writes this rank's chunks, the root the metadata too; flushes; reads again and compares.
void write(Job& job, bool is_root);
/// On the root: checksum of the whole file and the marker.
void complete(Job& job);

// What the root's main thread does.

/// A file of this name and its marker go. Throws Error(io).
void remove_old(const std::string& path);
/// The file's metadata, and the place of every chunk of every rank: job.places. Throws Error(io).
void make_image(Job& job, int n_ranks);
/// The datasets' checksums out of the ranks' ones.
void note_checksums(Job& job);
/// The first rank's failure, or the slowest rank's times.
[[nodiscard]] Status joined_status(Job& job);

}  // namespace ritz::store
