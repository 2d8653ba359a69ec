#include "mesh_map.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "points.hpp"
#include "ritz/base/fault.hpp"
#include "ritz/base/format.hpp"
#include "ritz/mesh/order.hpp"
#include "ritz/run/form.hpp"

namespace ritz::run {

namespace {

const std::vector<std::string> axes{"x", "y", "z"};

/// A node that a formula gives no place.
struct Lost {
  GlobalId count = 0;
  int component = -1;
  double value = 0;
  std::array<double, 3> at{};
};

/// Inverse of a matrix of order n in the leading part, row by row; nothing if it is singular or no
/// number.
std::optional<std::array<double, 9>> inverse(const std::array<double, 9>& a, std::size_t n) {
  const auto at = [&](std::size_t i, std::size_t j) { return a[3 * i + j]; };
  std::array<double, 9> result{};
  double determinant = at(0, 0);
  if (n == 1) {
    result[0] = 1.0;
  } else if (n == 2) {
    determinant = at(0, 0) * at(1, 1) - at(0, 1) * at(1, 0);
    result = {at(1, 1), -at(0, 1), 0, -at(1, 0), at(0, 0), 0, 0, 0, 0};
  } else {
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j) {
        const std::size_t r = (j + 1) % 3, s = (j + 2) % 3, c = (i + 1) % 3, d = (i + 2) % 3;
        result[3 * i + j] = at(r, c) * at(s, d) - at(r, d) * at(s, c);
      }
    }
    determinant = at(0, 0) * result[0] + at(0, 1) * result[3] + at(0, 2) * result[6];
  }
  if (!std::isfinite(determinant) || determinant == 0.0) return std::nullopt;
  for (double& entry : result) entry /= determinant;
  return result;
}

}  // namespace

MeshMap::MeshMap(const deck::Problem& problem, base::Diagnostics& diagnostics)
    : box_(problem.mesh.box) {
  expr::Symbols names = symbols(problem);
  names.variables = axes;
  names.variables.resize(std::min<std::size_t>(3, box_.cells.size()));
  for (std::size_t d = 0; d < box_.map.size(); ++d) {
    const auto component =
        compile(box_.map[d], fmt::format("mesh.map[{}]", d), expr::Type::real, names, diagnostics);
    if (component) components_.push_back(*component);
  }
  if (components_.size() != box_.cells.size()) components_.clear();
}

void MeshMap::apply(mesh::Mesh& mesh) const {
  if (is_identity()) return;
  base::fault_point("map");
  if (box_.order > mesh.geometry_order) mesh::raise_order(mesh);
  const std::size_t d = components_.size();
  const auto n_nodes = static_cast<std::size_t>(mesh.n_nodes());
  std::vector<expr::Program> programs;
  for (const expr::Expression& component : components_) programs.push_back(component.compile());

  Lost lost;
  const std::size_t block = expr::max_block;
  std::vector<double> from(d * block), to(block);
  for (std::size_t first = 0; first < n_nodes; first += block) {
    const std::size_t n = std::min(block, n_nodes - first);
    double* const x = mesh.node_coordinates.data() + first * d;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t c = 0; c < d; ++c) from[c * n + i] = x[i * d + c];
    }
    for (std::size_t c = 0; c < d; ++c) {
      programs[c].evaluate(std::span(from).first(d * n), std::span(to).first(n));
      for (std::size_t i = 0; i < n; ++i) {
        x[i * d + c] = to[i];
        if (std::isfinite(to[i])) continue;
        if (lost.count++ == 0) {
          lost.component = static_cast<int>(c);
          lost.value = to[i];
          for (std::size_t k = 0; k < d; ++k) lost.at[k] = from[k * n + i];
        }
      }
    }
  }
  const comm::Communicator& communicator = mesh.communicator;
  const int first_rank =
      communicator.min<std::int32_t>(lost.count > 0 ? communicator.rank() : communicator.size());
  if (first_rank == communicator.size()) return;
  communicator.broadcast(lost.component, first_rank);
  communicator.broadcast(lost.value, first_rank);
  communicator.broadcast(lost.at, first_rank);
  const deck::Formula& formula = box_.map[static_cast<std::size_t>(lost.component)];
  throw base::Error(
      base::ExitCode::deck, formula.where,
      fmt::format("mesh.map[{}] = \"{}\" is {} at {} of the box", lost.component, formula.text,
                  lost.value, point_text(lost.at, static_cast<int>(d))));
}

void MeshMap::check(mesh::Hierarchy& meshes) const {
  const auto refused = [](const base::Error& error) {
    return error.code() == base::ExitCode::mesh;  // of every rank alike
  };
  try {
    mesh::check_geometry(meshes.finest());
  } catch (const base::Error& error) {
    if (is_identity() || !refused(error)) throw;
    throw base::Error(base::ExitCode::deck, box_.map.front().where,
                      fmt::format("mesh.map folds or mirrors the box, or its cells are too large "
                                  "for how much it bends: {}",
                                  error.diagnostics().front().message));
  }
  if (is_identity()) return;
  for (std::size_t l = meshes.parents.size(); l-- > 0;) {
    try {
      mesh::check_geometry(meshes.meshes[l]);
    } catch (const base::Error& error) {
      if (!refused(error)) throw;
      const auto n = static_cast<std::ptrdiff_t>(l) + 1;
      meshes.meshes.erase(meshes.meshes.begin(), meshes.meshes.begin() + n);
      meshes.parents.erase(meshes.parents.begin(), meshes.parents.begin() + n);
      return;
    }
  }
}

std::array<double, 3> MeshMap::pulled_back(const std::array<double, 3>& diffusion) const {
  if (is_identity()) return diffusion;
  const std::size_t d = components_.size();
  std::vector<expr::Expression> jacobian;
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = 0; j < d; ++j) jacobian.push_back(components_[i].derivative(axes[j]));
  }
  constexpr int n_points = 4;  // a direction
  std::array<double, 3> logarithm{};
  int n = 0;
  for (int point = 0; point < std::pow(n_points, d); ++point) {
    std::array<double, 3> x{};
    int index = point;
    for (std::size_t k = 0; k < d; ++k) {
      x[k] = box_.lower[k] + (box_.upper[k] - box_.lower[k]) * (index % n_points + 0.5) / n_points;
      index /= n_points;
    }
    std::array<double, 9> a{};
    for (std::size_t i = 0; i < d; ++i) {
      for (std::size_t j = 0; j < d; ++j) {
        a[3 * i + j] = jacobian[i * d + j].evaluate(std::span(x).first(d));
      }
    }
    const auto inverted = inverse(a, d);
    if (!inverted) return diffusion;
    for (std::size_t i = 0; i < d; ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < d; ++j) {
        sum += (*inverted)[3 * i + j] * diffusion[j] * (*inverted)[3 * i + j];
      }
      logarithm[i] += std::log(sum);
    }
    ++n;
  }
  std::array<double, 3> result{1, 1, 1};
  for (std::size_t i = 0; i < d; ++i) {
    result[i] = std::exp(logarithm[i] / n);
    if (!std::isfinite(result[i]) || !(result[i] > 0)) return diffusion;
  }
  return result;
}

}  // namespace ritz::run
