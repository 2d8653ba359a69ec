#include "degree_transfer.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include "ritz/base/error.hpp"
#include "ritz/mesh/lattice.hpp"

namespace ritz::multigrid {

namespace {

// Strings, because a launch would make one of a literal and allocate.
const std::string restrict_label = "ritz::multigrid::restrict";
const std::string prolongate_label = "ritz::multigrid::prolongate";

using base::Error;
using base::ExitCode;
using kernels::Lanes;

constexpr int power(int base, int exponent) {
  return exponent == 0 ? 1 : base * power(base, exponent - 1);
}

/// out[a][i][c] = sum_j m(i, j) in[a][j][c] with shapes [before][n_in][after]; m(i, j) is
/// matrix[i * n_in + j], or matrix[j * n_out + i] if transposed.
template <int before, int n_in, int n_out, int after, bool transposed, class T>
void sweep(const T* matrix, const Lanes<T>* in, Lanes<T>* out) {
  for (int a = 0; a < before; ++a) {
    for (int c = 0; c < after; ++c) {
      Lanes<T> column[n_in];
      for (int j = 0; j < n_in; ++j) column[j] = in[(a * n_in + j) * after + c];
      for (int i = 0; i < n_out; ++i) {
        Lanes<T> sum = matrix[transposed ? i : i * n_in] * column[0];
        for (int j = 1; j < n_in; ++j) {
          sum += matrix[transposed ? j * n_out + i : i * n_in + j] * column[j];
        }
        out[(a * n_out + i) * after + c] = sum;
      }
    }
  }
}

/// All directions, x first; `in` [n_in^dim] is used up as scratch for three dimensions.
template <int dim, int n_in, int n_out, bool transposed, class T>
void interpolate(const T* matrix, const Lanes<T>* in, Lanes<T>* out) {
  if constexpr (dim == 1) {
    sweep<1, n_in, n_out, 1, transposed>(matrix, in, out);
  } else if constexpr (dim == 2) {
    Lanes<T> x[n_in * n_out];
    sweep<n_in, n_in, n_out, 1, transposed>(matrix, in, x);
    sweep<1, n_in, n_out, n_out, transposed>(matrix, x, out);
  } else {
    Lanes<T> x[n_in * n_in * n_out], y[n_in * n_out * n_out];
    sweep<n_in * n_in, n_in, n_out, 1, transposed>(matrix, in, x);
    sweep<n_in, n_in, n_out, n_out, transposed>(matrix, x, y);
    sweep<1, n_in, n_out, n_out * n_out, transposed>(matrix, y, out);
  }
}

/// The unknowns of 1-D size n - 2 that entities of the kinds have, kind by kind: vertices, edges,
/// faces, the inside; and how many entities of each kind a cell of this dimension has.
template <int dim>
constexpr std::array<int, 4> kind_counts{1 << dim,
                                         dim == 2   ? 4
                                         : dim == 3 ? 12
                                                    : 0,
                                         dim == 3 ? 6 : 0, 1};

/// Calls `entity.template operator()<nodes>(e)` for all entities of a cell with n nodes a
/// direction.
template <int dim, int n, class Entity>
void for_each_entity(const Entity& entity) {
  int e = 0;
  for (; e < kind_counts<dim>[0]; ++e) entity.template operator()<1>(e);
  if constexpr (dim > 1) {
    for (const int end = e + kind_counts<dim>[1]; e < end; ++e) {
      entity.template operator()<n - 2>(e);
    }
  }
  if constexpr (dim > 2) {
    for (const int end = e + kind_counts<dim>[2]; e < end; ++e) {
      entity.template operator()<power(n - 2, 2)>(e);
    }
  }
  entity.template operator()<power(n - 2, dim)>(e);
}

/// Values between a batch's scratch u [tensor node][lane] and the consecutive unknowns that its
/// cells are the first to touch: `add` to the unknowns, else from them.
template <int dim, int n, bool add, class T, class Unknown>
void move_unknowns(Unknown* unknowns, const LocalId* first, const std::uint32_t* mask,
                   const int* begin, const std::int16_t* tensor, Lanes<T>* u) {
  constexpr int width = kernels::n_lanes<T>;
  T* const lane = reinterpret_cast<T*>(u);
  Unknown* at[width];
  std::uint32_t all = ~0U, any = 0;
  for (int l = 0; l < width; ++l) {
    at[l] = unknowns + first[l];
    all &= mask[l];
    any |= mask[l];
  }
  for_each_entity<dim, n>([&]<int count>(int e) {
    const std::uint32_t bit = 1U << e;
    if ((any & bit) == 0) return;
    const std::int16_t* places = tensor + begin[e];
#ifdef RITZ_HOST_LANES
    // In Morton order on a regular mesh this is nearly always so, or not at all.
    if ((all & bit) != 0) {
      if constexpr (add) {
        kernels::scatter_add_run<count, T>(u, places, at);
      } else {
        kernels::gather_run<count, T>(at, places, u);
      }
      for (int l = 0; l < width; ++l) at[l] += count;
      return;
    }
#endif
    for (int l = 0; l < width; ++l) {
      if ((mask[l] & bit) == 0) continue;
      for (int i = 0; i < count; ++i) {
        if constexpr (add) {
          at[l][i] += lane[places[i] * width + l];
        } else {
          lane[places[i] * width + l] = at[l][i];
        }
      }
      at[l] += count;
    }
  });
}

/// Where the nodes of each entity begin in a cell's list: vertices, edges, faces, the inside.
std::vector<int> entity_begins(mesh::CellType type, int degree) {
  const mesh::CellTable& table = mesh::table(type);
  std::vector<int> begin{0};
  const auto add = [&](int count, int inside) {
    for (int i = 0; i < count; ++i) begin.push_back(begin.back() + inside);
  };
  add(table.n_vertices, 1);
  if (table.dimension > 1) add(table.n_edges, degree - 1);
  if (table.dimension > 2) add(table.n_faces, (degree - 1) * (degree - 1));
  add(1, power(degree - 1, table.dimension));
  return begin;
}

}  // namespace

template <class T>
DegreeTransfer<T>::DegreeTransfer(const mesh::Mesh& mesh, const fem::Space& fine,
                                  const fem::Space& coarse)
    : dimension_(mesh.dimension()),
      coarse_degree_(coarse.element.degree()),
      fine_degree_(fine.element.degree()),
      n_cells_(static_cast<std::size_t>(mesh.n_cells_owned)),
      n_batches_((n_cells_ + width - 1) / width),
      n_coarse_local_(static_cast<std::size_t>(coarse.n_local())),
      n_coarse_owned_(static_cast<std::size_t>(coarse.n_owned)),
      halo_(coarse.plan, coarse.n_owned) {
  if (!mesh::is_tensor(mesh.cell_type) || fine_degree_ / 2 != coarse_degree_) {
    throw Error(ExitCode::internal, "no transfer between these degrees; please report this");
  }
  const std::vector<double>& to = fine.element.nodes_1d();
  const std::vector<double>& from = coarse.element.nodes_1d();
  for (const double x : to) {
    for (std::size_t j = 0; j < from.size(); ++j) {
      double value = 1.0;
      for (std::size_t m = 0; m < from.size(); ++m) {
        if (m != j) value *= (x - from[m]) / (from[j] - from[m]);
      }
      interpolation_.push_back(static_cast<T>(value));
    }
  }

  // Tensor place of each node in entity order.
  const auto tensor_places = [&](int degree) {
    const std::vector<int> entity = mesh::entity_order(mesh.cell_type, degree);
    std::vector<std::int16_t> tensor(entity.size());
    for (std::size_t i = 0; i < entity.size(); ++i) {
      tensor[static_cast<std::size_t>(entity[i])] = static_cast<std::int16_t>(i);
    }
    return tensor;
  };
  tensor_ = tensor_places(fine_degree_);
  entity_begin_ = entity_begins(mesh.cell_type, fine_degree_);

  // Which entities each cell is the first to touch.
  const std::size_t n_lanes = n_batches_ * width;
  first_.assign(n_lanes, 0);
  mask_.assign(n_lanes, 0);
  LocalId next = 0;
  for (std::size_t cell = 0; cell < n_cells_; ++cell) {
    const auto dofs = fine.dofs(static_cast<LocalId>(cell));
    first_[cell] = next;
    for (std::size_t e = 0; e + 1 < entity_begin_.size(); ++e) {
      const auto begin = static_cast<std::size_t>(entity_begin_[e]);
      const auto end = static_cast<std::size_t>(entity_begin_[e + 1]);
      if (begin == end || next == fine.n_owned || dofs[begin] != next) continue;
      mask_[cell] |= 1U << e;
      for (std::size_t i = begin; i < end; ++i, ++next) {
        if (dofs[i] != next) {
          throw Error(ExitCode::internal,
                      "unknowns are not numbered in the order in which the "
                      "cells touch them; please report this");
        }
      }
    }
  }
  if (next != fine.n_owned) {
    throw Error(ExitCode::internal, "an unknown is in no owned cell; please report this");
  }

  // Coarse unknowns of the lanes, and of each where its parts are.
  const std::vector<std::int16_t> coarse_tensor = tensor_places(coarse_degree_);
  const std::size_t n_nodes = coarse_tensor.size();
  if (n_lanes * n_nodes > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    throw Error(ExitCode::memory, "multigrid: too many cells on one rank; run on more ranks");
  }
  coarse_dofs_.assign(n_lanes * n_nodes, 0);
  targets_.assign(n_lanes * n_nodes, -1);
  // At least 64 chunks on large meshes, and chunks large enough for few unknowns at their rims.
  chunk_ = std::max<std::size_t>(128, (n_batches_ + 63) / 64);
  own_begin_.push_back(0);
  aside_begin_.push_back(0);
  std::vector<std::int32_t> touched(n_coarse_local_, -1), place_aside(n_coarse_local_, -1);
  std::size_t next_coarse = 0;
  for (std::size_t chunk = 0; chunk * chunk_ < n_batches_; ++chunk) {
    const std::size_t begin = chunk * chunk_ * width;
    const std::size_t end = std::min(begin + chunk_ * width, n_lanes);
    const auto here = static_cast<std::int32_t>(chunk);
    const auto keep_aside = [&](LocalId dof) {
      aside_dof_.push_back(dof);
      return static_cast<LocalId>(n_coarse_local_ + aside_dof_.size() - 1);
    };
    LocalId padding = -1;
    for (std::size_t cell = begin; cell < end; ++cell) {
      for (std::size_t i = 0; i < n_nodes; ++i) {
        const std::size_t at =
            (cell / width * n_nodes + static_cast<std::size_t>(coarse_tensor[i])) * width +
            cell % width;
        if (cell >= n_cells_) {  // lanes without a cell add zero to a place of this chunk
          if (padding < 0) padding = keep_aside(0);
          targets_[at] = padding;
          continue;
        }
        const LocalId dof = coarse.dofs(static_cast<LocalId>(cell))[i];
        const auto d = static_cast<std::size_t>(dof);
        coarse_dofs_[at] = dof;
        if (touched[d] < 0) touched[d] = here;
        next_coarse = std::max(next_coarse, dof < coarse.n_owned ? d + 1 : 0);
        if (touched[d] == here) {
          targets_[at] = dof;
          continue;
        }
        if (place_aside[d] < static_cast<std::int32_t>(n_coarse_local_ + aside_begin_.back())) {
          place_aside[d] = keep_aside(dof);
        }
        targets_[at] = place_aside[d];
      }
    }
    own_begin_.push_back(next_coarse);
    aside_begin_.push_back(aside_dof_.size());
  }
  aside_.resize(aside_dof_.size());
  if (n_coarse_local_ + aside_.size() >
      static_cast<std::size_t>(std::numeric_limits<LocalId>::max())) {
    throw Error(ExitCode::memory, "multigrid: too many unknowns on one rank; run on more ranks");
  }
}

template <class T>
template <int dim, int n_coarse, int n_fine>
void DegreeTransfer<T>::prolongate_cells(const T* coarse, T* fine) const {
  constexpr int coarse_nodes = power(n_coarse, dim), fine_nodes = power(n_fine, dim);
  const T* matrix = interpolation_.data();
  const LocalId* dofs = coarse_dofs_.data();
  const LocalId* first = first_.data();
  const std::uint32_t* mask = mask_.data();
  const std::int16_t* tensor = tensor_.data();
  const int* begin = entity_begin_.data();
  Kokkos::parallel_for(
      prolongate_label, Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace>(0, n_batches_),
      [=](const std::size_t batch) {
        Lanes<T> u[coarse_nodes], v[fine_nodes];
        T* const u_lane = reinterpret_cast<T*>(u);
        const LocalId* of_lane = dofs + batch * coarse_nodes * width;
        for (int i = 0; i < coarse_nodes * width; ++i) {
          u_lane[i] = coarse[static_cast<std::size_t>(of_lane[i])];
        }
        interpolate<dim, n_coarse, n_fine, false>(matrix, u, v);
        const std::size_t lanes = batch * width;
        move_unknowns<dim, n_fine, true, T>(fine, first + lanes, mask + lanes, begin, tensor, v);
      });
}

template <class T>
template <int dim, int n_coarse, int n_fine>
void DegreeTransfer<T>::restrict_cells(const T* fine, T* coarse) const {
  constexpr int coarse_nodes = power(n_coarse, dim), fine_nodes = power(n_fine, dim);
  const T* matrix = interpolation_.data();
  const LocalId* targets = targets_.data();
  const LocalId* first = first_.data();
  const std::uint32_t* mask = mask_.data();
  const std::int16_t* tensor = tensor_.data();
  const int* begin = entity_begin_.data();
  const std::size_t* own = own_begin_.data();
  const std::size_t* beside = aside_begin_.data();
  T* aside = aside_.data();
  const auto n_coarse_local = static_cast<LocalId>(n_coarse_local_);
  const std::size_t chunk_size = chunk_, n_batches = n_batches_;
  Kokkos::parallel_for(
      restrict_label,
      Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace>(0, own_begin_.size() - 1),
      [=](const std::size_t chunk) {
        for (std::size_t i = own[chunk]; i < own[chunk + 1]; ++i) coarse[i] = T(0);
        for (std::size_t i = beside[chunk]; i < beside[chunk + 1]; ++i) aside[i] = T(0);
        const std::size_t end = std::min((chunk + 1) * chunk_size, n_batches);
        for (std::size_t batch = chunk * chunk_size; batch < end; ++batch) {
          Lanes<T> v[fine_nodes], u[coarse_nodes];
          for (Lanes<T>& one : v) one = Lanes<T>{};
          const std::size_t lanes = batch * width;
          move_unknowns<dim, n_fine, false, T>(fine, first + lanes, mask + lanes, begin, tensor, v);
          interpolate<dim, n_fine, n_coarse, true>(matrix, v, u);
          const T* u_lane = reinterpret_cast<const T*>(u);
          const LocalId* to = targets + batch * coarse_nodes * width;
          for (int i = 0; i < coarse_nodes * width; ++i) {
            T* const place =
                to[i] < n_coarse_local ? coarse + to[i] : aside + (to[i] - n_coarse_local);
            *place += u_lane[i];
          }
        }
      });
}

template <class T>
template <class Call>
void DegreeTransfer<T>::dispatch(const Call& call) const {
  const auto with_degree = [&]<int dim>(std::integral_constant<int, dim> d) {
    switch (fine_degree_) {
      case 2:
        return call(d, std::integral_constant<int, 2>{});
      case 3:
        return call(d, std::integral_constant<int, 3>{});
      case 4:
        return call(d, std::integral_constant<int, 4>{});
      case 5:
        return call(d, std::integral_constant<int, 5>{});
      case 6:
        return call(d, std::integral_constant<int, 6>{});
      case 7:
        return call(d, std::integral_constant<int, 7>{});
      case 8:
        return call(d, std::integral_constant<int, 8>{});
      default:
        throw Error(ExitCode::internal, "no transfer for this degree; please report this");
    }
  };
  if (dimension_ == 1) return with_degree(std::integral_constant<int, 1>{});
  if (dimension_ == 2) return with_degree(std::integral_constant<int, 2>{});
  with_degree(std::integral_constant<int, 3>{});
}

template <class T>
void DegreeTransfer<T>::prolongate(T* coarse, T* fine) const {
  halo_.start(coarse);
  halo_.finish(coarse + n_coarse_owned_);
  dispatch([&]<int dim, int degree>(std::integral_constant<int, dim>,
                                    std::integral_constant<int, degree>) {
    prolongate_cells<dim, degree / 2 + 1, degree + 1>(coarse, fine);
  });
}

template <class T>
void DegreeTransfer<T>::restrict_residual(const T* fine, T* coarse) const {
  std::fill(coarse + n_coarse_owned_, coarse + n_coarse_local_, T(0));
  dispatch([&]<int dim, int degree>(std::integral_constant<int, dim>,
                                    std::integral_constant<int, degree>) {
    restrict_cells<dim, degree / 2 + 1, degree + 1>(fine, coarse);
  });
  for (std::size_t i = 0; i < aside_.size(); ++i) {
    coarse[static_cast<std::size_t>(aside_dof_[i])] += aside_[i];
  }
  halo_.start_back(coarse + n_coarse_owned_);
  halo_.finish_back(coarse);
}

template <class T>
std::size_t DegreeTransfer<T>::bytes() const {
  return (coarse_dofs_.size() + targets_.size() + aside_dof_.size()) * sizeof(LocalId) +
         first_.size() * 8 + aside_.size() * sizeof(T);
}

template class DegreeTransfer<float>;
template class DegreeTransfer<double>;

}  // namespace ritz::multigrid
