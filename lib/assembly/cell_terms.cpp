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
  factors_.resize(n * width);
  numbers_.resize(static_cast<std::size_t>(kernels::multilinear_count(dim_)) * width);
  for (int slot = 0; slot < kernels::coefficient_source; ++slot) {
    if (!set_.varying[slot]) continue;
    const bool is_scalar = slot == 0 && set_.terms.diffusion == Diffusion::scalar;
    varying_ = std::max(varying_, is_scalar ? Shape::scaled_affine : Shape::general);
  }
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
  double size = 0, gap = 0;
  for (int v = 1; v < 1 << dim_; ++v) {
    for (int d = 0; d < dim_; ++d) {
      double x = node(0, d, lane);
      for (int s = 0; s < dim_; ++s) {
        if ((v >> s & 1) != 0) x += node(1 << s, d, lane) - node(0, d, lane);
      }
      gap = std::max(gap, std::abs(x - node(v, d, lane)));
      size = std::max(size, std::abs(node(v, d, lane) - node(0, d, lane)));
    }
  }
  return gap <= 1e-12 * size;
}

/// Factors the lane's constant K; false if it is not positive (a scalar: 0).
template <int dim>
bool CellTerms::has_root(int lane) {
  std::array<double, 11>& root = root_[static_cast<std::size_t>(lane)];
  double* inverse = root.data();
  double &determinant = root[9], &scale = root[10];
  std::fill_n(inverse, 9, 0.0);
  for (int d = 0; d < dim; ++d) inverse[d * dim + d] = 1;
  determinant = scale = 1;
  if (varying_ == Shape::scaled_affine) return true;  // K is for the points
  const auto k = [&](int slot) {
    return coefficients_[(static_cast<std::size_t>(slot) * static_cast<std::size_t>(n_points_)) *
                             width +
                         static_cast<std::size_t>(lane)];
  };
  if (set_.terms.diffusion == Diffusion::scalar) {
    scale = k(0);
    return scale != 0;
  }
  const bool is_diagonal = set_.terms.diffusion == Diffusion::diagonal;
  double lower[dim * dim] = {};
  for (int i = 0; i < dim; ++i) {
    for (int j = 0; j <= i; ++j) {
      double sum = is_diagonal ? (i == j ? k(i) : 0.0) : k(i * dim + j);
      for (int l = 0; l < j; ++l) sum -= lower[i * dim + l] * lower[j * dim + l];
      if (i == j) {
        if (!(sum > 0)) return false;
        lower[i * dim + i] = std::sqrt(sum);
        determinant *= lower[i * dim + i];
      } else {
        lower[i * dim + j] = sum / lower[j * dim + j];
      }
    }
  }
  for (int column = 0; column < dim; ++column) {
    for (int i = column; i < dim; ++i) {
      double sum = i == column ? 1.0 : 0.0;
      for (int l = column; l < i; ++l) sum -= lower[i * dim + l] * inverse[l * dim + column];
      inverse[i * dim + column] = sum / lower[i * dim + i];
    }
  }
  return true;
}

/// Whether the edges at each vertex, in the coordinates where K is a number, are far enough from
/// one plane: MultilinearFlux forms their products, so that it loses the square of this volume's
/// part of the edges' lengths.
template <int dim>
bool CellTerms::is_sound(int lane) const {
  constexpr double least_volume = 1.0 / 32;
  const double* inverse = root_[static_cast<std::size_t>(lane)].data();
  for (int v = 0; v < 1 << dim; ++v) {
    double j[dim * dim], adj[dim * dim], lengths = 1;
    for (int s = 0; s < dim; ++s) {
      double square = 0;
      for (int d = 0; d < dim; ++d) {
        double sum = 0;
        for (int e = 0; e <= d; ++e) {
          sum += inverse[d * dim + e] * (node(v | 1 << s, e, lane) - node(v & ~(1 << s), e, lane));
        }
        j[d * dim + s] = sum;
        square += sum * sum;
      }
      lengths *= std::sqrt(square);
    }
    if (!(kernels::adjugate<dim>(j, adj) > least_volume * lengths)) return false;
  }
  return true;
}

/// With y = L^-1 x / h, h the cell's size, and J' = dy/dxi: |J| = h^dim |L| |J'| and
/// D = s |J| J^-1 L L^T J^-T = s |L| h^(dim-2) |J'| J'^-1 J'^-T. Numbers near 1 keep products in
/// single precision in range.
template <int dim>
void CellTerms::set_numbers() {
  for (int l = 0; l < width; ++l) {
    if (!has_root<dim>(l)) continue;  // look() has said general
    const std::array<double, 11>& root = root_[static_cast<std::size_t>(l)];
    const double determinant = root[9], scale = root[10];
    double y[1 << dim][dim], size = 0;
    for (int v = 0; v < 1 << dim; ++v) {
      for (int d = 0; d < dim; ++d) {
        y[v][d] = 0;
        for (int e = 0; e <= d; ++e) {
          y[v][d] += root[static_cast<std::size_t>(d * dim + e)] * (node(v, e, l) - node(0, e, l));
        }
        size = std::max(size, std::abs(y[v][d]));
      }
    }
    double* out = numbers_.data() + l;
    // Directions of e_x, e_y, ...: first one each, then pairs, then all.
    constexpr std::array<int, 7> directions =
        dim == 2 ? std::array<int, 7>{1, 2, 3} : std::array<int, 7>{1, 2, 4, 3, 5, 6, 7};
    for (int i = 0; i < (1 << dim) - 1; ++i) {
      const int set = directions[static_cast<std::size_t>(i)];
      double mean = 1 / size;
      for (int s = 0; s < dim; ++s) mean *= (set >> s & 1) != 0 ? 1.0 : 0.5;
      for (int d = 0; d < dim; ++d) {
        double sum = 0;
        for (int v = 0; v < 1 << dim; ++v) {
          sum +=
              (__builtin_popcount(static_cast<unsigned>(set & ~v)) & 1) != 0 ? -y[v][d] : y[v][d];
        }
        out[(i * dim + d) * width] = mean * sum;
      }
    }
    constexpr int n_edges = dim * ((1 << dim) - 1);
    const double h = dim == 2 ? 1.0 : size;
    out[n_edges * width] = scale * determinant * h;
    const double volume = determinant * h * size * size;
    out[(n_edges + 1) * width] =
        kind_.reaction ? volume * coefficients_[static_cast<std::size_t>(
                                      (kernels::coefficient_reaction * n_points_) * width + l)]
                       : 0.0;
  }
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

CellTerms::Shape CellTerms::look(const LocalId* cells) {
  if (varying_ == Shape::general) return Shape::general;
  gather(cells);
  bool one_for_all = true;
  for (int l = 0; l < width && one_for_all; ++l) one_for_all = is_parallelepiped(l);
  if (one_for_all) return varying_;
  if (varying_ == Shape::constant) evaluate(0, kernels::coefficient_source, 1, cells);
  const bool computable = mesh_.geometry_order == 1 && kind_.symmetric && !kind_.advection &&
                          set_.terms.diffusion != Diffusion::none && dim_ > 1 &&
                          n_points_ > 1 << dim_;
  if (!computable) return Shape::general;
  for (int l = 0; l < width; ++l) {
    const bool fits =
        dim_ == 2 ? has_root<2>(l) && is_sound<2>(l) : has_root<3>(l) && is_sound<3>(l);
    if (!fits) return Shape::general;
  }
  return varying_ == Shape::constant ? Shape::multilinear : Shape::scaled;
}

void CellTerms::compute(const LocalId* cells, Shape shape) {
  gather(cells);
  const int n_points = varying_ == Shape::constant && shape != Shape::general ? 1 : n_points_;
  evaluate(0, kernels::coefficient_source, n_points, cells);
  if (bad_.cell >= 0) return;
  if (set_.terms.diffusion != Diffusion::none) {
    if (dim_ == 1) note_range<1>(n_points);
    if (dim_ == 2) note_range<2>(n_points);
    if (dim_ == 3) note_range<3>(n_points);
  }
  if (shape == Shape::scaled || shape == Shape::scaled_affine) {
    std::copy_n(coefficients_.begin(), factors_.size(), factors_.begin());
    std::fill_n(coefficients_.begin(), width, 1.0);
  }
  if (shape == Shape::multilinear || shape == Shape::scaled) {
    if (dim_ == 2) set_numbers<2>();
    if (dim_ == 3) set_numbers<3>();
    return;
  }
  const bool general = shape == Shape::general;
  const double* gradients =
      gradients_.data() + (general ? 0
                                   : static_cast<std::size_t>(n_points_) * n_geometry_ *
                                         static_cast<std::size_t>(dim_));
  const int n_sets = general ? n_points_ : 1;
  if (dim_ == 1) pull_back<1>(n_sets, gradients);
  if (dim_ == 2) pull_back<2>(n_sets, gradients);
  if (dim_ == 3) pull_back<3>(n_sets, gradients);
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
