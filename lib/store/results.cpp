#include "ritz/store/results.hpp"

#include "ritz/base/format.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "blocks.hpp"
#include "hdf5.hpp"
#include "provenance.hpp"
#include "ritz/base/fault.hpp"
#include "ritz/mesh/geometry.hpp"
#include "ritz/mesh/lattice.hpp"
#include "vtk_cells.hpp"
#include "writer.hpp"

namespace ritz::store {

namespace {

using comm::BlockRange;
using comm::Communicator;

/// Coordinates and field values at the output lattice's points that this rank owns.
struct PointRows {
  std::vector<GlobalId> ids;  // [n]
  std::vector<double> rows;   // [n][3 + n_fields]
  std::size_t width = 3;
};

PointRows point_rows(const mesh::Mesh& mesh, const fem::Space& space, const fem::Space& output,
                     std::span<const ResultField> fields) {
  for (const ResultField& field : fields) {
    if (field.values.size() != static_cast<std::size_t>(space.n_local())) {
      throw base::Error(base::ExitCode::internal,
                        fmt::format("field '{}' has {} values for {} unknowns; please report this",
                                    field.name, field.values.size(), space.n_local()));
    }
  }
  const fem::Element points(mesh.cell_type, output.element.degree(), true);
  const auto n_points = static_cast<std::size_t>(points.n_nodes());
  const auto n_nodes = static_cast<std::size_t>(space.element.n_nodes());
  const auto n_geometry = static_cast<std::size_t>(mesh.nodes_per_cell());
  const auto dimension = static_cast<std::size_t>(mesh.dimension());

  // Basis and geometry functions at the output points of the reference cell, once.
  std::vector<double> basis(n_points * n_nodes), shape(n_points * n_geometry);
  for (std::size_t p = 0; p < n_points; ++p) {
    space.element.values(points.nodes()[p], std::span(basis).subspan(p * n_nodes, n_nodes));
    mesh::shape_values(mesh.cell_type, mesh.geometry_order, points.nodes()[p],
                       std::span(shape).subspan(p * n_geometry, n_geometry));
  }

  PointRows result;
  result.width = 3 + fields.size();
  result.ids.assign(output.dof_gid.begin(), output.dof_gid.begin() + output.n_owned);
  result.rows.assign(static_cast<std::size_t>(output.n_owned) * result.width, 0.0);
  std::vector<bool> done(static_cast<std::size_t>(output.n_owned), false);
  for (LocalId cell = 0; cell < mesh.n_cells_owned; ++cell) {
    const std::span<const LocalId> out_dofs = output.dofs(cell);
    const std::span<const LocalId> dofs = space.dofs(cell);
    for (std::size_t p = 0; p < n_points; ++p) {
      const LocalId point = out_dofs[p];
      if (point >= output.n_owned || done[static_cast<std::size_t>(point)]) continue;
      done[static_cast<std::size_t>(point)] = true;
      double* row = result.rows.data() + static_cast<std::size_t>(point) * result.width;
      for (std::size_t g = 0; g < n_geometry; ++g) {
        const auto node = static_cast<std::size_t>(
            mesh.cell_nodes[static_cast<std::size_t>(cell) * n_geometry + g]);
        for (std::size_t d = 0; d < dimension; ++d) {
          row[d] += shape[p * n_geometry + g] * mesh.node_coordinates[node * dimension + d];
        }
      }
      for (std::size_t f = 0; f < fields.size(); ++f) {
        double value = 0;
        for (std::size_t i = 0; i < n_nodes; ++i) {
          value += basis[p * n_nodes + i] * fields[f].values[static_cast<std::size_t>(dofs[i])];
        }
        row[3 + f] = value;
      }
    }
  }
  return result;
}

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

}  // namespace

WriteReport write_results(const std::string& path, const mesh::Mesh& mesh, const fem::Space& space,
                          std::span<const ResultField> fields, const Provenance& provenance,
                          int compression) {
  base::fault_point("output");
  const Communicator& communicator = mesh.communicator;
  const int order = std::max(space.element.degree(), mesh.geometry_order);
  // A curved mesh with degree 1 needs points that the space does not have; a periodic one needs all
  // the points that share an unknown.
  std::optional<fem::Space> finer;
  if (order != space.element.degree() || mesh.is_periodic())
    finer.emplace(mesh, order, fem::Pairs::apart);
  const fem::Space& output = finer ? *finer : space;

  PointRows points;
  communicator.together([&] { points = point_rows(mesh, space, output, fields); });
  const std::vector<double> point_block =
      to_blocks<double>(communicator, output.n_global, points.ids, points.rows, points.width);

  // Cells: [region, partition, connectivity...] by cell id.
  const std::vector<int> permutation = vtk_order(mesh.cell_type, order);
  const std::size_t cell_width = permutation.size() + 2;
  std::vector<GlobalId> cell_rows, cell_ids;
  communicator.together([&] {
    cell_rows.reserve(static_cast<std::size_t>(mesh.n_cells_owned) * cell_width);
    for (LocalId cell = 0; cell < mesh.n_cells_owned; ++cell) {
      cell_rows.push_back(mesh.cell_region[static_cast<std::size_t>(cell)]);
      cell_rows.push_back(communicator.rank());
      const std::span<const LocalId> dofs = output.dofs(cell);
      for (int position : permutation) {
        cell_rows.push_back(
            output.dof_gid[static_cast<std::size_t>(dofs[static_cast<std::size_t>(position)])]);
      }
    }
    cell_ids.assign(mesh.cell_gid.begin(), mesh.cell_gid.begin() + mesh.n_cells_owned);
  });
  const std::vector<GlobalId> cell_block =
      to_blocks<GlobalId>(communicator, mesh.n_cells_global, cell_ids, cell_rows, cell_width);

  const std::int64_t first_point =
      BlockRange(output.n_global, communicator.size()).begin(communicator.rank());
  const std::int64_t first_cell =
      BlockRange(mesh.n_cells_global, communicator.size()).begin(communicator.rank());
  const std::size_t n_cells_mine = cell_block.size() / cell_width;
  const std::size_t per_cell = permutation.size();

  const std::string part = path + ".part";
  Writer writer(communicator, part, compression);
  writer.group("/VTKHDF");
  writer.attribute("/VTKHDF", "Version", std::vector<std::int64_t>{1, 0});
  writer.attribute("/VTKHDF", "Type", "UnstructuredGrid");
  const bool root = communicator.is_root();
  const auto number = [&](const char* name, GlobalId value) {
    writer.dataset<GlobalId>(name, 1, 1, root ? 0 : 1, [&] {
      return root ? std::vector<GlobalId>{value} : std::vector<GlobalId>{};
    });
  };
  const auto n_connectivity = mesh.n_cells_global * static_cast<GlobalId>(per_cell);
  number("/VTKHDF/NumberOfPoints", output.n_global);
  number("/VTKHDF/NumberOfCells", mesh.n_cells_global);
  number("/VTKHDF/NumberOfConnectivityIds", n_connectivity);
  writer.dataset<double>("/VTKHDF/Points", output.n_global, 3, first_point,
                         [&] { return column(point_block, points.width, 0, 3); });
  writer.dataset<GlobalId>("/VTKHDF/Connectivity", n_connectivity, 1,
                           first_cell * static_cast<GlobalId>(per_cell),
                           [&] { return column(cell_block, cell_width, 2, per_cell); });
  writer.dataset<GlobalId>("/VTKHDF/Offsets", mesh.n_cells_global + 1, 1, first_cell, [&] {
    std::vector<GlobalId> offsets;
    for (std::size_t c = 0; c < n_cells_mine; ++c)
      offsets.push_back((first_cell + static_cast<GlobalId>(c)) * static_cast<GlobalId>(per_cell));
    // One more offset than cells: the last rank with cells adds the end.
    const std::int64_t last = first_cell + static_cast<std::int64_t>(n_cells_mine);
    if (n_cells_mine > 0 && last == mesh.n_cells_global)
      offsets.push_back(last * static_cast<GlobalId>(per_cell));
    return offsets;
  });
  writer.dataset<std::uint8_t>("/VTKHDF/Types", mesh.n_cells_global, 1, first_cell, [&] {
    return std::vector<std::uint8_t>(n_cells_mine, vtk_type(mesh.cell_type, order));
  });
  writer.group("/VTKHDF/PointData");
  for (std::size_t f = 0; f < fields.size(); ++f) {
    writer.dataset<double>("/VTKHDF/PointData/" + fields[f].name, output.n_global, 1, first_point,
                           [&] { return column(point_block, points.width, 3 + f, 1); });
  }
  writer.group("/VTKHDF/CellData");
  const auto small = [](const std::vector<GlobalId>& numbers) {
    return std::vector<std::int32_t>(numbers.begin(), numbers.end());
  };
  writer.dataset<std::int32_t>("/VTKHDF/CellData/region", mesh.n_cells_global, 1, first_cell,
                               [&] { return small(column(cell_block, cell_width, 0, 1)); });
  writer.dataset<std::int32_t>("/VTKHDF/CellData/partition", mesh.n_cells_global, 1, first_cell,
                               [&] { return small(column(cell_block, cell_width, 1, 1)); });

  writer.group("/ritz");
  writer.group("/ritz/mesh");
  const auto lines = [](const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += name + '\n';
    return text;
  };
  writer.attribute("/ritz/mesh", "region_names", lines(mesh.region_names));
  writer.attribute("/ritz/mesh", "set_names", lines(mesh.set_names));
  write_provenance(writer, communicator, provenance);
  writer.close();

  WriteReport report;
  report.raw_bytes = writer.raw_bytes();
  communicator.together([&] {
    if (!root) return;
    std::error_code failed;
    report.file_bytes = static_cast<double>(std::filesystem::file_size(part, failed));
    if (!failed) std::filesystem::rename(part, path, failed);
    if (failed) {
      throw base::Error(base::ExitCode::io, base::Location{path, 0, 0},
                        "cannot put the finished file in place: " + failed.message());
    }
  });
  communicator.broadcast(report.file_bytes);
  return report;
}

std::string read_provenance(const std::string& path, const std::string& name) {
  const QuietErrors quiet;
  Handle file =
      checked(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose, path, "open the file");
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

std::string set_file_locking(const std::string& policy) {
  // MPI_Finalize closes what HDF5 holds. At the exit of a process that MPI_Abort ends after a
  // failed write it would crash, and the exit code be lost.
  H5dont_atexit();
  // HDF5 reads the variable once, and it overrides H5Pset_file_locking: the one way that works for
  // every file. What Ritz has set before is not the user's.
  static const char* const name = "HDF5_USE_FILE_LOCKING";
  static std::string ours;
  const char* now = std::getenv(name);
  const char* wanted = policy == "on" ? "TRUE" : policy == "off" ? "FALSE" : "BEST_EFFORT";
  if (now != nullptr && *now != '\0' && ours != now) {
    return policy == "best-effort" || std::string(now) == wanted
               ? std::string()
               : fmt::format(
                     "output.file_locking = \"{}\" is overridden by {}={} in the environment",
                     policy, name, now);
  }
  ours = wanted;
  setenv(name, wanted, 1);
  return {};
}

std::string library_version() {
  unsigned major = 0, minor = 0, release = 0;
  checked(H5get_libversion(&major, &minor, &release), "", "ask HDF5 for its version");
  return fmt::format("HDF5 {}.{}.{}, parallel", major, minor, release);
}

}  // namespace ritz::store
