#include "matrix_free_jacobian.hpp"

#include <algorithm>
#include <utility>

#include "ritz/base/text.hpp"
#include "ritz/la/vector.hpp"
#include "ritz/multigrid/multigrid.hpp"
#include "ritz/run/matrix_free.hpp"

namespace ritz::run {

bool may_turn(const mesh::Mesh& mesh, int a, int b) {
  return std::all_of(mesh.translations.begin(), mesh.translations.end(), [&](const auto& move) {
    return move[static_cast<std::size_t>(a)] == 0 && move[static_cast<std::size_t>(b)] == 0;
  });
}

std::vector<la::Vector> rigid_body_motions(const mesh::Mesh& mesh, const fem::Space& space) {
  const int d = mesh.dimension();
  const std::vector<double> at = fem::node_coordinates(mesh, space);
  const LocalId n = space.n_owned * d;
  const std::vector<std::vector<std::pair<int, int>>> rotations{
      {}, {}, {{0, 1}}, {{0, 1}, {1, 2}, {0, 2}}};
  std::vector<la::Vector> motions;
  for (int c = 0; c < d; ++c) {
    const la::Vector mode = la::make_vector("ritz::run::rigid_body_motion", n);
    for (LocalId i = c; i < n; i += d) mode(static_cast<std::size_t>(i)) = 1.0;
    motions.push_back(mode);
  }
  for (const auto& [a, b] : rotations[static_cast<std::size_t>(d)]) {
    if (!may_turn(mesh, a, b)) continue;
    const la::Vector mode = la::make_vector("ritz::run::rigid_body_motion", n);
    for (LocalId i = 0; i < n; ++i) {
      const int c = i % d;
      if (c != a && c != b) continue;
      const std::size_t node = 3 * static_cast<std::size_t>(i / d);
      mode(static_cast<std::size_t>(i)) =
          c == a ? -at[node + static_cast<std::size_t>(b)] : at[node + static_cast<std::size_t>(a)];
    }
    motions.push_back(mode);
  }
  return motions;
}

bool needs_matrix(const deck::Problem& problem, const physics::SystemForm& form) {
  if (problem.equation.kind == deck::EquationKind::helmholtz) return true;
  // Block triangular: solved group by group, from the matrix.
  if (problem.equation.kind == deck::EquationKind::thermo_elasticity) return true;
  const int order = physics::system_traits(form).time_order;
  if (order == 0) return false;
  for (const physics::SystemForm::Region& region : form.regions) {
    std::vector<bool> has(static_cast<std::size_t>(form.n_unknowns()), false);
    for (const physics::JacobianEntry& e : physics::jacobian_entries(form, region)) {
      if (e.test == e.trial && e.test_slot == 0 && e.trial_slot == form.dimension + order)
        has[static_cast<std::size_t>(e.trial)] = true;
    }
    if (std::find(has.begin(), has.end(), false) != has.end()) return true;
  }
  return false;
}

class MatrixFreeJacobian::Free final : public la::HookedOperator {
 public:
  Free(la::Layout layout, assembly::SystemOperator<double> cells_in)
      : cells(std::move(cells_in)), layout_(std::move(layout)) {}
  [[nodiscard]] const la::Layout& layout() const override { return layout_; }
  void apply(const la::Vector& x, const la::Vector& y) const override { cells.apply(x, y); }
  void apply_with(const la::Vector& x, const la::Vector& y, const Hook& before,
                  const Hook& after) const override {
    cells.apply(x, y, before, after);
  }
  [[nodiscard]] bool diagonal_into(const la::Vector& d) const override {
    cells.diagonal(d);
    return true;
  }
  assembly::SystemOperator<double> cells;

 private:
  la::Layout layout_;
};

MatrixFreeJacobian::MatrixFreeJacobian(const mesh::Hierarchy& meshes, const fem::Space& space,
                                       const physics::SystemForm& form,
                                       const std::vector<std::uint8_t>& is_fixed,
                                       const la::Layout& layout)
    : meshes_(meshes),
      space_(space),
      form_(form),
      layout_(layout),
      free_(std::make_shared<Free>(
          layout, assembly::SystemOperator<double>(meshes.finest(), space, form, is_fixed))) {}

assembly::SystemAssembler::Result MatrixFreeJacobian::update(
    const assembly::SystemAssembler::State& state, double rate_shift, double second_shift) {
  state_ = state;
  rate_shift_ = rate_shift;
  second_shift_ = second_shift;
  return free_->cells.update(state, rate_shift, second_shift);
}

const la::HookedOperator& MatrixFreeJacobian::op() const {
  return *free_;
}

std::shared_ptr<la::HookedOperator> MatrixFreeJacobian::mass(
    const assembly::SystemAssembler::State& state, int order,
    const std::vector<std::uint8_t>& is_fixed) const {
  auto mass = std::make_shared<Free>(
      layout_, assembly::SystemOperator<double>(meshes_.finest(), space_, form_, is_fixed));
  // Values that are not finite are told by the residual.
  static_cast<void>(mass->cells.update(state, order == 1 ? 1 : 0, order == 2 ? 1 : 0, 0));
  return mass;
}

void MatrixFreeJacobian::offer_multigrid(solve::Context& context,
                                         const deck::SolverOptions& options, bool rigid) {
  solve::Context coarse;
  coarse.cell_type = context.cell_type;
  coarse.dimension = context.dimension;
  coarse.n_components = form_.n_unknowns();
  context.multigrid = [this, options, coarse, rigid] {
    const auto coarse_solver = [&](const la::Matrix& matrix, const mesh::Mesh& mesh,
                                   const fem::Space& space) {
      solve::Context with_modes = coarse;
      if (rigid) with_modes.near_null_space = rigid_body_motions(mesh, space);
      if (kernel_) with_modes.kernel = kernel_(mesh, space);
      return solve::coarse_factory(options, with_modes)(matrix, false);
    };
    solve::Context::Multigrid result;
    const std::shared_ptr<const multigrid::Multigrid> cycle =
        multigrid::make(meshes_, space_, form_, {state_, rate_shift_, second_shift_, kernel_},
                        multigrid_options(options.multigrid), coarse_solver);
    result.cycle = cycle;
    result.initial_guess = [cycle](const la::Vector& b, const la::Vector& x) {
      cycle->initial_guess(b, x);
    };
    result.text = cycle->text();
    return result;
  };
}

std::string MatrixFreeJacobian::text() const {
  const comm::Communicator& communicator = space_.communicator;
  return free_->cells.cells().text(communicator) + ", " +
         base::bytes_text(communicator.sum(static_cast<double>(free_->cells.bytes())));
}

}  // namespace ritz::run
