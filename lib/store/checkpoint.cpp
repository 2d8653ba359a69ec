#include "ritz/store/checkpoint.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <type_traits>

#include "blocks.hpp"
#include "hdf5.hpp"
#include "provenance.hpp"
#include "ritz/base/crc32c.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "writer.hpp"

namespace ritz::store {

namespace {

namespace fs = std::filesystem;
using comm::BlockRange;
using comm::Communicator;

constexpr const char* state_group = "/ritz/state";
constexpr const char* field_group = "/ritz/state/fields";
constexpr const char* fact_group = "/ritz/state/facts";
constexpr const char* cell_rank_name = "/ritz/state/cell_rank";
constexpr const char* numbers_name = "/ritz/state/numbers";
constexpr const char* number_names = "/ritz/state/number_names";
constexpr const char* field_names = "/ritz/state/field_names";

std::string field_path(const std::string& name) {
  return std::string(field_group) + "/" + name;
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

base::Error file_error(const std::string& path, const std::string& what, int number) {
  return {base::ExitCode::io, base::Location{path, 0, 0},
          fmt::format("{} ({}); check free space, quota and permissions of its folder", what,
                      std::strerror(number))};
}

/// A POSIX file descriptor.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : id_(::open(path.c_str(), flags, 0644)) {}
  ~Descriptor() {
    if (id_ >= 0) ::close(id_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return id_; }
  [[nodiscard]] bool valid() const { return id_ >= 0; }
  [[nodiscard]] bool close() { return ::close(std::exchange(id_, -1)) == 0; }

 private:
  int id_;
};

/// Everything written to a file or a folder is on the disk. Throws Error(io). Local.
void sync(const std::string& path, bool is_folder) {
  Descriptor file(path, is_folder ? O_RDONLY | O_DIRECTORY : O_RDONLY);
  if (!file.valid()) throw file_error(path, "cannot open it to flush it to the disk", errno);
  // Some network file systems cannot flush folders and say so.
  if (::fsync(file.get()) != 0 && !(is_folder && (errno == EINVAL || errno == EROFS)))
    throw file_error(path, "cannot flush it to the disk", errno);
  if (!file.close()) throw file_error(path, "cannot close it", errno);
}

std::string folder_of(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

/// Checksum of one block of a whole that lies on the ranks in order.
struct Part {
  std::uint32_t crc = 0;
  std::uint64_t n_bytes = 0;
};

/// Of all ranks' parts in rank order, on every rank. Collective.
Part joined(const Communicator& communicator, const Part& mine) {
  Part whole;
  for (const Part& part : communicator.all_gather(mine)) {
    whole.crc = base::crc32c_joined(whole.crc, part.crc, part.n_bytes);
    whole.n_bytes += part.n_bytes;
  }
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

/// What the marker says.
struct Marker {
  std::string file;
  Part whole;
  std::vector<std::pair<std::string, std::uint32_t>> data;  ///< name and CRC of each dataset

  [[nodiscard]] std::optional<std::uint32_t> of(const std::string& name) const {
    for (const auto& [one, crc] : data) {
      if (one == name) return crc;
    }
    return std::nullopt;
  }
};

constexpr const char* marker_head = "ritz checkpoint 1\n";

std::string text_of(const Marker& marker) {
  std::string text = marker_head;
  text += fmt::format("file {}\nbytes {}\ncrc32c {:08x}\n", marker.file, marker.whole.n_bytes,
                      marker.whole.crc);
  for (const auto& [name, crc] : marker.data) text += fmt::format("data {:08x} {}\n", crc, name);
  text += fmt::format("end {:08x}\n", base::crc32c(std::as_bytes(std::span(text))));
  return text;
}

/// Nothing if a byte of it is not as written.
std::optional<Marker> parse_marker(const std::string& text) {
  Marker marker;
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    const std::size_t space = line.find(' ');
    if (space == std::string::npos) return std::nullopt;
    const std::string word = line.substr(0, space), rest = line.substr(space + 1);
    const auto number = [&](auto& to, int base) {
      std::from_chars(rest.data(), rest.data() + rest.size(), to, base);
    };
    if (word == "file") marker.file = rest;
    if (word == "bytes") number(marker.whole.n_bytes, 10);
    if (word == "crc32c") number(marker.whole.crc, 16);
    if (word == "data" && rest.size() > 9) {
      std::uint32_t crc = 0;
      number(crc, 16);
      marker.data.emplace_back(rest.substr(9), crc);
    }
  }
  if (text_of(marker) != text) return std::nullopt;
  return marker;
}

/// Local. Nothing and the reason if there is no good one.
std::optional<Marker> read_marker(const std::string& path, std::string& problem) {
  const std::string name = marker_path(path);
  std::error_code failed;
  if (!fs::exists(name, failed)) {
    problem = failed ? "its completion marker cannot be looked for: " + failed.message()
                     : "it has no completion marker: writing it was interrupted";
    return std::nullopt;
  }
  std::ifstream in(name, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) {
    problem = "its completion marker cannot be read";
    return std::nullopt;
  }
  std::optional<Marker> marker = parse_marker(text.str());
  if (!marker) {
    problem = "its completion marker is damaged";
  } else if (marker->file != fs::path(path).filename().string()) {
    problem = fmt::format("its completion marker belongs to {}", marker->file);
    marker.reset();
  }
  return marker;
}

/// The marker on every rank; throws Error(io) on every rank if it is not good. Collective.
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

Handle open_to_read(const std::string& path) {
  return checked(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose, path,
                 "open the file");
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
                    H5Tequal(type.get(), type_in_memory<T>()) > 0;
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

/// Facts, numbers and the fields' names as texts that broadcast easily. Local, on the root.
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

void remove_old(const std::string& path) {
  const std::string folder = folder_of(path);
  for (const std::string& name : {marker_path(path), path}) {
    std::error_code failed;
    if (fs::remove(name, failed)) sync(folder, true);
    if (failed) throw file_error(name, "cannot remove the old file", failed.value());
  }
}

/// A file of this text that is not there yet, on the disk when this returns. Local.
void write_marker(const std::string& path, const std::string& text) {
  Descriptor file(path, O_CREAT | O_EXCL | O_WRONLY);
  if (!file.valid()) throw file_error(path, "cannot create the completion marker", errno);
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::write(file.get(), text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw file_error(path, "cannot write the completion marker", errno);
    done += static_cast<std::size_t>(n);
  }
  if (::fsync(file.get()) != 0 || !file.close())
    throw file_error(path, "cannot flush the completion marker", errno);
  sync(folder_of(path), true);
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

CheckpointReport write_checkpoint(const std::string& path, const Communicator& communicator,
                                  const Rows& nodes, const Rows& cells, const Snapshot& snapshot,
                                  const Provenance& provenance, int compression) {
  CheckpointReport report;
  const double start = now();
  const bool root = communicator.is_root();
  communicator.together([&] {
    if (root) remove_old(path);
  });

  Marker marker;
  marker.file = fs::path(path).filename().string();
  {
    Writer writer(communicator, path, compression);
    const auto text = [&](const std::string& name, const std::string& content) {
      writer.text(name, content);
      marker.data.emplace_back(name, base::crc32c(std::as_bytes(std::span(content))));
    };
    // One field at a time, so that only one is held twice.
    const auto rows = [&]<class T>(const std::string& name, const Rows& of,
                                   std::span<const T> values, std::size_t width) {
      const std::vector<T> block = to_blocks<T>(communicator, of.n_global, of.ids, values, width);
      marker.data.emplace_back(name, joined(communicator, part_of<T>(block)).crc);
      writer.dataset<T>(name, of.n_global, width,
                        BlockRange(of.n_global, communicator.size()).begin(communicator.rank()),
                        [&] { return block; });
    };
    writer.group("/ritz");
    for (const char* group : {state_group, field_group, fact_group}) writer.group(group);
    for (const auto& [name, content] : snapshot.facts)
      text(std::string(fact_group) + "/" + name, content);
    std::string names, field_list;
    std::vector<double> numbers;
    for (const auto& [name, value] : snapshot.numbers) {
      names += name + '\n';
      numbers.push_back(value);
    }
    for (const Snapshot::Field& field : snapshot.fields)
      field_list += fmt::format("{} {}\n", field.n_components, field.name);
    text(number_names, names);
    text(field_names, field_list);
    marker.data.emplace_back(numbers_name, base::crc32c(std::as_bytes(std::span(numbers))));
    writer.dataset<double>(numbers_name, std::ssize(numbers), 1, root ? 0 : std::ssize(numbers),
                           [&] { return root ? numbers : std::vector<double>(); });
    for (const Snapshot::Field& field : snapshot.fields) {
      rows(field_path(field.name), nodes, std::span<const double>(field.values),
           static_cast<std::size_t>(field.n_components));
    }
    const std::vector<std::int32_t> mine(cells.ids.size(), communicator.rank());
    rows(cell_rank_name, cells, std::span<const std::int32_t>(mine), 1);
    write_provenance(writer, communicator, provenance);
    writer.close();
    report.raw_bytes = writer.raw_bytes();
  }
  // On every rank: what a rank's node holds of the file is on the disk only after its own flush.
  communicator.together([&] { sync(path, false); });
  communicator.together([&] {
    if (root) sync(folder_of(path), true);
  });
  report.write_seconds = communicator.max(now() - start);

  const double written = now();
  communicator.together([&] {
    if (root) static_cast<void>(read_small(path, marker));
  });
  for (const Snapshot::Field& field : snapshot.fields) {
    const std::string name = field_path(field.name);
    static_cast<void>(checked_block<double>(communicator, path, name, nodes.n_global,
                                            static_cast<std::size_t>(field.n_components),
                                            *marker.of(name)));
  }
  static_cast<void>(checked_block<std::int32_t>(communicator, path, cell_rank_name, cells.n_global,
                                                1, *marker.of(cell_rank_name)));
  marker.whole = whole_file(communicator, path);
  report.file_bytes = static_cast<double>(marker.whole.n_bytes);
  report.verify_seconds = communicator.max(now() - written);
  communicator.together([&] {
    if (root) write_marker(marker_path(path), text_of(marker));
  });
  return report;
}

std::string checkpoint_problem(const Communicator& communicator, const std::string& path) {
  try {
    const Marker marker = agreed_marker(communicator, path);
    const Part whole = whole_file(communicator, path);
    if (whole.n_bytes != marker.whole.n_bytes) {
      return fmt::format("it has {} bytes and was written with {}", whole.n_bytes,
                         marker.whole.n_bytes);
    }
    if (whole.crc != marker.whole.crc)
      return "its checksum is not the one it was written with: it has been damaged or changed";
  } catch (const base::Error& error) {
    return error.diagnostics().front().message;
  }
  return {};
}

Snapshot read_facts(const Communicator& communicator, const std::string& path) {
  const Marker marker = agreed_marker(communicator, path);
  Snapshot snapshot;
  communicator.together([&] {
    if (communicator.is_root()) snapshot = read_small(path, marker);
  });
  const auto share = [&](auto& list, const auto& each) {
    std::uint64_t n = list.size();
    communicator.broadcast(n);
    list.resize(n);
    for (auto& one : list) each(one);
  };
  share(snapshot.facts, [&](auto& fact) {
    communicator.broadcast(fact.first);
    communicator.broadcast(fact.second);
  });
  share(snapshot.numbers, [&](auto& number) {
    communicator.broadcast(number.first);
    communicator.broadcast(number.second);
  });
  share(snapshot.fields, [&](Snapshot::Field& field) {
    communicator.broadcast(field.name);
    communicator.broadcast(field.n_components);
  });
  return snapshot;
}

Snapshot read_checkpoint(const Communicator& communicator, const std::string& path,
                         const Rows& nodes) {
  Snapshot snapshot = read_facts(communicator, path);
  const Marker marker = agreed_marker(communicator, path);
  for (Snapshot::Field& field : snapshot.fields) {
    const std::string name = field_path(field.name);
    const auto width = static_cast<std::size_t>(field.n_components);
    const std::vector<double> block = checked_block<double>(
        communicator, path, name, nodes.n_global, width, marker.of(name).value_or(0));
    field.values = from_blocks<double>(communicator, nodes.n_global, nodes.ids, block, width);
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
