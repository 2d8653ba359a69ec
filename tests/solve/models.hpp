#pragma once

#include <fenv.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "../la/stencil.hpp"
#include "ritz/la/vector.hpp"
#include "ritz/solve/solve.hpp"

/// Model systems with known solutions, for the tests of this room.
namespace ritz::test {

using la::Vector;
using solve::Status;

inline comm::Communicator world() {
  return comm::Communicator::world();
}

/// NaN is made on purpose: no traps in here.
class WithoutTraps {
 public:
  WithoutTraps() : traps_(fedisableexcept(FE_ALL_EXCEPT)) {}
  ~WithoutTraps() {
    feclearexcept(FE_ALL_EXCEPT);
    feenableexcept(traps_);
  }

 private:
  int traps_;
};

/// A model problem with a known solution: A is given, u = some smooth function, b = A u.
struct Model {
  Lattice lattice;
  la::Matrix matrix;
  Vector exact, rhs, x;
  la::System system;

  Model(Lattice where, const std::vector<Offset>& stencil, const Entry& entry, const Fixed& fixed,
        bool symmetric)
      : lattice(where), matrix(make_matrix(world(), where, stencil, entry, fixed)) {
    const la::Layout& layout = matrix.layout();
    exact = la::make_vector("exact", layout.n_owned);
    rhs = la::make_vector("rhs", layout.n_owned);
    x = la::make_vector("x", layout.n_owned);
    for (LocalId i = 0; i < layout.n_owned; ++i) {
      const auto at = lattice.point(layout.first + i);
      exact(static_cast<std::size_t>(i)) =
          std::sin(0.3 * at[0] + 0.1) + std::cos(0.2 * at[1]) * (1 + 0.05 * at[2]);
    }
    matrix.apply(exact, rhs);
    system.op = &matrix;
    system.rhs = rhs;
    system.symmetric = symmetric;
  }
  Model(const Model&) = delete;

  /// ||b - A x|| / ||b||, computed here.
  [[nodiscard]] double residual(const Vector& b) const {
    const Vector r = la::make_vector("r", matrix.layout().n_owned);
    matrix.apply(x, r);
    for (std::size_t i = 0; i < r.extent(0); ++i) r(i) = b(i) - r(i);
    const double size = la::norm2(world(), b);
    return la::norm2(world(), r) / (size > 0 ? size : 1);
  }
  [[nodiscard]] double residual() const { return residual(rhs); }
};

inline std::unique_ptr<Model> poisson(int n, int dimension = 2) {
  const Lattice lattice{{n, dimension > 1 ? n : 1, dimension > 2 ? n : 1}};
  return std::make_unique<Model>(
      lattice, offsets(false), laplacian(lattice),
      [lattice](const auto& at) { return lattice.on_boundary(at); }, true);
}

/// Upwind advection-diffusion: an M-matrix, not symmetric.
inline std::unique_ptr<Model> advection(int n) {
  const Lattice lattice{{n, n, 1}};
  return std::make_unique<Model>(
      lattice, offsets(false),
      [](const auto&, const Offset& o) {
        const double wind = 3.0;
        if (o == Offset{0, 0, 0}) return 4.0 + wind;
        return o[0] == -1 ? -1.0 - wind : -1.0;
      },
      [lattice](const auto& at) { return lattice.on_boundary(at); }, false);
}

/// -Laplace - k^2: symmetric, with eigenvalues on both sides of zero.
inline std::unique_ptr<Model> helmholtz(int n, double shift) {
  const Lattice lattice{{n, n, 1}};
  const Entry laplace = laplacian(lattice);
  return std::make_unique<Model>(
      lattice, offsets(false),
      [laplace, shift](const auto& at, const Offset& o) {
        return laplace(at, o) - (o == Offset{0, 0, 0} ? shift : 0.0);
      },
      [lattice](const auto& at) { return lattice.on_boundary(at); }, true);
}

inline std::unique_ptr<Model> neumann(int n) {
  const Lattice lattice{{n, n, 1}};
  auto model = std::make_unique<Model>(
      lattice, offsets(false), laplacian(lattice), [](const auto&) { return false; }, true);
  model->system.constant_null_space = true;
  return model;
}

inline deck::SolverOptions options(const std::string& method, const std::string& preconditioner) {
  deck::SolverOptions result;
  result.method = method;
  result.preconditioner = preconditioner;
  result.max_iterations = 400;
  return result;
}

inline void expect_solved(const Model& model, const solve::Report& report, double tolerance) {
  ASSERT_FALSE(report.attempts.empty());
  EXPECT_EQ(report.status, Status::converged) << report.failure_text();
  EXPECT_LE(report.true_residual, tolerance);
  // The same sum in another order: equal to round-off.
  EXPECT_NEAR(model.residual(), report.true_residual, 1e-13);
}

}  // namespace ritz::test
