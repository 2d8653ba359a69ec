#include "writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <type_traits>
#include <utility>

#include "ritz/base/fault.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/log.hpp"
#include "ritz/comm/environment.hpp"
#include "ritz/comm/pending_sum.hpp"
#include "texts.hpp"

namespace ritz::store {

namespace {

template <class T>
hid_t native_type() {
  if constexpr (std::is_same_v<T, double>)
    return H5T_NATIVE_DOUBLE;
  else if constexpr (std::is_same_v<T, std::uint8_t>)
    return H5T_NATIVE_UINT8;
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return H5T_NATIVE_INT32;
  else {
    static_assert(std::is_integral_v<T> && sizeof(T) == 8);
    return H5T_NATIVE_INT64;
  }
}

const std::function<void()> nothing_to_prepare = [] {};

/// How long a rank whose HDF5 call failed waits for the others to come out of theirs.
constexpr std::chrono::seconds patience{5};

/// A failure that the other ranks cannot be told of.
struct Alone {
  base::Error error;
};

}  // namespace

/// Looks after collective steps: where HDF5 1.10 meets a full disk it may leave every rank waiting
/// in another collective call, for ever. When a step takes long and the folder does not take a
/// small file either, that has happened: the process ends, and with it the job. The root is first,
/// so that one rank speaks. One thread a file, which no step waits for: on busy cores a thread for
/// each step cost milliseconds a step, seconds a file.
class Writer::Watch {
 public:
  Watch(const comm::Communicator& communicator, const std::string& path)
      : thread_([this, path, wait = communicator.is_root() ? patience : 2 * patience] {
          std::unique_lock lock(mutex_);
          while (!over_.wait_for(lock, std::chrono::seconds(1), [this] { return is_over_; })) {
            const std::int64_t began = began_.load();
            if (began == 0 || now() - began < std::chrono::nanoseconds(wait).count()) continue;
            const std::string why = refusal(path);
            if (why.empty()) continue;  // slow, no more
            base::log::error(path + ": cannot write this file: " + why +
                             "; check free space, quota and permissions of its folder");
            base::log::flush();
            std::error_code ignored;
            std::filesystem::remove(path, ignored);
            // Through MPI, though from another thread: the launcher reports this code then, and not
            // that of the ranks it kills. The other threads wait inside a call for ever.
            comm::end_job(static_cast<int>(base::ExitCode::io));
          }
        }) {}
  ~Watch() {
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
    }
    over_.notify_one();
    thread_.join();
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  void step_begins() { began_.store(now()); }
  void step_ends() { began_.store(0); }

 private:
  /// Nanoseconds of a clock that never shows 0.
  static std::int64_t now() {
    return 1 + std::chrono::duration_cast<std::chrono::nanoseconds>(
                   std::chrono::steady_clock::now().time_since_epoch())
                   .count();
  }
  /// Why the folder of a file takes no other one; empty if it does.
  static std::string refusal(const std::string& path) {
    const std::string name = path + ".probe";
    const int file = ::open(name.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (file < 0) return std::strerror(errno);
    const std::vector<char> zeros(std::size_t{1} << 16, 0);
    const ssize_t n = ::write(file, zeros.data(), zeros.size());
    std::string why = n < 0 ? std::strerror(errno) : "";
    if (n >= 0 && static_cast<std::size_t>(n) < zeros.size()) why = "no space left";
    if (why.empty() && ::fsync(file) != 0) why = std::strerror(errno);
    ::close(file);
    ::unlink(name.c_str());
    return why;
  }

  std::atomic<std::int64_t> began_{0};  ///< of the step under way; 0: none
  std::mutex mutex_;
  std::condition_variable over_;
  bool is_over_ = false;
  std::thread thread_;
};

Writer::Writer(const comm::Communicator& communicator, std::string path, int compression, Hook hook)
    : communicator_(communicator),
      path_(std::move(path)),
      compression_(compression),
      hook_(std::move(hook)),
      watch_(std::make_unique<Watch>(communicator_, path_)) {
  // H5Pset_fapl_mpio duplicates the communicator: a collective call.
  step(
      "use MPI input and output",
      [&] {
        access_ = checked(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, path_, "prepare the file");
        transfer_ = checked(H5Pcreate(H5P_DATASET_XFER), H5Pclose, path_, "prepare the transfer");
        checked(H5Pset_dxpl_mpio(transfer_.get(), H5FD_MPIO_COLLECTIVE), path_, "write together");
      },
      [&] { return H5Pset_fapl_mpio(access_.get(), communicator_.handle(), MPI_INFO_NULL); });
  // Each rank writes its share of the metadata on its own (HDF5's default): written together, a
  // full disk leaves all ranks waiting in HDF5, each in another collective call, and nobody to
  // tell.
  file_ = made("create the file", H5Fclose,
               [&] { return H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access_.get()); });
}

Writer::~Writer() {
  if (!file_.valid()) return;
  if (is_broken) {
    // The unfinished file goes; what HDF5 holds of it is left alone.
    std::error_code ignored;
    if (communicator_.is_root()) std::filesystem::remove(path_, ignored);
    return;
  }
  if (failed_together_) {
    discard();
    return;
  }
  // Something threw on this rank between the steps: closing would wait for the others. Whoever
  // catches it ends the job.
  file_.leak();
  access_.leak();
}

void Writer::discard() noexcept {
  // An empty file leaves room for what HDF5 still wants to write.
  std::error_code ignored;
  try {
    communicator_.barrier();
    if (communicator_.is_root()) std::filesystem::resize_file(path_, 0, ignored);
    communicator_.barrier();
    file_.close();
    communicator_.barrier();
  } catch (const base::Error&) {
    return;  // MPI itself fails: the error under way is the one to tell
  }
  if (communicator_.is_root()) std::filesystem::remove(path_, ignored);
}

void Writer::step(const std::string& action, const std::function<void()>& prepare,
                  const std::function<herr_t()>& call) {
  struct Watched {
    explicit Watched(Watch& one) : watch(one) { watch.step_begins(); }
    ~Watched() { watch.step_ends(); }
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;
    Watch& watch;
  };
  const Watched watched(*watch_);
  try {
    communicator_.together([&] {
      if (hook_) hook_(action);
      base::fault_point("file_write");
      prepare();
    });
    const herr_t code = call();
    std::string why;
    if (code < 0) why = error_stack();
    if (!agree_on(code < 0)) {
      // HDF5 does not agree on failures inside its calls: the others may wait for this rank in
      // there. Not caught here on purpose, see the destructor.
      is_broken = true;
      throw Alone{failure(path_, action.c_str(), why)};
    }
    if (communicator_.any(code < 0)) is_broken = file_.valid();
    communicator_.together([&] {
      if (code < 0) throw failure(path_, action.c_str(), why);
    });
  } catch (const base::Error&) {
    failed_together_ = true;
    throw;
  } catch (const Alone& alone) {
    throw base::Error(alone.error);
  }
}

bool Writer::agree_on(bool failed) const {
  struct Round {
    double n_failed = 0;
    std::optional<comm::PendingSum> sum;
  };
  auto round = std::make_unique<Round>();
  round->n_failed = failed ? 1 : 0;
  round->sum.emplace(communicator_, std::span(&round->n_failed, 1));
  if (!failed) {
    round->sum->wait();
    return true;
  }
  const auto start = std::chrono::steady_clock::now();
  while (!round->sum->test()) {
    if (std::chrono::steady_clock::now() - start > patience) {
      // The sum is still under way and its destructor would wait for it.
      static_cast<void>(round.release());
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

Handle Writer::made(const std::string& action, Handle::Close closer,
                    const std::function<hid_t()>& call) {
  Handle handle;
  step(action, nothing_to_prepare, [&]() -> herr_t {
    const hid_t id = call();
    if (id < 0) return -1;
    handle = Handle(id, closer);
    return 0;
  });
  return handle;
}

void Writer::close(Handle& handle, const std::string& action) {
  step(action, nothing_to_prepare, [&] { return handle.close() ? 0 : -1; });
}

void Writer::group(const std::string& name) {
  Handle group = made("create group " + name, H5Gclose, [&] {
    return H5Gcreate2(file_.get(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  });
  close(group, "close group " + name);
}

void Writer::attribute(const std::string& object, const std::string& name,
                       const std::string& text) {
  const std::string what = fmt::format("attribute {} of {}", name, object);
  Handle type, space, on;
  std::string content;
  step(
      "open " + object,
      [&] {
        type = text_type(text, path_);
        space = checked(H5Screate(H5S_SCALAR), H5Sclose, path_, "make a scalar");
        content = padded(text);
      },
      [&]() -> herr_t {
        on = Handle(H5Oopen(file_.get(), object.c_str(), H5P_DEFAULT), H5Oclose);
        return on.valid() ? 0 : -1;
      });
  Handle attribute = made("create " + what, H5Aclose, [&] {
    return H5Acreate2(on.get(), name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT);
  });
  step("write " + what, nothing_to_prepare,
       [&] { return H5Awrite(attribute.get(), type.get(), content.data()); });
  close(attribute, "close " + what);
  close(on, "close " + object);
}

void Writer::attribute(const std::string& object, const std::string& name,
                       const std::vector<std::int64_t>& values) {
  const std::string what = fmt::format("attribute {} of {}", name, object);
  Handle space, on;
  step(
      "open " + object,
      [&] {
        const hsize_t n = values.size();
        space = checked(H5Screate_simple(1, &n, nullptr), H5Sclose, path_, "make a list");
      },
      [&]() -> herr_t {
        on = Handle(H5Oopen(file_.get(), object.c_str(), H5P_DEFAULT), H5Oclose);
        return on.valid() ? 0 : -1;
      });
  Handle attribute = made("create " + what, H5Aclose, [&] {
    return H5Acreate2(on.get(), name.c_str(), H5T_NATIVE_INT64, space.get(), H5P_DEFAULT,
                      H5P_DEFAULT);
  });
  step("write " + what, nothing_to_prepare,
       [&] { return H5Awrite(attribute.get(), H5T_NATIVE_INT64, values.data()); });
  close(attribute, "close " + what);
  close(on, "close " + object);
}

template <class T>
void Writer::dataset(const std::string& name, GlobalId n_rows, std::size_t width,
                     std::int64_t first, const std::function<std::vector<T>()>& rows) {
  const int n_dims = width == 1 ? 1 : 2;
  const std::array<hsize_t, 2> size{static_cast<hsize_t>(n_rows), width};
  Handle space, creation, set, memory;
  std::vector<T> mine;
  step(
      "create " + name,
      [&] {
        space = checked(H5Screate_simple(n_dims, size.data(), nullptr), H5Sclose, path_,
                        "make a data space");
        creation = checked(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, path_, "prepare a dataset");
        checked(H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER), path_, "prepare a dataset");
        if (compression_ > 0 && n_rows > 0) {
          constexpr hsize_t chunk_bytes = hsize_t{1} << 20;
          const hsize_t chunk_rows = std::max<hsize_t>(1, chunk_bytes / (width * sizeof(T)));
          const std::array<hsize_t, 2> chunk{std::min<hsize_t>(chunk_rows, size[0]), width};
          checked(H5Pset_chunk(creation.get(), n_dims, chunk.data()), path_, "set the chunks");
          checked(H5Pset_shuffle(creation.get()), path_, "set the shuffle filter");
          checked(H5Pset_deflate(creation.get(), static_cast<unsigned>(compression_)), path_,
                  "set the deflate filter");
        }
      },
      [&]() -> herr_t {
        set = Handle(H5Dcreate2(file_.get(), name.c_str(), native_type<T>(), space.get(),
                                H5P_DEFAULT, creation.get(), H5P_DEFAULT),
                     H5Dclose);
        return set.valid() ? 0 : -1;
      });
  step(
      "write " + name,
      [&] {
        mine = rows();
        const std::array<hsize_t, 2> count{static_cast<hsize_t>(mine.size() / width), width};
        const std::array<hsize_t, 2> start{static_cast<hsize_t>(first), 0};
        memory = checked(H5Screate_simple(n_dims, count.data(), nullptr), H5Sclose, path_,
                         "make a data space");
        if (mine.empty()) {
          checked(H5Sselect_none(space.get()), path_, "select nothing");
          checked(H5Sselect_none(memory.get()), path_, "select nothing");
        } else {
          checked(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr,
                                      count.data(), nullptr),
                  path_, "select rows");
        }
        // H5Dwrite would notice on this rank alone, while the others are in it.
        const htri_t valid = H5Sselect_valid(space.get());
        checked(static_cast<herr_t>(valid), path_, "look at a selection");
        if (valid == 0) {
          throw base::Error(base::ExitCode::internal, base::Location{path_, 0, 0},
                            fmt::format("rows {} to {} are outside of {} with {} rows", first,
                                        first + static_cast<std::int64_t>(count[0]), name, n_rows));
        }
      },
      [&]() -> herr_t {
        if (n_rows == 0) return 0;
        return H5Dwrite(set.get(), native_type<T>(), memory.get(), space.get(), transfer_.get(),
                        mine.data());
      });
  close(set, "close " + name);  // may write
  raw_bytes_ += static_cast<double>(n_rows) * static_cast<double>(width * sizeof(T));
}

template void Writer::dataset<double>(const std::string&, GlobalId, std::size_t, std::int64_t,
                                      const std::function<std::vector<double>()>&);
template void Writer::dataset<std::uint8_t>(const std::string&, GlobalId, std::size_t, std::int64_t,
                                            const std::function<std::vector<std::uint8_t>()>&);
template void Writer::dataset<std::int32_t>(const std::string&, GlobalId, std::size_t, std::int64_t,
                                            const std::function<std::vector<std::int32_t>()>&);
template void Writer::dataset<GlobalId>(const std::string&, GlobalId, std::size_t, std::int64_t,
                                        const std::function<std::vector<GlobalId>()>&);

void Writer::link(const std::string& name, const std::string& file, const std::string& object) {
  step("link " + name, nothing_to_prepare, [&] {
    return H5Lcreate_external(file.c_str(), object.c_str(), file_.get(), name.c_str(), H5P_DEFAULT,
                              H5P_DEFAULT);
  });
}

void Writer::text(const std::string& name, const std::string& content) {
  Handle type, space, set;
  std::string bytes;
  step(
      "create " + name,
      [&] {
        type = text_type(content, path_);
        space = checked(H5Screate(H5S_SCALAR), H5Sclose, path_, "make a scalar");
        bytes = padded(content);
      },
      [&]() -> herr_t {
        set = Handle(H5Dcreate2(file_.get(), name.c_str(), type.get(), space.get(), H5P_DEFAULT,
                                H5P_DEFAULT, H5P_DEFAULT),
                     H5Dclose);
        return set.valid() ? 0 : -1;
      });
  step("write " + name, nothing_to_prepare, [&] {
    return H5Dwrite(set.get(), type.get(), H5S_ALL, H5S_ALL, transfer_.get(), bytes.data());
  });
  close(set, "close " + name);
}

void Writer::close() {
  step("flush the file", nothing_to_prepare,
       [&] { return H5Fflush(file_.get(), H5F_SCOPE_GLOBAL); });
  close(file_, "close the file");
}

}  // namespace ritz::store
