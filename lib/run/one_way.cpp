#include "one_way.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "ritz/base/format.hpp"
#include "ritz/la/vector.hpp"

namespace ritz::run {

namespace {

/// needs[i][j]: the equation of i contains j.
std::vector<std::vector<bool>> dependence(const physics::SystemForm& form) {
  const auto m = static_cast<std::size_t>(form.n_unknowns());
  std::vector<std::vector<bool>> needs(m, std::vector<bool>(m, false));
  const auto note = [&](const std::vector<physics::JacobianEntry>& entries) {
    for (const physics::JacobianEntry& e : entries)
      needs[static_cast<std::size_t>(e.test)][static_cast<std::size_t>(e.trial)] = true;
  };
  for (const auto& region : form.regions) note(physics::jacobian_entries(form, region));
  for (const auto& boundary : form.boundaries) note(physics::jacobian_entries(form, boundary));
  return needs;
}

}  // namespace

std::vector<std::vector<int>> one_way_groups(const physics::SystemForm& form) {
  auto reach = dependence(form);
  const std::size_t m = reach.size();
  for (std::size_t i = 0; i < m; ++i) reach[i][i] = true;
  for (std::size_t k = 0; k < m; ++k) {
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = 0; j < m; ++j) reach[i][j] = reach[i][j] || (reach[i][k] && reach[k][j]);
    }
  }
  // Whoever reaches fewer comes first: a part reaches all that the parts it needs reach, and more.
  std::vector<std::pair<std::size_t, std::vector<int>>> parts;
  std::vector<bool> is_taken(m, false);
  for (std::size_t i = 0; i < m; ++i) {
    if (is_taken[i]) continue;
    std::vector<int> group;
    for (std::size_t j = 0; j < m; ++j) {
      if (!reach[i][j] || !reach[j][i]) continue;
      group.push_back(static_cast<int>(j));
      is_taken[j] = true;
    }
    parts.emplace_back(static_cast<std::size_t>(std::count(reach[i].begin(), reach[i].end(), true)),
                       group);
  }
  std::stable_sort(parts.begin(), parts.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::vector<int>> groups;
  for (auto& [count, group] : parts) groups.push_back(std::move(group));
  return groups;
}

bool is_group_symmetric(const physics::SystemForm& form, const std::vector<int>& group) {
  const auto inside = [&](int unknown) {
    return std::find(group.begin(), group.end(), unknown) != group.end();
  };
  for (const auto& region : form.regions) {
    const auto entries = physics::jacobian_entries(form, region);
    std::map<std::array<int, 4>, const expr::Expression*> all;
    for (const auto& e : entries) all[{e.test, e.test_slot, e.trial, e.trial_slot}] = &e.value;
    for (const auto& e : entries) {
      if (!inside(e.test) || !inside(e.trial)) continue;
      std::array<int, 4> mirrored{e.trial, e.trial_slot, e.test, e.test_slot};
      if (e.trial_slot > form.dimension) {  // rates
        if (e.test_slot != 0) return false;
        mirrored = {e.trial, 0, e.test, e.trial_slot};
      }
      const auto found = all.find(mirrored);
      if (found == all.end() || !found->second->same_formula(e.value)) return false;
    }
  }
  for (const auto& boundary : form.boundaries) {
    for (const auto& e : physics::jacobian_entries(form, boundary)) {
      if (inside(e.test) && inside(e.trial) && e.test != e.trial) return false;
    }
  }
  return true;
}

struct OneWaySolver::Group {
  std::vector<int> components;
  std::vector<std::size_t> from;  ///< [entries] places in the whole matrix
  la::CsrMatrix rows;
  std::optional<la::Matrix> matrix;
  la::Vector rhs, solution;
  solve::Context context;
  std::shared_ptr<solve::Reuse> reuse = std::make_shared<solve::Reuse>();
  bool is_symmetric = true;
  std::string names;
  la::Kernel kernel;
};

OneWaySolver::~OneWaySolver() = default;

OneWaySolver::OneWaySolver(const physics::SystemForm& form, std::vector<std::vector<int>> groups,
                           const la::Layout& layout, const la::CsrMatrix& rows,
                           const comm::ExchangePlan& plan, const solve::Context& context,
                           const std::vector<la::Vector>& near_null_space, int null_space_group)
    : m_(form.n_unknowns()), layout_(layout), rows_(rows), plan_(plan), look_(context.look) {
  const auto m = static_cast<std::size_t>(m_);
  const LocalId n_nodes = layout.n_owned / m_;
  group_of_.assign(m, 0);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (const int c : groups[g]) group_of_[static_cast<std::size_t>(c)] = static_cast<int>(g);
  }
  for (std::size_t g = 0; g < groups.size(); ++g) {
    auto group = std::make_unique<Group>();
    group->components = groups[g];
    const auto k = static_cast<GlobalId>(groups[g].size());
    std::vector<LocalId> place(m, -1);  // of a component in the group
    for (std::size_t i = 0; i < groups[g].size(); ++i)
      place[static_cast<std::size_t>(groups[g][i])] = static_cast<LocalId>(i);
    la::Layout own{layout.communicator,
                   static_cast<LocalId>(n_nodes * k),
                   layout.first / m_ * k,
                   layout.n_global / m_ * k,
                   {},
                   {}};
    for (std::size_t i = 0; i < layout.ghost_ids.size(); ++i) {
      const LocalId c = place[static_cast<std::size_t>(layout.ghost_ids[i] % m_)];
      if (c < 0) continue;
      own.ghost_ids.push_back(layout.ghost_ids[i] / m_ * k + c);
      own.ghost_owners.push_back(layout.ghost_owners[i]);
    }
    std::vector<std::size_t> offsets{0};
    std::vector<LocalId> columns;
    for (LocalId row = 0; row < layout.n_owned; ++row) {
      if (place[static_cast<std::size_t>(row % m_)] < 0) continue;
      const auto r = static_cast<std::size_t>(row);
      for (std::size_t e = rows.pattern.row_offsets(r); e < rows.pattern.row_offsets(r + 1); ++e) {
        const LocalId column = rows.pattern.columns(e);
        const LocalId c = place[static_cast<std::size_t>(column % m_)];
        if (c < 0) continue;
        columns.push_back(static_cast<LocalId>(column / m_ * k + c));
        group->from.push_back(e);
      }
      offsets.push_back(columns.size());
    }
    group->rows.pattern.row_offsets =
        device::View<std::size_t*>("ritz::run::group_rows", offsets.size());
    group->rows.pattern.columns =
        device::View<LocalId*>("ritz::run::group_columns", columns.size());
    group->rows.values = device::View<double*>("ritz::run::group_values", columns.size());
    std::copy(offsets.begin(), offsets.end(), group->rows.pattern.row_offsets.data());
    std::copy(columns.begin(), columns.end(), group->rows.pattern.columns.data());
    group->matrix.emplace(own, group->rows);
    group->rhs = la::make_vector("ritz::run::group_rhs", own.n_owned);
    group->solution = la::make_vector("ritz::run::group_solution", own.n_owned);
    group->is_symmetric = is_group_symmetric(form, groups[g]);
    group->context = context;
    group->context.n_components = static_cast<int>(k);
    group->context.reuse = group->reuse;
    group->context.near_null_space.clear();
    if (null_space_group == static_cast<int>(g)) group->context.near_null_space = near_null_space;
    group->context.place = [place = context.place, components = groups[g],
                            m = m_](LocalId unknown) {
      const auto n = static_cast<LocalId>(components.size());
      return place(unknown / n * m + components[static_cast<std::size_t>(unknown % n)]);
    };
    for (const int c : groups[g])
      group->names +=
          (group->names.empty() ? "" : " ") + form.unknowns[static_cast<std::size_t>(c)];
    groups_.push_back(std::move(group));
  }
}

void OneWaySolver::set_kernel(const la::Kernel& kernel) {
  for (const auto& group : groups_) {
    const auto k = static_cast<LocalId>(group->components.size());
    const la::Layout& own = group->matrix->layout();
    const auto part = [&](const la::Vector& of) {
      const la::Vector to = la::make_vector("ritz::run::group_kernel", own.n_owned);
      for (LocalId i = 0; i < own.n_owned; ++i) {
        const LocalId row = i / k * m_ + group->components[static_cast<std::size_t>(i % k)];
        to(static_cast<std::size_t>(i)) = of(static_cast<std::size_t>(row));
      }
      return to;
    };
    const auto is_here = [&](const la::Vector& v) { return la::norm_max(own.communicator, v) > 0; };
    group->kernel = {};
    for (std::size_t i = 0; i < kernel.right.size(); ++i) {
      const la::Vector z = part(kernel.right[i]);
      if (!is_here(z)) continue;
      group->kernel.right.push_back(z);
      group->kernel.duals.push_back(part(kernel.duals[i]));
    }
    for (const la::Vector& whole : kernel.left) {
      const la::Vector y = part(whole);
      if (is_here(y)) group->kernel.left.push_back(y);
    }
  }
}

void OneWaySolver::values_changed() {
  has_values_ = false;
}

void OneWaySolver::copy_values(Group& group) const {
  for (std::size_t i = 0; i < group.from.size(); ++i)
    group.rows.values(i) = rows_.values(group.from[i]);
  group.matrix->values_changed();
}

const solve::Reuse& OneWaySolver::reuse(int group) const {
  return *groups_[static_cast<std::size_t>(group)]->reuse;
}

bool OneWaySolver::is_symmetric(int group) const {
  return groups_[static_cast<std::size_t>(group)]->is_symmetric;
}

void OneWaySolver::set_symmetric(int group, bool is_symmetric) {
  groups_[static_cast<std::size_t>(group)]->is_symmetric = is_symmetric;
}

void OneWaySolver::rebuild(int group, const deck::SolverOptions& options,
                           const solve::Reuse::Age& age) {
  Group& own = *groups_[static_cast<std::size_t>(group)];
  copy_values(own);
  la::System system;
  system.op = &*own.matrix;
  system.rhs = own.rhs;
  system.symmetric = own.is_symmetric;
  system.kernel = own.kernel;
  solve::rebuild(system, options, own.context, age);
}

void OneWaySolver::restore_values() {
  for (const auto& group : groups_) copy_values(*group);
  has_values_ = true;
}

/// d with what the group's solver has of its part.
void OneWaySolver::watch(Group& group, const la::Vector& d) const {
  if (!look_) return;
  group.context.look = [this, &group, d](const solve::Context::Moment& moment) {
    const solve::Iterate whole = [&] {
      const la::Vector all = la::make_vector("ritz::run::correction", layout_.n_owned);
      la::copy(d, all);
      const la::Vector part = moment.iterate();
      const auto k = static_cast<LocalId>(group.components.size());
      for (LocalId i = 0; i < group.matrix->layout().n_owned; ++i) {
        const LocalId row = i / k * m_ + group.components[static_cast<std::size_t>(i % k)];
        all(static_cast<std::size_t>(row)) = part(static_cast<std::size_t>(i));
      }
      return all;
    };
    return look_({whole, 0, moment.iterations, moment.residual});
  };
}

int OneWaySolver::n_built() const {
  int n = 0;
  for (const auto& group : groups_) n += group->reuse->n_built();
  return n;
}

OneWaySolver::Outcome OneWaySolver::solve(const la::Vector& r, const la::Vector& d,
                                          const deck::SolverOptions& options, bool has_guess) {
  Outcome outcome;
  if (!has_values_) {
    for (const auto& group : groups_) {
      copy_values(*group);
      group->reuse->operator_changed();
    }
    has_values_ = true;
  }
  const comm::Communicator& communicator = layout_.communicator;
  const auto m = static_cast<LocalId>(m_);
  if (!has_guess) la::fill(d, 0.0);
  // What is known of d, at ghosts as well.
  std::vector<double> known(static_cast<std::size_t>(layout_.n_local()), 0.0);
  const double whole = la::norm2(communicator, r);
  double squares = 0;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    Group& group = *groups_[g];
    const auto k = static_cast<LocalId>(group.components.size());
    for (LocalId i = 0; i < group.matrix->layout().n_owned; ++i) {
      const LocalId row = i / k * m + group.components[static_cast<std::size_t>(i % k)];
      const auto at = static_cast<std::size_t>(row);
      double sum = r(at);
      for (std::size_t e = rows_.pattern.row_offsets(at); e < rows_.pattern.row_offsets(at + 1);
           ++e) {
        const LocalId column = rows_.pattern.columns(e);
        if (group_of_[static_cast<std::size_t>(column % m)] < static_cast<int>(g))
          sum -= rows_.values(e) * known[static_cast<std::size_t>(column)];
      }
      group.rhs(static_cast<std::size_t>(i)) = sum;
    }
    const double size = la::norm2(communicator, group.rhs);
    if (size == 0) {
      la::fill(group.solution, 0.0);
      continue;
    }
    deck::SolverOptions own = options;
    // The group's part of the whole residual, and to the tolerance by itself: residuals of unlike
    // equations have unlike units.
    own.tolerance = std::min(options.tolerance, std::max(1e-13, options.tolerance * whole / size));
    la::System system;
    system.op = &*group.matrix;
    system.rhs = group.rhs;
    system.kernel = group.kernel;
    solve::Report report;
    // Of no guess these are zeros.
    for (LocalId i = 0; i < group.matrix->layout().n_owned; ++i) {
      const LocalId row = i / k * m + group.components[static_cast<std::size_t>(i % k)];
      group.solution(static_cast<std::size_t>(i)) = d(static_cast<std::size_t>(row));
    }
    if (has_guess) group.context.continued = solve::Context::Continued();
    watch(group, d);
    while (true) {
      system.symmetric = group.is_symmetric;
      report = solve::solve(system, group.solution, own, group.context);
      outcome.iterations += report.last().iterations;
      group.context.continued.reset();
      if (report.status != solve::Status::indefinite || !group.is_symmetric) break;
      group.is_symmetric = false;
      la::fill(group.solution, 0.0);
      group.reuse->forget("the matrix is not positive definite");
    }
    squares += report.true_residual * size * report.true_residual * size;
    for (const std::string& note : report.notes) outcome.notes.push_back(group.names + ": " + note);
    if (!outcome.solver.empty()) outcome.solver += ", ";
    outcome.solver +=
        fmt::format("{}: {}+{}", group.names, report.last().method, report.last().preconditioner);
    if (!report.converged()) {
      outcome.converged = false;
      outcome.status = report.status;
      outcome.message = group.names + ": " + report.failure_text();
      if (report.status == solve::Status::walltime || report.status == solve::Status::nan) break;
    }
    for (LocalId i = 0; i < group.matrix->layout().n_owned; ++i) {
      const LocalId row = i / k * m + group.components[static_cast<std::size_t>(i % k)];
      const double value = group.solution(static_cast<std::size_t>(i));
      d(static_cast<std::size_t>(row)) = value;
      known[static_cast<std::size_t>(row)] = value;
    }
    plan_.to_ghosts(std::span(known), m_);
  }
  outcome.residual = whole > 0 ? std::sqrt(squares) / whole : 0.0;
  return outcome;
}

}  // namespace ritz::run
