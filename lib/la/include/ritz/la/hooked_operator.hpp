#pragma once

#include <functional>

#include "ritz/la/system.hpp"

namespace ritz::la {

/// An operator that lets vector updates run while their entries are in the cache.
class HookedOperator : public Operator {
 public:
  /// Work on owned unknowns [begin, end); begin is a multiple of `hook_block`, and so is end but
  /// for the last unknown's.
  using Hook = std::function<void(LocalId begin, LocalId end)>;
  static constexpr LocalId hook_block = 64;

  /// y = A x. `before` is called for disjoint ranges that cover all owned unknowns, each before x
  /// is read there and before y is written there; `after` likewise, when y has its last
  /// contribution. Both may run on several threads at a time. Collective.
  virtual void apply_with(const Vector& x, const Vector& y, const Hook& before,
                          const Hook& after) const = 0;
};

}  // namespace ritz::la
