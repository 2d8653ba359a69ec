#pragma once

#include <cstdint>
#include <memory>

#include "cell_batches.hpp"
#include "system_loop.hpp"
#include "system_terms.hpp"
#include "tensor_basis.hpp"

namespace ritz::assembly {

/// What a batch needs for a residual besides its indices.
struct ResidualBatch : SystemBatchMap<double> {
  const kernels::Lanes<double>* nodes = nullptr;  ///< [geometry nodes][dim], where they are read
  std::int16_t region = -1;                       ///< of all cells, or -1
};

/// Batches, formulas and a state as a loop sees them.
struct ResidualData {
  const CellBatches* batches = nullptr;
  const ResidualBatch* data = nullptr;    ///< [n_batches]
  const std::int16_t* regions = nullptr;  ///< [n_batches][lanes]
  const TermsView* terms = nullptr;       ///< of Pass::residual
  const std::uint8_t* reads = nullptr;    ///< [components]
  const double* shapes = nullptr;         ///< [points][geometry nodes]
  int n_geometry = 0;
  /// u, u', u'': owned entries and copies, see CellBatches; null: 0.
  struct Source {
    const double* own = nullptr;
    const double* extra = nullptr;
  } state[3];
};

/// The loop over cells of a residual for one element and quadrature.
class ResidualLoop {
 public:
  using V = kernels::Lanes<double>;
  virtual ~ResidualLoop() = default;
  /// Lanes of scratch memory a worker needs.
  [[nodiscard]] virtual std::size_t scratch(const TermsView& terms) const = 0;
  /// Adds the residual of batches [begin, end) to y and `y_extra` (as in SystemLoop). Returns
  /// whether all its numbers are finite.
  virtual bool run(const ResidualData& data, int begin, int end, double* y, double* y_extra,
                   V* scratch) const = 0;
};

/// Dimension 1 to 3, n = degree + 1 = 2..9 nodes and m = n or n + 1 points a direction.
[[nodiscard]] std::unique_ptr<ResidualLoop> make_residual_loop(int dimension,
                                                               const TensorBasis& basis);

// The loops by element, one file each for compile time; nullptr for another number of nodes.
std::unique_ptr<ResidualLoop> residual_loop_line(const TensorBasis& basis);
std::unique_ptr<ResidualLoop> residual_loop_quad(const TensorBasis& basis);
std::unique_ptr<ResidualLoop> residual_loop_hex_1_3(const TensorBasis& basis);
std::unique_ptr<ResidualLoop> residual_loop_hex_4_5(const TensorBasis& basis);
std::unique_ptr<ResidualLoop> residual_loop_hex_6_7(const TensorBasis& basis);
std::unique_ptr<ResidualLoop> residual_loop_hex_8(const TensorBasis& basis);

}  // namespace ritz::assembly
