#include <algorithm>
#include <cmath>
#include <string>

#include "boundary_dofs.hpp"
#include "coefficients.hpp"
#include "ritz/assembly/assembler.hpp"
#include "ritz/base/error.hpp"
#include "ritz/mesh/geometry.hpp"

namespace ritz::assembly {

namespace {

struct Clash {
  LocalId dof;
  std::array<double, 3> at;
  double difference;
};

class FixedValuesBuilder {
 public:
  FixedValuesBuilder(const mesh::Mesh& mesh, const fem::Space& space, double time)
      : mesh_(mesh), space_(space), time_(time) {
    const auto n = static_cast<std::size_t>(space.n_local());
    result_.constraints.is_fixed.assign(n, 0);
    result_.constraints.value.assign(n, 0.0);
  }

  /// Local: throws on a value that is not finite.
  void prescribe(const physics::BoundaryForm& boundary) {
    const std::vector<BoundaryDof> dofs = boundary_dofs(mesh_, space_, boundary.sets);
    const std::size_t n = dofs.size();
    if (n == 0) return;
    std::vector<double> rows(4 * n), values(n);
    for (std::size_t i = 0; i < n; ++i) {
      const auto& reference = space_.element.nodes()[static_cast<std::size_t>(dofs[i].node)];
      const auto x = mesh::map_to_physical(mesh_, dofs[i].cell, reference);
      for (std::size_t d = 0; d < 3; ++d) rows[d * n + i] = x[d];
      rows[3 * n + i] = time_;
    }
    evaluate_on_host(boundary.value, time_, rows, values);
    for (std::size_t i = 0; i < n; ++i) {
      set(dofs[i].dof, values[i], {rows[i], rows[n + i], rows[2 * n + i]}, boundary);
    }
  }

  /// Collective.
  FixedValues finish() {
    const comm::Communicator& communicator = space_.communicator;
    auto& constraints = result_.constraints;
    space_.plan.to_ghosts(std::span<std::uint8_t>(constraints.is_fixed));
    space_.plan.to_ghosts(std::span<double>(constraints.value));
    double largest = communicator.max(largest_);
    GlobalId n_fixed = 0, n_clashes = 0;
    for (LocalId dof = 0; dof < space_.n_owned; ++dof) {
      n_fixed += constraints.is_fixed[static_cast<std::size_t>(dof)];
    }
    // Several clashes on one dof count once.
    std::sort(clashes_.begin(), clashes_.end(),
              [](const Clash& a, const Clash& b) { return a.dof < b.dof; });
    struct Worst {
      double difference = 0;
      std::array<double, 3> at{};
    } worst;
    LocalId last = -1;
    for (const Clash& clash : clashes_) {
      if (clash.dof >= space_.n_owned || !(clash.difference > 1e-10 * largest)) continue;
      if (clash.dof != last) ++n_clashes;
      last = clash.dof;
      if (clash.difference > worst.difference) worst = {clash.difference, clash.at};
    }
    result_.n_fixed = communicator.sum(n_fixed);
    result_.n_clashes = communicator.sum(n_clashes);
    for (const Worst& one : communicator.all_gather(worst)) {
      if (one.difference <= result_.clash_difference) continue;
      result_.clash_difference = one.difference;
      result_.clash_at = one.at;
    }
    return std::move(result_);
  }

 private:
  void set(LocalId dof, double value, const std::array<double, 3>& at,
           const physics::BoundaryForm& boundary) {
    const auto i = static_cast<std::size_t>(dof);
    if (is_bad(value)) {
      std::string names;
      for (const std::int16_t s : boundary.sets) {
        names += (names.empty() ? "" : ", ") + mesh_.set_names[static_cast<std::size_t>(s)];
      }
      throw base::Error(base::ExitCode::not_finite,
                        "the value prescribed on " + names + " is " + std::to_string(value) +
                            " at (" + std::to_string(at[0]) + ", " + std::to_string(at[1]) + ", " +
                            std::to_string(at[2]) + ")");
    }
    auto& constraints = result_.constraints;
    if (constraints.is_fixed[i] != 0 && constraints.value[i] != value) {
      clashes_.push_back({dof, at, std::abs(constraints.value[i] - value)});
    }
    constraints.is_fixed[i] = 1;
    constraints.value[i] = value;
    if (dof < space_.n_owned) largest_ = std::max(largest_, std::abs(value));
  }

  const mesh::Mesh& mesh_;
  const fem::Space& space_;
  double time_;
  double largest_ = 0;
  std::vector<Clash> clashes_;
  FixedValues result_;
};

}  // namespace

std::vector<BoundaryDof> boundary_dofs(const mesh::Mesh& mesh, const fem::Space& space,
                                       const std::vector<std::int16_t>& sets) {
  std::vector<BoundaryDof> dofs;
  for (const mesh::FacetInSet& f : mesh.facet_sets) {
    if (std::find(sets.begin(), sets.end(), f.set) == sets.end()) continue;
    const auto cell_dofs = space.dofs(f.cell);
    const GlobalId gid = mesh.cell_gid[static_cast<std::size_t>(f.cell)];
    for (const int node : space.element.facet_nodes(f.facet)) {
      dofs.push_back({cell_dofs[static_cast<std::size_t>(node)], gid, f.cell, node});
    }
  }
  std::sort(dofs.begin(), dofs.end(), [](const BoundaryDof& a, const BoundaryDof& b) {
    return a.dof != b.dof ? a.dof < b.dof : a.gid < b.gid;
  });
  dofs.erase(std::unique(dofs.begin(), dofs.end(),
                         [](const auto& a, const auto& b) { return a.dof == b.dof; }),
             dofs.end());
  return dofs;
}

FixedValues fixed_values(const mesh::Mesh& mesh, const fem::Space& space, const physics::Form& form,
                         double time) {
  FixedValuesBuilder builder(mesh, space, time);
  space.communicator.together([&] {
    for (const physics::BoundaryForm& boundary : form.boundaries) {
      if (boundary.kind == physics::BoundaryForm::Kind::value) builder.prescribe(boundary);
    }
  });
  return builder.finish();
}

}  // namespace ritz::assembly
