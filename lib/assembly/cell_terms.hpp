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

  /// What has to be kept of cells, each good for those before it too.
  enum class Shape : std::uint8_t {
    constant,     ///< parallelepipeds, constant coefficients: one set of terms
    multilinear,  ///< constant coefficients: the numbers of kernels::MultilinearFlux
    // A scalar diffusion varies, no other coefficient: its values at the points, and
    scaled_affine,  ///< parallelepipeds: one set of terms
    scaled,         ///< the numbers of kernels::MultilinearFlux
    general         ///< terms at every point
  };
  /// `cells`: [width] owned cells, -1 in empty lanes. At degree 1 never multilinear: 48 numbers are
  /// read as fast as 23 and a plane of four points is computed.
  [[nodiscard]] Shape look(const LocalId* cells);
  /// The numbers of cells that look() gave this shape or one before it.
  void compute(const LocalId* cells, Shape shape);

  /// Term `t` at point q, as in StoredTerms: [width] lanes. One set of terms: only point 0.
  [[nodiscard]] const double* terms(int q, int t) const {
    return terms_.data() + (static_cast<std::size_t>(q) * static_cast<std::size_t>(n_terms_) +
                            static_cast<std::size_t>(t)) *
                               width;
  }
  /// Number i < multilinear_count(dim) of multilinear and scaled cells: [width] lanes.
  [[nodiscard]] const double* numbers(int i) const {
    return numbers_.data() + static_cast<std::size_t>(i) * width;
  }
  /// k at point q of scaled cells: [width] lanes.
  [[nodiscard]] const double* factor(int q) const {
    return factors_.data() + static_cast<std::size_t>(q) * width;
  }
  /// The source term alone.
  void compute_load(const LocalId* cells);
  /// The load is the same at all points of every cell: load(0) is |J| f without the weight.
  [[nodiscard]] bool is_constant() const { return is_constant_; }
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
  [[nodiscard]] double node(int vertex, int direction, int lane) const {
    return nodes_[static_cast<std::size_t>((vertex * dim_ + direction) * width + lane)];
  }
  template <int dim>
  [[nodiscard]] bool has_root(int lane);
  template <int dim>
  [[nodiscard]] bool is_sound(int lane) const;
  template <int dim>
  void set_numbers();
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
  std::vector<double> numbers_;      // [multilinear_count][width]
  std::vector<double> factors_;      // [n_points][width]
  Shape varying_ = Shape::constant;  // the least shape that the coefficients allow
  // Of each lane: the inverse of L, K = s L L^T, row-major, |L| and s.
  std::array<std::array<double, 11>, width> root_{};
  std::vector<double> variables_;  // [4][n_points] of one lane
  std::vector<double> row_, registers_;
  std::array<int, width> regions_{};
  bool is_constant_ = false;
  BadValue bad_;
  TileRecord record_;
};

}  // namespace ritz::assembly
