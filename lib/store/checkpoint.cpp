#include "ritz/store/checkpoint.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <sstream>
#include <type_traits>

#include "blocks.hpp"
#include "checkpoint_names.hpp"
#include "checkpoint_small.hpp"
#include "codec.hpp"
#include "files.hpp"
#include "hdf5.hpp"
#include "marker.hpp"
#include "ritz/base/crc32c.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/store/checkpoint_reader.hpp"

namespace ritz::store {

namespace {

namespace fs = std::filesystem;
using comm::BlockRange;
using comm::Communicator;

/// Of all ranks' parts in rank order, on every rank. Collective.
Part joined(const Communicator& communicator, const Part& mine) {
  Part whole;
  for (const Part& part : communicator.all_gather(mine)) whole.join(part);
  return whole;
}

template <class T>
Part part_of(std::span<const T> values) {
  return {base::crc32c(std::as_bytes(values)), values.size_bytes()};
}

/// Size and checksum of a file, each rank reading its share. Collective. Throws Error(io) on every
/// rank.
Part whole_file(const Communicator& communicator, const std::string& path) {
  Part mine;
  communicator.together([&] {
    Descriptor file(path, O_RDONLY);
    struct stat facts {};
    if (!file.valid() || ::fstat(file.get(), &facts) != 0)
      throw file_error(path, "cannot read it", errno);
    const BlockRange blocks(facts.st_size, communicator.size());
    std::int64_t at = blocks.begin(communicator.rank());
    const std::int64_t end = blocks.end(communicator.rank());
    std::vector<std::byte> buffer(std::size_t{1} << 22);
    while (at < end) {
      const auto wanted =
          static_cast<std::size_t>(std::min<std::int64_t>(end - at, std::ssize(buffer)));
      const ssize_t n = ::pread(file.get(), buffer.data(), wanted, at);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) throw file_error(path, "cannot read it to its end", n < 0 ? errno : EIO);
      const auto got = static_cast<std::size_t>(n);
      mine.crc = base::crc32c(std::span(buffer).first(got), mine.crc);
      mine.n_bytes += got;
      at += n;
    }
  });
  return joined(communicator, mine);
}

template <class T>
hid_t type_in_memory() {
  if constexpr (std::is_same_v<T, double>)
    return H5T_NATIVE_DOUBLE;
  else {
    static_assert(std::is_same_v<T, std::int32_t>);
    return H5T_NATIVE_INT32;
  }
}

/// Whether a dataset's numbers are these to the bit, in either order of bytes.
template <class T>
bool holds(hid_t type) {
  if (H5Tequal(type, type_in_memory<T>()) > 0) return true;
  return std::is_same_v<T, double> && H5Tequal(type, H5T_IEEE_F64BE) > 0;
}

/// Rows [first, first + n) of a dataset of n_rows rows of `width` numbers. Local. Throws Error(io),
/// also if the dataset has another shape or holds other numbers.
template <class T>
std::vector<T> read_rows(hid_t file, const std::string& path, const std::string& name,
                         GlobalId n_rows, std::size_t width, std::int64_t first, std::size_t n) {
  const std::string action = "read " + name;
  Handle set = checked(H5Dopen2(file, name.c_str(), H5P_DEFAULT), H5Dclose, path, action.c_str());
  Handle space = checked(H5Dget_space(set.get()), H5Sclose, path, action.c_str());
  Handle type = checked(H5Dget_type(set.get()), H5Tclose, path, action.c_str());
  const int n_dims = width == 1 ? 1 : 2;
  hsize_t size[2] = {0, 1};
  const bool fits = H5Sget_simple_extent_ndims(space.get()) == n_dims &&
                    H5Sget_simple_extent_dims(space.get(), size, nullptr) == n_dims &&
                    size[0] == static_cast<hsize_t>(n_rows) && (width == 1 || size[1] == width) &&
                    holds<T>(type.get());
  if (!fits) {
    throw base::Error(base::ExitCode::io, base::Location{path, 0, 0},
                      fmt::format("{} is not the {} x {} numbers that this run has: the file "
                                  "belongs to another problem",
                                  name, n_rows, width));
  }
  std::vector<T> rows(n * width);
  if (rows.empty()) return rows;
  const hsize_t start[2] = {static_cast<hsize_t>(first), 0};
  const hsize_t count[2] = {static_cast<hsize_t>(n), width};
  Handle memory = checked(H5Screate_simple(n_dims, count, nullptr), H5Sclose, path, action.c_str());
  checked(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start, nullptr, count, nullptr), path,
          action.c_str());
  checked(
      H5Dread(set.get(), type_in_memory<T>(), memory.get(), space.get(), H5P_DEFAULT, rows.data()),
      path, action.c_str());
  return rows;
}

std::string read_text(hid_t file, const std::string& path, const std::string& name) {
  const std::string action = "read " + name;
  Handle set = checked(H5Dopen2(file, name.c_str(), H5P_DEFAULT), H5Dclose, path, action.c_str());
  Handle type = checked(H5Dget_type(set.get()), H5Tclose, path, action.c_str());
  std::string text(H5Tget_size(type.get()), '\0');
  checked(H5Dread(set.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, text.data()), path,
          action.c_str());
  // The only text of length one that is empty: HDF5 has none of length zero.
  if (text.size() == 1 && text[0] == '\0') text.clear();
  return text;
}

[[noreturn]] void differs(const std::string& path, const std::string& name) {
  throw base::Error(base::ExitCode::io, base::Location{path, 0, 0},
                    fmt::format("{} does not have the checksum it was written with: the disk, the "
                                "network or the memory damages data",
                                name));
}

/// This rank's block of a dataset, compared with the checksum of the whole. Collective.
template <class T>
std::vector<T> checked_block(const Communicator& communicator, const std::string& path,
                             const std::string& name, GlobalId n_rows, std::size_t width,
                             std::uint32_t crc) {
  std::vector<T> block;
  communicator.together([&] {
    const QuietErrors quiet;
    const Handle file = open_to_read(path);
    const BlockRange blocks(n_rows, communicator.size());
    const std::int64_t first = blocks.begin(communicator.rank());
    block = read_rows<T>(file.get(), path, name, n_rows, width, first,
                         static_cast<std::size_t>(blocks.end(communicator.rank()) - first));
  });
  if (joined(communicator, part_of<T>(block)).crc != crc) differs(path, name);
  return block;
}

}  // namespace

const std::string& Snapshot::fact(const std::string& name) const {
  for (const auto& [one, text] : facts) {
    if (one == name) return text;
  }
  throw base::Error(base::ExitCode::io, "the checkpoint has no entry '" + name + "'");
}

double Snapshot::number(const std::string& name) const {
  for (const auto& [one, value] : numbers) {
    if (one == name) return value;
  }
  throw base::Error(base::ExitCode::io, "the checkpoint has no number '" + name + "'");
}

std::string marker_path(const std::string& path) {
  return fs::path(path).replace_extension(".complete").string();
}

Snapshot read_small(const std::string& path, const Marker& marker) {
  const QuietErrors quiet;
  const Handle file = open_to_read(path);
  const auto text = [&](const std::string& name) {
    std::string content = read_text(file.get(), path, name);
    const std::optional<std::uint32_t> crc = marker.of(name);
    if (!crc || *crc != base::crc32c(std::as_bytes(std::span(content)))) differs(path, name);
    return content;
  };
  Snapshot snapshot;
  const std::string facts = std::string(fact_group) + "/";
  for (const auto& [name, crc] : marker.data) {
    if (name.starts_with(facts)) snapshot.facts.emplace_back(name.substr(facts.size()), text(name));
  }
  std::istringstream numbers(text(number_names)), fields(text(field_names));
  std::string line;
  while (std::getline(numbers, line)) snapshot.numbers.emplace_back(line, 0.0);
  const std::vector<double> values = read_rows<double>(
      file.get(), path, numbers_name, std::ssize(snapshot.numbers), 1, 0, snapshot.numbers.size());
  if (marker.of(numbers_name) != base::crc32c(std::as_bytes(std::span(values))))
    differs(path, numbers_name);
  for (std::size_t i = 0; i < values.size(); ++i) snapshot.numbers[i].second = values[i];
  while (std::getline(fields, line)) {
    Snapshot::Field field;
    const std::size_t space = line.find(' ');
    field.n_components = std::atoi(line.c_str());
    field.name = line.substr(space + 1);
    snapshot.fields.push_back(std::move(field));
  }
  return snapshot;
}

std::string writing_note(const Communicator& communicator, const std::string& path) {
  return agreed_marker(communicator, path).note;
}

Marker agreed_marker(const Communicator& communicator, const std::string& path) {
  std::string text;
  communicator.together([&] {
    if (!communicator.is_root()) return;
    std::string problem;
    const std::optional<Marker> marker = read_marker(path, problem);
    if (!marker) throw base::Error(base::ExitCode::io, base::Location{path, 0, 0}, problem);
    text = text_of(*marker);
  });
  communicator.broadcast(text);
  return *parse_marker(text);
}

std::string size_problem(std::uint64_t n_bytes, const Marker& marker) {
  if (n_bytes == marker.whole.n_bytes) return {};
  return fmt::format("it has {} bytes and was written with {}", n_bytes, marker.whole.n_bytes);
}

std::string whole_problem(const Communicator& communicator, const std::string& path,
                          const Marker& marker) {
  const Part whole = whole_file(communicator, path);
  std::string problem = size_problem(whole.n_bytes, marker);
  if (problem.empty() && whole.crc != marker.whole.crc) problem = damaged;
  return problem;
}

std::string checkpoint_problem(const Communicator& communicator, const std::string& path) {
  try {
    return whole_problem(communicator, path, agreed_marker(communicator, path));
  } catch (const base::Error& error) {
    return error.diagnostics().front().message;
  }
}

void share(const Communicator& communicator, Snapshot& snapshot) {
  const auto all = [&](auto& list, const auto& each) {
    std::uint64_t n = list.size();
    communicator.broadcast(n);
    list.resize(n);
    for (auto& one : list) each(one);
  };
  all(snapshot.facts, [&](auto& fact) {
    communicator.broadcast(fact.first);
    communicator.broadcast(fact.second);
  });
  all(snapshot.numbers, [&](auto& number) {
    communicator.broadcast(number.first);
    communicator.broadcast(number.second);
  });
  all(snapshot.fields, [&](Snapshot::Field& field) {
    communicator.broadcast(field.name);
    communicator.broadcast(field.n_components);
  });
}

Snapshot read_facts(const Communicator& communicator, const std::string& path) {
  const Marker marker = agreed_marker(communicator, path);
  Snapshot snapshot;
  communicator.together([&] {
    if (communicator.is_root()) snapshot = read_small(path, marker);
  });
  share(communicator, snapshot);
  return snapshot;
}

Snapshot read_checkpoint(const Communicator& communicator, const std::string& path,
                         const Rows& nodes) {
  CheckpointReader reader(communicator, path);
  if (!reader.problem().empty())
    throw base::Error(base::ExitCode::io, base::Location{path, 0, 0}, reader.problem());
  Snapshot snapshot = reader.facts();
  reader.choose(nodes);
  for (std::size_t i = 0; i < snapshot.fields.size(); ++i) {
    Snapshot::Field& field = snapshot.fields[i];
    communicator.together([&] {
      field.values.resize(nodes.ids.size() * static_cast<std::size_t>(field.n_components));
    });
    reader.take(i, field.values);
  }
  return snapshot;
}

std::vector<std::int32_t> read_cell_ranks(const Communicator& communicator, const std::string& path,
                                          const Rows& cells) {
  const Marker marker = agreed_marker(communicator, path);
  const std::vector<std::int32_t> block = checked_block<std::int32_t>(
      communicator, path, cell_rank_name, cells.n_global, 1, marker.of(cell_rank_name).value_or(0));
  return from_blocks<std::int32_t>(communicator, cells.n_global, cells.ids, block, 1);
}

}  // namespace ritz::store
