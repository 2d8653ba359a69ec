#pragma once

#include <cstdint>
#include <memory>

#include "cell_batches.hpp"
#include "ritz/kernels/system_action.hpp"
#include "tensor_basis.hpp"

namespace ritz::assembly {

/// How the Jacobian of the map from the reference cell is had: see the maps of kernels.
enum class MapKind : std::uint8_t { constant, multilinear, stored };

/// The map of a batch's cells.
template <class T>
struct SystemBatchMap {
  MapKind map = MapKind::stored;
  const kernels::Lanes<T>* geometry = nullptr;  ///< numbers of the map
};

/// What a batch of a system needs besides its indices.
template <class T>
struct SystemBatchData : SystemBatchMap<T> {
  using V = kernels::Lanes<T>;
  const V* numbers = nullptr;  ///< entries of C that are constant in a cell; isotropic: see there
  const V* values = nullptr;   ///< [planes][entries that vary][points of a plane]
};

/// Batches and entries as a loop sees them.
template <class T>
struct SystemLoopData {
  const CellBatches* batches = nullptr;
  const SystemBatchData<T>* data = nullptr;  ///< [n_batches]
  kernels::SystemEntries entries;
  int components = 1;
  int n_varying = 0;
  bool isotropic = false;  ///< numbers are lambda, mu and, where has_plain, rho
};

/// The loop over cells for one element, number type and quadrature.
template <class T>
class SystemLoop {
 public:
  using V = kernels::Lanes<T>;
  virtual ~SystemLoop() = default;
  /// Lanes of scratch memory a worker needs.
  [[nodiscard]] virtual std::size_t scratch(int components) const = 0;
  /// Adds A x of batches [begin, end) to y. `x_extra`, `y_extra`: extra entries, see CellBatches.
  virtual void apply(const SystemLoopData<T>& data, int begin, int end, const T* x,
                     const T* x_extra, T* y, T* y_extra, V* scratch) const = 0;
  /// Adds the diagonal of A.
  virtual void diagonal(const SystemLoopData<T>& data, int begin, int end, T* d, T* d_extra,
                        V* scratch) const = 0;
};

/// Dimension 1 to 3, n = degree + 1 = 2..9 nodes and m = n or n + 1 points a direction.
template <class T>
[[nodiscard]] std::unique_ptr<SystemLoop<T>> make_system_loop(int dimension,
                                                              const TensorBasis& basis);

// The loops by element, one file each for compile time; nullptr for another number of nodes.
template <class T>
std::unique_ptr<SystemLoop<T>> system_loop_line(const TensorBasis& basis);
template <class T>
std::unique_ptr<SystemLoop<T>> system_loop_quad(const TensorBasis& basis);
template <class T>
std::unique_ptr<SystemLoop<T>> system_loop_hex_1_3(const TensorBasis& basis);
template <class T>
std::unique_ptr<SystemLoop<T>> system_loop_hex_4_5(const TensorBasis& basis);
template <class T>
std::unique_ptr<SystemLoop<T>> system_loop_hex_6_7(const TensorBasis& basis);
template <class T>
std::unique_ptr<SystemLoop<T>> system_loop_hex_8(const TensorBasis& basis);

}  // namespace ritz::assembly
