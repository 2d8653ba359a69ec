#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ritz/solve/semi_discrete.hpp"

namespace ritz::solve {

/// Coefficients of a diagonally implicit Runge-Kutta method whose last stage is the new value.
struct Tableau {
  int n_stages = 0;
  int order = 0;
  int embedded_order = 0;
  std::vector<double> a;         ///< [n_stages][n_stages], lower triangle with the diagonal
  std::vector<double> c;         ///< [n_stages]
  std::vector<double> embedded;  ///< [n_stages] weights of the embedded method

  [[nodiscard]] double at(int i, int j) const {
    return a[static_cast<std::size_t>(i) * static_cast<std::size_t>(n_stages) +
             static_cast<std::size_t>(j)];
  }
};
/// Two stages, order 2, and three stages, order 3, both L-stable (Alexander, SIAM J. Numer. Anal.
/// 14, 1977, 1006, theorems 3 and 5). The embedded weights use the stages before the last and are
/// of one order less.
[[nodiscard]] const Tableau& sdirk2();
[[nodiscard]] const Tableau& sdirk3();

/// Coefficients of a pair of Runge-Kutta methods with the same c, one diagonally implicit and one
/// explicit; the last stage is the new value in both. Stage 0 is the old value.
struct ImexTableau {
  int n_stages = 0;  ///< with stage 0
  int order = 0;
  int embedded_order = 0;
  std::vector<double> implicit_a;  ///< [n_stages][n_stages]; column 0 is 0, the diagonal the same
  std::vector<double> explicit_a;  ///< [n_stages][n_stages], strictly lower
  std::vector<double> c;           ///< [n_stages]
  /// The embedded solution is u + sum_i embedded_i (U_i - u): of the stages before the last.
  std::vector<double> embedded;

  [[nodiscard]] double implicit_at(int i, int j) const {
    return implicit_a[static_cast<std::size_t>(i * n_stages + j)];
  }
  [[nodiscard]] double explicit_at(int i, int j) const {
    return explicit_a[static_cast<std::size_t>(i * n_stages + j)];
  }
};
/// ARS(2,2,2) and ARS(4,4,3), orders 2 and 3, the implicit halves L-stable (Ascher, Ruuth and
/// Spiteri, Appl. Numer. Math. 25, 1997, 151, sec. 2.6 and 2.8). The embedded values are ours: the
/// combinations of stages that fulfil the conditions of one order less in both halves.
[[nodiscard]] const ImexTableau& imex2();
[[nodiscard]] const ImexTableau& imex3();

/// Weights d with p'(t_0) = sum_j d_j y_j, where p is the polynomial through (t_j, y_j). Times are
/// distinct. Used with the new time first: backward differentiation formulas on any steps.
[[nodiscard]] std::vector<double> derivative_weights(const std::vector<double>& times);
/// Weights w with p(time) = sum_j w_j y_j.
[[nodiscard]] std::vector<double> interpolation_weights(const std::vector<double>& times,
                                                        double time);

/// Names as decks have them.
struct TimeMethod {
  std::string name;
  int order = 0;           ///< of accuracy
  int equation_order = 1;  ///< of the equations it is for
  bool is_explicit = false;
  bool estimates_error = false;
};
/// All of them.
[[nodiscard]] const std::vector<TimeMethod>& time_methods();
/// Throws Error(deck) on another name.
[[nodiscard]] const TimeMethod& time_method(const std::string& name);

/// Steps a SemiDiscrete through time. A step that is rejected leaves everything as if it had never
/// been tried.
///
/// bdf1..bdf4: backward differentiation on variable steps, started with steps of sdirk3 (Hairer,
/// Norsett and Wanner, Solving Ordinary Differential Equations I, 1993, sec. III.5); the error is
/// estimated from the difference to the extrapolation. sdirk2, sdirk3: see sdirk2(); error from the
/// embedded method. imex2, imex3: explicit_part() explicit, the rest implicit, for mass matrices
/// that are constant; see imex2(). crank-nicolson: the trapezoidal rule. rk4: the classical
/// Runge-Kutta method, explicit. For equations of second order: newmark (beta = 1/4, gamma = 1/2),
/// generalised-alpha (Chung and Hulbert, J. Appl. Mech. 60, 1993, 371), leapfrog (explicit;
/// velocities half a step apart inside).
class TimeScheme {
 public:
  struct Options {
    std::string method = "bdf2";
    /// Largest local error of a step relative to the solution's size; empty: errors are not looked
    /// at.
    std::optional<double> tolerance;
    double spectral_radius = 0.8;  ///< generalised-alpha: what is left of the highest frequencies
  };

  /// `equations` must outlive the object.
  TimeScheme(SemiDiscrete& equations, const Options& options);
  ~TimeScheme();
  TimeScheme(const TimeScheme&) = delete;
  TimeScheme& operator=(const TimeScheme&) = delete;

  /// Begins at `time` with copies of u and, for equations of second order, u'. Prescribed entries
  /// take their values. Finds the first highest derivative where the method needs it. Collective.
  StageReport start(double time, const la::Vector& u, const la::Vector& rate = {});

  /// Adds everything that the next steps depend on, that of the equations included. Vectors share
  /// this object's memory until the next step. Local.
  void save(SavedState& state) const;
  /// In place of start(): goes on from there. On the same number of ranks the steps that follow are
  /// those of the saved object to the bit. Collective. Throws Error(io) if something is missing.
  void restore(const SavedState& state);

  struct Step {
    bool accepted = false;
    StageReport stages;     ///< sums of all stages
    double error = 0;       ///< local error over the tolerance; 0 where none is estimated
    double suggestion = 0;  ///< a length for the next try, by the error alone; 0: no opinion
  };
  /// Tries a step of length dt > 0 that ends at `end` (time() + dt up to round-off: given so that
  /// times asked for are hit exactly). Collective.
  Step step(double dt, double end);

  [[nodiscard]] double time() const;
  /// u at time(); valid until the next step. Its highest derivative is not kept by every method.
  [[nodiscard]] const la::Vector& u() const;
  /// u', in problems of second order.
  [[nodiscard]] const la::Vector& rate() const;
  /// || u - u of the step before || / ||u||, the largest of all components; collective.
  [[nodiscard]] double last_change() const;
  [[nodiscard]] const TimeMethod& method() const;

 private:
  class Impl;
  class Bdf;
  class Dirk;
  class Imex;
  class Trapezoidal;
  class Explicit;
  class SecondOrder;
  class Leapfrog;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ritz::solve
