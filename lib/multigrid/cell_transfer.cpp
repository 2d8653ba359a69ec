#include "cell_transfer.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
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

/// 1-D matrices of a cell and of its children.
template <class T>
struct Matrices {
  const T* interpolation;  ///< [half][n_fine][n_coarse], of one half only between degrees
  mesh::Directions halved;
};

/// The product with the matrices of the child at `corner`, x first, in the directions that are
/// halved: at least one. `in` and `out` [n^dim] may be the same.
template <int dim, int n, bool transposed, class T>
void interpolate_halves(const Matrices<T>& matrices, std::uint8_t corner, const Lanes<T>* in,
                        Lanes<T>* out) {
  const auto matrix = [&](int d) { return matrices.interpolation + (corner >> d & 1) * n * n; };
  if ((matrices.halved & 1) != 0) {
    sweep<power(n, dim - 1), n, n, 1, transposed>(matrix(0), in, out);
    in = out;
  }
  if constexpr (dim > 1) {
    if ((matrices.halved & 2) != 0) {
      sweep<power(n, dim - 2), n, n, n, transposed>(matrix(1), in, out);
      in = out;
    }
  }
  if constexpr (dim > 2) {
    if ((matrices.halved & 4) != 0) {
      sweep<1, n, n, n * n, transposed>(matrix(2), in, out);
    }
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

/// Tensor place of each node in entity order.
std::vector<std::int16_t> tensor_places(mesh::CellType type, int degree) {
  const std::vector<int> entity = mesh::entity_order(type, degree);
  std::vector<std::int16_t> tensor(entity.size());
  for (std::size_t i = 0; i < entity.size(); ++i) {
    tensor[static_cast<std::size_t>(entity[i])] = static_cast<std::int16_t>(i);
  }
  return tensor;
}

/// Appends the 1-D Lagrange polynomials of the nodes `from` at the points scale * to + shift.
template <class T>
void add_interpolation(const std::vector<double>& from, const std::vector<double>& to, double scale,
                       double shift, std::vector<T>& matrix) {
  for (const double node : to) {
    const double x = scale * node + shift;
    for (std::size_t j = 0; j < from.size(); ++j) {
      double value = 1.0;
      for (std::size_t m = 0; m < from.size(); ++m) {
        if (m != j) value *= (x - from[m]) / (from[j] - from[m]);
      }
      matrix.push_back(static_cast<T>(value));
    }
  }
}

/// The owned cells' children, [owned coarse cell][child] for the children at `corners`.
std::vector<LocalId> find_children(const mesh::Mesh& fine_mesh, LocalId n_parents,
                                   const mesh::Parents& parents,
                                   const std::vector<std::uint8_t>& corners) {
  std::array<std::size_t, 8> child_at{};
  for (std::size_t c = 0; c < corners.size(); ++c) child_at[corners[c]] = c;
  std::vector<LocalId> children(static_cast<std::size_t>(n_parents) * corners.size(), -1);
  for (LocalId cell = 0; cell < fine_mesh.n_cells_owned; ++cell) {
    const auto at = static_cast<std::size_t>(cell);
    children[static_cast<std::size_t>(parents.cell[at]) * corners.size() +
             child_at[parents.corner[at]]] = cell;
  }
  if (std::find(children.begin(), children.end(), -1) != children.end()) {
    throw Error(ExitCode::internal, "a cell without one of its children; please report this");
  }
  return children;
}

}  // namespace

template <class T>
CellTransfer<T>::CellTransfer(const mesh::Mesh& mesh, const fem::Space& fine,
                              const fem::Space& coarse)
    : CellTransfer(mesh, fine, mesh, coarse, nullptr) {}

template <class T>
CellTransfer<T>::CellTransfer(const mesh::Mesh& fine_mesh, const fem::Space& fine,
                              const mesh::Mesh& coarse_mesh, const fem::Space& coarse,
                              const mesh::Parents& parents)
    : CellTransfer(fine_mesh, fine, coarse_mesh, coarse, &parents) {}

template <class T>
CellTransfer<T>::CellTransfer(const mesh::Mesh& fine_mesh, const fem::Space& fine,
                              const mesh::Mesh& coarse_mesh, const fem::Space& coarse,
                              const mesh::Parents* parents)
    : dimension_(fine_mesh.dimension()),
      coarse_degree_(coarse.element.degree()),
      fine_degree_(fine.element.degree()),
      halved_(parents == nullptr ? mesh::Directions(0)
                                 : static_cast<mesh::Directions>(parents->halved &
                                                                 mesh::all_directions(dimension_))),
      n_cells_(static_cast<std::size_t>(coarse_mesh.n_cells_owned)),
      n_batches_((n_cells_ + width - 1) / width),
      n_coarse_local_(static_cast<std::size_t>(coarse.n_local())),
      n_coarse_owned_(static_cast<std::size_t>(coarse.n_owned)),
      halo_(coarse.plan, coarse.n_owned) {
  const bool fits = parents == nullptr ? fine_degree_ / 2 == coarse_degree_
                                       : fine_degree_ == coarse_degree_ && halved_ != 0;
  if (!mesh::is_tensor(fine_mesh.cell_type) || !fits) {
    throw Error(ExitCode::internal, "no transfer between these spaces; please report this");
  }
  const std::vector<double>& to = fine.element.nodes_1d();
  const std::vector<double>& from = coarse.element.nodes_1d();
  std::vector<LocalId> children;
  if (parents == nullptr) {
    add_interpolation(from, to, 1.0, 0.0, interpolation_);
    corners_ = {0};
    children.resize(n_cells_);
    std::iota(children.begin(), children.end(), 0);
  } else {
    // Nodes are in [0, 1].
    add_interpolation(from, to, 0.5, 0.0, interpolation_);
    add_interpolation(from, to, 0.5, 0.5, interpolation_);
    for (std::uint8_t corner = 0; corner < 8; ++corner) {
      if ((corner & ~halved_) == 0) corners_.push_back(corner);
    }
    children = find_children(fine_mesh, coarse_mesh.n_cells_owned, *parents, corners_);
  }
  tensor_ = tensor_places(fine_mesh.cell_type, fine_degree_);
  entity_begin_ = entity_begins(fine_mesh.cell_type, fine_degree_);
  find_fine_unknowns(fine, children);
  find_coarse_unknowns(coarse, tensor_places(coarse_mesh.cell_type, coarse_degree_));
}

/// Which entities each cell is the first to touch. `children` [coarse cell][child].
template <class T>
void CellTransfer<T>::find_fine_unknowns(const fem::Space& fine,
                                         const std::vector<LocalId>& children) {
  // Where each fine cell's numbers go.
  std::vector<std::size_t> place(children.size());
  const std::size_t n_children = corners_.size();
  for (std::size_t i = 0; i < children.size(); ++i) {
    const std::size_t cell = i / n_children, child = i % n_children;
    place[static_cast<std::size_t>(children[i])] =
        (cell / width * n_children + child) * width + cell % width;
  }
  first_.assign(n_batches_ * n_children * width, 0);
  mask_.assign(n_batches_ * n_children * width, 0);
  LocalId next = 0;
  for (std::size_t cell = 0; cell < place.size(); ++cell) {
    const auto dofs = fine.dofs(static_cast<LocalId>(cell));
    first_[place[cell]] = next;
    for (std::size_t e = 0; e + 1 < entity_begin_.size(); ++e) {
      const auto begin = static_cast<std::size_t>(entity_begin_[e]);
      const auto end = static_cast<std::size_t>(entity_begin_[e + 1]);
      if (begin == end || next == fine.n_owned || dofs[begin] != next) continue;
      mask_[place[cell]] |= 1U << e;
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
}

/// Coarse unknowns of the lanes, and of each where its parts are. `coarse_tensor`: tensor place of
/// each node in entity order.
template <class T>
void CellTransfer<T>::find_coarse_unknowns(const fem::Space& coarse,
                                           const std::vector<std::int16_t>& coarse_tensor) {
  const std::size_t n_lanes = n_batches_ * width;
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
void CellTransfer<T>::prolongate_cells(const T* coarse, T* fine) const {
  constexpr int coarse_nodes = power(n_coarse, dim), fine_nodes = power(n_fine, dim);
  const Matrices<T> matrices{interpolation_.data(), halved_};
  const std::uint8_t* corners = corners_.data();
  const std::size_t n_children = corners_.size();
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
        const std::size_t children = n_coarse == n_fine ? n_children : 1;
        for (std::size_t child = 0; child < children; ++child) {
          if constexpr (n_coarse == n_fine) {
            interpolate_halves<dim, n_fine, false>(matrices, corners[child], u, v);
          } else {
            interpolate<dim, n_coarse, n_fine, false>(matrices.interpolation, u, v);
          }
          const std::size_t lanes = (batch * children + child) * width;
          move_unknowns<dim, n_fine, true, T>(fine, first + lanes, mask + lanes, begin, tensor, v);
        }
      });
}

template <class T>
template <int dim, int n_coarse, int n_fine>
void CellTransfer<T>::restrict_cells(const T* fine, T* coarse) const {
  constexpr int coarse_nodes = power(n_coarse, dim), fine_nodes = power(n_fine, dim);
  const Matrices<T> matrices{interpolation_.data(), halved_};
  const std::uint8_t* corners = corners_.data();
  const std::size_t n_children = corners_.size();
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
          if constexpr (n_coarse == n_fine) {
            for (Lanes<T>& one : u) one = Lanes<T>{};
          }
          const std::size_t children = n_coarse == n_fine ? n_children : 1;
          for (std::size_t child = 0; child < children; ++child) {
            for (Lanes<T>& one : v) one = Lanes<T>{};
            const std::size_t lanes = (batch * children + child) * width;
            move_unknowns<dim, n_fine, false, T>(fine, first + lanes, mask + lanes, begin, tensor,
                                                 v);
            if constexpr (n_coarse == n_fine) {
              interpolate_halves<dim, n_fine, true>(matrices, corners[child], v, v);
              for (int i = 0; i < coarse_nodes; ++i) u[i] += v[i];
            } else {
              interpolate<dim, n_fine, n_coarse, true>(matrices.interpolation, v, u);
            }
          }
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

/// Calls `call` with the dimension, and the 1-D numbers of coarse and fine nodes.
template <class T>
template <class Call>
void CellTransfer<T>::dispatch(const Call& call) const {
  const auto with_degree = [&]<int dim, int degree>() {
    constexpr std::integral_constant<int, dim> d;
    constexpr std::integral_constant<int, degree + 1> n_fine;
    if (halved_ != 0) return call(d, n_fine, n_fine);
    call(d, std::integral_constant<int, degree / 2 + 1>{}, n_fine);
  };
  const auto with_dimension = [&]<int dim>() {
    switch (fine_degree_) {
      case 2:
        return with_degree.template operator()<dim, 2>();
      case 3:
        return with_degree.template operator()<dim, 3>();
      case 4:
        return with_degree.template operator()<dim, 4>();
      case 5:
        return with_degree.template operator()<dim, 5>();
      case 6:
        return with_degree.template operator()<dim, 6>();
      case 7:
        return with_degree.template operator()<dim, 7>();
      case 8:
        return with_degree.template operator()<dim, 8>();
      default:
        throw Error(ExitCode::internal, "no transfer for this degree; please report this");
    }
  };
  if (dimension_ == 1) return with_dimension.template operator()<1>();
  if (dimension_ == 2) return with_dimension.template operator()<2>();
  with_dimension.template operator()<3>();
}

template <class T>
void CellTransfer<T>::prolongate(T* coarse, T* fine) const {
  halo_.start(coarse);
  halo_.finish(coarse + n_coarse_owned_);
  dispatch([&]<int dim, int n_coarse, int n_fine>(std::integral_constant<int, dim>,
                                                  std::integral_constant<int, n_coarse>,
                                                  std::integral_constant<int, n_fine>) {
    prolongate_cells<dim, n_coarse, n_fine>(coarse, fine);
  });
}

template <class T>
void CellTransfer<T>::restrict_residual(const T* fine, T* coarse) const {
  std::fill(coarse + n_coarse_owned_, coarse + n_coarse_local_, T(0));
  dispatch([&]<int dim, int n_coarse, int n_fine>(std::integral_constant<int, dim>,
                                                  std::integral_constant<int, n_coarse>,
                                                  std::integral_constant<int, n_fine>) {
    restrict_cells<dim, n_coarse, n_fine>(fine, coarse);
  });
  for (std::size_t i = 0; i < aside_.size(); ++i) {
    coarse[static_cast<std::size_t>(aside_dof_[i])] += aside_[i];
  }
  halo_.start_back(coarse + n_coarse_owned_);
  halo_.finish_back(coarse);
}

template <class T>
std::size_t CellTransfer<T>::bytes() const {
  return (coarse_dofs_.size() + targets_.size() + aside_dof_.size()) * sizeof(LocalId) +
         first_.size() * 8 + aside_.size() * sizeof(T);
}

template class CellTransfer<float>;
template class CellTransfer<double>;

}  // namespace ritz::multigrid
