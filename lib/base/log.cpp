#include "ritz/base/log.hpp"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "ritz/base/error.hpp"

namespace ritz::base::log {

namespace {

struct State {
  int rank = 0;
  std::shared_ptr<spdlog::logger> terminal;
  std::shared_ptr<spdlog::logger> errors;
  std::shared_ptr<spdlog::logger> file;
};

State& state() {
  static State the_state = [] {
    State fresh;
    auto out = std::make_shared<spdlog::sinks::stdout_sink_mt>();
    out->set_pattern("%v");
    fresh.terminal = std::make_shared<spdlog::logger>("ritz", out);
    auto err = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    err->set_pattern("%v");
    fresh.errors = std::make_shared<spdlog::logger>("ritz-errors", err);
    return fresh;
  }();
  return the_state;
}

void to_file(spdlog::level::level_enum level, std::string_view message) {
  if (state().file) state().file->log(level, message);
}

}  // namespace

void open(int rank, const std::string& file) {
  state().rank = rank;
  if (!file.empty()) add_file(file);
}

void add_file(const std::string& file) {
  if (state().rank != 0) return;
  try {
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file, false);
    sink->set_pattern("%Y-%m-%dT%H:%M:%S.%e %L %v");
    state().file = std::make_shared<spdlog::logger>("ritz-file", sink);
    state().file->flush_on(spdlog::level::info);
    state().file->set_level(spdlog::level::debug);
  } catch (const spdlog::spdlog_ex& problem) {
    throw Error(ExitCode::io, Location{file, 0, 0},
                std::string("cannot write the log here (") + problem.what() + ")");
  }
}

void info(std::string_view message) {
  if (state().rank != 0) return;
  state().terminal->info(message);
  state().terminal->flush();
  to_file(spdlog::level::info, message);
}

void warning(std::string_view message) {
  if (state().rank != 0) return;
  state().terminal->info("warning: {}", message);
  state().terminal->flush();
  to_file(spdlog::level::warn, message);
}

void error(std::string_view message) {
  state().errors->error(message);
  state().errors->flush();
  to_file(spdlog::level::err, message);
}

void detail(std::string_view message) {
  to_file(spdlog::level::debug, message);
}

void flush() {
  state().terminal->flush();
  state().errors->flush();
  if (state().file) state().file->flush();
}

}  // namespace ritz::base::log
