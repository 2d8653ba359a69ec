#pragma once

// Mesh files for the tests of the Gmsh reader: the ones in data/, and small ones written on the
// spot.

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "ritz/comm/communicator.hpp"

namespace ritz::mesh::test {

inline const comm::Communicator& everybody() {
  static const auto communicator = comm::Communicator::world();  // not before MPI_Init
  return communicator;
}

inline std::string data_file(const std::string& name) {
  return std::string(RITZ_SOURCE_DIR) + "/tests/mesh/data/" + name;
}

inline std::string contents_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Rank 0 writes; on every rank the file is there afterwards. Collective.
inline std::string write_file(const std::string& name, const std::string& content) {
  if (everybody().is_root()) {
    // A file that is cut to nothing and written again is flushed to the disk by some file systems.
    std::filesystem::remove(name);
    std::ofstream(name, std::ios::binary) << content;
  }
  everybody().barrier();
  return name;
}

/// `text` with its first `from` replaced; a text without it gives an empty result, which no test
/// takes for a mesh.
inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) return {};
  return text.replace(at, from.size(), to);
}

/// The unit square as two triangles, ends "left" and "right", material "plate".
inline const char* const square_22 = R"($MeshFormat
2.2 0 8
$EndMeshFormat
$PhysicalNames
3
1 1 "left"
1 2 "right"
2 3 "plate"
$EndPhysicalNames
$Nodes
4
1 0 0 0
2 1 0 0
3 1 1 0
4 0 1 0
$EndNodes
$Elements
4
1 1 2 1 1 4 1
2 1 2 2 2 2 3
3 2 2 3 1 1 2 3
4 2 2 3 1 1 3 4
$EndElements
)";

inline const char* const square_41 = R"($MeshFormat
4.1 0 8
$EndMeshFormat
$PhysicalNames
3
1 1 "left"
1 2 "right"
2 3 "plate"
$EndPhysicalNames
$Entities
0 2 1 0
1 0 0 0 0 1 0 1 1 0
2 1 0 0 1 1 0 1 2 0
1 0 0 0 1 1 0 1 3 0
$EndEntities
$Nodes
1 4 1 4
2 1 0 4
1
2
3
4
0 0 0
1 0 0
1 1 0
0 1 0
$EndNodes
$Elements
3 4 1 4
1 1 1 1
1 4 1
1 2 1 1
2 2 3
2 1 2 2
3 1 2 3
4 1 3 4
$EndElements
)";

}  // namespace ritz::mesh::test
