#pragma once

#include <functional>
#include <span>
#include <vector>

#include "ritz/base/ids.hpp"
#include "ritz/comm/communicator.hpp"

namespace ritz::comm {

/// Who sends what to whom so that copies of shared items agree with their owner.
///
/// Items are numbered locally; the plan names, for each neighbour, the owned items it has copies of
/// (`send`) and the local places of its items that we have copies of (`receive`). Both sides list
/// the same items in the same order.
class ExchangePlan {
 public:
  struct Neighbour {
    int rank;
    std::vector<LocalId> send;     ///< owned items that `rank` has copies of
    std::vector<LocalId> receive;  ///< local copies of items that `rank` owns
  };

  ExchangePlan(Communicator communicator, std::vector<Neighbour> neighbours);

  /// Builds the plan from the ghosts' side. Collective.
  /// `ghosts[i]`: local index of the copy; `owners[i]`: rank that owns it; `ids[i]`: an id that the
  /// owner understands (`find` maps it to the owner's local index, or -1, which is an internal
  /// error).
  static ExchangePlan from_ghosts(const Communicator& communicator, std::span<const LocalId> ghosts,
                                  std::span<const int> owners, std::span<const GlobalId> ids,
                                  const std::function<LocalId(GlobalId)>& find);

  [[nodiscard]] const std::vector<Neighbour>& neighbours() const { return neighbours_; }
  [[nodiscard]] const Communicator& communicator() const { return communicator_; }

  /// Owner's values into every copy. `values`: [n_local items][width], item-major. Collective.
  template <class T>
  void to_ghosts(std::span<T> values, int width = 1) const;

  /// Adds (T: arithmetic) the copies' values into the owner's; the copies keep theirs. Neighbours
  /// are added in rank order, so the result does not depend on timing. Collective.
  template <class T>
  void add_to_owners(std::span<T> values, int width = 1) const;

 private:
  template <class T>
  std::vector<T> swap(std::span<const T> values, int width, bool forward) const;

  Communicator communicator_;
  std::vector<Neighbour> neighbours_;  // by rank
};

}  // namespace ritz::comm
