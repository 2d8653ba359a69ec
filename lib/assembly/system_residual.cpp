#include "ritz/assembly/system_residual.hpp"

#include <array>

#include "cell_maps.hpp"
#include "cell_sweep.hpp"
#include "natural_facets.hpp"
#include "natural_terms.hpp"
#include "points_1d.hpp"
#include "residual_loop.hpp"
#include "ritz/base/error.hpp"
#include "ritz/device/session.hpp"

namespace ritz::assembly {

struct SystemResidual::Data : CellSweep<double> {
  Data(const mesh::Mesh& mesh, const fem::Space& space, const physics::SystemForm& form,
       const std::vector<std::uint8_t>& is_fixed)
      // Nothing is prescribed here: the cells read all values, and rows are cleared at the end.
      : CellSweep({mesh, space, std::vector<std::uint8_t>(is_fixed.size(), 0), width,
                   device::n_threads(), nullptr, form.n_unknowns()}),
        m(form.n_unknowns()),
        n_slots(static_cast<std::size_t>(mesh.dimension() + 1)),
        n_local(is_fixed.size()),
        basis(space.element.degree(), n_points_1d(mesh, space.element.degree())),
        terms(form, Pass::residual),
        facets(mesh, space, form, Pass::residual),
        loop(make_residual_loop(mesh.dimension(), basis)),
        is_finite(static_cast<std::size_t>(n_workers())) {
    const TermsView& view = terms.view();
    allocate(loop->scratch(view));
    for (int c = 0; c < m; ++c) reads.push_back(view.unknown_reads(static_cast<std::size_t>(c)));
    for (std::size_t k = 0; k < sources.size(); ++k) {
      const int bit = k == 0 ? reads_rate : reads_second_rate;
      for (const std::uint8_t one : reads) reads_rates[k] = reads_rates[k] || (one & bit) != 0;
      if (reads_rates[k]) sources[k].assign(source_extra.size(), 0.0);
    }
    if (form.has_curvature) {
      throw base::Error(base::ExitCode::internal,
                        "assembly: residuals by sum factorisation know no second derivatives");
    }
    set_maps(mesh);
    for (LocalId i = 0; i < batches.n_owned; ++i) {
      if (is_fixed[static_cast<std::size_t>(i)] != 0) fixed.push_back(i);
    }
    for (std::size_t f = 0; f < facets.list().size(); ++f) {
      const int unknown =
          form.boundaries[static_cast<std::size_t>(facets.list()[f].boundary)].unknown;
      const auto dofs = space.dofs(facets.list()[f].cell);
      for (int a = 0; a < facets.n_nodes(); ++a)
        facet_index.push_back(dofs[static_cast<std::size_t>(facets.node(f, a))] * m + unknown);
    }
    data.batches = &batches;
    data.data = cells.data();
    data.regions = regions.data();
    data.terms = &terms.view();
    data.reads = reads.data();
    data.shapes = shapes.data();
    data.n_geometry = mesh.nodes_per_cell();
  }

  void set_maps(const mesh::Mesh& mesh) {
    shapes = CellMaps(mesh, basis).shape_values();
    regions.assign(batches.cells.size(), 0);
    const auto more = [&](std::size_t worker, int b, CellMaps& tool) {
      ResidualBatch& to = cells[static_cast<std::size_t>(b)];
      to.region = static_cast<std::int16_t>(one_region(mesh, batches, b));
      for (int l = 0; l < width; ++l) {
        const auto at = static_cast<std::size_t>(b * width + l);
        const LocalId cell = batches.cells[at] >= 0
                                 ? batches.cells[at]
                                 : batches.cells[static_cast<std::size_t>(b * width)];
        regions[at] = mesh.cell_region[static_cast<std::size_t>(cell)];
      }
      if (!terms.view().reads_place) return;
      V* nodes = pools[worker].take(static_cast<std::size_t>(tool.n_coordinates()));
      each_part(batches, b, [&](const LocalId* list, int lane) {
        tool.gather(list);
        put_lanes(nodes, tool.n_coordinates(), lane, [&](int i) { return tool.coordinate(i); });
      });
      to.nodes = nodes;
    };
    static_cast<void>(make_maps(*this, mesh, basis, cells, pools, more));
  }

  /// Owned entries and copies of one of the state's arrays.
  ResidualData::Source source(std::span<const double> from, std::vector<double>& extra) const {
    const auto n_owned = static_cast<std::size_t>(batches.n_owned);
    for (std::size_t g = 0; g < batches.copy_of.size(); ++g) {
      const LocalId copy = batches.copy_of[g];
      if (copy >= 0) extra[static_cast<std::size_t>(copy)] = from[n_owned + g];
    }
    return {from.data(), extra.data()};
  }

  bool residual(const State& state, const la::Vector& r) {
    if (state.u.size() != n_local || r.extent(0) != static_cast<std::size_t>(batches.n_owned)) {
      throw base::Error(base::ExitCode::internal,
                        "assembly: a state does not fit the system; please report this");
    }
    terms.set_time(state.time);
    data.state[0] = source(state.u, source_extra);
    const std::array<std::span<const double>, 2> rates{state.rate, state.second_rate};
    for (std::size_t k = 0; k < rates.size(); ++k) {
      data.state[k + 1] = {};
      if (reads_rates[k] && rates[k].size() == n_local)
        data.state[k + 1] = source(rates[k], sources[k]);
    }
    double* y = r.data();
    start_sums(y);
    for (std::uint8_t& one : is_finite) one = 1;
    each_group([&](int t, int begin, int end) {
      const auto worker = static_cast<std::size_t>(t);
      if (!loop->run(data, begin, end, y, target_extra[worker].data(), scratch(t)))
        is_finite[worker] = 0;
    });
    bool finite = add_facets(state, y);
    combine(y);
    for (const LocalId i : fixed) y[i] = 0.0;
    for (const std::uint8_t one : is_finite) finite = finite && one != 0;
    return finite;
  }

  bool add_facets(const State& state, double* y) {
    const auto n = static_cast<std::size_t>(facets.n_nodes());
    const auto n_points = static_cast<std::size_t>(facets.n_points());
    const TermsView& view = facets.terms();
    const auto result =
        facets.evaluate(state, [&](std::size_t f, const double* measure, const double* outputs) {
          const LocalId* index = facet_index.data() + f * n;
          const auto boundary = static_cast<std::size_t>(facets.list()[f].boundary);
          const auto unknown = static_cast<std::size_t>(index[0] % m);
          const ResidualSlot slot =
              view.residual((boundary * static_cast<std::size_t>(m) + unknown + 1) * n_slots - 1);
          const double* shape = facets.shapes(f);
          for (std::size_t q = 0; q < n_points; ++q) {
            const double value =
                measure[q] * (slot.row < 0
                                  ? slot.constant
                                  : outputs[static_cast<std::size_t>(slot.row) * n_points + q]);
            for (std::size_t a = 0; a < n; ++a) add_to(index[a], shape[q * n + a] * value, y);
          }
        });
    return result.bad_cell < 0;
  }

  void add_to(LocalId i, double value, double* y) {
    if (i < batches.n_owned) {
      y[i] += value;
    } else {
      const LocalId copy = batches.copy_of[static_cast<std::size_t>(i - batches.n_owned)];
      target_extra[0][static_cast<std::size_t>(copy)] += value;
    }
  }

  [[nodiscard]] std::size_t bytes() const {
    std::size_t total = sweep_bytes() + cells.size() * sizeof(cells[0]) +
                        regions.size() * sizeof(regions[0]) + facets.bytes() +
                        (facet_index.size() + fixed.size()) * sizeof(LocalId);
    for (const auto& list : sources) total += list.size() * sizeof(double);
    for (const Pool<V>& pool : pools) total += pool.bytes();
    return total;
  }

  int m;
  std::size_t n_slots;
  std::size_t n_local;
  TensorBasis basis;
  SystemTerms terms;
  NaturalTerms facets;
  std::unique_ptr<ResidualLoop> loop;
  ResidualData data;
  std::vector<ResidualBatch> cells;
  std::vector<Pool<V>> pools;         // of each worker
  std::vector<std::int16_t> regions;  // [n_batches][width]
  std::vector<double> shapes;         // of the geometry at the points
  std::vector<std::uint8_t> reads;    // [m]
  bool reads_rates[2] = {false, false};
  std::array<std::vector<double>, 2> sources;  // copies of rates
  std::vector<LocalId> fixed;                  // owned prescribed unknowns
  std::vector<LocalId> facet_index;            // [facets][n_nodes] local unknowns
  std::vector<std::uint8_t> is_finite;         // of each worker
};

bool SystemResidual::supports(const mesh::Mesh& mesh) {
  return mesh::is_tensor(mesh.cell_type);
}

SystemResidual::SystemResidual(const mesh::Mesh& mesh, const fem::Space& space,
                               const physics::SystemForm& form,
                               const std::vector<std::uint8_t>& is_fixed)
    : data_(std::make_unique<Data>(mesh, space, form, is_fixed)) {}

SystemResidual::~SystemResidual() = default;
SystemResidual::SystemResidual(SystemResidual&&) noexcept = default;
SystemResidual& SystemResidual::operator=(SystemResidual&&) noexcept = default;

bool SystemResidual::residual(const State& state, const la::Vector& r) {
  return data_->residual(state, r);
}

std::size_t SystemResidual::bytes() const {
  return data_->bytes();
}

std::unique_ptr<ResidualLoop> make_residual_loop(int dimension, const TensorBasis& basis) {
  std::unique_ptr<ResidualLoop> loop;
  if (dimension == 1) {
    loop = residual_loop_line(basis);
  } else if (dimension == 2) {
    loop = residual_loop_quad(basis);
  } else {
    for (const auto make : {residual_loop_hex_1_3, residual_loop_hex_4_5, residual_loop_hex_6_7,
                            residual_loop_hex_8}) {
      if (!loop) loop = make(basis);
    }
  }
  if (!loop) {
    throw base::Error(base::ExitCode::internal,
                      "no sum factorisation for this degree and quadrature; please report this");
  }
  return loop;
}

}  // namespace ritz::assembly
