#include "history.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "directory.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"

namespace ritz::run {

History::History(const comm::Communicator& communicator, std::string path,
                 const std::string& header, std::int64_t kept)
    : communicator_(communicator), path_(std::move(path)) {
  std::string text = header + "\n";
  communicator_.together([&] {
    if (!communicator_.is_root() || kept == 0) return;
    std::ifstream in(path_);
    std::string row;
    if (!std::getline(in, row) || row != header) return;
    // A row that a full disk has cut off is none.
    const auto n_columns = std::count(header.begin(), header.end(), ',');
    while (std::getline(in, row) && std::atoll(row.c_str()) <= kept) {
      if (std::count(row.begin(), row.end(), ',') == n_columns) text += row + "\n";
    }
  });
  // In one go: the rows are there whatever happens in between.
  write_text(communicator_, path_ + ".part", text);
  communicator_.together([&] {
    if (!communicator_.is_root()) return;
    std::error_code failed;
    std::filesystem::rename(path_ + ".part", path_, failed);
    if (failed) {
      throw base::Error(base::ExitCode::io, base::Location{path_, 0, 0},
                        "cannot write this table: " + failed.message());
    }
  });
}

void History::flush() {
  communicator_.together([&] {
    if (!communicator_.is_root() || waiting_.empty()) return;
    errno = 0;
    std::ofstream out(path_, std::ios::binary | std::ios::app);
    out << waiting_;
    out.close();
    if (!out) {
      throw base::Error(base::ExitCode::io, base::Location{path_, 0, 0},
                        fmt::format("cannot write this table: {}", std::strerror(errno)));
    }
  });
  waiting_.clear();
}

}  // namespace ritz::run
