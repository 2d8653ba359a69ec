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
  if (!is_due(now)) return;
  std::string left;
  const double done = std::log(first_residual_ / residual), all = std::log(first_residual_ / goal);
  if (number > 3 && done > 0 && all > done) {
    left = ", about " + base::duration_text(since(started_) * (all - done) / done) + " left";
  }
  const std::string text = fmt::format("{:<11} iteration {}, residual {:.2e} (goal {:.1e}){}",
                                       phase_, number, residual, goal, left);
  show(text);
}

void Progress::time_step(std::int64_t number, double time, double length, double start,
                         double end) {
  if (!is_root_) return;
  const Clock::time_point now = Clock::now();
  const auto since = [&](Clock::time_point then) {
    return std::chrono::duration<double>(now - then).count();
  };
  if (since(recorded_) >= 1.0) {
    recorded_ = now;
    events_.event("step", {{"step", static_cast<long long>(number)}, {"t", time}, {"dt", length}});
    events_.status(phase_, {{"step", static_cast<long long>(number)}, {"t", time}, {"dt", length}});
  }
  if (!is_due(now)) return;
  const double done = (time - start) / (end - start);
  std::string left;
  if (number > 3 && done > 0 && done < 1) {
    left = ", about " + base::duration_text(since(started_) * (1 - done) / done) + " left";
  }
  show(fmt::format("{:<11} step {}, t = {:.6g} of {:.6g}, dt = {:.3g}{}", phase_, number, time, end,
                   length, left));
}

bool Progress::is_due(Clock::time_point now) {
  const double interval = on_terminal_ ? 0.1 : 10.0;
  if (shown_ == Clock::time_point{} && !on_terminal_) shown_ = now;
  if (std::chrono::duration<double>(now - shown_).count() < interval) return false;
  shown_ = now;
  return true;
}

void Progress::show(const std::string& text) {
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
