#include "cell_spectrum.hpp"

#include <array>
#include <cmath>

#include "ritz/la/lanczos.hpp"

namespace ritz::assembly {

namespace {

/// to[.., i, ..] += factor * sum_j a[i][j] from[.., j, ..] for the axis with this stride.
void add_product(const std::vector<double>& a, int n, std::size_t stride, double factor,
                 const std::vector<double>& from, std::vector<double>& to) {
  const auto un = static_cast<std::size_t>(n);
  for (std::size_t outer = 0; outer < from.size(); outer += un * stride) {
    for (std::size_t inner = 0; inner < stride; ++inner) {
      const std::size_t base = outer + inner;
      for (std::size_t i = 0; i < un; ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < un; ++j) sum += a[i * un + j] * from[base + j * stride];
        to[base + i * stride] += factor * sum;
      }
    }
  }
}

}  // namespace

double cell_spectrum(const TensorBasis& basis, int dim, const double* c) {
  const int n = basis.n;
  std::array<std::size_t, 4> stride{1, 1, 1, 1};
  for (std::size_t d = 0; d < static_cast<std::size_t>(dim); ++d) {
    stride[d + 1] = stride[d] * static_cast<std::size_t>(n);
  }
  const std::size_t size = stride[static_cast<std::size_t>(dim)];
  std::vector<double> diagonal(size, 0.0), one(size), other(size);
  const auto entry = [n](const std::vector<double>& a, std::size_t i) {
    return a[i * static_cast<std::size_t>(n) + i];
  };
  for (std::size_t i = 0; i < size; ++i) {
    for (int term = 0; term <= dim; ++term) {
      double product = c[term];
      for (int e = 0; e < dim; ++e) {
        const std::size_t at =
            i / stride[static_cast<std::size_t>(e)] % static_cast<std::size_t>(n);
        product *= entry(e == term ? basis.stiffness : basis.mass, at);
      }
      diagonal[i] += product;
    }
  }
  const auto apply = [&](const std::vector<double>& x, std::vector<double>& y) {
    std::fill(y.begin(), y.end(), 0.0);
    for (int term = 0; term <= dim; ++term) {
      if (c[term] == 0) continue;
      one = x;
      for (int e = 0; e < dim; ++e) {
        const auto& a = e == term ? basis.stiffness : basis.mass;
        std::fill(other.begin(), other.end(), 0.0);
        add_product(a, n, stride[static_cast<std::size_t>(e)], e == 0 ? c[term] : 1.0, one, other);
        std::swap(one, other);
      }
      for (std::size_t i = 0; i < size; ++i) y[i] += one[i];
    }
  };

  // Conjugate gradients with D from a vector without any symmetry, in the range of A: without a
  // reaction A is singular.
  std::vector<double> r(size), p(size), ap(size);
  for (std::size_t i = 0; i < size; ++i) p[i] = std::sin(1.0 + 1.7 * static_cast<double>(i * i));
  apply(p, r);
  std::fill(p.begin(), p.end(), 0.0);
  la::LanczosMatrix matrix;
  constexpr int max_steps = 80;
  double last_rz = 0, first_rz = 0;
  for (int step = 0; step < max_steps; ++step) {
    double rz = 0;
    for (std::size_t i = 0; i < size; ++i) rz += r[i] * r[i] / diagonal[i];
    if (step == 0) first_rz = rz;
    if (!(rz > 1e-24 * first_rz)) break;
    const double beta = step == 0 ? 0.0 : rz / last_rz;
    for (std::size_t i = 0; i < size; ++i) p[i] = r[i] / diagonal[i] + beta * p[i];
    apply(p, ap);
    double p_ap = 0;
    for (std::size_t i = 0; i < size; ++i) p_ap += p[i] * ap[i];
    if (!(p_ap > 0)) break;
    const double alpha = rz / p_ap;
    for (std::size_t i = 0; i < size; ++i) r[i] -= alpha * ap[i];
    matrix.add(alpha, beta);
    last_rz = rz;
  }
  // What the steps have not found.
  return matrix.is_empty() ? 0.0 : 1.001 * matrix.largest();
}

}  // namespace ritz::assembly
