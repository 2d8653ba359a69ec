#include "ritz/assembly/system_operator.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "boundary_terms.hpp"
#include "cell_sweep.hpp"
#include "facet_tables.hpp"
#include "natural_facets.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/text.hpp"
#include "ritz/device/session.hpp"
#include "ritz/kernels/coefficient_form.hpp"
#include "ritz/mesh/geometry.hpp"
#include "system_data.hpp"
#include "system_points.hpp"
#include "system_values.hpp"

namespace ritz::assembly {

namespace {

/// Natural boundaries' part of the Jacobian: on each facet pairs of test and trial unknown with a
/// number at each point.
class FacetEntries {
 public:
  FacetEntries(const mesh::Mesh& mesh, const fem::Space& space, const physics::SystemForm& form)
      : mesh_(mesh),
        space_(space),
        form_(form),
        terms_(SystemTerms::of_boundaries(form, Pass::jacobian)) {
    const TermsView& view = terms_.view();
    if (view.n_slots == 0) return;
    for (std::size_t b = 0; b < form.boundaries.size(); ++b) {
      if (!has_entries(static_cast<int>(b))) continue;
      for (const mesh::FacetInSet& f : facets_in_sets(mesh, form.boundaries[b].sets)) {
        if (f.cell < mesh.n_cells_owned)
          list_.push_back({f.cell, f.facet, static_cast<std::int32_t>(b)});
      }
    }
    if (list_.empty()) return;
    table_.emplace(mesh, space.element,
                   2 * space.element.degree() + 1 + 2 * (mesh.geometry_order - 1));
    const mesh::CellTable& cell = mesh::table(mesh.cell_type);
    for (int f = 0; f < cell.n_facets; ++f) normals_.push_back(normal(cell, f));
  }

  struct Pair {
    std::size_t facet;  ///< number in list()
    int test, trial;
    std::size_t first;  ///< of its numbers in mass()
  };
  [[nodiscard]] const std::vector<BoundaryFacet>& list() const { return list_; }
  [[nodiscard]] const std::vector<Pair>& pairs() const { return pairs_; }
  [[nodiscard]] const std::vector<double>& mass() const { return mass_; }
  [[nodiscard]] int n_points() const { return table_ ? table_->n_points : 0; }
  [[nodiscard]] int n_nodes() const { return table_ ? table_->n_nodes_facet : 0; }
  [[nodiscard]] int node(std::size_t facet, int a) const {
    return table_->nodes(static_cast<std::size_t>(list_[facet].facet * n_nodes() + a));
  }
  /// [n_points][n_nodes].
  [[nodiscard]] const double* shapes(std::size_t facet) const {
    return table_->shapes.data() +
           static_cast<std::size_t>(list_[facet].facet * n_points() * n_nodes());
  }

  /// shift weight ds dg_i/du_j at the points of all facets. Local.
  SystemAssembler::Result update(const SystemAssembler::State& state, double shift) {
    SystemAssembler::Result bad;
    pairs_.clear();
    mass_.clear();
    if (list_.empty() || shift == 0.0) return bad;
    terms_.set_time(state.time);
    const TermsView& view = terms_.view();
    const auto n = static_cast<std::size_t>(n_points());
    std::vector<double> variables(static_cast<std::size_t>(view.n_rows) * n, 0.0), measure(n),
        outputs(static_cast<std::size_t>(view.n_outputs) * n),
        registers(static_cast<std::size_t>(view.n_registers) *
                  static_cast<std::size_t>(view.block));
    for (std::size_t f = 0; f < list_.size(); ++f) {
      place_points(f, variables, measure);
      interpolate(f, state, variables);
      const BoundaryFacet& facet = list_[f];
      const expr::ProgramView program = view.programs(static_cast<std::size_t>(facet.boundary));
      {
        const QuietFormulas quiet;
        const int count = n_points();
        for (int begin = 0; program.n_outputs > 0 && begin < count; begin += program.block) {
          program.evaluate_block(variables.data() + begin, count,
                                 std::min(program.block, count - begin), registers.data(),
                                 program.block, outputs.data() + begin, count);
        }
      }
      for (int r = 0; r < program.n_outputs && bad.bad_cell < 0; ++r) {
        for (std::size_t q = 0; q < n; ++q) {
          const double value = outputs[static_cast<std::size_t>(r) * n + q];
          if (!is_bad(value)) continue;
          bad.bad_cell = facet.cell;
          bad.bad_point = mesh::map_to_physical(
              mesh_, facet.cell,
              table_->cell_points[static_cast<std::size_t>(facet.facet) * n + q]);
          bad.bad_term = terms_.output_name(facet.boundary, r);
          bad.bad_value = value;
          bad.variables.emplace_back("t", state.time);
          break;
        }
      }
      for (int s = 0; s < view.n_slots; ++s) {
        const SlotPlace where = view.places(static_cast<std::size_t>(s));
        const JacobianSlot slot =
            view.jacobian(static_cast<std::size_t>(facet.boundary * view.n_slots + s));
        if (slot.row[0] < 0 && slot.constant[0] == 0.0) continue;
        pairs_.push_back({f, where.test, where.trial, mass_.size()});
        for (std::size_t q = 0; q < n; ++q) {
          mass_.push_back(shift * measure[q] *
                          (slot.row[0] < 0
                               ? slot.constant[0]
                               : outputs[static_cast<std::size_t>(slot.row[0]) * n + q]));
        }
      }
    }
    return bad;
  }

  [[nodiscard]] std::size_t bytes() const {
    return mass_.size() * sizeof(double) + pairs_.size() * sizeof(Pair) +
           list_.size() * sizeof(BoundaryFacet);
  }

 private:
  [[nodiscard]] bool has_entries(int boundary) const {
    if (form_.boundaries[static_cast<std::size_t>(boundary)].kind !=
        physics::SystemForm::Boundary::Kind::natural)
      return false;
    const TermsView& view = terms_.view();
    for (int s = 0; s < view.n_slots; ++s) {
      const JacobianSlot slot =
          view.jacobian(static_cast<std::size_t>(boundary * view.n_slots + s));
      if (slot.row[0] >= 0 || slot.constant[0] != 0.0) return true;
    }
    return false;
  }

  /// Outward normal of a facet of the unit cell: along the axis in which its vertices agree.
  static std::array<double, 3> normal(const mesh::CellTable& cell, int facet) {
    std::array<double, 3> result{};
    const auto& vertices = cell.facets[static_cast<std::size_t>(facet)];
    for (std::size_t d = 0; d < static_cast<std::size_t>(cell.dimension); ++d) {
      const double x = cell.vertices[static_cast<std::size_t>(vertices[0])][d];
      bool agree = true;
      for (int i = 1; i < 1 << (cell.dimension - 1); ++i) {
        agree =
            agree &&
            cell.vertices[static_cast<std::size_t>(vertices[static_cast<std::size_t>(i)])][d] == x;
      }
      if (agree) result[d] = x > 0.5 ? 1.0 : -1.0;
    }
    return result;
  }

  /// Rows x, y, z, nx, ny, nz, and weight * ds, with n ds = adj(J)^T N.
  void place_points(std::size_t f, std::vector<double>& variables,
                    std::vector<double>& measure) const {
    const BoundaryFacet& facet = list_[f];
    const int dim = mesh_.dimension(), n_points = table_->n_points;
    const auto n = static_cast<std::size_t>(n_points);
    const int n_geometry = mesh_.nodes_per_cell();
    const LocalId* nodes = mesh_.cell_nodes.data() + static_cast<std::size_t>(facet.cell) *
                                                         static_cast<std::size_t>(n_geometry);
    const std::array<double, 3>& reference = normals_[static_cast<std::size_t>(facet.facet)];
    for (int q = 0; q < n_points; ++q) {
      const double* gradient =
          table_->geometry_gradients.data() + (facet.facet * n_points + q) * n_geometry * dim;
      const double* shape =
          table_->geometry_values.data() + (facet.facet * n_points + q) * n_geometry;
      double j[9] = {}, place[3] = {}, adjugate[9] = {}, normal[3] = {}, square = 0;
      for (int a = 0; a < n_geometry; ++a) {
        const double* x = mesh_.node_coordinates.data() +
                          static_cast<std::size_t>(nodes[a]) * static_cast<std::size_t>(dim);
        for (int d = 0; d < dim; ++d) {
          place[d] += shape[a] * x[d];
          for (int e = 0; e < dim; ++e) j[d * dim + e] += x[d] * gradient[a * dim + e];
        }
      }
      if (dim == 1) (void)kernels::adjugate<1>(j, adjugate);
      if (dim == 2) (void)kernels::adjugate<2>(j, adjugate);
      if (dim == 3) (void)kernels::adjugate<3>(j, adjugate);
      for (int d = 0; d < dim; ++d) {
        for (int e = 0; e < dim; ++e)
          normal[d] += adjugate[e * dim + d] * reference[static_cast<std::size_t>(e)];
        square += normal[d] * normal[d];
      }
      const double length = std::sqrt(square);
      const auto at = static_cast<std::size_t>(q);
      measure[at] = table_->weights(at) * length;
      for (int d = 0; d < 3; ++d) {
        variables[static_cast<std::size_t>(d) * n + at] = place[d];
        variables[static_cast<std::size_t>(3 + d) * n + at] = normal[d] / length;
      }
    }
  }

  void interpolate(std::size_t f, const SystemAssembler::State& state,
                   std::vector<double>& variables) const {
    const auto n = static_cast<std::size_t>(n_points()),
               nodes = static_cast<std::size_t>(n_nodes());
    const auto dofs = space_.dofs(list_[f].cell);
    const int m = form_.n_unknowns();
    for (int j = 0; j < m; ++j) {
      if (terms_.view().unknown_reads(static_cast<std::size_t>(j)) == 0) continue;
      for (std::size_t q = 0; q < n; ++q) {
        double sum = 0;
        for (std::size_t a = 0; a < nodes; ++a) {
          const LocalId dof = dofs[static_cast<std::size_t>(node(f, static_cast<int>(a)))];
          sum += state.u[static_cast<std::size_t>(dof * m + j)] * shapes(f)[q * nodes + a];
        }
        variables[static_cast<std::size_t>(6 + j) * n + q] = sum;
      }
    }
  }

  const mesh::Mesh& mesh_;
  const fem::Space& space_;
  physics::SystemForm form_;
  SystemTerms terms_;
  std::optional<FacetTable> table_;
  std::vector<std::array<double, 3>> normals_;
  std::vector<BoundaryFacet> list_;
  std::vector<Pair> pairs_;
  std::vector<double> mass_;
};

}  // namespace

template <class T>
struct SystemOperator<T>::Data : CellSweep<T> {
  using Sweep = CellSweep<T>;
  using Sweep::batches;
  using Sweep::source_extra;
  using Sweep::target_extra;
  using Sweep::width;
  using typename Sweep::V;

  Data(const mesh::Mesh& mesh_in, const fem::Space& space_in, const physics::SystemForm& form,
       const std::vector<std::uint8_t>& is_fixed)
      : Sweep(
            {mesh_in, space_in, is_fixed, width, device::n_threads(), nullptr, form.n_unknowns()}),
        mesh(mesh_in),
        space(space_in),
        m(form.n_unknowns()),
        basis(space.element.degree(), n_points_1d(mesh, space.element.degree())),
        jacobian(form),
        facets(mesh, space, form),
        loop(make_system_loop<T>(mesh.dimension(), basis)) {
    cells_data.resize(static_cast<std::size_t>(batches.n_batches()));
    const auto n_workers = static_cast<std::size_t>(this->n_workers());
    pools.resize(n_workers);
    value_pools.resize(n_workers);
    this->allocate(loop->scratch(m));
    data.batches = &batches;
    data.data = cells_data.data();
    data.entries = jacobian.entries();
    data.components = m;
    data.n_varying = jacobian.n_varying();
    data.isotropic = jacobian.is_isotropic();
    kinds.n_entries = data.entries.count;
    kinds.n_varying = data.n_varying;
    kinds.isotropic = data.isotropic;
    set_maps();
    set_facets(is_fixed);
  }

  /// Calls work(cells, lane) for the lanes of a batch, SystemPoints::width at a time; empty ones at
  /// the end get the numbers of the first.
  template <class Work>
  void each_part(int b, const Work& work) const {
    const LocalId* list = batches.cells.data() + static_cast<std::size_t>(b) * width;
    for (int h = 0; h < width; h += SystemPoints::width) {
      work(list[h] >= 0 ? list + h : list, h);
    }
  }

  /// `count` numbers of `number(i)` to the lanes of `out`.
  template <class Number>
  static void put(V* out, int count, int lane, const Number& number) {
    for (int i = 0; i < count; ++i) {
      const double* from = number(i);
      for (int l = 0; l < SystemPoints::width; ++l) out[i][lane + l] = static_cast<T>(from[l]);
    }
  }

  [[nodiscard]] SystemPoints points() const { return {mesh, space, basis, jacobian, m}; }

  /// The geometry, each worker its own.
  void set_maps() {
    std::vector<SystemCellKinds> counts(pools.size());
    std::vector<SystemPoints> tools;
    for (std::size_t t = 0; t < pools.size(); ++t) tools.push_back(points());
    n_numbers = jacobian.n_numbers();
    const int n_regions = static_cast<int>(mesh.region_names.size());
    of_region.resize(static_cast<std::size_t>(n_regions * n_numbers));
    this->each_group([&](int t, int begin, int end) {
      const auto worker = static_cast<std::size_t>(t);
      SystemPoints& tool = tools[worker];
      for (int b = begin; b < end; ++b) {
        SystemBatchData<T>& to = cells_data[static_cast<std::size_t>(b)];
        to.map = MapKind::constant;
        LocalId n_used = 0;
        int region = -1;
        bool one_region = true;
        for (int l = 0; l < width; ++l) {
          const LocalId cell = batches.cells[static_cast<std::size_t>(b * width + l)];
          if (cell < 0) continue;
          ++n_used;
          const int here = mesh.cell_region[static_cast<std::size_t>(cell)];
          one_region = one_region && (region < 0 || here == region);
          region = here;
        }
        each_part(b,
                  [&](const LocalId* cells, int) { to.map = std::max(to.map, tool.look(cells)); });
        LocalId& count = to.map == MapKind::constant      ? counts[worker].constant
                         : to.map == MapKind::multilinear ? counts[worker].multilinear
                                                          : counts[worker].stored;
        count += n_used;
        const int n = tool.n_map_numbers(to.map);
        V* geometry = pools[worker].take(static_cast<std::size_t>(n));
        each_part(b, [&](const LocalId* cells, int lane) {
          tool.compute_map(cells, to.map);
          put(geometry, n, lane, [&](int i) { return tool.map_number(i); });
        });
        to.geometry = geometry;
        to.numbers = one_region ? of_region.data() + static_cast<std::size_t>(region * n_numbers)
                                : pools[worker].take(static_cast<std::size_t>(n_numbers));
        if (data.n_varying > 0) {
          to.values = value_pools[worker].take(static_cast<std::size_t>(data.n_varying) *
                                               static_cast<std::size_t>(n_points()));
        }
      }
    });
    for (const SystemCellKinds& one : counts) {
      kinds.constant += one.constant;
      kinds.multilinear += one.multilinear;
      kinds.stored += one.stored;
    }
  }

  [[nodiscard]] int n_points() const { return kernels::power(basis.m, mesh.dimension()); }

  Result update(const State& state, const double (&shift)[3]) {
    jacobian.set_time(state.time);
    const int n_regions = static_cast<int>(mesh.region_names.size());
    std::vector<std::vector<double>> numbers;
    for (int r = 0; r < n_regions; ++r) {
      numbers.push_back(jacobian.numbers(r, shift));
      for (int i = 0; i < n_numbers; ++i) {
        of_region[static_cast<std::size_t>(r * n_numbers + i)] =
            V{} + static_cast<T>(numbers.back()[static_cast<std::size_t>(i)]);
      }
    }
    const V* const shared = of_region.data();
    const V* const shared_end = shared + of_region.size();
    std::vector<SystemPoints> tools;
    for (std::size_t t = 0; t < pools.size(); ++t) tools.push_back(points());
    this->each_group([&](int t, int begin, int end) {
      SystemPoints& tool = tools[static_cast<std::size_t>(t)];
      for (int b = begin; b < end; ++b) {
        const SystemBatchData<T>& batch = cells_data[static_cast<std::size_t>(b)];
        if (batch.numbers < shared || batch.numbers >= shared_end) {
          V* own = const_cast<V*>(batch.numbers);  // this batch's part of the worker's pool
          for (int l = 0; l < width; ++l) {
            LocalId cell = batches.cells[static_cast<std::size_t>(b * width + l)];
            if (cell < 0) cell = batches.cells[static_cast<std::size_t>(b * width)];
            const auto region =
                static_cast<std::size_t>(mesh.cell_region[static_cast<std::size_t>(cell)]);
            for (int i = 0; i < n_numbers; ++i)
              own[i][l] = static_cast<T>(numbers[region][static_cast<std::size_t>(i)]);
          }
        }
        if (data.n_varying == 0) continue;
        V* values = const_cast<V*>(batch.values);
        const int in_plane = mesh.dimension() == 3 ? basis.m * basis.m : n_points();
        each_part(b, [&](const LocalId* cells, int lane) {
          tool.compute_values(cells, state, shift);
          put(values, data.n_varying * n_points(), lane, [&](int i) {
            const int plane = i / (data.n_varying * in_plane),
                      rest = i % (data.n_varying * in_plane);
            return tool.value(rest / in_plane, plane * in_plane + rest % in_plane);
          });
        });
      }
    });
    Result result = facets.update(state, shift[0]);
    for (const SystemPoints& tool : tools) {
      if (tool.bad().bad_cell >= 0) result = tool.bad();
    }
    return result;
  }

  void set_facets(const std::vector<std::uint8_t>& is_fixed) {
    std::vector<LocalId> touched;
    for (std::size_t f = 0; f < facets.list().size(); ++f) {
      const auto dofs = space.dofs(facets.list()[f].cell);
      for (int a = 0; a < facets.n_nodes(); ++a) {
        for (int i = 0; i < m; ++i) {
          const LocalId unknown = dofs[static_cast<std::size_t>(facets.node(f, a))] * m + i;
          LocalId at = -1;
          if (is_fixed[static_cast<std::size_t>(unknown)] == 0) {
            at = unknown < batches.n_owned
                     ? unknown
                     : batches.n_owned +
                           batches.copy_of[static_cast<std::size_t>(unknown - batches.n_owned)];
          }
          facet_index.push_back(at);
          if (at >= 0 && at < batches.n_owned) touched.push_back(at);
        }
      }
    }
    batches.add_late(touched);
  }

  /// Calls each(mass at the points, shapes, index of trial, index of test: both with stride m).
  template <class Each>
  void each_pair(const Each& each) const {
    const auto stride = static_cast<std::size_t>(facets.n_nodes() * m);
    for (const FacetEntries::Pair& pair : facets.pairs()) {
      const LocalId* index = facet_index.data() + pair.facet * stride;
      each(facets.mass().data() + pair.first, facets.shapes(pair.facet), index + pair.trial,
           index + pair.test);
    }
  }

  void add_facets(const T* x, T* y) {
    const auto n = static_cast<std::size_t>(facets.n_nodes());
    const auto n_points = static_cast<std::size_t>(facets.n_points());
    const auto stride = static_cast<std::size_t>(m);
    std::array<double, 128> in{}, out{};
    each_pair(
        [&](const double* mass, const double* shapes, const LocalId* from, const LocalId* to) {
          for (std::size_t a = 0; a < n; ++a) {
            const LocalId i = from[a * stride];
            in[a] = i < 0 ? 0.0
                          : static_cast<double>(
                                i < batches.n_owned
                                    ? x[i]
                                    : source_extra[static_cast<std::size_t>(i - batches.n_owned)]);
            out[a] = 0;
          }
          for (std::size_t q = 0; q < n_points; ++q) {
            double value = 0;
            for (std::size_t a = 0; a < n; ++a) value += shapes[q * n + a] * in[a];
            value *= mass[q];
            for (std::size_t a = 0; a < n; ++a) out[a] += shapes[q * n + a] * value;
          }
          for (std::size_t a = 0; a < n; ++a) add_to(to[a * stride], out[a], y);
        });
  }

  void add_to(LocalId i, double value, T* y) {
    if (i < 0) return;
    T& to =
        i < batches.n_owned ? y[i] : target_extra[0][static_cast<std::size_t>(i - batches.n_owned)];
    to += static_cast<T>(value);
  }

  void apply(const T* x, T* y, const Hook& before, const Hook& after) {
    this->sweep(
        x, y, before, after,
        [&](int t, int begin, int end) {
          loop->apply(data, begin, end, x, source_extra.data(), y,
                      target_extra[static_cast<std::size_t>(t)].data(), this->scratch(t));
        },
        [&] { add_facets(x, y); });
  }

  void diagonal(T* y) {
    this->start_sums(y);
    this->each_group([&](int t, int begin, int end) {
      loop->diagonal(data, begin, end, y, target_extra[static_cast<std::size_t>(t)].data(),
                     this->scratch(t));
    });
    const auto n = static_cast<std::size_t>(facets.n_nodes());
    const auto n_points = static_cast<std::size_t>(facets.n_points());
    each_pair(
        [&](const double* mass, const double* shapes, const LocalId* from, const LocalId* to) {
          if (from != to) return;
          for (std::size_t a = 0; a < n; ++a) {
            double sum = 0;
            for (std::size_t q = 0; q < n_points; ++q)
              sum += mass[q] * shapes[q * n + a] * shapes[q * n + a];
            add_to(to[a * static_cast<std::size_t>(m)], sum, y);
          }
        });
    this->combine(y);
    for (const LocalId unknown : batches.fixed) y[unknown] = T(1);
  }

  [[nodiscard]] std::size_t bytes() const {
    std::size_t total = this->sweep_bytes() + cells_data.size() * sizeof(cells_data[0]) +
                        facets.bytes() + facet_index.size() * sizeof(LocalId);
    for (const auto* list : {&pools, &value_pools})
      for (const Pool<V>& pool : *list) total += pool.bytes();
    return total;
  }

  const mesh::Mesh& mesh;
  const fem::Space& space;
  int m;
  TensorBasis basis;
  SystemJacobian jacobian;
  FacetEntries facets;
  std::unique_ptr<SystemLoop<T>> loop;
  SystemLoopData<T> data;
  std::vector<SystemBatchData<T>> cells_data;
  std::vector<Pool<V>> pools, value_pools;  // of each worker
  int n_numbers = 0;
  std::vector<V> of_region;          // [regions][n_numbers], for batches of one region
  std::vector<LocalId> facet_index;  // [facets][n_nodes][m], as CellBatches' indices, -1 fixed
  SystemCellKinds kinds;
};

std::string SystemCellKinds::text(const comm::Communicator& communicator) const {
  const std::array<std::pair<LocalId, const char*>, 3> all{
      {{constant, "affine"}, {multilinear, "multilinear"}, {stored, "general"}}};
  std::string text;
  for (const auto& [mine, name] : all) {
    const GlobalId count = communicator.sum<GlobalId>(mine);
    if (count == 0) continue;
    text += (text.empty() ? "" : ", ") + base::count_text(count) + " " + name;
  }
  text = (text.empty() ? "no" : text) + " cells, ";
  if (isotropic) return text + "isotropic elasticity";
  text += std::to_string(n_entries) + (n_entries == 1 ? " coefficient" : " coefficients");
  if (n_varying > 0) text += ", " + std::to_string(n_varying) + " kept at each point";
  return text;
}

template <class T>
bool SystemOperator<T>::supports(const mesh::Mesh& mesh) {
  return mesh::is_tensor(mesh.cell_type);
}

template <class T>
SystemOperator<T>::SystemOperator(const mesh::Mesh& mesh, const fem::Space& space,
                                  const physics::SystemForm& form,
                                  const std::vector<std::uint8_t>& is_fixed)
    : data_(std::make_unique<Data>(mesh, space, form, is_fixed)) {}

template <class T>
SystemOperator<T>::~SystemOperator() = default;
template <class T>
SystemOperator<T>::SystemOperator(SystemOperator&&) noexcept = default;
template <class T>
SystemOperator<T>& SystemOperator<T>::operator=(SystemOperator&&) noexcept = default;

template <class T>
typename SystemOperator<T>::Result SystemOperator<T>::update(const State& state, double rate_shift,
                                                             double second_shift,
                                                             double value_shift) {
  return data_->update(state, {value_shift, rate_shift, second_shift});
}

template <class T>
LocalId SystemOperator<T>::n_owned() const {
  return data_->batches.n_owned;
}

template <class T>
void SystemOperator<T>::apply(const In& x, const Out& y, const Hook& before,
                              const Hook& after) const {
  data_->apply(x.data(), y.data(), before, after);
}

template <class T>
void SystemOperator<T>::diagonal(const Out& d) const {
  data_->diagonal(d.data());
}

template <class T>
SystemCellKinds SystemOperator<T>::cells() const {
  return data_->kinds;
}

template <class T>
std::size_t SystemOperator<T>::bytes() const {
  return data_->bytes();
}

template <class T>
std::unique_ptr<SystemLoop<T>> make_system_loop(int dimension, const TensorBasis& basis) {
  std::unique_ptr<SystemLoop<T>> loop;
  if (dimension == 1) {
    loop = system_loop_line<T>(basis);
  } else if (dimension == 2) {
    loop = system_loop_quad<T>(basis);
  } else {
    for (const auto make : {system_loop_hex_1_3<T>, system_loop_hex_4_5<T>, system_loop_hex_6_7<T>,
                            system_loop_hex_8<T>}) {
      if (!loop) loop = make(basis);
    }
  }
  if (!loop) {
    throw base::Error(base::ExitCode::internal,
                      "no matrix-free loop for this degree and quadrature; please report this");
  }
  return loop;
}

std::vector<std::uint8_t> fixed_unknowns(const mesh::Mesh& mesh, const fem::Space& space,
                                         const physics::SystemForm& form) {
  return SystemValues(mesh, space, form).is_fixed();
}

template class SystemOperator<double>;
template class SystemOperator<float>;

}  // namespace ritz::assembly
