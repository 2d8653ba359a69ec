#include "ritz/assembly/system_operator.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "cell_maps.hpp"
#include "cell_sweep.hpp"
#include "natural_facets.hpp"
#include "natural_terms.hpp"
#include "points_1d.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/text.hpp"
#include "ritz/device/session.hpp"
#include "system_data.hpp"
#include "system_points.hpp"
#include "system_values.hpp"

namespace ritz::assembly {

namespace {

/// Natural boundaries' part of the Jacobian: on each facet pairs of test and trial unknown with a
/// number at each point.
class FacetEntries : public NaturalTerms {
 public:
  FacetEntries(const mesh::Mesh& mesh, const fem::Space& space, const physics::SystemForm& form)
      : NaturalTerms(mesh, space, form, Pass::jacobian) {}

  struct Pair {
    std::size_t facet;  ///< number in list()
    int test, trial;
    std::size_t first;  ///< of its numbers in mass()
  };
  [[nodiscard]] const std::vector<Pair>& pairs() const { return pairs_; }
  [[nodiscard]] const std::vector<double>& mass() const { return mass_; }

  /// shift weight ds dg_i/du_j at the points of all facets. Local.
  SystemAssembler::Result update(const SystemAssembler::State& state, double shift) {
    pairs_.clear();
    mass_.clear();
    if (shift == 0.0) return {};
    const TermsView& view = terms();
    return evaluate(state, [&](std::size_t f, const double* measure, const double* outputs) {
      const auto n = static_cast<std::size_t>(n_points());
      for (int s = 0; s < view.n_slots; ++s) {
        const SlotPlace where = view.places(static_cast<std::size_t>(s));
        const JacobianSlot slot =
            view.jacobian(static_cast<std::size_t>(list()[f].boundary * view.n_slots + s));
        if (slot.row[0] < 0 && slot.constant[0] == 0.0) continue;
        pairs_.push_back({f, where.test, where.trial, mass_.size()});
        for (std::size_t q = 0; q < n; ++q) {
          mass_.push_back(shift * measure[q] *
                          (slot.row[0] < 0
                               ? slot.constant[0]
                               : outputs[static_cast<std::size_t>(slot.row[0]) * n + q]));
        }
      }
    });
  }

  [[nodiscard]] std::size_t bytes() const {
    return mass_.size() * sizeof(double) + pairs_.size() * sizeof(Pair) + NaturalTerms::bytes();
  }

 private:
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
    this->allocate(loop->scratch(m));
    data.batches = &batches;
    data.entries = jacobian.entries();
    data.components = m;
    data.n_varying = jacobian.n_varying();
    data.isotropic = jacobian.is_isotropic();
    kinds.n_entries = data.entries.count;
    kinds.n_varying = data.n_varying;
    kinds.isotropic = data.isotropic;
    set_maps();
    data.data = cells_data.data();
    set_facets(is_fixed);
  }

  [[nodiscard]] SystemPoints points() const { return {mesh, space, basis, jacobian, m}; }

  /// The geometry, each worker its own.
  void set_maps() {
    n_numbers = jacobian.n_numbers();
    const int n_regions = static_cast<int>(mesh.region_names.size());
    of_region.resize(static_cast<std::size_t>(n_regions * n_numbers));
    value_pools.resize(static_cast<std::size_t>(this->n_workers()));
    const MapCounts counts = make_maps(
        *this, mesh, basis, cells_data, pools, [&](std::size_t worker, int b, const CellMaps&) {
          SystemBatchData<T>& to = cells_data[static_cast<std::size_t>(b)];
          const int region = one_region(mesh, batches, b);
          to.numbers = region >= 0 ? of_region.data() + static_cast<std::size_t>(region * n_numbers)
                                   : pools[worker].take(static_cast<std::size_t>(n_numbers));
          if (data.n_varying > 0) {
            to.values = value_pools[worker].take(static_cast<std::size_t>(data.n_varying) *
                                                 static_cast<std::size_t>(n_points()));
          }
        });
    kinds.constant = counts.constant;
    kinds.multilinear = counts.multilinear;
    kinds.stored = counts.stored;
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
        each_part(batches, b, [&](const LocalId* cells, int lane) {
          tool.compute_values(cells, state, shift);
          put_lanes(values, data.n_varying * n_points(), lane, [&](int i) {
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
