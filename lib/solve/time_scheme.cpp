#include "ritz/solve/time_scheme.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <span>
#include <utility>

#include "ritz/base/error.hpp"
#include "ritz/base/format.hpp"
#include "ritz/la/vector.hpp"
#include "ritz/solve/guess.hpp"

namespace ritz::solve {

namespace {

using la::Vector;

/// One term of a linear combination.
using Term = std::pair<double, Vector>;
constexpr int max_terms = 8;

/// A few numbers or terms in place: steps allocate nothing.
template <class T>
class Few {
 public:
  Few() = default;
  Few(std::initializer_list<T> list) {
    for (const T& one : list) push_back(one);
  }
  void push_back(const T& one) {
    if (n_ == list_.size()) throw base::Error(base::ExitCode::internal, "a scheme: too many terms");
    list_[n_++] = one;
  }
  void emplace_back(double factor, const Vector& v) { push_back({factor, v}); }
  void pop_back() { --n_; }
  [[nodiscard]] std::size_t size() const { return n_; }
  [[nodiscard]] const T* begin() const { return list_.data(); }
  [[nodiscard]] const T* end() const { return list_.data() + n_; }
  [[nodiscard]] const T& operator[](std::size_t i) const { return list_[i]; }
  [[nodiscard]] T& operator[](std::size_t i) { return list_[i]; }
  [[nodiscard]] const T& back() const { return list_[n_ - 1]; }

 private:
  std::array<T, max_terms> list_{};
  std::size_t n_ = 0;
};
using Terms = Few<Term>;
using Numbers = Few<double>;

/// As derivative_weights() and interpolation_weights().
Numbers derivatives_of(const Numbers& times) {
  Numbers d{0.0};
  const std::size_t n = times.size();
  for (std::size_t j = 1; j < n; ++j) d[0] += 1.0 / (times[0] - times[j]);
  for (std::size_t j = 1; j < n; ++j) {
    double product = 1.0 / (times[j] - times[0]);
    for (std::size_t i = 1; i < n; ++i) {
      if (i != j) product *= (times[0] - times[i]) / (times[j] - times[i]);
    }
    d.push_back(product);
  }
  return d;
}
Numbers values_of(const Numbers& times, double time) {
  Numbers w;
  for (std::size_t j = 0; j < times.size(); ++j) {
    double product = 1;
    for (std::size_t i = 0; i < times.size(); ++i) {
      if (i != j) product *= (time - times[i]) / (times[j] - times[i]);
    }
    w.push_back(product);
  }
  return w;
}
Numbers few(const std::vector<double>& list) {
  Numbers result;
  for (const double one : list) result.push_back(one);
  return result;
}

// Made once: a launch would make a string of a literal and allocate.
const std::string combine_label = "ritz::solve::combine";

/// out = sum of the terms, in one pass; out may be one of them. Terms with factor 0 are not read.
/// Local.
void combine(const Vector& out, const Terms& terms) {
  double factor[max_terms] = {};
  const double* from[max_terms] = {};
  int n = 0;
  for (const auto& [f, v] : terms) {
    if (f == 0.0) continue;
    if (n == max_terms) throw base::Error(base::ExitCode::internal, "combine: too many terms");
    factor[n] = f;
    from[n++] = v.data();
  }
  struct Sum {
    double factor[max_terms];
    const double* from[max_terms];
  } sum{};
  std::copy_n(factor, max_terms, sum.factor);
  std::copy_n(from, max_terms, sum.from);
  Kokkos::parallel_for(
      combine_label, Kokkos::RangePolicy<device::ExecutionSpace>(0, out.extent(0)),
      KOKKOS_LAMBDA(const std::size_t i) {
        double value = 0;
        for (int k = 0; k < n; ++k) value += sum.factor[k] * sum.from[k][i];
        out(i) = value;
      });
}

/// b = 1 where it is equal to a, else 0. Local.
void mark_equal(const Vector& a, const Vector& b) {
  Kokkos::parallel_for(
      "ritz::solve::mark_equal", Kokkos::RangePolicy<device::ExecutionSpace>(0, a.extent(0)),
      KOKKOS_LAMBDA(const std::size_t i) { b(i) = a(i) == b(i) ? 1.0 : 0.0; });
}

/// Where `which` is 1: the offset for which shift u + offset = derivative. Local.
void fit_offset(const Vector& derivative, double shift, const Vector& u, const Vector& which,
                const Vector& offset) {
  Kokkos::parallel_for(
      "ritz::solve::fit_offset", Kokkos::RangePolicy<device::ExecutionSpace>(0, u.extent(0)),
      KOKKOS_LAMBDA(const std::size_t i) {
        if (which(i) != 0.0) offset(i) = derivative(i) - shift * u(i);
      });
}

void add(StageReport& total, const StageReport& more) {
  total.outcome = more.outcome;
  total.newton_iterations += more.newton_iterations;
  total.linear_iterations += more.linear_iterations;
  total.message = more.message;
}

/// The largest of |a_c| / |b_c| over the differential components; a component of b that is zero
/// everywhere counts as large as the largest of the others, one that is not as at least 100 units
/// of round-off of that: an unknown that rests at zero has the round-off of the others, and nothing
/// would be small beside that. Sums go over fixed blocks of nodes, so that steps do not depend on
/// the number of threads. Collective.
/// @param ever square of the largest component there was before
/// @param now gets that of the largest of b
double relative_size(const SemiDiscrete& equations, const Vector& a, const Vector& b, double ever,
                     double& now) {
  constexpr std::size_t block = 1024;
  const auto m = static_cast<std::size_t>(equations.n_components());
  const std::size_t n = a.extent(0) / m;
  const std::size_t n_blocks = (n + block - 1) / block;
  device::View<double*> parts(
      Kokkos::view_alloc("ritz::solve::size_parts", Kokkos::WithoutInitializing), 2 * m * n_blocks);
  Kokkos::parallel_for(
      "ritz::solve::sizes", Kokkos::RangePolicy<device::ExecutionSpace>(0, n_blocks),
      KOKKOS_LAMBDA(const std::size_t k) {
        const std::size_t end = (k + 1) * block < n ? (k + 1) * block : n;
        for (std::size_t c = 0; c < m; ++c) {
          double above = 0, below = 0;
          for (std::size_t i = k * block; i < end; ++i) {
            above += a(i * m + c) * a(i * m + c);
            below += b(i * m + c) * b(i * m + c);
          }
          parts((k * m + c) * 2) = above;
          parts((k * m + c) * 2 + 1) = below;
        }
      });
  const auto host = Kokkos::create_mirror_view_and_copy(device::HostSpace(), parts);
  std::vector<double> sums(2 * m, 0.0);
  for (std::size_t i = 0; i < host.extent(0); ++i) sums[i % (2 * m)] += host(i);
  equations.communicator().all_reduce(std::span<double>(sums), comm::Op::sum);
  double largest = 0;
  for (std::size_t c = 0; c < m; ++c) largest = std::max(largest, sums[2 * c + 1]);
  now = largest;
  constexpr double round_off = 100 * std::numeric_limits<double>::epsilon();
  const double least = round_off * round_off * std::max(largest, ever);
  double result = 0;
  for (std::size_t c = 0; c < m; ++c) {
    const double below =
        sums[2 * c + 1] > 0 ? std::max(sums[2 * c + 1], least) : std::max(largest, least);
    if (sums[2 * c] == 0 || !equations.is_differential(static_cast<int>(c))) continue;
    result = std::max(result, below > 0 ? std::sqrt(sums[2 * c] / below)
                                        : std::numeric_limits<double>::infinity());
  }
  return result;
}

/// The next length by the error over the tolerance, for an error of order dt^(order + 1).
double suggested(double dt, double error, int order, double growth) {
  const double factor =
      0.9 * std::pow(std::max(error, 1e-10), -1.0 / static_cast<double>(order + 1));
  // A length that hardly changes lets matrices and preconditioners be used again.
  if (error <= 1 && factor < 1.2) return dt * std::min(1.0, std::max(factor, 0.8));
  return dt * std::clamp(factor, 0.2, growth);
}

}  // namespace

const Tableau& sdirk2() {
  static const Tableau table = [] {
    const double g = 1.0 - std::sqrt(0.5);
    Tableau t;
    t.n_stages = 2;
    t.order = 2;
    t.embedded_order = 1;
    t.a = {g, 0, 1 - g, g};
    t.c = {g, 1};
    t.embedded = {1, 0};
    return t;
  }();
  return table;
}

const Tableau& sdirk3() {
  static const Tableau table = [] {
    // The root of g^3 - 3 g^2 + 3/2 g - 1/6 between 1/6 and 1/2, by Newton's method.
    double g = 0.43;
    for (int i = 0; i < 20; ++i) {
      g -= (((g - 3) * g + 1.5) * g - 1.0 / 6) / ((3 * g - 6) * g + 1.5);
    }
    const double middle = (1 + g) / 2;
    Tableau t;
    t.n_stages = 3;
    t.order = 3;
    t.embedded_order = 2;
    t.a = {g, 0, 0, middle - g, g, 0, -(6 * g * g - 16 * g + 1) / 4, (6 * g * g - 20 * g + 5) / 4,
           g};
    t.c = {g, middle, 1};
    const double second = (0.5 - g) / (middle - g);
    t.embedded = {1 - second, second, 0};
    return t;
  }();
  return table;
}

const ImexTableau& imex2() {
  static const ImexTableau table = [] {
    const double g = 1.0 - std::sqrt(0.5), d = 1.0 - 1.0 / (2.0 * g);
    ImexTableau t;
    t.n_stages = 3;
    t.order = 2;
    t.embedded_order = 1;
    t.implicit_a = {0, 0, 0, 0, g, 0, 0, 1 - g, g};
    t.explicit_a = {0, 0, 0, g, 0, 0, d, 1 - d, 0};
    t.c = {0, g, 1};
    t.embedded = {0, 1 / g, 0};
    return t;
  }();
  return table;
}

const ImexTableau& imex3() {
  static const ImexTableau table = [] {
    ImexTableau t;
    t.n_stages = 5;
    t.order = 3;
    t.embedded_order = 2;
    t.implicit_a = {0, 0,       0,    0,   0,  //
                    0, 0.5,     0,    0,   0,  //
                    0, 1.0 / 6, 0.5,  0,   0,  //
                    0, -0.5,    0.5,  0.5, 0,  //
                    0, 1.5,     -1.5, 0.5, 0.5};
    t.explicit_a = {0,         0,        0,    0,     0,  //
                    0.5,       0,        0,    0,     0,  //
                    11.0 / 18, 1.0 / 18, 0,    0,     0,  //
                    5.0 / 6,   -5.0 / 6, 0.5,  0,     0,  //
                    0.25,      1.75,     0.75, -1.75, 0};
    t.c = {0, 0.5, 2.0 / 3, 0.5, 1};
    // sum w_i c_i = 1, sum_ij w_i a_ij c_j = 1/2 for either a.
    t.embedded = {0, 0.5, 4.5, -4.5, 0};
    return t;
  }();
  return table;
}

std::string SemiDiscrete::explicit_part(double, const la::Vector&, const la::Vector&) {
  throw base::Error(base::ExitCode::internal, "these equations are not split into two parts");
}
std::string SemiDiscrete::implicit_part(double, const la::Vector&, const la::Vector&) {
  throw base::Error(base::ExitCode::internal, "these equations are not split into two parts");
}

void SemiDiscrete::sweep(double, const la::Vector&, const Hook&, const la::Vector&) {
  throw base::Error(base::ExitCode::internal, "these equations have no sweep");
}

std::vector<double> derivative_weights(const std::vector<double>& times) {
  const Numbers d = derivatives_of(few(times));
  return {d.begin(), d.end()};
}

std::vector<double> interpolation_weights(const std::vector<double>& times, double time) {
  const Numbers w = values_of(few(times), time);
  return {w.begin(), w.end()};
}

const std::vector<TimeMethod>& time_methods() {
  static const std::vector<TimeMethod> methods{{"bdf1", 1, 1, false, true},
                                               {"bdf2", 2, 1, false, true},
                                               {"bdf3", 3, 1, false, true},
                                               {"bdf4", 4, 1, false, true},
                                               {"sdirk2", 2, 1, false, true},
                                               {"sdirk3", 3, 1, false, true},
                                               {"imex2", 2, 1, false, true},
                                               {"imex3", 3, 1, false, true},
                                               {"crank-nicolson", 2, 1, false, false},
                                               {"rk4", 4, 1, true, false},
                                               {"leapfrog", 2, 2, true, false},
                                               {"newmark", 2, 2, false, false},
                                               {"generalised-alpha", 2, 2, false, false}};
  return methods;
}

const TimeMethod& time_method(const std::string& name) {
  for (const TimeMethod& method : time_methods()) {
    if (method.name == name) return method;
  }
  std::string names;
  for (const TimeMethod& method : time_methods())
    names += (names.empty() ? "" : ", ") + method.name;
  throw base::Error(base::ExitCode::deck,
                    fmt::format("time.method = \"{}\" (must be one of: {})", name, names));
}

class TimeScheme::Impl {
 public:
  Impl(SemiDiscrete& equations, const Options& options)
      : equations_(equations),
        options_(options),
        method_(time_method(options.method)),
        guided_(dynamic_cast<TakesDirections*>(&equations)) {
    u_ = fresh("ritz::solve::u");
    before_ = fresh("ritz::solve::u_before");
  }
  virtual ~Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  StageReport start(double time, const Vector& u, const Vector& rate) {
    time_ = time;
    la::copy(u, u_);
    // Also what an unknown without a rate is given and then fitted to the others.
    static_cast<void>(relative_size(equations_, u_, u_, 0.0, largest_));
    equations_.prescribe(time, 0, u_);
    StageReport report = equations_.settle(time, u_);
    if (!report.solved()) return report;
    la::copy(u_, before_);
    const StageReport begun = begin(rate);
    report.outcome = begun.outcome;
    report.newton_iterations += begun.newton_iterations;
    report.linear_iterations += begun.linear_iterations;
    report.message = begun.message;
    return report;
  }
  virtual void save(SavedState& state) const {
    state.add("scheme.time", time_);
    state.add("scheme.largest", largest_);
    state.add("scheme.u", u_);
    equations_.save(state);
  }
  virtual void restore(const SavedState& state) {
    time_ = state.number("scheme.time");
    largest_ = state.has_number("scheme.largest") ? state.number("scheme.largest") : 0.0;
    la::copy(state.vector("scheme.u"), u_);
    la::copy(u_, before_);
    equations_.restore(state);
  }
  virtual Step step(double dt, double end) = 0;
  [[nodiscard]] virtual const Vector& rate() const {
    throw base::Error(base::ExitCode::internal, "rate(): equations of first order");
  }

  [[nodiscard]] virtual double last_change() const {
    const Vector difference = la::make_vector("ritz::solve::difference", equations_.n_owned());
    combine(difference, {{1.0, u_}, {-1.0, before_}});
    return change_size(difference);
  }

  double time_ = 0;
  double largest_ = 0;         // square of the largest component ever, where errors are estimated
  double candidate_size_ = 0;  // the same of the candidate
  Vector u_;
  [[nodiscard]] const TimeMethod& method() const { return method_; }

 protected:
  virtual StageReport begin(const Vector& rate) = 0;
  [[nodiscard]] Vector fresh(const char* label) const {
    return la::make_vector(label, equations_.n_owned());
  }
  /// The candidate becomes u; its old memory becomes the candidate's.
  void accept(Vector& candidate, double end) {
    std::swap(u_, before_);
    std::swap(u_, candidate);
    time_ = end;
    largest_ = std::max(largest_, candidate_size_);
  }
  /// Of an estimated error, to the size of the candidate. Collective.
  double error_size(const Vector& error, const Vector& candidate) {
    return relative_size(equations_, error, candidate, largest_, candidate_size_);
  }
  /// Of a change, to the size of u. Collective.
  [[nodiscard]] double change_size(const Vector& change) const {
    double unused = 0;
    return relative_size(equations_, change, u_, largest_, unused);
  }
  [[nodiscard]] static Step failed(StageReport stages, double dt) {
    Step step;
    step.stages = std::move(stages);
    step.suggestion = dt / 4;
    return step;
  }

  SemiDiscrete& equations_;
  Options options_;
  TimeMethod method_;
  Vector before_;            ///< u of the step before
  TakesDirections* guided_;  ///< the equations, if they improve guesses
};

/// One step of a diagonally implicit method.
class TimeScheme::Dirk : public Impl {
 public:
  Dirk(SemiDiscrete& equations, const Options& options, const Tableau& table)
      : Impl(equations, options), table_(table) {
    for (int i = 0; i < table.n_stages; ++i) slopes_.push_back(fresh("ritz::solve::slope"));
    offset_ = fresh("ritz::solve::offset");
    candidate_ = fresh("ritz::solve::candidate");
  }

  Step step(double dt, double end) override {
    Step result;
    const auto s = static_cast<std::size_t>(table_.n_stages);
    la::copy(u_, candidate_);
    for (std::size_t i = 0; i < s; ++i) {
      const double g = table_.at(static_cast<int>(i), static_cast<int>(i));
      // k_i = (U_i - u - dt sum_j<i a_ij k_j) / (dt g)
      Terms terms{{-1.0 / (dt * g), u_}};
      for (std::size_t j = 0; j < i; ++j) {
        terms.emplace_back(-table_.at(static_cast<int>(i), static_cast<int>(j)) / g, slopes_[j]);
      }
      combine(offset_, terms);
      SemiDiscrete::Stage stage;
      stage.time = i + 1 == s ? end : time_ + table_.c[i] * dt;
      stage.rate_shift = 1.0 / (dt * g);
      stage.rate_offset = offset_;
      if (i > 0 && guided_) {
        // The guess is the stage before: from there along the line through the last two slopes.
        const double bend =
            i > 1 ? (table_.c[i] - table_.c[i - 1]) / (2 * (table_.c[i - 1] - table_.c[i - 2])) : 0;
        combine(slopes_[i], {{1 + bend, slopes_[i - 1]}, {-bend, slopes_[i > 1 ? i - 2 : 0]}});
        guided_->take_directions({slopes_[i], {}});
      }
      const StageReport report = equations_.solve(stage, candidate_);
      add(result.stages, report);
      if (!report.solved()) return failed(result.stages, dt);
      combine(slopes_[i], {{stage.rate_shift, candidate_}, {1.0, offset_}});
    }
    result.accepted = true;
    if (options_.tolerance) {
      Terms terms;
      for (std::size_t i = 0; i < s; ++i) {
        const double weight = table_.at(table_.n_stages - 1, static_cast<int>(i));
        terms.emplace_back(dt * (weight - table_.embedded[i]), slopes_[i]);
      }
      combine(offset_, terms);
      result.error = error_size(offset_, candidate_) / *options_.tolerance;
      result.accepted = result.error <= 1;
      result.suggestion = suggested(dt, result.error, table_.embedded_order, 3.0);
    }
    if (result.accepted) accept(candidate_, end);
    return result;
  }

 protected:
  StageReport begin(const Vector&) override { return {}; }
  const Tableau& table_;
  std::vector<Vector> slopes_;
  Vector offset_, candidate_;
};

/// One step of a pair of methods. With I and E of the stages as they are (not their products with
/// the inverse mass matrix) stage i is
///   M (U_i - u) / (dt a_ii) + [I without M u'](U_i) + load = 0,
///   load = sum_j<i (a_ij I_j + e_ij E_j) / a_ii,
/// so that no mass matrix is ever inverted.
class TimeScheme::Imex final : public Impl {
 public:
  Imex(SemiDiscrete& equations, const Options& options, const ImexTableau& table)
      : Impl(equations, options), table_(table) {
    const int s = table.n_stages;
    for (int i = 0; i < s; ++i) {
      Known known;
      for (int k = i + 1; k < s; ++k) {
        known.needs_implicit = known.needs_implicit || table.implicit_at(k, i) != 0;
        known.needs_explicit = known.needs_explicit || table.explicit_at(k, i) != 0;
      }
      known.needs_value = options.tolerance && table.embedded[static_cast<std::size_t>(i)] != 0;
      if (known.needs_implicit) known.implicit_part = fresh("ritz::solve::implicit_part");
      if (known.needs_explicit) known.explicit_part = fresh("ritz::solve::explicit_part");
      if (known.needs_value) known.value = fresh("ritz::solve::stage_value");
      known_.push_back(std::move(known));
    }
    offset_ = fresh("ritz::solve::offset");
    load_ = fresh("ritz::solve::load");
    candidate_ = fresh("ritz::solve::candidate");
  }

  Step step(double dt, double end) override {
    Step result;
    const int s = table_.n_stages;
    la::copy(u_, candidate_);
    if (!evaluate(0, time_, result.stages)) return failed(result.stages, dt);
    for (int i = 1; i < s; ++i) {
      const double a = table_.implicit_at(i, i);
      Terms terms;
      for (int j = 0; j < i; ++j) {
        const Known& known = known_[static_cast<std::size_t>(j)];
        terms.emplace_back(table_.implicit_at(i, j) / a, known.implicit_part);
        terms.emplace_back(table_.explicit_at(i, j) / a, known.explicit_part);
      }
      combine(load_, terms);
      combine(offset_, {{-1.0 / (dt * a), u_}});
      SemiDiscrete::Stage stage;
      stage.time = i + 1 == s ? end : time_ + table_.c[static_cast<std::size_t>(i)] * dt;
      stage.rate_shift = 1.0 / (dt * a);
      stage.rate_offset = offset_;
      stage.load = load_;
      const StageReport report = equations_.solve(stage, candidate_);
      add(result.stages, report);
      if (!report.solved() || !evaluate(i, stage.time, result.stages))
        return failed(result.stages, dt);
    }
    result.accepted = true;
    if (options_.tolerance) {
      double rest = -1.0;
      Terms terms{{1.0, candidate_}};
      for (std::size_t i = 1; i < known_.size(); ++i) {
        terms.emplace_back(-table_.embedded[i], known_[i].value);
        rest += table_.embedded[i];
      }
      terms.emplace_back(rest, u_);
      combine(offset_, terms);
      result.error = error_size(offset_, candidate_) / *options_.tolerance;
      result.accepted = result.error <= 1;
      result.suggestion = suggested(dt, result.error, table_.embedded_order, 3.0);
    }
    if (result.accepted) accept(candidate_, end);
    return result;
  }

 protected:
  StageReport begin(const Vector&) override { return {}; }

 private:
  /// What later stages want to know of stage i, whose value is the candidate.
  bool evaluate(int i, double time, StageReport& report) {
    const Known& known = known_[static_cast<std::size_t>(i)];
    std::string bad;
    if (known.needs_explicit) bad = equations_.explicit_part(time, candidate_, known.explicit_part);
    if (bad.empty() && known.needs_implicit)
      bad = equations_.implicit_part(time, candidate_, known.implicit_part);
    if (known.needs_value) la::copy(candidate_, known.value);
    if (bad.empty()) return true;
    report.outcome = StageReport::Outcome::not_finite;
    report.message = bad;
    return false;
  }

  /// What is kept of a stage, as far as something reads it.
  struct Known {
    bool needs_implicit = false, needs_explicit = false, needs_value = false;
    Vector implicit_part, explicit_part, value;
  };

  const ImexTableau& table_;
  std::vector<Known> known_;  ///< of the stages
  Vector offset_, load_, candidate_;
};

class TimeScheme::Bdf final : public Dirk {
 public:
  Bdf(SemiDiscrete& equations, const Options& options, int order)
      : Dirk(equations, options, sdirk3()), order_(static_cast<std::size_t>(order)) {
    for (std::size_t i = 0; i < order_; ++i) history_.push_back(fresh("ritz::solve::history"));
  }

  Step step(double dt, double end) override {
    // u_ and history_[0..n_history_) are known; the error needs one more than the formula.
    const std::size_t n_known = 1 + n_history_;
    if (n_known < order_ + (options_.tolerance ? 1U : 0U)) return start_step(dt, end);

    Numbers times{end, time_};
    for (std::size_t j = 0; j + 1 < order_; ++j) times.push_back(times_[j]);
    const Numbers d = derivatives_of(times);
    Terms terms{{d[1], u_}};
    for (std::size_t j = 2; j <= order_; ++j) terms.emplace_back(d[j], history_[j - 2]);
    combine(offset_, terms);

    Numbers known{time_};
    for (std::size_t j = 0; j < n_history_; ++j) known.push_back(times_[j]);
    const Numbers w = values_of(known, end);
    terms = {{w[0], u_}};
    for (std::size_t j = 0; j < n_history_; ++j) terms.emplace_back(w[j + 1], history_[j]);
    combine(candidate_, terms);
    const bool estimates = options_.tolerance && n_known == order_ + 1;
    if (estimates) la::copy(candidate_, slopes_[0]);

    SemiDiscrete::Stage stage;
    stage.time = end;
    stage.rate_shift = d[0];
    stage.rate_offset = offset_;
    if (guided_) guided_->take_directions(last_corrections(known, end));
    Step result;
    result.stages = equations_.solve(stage, candidate_);
    if (!result.stages.solved()) return failed(result.stages, dt);
    result.accepted = true;
    if (estimates) {
      // The extrapolation is off by prod_{j<=k} (end - t_j) u^(k+1) / (k+1)!, the formula by the
      // product without its last factor over d_0: from their difference follows either.
      const double ratio = d[0] * (end - known.back());
      combine(slopes_[0], {{1.0, candidate_}, {-1.0, slopes_[0]}});
      result.error = error_size(slopes_[0], candidate_) / (ratio - 1) / *options_.tolerance;
      result.accepted = result.error <= 1;
      // Growth beyond these makes the formulas unstable (1 + sqrt 2, 1.50, 1.19 for steps that
      // grow for ever).
      constexpr double growth[] = {3.0, 2.2, 1.45, 1.18};
      result.suggestion = suggested(dt, result.error, static_cast<int>(order_), growth[order_ - 1]);
    }
    if (result.accepted) keep(end);
    return result;
  }

  void save(SavedState& state) const override {
    Impl::save(state);
    state.add("bdf.n_history", static_cast<double>(n_history_));
    for (std::size_t i = 0; i < n_history_; ++i) {
      state.add(fmt::format("bdf.time_{}", i), times_[i]);
      state.add(fmt::format("bdf.u_{}", i), history_[i]);
    }
  }
  void restore(const SavedState& state) override {
    Impl::restore(state);
    n_history_ = static_cast<std::size_t>(state.number("bdf.n_history"));
    times_.clear();
    for (std::size_t i = 0; i < n_history_; ++i) {
      times_.push_back(state.number(fmt::format("bdf.time_{}", i)));
      la::copy(state.vector(fmt::format("bdf.u_{}", i)), history_[i]);
    }
  }

 protected:
  StageReport begin(const Vector&) override {
    n_history_ = 0;
    times_.clear();
    return {};
  }

 private:
  /// What the last and the last but one of the known values add to the extrapolation, in the memory
  /// of slopes that only the start needs.
  Directions last_corrections(Numbers known, double end) {
    Directions directions;
    for (std::size_t i = 0; i < directions.size() && known.size() > 1; ++i) {
      const Numbers with = values_of(known, end);
      known.pop_back();
      Numbers without = values_of(known, end);
      without.push_back(0.0);
      Terms terms{{with[0] - without[0], u_}};
      for (std::size_t j = 1; j < with.size(); ++j)
        terms.emplace_back(with[j] - without[j], history_[j - 1]);
      directions[i] = slopes_[1 + i];
      combine(directions[i], terms);
    }
    return directions;
  }

  /// A step of sdirk3, whose local error is of the fourth order: enough for all formulas.
  Step start_step(double dt, double end) {
    const double before = time_;
    const Vector old = u_;  // shares the memory, which accept() hands to before_
    Step result = Dirk::step(dt, end);
    if (result.accepted) push(before, old);
    return result;
  }

  void keep(double end) {
    const double before = time_;
    const Vector old = u_;
    accept(candidate_, end);
    push(before, old);
  }

  /// `old`, the solution at `time`, becomes the newest of the history, the oldest goes.
  void push(double time, const Vector& old) {
    times_.insert(times_.begin(), time);
    times_.resize(std::min(times_.size(), order_));
    std::rotate(history_.begin(), history_.end() - 1, history_.end());
    la::copy(old, history_.front());
    n_history_ = times_.size();
  }

  std::size_t order_;
  std::vector<Vector> history_;  ///< [order_], newest first
  std::size_t n_history_ = 0;    ///< of them known
  std::vector<double> times_;    ///< of history_
};

class TimeScheme::Trapezoidal final : public Impl {
 public:
  Trapezoidal(SemiDiscrete& equations, const Options& options) : Impl(equations, options) {
    slope_ = fresh("ritz::solve::slope");
    offset_ = fresh("ritz::solve::offset");
    candidate_ = fresh("ritz::solve::candidate");
  }

  Step step(double dt, double end) override {
    combine(offset_, {{-2 / dt, u_}, {-1.0, slope_}});
    combine(candidate_, {{1.0, u_}, {dt, slope_}});
    SemiDiscrete::Stage stage;
    stage.time = end;
    stage.rate_shift = 2 / dt;
    stage.rate_offset = offset_;
    Step result;
    result.stages = equations_.solve(stage, candidate_);
    if (!result.stages.solved()) return failed(result.stages, dt);
    combine(slope_, {{2 / dt, candidate_}, {1.0, offset_}});
    accept(candidate_, end);
    result.accepted = true;
    return result;
  }

  void save(SavedState& state) const override {
    Impl::save(state);
    state.add("scheme.rate", slope_);
  }
  void restore(const SavedState& state) override {
    Impl::restore(state);
    la::copy(state.vector("scheme.rate"), slope_);
  }

 protected:
  StageReport begin(const Vector&) override {
    return equations_.highest_derivative(time_, u_, {}, false, slope_);
  }

 private:
  Vector slope_, offset_, candidate_;
};

class TimeScheme::Explicit final : public Impl {
 public:
  Explicit(SemiDiscrete& equations, const Options& options) : Impl(equations, options) {
    for (Vector& k : slopes_) k = fresh("ritz::solve::slope");
    candidate_ = fresh("ritz::solve::candidate");
  }

  Step step(double dt, double end) override {
    const double middle = time_ + dt / 2;
    Step result;
    const auto slope = [&](double time, const Vector& u, int i) {
      const StageReport report = equations_.highest_derivative(time, u, {}, true, slopes_[i]);
      add(result.stages, report);
      return report.solved();
    };
    const auto move = [&](double time, double factor, int i) {
      combine(candidate_, {{1.0, u_}, {factor, slopes_[i]}});
      equations_.prescribe(time, 0, candidate_);
    };
    if (!slope(time_, u_, 0)) return failed(result.stages, dt);
    move(middle, dt / 2, 0);
    if (!slope(middle, candidate_, 1)) return failed(result.stages, dt);
    move(middle, dt / 2, 1);
    if (!slope(middle, candidate_, 2)) return failed(result.stages, dt);
    move(end, dt, 2);
    if (!slope(end, candidate_, 3)) return failed(result.stages, dt);
    combine(candidate_, {{1.0, u_},
                         {dt / 6, slopes_[0]},
                         {dt / 3, slopes_[1]},
                         {dt / 3, slopes_[2]},
                         {dt / 6, slopes_[3]}});
    equations_.prescribe(end, 0, candidate_);
    accept(candidate_, end);
    result.accepted = true;
    return result;
  }

 protected:
  StageReport begin(const Vector&) override { return {}; }

 private:
  Vector slopes_[4];
  Vector candidate_;
};

/// Generalised-alpha, of which Newmark's method is a case.
class TimeScheme::SecondOrder final : public Impl {
 public:
  SecondOrder(SemiDiscrete& equations, const Options& options) : Impl(equations, options) {
    rate_ = fresh("ritz::solve::rate");
    second_ = fresh("ritz::solve::second_rate");
    rate_offset_ = fresh("ritz::solve::rate_offset");
    second_offset_ = fresh("ritz::solve::second_offset");
    candidate_ = fresh("ritz::solve::candidate");
    value_ = fresh("ritz::solve::prescribed_value");
    derivative_ = fresh("ritz::solve::prescribed_derivative");
    is_prescribed_ = fresh("ritz::solve::is_prescribed");
    if (options.method == "generalised-alpha") {
      const double rho = options.spectral_radius;
      alpha_m_ = (2 * rho - 1) / (rho + 1);
      alpha_f_ = rho / (rho + 1);
    }
    const double sum = 1 - alpha_m_ + alpha_f_;
    beta_ = sum * sum / 4;
    gamma_ = 0.5 - alpha_m_ + alpha_f_;
  }

  Step step(double dt, double end) override {
    // The unknown is w = (1 - alpha_f) u_new + alpha_f u. With c = 1 / (beta dt^2):
    //   a_new = c u_new + h, h = -c (u + dt v + dt^2 (1/2 - beta) a),
    //   v_new = v + dt ((1 - gamma) a + gamma a_new).
    const double c = 1 / (beta_ * dt * dt);
    const double f = 1 - alpha_f_;
    // u_new = (w - alpha_f u) / f in a_new:
    const double new_w = c / f;
    const double new_u = -c - c * alpha_f_ / f, new_v = -c * dt,
                 new_a = -c * dt * dt * (0.5 - beta_);
    SemiDiscrete::Stage stage;
    stage.time = end - alpha_f_ * dt;
    stage.second_shift = (1 - alpha_m_) * new_w;
    combine(second_offset_, {{(1 - alpha_m_) * new_u, u_},
                             {(1 - alpha_m_) * new_v, rate_},
                             {(1 - alpha_m_) * new_a + alpha_m_, second_}});
    stage.second_offset = second_offset_;
    stage.rate_shift = f * dt * gamma_ * new_w;
    combine(rate_offset_, {{f * dt * gamma_ * new_u, u_},
                           {f * (1 + dt * gamma_ * new_v) + alpha_f_, rate_},
                           {f * dt * (1 - gamma_ + gamma_ * new_a), second_}});
    stage.rate_offset = rate_offset_;
    // The combinations above know the derivatives of prescribed values to first order only (and
    // with alpha_f > 0 not at all: w is no value at stage.time), and the mass matrix hands that on
    // to the neighbours. The derivatives themselves are known.
    fit_prescribed(stage.time, 2, stage.second_shift, second_offset_);
    fit_prescribed(stage.time, 1, stage.rate_shift, rate_offset_);
    combine(candidate_, {{1.0, u_}, {f * dt, rate_}, {f * dt * dt / 2, second_}});
    Step result;
    result.stages = equations_.solve(stage, candidate_);
    if (!result.stages.solved()) return failed(result.stages, dt);
    combine(candidate_, {{1 / f, candidate_}, {-alpha_f_ / f, u_}});
    equations_.prescribe(end, 0, candidate_);
    // The new acceleration into the offset's memory, then the new velocity.
    combine(second_offset_,
            {{c, candidate_}, {-c, u_}, {-c * dt, rate_}, {-c * dt * dt * (0.5 - beta_), second_}});
    equations_.prescribe(end, 2, second_offset_);
    combine(rate_, {{1.0, rate_}, {dt * (1 - gamma_), second_}, {dt * gamma_, second_offset_}});
    equations_.prescribe(end, 1, rate_);
    std::swap(second_, second_offset_);
    accept(candidate_, end);
    result.accepted = true;
    return result;
  }

  [[nodiscard]] const Vector& rate() const override { return rate_; }
  void save(SavedState& state) const override {
    Impl::save(state);
    state.add("scheme.rate", rate_);
    state.add("scheme.second_rate", second_);
  }
  void restore(const SavedState& state) override {
    Impl::restore(state);
    la::copy(state.vector("scheme.rate"), rate_);
    la::copy(state.vector("scheme.second_rate"), second_);
    find_prescribed();
  }

 protected:
  StageReport begin(const Vector& rate) override {
    la::copy(rate, rate_);
    equations_.prescribe(time_, 1, rate_);
    find_prescribed();
    return equations_.highest_derivative(time_, u_, rate_, false, second_);
  }

 private:
  /// An entry is prescribed where two different vectors come out the same.
  void find_prescribed() {
    la::fill(value_, 0.0);
    equations_.prescribe(time_, 0, value_);
    la::fill(is_prescribed_, 1.0);
    equations_.prescribe(time_, 0, is_prescribed_);
    mark_equal(value_, is_prescribed_);
  }

  /// Makes shift u + offset the derivative at `time` of the values that are prescribed.
  void fit_prescribed(double time, int derivative, double shift, const Vector& offset) {
    equations_.prescribe(time, 0, value_);
    equations_.prescribe(time, derivative, derivative_);
    fit_offset(derivative_, shift, value_, is_prescribed_, offset);
  }

  double alpha_m_ = 0, alpha_f_ = 0, beta_ = 0.25, gamma_ = 0.5;
  Vector rate_, second_, rate_offset_, second_offset_, candidate_;
  Vector value_, derivative_, is_prescribed_;  ///< prescribed values, their derivatives, where: 1
};

/// Verlet's method. Where the equations have a sweep the velocity is kept half a step back,
/// v_half = v - length / 2 a, and u, v_half and a are changed in place, in the one pass that
/// computes the next a: 16 bytes an unknown for each of the three, 8 for the mass matrix.
class TimeScheme::Leapfrog final : public Impl {
 public:
  Leapfrog(SemiDiscrete& equations, const Options& options) : Impl(equations, options) {
    rate_ = fresh("ritz::solve::rate");
    half_ = fresh("ritz::solve::half_rate");
    second_ = fresh("ritz::solve::second_rate");
  }

  Step step(double dt, double end) override {
    if (equations_.has_sweep()) return sweep(dt, end);
    static_cast<void>(rate());
    length_ = 0;
    if (!candidate_.data()) {
      guess_ = fresh("ritz::solve::rate_guess");
      next_ = fresh("ritz::solve::next_second_rate");
      candidate_ = fresh("ritz::solve::candidate");
    }
    combine(half_, {{1.0, rate_}, {dt / 2, second_}});
    combine(candidate_, {{1.0, u_}, {dt, half_}});
    equations_.prescribe(end, 0, candidate_);
    // Damping needs the velocity at the end: one order less is enough there.
    combine(guess_, {{1.0, half_}, {dt / 2, second_}});
    equations_.prescribe(end, 1, guess_);
    Step result;
    result.stages = equations_.highest_derivative(end, candidate_, guess_, true, next_);
    if (!result.stages.solved()) return failed(result.stages, dt);
    combine(rate_, {{1.0, half_}, {dt / 2, next_}});
    equations_.prescribe(end, 1, rate_);
    std::swap(second_, next_);
    accept(candidate_, end);
    result.accepted = true;
    return result;
  }

  [[nodiscard]] const Vector& rate() const override {
    if (length_ > 0) {
      combine(rate_, {{1.0, half_}, {length_ / 2, second_}});
      equations_.prescribe(time_, 1, rate_);
    }
    return rate_;
  }
  [[nodiscard]] double last_change() const override {
    if (length_ == 0) return Impl::last_change();
    return length_ * change_size(half_);
  }
  void save(SavedState& state) const override {
    Impl::save(state);
    state.add("scheme.rate", length_ > 0 ? half_ : rate_);
    state.add("scheme.second_rate", second_);
    state.add("scheme.half_step", length_);
  }
  void restore(const SavedState& state) override {
    Impl::restore(state);
    length_ = state.has_number("scheme.half_step") ? state.number("scheme.half_step") : 0.0;
    la::copy(state.vector("scheme.rate"), length_ > 0 ? half_ : rate_);
    la::copy(state.vector("scheme.second_rate"), second_);
  }

 protected:
  StageReport begin(const Vector& rate) override {
    la::copy(rate, rate_);
    equations_.prescribe(time_, 1, rate_);
    length_ = 0;
    return equations_.highest_derivative(time_, u_, rate_, true, second_);
  }

 private:
  Step sweep(double dt, double end) {
    if (length_ == 0) la::copy(rate_, half_);
    const double kick = (length_ + dt) / 2;
    double *const u = u_.data(), *const v = half_.data();
    const double* const a = second_.data();
    equations_.sweep(
        end, u_,
        [=](LocalId begin, LocalId finish) {
#pragma omp simd
          for (LocalId i = begin; i < finish; ++i) {
            v[i] += kick * a[i];
            u[i] += dt * v[i];
          }
        },
        second_);
    length_ = dt;
    time_ = end;
    Step result;
    result.accepted = true;
    return result;
  }

  Vector rate_, half_, second_;  ///< rate_ is that of time_ while length_ is 0
  double length_ = 0;            ///< of the last sweep: half_ is the velocity in its middle
  Vector guess_, next_, candidate_;
};

TimeScheme::TimeScheme(SemiDiscrete& equations, const Options& options) {
  const TimeMethod& method = time_method(options.method);
  if (equations.order() != method.equation_order) {
    throw base::Error(
        base::ExitCode::internal,
        fmt::format("{} is for equations of order {} in time", method.name, method.equation_order));
  }
  if (options.tolerance && !method.estimates_error) {
    throw base::Error(base::ExitCode::internal, method.name + " does not estimate errors");
  }
  if (method.name.starts_with("bdf")) {
    impl_ = std::make_unique<Bdf>(equations, options, method.order);
  } else if (method.name == "sdirk2") {
    impl_ = std::make_unique<Dirk>(equations, options, sdirk2());
  } else if (method.name == "sdirk3") {
    impl_ = std::make_unique<Dirk>(equations, options, sdirk3());
  } else if (method.name == "imex2") {
    impl_ = std::make_unique<Imex>(equations, options, imex2());
  } else if (method.name == "imex3") {
    impl_ = std::make_unique<Imex>(equations, options, imex3());
  } else if (method.name == "crank-nicolson") {
    impl_ = std::make_unique<Trapezoidal>(equations, options);
  } else if (method.name == "rk4") {
    impl_ = std::make_unique<Explicit>(equations, options);
  } else if (method.name == "leapfrog") {
    impl_ = std::make_unique<Leapfrog>(equations, options);
  } else {
    impl_ = std::make_unique<SecondOrder>(equations, options);
  }
}

TimeScheme::~TimeScheme() = default;

StageReport TimeScheme::start(double time, const la::Vector& u, const la::Vector& rate) {
  return impl_->start(time, u, rate);
}

void TimeScheme::save(SavedState& state) const {
  impl_->save(state);
}

void TimeScheme::restore(const SavedState& state) {
  impl_->restore(state);
}

TimeScheme::Step TimeScheme::step(double dt, double end) {
  return impl_->step(dt, end);
}

double TimeScheme::time() const {
  return impl_->time_;
}

const la::Vector& TimeScheme::u() const {
  return impl_->u_;
}

const la::Vector& TimeScheme::rate() const {
  return impl_->rate();
}

double TimeScheme::last_change() const {
  return impl_->last_change();
}

const TimeMethod& TimeScheme::method() const {
  return impl_->method();
}

}  // namespace ritz::solve
