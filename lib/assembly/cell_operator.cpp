#include "ritz/assembly/cell_operator.hpp"

#include <algorithm>
#include <cmath>

#include "cell_loop.hpp"
#include "cell_spectrum.hpp"
#include "cell_sweep.hpp"
#include "cell_terms.hpp"
#include "natural_facets.hpp"
#include "points_1d.hpp"
#include "ritz/base/error.hpp"
#include "ritz/base/log.hpp"
#include "ritz/base/text.hpp"
#include "ritz/device/session.hpp"
#include "ritz/mesh/geometry.hpp"
#include "some_cells.hpp"

namespace ritz::assembly {

template <class T>
struct CellOperator<T>::Data : CellSweep<T> {
  using Sweep = CellSweep<T>;
  using Sweep::batches;
  using Sweep::source_extra;
  using Sweep::target_extra;
  using Sweep::width;
  using typename Sweep::V;

  Data(const mesh::Mesh& mesh, const fem::Space& space, const std::vector<std::uint8_t>& is_fixed,
       const physics::Form& form, double time, const std::vector<LocalId>* some)
      : Sweep({mesh, space, is_fixed, width, some ? 1 : device::n_threads(), some}),
        dimension(mesh.dimension()),
        basis(space.element.degree(), n_points_1d(mesh, space.element.degree())),
        loop(make_cell_loop<T>(dimension, basis)) {
    geometry.resize(static_cast<std::size_t>(batches.n_batches()));
    pools.resize(batches.workers.size());
    space.communicator.together([&] {
      set_facets(mesh, space, is_fixed, form, time);
      set_terms(mesh, form, time);
    });
    data = {&batches, geometry.data(), kind};
    this->allocate(loop->scratch());
  }

  /// The batch's classes and numbers, each worker its own.
  void set_terms(const mesh::Mesh& mesh, const physics::Form& form, double time) {
    const Coefficients coefficients(form, time);
    kind = CellTerms::kind_of(form, coefficients.set());
    const int n_workers = static_cast<int>(batches.workers.size());
    std::vector<Cells> counts(static_cast<std::size_t>(n_workers));
    std::vector<BadValue> bad(static_cast<std::size_t>(n_workers));
    std::vector<TileRecord> records(static_cast<std::size_t>(n_workers));
    run_workers(n_workers, [&](int t) {
      const auto worker_number = static_cast<std::size_t>(t);
      CellTerms terms(mesh, basis, coefficients.set(), kind, time);
      const CellBatches::Worker& worker = batches.workers[worker_number];
      for (const auto* groups : {&worker.inner, &worker.outer}) {
        for (const CellBatches::Group& group : *groups) {
          for (int b = group.begin; b < group.end; ++b) {
            set_batch(terms, b, pools[worker_number], counts[worker_number]);
          }
        }
      }
      bad[worker_number] = terms.bad();
      records[worker_number] = terms.record();
    });
    for (std::size_t t = 0; t < counts.size(); ++t) {
      cells.cartesian += counts[t].cartesian;
      cells.affine += counts[t].affine;
      cells.multilinear += counts[t].multilinear;
      cells.scaled += counts[t].scaled;
      cells.stored += counts[t].stored;
      if (records[t].has_range != 0) {
        min_diffusion = has_diffusion ? std::min(min_diffusion, records[t].min_diffusion)
                                      : records[t].min_diffusion;
        has_diffusion = true;
      }
      if (bad[t].cell < 0) continue;
      const auto region =
          static_cast<std::size_t>(mesh.cell_region[static_cast<std::size_t>(bad[t].cell)]);
      throw_bad(
          coefficient_name(coefficients.set().terms, form.regions[region], dimension, bad[t].slot),
          mesh::map_to_physical(mesh, bad[t].cell, bad[t].point), dimension);
    }
  }

  void set_batch(CellTerms& terms, int b, Pool<V>& memory, Cells& counts) {
    using Shape = CellTerms::Shape;
    const LocalId* list = batches.cells.data() + static_cast<std::size_t>(b) * width;
    Shape shape = Shape::constant;
    LocalId n_used = 0;
    for (int h = 0; h < width; h += CellTerms::width) {
      if (list[h] >= 0 && shape != Shape::general) shape = std::max(shape, terms.look(list + h));
    }
    for (int l = 0; l < width; ++l) n_used += list[l] < 0 ? 0 : 1;
    BatchGeometry<T>& to = geometry[static_cast<std::size_t>(b)];
    const int n_terms = kind.count(dimension), n_points = terms.n_points();
    if (shape == Shape::constant) {
      std::vector<V> once(static_cast<std::size_t>(n_terms));
      each_half(terms, list, shape, once.data(), n_terms, [&](int t) { return terms.terms(0, t); });
      const bool boxes = is_diagonal(once);
      to.kind = boxes ? CellKind::cartesian : CellKind::affine;
      (boxes ? counts.cartesian : counts.affine) += n_used;
      if (!boxes) {
        V* out = memory.take(once.size());
        std::copy(once.begin(), once.end(), out);
        to.terms = out;
        return;
      }
      V* out = memory.take(static_cast<std::size_t>(dimension) + 1);
      to.terms = out;
      for (int d = 0, t = 0; d < dimension; t += dimension - d, ++d) {
        out[d] = once[static_cast<std::size_t>(t)];
      }
      out[dimension] = V{};
      if (kind.reaction) out[dimension] = once.back();
    } else if (shape == Shape::general) {
      to.kind = CellKind::stored;
      counts.stored += n_used;
      V* out = memory.take(static_cast<std::size_t>(n_points * n_terms));
      to.terms = out;
      each_half(terms, list, shape, out, n_points * n_terms,
                [&](int i) { return terms.terms(i / n_terms, i % n_terms); });
    } else {
      const bool affine = shape == Shape::scaled_affine, scaled = affine || shape == Shape::scaled;
      to.kind = affine   ? CellKind::scaled_affine
                : scaled ? CellKind::scaled
                         : CellKind::multilinear;
      (scaled ? counts.scaled : counts.multilinear) += n_used;
      const int n_first = affine ? n_terms : kernels::multilinear_count(dimension);
      const int count = n_first + (scaled ? n_points : 0);
      V* out = memory.take(static_cast<std::size_t>(count));
      to.terms = out;
      each_half(terms, list, shape, out, count, [&](int i) {
        if (i >= n_first) return terms.factor(i - n_first);
        return affine ? terms.terms(0, i) : terms.numbers(i);
      });
    }
  }

  /// Computes a batch's cells, as many as CellTerms takes at a time, and brings `count` numbers to
  /// the lanes of `out`: number(i), [CellTerms::width].
  template <class Number>
  static void each_half(CellTerms& terms, const LocalId* list, CellTerms::Shape shape, V* out,
                        int count, const Number& number) {
    constexpr int half = CellTerms::width;
    static_assert(width % half == 0);
    for (int h = 0; h < width; h += half) {
      // Empty lanes repeat the others'.
      if (list[h] >= 0) terms.compute(list + h, shape);
      for (int i = 0; i < count; ++i) {
        const double* in = number(i);
        for (int l = 0; l < half; ++l) out[i][h + l] = static_cast<T>(in[l]);
      }
    }
  }

  /// Whether a batch's terms are those of boxes along the axes.
  [[nodiscard]] bool is_diagonal(const std::vector<V>& terms) const {
    if (kind.advection || !kind.symmetric) return false;
    for (int l = 0; l < width; ++l) {
      T largest = 0, off = 0;
      for (int d = 0, t = 0; d < dimension; ++d) {
        for (int e = d; e < dimension; ++e, ++t) {
          T& which = d == e ? largest : off;
          which = std::max(which, std::abs(terms[static_cast<std::size_t>(t)][l]));
        }
      }
      if (!(off <= T(1e-13) * largest)) return false;
    }
    return true;
  }

  void set_facets(const mesh::Mesh& mesh, const fem::Space& space,
                  const std::vector<std::uint8_t>& is_fixed, const physics::Form& form,
                  double time) {
    facets = natural_facets(mesh, space, form, time, true);
    std::vector<LocalId> touched;
    for (const NaturalFacets::Facet& facet : facets.facets) {
      const auto dofs = space.dofs(facet.cell);
      for (int a = 0; a < facets.n_nodes; ++a) {
        const LocalId dof = dofs[static_cast<std::size_t>(
            facets.nodes[static_cast<std::size_t>(facet.number * facets.n_nodes + a)])];
        LocalId at = -1;
        if (is_fixed[static_cast<std::size_t>(dof)] == 0) {
          at = dof;
          if (dof >= batches.n_owned) {
            // Not a copy: the facet's cell is not one of `some`, where x is zero.
            const LocalId copy = batches.copy_of[static_cast<std::size_t>(dof - batches.n_owned)];
            at = copy < 0 ? -1 : batches.n_owned + copy;
          }
        }
        facet_index.push_back(at);
        if (at >= 0 && at < batches.n_owned) touched.push_back(at);
      }
    }
    batches.add_late(touched);
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

  void add_facets(const T* x, T* y) {
    const auto n = static_cast<std::size_t>(facets.n_nodes);
    const auto n_points = static_cast<std::size_t>(facets.n_points);
    std::array<double, 128> in{}, out{};
    for (std::size_t f = 0; f < facets.facets.size(); ++f) {
      const LocalId* index = facet_index.data() + f * n;
      const double* shapes =
          facets.shapes.data() + static_cast<std::size_t>(facets.facets[f].number) * n_points * n;
      for (std::size_t a = 0; a < n; ++a) {
        const LocalId i = index[a];
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
        value *= facets.mass[f * n_points + q];
        for (std::size_t a = 0; a < n; ++a) out[a] += shapes[q * n + a] * value;
      }
      add_facet(index, out.data(), y);
    }
  }

  void add_facet(const LocalId* index, const double* values, T* y) {
    for (std::size_t a = 0; a < static_cast<std::size_t>(facets.n_nodes); ++a) {
      const LocalId i = index[a];
      if (i < 0) continue;
      T& to = i < batches.n_owned ? y[i]
                                  : target_extra[0][static_cast<std::size_t>(i - batches.n_owned)];
      to += static_cast<T>(values[a]);
    }
  }

  [[nodiscard]] std::optional<double> spectrum_bound() const {
    if (cells.affine + cells.multilinear + cells.scaled + cells.stored > 0 ||
        !facets.facets.empty()) {
      return std::nullopt;
    }
    constexpr std::size_t most_shapes = 64;
    using Shape = std::array<double, 4>;
    std::vector<Shape> shapes;  // scaled: the factor of a cell's matrix does not matter
    const auto is_like = [](const Shape& a, const Shape& b) {
      double gap = 0;
      for (std::size_t i = 0; i < a.size(); ++i) gap = std::max(gap, std::abs(a[i] - b[i]));
      return gap < 1e-6;
    };
    for (std::size_t i = 0; i < batches.cells.size(); ++i) {
      if (batches.cells[i] < 0) continue;
      const V* terms = geometry[i / width].terms;
      Shape shape{};
      double sum = 0;
      for (int d = 0; d <= dimension; ++d) {
        shape[static_cast<std::size_t>(d)] = static_cast<double>(terms[d][i % width]);
        if (shape[static_cast<std::size_t>(d)] < 0) return std::nullopt;
        sum += shape[static_cast<std::size_t>(d)];
      }
      if (!(sum > 0)) return std::nullopt;
      for (double& one : shape) one /= sum;
      // The last one first: cells that follow each other are mostly alike.
      if (std::any_of(shapes.rbegin(), shapes.rend(),
                      [&](const Shape& one) { return is_like(one, shape); })) {
        continue;
      }
      if (shapes.size() == most_shapes) return std::nullopt;
      shapes.push_back(shape);
    }
    double bound = 0;
    for (const Shape& shape : shapes) {
      bound = std::max(bound, cell_spectrum(basis, dimension, shape.data()));
    }
    return bound;
  }

  void diagonal(T* y) {
    this->start_sums(y);
    this->each_group([&](int t, int begin, int end) {
      loop->diagonal(data, begin, end, y, target_extra[static_cast<std::size_t>(t)].data(),
                     this->scratch(t));
    });
    const auto n = static_cast<std::size_t>(facets.n_nodes);
    const auto n_points = static_cast<std::size_t>(facets.n_points);
    std::array<double, 128> out{};
    for (std::size_t f = 0; f < facets.facets.size(); ++f) {
      const double* shapes =
          facets.shapes.data() + static_cast<std::size_t>(facets.facets[f].number) * n_points * n;
      for (std::size_t a = 0; a < n; ++a) {
        out[a] = 0;
        for (std::size_t q = 0; q < n_points; ++q) {
          out[a] += facets.mass[f * n_points + q] * shapes[q * n + a] * shapes[q * n + a];
        }
      }
      add_facet(facet_index.data() + f * n, out.data(), y);
    }
    this->combine(y);
    for (const LocalId dof : batches.fixed) y[dof] = T(1);
  }

  [[nodiscard]] std::size_t bytes() const {
    std::size_t total = this->sweep_bytes() + geometry.size() * sizeof(geometry[0]) +
                        facets.mass.size() * 16 + facet_index.size() * sizeof(LocalId);
    for (const Pool<V>& pool : pools) total += pool.bytes();
    return total;
  }

  int dimension;
  TensorBasis basis;
  std::unique_ptr<CellLoop<T>> loop;
  kernels::StoredTerms kind;
  std::vector<BatchGeometry<T>> geometry;
  std::vector<Pool<V>> pools;  // of each worker
  Cells cells;
  bool has_diffusion = false;  // min_diffusion is set
  double min_diffusion = 0;
  NaturalFacets facets;
  std::vector<LocalId> facet_index;  // [facets][n_nodes], as CellBatches' indices, -1 fixed
  CellData<T> data;
};

std::string CellKinds::text(const comm::Communicator& communicator) const {
  const std::array<std::pair<LocalId, const char*>, 5> kinds{{{cartesian, "Cartesian"},
                                                              {affine, "affine"},
                                                              {multilinear, "multilinear"},
                                                              {scaled, "scaled"},
                                                              {stored, "general"}}};
  std::string text;
  for (const auto& [mine, name] : kinds) {
    const GlobalId count = communicator.sum<GlobalId>(mine);
    if (count == 0) continue;
    text += (text.empty() ? "" : ", ") + base::count_text(count) + " " + name;
  }
  return (text.empty() ? "no" : text) + " cells";
}

template <class T>
bool CellOperator<T>::supports(const mesh::Mesh& mesh) {
  return mesh::is_tensor(mesh.cell_type);
}

template <class T>
CellOperator<T>::CellOperator(const mesh::Mesh& mesh, const fem::Space& space,
                              const fem::Constraints& fixed, const physics::Form& form, double time)
    : data_(std::make_unique<Data>(mesh, space, fixed.is_fixed, form, time, nullptr)) {}

template <class T>
CellOperator<T>::~CellOperator() = default;
template <class T>
CellOperator<T>::CellOperator(CellOperator&&) noexcept = default;
template <class T>
CellOperator<T>& CellOperator<T>::operator=(CellOperator&&) noexcept = default;

template <class T>
LocalId CellOperator<T>::n_owned() const {
  return data_->batches.n_owned;
}

template <class T>
void CellOperator<T>::apply(const In& x, const Out& y, const Hook& before,
                            const Hook& after) const {
  data_->apply(x.data(), y.data(), before, after);
}

template <class T>
void CellOperator<T>::diagonal(const Out& d) const {
  data_->diagonal(d.data());
}

template <class T>
std::optional<double> CellOperator<T>::spectrum_bound() const {
  return data_->spectrum_bound();
}

template <class T>
typename CellOperator<T>::Cells CellOperator<T>::cells() const {
  return data_->cells;
}

template <class T>
double CellOperator<T>::min_diffusion() const {
  return data_->has_diffusion ? data_->min_diffusion : 0.0;
}

template <class T>
std::size_t CellOperator<T>::bytes() const {
  return data_->bytes();
}

void apply_some_cells(const mesh::Mesh& mesh, const fem::Space& space, const physics::Form& form,
                      double time, const std::vector<LocalId>& cells, const double* x, double* y) {
  const std::vector<std::uint8_t> free(static_cast<std::size_t>(space.n_local()), 0);
  CellOperator<double>::Data op(mesh, space, free, form, time, &cells);
  op.apply(x, y, {}, {});
}

template class CellOperator<double>;
template class CellOperator<float>;

}  // namespace ritz::assembly
