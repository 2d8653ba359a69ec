#include "bench_checkpoint.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <span>
#include <vector>

#include "bench_machine.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/perf/recorder.hpp"
#include "ritz/run/mesh_setup.hpp"
#include "ritz/store/checkpoint_reader.hpp"
#include "ritz/store/checkpoint_writer.hpp"

namespace ritz::run {

namespace {

namespace fs = std::filesystem;
using store::CheckpointReport;
using store::CheckpointWriter;
using store::Codec;

constexpr const char* file_name = "ritz-bench-m16.h5";
constexpr const char* raw_name = "ritz-bench-m16.raw";

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

struct Way {
  const char* name;
  Codec codec;
  int level;
};
constexpr Way ways[] = {{"none", Codec::none, 0},
                        {"deflate 1", Codec::deflate, 1},
                        {"zstd 1", Codec::zstd, 1},
                        {"zstd -5", Codec::zstd, -5}};

class CheckpointBench {
 public:
  CheckpointBench(const comm::Communicator& communicator, const deck::Problem& problem,
                  const BenchRequest& request)
      : communicator_(communicator), request_(request) {
    perf::Recorder recorder;
    partition::Quality quality;
    const mesh::Hierarchy meshes = make_meshes(communicator, problem, false, recorder, quality);
    const fem::Space space(meshes.finest(), problem.space.degree);
    const auto n = static_cast<std::size_t>(space.n_owned);
    node_ids_.assign(space.dof_gid.begin(), space.dof_gid.begin() + space.n_owned);
    cell_ids_.assign(meshes.finest().cell_gid.begin(),
                     meshes.finest().cell_gid.begin() + meshes.finest().n_cells_owned);
    n_nodes_ = space.n_global;
    n_cells_ = meshes.finest().n_cells_global;
    // A solution of the heat equation and its rate, as smooth data in time.
    const std::vector<double> x = fem::node_coordinates(meshes.finest(), space);
    for (std::vector<double>& field : fields_) field.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
      const double* at = x.data() + 3 * i;
      double u = 0;
      for (int k = 1; k <= 3; ++k)
        u += std::sin(k * M_PI * at[0]) * std::sin(M_PI * at[1]) * std::sin(k * M_PI * at[2]) / k;
      fields_[0][i] = u;
      fields_[1][i] = -3 * M_PI * M_PI * u + 0.1 * at[0];
    }
  }

  void run() {
    const double bytes = 8.0 * static_cast<double>(fields_.size()) * static_cast<double>(n_nodes_);
    tell(fmt::format("M16: checkpoint of {} unknowns in {} fields, {}; {} ranks; medians of {}\n\n",
                     base::count_text(n_nodes_), fields_.size(), base::bytes_text(bytes),
                     communicator_.size(), request_.repeat));
    CheckpointWriter writer(communicator_, {n_nodes_, node_ids_}, {n_cells_, cell_ids_});
    once(writer, ways[0], false);  // plans and pages
    const bool can_reset = reset_peak_memory();
    const double before = communicator_.sum(peak_memory());
    once(writer, ways[0], false);
    const double after = communicator_.sum(peak_memory());
    if (can_reset && before > 0)
      tell(fmt::format("memory while one is written: {:.2f} times its fields\n\n",
                       (after - before) / bytes));

    constexpr std::size_t n_ways = std::size(ways);
    std::vector<std::vector<CheckpointReport>> reports(n_ways);
    std::vector<std::vector<double>> reads(n_ways), file_reads(n_ways);
    std::vector<double> raw_writes, raw_reads;
    for (int i = 0; i < request_.repeat; ++i) {
      raw(bytes, raw_writes, raw_reads);
      for (std::size_t w = 0; w < n_ways; ++w) {
        reports[w].push_back(once(writer, ways[w], true));
        const ReadTimes times = read();
        reads[w].push_back(times.whole);
        file_reads[w].push_back(times.file);
      }
    }
    const double raw_write = median(raw_writes), raw_read = median(raw_reads);
    tell(fmt::format("{:<10} {:>9} {:>6} {:>7} {:>8} {:>7} {:>7} {:>7} {:>9} {:>7} {:>7} {:>9}\n",
                     "", "bytes", "ratio", "copy", "compress", "write", "verify", "whole",
                     "raw/whole", "file", "read", "raw/read"));
    tell(
        fmt::format("{:<10} {:>9} {:>6} {:>7} {:>8} {:>7.3f} {:>7} {:>7.3f} {:>9} {:>7.3f} "
                    "{:>7.3f} {:>9}\n",
                    "raw", base::bytes_text(bytes), "", "", "", raw_write, "", raw_write, "",
                    raw_read, raw_read, ""));
    std::vector<double> wholes;
    for (std::size_t w = 0; w < n_ways; ++w) {
      const auto of = [&](double CheckpointReport::*what) {
        std::vector<double> values;
        for (const CheckpointReport& one : reports[w]) values.push_back(one.*what);
        return communicator_.max(median(values));
      };
      const double whole = of(&CheckpointReport::whole_seconds),
                   file_bytes = of(&CheckpointReport::file_bytes), read_time = median(reads[w]);
      wholes.push_back(whole);
      tell(fmt::format(
          "{:<10} {:>9} {:>6.2f} {:>7.3f} {:>8.3f} {:>7.3f} {:>7.3f} {:>7.3f} "
          "{:>9.2f} {:>7.3f} {:>7.3f} {:>9.2f}\n",
          ways[w].name, base::bytes_text(file_bytes), bytes / file_bytes,
          of(&CheckpointReport::copy_seconds), of(&CheckpointReport::encode_seconds),
          of(&CheckpointReport::write_seconds), of(&CheckpointReport::verify_seconds), whole,
          raw_write / whole, median(file_reads[w]), read_time, raw_read / read_time));
    }
    tell("\nBeside steps of vector operations:\n");
    tell(fmt::format("{:<10} {:>9} {:>9} {:>13} {:>13} {:>15} {:>9}\n", "", "step", "copy",
                     "first longer", "all longer", "first/waiting", "steps"));
    for (std::size_t w = 0; w < n_ways; ++w) beside(writer, ways[w], wholes[w]);
    communicator_.together([&] {
      if (!communicator_.is_root()) return;
      for (const std::string& name : {store::marker_path(file_name), std::string(file_name)})
        fs::remove(name);
    });
  }

 private:
  void tell(const std::string& text) const {
    if (!communicator_.is_root()) return;
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }

  [[nodiscard]] store::State state() const {
    store::State state;
    for (std::size_t f = 0; f < fields_.size(); ++f) {
      state.fields.push_back({fmt::format("field {}", f), 1,
                              [this, f] { return std::span<const double>(fields_[f]); }});
    }
    return state;
  }

  void begin(CheckpointWriter& writer, const Way& way) const {
    store::CheckpointWriteOptions options;
    options.codec = way.codec;
    options.level = way.level;
    writer.start(file_name, state(), {}, options);
  }

  CheckpointReport once(CheckpointWriter& writer, const Way& way, bool after_old) const {
    // Removing the file before is no part of writing.
    if (after_old) remove(file_name);
    communicator_.barrier();
    begin(writer, way);
    writer.finish();
    return writer.take_reports().back();
  }

  void remove(const std::string& name) const {
    communicator_.together([&] {
      if (!communicator_.is_root()) return;
      std::error_code ignored;
      fs::remove(store::marker_path(name), ignored);
      fs::remove(name, ignored);
      // What the file system still has to do for files that are gone would be counted otherwise.
      ::sync();
    });
  }

  struct File {
    File(const char* name, int flags) : id(::open(name, flags, 0644)) {
      if (id < 0) failed("open", name);
    }
    ~File() { ::close(id); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    [[noreturn]] static void failed(const char* what, const char* name) {
      throw base::Error(base::ExitCode::io, base::Location{name, 0, 0},
                        fmt::format("cannot {} it ({})", what, std::strerror(errno)));
    }
    int id;
  };

  /// Calls each(place, bytes) for this rank's share of a file, in pieces of 4 MiB.
  template <class Each>
  void walk(double bytes, const Each& each) const {
    const comm::BlockRange blocks(static_cast<std::int64_t>(bytes), communicator_.size());
    std::int64_t at = blocks.begin(communicator_.rank());
    const std::int64_t end = blocks.end(communicator_.rank());
    while (at < end) {
      const std::int64_t n = std::min<std::int64_t>(end - at, std::int64_t{4} << 20);
      each(at, static_cast<std::size_t>(n));
      at += n;
    }
  }

  /// Of one file by all ranks, each its share: seconds to write and fsync, and to read.
  void raw(double bytes, std::vector<double>& writes, std::vector<double>& reads) const {
    remove(raw_name);
    std::vector<char> buffer(std::size_t{4} << 20);
    std::memcpy(buffer.data(), fields_[0].data(),
                std::min(buffer.size(), fields_[0].size() * sizeof(double)));
    communicator_.barrier();
    double start = now();
    communicator_.together([&] {
      const File file(raw_name, O_CREAT | O_WRONLY);
      walk(bytes, [&](std::int64_t at, std::size_t n) {
        for (std::size_t done = 0; done < n;) {
          const ssize_t m =
              ::pwrite(file.id, buffer.data(), n - done, at + static_cast<std::int64_t>(done));
          if (m <= 0) File::failed("write", raw_name);
          done += static_cast<std::size_t>(m);
        }
      });
      if (::fsync(file.id) != 0) File::failed("flush", raw_name);
    });
    writes.push_back(communicator_.max(now() - start));
    forget(raw_name);
    communicator_.barrier();
    start = now();
    communicator_.together([&] {
      const File file(raw_name, O_RDONLY);
      walk(bytes, [&](std::int64_t at, std::size_t n) {
        if (::pread(file.id, buffer.data(), n, at) < 0) File::failed("read", raw_name);
      });
    });
    reads.push_back(communicator_.max(now() - start));
    remove(raw_name);
  }

  /// The next reader has to ask the disk.
  void forget(const char* name) const {
    communicator_.together([&] {
      const File file(name, O_RDONLY);
      if (::fsync(file.id) != 0 || ::posix_fadvise(file.id, 0, 0, POSIX_FADV_DONTNEED) != 0)
        File::failed("take out of the cache", name);
    });
  }

  /// Seconds until the file is in memory, decompressed and verified, and until each rank has its
  /// values.
  struct ReadTimes {
    double file = 0, whole = 0;
  };
  ReadTimes read() const {
    forget(file_name);
    // The run's own vectors, which are there before their values are.
    std::vector<std::vector<double>> got(fields_.size(), std::vector<double>(node_ids_.size()));
    communicator_.barrier();
    const double start = now();
    store::CheckpointReader reader(communicator_, file_name);
    const double in_memory = now();
    if (reader.problem().empty()) {
      reader.choose({n_nodes_, node_ids_});
      for (std::size_t i = 0; i < reader.facts().fields.size(); ++i) reader.take(i, got[i]);
    }
    const ReadTimes times{communicator_.max(in_memory - start), communicator_.max(now() - start)};
    communicator_.together([&] {
      if (got[0] != fields_[0] || got[1] != fields_[1])
        throw base::Error(base::ExitCode::io, base::Location{file_name, 0, 0},
                          "it does not hold what was written: " + reader.problem());
    });
    return times;
  }

  /// Vector operations as those of a step, so many times.
  double step(std::vector<double>& work, int n) const {
    communicator_.barrier();
    const double start = now();
    for (int i = 0; i < n; ++i) {
      double sum = 0;
      for (std::size_t k = 0; k < work.size(); ++k) {
        work[k] = 0.5 * work[k] + fields_[0][k];
        sum += work[k] * fields_[1][k];
      }
      static_cast<void>(communicator_.sum(sum));
    }
    return communicator_.max(now() - start);
  }

  void beside(CheckpointWriter& writer, const Way& way, double waiting) const {
    std::vector<double> work(fields_[0]);
    static_cast<void>(step(work, 1));
    const double one = step(work, 3) / 3;
    const int n = std::max(1, static_cast<int>(0.5 / one));
    std::vector<double> alone;
    for (int i = 0; i < 3; ++i) alone.push_back(step(work, n));
    const double usual = median(alone);
    std::vector<double> first, all, copies, counts;
    for (int i = 0; i < request_.repeat; ++i) {
      remove(file_name);
      communicator_.barrier();
      const double start = now();
      begin(writer, way);
      double longer = communicator_.max(now() - start);
      copies.push_back(longer);
      int n_steps = 0;
      while (communicator_.any(writer.n_under_way() > 0)) {
        longer += step(work, n) - usual;
        const double look = now();
        writer.advance();
        longer += communicator_.max(now() - look);
        if (++n_steps == 1) first.push_back(longer);
      }
      writer.finish();
      static_cast<void>(writer.take_reports());
      all.push_back(longer);
      counts.push_back(n_steps);
    }
    tell(fmt::format("{:<10} {:>9.3f} {:>9.3f} {:>13.3f} {:>13.3f} {:>15.2f} {:>9.0f}\n", way.name,
                     usual, median(copies), median(first), median(all), median(first) / waiting,
                     median(counts)));
  }

  const comm::Communicator& communicator_;
  const BenchRequest& request_;
  std::vector<GlobalId> node_ids_, cell_ids_;
  GlobalId n_nodes_ = 0, n_cells_ = 0;
  std::array<std::vector<double>, 2> fields_;
};

}  // namespace

void bench_checkpoints(const comm::Communicator& communicator, const deck::Problem& problem,
                       const BenchRequest& request) {
  CheckpointBench(communicator, problem, request).run();
}

}  // namespace ritz::run
