#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dense_solver.hpp"
#include "level.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/la/kernel.hpp"
#include "ritz/la/matrix.hpp"
#include "ritz/la/vector.hpp"
#include "ritz/multigrid/multigrid.hpp"

namespace ritz::multigrid {

/// From a level to the next coarser one.
struct StepDown {
  const mesh::Mesh& fine_mesh;
  const fem::Space& fine;
  const mesh::Mesh& coarse_mesh;
  const fem::Space& coarse;
  const mesh::Parents* parents;  ///< of the fine mesh's cells; null on the same mesh
};

/// What a cycle is made for: one equation on all levels. Called level by level, from fine to
/// coarse; all of it collective.
template <class T>
class LevelProblem {
 public:
  virtual ~LevelProblem() = default;
  [[nodiscard]] virtual int components() const { return 1; }  ///< m, of a node
  /// Orthonormal vectors that the coarsest level's matrix maps to zero, [n_owned * m] each.
  [[nodiscard]] virtual std::vector<la::Vector> kernel(const mesh::Mesh& mesh,
                                                       const fem::Space& space) {
    static_cast<void>(mesh);
    static_cast<void>(space);
    return {};
  }
  /// Before anything of the coarser level is asked for.
  virtual void go_down(const StepDown& step) { static_cast<void>(step); }
  /// Prescribed unknowns [n_local * m].
  [[nodiscard]] virtual std::vector<std::uint8_t> is_fixed(const mesh::Mesh& mesh,
                                                           const fem::Space& space) = 0;
  /// `info`: what the log says of the cells goes there.
  [[nodiscard]] virtual std::unique_ptr<LevelOperator<T>> make_operator(
      const mesh::Mesh& mesh, const fem::Space& space, const std::vector<std::uint8_t>& is_fixed,
      LevelInfo& info) = 0;
  /// The coarsest level's matrix.
  [[nodiscard]] virtual std::unique_ptr<la::Matrix> assemble(const mesh::Mesh& mesh,
                                                             const fem::Space& space) = 0;
  /// A solver for it, if it is too large for the dense inverse; null if there is none.
  [[nodiscard]] virtual std::unique_ptr<la::Preconditioner> coarse_solver(
      const la::Matrix& matrix, const mesh::Mesh& mesh, const fem::Space& space) = 0;
};

/// What solves on the coarsest level: the dense inverse, or what the caller's factory made.
template <class T>
class CoarseSolver {
 public:
  /// `is_fixed`: [n_local * components] of the level's unknowns. Collective.
  CoarseSolver(const mesh::Mesh& mesh, const fem::Space& space, LevelProblem<T>& problem,
               const std::vector<std::uint8_t>& is_fixed, const Options& options)
      : communicator_(space.communicator), kernel_(problem.kernel(mesh, space)) {
    const int m = problem.components();
    const LocalId n_owned = space.n_owned * m;
    n_global_ = space.n_global * m;
    // One layer of cells between prescribed values: nothing is left to solve for, and solvers for
    // large problems may not take a diagonal matrix.
    const auto end = is_fixed.begin() + n_owned;
    if (!communicator_.any(std::find(is_fixed.begin(), end, 0) != end)) {
      n_zero_ = static_cast<std::size_t>(n_owned);
      text_ = "all prescribed";
      return;
    }
    matrix_ = problem.assemble(mesh, space);
    const bool direct =
        options.coarse == Options::Coarse::direct ||
        (options.coarse == Options::Coarse::automatic && n_global_ <= options.dense_size);
    if (direct) {
      std::vector<GlobalId> order;
      for (LocalId i = 0; i < n_owned; ++i) {
        order.push_back(space.dof_gid[static_cast<std::size_t>(i / m)] * m + i % m);
      }
      dense_ = std::make_unique<DenseSolver<T>>(*matrix_, order, kernel_);
      matrix_.reset();
      text_ = "dense inverse, its rows shared by the ranks";
      return;
    }
    other_ = problem.coarse_solver(*matrix_, mesh, space);
    if (!other_) {
      throw base::Error(
          base::ExitCode::internal,
          fmt::format("multigrid: {} unknowns on the coarsest level and no solver given "
                      "for them; please report this",
                      n_global_));
    }
    b_ = la::make_vector("ritz::multigrid::coarse_b", n_owned);
    x_ = la::make_vector("ritz::multigrid::coarse_x", n_owned);
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
    la::remove(communicator_, kernel_, kernel_, b_);
    other_->apply(b_, x_);
    la::remove(communicator_, kernel_, kernel_, x_);
    for (std::size_t i = 0; i < n; ++i) x(i) = static_cast<T>(x_(i));
  }

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::size_t bytes() const {
    return (dense_ ? dense_->bytes() : 0) + (other_ ? other_->bytes() : 0) +
           (matrix_ ? matrix_->rows().values.extent(0) * 12 : 0) + b_.extent(0) * 16;
  }

 private:
  comm::Communicator communicator_;
  std::vector<la::Vector> kernel_;
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
  Cycle(const mesh::Hierarchy& hierarchy, const fem::Space& space, LevelProblem<T>& problem,
        const Options& options)
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
      const mesh::Mesh* finer_mesh = l > 0 ? &hierarchy.meshes[plan[l - 1].mesh] : nullptr;
      const mesh::Parents* parents =
          finer_mesh && finer_mesh != &mesh ? &hierarchy.parents[plan[l].mesh] : nullptr;
      if (l > 0) problem.go_down({*finer_mesh, *finer, mesh, *here, parents});
      const bool coarsest = l + 1 == plan.size();
      const int components = problem.components();
      const std::vector<std::uint8_t> is_fixed = problem.is_fixed(mesh, *here);
      LevelInfo about;
      about.n_cells = mesh.n_cells_global;
      about.n_dofs = here->n_global * components;
      about.degree = plan[l].degree;
      std::unique_ptr<LevelOperator<T>> op;
      if (!coarsest) op = problem.make_operator(mesh, *here, is_fixed, about);
      levels_.push_back(
          std::make_unique<Level<T>>(*here, components, is_fixed, std::move(op), about, options));
      if (l > 0) {
        std::unique_ptr<CellTransfer<T>> cells;
        std::unique_ptr<RefinementTransfer<T>> refinement;
        if (!parents) {
          cells = std::make_unique<CellTransfer<T>>(mesh, *finer, *here);
        } else if (plan[l].degree == 1) {
          refinement = std::make_unique<RefinementTransfer<T>>(*finer, finer_mesh->n_cells_owned,
                                                               *here, *parents);
        } else {
          cells = std::make_unique<CellTransfer<T>>(*finer_mesh, *finer, mesh, *here, *parents);
        }
        levels_[l - 1]->transfer = std::make_unique<Transfer<T>>(
            std::move(cells), std::move(refinement), components, *finer, *here);
      }
      if (coarsest) {
        coarse_ = std::make_unique<CoarseSolver<T>>(mesh, *here, problem, is_fixed, options);
      }
      infos_.push_back(levels_.back()->info);
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
        text += fmt::format(
            "matrix-free ({}), eigenvalue {} {:.4g}",
            info.cells.empty() ? fmt::format("{} Cartesian cells", info.n_cartesian) : info.cells,
            info.is_bound ? "at most" : "about", info.eigenvalue);
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
    level.transfer->restrict_residual(from.data(), below.b.data());
    below.clear_fixed(below.b.data());
  }

  void prolongate_from_next(std::size_t l) const {
    const Level<T>& level = *levels_[l];
    Level<T>& below = *levels_[l + 1];
    level.transfer->prolongate(below.x.data(), level.x.data());
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
void check_inputs(const mesh::Hierarchy& hierarchy, const fem::Space& space,
                  const Options& options);

}  // namespace ritz::multigrid
