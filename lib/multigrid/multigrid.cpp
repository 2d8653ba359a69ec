#include "ritz/multigrid/multigrid.hpp"

#include <cmath>
#include <utility>

#include "cycle.hpp"
#include "ritz/assembly/assembler.hpp"
#include "ritz/assembly/cell_operator.hpp"

namespace ritz::multigrid {

using base::Error;
using base::ExitCode;

namespace {

template <class T>
class ScalarOperator final : public LevelOperator<T> {
 public:
  using typename LevelOperator<T>::Hook;
  explicit ScalarOperator(assembly::CellOperator<T> cells) : cells_(std::move(cells)) {}
  void apply(const device::View<const T*>& x, const device::View<T*>& y, const Hook& before,
             const Hook& after) const override {
    cells_.apply(x, y, before, after);
  }
  void diagonal(const device::View<T*>& d) const override { cells_.diagonal(d); }
  [[nodiscard]] std::optional<double> spectrum_bound() const override {
    return cells_.spectrum_bound();
  }
  [[nodiscard]] std::size_t bytes() const override { return cells_.bytes(); }

 private:
  assembly::CellOperator<T> cells_;
};

/// A form of one unknown.
template <class T>
class ScalarProblem final : public LevelProblem<T> {
 public:
  ScalarProblem(const physics::Form& form, double time, const CoarseFactory& factory)
      : form_(form), time_(time), factory_(factory) {}

  [[nodiscard]] std::vector<la::Vector> kernel(const mesh::Mesh&,
                                               const fem::Space& space) override {
    if (!form_.is_pure_neumann()) return {};
    const la::Vector constant = la::make_vector("ritz::multigrid::constant", space.n_owned);
    la::fill(constant, 1 / std::sqrt(static_cast<double>(space.n_global)));
    return {constant};
  }

  [[nodiscard]] std::vector<std::uint8_t> is_fixed(const mesh::Mesh& mesh,
                                                   const fem::Space& space) override {
    fixed_ = assembly::fixed_values(mesh, space, form_, time_).constraints;
    return fixed_.is_fixed;
  }

  [[nodiscard]] std::unique_ptr<LevelOperator<T>> make_operator(const mesh::Mesh& mesh,
                                                                const fem::Space& space,
                                                                const std::vector<std::uint8_t>&,
                                                                LevelInfo& info) override {
    assembly::CellOperator<T> cells(mesh, space, fixed_, form_, time_);
    info.n_cartesian = space.communicator.sum<GlobalId>(cells.cells().cartesian);
    return std::make_unique<ScalarOperator<T>>(std::move(cells));
  }

  [[nodiscard]] std::unique_ptr<la::Matrix> assemble(const mesh::Mesh& mesh,
                                                     const fem::Space& space) override {
    const assembly::Assembler assembler(mesh, space, fixed_);
    const la::CsrPattern& pattern = assembler.pattern();
    const la::Vector values("ritz::multigrid::coarse_values", pattern.columns.extent(0));
    const la::Vector rhs = la::make_vector("ritz::multigrid::coarse_rhs", space.n_owned);
    const auto result = assembler.assemble(form_, fixed_, time_, values, rhs);
    if (space.communicator.any(result.bad_cell >= 0)) {
      throw Error(ExitCode::not_finite,
                  "multigrid: a coefficient is not finite on the coarsest level");
    }
    return std::make_unique<la::Matrix>(la::Layout::of(space), la::CsrMatrix{pattern, values});
  }

  [[nodiscard]] std::unique_ptr<la::Preconditioner> coarse_solver(const la::Matrix& matrix,
                                                                  const mesh::Mesh&,
                                                                  const fem::Space&) override {
    return factory_ ? factory_(matrix, form_.is_pure_neumann()) : nullptr;
  }

 private:
  const physics::Form& form_;
  double time_;
  const CoarseFactory& factory_;
  fem::Constraints fixed_;  // of the level at hand
};

}  // namespace

void check_inputs(const mesh::Hierarchy& hierarchy, const fem::Space& space,
                  const Options& options) {
  const auto refuse = [](const char* what) {
    throw Error(ExitCode::internal, fmt::format("multigrid: {}; please report this", what));
  };
  if (hierarchy.meshes.empty() || hierarchy.parents.size() + 1 != hierarchy.meshes.size()) {
    refuse("a hierarchy without meshes or without parents");
  }
  const mesh::Mesh& finest = hierarchy.finest();
  for (const mesh::Mesh& mesh : hierarchy.meshes) {
    if (mesh.set_names != finest.set_names) refuse("a coarse mesh without the finest one's sets");
  }
  if (!mesh::is_tensor(finest.cell_type)) refuse("cells other than lines, quads and hexes");
  if (space.cell_dofs.size() != static_cast<std::size_t>(finest.n_cells()) *
                                    static_cast<std::size_t>(space.element.n_nodes())) {
    refuse("a space that is not on the finest mesh");
  }
  if (!assembly::CellOperator<double>::supports(finest)) {
    refuse("a form that has no operator without a matrix");
  }
  if (options.smoother_degree < 1 || !(options.smoothing_range > 1) ||
      options.eigenvalue_steps < 1 || !(options.eigenvalue_safety > 0)) {
    refuse("options out of their range");
  }
  if (!Kokkos::SpaceAccessibility<Kokkos::HostSpace, device::MemorySpace>::accessible) {
    refuse("vectors are not in the memory of the host, where the cycle works");
  }
}

std::unique_ptr<Multigrid> make(const mesh::Hierarchy& hierarchy, const fem::Space& space,
                                const physics::Form& form, double time, const Options& options,
                                const CoarseFactory& coarse_factory) {
  check_inputs(hierarchy, space, options);
  if (options.precision == Options::Precision::double_precision) {
    ScalarProblem<double> problem(form, time, coarse_factory);
    return std::make_unique<Cycle<double>>(hierarchy, space, problem, options);
  }
  ScalarProblem<float> problem(form, time, coarse_factory);
  return std::make_unique<Cycle<float>>(hierarchy, space, problem, options);
}

const Multigrid& Cache::get(const Inputs& inputs,
                            const std::function<std::unique_ptr<Multigrid>()>& build) {
  if (multigrid_ && inputs == inputs_) {
    ++n_reused_;
    return *multigrid_;
  }
  changed_.clear();
  const auto note = [&](bool differs, const char* name) {
    if (multigrid_ && differs) changed_ += (changed_.empty() ? "" : ", ") + std::string(name);
  };
  note(inputs.mesh_generation != inputs_.mesh_generation, "mesh");
  note(inputs.coefficient_generation != inputs_.coefficient_generation, "coefficients");
  note(inputs.degree != inputs_.degree, "degree");
  note(inputs.time != inputs_.time, "time");
  multigrid_.reset();  // before the new one is built: both at once may not fit
  multigrid_ = build();
  inputs_ = inputs;
  ++n_built_;
  return *multigrid_;
}

}  // namespace ritz::multigrid
