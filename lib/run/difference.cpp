#include "ritz/run/difference.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "checkpoints.hpp"
#include "mesh_file.hpp"
#include "points.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/compare.hpp"
#include "ritz/fem/space.hpp"
#include "ritz/run/load.hpp"
#include "ritz/run/mesh_setup.hpp"
#include "ritz/store/checkpoint.hpp"
#include "ritz/store/result_blocks.hpp"

namespace ritz::run {

namespace {

namespace fs = std::filesystem;
using comm::BlockRange;
using comm::Communicator;
using Json = nlohmann::ordered_json;

/// The same moment of two runs: times are multiples, not sums, and go through a text.
bool same_time(double a, double b) {
  return std::abs(a - b) <= 1e-9 * std::max({std::abs(a), std::abs(b), 1e-300});
}

enum class Kind : std::uint8_t { deck, results, checkpoint };

/// One side of the comparison.
struct Side {
  Kind kind = Kind::results;
  std::string path;                ///< as given
  std::vector<std::string> files;  ///< results in the order of time, or the one checkpoint
  bool is_series = false;
};

[[noreturn]] void refuse(base::ExitCode code, const std::string& path, const std::string& text) {
  throw base::Error(code, base::Location{path, 0, 0}, text);
}

/// Names of the files that an index of results lists. Local.
std::vector<std::string> indexed(const fs::path& index) {
  std::ifstream in(index);
  const Json content = Json::parse(in, nullptr, false);
  const auto list = content.is_object() ? content.find("files") : content.end();
  if (content.is_discarded() || list == content.end() || !list->is_array())
    refuse(base::ExitCode::io, index.string(), "this is no index of results");
  std::vector<std::string> files;
  for (const Json& one : *list) {
    if (!one.is_object() || !one.contains("name") || !one["name"].is_string())
      refuse(base::ExitCode::io, index.string(), "this is no index of results");
    files.push_back((index.parent_path() / one["name"].get<std::string>()).string());
  }
  return files;
}

/// What a path stands for; a folder of checkpoints is looked at by its caller. Local.
Side recognise(const std::string& given) {
  Side side;
  side.path = given;
  std::error_code failed;
  const fs::path path(given);
  if (!fs::exists(path, failed))
    refuse(base::ExitCode::io, given, "there is no such file or folder");
  if (fs::is_directory(path, failed)) {
    if (fs::exists(path / "results.vtkhdf.series", failed)) {
      side.is_series = true;
      side.files = indexed(path / "results.vtkhdf.series");
    } else if (fs::exists(path / "results.vtkhdf", failed)) {
      side.files = {(path / "results.vtkhdf").string()};
    } else {
      side.kind = Kind::checkpoint;
    }
    return side;
  }
  side.files = {given};
  if (path.extension() == ".toml") {
    side.kind = Kind::deck;
  } else if (path.extension() == ".series") {
    side.is_series = true;
    side.files = indexed(path);
  } else if (path.extension() == ".h5") {
    side.kind = Kind::checkpoint;
  }
  return side;
}

Side agreed_side(const Communicator& communicator, const std::string& given) {
  Side side;
  communicator.together([&] {
    if (communicator.is_root()) side = recognise(given);
  });
  side.path = given;
  communicator.broadcast(side.kind);
  communicator.broadcast(side.is_series);
  std::uint64_t n = side.files.size();
  communicator.broadcast(n);
  side.files.resize(n);
  for (std::string& file : side.files) communicator.broadcast(file);
  if (side.kind != Kind::checkpoint) return side;
  if (side.files.empty()) side.files = checkpoint_files(communicator, given);
  // The newest good one of a folder.
  std::string problem = "there is neither a result nor a checkpoint in this folder";
  for (const std::string& file : side.files) {
    problem = store::checkpoint_problem(communicator, file);
    if (problem.empty()) {
      side.files = {file};
      return side;
    }
  }
  refuse(base::ExitCode::io, given, problem);
}

/// How a component of a field differs.
struct FieldDifference {
  std::string field;
  std::optional<double> time;
  double max_abs = 0;  ///< infinite where one of the two is not a number or infinite
  double scale = 0;    ///< largest finite value of either
  double l2 = 0;       ///< of the nodal values, relative to those of the first
  GlobalId node = -1;  ///< of the largest difference; the lowest if there are several
  double first = 0, second = 0;
  std::vector<double> at;  ///< coordinates, if they are known

  [[nodiscard]] double relative() const {
    return max_abs == 0 ? 0 : scale > 0 ? max_abs / scale : max_abs;
  }
};

double distance(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return 0;
  const double difference = std::abs(a - b);
  return std::isfinite(difference) ? difference : std::numeric_limits<double>::infinity();
}

/// Of component `c` of values of `width` components at nodes first_node...; collective.
FieldDifference compare_values(const Communicator& communicator, std::span<const double> a,
                               std::span<const double> b, std::size_t width, std::size_t c,
                               GlobalId first_node) {
  struct Worst {
    double difference = 0;
    GlobalId node = std::numeric_limits<GlobalId>::max();
    double first = 0, second = 0;
  } worst;
  std::array<double, 2> squares{};
  double scale = 0;
  for (std::size_t i = c; i < a.size(); i += width) {
    if (std::isfinite(a[i])) scale = std::max(scale, std::abs(a[i]));
    if (std::isfinite(b[i])) scale = std::max(scale, std::abs(b[i]));
    const double difference = distance(a[i], b[i]);
    if (difference > worst.difference)
      worst = {difference, first_node + static_cast<GlobalId>(i / width), a[i], b[i]};
    squares[0] += difference * difference;
    if (std::isfinite(a[i])) squares[1] += a[i] * a[i];
  }
  for (const Worst& one : communicator.all_gather(worst)) {
    if (one.difference > worst.difference ||
        (one.difference == worst.difference && one.node < worst.node))
      worst = one;
  }
  communicator.all_reduce(std::span<double>(squares), comm::Op::sum);
  FieldDifference result;
  result.max_abs = worst.difference;
  result.scale = communicator.max(scale);
  result.l2 = squares[1] > 0 ? std::sqrt(squares[0] / squares[1]) : std::sqrt(squares[0]);
  if (worst.difference > 0) {
    result.node = worst.node;
    result.first = worst.first;
    result.second = worst.second;
  }
  return result;
}

/// Everything that was found.
struct Findings {
  std::vector<deck::Change> keys;
  std::vector<FieldDifference> fields;
  std::vector<std::pair<double, int>> lonely_times;  ///< and which of the two has it, 1 or 2
  std::vector<std::pair<std::string, int>> lonely_fields;
  std::vector<std::string> notes;  ///< what is worth knowing and does not count
  int n_times = 0;
  /// Of checkpoints that differ: the deck that makes the mesh, and the file it is in.
  std::string mesh_deck, mesh_deck_file;
};

/// The text of a deck with all defaults, from a deck or from what was made by one. Collective.
std::string effective_deck(const Communicator& communicator, const Side& side) {
  if (side.kind == Kind::checkpoint)
    return store::read_facts(communicator, side.files.front()).fact("deck");
  if (side.kind == Kind::results) {
    if (side.files.empty()) refuse(base::ExitCode::io, side.path, "there is no result in it");
    const std::string text = store::read_result_contents(communicator, side.files.front()).deck;
    if (text.empty()) refuse(base::ExitCode::io, side.files.front(), "there is no deck in it");
    return text;
  }
  base::Diagnostics diagnostics;
  const deck::Problem problem = parse(load(communicator, side.path, {}), diagnostics);
  diagnostics.throw_errors(base::ExitCode::deck);
  return problem.effective_toml;
}

class ResultComparison {
 public:
  ResultComparison(const Communicator& communicator, Findings& findings)
      : communicator_(communicator), findings_(findings) {}

  void compare(const Side& a, const Side& b) {
    const std::vector<store::ResultContents> first = look(a), second = look(b);
    // The static mesh of a series is looked at once.
    check_mesh(a.files.front(), first.front(), b.files.front(), second.front());
    if (!a.is_series && !b.is_series) {
      // Two files that the user has chosen: compared whatever their times are.
      const auto& one = first.front().time;
      const auto& other = second.front().time;
      if (one && other && !same_time(*one, *other)) {
        findings_.lonely_times = {{*one, 1}, {*other, 2}};
      }
      compare_fields(a.files.front(), first.front(), b.files.front(), second.front());
      return;
    }
    std::vector<bool> found(second.size(), false);
    for (std::size_t i = 0; i < first.size(); ++i) {
      bool has_partner = false;
      for (std::size_t j = 0; j < second.size(); ++j) {
        if (found[j] || !same_time(first[i].time.value_or(0), second[j].time.value_or(0))) continue;
        found[j] = has_partner = true;
        compare_fields(a.files[i], first[i], b.files[j], second[j]);
        break;
      }
      if (!has_partner) findings_.lonely_times.emplace_back(first[i].time.value_or(0), 1);
    }
    for (std::size_t j = 0; j < second.size(); ++j) {
      if (!found[j]) findings_.lonely_times.emplace_back(second[j].time.value_or(0), 2);
    }
  }

 private:
  std::vector<store::ResultContents> look(const Side& side) const {
    if (side.files.empty()) refuse(base::ExitCode::io, side.path, "there is no result in it");
    std::vector<store::ResultContents> all;
    for (const std::string& file : side.files)
      all.push_back(store::read_result_contents(communicator_, file));
    return all;
  }

  /// Throws Error(mesh) unless every node has its place and every cell its nodes.
  void check_mesh(const std::string& a, const store::ResultContents& first, const std::string& b,
                  const store::ResultContents& second) {
    const auto fail = [&](const std::string& text) {
      refuse(base::ExitCode::mesh, b, fmt::format("{} than {}: nodes cannot be compared", text, a));
    };
    if (first.n_points != second.n_points || first.n_cells != second.n_cells ||
        first.n_connectivity != second.n_connectivity) {
      fail(fmt::format("it has another mesh or degree ({} cells and {} nodes instead of {} and {})",
                       base::count_text(second.n_cells), base::count_text(second.n_points),
                       base::count_text(first.n_cells), base::count_text(first.n_points)));
    }
    const bool same_cells = store::read_result_types(communicator_, a, first) ==
                                store::read_result_types(communicator_, b, second) &&
                            store::read_result_connectivity(communicator_, a, first) ==
                                store::read_result_connectivity(communicator_, b, second);
    if (!communicator_.all(same_cells)) fail("it has other cells or another order of nodes");
    points_ = store::read_result_points(communicator_, a, first);
    n_points_ = first.n_points;
    const std::vector<double> others = store::read_result_points(communicator_, b, second);
    // Of least and negative largest coordinates, so that one reduction does.
    std::array<double, 6> bounds;
    bounds.fill(std::numeric_limits<double>::infinity());
    double moved = 0;
    for (std::size_t i = 0; i < points_.size(); ++i) {
      bounds[i % 3] = std::min(bounds[i % 3], points_[i]);
      bounds[3 + i % 3] = std::min(bounds[3 + i % 3], -points_[i]);
      moved = std::max(moved, std::abs(points_[i] - others[i]));
    }
    communicator_.all_reduce(std::span<double>(bounds), comm::Op::min);
    double size = 0;
    for (std::size_t d = 0; d < 3; ++d) size = std::max(size, -bounds[3 + d] - bounds[d]);
    dimension_ = -bounds[5] - bounds[2] > 0 ? 3 : -bounds[4] - bounds[1] > 0 ? 2 : 1;
    moved = communicator_.max(moved);
    if (!(moved <= 1e-10 * size))
      fail(fmt::format("its nodes have other places (up to {:.3g} apart)", moved));
  }

  void compare_fields(const std::string& a, const store::ResultContents& first,
                      const std::string& b, const store::ResultContents& second) {
    ++findings_.n_times;
    if (second.n_points != n_points_ || first.n_points != n_points_) {
      refuse(base::ExitCode::mesh, first.n_points != n_points_ ? a : b,
             "it has another mesh than the first file of its series");
    }
    const auto note_lonely = [&](const std::string& field, int which) {
      const std::pair<std::string, int> entry{field, which};
      auto& all = findings_.lonely_fields;
      if (std::find(all.begin(), all.end(), entry) == all.end()) all.push_back(entry);
    };
    const auto has = [](const store::ResultContents& contents, const std::string& field) {
      return std::find(contents.fields.begin(), contents.fields.end(), field) !=
             contents.fields.end();
    };
    for (const std::string& field : second.fields)
      if (!has(first, field)) note_lonely(field, 2);
    const GlobalId first_point =
        BlockRange(n_points_, communicator_.size()).begin(communicator_.rank());
    for (const std::string& field : first.fields) {
      if (!has(second, field)) {
        note_lonely(field, 1);
        continue;
      }
      FieldDifference found = compare_values(
          communicator_, store::read_result_field(communicator_, a, first, field),
          store::read_result_field(communicator_, b, second, field), 1, 0, first_point);
      found.field = field;
      found.time = first.time;
      if (found.node >= 0) found.at = place(found.node);
      findings_.fields.push_back(std::move(found));
    }
  }

  /// Coordinates of a node, from the rank that has it. Collective.
  [[nodiscard]] std::vector<double> place(GlobalId node) const {
    const BlockRange blocks(n_points_, communicator_.size());
    const int owner = blocks.block_of(node);
    std::array<double, 3> at{};
    if (communicator_.rank() == owner) {
      const auto row = static_cast<std::size_t>(node - blocks.begin(owner));
      std::copy_n(points_.begin() + static_cast<std::ptrdiff_t>(3 * row), 3, at.begin());
    }
    communicator_.broadcast(at, owner);
    return {at.begin(), at.begin() + dimension_};
  }

  const Communicator& communicator_;
  Findings& findings_;
  std::vector<double> points_;  ///< this rank's block, [n][3]
  GlobalId n_points_ = 0;
  int dimension_ = 3;
};

/// The problem whose mesh the nodes are of; nothing and a note where its mesh cannot be made anew.
/// Collective. Throws nothing but what every rank throws, and that before anything is built.
std::optional<deck::Problem> problem_of(const Communicator& communicator, Findings& findings) {
  deck::Problem problem;
  try {
    communicator.together([&] {
      base::Diagnostics diagnostics;
      DeckText text;
      text.file = findings.mesh_deck_file;
      text.files = {{text.file, findings.mesh_deck}};
      problem = parse(text, diagnostics);
      diagnostics.throw_errors(base::ExitCode::deck);
    });
    // Every error of file_checksum is agreed on.
    if (problem.mesh.kind == deck::MeshKind::file) {
      const auto was = noted_mesh_file(findings.mesh_deck);
      const FileChecksum is = file_checksum(communicator, problem.mesh.file);
      if (was && *was != is) {
        findings.notes.push_back(fmt::format(
            "coordinates are not known: the mesh file {} has changed", problem.mesh.file));
        return std::nullopt;
      }
    }
  } catch (const base::Error& error) {
    findings.notes.push_back(std::string("coordinates are not known: ") + error.what());
    return std::nullopt;
  }
  return problem;
}

/// Checkpoints hold no coordinates: those of a few nodes from the mesh that the deck makes.
/// Collective. Throws what making the mesh throws.
void find_places(const Communicator& communicator, const deck::Problem& problem,
                 std::vector<FieldDifference>& fields) {
  perf::Recorder recorder;
  partition::Quality quality;
  const mesh::Mesh mesh = make_mesh(communicator, problem, recorder, quality);
  const fem::Space space(mesh, problem.space.degree);
  const std::vector<double> nodes = fem::node_coordinates(mesh, space);
  for (FieldDifference& one : fields) {
    if (one.node < 0) continue;
    std::array<double, 3> at{};
    for (LocalId i = 0; i < space.n_owned; ++i) {
      if (space.dof_gid[static_cast<std::size_t>(i)] != one.node) continue;
      std::copy_n(nodes.begin() + 3 * static_cast<std::ptrdiff_t>(i), 3, at.begin());
    }
    communicator.all_reduce(std::span<double>(at), comm::Op::sum);
    one.at.assign(at.begin(), at.begin() + mesh.dimension());
  }
}

/// Above this many nodes a mesh is not made anew just to tell a place.
constexpr GlobalId most_nodes_for_places = 2'000'000;

void compare_checkpoints(const Communicator& communicator, const std::string& a,
                         const std::string& b, Findings& findings) {
  const auto facts = [&](const std::string& path) {
    const std::string problem = store::checkpoint_problem(communicator, path);
    if (!problem.empty()) refuse(base::ExitCode::io, path, problem);
    return store::read_facts(communicator, path);
  };
  const store::Snapshot first = facts(a), second = facts(b);
  const auto number = [](const store::Snapshot& snapshot, const std::string& name) {
    for (const auto& [one, value] : snapshot.numbers)
      if (one == name) return value;
    return std::numeric_limits<double>::quiet_NaN();
  };
  const auto other_mesh = [&](const std::string& text) {
    refuse(base::ExitCode::mesh, b, fmt::format("{} than {}: nodes cannot be compared", text, a));
  };
  // The sums by which a resumed run recognises its mesh, up to round-off of their order.
  double size = 0;
  for (const auto& [name, value] : first.numbers)
    if (name.starts_with("mesh.")) size = std::max(size, std::abs(value));
  for (const auto& [name, value] : first.numbers) {
    if (name.starts_with("mesh.") && !(std::abs(value - number(second, name)) <= 1e-10 * size))
      other_mesh("it was written with another mesh");
  }
  const double time = number(first, "scheme.time");
  if (!same_time(time, number(second, "scheme.time")))
    findings.lonely_times = {{time, 1}, {number(second, "scheme.time"), 2}};
  for (const auto& [name, value] : first.numbers) {
    const double other = number(second, name);
    if (name.starts_with("mesh.") || name.starts_with("checkpoint.") || distance(value, other) == 0)
      continue;
    findings.notes.push_back(
        fmt::format("{}: {} and {}", name, base::number_text(value), base::number_text(other)));
  }

  const auto has = [](const store::Snapshot& snapshot, const std::string& name) {
    return std::any_of(snapshot.fields.begin(), snapshot.fields.end(),
                       [&](const auto& one) { return one.name == name; });
  };
  for (const auto& one : first.fields)
    if (!has(second, one.name)) findings.lonely_fields.emplace_back(one.name, 1);
  for (const auto& one : second.fields)
    if (!has(first, one.name)) findings.lonely_fields.emplace_back(one.name, 2);
  findings.n_times = 1;
  if (first.fields.empty() || second.fields.empty()) return;

  const GlobalId n = store::read_checkpoint_nodes(communicator, a, first.fields.front().name);
  if (n != store::read_checkpoint_nodes(communicator, b, second.fields.front().name))
    other_mesh("it has another degree or number of nodes");
  const BlockRange blocks(n, communicator.size());
  const GlobalId begin = blocks.begin(communicator.rank());
  std::vector<GlobalId> ids(static_cast<std::size_t>(blocks.end(communicator.rank()) - begin));
  std::iota(ids.begin(), ids.end(), begin);
  const store::Snapshot values = store::read_checkpoint(communicator, a, {n, ids});
  const store::Snapshot others = store::read_checkpoint(communicator, b, {n, ids});
  for (const store::Snapshot::Field& one : values.fields) {
    for (const store::Snapshot::Field& other : others.fields) {
      if (other.name != one.name) continue;
      if (other.n_components != one.n_components)
        other_mesh(fmt::format("'{}' has other components", one.name));
      const auto width = static_cast<std::size_t>(one.n_components);
      for (std::size_t c = 0; c < width; ++c) {
        FieldDifference found =
            compare_values(communicator, one.values, other.values, width, c, begin);
        found.field = width == 1 ? one.name : fmt::format("{}[{}]", one.name, c);
        found.time = time;
        findings.fields.push_back(std::move(found));
      }
    }
  }
  const bool any = std::any_of(findings.fields.begin(), findings.fields.end(),
                               [](const FieldDifference& one) { return one.node >= 0; });
  if (!any) return;
  if (n > most_nodes_for_places) {
    findings.notes.emplace_back("coordinates are not told: the mesh is too large to make it anew");
    return;
  }
  findings.mesh_deck = first.fact("deck");
  findings.mesh_deck_file = a;
}

std::string time_text(const std::optional<double>& time) {
  return time ? fmt::format(" at t = {:.9g}", *time) : std::string();
}

std::string as_text(const DiffRequest& request, const Findings& findings, bool decks, bool equal) {
  std::string text;
  const auto which = [&](int number) { return number == 1 ? request.first : request.second; };
  for (const deck::Change& one : findings.keys) {
    text += fmt::format("{}{}: {} | {}\n", decks ? "" : "deck: ", one.key,
                        one.was.empty() ? "not set" : one.was, one.is.empty() ? "not set" : one.is);
  }
  for (const std::string& note : findings.notes) text += note + "\n";
  for (const auto& [field, number] : findings.lonely_fields)
    text += fmt::format("{}: only in {}\n", field, which(number));
  for (const auto& [time, number] : findings.lonely_times)
    text += fmt::format("t = {:.9g}: only in {}\n", time, which(number));
  for (const FieldDifference& one : findings.fields) {
    if (one.relative() <= request.tolerance) continue;
    std::string place;
    if (!one.at.empty()) {
      std::array<double, 3> at{};
      std::copy(one.at.begin(), one.at.end(), at.begin());
      place = " " + point_text(at, static_cast<int>(one.at.size()));
    }
    text += fmt::format(
        "{}{}: differs by up to {:.3e} ({:.3e} of its size) at node {}{}: {} | {}; L2 {:.3e}\n",
        one.field, time_text(one.time), one.max_abs, one.relative(), one.node, place,
        base::number_text(one.first), base::number_text(one.second), one.l2);
  }
  if (decks) return text + (equal ? "equal\n" : "");
  double worst = 0;
  std::set<std::string> fields;
  for (const FieldDifference& one : findings.fields) {
    worst = std::max(worst, one.relative());
    fields.insert(one.field);
  }
  text += fmt::format(
      "{}: {} field{} at {} time{}, the largest difference {:.3e} of a field's "
      "size (allowed {:g})\n",
      equal ? "equal" : "different", fields.size(), fields.size() == 1 ? "" : "s", findings.n_times,
      findings.n_times == 1 ? "" : "s", worst, request.tolerance);
  return text;
}

/// The places of the nodes that as_text() has told, for those it did not know.
std::string places_text(const DiffRequest& request, const Findings& findings) {
  std::string text;
  for (const FieldDifference& one : findings.fields) {
    if (one.at.empty() || one.relative() <= request.tolerance) continue;
    std::array<double, 3> at{};
    std::copy(one.at.begin(), one.at.end(), at.begin());
    text += fmt::format("{}: node {} is at {}\n", one.field, one.node,
                        point_text(at, static_cast<int>(one.at.size())));
  }
  return text;
}

std::string as_json(const DiffRequest& request, const Findings& findings, bool equal) {
  Json out{{"first", request.first},         {"second", request.second},
           {"tolerance", request.tolerance}, {"equal", equal},
           {"keys", Json::array()},          {"fields", Json::array()},
           {"only_in_one", Json::array()},   {"notes", findings.notes}};
  for (const deck::Change& one : findings.keys)
    out["keys"].push_back({{"key", one.key}, {"first", one.was}, {"second", one.is}});
  const auto finite = [](double value) { return std::isfinite(value) ? Json(value) : Json(); };
  for (const FieldDifference& one : findings.fields) {
    Json entry{{"field", one.field},
               {"max_abs", finite(one.max_abs)},
               {"max_relative", finite(one.relative())},
               {"l2_relative", finite(one.l2)},
               {"equal", one.relative() <= request.tolerance}};
    if (one.time) entry["time"] = *one.time;
    if (one.node >= 0) {
      entry["node"] = one.node;
      if (!one.at.empty()) entry["at"] = one.at;
      entry["first"] = finite(one.first);
      entry["second"] = finite(one.second);
    }
    out["fields"].push_back(std::move(entry));
  }
  for (const auto& [field, number] : findings.lonely_fields)
    out["only_in_one"].push_back({{"field", field}, {"in", number}});
  for (const auto& [time, number] : findings.lonely_times)
    out["only_in_one"].push_back({{"time", time}, {"in", number}});
  return out.dump(1) + "\n";
}

}  // namespace

int show_differences(const Communicator& communicator, const DiffRequest& request) {
  const Side a = agreed_side(communicator, request.first);
  const Side b = agreed_side(communicator, request.second);
  const bool decks = a.kind == Kind::deck || b.kind == Kind::deck;
  if (!decks && a.kind != b.kind) {
    refuse(base::ExitCode::deck, request.second,
           "a result and a checkpoint hold different things: compare two results, two checkpoints "
           "or two output directories (ritz diff RESULT deck.toml compares decks)");
  }
  Findings findings;
  const std::string first = effective_deck(communicator, a);
  const std::string second = effective_deck(communicator, b);
  communicator.together([&] { findings.keys = deck::changes(first, second); });
  if (!decks) {
    // Where a run puts its files says nothing of what it computes.
    std::erase_if(findings.keys,
                  [](const deck::Change& one) { return one.key == "output.directory"; });
    if (a.kind == Kind::results)
      ResultComparison(communicator, findings).compare(a, b);
    else
      compare_checkpoints(communicator, a.files.front(), b.files.front(), findings);
  }
  bool equal = findings.lonely_fields.empty() && findings.lonely_times.empty();
  if (decks) equal = findings.keys.empty();
  for (const FieldDifference& one : findings.fields)
    equal = equal && one.relative() <= request.tolerance;
  const auto print = [&](const std::string& text) {
    if (communicator.is_root()) std::cout << text << std::flush;
  };
  std::optional<deck::Problem> problem;
  const bool wants_places =
      !findings.mesh_deck.empty() &&
      std::any_of(findings.fields.begin(), findings.fields.end(), [&](const FieldDifference& one) {
        return one.node >= 0 && (request.json || one.relative() > request.tolerance);
      });
  if (wants_places) problem = problem_of(communicator, findings);
  // What is known is told before a mesh is made, which may fail and end the job. JSON is one piece.
  if (!request.json) print(as_text(request, findings, decks, equal));
  if (problem) find_places(communicator, *problem, findings.fields);
  if (request.json) print(as_json(request, findings, equal));
  if (problem && !request.json) print(places_text(request, findings));
  return equal ? 0 : static_cast<int>(base::ExitCode::not_converged);
}

}  // namespace ritz::run
