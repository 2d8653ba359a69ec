#include "ritz/assembly/assembler.hpp"

#include <algorithm>
#include <limits>

#include "boundary_terms.hpp"
#include "coefficients.hpp"
#include "dense_cells.hpp"
#include "launch_row_cells.hpp"
#include "plan.hpp"
#include "points_1d.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/fault.hpp"
#include "ritz/mesh/geometry.hpp"
#include "simplex_cells.hpp"

namespace ritz::assembly {

namespace {

[[noreturn]] void internal_error(const std::string& what) {
  throw base::Error(base::ExitCode::internal, "assembly: " + what + "; please report this");
}

/// Degree of the quadrature. Tensor cells: k+1 Gauss points a direction integrate the terms of a
/// parallelepiped with constant coefficients exactly, and the fluxes of linear functions on any
/// cell (n_points_1d()). Simplices: exact for constant coefficients; 2k otherwise (Ciarlet, The
/// Finite Element Method for Elliptic Problems, thm 4.1.6 asks for 2k-2).
int quadrature_degree(const mesh::Mesh& mesh, int k, const CoefficientSet& coefficients) {
  const int curved = mesh.geometry_order - 1;
  if (mesh::is_tensor(mesh.cell_type)) return 2 * n_points_1d(mesh, k) - 2;
  if (curved > 0 || coefficients.any_varying || coefficients.terms.reaction) return 2 * k + curved;
  if (coefficients.terms.advection) return std::max(1, 2 * k - 1);
  return std::max(k, 2 * k - 2);
}

/// From here on sum factorisation is faster than plain contraction
/// (tests/assembly/benchmark_m8.cpp).
constexpr int min_degree_sum_factorised(int dimension) {
  return dimension == 2 ? 4 : 2;
}

/// A form whose numbers fit the mesh; everything else about it was checked by the deck.
void check_form(const Assembler::Plan& plan, const physics::Form& form) {
  if (form.dimension != plan.mesh.dimension())
    internal_error("the form and the mesh differ in dimension");
  if (form.regions.size() != plan.mesh.region_names.size()) {
    internal_error("the form has " + std::to_string(form.regions.size()) + " regions, the mesh " +
                   std::to_string(plan.mesh.region_names.size()));
  }
}

class Assembly {
 public:
  Assembly(const Assembler::Plan& plan, const physics::Form& form, const fem::Constraints& fixed,
           double time, const la::Vector& values, const la::Vector& rhs)
      : plan_(plan), form_(form), coefficients_(form, time) {
    data_.map = plan.map;
    data_.dimension = plan.mesh.dimension();
    data_.n_geometry_nodes = plan.mesh.nodes_per_cell();
    data_.time = time;
    data_.pattern = plan.pattern;
    data_.values = values;
    data_.rhs = rhs;
    data_.is_fixed = plan.is_fixed;
    data_.fixed_values = as_device("ritz::assembly::fixed_values", fixed.value);
    data_.cell_dofs = plan.cell_dofs;
    data_.cell_nodes = plan.cell_nodes;
    data_.cell_region = plan.cell_region;
    data_.coordinates = plan.coordinates;
    data_.coefficients = coefficients_.set();
    data_.records = device::View<TileRecord*>(
        Kokkos::view_alloc("ritz::assembly::records", Kokkos::WithoutInitializing),
        static_cast<std::size_t>(plan.map.n_tiles));
  }

  Assembler::Result run() {
    check_constants();
    if (result_.bad_cell < 0) {
      add_cells();
      const BadBoundaryValue bad = add_boundary_terms(plan_, form_, data_);
      Kokkos::fence();
      combine_records();
      if (result_.bad_cell < 0 && bad.cell >= 0) {
        result_.bad_cell = bad.cell;
        result_.bad_point = bad.point;
        result_.bad_coefficient = bad.name;
      }
    }
    if (!has_range_) result_.min_diffusion = result_.max_diffusion = 0.0;
    return result_;
  }

 private:
  /// Numbers: finite, and their part of the diffusion range, once instead of at every point.
  void check_constants() {
    const kernels::Terms& terms = coefficients_.set().terms;
    const int dim = data_.dimension;
    for (int region = 0; region < static_cast<int>(form_.regions.size()); ++region) {
      const LocalId cell = plan_.first_cell_of_region[static_cast<std::size_t>(region)];
      if (cell < 0) continue;
      bool constant_diffusion = terms.diffusion != kernels::Diffusion::none &&
                                form_.regions[static_cast<std::size_t>(region)].diffusion_kind !=
                                    physics::DiffusionKind::none;
      for (int slot = 0; slot < kernels::n_coefficients; ++slot) {
        if (coefficients_.is_varying(region, slot)) {
          constant_diffusion = constant_diffusion && slot >= dim * dim;
        } else if (is_bad(coefficients_.constant(region, slot)) && result_.bad_cell < 0) {
          name_bad(cell, slot, mesh::table(plan_.mesh.cell_type).vertices[0]);
        }
      }
      if (!constant_diffusion || result_.bad_cell >= 0) continue;
      double k[9];
      for (int slot = 0; slot < 9; ++slot) k[slot] = coefficients_.constant(region, slot);
      TileRecord record;
      switch (dim) {
        case 1:
          note_diffusion<1>(terms.diffusion, k, record);
          break;
        case 2:
          note_diffusion<2>(terms.diffusion, k, record);
          break;
        default:
          note_diffusion<3>(terms.diffusion, k, record);
          break;
      }
      combine(record);
    }
  }

  using Kernel = Assembler::Options::Kernel;

  /// The kernel for this element and form; decided by things that are the same on every rank, so
  /// that a row's bits do not depend on who owns it.
  [[nodiscard]] Kernel choose_kernel() const {
    const mesh::Mesh& mesh = plan_.mesh;
    const int degree = plan_.space.element.degree();
    const bool line = mesh.cell_type == mesh::CellType::line;
    const bool closed_form = degree == 1 && mesh.geometry_order == 1 &&
                             !coefficients_.set().any_varying &&
                             (line || mesh::is_simplex(mesh.cell_type));
    const bool factorisable =
        mesh::is_tensor(mesh.cell_type) && !line && degree >= min_row_cells_degree;
    const Kernel wanted = plan_.options.kernel;
    if ((wanted == Kernel::closed_form && !closed_form) ||
        (wanted == Kernel::sum_factorised && !factorisable)) {
      internal_error("the wanted element kernel does not fit the element or the form");
    }
    if (wanted != Kernel::automatic) return wanted;
    if (closed_form) return Kernel::closed_form;
    return factorisable && degree >= min_degree_sum_factorised(data_.dimension)
               ? Kernel::sum_factorised
               : Kernel::dense;
  }

  void add_cells() {
    kernel_ = choose_kernel();
    degree_ = quadrature_degree(plan_.mesh, plan_.space.element.degree(), coefficients_.set());
    if (plan_.map.slots16.extent(0) > 0) {
      launch<std::uint16_t>();
    } else {
      launch<std::uint8_t>();
    }
  }

  template <class Slot>
  void launch() {
    switch (data_.dimension) {
      case 1:
        return launch<1, Slot>();
      case 2:
        return launch<2, Slot>();
      default:
        return launch<3, Slot>();
    }
  }

  template <int dim, class Slot>
  void launch() {
    const int n_tiles = plan_.map.n_tiles;
    const bool serial = plan_.options.serial_tiles;
    if (kernel_ == Kernel::closed_form) {
      using Cells = SimplexCells<dim, Slot>;
      run_tiles("ritz::assembly::simplex_cells", Cells{data_}, n_tiles, Cells::scratch_doubles,
                serial);
    } else if (kernel_ == Kernel::sum_factorised) {
      points_ = &tensor_table(plan_, degree_).points;
      if constexpr (dim == 2) launch_row_cells_2d(plan_, data_, degree_);
      if constexpr (dim == 3) launch_row_cells_3d(plan_, data_, degree_);
    } else {
      points_ = &reference_table(plan_, degree_).points;
      const bool straight =
          plan_.mesh.geometry_order == 1 && !mesh::is_tensor(plan_.mesh.cell_type);
      const DenseCells<dim, Slot> cells{data_, ReferenceView(reference_table(plan_, degree_)),
                                        straight};
      run_tiles("ritz::assembly::dense_cells", cells, n_tiles, cells.layout().total, serial);
    }
  }

  void combine(const TileRecord& record) {
    result_.max_asymmetry = std::max(result_.max_asymmetry, record.max_asymmetry);
    if (record.has_range == 0) return;
    result_.min_diffusion =
        has_range_ ? std::min(result_.min_diffusion, record.min_diffusion) : record.min_diffusion;
    result_.max_diffusion =
        has_range_ ? std::max(result_.max_diffusion, record.max_diffusion) : record.max_diffusion;
    has_range_ = true;
  }

  void combine_records() {
    const auto records = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), data_.records);
    const TileRecord* bad = nullptr;
    const auto gid = [this](const TileRecord& r) {
      return plan_.mesh.cell_gid[static_cast<std::size_t>(r.bad_cell)];
    };
    for (std::size_t t = 0; t < records.extent(0); ++t) {
      const TileRecord& record = records(t);
      combine(record);
      if (record.bad_cell >= 0 && (bad == nullptr || gid(record) < gid(*bad))) bad = &records(t);
    }
    if (bad != nullptr) {
      name_bad(bad->bad_cell, bad->bad_slot, (*points_)[static_cast<std::size_t>(bad->bad_point)]);
    }
  }

  void name_bad(LocalId cell, int slot, const std::array<double, 3>& reference_point) {
    const auto region =
        static_cast<std::size_t>(plan_.mesh.cell_region[static_cast<std::size_t>(cell)]);
    result_.bad_cell = cell;
    result_.bad_point = mesh::map_to_physical(plan_.mesh, cell, reference_point);
    result_.bad_coefficient =
        coefficient_name(coefficients_.set().terms, form_.regions[region], data_.dimension, slot);
  }

  const Assembler::Plan& plan_;
  const physics::Form& form_;
  Coefficients coefficients_;
  TileData data_;
  Kernel kernel_ = Kernel::dense;
  int degree_ = 0;
  const std::vector<std::array<double, 3>>* points_ = nullptr;
  bool has_range_ = false;
  Assembler::Result result_;
};

}  // namespace

Assembler::Assembler(const mesh::Mesh& mesh, const fem::Space& space, const fem::Constraints& fixed)
    : Assembler(mesh, space, fixed, Options{}) {}

Assembler::Assembler(const mesh::Mesh& mesh, const fem::Space& space, const fem::Constraints& fixed,
                     const Options& options)
    : plan_(std::make_unique<Plan>(mesh, space, options)) {
  const auto n_local = static_cast<std::size_t>(space.n_local());
  if (!mesh.has_ghosts) internal_error("the mesh has no ghost cells");
  if (fixed.is_fixed.size() != n_local) internal_error("the constraints do not fit the space");
  if (options.tile_shift < 0 || options.tile_shift > max_tile_shift)
    internal_error("tile_shift out of range");
  Plan& plan = *plan_;
  build_pattern(plan, fixed);
  plan.is_fixed = device::to_device("ritz::assembly::is_fixed", fixed.is_fixed.data(),
                                    static_cast<std::size_t>(space.n_owned));
  plan.cell_dofs = as_device("ritz::assembly::cell_dofs", space.cell_dofs);
  plan.cell_nodes = as_device("ritz::assembly::cell_nodes", mesh.cell_nodes);
  plan.cell_region = as_device("ritz::assembly::cell_region", mesh.cell_region);
  plan.coordinates = as_device("ritz::assembly::coordinates", mesh.node_coordinates);
  plan.first_cell_of_region.assign(mesh.region_names.size(), -1);
  for (LocalId cell = mesh.n_cells() - 1; cell >= 0; --cell) {
    plan.first_cell_of_region[static_cast<std::size_t>(
        mesh.cell_region[static_cast<std::size_t>(cell)])] = cell;
  }
}

Assembler::~Assembler() = default;
Assembler::Assembler(Assembler&&) noexcept = default;
Assembler& Assembler::operator=(Assembler&&) noexcept = default;

const la::CsrPattern& Assembler::pattern() const {
  return plan_->pattern;
}

Assembler::Result Assembler::assemble(const physics::Form& form, const fem::Constraints& fixed,
                                      double time, const la::Vector& values,
                                      const la::Vector& rhs) const {
  check_form(*plan_, form);
  if (values.extent(0) != plan_->pattern.columns.extent(0) ||
      rhs.extent(0) != static_cast<std::size_t>(plan_->map.n_rows)) {
    internal_error("values or right-hand side do not fit the pattern");
  }
  if (fixed.value.size() != static_cast<std::size_t>(plan_->space.n_local())) {
    internal_error("the constraints do not fit the space");
  }
  base::fault_point("assembly");
  return Assembly(*plan_, form, fixed, time, values, rhs).run();
}

std::size_t Assembler::bytes() const {
  return plan_->pattern.row_offsets.span() * sizeof(std::size_t) +
         plan_->pattern.columns.span() * sizeof(LocalId) + plan_->map.bytes() +
         plan_->is_fixed.span();
}

}  // namespace ritz::assembly
