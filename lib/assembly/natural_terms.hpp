#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "boundary_terms.hpp"
#include "facet_tables.hpp"
#include "ritz/assembly/system_assembler.hpp"
#include "system_data.hpp"
#include "system_terms.hpp"

namespace ritz::assembly {

/// The terms of a system's natural boundaries on facets of owned tensor cells, evaluated on the
/// host: those with a residual or with a Jacobian.
class NaturalTerms {
 public:
  /// `pass`: residual or jacobian. `mesh` and `space` must outlive the object. Local.
  NaturalTerms(const mesh::Mesh& mesh, const fem::Space& space, const physics::SystemForm& form,
               Pass pass);

  [[nodiscard]] const std::vector<BoundaryFacet>& list() const { return list_; }
  [[nodiscard]] const TermsView& terms() const { return terms_.view(); }
  [[nodiscard]] int n_points() const { return table_ ? table_->n_points : 0; }
  [[nodiscard]] int n_nodes() const { return table_ ? table_->n_nodes_facet : 0; }
  /// Node a of a facet, as a node of its cell in entity order.
  [[nodiscard]] int node(std::size_t facet, int a) const {
    return table_->nodes(static_cast<std::size_t>(list_[facet].facet * n_nodes() + a));
  }
  /// [n_points][n_nodes].
  [[nodiscard]] const double* shapes(std::size_t facet) const {
    return table_->shapes.data() +
           static_cast<std::size_t>(list_[facet].facet * n_points() * n_nodes());
  }

  /// Calls use(facet, weight ds [n_points], outputs of its boundary's program [output][n_points])
  /// for every facet; the result is the first value that is not finite, with t as the only
  /// variable. Local, no allocation unless there is one.
  template <class Use>
  SystemAssembler::Result evaluate(const SystemAssembler::State& state, const Use& use) {
    SystemAssembler::Result bad;
    if (list_.empty()) return bad;
    terms_.set_time(state.time);
    const QuietFormulas quiet;
    for (std::size_t f = 0; f < list_.size(); ++f) {
      place_points(f);
      interpolate(f, state);
      run_program(f);
      if (bad.bad_cell < 0) note_bad(f, state.time, bad);
      use(f, measure_.data(), outputs_.data());
    }
    return bad;
  }

  [[nodiscard]] std::size_t bytes() const { return list_.size() * sizeof(BoundaryFacet); }

 private:
  [[nodiscard]] bool has_terms(const physics::SystemForm& form, int boundary) const;
  static std::array<double, 3> normal(const mesh::CellTable& cell, int facet);
  void place_points(std::size_t f);
  void interpolate(std::size_t f, const SystemAssembler::State& state);
  void run_program(std::size_t f);
  void note_bad(std::size_t f, double time, SystemAssembler::Result& bad) const;

  const mesh::Mesh& mesh_;
  const fem::Space& space_;
  int m_;
  SystemTerms terms_;
  std::optional<FacetTable> table_;
  std::vector<std::array<double, 3>> normals_;  // of the reference cell's facets
  std::vector<BoundaryFacet> list_;
  // Of one facet: [rows][n_points], [n_points], [outputs][n_points].
  std::vector<double> variables_, measure_, outputs_, registers_;
};

}  // namespace ritz::assembly
