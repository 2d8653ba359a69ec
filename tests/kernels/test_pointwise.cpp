// Device functions on their own; the kernels for whole elements are held against each other in
// tests/assembly, where elements and meshes exist.
#include <gtest/gtest.h>

#include <cmath>

#include "ritz/kernels/coefficient_form.hpp"
#include "ritz/kernels/simplex_p1.hpp"

using namespace ritz::kernels;

namespace {
constexpr double eps = 2.220446049250313e-16;
}

TEST(Pack, LanesStayApart) {
  alignas(sizeof(Pack)) double a[pack_width], b[pack_width];
  for (int i = 0; i < pack_width; ++i) {
    a[i] = 1.0 + i;
    b[i] = 0.5 - i;
  }
  alignas(sizeof(Pack)) double out[pack_width];
  store(out, (load(a) * load(b) - Pack(3.0)) / load(a) + load(b));
  for (int i = 0; i < pack_width; ++i)
    EXPECT_NEAR(out[i], (a[i] * b[i] - 3.0) / a[i] + b[i], 8 * eps * (3 + i));
  EXPECT_EQ(padded(1), pack_width);
  EXPECT_EQ(padded(pack_width), pack_width);
  EXPECT_EQ(padded(pack_width + 1), 2 * pack_width);
}

TEST(Adjugate, TimesTheMatrixIsTheDeterminant) {
  const double j[9] = {2.0, 0.3, -0.4, 0.1, 1.5, 0.2, -0.6, 0.7, 1.1};
  double a[9];
  const double det = adjugate<3>(j, a);
  for (int r = 0; r < 3; ++r) {
    for (int c = 0; c < 3; ++c) {
      double sum = 0;
      for (int k = 0; k < 3; ++k) sum += a[r * 3 + k] * j[k * 3 + c];
      EXPECT_NEAR(sum, r == c ? det : 0.0, 10 * eps);
    }
  }
  const double j2[4] = {2.0, 0.5, -1.0, 3.0};
  EXPECT_DOUBLE_EQ(adjugate<2>(j2, a), 6.5);
  EXPECT_DOUBLE_EQ(a[0] * j2[0] + a[1] * j2[2], 6.5);
  EXPECT_DOUBLE_EQ(a[0] * j2[1] + a[1] * j2[3], 0.0);
  const double j1[1] = {4.0};
  EXPECT_DOUBLE_EQ(adjugate<1>(j1, a), 4.0);
}

// K = Q diag Q^T with a rotation Q: eigenvalues are known.
TEST(Eigenvalues, OfRotatedTensors) {
  const double c = std::cos(0.7), s = std::sin(0.7);
  double low, high;
  const double k2[4] = {5 * c * c + 2 * s * s, 3 * c * s + 0.5, 3 * c * s - 0.5,
                        5 * s * s + 2 * c * c};
  symmetric_eigenvalue_range<2>(k2, low, high);  // the skew part does not count
  EXPECT_NEAR(low, 2.0, 20 * eps);
  EXPECT_NEAR(high, 5.0, 20 * eps);
  const double q[9] = {c, -s * s, s * c, s, c * s, -c * c, 0, c, s};  // rotations about z, then x
  const double d[3] = {-1.0, 4.0, 0.25};
  double k3[9] = {};
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) {
      for (int l = 0; l < 3; ++l) k3[i * 3 + j] += q[i * 3 + l] * d[l] * q[j * 3 + l];
    }
  }
  symmetric_eigenvalue_range<3>(k3, low, high);
  // The trigonometric solution is accurate to a few eps of the spread, 5.
  EXPECT_NEAR(low, -1.0, 100 * eps);
  EXPECT_NEAR(high, 4.0, 100 * eps);
  const double same[9] = {3, 0, 0, 0, 3, 0, 0, 0, 3};
  symmetric_eigenvalue_range<3>(same, low, high);
  EXPECT_EQ(low, 3.0);
  EXPECT_EQ(high, 3.0);
}

TEST(PullBack, ScalarDiagonalAndTensorAgree) {
  const double j[9] = {2.0, 0.3, -0.4, 0.1, 1.5, 0.2, -0.6, 0.7, 1.1};
  double a[9];
  const double det = adjugate<3>(j, a);
  const double scalar[1] = {2.5}, diagonal[3] = {2.5, 2.5, 2.5},
               tensor[9] = {2.5, 0, 0, 0, 2.5, 0, 0, 0, 2.5};
  double from_scalar[9], from_diagonal[9], from_tensor[9];
  pull_back_diffusion<3>(Diffusion::scalar, a, det, 0.125, scalar, from_scalar);
  pull_back_diffusion<3>(Diffusion::diagonal, a, det, 0.125, diagonal, from_diagonal);
  pull_back_diffusion<3>(Diffusion::tensor, a, det, 0.125, tensor, from_tensor);
  for (int i = 0; i < 9; ++i) {
    EXPECT_NEAR(from_diagonal[i], from_scalar[i], 10 * eps);
    EXPECT_NEAR(from_tensor[i], from_scalar[i], 10 * eps);
    EXPECT_EQ(from_scalar[i], from_scalar[i % 3 * 3 + i / 3]);
  }
  // J^T D J = w |J| K for K = k I: D is the metric of the map.
  for (int r = 0; r < 3; ++r) {
    for (int c = 0; c < 3; ++c) {
      double sum = 0;
      for (int k = 0; k < 3; ++k) {
        for (int l = 0; l < 3; ++l) sum += j[r * 3 + k] * from_scalar[k * 3 + l] * j[c * 3 + l];
      }
      EXPECT_NEAR(sum, r == c ? 0.125 * det * 2.5 : 0.0, 50 * eps);
    }
  }
}

// The reference tet with K = I: a_00 = 1/2, a_0i = -1/6, a_ii = 1/6, a_ij = 0; mass 1/60 and 1/120.
TEST(SimplexP1, ReferenceTet) {
  Terms form;
  form.diffusion = Diffusion::scalar;
  form.reaction = form.source = true;
  const double x[12] = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1};
  double coefficient[n_coefficients] = {};
  coefficient[coefficient_diffusion] = 1.0;
  coefficient[coefficient_source] = 24.0;
  double matrix[16], load;
  simplex_p1<3>(form, x, coefficient, matrix, load);
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) {
      const double expected =
          i == j ? (i == 0 ? 0.5 : 1.0 / 6.0) : (i == 0 || j == 0 ? -1.0 / 6.0 : 0.0);
      EXPECT_NEAR(matrix[i * 4 + j], expected, 2 * eps);
    }
  }
  EXPECT_DOUBLE_EQ(load, 1.0);
  form.diffusion = Diffusion::none;
  coefficient[coefficient_reaction] = 120.0;
  simplex_p1<3>(form, x, coefficient, matrix, load);
  for (int i = 0; i < 16; ++i) EXPECT_NEAR(matrix[i], i % 5 == 0 ? 2.0 : 1.0, 4 * eps);
}
