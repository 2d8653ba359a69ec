#include "ritz/store/result_blocks.hpp"

#include <algorithm>
#include <cstdlib>
#include <type_traits>

#include "hdf5.hpp"
#include "ritz/base/format.hpp"
#include "ritz/store/results.hpp"

namespace ritz::store {

namespace {

using comm::BlockRange;
using comm::Communicator;

/// Rows of a dataset; `width` of the second dimension has to fit. Local. Throws Error(io).
GlobalId rows_of(hid_t set, const std::string& path, const std::string& name, std::size_t width) {
  Handle space = checked(H5Dget_space(set), H5Sclose, path, "look at a dataset");
  const int n_dims = H5Sget_simple_extent_ndims(space.get());
  hsize_t size[2] = {0, 1};
  if (n_dims < 1 || n_dims > 2 || H5Sget_simple_extent_dims(space.get(), size, nullptr) != n_dims ||
      (width > 0 && size[1] != width)) {
    throw base::Error(base::ExitCode::io, base::Location{path, 0, 0},
                      fmt::format("{} has another shape than Ritz writes", name));
  }
  return static_cast<GlobalId>(size[0]);
}

Handle open_set(hid_t file, const std::string& path, const std::string& name) {
  return checked(H5Dopen2(file, name.c_str(), H5P_DEFAULT), H5Dclose, path,
                 ("open " + name).c_str());
}

/// This rank's block of a dataset of n_rows rows. Collective. Throws Error(io) on every rank.
template <class T>
std::vector<T> read_block(const Communicator& communicator, const std::string& path,
                          const std::string& name, GlobalId n_rows, std::size_t width) {
  static_assert(std::is_same_v<T, double> || std::is_same_v<T, std::int64_t>);
  std::vector<T> block;
  communicator.together([&] {
    const QuietErrors quiet;
    const Handle file = open_to_read(path);
    const Handle set = open_set(file.get(), path, name);
    if (const GlobalId n = rows_of(set.get(), path, name, width); n != n_rows) {
      throw base::Error(base::ExitCode::io, base::Location{path, 0, 0},
                        fmt::format("{} has {} rows instead of {}", name, n, n_rows));
    }
    const BlockRange blocks(n_rows, communicator.size());
    const std::int64_t first = blocks.begin(communicator.rank());
    const std::int64_t n = blocks.end(communicator.rank()) - first;
    block.resize(static_cast<std::size_t>(n) * width);
    if (block.empty()) return;
    const int n_dims = width == 1 ? 1 : 2;
    const hsize_t start[2] = {static_cast<hsize_t>(first), 0};
    const hsize_t count[2] = {static_cast<hsize_t>(n), width};
    const std::string action = "read " + name;
    Handle space = checked(H5Dget_space(set.get()), H5Sclose, path, action.c_str());
    Handle memory =
        checked(H5Screate_simple(n_dims, count, nullptr), H5Sclose, path, action.c_str());
    checked(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start, nullptr, count, nullptr), path,
            action.c_str());
    const hid_t type = std::is_same_v<T, double> ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT64;
    checked(H5Dread(set.get(), type, memory.get(), space.get(), H5P_DEFAULT, block.data()), path,
            action.c_str());
  });
  return block;
}

herr_t add_name(hid_t, const char* name, const H5L_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

ResultContents look(const std::string& path) {
  const QuietErrors quiet;
  ResultContents contents;
  const Handle file = open_to_read(path);
  if (H5Lexists(file.get(), "/VTKHDF", H5P_DEFAULT) <= 0 ||
      H5Lexists(file.get(), "/ritz", H5P_DEFAULT) <= 0) {
    throw base::Error(base::ExitCode::io, base::Location{path, 0, 0},
                      "this is no result file of Ritz (there is no /VTKHDF or no /ritz in it)");
  }
  const auto rows = [&](const std::string& name, std::size_t width) {
    const Handle set = open_set(file.get(), path, name);
    return rows_of(set.get(), path, name, width);
  };
  contents.n_points = rows("/VTKHDF/Points", 3);
  contents.n_cells = rows("/VTKHDF/Types", 1);
  contents.n_connectivity = rows("/VTKHDF/Connectivity", 1);
  const Handle group = checked(H5Gopen2(file.get(), "/VTKHDF/PointData", H5P_DEFAULT), H5Gclose,
                               path, "open /VTKHDF/PointData");
  hsize_t index = 0;
  checked(H5Literate(group.get(), H5_INDEX_NAME, H5_ITER_INC, &index, add_name, &contents.fields),
          path, "list the fields");
  const Handle origin = checked(H5Gopen2(file.get(), "/ritz/provenance", H5P_DEFAULT), H5Gclose,
                                path, "find /ritz/provenance");
  const auto has = [&](const char* name) {
    return H5Aexists(origin.get(), name) > 0 || H5Lexists(origin.get(), name, H5P_DEFAULT) > 0;
  };
  if (has("time")) contents.time = std::strtod(read_provenance(path, "time").c_str(), nullptr);
  if (has("deck")) contents.deck = read_provenance(path, "deck");
  return contents;
}

}  // namespace

ResultContents read_result_contents(const Communicator& communicator, const std::string& path) {
  ResultContents contents;
  communicator.together([&] {
    if (communicator.is_root()) contents = look(path);
  });
  for (GlobalId* one : {&contents.n_points, &contents.n_cells, &contents.n_connectivity})
    communicator.broadcast(*one);
  std::uint64_t n = contents.fields.size();
  communicator.broadcast(n);
  contents.fields.resize(n);
  for (std::string& field : contents.fields) communicator.broadcast(field);
  std::uint8_t has_time = contents.time ? 1 : 0;
  double time = contents.time.value_or(0.0);
  communicator.broadcast(has_time);
  communicator.broadcast(time);
  if (has_time) contents.time = time;
  communicator.broadcast(contents.deck);
  return contents;
}

std::vector<double> read_result_points(const Communicator& communicator, const std::string& path,
                                       const ResultContents& contents) {
  return read_block<double>(communicator, path, "/VTKHDF/Points", contents.n_points, 3);
}

std::vector<double> read_result_field(const Communicator& communicator, const std::string& path,
                                      const ResultContents& contents, const std::string& field) {
  return read_block<double>(communicator, path, "/VTKHDF/PointData/" + field, contents.n_points, 1);
}

std::vector<std::int64_t> read_result_types(const Communicator& communicator,
                                            const std::string& path,
                                            const ResultContents& contents) {
  return read_block<std::int64_t>(communicator, path, "/VTKHDF/Types", contents.n_cells, 1);
}

std::vector<std::int64_t> read_result_connectivity(const Communicator& communicator,
                                                   const std::string& path,
                                                   const ResultContents& contents) {
  return read_block<std::int64_t>(communicator, path, "/VTKHDF/Connectivity",
                                  contents.n_connectivity, 1);
}

GlobalId read_checkpoint_nodes(const Communicator& communicator, const std::string& path,
                               const std::string& field) {
  GlobalId n = 0;
  communicator.together([&] {
    if (!communicator.is_root()) return;
    const QuietErrors quiet;
    const Handle file = open_to_read(path);
    const std::string name = "/ritz/state/fields/" + field;
    const Handle set = open_set(file.get(), path, name);
    n = rows_of(set.get(), path, name, 0);
  });
  communicator.broadcast(n);
  return n;
}

}  // namespace ritz::store
