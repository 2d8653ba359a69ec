// Preconditioners that need no matrix, only its diagonal and its action.

#include <algorithm>
#include <cmath>
#include <vector>

#include "preconditioners.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/log.hpp"
#include "ritz/la/lanczos.hpp"
#include "ritz/la/vector.hpp"

namespace ritz::solve {

namespace {

/// 1 / diagonal; 1 where it is zero.
la::Vector inverse_diagonal(const la::Operator& op) {
  const la::Vector inverse = la::make_vector("ritz::solve::jacobi", op.layout().n_owned);
  if (!op.diagonal_into(inverse)) {
    throw base::Error(base::ExitCode::internal,
                      "a preconditioner needs the diagonal and the operator does not know it");
  }
  Kokkos::parallel_for(
      "ritz::jacobi", Kokkos::RangePolicy<device::ExecutionSpace>(0, inverse.extent(0)),
      KOKKOS_LAMBDA(const std::size_t i) {
        inverse(i) = inverse(i) == 0 ? 1.0 : 1.0 / inverse(i);
      });
  return inverse;
}

/// z = d r entry by entry.
void scale(const la::Vector& d_vector, const la::Vector& r_vector, const la::Vector& z_vector) {
  const double *const d = d_vector.data(), *const r = r_vector.data();
  double* const z = z_vector.data();
  Kokkos::parallel_for(
      "ritz::jacobi", Kokkos::RangePolicy<device::ExecutionSpace>(0, d_vector.extent(0)),
      KOKKOS_LAMBDA(const std::size_t i) { z[i] = d[i] * r[i]; });
}

class Jacobi final : public DiagonalPreconditioner {
 public:
  explicit Jacobi(const la::Operator& op) : inverse_(inverse_diagonal(op)) {}
  void apply(const la::Vector& r, const la::Vector& z) const override { scale(inverse_, r, z); }
  [[nodiscard]] const la::Vector& factors() const override { return inverse_; }
  [[nodiscard]] std::size_t bytes() const override { return inverse_.extent(0) * sizeof(double); }

 private:
  la::Vector inverse_;
};

/// Chebyshev iteration of the first kind from zero (Saad, Iterative Methods for Sparse Linear
/// Systems, 2nd ed., algorithm 12.1, with the diagonal).
class OperatorChebyshev final : public la::Preconditioner {
 public:
  OperatorChebyshev(const la::Operator& op, int degree, double range, double largest, int n_steps,
                    double safety)
      : op_(op), inverse_(inverse_diagonal(op)), degree_(degree) {
    for (la::Vector* v : {&step_, &product_})
      *v = la::make_vector("ritz::solve::chebyshev", op.layout().n_owned);
    largest_ = largest > 0 ? largest : safety * estimate(n_steps);
    smallest_ = largest_ / range;
  }

  void apply(const la::Vector& r_vector, const la::Vector& z_vector) const override {
    const double middle = 0.5 * (largest_ + smallest_), half = 0.5 * (largest_ - smallest_);
    const double sigma = middle / half;
    double rho = 1 / sigma;
    const double *const d = inverse_.data(), *const r = r_vector.data(), *const a = product_.data();
    double *const z = z_vector.data(), *const s = step_.data();
    const Kokkos::RangePolicy<device::ExecutionSpace> all(0, inverse_.extent(0));
    Kokkos::parallel_for(
        "ritz::cheb", all,
        KOKKOS_LAMBDA(const std::size_t i) { z[i] = s[i] = d[i] * r[i] / middle; });
    for (int k = 1; k < degree_; ++k) {
      op_.apply(z_vector, product_);
      const double next = 1 / (2 * sigma - rho);
      const double c_step = next * rho, c_residual = 2 * next / half;
      Kokkos::parallel_for(
          "ritz::cheb", all, KOKKOS_LAMBDA(const std::size_t i) {
            s[i] = c_step * s[i] + c_residual * d[i] * (r[i] - a[i]);
            z[i] += s[i];
          });
      rho = next;
    }
  }
  [[nodiscard]] std::size_t bytes() const override {
    return 3 * inverse_.extent(0) * sizeof(double);
  }
  [[nodiscard]] double largest() const { return largest_; }

 private:
  /// Largest eigenvalue of D^-1 A from the coefficients of conjugate gradients with D, which are a
  /// Lanczos process. The start depends on solver ids only.
  double estimate(int n_steps) {
    const la::Layout& layout = op_.layout();
    const comm::Communicator& communicator = layout.communicator;
    const la::Vector r = la::make_vector("ritz::solve::lanczos", layout.n_owned);
    const la::Vector p = la::make_vector("ritz::solve::lanczos", layout.n_owned);
    const auto first = static_cast<std::uint64_t>(layout.first);
    Kokkos::parallel_for(
        "ritz::start", Kokkos::RangePolicy<device::ExecutionSpace>(0, r.extent(0)),
        KOKKOS_LAMBDA(const std::size_t i) {
          // Numbers in [-1, 1) that do not repeat soon (multiplicative hash).
          const std::uint64_t h = (first + i + 1) * 0x9E3779B97F4A7C15ull;
          r(i) = static_cast<double>(h >> 11) * 0x1p-52 - 1.0;
        });
    la::LanczosMatrix lanczos;
    double last_rz = 0;
    for (int k = 0; k < n_steps; ++k) {
      scale(inverse_, r, step_);
      const double rz = la::dot(communicator, r, step_);
      if (!(rz > 0)) break;
      const double beta = k > 0 ? rz / last_rz : 0.0;
      la::axpby(1.0, step_, beta, p);
      op_.apply(p, product_);
      const double p_ap = la::dot(communicator, p, product_);
      if (!(p_ap > 0)) break;
      const double alpha = rz / p_ap;
      lanczos.add(alpha, beta);
      la::axpby(-alpha, product_, 1.0, r);
      last_rz = rz;
    }
    if (lanczos.is_empty())
      throw base::Error(base::ExitCode::not_converged,
                        "chebyshev: the operator is not positive definite");
    return lanczos.largest();
  }

  const la::Operator& op_;
  la::Vector inverse_, step_, product_;
  int degree_;
  double largest_ = 0, smallest_ = 0;
};

}  // namespace

std::unique_ptr<la::Preconditioner> make_jacobi(const la::Operator& op, SetUp& set_up) {
  set_up.text = "jacobi";
  return std::make_unique<Jacobi>(op);
}

std::unique_ptr<la::Preconditioner> make_operator_chebyshev(const la::Operator& op,
                                                            const Passed& passed, SetUp& set_up) {
  int degree = 4, n_steps = 12;
  double range = 30.0, largest = 0, safety = 1.2;
  base::Diagnostics diagnostics;
  for (const auto& one : passed) {
    const std::string name = path_text(one);
    if (name == "chebyshev: degree") {
      degree = std::max(1, std::stoi(one.value));
    } else if (name == "chebyshev: ratio eigenvalue") {
      range = std::stod(one.value);
    } else if (name == "chebyshev: max eigenvalue") {
      largest = std::stod(one.value);
    } else if (name == "chebyshev: eigenvalue max iterations") {
      n_steps = std::max(1, std::stoi(one.value));
    } else if (name == "chebyshev: boost factor") {
      safety = std::stod(one.value);
    } else {
      diagnostics.error(one.where, fmt::format("solver.trilinos.chebyshev: '{}' is not read where "
                                               "there is no assembled matrix",
                                               name));
    }
  }
  if (!(range > 1))
    diagnostics.error({}, "solver.trilinos.chebyshev: 'chebyshev: ratio eigenvalue' must be > 1");
  diagnostics.throw_errors(base::ExitCode::deck);
  auto result = std::make_unique<OperatorChebyshev>(op, degree, range, largest, n_steps, safety);
  set_up.text =
      fmt::format("chebyshev of degree {}, eigenvalues to {:.3g}", degree, result->largest());
  return result;
}

}  // namespace ritz::solve
