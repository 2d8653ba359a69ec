#include "ritz/multigrid/multigrid.hpp"

#include <algorithm>

#include "dense_solver.hpp"
#include "level.hpp"
#include "ritz/assembly/assembler.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/la/vector.hpp"

namespace ritz::multigrid {

namespace {

using base::Error;
using base::ExitCode;

/// What solves on the coarsest level: the dense inverse, or what the caller's factory made.
template <class T>
class CoarseSolver {
 public:
  CoarseSolver(const mesh::Mesh& mesh, const fem::Space& space, const physics::Form& form,
               double time, const fem::Constraints& fixed, const Options& options,
               const CoarseFactory& factory)
      : communicator_(space.communicator), constant_null_space_(form.is_pure_neumann()) {
    // One layer of cells between prescribed values: nothing is left to solve for, and solvers for
    // large problems may not take a diagonal matrix.
    const auto end = fixed.is_fixed.begin() + space.n_owned;
    if (!communicator_.any(std::find(fixed.is_fixed.begin(), end, 0) != end)) {
      n_zero_ = static_cast<std::size_t>(space.n_owned);
      text_ = "all prescribed";
      return;
    }
    const assembly::Assembler assembler(mesh, space, fixed);
    const la::CsrPattern& pattern = assembler.pattern();
    const la::Vector values("ritz::multigrid::coarse_values", pattern.columns.extent(0));
    const la::Vector rhs = la::make_vector("ritz::multigrid::coarse_rhs", space.n_owned);
    const auto result = assembler.assemble(form, fixed, time, values, rhs);
    if (communicator_.any(result.bad_cell >= 0)) {
      throw Error(ExitCode::not_finite,
                  "multigrid: a coefficient is not finite on the coarsest level");
    }
    matrix_ = std::make_unique<la::Matrix>(la::Layout::of(space), la::CsrMatrix{pattern, values});

    const bool direct =
        options.coarse == Options::Coarse::direct ||
        (options.coarse == Options::Coarse::automatic && space.n_global <= options.dense_size);
    if (direct) {
      std::vector<GlobalId> order(space.dof_gid.begin(), space.dof_gid.begin() + space.n_owned);
      dense_ = std::make_unique<DenseSolver<T>>(*matrix_, order, constant_null_space_);
      matrix_.reset();
      text_ = "dense inverse, its rows shared by the ranks";
      return;
    }
    if (!factory) {
      throw Error(ExitCode::internal,
                  fmt::format("multigrid: {} unknowns on the coarsest level and no solver given "
                              "for them; please report this",
                              space.n_global));
    }
    other_ = factory(*matrix_, constant_null_space_);
    n_global_ = space.n_global;
    b_ = la::make_vector("ritz::multigrid::coarse_b", space.n_owned);
    x_ = la::make_vector("ritz::multigrid::coarse_x", space.n_owned);
    text_ = "assembled matrix and its own solver";
  }

  void apply(const device::View<T*>& b, const device::View<T*>& x) const {
    if (dense_) {
      dense_->apply(b.data(), x.data());
      return;
    }
    if (!other_) {
      for (std::size_t i = 0; i < n_zero_; ++i) x(i) = T(0);
      return;
    }
    const std::size_t n = b_.extent(0);
    for (std::size_t i = 0; i < n; ++i) b_(i) = static_cast<double>(b(i));
    if (constant_null_space_) remove_mean(b_);
    other_->apply(b_, x_);
    if (constant_null_space_) remove_mean(x_);
    for (std::size_t i = 0; i < n; ++i) x(i) = static_cast<T>(x_(i));
  }

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::size_t bytes() const {
    return (dense_ ? dense_->bytes() : 0) + (other_ ? other_->bytes() : 0) +
           (matrix_ ? matrix_->rows().values.extent(0) * 12 : 0) + b_.extent(0) * 16;
  }

 private:
  void remove_mean(const la::Vector& v) const {
    double sum = 0;
    for (std::size_t i = 0; i < v.extent(0); ++i) sum += v(i);
    const double mean = communicator_.sum(sum) / static_cast<double>(n_global_);
    for (std::size_t i = 0; i < v.extent(0); ++i) v(i) -= mean;
  }

  comm::Communicator communicator_;
  bool constant_null_space_;
  std::size_t n_zero_ = 0;  // where nothing is to be solved
  GlobalId n_global_ = 1;
  std::unique_ptr<DenseSolver<T>> dense_;
  std::unique_ptr<la::Matrix> matrix_;
  std::unique_ptr<la::Preconditioner> other_;
  la::Vector b_, x_;
  std::string text_;
};

template <class T>
class Cycle final : public Multigrid {
 public:
  Cycle(const mesh::Hierarchy& hierarchy, const fem::Space& space, const physics::Form& form,
        double time, const Options& options, const CoarseFactory& factory)
      : options_(options) {
    // The full degree on the finest mesh, and as long as the next coarser one has cells halved in
    // some directions only: modes that oscillate inside a cell along its weak directions are
    // neither smoothed nor of lower degree. Then lower degrees, then degree 1 on the meshes left.
    struct Plan {
      std::size_t mesh;
      int degree;
    };
    std::vector<Plan> plan;
    std::size_t m = hierarchy.meshes.size() - 1;
    const mesh::Directions all = mesh::all_directions(hierarchy.finest().dimension());
    for (; m > 0 && (hierarchy.parents[m - 1].halved & all) != all; --m) {
      plan.push_back({m, space.element.degree()});
    }
    for (int degree = space.element.degree(); degree >= 1; degree /= 2) {
      plan.push_back({m, degree});
    }
    while (m-- > 0) plan.push_back({m, 1});

    std::unique_ptr<fem::Space> owner, finer_owner;  // of the spaces made here
    const fem::Space* finer = nullptr;
    for (std::size_t l = 0; l < plan.size(); ++l) {
      const mesh::Mesh& mesh = hierarchy.meshes[plan[l].mesh];
      finer_owner = std::move(owner);
      const fem::Space* here = &space;
      if (l > 0) {
        owner = std::make_unique<fem::Space>(mesh, plan[l].degree);
        here = owner.get();
      }
      const bool coarsest = l + 1 == plan.size();
      levels_.push_back(std::make_unique<Level<T>>(mesh, *here, form, time, options, !coarsest));
      Level<T>& level = *levels_.back();
      if (l > 0) {
        Level<T>& above = *levels_[l - 1];
        if (plan[l].mesh == plan[l - 1].mesh) {
          above.cell_transfer = std::make_unique<CellTransfer<T>>(mesh, *finer, *here);
        } else {
          const mesh::Mesh& fine = hierarchy.meshes[plan[l - 1].mesh];
          const mesh::Parents& parents = hierarchy.parents[plan[l].mesh];
          if (plan[l].degree == 1) {
            above.refinement_transfer =
                std::make_unique<RefinementTransfer<T>>(*finer, fine.n_cells_owned, *here, parents);
          } else {
            above.cell_transfer =
                std::make_unique<CellTransfer<T>>(fine, *finer, mesh, *here, parents);
          }
        }
      }
      if (coarsest) {
        coarse_ = std::make_unique<CoarseSolver<T>>(mesh, *here, form, time, level.constraints,
                                                    options, factory);
      }
      level.constraints = {};
      infos_.push_back(level.info);
      finer = here;
    }
  }

  void apply(const la::Vector& r, const la::Vector& z) const override {
    if (levels_.size() == 1) {
      Level<T>& only = *levels_[0];
      for (std::size_t i = 0; i < only.n_owned(); ++i) only.b(i) = static_cast<T>(r(i));
      only.clear_fixed(only.b.data());
      coarse_->apply(only.b, only.x);
      put(r, z);
      return;
    }
    levels_[0]->smooth_from_zero({r.data(), nullptr});
    correct(0);
    levels_[0]->smooth({r.data(), z.data()});
  }

  void initial_guess(const la::Vector& b, const la::Vector& x) const override {
    Level<T>& top = *levels_[0];
    for (std::size_t i = 0; i < top.n_owned(); ++i) top.b(i) = static_cast<T>(b(i));
    top.clear_fixed(top.b.data());
    for (std::size_t l = 0; l + 1 < levels_.size(); ++l) restrict_to_next(l, levels_[l]->b);
    coarse_->apply(levels_.back()->b, levels_.back()->x);
    for (std::size_t l = levels_.size() - 1; l-- > 0;) {
      Level<T>& level = *levels_[l];
      Kokkos::deep_copy(Kokkos::DefaultHostExecutionSpace(), level.x, T(0));
      prolongate_from_next(l);
      level.smooth({});
      level.residual();
      correct(l);
      level.smooth({});
    }
    put(b, x);
  }

  [[nodiscard]] std::size_t bytes() const override {
    std::size_t sum = coarse_->bytes();
    for (const auto& level : levels_) sum += level->bytes();
    return sum;
  }

  [[nodiscard]] const std::vector<LevelInfo>& levels() const override { return infos_; }

  [[nodiscard]] std::string text() const override {
    std::string text = fmt::format(
        "multigrid: V({0},{0}), Chebyshev of the {1} kind, {2}", options_.smoother_degree,
        options_.smoother == Options::Smoother::chebyshev_4 ? "fourth" : "first",
        sizeof(T) == 4 ? "float" : "double");
    for (std::size_t l = 0; l < infos_.size(); ++l) {
      const LevelInfo& info = infos_[l];
      text += fmt::format("\n  level {}: degree {}, {} cells, {} unknowns, ", l, info.degree,
                          info.n_cells, info.n_dofs);
      if (l + 1 == infos_.size()) {
        text += coarse_->text();
      } else {
        text += fmt::format("matrix-free ({} Cartesian cells), eigenvalue {} {:.4g}",
                            info.n_cartesian, info.is_bound ? "at most" : "about", info.eigenvalue);
      }
    }
    return text;
  }

 private:
  /// x_l += P A_{l+1}^-1 P^T y_l by a V-cycle below. y_l: the residual.
  void correct(std::size_t l) const {
    restrict_to_next(l, levels_[l]->y);
    Level<T>& below = *levels_[l + 1];
    if (l + 2 == levels_.size()) {
      coarse_->apply(below.b, below.x);
    } else {
      below.smooth_from_zero({});
      correct(l + 1);
      below.smooth({});
    }
    prolongate_from_next(l);
  }

  void restrict_to_next(std::size_t l, const device::View<T*>& from) const {
    const Level<T>& level = *levels_[l];
    Level<T>& below = *levels_[l + 1];
    if (level.cell_transfer) {
      level.cell_transfer->restrict_residual(from.data(), below.b.data());
    } else {
      level.refinement_transfer->restrict_residual(from.data(), below.b.data());
    }
    below.clear_fixed(below.b.data());
  }

  void prolongate_from_next(std::size_t l) const {
    const Level<T>& level = *levels_[l];
    Level<T>& below = *levels_[l + 1];
    if (level.cell_transfer) {
      level.cell_transfer->prolongate(below.x.data(), level.x.data());
    } else {
      level.refinement_transfer->prolongate(below.x.data(), level.x.data());
    }
    level.clear_fixed(level.x.data());
  }

  /// The finest level's x in double; prescribed unknowns from `fixed`.
  void put(const la::Vector& fixed, const la::Vector& to) const {
    levels_[0]->put(fixed.data(), to.data());
  }

  Options options_;
  std::vector<std::unique_ptr<Level<T>>> levels_;  // fine to coarse
  std::unique_ptr<CoarseSolver<T>> coarse_;
  std::vector<LevelInfo> infos_;
};

/// Throws Error(internal) if these cannot be multigrid's inputs. Local.
void check(const mesh::Hierarchy& hierarchy, const fem::Space& space, const Options& options) {
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

}  // namespace

std::unique_ptr<Multigrid> make(const mesh::Hierarchy& hierarchy, const fem::Space& space,
                                const physics::Form& form, double time, const Options& options,
                                const CoarseFactory& coarse_factory) {
  check(hierarchy, space, options);
  if (options.precision == Options::Precision::double_precision) {
    return std::make_unique<Cycle<double>>(hierarchy, space, form, time, options, coarse_factory);
  }
  return std::make_unique<Cycle<float>>(hierarchy, space, form, time, options, coarse_factory);
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
