#include "refinement_transfer.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "ritz/base/error.hpp"
#include "ritz/device/kokkos.hpp"

namespace ritz::multigrid {

namespace {

// Strings, because a launch would make one of a literal and allocate.
const std::string coarsen_label = "ritz::multigrid::coarsen";
const std::string refine_label = "ritz::multigrid::refine";

/// Vertices of the parent whose mean is vertex v of the child at vertex `corner`: those that agree
/// with v except in the halved directions in which v and `corner` differ.
std::vector<int> parent_vertices(int n_vertices, int v, int corner, mesh::Directions halved) {
  std::vector<int> list;
  for (int w = 0; w < n_vertices; ++w) {
    if (((w ^ v) & ~((v ^ corner) & halved)) == 0) list.push_back(w);
  }
  return list;
}

}  // namespace

template <class T>
RefinementTransfer<T>::RefinementTransfer(const fem::Space& fine, LocalId n_fine_cells,
                                          const fem::Space& coarse, const mesh::Parents& parents)
    : n_coarse_owned_(static_cast<std::size_t>(coarse.n_owned)),
      halo_(coarse.plan, coarse.n_owned) {
  using base::Error;
  using base::ExitCode;
  if (fine.element.degree() != 1 || coarse.element.degree() != 1) {
    throw Error(ExitCode::internal,
                "a refinement transfer of another degree than 1; please "
                "report this");
  }
  const int n_vertices = fine.element.n_nodes();
  const auto n_fine = static_cast<std::size_t>(fine.n_owned);
  const auto n_coarse = static_cast<std::size_t>(coarse.n_local());
  std::vector<std::vector<int>> around;  // [corner * n_vertices + vertex]
  for (int corner = 0; corner < n_vertices; ++corner) {
    for (int v = 0; v < n_vertices; ++v) {
      around.push_back(parent_vertices(n_vertices, v, corner, parents.halved));
    }
  }

  // Twice over the cells: the lengths of the rows, then the rows. Unknowns are numbered as the
  // cells touch them, so that the rows come in order.
  row_begin_.assign(n_fine + 1, 0);
  LocalId next = 0;
  for (LocalId cell = 0; cell < n_fine_cells; ++cell) {
    const auto dofs = fine.dofs(cell);
    const auto at = static_cast<std::size_t>(cell);
    const auto parent_dofs = coarse.dofs(parents.cell[at]);
    for (int v = 0; v < n_vertices; ++v) {
      if (next == fine.n_owned || dofs[static_cast<std::size_t>(v)] != next) continue;
      for (const int w : around[static_cast<std::size_t>(parents.corner[at] * n_vertices + v)]) {
        row_.push_back(parent_dofs[static_cast<std::size_t>(w)]);
      }
      row_begin_[static_cast<std::size_t>(++next)] = static_cast<std::int64_t>(row_.size());
    }
  }
  if (next != fine.n_owned) {
    throw Error(ExitCode::internal,
                "unknowns are not numbered in the order in which the cells "
                "touch them; please report this");
  }
  row_.shrink_to_fit();

  column_begin_.assign(n_coarse + 1, 0);
  for (const LocalId c : row_) ++column_begin_[static_cast<std::size_t>(c) + 1];
  for (std::size_t i = 0; i < n_coarse; ++i) column_begin_[i + 1] += column_begin_[i];
  column_.resize(row_.size());
  column_weight_.resize(row_.size());
  std::vector<std::int64_t> at(column_begin_.begin(), column_begin_.end() - 1);
  for (std::size_t i = 0; i < n_fine; ++i) {
    const T weight = T(1) / static_cast<T>(row_begin_[i + 1] - row_begin_[i]);
    for (std::int64_t k = row_begin_[i]; k < row_begin_[i + 1]; ++k) {
      const auto c = static_cast<std::size_t>(row_[static_cast<std::size_t>(k)]);
      const auto to = static_cast<std::size_t>(at[c]++);
      column_[to] = static_cast<LocalId>(i);
      column_weight_[to] = weight;
    }
  }
}

template <class T>
void RefinementTransfer<T>::prolongate(T* coarse, T* fine) const {
  halo_.start(coarse);
  halo_.finish(coarse + n_coarse_owned_);
  const std::int64_t* begin = row_begin_.data();
  const LocalId* row = row_.data();
  Kokkos::parallel_for(
      refine_label,
      Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace>(0, row_begin_.size() - 1),
      [=](const std::size_t i) {
        T sum = 0;
        for (std::int64_t k = begin[i]; k < begin[i + 1]; ++k) {
          sum += coarse[static_cast<std::size_t>(row[k])];
        }
        fine[i] += sum / static_cast<T>(begin[i + 1] - begin[i]);
      });
}

template <class T>
void RefinementTransfer<T>::restrict_residual(const T* fine, T* coarse) const {
  const std::int64_t* begin = column_begin_.data();
  const LocalId* column = column_.data();
  const T* weight = column_weight_.data();
  Kokkos::parallel_for(
      coarsen_label,
      Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace>(0, column_begin_.size() - 1),
      [=](const std::size_t i) {
        T sum = 0;
        for (std::int64_t k = begin[i]; k < begin[i + 1]; ++k) {
          sum += weight[k] * fine[static_cast<std::size_t>(column[k])];
        }
        coarse[i] = sum;
      });
  halo_.start_back(coarse + n_coarse_owned_);
  halo_.finish_back(coarse);
}

template <class T>
std::size_t RefinementTransfer<T>::bytes() const {
  return (row_begin_.size() + column_begin_.size()) * 8 + row_.size() * 4 +
         column_.size() * (4 + sizeof(T));
}

template class RefinementTransfer<float>;
template class RefinementTransfer<double>;

}  // namespace ritz::multigrid
