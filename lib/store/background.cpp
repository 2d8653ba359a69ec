#include "background.hpp"

#include <algorithm>
#include <csignal>

#ifdef __linux__
#include <dirent.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#endif

namespace ritz::store {

namespace {

#ifdef __linux__
/// OpenMP ties each thread to a core of its own, the main thread too, and threads inherit that: all
/// cores that any thread of this process may use together are those of the process.
cpu_set_t cores_of_process() {
  cpu_set_t all;
  CPU_ZERO(&all);
  DIR* tasks = opendir("/proc/self/task");
  if (tasks == nullptr) return all;
  while (const dirent* entry = readdir(tasks)) {
    cpu_set_t one;
    const int task = std::atoi(entry->d_name);
    if (task > 0 && sched_getaffinity(task, sizeof one, &one) == 0) CPU_OR(&all, &all, &one);
  }
  closedir(tasks);
  return all;
}
#endif

/// None of these is needed for the work to be right: where the system says no, it stays as it is.
void step_back() {
#ifdef __linux__
  const cpu_set_t cores = cores_of_process();
  if (CPU_COUNT(&cores) > 0) static_cast<void>(sched_setaffinity(0, sizeof cores, &cores));
  // A tenth of a core that the process computes on, all of an idle one.
  constexpr int nicer = 10, nicest = 19;
  const auto self = static_cast<id_t>(syscall(SYS_gettid));
  static_cast<void>(
      setpriority(PRIO_PROCESS, self, std::min(nicest, getpriority(PRIO_PROCESS, self) + nicer)));
#endif
}

}  // namespace

Background::Background() {
  // Signals are for the main thread, which has handlers for them.
  struct Blocked {
    Blocked() {
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_SETMASK, &all, &before);
    }
    ~Blocked() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }  // also without a thread
    Blocked(const Blocked&) = delete;
    Blocked& operator=(const Blocked&) = delete;
    sigset_t before{};
  };
  const Blocked blocked;
  thread_ = std::thread([this] {
    step_back();
    run();
  });
}

Background::~Background() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Background::add(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(work));
  }
  changed_.notify_one();
}

void Background::add_first(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_front(std::move(work));
  }
  changed_.notify_one();
}

void Background::finish() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [&] { return waiting_.empty() && !is_working_; });
}

void Background::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return ends_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const std::function<void()> work = std::move(waiting_.front());
    waiting_.pop_front();
    is_working_ = true;
    lock.unlock();
    work();
    lock.lock();
    is_working_ = false;
    if (waiting_.empty()) idle_.notify_all();
  }
}

}  // namespace ritz::store
