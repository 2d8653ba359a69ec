#pragma once

#include <optional>

#include "boundary_terms.hpp"
#include "facet_tables.hpp"
#include "plan.hpp"
#include "ritz/assembly/system_assembler.hpp"
#include "system_data.hpp"
#include "system_values.hpp"

namespace ritz::assembly {

/// Facets with natural terms, by tile.
struct SystemFacetData {
  std::vector<BoundaryFacet> list;  ///< host
  device::View<BoundaryFacet*> facets;
  device::View<std::size_t*> tile_offsets;
  device::View<double*> normals;  ///< [n_facets][3]
  std::vector<double> host_normals;
  device::View<int*> unknowns;  ///< [boundaries]
};

struct SystemAssembler::Plan {
  Plan(const mesh::Mesh& mesh, const fem::Space& space, const physics::SystemForm& form_in,
       const Options& options_in);

  physics::SystemForm form;
  Options options;
  physics::SystemTraits traits;
  Assembler::Plan scalar;          ///< pattern and tiles of the space, nothing prescribed
  mutable la::CsrPattern pattern;  ///< of the unknowns; made when asked for, see block_pattern()
  SystemValues values;
  device::View<std::uint8_t*> is_fixed;       ///< [n_local * m]
  device::View<std::uint8_t*> touches_fixed;  ///< [n_cells]
  bool constant_jacobian = false;
  bool closed_form = false;  ///< the cells allow it, and the Jacobian's entries are numbers

  // By Pass; facets have the first three.
  mutable std::array<SystemTerms, n_passes> cell_terms;
  mutable std::array<SystemTerms, 3> facet_terms;

  std::optional<SystemTable> table;           ///< general terms
  std::optional<SystemTable> constant_table;  ///< Jacobians whose entries are numbers
  std::optional<SystemTable> lumping_table;   ///< Gauss-Lobatto, tensor cells
  std::optional<FacetTable> facet_table;
  SystemFacetData facets;

  device::View<SystemRecord*> cell_records, facet_records;  ///< [n_tiles]
  Kokkos::Experimental::UniqueToken<device::ExecutionSpace> token;
  mutable device::View<double*> scratch;  ///< of each thread (host)

  [[nodiscard]] int m() const { return form.n_unknowns(); }
  /// Residuals do without it. Local.
  [[nodiscard]] const la::CsrPattern& block_pattern() const;
  [[nodiscard]] std::size_t n_rows() const {
    return static_cast<std::size_t>(scalar.space.n_owned) * static_cast<std::size_t>(m());
  }
  /// Runs functor.tile(t, scratch) for all tiles: see run_tiles(). On the host with scratch that is
  /// kept from call to call and has no limit but memory.
  template <class Functor>
  void run(const std::string& label, const Functor& functor, std::size_t scratch_doubles) const;
};

/// The passes over the cells (system_launch_*d.cpp).
template <int dim>
void launch_system_cells(const SystemAssembler::Plan& plan, const SystemData& data,
                         const TermsView& terms, const SystemTable& table, bool rows_in_lanes);
template <int dim>
void launch_system_simplices(const SystemAssembler::Plan& plan, const SystemData& data,
                             const TermsView& terms);
template <int dim>
void launch_system_facets(const SystemAssembler::Plan& plan, const SystemData& data,
                          const TermsView& terms);

template <class Functor>
void SystemAssembler::Plan::run(const std::string& label, const Functor& functor,
                                std::size_t scratch_doubles) const {
  const int n_tiles = scalar.map.n_tiles;
  if (n_tiles == 0) return;
  if constexpr (Kokkos::SpaceAccessibility<device::ExecutionSpace, Kokkos::HostSpace>::accessible) {
    constexpr std::size_t line = sizeof(kernels::Pack) / sizeof(double);
    const std::size_t mine = (scratch_doubles + line - 1) / line * line;
    const auto n_threads = static_cast<std::size_t>(token.size());
    if (scratch.extent(0) < mine * n_threads) {
      scratch = {};
      scratch = device::View<double*>(
          Kokkos::view_alloc("ritz::assembly::scratch", Kokkos::WithoutInitializing),
          mine * n_threads);
    }
    if (options.serial_tiles) {
      for (int t = n_tiles - 1; t >= 0; --t) functor.tile(t, scratch.data());
      return;
    }
    using Policy = Kokkos::RangePolicy<device::ExecutionSpace, Kokkos::Schedule<Kokkos::Dynamic>,
                                       Kokkos::IndexType<int>>;
    const auto tokens = token;
    double* all = scratch.data();
    Kokkos::parallel_for(label, Policy(0, n_tiles, Kokkos::ChunkSize(1)), [=](int t) {
      const auto id = tokens.acquire();
      functor.tile(t, all + static_cast<std::size_t>(id) * mine);
      tokens.release(id);
    });
  } else {
    run_tiles(label.c_str(), functor, n_tiles, scratch_doubles, false);
  }
}

}  // namespace ritz::assembly
