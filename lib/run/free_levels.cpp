#include "free_levels.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "matrix_free_jacobian.hpp"
#include "ritz/assembly/assembler.hpp"
#include "ritz/assembly/cell_operator.hpp"
#include "ritz/base/format.hpp"
#include "ritz/deck/parse.hpp"
#include "ritz/la/vector.hpp"
#include "ritz/run/form.hpp"
#include "supports.hpp"

namespace ritz::run {

namespace {

using Combination = FreeLevels::Combination;

/// Relative to the diagonal: what is left of sums that should be zero.
constexpr double round_off = 1e-11;

/// The same space by combinations that each have a 1 where the others have a 0, and noise gone.
void tidy(std::vector<Combination>& rows) {
  std::vector<bool> is_taken(rows.empty() ? 0 : rows[0].size(), false);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::size_t pivot = 0;
    double largest = -1;
    for (std::size_t k = 0; k < rows[r].size(); ++k) {
      // The first of equal ones.
      if (is_taken[k] || std::abs(rows[r][k]) <= largest * (1 + 1e-6)) continue;
      largest = std::abs(rows[r][k]);
      pivot = k;
    }
    is_taken[pivot] = true;
    const double factor = rows[r][pivot];
    for (double& one : rows[r]) one /= factor;
    for (std::size_t s = 0; s < rows.size(); ++s) {
      if (s == r) continue;
      const double part = rows[s][pivot];
      for (std::size_t k = 0; k < rows[s].size(); ++k) rows[s][k] -= part * rows[r][k];
    }
  }
  for (Combination& row : rows) {
    for (double& one : row) {
      if (std::abs(one - std::round(one)) < 1e-10) one = std::round(one);
    }
  }
}

/// What a combination must make zero: rows of the shifts' values, relative to what those are sums
/// of.
using Rows = std::vector<std::vector<double>>;

/// Combinations of `which` columns that make all rows of all ranks zero, by orthogonalisation with
/// column pivoting (Golub and Van Loan, Matrix Computations, section 5.4). Collective.
std::vector<Combination> null_space(const comm::Communicator& communicator, const Rows& rows,
                                    const std::vector<std::size_t>& which, std::size_t n_shifts) {
  const std::size_t n = which.size();
  struct Column {
    std::vector<double> values;
    Combination of;  // which sum of columns it is by now
    double size = 0;
  };
  std::vector<Column> columns(n);
  for (std::size_t k = 0; k < n; ++k) {
    for (const auto& row : rows) columns[k].values.push_back(row[which[k]]);
    columns[k].of.assign(n_shifts, 0.0);
    columns[k].of[which[k]] = 1;
  }
  const auto product = [&](const Column& a, const Column& b) {
    return communicator.sum(
        std::inner_product(a.values.begin(), a.values.end(), b.values.begin(), 0.0));
  };
  while (!columns.empty()) {
    for (Column& column : columns) {
      double size = 0, factor = 0;
      for (const double value : column.values) size = std::max(size, std::abs(value));
      for (const double one : column.of) factor = std::max(factor, std::abs(one));
      column.size = communicator.max(size) / factor;
    }
    const auto pivot =
        std::max_element(columns.begin(), columns.end(),
                         [](const Column& a, const Column& b) { return a.size < b.size; });
    if (!(pivot->size > round_off)) break;
    const Column taken = std::move(*pivot);
    columns.erase(pivot);
    const double square = product(taken, taken);
    for (Column& column : columns) {
      // Twice, against cancellation.
      for (int pass = 0; pass < 2; ++pass) {
        const double factor = product(taken, column) / square;
        for (std::size_t i = 0; i < column.values.size(); ++i)
          column.values[i] -= factor * taken.values[i];
        for (std::size_t k = 0; k < n_shifts; ++k) column.of[k] -= factor * taken.of[k];
      }
    }
  }
  std::vector<Combination> found;
  for (Column& column : columns) found.push_back(std::move(column.of));
  return found;
}

/// In [-1, 1], by a persistent number (Steele, Lea and Flood, OOPSLA 2014: splitmix64).
double noise(std::uint64_t number) {
  std::uint64_t x = (number + 1) * 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return 2 * static_cast<double>((x ^ (x >> 31)) >> 11) * 0x1p-53 - 1;
}

/// Which unknowns' levels occur in which equations' terms.
struct Occurrences {
  std::vector<std::set<int>> rows;  ///< of each term: the unknowns whose level it depends on
  std::vector<bool> is_divergence;  ///< [m] the equation has no term but a divergence
};

Occurrences occurrences(const physics::SystemForm& form, const std::vector<int>& group) {
  const auto is_in = [&](int c) { return std::find(group.begin(), group.end(), c) != group.end(); };
  Occurrences result;
  result.is_divergence.assign(static_cast<std::size_t>(form.n_unknowns()), true);
  const auto take = [&](const std::vector<physics::JacobianEntry>& entries) {
    std::map<std::pair<int, int>, std::set<int>> terms;
    for (const physics::JacobianEntry& e : entries) {
      if (!is_in(e.test) || !is_in(e.trial) || e.is_of_rate(form.dimension)) continue;
      if (e.trial_slot == 0) terms[{e.test, e.test_slot}].insert(e.trial);
      if (e.test_slot == 0) result.is_divergence[static_cast<std::size_t>(e.test)] = false;
    }
    for (const auto& [where, unknowns] : terms) result.rows.push_back(unknowns);
  };
  for (const auto& region : form.regions) take(physics::jacobian_entries(form, region));
  for (const auto& boundary : form.boundaries) take(physics::jacobian_entries(form, boundary));
  return result;
}

/// Finds them for one group after the other.
class Search {
 public:
  explicit Search(const LevelQuestion& question)
      : q_(question),
        m_(static_cast<std::size_t>(question.form.n_unknowns())),
        shifts_(level_shifts(q_.mesh, q_.space, q_.form, q_.problem)) {
    for (std::size_t c = 0; c < m_; ++c) {
      bool fixed = false;
      for (std::size_t i = c; i < static_cast<std::size_t>(n_owned()); i += m_)
        fixed = fixed || q_.is_fixed[i] != 0;
      is_held_.push_back(communicator().any(fixed));
    }
    is_body_free_ = deck::is_elastic(q_.problem) &&
                    !free_motions(q_.mesh, q_.space, q_.problem, q_.form, q_.is_fixed).empty();
    levels_.names = q_.form.unknowns;
    for (std::size_t k = m_; k < shifts_.size(); ++k)
      levels_.names.push_back(fmt::format("turn {}", k - m_ + 1));
  }

  FreeLevels run() {
    for (const std::vector<int>& group : q_.groups) look_at(group);
    tidy(levels_.right);
    tidy(levels_.left);
    return std::move(levels_);
  }

 private:
  [[nodiscard]] const comm::Communicator& communicator() const { return q_.space.communicator; }
  [[nodiscard]] LocalId n_owned() const { return q_.space.n_owned * static_cast<LocalId>(m_); }
  [[nodiscard]] Combination only(std::size_t shift) const {
    Combination one(shifts_.size(), 0.0);
    one[shift] = 1;
    return one;
  }

  void look_at(const std::vector<int>& group) {
    const bool is_body = deck::is_elastic(q_.problem) && group.back() + 1 == static_cast<int>(m_);
    if (is_body && !is_body_free_) return;
    const Occurrences terms = occurrences(q_.form, group);
    std::vector<std::size_t> open, certain;
    std::set<int> alive;
    for (const int c : group) {
      if (!is_held_[static_cast<std::size_t>(c)] || is_body) alive.insert(c);
    }
    // A term with the level of one unknown alone fixes it, and what it was to be combined with.
    for (bool goes_on = true; goes_on;) {
      goes_on = false;
      for (const std::set<int>& row : terms.rows) {
        std::vector<int> left;
        for (const int c : row) {
          if (alive.contains(c)) left.push_back(c);
        }
        if (left.size() != 1) continue;
        alive.erase(left[0]);
        goes_on = true;
      }
    }
    for (const int c : alive) {
      const bool occurs = std::any_of(terms.rows.begin(), terms.rows.end(),
                                      [&](const std::set<int>& row) { return row.contains(c); });
      const auto at = static_cast<std::size_t>(c);
      (occurs || is_held_[at] ? open : certain).push_back(at);
    }
    if (is_body) {
      for (std::size_t k = m_; k < shifts_.size(); ++k) open.push_back(k);
    }
    for (const std::size_t c : certain) levels_.right.push_back(only(c));
    if (!open.empty()) {
      for (Combination& one :
           of_shifts(null_space(communicator(), images(group), open, shifts_.size())))
        levels_.right.push_back(std::move(one));
    }
    if (q_.is_symmetric) {
      levels_.left = levels_.right;
      return;
    }
    open.clear();
    for (const int c : group) {
      const auto at = static_cast<std::size_t>(c);
      if (is_held_[at] && !is_body) continue;
      if (terms.is_divergence[at] && !is_held_[at])
        levels_.left.push_back(only(at));
      else
        open.push_back(at);
    }
    if (is_body) {
      for (std::size_t k = m_; k < shifts_.size(); ++k) open.push_back(k);
    }
    if (open.empty()) return;
    for (Combination& one :
         of_shifts(null_space(communicator(), probes(group), open, shifts_.size())))
      levels_.left.push_back(std::move(one));
  }

  /// sqrt of the largest diagonal entry of each unknown.
  [[nodiscard]] std::vector<double> sizes(const la::Operator& jacobian) const {
    const la::Vector diagonal = la::make_vector("ritz::run::diagonal", n_owned());
    std::vector<double> result(m_, 0.0);
    if (!jacobian.diagonal_into(diagonal)) la::fill(diagonal, 1.0);
    for (std::size_t i = 0; i < diagonal.extent(0); ++i)
      result[i % m_] = std::max(result[i % m_], std::abs(diagonal(i)));
    communicator().all_reduce(std::span<double>(result), comm::Op::max);
    for (double& one : result) one = one > 0 ? std::sqrt(one) : 1.0;
    return result;
  }

  /// What the shifts are measured by, so that neither units nor far rotations count: from the first
  /// Jacobian, the same for all. Collective.
  void measure(const std::vector<double>& size) {
    if (!scale_.empty()) return;
    for (const la::Vector& shift : shifts_) {
      double largest = 0;
      for (std::size_t i = 0; i < shift.extent(0); ++i)
        largest = std::max(largest, std::abs(shift(i)) * size[i % m_]);
      scale_.push_back(communicator().max(largest));
    }
  }

  /// Those of shifts from those of measured ones.
  [[nodiscard]] std::vector<Combination> of_shifts(std::vector<Combination> found) const {
    for (Combination& one : found) {
      for (std::size_t k = 0; k < one.size(); ++k) {
        if (one[k] != 0) one[k] /= scale_[k];
      }
    }
    return found;
  }

  [[nodiscard]] static bool is_in(const std::vector<int>& group, std::size_t component) {
    return std::find(group.begin(), group.end(), static_cast<int>(component)) != group.end();
  }

  /// The rows of J times the shifts, over sqrt(d_row d_column) and the shift's largest entry.
  Rows images(const std::vector<int>& group) {
    Rows rows;
    for (const auto& at : q_.jacobians) {
      const la::Operator* jacobian = at();
      if (jacobian == nullptr) continue;
      const std::vector<double> size = sizes(*jacobian);
      measure(size);
      const std::size_t before = rows.size();
      for (std::size_t i = 0; i < static_cast<std::size_t>(n_owned()); ++i) {
        if (is_in(group, i % m_)) rows.emplace_back(shifts_.size(), 0.0);
      }
      for (std::size_t k = 0; k < shifts_.size(); ++k) {
        if (k < m_ && !is_in(group, k)) continue;
        const la::Vector image = la::make_vector("ritz::run::image", n_owned());
        jacobian->apply(shifts_[k], image);
        std::size_t row = before;
        for (std::size_t i = 0; i < image.extent(0); ++i) {
          if (!is_in(group, i % m_)) continue;
          rows[row++][k] = image(i) / (size[i % m_] * scale_[k]);
        }
      }
    }
    return rows;
  }

  /// The shifts times J x, for some x that are as good as any: a row each, the same on all ranks
  /// (held by the first). Prescribed unknowns are none of x's.
  Rows probes(const std::vector<int>& group) {
    Rows rows;
    for (const auto& at : q_.jacobians) {
      const la::Operator* jacobian = at();
      if (jacobian == nullptr) continue;
      const std::vector<double> size = sizes(*jacobian);
      measure(size);
      const la::Vector x = la::make_vector("ritz::run::probe", n_owned());
      const la::Vector image = la::make_vector("ritz::run::image", n_owned());
      for (std::size_t number = 0; number < shifts_.size() + 2; ++number) {
        for (std::size_t i = 0; i < x.extent(0); ++i) {
          const auto id = static_cast<std::uint64_t>(q_.space.dof_gid[i / m_]) * m_ + i % m_;
          x(i) = q_.is_fixed[i] != 0 || !is_in(group, i % m_)
                     ? 0.0
                     : noise(id * 64 + number) / size[i % m_];
        }
        jacobian->apply(x, image);
        std::vector<double> sums(2 * shifts_.size(), 0.0);
        for (std::size_t k = 0; k < shifts_.size(); ++k) {
          for (std::size_t i = 0; i < image.extent(0); ++i) {
            if (!is_in(group, i % m_)) continue;
            sums[2 * k] += shifts_[k](i) * image(i) / scale_[k];
            sums[2 * k + 1] += std::abs(shifts_[k](i) * image(i)) / scale_[k];
          }
        }
        communicator().all_reduce(std::span<double>(sums), comm::Op::sum);
        const double whole = *std::max_element(sums.begin(), sums.end());
        if (!communicator().is_root()) continue;
        std::vector<double> row;
        for (std::size_t k = 0; k < shifts_.size(); ++k)
          row.push_back(whole > 0 ? sums[2 * k] / whole : 0.0);
        rows.push_back(std::move(row));
      }
    }
    return rows;
  }

  const LevelQuestion& q_;
  std::size_t m_;
  std::vector<la::Vector> shifts_;
  std::vector<bool> is_held_;  // [m] a value is prescribed somewhere
  bool is_body_free_ = false;
  std::vector<double> scale_;  // [shifts]
  FreeLevels levels_;
};

/// Integrals of the basis functions, [n_owned]. Collective.
la::Vector node_weights(const mesh::Mesh& mesh, const fem::Space& space) {
  physics::Form form;
  form.dimension = mesh.dimension();
  form.regions.resize(mesh.region_names.size());
  const physics::Form unit = mean_form(form);
  fem::Constraints none;
  none.is_fixed.assign(static_cast<std::size_t>(space.n_local()), 0);
  none.value.assign(static_cast<std::size_t>(space.n_local()), 0.0);
  const la::Vector weights = la::make_vector("ritz::run::mean_weights", space.n_owned);
  if (assembly::CellOperator<double>::supports(mesh)) {
    assembly::cell_load(mesh, space, none, unit, 0.0, weights);
  } else {
    const assembly::Assembler assembler(mesh, space, none);
    const device::View<double*> values(
        Kokkos::view_alloc("ritz::run::unused", Kokkos::WithoutInitializing),
        assembler.pattern().columns.extent(0));
    static_cast<void>(assembler.assemble(unit, none, 0.0, values, weights));
  }
  return weights;
}

/// w = W z (z^T W z)^-1 with the diagonal W of the means. Collective.
std::vector<la::Vector> duals_of(const std::vector<la::Vector>& basis, const la::Vector& weights,
                                 const comm::Communicator& communicator) {
  const std::size_t k = basis.size();
  if (k == 0) return {};
  const std::size_t n = basis[0].extent(0);
  const std::size_t m = weights.extent(0) > 0 ? n / weights.extent(0) : 1;
  std::vector<la::Vector> weighted;
  for (const la::Vector& z : basis) {
    const la::Vector w = la::make_vector("ritz::run::mean", static_cast<LocalId>(n));
    for (std::size_t i = 0; i < n; ++i) w(i) = weights(i / m) * z(i);
    weighted.push_back(w);
  }
  // Gauss and Jordan on the few numbers of z^T W z, which is positive: that of squares' integrals.
  std::vector<double> a(k * k);
  for (std::size_t i = 0; i < k; ++i)
    for (std::size_t j = 0; j < k; ++j) a[i * k + j] = la::dot(communicator, basis[i], weighted[j]);
  for (std::size_t i = 0; i < k; ++i) {
    const double pivot = a[i * k + i];
    for (std::size_t j = 0; j < k; ++j) {
      if (j == i) continue;
      const double factor = a[i * k + j] / pivot;
      for (std::size_t l = 0; l < k; ++l) a[l * k + j] -= factor * a[l * k + i];
      la::axpby(-factor, weighted[i], 1.0, weighted[j]);
    }
  }
  for (std::size_t i = 0; i < k; ++i) la::axpby(0.0, weighted[i], 1 / a[i * k + i], weighted[i]);
  return weighted;
}

}  // namespace

std::string FreeLevels::text(const Combination& of) const {
  std::string text;
  for (std::size_t k = 0; k < of.size(); ++k) {
    if (of[k] == 0) continue;
    const double size = std::abs(of[k]);
    text += text.empty() ? (of[k] < 0 ? "-" : "") : (of[k] < 0 ? " - " : " + ");
    if (size != 1) text += fmt::format("{:.4g} ", size);
    text += names[k];
  }
  return text;
}

FreeLevels find_free_levels(const LevelQuestion& question) {
  return Search(question).run();
}

std::vector<la::Vector> level_shifts(const mesh::Mesh& mesh, const fem::Space& space,
                                     const physics::SystemForm& form,
                                     const deck::Problem& problem) {
  const int m = form.n_unknowns();
  const LocalId n = space.n_owned * m;
  std::vector<la::Vector> shifts;
  for (int c = 0; c < m; ++c) {
    const la::Vector shift = la::make_vector("ritz::run::level", n);
    for (LocalId i = c; i < n; i += m) shift(static_cast<std::size_t>(i)) = 1.0;
    shifts.push_back(shift);
  }
  if (!deck::is_elastic(problem)) return shifts;
  const int d = mesh.dimension();
  const std::vector<la::Vector> motions = rigid_body_motions(mesh, space);
  for (std::size_t k = static_cast<std::size_t>(d); k < motions.size(); ++k) {
    const la::Vector shift = la::make_vector("ritz::run::turn", n);
    for (LocalId i = 0; i < space.n_owned; ++i) {
      for (int c = 0; c < d; ++c)
        shift(static_cast<std::size_t>(i * m + m - d + c)) =
            motions[k](static_cast<std::size_t>(i * d + c));
    }
    shifts.push_back(shift);
  }
  return shifts;
}

std::vector<la::Vector> combined(const std::vector<Combination>& factors,
                                 const std::vector<la::Vector>& shifts) {
  std::vector<la::Vector> result;
  for (const Combination& combination : factors) {
    const la::Vector sum =
        la::make_vector("ritz::run::free_level", static_cast<LocalId>(shifts.at(0).extent(0)));
    for (std::size_t k = 0; k < shifts.size(); ++k) {
      if (combination[k] != 0) la::axpby(combination[k], shifts[k], 1.0, sum);
    }
    result.push_back(sum);
  }
  return result;
}

la::Kernel kernel_of(const FreeLevels& levels, const mesh::Mesh& mesh, const fem::Space& space,
                     const physics::SystemForm& form, const deck::Problem& problem) {
  la::Kernel kernel;
  if (levels.empty()) return kernel;
  const comm::Communicator& communicator = space.communicator;
  const std::vector<la::Vector> shifts = level_shifts(mesh, space, form, problem);
  kernel.right = la::orthonormal(communicator, combined(levels.right, shifts));
  kernel.left = la::orthonormal(communicator, combined(levels.left, shifts));
  kernel.duals = duals_of(kernel.right, node_weights(mesh, space), communicator);
  return kernel;
}

}  // namespace ritz::run
