#include "system_values.hpp"

#include <algorithm>
#include <cmath>

#include "boundary_dofs.hpp"
#include "coefficients.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/text.hpp"
#include "ritz/mesh/geometry.hpp"

namespace ritz::assembly {

SystemValues::SystemValues(const mesh::Mesh& mesh, const fem::Space& space,
                           const physics::SystemForm& form)
    : space_(space), m_(form.n_unknowns()) {
  const auto m = static_cast<std::size_t>(m_);
  const std::size_t n = static_cast<std::size_t>(space.n_local()) * m;
  is_fixed_.assign(n, 0);
  values_.assign(n, 0.0);
  written_.assign(n, 0);
  std::size_t longest = 0;
  for (const physics::SystemForm::Boundary& boundary : form.boundaries) {
    if (boundary.kind != physics::SystemForm::Boundary::Kind::value) continue;
    Condition condition;
    condition.unknown = boundary.unknown;
    condition.name = form.unknowns[static_cast<std::size_t>(boundary.unknown)] + " on ";
    for (std::size_t s = 0; s < boundary.sets.size(); ++s) {
      condition.name +=
          (s == 0 ? "" : ", ") + mesh.set_names[static_cast<std::size_t>(boundary.sets[s])];
    }
    const std::vector<BoundaryDof> dofs = boundary_dofs(mesh, space, boundary.sets);
    condition.places.resize(3 * dofs.size());
    for (std::size_t i = 0; i < dofs.size(); ++i) {
      condition.dofs.push_back(dofs[i].dof);
      const auto x = mesh::map_to_physical(
          mesh, dofs[i].cell, space.element.nodes()[static_cast<std::size_t>(dofs[i].node)]);
      for (std::size_t d = 0; d < 3; ++d) condition.places[d * dofs.size() + i] = x[d];
      is_fixed_[static_cast<std::size_t>(dofs[i].dof) * m +
                static_cast<std::size_t>(boundary.unknown)] = 1;
    }
    condition.is_constant = boundary.value.is_constant();
    if (condition.is_constant) {
      condition.constant = boundary.value.constant_value();
    } else {
      condition.program = boundary.value.compile({"t"});
    }
    longest = std::max(longest, dofs.size());
    conditions_.push_back(std::move(condition));
  }
  buffer_.resize(longest);
  space.plan.to_ghosts(std::span<std::uint8_t>(is_fixed_), m_);
  GlobalId n_fixed = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(space.n_owned) * m; ++i)
    n_fixed += is_fixed_[i];
  n_fixed_ = space.communicator.sum(n_fixed);
}

SystemAssembler::Fixed SystemValues::write(double time, std::span<double> u) const {
  if (u.size() != values_.size()) {
    throw base::Error(base::ExitCode::internal,
                      "assembly: a state does not fit the system; please report this");
  }
  SystemAssembler::Fixed fixed;
  if (n_fixed_ == 0) return fixed;
  std::fill(written_.begin(), written_.end(), std::uint8_t{0});
  clashes_.clear();
  // One pointer to capture, so that the function needs no memory of its own.
  struct Work {
    const SystemValues& values;
    double time;
    double largest;
  } work{*this, time, 0.0};
  space_.communicator.together([&work] {
    for (Condition& condition : work.values.conditions_) {
      work.values.evaluate(condition, work.time);
      work.values.set(condition, work.largest);
    }
  });
  space_.plan.to_ghosts(std::span<double>(values_), m_);
  for (std::size_t i = 0; i < u.size(); ++i) {
    if (is_fixed_[i] != 0) u[i] = values_[i];
  }
  return gather_clashes(space_.communicator.max(work.largest));
}

/// The condition's values, in buffer_.
void SystemValues::evaluate(Condition& condition, double time) const {
  const std::size_t n = condition.dofs.size();
  const std::span<double> out(buffer_.data(), n);
  if (condition.is_constant) {
    std::fill(out.begin(), out.end(), condition.constant);
    return;
  }
  if (n == 0) return;
  condition.program.set_uniform("t", time);
  condition.program.evaluate(condition.places, out);
}

void SystemValues::set(const Condition& condition, double& largest) const {
  const std::size_t n = condition.dofs.size();
  for (std::size_t i = 0; i < n; ++i) {
    const std::array<double, 3> at{condition.places[i], condition.places[n + i],
                                   condition.places[2 * n + i]};
    const double value = buffer_[i];
    if (is_bad(value)) {
      throw base::Error(base::ExitCode::not_finite,
                        "the value prescribed for " + condition.name + " is " +
                            base::number_text(value) + " at (" + base::number_text(at[0]) + ", " +
                            base::number_text(at[1]) + ", " + base::number_text(at[2]) + ")");
    }
    const std::size_t index =
        static_cast<std::size_t>(condition.dofs[i]) * static_cast<std::size_t>(m_) +
        static_cast<std::size_t>(condition.unknown);
    const bool is_owned = condition.dofs[i] < space_.n_owned;
    if (is_owned && written_[index] != 0 && values_[index] != value)
      clashes_.push_back({index, std::abs(values_[index] - value), at});
    written_[index] = 1;
    values_[index] = value;
    if (is_owned) largest = std::max(largest, std::abs(value));
  }
}

SystemAssembler::Fixed SystemValues::gather_clashes(double largest) const {
  SystemAssembler::Fixed fixed;
  fixed.n_fixed = n_fixed_;
  // Several clashes of one unknown count once.
  std::sort(clashes_.begin(), clashes_.end(),
            [](const Clash& a, const Clash& b) { return a.index < b.index; });
  struct Worst {
    double difference = 0;
    std::array<double, 3> at{};
    int unknown = -1;
  } worst;
  GlobalId n_clashes = 0;
  auto last = static_cast<std::size_t>(-1);
  for (const Clash& clash : clashes_) {
    if (!(clash.difference > 1e-10 * largest)) continue;
    if (clash.index != last) ++n_clashes;
    last = clash.index;
    if (clash.difference > worst.difference) {
      worst = {clash.difference, clash.at,
               static_cast<int>(clash.index % static_cast<std::size_t>(m_))};
    }
  }
  fixed.n_clashes = space_.communicator.sum(n_clashes);
  if (fixed.n_clashes == 0) return fixed;
  for (const Worst& one : space_.communicator.all_gather(worst)) {
    if (one.difference <= fixed.clash_difference) continue;
    fixed.clash_difference = one.difference;
    fixed.clash_at = one.at;
    fixed.clash_unknown = one.unknown;
  }
  return fixed;
}

}  // namespace ritz::assembly
