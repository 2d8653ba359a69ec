// Shape functions against their defining properties, on every cell type and degree.
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>

#include "ritz/base/error.hpp"
#include "ritz/fem/element.hpp"
#include "ritz/mesh/geometry.hpp"
#include "ritz/mesh/lattice.hpp"

using ritz::fem::Element;
using ritz::mesh::CellType;

namespace {

struct Case {
  CellType type;
  int degree;
  bool equispaced;
};

std::vector<Case> cases() {
  std::vector<Case> result;
  for (const CellType type :
       {CellType::line, CellType::tri, CellType::quad, CellType::tet, CellType::hex}) {
    const int highest = ritz::mesh::is_simplex(type) ? 4 : 8;
    for (int degree = 1; degree <= highest; ++degree) {
      result.push_back({type, degree, false});
      if (ritz::mesh::is_tensor(type) && degree <= 4) result.push_back({type, degree, true});
    }
  }
  return result;
}

/// Points inside the reference cell that are no nodes: a low-discrepancy sequence, folded into the
/// simplex.
std::vector<std::array<double, 3>> samples(CellType type) {
  std::vector<std::array<double, 3>> result;
  const int dimension = ritz::mesh::table(type).dimension;
  for (int i = 1; i <= 7; ++i) {
    std::array<double, 3> p{std::fmod(i * 0.7548776662466927, 1.0),
                            std::fmod(i * 0.5698402909980532, 1.0),
                            std::fmod(i * 0.3819660112501051, 1.0)};
    for (int c = dimension; c < 3; ++c) p[static_cast<std::size_t>(c)] = 0.0;
    if (ritz::mesh::is_simplex(type)) {
      const double sum = p[0] + p[1] + p[2];
      if (sum > 1.0) {
        for (double& x : p) x /= 1.1 * sum;
      }
    }
    result.push_back(p);
  }
  return result;
}

/// Lebesgue constants stay below 20 for these nodes (equispaced tet of degree 4 included), so sums
/// of basis functions round at some 1e-15 times that.
constexpr double tolerance = 1e-13;

}  // namespace

class ElementOf : public ::testing::TestWithParam<Case> {
 protected:
  Element element{GetParam().type, GetParam().degree, GetParam().equispaced};
  std::size_t n = static_cast<std::size_t>(element.n_nodes());
  std::size_t dimension = static_cast<std::size_t>(ritz::mesh::table(GetParam().type).dimension);
};

TEST_P(ElementOf, IsOneAtItsNode) {
  ASSERT_EQ(element.n_nodes(), ritz::mesh::n_lattice_points(GetParam().type, GetParam().degree));
  std::vector<double> values(n);
  for (std::size_t i = 0; i < n; ++i) {
    element.values(element.nodes()[i], values);
    for (std::size_t j = 0; j < n; ++j) EXPECT_NEAR(values[j], i == j ? 1.0 : 0.0, tolerance);
  }
}

TEST_P(ElementOf, SumsToOne) {
  std::vector<double> values(n), gradients(n * dimension);
  for (const auto& point : samples(GetParam().type)) {
    element.values(point, values);
    element.gradients(point, gradients);
    double sum = 0.0;
    for (const double v : values) sum += v;
    EXPECT_NEAR(sum, 1.0, tolerance);
    for (std::size_t c = 0; c < dimension; ++c) {
      double slope = 0.0;
      for (std::size_t i = 0; i < n; ++i) slope += gradients[i * dimension + c];
      EXPECT_NEAR(slope, 0.0, 100 * tolerance);  // derivatives grow as degree^2
    }
  }
}

TEST_P(ElementOf, GradientIsTheDifferenceQuotient) {
  // A polynomial of degree k: the central difference is off by h^2 f'''/6; f''' up to ~ k^6.
  const double step = 1e-5, k = GetParam().degree;
  const double allowed = 1e-9 * (1.0 + k * k * k * k);
  std::vector<double> gradients(n * dimension), above(n), below(n);
  for (const auto& point : samples(GetParam().type)) {
    element.gradients(point, gradients);
    for (std::size_t c = 0; c < dimension; ++c) {
      auto high = point, low = point;
      high[c] += step;
      low[c] -= step;
      element.values(high, above);
      element.values(low, below);
      for (std::size_t i = 0; i < n; ++i) {
        EXPECT_NEAR(gradients[i * dimension + c], (above[i] - below[i]) / (2 * step), allowed);
      }
    }
  }
}

TEST_P(ElementOf, SecondDerivativesAreTheGradientsDifferenceQuotients) {
  // As above; derivatives grow as degree^2 with each order.
  const double step = 1e-5, k = GetParam().degree;
  const double allowed = 1e-9 * (1.0 + k * k * k * k * k * k);
  const std::size_t pairs = dimension * (dimension + 1) / 2;
  std::vector<double> second(n * pairs), above(n * dimension), below(n * dimension);
  for (const auto& point : samples(GetParam().type)) {
    element.second_derivatives(point, second);
    std::size_t pair = 0;
    for (std::size_t c = 0; c < dimension; ++c) {
      auto high = point, low = point;
      high[c] += step;
      low[c] -= step;
      element.gradients(high, above);
      element.gradients(low, below);
      for (std::size_t d = c; d < dimension; ++d, ++pair) {
        for (std::size_t i = 0; i < n; ++i) {
          const std::size_t at = i * dimension + d;
          EXPECT_NEAR(second[i * pairs + pair], (above[at] - below[at]) / (2 * step), allowed);
        }
      }
    }
  }
}

TEST_P(ElementOf, ReproducesPolynomialsOfItsDegree) {
  // x^a y^b z^c with total degree <= k, and on tensor cells also (xyz)^k.
  const int k = GetParam().degree;
  const auto monomial = [](const std::array<double, 3>& p, int a, int b, int c) {
    return std::pow(p[0], a) * std::pow(p[1], b) * std::pow(p[2], c);
  };
  std::vector<std::array<int, 3>> powers;
  for (int a = 0; a <= k; ++a) {
    for (int b = 0; b <= (dimension > 1 ? k - a : 0); ++b) {
      for (int c = 0; c <= (dimension > 2 ? k - a - b : 0); ++c) powers.push_back({a, b, c});
    }
  }
  if (ritz::mesh::is_tensor(GetParam().type)) {
    powers.push_back({k, dimension > 1 ? k : 0, dimension > 2 ? k : 0});
  }
  std::vector<double> values(n);
  for (const auto& point : samples(GetParam().type)) {
    element.values(point, values);
    for (const auto& e : powers) {
      double sum = 0.0;
      for (std::size_t i = 0; i < n; ++i) {
        sum += values[i] * monomial(element.nodes()[i], e[0], e[1], e[2]);
      }
      EXPECT_NEAR(sum, monomial(point, e[0], e[1], e[2]), tolerance);
    }
  }
}

TEST_P(ElementOf, FacetNodesAreTheFacetElementsNodes) {
  const ritz::mesh::CellTable& table = ritz::mesh::table(GetParam().type);
  const Element facet = element.facet_element();
  std::vector<double> values(n), facet_values(static_cast<std::size_t>(facet.n_nodes()));
  for (int f = 0; f < table.n_facets; ++f) {
    const std::vector<int>& nodes = element.facet_nodes(f);
    ASSERT_EQ(nodes.size(), facet_values.size());
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const auto expected = ritz::fem::facet_to_cell(GetParam().type, f, facet.nodes()[i]);
      const auto& actual = element.nodes()[static_cast<std::size_t>(nodes[i])];
      for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(actual[c], expected[c], 1e-15);
    }
    // On the facet the cell's functions are the facet's, and the others vanish.
    for (const auto& point : samples(table.facet_type)) {
      element.values(ritz::fem::facet_to_cell(GetParam().type, f, point), values);
      facet.values(point, facet_values);
      for (std::size_t i = 0; i < nodes.size(); ++i) {
        double& value = values[static_cast<std::size_t>(nodes[i])];
        EXPECT_NEAR(value, facet_values[i], tolerance);
        value = 0.0;
      }
      for (const double value : values) EXPECT_NEAR(value, 0.0, tolerance);
    }
  }
}

TEST_P(ElementOf, NodesAreInEntityOrder) {
  const auto lattice = ritz::mesh::lattice_indices(GetParam().type, GetParam().degree);
  ASSERT_EQ(lattice.size(), n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t c = 0; c < dimension; ++c) {
      EXPECT_EQ(element.nodes()[i][c], element.nodes_1d()[static_cast<std::size_t>(lattice[i][c])]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, ElementOf, ::testing::ValuesIn(cases()), [](const auto& one) {
  return std::string(ritz::mesh::table(one.param.type).name) + std::to_string(one.param.degree) +
         (one.param.equispaced ? "equispaced" : "");
});

TEST(Element, EquispacedAgreesWithTheGeometryMap) {
  for (const CellType type :
       {CellType::line, CellType::tri, CellType::quad, CellType::tet, CellType::hex}) {
    for (int order = 1; order <= 2; ++order) {
      const Element element(type, order, true);
      const auto n = static_cast<std::size_t>(element.n_nodes());
      const auto d = static_cast<std::size_t>(ritz::mesh::table(type).dimension);
      std::vector<double> a(n * d), b(n * d);
      for (const auto& point : samples(type)) {
        element.values(point, a);
        ritz::mesh::shape_values(type, order, point, b);
        for (std::size_t i = 0; i < n; ++i) EXPECT_NEAR(a[i], b[i], 1e-14);
        element.gradients(point, a);
        ritz::mesh::shape_gradients(type, order, point, b);
        for (std::size_t i = 0; i < n * d; ++i) EXPECT_NEAR(a[i], b[i], 1e-13);
      }
    }
  }
}

TEST(Element, RefusesDegreesItDoesNotHave) {
  EXPECT_THROW(Element(CellType::hex, 0), ritz::base::Error);
  EXPECT_THROW(Element(CellType::hex, 9), ritz::base::Error);
  EXPECT_THROW(Element(CellType::tet, 5), ritz::base::Error);
  EXPECT_THROW(Element(CellType::tri, -1), ritz::base::Error);
}

TEST(Lattice, EntityOrderIsAPermutationOfTheTensorOrder) {
  for (const CellType type :
       {CellType::line, CellType::tri, CellType::quad, CellType::tet, CellType::hex}) {
    for (int order = 1; order <= 5; ++order) {
      const auto numbers = ritz::mesh::entity_order(type, order);
      const auto lattice = ritz::mesh::lattice_indices(type, order);
      ASSERT_EQ(numbers.size(), lattice.size());
      const int d = ritz::mesh::table(type).dimension;
      std::size_t at = 0;
      for (int l = 0; l <= (d > 2 ? order : 0); ++l) {
        for (int j = 0; j <= (d > 1 ? order : 0); ++j) {
          for (int i = 0; i <= order; ++i) {
            if (ritz::mesh::is_simplex(type) && i + j + l > order) continue;
            EXPECT_EQ(lattice[static_cast<std::size_t>(numbers[at++])],
                      (std::array<int, 3>{i, j, l}));
          }
        }
      }
      EXPECT_EQ(at, numbers.size());
    }
  }
}
