#include "ritz/comm/split_exchange.hpp"

namespace ritz::comm {

namespace {
constexpr int split_exchange_tag = 4713;
}

template <class T>
SplitExchange<T>::SplitExchange(const ExchangePlan& plan, LocalId first_copy)
    : comm_(plan.communicator().handle()) {
  send_offsets_.push_back(0);
  receive_offsets_.push_back(0);
  for (const ExchangePlan::Neighbour& one : plan.neighbours()) {
    ranks_.push_back(one.rank);
    send_places_.insert(send_places_.end(), one.send.begin(), one.send.end());
    for (const LocalId place : one.receive) receive_places_.push_back(place - first_copy);
    send_offsets_.push_back(send_places_.size());
    receive_offsets_.push_back(receive_places_.size());
  }
  send_.resize(send_places_.size());
  receive_.resize(receive_places_.size());
  requests_.reserve(2 * ranks_.size());
}

template <class T>
void SplitExchange<T>::post(const std::vector<std::size_t>& out_offsets, const std::vector<T>& out,
                            const std::vector<std::size_t>& in_offsets, std::vector<T>& in) {
  requests_.clear();
  const auto count = [](const std::vector<std::size_t>& offsets, std::size_t q) {
    return static_cast<int>(offsets[q + 1] - offsets[q]);
  };
  for (std::size_t q = 0; q < ranks_.size(); ++q) {
    if (count(in_offsets, q) == 0) continue;
    check(MPI_Irecv(in.data() + in_offsets[q], count(in_offsets, q), datatype<T>(), ranks_[q],
                    split_exchange_tag, comm_, &requests_.emplace_back()),
          "MPI_Irecv");
  }
  for (std::size_t q = 0; q < ranks_.size(); ++q) {
    if (count(out_offsets, q) == 0) continue;
    check(MPI_Isend(out.data() + out_offsets[q], count(out_offsets, q), datatype<T>(), ranks_[q],
                    split_exchange_tag, comm_, &requests_.emplace_back()),
          "MPI_Isend");
  }
}

template <class T>
void SplitExchange<T>::wait() {
  check(MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE),
        "MPI_Waitall");
}

template <class T>
void SplitExchange<T>::start(const T* owned) {
  for (std::size_t i = 0; i < send_places_.size(); ++i) send_[i] = owned[send_places_[i]];
  post(send_offsets_, send_, receive_offsets_, receive_);
}

template <class T>
void SplitExchange<T>::finish(T* copies) {
  wait();
  for (std::size_t i = 0; i < receive_places_.size(); ++i) copies[receive_places_[i]] = receive_[i];
}

template <class T>
void SplitExchange<T>::start_back(const T* copies) {
  for (std::size_t i = 0; i < receive_places_.size(); ++i) receive_[i] = copies[receive_places_[i]];
  post(receive_offsets_, receive_, send_offsets_, send_);
}

template <class T>
void SplitExchange<T>::finish_back(T* owned) {
  wait();
  for (std::size_t i = 0; i < send_places_.size(); ++i) owned[send_places_[i]] += send_[i];
}

template class SplitExchange<double>;
template class SplitExchange<float>;

}  // namespace ritz::comm
