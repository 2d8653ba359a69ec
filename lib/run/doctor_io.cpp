#include <fcntl.h>
#include <sys/file.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "provenance.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/log.hpp"
#include "ritz/base/text.hpp"
#include "ritz/comm/environment.hpp"
#include "ritz/run/doctor.hpp"
#include "ritz/store/io_probe.hpp"
#include "ritz/store/results.hpp"

namespace ritz::run {

namespace {

namespace fs = std::filesystem;
using comm::Communicator;
using Json = nlohmann::ordered_json;

/// A new folder in the one to look at; gone when the visit is over, however it ends.
class Workplace {
 public:
  Workplace(const Communicator& communicator, const std::string& directory)
      : communicator_(communicator), n_exceptions_(std::uncaught_exceptions()) {
    communicator.together([&] {
      if (!communicator.is_root()) return;
      std::string pattern = (fs::path(directory) / "ritz-doctor-XXXXXX").string();
      if (mkdtemp(pattern.data()) == nullptr) {
        throw base::Error(base::ExitCode::io, base::Location{directory, 0, 0},
                          std::string("cannot make a folder in it: ") + std::strerror(errno));
      }
      path_ = pattern;
    });
    communicator.broadcast(path_);
  }
  ~Workplace() {
    // After a failure of one rank alone the others never come here.
    if (!communicator_.is_root() && std::uncaught_exceptions() == n_exceptions_) return;
    remove();
  }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  void remove() const noexcept {
    std::error_code ignored;  // a file that is left over is no finding
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string file(const char* name) const {
    return (fs::path(path_) / name).string();
  }

 private:
  const Communicator& communicator_;
  std::string path_;
  int n_exceptions_;
};

/// Ends the job when a step takes too long: an MPI-IO driver that hangs never comes back. The root
/// watches for all, which begin each step together.
class Watchdog {
 public:
  Watchdog(const Workplace& workplace, bool watches, double seconds, std::string text)
      : is_over_(!watches), thread_([this, &workplace, seconds, text = std::move(text)] {
          std::unique_lock lock(mutex_);
          if (over_.wait_for(lock, std::chrono::duration<double>(seconds),
                             [this] { return is_over_; }))
            return;
          base::log::error(text);
          base::log::flush();
          workplace.remove();
          comm::end_job(static_cast<int>(base::ExitCode::environment));
        }) {}
  ~Watchdog() {
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
    }
    over_.notify_one();
    thread_.join();
  }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable over_;
  bool is_over_;
  std::thread thread_;
};

struct Visit {
  const Communicator& communicator;
  bool as_json = false;
  Json found = Json::object();
  int code = 0;

  void tell(const char* verdict, const char* topic, const std::string& text) {
    if (!communicator.is_root()) return;
    if (!as_json) base::log::info(fmt::format("{:<7} {:<10} {}", verdict, topic, text));
    found[topic]["verdict"] = verdict;
    found[topic]["text"] = text;
  }
  void tell_json() {
    if (!as_json || !communicator.is_root()) return;
    found["exit_code"] = code;
    std::cout << found.dump(1) << std::endl;
  }
  void fail(base::ExitCode why, const char* topic, const std::string& text) {
    if (code == 0) code = static_cast<int>(why);
    tell("FAILED", topic, text);
  }
};

/// By the magic numbers of statfs(2).
std::string file_system_name(const std::string& directory) {
  struct statfs info {};
  if (statfs(directory.c_str(), &info) != 0) return "unknown";
  switch (static_cast<unsigned long>(info.f_type)) {
    case 0x6969:
      return "NFS";
    case 0x0BD00BD0:
      return "Lustre";
    case 0x47504653:
      return "GPFS";
    case 0x19830326:
      return "BeeGFS";
    case 0x00C36400:
      return "Ceph";
    case 0x01021994:
      return "tmpfs";
    case 0xEF53:
      return "ext4";
    case 0x58465342:
      return "XFS";
    case 0x9123683E:
      return "Btrfs";
    case 0x794C7630:
      return "overlayfs";
    case 0x65735546:
      return "FUSE";
    default:
      return fmt::format("file system {:#x}", static_cast<unsigned long>(info.f_type));
  }
}

/// Hosts on whose ranks `bad` is true, a name once; empty if there are none. Collective.
std::string hosts_where(const Communicator& communicator, bool bad) {
  struct Entry {
    std::array<char, 64> host{};
    bool bad = false;
  } mine;
  host_name().copy(mine.host.data(), mine.host.size() - 1);
  mine.bad = bad;
  std::set<std::string> names;
  for (const Entry& one : communicator.all_gather(mine))
    if (one.bad) names.insert(one.host.data());
  if (names.empty()) return {};
  return base::list({names.begin(), names.end()}, "and");
}

/// Whether every rank sees what the first one writes.
bool visit_sharing(const Workplace& workplace, Visit& visit) {
  const Communicator& communicator = visit.communicator;
  const std::string token = workplace.file("token");
  constexpr const char* text = "seen";
  communicator.together([&] {
    if (!communicator.is_root()) return;
    std::ofstream out(token);
    out << text;
    out.close();
    if (!out)
      throw base::Error(base::ExitCode::io, base::Location{token, 0, 0}, "cannot write this file");
  });
  // Network file systems may show it some seconds later.
  bool sees = false;
  const auto start = std::chrono::steady_clock::now();
  while (!sees && std::chrono::steady_clock::now() - start < std::chrono::seconds(5)) {
    std::ifstream in(token);
    std::string word;
    sees = static_cast<bool>(in >> word) && word == text;
    if (!sees) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  const std::string blind = hosts_where(communicator, !sees);
  if (!blind.empty()) {
    visit.fail(base::ExitCode::environment, "shared",
               fmt::format("what rank 0 writes is not seen on {}: choose a folder that all hosts "
                           "share",
                           blind));
    return false;
  }
  visit.tell("ok", "shared", fmt::format("all {} ranks see it", communicator.size()));
  return true;
}

/// flock(2), which HDF5 uses when it opens a file to read, and fcntl(2), which MPI-IO uses on some
/// file systems.
void visit_locks(const Workplace& workplace, Visit& visit) {
  const Communicator& communicator = visit.communicator;
  const std::string token = workplace.file("token");
  int held = -1;
  std::int32_t why = 0;
  if (communicator.is_root()) {
    held = ::open(token.c_str(), O_RDWR | O_CLOEXEC);
    if (held < 0 || ::flock(held, LOCK_EX | LOCK_NB) != 0) why = errno;
  }
  communicator.broadcast(why);
  // Rank 0 asks once more through another descriptor: that must be refused as well.
  bool got = false;
  if (why == 0) {
    const int mine = ::open(token.c_str(), O_RDWR | O_CLOEXEC);
    got = mine >= 0 && ::flock(mine, LOCK_EX | LOCK_NB) == 0;
    if (mine >= 0) ::close(mine);
  }
  const std::string careless = hosts_where(communicator, got);
  if (held >= 0) ::close(held);
  const char* way = "HDF5_USE_FILE_LOCKING=FALSE in the environment goes without";
  if (why == ENOSYS || why == EOPNOTSUPP) {
    visit.tell("note", "flock", "this file system has no locks; Ritz goes without by default");
  } else if (why != 0) {
    visit.tell("note", "flock",
               fmt::format("locks fail here ({}): resuming and reading results may; {}",
                           std::strerror(why), way));
  } else if (!careless.empty()) {
    visit.tell("note", "flock",
               fmt::format("locks of rank 0 do not hold on {}: files are not protected against "
                           "two runs",
                           careless));
  } else {
    visit.tell("ok", "flock", "locks hold between ranks");
  }
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  const int file = ::open(token.c_str(), O_RDWR | O_CLOEXEC);
  const bool good = file >= 0 && ::fcntl(file, F_SETLK, &range) == 0;
  const std::int32_t error = good ? 0 : errno;
  if (file >= 0) ::close(file);
  // Ranks on one host and rank after rank may meet: busy is not broken.
  const bool broken = error != 0 && error != EAGAIN && error != EACCES;
  const std::string hosts = hosts_where(communicator, broken);
  if (hosts.empty())
    visit.tell("ok", "fcntl", "locks of byte ranges work");
  else
    visit.tell("note", "fcntl",
               fmt::format("locks of byte ranges fail on {}: MPI-IO needs them on NFS", hosts));
}

/// Whether the folder does not take as many bytes more for a reason of its own: "the disk is full",
/// "the quota is used up"; empty: it does. Collective.
std::string full_text(const Communicator& communicator, const Workplace& workplace, double bytes) {
  std::int32_t why = 0;
  if (communicator.is_root()) {
    const int file = ::open(workplace.file("more").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    // Numbers that a file system that compresses does not make shorter.
    std::vector<std::uint64_t> piece(std::size_t{1} << 17U);
    std::mt19937_64 random(1);
    for (std::uint64_t& one : piece) one = random();
    double left = bytes + 1e6;
    while (file >= 0 && why == 0 && left > 0) {
      const ssize_t n = ::write(file, piece.data(), piece.size() * sizeof piece[0]);
      if (n <= 0) why = n < 0 ? errno : ENOSPC;
      left -= static_cast<double>(n);
    }
    if (file < 0 || (why == 0 && ::fsync(file) != 0)) why = errno;
    if (file >= 0) ::close(file);
  }
  communicator.broadcast(why);
  if (why == EDQUOT) return "the quota of this user, group or folder is used up";
  if (why == ENOSPC) return "the disk is full";
  return {};
}

void visit_speed(const Workplace& workplace, double bytes, int compression, Visit& visit) {
  const char* topic = compression == 0 ? "plain" : "compressed";
  const std::string driver = comm::library_version() + ", " + store::library_version();
  // Ten times slower than a slow disk.
  const double patience = 60 + bytes / 2e6;
  const Watchdog watchdog(
      workplace, visit.communicator.is_root(), patience,
      fmt::format("the {} write has not come to its end in {:.0f} s: the MPI-IO driver of {} hangs "
                  "on this file system",
                  topic, patience, driver));
  try {
    const store::IoFigures figures = store::probe_io(
        visit.communicator, workplace.file(compression == 0 ? "plain.h5" : "compressed.h5"), bytes,
        compression);
    const double gigabyte = 1e9;
    const double write = figures.bytes / (figures.write_seconds + figures.sync_seconds) / gigabyte;
    const double read = figures.bytes / figures.read_seconds / gigabyte;
    visit.tell("ok", topic,
               fmt::format("{} written at {:.3g} GB/s (fsync {:.3g} s of {:.3g} s), read again at "
                           "{:.3g} GB/s, every number right; file {}",
                           base::bytes_text(figures.bytes), write, figures.sync_seconds,
                           figures.write_seconds + figures.sync_seconds, read,
                           base::bytes_text(figures.file_bytes)));
    if (visit.communicator.is_root()) {
      visit.found[topic]["bytes"] = figures.bytes;
      visit.found[topic]["file_bytes"] = figures.file_bytes;
      visit.found[topic]["write_seconds"] = figures.write_seconds;
      visit.found[topic]["sync_seconds"] = figures.sync_seconds;
      visit.found[topic]["read_seconds"] = figures.read_seconds;
      visit.found[topic]["write_gigabytes_per_second"] = write;
      visit.found[topic]["read_gigabytes_per_second"] = read;
    }
  } catch (const base::Error& error) {
    if (error.code() != base::ExitCode::io) throw;
    const std::string full = full_text(visit.communicator, workplace, bytes);
    if (!full.empty()) {
      visit.fail(base::ExitCode::io, topic,
                 fmt::format("{}: {} could not be written; a smaller --size, or another folder",
                             full, base::bytes_text(bytes)));
      return;
    }
    visit.fail(base::ExitCode::environment, topic,
               fmt::format("{}; HDF5 or the MPI-IO driver of this MPI ({}) does not work here",
                           error.what(), driver));
  }
}

}  // namespace

int doctor_io(const Communicator& communicator, const IoVisit& request) {
  Visit visit{communicator, request.json};
  {
    const Workplace workplace(communicator, request.directory);
    visit.tell(
        "ok", "folder",
        fmt::format("{} ({}), {} rank{}", request.directory, file_system_name(request.directory),
                    communicator.size(), communicator.size() == 1 ? "" : "s"));
    bool goes_on = visit_sharing(workplace, visit);
    double free = 0;
    communicator.together([&] {
      if (communicator.is_root())
        free = static_cast<double>(fs::space(request.directory).available);
    });
    communicator.broadcast(free);
    // Both files, in the worst case, and what HDF5 adds.
    const double needed = 2.1 * request.bytes + 1e6;
    if (free < needed) {
      visit.fail(base::ExitCode::io, "space",
                 fmt::format("{} free, {} needed; a smaller --size?", base::bytes_text(free),
                             base::bytes_text(needed)));
      goes_on = false;
    } else {
      visit.tell("ok", "space", base::bytes_text(free) + " free");
    }
    if (goes_on) {
      visit_locks(workplace, visit);
      visit_speed(workplace, request.bytes, 0, visit);
      // Once a write has failed the ranks may wait in different calls of HDF5.
      if (!store::hdf5_is_broken()) visit_speed(workplace, request.bytes, 4, visit);
    }
    if (store::hdf5_is_broken()) {
      if (communicator.is_root()) {
        workplace.remove();
        visit.tell_json();
        base::log::flush();
        comm::end_job(visit.code);
      }
      // Ended by the root, soon.
      std::this_thread::sleep_for(std::chrono::seconds(10));
    }
    communicator.barrier();
  }
  visit.tell_json();
  return visit.code;
}

}  // namespace ritz::run
