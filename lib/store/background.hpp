#pragma once

// Work beside the main thread; private to room store.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace ritz::store {

/// One thread that does what it is given, in order, and gives way to the threads that compute: on
/// any core of the process and with a low priority. The work must call neither MPI nor HDF5
/// (neither allows it from here) and must not throw.
class Background {
 public:
  Background();
  /// Waits until everything is done.
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  void add(std::function<void()> work);
  void add_first(std::function<void()> work);  ///< before what waits
  /// Waits until everything is done.
  void finish();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_, idle_;
  std::deque<std::function<void()>> waiting_;
  bool ends_ = false, is_working_ = false;
  std::thread thread_;
};

}  // namespace ritz::store
