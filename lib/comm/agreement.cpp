#include "ritz/comm/agreement.hpp"

#include <memory>
#include <optional>
#include <span>
#include <thread>

#include "ritz/base/format.hpp"
#include "ritz/comm/pending_sum.hpp"

namespace ritz::comm {

std::string agreed_failure(const Communicator& communicator, std::string mine, base::ExitCode code,
                           std::chrono::seconds patience) {
  struct Round {
    double n_failed = 0;
    std::optional<PendingSum> sum;
  };
  auto round = std::make_unique<Round>();
  round->n_failed = mine.empty() ? 0 : 1;
  round->sum.emplace(communicator, std::span(&round->n_failed, 1));
  if (mine.empty()) {
    round->sum->wait();
  } else {
    const auto start = std::chrono::steady_clock::now();
    while (!round->sum->test()) {
      if (std::chrono::steady_clock::now() - start > patience) {
        // The sum is still under way and its destructor would wait for it.
        static_cast<void>(round.release());
        throw base::Error(code, std::move(mine));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  if (round->n_failed == 0) return {};
  const int first =
      communicator.min<std::int32_t>(mine.empty() ? communicator.size() : communicator.rank());
  communicator.broadcast(mine, first);
  return mine;
}

}  // namespace ritz::comm
