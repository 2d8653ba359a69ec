#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace ritz::base::log {

/// Opens the log of this process. Rank 0 writes lines to the terminal and, when `file` is not
/// empty, to that file; other ranks stay silent unless something is an error. Local; call once per
/// process. Throws Error(io) if the file cannot be opened.
void open(int rank, const std::string& file = {});

/// Adds the file to an open log (the result directory is known only after the deck was read).
void add_file(const std::string& file);

/// What is told to the user is also kept: `warning` entries go into the provenance of every file.
void info(std::string_view message);
void warning(std::string_view message);
void error(std::string_view message);

/// Only to the log file, not to the terminal.
void detail(std::string_view message);

/// Flushes everything to disk.
void flush();

}  // namespace ritz::base::log
