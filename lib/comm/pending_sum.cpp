#include "ritz/comm/pending_sum.hpp"

namespace ritz::comm {

PendingSum::PendingSum(const Communicator& communicator, std::span<double> values) {
  check(MPI_Iallreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()), MPI_DOUBLE,
                       MPI_SUM, communicator.handle(), &request_),
        "MPI_Iallreduce");
}

PendingSum::~PendingSum() {
  if (request_ != MPI_REQUEST_NULL) MPI_Wait(&request_, MPI_STATUS_IGNORE);
}

void PendingSum::wait() {
  if (request_ != MPI_REQUEST_NULL) check(MPI_Wait(&request_, MPI_STATUS_IGNORE), "MPI_Wait");
}

bool PendingSum::test() {
  if (request_ == MPI_REQUEST_NULL) return true;
  int done = 0;
  check(MPI_Test(&request_, &done, MPI_STATUS_IGNORE), "MPI_Test");
  return done != 0;
}

}  // namespace ritz::comm
