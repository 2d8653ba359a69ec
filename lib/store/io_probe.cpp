#include "ritz/store/io_probe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <span>
#include <vector>

#include "hdf5.hpp"
#include "ritz/base/format.hpp"
#include "writer.hpp"

namespace ritz::store {

namespace {

constexpr const char* set_name = "/numbers";

/// Exact on every machine, no two neighbours alike, and as smooth as a field.
double number(std::int64_t i) {
  return 0.5 * static_cast<double>(i) + 0.0078125 * static_cast<double>(i % 97);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void sync(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  const bool good = file >= 0 && ::fsync(file) == 0;
  const int why = errno;
  if (file >= 0) ::close(file);
  if (!good) {
    throw base::Error(base::ExitCode::io, base::Location{path, 0, 0},
                      std::string("cannot flush it to the disk: ") + std::strerror(why));
  }
}

void compare(const std::string& path, std::int64_t first, std::int64_t n) {
  const QuietErrors quiet;
  const Handle file = open_to_read(path);
  const Handle set =
      checked(H5Dopen2(file.get(), set_name, H5P_DEFAULT), H5Dclose, path, "open the numbers");
  // In pieces, so that only one copy of the numbers is held.
  constexpr std::int64_t piece = std::int64_t{1} << 20;
  std::vector<double> values;
  for (std::int64_t at = first; at < first + n; at += piece) {
    const hsize_t start = static_cast<hsize_t>(at);
    const hsize_t count = static_cast<hsize_t>(std::min(piece, first + n - at));
    values.resize(count);
    const Handle space = checked(H5Dget_space(set.get()), H5Sclose, path, "read the numbers");
    const Handle memory =
        checked(H5Screate_simple(1, &count, nullptr), H5Sclose, path, "read the numbers");
    checked(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, &start, nullptr, &count, nullptr),
            path, "read the numbers");
    checked(H5Dread(set.get(), H5T_NATIVE_DOUBLE, memory.get(), space.get(), H5P_DEFAULT,
                    values.data()),
            path, "read the numbers");
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double expected = number(at + static_cast<std::int64_t>(i));
      if (std::memcmp(&values[i], &expected, sizeof expected) == 0) continue;
      throw base::Error(base::ExitCode::io, base::Location{path, 0, 0},
                        fmt::format("number {} reads back as {} and was written as {}",
                                    at + static_cast<std::int64_t>(i), values[i], expected));
    }
  }
}

}  // namespace

IoFigures probe_io(const comm::Communicator& communicator, const std::string& path, double bytes,
                   int compression) {
  IoFigures figures;
  const auto n_all = std::max<std::int64_t>(1, static_cast<std::int64_t>(bytes / sizeof(double)));
  const comm::BlockRange blocks(n_all, communicator.size());
  const auto begin = blocks.begin(communicator.rank());
  const auto n = static_cast<std::size_t>(blocks.end(communicator.rank()) - begin);
  std::vector<double> values(n);
  for (std::size_t i = 0; i < n; ++i) values[i] = number(begin + static_cast<std::int64_t>(i));
  figures.bytes = static_cast<double>(n_all) * sizeof(double);

  communicator.barrier();
  auto start = std::chrono::steady_clock::now();
  {
    Writer writer(communicator, path, compression);
    writer.dataset<double>(set_name, n_all, 1, begin, [&] { return std::move(values); });
    writer.close();
  }
  figures.write_seconds = communicator.max(seconds_since(start));
  start = std::chrono::steady_clock::now();
  communicator.together([&] { sync(path); });
  figures.sync_seconds = communicator.max(seconds_since(start));
  communicator.together([&] {
    if (communicator.is_root())
      figures.file_bytes = static_cast<double>(std::filesystem::file_size(path));
  });
  communicator.broadcast(figures.file_bytes);

  const int next = (communicator.rank() + 1) % communicator.size();
  communicator.barrier();
  start = std::chrono::steady_clock::now();
  communicator.together(
      [&] { compare(path, blocks.begin(next), blocks.end(next) - blocks.begin(next)); });
  figures.read_seconds = communicator.max(seconds_since(start));
  return figures;
}

bool hdf5_is_broken() {
  return is_broken;
}

long n_open_ids() {
  return static_cast<long>(H5Fget_obj_count(static_cast<hid_t>(H5F_OBJ_ALL), H5F_OBJ_ALL));
}

}  // namespace ritz::store
