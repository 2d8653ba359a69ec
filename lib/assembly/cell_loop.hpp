#pragma once

#include <cstdint>
#include <memory>

#include "cell_batches.hpp"
#include "ritz/kernels/cell_action.hpp"
#include "tensor_basis.hpp"

namespace ritz::assembly {

/// How the geometry and the coefficients of a batch are had.
enum class CellKind : std::uint8_t {
  cartesian,
  affine,
  multilinear,
  scaled_affine,
  scaled,
  stored
};

/// What a batch needs besides its indices.
template <class T>
struct BatchGeometry {
  CellKind kind = CellKind::stored;
  /// cartesian: [dim] diffusion and the reaction; affine: the terms of kernels::StoredTerms;
  /// multilinear: the numbers of kernels::MultilinearFlux; scaled_affine, scaled: behind those of
  /// affine or multilinear k of each point;
  /// stored: [n_points][terms]. All without quadrature weights.
  const kernels::Lanes<T>* terms = nullptr;
};

/// The batches of one worker as a loop sees them.
template <class T>
struct CellData {
  const CellBatches* batches = nullptr;
  const BatchGeometry<T>* geometry = nullptr;  ///< [n_batches]
  kernels::StoredTerms kind;
};

/// The loop over cells for one element, number type and quadrature.
template <class T>
class CellLoop {
 public:
  virtual ~CellLoop() = default;
  /// Lanes of scratch memory a worker needs.
  [[nodiscard]] virtual std::size_t scratch() const = 0;
  /// Adds A x of batches [begin, end) to y. `x_extra`, `y_extra`: extra entries, see CellBatches.
  virtual void apply(const CellData<T>& data, int begin, int end, const T* x, const T* x_extra,
                     T* y, T* y_extra, kernels::Lanes<T>* scratch) const = 0;
  /// Adds the diagonal of A.
  virtual void diagonal(const CellData<T>& data, int begin, int end, T* d, T* d_extra,
                        kernels::Lanes<T>* scratch) const = 0;
};

/// Dimension 1 to 3, n = degree + 1 = 2..9 nodes and m = n or n + 1 points a direction.
template <class T>
[[nodiscard]] std::unique_ptr<CellLoop<T>> make_cell_loop(int dimension, const TensorBasis& basis);

}  // namespace ritz::assembly
