#include "ritz/run/mesh_report.hpp"

#include "ritz/base/log.hpp"
#include "ritz/mesh/gmsh.hpp"
#include "ritz/mesh/info.hpp"
#include "ritz/mesh/mesh.hpp"

namespace ritz::run {

int report_mesh(const comm::Communicator& communicator, const std::string& file) {
  const mesh::Mesh raw = mesh::read_gmsh(communicator, file);
  const std::vector<int> here(static_cast<std::size_t>(raw.n_cells_owned), communicator.rank());
  const mesh::Mesh mesh = mesh::distribute(raw, here, false);
  base::log::info(mesh::text(mesh::summarise(mesh)));
  return 0;
}

}  // namespace ritz::run
