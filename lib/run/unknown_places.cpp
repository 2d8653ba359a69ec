#include "unknown_places.hpp"

#include <algorithm>

namespace ritz::run {

solve::Place UnknownPlaces::operator()(LocalId unknown) {
  const mesh::Mesh& mesh = *mesh_;
  if (nodes_.empty()) nodes_ = fem::node_coordinates(mesh, *space_);
  solve::Place place;
  const auto at = 3 * static_cast<std::size_t>(unknown);
  place.at = {nodes_[at], nodes_[at + 1], nodes_[at + 2]};
  for (LocalId cell = 0; cell < mesh.n_cells_owned; ++cell) {
    const auto dofs = space_->dofs(cell);
    const auto found = std::find(dofs.begin(), dofs.end(), unknown);
    if (found == dofs.end()) continue;
    place.region = mesh.region_names[static_cast<std::size_t>(
        mesh.cell_region[static_cast<std::size_t>(cell)])];
    const int node = static_cast<int>(found - dofs.begin());
    for (const mesh::FacetInSet& entry : mesh.facet_sets) {
      if (entry.cell != cell) continue;
      const std::vector<int>& on_facet = space_->element.facet_nodes(entry.facet);
      if (std::find(on_facet.begin(), on_facet.end(), node) != on_facet.end())
        place.boundary = mesh.set_names[static_cast<std::size_t>(entry.set)];
    }
    if (!place.boundary.empty()) break;
  }
  return place;
}

}  // namespace ritz::run
