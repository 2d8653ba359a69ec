#include "ritz/comm/all_gather.hpp"

#include <limits>

namespace ritz::comm {

template <class T>
AllGather<T>::AllGather(const Communicator& communicator, LocalId n_mine)
    : communicator_(communicator) {
  GlobalId total = 0;
  for (const LocalId n : communicator.all_gather(n_mine)) {
    if (counts_.size() == static_cast<std::size_t>(communicator.rank())) {
      first_ = static_cast<LocalId>(total);
    }
    counts_.push_back(n);
    offsets_.push_back(static_cast<int>(total));
    total += n;
    if (total > std::numeric_limits<LocalId>::max()) {
      throw base::Error(base::ExitCode::internal,
                        "a vector gathered on every rank is too long; please report this");
    }
  }
  n_all_ = static_cast<LocalId>(total);
}

template <class T>
void AllGather<T>::operator()(const T* mine, T* all) const {
  const auto rank = static_cast<std::size_t>(communicator_.rank());
  check(MPI_Allgatherv(mine, counts_[rank], datatype<T>(), all, counts_.data(), offsets_.data(),
                       datatype<T>(), communicator_.handle()),
        "MPI_Allgatherv");
}

template class AllGather<float>;
template class AllGather<double>;

}  // namespace ritz::comm
