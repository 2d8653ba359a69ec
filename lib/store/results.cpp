#include "ritz/store/results.hpp"

#include "ritz/base/format.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "blocks.hpp"
#include "hdf5.hpp"
#include "provenance.hpp"
#include "ritz/base/fault.hpp"
#include "vtk_cells.hpp"
#include "writer.hpp"

namespace ritz::store {

namespace {

using comm::BlockRange;
using comm::Communicator;

template <class T>
std::vector<T> column(const std::vector<T>& rows, std::size_t width, std::size_t from,
                      std::size_t n) {
  std::vector<T> result;
  result.reserve(rows.size() / width * n);
  for (std::size_t at = from; at < rows.size(); at += width) {
    result.insert(result.end(), rows.begin() + static_cast<std::ptrdiff_t>(at),
                  rows.begin() + static_cast<std::ptrdiff_t>(at + n));
  }
  return result;
}

constexpr const char* region_name = "/VTKHDF/CellData/region";

/// Opens the file of a part under the name PATH.part, with what VTK's reader asks for first.
class GridFile {
 public:
  GridFile(const std::string& path, const MeshPart& part, int compression)
      : path_(path),
        part_(part),
        communicator_(part.mesh().communicator),
        writer_(communicator_, path + ".part", compression) {
    writer_.group("/VTKHDF");
    writer_.attribute("/VTKHDF", "Version", std::vector<std::int64_t>{1, 0});
    writer_.attribute("/VTKHDF", "Type", "UnstructuredGrid");
    number("/VTKHDF/NumberOfPoints", part.n_points());
    number("/VTKHDF/NumberOfCells", part.n_cells());
    number("/VTKHDF/NumberOfConnectivityIds",
           part.n_cells() * static_cast<GlobalId>(part.points_per_cell()));
    writer_.group("/VTKHDF/PointData");
    writer_.group("/VTKHDF/CellData");
  }

  /// Rows of this rank's points in the order of the file.
  [[nodiscard]] std::vector<double> in_blocks(const std::vector<double>& rows,
                                              std::size_t width) const {
    return to_blocks<double>(communicator_, part_.n_points(), part_.point_ids(), rows, width);
  }

  /// Points and cells; without them only which rank had a cell, as that may change while the mesh
  /// stays.
  void cells(bool with_mesh) {
    const std::size_t per_cell = part_.points_per_cell(), width = per_cell + 2;
    const std::vector<GlobalId> block = to_blocks<GlobalId>(
        communicator_, part_.n_cells(), part_.cell_ids(), part_.cell_rows(), width);
    const std::int64_t first =
        BlockRange(part_.n_cells(), communicator_.size()).begin(communicator_.rank());
    const auto small = [&](std::size_t from) {
      const std::vector<GlobalId> numbers = column(block, width, from, 1);
      return std::vector<std::int32_t>(numbers.begin(), numbers.end());
    };
    writer_.dataset<std::int32_t>("/VTKHDF/CellData/partition", part_.n_cells(), 1, first,
                                  [&] { return small(1); });
    if (!with_mesh) return;
    std::vector<double> places;
    communicator_.together([&] { places = part_.coordinates(); });
    const std::vector<double> points = in_blocks(places, 3);
    writer_.dataset<double>("/VTKHDF/Points", part_.n_points(), 3, first_point(),
                            [&] { return points; });
    const std::size_t n_mine = block.size() / width;
    const auto k = static_cast<GlobalId>(per_cell);
    writer_.dataset<GlobalId>("/VTKHDF/Connectivity", part_.n_cells() * k, 1, first * k,
                              [&] { return column(block, width, 2, per_cell); });
    writer_.dataset<GlobalId>("/VTKHDF/Offsets", part_.n_cells() + 1, 1, first, [&] {
      std::vector<GlobalId> offsets;
      for (std::size_t c = 0; c < n_mine; ++c)
        offsets.push_back((first + static_cast<GlobalId>(c)) * k);
      // One more offset than cells: the last rank with cells adds the end, of no cells the root.
      const std::int64_t last = first + static_cast<std::int64_t>(n_mine);
      const bool adds =
          part_.n_cells() == 0 ? communicator_.is_root() : n_mine > 0 && last == part_.n_cells();
      if (adds) offsets.push_back(last * k);
      return offsets;
    });
    writer_.dataset<std::uint8_t>("/VTKHDF/Types", part_.n_cells(), 1, first, [&] {
      return std::vector<std::uint8_t>(n_mine, vtk_type(part_.cell_type(), part_.order()));
    });
    writer_.dataset<std::int32_t>(region_name, part_.n_cells(), 1, first, [&] { return small(0); });
  }

  void field(const std::string& name, const std::function<std::vector<double>()>& rows) {
    writer_.dataset<double>("/VTKHDF/PointData/" + name, part_.n_points(), 1, first_point(), rows);
  }

  void link(const char* name, const std::string& file) { writer_.link(name, file, name); }

  WriteReport close(const Provenance& provenance) {
    writer_.group("/ritz");
    writer_.group("/ritz/mesh");
    const auto lines = [](const std::vector<std::string>& names) {
      std::string text;
      for (const std::string& name : names) text += name + '\n';
      return text;
    };
    writer_.attribute("/ritz/mesh", "region_names", lines(part_.mesh().region_names));
    writer_.attribute("/ritz/mesh", "set_names", lines(part_.mesh().set_names));
    write_provenance(writer_, communicator_, provenance);
    writer_.close();
    WriteReport report;
    report.raw_bytes = writer_.raw_bytes();
    communicator_.together([&] {
      if (!communicator_.is_root()) return;
      std::error_code failed;
      report.file_bytes = static_cast<double>(std::filesystem::file_size(path_ + ".part", failed));
      if (!failed) std::filesystem::rename(path_ + ".part", path_, failed);
      if (failed) {
        throw base::Error(base::ExitCode::io, base::Location{path_, 0, 0},
                          "cannot put the finished file in place: " + failed.message());
      }
    });
    communicator_.broadcast(report.file_bytes);
    return report;
  }

 private:
  [[nodiscard]] std::int64_t first_point() const {
    return BlockRange(part_.n_points(), communicator_.size()).begin(communicator_.rank());
  }
  void number(const char* name, GlobalId value) {
    const bool root = communicator_.is_root();
    writer_.dataset<GlobalId>(name, 1, 1, root ? 0 : 1, [&] {
      return root ? std::vector<GlobalId>{value} : std::vector<GlobalId>{};
    });
  }

  std::string path_;
  const MeshPart& part_;
  const Communicator& communicator_;
  Writer writer_;
};

}  // namespace

WriteReport write_results(const std::string& path, const mesh::Mesh& mesh, const fem::Space& space,
                          std::span<const ResultField> fields, const Provenance& provenance,
                          int compression) {
  WriteOptions options;
  options.compression = compression;
  return write_results(path, MeshPart::whole(mesh, space), fields, provenance, options);
}

WriteReport write_results(const std::string& path, const MeshPart& part,
                          std::span<const ResultField> fields, const Provenance& provenance,
                          const WriteOptions& options) {
  base::fault_point("output");
  const Communicator& communicator = part.mesh().communicator;
  const std::size_t width = fields.size();
  std::vector<double> rows;
  communicator.together([&] {
    std::vector<std::span<const double>> functions;
    for (const ResultField& field : fields) {
      if (field.values.size() != static_cast<std::size_t>(part.n_local())) {
        throw base::Error(
            base::ExitCode::internal,
            fmt::format("field '{}' has {} values for {} unknowns; please report this", field.name,
                        field.values.size(), part.n_local()));
      }
      functions.push_back(field.values);
    }
    rows = part.values(functions);
    if (options.relative_precision) round_mantissas(rows, *options.relative_precision);
  });
  GridFile file(path, part, options.compression);
  const std::vector<double> block = width > 0 ? file.in_blocks(rows, width) : std::vector<double>{};
  file.cells(options.mesh_file.empty());
  if (!options.mesh_file.empty()) {
    for (const char* name : {"/VTKHDF/Points", "/VTKHDF/Connectivity", "/VTKHDF/Offsets",
                             "/VTKHDF/Types", region_name})
      file.link(name, options.mesh_file);
  }
  for (std::size_t f = 0; f < width; ++f)
    file.field(fields[f].name, [&] { return column(block, width, f, 1); });
  Provenance entries = provenance;
  if (options.relative_precision)
    entries.emplace_back("relative_precision", fmt::format("{}", *options.relative_precision));
  return file.close(entries);
}

WriteReport write_mesh(const std::string& path, const MeshPart& part, const Provenance& provenance,
                       int compression) {
  GridFile file(path, part, compression);
  file.cells(true);
  return file.close(provenance);
}

void round_mantissas(std::span<double> values, double tolerance) {
  // m bits behind the leading one are right to 2^-(m+1).
  const int bits = std::clamp(static_cast<int>(std::ceil(-std::log2(tolerance))) - 1, 0, 52);
  if (bits == 52) return;
  const int n_dropped = 52 - bits;
  const std::uint64_t half = std::uint64_t{1} << (n_dropped - 1);
  const std::uint64_t mask = ~((std::uint64_t{1} << n_dropped) - 1);
  for (double& value : values) {
    if (!std::isnormal(value)) continue;
    const auto pattern = std::bit_cast<std::uint64_t>(value);
    // A carry out of the mantissa raises the exponent, which is right.
    const auto rounded = std::bit_cast<double>((pattern + half) & mask);
    if (std::isfinite(rounded)) value = rounded;
  }
}

std::string read_provenance(const std::string& path, const std::string& name) {
  const QuietErrors quiet;
  const Handle file = open_to_read(path);
  Handle group = checked(H5Gopen2(file.get(), "/ritz/provenance", H5P_DEFAULT), H5Gclose, path,
                         "find /ritz/provenance (was this file written by Ritz?)");
  std::string text;
  const auto trim = [&] {
    while (!text.empty() && text.back() == '\0') text.pop_back();
  };
  if (H5Aexists(group.get(), name.c_str()) > 0) {
    Handle attribute = checked(H5Aopen(group.get(), name.c_str(), H5P_DEFAULT), H5Aclose, path,
                               "open an attribute");
    Handle type = checked(H5Aget_type(attribute.get()), H5Tclose, path, "read a type");
    text.resize(H5Tget_size(type.get()));
    checked(H5Aread(attribute.get(), type.get(), text.data()), path, "read an attribute");
    trim();
    return text;
  }
  Handle set = checked(H5Dopen2(group.get(), name.c_str(), H5P_DEFAULT), H5Dclose, path,
                       fmt::format("find the provenance entry '{}'", name).c_str());
  Handle type = checked(H5Dget_type(set.get()), H5Tclose, path, "read a type");
  text.resize(H5Tget_size(type.get()));
  checked(H5Dread(set.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, text.data()), path,
          "read a text");
  trim();
  return text;
}

std::string library_version() {
  unsigned major = 0, minor = 0, release = 0;
  checked(H5get_libversion(&major, &minor, &release), "", "ask HDF5 for its version");
  return fmt::format("HDF5 {}.{}.{}, parallel", major, minor, release);
}

}  // namespace ritz::store
