#pragma once

#include <array>
#include <string>
#include <vector>

#include "ritz/deck/problem.hpp"
#include "ritz/mesh/mesh.hpp"

namespace ritz::run {

/// Whether advection is stabilised (SUPG), and what the log says about it.
struct Stabilisation {
  bool on = false;
  std::string text;         ///< empty: there is no advection
  bool is_warning = false;  ///< needed, and not possible
  double largest_peclet = 0;
  std::array<double, 3> at{};  ///< middle of the cell with the largest
};

/// By equation.stabilisation and, where that is "auto", by the cell Peclet number
/// |b|^2 |b|^2 / (k sqrt(b . G b) b . K b) = |b| h / (2 k K) in the middle of each cell, for each
/// unknown with advection: above 1 somewhere asks for it. k is the degree, G the cell's metric
/// (physics::metric_variables()). Coefficients that depend on unknowns or t are taken at the start,
/// from [initial]. Collective. Throws Error(deck) where "supg" is asked for and cannot be had.
[[nodiscard]] Stabilisation choose_stabilisation(const mesh::Mesh& mesh,
                                                 const deck::Problem& problem);

/// Formulas of SUPG as text; b and K are texts of factors, "0" where there is nothing.
struct TransportTexts {
  std::vector<std::string> b;               ///< [d]
  std::vector<std::vector<std::string>> k;  ///< [d][d]
  std::string reaction = "0";
  int degree = 1;
  double inverse_constant = 3;  ///< see below
};
/// The stabilisation parameter. Degree 1:
///   tau = xi / sqrt(s^2 + (xi r)^2), s = sqrt(b . G b), xi = coth(P) - 1/P,
/// P the Peclet number above with k = 1: that of Brooks and Hughes (Comput. Methods Appl. Mech.
/// Eng. 32, 1982, 199, eq. 3.3.1) for the length h = 2 |b| / s along b, which makes linear elements
/// of equal length exact at their nodes in one dimension; combined with the reaction as by Shakib,
/// Hughes and Johan (same journal 89, 1991, 141, eq. 3.58). Goes to h^2 / (12 K) for small P.
/// Degree k > 1:
///   tau = xi / sqrt((k s)^2 + (xi r)^2) with P = 3 k s / (c tr(K G)),
/// c from inverse_constant(): h / (2 |b| k) where advection wins, 1 / (c tr(K G)) where diffusion
/// does, never more than either, so that tau |div(K grad v)|^2 is at most K |grad v|^2 on affine
/// cells of any aspect ratio and the form is coercive with half of its terms (Franca, Frey and
/// Hughes, same journal 95, 1992, 253, lemma 3.2; Harari and Hughes, same journal 97, 1992, 157).
[[nodiscard]] std::string tau_text(const TransportTexts& texts);

/// c of the inverse estimate |div(K grad v)|^2 <= c tr(K G) int grad v . K grad v for polynomials v
/// of degree k on affine cells, K constant there: the largest |d p / d e|^2 / (4 |p|^2) of
/// polynomials p of degree k - 1 on the unit line (tensor cells), or on the simplex whose edges are
/// 1, over all directions e; the eigenvalue problem was solved for these numbers, which are rounded
/// up. Degree 1: 3.
[[nodiscard]] double inverse_constant(mesh::CellType type, int degree);

}  // namespace ritz::run
