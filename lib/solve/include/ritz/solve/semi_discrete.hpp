#pragma once

#include <functional>
#include <string>

#include "ritz/la/csr.hpp"
#include "ritz/la/layout.hpp"
#include "ritz/solve/saved_state.hpp"

namespace ritz::solve {

/// How the equations of one step or stage were solved; the same on every rank.
struct StageReport {
  enum class Outcome {
    solved,
    failed,      ///< Newton or the linear solver gave up: a smaller step may help
    not_finite,  ///< NaN or infinity in the equations: a smaller step may help
    stopped      ///< out of wall time: nothing helps
  };
  Outcome outcome = Outcome::solved;
  int newton_iterations = 0;
  int linear_iterations = 0;
  std::string message;  ///< why not, in words

  [[nodiscard]] bool solved() const { return outcome == Outcome::solved; }
};

/// Ordinary differential equations (and algebraic ones) in time, what is left of a problem after
/// the discretisation in space:
///   F(t, u, u', u'') = 0,  linear in the highest derivative,
/// with some entries of u prescribed as functions of time.
///
/// Vectors hold the owned unknowns [n_owned]; the components of a node follow each other.
class SemiDiscrete {
 public:
  virtual ~SemiDiscrete() = default;

  [[nodiscard]] virtual const comm::Communicator& communicator() const = 0;
  [[nodiscard]] virtual LocalId n_owned() const = 0;
  /// Unknowns with scales of their own: errors are measured relative to each.
  [[nodiscard]] virtual int n_components() const { return 1; }
  /// Whether a time derivative of this component occurs. Errors of the others, which follow from
  /// the equations, are not looked at: their first values may be anything.
  [[nodiscard]] virtual bool is_differential(int component) const {
    static_cast<void>(component);
    return true;
  }
  /// Highest derivative in time: 1 or 2.
  [[nodiscard]] virtual int order() const = 0;

  /// Writes the prescribed entries (derivative 0) or their first or second derivatives in time at
  /// `time` into u; leaves the others. Collective.
  virtual void prescribe(double time, int derivative, const la::Vector& u) = 0;

  /// Makes the components whose derivatives do not occur, with what u holds of them as the guess,
  /// fit the others: their equations hold at `time`. If they cannot be solved u stays as it is.
  /// Collective.
  virtual StageReport settle(double time, const la::Vector& u) {
    static_cast<void>(time);
    static_cast<void>(u);
    return {};
  }

  /// The equations of an implicit stage: both derivatives depend on its u in an affine way.
  struct Stage {
    double time = 0;
    double rate_shift = 0;     ///< u' = rate_shift u + rate_offset
    la::Vector rate_offset;    ///< [n_owned]; empty: u' does not appear (order() 1 has it always)
    double second_shift = 0;   ///< u'' = second_shift u + second_offset
    la::Vector second_offset;  ///< [n_owned]; empty in problems of first order
    /// [n_owned], 0 at prescribed entries. Not empty: the equations are I(t, u, u') + load = 0,
    /// where F = I + E and E is explicit_part().
    la::Vector load;
  };
  /// Solves F(t, u, u', u'') = 0 for u, which holds a guess; prescribed entries are set here.
  /// Collective.
  virtual StageReport solve(const Stage& stage, const la::Vector& u) = 0;

  /// The highest derivative that fits u (and u', in problems of second order) at `time`; 0 where an
  /// equation holds no derivative in time. `lumped`: with the diagonal mass matrix of explicit
  /// methods, else the consistent one. Collective.
  virtual StageReport highest_derivative(double time, const la::Vector& u, const la::Vector& rate,
                                         bool lumped, const la::Vector& result) = 0;

  /// Work on a range [begin, end) of owned entries.
  using Hook = std::function<void(LocalId begin, LocalId end)>;
  /// Whether sweep() may be used. Collective.
  [[nodiscard]] virtual bool has_sweep() { return false; }
  /// The second derivative that fits u at `time`, with the diagonal mass matrix, in one pass over
  /// the vectors: before(range) is called once for each range, before its entries of u are read and
  /// those of `result` are written, and may change both. Prescribed entries of u and `result` are
  /// set here. It throws, if at all, before it has changed anything. Collective.
  virtual void sweep(double time, const la::Vector& u, const Hook& before,
                     const la::Vector& result);

  /// Adds what later solves depend on beside their arguments: what a matrix or a preconditioner
  /// that is used again was made from. Local.
  virtual void save(SavedState& state) const { static_cast<void>(state); }
  /// Makes it so again; on the same number of ranks later solves then give the same bits.
  /// Collective. Throws Error(io) if something is missing.
  virtual void restore(const SavedState& state) { static_cast<void>(state); }
  /// F = I + E for methods that treat terms without derivatives in time explicitly: E(time, u) or,
  /// for the other one, I(time, u, 0), into result; 0 at prescribed entries. An empty text, or what
  /// is not finite and where: the same on every rank. Equations that are not split throw
  /// Error(internal). Collective.
  virtual std::string explicit_part(double time, const la::Vector& u, const la::Vector& result);
  virtual std::string implicit_part(double time, const la::Vector& u, const la::Vector& result);
};

}  // namespace ritz::solve
