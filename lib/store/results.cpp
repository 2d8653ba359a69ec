#include "ritz/store/results.hpp"

#include "ritz/base/format.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <optional>

#include "hdf5.hpp"
#include "ritz/mesh/geometry.hpp"
#include "ritz/mesh/lattice.hpp"
#include "vtk_cells.hpp"

namespace ritz::store {

namespace {

using comm::BlockRange;
using comm::Communicator;

/// Rows of doubles keyed by global id, brought to the rank that writes them: rank r holds the rows
/// of BlockRange(n_global, P) block r, in order.
template <class T>
std::vector<T> to_blocks(const Communicator& communicator, GlobalId n_global,
                         const std::vector<GlobalId>& ids, const std::vector<T>& rows,
                         std::size_t width) {
  const BlockRange blocks(n_global, communicator.size());
  const auto n_ranks = static_cast<std::size_t>(communicator.size());
  std::vector<std::size_t> counts(n_ranks, 0);
  for (GlobalId id : ids) ++counts[static_cast<std::size_t>(blocks.block_of(id))];
  std::vector<std::size_t> next(n_ranks, 0);
  std::partial_sum(counts.begin(), counts.end() - 1, next.begin() + 1);
  std::vector<GlobalId> sent_ids(ids.size());
  std::vector<T> sent_rows(rows.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::size_t at = next[static_cast<std::size_t>(blocks.block_of(ids[i]))]++;
    sent_ids[at] = ids[i];
    std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(i * width), width,
                sent_rows.begin() + static_cast<std::ptrdiff_t>(at * width));
  }
  const std::vector<GlobalId> got_ids = communicator.exchange(std::span<const GlobalId>(sent_ids),
                                                              std::span<const std::size_t>(counts));
  for (std::size_t& n : counts) n *= width;
  const std::vector<T> got_rows =
      communicator.exchange(std::span<const T>(sent_rows), std::span<const std::size_t>(counts));

  const std::int64_t first = blocks.begin(communicator.rank());
  const auto n_mine = static_cast<std::size_t>(blocks.end(communicator.rank()) - first);
  communicator.together([&] {
    if (got_ids.size() != n_mine) {
      throw base::Error(base::ExitCode::internal,
                        fmt::format("{} rows came for a block of {}; please report this",
                                    got_ids.size(), n_mine));
    }
  });
  std::vector<T> block(n_mine * width);
  for (std::size_t i = 0; i < n_mine; ++i) {
    std::copy_n(got_rows.begin() + static_cast<std::ptrdiff_t>(i * width), width,
                block.begin() + static_cast<std::ptrdiff_t>(
                                    static_cast<std::size_t>(got_ids[i] - first) * width));
  }
  return block;
}

template <class T>
hid_t native_type() {
  if constexpr (std::is_same_v<T, double>)
    return H5T_NATIVE_DOUBLE;
  else if constexpr (std::is_same_v<T, std::uint8_t>)
    return H5T_NATIVE_UINT8;
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return H5T_NATIVE_INT32;
  else {
    static_assert(std::is_integral_v<T> && sizeof(T) == 8);
    return H5T_NATIVE_INT64;
  }
}

/// One file being written by all ranks of a communicator.
class Writer {
 public:
  Writer(const Communicator& communicator, std::string path, int compression)
      : communicator_(communicator), path_(std::move(path)), compression_(compression) {
    Handle access = checked(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, path_, "prepare the file");
    checked(H5Pset_fapl_mpio(access.get(), communicator_.handle(), MPI_INFO_NULL), path_,
            "use MPI input and output");
    checked(H5Pset_coll_metadata_write(access.get(), true), path_, "write metadata together");
    communicator_.together([&] {
      file_ = checked(H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), H5Fclose,
                      path_, "create the file");
    });
    transfer_ = checked(H5Pcreate(H5P_DATASET_XFER), H5Pclose, path_, "prepare the transfer");
    checked(H5Pset_dxpl_mpio(transfer_.get(), H5FD_MPIO_COLLECTIVE), path_, "write together");
  }

  void group(const std::string& name) {
    communicator_.together([&] {
      checked(H5Gcreate2(file_.get(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
              H5Gclose, path_, "create a group");
    });
  }

  void attribute(const std::string& object, const std::string& name, const std::string& text) {
    communicator_.together([&] {
      Handle type = checked(H5Tcopy(H5T_C_S1), H5Tclose, path_, "make a text type");
      checked(H5Tset_size(type.get(), std::max<std::size_t>(1, text.size())), path_, "size a text");
      checked(H5Tset_strpad(type.get(), H5T_STR_NULLPAD), path_, "pad a text");
      checked(H5Tset_cset(type.get(), is_ascii(text) ? H5T_CSET_ASCII : H5T_CSET_UTF8), path_,
              "set a text's encoding");
      Handle space = checked(H5Screate(H5S_SCALAR), H5Sclose, path_, "make a scalar");
      Handle on = checked(H5Oopen(file_.get(), object.c_str(), H5P_DEFAULT), H5Oclose, path_,
                          "open a group");
      Handle made = checked(
          H5Acreate2(on.get(), name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT),
          H5Aclose, path_, "create an attribute");
      const std::string padded = text.empty() ? std::string(1, '\0') : text;
      checked(H5Awrite(made.get(), type.get(), padded.data()), path_, "write an attribute");
    });
  }

  void attribute(const std::string& object, const std::string& name,
                 const std::vector<std::int64_t>& values) {
    communicator_.together([&] {
      const hsize_t n = values.size();
      Handle space = checked(H5Screate_simple(1, &n, nullptr), H5Sclose, path_, "make a list");
      Handle on = checked(H5Oopen(file_.get(), object.c_str(), H5P_DEFAULT), H5Oclose, path_,
                          "open a group");
      Handle made = checked(H5Acreate2(on.get(), name.c_str(), H5T_NATIVE_INT64, space.get(),
                                       H5P_DEFAULT, H5P_DEFAULT),
                            H5Aclose, path_, "create an attribute");
      checked(H5Awrite(made.get(), H5T_NATIVE_INT64, values.data()), path_, "write an attribute");
    });
  }

  /// Rows [first, first + mine.size()/width) of a dataset with n_rows rows. Ranks without rows take
  /// part with an empty selection: filtered writes must be collective.
  template <class T>
  void dataset(const std::string& name, GlobalId n_rows, std::size_t width, std::int64_t first,
               const std::vector<T>& mine) {
    const int n_dims = width == 1 ? 1 : 2;
    const std::array<hsize_t, 2> size{static_cast<hsize_t>(n_rows), width};
    communicator_.together([&] {
      Handle space = checked(H5Screate_simple(n_dims, size.data(), nullptr), H5Sclose, path_,
                             "make a data space");
      Handle creation =
          checked(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, path_, "prepare a dataset");
      checked(H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER), path_, "prepare a dataset");
      if (compression_ > 0 && n_rows > 0) {
        constexpr hsize_t chunk_bytes = hsize_t{1} << 20;
        const hsize_t rows = std::max<hsize_t>(1, chunk_bytes / (width * sizeof(T)));
        const std::array<hsize_t, 2> chunk{std::min<hsize_t>(rows, size[0]), width};
        checked(H5Pset_chunk(creation.get(), n_dims, chunk.data()), path_, "set the chunks");
        checked(H5Pset_shuffle(creation.get()), path_, "set the shuffle filter");
        checked(H5Pset_deflate(creation.get(), static_cast<unsigned>(compression_)), path_,
                "set the deflate filter");
      }
      Handle set = checked(H5Dcreate2(file_.get(), name.c_str(), native_type<T>(), space.get(),
                                      H5P_DEFAULT, creation.get(), H5P_DEFAULT),
                           H5Dclose, path_, "create a dataset");
      const std::array<hsize_t, 2> count{static_cast<hsize_t>(mine.size() / width), width};
      const std::array<hsize_t, 2> start{static_cast<hsize_t>(first), 0};
      Handle memory = checked(H5Screate_simple(n_dims, count.data(), nullptr), H5Sclose, path_,
                              "make a data space");
      if (mine.empty()) {
        checked(H5Sselect_none(space.get()), path_, "select nothing");
        checked(H5Sselect_none(memory.get()), path_, "select nothing");
      } else {
        checked(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr,
                                    count.data(), nullptr),
                path_, "select rows");
      }
      if (n_rows > 0) {
        checked(H5Dwrite(set.get(), native_type<T>(), memory.get(), space.get(), transfer_.get(),
                         mine.data()),
                path_, fmt::format("write {}", name).c_str());
      }
      // Closing may write; look at its answer too.
      if (!set.close()) checked(static_cast<herr_t>(-1), path_, "close a dataset");
    });
    raw_bytes_ += static_cast<double>(n_rows) * static_cast<double>(width * sizeof(T));
  }

  /// A text dataset (scalar), for what is too long for an attribute.
  void text(const std::string& name, const std::string& content) {
    communicator_.together([&] {
      Handle type = checked(H5Tcopy(H5T_C_S1), H5Tclose, path_, "make a text type");
      checked(H5Tset_size(type.get(), std::max<std::size_t>(1, content.size())), path_,
              "size a text");
      checked(H5Tset_strpad(type.get(), H5T_STR_NULLPAD), path_, "pad a text");
      Handle space = checked(H5Screate(H5S_SCALAR), H5Sclose, path_, "make a scalar");
      Handle set = checked(H5Dcreate2(file_.get(), name.c_str(), type.get(), space.get(),
                                      H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                           H5Dclose, path_, "create a dataset");
      const std::string padded = content.empty() ? std::string(1, '\0') : content;
      checked(H5Dwrite(set.get(), type.get(), H5S_ALL, H5S_ALL, transfer_.get(), padded.data()),
              path_, "write a text");
    });
  }

  void close() {
    communicator_.together([&] {
      checked(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL), path_, "flush the file");
      if (!file_.close()) checked(static_cast<herr_t>(-1), path_, "close the file");
    });
  }

  [[nodiscard]] double raw_bytes() const { return raw_bytes_; }

 private:
  static bool is_ascii(const std::string& text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 128; });
  }

  const Communicator& communicator_;
  std::string path_;
  int compression_;
  Handle file_;
  Handle transfer_;
  double raw_bytes_ = 0;
};

/// Coordinates and field values at the output lattice's points that this rank owns.
struct PointRows {
  std::vector<GlobalId> ids;  // [n]
  std::vector<double> rows;   // [n][3 + n_fields]
  std::size_t width = 3;
};

PointRows point_rows(const mesh::Mesh& mesh, const fem::Space& space, const fem::Space& output,
                     std::span<const ResultField> fields) {
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

std::vector<double> column(const std::vector<double>& rows, std::size_t width, std::size_t from,
                           std::size_t n) {
  std::vector<double> result;
  result.reserve(rows.size() / width * n);
  for (std::size_t at = from; at < rows.size(); at += width) {
    result.insert(result.end(), rows.begin() + static_cast<std::ptrdiff_t>(at),
                  rows.begin() + static_cast<std::ptrdiff_t>(at + n));
  }
  return result;
}

void write_provenance(Writer& writer, const Provenance& provenance) {
  writer.group("/ritz/provenance");
  constexpr std::size_t attribute_limit =
      32768;  // HDF5 keeps attributes up to 64 KiB in the header
  for (const auto& [name, text] : provenance) {
    if (text.size() < attribute_limit)
      writer.attribute("/ritz/provenance", name, text);
    else
      writer.text("/ritz/provenance/" + name, text);
  }
}

}  // namespace

WriteReport write_results(const std::string& path, const mesh::Mesh& mesh, const fem::Space& space,
                          std::span<const ResultField> fields, const Provenance& provenance,
                          int compression) {
  const Communicator& communicator = mesh.communicator;
  const QuietErrors quiet;
  const int order = std::max(space.element.degree(), mesh.geometry_order);
  // Only a curved mesh with degree 1 needs points that the space does not have.
  std::optional<fem::Space> finer;
  if (order != space.element.degree()) finer.emplace(mesh, order);
  const fem::Space& output = finer ? *finer : space;

  const PointRows points = point_rows(mesh, space, output, fields);
  const std::vector<double> point_block =
      to_blocks(communicator, output.n_global, points.ids, points.rows, points.width);

  // Cells: [region, partition, connectivity...] by cell id.
  const std::vector<int> permutation = vtk_order(mesh.cell_type, order);
  const std::size_t cell_width = permutation.size() + 2;
  std::vector<GlobalId> cell_rows;
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
  const std::vector<GlobalId> cell_ids(mesh.cell_gid.begin(),
                                       mesh.cell_gid.begin() + mesh.n_cells_owned);
  const std::vector<GlobalId> cell_block =
      to_blocks(communicator, mesh.n_cells_global, cell_ids, cell_rows, cell_width);

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
    writer.dataset<GlobalId>(name, 1, 1, root ? 0 : 1,
                             root ? std::vector<GlobalId>{value} : std::vector<GlobalId>{});
  };
  number("/VTKHDF/NumberOfPoints", output.n_global);
  number("/VTKHDF/NumberOfCells", mesh.n_cells_global);
  number("/VTKHDF/NumberOfConnectivityIds", mesh.n_cells_global * static_cast<GlobalId>(per_cell));
  writer.dataset<double>("/VTKHDF/Points", output.n_global, 3, first_point,
                         column(point_block, points.width, 0, 3));

  std::vector<GlobalId> connectivity, offsets;
  std::vector<std::int32_t> regions, partition;
  connectivity.reserve(n_cells_mine * per_cell);
  for (std::size_t c = 0; c < n_cells_mine; ++c) {
    const auto row = cell_block.begin() + static_cast<std::ptrdiff_t>(c * cell_width);
    regions.push_back(static_cast<std::int32_t>(row[0]));
    partition.push_back(static_cast<std::int32_t>(row[1]));
    connectivity.insert(connectivity.end(), row + 2, row + static_cast<std::ptrdiff_t>(cell_width));
    offsets.push_back((first_cell + static_cast<GlobalId>(c)) * static_cast<GlobalId>(per_cell));
  }
  // One more offset than cells: the last rank with cells (or the root of an empty mesh) adds the
  // end.
  const std::int64_t last = first_cell + static_cast<std::int64_t>(n_cells_mine);
  if (n_cells_mine > 0 && last == mesh.n_cells_global)
    offsets.push_back(last * static_cast<GlobalId>(per_cell));
  writer.dataset<GlobalId>("/VTKHDF/Connectivity",
                           mesh.n_cells_global * static_cast<GlobalId>(per_cell), 1,
                           first_cell * static_cast<GlobalId>(per_cell), connectivity);
  writer.dataset<GlobalId>("/VTKHDF/Offsets", mesh.n_cells_global + 1, 1, first_cell, offsets);
  writer.dataset<std::uint8_t>(
      "/VTKHDF/Types", mesh.n_cells_global, 1, first_cell,
      std::vector<std::uint8_t>(n_cells_mine, vtk_type(mesh.cell_type, order)));
  writer.group("/VTKHDF/PointData");
  for (std::size_t f = 0; f < fields.size(); ++f) {
    writer.dataset<double>("/VTKHDF/PointData/" + fields[f].name, output.n_global, 1, first_point,
                           column(point_block, points.width, 3 + f, 1));
  }
  writer.group("/VTKHDF/CellData");
  writer.dataset<std::int32_t>("/VTKHDF/CellData/region", mesh.n_cells_global, 1, first_cell,
                               regions);
  writer.dataset<std::int32_t>("/VTKHDF/CellData/partition", mesh.n_cells_global, 1, first_cell,
                               partition);

  writer.group("/ritz");
  writer.group("/ritz/mesh");
  const auto lines = [](const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += name + '\n';
    return text;
  };
  writer.attribute("/ritz/mesh", "region_names", lines(mesh.region_names));
  writer.attribute("/ritz/mesh", "set_names", lines(mesh.set_names));
  write_provenance(writer, provenance);
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

std::string library_version() {
  unsigned major = 0, minor = 0, release = 0;
  checked(H5get_libversion(&major, &minor, &release), "", "ask HDF5 for its version");
  return fmt::format("HDF5 {}.{}.{}, parallel", major, minor, release);
}

}  // namespace ritz::store
