#include "run_tools.hpp"

#include <fstream>
#include <sstream>

namespace ritz::test {

void write_file(const std::string& path, const std::string& text) {
  const auto world = comm::Communicator::world();
  if (world.is_root()) std::ofstream(path, std::ios::binary) << text;
  world.barrier();
}

std::string file_text(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace ritz::test
