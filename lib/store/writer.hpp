#pragma once

// One HDF5 file written by all ranks together; private to room store.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hdf5.hpp"
#include "ritz/base/ids.hpp"
#include "ritz/comm/communicator.hpp"

namespace ritz::store {

/// Creates groups, attributes and datasets. HDF5's calls are collective, so a rank that failed
/// alone before one would leave the others waiting in it. Every function here therefore goes in
/// steps: what a rank does alone is agreed on first (one small reduction), then all ranks make the
/// HDF5 call, then its return codes are agreed on. A failure is the same Error on every rank, and
/// the unfinished file is removed. One exception: HDF5 1.10 does not agree on failures inside its
/// own calls (a full disk in the middle of a compressed write), so the other ranks may never come
/// out; then the Error is thrown on the failing rank alone, for its caller to end the job.
///
/// All functions are collective; names, sizes and attribute values must be the same on every rank.
class Writer {
 public:
  /// Told of each step in its local part, before the HDF5 call; may throw there. For tests.
  using Hook = std::function<void(const std::string& action)>;

  /// Creates the file at `path`. `compression`: deflate level 0..9 after byte shuffling; 0 makes
  /// contiguous datasets. Throws Error(io).
  Writer(const comm::Communicator& communicator, std::string path, int compression, Hook hook = {});
  /// A file that close() has not finished is removed.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void group(const std::string& name);
  void attribute(const std::string& object, const std::string& name, const std::string& text);
  void attribute(const std::string& object, const std::string& name,
                 const std::vector<std::int64_t>& values);

  /// A dataset of n_rows rows of `width` numbers (one dimension if width is 1). `rows` makes this
  /// rank's part of it, rows [first, first + size/width); it is called once, must not communicate
  /// and may throw. Ranks without rows take part with an empty selection: filtered writes must be
  /// collective. T: double, std::uint8_t, std::int32_t, GlobalId.
  template <class T>
  void dataset(const std::string& name, GlobalId n_rows, std::size_t width, std::int64_t first,
               const std::function<std::vector<T>()>& rows);

  /// A link to an object of another file, found relative to the folder of this one.
  void link(const std::string& name, const std::string& file, const std::string& object);

  /// A text dataset (scalar), for what is too long for an attribute.
  void text(const std::string& name, const std::string& content);

  /// Flushes and closes the file. Nothing else may follow.
  void close();

  [[nodiscard]] double raw_bytes() const { return raw_bytes_; }  ///< of the datasets, all ranks

 private:
  class Watch;
  void step(const std::string& action, const std::function<void()>& prepare,
            const std::function<herr_t()>& call);
  /// After an HDF5 call: false if this rank's failed and the others do not come out of theirs.
  [[nodiscard]] bool agree_on(bool failed) const;
  /// A step whose call gives an id.
  Handle made(const std::string& action, Handle::Close closer, const std::function<hid_t()>& call);
  void close(Handle& handle, const std::string& action);
  void discard() noexcept;

  QuietErrors quiet_;
  const comm::Communicator& communicator_;
  std::string path_;
  int compression_;
  Hook hook_;
  Handle access_, transfer_, file_;
  std::unique_ptr<Watch> watch_;
  bool failed_together_ = false;
  double raw_bytes_ = 0;
};

}  // namespace ritz::store
