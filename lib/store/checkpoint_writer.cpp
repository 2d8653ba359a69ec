#include "ritz/store/checkpoint_writer.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <deque>
#include <filesystem>
#include <optional>
#include <system_error>
#include <thread>

#include "background.hpp"
#include "checkpoint_job.hpp"
#include "checkpoint_names.hpp"
#include "checkpoint_small.hpp"
#include "codec.hpp"
#include "files.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"

namespace ritz::store {

namespace fs = std::filesystem;
using comm::Communicator;

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
    communicator_.together([&] {
      try {
        if (!thread_) thread_ = std::make_unique<Background>();
      } catch (const std::system_error& error) {
        throw base::Error(base::ExitCode::environment, base::Location{path, 0, 0},
                          std::string("cannot start a thread for the checkpoint: ") + error.what() +
                              "; check the limit of processes (ulimit -u)");
      }
    });
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
