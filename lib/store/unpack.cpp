#include <filesystem>
#include <numeric>

#include "checkpoint_names.hpp"
#include "hdf5.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/store/checkpoint_writer.hpp"

namespace ritz::store {

namespace {

namespace fs = std::filesystem;
using comm::Communicator;

/// Rows of a dataset; 0 without one. Local. Throws Error(io).
GlobalId rows_of(hid_t file, const std::string& path, const std::string& name) {
  const Handle set =
      checked(H5Dopen2(file, name.c_str(), H5P_DEFAULT), H5Dclose, path, "open a dataset");
  const Handle space = checked(H5Dget_space(set.get()), H5Sclose, path, "read a dataset's size");
  hsize_t size[2] = {0, 0};
  checked(H5Sget_simple_extent_dims(space.get(), size, nullptr), path, "read a dataset's size");
  return static_cast<GlobalId>(size[0]);
}

extern "C" herr_t note_attribute(hid_t, const char* name, const H5A_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}
extern "C" herr_t note_link(hid_t, const char* name, const H5L_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

/// Names of all entries: attributes, and datasets for the long ones.
std::vector<std::string> provenance_names(hid_t file, const std::string& path) {
  const Handle group = checked(H5Gopen2(file, "/ritz/provenance", H5P_DEFAULT), H5Gclose, path,
                               "open the provenance");
  std::vector<std::string> names;
  hsize_t first = 0;
  checked(H5Aiterate2(group.get(), H5_INDEX_NAME, H5_ITER_INC, &first, note_attribute, &names),
          path, "list the provenance");
  hsize_t next = 0;
  checked(H5Literate(group.get(), H5_INDEX_NAME, H5_ITER_INC, &next, note_link, &names), path,
          "list the provenance");
  return names;
}

/// This rank's share of n ids.
std::vector<GlobalId> share(const Communicator& communicator, GlobalId n) {
  const comm::BlockRange blocks(n, communicator.size());
  std::vector<GlobalId> ids(static_cast<std::size_t>(blocks.end(communicator.rank()) -
                                                     blocks.begin(communicator.rank())));
  std::iota(ids.begin(), ids.end(), blocks.begin(communicator.rank()));
  return ids;
}

}  // namespace

CheckpointReport unpack_checkpoint(const Communicator& communicator, const std::string& from,
                                   const std::string& to, const CheckpointWriteOptions& options) {
  const std::string problem = checkpoint_problem(communicator, from);
  GlobalId n_nodes = 0, n_cells = 0;
  Provenance provenance;
  const Snapshot facts = problem.empty() ? read_facts(communicator, from) : Snapshot();
  communicator.together([&] {
    if (!problem.empty()) throw base::Error(base::ExitCode::io, {from, 0, 0}, problem);
    if (marker_path(to) == to) {
      throw base::Error(
          base::ExitCode::io, base::Location{to, 0, 0},
          "names ending so are those of markers; give the new file another name, such "
          "as state.h5");
    }
    if (!communicator.is_root()) return;
    for (const std::string& name : {to, marker_path(to)}) {
      std::error_code failed;
      if (!fs::exists(name, failed) && !failed) continue;
      throw base::Error(base::ExitCode::io, base::Location{name, 0, 0},
                        failed ? "cannot look whether this file is there: " + failed.message()
                               : "this file is there already; nothing is overwritten");
    }
    const QuietErrors quiet;
    const Handle file = open_to_read(from);
    n_cells = rows_of(file.get(), from, cell_rank_name);
    if (!facts.fields.empty())
      n_nodes = rows_of(file.get(), from, field_path(facts.fields.front().name));
    for (const std::string& name : provenance_names(file.get(), from))
      provenance.emplace_back(name, read_provenance(from, name));
  });
  communicator.broadcast(n_nodes);
  communicator.broadcast(n_cells);
  const std::vector<GlobalId> nodes = share(communicator, n_nodes),
                              cells = share(communicator, n_cells);
  const Snapshot snapshot = read_checkpoint(communicator, from, {n_nodes, nodes});
  State state;
  state.facts = snapshot.facts;
  state.numbers = snapshot.numbers;
  for (const Snapshot::Field& field : snapshot.fields) {
    state.fields.push_back({field.name, field.n_components,
                            [&field] { return std::span<const double>(field.values); }});
  }
  state.cell_ranks = read_cell_ranks(communicator, from, {n_cells, cells});
  CheckpointWriter writer(communicator, {n_nodes, nodes}, {n_cells, cells});
  writer.start(to, state, provenance, options);
  writer.finish();
  return writer.take_reports().back();
}

}  // namespace ritz::store
