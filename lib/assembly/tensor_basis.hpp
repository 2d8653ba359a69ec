#pragma once

#include <vector>

namespace ritz::assembly {

/// 1-D numbers of the Lagrange basis of degree k at the Gauss-Lobatto points and of m Gauss points
/// on [0,1]. Matrices are row-major; nodes and points ascend.
struct TensorBasis {
  TensorBasis(int degree, int n_points_1d);

  int n = 0;                        ///< nodes, degree + 1
  int m = 0;                        ///< points
  std::vector<double> points;       ///< [m]
  std::vector<double> weights;      ///< [m]
  std::vector<double> values;       ///< [m][n] of the basis at the points
  std::vector<double> slopes;       ///< [m][n] derivatives
  std::vector<double> collocation;  ///< [m][m] derivative in the Lagrange basis of the points
  std::vector<double> mass;         ///< [n][n] by quadrature
  std::vector<double> stiffness;    ///< [n][n]
  std::vector<double> modes;  ///< [n][n], rows F = S^-1 of kernels::CartesianAction: even first
  std::vector<double> eigenvalues;  ///< [n], of the rows of `modes`
};

/// The transpose of a row-major matrix.
[[nodiscard]] std::vector<double> transposed(const std::vector<double>& a, int rows, int columns);

}  // namespace ritz::assembly
