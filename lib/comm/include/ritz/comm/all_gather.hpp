#pragma once

#include <vector>

#include "ritz/base/ids.hpp"
#include "ritz/comm/communicator.hpp"

namespace ritz::comm {

/// Every rank's part of a vector (float, double) on every rank, without allocation after the
/// construction.
template <class T>
class AllGather {
 public:
  /// Collective. Throws Error(internal) if the whole is longer than 2^31 - 1.
  AllGather(const Communicator& communicator, LocalId n_mine);

  [[nodiscard]] LocalId n_all() const { return n_all_; }
  [[nodiscard]] LocalId first() const { return first_; }  ///< place of this rank's part
  /// `all` [n_all()]: the ranks' `mine` one after the other. Collective.
  void operator()(const T* mine, T* all) const;

 private:
  Communicator communicator_;
  std::vector<int> counts_, offsets_;
  LocalId n_all_ = 0, first_ = 0;
};

extern template class AllGather<float>;
extern template class AllGather<double>;

}  // namespace ritz::comm
