#include "cell_terms.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "ritz/mesh/geometry.hpp"

namespace ritz::assembly {

using kernels::Diffusion;
using kernels::Pack;

kernels::StoredTerms CellTerms::kind_of(const physics::Form& form,
                                        const CoefficientSet& coefficients) {
  kernels::StoredTerms kind;
  kind.advection = coefficients.terms.advection;
  kind.reaction = coefficients.terms.reaction;
  if (coefficients.terms.diffusion != Diffusion::tensor) return kind;
  const int d = form.dimension;
  for (const physics::RegionForm& region : form.regions) {
    if (region.diffusion_kind != physics::DiffusionKind::tensor) continue;
    for (int i = 0; i < d; ++i) {
      for (int j = 0; j < i; ++j) {
        const physics::Coefficient& a = region.diffusion[static_cast<std::size_t>(i * d + j)];
        const physics::Coefficient& b = region.diffusion[static_cast<std::size_t>(j * d + i)];
        kind.symmetric = kind.symmetric && a.is_constant && b.is_constant && a.value == b.value;
      }
    }
  }
  return kind;
}

CellTerms::CellTerms(const mesh::Mesh& mesh, const TensorBasis& basis,
                     const CoefficientSet& coefficients, const kernels::StoredTerms& kind,
                     double time)
    : mesh_(mesh),
      set_(coefficients),
      kind_(kind),
      dim_(mesh.dimension()),
      n_points_(kernels::power(basis.m, dim_)),
      n_terms_(kind.count(dim_)),
      n_geometry_(static_cast<std::size_t>(mesh.nodes_per_cell())) {
  const int m = basis.m;
  for (int q = 0; q < n_points_; ++q) {
    std::array<double, 3> point{};
    double weight = 1;
    for (int d = 0, rest = q; d < dim_; ++d, rest /= m) {
      point[static_cast<std::size_t>(d)] = basis.points[static_cast<std::size_t>(rest % m)];
      weight *= basis.weights[static_cast<std::size_t>(rest % m)];
    }
    points_.push_back(point);
    weights_.push_back(weight);
  }
  points_.push_back({0.5, dim_ > 1 ? 0.5 : 0.0, dim_ > 2 ? 0.5 : 0.0});
  const auto d = static_cast<std::size_t>(dim_);
  values_.resize(points_.size() * n_geometry_);
  gradients_.resize(points_.size() * n_geometry_ * d);
  for (std::size_t q = 0; q < points_.size(); ++q) {
    mesh::shape_values(mesh.cell_type, mesh.geometry_order, points_[q],
                       {values_.data() + q * n_geometry_, n_geometry_});
    mesh::shape_gradients(mesh.cell_type, mesh.geometry_order, points_[q],
                          {gradients_.data() + q * n_geometry_ * d, n_geometry_ * d});
  }
  const auto n = static_cast<std::size_t>(n_points_);
  nodes_.resize(n_geometry_ * d * width);
  coefficients_.resize(kernels::n_coefficients * n * width);
  terms_.resize(n * static_cast<std::size_t>(n_terms_) * width);
  load_.resize(n * width);
  variables_.resize(4 * n, 0.0);
  std::fill_n(variables_.begin() + static_cast<std::ptrdiff_t>(3 * n), n, time);
  row_.resize(n);
  registers_.resize(set_.register_doubles());
}

void CellTerms::gather(const LocalId* cells) {
  LocalId last = cells[0];
  for (int l = 0; l < width; ++l) {
    const LocalId cell = cells[l] < 0 ? last : cells[l];
    last = cell;
    regions_[static_cast<std::size_t>(l)] = mesh_.cell_region[static_cast<std::size_t>(cell)];
    const LocalId* nodes = mesh_.cell_nodes.data() + static_cast<std::size_t>(cell) * n_geometry_;
    for (std::size_t a = 0; a < n_geometry_; ++a) {
      const double* x = mesh_.node_coordinates.data() +
                        static_cast<std::size_t>(nodes[a]) * static_cast<std::size_t>(dim_);
      for (int d = 0; d < dim_; ++d) {
        nodes_[(a * static_cast<std::size_t>(dim_) + static_cast<std::size_t>(d)) * width +
               static_cast<std::size_t>(l)] = x[d];
      }
    }
  }
}

/// To within round-off of coordinates that are far from the origin compared with the cell's size.
bool CellTerms::is_parallelepiped(int lane) const {
  if (mesh_.geometry_order != 1) return false;
  const auto at = [&](int vertex, int d) {
    return nodes_[static_cast<std::size_t>((vertex * dim_ + d) * width + lane)];
  };
  double size = 0, gap = 0;
  for (int v = 1; v < 1 << dim_; ++v) {
    for (int d = 0; d < dim_; ++d) {
      double x = at(0, d);
      for (int s = 0; s < dim_; ++s) {
        if ((v >> s & 1) != 0) x += at(1 << s, d) - at(0, d);
      }
      gap = std::max(gap, std::abs(x - at(v, d)));
      size = std::max(size, std::abs(at(v, d) - at(0, d)));
    }
  }
  return gap <= 1e-12 * size;
}

void CellTerms::evaluate(int first_slot, int last_slot, int n_points, const LocalId* cells) {
  bool varying = false;
  for (int slot = first_slot; slot < last_slot; ++slot) varying = varying || set_.varying[slot];
  const auto n = static_cast<std::size_t>(n_points_);
  for (int l = 0; l < width; ++l) {
    const auto lane = static_cast<std::size_t>(l);
    if (varying) {
      for (int q = 0; q < n_points; ++q) {
        const double* shape = values_.data() + static_cast<std::size_t>(q) * n_geometry_;
        for (int d = 0; d < dim_; ++d) {
          double x = 0;
          for (std::size_t a = 0; a < n_geometry_; ++a) {
            x += shape[a] *
                 nodes_[(a * static_cast<std::size_t>(dim_) + static_cast<std::size_t>(d)) * width +
                        lane];
          }
          variables_[static_cast<std::size_t>(d) * n + static_cast<std::size_t>(q)] = x;
        }
      }
    }
    for (int slot = first_slot; slot < last_slot; ++slot) {
      const auto place = static_cast<std::size_t>(regions_[lane] * set_.n_slots + slot);
      double* out = coefficients_.data() + static_cast<std::size_t>(slot) * n * width + lane;
      const int program = set_.programs(place);
      if (program < 0) {
        const double value = set_.constants(place);
        for (int q = 0; q < n_points; ++q) out[q * width] = value;
        if (is_bad(value) && bad_.cell < 0) bad_ = {cells[l], points_[0], slot};
        continue;
      }
      evaluate_program(set_, program, variables_.data(), n_points_, registers_.data(), row_.data());
      for (int q = 0; q < n_points; ++q) {
        const double value = row_[static_cast<std::size_t>(q)];
        out[q * width] = value;
        if (is_bad(value) && bad_.cell < 0 && cells[l] >= 0) {
          bad_ = {cells[l], points_[static_cast<std::size_t>(q)], slot};
        }
      }
    }
  }
}

template <int dim>
void CellTerms::note_range(int n_points) {
  const std::size_t stride = static_cast<std::size_t>(n_points_) * width;
  double k[9] = {};
  for (std::size_t i = 0; i < static_cast<std::size_t>(n_points) * width; ++i) {
    for (std::size_t slot = 0; slot < dim * dim; ++slot) {
      k[slot] = coefficients_[slot * stride + i];
    }
    note_diffusion<dim>(set_.terms.diffusion, k, record_);
  }
}

template <int dim>
void CellTerms::jacobian(int q, const double* gradients, Pack* j) const {
  const double* gradient = gradients + static_cast<std::size_t>(q) * n_geometry_ * dim;
  for (int i = 0; i < dim * dim; ++i) j[i] = Pack(0.0);
  for (std::size_t a = 0; a < n_geometry_; ++a) {
    for (int d = 0; d < dim; ++d) {
      Pack x;
      std::memcpy(&x, nodes_.data() + (a * dim + static_cast<std::size_t>(d)) * width, sizeof x);
      for (int e = 0; e < dim; ++e) {
        j[d * dim + e] += x * Pack(gradient[a * dim + static_cast<std::size_t>(e)]);
      }
    }
  }
}

template <int dim>
void CellTerms::pull_back(int n_points, const double* gradients) {
  const auto n = static_cast<std::size_t>(n_points_);
  for (int q = 0; q < n_points; ++q) {
    const auto coefficient = [&](int slot) {
      Pack value;
      std::memcpy(&value,
                  coefficients_.data() +
                      (static_cast<std::size_t>(slot) * n + static_cast<std::size_t>(q)) * width,
                  sizeof value);
      return value;
    };
    Pack j[dim * dim], adj[dim * dim], d[dim * dim];
    jacobian<dim>(q, gradients, j);
    const Pack det = kernels::adjugate<dim>(j, adj);
    for (Pack& one : d) one = Pack(0.0);
    if (set_.terms.diffusion != Diffusion::none) {
      Pack k[dim * dim];
      for (int i = 0; i < dim * dim; ++i) k[i] = coefficient(i);
      kernels::pull_back_diffusion<dim>(set_.terms.diffusion, adj, det, Pack(1.0), k, d);
    }
    double* out =
        terms_.data() + static_cast<std::size_t>(q) * static_cast<std::size_t>(n_terms_) * width;
    const auto put = [&out](const Pack& value) {
      std::memcpy(out, &value, sizeof value);
      out += width;
    };
    for (int a = 0; a < dim; ++a) {
      for (int b = kind_.symmetric ? a : 0; b < dim; ++b) put(d[a * dim + b]);
    }
    if (kind_.advection) {
      Pack b[dim], c[dim];
      for (int i = 0; i < dim; ++i) b[i] = coefficient(kernels::coefficient_advection + i);
      kernels::pull_back_advection<dim>(adj, Pack(1.0), b, c);
      for (int i = 0; i < dim; ++i) put(c[i]);
    }
    if (kind_.reaction) put(det * coefficient(kernels::coefficient_reaction));
  }
}

void CellTerms::compute(const LocalId* cells) {
  gather(cells);
  is_constant_ = true;
  for (int slot = 0; slot < kernels::coefficient_source; ++slot) {
    is_constant_ = is_constant_ && !set_.varying[slot];
  }
  for (int l = 0; l < width && is_constant_; ++l) is_constant_ = is_parallelepiped(l);
  const int n_points = is_constant_ ? 1 : n_points_;
  evaluate(0, kernels::coefficient_source, n_points, cells);
  if (bad_.cell >= 0) return;
  if (set_.terms.diffusion != Diffusion::none) {
    if (dim_ == 1) note_range<1>(n_points);
    if (dim_ == 2) note_range<2>(n_points);
    if (dim_ == 3) note_range<3>(n_points);
  }
  const double* gradients =
      gradients_.data() + (is_constant_ ? static_cast<std::size_t>(n_points_) * n_geometry_ *
                                              static_cast<std::size_t>(dim_)
                                        : 0);
  if (dim_ == 1) pull_back<1>(n_points, gradients);
  if (dim_ == 2) pull_back<2>(n_points, gradients);
  if (dim_ == 3) pull_back<3>(n_points, gradients);
}

template <int dim>
Pack CellTerms::determinant(int q) const {
  Pack j[dim * dim], adj[dim * dim];
  jacobian<dim>(q, gradients_.data(), j);
  return kernels::adjugate<dim>(j, adj);
}

void CellTerms::compute_load(const LocalId* cells) {
  gather(cells);
  bool one_jacobian = true;
  for (int l = 0; l < width && one_jacobian; ++l) one_jacobian = is_parallelepiped(l);
  constexpr int slot = kernels::coefficient_source;
  is_constant_ = one_jacobian && !set_.varying[slot];
  const int n_points = is_constant_ ? 1 : n_points_;
  evaluate(slot, slot + 1, n_points, cells);
  if (bad_.cell >= 0) return;
  const auto determinant_at = [&](int q) {
    return dim_ == 1 ? determinant<1>(q) : dim_ == 2 ? determinant<2>(q) : determinant<3>(q);
  };
  Pack det = determinant_at(n_points_);  // the centre
  for (int q = 0; q < n_points; ++q) {
    const auto at = static_cast<std::size_t>(q) * width;
    if (!one_jacobian) det = determinant_at(q);
    Pack f;
    std::memcpy(&f, coefficients_.data() + static_cast<std::size_t>(slot * n_points_) * width + at,
                sizeof f);
    Pack value = det * f;
    if (!is_constant_) value = Pack(weights_[static_cast<std::size_t>(q)]) * value;
    std::memcpy(load_.data() + at, &value, sizeof value);
  }
}

}  // namespace ritz::assembly
