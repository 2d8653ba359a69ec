#include "ritz/store/checkpoint_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <new>
#include <optional>
#include <thread>

#include "background.hpp"
#include "block_streams.hpp"
#include "buffer.hpp"
#include "checkpoint_names.hpp"
#include "checkpoint_small.hpp"
#include "codec.hpp"
#include "files.hpp"
#include "image.hpp"
#include "marker.hpp"
#include "ritz/base/crc32c.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"

namespace ritz::store {

namespace {

namespace fs = std::filesystem;
using comm::Communicator;

double now() {
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

std::string compression_note(Codec codec) {
  switch (codec) {
    case Codec::none:
      return "none";
    case Codec::deflate:
      return "HDF5's shuffle and deflate filters";
    case Codec::zstd:
      return "HDF5's shuffle filter and Zstandard, the registered HDF5 filter 32015. HDF5 reads it "
             "with a plugin of that number (Python: pip install hdf5plugin and import hdf5plugin "
             "before h5py opens the file; others: a folder with the plugin in HDF5_PLUGIN_PATH). "
             "Without one: 'ritz unpack FILE OUT' writes the same numbers without it.";
  }
  return {};
}

void remove_old(const std::string& path) {
  for (const std::string& name : {marker_path(path), path}) {
    std::error_code failed;
    if (fs::remove(name, failed)) sync(folder_of(path), true);
    if (failed) throw file_error(name, "cannot remove the old file", failed.value());
  }
}

// What the thread does, on every rank.

void encode(Job& job) {
  const double start = now();
  guarded(job.status, job.path, [&] {
    if (job.options.hook) job.options.hook("encode");
    Encoder encoder(job.options.codec, job.options.level);
    std::byte* const buffer = job.buffer.get();
    // Chunks move to the front one after the other: none is longer than it was.
    std::size_t end = 0;
    for (const Set& set : job.sets) {
      for (std::size_t c = 0; c < set.n_chunks; ++c) {
        Chunk& chunk = job.chunks[set.first_chunk + c];
        std::uint32_t& size = job.sizes[set.first_chunk + c];
        std::byte* const raw = buffer + set.offset + c * set.shape.chunk_bytes();
        const std::size_t n = set.rows_of_chunk(c) * set.shape.row_bytes();
        chunk.raw_crc = base::crc32c({raw, n});
        if (job.options.codec == Codec::none) {
          chunk.at = static_cast<std::size_t>(raw - buffer);
          chunk.file_crc = chunk.raw_crc;
          size = static_cast<std::uint32_t>(n);
          continue;
        }
        // HDF5's chunks are all of the same size.
        const std::size_t whole = set.shape.chunk_bytes();
        std::memset(raw + n, 0, whole - n);
        std::span<const std::byte> shorter = encoder.encode({raw, whole}, set.shape.number_bytes());
        if (shorter.empty()) shorter = encoder.unfiltered({raw, whole}, set.shape.number_bytes());
        std::memmove(buffer + end, shorter.data(), shorter.size());
        chunk.at = end;
        chunk.file_crc = base::crc32c({buffer + end, shorter.size()});
        size = static_cast<std::uint32_t>(shorter.size());
        end += shorter.size();
      }
    }
  });
  job.status.encode_seconds = now() - start;
}

/// Calls each(address, bytes) for chunks that lie side by side in memory and in the file, as one.
template <class Each>
void each_piece(const Job& job, const Each& each) {
  std::size_t i = 0;
  while (i < job.chunks.size()) {
    const std::size_t first = i;
    std::size_t n = job.sizes[i];
    for (++i; i < job.chunks.size() && job.addresses[i] == job.addresses[first] + n &&
              job.chunks[i].at == job.chunks[first].at + n;
         ++i) {
      n += job.sizes[i];
    }
    each(job.addresses[first], std::span(job.buffer.get() + job.chunks[first].at, n));
  }
}

[[noreturn]] void differs(const std::string& path) {
  throw base::Error(base::ExitCode::io, base::Location{path, 0, 0},
                    "it does not read back as it was written: the disk, the network or the memory "
                    "damages data");
}

/// Reads this rank's chunks, and that they become the numbers they were made from.
void verify_chunks(const Job& job, const Descriptor& file) {
  Decoder decoder(job.options.codec);
  std::vector<std::byte> content;
  for (const Set& set : job.sets) {
    for (std::size_t c = 0; c < set.n_chunks; ++c) {
      const std::size_t i = set.first_chunk + c;
      content.resize(job.sizes[i]);
      read_at(file, job.path, job.addresses[i], content);
      if (base::crc32c(content) != job.chunks[i].file_crc) differs(job.path);
      if (job.options.codec == Codec::none) continue;
      std::span<const std::byte> numbers = content;
      numbers = decoder.decode(content, set.shape.chunk_bytes(), set.shape.number_bytes(),
                               is_high_first(job.options.codec, set.shape.number_bytes()));
      const std::size_t n = set.rows_of_chunk(c) * set.shape.row_bytes();
      if (numbers.size() < n || base::crc32c(numbers.first(n)) != job.chunks[i].raw_crc)
        differs(job.path);
    }
  }
}

void write(Job& job, bool is_root) {
  const double start = now();
  double written = start;
  guarded(job.status, job.path, [&] {
    if (job.options.hook) job.options.hook("write");
    // A rank without chunks has nothing to flush.
    if (job.chunks.empty() && !is_root) return;
    Descriptor file(job.path, O_RDWR);
    if (!file.valid()) throw file_error(job.path, "cannot open it to write", errno);
    each_piece(job, [&](std::uint64_t address, std::span<const std::byte> bytes) {
      write_at(file, job.path, address, bytes);
    });
    if (is_root) {
      for (const Piece& piece : job.metadata)
        write_at(file, job.path, piece.address, job.image->bytes(piece));
      if (::ftruncate(file.get(), static_cast<off_t>(job.file_bytes)) != 0)
        throw file_error(job.path, "cannot set its size", errno);
    }
    // On every rank: what a rank's node holds of the file is on the disk only after its own flush.
    if (::fsync(file.get()) != 0) throw file_error(job.path, "cannot flush it to the disk", errno);
    if (is_root) {
      sync(folder_of(job.path), true);
      // The folder's own name, should it be new. A parent that may not be looked into is the
      // business of whoever made the folder.
      const std::string parent = folder_of(folder_of(job.path));
      if (::access(parent.c_str(), R_OK) == 0) sync(parent, true);
    }
    written = now();
    verify_chunks(job, file);
    if (is_root) {
      std::vector<std::byte> content;
      for (const Piece& piece : job.metadata) {
        content.resize(static_cast<std::size_t>(piece.n_bytes));
        read_at(file, job.path, piece.address, content);
        if (content != job.image->bytes(piece)) differs(job.path);
      }
    }
    if (!file.close()) throw file_error(job.path, "cannot close it", errno);
  });
  job.status.write_seconds = written - start;
  job.status.verify_seconds = now() - written;
}

/// On the root: checksum of the whole file and the marker.
void complete(Job& job) {
  guarded(job.status, job.path, [&] {
    if (job.options.hook) job.options.hook("complete");
    for (const Piece& piece : job.metadata) {
      const std::vector<std::byte> content = job.image->bytes(piece);
      job.places.push_back({piece, base::crc32c(content)});
    }
    std::sort(job.places.begin(), job.places.end(), [](const Job::Place& a, const Job::Place& b) {
      return a.piece.address < b.piece.address;
    });
    for (const Job::Place& place : job.places)
      job.marker.whole.join({place.crc, place.piece.n_bytes});
    std::string pieces;
    Part metadata;
    for (const Piece& piece : job.metadata) {
      pieces += fmt::format(" {}+{}", piece.address, piece.n_bytes);
      metadata.join({base::crc32c(job.image->bytes(piece)), piece.n_bytes});
    }
    job.marker.data.emplace_back(metadata_name + pieces, metadata.crc);
    write_marker(marker_path(job.path), text_of(job.marker));
    if (job.options.when_complete) job.options.when_complete();
  });
}

// What the root's main thread does.

/// The file's metadata, and the place of every chunk of every rank: job.places.
void make_image(Job& job, int n_ranks) {
  std::vector<std::vector<std::uint32_t>> sizes(job.sets.size());
  std::size_t n_chunks = 0;
  // The ranks' chunks of a set follow one another in its order.
  std::vector<std::vector<std::uint32_t>> of_rank;
  job.all.walk([&](int rank, std::byte* at) {
    at += sizeof(Status);
    for (std::size_t s = 0; s < job.sets.size(); ++s) {
      const std::size_t n = job.sets[s].blocks.n_chunks_of(rank);
      const std::size_t before = sizes[s].size();
      sizes[s].resize(before + n);
      std::memcpy(sizes[s].data() + before, at, n * sizeof(std::uint32_t));
      at += n * sizeof(std::uint32_t);
      n_chunks += n;
    }
  });
  job.image = std::make_unique<Image>(job.path, n_chunks);
  Image& image = *job.image;
  const auto text = [&](const std::string& name, const std::string& content) {
    image.text(name, content);
    job.marker.data.emplace_back(name, base::crc32c(std::as_bytes(std::span(content))));
  };
  image.group("/ritz");
  for (const char* group : {state_group, field_group, fact_group}) image.group(group);
  image.attribute(state_group, "compression", compression_note(job.options.codec));
  for (const auto& [name, content] : job.small.facts)
    text(std::string(fact_group) + "/" + name, content);
  std::string names, field_list;
  std::vector<double> numbers;
  for (const auto& [name, value] : job.small.numbers) {
    names += name + '\n';
    numbers.push_back(value);
  }
  for (const Snapshot::Field& field : job.small.fields)
    field_list += fmt::format("{} {}\n", field.n_components, field.name);
  text(number_names, names);
  text(field_names, field_list);
  image.numbers(numbers_name, numbers);
  job.marker.data.emplace_back(numbers_name, base::crc32c(bytes_of(numbers)));
  image.group("/ritz/provenance");
  for (const auto& [name, content] : job.provenance)
    image.attribute("/ritz/provenance", name, content);

  std::vector<std::vector<std::uint64_t>> addresses(job.sets.size());
  for (std::size_t s = 0; s < job.sets.size(); ++s) {
    const DatasetShape& shape = job.sets[s].shape;
    if (job.options.codec == Codec::none) {
      std::uint64_t at = image.contiguous(shape);
      for (const std::uint32_t n : sizes[s]) {
        addresses[s].push_back(at);
        at += n;
      }
    } else {
      addresses[s] = image.chunked(shape, job.options.codec, job.options.level, sizes[s]);
    }
  }
  job.file_bytes = image.close();

  // By rank, as the answers go out.
  for (int rank = 0; rank < n_ranks; ++rank) {
    for (std::size_t s = 0; s < job.sets.size(); ++s) {
      const comm::BlockRange range = job.sets[s].blocks.chunks();
      for (auto c = static_cast<std::size_t>(range.begin(rank));
           c < static_cast<std::size_t>(range.end(rank)); ++c) {
        job.places.push_back({{addresses[s][c], sizes[s][c]}, 0});
      }
    }
  }
  std::vector<Piece> taken;
  for (const Job::Place& place : job.places) taken.push_back(place.piece);
  std::sort(taken.begin(), taken.end(),
            [](const Piece& a, const Piece& b) { return a.address < b.address; });
  std::uint64_t end = 0;
  taken.push_back({job.file_bytes, 0});
  for (const Piece& piece : taken) {
    if (piece.address < end) {
      throw base::Error(base::ExitCode::internal, base::Location{job.path, 0, 0},
                        "two chunks were given the same place; please report this");
    }
    if (piece.address > end) job.metadata.push_back({end, piece.address - end});
    end = piece.address + piece.n_bytes;
  }
}

/// The datasets' checksums out of the ranks' ones.
void note_checksums(Job& job) {
  for (std::size_t s = 0; s < job.sets.size(); ++s) {
    const Set& set = job.sets[s];
    Part whole;
    job.all.walk([&](int rank, std::byte* at) {
      at += sizeof(Status);
      for (const Set& one : job.sets) at += one.blocks.n_chunks_of(rank) * sizeof(std::uint32_t);
      std::uint32_t crc = 0;
      std::memcpy(&crc, at + s * sizeof crc, sizeof crc);
      whole.join({crc, set.blocks.n_rows_of(rank) * set.shape.row_bytes()});
    });
    job.marker.data.emplace_back(set.shape.name, whole.crc);
  }
}

/// The first rank's failure, or the slowest rank's times.
Status joined_status(Job& job) {
  Status whole;
  job.all.walk([&](int, std::byte* at) {
    Status one;
    std::memcpy(&one, at, sizeof one);
    if (whole.good() && !one.good()) {
      whole = one;
    } else if (whole.good()) {
      whole.encode_seconds = std::max(whole.encode_seconds, one.encode_seconds);
      whole.write_seconds = std::max(whole.write_seconds, one.write_seconds);
      whole.verify_seconds = std::max(whole.verify_seconds, one.verify_seconds);
    }
  });
  return whole;
}

}  // namespace

class CheckpointWriter::Impl {
 public:
  Impl(const Communicator& communicator, const Rows& nodes, const Rows& cells)
      : communicator_(communicator), nodes_(nodes), cells_(cells), side_(communicator) {}

  ~Impl() {
    // Tells of nothing: whoever wants to know calls finish().
    constexpr double patience = 10;
    try {
      double last = now();
      while (!jobs_.empty() && now() - last < patience) {
        const bool works = is_working(*jobs_.front());
        if (step(*jobs_.front()) || works) last = now();
        drop_done();
        std::this_thread::sleep_for(pause);
      }
    } catch (const base::Error&) {
      // MPI fails: the job is ending.
    }
    thread_.reset();
    // Messages under way look at their buffers until the process ends.
    for (std::unique_ptr<Job>& job : jobs_) static_cast<void>(job.release());
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void start(const std::string& path, const State& state, const Provenance& provenance,
             const CheckpointWriteOptions& options) {
    wait_for_room();
    if (communicator_.any(failure_.has_value())) finish();
    const double began = now();
    auto job = std::make_unique<Job>();
    job->path = path;
    job->options = options;
    job->started = began;
    communicator_.together([&] {
      if (!is_level(options.codec, options.level)) {
        throw base::Error(base::ExitCode::internal, "there is no such level of compression");
      }
      if (communicator_.is_root()) remove_old(path);
    });
    lay_out(*job, state);
    bring(*job, state);
    if (communicator_.is_root()) {
      job->small.facts = state.facts;
      job->small.numbers = state.numbers;
      for (const State::Field& field : state.fields)
        job->small.fields.push_back({field.name, field.n_components, {}});
      job->provenance = provenance;
      job->marker.file = fs::path(path).filename().string();
    }
    job->report.path = path;
    if (!thread_) thread_ = std::make_unique<Background>();
    Job& one = *job;
    jobs_.push_back(std::move(job));
    thread_->add([&one] {
      encode(one);
      one.is_ready.store(true, std::memory_order_release);
    });
    one.report.copy_seconds = communicator_.max(now() - began);
    advance();
  }

  void advance() {
    if (jobs_.empty()) return;
    const double began = now();
    Job* const looked_at = jobs_.front().get();
    while (!jobs_.empty() && step(*jobs_.front())) {
      if (jobs_.front().get() == looked_at && looked_at->phase == Phase::done)
        looked_at->report.wait_seconds += now() - began;
      drop_done();
    }
    if (!jobs_.empty() && jobs_.front().get() == looked_at)
      looked_at->report.wait_seconds += now() - began;
  }

  void finish() {
    wait([&] { return jobs_.empty(); });
    // One that this rank did not see failing has not failed: all have come to its end.
    if (!failure_) return;
    const Failure failure = *std::exchange(failure_, std::nullopt);
    const std::string& where =
        failure.status.where[0] == '\0' ? failure.path : failure.status.where;
    throw base::Error(static_cast<base::ExitCode>(failure.status.code), base::Location{where, 0, 0},
                      failure.status.message);
  }

  [[nodiscard]] std::size_t n_under_way() const { return jobs_.size(); }
  [[nodiscard]] bool has_failed() const { return failure_.has_value(); }
  [[nodiscard]] std::vector<CheckpointReport> take_reports() { return std::exchange(reports_, {}); }

 private:
  static constexpr std::size_t most_under_way = 2;
  static constexpr std::chrono::microseconds pause{200};

  struct Failure {
    std::string path;
    Status status;
  };

  [[nodiscard]] bool is_root() const { return communicator_.is_root(); }

  template <class Done>
  void wait(const Done& done) {
    while (!done()) {
      const double began = now();
      Job* const looked_at = jobs_.front().get();
      const bool moved = step(*looked_at);
      if (!moved) std::this_thread::sleep_for(pause);
      looked_at->report.wait_seconds += now() - began;
      drop_done();
    }
  }
  void wait_for_room() {
    wait([&] { return jobs_.size() < most_under_way; });
  }

  /// Datasets, their chunks and their places in the buffer.
  void lay_out(Job& job, const State& state) {
    int most = 1;
    for (const State::Field& field : state.fields) most = std::max(most, field.n_components);
    make_streams(node_streams_, nodes_, sizeof(double) * static_cast<std::size_t>(most));
    make_streams(cell_streams_, cells_, sizeof(std::int32_t));
    communicator_.together([&] {
      std::size_t n_bytes = 0;
      const auto add = [&](const std::string& name, NumberType type, int width,
                           const ChunkBlocks& blocks) {
        Set set;
        set.shape = {name, type, static_cast<std::uint64_t>(blocks.n_rows),
                     static_cast<std::size_t>(width),
                     static_cast<std::uint64_t>(blocks.chunk_rows)};
        set.blocks = blocks;
        set.n_rows = blocks.n_rows_of(communicator_.rank());
        set.n_chunks = blocks.n_chunks_of(communicator_.rank());
        set.offset = n_bytes;
        set.first_chunk = job.chunks.size();
        job.chunks.resize(job.chunks.size() + set.n_chunks);
        n_bytes += set.n_chunks * set.shape.chunk_bytes();
        job.report.raw_bytes +=
            static_cast<double>(blocks.n_rows) * static_cast<double>(set.shape.row_bytes());
        job.sets.push_back(std::move(set));
      };
      for (const State::Field& field : state.fields)
        add(field_path(field.name), NumberType::real, field.n_components, node_streams_->blocks());
      add(cell_rank_name, NumberType::int32, 1, cell_streams_->blocks());
      job.sizes.assign(job.chunks.size(), 0);
      job.addresses.assign(job.chunks.size(), 0);
      job.buffer = Buffer(n_bytes);
    });
  }

  /// Chunks of a MiB or a little less, of whole rows.
  void make_streams(std::optional<BlockStreams>& streams, const Rows& rows, std::size_t row_bytes) {
    constexpr GlobalId chunk_bytes = GlobalId{1} << 20;
    const GlobalId chunk_rows = std::clamp<GlobalId>(chunk_bytes / static_cast<GlobalId>(row_bytes),
                                                     1, std::max<GlobalId>(1, rows.n_global));
    if (streams && streams->blocks().chunk_rows == chunk_rows) return;
    streams.emplace(communicator_, ChunkBlocks{rows.n_global, chunk_rows, communicator_.size()},
                    rows.ids);
  }

  void bring(Job& job, const State& state) {
    for (std::size_t s = 0; s < state.fields.size(); ++s) {
      std::span<const double> rows;
      communicator_.together([&] { rows = state.fields[s].rows(); });
      node_streams_->bring(reinterpret_cast<const std::byte*>(rows.data()),
                           job.sets[s].shape.row_bytes(), job.buffer.get() + job.sets[s].offset);
    }
    std::vector<std::int32_t> mine;
    communicator_.together([&] {
      mine = state.cell_ranks;
      if (mine.empty()) mine.assign(cells_.ids.size(), communicator_.rank());
    });
    cell_streams_->bring(reinterpret_cast<const std::byte*>(mine.data()), sizeof(std::int32_t),
                         job.buffer.get() + job.sets.back().offset);
  }

  [[nodiscard]] static bool is_working(const Job& job) {
    const bool by_thread = job.phase == Phase::encoding || job.phase == Phase::writing ||
                           job.phase == Phase::completing;
    return by_thread && !job.is_ready.load(std::memory_order_acquire);
  }

  /// Sizes of the ranks' messages of `each` bytes a chunk and `further` ones.
  [[nodiscard]] std::vector<std::size_t> message_sizes(const Job& job, std::size_t each,
                                                       std::size_t further) const {
    std::vector<std::size_t> sizes;
    if (!is_root()) return sizes;
    for (int rank = 0; rank < communicator_.size(); ++rank) {
      std::size_t n = further;
      for (const Set& set : job.sets) n += each * set.blocks.n_chunks_of(rank);
      sizes.push_back(n);
    }
    return sizes;
  }

  void send_to_root(Job& job, const std::vector<std::uint32_t>& numbers, std::size_t further) {
    job.mine = Message(numbers.size() * sizeof(std::uint32_t));
    job.mine.set(job.status);
    if (!numbers.empty())
      std::memcpy(job.mine.body(), numbers.data(), numbers.size() * sizeof(std::uint32_t));
    job.all.resize(message_sizes(job, sizeof(std::uint32_t), further));
    side_.gather(job.mine.all(), job.all.bytes, job.all.counts);
  }

  void give_to_thread(Job& job, void (*work)(Job&, bool)) {
    job.is_ready.store(false, std::memory_order_relaxed);
    thread_->add_first([&job, work, is_root = is_root()] {
      work(job, is_root);
      job.is_ready.store(true, std::memory_order_release);
    });
  }

  /// Takes the job one phase further if that needs no waiting.
  bool step(Job& job) {
    switch (job.phase) {
      case Phase::encoding: {
        if (is_working(job)) return false;
        std::vector<std::uint32_t> numbers = job.sizes;
        for (const Set& set : job.sets) {
          Part part;
          for (std::size_t c = 0; c < set.n_chunks; ++c)
            part.join({job.chunks[set.first_chunk + c].raw_crc,
                       set.rows_of_chunk(c) * set.shape.row_bytes()});
          numbers.push_back(part.crc);
        }
        send_to_root(job, numbers, job.sets.size() * sizeof(std::uint32_t));
        job.phase = Phase::sizes;
        return true;
      }
      case Phase::sizes:
        if (!side_.arrived()) return false;
        give_places(job);
        job.phase = Phase::places;
        return true;
      case Phase::places: {
        if (!side_.arrived()) return false;
        const Status status = job.mine.status();
        if (!status.good()) {
          end(job, status);
          return true;
        }
        if (!job.addresses.empty())
          std::memcpy(job.addresses.data(), job.mine.body(),
                      job.addresses.size() * sizeof(std::uint64_t));
        give_to_thread(job, write);
        job.phase = Phase::writing;
        return true;
      }
      case Phase::writing: {
        if (is_working(job)) return false;
        std::vector<std::uint32_t> checksums;
        for (const Chunk& chunk : job.chunks) checksums.push_back(chunk.file_crc);
        send_to_root(job, checksums, 0);
        job.phase = Phase::results;
        return true;
      }
      case Phase::results:
        if (!side_.arrived()) return false;
        job.mine = Message();
        if (is_root() && look_at_results(job)) {
          give_to_thread(job, [](Job& one, bool) { complete(one); });
          job.phase = Phase::completing;
          return true;
        }
        announce(job);
        return true;
      case Phase::completing:
        if (is_working(job)) return false;
        announce(job);
        return true;
      case Phase::verdict:
        if (!side_.arrived()) return false;
        end(job, job.mine.status());
        return true;
      case Phase::done:
        return false;
    }
    return false;
  }

  /// The root answers with the places of chunks, or with what has failed.
  void give_places(Job& job) {
    job.mine = Message(job.chunks.size() * sizeof(std::uint64_t));
    if (is_root()) {
      Status whole = joined_status(job);
      if (whole.good()) {
        guarded(whole, job.path, [&] {
          make_image(job, communicator_.size());
          note_checksums(job);
          Descriptor file(job.path, O_CREAT | O_EXCL | O_RDWR);
          if (!file.valid()) throw file_error(job.path, "cannot create it", errno);
          job.is_created = true;
        });
      }
      job.all.resize(message_sizes(job, sizeof(std::uint64_t), 0));
      auto place = job.places.begin();
      job.all.walk([&](int rank, std::byte* at) {
        std::memcpy(at, &whole, sizeof whole);
        at += sizeof whole;
        if (!whole.good()) return;
        for (const Set& set : job.sets) {
          for (std::size_t c = 0; c < set.blocks.n_chunks_of(rank); ++c, ++place) {
            std::memcpy(at, &place->piece.address, sizeof(std::uint64_t));
            at += sizeof(std::uint64_t);
          }
        }
      });
      if (!whole.good()) remove_unfinished(job);
    }
    side_.scatter(job.all.bytes, job.all.counts, job.mine.all());
  }

  /// On the root: whether every rank has written and verified its part, and the file opens.
  bool look_at_results(Job& job) {
    Status whole = joined_status(job);
    if (whole.good()) {
      auto place = job.places.begin();
      job.all.walk([&](int rank, std::byte* at) {
        at += sizeof(Status);
        for (const Set& set : job.sets) {
          for (std::size_t c = 0; c < set.blocks.n_chunks_of(rank); ++c, ++place) {
            std::memcpy(&place->crc, at, sizeof(std::uint32_t));
            at += sizeof(std::uint32_t);
          }
        }
      });
      whole.file_bytes = static_cast<double>(job.file_bytes);
      job.marker.note = fmt::format(
          "copied in {:.3g} s, compressed in {:.3g} s, written in {:.3g} s, verified in {:.3g} s{}",
          job.report.copy_seconds, whole.encode_seconds, whole.write_seconds, whole.verify_seconds,
          !job.options.asynchronous ? "; the run waited"
          : job.report.wait_seconds >
                  0.1 * (whole.encode_seconds + whole.write_seconds + whole.verify_seconds)
              ? fmt::format("; beside the run, which waited {:.3g} s until here",
                            job.report.copy_seconds + job.report.wait_seconds)
              : "; all but the copy beside the run");
      guarded(whole, job.path, [&] { static_cast<void>(read_small(job.path, job.marker)); });
    }
    job.status = whole;
    return whole.good();
  }

  /// The root tells how it ended.
  void announce(Job& job) {
    job.mine = Message();
    if (is_root()) {
      if (!job.status.good()) remove_unfinished(job);
      job.mine.set(job.status);
    }
    side_.broadcast(job.mine.all());
    job.phase = Phase::verdict;
  }

  /// What is left of a file that nobody can use takes room from those that are good.
  static void remove_unfinished(const Job& job) {
    if (!job.is_created) return;
    std::error_code ignored;
    // A marker first, should all but what comes after it have succeeded.
    if (fs::exists(marker_path(job.path), ignored)) return;
    fs::remove(job.path, ignored);
  }

  void end(Job& job, const Status& status) {
    job.phase = Phase::done;
    if (!status.good()) {
      if (!failure_) failure_ = Failure{job.path, status};
      return;
    }
    job.report.file_bytes = status.file_bytes;
    job.report.encode_seconds = status.encode_seconds;
    job.report.write_seconds = status.write_seconds;
    job.report.verify_seconds = status.verify_seconds;
    job.report.whole_seconds = now() - job.started;
  }

  void drop_done() {
    if (jobs_.empty() || jobs_.front()->phase != Phase::done) return;
    const std::unique_ptr<Job> job = std::move(jobs_.front());
    jobs_.pop_front();
    if (job->report.file_bytes > 0) reports_.push_back(job->report);
  }

  Communicator communicator_;
  Rows nodes_, cells_;
  comm::SideChannel side_;
  std::optional<BlockStreams> node_streams_, cell_streams_;
  std::deque<std::unique_ptr<Job>> jobs_;
  std::unique_ptr<Background> thread_;
  std::optional<Failure> failure_;
  std::vector<CheckpointReport> reports_;
};

CheckpointWriter::CheckpointWriter(const Communicator& communicator, const Rows& nodes,
                                   const Rows& cells)
    : impl_(std::make_unique<Impl>(communicator, nodes, cells)) {}
CheckpointWriter::~CheckpointWriter() = default;

void CheckpointWriter::start(const std::string& path, const State& state,
                             const Provenance& provenance, const CheckpointWriteOptions& options) {
  impl_->start(path, state, provenance, options);
}
void CheckpointWriter::advance() {
  impl_->advance();
}
std::size_t CheckpointWriter::n_under_way() const {
  return impl_->n_under_way();
}
bool CheckpointWriter::has_failed() const {
  return impl_->has_failed();
}
void CheckpointWriter::finish() {
  impl_->finish();
}
std::vector<CheckpointReport> CheckpointWriter::take_reports() {
  return impl_->take_reports();
}

CheckpointReport write_checkpoint(const std::string& path, const Communicator& communicator,
                                  const Rows& nodes, const Rows& cells, const Snapshot& snapshot,
                                  const Provenance& provenance,
                                  const CheckpointWriteOptions& options) {
  State state;
  state.facts = snapshot.facts;
  state.numbers = snapshot.numbers;
  for (const Snapshot::Field& field : snapshot.fields) {
    state.fields.push_back({field.name, field.n_components,
                            [&field] { return std::span<const double>(field.values); }});
  }
  CheckpointWriter writer(communicator, nodes, cells);
  writer.start(path, state, provenance, options);
  writer.finish();
  return writer.take_reports().back();
}

}  // namespace ritz::store
