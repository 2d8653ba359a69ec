#include "ritz/mesh/cell_type.hpp"

#include <string>

#include "ritz/base/error.hpp"

namespace ritz::mesh {

namespace {

// Unused places hold -1 so that a loop over the wrong range meets an invalid vertex at once.
constexpr std::array<std::int8_t, 2> no_edge{-1, -1};
constexpr std::array<std::int8_t, 4> no_face{-1, -1, -1, -1};

constexpr std::array<std::int8_t, 4> one(int a) {
  return {static_cast<std::int8_t>(a), -1, -1, -1};
}
constexpr std::array<std::int8_t, 4> two(int a, int b) {
  return {static_cast<std::int8_t>(a), static_cast<std::int8_t>(b), -1, -1};
}
constexpr std::array<std::int8_t, 4> three(int a, int b, int c) {
  return {static_cast<std::int8_t>(a), static_cast<std::int8_t>(b), static_cast<std::int8_t>(c),
          -1};
}

constexpr CellTable blank(std::string_view name, int dimension) {
  CellTable t{};
  t.name = name;
  t.dimension = dimension;
  t.facet_type = CellType::point;
  for (auto& edge : t.edges) edge = no_edge;
  for (auto& face : t.faces) face = no_face;
  for (auto& facet : t.facets) facet = no_face;
  return t;
}

constexpr CellTable make_point() {
  CellTable t = blank("point", 0);
  t.n_vertices = 1;
  return t;
}

constexpr CellTable make_line() {
  CellTable t = blank("line", 1);
  t.n_vertices = 2;
  t.n_edges = 1;
  t.n_facets = 2;
  t.edges[0] = {0, 1};
  t.facets[0] = one(0);
  t.facets[1] = one(1);
  t.vertices[1] = {1, 0, 0};
  return t;
}

constexpr CellTable make_tri() {
  CellTable t = blank("tri", 2);
  t.n_vertices = 3;
  t.n_edges = 3;
  t.n_faces = 1;
  t.n_facets = 3;
  t.facet_type = CellType::line;
  t.edges[0] = {1, 2};
  t.edges[1] = {0, 2};
  t.edges[2] = {0, 1};
  t.faces[0] = three(0, 1, 2);
  for (std::size_t f = 0; f < 3; ++f) t.facets[f] = two(t.edges[f][0], t.edges[f][1]);
  t.vertices[1] = {1, 0, 0};
  t.vertices[2] = {0, 1, 0};
  return t;
}

constexpr CellTable make_quad() {
  CellTable t = blank("quad", 2);
  t.n_vertices = 4;
  t.n_edges = 4;
  t.n_faces = 1;
  t.n_facets = 4;
  t.facet_type = CellType::line;
  t.edges[0] = {0, 2};
  t.edges[1] = {1, 3};
  t.edges[2] = {0, 1};
  t.edges[3] = {2, 3};
  t.faces[0] = {0, 1, 2, 3};
  for (std::size_t f = 0; f < 4; ++f) t.facets[f] = two(t.edges[f][0], t.edges[f][1]);
  for (int v = 0; v < 4; ++v) {
    t.vertices[static_cast<std::size_t>(v)] = {static_cast<double>(v & 1),
                                               static_cast<double>(v >> 1), 0};
  }
  return t;
}

constexpr CellTable make_tet() {
  CellTable t = blank("tet", 3);
  t.n_vertices = 4;
  t.n_edges = 6;
  t.n_faces = 4;
  t.n_facets = 4;
  t.facet_type = CellType::tri;
  t.edges[0] = {0, 1};
  t.edges[1] = {0, 2};
  t.edges[2] = {0, 3};
  t.edges[3] = {1, 2};
  t.edges[4] = {1, 3};
  t.edges[5] = {2, 3};
  t.faces[0] = three(1, 2, 3);
  t.faces[1] = three(0, 2, 3);
  t.faces[2] = three(0, 1, 3);
  t.faces[3] = three(0, 1, 2);
  t.facets = t.faces;
  t.vertices[1] = {1, 0, 0};
  t.vertices[2] = {0, 1, 0};
  t.vertices[3] = {0, 0, 1};
  return t;
}

constexpr CellTable make_hex() {
  CellTable t = blank("hex", 3);
  t.n_vertices = 8;
  t.n_edges = 12;
  t.n_faces = 6;
  t.n_facets = 6;
  t.facet_type = CellType::quad;
  for (int axis = 0; axis < 3; ++axis) {
    // The other two axes, in order: first and second coordinate of edges and faces across `axis`.
    const int a = axis == 0 ? 1 : 0;
    const int b = axis == 2 ? 1 : 2;
    for (int i = 0; i < 4; ++i) {
      const int v = ((i & 1) << a) + ((i >> 1) << b);
      t.edges[static_cast<std::size_t>(4 * axis + i)] = {static_cast<std::int8_t>(v),
                                                         static_cast<std::int8_t>(v + (1 << axis))};
      t.faces[static_cast<std::size_t>(2 * axis)][static_cast<std::size_t>(i)] =
          static_cast<std::int8_t>(v);
      t.faces[static_cast<std::size_t>(2 * axis + 1)][static_cast<std::size_t>(i)] =
          static_cast<std::int8_t>(v + (1 << axis));
    }
  }
  t.facets = t.faces;
  for (int v = 0; v < 8; ++v) {
    t.vertices[static_cast<std::size_t>(v)] = {
        static_cast<double>(v & 1), static_cast<double>((v >> 1) & 1), static_cast<double>(v >> 2)};
  }
  return t;
}

constexpr std::array<CellTable, 6> tables{make_point(), make_line(), make_tri(),
                                          make_quad(),  make_tet(),  make_hex()};

}  // namespace

const CellTable& table(CellType type) {
  return tables[static_cast<std::size_t>(type)];
}

CellType cell_type(std::string_view name) {
  for (std::size_t i = 0; i < tables.size(); ++i) {
    if (tables[i].name == name) return static_cast<CellType>(i);
  }
  throw base::Error(base::ExitCode::internal, "no cell type is called '" + std::string(name) +
                                                  "' (line, tri, quad, tet, hex)");
}

int n_lattice_points(CellType type, int order) {
  const int n = order + 1;
  switch (type) {
    case CellType::point:
      return 1;
    case CellType::line:
      return n;
    case CellType::tri:
      return n * (n + 1) / 2;
    case CellType::quad:
      return n * n;
    case CellType::tet:
      return n * (n + 1) * (n + 2) / 6;
    case CellType::hex:
      return n * n * n;
  }
  return 0;
}

int n_interior_points(CellType type, int order) {
  const int k = order;
  switch (type) {
    case CellType::point:
      return 1;
    case CellType::line:
      return k - 1;
    case CellType::tri:
      return (k - 1) * (k - 2) / 2;
    case CellType::quad:
      return (k - 1) * (k - 1);
    case CellType::tet:
      return (k - 1) * (k - 2) * (k - 3) / 6;
    case CellType::hex:
      return (k - 1) * (k - 1) * (k - 1);
  }
  return 0;
}

}  // namespace ritz::mesh
