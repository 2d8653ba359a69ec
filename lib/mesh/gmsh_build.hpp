#pragma once

#include <string>
#include <vector>

#include "gmsh_nodes.hpp"
#include "gmsh_stream.hpp"
#include "ritz/mesh/mesh.hpp"

namespace ritz::mesh::gmsh {

/// What messages need to name a place in the file.
struct Origin {
  std::string path;
  bool binary = false;
};

/// One element that something is wrong with, of how many; for messages that every rank agrees on.
struct Finding {
  std::int64_t n = 0;               ///< on this rank
  std::int64_t first = INT64_MAX;   ///< order of the first one; the least over the ranks speaks
  std::int64_t tag = 0, place = 0;  ///< of the first one

  void add(std::int64_t order, std::int64_t element_tag, std::int64_t element_place);
};

/// Throws on every rank, if any rank has found something, with `message(total, tag)` at the place
/// of the first one. Collective.
template <class Message>
void refuse(const comm::Communicator& communicator, const Origin& origin, const Finding& finding,
            const Message& message) {
  const std::int64_t total = communicator.sum(finding.n);
  if (total == 0) return;
  const std::int64_t first = communicator.min(finding.first);
  const int rank = communicator.min(finding.n > 0 && finding.first == first ? communicator.rank()
                                                                            : communicator.size());
  communicator.together([&] {
    if (communicator.rank() != rank) return;
    throw error_at(origin.path, origin.binary, finding.place, message(total, finding.tag));
  });
}

/// Refuses cells that have the same vertices as another cell. Collective.
void check_duplicates(const Mesh& mesh, const ElementList& cells, const Origin& origin);

/// Makes the orientation of the cells positive: turns all of them if all are negative, refuses
/// degenerate and folded cells and cells of both orientations. Collective.
void orient(Mesh& mesh, const ElementList& cells, const Origin& origin);

/// Facet elements, on the ranks that happen to hold them, as facets of cells. Collective. Throws
/// Error(mesh) if one of them is no facet of any cell.
void match_facets(Mesh& mesh, const std::vector<ElementList>& elements,
                  const std::vector<const ElementType*>& types, const NodeHomes& homes,
                  const Layout& layout, const Origin& origin);

}  // namespace ritz::mesh::gmsh
