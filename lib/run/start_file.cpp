#include "start_file.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "points.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/parse.hpp"
#include "ritz/fem/sampling.hpp"
#include "ritz/run/mesh_setup.hpp"

namespace ritz::run {

namespace {

namespace fs = std::filesystem;
using comm::Communicator;

constexpr const char* rate_prefix = "rate_";

/// What the root sees of a path.
enum class Sort : std::int32_t { nothing, series, results, checkpoint, folder };

bool same_time(double a, double b) {
  return std::abs(a - b) <= 1e-9 * std::max({std::abs(a), std::abs(b), 1e-300});
}

/// On the root: the file of the series with this time (the last one without it) and its time.
std::pair<std::string, double> of_series(const std::string& path, const std::optional<double>& time,
                                         const base::Location& time_where) {
  const auto refusal = [&](const std::string& why) {
    return base::Error(base::ExitCode::io, base::Location{path, 0, 0}, why);
  };
  std::ifstream in(path, std::ios::binary);
  if (!in) throw refusal("cannot read this index of results");
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const nlohmann::json index = nlohmann::json::parse(text, nullptr, false);
  std::vector<std::pair<std::string, double>> files;
  const bool is_index = index.is_object() && index.contains("files") && index["files"].is_array();
  for (const auto& one : is_index ? index["files"] : nlohmann::json::array()) {
    if (one.is_object() && one.contains("name") && one["name"].is_string() &&
        one.contains("time") && one["time"].is_number())
      files.emplace_back(one["name"], one["time"]);
  }
  if (files.empty()) throw refusal("this is no index of results, or of none");
  auto chosen = std::prev(files.end());
  if (time) {
    chosen = std::min_element(files.begin(), files.end(), [&](const auto& a, const auto& b) {
      return std::abs(a.second - *time) < std::abs(b.second - *time);
    });
    if (!same_time(chosen->second, *time)) {
      throw base::Error(
          base::ExitCode::deck, time_where,
          fmt::format("initial.time = {:g}: {} has no such time; the nearest is {:g} ({} times "
                      "from {:g} to {:g})",
                      *time, path, chosen->second, files.size(), files.front().second,
                      files.back().second));
    }
  }
  return {(fs::path(path).parent_path() / chosen->first).string(), chosen->second};
}

/// Follows [initial] from to a file of results or to checkpoints. Collective.
Sort follow(const Communicator& communicator, const deck::Initial& initial, std::string& path,
            std::optional<double>& time) {
  Sort sort = Sort::nothing;
  double at = 0;
  path = initial.from;
  communicator.together([&] {
    if (!communicator.is_root()) return;
    std::error_code unknown;
    if (!fs::exists(path, unknown)) {
      throw base::Error(base::ExitCode::io, initial.from_where,
                        fmt::format("initial.from: there is no {}", path));
    }
    sort = Sort::results;
    if (fs::is_directory(path, unknown)) {
      const fs::path series = fs::path(path) / "results.vtkhdf.series";
      const fs::path single = fs::path(path) / "results.vtkhdf";
      if (fs::exists(series, unknown)) {
        path = series.string();
      } else if (fs::exists(single, unknown)) {
        path = single.string();
      } else {
        sort = Sort::folder;
      }
    }
    if (path.ends_with(".series")) {
      std::tie(path, at) = of_series(path, initial.time, initial.time_where);
      sort = Sort::series;
    } else if (path.ends_with(".h5")) {
      sort = Sort::checkpoint;
    }
  });
  communicator.broadcast(path);
  communicator.broadcast(sort);
  communicator.broadcast(at);
  if (sort == Sort::series) time = at;
  return sort;
}

/// Name of an unknown in the file.
const std::string& name_in_file(const deck::Initial& initial, int unknown,
                                const std::string& name) {
  for (const deck::Initial::FieldName& one : initial.fields) {
    if (one.index == unknown) return one.field.text;
  }
  return name;
}

base::Location place_of(const deck::Initial& initial, int unknown) {
  for (const deck::Initial::FieldName& one : initial.fields) {
    if (one.index == unknown) return one.field.where;
  }
  return initial.from_where;
}

bool has_value(const std::vector<deck::InitialValue>& values, int unknown) {
  return std::any_of(values.begin(), values.end(), [&](const deck::InitialValue& one) {
    return one.index == unknown && !one.unknown.where.file.empty();
  });
}

/// The deck of a checkpoint.
deck::Problem deck_of(const Resumption& checkpoint) {
  base::Diagnostics diagnostics;
  deck::Problem problem = deck::parse({checkpoint.path, checkpoint.snapshot.fact("deck")}, {},
                                      deck::read_file, diagnostics);
  diagnostics.throw_errors(base::ExitCode::io);
  return problem;
}

int dimension_of(const Communicator& communicator, const deck::Problem& problem) {
  return mesh_names(communicator, problem).dimension;
}

/// Decides what is read for which unknown.
void choose_fields(const deck::Problem& problem, int dimension, StartFile& file,
                   const std::vector<std::string>& there, bool has_rates,
                   base::Diagnostics& errors) {
  const deck::Initial& initial = problem.initial;
  const std::vector<std::string> unknowns = deck::unknown_names(problem, dimension);
  const auto is_there = [&](const std::string& name) {
    return std::find(there.begin(), there.end(), name) != there.end();
  };
  const auto missing = [&](int k, const std::string& name, const std::string& own) {
    const auto near = base::nearest(name, there);
    errors.error(
        place_of(initial, k),
        fmt::format("initial.from: {} has no field '{}'{} its fields: {}{}", file.path, name,
                    near ? fmt::format("; did you mean '{}'?", *near) : ";", base::list(there),
                    name == own ? fmt::format(" (initial.fields = {{ {} = \"NAME\" }} "
                                              "names it)",
                                              own)
                                : std::string()));
  };
  // Without any of the unknowns the file is the wrong one.
  const bool any = !initial.values.empty() ||
                   std::any_of(unknowns.begin(), unknowns.end(), [&](const std::string& own) {
                     const auto k = static_cast<int>(&own - unknowns.data());
                     return is_there(name_in_file(initial, k, own));
                   });
  for (int k = 0; k < static_cast<int>(unknowns.size()); ++k) {
    const std::string& own = unknowns[static_cast<std::size_t>(k)];
    const std::string& name = name_in_file(initial, k, own);
    const int order = problem.time ? deck::order_in_time(problem, k) : 0;
    if (!has_value(initial.values, k)) {
      if (is_there(name)) {
        file.wanted.push_back({k, false, name});
      } else if (order > 0 || name != own || !any) {
        missing(k, name, own);
      } else {
        file.remarks.push_back(fmt::format("initial.from: {} has no field '{}'; {} begins with 0",
                                           file.path, name, own));
      }
    }
    if (order < 2 || has_value(initial.rates, k)) continue;
    if (file.checkpoint ? has_rates && is_there(name) : is_there(rate_prefix + name)) {
      file.wanted.push_back({k, true, file.checkpoint ? name : rate_prefix + name});
    } else {
      file.remarks.push_back(fmt::format(
          "initial.from: {} has no rate of {}; its rate at the start is 0 (results have it with "
          "output.rates, checkpoints always)",
          file.path, own));
    }
  }
}

/// The functions of a checkpoint that are wanted, on its own mesh. Collective.
fem::CellFunctions functions_of_checkpoint(const Communicator& communicator, const StartFile& file,
                                           perf::Recorder& recorder) {
  const deck::Problem problem = deck_of(*file.checkpoint);
  partition::Quality quality;
  const mesh::Mesh mesh = make_mesh(communicator, problem, recorder, quality);
  const fem::Space space(mesh, problem.space.degree);
  const std::vector<std::string> names = deck::unknown_names(problem, mesh.dimension());
  const auto m = names.size();
  const Checkpoints checkpoints({communicator, problem, mesh, space, static_cast<int>(m)}, nullptr);
  const solve::SavedState state = checkpoints.load(*file.checkpoint);
  std::vector<std::vector<double>> fields;
  for (const StartFile::Wanted& one : file.wanted) {
    const auto component =
        static_cast<std::size_t>(std::find(names.begin(), names.end(), one.field) - names.begin());
    const la::Vector& vector = state.vector(one.is_rate ? "scheme.rate" : "scheme.u");
    const auto host = Kokkos::create_mirror_view_and_copy(device::HostSpace(), vector);
    std::vector<double>& field = fields.emplace_back(static_cast<std::size_t>(space.n_local()));
    for (std::size_t i = 0; i < static_cast<std::size_t>(space.n_owned); ++i)
      field[i] = host(i * m + component);
    space.plan.to_ghosts(std::span(field));
  }
  return fem::cell_functions(mesh, space, fields);
}

}  // namespace

std::string StartFile::origin() const {
  std::string text = path + "\n" + identity + "\n";
  if (time) text += "time " + base::number_text(*time) + "\n";
  if (checkpoint) text += "checkpoint " + checkpoint->snapshot.fact("id") + "\n";
  return text;
}

StartFile find_start_file(const Communicator& communicator, const deck::Problem& problem,
                          int dimension, base::Diagnostics& diagnostics) {
  const deck::Initial& initial = problem.initial;
  StartFile file;
  const Sort sort = follow(communicator, initial, file.path, file.time);
  base::Diagnostics errors;
  std::vector<std::string> there;
  int its_dimension = 0;
  bool has_rates = false;
  if (sort == Sort::folder || sort == Sort::checkpoint) {
    file.checkpoint = find_checkpoint(communicator, file.path, file.path, diagnostics);
    file.path = file.checkpoint->path;
    file.time = file.checkpoint->snapshot.number("scheme.time");
    const deck::Problem its_deck = deck_of(*file.checkpoint);
    its_dimension = dimension_of(communicator, its_deck);
    there = deck::unknown_names(its_deck, its_dimension);
    const auto& fields = file.checkpoint->snapshot.fields;
    has_rates = std::any_of(fields.begin(), fields.end(),
                            [](const auto& field) { return field.name == "scheme.rate"; });
  } else {
    file.facts = store::read_facts_of_results(communicator, file.path);
    its_dimension = mesh::table(file.facts.cell_type).dimension;
    for (const auto& field : file.facts.fields) there.push_back(field.name);
    if (!file.time) file.time = file.facts.time;
  }
  if (initial.time && (!file.time || !same_time(*file.time, *initial.time))) {
    errors.error(initial.time_where,
                 fmt::format("initial.time = {:g}: {} is {}", *initial.time, file.path,
                             file.time ? fmt::format("of t = {:g}", *file.time)
                                       : std::string("of a steady problem, without a time")));
  }
  if (its_dimension != dimension) {
    errors.error(initial.from_where,
                 fmt::format("initial.from: {} has {} dimension{} and this mesh has {}", file.path,
                             its_dimension, its_dimension == 1 ? "" : "s", dimension));
  } else {
    choose_fields(problem, dimension, file, there, has_rates, errors);
  }
  for (const StartFile::Wanted& one : file.wanted) {
    for (const auto& field : file.facts.fields) {
      if (field.name != one.field || field.n_components == 1) continue;
      errors.error(place_of(initial, one.unknown),
                   fmt::format("initial.from: the field '{}' of {} has {} components (must be 1)",
                               field.name, file.path, field.n_components));
    }
  }
  errors.throw_errors(base::ExitCode::deck);
  file.identity = store::file_identity(communicator, file.path);
  return file;
}

std::vector<StartValues> read_start_values(const Communicator& communicator, const StartFile& file,
                                           const deck::Problem& problem, const mesh::Mesh& mesh,
                                           const fem::Space& space, perf::Recorder& recorder,
                                           const std::function<void(const std::string&)>& remark) {
  const perf::Stage stage(recorder, "initial.from");
  for (const std::string& text : file.remarks) remark(text);
  if (file.wanted.empty()) {
    remark(fmt::format(
        "initial.from: nothing is read from {}, every unknown has a value of its own", file.path));
    return {};
  }
  fem::CellFunctions cells;
  if (file.checkpoint) {
    cells = functions_of_checkpoint(communicator, file, recorder);
  } else {
    std::vector<std::string> names;
    for (const StartFile::Wanted& one : file.wanted) names.push_back(one.field);
    cells = store::read_cell_functions(communicator, file.path, file.facts, names);
  }
  const std::vector<double> nodes = fem::node_coordinates(mesh, space);
  const auto n = static_cast<std::size_t>(space.n_owned);
  std::vector<std::array<double, 3>> points(n);
  for (std::size_t i = 0; i < n; ++i)
    points[i] = {nodes[3 * i], nodes[3 * i + 1], nodes[3 * i + 2]};
  fem::Samples samples = fem::sample(communicator, std::move(cells), points);

  struct Worst {
    double distance = 0;
    std::array<double, 3> at{};
    std::int64_t n_outside = 0;
  } worst;
  const std::size_t width = file.wanted.size();
  const deck::Initial& initial = problem.initial;
  std::vector<std::int64_t> n_bad(width, 0);
  for (std::size_t i = 0; i < n; ++i) {
    if (samples.distance[i] > 1e-8 * samples.extent) {
      ++worst.n_outside;
      if (samples.distance[i] > worst.distance) {
        worst.distance = samples.distance[i];
        worst.at = points[i];
      }
      if (initial.outside == deck::Initial::Outside::number) {
        std::fill_n(samples.values.begin() + static_cast<std::ptrdiff_t>(i * width), width,
                    initial.outside_value);
      }
    }
    for (std::size_t f = 0; f < width; ++f) {
      if (!std::isfinite(samples.values[i * width + f])) ++n_bad[f];
    }
  }
  std::int64_t n_outside = 0;
  const Worst mine = worst;
  worst = {};
  for (const Worst& one : communicator.all_gather(mine)) {
    n_outside += one.n_outside;
    if (one.distance > worst.distance) worst = one;
  }
  if (n_outside > 0) {
    const std::string told = fmt::format(
        "initial.from: {} of {} nodes lie outside of the mesh of {}, the farthest by {:.3g} at {}",
        base::count_text(n_outside), base::count_text(space.n_global), file.path, worst.distance,
        point_text(worst.at, mesh.dimension()));
    if (initial.outside == deck::Initial::Outside::error) {
      throw base::Error(base::ExitCode::deck, initial.from_where,
                        told + "; say what they get: initial.outside = \"nearest\" or a number");
    }
    remark(told + (initial.outside == deck::Initial::Outside::nearest
                       ? "; they have the value at the nearest place of it"
                       : fmt::format("; they have the value {:g}", initial.outside_value)));
  }
  communicator.all_reduce(std::span<std::int64_t>(n_bad), comm::Op::sum);
  std::vector<StartValues> result;
  for (std::size_t f = 0; f < width; ++f) {
    const StartFile::Wanted& one = file.wanted[f];
    if (n_bad[f] > 0) {
      throw base::Error(base::ExitCode::not_finite, initial.from_where,
                        fmt::format("initial.from: the field '{}' of {} is not finite at {} of "
                                    "{} nodes",
                                    one.field, file.path, base::count_text(n_bad[f]),
                                    base::count_text(space.n_global)));
    }
    StartValues values{one.unknown, one.is_rate, std::vector<double>(n)};
    for (std::size_t i = 0; i < n; ++i) values.values[i] = samples.values[i * width + f];
    result.push_back(std::move(values));
  }
  return result;
}

}  // namespace ritz::run
