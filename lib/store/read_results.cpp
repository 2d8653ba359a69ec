#include "ritz/store/read_results.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>

#include "blocks.hpp"
#include "hdf5.hpp"
#include "ritz/base/crc32c.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"
#include "ritz/store/results.hpp"
#include "vtk_cells.hpp"

namespace ritz::store {

namespace {

using comm::BlockRange;
using comm::Communicator;
using mesh::CellType;

template <class T>
hid_t memory_type();
template <>
hid_t memory_type<double>() {
  return H5T_NATIVE_DOUBLE;
}
template <>
hid_t memory_type<GlobalId>() {
  return H5T_NATIVE_INT64;
}

/// One open file; everything local, errors with what HDF5 says.
class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {
    std::error_code unknown;
    if (!std::filesystem::exists(path, unknown)) throw refusal("there is no such file");
    file_ = open_to_read(path, "open the file (is it an HDF5 file, and complete?)");
  }

  [[nodiscard]] base::Error refusal(const std::string& why) const {
    return {base::ExitCode::io, base::Location{path_, 0, 0}, why};
  }

  [[nodiscard]] bool has(const std::string& name) const {
    // Every group on the way is asked for, as HDF5 wants it.
    for (std::size_t slash = name.find('/', 1);; slash = name.find('/', slash + 1)) {
      if (H5Lexists(file_.get(), name.substr(0, slash).c_str(), H5P_DEFAULT) <= 0) return false;
      if (slash == std::string::npos) return true;
    }
  }

  [[nodiscard]] std::string text_attribute(const std::string& object,
                                           const std::string& name) const {
    const Handle attribute = checked(
        H5Aopen_by_name(file_.get(), object.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT),
        H5Aclose, path_, fmt::format("find the attribute {} of {}", name, object).c_str());
    const Handle type = checked(H5Aget_type(attribute.get()), H5Tclose, path_, "read a type");
    if (H5Tget_class(type.get()) != H5T_STRING) return {};
    if (H5Tis_variable_str(type.get()) > 0) {
      const Handle memory = checked(H5Tcopy(H5T_C_S1), H5Tclose, path_, "make a type");
      checked(H5Tset_size(memory.get(), H5T_VARIABLE), path_, "make a type");
      checked(H5Tset_cset(memory.get(), H5Tget_cset(type.get())), path_, "make a type");
      char* content = nullptr;
      checked(H5Aread(attribute.get(), memory.get(), static_cast<void*>(&content)), path_,
              "read an attribute");
      std::string result = content == nullptr ? "" : content;
      H5free_memory(content);
      return result;
    }
    std::string result(H5Tget_size(type.get()), '\0');
    checked(H5Aread(attribute.get(), type.get(), result.data()), path_, "read an attribute");
    return result.substr(0, result.find('\0'));
  }

  [[nodiscard]] Handle open(const std::string& name) const {
    if (!has(name)) throw refusal(fmt::format("{} is missing in this file", name));
    return checked(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT), H5Dclose, path_,
                   ("open " + name).c_str());
  }

  /// Lengths of a dataset of numbers.
  [[nodiscard]] std::vector<hsize_t> shape(const std::string& name) const {
    const Handle set = open(name);
    const Handle type = checked(H5Dget_type(set.get()), H5Tclose, path_, "read a type");
    const H5T_class_t kind = H5Tget_class(type.get());
    if (kind != H5T_FLOAT && kind != H5T_INTEGER)
      throw refusal(fmt::format("{} does not hold numbers", name));
    const Handle space = checked(H5Dget_space(set.get()), H5Sclose, path_, "read a shape");
    const int rank = H5Sget_simple_extent_ndims(space.get());
    std::vector<hsize_t> lengths(static_cast<std::size_t>(std::max(rank, 0)));
    if (rank > 0)
      checked(static_cast<herr_t>(H5Sget_simple_extent_dims(space.get(), lengths.data(), nullptr)),
              path_, "read a shape");
    return lengths;
  }

  /// Rows [first, first + n) of `width` numbers.
  template <class T>
  [[nodiscard]] std::vector<T> rows(const std::string& name, std::int64_t first, std::int64_t n,
                                    std::size_t width) const {
    const std::vector<hsize_t> lengths = shape(name);
    std::size_t per_row = 1;
    for (std::size_t i = 1; i < lengths.size(); ++i) per_row *= lengths[i];
    if (lengths.empty() || lengths.size() > 2 || per_row != width ||
        lengths[0] < static_cast<hsize_t>(first + n)) {
      throw refusal(fmt::format("{} does not have the shape that the file's counts ask for", name));
    }
    std::vector<T> result(static_cast<std::size_t>(n) * width);
    if (n == 0) return result;
    const Handle set = open(name);
    const Handle space = checked(H5Dget_space(set.get()), H5Sclose, path_, "read a shape");
    const std::array<hsize_t, 2> start{static_cast<hsize_t>(first), 0};
    const std::array<hsize_t, 2> count{static_cast<hsize_t>(n), width};
    checked(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(),
                                nullptr),
            path_, "select rows");
    const hsize_t n_all = result.size();
    const Handle memory =
        checked(H5Screate_simple(1, &n_all, nullptr), H5Sclose, path_, "make a shape");
    checked(
        H5Dread(set.get(), memory_type<T>(), memory.get(), space.get(), H5P_DEFAULT, result.data()),
        path_, ("read " + name).c_str());
    return result;
  }

  /// A count of a file of one piece.
  [[nodiscard]] GlobalId count(const std::string& name) const {
    const std::vector<hsize_t> lengths = shape(name);
    if (lengths.size() != 1 || lengths[0] != 1) {
      throw refusal(fmt::format("{} has {} entries: only files of one piece and one time are read",
                                name, lengths.empty() ? 0 : lengths[0]));
    }
    const GlobalId value = rows<GlobalId>(name, 0, 1, 1).front();
    if (value < 0) throw refusal(fmt::format("{} is {}", name, value));
    return value;
  }

  [[nodiscard]] std::vector<std::string> names_in(const std::string& group) const {
    const Handle open_group = checked(H5Gopen2(file_.get(), group.c_str(), H5P_DEFAULT), H5Gclose,
                                      path_, ("open " + group).c_str());
    H5G_info_t info{};
    checked(H5Gget_info(open_group.get(), &info), path_, "list a group");
    std::vector<std::string> names;
    for (hsize_t i = 0; i < info.nlinks; ++i) {
      const auto by_index = [&](char* to, std::size_t n) {
        return H5Lget_name_by_idx(open_group.get(), ".", H5_INDEX_NAME, H5_ITER_INC, i, to, n,
                                  H5P_DEFAULT);
      };
      const ssize_t length = by_index(nullptr, 0);
      if (length < 0) throw failure(path_, "list a group", error_stack());
      std::string name(static_cast<std::size_t>(length) + 1, '\0');
      static_cast<void>(by_index(name.data(), name.size()));
      name.pop_back();
      names.push_back(std::move(name));
    }
    return names;
  }

 private:
  QuietErrors quiet_;
  std::string path_;
  Handle file_;
};

struct VtkCell {
  CellType type;
  bool is_linear;
};

std::optional<VtkCell> vtk_cell(GlobalId number) {
  for (const CellType type :
       {CellType::line, CellType::tri, CellType::quad, CellType::tet, CellType::hex}) {
    if (number == vtk_type(type, 1)) return VtkCell{type, true};
    if (number == vtk_type(type, 2)) return VtkCell{type, false};
  }
  return std::nullopt;
}

int highest_order(CellType type) {
  return mesh::is_simplex(type) ? 3 : 8;
}

}  // namespace

ResultsFacts read_facts_of_results(const Communicator& communicator, const std::string& path) {
  ResultsFacts facts;
  communicator.together([&] {
    const Reader file(path);
    if (!file.has("/VTKHDF")) {
      throw file.refusal(file.has("/ritz/state") ? "this is a checkpoint, not a file of results"
                                                 : "this is not a VTKHDF file: /VTKHDF is missing");
    }
    const std::string type = file.text_attribute("/VTKHDF", "Type");
    if (type != "UnstructuredGrid") {
      throw file.refusal(
          fmt::format("the file holds '{}'; only an UnstructuredGrid is read", type));
    }
    if (file.has("/VTKHDF/Steps"))
      throw file.refusal("the file holds several times; only files of one time are read");
    facts.n_points = file.count("/VTKHDF/NumberOfPoints");
    facts.n_cells = file.count("/VTKHDF/NumberOfCells");
    const GlobalId n_connectivity = file.count("/VTKHDF/NumberOfConnectivityIds");
    if (facts.n_cells == 0) throw file.refusal("there are no cells in this file");
    const GlobalId number = file.rows<GlobalId>("/VTKHDF/Types", 0, 1, 1).front();
    const auto cell = vtk_cell(number);
    if (!cell) throw file.refusal(fmt::format("cells of VTK's type {} are not read", number));
    facts.cell_type = cell->type;
    const GlobalId per_cell = n_connectivity / facts.n_cells;
    facts.order = 1;
    while (!cell->is_linear && facts.order < highest_order(cell->type) &&
           mesh::n_lattice_points(cell->type, facts.order) < per_cell)
      ++facts.order;
    if (mesh::n_lattice_points(cell->type, facts.order) * facts.n_cells != n_connectivity) {
      throw file.refusal(fmt::format(
          "{} cells with {} points in all: only cells of one type and "
          "order are read (order {} at most of {} cells)",
          facts.n_cells, n_connectivity, highest_order(cell->type), mesh::table(cell->type).name));
    }
    if (file.has("/VTKHDF/PointData")) {
      for (const std::string& name : file.names_in("/VTKHDF/PointData")) {
        const std::vector<hsize_t> lengths = file.shape("/VTKHDF/PointData/" + name);
        facts.fields.push_back({name, lengths.size() > 1 ? static_cast<int>(lengths[1]) : 1});
      }
    }
    if (file.has("/ritz/provenance")) {
      // Of steady problems there is none.
      try {
        const std::string text = read_provenance(path, "time");
        double time = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), time);
        if (error == std::errc() && end == text.data() + text.size()) facts.time = time;
      } catch (const base::Error&) {
        facts.time.reset();
      }
    }
  });
  return facts;
}

fem::CellFunctions read_cell_functions(const Communicator& communicator, const std::string& path,
                                       const ResultsFacts& facts,
                                       const std::vector<std::string>& fields) {
  const auto dimension = static_cast<std::size_t>(mesh::table(facts.cell_type).dimension);
  const std::vector<int> permutation = vtk_order(facts.cell_type, facts.order);
  const std::size_t per_cell = permutation.size();
  const std::size_t width = dimension + fields.size();
  fem::CellFunctions cells;
  cells.cell_type = facts.cell_type;
  cells.geometry_order = facts.order;
  cells.element = fem::Element(facts.cell_type, facts.order, true);
  cells.n_functions = static_cast<int>(fields.size());

  std::vector<double> block;           // [points of this rank's block][width]
  std::vector<GlobalId> connectivity;  // [cells][per_cell] in VTK's order
  std::vector<GlobalId> wanted;        // points of the cells, each once
  communicator.together([&] {
    const Reader file(path);
    for (const std::string& name : fields) {
      const auto found = std::find_if(facts.fields.begin(), facts.fields.end(),
                                      [&](const auto& field) { return field.name == name; });
      if (found == facts.fields.end()) {
        std::vector<std::string> names;
        for (const auto& field : facts.fields) names.push_back(field.name);
        const auto near = base::nearest(name, names);
        throw file.refusal(fmt::format("there is no field '{}'{} fields of the file: {}", name,
                                       near ? fmt::format("; did you mean '{}'?", *near) : ";",
                                       base::list(names)));
      }
      if (found->n_components != 1) {
        throw file.refusal(
            fmt::format("the field '{}' has {} components (must be 1)", name, found->n_components));
      }
    }
    const BlockRange points(facts.n_points, communicator.size());
    const std::int64_t first = points.begin(communicator.rank());
    const std::int64_t n = points.end(communicator.rank()) - first;
    const std::vector<double> places = file.rows<double>("/VTKHDF/Points", first, n, 3);
    block.resize(static_cast<std::size_t>(n) * width);
    for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
      for (std::size_t c = 0; c < 3; ++c) {
        const double x = places[3 * i + c];
        if (!std::isfinite(x))
          throw file.refusal(fmt::format("point {} is not at a finite place",
                                         first + static_cast<std::int64_t>(i)));
        if (c < dimension) {
          block[i * width + c] = x;
        } else if (x != 0.0) {
          throw file.refusal(
              fmt::format("the {} cells of this file do not lie in {} dimension{}: "
                          "{} = {:g} at point {}",
                          mesh::table(facts.cell_type).name, dimension, dimension == 1 ? "" : "s",
                          "xyz"[c], x, first + static_cast<std::int64_t>(i)));
        }
      }
    }
    for (std::size_t f = 0; f < fields.size(); ++f) {
      const std::vector<double> values =
          file.rows<double>("/VTKHDF/PointData/" + fields[f], first, n, 1);
      for (std::size_t i = 0; i < values.size(); ++i) block[i * width + dimension + f] = values[i];
    }
    const BlockRange cell_blocks(facts.n_cells, communicator.size());
    const std::int64_t first_cell = cell_blocks.begin(communicator.rank());
    const std::int64_t n_cells = cell_blocks.end(communicator.rank()) - first_cell;
    const auto k = static_cast<std::int64_t>(per_cell);
    const std::vector<GlobalId> types =
        file.rows<GlobalId>("/VTKHDF/Types", first_cell, n_cells, 1);
    const std::vector<GlobalId> offsets =
        file.rows<GlobalId>("/VTKHDF/Offsets", first_cell, n_cells + 1, 1);
    const std::uint8_t type = vtk_type(facts.cell_type, facts.order);
    for (std::size_t i = 0; i < types.size(); ++i) {
      const std::int64_t cell = first_cell + static_cast<std::int64_t>(i);
      cells.ids.push_back(cell);
      const bool is_linear_lagrange = facts.order == 1 && types[i] == vtk_type(facts.cell_type, 2);
      if (types[i] != type && !is_linear_lagrange)
        throw file.refusal(
            fmt::format("cell {} has VTK's type {}, others {}: only cells of one "
                        "type are read",
                        cell, types[i], type));
      if (offsets[i] != cell * k || offsets[i + 1] != (cell + 1) * k)
        throw file.refusal(fmt::format("cell {} does not have {} points as the others", cell, k));
    }
    connectivity = file.rows<GlobalId>("/VTKHDF/Connectivity", first_cell * k, n_cells * k, 1);
    for (const GlobalId point : connectivity) {
      if (point < 0 || point >= facts.n_points)
        throw file.refusal(
            fmt::format("a cell has point {} and there are {}", point, facts.n_points));
    }
    wanted = connectivity;
    std::sort(wanted.begin(), wanted.end());
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  });
  const std::vector<double> rows =
      from_blocks<double>(communicator, facts.n_points, wanted, block, width);
  communicator.together([&] {
    cells.coordinates.resize(cells.n_cells() * per_cell * dimension);
    cells.values.resize(cells.n_cells() * fields.size() * per_cell);
    for (std::size_t cell = 0; cell < cells.n_cells(); ++cell) {
      for (std::size_t i = 0; i < per_cell; ++i) {
        const auto at = static_cast<std::size_t>(
            std::lower_bound(wanted.begin(), wanted.end(), connectivity[cell * per_cell + i]) -
            wanted.begin());
        const auto ours = static_cast<std::size_t>(permutation[i]);
        for (std::size_t c = 0; c < dimension; ++c)
          cells.coordinates[(cell * per_cell + ours) * dimension + c] = rows[at * width + c];
        for (std::size_t f = 0; f < fields.size(); ++f)
          cells.values[(cell * fields.size() + f) * per_cell + ours] =
              rows[at * width + dimension + f];
      }
    }
  });
  fem::lower_geometry_order(communicator, cells);
  return cells;
}

std::string file_identity(const Communicator& communicator, const std::string& path) {
  struct Part {
    std::uint32_t crc = 0;
    std::uint64_t n_bytes = 0;
  } mine;
  communicator.together([&] {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    const auto refusal = [&] {
      return base::Error(base::ExitCode::io, base::Location{path, 0, 0}, "cannot read this file");
    };
    if (!file) throw refusal();
    const BlockRange blocks(file.tellg(), communicator.size());
    const std::int64_t end = blocks.end(communicator.rank());
    file.seekg(blocks.begin(communicator.rank()));
    std::vector<char> buffer(std::size_t{1} << 22);
    for (std::int64_t at = blocks.begin(communicator.rank()); at < end;) {
      const std::int64_t n = std::min<std::int64_t>(end - at, std::ssize(buffer));
      if (!file.read(buffer.data(), n)) throw refusal();
      const auto piece = std::span(buffer).first(static_cast<std::size_t>(n));
      mine.crc = base::crc32c(std::as_bytes(piece), mine.crc);
      mine.n_bytes += static_cast<std::uint64_t>(n);
      at += n;
    }
  });
  Part whole;
  for (const Part& part : communicator.all_gather(mine)) {
    whole.crc = base::crc32c_joined(whole.crc, part.crc, part.n_bytes);
    whole.n_bytes += part.n_bytes;
  }
  return fmt::format("{} bytes, CRC-32C {:08x}", whole.n_bytes, whole.crc);
}

}  // namespace ritz::store
