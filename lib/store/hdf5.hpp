#pragma once

// HDF5 handles and checked calls; private to room store.

#include <hdf5.h>

#include <atomic>
#include <string>
#include <utility>

#include "ritz/base/error.hpp"

namespace ritz::store {

/// Everything HDF5 has to say about the last failure on this rank, innermost cause last.
[[nodiscard]] std::string error_stack();

/// After a call of HDF5 that should have written has failed: HDF5 would try again whenever anything
/// is closed, when MPI ends and when the process does, and then hangs or crashes. From then on
/// nothing is closed any more; Session ends the job without MPI_Finalize.
inline std::atomic<bool> is_broken{false};

/// Owns an HDF5 id and closes it with the function that belongs to its kind.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Handle() = default;
  Handle(hid_t id, Close closer) : id_(id), close_(closer) {}
  ~Handle() { reset(); }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      reset();
      id_ = std::exchange(other.id_, -1);
      close_ = other.close_;
    }
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  [[nodiscard]] hid_t get() const { return id_; }
  [[nodiscard]] bool valid() const { return id_ >= 0; }
  /// Closes now and tells whether that worked (closing a file writes to it).
  bool close() {
    const bool good = id_ < 0 || close_(std::exchange(id_, -1)) >= 0;
    return good;
  }
  /// Forgets the id without closing it.
  void leak() { id_ = -1; }

 private:
  void reset() {
    if (id_ >= 0 && !is_broken) close_(id_);
    id_ = -1;
  }
  hid_t id_ = -1;
  Close close_ = nullptr;
};

/// Error(io): "cannot ACTION (HDF5: WHY); ..." for the file.
[[nodiscard]] base::Error failure(const std::string& path, const char* action,
                                  const std::string& why);

/// The id, or Error(io) naming the file and the action.
Handle checked(hid_t id, Handle::Close close, const std::string& path, const char* action);
void checked(herr_t code, const std::string& path, const char* action);

/// Opens a file to read, with our filters and the locks that set_file_locking asked for. `what`:
/// for the error. Local. Throws Error(io).
[[nodiscard]] Handle open_to_read(const std::string& path, const char* what = "open the file");

/// Switches off HDF5's own printing for the life of the object; our errors say it better.
class QuietErrors {
 public:
  QuietErrors();
  ~QuietErrors();
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

}  // namespace ritz::store
