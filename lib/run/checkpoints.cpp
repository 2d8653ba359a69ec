#include "checkpoints.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <span>
#include <utility>

#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/deck/compare.hpp"
#include "ritz/la/vector.hpp"

namespace ritz::run {

namespace {

namespace fs = std::filesystem;

constexpr const char* deck_fact = "deck";
constexpr const char* id_fact = "id";
constexpr const char* text_prefix = "text.";
constexpr const char* mesh_prefix = "mesh.";

std::string folder_of(const std::string& output_directory) {
  return (fs::path(output_directory) / "checkpoints").string();
}

std::string file_name(std::int64_t number) {
  return fmt::format("ckpt.{:06}.h5", number);
}

/// The number of "ckpt.000123.h5" (or of its marker); -1 for any other name.
std::int64_t number_of(const std::string& name, const std::string& ending) {
  constexpr std::string_view start = "ckpt.";
  if (!name.starts_with(start) || !name.ends_with(ending)) return -1;
  const std::string digits = name.substr(start.size(), name.size() - start.size() - ending.size());
  std::int64_t number = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc() && end == digits.data() + digits.size() ? number : -1;
}

/// Numbers of the files in a folder, newest first, with or without a marker; empty without the
/// folder. Local.
std::vector<std::int64_t> numbers_in(const std::string& folder) {
  std::vector<std::int64_t> numbers;
  std::error_code failed;
  fs::directory_iterator entry(folder, failed);
  for (; !failed && entry != fs::directory_iterator(); entry.increment(failed)) {
    const std::int64_t number = number_of(entry->path().filename().string(), ".h5");
    if (number >= 0) numbers.push_back(number);
  }
  // A folder that cannot be read now is not one without checkpoints.
  if (failed && failed != std::errc::no_such_file_or_directory &&
      failed != std::errc::not_a_directory) {
    throw base::Error(base::ExitCode::io, base::Location{folder, 0, 0},
                      "cannot look for checkpoints here: " + failed.message());
  }
  std::sort(numbers.rbegin(), numbers.rend());
  return numbers;
}

/// A name for a checkpoint that no other has. Collective.
std::string new_id(const comm::Communicator& communicator) {
  std::string id;
  if (communicator.is_root()) {
    std::random_device random;
    for (int i = 0; i < 4; ++i) id += fmt::format("{:08x}", random());
  }
  communicator.broadcast(id);
  return id;
}

/// What is older than the newest `keep` and no keep_every-th; what is newer belongs to
/// a future that was given up. Markers go first, so that nothing half removed looks whole. What
/// cannot be removed stays and is no failure of the checkpoint that has just become complete: each
/// later one tries again.
std::string remove_others(const std::string& folder, const deck::CheckpointOptions& options,
                          std::int64_t newest) {
  std::string problem;
  std::int64_t n_kept = 0;
  for (const std::int64_t number : numbers_in(folder)) {
    const bool is_newest = number <= newest && n_kept < options.keep;
    const bool for_good =
        number <= newest && options.keep_every && number % *options.keep_every == 0;
    if (is_newest) ++n_kept;
    if (is_newest || for_good) continue;
    const std::string file = (fs::path(folder) / file_name(number)).string();
    for (const std::string& name : {store::marker_path(file), file}) {
      std::error_code failed;
      fs::remove(name, failed);
      if (!failed) continue;
      problem = fmt::format("cannot remove the old checkpoint {}: {}", name, failed.message());
      break;
    }
  }
  return problem;
}

store::Codec codec_of(deck::CheckpointOptions::Compression compression) {
  using Compression = deck::CheckpointOptions::Compression;
  switch (compression) {
    case Compression::none:
      return store::Codec::none;
    case Compression::deflate:
      return store::Codec::deflate;
    case Compression::zstd:
      return store::Codec::zstd;
  }
  return store::Codec::deflate;
}

}  // namespace

std::vector<std::string> checkpoint_files(const comm::Communicator& communicator,
                                          const std::string& path) {
  std::string folder = path;
  std::vector<std::int64_t> numbers;
  std::uint8_t is_file = 0;
  communicator.together([&] {
    if (!communicator.is_root()) return;
    std::error_code failed;
    if (fs::is_directory(folder_of(path), failed)) folder = folder_of(path);
    is_file = fs::exists(path, failed) && !fs::is_directory(folder, failed) ? 1 : 0;
    if (!is_file) numbers = numbers_in(folder);
  });
  communicator.broadcast(folder);
  communicator.broadcast(is_file);
  communicator.broadcast(numbers);
  if (is_file) return {path};
  std::vector<std::string> files;
  for (const std::int64_t number : numbers)
    files.push_back((fs::path(folder) / file_name(number)).string());
  return files;
}

bool is_finished_marker(const std::string& marker) {
  std::error_code unknown;
  if (!fs::exists(marker, unknown)) return static_cast<bool>(unknown);
  std::ifstream in(marker, std::ios::binary);
  // A folder can be opened and not be read.
  if (!in || !fs::is_regular_file(marker, unknown)) return true;
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  return text.ends_with('\n') && (text.find("\nend ") != std::string::npos);
}

std::optional<Resumption> find_checkpoint(const comm::Communicator& communicator,
                                          const std::string& output_directory,
                                          const std::string& wanted,
                                          base::Diagnostics& diagnostics) {
  const std::string& where = wanted.empty() ? output_directory : wanted;
  const std::vector<std::string> candidates = checkpoint_files(communicator, where);
  if (candidates.empty()) {
    if (wanted.empty()) return std::nullopt;
    throw base::Error(base::ExitCode::io, base::Location{wanted, 0, 0},
                      "there is no checkpoint here");
  }
  base::Diagnostics refused;
  const auto tell_skipped = [&] {
    for (const base::Diagnostic& one : refused.entries())
      diagnostics.warning({}, "skipped " + one.where.text() + ": " + one.message);
  };
  bool any_marker = false;
  for (const std::string& path : candidates) {
    auto reader = std::make_shared<store::CheckpointReader>(communicator, path);
    const std::string& problem = reader->problem();
    if (problem.empty()) {
      tell_skipped();
      const store::Snapshot& facts = reader->facts();
      return Resumption{path, facts, {}, std::move(reader), true};
    }
    bool has_marker = false;
    communicator.together([&] {
      if (communicator.is_root()) has_marker = is_finished_marker(store::marker_path(path));
    });
    any_marker = communicator.any(has_marker) || any_marker;
    refused.error({path, 0, 0}, problem);
  }
  if (!any_marker && wanted.empty()) {
    tell_skipped();
    return std::nullopt;
  }
  refused.error(
      {where, 0, 0},
      "none of these checkpoints can be used; name another one with --from FILE, or start "
      "again with --overwrite");
  refused.throw_errors(base::ExitCode::io);
  return std::nullopt;
}

void compare_decks(Resumption& resumption, const deck::Problem& problem) {
  const double time = resumption.snapshot.number("scheme.time");
  if (problem.time && problem.time->end < time) {
    throw base::Error(
        base::ExitCode::deck, base::Location{resumption.path, 0, 0},
        fmt::format("time.end = {:g} lies before the checkpoint (t = {:g}); resume an "
                    "earlier one with --from FILE",
                    problem.time->end, time));
  }
  base::Diagnostics frozen;
  for (const deck::Change& one :
       deck::changes(resumption.snapshot.fact(deck_fact), problem.effective_toml)) {
    const std::string text =
        fmt::format("{}: {} in the checkpoint, {} now", one.key,
                    one.was.empty() ? "not set" : one.was, one.is.empty() ? "not set" : one.is);
    if (one.may_change) {
      resumption.changes.push_back(text);
    } else {
      frozen.error({}, text);
    }
  }
  if (!frozen.has_errors()) return;
  frozen.error(
      {resumption.path, 0, 0},
      "these keys must stay as they were when a run is resumed ('ritz explain KEY' tells of "
      "each); set them back, or start again in another output.directory");
  frozen.throw_errors(base::ExitCode::deck);
}

bool is_steady(const store::Snapshot& snapshot) {
  const auto& facts = snapshot.facts;
  return std::any_of(facts.begin(), facts.end(), [](const auto& one) {
    return one.first == std::string(text_prefix) + "run.problem" && one.second == "steady";
  });
}

bool Resumption::changed(const std::string& key) const {
  return std::any_of(changes.begin(), changes.end(),
                     [&](const std::string& one) { return one.starts_with(key); });
}

std::vector<double> mesh_fingerprint(const mesh::Mesh& mesh) {
  // Each vertex with a weight of its own, by its id (the finaliser of splitmix64: Steele, Lea and
  // Flood, OOPSLA 2014): vertices that change places show.
  const auto dimension = static_cast<std::size_t>(mesh.dimension());
  std::vector<double> sums(dimension + 3, 0.0);
  for (LocalId cell = 0; cell < mesh.n_cells_owned; ++cell) {
    auto bits = static_cast<std::uint64_t>(mesh.cell_gid[static_cast<std::size_t>(cell)]);
    bits += 0x9E3779B97F4A7C15ULL;
    bits = (bits ^ (bits >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    bits = (bits ^ (bits >> 27U)) * 0x94D049BB133111EBULL;
    const double weight = 1.0 + static_cast<double>((bits ^ (bits >> 31U)) >> 11U) * 0x1p-53;
    const auto n_nodes = static_cast<std::size_t>(mesh.nodes_per_cell());
    for (std::size_t i = 0; i < n_nodes; ++i) {
      const auto node =
          static_cast<std::size_t>(mesh.cell_nodes[static_cast<std::size_t>(cell) * n_nodes + i]);
      const double own = weight * static_cast<double>(i + 1);
      for (std::size_t d = 0; d < dimension; ++d) {
        const double x = mesh.node_coordinates[node * dimension + d];
        sums[d] += own * x;
        sums[dimension] += own * std::abs(x);
      }
    }
    sums[dimension + 1] += weight * mesh.cell_region[static_cast<std::size_t>(cell)];
  }
  sums[dimension + 2] = static_cast<double>(mesh.n_cells_owned);
  mesh.communicator.all_reduce(std::span<double>(sums), comm::Op::sum);
  return sums;
}

Checkpoints::Checkpoints(const Parts& parts, const Resumption* from)
    : parts_(parts), folder_(folder_of(parts.problem.output.directory)) {
  fingerprint_ = mesh_fingerprint(parts.mesh);
  writer_ = std::make_unique<store::CheckpointWriter>(
      parts_.communicator,
      store::Rows{
          parts_.space.n_global,
          std::span(parts_.space.dof_gid).first(static_cast<std::size_t>(parts_.space.n_owned))},
      store::Rows{parts_.mesh.n_cells_global,
                  std::span(parts_.mesh.cell_gid)
                      .first(static_cast<std::size_t>(parts_.mesh.n_cells_owned))});
  if (from != nullptr) {
    number_ = static_cast<std::int64_t>(from->snapshot.number("checkpoint.number"));
    parent_ = from->snapshot.fact(id_fact);
    id_ = parent_;
  }
}

std::string Checkpoints::take_not_removed() {
  const std::lock_guard lock(not_removed_->mutex);
  std::string problem = std::exchange(not_removed_->problem, {});
  // Each later one says the same.
  if (problem == told_not_removed_) return {};
  if (!problem.empty()) told_not_removed_ = problem;
  return problem;
}

std::string Checkpoints::path() const {
  return (fs::path(folder_) / file_name(number_)).string();
}

solve::SavedState Checkpoints::load(const Resumption& from) const {
  const double n_fingerprint = from.snapshot.number("mesh.size");
  bool same = static_cast<std::size_t>(n_fingerprint) == fingerprint_.size();
  for (std::size_t i = 0; same && i < fingerprint_.size(); ++i) {
    const double was = from.snapshot.number(fmt::format("{}{}", mesh_prefix, i));
    const double size = std::max({std::abs(was), fingerprint_[fingerprint_.size() - 3], 1e-300});
    same = std::abs(was - fingerprint_[i]) <= 1e-10 * size;
  }
  if (!same) {
    throw base::Error(base::ExitCode::mesh, base::Location{from.path, 0, 0},
                      "the checkpoint was written with another mesh: cells, places of vertices or "
                      "regions differ (has the mesh file changed?)");
  }
  const auto n = static_cast<std::size_t>(parts_.space.n_owned);
  // What was read when the checkpoint was found; once more if somebody has taken it already.
  std::shared_ptr<store::CheckpointReader> reader = from.reader;
  if (!reader || !reader->is_whole())
    reader = std::make_shared<store::CheckpointReader>(parts_.communicator, from.path);
  if (!reader->problem().empty())
    throw base::Error(base::ExitCode::io, base::Location{from.path, 0, 0}, reader->problem());
  const store::Snapshot& facts = reader->facts();
  reader->choose({parts_.space.n_global, std::span(parts_.space.dof_gid).first(n)});
  solve::SavedState state;
  state.numbers = facts.numbers;
  for (const auto& [name, text] : facts.facts) {
    if (name.starts_with(text_prefix))
      state.add(name.substr(std::string_view(text_prefix).size()), text);
  }
  for (std::size_t i = 0; i < facts.fields.size(); ++i) {
    const store::Snapshot::Field& field = facts.fields[i];
    if (field.n_components != parts_.n_components) {
      throw base::Error(base::ExitCode::io, base::Location{from.path, 0, 0},
                        fmt::format("'{}' has {} components at a node, this run has {}", field.name,
                                    field.n_components, parts_.n_components));
    }
    const la::Vector vector =
        la::make_vector("ritz::run::resumed", static_cast<LocalId>(n) * parts_.n_components);
    const auto host = Kokkos::create_mirror_view(vector);
    reader->take(i, std::span<double>(host.data(), host.extent(0)));
    Kokkos::deep_copy(vector, host);
    state.add(field.name, vector);
  }
  return state;
}

void Checkpoints::give_up_later() const {
  parts_.communicator.together([&] {
    if (!parts_.communicator.is_root()) return;
    for (const std::int64_t number : numbers_in(folder_)) {
      if (number <= number_) break;
      const std::string marker =
          store::marker_path((fs::path(folder_) / file_name(number)).string());
      std::error_code failed;
      fs::remove(marker, failed);
      if (failed) {
        throw base::Error(base::ExitCode::io, base::Location{marker, 0, 0},
                          "cannot give up a later checkpoint: " + failed.message());
      }
    }
  });
}

void Checkpoints::start(const solve::SavedState& state, const store::Provenance& provenance) {
  const comm::Communicator& communicator = parts_.communicator;
  communicator.together([&] {
    if (!communicator.is_root()) return;
    std::error_code failed;
    fs::create_directories(folder_, failed);
    if (failed) {
      throw base::Error(base::ExitCode::io, base::Location{folder_, 0, 0},
                        "cannot create the folder of checkpoints: " + failed.message());
    }
  });
  const std::string id = new_id(communicator);
  store::State stored;
  stored.facts = {{deck_fact, parts_.problem.effective_toml}, {id_fact, id}, {"parent", id_}};
  for (const auto& [name, text] : state.texts) stored.facts.emplace_back(text_prefix + name, text);
  stored.numbers = state.numbers;
  stored.numbers.emplace_back("checkpoint.number", static_cast<double>(number_ + 1));
  stored.numbers.emplace_back("mesh.size", static_cast<double>(fingerprint_.size()));
  for (std::size_t i = 0; i < fingerprint_.size(); ++i)
    stored.numbers.emplace_back(fmt::format("{}{}", mesh_prefix, i), fingerprint_[i]);
  // On a device one vector after the other comes to the host; on a host none is copied here.
  decltype(Kokkos::create_mirror_view_and_copy(device::HostSpace(), la::Vector())) host;
  for (const auto& [name, vector] : state.vectors) {
    stored.fields.push_back({name, parts_.n_components, [&host, &vector = vector] {
                               host =
                                   Kokkos::create_mirror_view_and_copy(device::HostSpace(), vector);
                               return std::span<const double>(host.data(), host.extent(0));
                             }});
  }
  const deck::CheckpointOptions& options = parts_.problem.checkpoint;
  store::CheckpointWriteOptions how;
  how.codec = codec_of(options.compression);
  how.level = options.level;
  how.asynchronous = options.asynchronous;
  how.when_complete = [folder = folder_, options, newest = number_ + 1, kept = not_removed_] {
    std::string problem;
    try {
      problem = remove_others(folder, options, newest);
    } catch (const base::Error& error) {
      problem = error.diagnostics().front().message;
    }
    const std::lock_guard lock(kept->mutex);
    kept->problem = problem;
  };
  ++number_;
  try {
    writer_->start(path(), stored, provenance, how);
  } catch (const base::Error&) {
    --number_;
    throw;
  }
  id_ = id;
}

}  // namespace ritz::run
