// AssembledEquations where steady equations leave levels free.

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "assembled_equations.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/base/text.hpp"
#include "ritz/deck/parse.hpp"
#include "ritz/la/vector.hpp"

namespace ritz::run {

namespace {

/// Largest extent of the domain along an axis. Collective.
double extent(const mesh::Mesh& mesh, const fem::Space& space) {
  const std::vector<double> at = fem::node_coordinates(mesh, space);
  std::array<double, 6> bounds;
  bounds.fill(-1e300);
  for (std::size_t i = 0; i < static_cast<std::size_t>(space.n_owned); ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      bounds[c] = std::max(bounds[c], at[3 * i + c]);
      bounds[3 + c] = std::max(bounds[3 + c], -at[3 * i + c]);
    }
  }
  mesh.communicator.all_reduce(std::span<double>(bounds), comm::Op::max);
  double size = 0;
  for (std::size_t c = 0; c < 3; ++c) size = std::max(size, bounds[c] + bounds[3 + c]);
  return size;
}

void save_combinations(solve::SavedState& state, const std::string& name,
                       const std::vector<FreeLevels::Combination>& rows) {
  state.add(name, static_cast<double>(rows.size()));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t k = 0; k < rows[i].size(); ++k)
      state.add(fmt::format("{}.{}.{}", name, i, k), rows[i][k]);
  }
}

std::vector<FreeLevels::Combination> saved_combinations(const solve::SavedState& state,
                                                        const std::string& name,
                                                        std::size_t n_shifts) {
  std::vector<FreeLevels::Combination> rows(static_cast<std::size_t>(state.number(name)));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t k = 0; k < n_shifts; ++k)
      rows[i].push_back(state.number(fmt::format("{}.{}.{}", name, i, k)));
  }
  return rows;
}

}  // namespace

/// The Jacobian at a state, or null where it is not finite. Collective.
const la::Operator* AssembledEquations::jacobian_at(const la::Vector& u) {
  if (!assemble_jacobian(u).empty()) return nullptr;
  return free_ ? static_cast<const la::Operator*>(&free_->op()) : &*matrix_;
}

/// Looks for levels that nothing fixes, and at whether the sources balance. Collective. Throws
/// Error(not_converged) if they do not.
void AssembledEquations::find_levels(const la::Vector& u) {
  take_levels({});
  std::vector<std::vector<int>> groups(1,
                                       std::vector<int>(static_cast<std::size_t>(n_components_)));
  std::iota(groups[0].begin(), groups[0].end(), 0);
  if (one_way_) groups = one_way_groups(parts_.form);
  LevelQuestion question{parts_.mesh,           parts_.space,      parts_.form, parts_.problem,
                         assembler_.is_fixed(), std::move(groups), symmetric_,  {}};
  // A first guess may be a special state, such as zero.
  if (assembler_.traits().jacobian_depends_on_state) {
    question.jacobians.emplace_back([&] {
      const la::Vector other = la::make_vector("ritz::run::other_state", layout_.n_owned);
      const auto m = static_cast<std::size_t>(n_components_);
      std::vector<double> size(m, 0.0);
      for (std::size_t i = 0; i < u.extent(0); ++i)
        size[i % m] = std::max(size[i % m], std::abs(u(i)));
      communicator().all_reduce(std::span<double>(size), comm::Op::max);
      for (std::size_t i = 0; i < u.extent(0); ++i) {
        const auto id = static_cast<double>(parts_.space.dof_gid[i / m]);
        const double part = 0.1 + 0.1 * std::sin(1.7 * id + static_cast<double>(i % m));
        other(i) = u(i) + (is_fixed(static_cast<LocalId>(i)) ? 0.0 : part) *
                              (size[i % m] > 0 ? size[i % m] : 1.0);
      }
      return jacobian_at(other);
    });
  }
  question.jacobians.emplace_back([&] { return jacobian_at(u); });
  const FreeLevels found = find_free_levels(question);
  if (found.empty()) return;
  const bool is_held = found.left.size() > found.right.size();
  if (free_ && is_held) {
    if (!parts_.may_assemble) {
      throw base::Error(base::ExitCode::deck, parts_.problem.solver.operator_where,
                        "nothing fixes a level, and which shift of the solution is free depends on "
                        "the solution: that needs the matrix; remove solver.operator = "
                        "\"matrix-free\" and preconditioner = \"multigrid\" here");
    }
    parts_.remark(
        "nothing fixes a level, and which shift is free depends on the solution: the "
        "matrix is assembled");
    drop_operator();
  }
  const double imbalance = check_balance(found, u);
  take_levels(found);
  std::string what;
  const auto& free = is_held ? found.left : found.right;
  for (const FreeLevels::Combination& one : free)
    what += (what.empty() ? "" : ", ") + found.text(one);
  const bool linear = assembler_.traits().is_linear;
  const char* then = is_held            ? "at one place the first guess stays"
                     : !linear          ? "the mean stays that of the first guess"
                     : free.size() == 1 ? "the mean of the solution is set to zero"
                                        : "their means are set to zero";
  std::string balance = "sources and fluxes may not balance, which is not seen here";
  if (found.left.size() >= found.right.size()) {
    balance = fmt::format("sources and fluxes balance to {:.1e} of their magnitude{}", imbalance,
                          imbalance > 1e-10 ? ", the rest was removed evenly" : "");
  }
  parts_.remark(fmt::format("nothing fixes the level{} of {}: {}; {}", free.size() == 1 ? "" : "s",
                            what, then, balance));
}

/// How far the sources of the equations are from balance, relative to their magnitude. Collective.
double AssembledEquations::check_balance(const FreeLevels& levels, const la::Vector& u) {
  const la::Vector load = la::make_vector("ritz::run::load", layout_.n_owned);
  const la::Vector at = la::make_vector("ritz::run::at_rest", layout_.n_owned);
  // Of linear equations those without the unknowns, which could only hide an imbalance.
  if (assembler_.traits().is_linear) {
    for (std::size_t i = 0; i < u.extent(0); ++i)
      at(i) = is_fixed(static_cast<LocalId>(i)) ? u(i) : 0.0;
  } else {
    la::copy(u, at);
  }
  // Values that are not finite are told by Newton's method.
  if (!residual(at, load).empty()) return 0;
  // What is left of a body's own strains (thermal ones) where they cancel is round-off of what
  // would move it by parts of its size.
  double floor = 0;
  const la::Vector diagonal = la::make_vector("ritz::run::diagonal", layout_.n_owned);
  if (deck::is_elastic(parts_.problem)) {
    const la::Operator* jacobian = jacobian_at(u);
    if (jacobian != nullptr && jacobian->diagonal_into(diagonal))
      floor = 1e-13 * extent(parts_.mesh, parts_.space);
  }
  const std::vector<la::Vector> sums =
      combined(levels.left, level_shifts(parts_.mesh, parts_.space, parts_.form, parts_.problem));
  double worst = 0;
  for (std::size_t k = 0; k < sums.size(); ++k) {
    double parts[2] = {0, 0};
    for (std::size_t i = 0; i < load.extent(0); ++i) {
      const double y = sums[k](i);
      // Prescribed unknowns have no balance of their own.
      if (is_fixed(static_cast<LocalId>(i))) continue;
      parts[0] += y * load(i);
      const bool is_displacement =
          static_cast<int>(i) % n_components_ >= n_components_ - parts_.mesh.dimension();
      parts[1] += std::abs(y) * (std::abs(load(i)) + (is_displacement ? floor * diagonal(i) : 0.0));
    }
    communicator().all_reduce(std::span<double>(parts), comm::Op::sum);
    if (parts[1] == 0) continue;
    const double imbalance = std::abs(parts[0]) / parts[1];
    worst = std::max(worst, imbalance);
    // Quadrature errors of sources and fluxes are far below this; a forgotten flux is far above.
    if (imbalance <= 1e-2) continue;
    const std::string which = levels.text(levels.left[k]);
    throw base::Error(
        base::ExitCode::not_converged,
        fmt::format("no solution exists: nothing fixes the level of the solution, and the sources "
                    "and boundary fluxes of {} do not balance (net {:.3g}, {:.1f} % of their total "
                    "magnitude); prescribe a value, or change them so that they do",
                    which, -parts[0], 100 * imbalance));
  }
  return worst;
}

void AssembledEquations::take_levels(const FreeLevels& levels) {
  levels_ = levels;
  kernel_ = kernel_of(levels, parts_.mesh, parts_.space, parts_.form, parts_.problem);
  held_.reset();
  if (one_way_) one_way_->set_kernel(kernel_);
  if (!free_) return;
  MatrixFreeJacobian::KernelOf kernel;
  if (!kernel_.empty()) {
    kernel = [this](const mesh::Mesh& mesh, const fem::Space& space) {
      return la::orthonormal(
          space.communicator,
          combined(levels_.right, level_shifts(mesh, space, parts_.form, parts_.problem)));
    };
  }
  free_->set_kernel(kernel);
}

/// The linearised equations with the kernel. Where only that of the transpose is known, an unknown
/// for each of its dimensions is held: the solution is one of the equations (see la::pinned()).
la::System AssembledEquations::linear_system(const la::Vector& rhs) {
  la::System system;
  system.rhs = rhs;
  system.op = free_ ? static_cast<const la::Operator*>(&free_->op()) : &*matrix_;
  system.symmetric = symmetric_;
  if (levels_.left.size() <= levels_.right.size()) {
    system.kernel = kernel_;
    return system;
  }
  const la::CsrMatrix rows = la::pinned(*matrix_, la::pivots(layout_, kernel_.left, kernel_.left));
  if (!held_) {
    held_.emplace(layout_, rows);
  } else {
    Kokkos::deep_copy(held_->rows().values, rows.values);
    held_->values_changed();
  }
  system.op = &*held_;
  system.symmetric = false;
  return system;
}

void AssembledEquations::save_levels(solve::SavedState& state) const {
  if (levels_.empty()) return;
  save_combinations(state, "levels.right", levels_.right);
  save_combinations(state, "levels.left", levels_.left);
}

void AssembledEquations::restore_levels(const solve::SavedState& state) {
  FreeLevels levels;
  if (state.has_number("levels.right")) {
    const std::size_t n =
        level_shifts(parts_.mesh, parts_.space, parts_.form, parts_.problem).size();
    levels.names = parts_.form.unknowns;
    levels.names.resize(n);
    levels.right = saved_combinations(state, "levels.right", n);
    levels.left = saved_combinations(state, "levels.left", n);
  }
  take_levels(levels);
}

}  // namespace ritz::run
