#include "coefficients.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "ritz/base/error.hpp"

namespace ritz::assembly {

namespace {

/// The rows that evaluation lays out, then the unknown, whatever its name; a program may leave out
/// the last ones (uniforms).
constexpr std::array<std::string_view, 4> row_names{"x", "y", "z", "t"};

void check_variables(const expr::Program& program, std::size_t n_rows) {
  const auto& rows = program.row_variables();
  bool fits = program.n_outputs() == 1 && rows.size() <= n_rows;
  for (std::size_t v = 0; v < rows.size() && fits; ++v) {
    fits = v >= row_names.size() || rows[v] == row_names[v];
  }
  if (!fits) {
    throw base::Error(
        base::ExitCode::internal,
        "assembly: a program does not have the variables x, y, z, t in this order, or not "
        "one result; please report this");
  }
}

kernels::Diffusion kind_of(physics::DiffusionKind kind) {
  switch (kind) {
    case physics::DiffusionKind::none:
      return kernels::Diffusion::none;
    case physics::DiffusionKind::scalar:
      return kernels::Diffusion::scalar;
    case physics::DiffusionKind::diagonal:
      return kernels::Diffusion::diagonal;
    case physics::DiffusionKind::tensor:
      return kernels::Diffusion::tensor;
  }
  return kernels::Diffusion::none;
}

void expect_size(const char* what, std::size_t got, std::size_t wanted) {
  if (got == wanted) return;
  throw base::Error(base::ExitCode::internal, std::string("assembly: ") + what + " has " +
                                                  std::to_string(got) + " entries instead of " +
                                                  std::to_string(wanted) + "; please report this");
}

}  // namespace

Coefficients::Coefficients(const physics::Form& form, double time) {
  using kernels::Diffusion;
  const int dim = form.dimension;
  const auto d = static_cast<std::size_t>(dim);
  set_.n_slots = kernels::n_coefficients;
  const std::size_t n = form.regions.size() * kernels::n_coefficients;
  constants_.assign(n, 0.0);
  programs_.assign(n, -1);
  for (const physics::RegionForm& region : form.regions) {
    set_.terms.diffusion = std::max(set_.terms.diffusion, kind_of(region.diffusion_kind));
    set_.terms.advection = set_.terms.advection || !region.advection.empty();
    set_.terms.reaction = set_.terms.reaction || region.has_reaction;
    set_.terms.source = set_.terms.source || region.has_source;
  }
  for (int r = 0; r < static_cast<int>(form.regions.size()); ++r) {
    const physics::RegionForm& region = form.regions[static_cast<std::size_t>(r)];
    // A region with a simpler K than another one's is written in the richer form.
    const auto place = [&](int i, int j) {
      if (set_.terms.diffusion == Diffusion::tensor) return i * dim + j;
      return set_.terms.diffusion == Diffusion::diagonal ? i : 0;
    };
    switch (region.diffusion_kind) {
      case physics::DiffusionKind::none:
        break;
      case physics::DiffusionKind::scalar:
        expect_size("a scalar diffusion", region.diffusion.size(), 1);
        for (int i = 0; i < dim; ++i) put(r, place(i, i), region.diffusion[0], time);
        break;
      case physics::DiffusionKind::diagonal:
        expect_size("a diagonal diffusion", region.diffusion.size(), d);
        for (int i = 0; i < dim; ++i)
          put(r, place(i, i), region.diffusion[static_cast<std::size_t>(i)], time);
        break;
      case physics::DiffusionKind::tensor:
        expect_size("a diffusion tensor", region.diffusion.size(), d * d);
        for (int i = 0; i < dim * dim; ++i)
          put(r, i, region.diffusion[static_cast<std::size_t>(i)], time);
        break;
    }
    if (!region.advection.empty()) {
      expect_size("an advection velocity", region.advection.size(), d);
      for (int i = 0; i < dim; ++i) {
        put(r, kernels::coefficient_advection + i, region.advection[static_cast<std::size_t>(i)],
            time);
      }
    }
    if (region.has_reaction) put(r, kernels::coefficient_reaction, region.reaction, time);
    if (region.has_source) put(r, kernels::coefficient_source, region.source, time);
  }
  upload();
}

Coefficients::Coefficients(const std::vector<physics::BoundaryForm>& boundaries, double time) {
  set_.n_slots = 3;
  constants_.assign(boundaries.size() * 3, 0.0);
  programs_.assign(boundaries.size() * 3, -1);
  for (int b = 0; b < static_cast<int>(boundaries.size()); ++b) {
    const physics::BoundaryForm& boundary = boundaries[static_cast<std::size_t>(b)];
    if (boundary.kind == physics::BoundaryForm::Kind::robin) {
      put(b, 1, boundary.coefficient, time);
      put(b, 2, boundary.ambient, time);
    } else {
      put(b, 0, boundary.value, time);
    }
  }
  upload();
}

double Coefficients::constant(int region, int slot) const {
  const auto i = static_cast<std::size_t>(region * set_.n_slots + slot);
  return programs_[i] < 0 ? constants_[i] : std::numeric_limits<double>::quiet_NaN();
}

bool Coefficients::is_varying(int region, int slot) const {
  return programs_[static_cast<std::size_t>(region * set_.n_slots + slot)] >= 0;
}

void Coefficients::put(int region, int slot, const physics::Coefficient& coefficient, double time) {
  const auto i = static_cast<std::size_t>(region * set_.n_slots + slot);
  if (coefficient.is_constant) {
    constants_[i] = coefficient.value;
    return;
  }
  const expr::Program& program = coefficient.program;
  check_variables(program, 4);
  programs_[i] = static_cast<int>(held_.size());
  held_.emplace_back(program);
  const auto& uniforms = program.uniforms();
  if (std::find(uniforms.begin(), uniforms.end(), "t") != uniforms.end())
    held_.back().set_uniform("t", time);
  set_.n_registers = std::max(set_.n_registers, program.n_registers());
  set_.any_varying = true;
  set_.varying[slot] = true;
}

void evaluate_on_host(const physics::Coefficient& coefficient, double time,
                      std::span<const double> rows, std::span<double> out) {
  if (coefficient.is_constant) {
    std::fill(out.begin(), out.end(), coefficient.value);
    return;
  }
  check_variables(coefficient.program, rows.size() / out.size());
  const auto& uniforms = coefficient.program.uniforms();
  const std::size_t n_rows = coefficient.program.row_variables().size();
  if (std::find(uniforms.begin(), uniforms.end(), "t") == uniforms.end()) {
    coefficient.program.evaluate(rows.first(n_rows * out.size()), out);
  } else {
    expr::Program program = coefficient.program;
    program.set_uniform("t", time);
    program.evaluate(rows.first(n_rows * out.size()), out);
  }
}

void Coefficients::upload() {
  set_.constants =
      device::to_device("ritz::assembly::coefficients", constants_.data(), constants_.size());
  set_.programs =
      device::to_device("ritz::assembly::program_numbers", programs_.data(), programs_.size());
  std::vector<expr::ProgramView> views;
  for (const expr::DeviceProgram& program : held_) views.push_back(program.view());
  set_.views = device::to_device("ritz::assembly::programs", views.data(), views.size());
}

std::string coefficient_name(const kernels::Terms& terms, const physics::RegionForm& region,
                             int dimension, int slot) {
  if (slot == kernels::coefficient_source) return "source";
  if (slot == kernels::coefficient_reaction) return "reaction";
  if (slot >= kernels::coefficient_advection) {
    return "advection[" + std::to_string(slot - kernels::coefficient_advection) + "]";
  }
  const bool as_tensor = terms.diffusion == kernels::Diffusion::tensor;
  const int row = as_tensor ? slot / dimension : slot, column = as_tensor ? slot % dimension : slot;
  switch (region.diffusion_kind) {
    case physics::DiffusionKind::tensor:
      return "diffusion[" + std::to_string(row) + "][" + std::to_string(column) + "]";
    case physics::DiffusionKind::diagonal:
      return "diffusion[" + std::to_string(row) + "]";
    default:
      return "diffusion";
  }
}

}  // namespace ritz::assembly
