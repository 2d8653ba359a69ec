#include "ritz/comm/exchange_plan.hpp"

#include <map>

namespace ritz::comm {

ExchangePlan::ExchangePlan(Communicator communicator, std::vector<Neighbour> neighbours)
    : communicator_(communicator), neighbours_(std::move(neighbours)) {
  std::sort(neighbours_.begin(), neighbours_.end(),
            [](const Neighbour& a, const Neighbour& b) { return a.rank < b.rank; });
}

ExchangePlan ExchangePlan::from_ghosts(const Communicator& communicator,
                                       std::span<const LocalId> ghosts, std::span<const int> owners,
                                       std::span<const GlobalId> ids,
                                       const std::function<LocalId(GlobalId)>& find) {
  const auto n_ranks = static_cast<std::size_t>(communicator.size());
  std::vector<std::vector<GlobalId>> wanted(n_ranks);
  std::map<int, Neighbour> neighbours;
  for (std::size_t i = 0; i < ghosts.size(); ++i) {
    wanted[static_cast<std::size_t>(owners[i])].push_back(ids[i]);
    Neighbour& neighbour = neighbours[owners[i]];
    neighbour.rank = owners[i];
    neighbour.receive.push_back(ghosts[i]);
  }
  std::vector<std::size_t> counts;
  const std::vector<GlobalId> asked = communicator.exchange(wanted, &counts);
  communicator.together([&] {
    std::size_t at = 0;
    for (std::size_t q = 0; q < n_ranks; ++q) {
      if (counts[q] == 0) continue;
      Neighbour& neighbour = neighbours[static_cast<int>(q)];
      neighbour.rank = static_cast<int>(q);
      for (std::size_t i = 0; i < counts[q]; ++i) {
        const LocalId local = find(asked[at++]);
        if (local < 0) {
          throw base::Error(base::ExitCode::internal,
                            "a rank asked for item " + std::to_string(asked[at - 1]) +
                                ", which its owner does not have; please report this");
        }
        neighbour.send.push_back(local);
      }
    }
  });
  std::vector<Neighbour> list;
  list.reserve(neighbours.size());
  for (auto& [rank, neighbour] : neighbours) list.push_back(std::move(neighbour));
  return {communicator, std::move(list)};
}

template <class T>
std::vector<T> ExchangePlan::swap(std::span<const T> values, int width, bool forward) const {
  const auto w = static_cast<std::size_t>(width);
  const auto total = [&](bool sending) {
    std::size_t n = 0;
    for (const Neighbour& one : neighbours_) n += (sending ? one.send : one.receive).size();
    return n * w;
  };
  std::vector<T> out(total(forward)), in(total(!forward));
  std::vector<MPI_Request> requests;
  requests.reserve(2 * neighbours_.size());
  std::size_t at = 0;
  constexpr int tag = 4712;
  for (const Neighbour& one : neighbours_) {
    const std::size_t n = (forward ? one.receive : one.send).size() * w;
    if (n == 0) continue;
    check(MPI_Irecv(in.data() + at, static_cast<int>(n * sizeof(T)), MPI_BYTE, one.rank, tag,
                    communicator_.handle(), &requests.emplace_back()),
          "MPI_Irecv");
    at += n;
  }
  at = 0;
  for (const Neighbour& one : neighbours_) {
    const std::vector<LocalId>& items = forward ? one.send : one.receive;
    if (items.empty()) continue;
    const std::size_t start = at;
    for (LocalId item : items) {
      for (std::size_t c = 0; c < w; ++c)
        out[at++] = values[static_cast<std::size_t>(item) * w + c];
    }
    check(MPI_Isend(out.data() + start, static_cast<int>((at - start) * sizeof(T)), MPI_BYTE,
                    one.rank, tag, communicator_.handle(), &requests.emplace_back()),
          "MPI_Isend");
  }
  check(MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE),
        "MPI_Waitall");
  return in;
}

template <class T>
void ExchangePlan::to_ghosts(std::span<T> values, int width) const {
  const std::vector<T> in = swap(std::span<const T>(values), width, true);
  std::size_t at = 0;
  for (const Neighbour& one : neighbours_) {
    for (LocalId item : one.receive) {
      for (int c = 0; c < width; ++c) {
        values[static_cast<std::size_t>(item) * static_cast<std::size_t>(width) +
               static_cast<std::size_t>(c)] = in[at++];
      }
    }
  }
}

template <class T>
void ExchangePlan::add_to_owners(std::span<T> values, int width) const {
  const std::vector<T> in = swap(std::span<const T>(values), width, false);
  std::size_t at = 0;
  for (const Neighbour& one : neighbours_) {
    for (LocalId item : one.send) {
      for (int c = 0; c < width; ++c) {
        values[static_cast<std::size_t>(item) * static_cast<std::size_t>(width) +
               static_cast<std::size_t>(c)] += in[at++];
      }
    }
  }
}

template void ExchangePlan::to_ghosts(std::span<double>, int) const;
template void ExchangePlan::to_ghosts(std::span<GlobalId>, int) const;
template void ExchangePlan::to_ghosts(std::span<LocalId>, int) const;
template void ExchangePlan::to_ghosts(std::span<std::uint8_t>, int) const;
template void ExchangePlan::add_to_owners(std::span<double>, int) const;
template void ExchangePlan::add_to_owners(std::span<GlobalId>, int) const;
template void ExchangePlan::add_to_owners(std::span<LocalId>, int) const;

}  // namespace ritz::comm
