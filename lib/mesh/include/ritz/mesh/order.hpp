#pragma once

#include "ritz/mesh/mesh.hpp"

namespace ritz::mesh {

/// Gives the cells of a mesh of geometry order 1 the nodes of order 2, in the middle of what they
/// are inside of: the same map, whose new nodes can then be moved. Vertices keep their ids and
/// local numbers, the others are numbered as in make_lattice(mesh, 2); ghosts are treated alike,
/// and a shared node has the same bits on every rank. Collective. Throws Error(internal) on a mesh
/// of order 2 and on a periodic one, Error(memory) as make_lattice().
void raise_order(Mesh& mesh);

}  // namespace ritz::mesh
