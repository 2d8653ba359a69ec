#include "result_files.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "interruptions.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"

namespace ritz::run {

namespace {

/// Times that differ by round-off are the same.
constexpr double round_off = 1e-9;

store::WriteOptions options_of(const deck::Problem& problem,
                               const std::optional<double>& precision) {
  store::WriteOptions options;
  options.compression = problem.output.compression;
  options.relative_precision = precision;
  return options;
}

std::vector<std::int16_t> indices(const std::vector<deck::Name>& wanted,
                                  const std::vector<std::string>& names) {
  std::vector<std::int16_t> result;
  for (const deck::Name& one : wanted) {
    const auto found = std::find(names.begin(), names.end(), one.text);
    if (found != names.end()) result.push_back(static_cast<std::int16_t>(found - names.begin()));
  }
  return result;
}

}  // namespace

ResultFiles::ResultFiles(const deck::Problem& problem, const mesh::Mesh& mesh,
                         const fem::Space& space)
    : problem_(problem), mesh_(mesh), space_(space) {
  const deck::OutputOptions& output = problem.output;
  const auto is_single = [&](const deck::Cadence& cadence) {
    return !problem.time || cadence.is_last_only();
  };
  if (output.fields) {
    const deck::Cadence& whole = output;
    parts_.push_back({whole,
                      &output.only,
                      nullptr,
                      "run.results",
                      ResultSeries(output.directory, "results", is_single(output),
                                   options_of(problem, output.relative_precision)),
                      {}});
  }
  for (const deck::OutputOptions::Block& block : output.blocks) {
    const deck::Cadence& cadence = block;
    parts_.push_back({cadence,
                      &block.only,
                      &block,
                      "run.results." + block.name.text,
                      ResultSeries(output.directory, block.name.text, is_single(block),
                                   options_of(problem, block.relative_precision)),
                      {}});
    if (block.slice || !block.on.empty()) parts_.back().part.emplace(make_part(parts_.back()));
  }
}

double ResultFiles::next_time(double now) const {
  double next = std::numeric_limits<double>::infinity();
  if (!problem_.time) return next;
  const double start = problem_.time->start;
  for (const One& one : parts_) {
    if (one.cadence.every) {
      const double every = *one.cadence.every;
      next = std::min(next, start + static_cast<double>(multiples(now, start, every) + 1) * every);
    }
    for (const double time : one.cadence.times) {
      if (time - now > round_off * (problem_.time->end - start)) next = std::min(next, time);
    }
  }
  return next;
}

bool ResultFiles::is_due(const One& one, double time, std::int64_t n_steps) const {
  if (!problem_.time || one.series.ends_with(time)) return false;
  if (one.cadence.every_steps && n_steps % *one.cadence.every_steps == 0) return true;
  const double start = problem_.time->start;
  if (one.cadence.every) {
    const double every = *one.cadence.every;
    const double multiple = start + static_cast<double>(multiples(time, start, every)) * every;
    if (std::abs(time - multiple) <= round_off * every) return true;
  }
  return std::any_of(one.cadence.times.begin(), one.cadence.times.end(), [&](double wanted) {
    return std::abs(time - wanted) <= round_off * (problem_.time->end - start);
  });
}

bool ResultFiles::is_due(double time, std::int64_t n_steps) const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [&](const One& one) { return is_due(one, time, n_steps); });
}

store::MeshPart ResultFiles::make_part(const One& one) const {
  const deck::OutputOptions::Block& block = *one.block;
  const int dimension = mesh_.dimension();
  if (block.slice) {
    std::array<double, 3> point{}, normal{};
    const bool fits = static_cast<int>(block.slice->point.size()) == dimension;
    if (!fits) {
      throw base::Error(base::ExitCode::deck, block.slice->where,
                        fmt::format("output.block {}: slice.point has {} coordinates and the mesh "
                                    "{} dimension{} (slices need 2 or 3)",
                                    block.name.text, block.slice->point.size(), dimension,
                                    dimension == 1 ? "" : "s"));
    }
    std::copy(block.slice->point.begin(), block.slice->point.end(), point.begin());
    std::copy(block.slice->normal.begin(), block.slice->normal.end(), normal.begin());
    store::MeshPart part = store::MeshPart::slice(mesh_, space_, point, normal);
    if (part.n_cells() == 0) {
      throw base::Error(base::ExitCode::deck, block.slice->where,
                        fmt::format("output.block {}: this plane does not meet the mesh ('ritz "
                                    "mesh info' tells the bounding box)",
                                    block.name.text));
    }
    return part;
  }
  const std::vector<std::int16_t> sets = indices(block.on, mesh_.set_names);
  if (sets.empty()) {
    return store::MeshPart::regions(mesh_, space_, indices(block.on, mesh_.region_names));
  }
  if (dimension == 1) {
    throw base::Error(base::ExitCode::deck, block.on.front().where,
                      fmt::format("output.block {}: the boundary sets of a mesh of lines are "
                                  "points; use [[probe]]",
                                  block.name.text));
  }
  return store::MeshPart::facets(mesh_, space_, sets);
}

std::vector<store::ResultField> ResultFiles::chosen(const One& one,
                                                    const NamedFields& fields) const {
  std::vector<store::ResultField> result;
  if (one.only->empty()) {
    for (std::size_t i = 0; i < fields.names.size(); ++i)
      result.push_back({fields.names[i], fields.values[i]});
    return result;
  }
  for (const deck::Name& name : *one.only) {
    const auto found = std::find(fields.names.begin(), fields.names.end(), name.text);
    if (found == fields.names.end()) {
      // Names are checked before anything is solved.
      throw base::Error(base::ExitCode::internal, name.where,
                        "the field '" + name.text + "' has not been made; please report this");
    }
    const bool is_new = std::none_of(result.begin(), result.end(),
                                     [&](const auto& field) { return field.name == name.text; });
    if (is_new) {
      result.push_back(
          {name.text, fields.values[static_cast<std::size_t>(found - fields.names.begin())]});
    }
  }
  return result;
}

void ResultFiles::write(double time, std::int64_t n_steps, bool is_last, const NamedFields& fields,
                        const store::Provenance& provenance) {
  for (One& one : parts_) {
    if (!is_due(one, time, n_steps) && (!is_last || one.series.ends_with(time))) continue;
    const std::vector<store::ResultField> own = chosen(one, fields);
    const store::WriteReport report =
        one.part ? one.series.write(time, *one.part, own, provenance)
                 : one.series.write(time, store::MeshPart::whole(mesh_, space_), own, provenance);
    file_bytes_ += report.file_bytes;
    raw_bytes_ += report.raw_bytes;
  }
}

void ResultFiles::save(solve::SavedState& state) const {
  for (const One& one : parts_) state.add(one.state_name, one.series.names());
}

void ResultFiles::resume(const comm::Communicator& communicator, const solve::SavedState& state) {
  for (One& one : parts_) {
    // A block that the run before did not have begins with nothing.
    std::string names = "[]";
    bool is_known = false;
    for (const auto& [name, text] : state.texts) {
      if (name != one.state_name) continue;
      names = text;
      is_known = true;
    }
    if (!is_known) one.series.refuse_files(communicator);
    one.series.resume(communicator, names);
  }
}

std::vector<std::string> ResultFiles::paths() const {
  std::vector<std::string> result;
  for (const One& one : parts_) result.push_back(one.series.path());
  return result;
}

}  // namespace ritz::run
