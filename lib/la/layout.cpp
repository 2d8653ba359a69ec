#include "ritz/la/layout.hpp"

#include <algorithm>

#include "ritz/base/error.hpp"
#include "ritz/fem/space.hpp"

namespace ritz::la {

Layout Layout::of(const fem::Space& space) {
  Layout layout{space.communicator, space.n_owned,         space.first,
                space.n_global,     space.ghost_solver_id, space.ghost_owner};
  return layout;
}

Layout Layout::from_owned(const comm::Communicator& communicator, LocalId n_owned,
                          std::vector<GlobalId> ghost_ids) {
  Layout layout{communicator, n_owned, 0, 0, std::move(ghost_ids), {}};
  // starts[q]: first solver id of rank q; one more entry for the end.
  std::vector<GlobalId> starts = communicator.all_gather<GlobalId>(n_owned);
  starts.insert(starts.begin(), 0);
  for (std::size_t q = 1; q < starts.size(); ++q) starts[q] += starts[q - 1];
  layout.first = starts[static_cast<std::size_t>(communicator.rank())];
  layout.n_global = starts.back();

  auto& ids = layout.ghost_ids;
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::erase_if(ids,
                [&](GlobalId id) { return id >= layout.first && id < layout.first + n_owned; });
  communicator.together([&] {
    for (GlobalId id : ids) {
      if (id < 0 || id >= layout.n_global)
        throw base::Error(base::ExitCode::internal, "a ghost's solver id is out of range");
      // Empty ranks have equal starts: the owner is the last rank that starts at or before the id.
      const auto after = std::upper_bound(starts.begin(), starts.end(), id);
      layout.ghost_owners.push_back(static_cast<int>(after - starts.begin()) - 1);
    }
  });
  return layout;
}

}  // namespace ritz::la
