#pragma once

#include <array>
#include <vector>

#include "coefficients.hpp"
#include "ritz/kernels/cell_action.hpp"
#include "ritz/kernels/pack.hpp"
#include "tensor_basis.hpp"
#include "tile_output.hpp"

namespace ritz::assembly {

/// First coefficient value that is not finite.
struct BadValue {
  LocalId cell = -1;
  std::array<double, 3> point{};
  int slot = 0;
};

/// The pulled-back terms of a form at the quadrature points of up to pack_width tensor cells at a
/// time, for one thread of the host.
class CellTerms {
 public:
  static constexpr int width = kernels::pack_width;

  /// All must outlive the object.
  CellTerms(const mesh::Mesh& mesh, const TensorBasis& basis, const CoefficientSet& coefficients,
            const kernels::StoredTerms& kind, double time);

  /// Which terms are stored for this form: D whole unless K is symmetric by its kind or numbers.
  [[nodiscard]] static kernels::StoredTerms kind_of(const physics::Form& form,
                                                    const CoefficientSet& coefficients);

  /// `cells`: [width] owned cells, -1 in empty lanes. The terms are those of StoredTerms without
  /// the quadrature weight.
  void compute(const LocalId* cells);

  /// One set of terms for all points of every cell (the cells are parallelepipeds, the coefficients
  /// constant): only point 0 of terms() is valid.
  [[nodiscard]] bool is_constant() const { return is_constant_; }
  /// Term `t` at point q: [width] lanes.
  [[nodiscard]] const double* terms(int q, int t) const {
    return terms_.data() + (static_cast<std::size_t>(q) * static_cast<std::size_t>(n_terms_) +
                            static_cast<std::size_t>(t)) *
                               width;
  }
  /// The source term alone. is_constant(): load(0) is |J| f without the weight for all points.
  void compute_load(const LocalId* cells);
  /// w |J| f at point q: [width] lanes; only after compute_load().
  [[nodiscard]] const double* load(int q) const {
    return load_.data() + static_cast<std::size_t>(q) * width;
  }

  [[nodiscard]] const BadValue& bad() const { return bad_; }
  /// Range of the diffusion at the points of all compute() so far.
  [[nodiscard]] const TileRecord& record() const { return record_; }
  [[nodiscard]] int n_points() const { return n_points_; }

 private:
  void gather(const LocalId* cells);
  [[nodiscard]] bool is_parallelepiped(int lane) const;
  void place(int n_points, const double* values);
  void evaluate(int first_slot, int last_slot, int n_points, const LocalId* cells);
  template <int dim>
  void note_range(int n_points);
  template <int dim>
  void pull_back(int n_points, const double* gradients);
  template <int dim>
  [[nodiscard]] kernels::Pack determinant(int q) const;
  template <int dim>
  void jacobian(int q, const double* gradients, kernels::Pack* j) const;

  const mesh::Mesh& mesh_;
  const CoefficientSet& set_;
  kernels::StoredTerms kind_;
  int dim_, n_points_, n_terms_;
  std::size_t n_geometry_;
  std::vector<std::array<double, 3>> points_;  // [n_points], then the centre
  std::vector<double> weights_;                // [n_points]
  std::vector<double> values_, gradients_;  // of the geometry at points_: [q][node], [q][node][dim]
  // Work, lanes fastest.
  std::vector<double> nodes_;         // [node][dim][width]
  std::vector<double> coefficients_;  // [slot][q][width]
  std::vector<double> terms_, load_;
  std::vector<double> variables_;  // [4][n_points] of one lane
  std::vector<double> row_, registers_;
  std::array<int, width> regions_{};
  bool is_constant_ = false;
  BadValue bad_;
  TileRecord record_;
};

}  // namespace ritz::assembly
