#include <array>
#include <utility>

#include "cycle.hpp"
#include "ritz/assembly/system_operator.hpp"

namespace ritz::multigrid {

namespace {

using assembly::SystemAssembler;
using assembly::SystemOperator;
using base::Error;
using base::ExitCode;

template <class T>
class LevelSystem final : public LevelOperator<T> {
 public:
  using typename LevelOperator<T>::Hook;
  explicit LevelSystem(SystemOperator<T> cells) : cells_(std::move(cells)) {}
  void apply(const device::View<const T*>& x, const device::View<T*>& y, const Hook& before,
             const Hook& after) const override {
    cells_.apply(x, y, before, after);
  }
  void diagonal(const device::View<T*>& d) const override { cells_.diagonal(d); }
  [[nodiscard]] std::size_t bytes() const override { return cells_.bytes(); }

 private:
  SystemOperator<T> cells_;
};

/// The state's values at the coarse nodes: each lies in a fine cell.
class Injection {
 public:
  Injection(const StepDown& step, int components) : step_(step), m_(components) {
    const auto& nodes = step.coarse.element.nodes();
    const int dim = step.fine_mesh.dimension();
    const unsigned halved = step.parents ? step.parents->halved : 0U;
    const auto n_fine = static_cast<std::size_t>(step.fine.element.n_nodes());
    rows_.resize(8);
    for (unsigned corner = 0; corner < 8; ++corner) {
      if ((corner & ~halved) != 0) continue;
      for (const auto& node : nodes) {
        std::array<double, 3> at = node;
        bool inside = true;
        for (unsigned d = 0; d < static_cast<unsigned>(dim); ++d) {
          if ((halved >> d & 1U) == 0) continue;
          at[d] = 2 * node[d] - (corner >> d & 1U);
          inside = inside && at[d] > -1e-10 && at[d] < 1 + 1e-10;
        }
        std::vector<double> row;
        if (inside) {
          row.resize(n_fine);
          step.fine.element.values(at, row);
        }
        rows_[corner].push_back(std::move(row));
      }
    }
  }

  [[nodiscard]] std::vector<double> operator()(std::span<const double> fine) const {
    if (fine.empty()) return {};
    const auto m = static_cast<std::size_t>(m_);
    std::vector<double> coarse(static_cast<std::size_t>(step_.coarse.n_local()) * m, 0.0);
    for (LocalId cell = 0; cell < step_.fine_mesh.n_cells_owned; ++cell) {
      const auto c = static_cast<std::size_t>(cell);
      const auto from = step_.fine.dofs(cell);
      const auto to = step_.coarse.dofs(step_.parents ? step_.parents->cell[c] : cell);
      const auto& rows = rows_[step_.parents ? step_.parents->corner[c] : 0];
      for (std::size_t a = 0; a < rows.size(); ++a) {
        if (rows[a].empty()) continue;
        for (std::size_t i = 0; i < m; ++i) {
          double sum = 0;
          for (std::size_t b = 0; b < rows[a].size(); ++b)
            sum += rows[a][b] * fine[static_cast<std::size_t>(from[b]) * m + i];
          coarse[static_cast<std::size_t>(to[a]) * m + i] = sum;
        }
      }
    }
    step_.coarse.plan.to_ghosts(std::span(coarse), m_);
    return coarse;
  }

 private:
  const StepDown& step_;
  int m_;
  std::vector<std::vector<std::vector<double>>> rows_;  // [corner][coarse node][fine node]
};

template <class T>
class SystemProblem final : public LevelProblem<T> {
 public:
  SystemProblem(const physics::SystemForm& form, const SystemState& at,
                const SystemCoarseFactory& factory)
      : form_(form),
        at_(at),
        factory_(factory),
        needs_state_(physics::system_traits(form).jacobian_depends_on_state) {
    if (!needs_state_) at_.state = {at.state.time, {}, {}, {}};
  }

  [[nodiscard]] int components() const override { return form_.n_unknowns(); }

  void go_down(const StepDown& step) override {
    if (!needs_state_) return;
    const Injection inject(step, components());
    std::array<std::vector<double>, 3> next{inject(at_.state.u), inject(at_.state.rate),
                                            inject(at_.state.second_rate)};
    held_ = std::move(next);
    at_.state = {at_.state.time, held_[0], held_[1], held_[2]};
  }

  [[nodiscard]] std::vector<la::Vector> kernel(const mesh::Mesh& mesh,
                                               const fem::Space& space) override {
    return at_.kernel ? at_.kernel(mesh, space) : std::vector<la::Vector>();
  }

  [[nodiscard]] std::vector<std::uint8_t> is_fixed(const mesh::Mesh& mesh,
                                                   const fem::Space& space) override {
    return assembly::fixed_unknowns(mesh, space, form_);
  }

  [[nodiscard]] std::unique_ptr<LevelOperator<T>> make_operator(
      const mesh::Mesh& mesh, const fem::Space& space, const std::vector<std::uint8_t>& is_fixed,
      LevelInfo& info) override {
    SystemOperator<T> cells(mesh, space, form_, is_fixed);
    check(space, cells.update(at_.state, at_.rate_shift, at_.second_shift), info.degree);
    info.cells = cells.cells().text(space.communicator);
    return std::make_unique<LevelSystem<T>>(std::move(cells));
  }

  [[nodiscard]] std::unique_ptr<la::Matrix> assemble(const mesh::Mesh& mesh,
                                                     const fem::Space& space) override {
    const SystemAssembler assembler(mesh, space, form_);
    const la::CsrPattern& pattern = assembler.pattern();
    const la::Vector values("ritz::multigrid::coarse_values", pattern.columns.extent(0));
    std::vector<double> zeros;
    SystemAssembler::State state = at_.state;
    if (state.u.empty()) {
      zeros.assign(static_cast<std::size_t>(space.n_local() * components()), 0.0);
      state.u = zeros;
    }
    check(space, assembler.jacobian(state, at_.rate_shift, at_.second_shift, values), 1);
    return std::make_unique<la::Matrix>(assembler.layout(), la::CsrMatrix{pattern, values});
  }

  [[nodiscard]] std::unique_ptr<la::Preconditioner> coarse_solver(
      const la::Matrix& matrix, const mesh::Mesh& mesh, const fem::Space& space) override {
    return factory_ ? factory_(matrix, mesh, space) : nullptr;
  }

 private:
  static void check(const fem::Space& space, const SystemAssembler::Result& result, int degree) {
    if (!space.communicator.any(result.bad_cell >= 0)) return;
    throw Error(
        ExitCode::not_finite,
        fmt::format("multigrid: a coefficient is not finite on the level of degree {}", degree));
  }

  const physics::SystemForm& form_;
  SystemState at_;  // of the level at hand
  const SystemCoarseFactory& factory_;
  bool needs_state_;
  std::array<std::vector<double>, 3> held_;
};

}  // namespace

std::unique_ptr<Multigrid> make(const mesh::Hierarchy& hierarchy, const fem::Space& space,
                                const physics::SystemForm& form, const SystemState& at,
                                const Options& options, const SystemCoarseFactory& coarse_factory) {
  check_inputs(hierarchy, space, options);
  if (options.precision == Options::Precision::double_precision) {
    SystemProblem<double> problem(form, at, coarse_factory);
    return std::make_unique<Cycle<double>>(hierarchy, space, problem, options);
  }
  SystemProblem<float> problem(form, at, coarse_factory);
  return std::make_unique<Cycle<float>>(hierarchy, space, problem, options);
}

}  // namespace ritz::multigrid
