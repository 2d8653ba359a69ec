#include "provenance.hpp"

#include <unistd.h>

#include <array>
#include <ctime>
#include <map>

#include "ritz/base/version.hpp"
#include "ritz/comm/environment.hpp"
#include "ritz/device/session.hpp"
#include "ritz/la/version.hpp"

namespace ritz::run {

std::string host_name() {
  std::array<char, 256> text{};
  if (gethostname(text.data(), text.size() - 1) != 0) return "unknown";
  return text.data();
}

store::Provenance provenance(const comm::Communicator& communicator,
                             const std::string& effective_toml,
                             const std::vector<std::string>& remarks,
                             const std::string& initial_from) {
  const base::Build& build = base::build();
  // How many ranks ran where, in the order of the names.
  std::array<char, 64> mine{};
  host_name().copy(mine.data(), mine.size() - 1);
  std::map<std::string, int> ranks_on;
  for (const auto& name : communicator.all_gather(mine)) ++ranks_on[name.data()];
  std::string hosts;
  for (const auto& [name, n] : ranks_on) hosts += name + " " + std::to_string(n) + "\n";

  std::string date(32, '\0');
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  date.resize(std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%SZ", &parts));
  communicator.broadcast(date);  // attributes must be the same on every rank

  std::string told;
  for (const std::string& remark : remarks) told += remark + "\n";
  store::Provenance entries{{"date", date},
                            {"ritz_version", build.version},
                            {"ritz_commit", build.commit + (build.modified ? " (modified)" : "")},
                            {"compiler", build.compiler},
                            {"compile_flags", build.flags},
                            {"mpi", comm::library_version()},
                            {"hdf5", store::library_version()},
                            {"trilinos", la::trilinos_version()},
                            {"device", device::description()},
                            {"ranks", std::to_string(communicator.size())},
                            {"threads_per_rank", std::to_string(device::n_threads())},
                            {"hosts", hosts},
                            {"warnings_and_fallbacks", told},
                            {"deck", effective_toml}};
  if (!initial_from.empty()) entries.emplace_back("initial_from", initial_from);
  return entries;
}

}  // namespace ritz::run
