#include "progress.hpp"

#include <unistd.h>
#include "ritz/base/format.hpp"

#include <cmath>
#include <cstdio>

#include "ritz/base/log.hpp"
#include "ritz/base/text.hpp"

namespace ritz::run {

Progress::Progress(bool is_root)
    : is_root_(is_root), on_terminal_(is_root && isatty(STDOUT_FILENO) == 1) {}

void Progress::open(const std::string& directory) {
  if (is_root_) events_ = perf::EventLog(directory);
}

void Progress::line(const std::string& topic, const std::string& text) {
  finish_line();
  base::log::info(fmt::format("{:<11} {}", topic, text));
}

void Progress::phase(const std::string& name) {
  phase_ = name;
  started_ = Clock::now();
  shown_ = recorded_ = {};
  events_.event("phase", {{"phase", name}});
  events_.status(name);
}

void Progress::iteration(int number, double residual, double goal) {
  if (!is_root_) return;
  const Clock::time_point now = Clock::now();
  if (number <= 1 || first_residual_ <= 0) first_residual_ = residual;
  const auto since = [&](Clock::time_point then) {
    return std::chrono::duration<double>(now - then).count();
  };
  if (since(recorded_) >= 1.0) {
    recorded_ = now;
    events_.event(
        "iteration",
        {{"phase", phase_}, {"iteration", static_cast<long long>(number)}, {"residual", residual}});
    events_.status(phase_, {{"iteration", static_cast<long long>(number)}, {"residual", residual}});
  }
  const double interval = on_terminal_ ? 0.1 : 10.0;
  if (shown_ == Clock::time_point{} && !on_terminal_) shown_ = now;
  if (since(shown_) < interval) return;
  shown_ = now;
  std::string left;
  const double done = std::log(first_residual_ / residual), all = std::log(first_residual_ / goal);
  if (number > 3 && done > 0 && all > done) {
    left = ", about " + base::duration_text(since(started_) * (all - done) / done) + " left";
  }
  const std::string text = fmt::format("{:<11} iteration {}, residual {:.2e} (goal {:.1e}){}",
                                       phase_, number, residual, goal, left);
  if (on_terminal_) {
    std::fprintf(stdout, "\r%s\033[K", text.c_str());
    std::fflush(stdout);
    live_ = true;
  } else {
    base::log::info(text);
  }
}

void Progress::finish_line() {
  if (!live_) return;
  live_ = false;
  std::fprintf(stdout, "\r\033[K");
  std::fflush(stdout);
}

}  // namespace ritz::run
