#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>

#include "reference_mesh.hpp"

namespace ritz::mesh {
namespace {

std::vector<int> corners_of(const std::array<std::int8_t, 4>& facet) {
  std::vector<int> corners;
  for (const std::int8_t v : facet) {
    if (v >= 0) corners.push_back(v);
  }
  return corners;
}

TEST(CellTable, NamesReadBack) {
  for (const CellType type : test::all_types) EXPECT_EQ(cell_type(table(type).name), type);
  EXPECT_EQ(cell_type("point"), CellType::point);
  try {
    (void)cell_type("hexa");
    FAIL() << "an unknown name was accepted";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ExitCode::internal);
    EXPECT_NE(std::string(error.what()).find("hexa"), std::string::npos);
  }
}

TEST(CellTable, TensorCellsNumberAsDocumented) {
  const CellTable& hex = table(CellType::hex);
  for (int v = 0; v < 8; ++v) {
    const std::array<double, 3> x{static_cast<double>(v & 1), static_cast<double>(v >> 1 & 1),
                                  static_cast<double>(v >> 2)};
    EXPECT_EQ(hex.vertices[static_cast<std::size_t>(v)], x);
  }
  for (const CellType type : {CellType::line, CellType::quad, CellType::hex}) {
    const CellTable& t = table(type);
    ASSERT_EQ(t.n_facets, 2 * t.dimension);
    for (int f = 0; f < t.n_facets; ++f) {
      const auto corners = corners_of(t.facets[static_cast<std::size_t>(f)]);
      ASSERT_EQ(static_cast<int>(corners.size()), t.n_vertices / 2);
      // All on the plane x_(f/2) = f mod 2, and in tensor order: increasing numbers.
      for (const int v : corners) EXPECT_EQ(v >> (f / 2) & 1, f % 2);
      EXPECT_TRUE(std::is_sorted(corners.begin(), corners.end()));
    }
  }
  for (int e = 0; e < 12; ++e) {
    const auto [a, b] = hex.edges[static_cast<std::size_t>(e)];
    EXPECT_EQ(b - a, 1 << (e / 4)) << "edge " << e;
    if (e % 4 > 0) {
      EXPECT_GT(a, hex.edges[static_cast<std::size_t>(e - 1)][0]);
    }
  }
}

TEST(CellTable, SimplexFacetsAreOppositeTheirVertex) {
  for (const CellType type : {CellType::tri, CellType::tet}) {
    const CellTable& t = table(type);
    ASSERT_EQ(t.n_facets, t.n_vertices);
    for (int f = 0; f < t.n_facets; ++f) {
      const auto corners = corners_of(t.facets[static_cast<std::size_t>(f)]);
      std::set<int> all(corners.begin(), corners.end());
      EXPECT_EQ(static_cast<int>(all.size()), t.dimension);
      EXPECT_EQ(all.count(f), 0U);
    }
  }
  const std::vector<std::array<std::int8_t, 2>> edges{{0, 1}, {0, 2}, {0, 3},
                                                      {1, 2}, {1, 3}, {2, 3}};
  for (std::size_t e = 0; e < 6; ++e) EXPECT_EQ(table(CellType::tet).edges[e], edges[e]);
}

TEST(CellTable, EveryFacetsEdgesAreEdges) {
  for (const CellType type : test::all_types) {
    const CellTable& t = table(type);
    std::set<std::set<int>> edges;
    for (int e = 0; e < t.n_edges; ++e) {
      const auto [a, b] = t.edges[static_cast<std::size_t>(e)];
      edges.insert({a, b});
    }
    EXPECT_EQ(static_cast<int>(edges.size()), t.n_edges);
    if (t.dimension == 2) {
      for (int f = 0; f < t.n_facets; ++f) {
        EXPECT_EQ(t.facets[static_cast<std::size_t>(f)][0],
                  t.edges[static_cast<std::size_t>(f)][0]);
        EXPECT_EQ(t.facets[static_cast<std::size_t>(f)][1],
                  t.edges[static_cast<std::size_t>(f)][1]);
      }
    }
    if (t.dimension < 3) continue;
    // Each edge lies on two faces: Euler's count of a closed surface.
    std::map<std::set<int>, int> n_faces;
    const CellTable& face = table(t.facet_type);
    for (int f = 0; f < t.n_faces; ++f) {
      EXPECT_EQ(t.faces[static_cast<std::size_t>(f)], t.facets[static_cast<std::size_t>(f)]);
      for (int e = 0; e < face.n_edges; ++e) {
        const auto [a, b] = face.edges[static_cast<std::size_t>(e)];
        const auto& corners = t.faces[static_cast<std::size_t>(f)];
        ++n_faces[{corners[static_cast<std::size_t>(a)], corners[static_cast<std::size_t>(b)]}];
      }
    }
    EXPECT_EQ(n_faces.size(), edges.size());
    for (const auto& [edge, n] : n_faces) {
      EXPECT_EQ(n, 2);
      EXPECT_EQ(edges.count(edge), 1U);
    }
    EXPECT_EQ(t.n_vertices - t.n_edges + t.n_faces, 2);
  }
}

TEST(CellTable, LatticePointsAddUpOverEntities) {
  for (const CellType type : test::all_types) {
    const CellTable& t = table(type);
    for (int k = 1; k <= 8; ++k) {
      int n = t.n_vertices + t.n_edges * n_interior_points(CellType::line, k);
      if (t.dimension == 2) n += n_interior_points(type, k);
      if (t.dimension == 3) {
        n += t.n_faces * n_interior_points(t.facet_type, k) + n_interior_points(type, k);
      }
      EXPECT_EQ(n_lattice_points(type, k), n) << t.name << " of order " << k;
    }
  }
}

/// Places of the geometry's nodes in the reference cell: middles of the entities.
std::vector<std::array<double, 3>> node_places(CellType type, int order) {
  const CellTable& t = table(type);
  std::vector<std::array<double, 3>> places;
  const auto add = [&](const std::vector<int>& corners) {
    std::array<double, 3> x{};
    for (const int v : corners) {
      for (std::size_t d = 0; d < 3; ++d) {
        x[d] += t.vertices[static_cast<std::size_t>(v)][d] / static_cast<double>(corners.size());
      }
    }
    places.push_back(x);
  };
  for (int v = 0; v < t.n_vertices; ++v) add({v});
  if (order == 1) return places;
  for (int e = 0; e < t.n_edges; ++e) {
    const auto [a, b] = t.edges[static_cast<std::size_t>(e)];
    add({a, b});
  }
  if (type == CellType::quad || type == CellType::hex) {
    for (int f = 0; f < t.n_faces; ++f) add(corners_of(t.faces[static_cast<std::size_t>(f)]));
  }
  if (type == CellType::hex) add({0, 1, 2, 3, 4, 5, 6, 7});
  return places;
}

TEST(Geometry, ShapeFunctionsAreOneAtTheirNodeOnly) {
  for (const CellType type : test::all_types) {
    for (const int order : {1, 2}) {
      const auto places = node_places(type, order);
      ASSERT_EQ(static_cast<int>(places.size()), n_lattice_points(type, order));
      std::vector<double> values(places.size());
      for (std::size_t j = 0; j < places.size(); ++j) {
        shape_values(type, order, places[j], values);
        for (std::size_t i = 0; i < places.size(); ++i) {
          // Products of at most three factors that are exact in binary.
          EXPECT_NEAR(values[i], i == j ? 1.0 : 0.0, 1e-15) << table(type).name << " " << order;
        }
      }
    }
  }
}

/// x^a y^b z^c and its derivatives.
struct Monomial {
  std::array<int, 3> power;
  double operator()(const std::array<double, 3>& x) const {
    return std::pow(x[0], power[0]) * std::pow(x[1], power[1]) * std::pow(x[2], power[2]);
  }
  double slope(std::array<double, 3> x, std::size_t d) const {
    if (power[d] == 0) return 0.0;
    Monomial lower = *this;
    --lower.power[d];
    return power[d] * lower(x);
  }
};

TEST(Geometry, PolynomialsOfTheOrderAreReproduced) {
  const std::array<double, 3> inside{0.21, 0.33, 0.17};
  for (const CellType type : test::all_types) {
    const auto dimension = static_cast<std::size_t>(table(type).dimension);
    for (const int order : {1, 2}) {
      const auto places = node_places(type, order);
      std::vector<double> values(places.size()), gradients(places.size() * dimension);
      std::array<double, 3> point{};
      for (std::size_t d = 0; d < dimension; ++d) point[d] = inside[d];
      shape_values(type, order, point, values);
      shape_gradients(type, order, point, gradients);
      for (int code = 0; code < 27; ++code) {
        const Monomial f{{code % 3, code / 3 % 3, code / 9}};
        const auto [a, b, c] = f.power;
        const int degree = is_simplex(type) ? a + b + c : std::max({a, b, c});
        if (degree > order || (dimension < 3 && c > 0) || (dimension < 2 && b > 0)) continue;
        double value = 0.0;
        std::array<double, 3> slope{};
        for (std::size_t i = 0; i < places.size(); ++i) {
          value += values[i] * f(places[i]);
          for (std::size_t d = 0; d < dimension; ++d) {
            slope[d] += gradients[i * dimension + d] * f(places[i]);
          }
        }
        // Sums of at most 27 terms of size at most 10: a few ulps each.
        EXPECT_NEAR(value, f(point), 1e-14) << table(type).name << " " << a << b << c;
        for (std::size_t d = 0; d < dimension; ++d) EXPECT_NEAR(slope[d], f.slope(point, d), 1e-13);
      }
    }
  }
}

TEST(Geometry, MapsACurvedCell) {
  // Nodes on x = (s + s t / 4, t + s s / 8), which a quad of order 2 maps exactly.
  Mesh mesh(comm::Communicator::self());
  mesh.cell_type = CellType::quad;
  mesh.geometry_order = 2;
  mesh.n_cells_owned = 1;
  mesh.cell_gid = {0};
  for (const auto& [s, t, unused] : node_places(CellType::quad, 2)) {
    mesh.cell_nodes.push_back(mesh.n_nodes());
    mesh.node_gid.push_back(mesh.n_nodes());
    mesh.node_coordinates.push_back(s + s * t / 4);
    mesh.node_coordinates.push_back(t + s * s / 8);
  }
  const double s = 0.3, t = 0.6;
  std::array<double, 4> jacobian{7, 7, 7, 7};
  const auto x = map_to_physical(mesh, 0, {s, t, 0}, jacobian);
  EXPECT_NEAR(x[0], s + s * t / 4, 1e-15);
  EXPECT_NEAR(x[1], t + s * s / 8, 1e-15);
  EXPECT_EQ(x[2], 0.0);
  EXPECT_NEAR(jacobian[0], 1 + t / 4, 1e-14);
  EXPECT_NEAR(jacobian[1], s / 4, 1e-14);
  EXPECT_NEAR(jacobian[2], s / 4, 1e-14);
  EXPECT_NEAR(jacobian[3], 1.0, 1e-14);
}

TEST(Geometry, OtherOrdersAreRefused) {
  std::array<double, 100> out{};
  EXPECT_THROW(shape_values(CellType::hex, 3, {0, 0, 0}, out), base::Error);
  EXPECT_THROW(shape_gradients(CellType::tri, 0, {0, 0, 0}, out), base::Error);
}

TEST(Geometry, CentroidsAreMeansOfVertices) {
  Box box;
  box.cell_type = CellType::hex;
  box.cells = {2, 1, 1};
  const Mesh mesh = make_box(comm::Communicator::self(), box);
  EXPECT_EQ(centroids(mesh), (std::vector<double>{0.25, 0.5, 0.5, 0.75, 0.5, 0.5}));
}

}  // namespace
}  // namespace ritz::mesh
